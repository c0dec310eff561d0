"""The Why tab in a real JupyterLab: the reason in a line, what waits, the way drawn, and a click to where it came from."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import NotebookFactory


def cause(debugger: Debugger, node: str) -> Locator:
    return debugger.inspector.get_by_test_id("lgviz-cause").filter(
        has=debugger.page.get_by_text(node, exact=True)
    )


def test_each_node_tells_what_led_to_it_and_goes_there(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("fan_out"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    debugger.select("c9")
    tab = debugger.root.get_by_test_id("lgviz-tab-why")
    expect(tab).to_have_text("Why join")
    panel = debugger.tab("why")
    expect(panel).to_contain_text("join of")
    way = panel.locator("g.is-taken")
    expect(way).to_have_count(3)
    assert {g.get_attribute("data-target") for g in way.all()} == {"report"}
    cause(debugger, "report").get_by_role("button", name="Go to c8").first.click()
    expect(debugger.row("c8")).to_have_attribute("aria-selected", "true")
    expect(tab).to_have_text("Why 3 tasks")
    expect(cause(debugger, "traffic").locator("p").first).to_have_text("edge from plan c7")
    debugger.select("c2")
    failed = debugger.inspector.locator('[data-testid="lgviz-cause"][data-via="error"]')
    expect(failed).to_contain_text("ConnectionError")
    # Where the graph is drawn above the tabs, it is drawn once.
    debugger.root.get_by_role("button", name="Graph").first.click()
    debugger.select("c9")
    expect(debugger.inspector.locator(".lgviz-topology")).to_have_count(1)
    expect(debugger.inspector.locator("g.is-taken")).to_have_count(3)
    debugger.tab("state")
    expect(debugger.inspector.locator("g.is-taken")).to_have_count(0)


def test_a_node_that_asked_tells_how_often_its_beginning_ran(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("approval"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    debugger.select("c3")
    debugger.tab("why")
    expect(cause(debugger, "review")).to_contain_text("its first 3 lines ran 2 times")
    debugger.select("c9")
    waiting = debugger.inspector.locator('[data-testid="lgviz-cause"][data-via="answer"]')
    expect(waiting).to_contain_text("so far its first 3 lines ran once")


def test_without_a_graph_it_says_what_is_not_certain(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("two_nodes"), "%lgviz {file} --thread 1"])
    debugger = Debugger(page)
    debugger.select("c3")
    expect(debugger.tab("why")).to_contain_text("after node_a c2 · how it led here, only the graph tells")
    expect(debugger.inspector.locator(".lgviz-topology")).to_have_count(0)
