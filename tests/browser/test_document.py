"""A database of checkpoints as a document, in a JupyterLab that was installed from the wheel, without Node."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import lgviz
from lab_server import Lab, running_lab
from lgviz.backend.glances import GlanceFile
from lgviz.demos import two_nodes
from lgviz.persistence import SqliteSaver
from tests.support.axe import AXE, RUN
from tests.support.debugger_page import Debugger
from tests.support.lab import command, evaluate, restart_kernel, wait_for_kernel, write_notebook
from tests.support.wheel_lab import wheel_lab

__all__ = ["wheel_lab"]

SETTINGS = "lgviz/documents.jupyterlab-settings"
LANGUAGE = "@jupyterlab/translation-extension/plugin.jupyterlab-settings"


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


def test_a_database_is_a_document(wheel_lab: Lab, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    path = seeded(wheel_lab.root / "chat.db")
    wheel_lab.set(SETTINGS, {"agent": True})
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

    # A coding agent looks at it, which is told where the settings say so.
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(wheel_lab.folder / "runtime"))
    glance = GlanceFile("chat.db")
    glance.look("1", lgviz.history(path, "1")["c1"].id)
    debugger.root.get_by_test_id("lgviz-agent").click()
    expect(debugger.row("c1")).to_have_attribute("aria-selected", "true")
    glance.close()
    wheel_lab.set(SETTINGS, {})

    # Its name was asked for, its content never, and no copy was made.
    contents = [url for url in asked if "chat.db" in url and "/checkpoints" not in url]
    assert contents and all(url.startswith("GET") and "content=0" in url for url in contents), contents
    assert not [
        url for url in asked if "/files/" in url or (url.startswith("POST") and "/checkpoints" in url)
    ]
    assert list(wheel_lab.root.rglob(".ipynb_checkpoints/*")) == []

    # The layout comes back, and what was selected.
    selected = f'"selected":"{lgviz.history(path, "1")["c2"].id}"'
    with page.expect_request(lambda request: selected in (request.post_data or "").replace(" ", "")):
        debugger.select("c2")
    page.goto(f"{wheel_lab.url}lab?token={wheel_lab.token}")
    expect(debugger.row("c6")).to_be_visible()
    expect(debugger.row("c2")).to_have_attribute("aria-selected", "true")

    # It is renamed while one is in it: its place follows.
    debugger.select("c2")
    evaluate(page, "() => jupyterapp.serviceManager.contents.rename('chat.db', 'renamed.db')")
    path = wheel_lab.root / "renamed.db"
    expect(page.locator(".lm-DockPanel-tabBar .lm-TabBar-tabLabel", has_text="renamed.db")).to_be_visible()
    expect(debugger.row("c2")).to_have_attribute("aria-selected", "true")
    assert path.exists() and not (wheel_lab.root / "chat.db").exists()

    # Another file takes its place: that one is shown.
    seeded(wheel_lab.root / "another.db").rename(path)
    expect(debugger.row("c6")).to_have_count(0)
    expect(debugger.row("c5")).to_be_visible()


VIEWER = """() => {
    const { docRegistry } = jupyterapp;
    const own = { name: 'Tables', label: 'Tables', fileTypes: ['tables'], defaultFor: [] };
    docRegistry.addFileType({ name: 'tables', extensions: ['.sqlite'], fileFormat: 'base64', contentType: 'file' });
    docRegistry.addWidgetFactory(new Proxy(docRegistry.getWidgetFactory('Image'), {
        get(pictures, key) {
            const value = own[key] ?? pictures[key];
            return typeof value === 'function' ? value.bind(pictures) : value;
        },
    }));
}"""
"""Another extension that opens databases: JupyterLab's own of pictures, under another name."""


def test_what_is_no_database_of_checkpoints_says_so_and_opens_elsewhere(wheel_lab: Lab, page: Page) -> None:
    with sqlite3.connect(wheel_lab.root / "other.sqlite") as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    (wheel_lab.root / "words.db").write_text("words, and no database")
    lgviz.save_bundle(seeded(wheel_lab.root / "sent.db"), "1", wheel_lab.root / "bug.lgviz")
    opened(page, wheel_lab)
    double_click(page, "other.sqlite")
    error = page.get_by_test_id("lgviz-error").locator("visible=true")
    expect(error).to_contain_text("other.sqlite holds no checkpoints of LangGraph.")
    expect(error.get_by_role("button", name="Open with")).to_have_count(0)  # it is no text
    with page.expect_download() as taken:
        error.get_by_role("button", name="Download").click()
    assert taken.value.suggested_filename == "other.sqlite"
    # Where JupyterLab has something that reads databases, it opens there.
    page.evaluate(VIEWER)
    error.get_by_role("button", name="Retry").click()
    error.get_by_role("button", name="Open with Tables").click()
    expect(page.locator(".jp-ImageViewer").locator("visible=true")).to_be_visible()
    double_click(page, "words.db")
    expect(error).to_contain_text("words.db is no readable SQLite database")
    error.get_by_role("button", name="Open with Editor").click()
    expect(page.locator(".cm-content")).to_contain_text("words, and no database")

    # From the launcher, a bundle is chosen.
    command(page, "launcher:create")
    page.locator(".jp-LauncherCard", has_text="Checkpoints").locator("visible=true").click()
    page.get_by_role("dialog").get_by_role("listitem", name="bug.lgviz").click()
    page.get_by_role("dialog").get_by_role("button", name="Select").click()
    expect(Debugger(page).row("c5")).to_be_visible()


def test_a_double_click_may_be_left_to_others_and_notebook_opens_documents_too(
    wheel_lab: Lab, page: Page, chromium: Browser
) -> None:
    seeded(wheel_lab.root / "plain.db")
    wheel_lab.set(SETTINGS, {"doubleClick": False})
    opened(page, wheel_lab)
    page.wait_for_function(
        "() => jupyterapp.docRegistry.defaultWidgetFactory('plain.db').name !== 'Checkpoints'"
    )
    factories = "() => jupyterapp.docRegistry.preferredWidgetFactories('plain.db').map(({ name }) => name)"
    assert "Checkpoints" in page.evaluate(factories)  # "Open With"
    wheel_lab.set(SETTINGS, {})
    page.goto(f"{wheel_lab.url}tree?token={wheel_lab.token}")
    with page.context.expect_page() as new:
        double_click(page, "plain.db")
    expect(Debugger(new.value).row("c5")).to_be_visible()


def test_in_a_german_jupyterlab_all_of_it_is_german(wheel_lab: Lab, page: Page) -> None:
    with sqlite3.connect(wheel_lab.root / "fremd.sqlite") as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    seeded(wheel_lab.root / "gespräch.db")
    wheel_lab.set(LANGUAGE, {"locale": "de_DE"})
    opened(page, wheel_lab)
    expect(page.locator(".jp-LauncherCard", has_text="Checkpoints")).to_have_attribute(
        "title", "Eine Datenbank oder ein Bündel mit LangGraph-Checkpoints im Debugger öffnen"
    )
    page.get_by_role("tab", name="LangGraph: Graphen und Threads des Notebooks").click()
    expect(page.get_by_test_id("lgviz-panel-line")).to_contain_text("Öffne ein Notebook")
    command(page, "filebrowser:activate")
    double_click(page, "fremd.sqlite")
    error = page.get_by_test_id("lgviz-error").locator("visible=true")
    expect(error).to_contain_text("fremd.sqlite enthält keine Checkpoints von LangGraph.")
    expect(error.get_by_role("button")).to_have_text(["Noch einmal", "Herunterladen"])
    double_click(page, "gespräch.db")
    debugger = Debugger(page)
    expect(debugger.root.get_by_role("status").filter(has_text="nur lesen")).to_be_visible()
    expect(debugger.row("c5")).to_contain_text("Spitze")
    page.keyboard.press("Control+Shift+C")
    palette = page.get_by_role("dialog").or_(page.locator(".lm-CommandPalette")).last
    palette.get_by_role("textbox").or_(palette.locator("input")).first.fill("LangGraph")
    expect(palette).to_contain_text("Eine Datenbank mit Checkpoints öffnen…")
    expect(palette).to_contain_text("Graphen und Threads des Notebooks zeigen")
    page.keyboard.press("Escape")
    # JupyterLab has no language pack of lgviz: the form of the settings gets its words from the extension.
    command(page, "settingeditor:open", query="lgviz")
    form = page.locator(".jp-SettingsPanel")
    expect(form.get_by_role("checkbox", name="Mit Doppelklick öffnen")).to_be_checked()
    expect(form.get_by_role("checkbox", name="Markieren, was ein Coding-Agent liest")).not_to_be_checked()
    wheel_lab.set(LANGUAGE, {})


PANEL = "LangGraph: graphs and threads of the notebook"
MAKES = """
from lgviz.demos import two_nodes
from lgviz.persistence import MemorySaver
saver = MemorySaver()
graph, critic = two_nodes.build(saver), two_nodes.build(saver)
two_nodes.seed(graph, thread_id="one")
"""


def test_the_panel_opens_the_debugger_of_a_thread_and_follows_the_kernel(wheel_lab: Lab, page: Page) -> None:
    write_notebook(wheel_lab.root / "graphs.ipynb", [MAKES])
    opened(page, wheel_lab)
    double_click(page, "graphs.ipynb")
    wait_for_kernel(page)
    page.get_by_role("tab", name=PANEL).click()
    expect(page.get_by_test_id("lgviz-panel-line")).to_contain_text(
        "No graph with a checkpointer and no saver yet"
    )
    command(page, "notebook:run-all-cells")
    thread = page.get_by_test_id("lgviz-panel-thread")
    expect(thread).to_contain_text("6 checkpoints")
    page.add_script_tag(path=AXE)
    assert page.get_by_role("region", name=PANEL).evaluate(RUN, {}) == []

    # What two graphs share is there once, and opens in the one that is chosen.
    shared = page.get_by_role("group", name="2 graphs share saver; threads open in:")
    expect(shared.get_by_role("radio")).to_have_count(2)
    shared.get_by_role("radio", name="critic").check()
    thread.click()
    tab = page.locator(".lm-DockPanel-tabBar .lm-TabBar-tabLabel", has_text=" · one")
    expect(tab).to_have_text("critic · one")
    tab.locator("..").get_by_title("Close").click()

    # Beside the notebook, where one goes on from it.
    shared.get_by_role("radio", name="graph graph").check()
    thread.click()
    debugger = Debugger(page)
    expect(debugger.row("c5")).to_have_attribute("aria-selected", "true")
    assert debugger.root.bounding_box()["x"] > page.locator(".jp-NotebookPanel").bounding_box()["x"] + 200  # type: ignore[index]
    debugger.fork("c3")
    debugger.as_node("node_a")
    debugger.commit()
    expect(debugger.row("c6")).to_be_visible()
    expect(thread).to_contain_text("7 checkpoints")

    # A restart is followed, and so is a reload.
    page.locator(".jp-NotebookPanel .jp-Cell").click()
    restart_kernel(page)
    expect(debugger.root.get_by_test_id("lgviz-kernel-gone")).to_contain_text(
        "The kernel has no graph: run the cell"
    )
    command(page, "notebook:run-all-cells")
    expect(debugger.row("c6")).to_have_count(0)
    expect(debugger.root.get_by_role("status").filter(has_text="live")).to_be_visible()
    command(page, "docmanager:save")
    page.goto(f"{wheel_lab.url}lab?token={wheel_lab.token}")
    expect(debugger.row("c5")).to_be_visible()
    expect(thread).to_contain_text("6 checkpoints")


def test_lgviz_open_leads_to_the_document(installed: Path, tmp_path: Path, chromium: Browser) -> None:
    (tmp_path / "root").mkdir()
    path = seeded(tmp_path / "root" / "my chät.db")
    with running_lab(tmp_path, program=(installed / "lgviz", "open", path), PATH=str(installed)) as lab:
        (address,) = set(re.findall(r"http://127\S+", (tmp_path / "jupyter.log").read_text()))
        with chromium.new_context() as context:
            page = context.new_page()
            page.goto(address.replace("token=...", f"token={lab.token}"))
            debugger = Debugger(page)
            expect(debugger.row("c5")).to_have_attribute("aria-selected", "true")
            debugger.select("c3")
            expect(debugger.row("c3")).to_have_attribute("aria-selected", "true")
