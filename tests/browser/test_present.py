"""A thread shown to others, in a real JupyterLab: it fills the window, goes by the space bar, and runs only what it said."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import NotebookFactory

WAITING = """
config = {"configurable": {"thread_id": "1"}}
c2 = next(state for state in graph.get_state_history(config) if state.next == ("node_b",))
made = graph.update_state(c2.config, {"foo": "x", "bar": ["y"]}, as_node="node_a")
"""
"""A head at which ``node_b`` is still to run."""


def presented(page: Page) -> Locator:
    debugger = Debugger(page)
    debugger.tree.press("p")
    present = debugger.root.get_by_test_id("lgviz-present")
    expect(present).to_be_focused()
    return present


def at(present: Locator, label: str) -> None:
    expect(present.locator(".lgviz-checkpoint")).to_have_text(label)


def test_it_fills_the_window_and_walks_the_branch_by_keys(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("two_nodes"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    debugger.select("c3")
    present = presented(page)
    size = page.viewport_size or {}
    assert present.bounding_box() == {"x": 0, "y": 0, **size}
    at(present, "c3")
    told = present.locator(".lgviz-present-told")
    expect(told).to_contain_text("node_b ran after node_a: an edge leads there.")
    expect(told).to_contain_text('["b"] to bar, whose reducer operator.add appended it: 2 items now.')
    lit = present.locator('[data-testid="lgviz-topology-node"][data-ran="true"]')
    expect(lit).to_have_attribute("data-node", "node_b")
    expect(present.locator('.lgviz-card[data-channel="bar"]')).to_contain_text('"b"')
    hint = present.get_by_test_id("lgviz-present-hint")
    expect(hint).to_have_text("This branch ends here")
    for key, label in (("Shift+Space", "c2"), ("ArrowLeft", "c1"), ("Space", "c2"), ("PageDown", "c3"),
                       ("Space", "c3"), ("Home", "c0"), ("End", "c3"), ("PageUp", "c2")):  # fmt: skip
        page.keyboard.press(key)
        at(present, label)
    expect(lit).to_have_attribute("data-node", "node_a")
    expect(present.locator('[data-testid="lgviz-topology-node"][data-next="true"]')).to_have_attribute(
        "data-node", "node_b"
    )
    # What is behind cannot be reached.
    page.keyboard.press("f")
    expect(debugger.root.get_by_text("Fork at", exact=False)).to_have_count(0)
    expect(debugger.row("c2")).not_to_be_visible()
    page.keyboard.press("Escape")
    expect(present).to_have_count(0)
    expect(debugger.row("c2")).to_have_attribute("aria-selected", "true")
    expect(debugger.tree).to_be_focused()
    assert (debugger.root.bounding_box() or {})["width"] < size["width"]


def test_at_the_head_it_says_what_runs_and_then_runs_it(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("two_nodes"), WAITING, "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    expect(debugger.row("c6")).to_have_attribute("aria-selected", "true")
    rows = debugger.root.get_by_test_id("lgviz-row")
    present = presented(page)
    at(present, "c6")
    hint = present.get_by_test_id("lgviz-present-hint")
    expect(hint).to_have_text("The branch ends here. Space asks to run node_b")
    page.keyboard.press("Space")
    expect(hint).to_have_text("Space runs node_b now, Esc does not")
    page.keyboard.press("Escape")
    expect(hint).to_have_attribute("data-ahead", "run")
    expect(rows).to_have_count(7)
    page.keyboard.press("Space")
    expect(hint).to_have_attribute("data-ahead", "offered")
    page.keyboard.press("Space")
    at(present, "c7")
    expect(present).to_contain_text('It wrote "b" to foo, which has no reducer, so "x" was replaced')
    expect(hint).to_have_text("This branch ends here")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+Space")
    at(present, "c6")
    expect(hint).to_have_text("Space goes on to c7")
    expect(rows).to_have_count(8)


def test_what_waits_for_an_answer_is_not_run(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("approval"), "%lgviz graph --thread 1"])
    present = presented(page)
    at(present, "c9")
    expect(present.get_by_test_id("lgviz-present-hint")).to_have_text(
        "It waits for an answer: leave by Esc to give it"
    )
    page.keyboard.press("Space")
    page.keyboard.press("Space")
    at(present, "c9")
    expect(present).to_contain_text("When that is answered, review begins again from its first line.")


def test_it_fits_a_narrow_window_and_keeps_still_for_who_asks(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("agent"), "%lgviz {file} --thread 1"])
    page.emulate_media(reduced_motion="reduce")
    present = presented(page)
    at(present, "c20")
    expect(present.locator(".lgviz-present-stage")).to_have_text("agent")  # no graph is known of a file
    for width, height in ((420, 800), (1024, 480), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        wide = present.evaluate("(box) => [box, ...box.querySelectorAll('.lgviz-present-words, header, footer')]"
                                ".filter((one) => one.scrollWidth > one.clientWidth + 1).length")  # fmt: skip
        assert wide == 0, width
        assert present.bounding_box() == {"x": 0, "y": 0, "width": width, "height": height}
    moving = present.evaluate(
        "(box) => getComputedStyle(box.querySelector('.lgviz-present-told')).animationName"
    )
    assert moving == "none"
