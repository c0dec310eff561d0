"""The Memory tab in a real JupyterLab: as it was and now, versions, search, edits, a run that writes, a full store."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import NotebookFactory, add_cell

KEEPING = """
from lgviz.demos import memory
from lgviz.persistence import InMemoryStore
store = InMemoryStore()
graph = memory.build(saver, store)
memory.seed(graph, thread_id="1")
"""
OPEN = "%lgviz graph --thread 1"
FACTS = "users.mia.facts"


def output(page: Page, text: str) -> None:
    expect(page.locator(".jp-OutputArea-output").get_by_text(text, exact=True).last).to_be_visible()


def opened(notebook: NotebookFactory, *cells: str, label: str = "c9", width: int = 1700) -> Debugger:
    """The Memory tab at a checkpoint, with room for an item beside the list."""
    debugger = Debugger(notebook([SETUP, *cells], width=width))
    debugger.select(label)
    debugger.tab("memory")
    return debugger


def part(debugger: Debugger, name: str) -> Locator:
    return debugger.inspector.get_by_test_id(f"lgviz-memory-{name}")


def test_memory_is_shown_as_it_was_and_what_the_step_changed(notebook: NotebookFactory) -> None:
    debugger = opened(notebook, KEEPING, OPEN)
    expect(debugger.root.get_by_test_id("lgviz-tab-memory")).to_contain_text("2")
    changes = part(debugger, "change")
    expect(changes).to_have_count(2)
    expect(changes.nth(0)).to_have_attribute("data-kind", "changed")
    expect(changes.nth(1)).to_have_attribute("data-kind", "removed")
    # The first of them is open.
    diff = part(debugger, "diff").get_by_test_id("lgviz-diff-change")
    expect(diff.first).to_contain_text("vegetarian")
    expect(diff.first).to_contain_text("fish")
    expect(debugger.memory_item("home", FACTS)).to_have_count(0)
    debugger.select("c8")
    expect(debugger.memory_item("home", FACTS)).to_be_visible()
    expect(part(debugger, "open")).to_contain_text("vegetarian")
    part(debugger, "when").get_by_role("button", name="now").click()
    expect(debugger.memory_item("home", FACTS)).to_have_count(0)
    expect(part(debugger, "open")).to_contain_text("fish")


LONG = """
lines = [f"line {n}" for n in range(200)]
store.put(("users", "mia", "facts"), "story", {"text": "\\n".join(lines)})
store.put(("users", "mia", "facts"), "story", {"text": "\\n".join([*lines[:100], "a new line", *lines[101:]])})
"""


def test_versions_lead_to_the_checkpoints_that_wrote_them(notebook: NotebookFactory) -> None:
    debugger = opened(notebook, KEEPING, LONG, OPEN, label="c13")
    part(debugger, "when").get_by_role("button", name="now").click()
    debugger.memory_item("story", FACTS).click()
    part(debugger, "version").nth(0).get_by_role("button", name="Version 2").click()
    # What did not change of a long text opens where it stands.
    told = part(debugger, "version-diff")
    expect(told.get_by_text("a new line")).to_be_visible()
    expect(told.get_by_text("line 40", exact=True)).to_have_count(0)
    told.get_by_test_id("lgviz-fold").first.click()
    expect(told).to_contain_text("line 40")
    debugger.memory_item("diet", FACTS).click()
    versions = part(debugger, "version")
    expect(versions).to_have_count(2)
    versions.nth(0).get_by_role("button", name="Version 2").click()
    expect(part(debugger, "version-diff")).to_contain_text("v1 → v2")
    expect(part(debugger, "version-diff").get_by_test_id("lgviz-diff-change").first).to_contain_text("fish")
    versions.nth(0).get_by_test_id("lgviz-memory-writer").click()
    expect(debugger.row("c9")).to_have_attribute("aria-selected", "true")
    # The first version was written on another thread: one goes there.
    writer = versions.nth(1).get_by_test_id("lgviz-memory-writer")
    expect(writer).to_contain_text("1-monday")
    writer.click()
    expect(debugger.root.get_by_test_id("lgviz-thread-picker")).to_contain_text("1-monday")
    expect(debugger.row("c4")).to_have_attribute("aria-selected", "true")


def test_a_deleted_item_is_found_in_its_versions(notebook: NotebookFactory) -> None:
    debugger = opened(notebook, KEEPING, OPEN)
    part(debugger, "change").nth(1).click()
    expect(part(debugger, "version").first).to_have_attribute("data-kind", "removed")
    expect(part(debugger, "open")).to_contain_text("It was not remembered at c9")
    part(debugger, "version").nth(1).get_by_role("button", name="Version 1").click()
    expect(part(debugger, "version-diff")).to_contain_text("Porto")


def test_search_by_text_and_filter_and_errors_in_place(notebook: NotebookFactory) -> None:
    debugger = opened(notebook, KEEPING, OPEN, label="c17")
    part(debugger, "search").fill("faro")
    expect(debugger.root.get_by_test_id("lgviz-memory-item")).to_have_count(2)
    part(debugger, "mode-filter").click()
    part(debugger, "search").fill('{"text": "fish"}')
    expect(debugger.root.get_by_test_id("lgviz-memory-item")).to_have_count(1)
    expect(debugger.memory_item("diet", FACTS)).to_be_visible()
    part(debugger, "search").fill('{"text": {"$near": 9}}')
    expect(debugger.error).to_contain_text("$near")
    expect(debugger.error).to_contain_text("$gt")
    part(debugger, "search").fill('{"text": ')
    expect(debugger.error).to_contain_text("no valid JSON")
    expect(part(debugger, "mode-query")).to_have_attribute("aria-disabled", "true")
    part(debugger, "search").press("Escape")
    expect(debugger.error).to_have_count(0)
    expect(part(debugger, "namespace").first).to_be_visible()


def test_meaning_is_searched(notebook: NotebookFactory) -> None:
    cell = """
from langgraph.store.memory import InMemoryStore
from lgviz.demos import memory
def embed(texts):
    return [[text.lower().count("pizza") + 0.01, text.lower().count("bicycle") + 0.01] for text in texts]
store = InMemoryStore(index={"embed": embed, "dims": 2, "fields": ["text"]})
graph = memory.build(saver, store)
memory.seed(graph, thread_id="1")
store.put(("likes",), "ride", {"text": "I own a bicycle"})
store.put(("likes",), "food", {"text": "I like pizza"})
"""
    debugger = opened(notebook, cell, OPEN)
    part(debugger, "mode-query").click()
    part(debugger, "search").fill("any pizza?")
    items = debugger.root.get_by_test_id("lgviz-memory-item")
    expect(items.first).to_have_attribute("data-key", "food")
    expect(items.first).to_contain_text(re.compile(r"[01]\.\d\d"))


def test_an_item_is_edited_added_and_deleted_after_it_was_shown(notebook: NotebookFactory) -> None:
    debugger = opened(notebook, KEEPING, OPEN, label="c17")
    page = debugger.page
    debugger.memory_item("diet", FACTS).click()
    expect(part(debugger, "edit")).to_have_attribute("aria-disabled", "true")
    debugger.inspector.get_by_role("button", name="see now").click()
    part(debugger, "edit").click()
    form = part(debugger, "form")
    text = form.get_by_label("value")
    text.fill('{"text": "vegan"')
    expect(form.get_by_role("alert").first).to_be_visible()
    expect(part(debugger, "write")).to_have_attribute("aria-disabled", "true")
    text.fill('{"text": "vegan"}')
    expect(part(debugger, "plan").get_by_test_id("lgviz-diff-change").first).to_contain_text("vegan")
    add_cell(page, "print('still', store.get(('users', 'mia', 'facts'), 'diet').value['text'])")
    output(page, "still fish")
    part(debugger, "write").click()
    expect(part(debugger, "version")).to_have_count(3)
    expect(part(debugger, "version").first).to_contain_text("outside a run")
    add_cell(page, "print('written', store.get(('users', 'mia', 'facts'), 'diet').value)")
    output(page, "written {'text': 'vegan'}")

    part(debugger, "add").click()
    form.get_by_label("namespace").fill("users.zoe")
    form.get_by_label("key").fill("likes")
    form.get_by_label("value").fill('{"text": "<b>tea</b>"}')
    part(debugger, "write").click()
    expect(debugger.memory_item("likes", "users.zoe")).to_contain_text("<b>tea</b>")
    part(debugger, "delete").click()
    expect(part(debugger, "deletion")).to_contain_text("Its versions stay")
    part(debugger, "delete-confirm").click()
    expect(debugger.memory_item("likes", "users.zoe")).to_have_count(0)
    expect(part(debugger, "version").first).to_have_attribute("data-kind", "removed")
    add_cell(page, "print('gone:', store.get(('users', 'zoe'), 'likes'))")
    output(page, "gone: None")


def test_the_code_reads_what_is_shown(notebook: NotebookFactory) -> None:
    debugger = opened(notebook, KEEPING, OPEN, label="c8")
    debugger.memory_item("diet", FACTS).click()
    code = debugger.copied(part(debugger, "open"))
    assert "as_of(c)" in code
    add_cell(
        debugger.page,
        code.strip().replace("graph.store", "found = graph.store") + "\nprint('then', found.value['text'])",
    )
    output(debugger.page, "then vegetarian")


def test_a_run_that_writes_is_seen_as_it_does(notebook: NotebookFactory) -> None:
    debugger = opened(notebook, KEEPING, OPEN, label="c17")
    part(debugger, "when").get_by_role("button", name="now").click()
    expect(debugger.memory_item("diet", FACTS)).to_contain_text("fish")
    add_cell(
        debugger.page, "_ = graph.invoke(memory.ask(4, 'I am vegan.'), memory.config_for('mia', 'another'))"
    )
    expect(debugger.memory_item("diet", FACTS)).to_contain_text("vegan")


def test_langgraphs_store_says_that_it_keeps_no_versions(notebook: NotebookFactory) -> None:
    debugger = opened(notebook, seeded("memory"), OPEN)
    expect(part(debugger, "note")).to_contain_text("keeps no versions")
    debugger.memory_item("diet", FACTS).click()
    expect(part(debugger, "open")).to_contain_text("fish")
    expect(part(debugger, "version")).to_have_count(0)
    part(debugger, "delete").click()
    expect(part(debugger, "deletion")).to_contain_text("cannot be undone")
    part(debugger, "delete-confirm").click()
    expect(debugger.memory_item("diet", FACTS)).to_have_count(0)


def test_without_a_store_it_says_how_to_give_one(notebook: NotebookFactory) -> None:
    debugger = opened(notebook, seeded("two_nodes"), OPEN, label="c3")
    expect(part(debugger, "none")).to_contain_text("store=store")


def test_keys_alone_walk_memory_and_none_reaches_the_notebook(notebook: NotebookFactory) -> None:
    debugger = opened(notebook, KEEPING, OPEN, label="c17")
    page, tree = debugger.page, part(debugger, "tree")
    cells = page.locator(".jp-Cell").count()
    expect(debugger.memory_item("diet", "users.ben.facts")).to_be_visible()
    tree.focus()
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    expect(debugger.memory_item("diet", "users.ben.facts")).to_have_attribute("aria-selected", "true")
    expect(part(debugger, "open")).to_contain_text("everything")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(debugger.memory_item("diet", "users.ben.facts")).to_have_count(0)
    page.keyboard.press("ArrowRight")
    expect(debugger.memory_item("diet", "users.ben.facts")).to_be_visible()
    for key in ("d", "d", "x", "b"):
        page.keyboard.press(key)
    assert page.locator(".jp-Cell").count() == cells


def test_a_hundred_thousand_items_take_no_more_elements(notebook: NotebookFactory) -> None:
    fill = """
from langgraph.store.memory import InMemoryStore
from langgraph.store.base import PutOp
from lgviz.demos import memory
store = InMemoryStore()
graph = memory.build(saver, store)
memory.seed(graph, thread_id="1")
store.batch([PutOp(("places",), f"k{n:06}", {"name": f"city {n}"}) for n in range(100_000)])
"""
    debugger = opened(notebook, fill, OPEN)
    part(debugger, "namespace").filter(has_text="places").click()
    tree = part(debugger, "tree")
    expect(tree).to_have_attribute("data-count", re.compile("100[0-9]{3}"))
    expect(debugger.memory_item("k000001")).to_be_visible()
    count = "root => root.querySelectorAll('*').length"
    before = debugger.inspector.evaluate(count)
    tree.evaluate("tree => { tree.scrollTop = 50_000 * 26; }")
    expect(debugger.memory_item("k050000")).to_be_visible()
    tree.evaluate("tree => { tree.scrollTop = tree.scrollHeight; }")
    expect(tree.get_by_test_id("lgviz-memory-namespace").last).to_be_visible()
    assert debugger.inspector.evaluate(count) < before + 200
    part(debugger, "search").fill("city 77777")
    expect(debugger.memory_item("k077777")).to_be_visible()
    expect(debugger.root.get_by_test_id("lgviz-memory-item")).to_have_count(1)


def test_what_is_remembered_is_only_ever_text(notebook: NotebookFactory) -> None:
    evil = "<img src=x onerror=alert(1)>"
    cell = f"{KEEPING}\nstore.put(('evil', {evil!r}), {evil!r}, {{{evil!r}: {evil!r}}})"
    dialogs: list[str] = []
    debugger = opened(notebook, cell, OPEN, label="c17")
    debugger.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    part(debugger, "when").get_by_role("button", name="now").click()
    debugger.memory_item(evil).click()
    expect(part(debugger, "open")).to_contain_text(evil)
    part(debugger, "version").get_by_role("button", name="Version 1").click()
    expect(part(debugger, "version-diff")).to_contain_text(evil)
    assert debugger.page.locator("img[src='x']").count() == 0
    assert not dialogs


def test_a_narrow_view_shows_the_list_or_the_item(notebook: NotebookFactory) -> None:
    debugger = opened(notebook, KEEPING, OPEN, label="c9", width=1400)
    expect(debugger.memory_item("diet", FACTS)).to_be_visible()
    expect(part(debugger, "open")).to_have_count(0)
    debugger.memory_item("diet", FACTS).click()
    expect(part(debugger, "open")).to_be_visible()
    expect(part(debugger, "tree")).to_have_count(0)
    debugger.inspector.get_by_role("button", name="All memory").click()
    expect(debugger.memory_item("diet", FACTS)).to_be_visible()
    # The list has the focus again; walking it opens nothing before Enter.
    for key in ("Home", "ArrowDown", "ArrowDown", "ArrowDown"):
        debugger.page.keyboard.press(key)
    expect(part(debugger, "open")).to_have_count(0)
    debugger.page.keyboard.press("Enter")
    expect(part(debugger, "open")).to_contain_text("everything")


ALONE = """
%load_ext lgviz
from langgraph.store.memory import InMemoryStore

store = InMemoryStore()
store.put(("users", "mia"), "diet", {"text": "vegetarian"})
store.put(("users", "mia"), "city", {"text": "Lisbon"})
%lgviz store
"""


def test_a_store_without_a_graph_shows_its_items(notebook: NotebookFactory) -> None:
    page = notebook([ALONE])
    root = page.get_by_test_id("lgviz-root")
    item = root.locator('[data-testid="lgviz-memory-item"][data-key="diet"]')
    expect(item).to_be_visible()
    item.click()
    expect(root.get_by_test_id("lgviz-memory-open")).to_contain_text("vegetarian")
