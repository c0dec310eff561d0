"""For everyone: axe-core finds nothing in any view, light or dark; the keyboard alone does everything."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.axe import AXE, RUN
from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import NotebookFactory, set_theme


def _found(debugger: Debugger, view: str) -> list[str]:
    return [f"{view}: {found}" for found in debugger.root.evaluate(RUN)]


def _looked_at(debugger: Debugger) -> list[str]:
    """What axe-core finds in each view in turn."""
    found: list[str] = []
    debugger.select("c5")
    for tab in ("state", "diff", "tasks", "memory", "writes", "raw"):
        debugger.tab(tab)
        found += _found(debugger, tab)
    debugger.fork("c5")
    found += _found(debugger, "fork")
    debugger.page.keyboard.press("Escape")
    debugger.page.keyboard.press("v")
    debugger.page.keyboard.type("agent")
    debugger.page.keyboard.press("Enter")
    found += _found(debugger, "filter")
    debugger.page.keyboard.press("Escape")
    debugger.tree.focus()
    debugger.page.keyboard.press("Escape")
    debugger.search.fill("flight")
    expect(debugger.root.get_by_role("option").first).to_be_visible()
    found += _found(debugger, "search")
    debugger.page.keyboard.press("Escape")
    return found


def test_axe_finds_nothing_in_any_view(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("agent"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    expect(debugger.row("c20")).to_be_visible()
    page.add_script_tag(path=AXE)
    assert _looked_at(debugger) == []
    set_theme(page, dark=True)
    assert _looked_at(debugger) == []
