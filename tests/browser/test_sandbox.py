"""A sandbox in the debugger: its rows are dashed until they are kept, and gone once discarded."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.support.cells import MEMORY
from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import NotebookFactory, add_cell, output

CELLS = [SETUP, MEMORY, "debugger = lgviz.debug(graph, '1', name='graph'); debugger"]
STORED = """
held = [graph.get_state_history({"configurable": {"thread_id": "1"}})]
print("stored:", len(list(held[0])), sorted(i.key for i in graph.store.search(memory.facts_of("mia"))))
"""
DINNER = '{"role": "user", "content": "Where should I have dinner? I live in Braga.", "id": "human-9"}'
DASHED = re.compile("is-sandbox")


def begun(debugger: Debugger) -> None:
    """Another turn, run in a sandbox."""
    debugger.fork("c14")
    debugger.write("messages", DINNER)
    debugger.as_node("__start__")
    debugger.root.get_by_test_id("lgviz-sandbox").click()
    expect(debugger.row("s4")).to_be_visible()
    expect(debugger.keep).to_have_attribute("aria-disabled", "false")


def test_dashed_rows_become_solid_when_kept(notebook: NotebookFactory) -> None:
    debugger = Debugger(notebook(CELLS))
    expect(debugger.row("c17")).to_be_visible()
    begun(debugger)
    for label in ("s1", "s2", "s3", "s4"):
        expect(debugger.row(label)).to_have_class(DASHED)
    assert debugger.root.locator(".lgviz-edges path.is-sandbox").count() >= 3
    expect(debugger.box).to_contain_text("from c14 · 4 checkpoints · 1 memory · memory as of 20")
    expect(debugger.box.get_by_role("listitem")).to_have_text(
        re.compile("added.*users / mia / facts home.*Braga")
    )
    add_cell(debugger.page, STORED)
    output(debugger.page, "stored: 18 ['diet']")
    # read like any other
    debugger.select("s3")
    expect(debugger.tab("state")).to_contain_text("ceviche")
    expect(debugger.tab("writes")).to_contain_text("reply")
    debugger.keep.click()
    expect(debugger.row("c21")).to_be_visible()
    expect(debugger.row("s1")).to_have_count(0)
    expect(debugger.box).to_have_count(0)
    expect(debugger.row("c18")).not_to_have_class(DASHED)
    expect(debugger.row("c20")).to_have_attribute("aria-selected", "true")
    add_cell(debugger.page, STORED)
    output(debugger.page, "stored: 22 ['diet', 'home']")


def test_it_is_still_open_in_another_view_of_the_debugger(notebook: NotebookFactory) -> None:
    page = notebook(CELLS)
    debugger = Debugger(page)
    debugger.select("c3")
    debugger.more("lgviz-sandbox-here").click()
    expect(debugger.row("s2")).to_be_visible()
    add_cell(page, "debugger")
    again = Debugger(page, 1)
    expect(again.row("s2")).to_have_class(DASHED)
    expect(again.box).to_contain_text("from c3 · 2 checkpoints")
    again.keep.click()
    for view in (debugger, again):
        expect(view.row("c19")).to_be_visible()
        expect(view.box).to_have_count(0)


def test_keeping_asks_before_it_writes_over_a_memory(notebook: NotebookFactory) -> None:
    page = notebook(CELLS)
    debugger = Debugger(page)
    begun(debugger)
    add_cell(page, "graph.store.put(memory.facts_of('mia'), 'home', {'text': 'Lagos'}); print('she moved')")
    output(page, "she moved")
    debugger.keep.click()
    asked = debugger.root.get_by_test_id("lgviz-sandbox-conflict")
    expect(asked).to_contain_text("home")
    expect(debugger.row("s4")).to_be_visible()
    asked.get_by_role("button", name="Not now").click()
    expect(asked).to_have_count(0)
    debugger.keep.click()
    debugger.root.get_by_test_id("lgviz-keep-overwrite").click()
    expect(debugger.row("c21")).to_be_visible()
    add_cell(page, "print('home:', graph.store.get(memory.facts_of('mia'), 'home').value['text'])")
    output(page, "home: Braga")


def test_a_question_is_answered_in_a_sandbox(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("approval"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    debugger.select("c9")
    debugger.root.get_by_role("textbox", name="Answer to review").fill("approve")
    debugger.root.get_by_test_id("lgviz-resume-sandbox").click()
    expect(debugger.row("s2")).to_have_attribute("aria-selected", "true")
    debugger.root.get_by_test_id("lgviz-discard").click()
    expect(debugger.row("c9")).to_have_attribute("aria-selected", "true")
    expect(debugger.root.get_by_test_id("lgviz-resume")).to_be_visible()


def test_discarded_its_rows_are_gone(notebook: NotebookFactory) -> None:
    debugger = Debugger(notebook(CELLS))
    debugger.select("c1")
    debugger.more("lgviz-sandbox-here").click()
    expect(debugger.row("s4")).to_have_attribute("aria-selected", "true")
    # memory as of then: by now she eats fish
    expect(debugger.tab("state")).to_contain_text("vegetarian")
    # a second one is not offered while this one is open
    debugger.select("c4")
    expect(debugger.more("lgviz-sandbox-here")).to_have_attribute("aria-disabled", "true")
    debugger.select("s2")
    debugger.root.get_by_test_id("lgviz-discard").click()
    expect(debugger.row("s2")).to_have_count(0)
    expect(debugger.box).to_have_count(0)
    expect(debugger.row("c1")).to_have_attribute("aria-selected", "true")
    expect(debugger.root.locator(".lgviz-edges path.is-sandbox")).to_have_count(0)
