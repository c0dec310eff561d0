"""Expressions that are watched in a real JupyterLab: values in the rows, a sparkline that selects."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import NotebookFactory


def _watch(debugger: Debugger, expression: str) -> None:
    debugger.root.get_by_test_id("lgviz-watch-open").click()
    field = debugger.root.get_by_test_id("lgviz-watch")
    expect(field).to_be_focused()
    field.fill(expression)
    field.press("Enter")


def test_an_expression_is_watched_over_all_checkpoints(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("agent"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    root = debugger.root
    lines = root.get_by_test_id("lgviz-watched")
    debugger.select("c20")
    _watch(debugger, "len(messages)")
    expect(debugger.row("c20").locator(".lgviz-row-watched")).to_have_text("8")
    expect(debugger.row("c1").locator(".lgviz-row-watched")).to_have_text("1")
    expect(lines.locator("output")).to_have_text("8")

    # A click on the line selects the checkpoint there, along the branch of the selection.
    spark = root.get_by_test_id("lgviz-sparkline")
    slider = spark.get_by_role("slider")
    expect(slider).to_have_attribute("aria-label", "len(messages) along this branch: 0 to 8")
    box = spark.bounding_box()
    assert box is not None
    spark.click(position={"x": box["width"] * 5 / 9, "y": box["height"] / 2})
    expect(debugger.row("c5")).to_have_attribute("aria-selected", "true")
    expect(lines.locator("output")).to_have_text("5")
    slider.press("ArrowRight")
    expect(debugger.row("c17")).to_have_attribute("aria-selected", "true")

    # What cannot be evaluated says so in place, and what was typed can be taken away again.
    _watch(debugger, "len(mesages)")
    expect(lines.nth(1).get_by_role("alert")).to_contain_text("'mesages' is neither c, values, a channel")
    lines.nth(1).get_by_role("button", name="Watch len(mesages) no more").click()
    expect(lines).to_have_count(1)

    # New checkpoints have their value by themselves.
    debugger.fork("c5")
    debugger.write("plan", "go by train")
    debugger.as_node("tools")
    debugger.commit()
    expect(debugger.row("c21").locator(".lgviz-row-watched")).to_have_text("5")
    lines.get_by_role("button", name="Watch len(messages) no more").click()
    expect(root.locator(".lgviz-row-watched")).to_have_count(0)
