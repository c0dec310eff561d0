"""Plots in a real JupyterLab: a click on a part of one selects its checkpoint in the debugger beside it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import NotebookFactory

SHOWN = "dbg = lgviz.debug(graph, '1', height=240)\ndbg"


def click_bar(page: Page, number: int) -> None:
    """Bars have no element that takes a click: plotly finds them by the place of the mouse."""
    bar = page.locator(".js-plotly-plot .bars .point path").nth(number)
    expect(bar).to_be_visible()
    bar.scroll_into_view_if_needed()
    place = bar.bounding_box()
    assert place is not None
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.mouse.move(x - 1, y - 1)
    page.mouse.move(x, y)
    expect(page.locator(".js-plotly-plot .hoverlayer .hovertext").first).to_be_visible()
    page.mouse.click(x, y)


def test_a_click_in_a_plot_selects_in_the_debugger(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("agent"), SHOWN, 'dbg.plot("bytes")'])
    debugger = Debugger(page)
    expect(debugger.row("c20")).to_have_attribute("aria-selected", "true")
    click_bar(page, 7)
    expect(debugger.row("c7")).to_have_attribute("aria-selected", "true")
    click_bar(page, 12)
    expect(debugger.row("c12")).to_have_attribute("aria-selected", "true")
