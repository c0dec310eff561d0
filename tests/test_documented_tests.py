"""The tests that docs/COVERAGE.md names are there."""

from __future__ import annotations

import re
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]


def test_each_row_of_what_the_documents_name_has_its_test() -> None:
    text = (REPO / "docs" / "COVERAGE.md").read_text(encoding="utf-8")
    rows = [line for line in text.partition("\n## ")[0].splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 15
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row.split("|")[3])
        assert named, row
        for path, function in named:
            assert f"def {function or 'test_'}" in (REPO / path).read_text(encoding="utf-8"), (path, function)
