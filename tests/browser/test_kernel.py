"""A debugger and its kernel: at work, restarted, dead, out of reach; and what a saved notebook keeps of it."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from lab_server import Lab
from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import (
    NotebookFactory,
    add_cell,
    evaluate,
    output,
    restart_kernel,
    run_all,
    save,
    wait_for_kernel,
)

SHOW = "%lgviz graph --thread 1"
MANAGER = "@jupyter-widgets/jupyterlab-manager/plugin.jupyterlab-settings"
SLOW = """
import threading
from langgraph.graph import END, START, StateGraph

def slow(state: dict) -> dict:
    threading.Event().wait(60)
    return {}

graph = StateGraph(dict).add_node(slow).add_edge(START, "slow").compile(checkpointer=saver, interrupt_before=["slow"])
graph.invoke({"a": 1}, {"configurable": {"thread_id": "1"}})
"""
AT_WORK = """
import pathlib, threading
print("at work")
while not pathlib.Path("go").exists():
    threading.Event().wait(0.05)
print("ended")
"""
WATCH = """() => {
  window.seen = {};
  const rows = () => document.querySelectorAll('[data-testid="lgviz-row"]').length === 21;
  const work = () => [...document.querySelectorAll(".jp-OutputArea-output pre")].some((pre) => /^at work/.test(pre.innerText));
  const look = () => {
    if (rows()) window.seen.rows ??= performance.now();
    if (work()) window.seen.work ??= performance.now();
    if (!window.seen.rows || !window.seen.work) requestAnimationFrame(look);
  };
  look();
}"""
"""When, by the page's clock, all rows are there, and when the next cell is known to be at work."""
OLD_STYLE = ".lgviz-row { outline: 9px solid rgb(1, 2, 3); }"


def test_rows_are_there_while_a_later_cell_is_at_work(notebook: NotebookFactory, lab: Lab) -> None:
    page = notebook([SETUP, seeded("agent"), SHOW, AT_WORK], run=False)
    evaluate(page, WATCH)
    evaluate(page, "async () => void (window.allRun = jupyterapp.commands.execute('notebook:run-all-cells'))")
    debugger = Debugger(page)
    expect(debugger.row("c20")).to_have_attribute("aria-selected", "true", timeout=60_000)
    expect(debugger.root.get_by_test_id("lgviz-row")).to_have_count(21)
    expect(debugger.tab("state")).to_contain_text("LX2087 fits best")
    seen = page.evaluate("() => window.seen")
    assert seen["rows"] - seen["work"] < 2_000, "milliseconds behind a cell that goes on for long"
    assert page.get_by_text("at work ended", exact=True).count() == 0
    (lab.root / "go").touch()
    output(page, "at work ended")
    debugger.select("c5")
    expect(debugger.tab("state")).to_contain_text("search_flights")
    expect(debugger.root.get_by_test_id("lgviz-row")).to_have_count(21)


def test_a_saved_notebook_keeps_little_of_a_debugger(notebook: NotebookFactory, lab: Lab) -> None:
    lab.set(MANAGER, {"saveState": True})
    try:
        page = notebook([SETUP, seeded("agent"), "dbg = lgviz.debug(graph, '1')\ndbg", SHOW, SHOW])
        for number in range(3):
            expect(Debugger(page, number).row("c20")).to_be_visible()
        save(page)
        book = json.loads(_file(page, lab).read_text())
    finally:
        lab.set(MANAGER, {})
    [state] = book["metadata"]["widgets"].values()
    models = [model["state"] for model in state["state"].values()]
    debuggers = [model for model in models if model.get("_anywidget_id") == "lgviz.widget.Debugger"]
    assert len(debuggers) == 3
    assert len(json.dumps(state)) / 3 < 4_000, "bytes a debugger"
    page.reload()
    wait_for_kernel(page)
    for number in range(3):
        expect(Debugger(page, number).row("c20")).to_be_visible()
    save(page)
    restart_kernel(page)
    page.reload()
    wait_for_kernel(page)
    # Without its kernel a debugger of a saved notebook leaves the place to its static view.
    expect(page.locator("[data-lgviz-static]").first).to_be_visible()
    run_all(page)
    expect(Debugger(page, 2).row("c20")).to_be_visible()


def test_a_kernel_that_is_restarted_is_gone_at_once(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("agent"), SHOW])
    debugger = Debugger(page)
    debugger.select("c5")
    expect(debugger.tab("state")).to_contain_text("search_flights")
    expect(debugger.root.get_by_role("status").get_by_text("live", exact=True)).to_be_visible()
    restart_kernel(page)
    gone = debugger.root.get_by_test_id("lgviz-kernel-gone")
    expect(gone).to_have_text("The kernel was restarted: run the cell again to go on.")
    expect(debugger.root.get_by_text("live", exact=True)).to_have_count(0)
    expect(debugger.inspector).to_contain_text("search_flights")
    for act in ("lgviz-fork-open", "lgviz-run-here"):
        expect(debugger.root.get_by_test_id(act)).to_have_attribute("aria-disabled", "true")
    debugger.row("c2").click()
    expect(debugger.error).to_have_text("This was not loaded: it needs the kernel.")
    debugger.select("c5")
    expect(debugger.inspector).to_contain_text("search_flights")
    debugger.search.fill("flight")
    expect(debugger.root.get_by_text("A search needs the kernel.")).to_be_visible()
    page.keyboard.press("Escape")
    run_all(page)
    expect(gone).to_have_count(0)
    expect(Debugger(page).row("c20")).to_be_visible()


def test_a_kernel_that_dies_while_it_runs_is_gone(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, SLOW, SHOW])
    debugger = Debugger(page)
    debugger.root.get_by_test_id("lgviz-run-here").click()
    expect(debugger.root.get_by_test_id("lgviz-stop")).to_be_visible()
    page.evaluate(
        """async () => {
            const { kernel } = jupyterapp.shell.currentWidget.sessionContext.session;
            kernel.requestExecute({ code: "import os, signal; os.kill(os.getpid(), signal.SIGKILL)" });
        }"""
    )
    # JupyterLab says that it died, or only that it was restarted, whichever it hears of first.
    expect(debugger.root.get_by_test_id("lgviz-kernel-gone")).to_contain_text(
        "restarted: run the cell again to go on.", timeout=60_000
    )
    expect(debugger.root.get_by_test_id("lgviz-stop")).to_have_count(0)
    # What the run had just stored may not be loaded yet; nothing else is said of it.
    assert set(debugger.error.all_inner_texts()) <= {"This was not loaded: it needs the kernel."}
    # It ran from c1, which is loaded. A dialog of JupyterLab may lie over the row.
    debugger.row("c1").dispatch_event("click")
    expect(debugger.error).to_have_count(0)


def test_the_style_of_another_version_changes_nothing(notebook: NotebookFactory, lab: Lab) -> None:
    page = notebook([SETUP, seeded("two_nodes"), SHOW])
    debugger = Debugger(page)
    expect(debugger.row("c5")).to_be_visible()
    # As anywidget puts it there for a widget that a notebook kept from an earlier version, before and after.
    page.evaluate(
        """css => {
            const style = Object.assign(document.createElement("style"), { id: "lgviz.widget.Debugger" });
            document.head.append(style);
            style.textContent = css;
            const old = document.body.appendChild(document.createElement("div"));
            old.className = "lgviz-row is-of-old";
        }""",
        OLD_STYLE,
    )
    color = "element => getComputedStyle(element).outlineColor"
    expect(page.locator(".is-of-old")).to_have_css("outline-color", "rgb(1, 2, 3)")
    assert debugger.row("c5").evaluate(color) != "rgb(1, 2, 3)"
    add_cell(page, SHOW)
    again = Debugger(page, 1)
    expect(again.row("c5")).to_be_visible()
    assert again.row("c5").evaluate(color) != "rgb(1, 2, 3)"
    page.evaluate(
        "css => { document.getElementById('lgviz.widget.Debugger').textContent = css + ' '; }", OLD_STYLE
    )
    assert again.row("c5").evaluate(color) != "rgb(1, 2, 3)"
    # Nor does that of a later one: a display takes the style that bears its stamp.
    page.evaluate("document.querySelector('[data-lgviz]').dataset.lgviz = 'another'")
    assert debugger.root.evaluate("element => getComputedStyle(element).containerName") == "none"
    assert again.root.evaluate("element => getComputedStyle(element).containerName") == "lgviz"


def _file(page: Page, lab: Lab) -> Path:
    return lab.root / evaluate(page, "async () => jupyterapp.shell.currentWidget.context.path")
