"""docs/CHECKS.md names every kind of finding that there is, and none besides."""

from __future__ import annotations

import re
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]


def test_each_code_is_documented() -> None:
    page = (REPO / "docs" / "CHECKS.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    sources = "".join(path.read_text(encoding="utf-8") for path in (REPO / "lgviz" / "checking").glob("*.py"))
    made = set(re.findall(r"\bFinding\(\s*\"([a-z-]+)\"", sources)) | set(
        re.findall(r"\"(value-[a-z-]+)\"", sources)
    )
    assert len(made) > 15
    assert {code for row in rows for code in re.findall(r"`([\w-]+)`", row)} == made
