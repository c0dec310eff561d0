"""Starting in a real JupyterLab: a graph without threads, a chat's turns, a form with a context."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.axe import AXE, RUN
from tests.support.debugger_page import SETUP, Debugger
from tests.support.lab import NotebookFactory, add_cell, output

CHAT = """
import asyncio
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from lgviz.persistence import MemorySaver
gate = asyncio.Event()
async def answer(state: MessagesState):
    said = state["messages"][-1].content
    if said == "wait":
        await gate.wait()
    return {"messages": [AIMessage(f"heard {said}")]}
graph = StateGraph(MessagesState).add_node(answer).add_edge(START, "answer").compile(checkpointer=MemorySaver())
"""
TYPED = """
from dataclasses import dataclass
from typing import Literal, TypedDict
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from lgviz.persistence import MemorySaver
class State(TypedDict):
    topic: str
    length: int
    tone: Literal["calm", "loud"]
@dataclass
class Person:
    user: str
def write(state: State, runtime: Runtime[Person]):
    return {"topic": f"{state['topic']} for {runtime.context.user}"}
typed = StateGraph(State, context_schema=Person).add_node(write).add_edge(START, "write").compile(
    checkpointer=MemorySaver())
"""


def test_a_chat_begins_where_no_thread_is_and_goes_on_in_one_box(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, CHAT, "%lgviz graph"])
    debugger = Debugger(page)
    root = debugger.root
    expect(root.get_by_test_id("lgviz-empty")).to_contain_text("No checkpoint yet")
    expect(root.get_by_test_id("lgviz-start-thread")).to_have_value("thread-1")
    box, send = root.get_by_test_id("lgviz-start-message"), root.get_by_test_id("lgviz-start-run")
    expect(send).to_have_attribute("aria-disabled", "true")
    page.add_script_tag(path=AXE)
    assert root.evaluate(RUN) == []
    box.fill("hi")
    box.press("Control+Enter")
    expect(debugger.row("c2")).to_have_attribute("aria-selected", "true")
    expect(debugger.inspector).to_contain_text("heard hi")
    assert root.evaluate(RUN) == []
    # The same box takes the next turn, and what was said stays above it.
    expect(box).to_be_focused()
    expect(box).to_have_value("")
    box.fill("wait")
    box.press("Control+Enter")
    expect(root.get_by_test_id("lgviz-run")).to_contain_text("answer")
    expect(debugger.inspector.get_by_text("wait", exact=True).first).to_be_visible()
    root.get_by_test_id("lgviz-stop-now").click()
    expect(root.get_by_test_id("lgviz-run")).to_have_attribute("data-status", "stopped")
    expect(root.get_by_test_id("lgviz-start-form")).to_contain_text("has not finished: answer comes next")
    # An older turn can be followed by another one, on a branch.
    debugger.select("c2")
    expect(root.get_by_test_id("lgviz-start-form")).to_contain_text("after c2, on a new branch")
    box.fill("else")
    code = debugger.copied(root.get_by_test_id("lgviz-start-form"))
    assert "lgviz.run(" in code and "{'messages': [{'role': 'user', 'content': 'else'}]}" in code
    page.keyboard.press("Escape")
    box.press("Control+Enter")
    expect(debugger.inspector).to_contain_text("heard else")
    box.press("Escape")
    expect(root.get_by_test_id("lgviz-next-turn")).to_be_focused()
    add_cell(page, "print(lgviz.history(graph).threads, len(lgviz.history(graph).heads))")
    output(page, "['thread-1'] 2")


def test_a_form_is_checked_before_anything_is_sent(notebook: NotebookFactory) -> None:
    page = notebook(
        [SETUP, TYPED, "lgviz.start(typed, {'topic': 'a'}, 'first', context=Person('Ann'))", "%lgviz typed"]
    )
    debugger = Debugger(page)
    root = debugger.root
    root.get_by_test_id("lgviz-thread-picker").click()
    root.get_by_test_id("lgviz-thread-new").click()
    form, thread = root.get_by_test_id("lgviz-start-form"), root.get_by_test_id("lgviz-start-thread")
    thread.fill("first")
    form.get_by_role("textbox", name="topic").fill("cats")
    form.get_by_role("textbox", name="length").fill("long")
    form.get_by_role("button", name="calm").click()
    start = root.get_by_test_id("lgviz-start-run")
    start.click()
    expect(form.get_by_text("This must be a whole number.")).to_be_visible()
    page.add_script_tag(path=AXE)
    assert root.evaluate(RUN) == []
    expect(form.get_by_role("textbox", name="user")).to_have_attribute("aria-invalid", "true")
    form.get_by_role("textbox", name="length").fill("7")
    form.get_by_role("textbox", name="user").fill("Bob")
    start.click()
    expect(form.get_by_text("Thread 'first' has checkpoints already.")).to_be_visible()
    thread.fill("second")
    code = debugger.copied(form)
    assert "Person(user='Bob')" in code
    page.keyboard.press("Escape")
    start.click()
    expect(root.get_by_test_id("lgviz-thread-picker")).to_contain_text("second")
    expect(debugger.inspector).to_contain_text("cats for Bob")
    root.get_by_test_id("lgviz-next-turn").click()
    expect(form).to_contain_text("after c2")
    form.get_by_role("textbox", name="topic").fill("dogs")
    form.get_by_role("textbox", name="topic").press("Control+Enter")
    expect(debugger.row("c5")).to_have_attribute("aria-selected", "true")
    expect(debugger.inspector).to_contain_text("dogs for Bob")
    add_cell(page, code + "\nprint(lgviz.history(typed).threads)")
    output(page, "['second', 'first']")
