"""Threads of their own in a real JupyterLab: a fork into one, and the way back."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.debugger_page import SETUP, Debugger
from tests.support.lab import NotebookFactory, add_cell, output

SEEDED = """
from lgviz.persistence import MemorySaver
from lgviz.demos import two_nodes
graph = two_nodes.build(MemorySaver())
two_nodes.seed(graph, thread_id="a")
"""


def test_a_fork_becomes_a_thread_of_its_own(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, SEEDED, "%lgviz graph --thread a"])
    debugger = Debugger(page)
    debugger.fork("c2")
    debugger.write("foo", '"new"')
    debugger.as_node("node_a")
    debugger.root.get_by_role("checkbox", name="as a new thread").check()
    name = debugger.root.get_by_role("textbox", name="Name of the new thread")
    expect(name).to_have_value("a-c2")
    name.fill("a")
    debugger.commit()
    expect(debugger.root.get_by_text("Thread 'a' has checkpoints already.")).to_be_visible()
    name.fill("b")
    expect(debugger.next).to_contain_text("node_b")
    debugger.commit(run=True)
    picker = debugger.root.get_by_test_id("lgviz-thread-picker")
    expect(picker).to_contain_text("b")
    expect(debugger.row("c4")).to_contain_text("node_b")
    origin = debugger.root.get_by_test_id("lgviz-thread-origin")
    expect(origin).to_have_text("from thread a at c2")
    origin.get_by_role("button", name="a", exact=True).click()
    expect(debugger.row("c5")).to_be_visible()
    expect(debugger.row("c2")).to_have_attribute("aria-selected", "true")
    left = debugger.root.get_by_test_id("lgviz-thread-forks")
    expect(left).to_have_text("1 thread left here: b")
    left.get_by_role("button", name="b", exact=True).click()
    expect(debugger.row("c4")).to_be_visible()
    add_cell(
        page, "h = lgviz.history(graph, 'b'); print(len(h), h.latest.values, h.lineage.origin.thread_id)"
    )
    output(page, "5 {'foo': 'b', 'bar': ['a', 'b']} a")
