"""A debugger and its kernel: at work, restarted, dead, out of reach; and what a saved notebook keeps of it."""

from __future__ import annotations

import json
import time
from pathlib import Path

from playwright.sync_api import Page, expect

from lab_server import Lab
from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import (
    NotebookFactory,
    add_cell,
    command,
    evaluate,
    output,
    restart_kernel,
    run_all,
    save,
    wait_for_kernel,
)

SHOW = "%lgviz graph --thread 1"


def test_rows_are_there_while_a_later_cell_is_at_work(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("agent"), SHOW, "import time; time.sleep(12); print('ended')"], run=False)
    command(page, "notebook:run-cell-and-select-next")
    command(page, "notebook:run-cell-and-select-next")
    page.evaluate("() => void jupyterapp.commands.execute('notebook:run-all-below')")
    begun = time.monotonic()
    debugger = Debugger(page)
    expect(debugger.row("c20")).to_be_visible(timeout=60_000)
    expect(debugger.row("c20")).to_have_attribute("aria-selected", "true")
    print("rows after", time.monotonic() - begun)
    expect(debugger.inspector).to_contain_text("messages")
    page.screenshot(path="/tmp/widget_early.png")
    assert page.get_by_text("ended", exact=True).count() == 0
    output(page, "ended")
    debugger.select("c5")
    expect(debugger.tab("state")).to_contain_text("search_flights")
    page.screenshot(path="/tmp/widget_late.png")
