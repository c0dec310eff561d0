"""Reading a thread in a real JupyterLab: load, pick, select, compare, search, static view."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import (
    NotebookFactory,
    add_cell,
    output,
    restart_kernel,
    save,
    set_theme,
    wait_for_kernel,
)

# Of all roots: ids that stand twice on the page, and references that lead out of their root.
WRONG_IDS = """(roots) => roots.flatMap((root) => [...root.querySelectorAll("*")].flatMap((element) => [
    ...(element.id && document.querySelectorAll(`[id="${element.id}"]`).length > 1 ? [`twice ${element.id}`] : []),
    ...["for", "aria-controls", "aria-labelledby", "aria-describedby", "aria-activedescendant"]
        .flatMap((name) => (element.getAttribute(name) ?? "").split(/\\s+/))
        .filter((id) => id !== "" && !root.querySelector(`[id="${id}"]`)),
]))"""


def test_a_thread_opens_as_a_tree(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("agent"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    rows = debugger.root.get_by_test_id("lgviz-row")
    expect(rows.first).to_have_attribute("data-label", "c20")
    expect(debugger.row("c20")).to_have_attribute("aria-selected", "true")
    expect(debugger.row("c0")).to_contain_text("input")
    expect(debugger.row("c1")).to_contain_text("2 branches")
    expect(debugger.row("c8")).to_contain_text("head")
    debugger.select("c5")
    state = debugger.tab("state")
    expect(state).to_contain_text("search_flights")
    expect(state).to_contain_text("The cheapest flight is fine.")
    debugger.tab("tasks")
    expect(debugger.inspector.get_by_test_id("lgviz-task")).to_contain_text("agent")
    expect(debugger.tab("raw")).to_contain_text("checkpoint_id")
    expect(debugger.tab("writes")).to_contain_text("messages")


def test_the_newest_thread_opens_and_another_is_picked(notebook: NotebookFactory) -> None:
    page = notebook(
        [SETUP, seeded("two_nodes", "first") + "\ntwo_nodes.seed(graph, thread_id='second')", "%lgviz graph"]
    )
    debugger = Debugger(page)
    picker = debugger.root.get_by_test_id("lgviz-thread-picker")
    expect(picker).to_contain_text("second")
    picker.click()
    debugger.root.get_by_role("option", name=re.compile("first")).click()
    expect(picker).to_contain_text("first")
    expect(debugger.row("c5")).to_be_visible()


def test_two_checkpoints_are_compared(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("two_nodes"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    debugger.select("c3")
    debugger.row("c5").click(modifiers=["ControlOrMeta"])
    changes = debugger.inspector.get_by_test_id("lgviz-diff-change")
    expect(changes.first).to_be_visible()
    expect(debugger.inspector).to_contain_text("edit")
    expect(debugger.inspector).to_contain_text("c3 → c5")
    debugger.select("c5")
    debugger.row("c3").click(modifiers=["ControlOrMeta"])
    expect(debugger.inspector).to_contain_text("c3 → c5")
    debugger.select("c1")
    debugger.tab("diff")
    expect(debugger.inspector).to_contain_text("c0 → c1")


def test_search_looks_at_all_checkpoints(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("agent"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    debugger.search.fill("TP938")
    hit = debugger.root.get_by_test_id("lgviz-search-hit").first
    expect(hit).to_contain_text("TP938")
    hit.click()
    expect(debugger.row("c5")).to_have_attribute("aria-selected", "true")
    debugger.search.fill("nowhere to be found")
    expect(debugger.root.get_by_test_id("lgviz-search-hit")).to_have_count(0)


def test_a_file_opens_read_only(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("two_nodes"), "%lgviz {file} --agent"])
    debugger = Debugger(page)
    debugger.select("c3")
    expect(debugger.row("c3")).to_contain_text("node_b")
    expect(debugger.root.get_by_test_id("lgviz-fork-open")).to_have_attribute("aria-disabled", "true")
    # A coding agent's server, as far as a debugger hears of it.
    add_cell(
        page,
        "from lgviz.backend.glances import GlanceFile\nagent = GlanceFile('x')\n"
        "agent.look('1', lgviz.history(graph, '1')['c2'].id)",
    )
    where = debugger.root.get_by_role("button", name="agent at c2")
    where.click()
    expect(debugger.row("c2")).to_have_attribute("aria-selected", "true")
    expect(debugger.row("c2").get_by_text("agent here", exact=True)).to_have_attribute(
        "title", "A coding agent looks here"
    )
    add_cell(page, "agent.close()")
    expect(where).to_have_count(0)
    expect(debugger.row("c2")).not_to_contain_text("agent here")


def test_the_theme_follows_the_notebook(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("two_nodes"), "%lgviz graph --thread 1"], dark=True)
    debugger = Debugger(page)
    expect(debugger.root).to_have_class(re.compile("lgviz-dark"))
    set_theme(page, dark=False)
    expect(debugger.root).not_to_have_class(re.compile("lgviz-dark"))


def test_keys_alone_do_everything_and_none_reaches_the_notebook(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("two_nodes"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    cells = page.locator(".jp-Cell").count()
    debugger.tree.focus()
    page.keyboard.press("End")
    expect(debugger.row("c0")).to_have_attribute("aria-selected", "true")
    for _ in range(2):
        page.keyboard.press("ArrowUp")
    expect(debugger.row("c2")).to_have_attribute("aria-selected", "true")
    for key in ("d", "d", "b", "a", "x", "Enter"):
        page.keyboard.press(key)
    debugger.tree.focus()
    page.keyboard.press("/")
    expect(debugger.search).to_be_focused()
    page.keyboard.type("dd node_b")
    page.keyboard.press("Escape")
    debugger.tree.focus()
    page.keyboard.press("f")
    expect(debugger.root.get_by_text("Fork at c2")).to_be_visible()
    page.keyboard.press("Escape")
    expect(debugger.root.get_by_text("Fork at c2")).to_be_hidden()
    debugger.tree.focus()
    page.keyboard.press("n")
    expect(debugger.root.get_by_test_id("lgviz-start")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(debugger.root.get_by_test_id("lgviz-start")).to_have_attribute("aria-pressed", "false")
    debugger.tree.focus()
    page.keyboard.press("p")
    expect(debugger.root.get_by_test_id("lgviz-present")).to_be_focused()
    for key in ("d", "d", "x", "Enter", "Escape"):
        page.keyboard.press(key)
    expect(debugger.tree).to_be_focused()
    assert page.locator(".jp-Cell").count() == cells


def test_two_debuggers_live_side_by_side(notebook: NotebookFactory) -> None:
    page = notebook(
        [SETUP, seeded("two_nodes", "a") + "\ntwo_nodes.seed(graph, thread_id='b')", "dbg = lgviz.debug(graph, 'a')\ndbg",
         "lgviz.debug(graph, 'b')", "dbg"],
    )  # fmt: skip
    first, other, again = Debugger(page, 0), Debugger(page, 1), Debugger(page, 2)
    first.select("c1")
    expect(other.row("c5")).to_have_attribute("aria-selected", "true")
    expect(again.row("c1")).to_have_attribute("aria-selected", "true")
    assert page.get_by_test_id("lgviz-root").evaluate_all(WRONG_IDS) == []
    add_cell(page, "dbg.selected = 'c3'")
    expect(first.row("c3")).to_have_attribute("aria-selected", "true")
    add_cell(page, "print('selected', dbg.history[dbg.selected].label)")
    output(page, "selected c3")
    add_cell(page, "dbg.thread_id = 'b'")
    for view in (first, again):
        expect(view.root.get_by_test_id("lgviz-thread-picker").locator("b")).to_have_text("b")
        expect(view.row("c5")).to_have_attribute("aria-selected", "true")
    add_cell(page, "print('open', dbg.history.thread_id, dbg.history[dbg.selected].label)")
    output(page, "open b c5")


def test_what_a_state_holds_is_only_ever_text(notebook: NotebookFactory) -> None:
    evil = "<img src=x onerror=alert(1)>"
    page = notebook(
        [SETUP, seeded("two_nodes"), f"graph.update_state({{'configurable': {{'thread_id': '1'}}}}, {{'foo': {evil!r}, 'bar': [{evil!r}]}}, as_node='node_b')",
         "%lgviz graph --thread 1"],
    )  # fmt: skip
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    debugger = Debugger(page)
    for tab in ("state", "diff", "writes", "raw"):
        expect(debugger.tab(tab)).to_contain_text(evil)
    debugger.search.fill("onerror")
    expect(debugger.root.get_by_test_id("lgviz-search-hit").first).to_contain_text("onerror")
    assert page.locator("img[src='x']").count() == 0
    assert not dialogs


def test_after_a_restart_the_static_view_is_left(notebook: NotebookFactory) -> None:
    empty = (
        "from langgraph.checkpoint.memory import InMemorySaver\nlgviz.debug(two_nodes.build(InMemorySaver()))"
    )
    page = notebook([SETUP, seeded("two_nodes"), empty, "%lgviz graph --thread 1"])
    nothing, debugger = Debugger(page), Debugger(page, 1)
    expect(debugger.row("c5")).to_be_visible()
    expect(nothing.root.get_by_test_id("lgviz-empty")).to_contain_text("No checkpoint yet")
    static = page.locator("[data-lgviz-static]")
    for number in range(2):
        expect(static.nth(number)).to_be_hidden()
    save(page)
    restart_kernel(page)
    page.reload()
    wait_for_kernel(page)
    lost = page.get_by_text("model not found")
    for number, text in enumerate(("holds no checkpoint yet", "node_b")):
        expect(static.nth(number)).to_be_visible()
        expect(static.nth(number)).to_contain_text(text)
        lost.nth(number).wait_for(state="attached")  # what is not there yet is hidden too
        expect(lost.nth(number)).to_be_hidden()
        assert (
            lost.nth(number).evaluate(
                "element => element.closest('.jp-OutputArea-child').getBoundingClientRect().height"
            )
            == 0
        )


BELOW = """row => row.getBoundingClientRect().bottom
  - row.closest('[data-testid="lgviz-tree"]').getBoundingClientRect().bottom"""
"""By how many pixels a row ends below what is seen of the tree."""
NARROW = "tree => tree.clientHeight < 400"


def test_scroll_and_selection_survive_a_detached_cell(notebook: NotebookFactory) -> None:
    many = "for n in range(60):\n    graph.invoke({'foo': str(n), 'bar': []}, {'configurable': {'thread_id': 'long'}})"
    page = notebook([SETUP, seeded("two_nodes"), many, "%lgviz graph --thread long"])
    debugger = Debugger(page)
    debugger.tree.evaluate("tree => { tree.scrollTop = 1500; }")
    label = "c185"  # in sight there: the newest of 240 rows is on top
    debugger.select(label)
    before = debugger.tree.evaluate("tree => tree.scrollTop")
    assert before > 1000
    page.evaluate(
        """async () => {
            const cell = document.querySelector('[data-testid="lgviz-root"]').closest('.jp-Cell');
            const [parent, next] = [cell.parentNode, cell.nextSibling];
            cell.remove();
            await new Promise(requestAnimationFrame);
            parent.insertBefore(cell, next);
            await new Promise(requestAnimationFrame);
        }"""
    )
    expect(debugger.row(label)).to_have_attribute("aria-selected", "true")
    assert debugger.tree.evaluate("tree => tree.scrollTop") == before
    # So does a window that gets narrow, where the tree stands over the inspector and is half as high.
    debugger.tree.evaluate(
        "(tree, by) => { tree.scrollTop += by; }", debugger.row(label).evaluate(BELOW) + 60
    )
    assert debugger.row(label).evaluate(BELOW) + debugger.tree.evaluate("tree => tree.clientHeight") > 0
    debugger.root.evaluate("root => { root.parentElement.style.width = '600px'; }")
    page.wait_for_function(NARROW, arg=debugger.tree.element_handle())
    assert debugger.row(label).evaluate(BELOW) <= 0


def test_a_mistake_is_a_sentence_with_its_remedy(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("two_nodes"), "%lgviz graph --thread nowhere"])
    for mistake in (  # each fails its cell, and so would keep the cells behind it from running
        "%lgviz missing.db",
        "bare = graph.builder.compile()\n%lgviz bare",
        "%lgviz nothing_of_that_name",
        "lgviz.history(graph, 'nowhere')",
    ):
        add_cell(page, mistake)
    debugger = Debugger(page)
    expect(debugger.error.first).to_contain_text("nowhere")
    outputs = page.locator(".jp-OutputArea-output")
    for words in ("missing.db", "without a checkpointer"):
        expect(outputs.filter(has_text="UsageError").filter(has_text=words)).to_be_visible()
    expect(page.get_by_text("neither a variable nor a database file")).to_be_visible()
    expect(page.get_by_text("Traceback (most recent call last)")).to_have_count(0)
    debugger.root.get_by_test_id("lgviz-thread-picker").click()
    debugger.root.get_by_role("option").first.click()
    expect(debugger.row("c5")).to_be_visible()
