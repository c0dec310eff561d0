"""What a test does with a notebook in JupyterLab.

Waiting is always for a fact that the page states, never for a time: JupyterLab's own application object
(``expose_app_in_browser``) runs commands and tells when they are done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Page, expect

RUN_MS = 120_000

NotebookFactory = Callable[..., Page]


def evaluate(page: Page, script: str, argument: Any = None) -> Any:
    """Run an asynchronous JavaScript function in the page; unlike Playwright's own, it does not wait for ever."""
    return page.evaluate(
        f"""async ([argument, ms]) => {{
            const late = new Promise((_, no) => setTimeout(() => no(new Error(`nothing after ${{ms}} ms`)), ms));
            return await Promise.race([({script})(argument), late]);
        }}""",
        [argument, RUN_MS],
    )


def wait_for_kernel(page: Page) -> None:
    """Wait until the notebook in front is open, its kernel answers and nothing runs."""
    page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.context?.path?.endsWith('.ipynb')")
    evaluate(
        page,
        """async () => {
            await jupyterapp.restored;
            const panel = jupyterapp.shell.currentWidget;
            await panel.context.ready;
            await panel.sessionContext.ready;
            await panel.sessionContext.session.kernel.info;
        }""",
    )
    page.wait_for_function(
        "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'", timeout=RUN_MS
    )


def command(page: Page, name: str, **arguments: Any) -> None:
    """Run a command of JupyterLab and wait until it says that it is done."""
    evaluate(
        page, "async ([name, args]) => { await jupyterapp.commands.execute(name, args); }", [name, arguments]
    )


def run_all(page: Page) -> None:
    """Run every cell of the notebook in front and wait until the last has run."""
    command(page, "notebook:run-all-cells")


def add_cell(page: Page, source: str) -> None:
    """Append a code cell and run it."""
    evaluate(
        page,
        """async (source) => {
            const { content } = jupyterapp.shell.currentWidget;
            content.model.sharedModel.addCell({ cell_type: 'code', source });
            content.activeCellIndex = content.model.cells.length - 1;
            // At once: a widget that moves the focus makes its own cell the active one.
            await jupyterapp.commands.execute('notebook:run-cell');
        }""",
        source,
    )


def restart_kernel(page: Page) -> None:
    """Restart the kernel, as a person would, and wait until it answers again."""
    evaluate(
        page, "async () => { await jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
    )
    wait_for_kernel(page)


def set_theme(page: Page, dark: bool) -> None:
    """Change JupyterLab's theme while the page is open."""
    command(page, "apputils:change-theme", theme=theme_name(dark))


def theme_name(dark: bool) -> str:
    return "JupyterLab Dark" if dark else "JupyterLab Light"


def save(page: Page) -> None:
    """Save the notebook in front."""
    command(page, "docmanager:save")


def output(page: Page, text: str) -> None:
    """Wait until an output of the notebook says exactly this."""
    expect(page.locator(".jp-OutputArea-output").get_by_text(text, exact=True).last).to_be_visible()


def write_notebook(path: Path, cells: Sequence[str]) -> None:
    """A notebook of code cells that names its kernel, so that JupyterLab does not ask for one."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, path)
