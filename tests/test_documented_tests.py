"""The tests and notebooks that docs/COVERAGE.md names are there."""

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


def test_each_section_of_the_documents_has_its_notebook_and_its_test() -> None:
    text = (REPO / "docs" / "COVERAGE.md").read_text(encoding="utf-8")
    course = text.partition("\n## The course\n")[2].partition("\n## ")[0]
    rows = [line for line in course.splitlines() if line.startswith("| ") and "`" in line]
    assert len(rows) > 20
    told = set()
    for row in rows:
        _, _, notebooks, tests, _ = row.split("|")
        assert (names := re.findall(r"`(\d\d_\w+)`", notebooks)), row
        assert (named := re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", tests)), row
        told |= set(names)
        for path, function in named:
            assert f"def {function or 'test_'}" in (REPO / path).read_text(encoding="utf-8"), (path, function)
    there = {path.stem for path in (REPO / "notebooks").glob("*.ipynb")}
    assert told <= there
