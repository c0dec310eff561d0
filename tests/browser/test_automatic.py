"""``%lgviz on`` in JupyterLab: under which cell debuggers appear."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.lab import NotebookFactory, add_cell, output

SETUP = """
%load_ext lgviz
%lgviz on
import threading
from lgviz.demos import two_nodes
from lgviz.persistence import MemorySaver
graph, other = two_nodes.build(MemorySaver()), two_nodes.build(MemorySaver())
def on(thread): return {"configurable": {"thread_id": thread}}
given = {"foo": "", "bar": []}
"""


def test_the_debugger_of_what_ran_appears_under_its_cell(notebook: NotebookFactory) -> None:
    page = notebook(
        [SETUP, "_ = graph.invoke(given, on('1'))", "_ = await graph.ainvoke(given, on('1'))\n1 / 0"]
    )
    cells = page.locator(".jp-CodeCell")
    expect(page.get_by_test_id("lgviz-root")).to_have_count(2)
    expect(cells.nth(0).get_by_test_id("lgviz-root")).to_have_count(0)
    expect(cells.nth(1).get_by_test_id("lgviz-row").and_(page.locator("[data-label=c3]"))).to_be_visible()
    expect(cells.nth(2).get_by_text("ZeroDivisionError").first).to_be_visible()  # and under it
    expect(cells.nth(2).get_by_test_id("lgviz-row").and_(page.locator("[data-label=c7]"))).to_be_visible()
    late = "threading.Thread(target=lambda: (go.wait(), other.invoke(given, on('late')))).start()"
    after = "get_ipython().events.register('post_run_cell', lambda _: go.set())"
    add_cell(page, f"go = threading.Event()\n{late}\n{after}")
    expect(page.get_by_test_id("lgviz-root")).to_have_count(3)  # begun when the cell was over
    add_cell(page, "%lgviz off\n_ = graph.invoke(given, on('1'))\nprint('is off')")
    output(page, "is off")
    expect(page.get_by_test_id("lgviz-root")).to_have_count(3)
