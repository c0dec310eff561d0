"""A database of checkpoints as a document, in a JupyterLab that was installed from the wheel, without Node."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import lgviz
from lab_server import Lab
from lgviz.demos import two_nodes
from lgviz.persistence import SqliteSaver
from tests.support.debugger_page import Debugger
from tests.support.lab import evaluate
from tests.support.wheel_lab import installed, wheel_lab

__all__ = ["installed", "wheel_lab"]


@pytest.fixture
def page(wheel_lab: Lab, chromium: Browser) -> Iterator[Page]:
    """JupyterLab, at its file browser."""
    with chromium.new_context(viewport={"width": 1400, "height": 900}) as context:
        page = context.new_page()
        yield page


def opened(page: Page, lab: Lab) -> Page:
    page.goto(f"{lab.url}lab?reset&token={lab.token}")
    page.wait_for_function("() => window.jupyterapp?.restored")
    evaluate(page, "async () => { await jupyterapp.restored; }")
    return page


def seeded(path: Path) -> Path:
    """A database of six checkpoints of one thread."""
    with SqliteSaver.from_conn_string(str(path)) as saver:
        two_nodes.seed(two_nodes.build(saver), thread_id="1")
    return path


def double_click(page: Page, name: str) -> None:
    page.get_by_role("listitem", name=name).dblclick()


def test_a_database_is_a_document(wheel_lab: Lab, page: Page) -> None:
    path = seeded(wheel_lab.root / "chat.db")
    before = path.read_bytes()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    opened(page, wheel_lab)
    double_click(page, "chat.db")
    debugger = Debugger(page)
    expect(debugger.row("c5")).to_have_attribute("aria-selected", "true")
    expect(debugger.root.get_by_role("status").filter(has_text="read-only")).to_be_visible()
    debugger.select("c3")
    expect(debugger.inspector.get_by_role("tabpanel")).to_contain_text("foo")
    debugger.row("c5").click(modifiers=["Control"])
    expect(debugger.root.get_by_test_id("lgviz-diff-change").first).to_be_visible()
    assert path.read_bytes() == before

    # Another process writes: the row comes by itself, over the server.
    with SqliteSaver.from_conn_string(str(path)) as saver:
        graph = two_nodes.build(saver)
        graph.update_state({"configurable": {"thread_id": "1"}}, None, as_node="node_b")
    expect(debugger.row("c6")).to_be_visible()

    # Its name was asked for, its content never, and no copy was made.
    contents = [url for url in asked if "chat.db" in url and "/checkpoints" not in url]
    assert contents and all(url.startswith("GET") and "content=0" in url for url in contents), contents
    assert not [
        url for url in asked if "/files/" in url or (url.startswith("POST") and "/checkpoints" in url)
    ]
    assert list(wheel_lab.root.rglob(".ipynb_checkpoints/*")) == []

    # The layout comes back.
    page.goto(f"{wheel_lab.url}lab?token={wheel_lab.token}")
    expect(debugger.row("c6")).to_be_visible()


def test_what_is_no_database_of_checkpoints_says_so_and_opens_elsewhere(wheel_lab: Lab, page: Page) -> None:
    with sqlite3.connect(wheel_lab.root / "other.sqlite") as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    (wheel_lab.root / "words.db").write_text("words, and no database")
    lgviz.save_bundle(seeded(wheel_lab.root / "sent.db"), "1", wheel_lab.root / "bug.lgviz")
    opened(page, wheel_lab)
    double_click(page, "other.sqlite")
    error = page.get_by_test_id("lgviz-error").locator("visible=true")
    expect(error).to_contain_text("other.sqlite holds no table of LangGraph's checkpoints.")
    expect(error.get_by_role("button", name="Open with Editor")).to_have_count(0)  # it is no text
    double_click(page, "words.db")
    expect(error).to_contain_text("words.db is no readable SQLite database")
    error.get_by_role("button", name="Open with Editor").click()
    expect(page.locator(".cm-content")).to_contain_text("words, and no database")
    double_click(page, "bug.lgviz")
    expect(Debugger(page).row("c5")).to_be_visible()
