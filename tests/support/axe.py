"""What axe-core finds wrong in a part of a page, for those who cannot see or point."""

from __future__ import annotations

from pathlib import Path

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async (root, options) => (await axe.run(root, {resultTypes: ["violations"], ...options})).violations.flatMap(
    (rule) => rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 160)} (${node.failureSummary.slice(0, 300)})`))"""

# Names, values, code, keys, and what Python says: all that is no word of the front end's own.
VALUES = """code, kbd, mark, option, textarea, [data-testid=lgviz-traceback], .lgviz-mono, .lgviz-code, .lgviz-node, .lgviz-who,
.lgviz-chip, .lgviz-key, .lgviz-text, .lgviz-preview, .lgviz-type, .lgviz-long, .lgviz-role, .lgviz-tool-chip, .lgviz-name,
.lgviz-message-text, .lgviz-side, .lgviz-card-who, .lgviz-card > header > b, .lgviz-card > header > b + span, .lgviz-summary,
.lgviz-time, .lgviz-next, .lgviz-graph-node, .lgviz-graph-way b, .lgviz-offer-name, .lgviz-facet-name, .lgviz-hit, .lgviz-pick > b, .lgviz-note, .lgviz-question b,
.lgviz-thread-id, .lgviz-when, .lgviz-mark, .lgviz-facts b, .lgviz-as-node .lgviz-faint, .lgviz-warning, .lgviz-hint,
.lgviz-action-said, .lgviz-question-text, .lgviz-field-error, .lgviz-problem, .lgviz-blank, .lgviz-said-text, .lgviz-live-said,
.lgviz-memory-label, .lgviz-memory-key, .lgviz-memory-summary, .lgviz-memory-where, .lgviz-memory-title, .lgviz-memory-time,
.lgviz-memory-store, .lgviz-memory-by, .lgviz-box-where, .lgviz-box-where + b, .lgviz-box-value, .lgviz-task-error,
.lgviz-head-error b, .lgviz-usage, .lgviz-run b, .lgviz-at-work b, .lgviz-tag, .lgviz-heading .lgviz-faint, .lgviz-memory-deletion p, .lgviz-box-facts [title], .lgviz-tabs i, time, .lgviz-part-tools, .lgviz-part .lgviz-mute, .lgviz-decided, .lgviz-why-line > b, .lgviz-why-error,
.lgviz-compare-parted b, .lgviz-compare-cell, .lgviz-compare .lgviz-diff-head > .lgviz-faint, .lgviz-outcome, .lgviz-heat th, .lgviz-watched > output,
.lgviz-narration b, .lgviz-present-told b, .lgviz-present-hint b, .lgviz-present-stage > b,
.lgviz-predict-text, .lgviz-predict-choice, .lgviz-predict-told"""
# What is cut off and cannot be read elsewhere, and neighbours that lie on one another.
UNFIT = f"""(root) => {{
    const found = [];
    for (const element of root.querySelectorAll("*")) {{
        const style = getComputedStyle(element);
        const box = element.getBoundingClientRect();
        // What is clipped away is there for who listens alone.
        if (box.width === 0 || style.clipPath === "inset(50%)" || element.closest(`svg, .lgviz-sr, .lgviz-topology, .lgviz-minimap`)) continue;
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
        const cut = element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0 && own;
        const told = style.textOverflow === "ellipsis" && element.closest("[title]");
        if (cut && !told && !/auto|scroll/.test(style.overflowX) && !element.closest(`{VALUES}`))
            found.push(`cut: ${{element.className}} ${{element.textContent.slice(0, 60)}}`);
        if (element.matches("dl > div, p, label") && element.scrollHeight > element.clientHeight + 4 && style.overflowY === "visible")
            found.push(`too low: ${{element.className}} ${{element.textContent.slice(0, 60)}}`);
        const children = [...element.children].filter((child) => {{
            const {{ position, display, transform }} = getComputedStyle(child);
            return position === "static" && !/^inline$|none|contents/.test(display) && transform === "none";
        }}).map((child) => [child, child.getBoundingClientRect()]).filter(([, one]) => one.width > 0 && one.height > 0);
        for (let i = 1; i < children.length; i++) {{
            const [[a, one], [b, other]] = [children[i - 1], children[i]];
            const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
            const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
            if (across > 2 && down > 4 && a.textContent && b.textContent)
                found.push(`overlap: ${{a.className}} ${{a.textContent.slice(0, 30)}} / ${{b.className}} ${{b.textContent.slice(0, 30)}}`);
        }}
    }}
    return found;
}}"""
