"""A sweep in a real JupyterLab: a bar says how far it is, and the kernel's stop button gives what there is."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.support.debugger_page import SETUP
from tests.support.lab import NotebookFactory, command, evaluate, wait_for_kernel

LONG = """
import threading
from langgraph.graph import START, StateGraph

def work(state):
    if state["n"] == 2:
        threading.Event().wait(60)
    return {"n": state["n"] * 10}

looped = StateGraph(dict).add_node(work).add_edge(START, "work").compile(checkpointer=saver)
looped.invoke({"n": 1}, {"configurable": {"thread_id": "loop"}})
"""
RUN = """
found = lgviz.sweep(looped, "c1", [{"n": 5}, {"n": 2}, {"n": 7}], as_node="__start__", thread_id="loop")
print(found)
"""


def test_a_sweep_is_stopped_with_what_it_has(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, LONG])
    evaluate(
        page,
        """async (source) => {
            const { content } = jupyterapp.shell.currentWidget;
            content.model.sharedModel.addCell({ cell_type: 'code', source });
            content.activeCellIndex = content.model.cells.length - 1;
            jupyterapp.commands.execute('notebook:run-cell');  // it goes on meanwhile
        }""",
        RUN,
    )
    expect(page.get_by_text("1/3")).to_be_visible()
    command(page, "notebook:interrupt-kernel")
    wait_for_kernel(page)
    shown = page.locator(".jp-OutputArea-output").last
    expect(shown).to_contain_text("Sweep of 1 case, 1 run: 1 done; 0 tasks served, 1 ran (stopped early)")


BARS = """
from lgviz.transfer.progress import progress_bar

with progress_bar("kept") as told:
    told(2, 2)
lgviz.sweep(looped, "c1", [{"n": 5}, {"n": 7}], as_node="__start__", thread_id="loop");
"""


def test_of_a_bar_that_is_over_no_widget_is_left(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, LONG, BARS])
    left = evaluate(
        page,
        """async () => jupyterapp.shell.currentWidget.content.model.cells.get(2).outputs.toJSON()
            .map((output) => output.data)""",
    )
    assert [list(data) for data in left] == [["text/plain"], []]
    assert left[0]["text/plain"].startswith("kept: 100%")
    shown = page.locator(".jp-Cell").nth(2).locator(".jp-OutputArea-output")
    expect(shown).to_have_text(re.compile(r"kept: 100%.*2/2"))
