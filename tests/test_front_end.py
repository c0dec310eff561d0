"""The front end keeps its house: a header in each file, styles beside their components, one prefix of classes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[1] / "js" / "src"
FILES = sorted(path for path in SRC.rglob("*") if path.suffix in {".ts", ".tsx", ".css"})
SHEETS = [path for path in FILES if path.suffix == ".css" and path.name != "style.css"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SRC).as_posix())
def test_the_first_line_says_what_the_file_is_for(path: Path) -> None:
    first = path.read_text(encoding="utf-8").split("\n", 1)[0]
    assert re.fullmatch(r"/\* \S.*|// \S.*", first), first


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.relative_to(SRC).as_posix())
def test_every_rule_is_about_a_class_of_ours(path: Path) -> None:
    rules = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.S)
    selectors = [s.strip() for s in re.findall(r"([^{}]+)\{", rules) if not s.strip().startswith("@")]
    frames = {"from", "to"} | {s for s in selectors if s.endswith("%")}
    for selector in selectors:
        classes = re.findall(r"\.([A-Za-z][\w-]*)", selector)
        assert all(re.fullmatch(r"lgviz(-.*)?|is-.*", name) for name in classes), selector
        assert selector in frames or classes, selector


def test_the_order_of_the_cascade_names_every_stylesheet_once() -> None:
    order = re.findall(r'@import "\./(.*?)";', (SRC / "style.css").read_text(encoding="utf-8"))
    assert sorted(order) == [path.relative_to(SRC).as_posix() for path in SHEETS]
