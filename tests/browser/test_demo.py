"""``make demo`` runs the tour before anyone looks: the page that opens must show it alive, not its ashes."""

from __future__ import annotations

import nbformat
from playwright.sync_api import Browser, expect

import demo
from lab_server import Lab
from tests.support.lab import wait_for_kernel, write_notebook

COUNTER = """
import ipywidgets
button = ipywidgets.Button(description="0 times")
def count(button):
    button.description = f"{int(button.description.split()[0]) + 1} times"
button.on_click(count)
button
"""


def test_widgets_of_a_notebook_run_ahead_are_alive(lab: Lab, chromium: Browser) -> None:
    write_notebook(lab.root / "ahead.ipynb", [COUNTER, "1 / 0", "print('after')"])
    assert demo.run(lab, "ahead.ipynb") == 1
    page = chromium.new_page()
    page.goto(lab.page("ahead.ipynb", reset=True))
    wait_for_kernel(page)
    page.get_by_role("button", name="0 times").click()
    expect(page.get_by_role("button", name="1 times")).to_be_visible()
    expect(page.get_by_text("ZeroDivisionError: division by zero")).to_be_visible()
    expect(page.get_by_text("after", exact=True)).to_be_visible()
    page.close()
    lab.stop_kernel("ahead.ipynb")


def test_the_tour_opens_with_a_live_debugger(lab: Lab, chromium: Browser) -> None:
    demo.prepare(lab.root)
    assert demo.run(lab, demo.TOUR) == 0
    tour = nbformat.read(lab.root / demo.TOUR, as_version=4)
    said = [
        output.get("data", {}).get("text/plain", "")
        for cell in tour.cells
        for output in cell.get("outputs", [])
    ]
    assert not [text for text in said if "%|" in text], "a bar that is over: where it stood is an error"
    page = chromium.new_page()
    page.goto(lab.page(demo.TOUR, reset=True))
    wait_for_kernel(page)
    debugger = page.get_by_test_id("lgviz-root").first
    row = debugger.get_by_test_id("lgviz-row").nth(2)
    row.click()
    expect(row).to_have_attribute("aria-selected", "true")
    expect(debugger.get_by_test_id("lgviz-inspector")).to_contain_text(row.get_attribute("data-label") or "?")
    page.close()
    lab.stop_kernel(demo.TOUR)
