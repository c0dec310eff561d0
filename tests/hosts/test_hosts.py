"""The debugger in Notebook 7, Voila and marimo, from the wheel: it lives, asks no other server, and outlives its kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Page, expect

from tests.support.debugger_page import Debugger
from tests.support.hosts import SEED, Serve

FIRST_MS = 120_000
MARIMO = """
import marimo
app = marimo.App()

@app.cell
def _():
    {seed}
    dbg = lgviz.debug(graph, "1")
    return (dbg,)

@app.cell
def _(dbg):
    dbg
    return

if __name__ == "__main__":
    app.run()
"""


def lives(page: Page) -> None:
    """It shows the thread, answers, forks and runs."""
    shown = Debugger(page)
    expect(shown.row("c20")).to_be_visible(timeout=FIRST_MS)
    shown.row("c5").click()
    expect(shown.tab("state")).to_contain_text("search_flights")
    expect(shown.tab("diff")).to_contain_text("one added")
    shown.root.get_by_test_id("lgviz-run-here").click()
    expect(shown.row("c21")).to_be_visible()
    expect(page.get_by_text("Error displaying widget")).to_have_count(0)


def mine(page: Page) -> list[str]:
    """What was asked of other servers, but for what the host's own page asks for."""
    return [url for url in page.outside if "fontawesome" not in url]  # type: ignore[attr-defined]


def test_notebook_7_shows_it_and_afterwards_its_static_view(page: Page, serve: Serve, book: Path) -> None:
    address = serve(
        "jupyter-notebook",
        "--no-browser",
        "--allow-root",
        "--IdentityProvider.token=t",
        "--JupyterNotebookApp.expose_app_in_browser=True",
    )

    def opened(name: str) -> None:
        page.goto(f"{address}notebooks/{name}?token=t")
        page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.context?.isReady")
        done(
            """const { context, sessionContext } = jupyterapp.shell.currentWidget;
            await context.ready; await sessionContext.ready; await sessionContext.session.kernel.info;"""
        )

    def done(script: str) -> Any:
        return page.evaluate(f"async () => {{ await jupyterapp.restored; {script} }}")

    opened("a.ipynb")
    done("await jupyterapp.commands.execute('notebook:run-all-cells')")
    lives(page)
    assert mine(page) == []
    done("await jupyterapp.commands.execute('docmanager:save')")
    done("await jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    # Restarted: what was read stays readable, and says what to do.
    shown = Debugger(page)
    expect(shown.root.get_by_test_id("lgviz-kernel-gone")).to_contain_text("run the cell again")
    expect(shown.row("c21")).to_be_visible()
    done("await jupyterapp.commands.execute('docmanager:save')")
    # Reopened: the static view has the place to itself.
    page.goto("about:blank")
    opened("a.ipynb")
    static_alone(page)
    # From somebody else, so not trusted; then trusted.
    other = nbformat.read(book, as_version=4)
    other.cells[0].source += "\n# from elsewhere"
    for cell in other.cells:
        cell.metadata.pop("trusted", None)
    (book.parent / "other").mkdir()
    nbformat.write(other, book.parent / "other" / "b.ipynb")
    page.goto("about:blank")
    opened("other/b.ipynb")
    expect(page.get_by_text("update as tools").first).to_be_visible()
    expect(page.get_by_text("Error displaying widget")).to_have_count(0)


def static_alone(page: Page) -> None:
    static = page.locator("[data-lgviz-static]")
    expect(static).to_be_visible()
    expect(static).to_contain_text("update as tools")
    for words in ("Error displaying widget", "model not found"):
        assert not any(found.is_visible() for found in page.get_by_text(words).all())


def test_voila_shows_it(page: Page, serve: Serve, book: Path) -> None:
    page.goto(serve("voila", "a.ipynb", "--no-browser"), timeout=FIRST_MS)
    lives(page)
    assert mine(page) == []
    static = page.locator("[data-lgviz-static]")
    expect(static).to_have_count(1)
    expect(static).to_be_hidden()


def test_marimo_shows_it(page: Page, serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(MARIMO.format(seed=SEED.strip().replace("\n", "\n    ")))
    page.goto(
        serve("marimo", "run", "m.py", "--headless", "--host=127.0.0.1", "--no-token"), timeout=FIRST_MS
    )
    lives(page)
    assert mine(page) == []
