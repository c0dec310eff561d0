"""What axe-core finds wrong in a part of a page, for those who cannot see or point."""

from __future__ import annotations

from pathlib import Path

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async (root, options) => (await axe.run(root, {resultTypes: ["violations"], ...options})).violations.flatMap(
    (rule) => rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 160)} (${node.failureSummary.slice(0, 300)})`))"""
