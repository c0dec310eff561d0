"""One version, in one place."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

import lgviz

REPO = Path(__file__).resolve().parents[1]


def test_it_is_a_release_number() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc|\.dev)\d+)?", lgviz.__version__)


def test_installed_metadata_agrees() -> None:
    try:
        installed = version("lgviz")
    except PackageNotFoundError:
        pytest.skip("lgviz runs from the source tree, it is not installed")
    assert installed == lgviz.__version__


def test_changelog_begins_with_it() -> None:
    headings = re.findall(r"^## (\S+)", (REPO / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == lgviz.__version__


def test_no_other_file_repeats_it() -> None:
    assignment = re.compile(
        rf"""version(__)?["']?\s*[:=]\s*["']{re.escape(lgviz.__version__)}["']""", re.IGNORECASE
    )
    files = [REPO / "pyproject.toml", REPO / "js" / "package.json", *(REPO / "lgviz").rglob("*.py")]
    assert [path.name for path in files if assignment.search(path.read_text(encoding="utf-8"))] == [
        "_version.py"
    ]
