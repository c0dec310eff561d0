"""Predicting before acting, in a real JupyterLab: the question, the answer, the act, and the report."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import NotebookFactory, add_cell, output

REPORT = "from lgviz import learn; print([(r.kind, r.asked, r.right) for r in learn.report()])"


def predicting(debugger: Debugger) -> Locator:
    """The card of questions, once predicting is turned on."""
    debugger.root.get_by_test_id("lgviz-menu").click()
    debugger.root.get_by_test_id("lgviz-predict-toggle").click()
    return debugger.root.get_by_test_id("lgviz-predict")


def test_a_step_and_a_fork_are_predicted_before_they_are_done(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("two_nodes"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    card = predicting(debugger)
    debugger.select("c2")
    expect(debugger.root.get_by_test_id("lgviz-next")).not_to_contain_text("node_b")
    debugger.root.get_by_test_id("lgviz-step").click()
    expect(card).to_contain_text("Which nodes run in the next step?")
    expect(debugger.row("c6")).to_have_count(0)
    card.get_by_role("radio", name="node_b", exact=True).check()
    page.keyboard.press("Enter")
    told = card.get_by_test_id("lgviz-predict-told")
    expect(told).to_contain_text("Right: node_b comes next.")
    expect(debugger.row("c7")).to_have_attribute("aria-selected", "true")

    debugger.fork("c4")  # not where the run began: who is there is taken along when it ends
    debugger.write("bar", '["x"]', mode="append")
    debugger.as_node("node_a")
    expect(debugger.preview).to_have_count(0)
    debugger.commit()
    expect(card).to_contain_text("What is bar afterwards?")
    chosen = debugger.root.locator('[data-testid="lgviz-row"][aria-selected="true"]')
    expect(chosen).to_have_attribute("data-label", "c4")
    card.get_by_role("radio", name='["x"]', exact=True).check()
    card.get_by_test_id("lgviz-predict-answer").click()
    expect(told).to_contain_text('No: bar is ["a", "edit", "x"].')
    expect(chosen).to_contain_text("as node_a")
    card.get_by_test_id("lgviz-predict-close").click()
    expect(card).to_have_count(0)
    add_cell(page, REPORT)
    output(page, "[('next', 1, 1), ('value', 1, 0)]")


def test_a_run_that_is_cancelled_is_not_run_and_a_skipped_one_is(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("agent"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    card = predicting(debugger)
    debugger.select("c4")
    debugger.root.get_by_test_id("lgviz-run-here").click()
    expect(card).to_contain_text("Which nodes run, and how often")
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    debugger.root.get_by_test_id("lgviz-run-here").click()
    expect(card).to_be_visible()
    expect(debugger.row("c21")).to_have_count(0)
    card.get_by_test_id("lgviz-predict-skip").click()
    expect(debugger.row("c21")).to_be_visible()
    expect(card).to_have_count(0)
