"""A run at work in a real JupyterLab: what its model says is seen before it ends, and its node is lit."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.support.cells import STREAMING
from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import NotebookFactory, add_cell, output


def test_what_a_run_says_is_seen_while_it_says_it(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, STREAMING, "lgviz.debug(graph, '1', prices={'scripted-1': (2.0, 8.0)})"])
    debugger = Debugger(page)
    debugger.select("c0")
    debugger.root.get_by_role("button", name="Graph", exact=True).click()
    debugger.root.get_by_test_id("lgviz-run-here").click()
    row = debugger.root.get_by_test_id("lgviz-live-row")
    expect(row).to_contain_text("Your policy allows business above six hours, so in the")
    expect(row).to_contain_text("agent")
    expect(row).to_contain_text("at work")
    lit = debugger.root.locator('[data-testid="lgviz-topology-node"][data-running="true"]')
    expect(lit).to_have_attribute("data-node", "agent")
    task = debugger.root.get_by_test_id("lgviz-live-task")
    expect(task).to_contain_text("so in the")
    expect(task).to_contain_text("progress")
    expect(debugger.root.locator('[data-testid="lgviz-run"][data-status="running"]')).to_be_visible()
    add_cell(page, "print('opened', gate.set())")
    output(page, "opened None")
    expect(debugger.root.locator('[data-testid="lgviz-run"][data-status="done"]')).to_be_visible()
    expect(row).to_have_count(0)
    tool = debugger.root.locator('[data-testid="lgviz-row"]', has_text="tool").first
    tool.click()
    expect(debugger.inspector.get_by_test_id("lgviz-usage").first).to_have_text(
        "1,840 tokens · scripted-1 · cost 0.0057"
    )
    expect(debugger.tab("writes").get_by_test_id("lgviz-usage").first).to_contain_text("1,840 tokens")


LONG = "for n in range(60):\n    graph.invoke({'foo': str(n), 'bar': []}, {'configurable': {'thread_id': 'long'}})"
ELSEWHERE = """
import subprocess, sys
writer = subprocess.Popen([sys.executable, "-c", '''
import sys
from langgraph.checkpoint.sqlite import SqliteSaver
from lgviz.demos import two_nodes
with SqliteSaver.from_conn_string(sys.argv[1]) as saver:
    two_nodes.build(saver).invoke({"foo": "new", "bar": []}, {"configurable": {"thread_id": "long"}})
''', str(file)])
"""
FROM_TOP = "(row, tree) => row.getBoundingClientRect().top - tree.getBoundingClientRect().top"


def state_of(debugger: Debugger) -> str:
    """What the inspector shows, but for how often a value changed in all, which grows."""
    return re.sub(r"\d+ changes", "", debugger.inspector.inner_text())


def test_what_another_process_writes_comes_in_and_nothing_else_moves(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("two_nodes"), LONG, "%lgviz {file} --thread long"])
    debugger = Debugger(page)
    debugger.tree.evaluate("tree => { tree.scrollTop = 1500; }")
    label = "c185"  # in sight there: the newest of 240 rows is on top
    debugger.select(label)
    tree = debugger.tree.element_handle()
    before = debugger.row(label).evaluate(FROM_TOP, tree)
    shown = state_of(debugger)
    rows = debugger.tree.evaluate("tree => tree.scrollHeight")
    add_cell(page, ELSEWHERE)
    page.wait_for_function("([tree, rows]) => tree.scrollHeight > rows", arg=[tree, rows])
    expect(debugger.row(label)).to_have_attribute("aria-selected", "true")
    assert debugger.row(label).evaluate(FROM_TOP, tree) == before
    assert state_of(debugger) == shown
    debugger.tree.evaluate("tree => { tree.scrollTop = 0; }")
    expect(debugger.row("c243")).to_contain_text("node_b")
