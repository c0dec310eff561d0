"""The documentation site: it builds without a warning, holds every notebook and name, and asks no other host."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import lgviz

REPO = Path(__file__).resolve().parents[2]
FETCHED = re.compile(
    r"<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)=\"?(https?:)?//[^\">\s]+|@import[^;]*//"
)


@pytest.mark.upstream
def test_the_site_is_built_and_whole() -> None:
    made = subprocess.run(["make", "docs"], cwd=REPO, capture_output=True, text=True, timeout=280)
    assert made.returncode == 0, made.stdout + made.stderr
    site = REPO / ".site"
    pages = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    assert [path.name for path, page in pages.items() if FETCHED.search(page)] == []
    named = {path.stem for path in (REPO / "notebooks").glob("*.ipynb")}
    assert named and named <= {path.stem for path in (site / "notebooks").glob("*.html")}
    assert "lg-output" in pages[site / "notebooks" / "00_tour.html"]
    api = pages[site / "docs" / "api" / "lgviz.html"]
    assert [name for name in lgviz.__all__ if f'id="lgviz.{name}"' not in api] == ["errors", "learn"]
