"""The tests and notebooks that docs/COVERAGE.md names are there."""

from __future__ import annotations

import re
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
TEXT = (REPO / "docs" / "COVERAGE.md").read_text(encoding="utf-8")


def held(row: str, cell: str) -> None:
    """The tests that a cell of a row names are there, and there is one."""
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", cell)
    assert named, row
    for path, function in named:
        assert f"def {function or 'test_'}" in (REPO / path).read_text(encoding="utf-8"), (path, function)


def test_each_row_of_what_the_documents_name_has_its_test() -> None:
    rows = [line for line in TEXT.partition("\n## ")[0].splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 15
    for row in rows:
        held(row, row.split("|")[3])


def test_each_section_of_the_documents_has_its_notebook_and_its_test() -> None:
    course = TEXT.partition("\n## The course\n")[2].partition("\n## ")[0]
    rows = [line for line in course.splitlines() if line.startswith("| ") and "`" in line]
    assert len(rows) > 20
    there = {path.stem for path in (REPO / "notebooks").glob("*.ipynb")}
    for row in rows:
        _, _, notebooks, tests, _ = row.split("|")
        names = set(re.findall(r"`(\d\d_\w+)`", notebooks))
        assert names, row
        assert names <= there
        held(row, tests)
