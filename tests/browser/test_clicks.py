"""The table of clicks in ``docs/DEBUGGER.md``: each task is done with a mouse, and the browser counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import NotebookFactory

REPO = Path(__file__).resolve().parents[2]
ASKING = f"""import sys; sys.path.append({str(REPO)!r})
from tests.support.agents import ASK, CALLS, asking_agent
asking = asking_agent(saver, calls=CALLS[:2])
_ = asking.invoke(ASK, {{"configurable": {{"thread_id": "asking"}}}})
"""
FAILED = """
from operator import add
from typing import Annotated, TypedDict
from langgraph.graph import START, StateGraph
class S(TypedDict):
    log: Annotated[list, add]
broken = {"n1", "n3"}
def node(name):
    def node(state):
        if name in broken:
            broken.discard(name)
            raise ConnectionError(name)
        return {"log": [name]}
    return node
b = StateGraph(S)
for i in range(10):
    b.add_node(f"n{i}", node(f"n{i}")); b.add_edge(f"n{i - 1}" if i else START, f"n{i}")
chain = b.compile(checkpointer=saver)
try:
    chain.invoke({"log": []}, {"configurable": {"thread_id": "chain"}})
except ConnectionError:
    pass
"""
COUNTER = (
    "() => { window.clicks = 0; addEventListener('click', (e) => { if (e.isTrusted) clicks++; }, true); }"
)


def clicks_told() -> dict[str, int]:
    """The clicks of each task by the table."""
    rows = re.findall(r"^\| ([A-Z][^|]+?) \| (\d+) \|", (REPO / "docs/DEBUGGER.md").read_text(), re.MULTILINE)
    return {task: int(clicks) for task, clicks in rows}


class Counted:
    """The tasks that were done, each with its clicks."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks: dict[str, int] = {}
        page.evaluate(COUNTER)

    @contextmanager
    def __call__(self, task: str) -> Iterator[None]:
        before = self.page.evaluate("clicks")
        yield
        self.clicks[task] = self.page.evaluate("clicks") - before


def test_each_task_takes_the_clicks_that_the_table_tells(notebook: NotebookFactory) -> None:
    shown = ["%lgviz graph --thread 1", "%lgviz asking --thread asking", "%lgviz chain --thread chain"]
    page = notebook([SETUP, seeded("agent"), ASKING, FAILED, *shown])
    page.set_viewport_size({"width": 1440, "height": 900})
    agent, asking, chain = (Debugger(page, number) for number in range(3))
    counted = Counted(page)
    trip(agent, counted)
    questions(asking, counted)
    failed_chain(chain, counted)
    assert counted.clicks == clicks_told()


def trip(debugger: Debugger, counted: Counted) -> None:
    root = debugger.root
    done = root.locator('[data-testid="lgviz-run"][data-status="done"]')
    expect(debugger.row("c20")).to_have_attribute("aria-selected", "true")
    with counted("Compare two checkpoints"):
        debugger.row("c18").click(modifiers=["ControlOrMeta"])
        expect(debugger.inspector.get_by_test_id("lgviz-diff-change").first).to_be_visible()
    debugger.select("c3")
    with counted("Find where a channel changed"):
        debugger.row("c3").locator('[data-testid="lgviz-chip"][data-channel="reservation"]').click()
        expect(root.get_by_test_id("lgviz-filterbar")).to_contain_text("4 of 21")
    root.get_by_role("button", name="Take the filter").first.click()
    with counted("Look for a text in all checkpoints"):
        debugger.search.click()
        debugger.page.keyboard.type("sold out")
        root.get_by_role("option").first.click()
        expect(debugger.inspector.locator("mark").first).to_have_text("sold out")
    debugger.search.fill("")
    debugger.select("c5")
    debugger.tab("state")
    with counted("Run again from here"):
        root.get_by_test_id("lgviz-run-here").click()
        expect(done).to_be_visible()
    debugger.select("c6")
    with counted("Edit one message and run on"):
        debugger.inspector.get_by_role("button", name="Edit message 1 in a fork").click()
        expect(debugger.field("messages").get_by_role("textbox")).to_be_focused()
        debugger.page.keyboard.type(" Now.")
        expect(root.get_by_test_id("lgviz-fork-run")).not_to_have_attribute("aria-disabled", "true")
        debugger.commit(run=True)
        expect(debugger.row("c6")).not_to_have_attribute("aria-selected", "true")
        expect(done).to_be_visible()
    with counted("Start a thread"):
        root.get_by_test_id("lgviz-start").click()
        expect(root.get_by_test_id("lgviz-start-message")).to_be_focused()
        debugger.page.keyboard.type("hello")
        root.get_by_test_id("lgviz-start-run").click()
        expect(debugger.inspector).to_contain_text("Which reservation is it?")


def questions(debugger: Debugger, counted: Counted) -> None:
    question = debugger.root.get_by_test_id("lgviz-interrupt")
    refund, mail = (question.get_by_test_id("lgviz-hitl-action").nth(i) for i in range(2))
    with counted("Approve one action, edit the other"):
        refund.locator('[data-decision="approve"]').click()
        mail.locator('[data-decision="edit"]').click()
        expect(mail.get_by_label("to", exact=True)).to_be_focused()
        debugger.page.keyboard.press("ControlOrMeta+a")
        debugger.page.keyboard.type("bob@example.org")
        debugger.page.keyboard.press("ControlOrMeta+Enter")
        expect(debugger.root.locator('[data-testid="lgviz-run"][data-status="done"]')).to_be_visible()


def failed_chain(debugger: Debugger, counted: Counted) -> None:
    root, run = debugger.root, debugger.root.get_by_test_id("lgviz-run")
    with counted("Resume what failed, nothing twice"):
        root.get_by_test_id("lgviz-resume").click()
        expect(debugger.row("c4")).to_have_attribute("aria-selected", "true")
    expect(run).to_have_attribute("data-status", "failed")
    with counted("Step three times"):
        for label in ("c5", "c6", "c7"):
            root.get_by_test_id("lgviz-step").click()
            expect(debugger.row(label)).to_have_attribute("aria-selected", "true")
    with counted("Run up to a node"):
        root.get_by_role("button", name="Graph").click()
        root.locator('[data-testid="lgviz-breakpoint"][data-node="n8"][data-when="before"]').click()
        root.get_by_test_id("lgviz-resume").click()
        expect(run).to_contain_text("paused before n8")
