"""Questions in a real JupyterLab: decisions on an agent's tools, forms of a schema, answering anew."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.cells import AGENT, FORM
from tests.support.debugger_page import SETUP, Debugger
from tests.support.lab import NotebookFactory, add_cell, output


def test_one_action_is_approved_one_edited_one_rejected(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, AGENT, "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    debugger.select("c2")
    question = debugger.root.get_by_test_id("lgviz-interrupt")
    expect(question).to_contain_text("refund, send_mail and close wait for a decision")
    expect(question.get_by_role("button", name="true")).to_have_count(0)
    refund, mail, close = (question.get_by_test_id("lgviz-hitl-action").nth(i) for i in range(3))
    resume = question.get_by_test_id("lgviz-resume")
    expect(close.locator("[data-decision]")).to_have_count(2)
    refund.locator('[data-decision="approve"]').click()
    expect(resume).to_have_attribute("aria-disabled", "true")
    mail.locator('[data-decision="edit"]').click()
    mail.get_by_label("to", exact=True).fill("bob@example.org")
    mail.get_by_label("body", exact=True).fill("Dear Bob,\ngood news.")
    close.get_by_role("button", name="reject").press("Enter")  # the rest by keyboard alone
    page.keyboard.type("keep it open")
    expect(resume).to_have_text("Answer all 3 & resume")
    page.keyboard.press("Control+Enter")
    expect(debugger.root.locator('[data-testid="lgviz-run"][data-status="done"]')).to_be_visible()
    debugger.select("c2")
    expect(question.locator(".lgviz-decided")).to_contain_text(["approve", "bob@example.org", "keep it open"])
    add_cell(
        page,
        "told = {m.name: m.content for m in lgviz.history(graph, '1').latest.values['messages'] if m.type == 'tool'}\n"
        "print(told['refund'], '|', told['send_mail'].splitlines()[-2:], '|', told['close'][-12:])",
    )
    output(page, "refunded A-2: 21.0 | ['sent to bob@example.org: Dear Bob,', 'good news.'] | keep it open")


def test_a_form_is_checked_at_its_fields_and_an_answer_that_failed_is_given_anew(
    notebook: NotebookFactory,
) -> None:
    page = notebook([SETUP, FORM, "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    debugger.select("c1")
    question = debugger.root.get_by_test_id("lgviz-interrupt")
    nights = question.get_by_label("nights", exact=True)
    nights.fill("0")
    question.get_by_role("button", name="window").click()
    question.get_by_test_id("lgviz-resume").click()
    expect(question.get_by_role("alert")).to_have_text("This is less than or equal to the minimum of 0.")
    expect(nights).to_have_attribute("aria-invalid", "true")
    nights.fill("21")
    nights.press("Control+Enter")
    expect(debugger.root.locator('[data-testid="lgviz-run"][data-status="failed"]')).to_be_visible()
    expect(question).to_contain_text("Answered with")
    question.get_by_test_id("lgviz-answer-anew").click()
    question.get_by_label("nights", exact=True).fill("2")
    question.get_by_role("button", name="JSON").click()
    written = question.get_by_label("Answer to ask as JSON")
    expect(written).to_have_value('{"nights": 2, "seat": "window"}')
    written.fill('{"nights": 3, "seat": "aisle", "note": "late"}')
    question.get_by_test_id("lgviz-resume").click()
    expect(debugger.root.locator('[data-testid="lgviz-run"][data-status="done"]')).to_be_visible()
    add_cell(page, "print(lgviz.history(graph, '1').latest.values['told'])")
    output(page, "{'nights': 3, 'seat': 'aisle', 'note': 'late'}")
