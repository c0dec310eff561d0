"""The browser fixtures themselves: what all other browser tests stand on."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.lab import NotebookFactory, add_cell, restart_kernel, save, set_theme


def test_cells_run_and_show_their_output(notebook: NotebookFactory) -> None:
    page = notebook(["a = 40", "print(a + 2)"])
    expect(page.locator(".jp-OutputArea-output").get_by_text("42", exact=True)).to_be_visible()


def test_a_restart_forgets_and_goes_on(notebook: NotebookFactory) -> None:
    page = notebook(["a = 1"])
    save(page)
    restart_kernel(page)
    add_cell(page, "print('a' in globals())")
    expect(page.locator(".jp-OutputArea-output").get_by_text("False", exact=True)).to_be_visible()


def test_a_widget_lives(notebook: NotebookFactory) -> None:
    page = notebook(["import ipywidgets; ipywidgets.Button(description='press')"])
    expect(page.get_by_role("button", name="press")).to_be_visible()


def test_themes_change(notebook: NotebookFactory) -> None:
    page = notebook([], dark=True)
    body = page.locator("body")
    expect(body).to_have_attribute("data-jp-theme-light", "false")
    set_theme(page, dark=False)
    expect(body).to_have_attribute("data-jp-theme-light", "true")
