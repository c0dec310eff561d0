"""Links of the repository's pages and notebooks lead to files and headings that are there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

REPO = Path(__file__).resolve().parents[1]
PAGES = [*REPO.glob("*.md"), *(REPO / "docs").rglob("*.md"), *(REPO / "notebooks").glob("*.ipynb")]
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")


def text_of(path: Path) -> str:
    """A page's Markdown without its code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return FENCED.sub("", text)


def anchors(path: Path) -> set[str]:
    """The headings of a page, as GitHub names them, and the names that it gives itself."""
    text = text_of(path)
    headings = re.findall(r"^#+\s+(.+?)\s*#*$", text, re.MULTILINE)
    named = [
        re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "]", one).lower()).replace(" ", "-")
        for one in headings
    ]
    return {*named, *re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text)}


def links(path: Path) -> Iterator[str]:
    for target in LINK.findall(re.sub(r"`[^`\n]*`", "", text_of(path))):
        if not re.match(r"[a-z]+:", target):
            yield unquote(target)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(REPO).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    wrong = []
    for link in links(path):
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if (
            not target.exists()
            or not target.is_relative_to(REPO)
            or (anchor and target.suffix in (".md", ".ipynb") and anchor not in anchors(target))
        ):
            wrong.append(link)
    assert wrong == []


def test_the_site_names_each_page() -> None:
    named = re.findall(r"^ +- (\S+\.md)$", (REPO / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    pages = {path.relative_to(REPO).as_posix() for path in PAGES if path.suffix == ".md"}
    assert sorted(named) == sorted(pages)


def test_links_are_found() -> None:
    assert sum(1 for path in PAGES for _ in links(path)) > 40
    assert "a-command-more" in anchors(REPO / "docs" / "TERMINAL.md")
