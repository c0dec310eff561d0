"""Notebook 7, marimo and Voila show the debugger of the wheel, and ask no other server for anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from lab_server import running_lab
from tests.support.debugger_page import Debugger
from tests.support.hosts import serving
from tests.support.lab import restart_kernel, run_all, save, wait_for_kernel, write_notebook

GRAPH = """
import lgviz
from lgviz.demos import agent
from lgviz.persistence import MemorySaver
graph = agent.build(MemorySaver())
agent.seed(graph, thread_id="1")
"""
MARIMO = f"""
import marimo
app = marimo.App()

@app.cell
def _():
{"    ".join(GRAPH.splitlines(keepends=True))}
    lgviz.debug(graph, thread_id="1")
    return
"""
OF_VOILA = "fontawesome"
"""Voila's own page names a style sheet elsewhere."""


@contextmanager
def alone(chromium: Browser) -> Iterator[Page]:
    """A page that reaches this machine only."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    elsewhere: list[str] = []

    def refuse(route: object) -> None:
        elsewhere.append(route.request.url)  # type: ignore[attr-defined]
        route.abort()  # type: ignore[attr-defined]

    context.route(lambda url: not url.startswith(("http://127.0.0.1:", "data:", "blob:")), refuse)
    yield context.new_page()
    assert [url for url in elsewhere if OF_VOILA not in url] == []
    context.close()


def works(page: Page) -> None:
    """A debugger that reads, forks and runs."""
    debugger = Debugger(page)
    expect(debugger.row("c20")).to_be_visible(timeout=60_000)
    debugger.select("c16")
    expect(debugger.tab("state")).to_contain_text("you fly LX2085")
    debugger.fork("c12")
    debugger.as_node("tools")
    expect(debugger.next).to_contain_text("agent")
    debugger.commit()
    expect(debugger.row("c21")).to_have_attribute("aria-selected", "true")


def test_marimo(installed: Path, chromium: Browser, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(MARIMO)
    program = (
        installed / "python",
        "-m",
        "marimo",
        "run",
        "app.py",
        "--headless",
        "--no-token",
        "-p",
        "{port}",
    )
    with serving(program, tmp_path, installed) as url, alone(chromium) as page:
        page.goto(url)
        works(page)


def test_voila(installed: Path, chromium: Browser, tmp_path: Path) -> None:
    write_notebook(tmp_path / "app.ipynb", [GRAPH + 'lgviz.debug(graph, thread_id="1")'])
    program = (
        installed / "python",
        "-m",
        "voila",
        "app.ipynb",
        "--no-browser",
        "--Voila.ip=127.0.0.1",
        "--port={port}",
    )
    with serving(program, tmp_path, installed) as url, alone(chromium) as page:
        page.goto(url, wait_until="commit")
        works(page)


def test_notebook(installed: Path, chromium: Browser, tmp_path: Path) -> None:
    expose = "--JupyterNotebookApp.expose_app_in_browser=True"
    program = (installed / "python", "-m", "notebook", expose)
    with running_lab(tmp_path, program=program, PATH=str(installed)) as lab, alone(chromium) as page:
        book = lab.root / "a.ipynb"
        write_notebook(book, [GRAPH + "%load_ext lgviz", "%lgviz graph --thread 1"])
        page.goto(f"{lab.url}notebooks/a.ipynb?token={lab.token}")
        wait_for_kernel(page)
        run_all(page)
        works(page)
        save(page)
        restart_kernel(page)
        expect(page.get_by_test_id("lgviz-kernel-gone")).to_be_visible()
        # Opened again without its kernel's widgets; then by somebody who does not trust it, then who does.
        page.reload()
        wait_for_kernel(page)
        static = page.locator("[data-lgviz-static]")
        expect(static).to_contain_text("21 checkpoints")
        broken = page.get_by_text("Error displaying widget").locator("visible=true")
        expect(broken).to_have_count(0)
        theirs = json.loads(book.read_text())
        theirs["cells"][0]["source"] += "\n# sent by mail"
        (lab.root / "b.ipynb").write_text(json.dumps(theirs))
        page.goto(f"{lab.url}notebooks/b.ipynb?token={lab.token}")
        wait_for_kernel(page)
        expect(page.locator(".jp-OutputArea").last).to_contain_text("c17 update as tools")
        expect(static).to_have_count(0)
        page.get_by_text("Not Trusted").click()
        page.locator(".jp-Dialog .jp-mod-accept").click()
        expect(static).to_contain_text("c17")
        expect(broken).to_have_count(0)
