"""The gutter of the State tab in a real JupyterLab: who set each part, and landing where it was set."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.support.debugger_page import SETUP, Debugger
from tests.support.lab import NotebookFactory

GRAPH = """
import operator
from typing import Annotated
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.graph import START, MessagesState, StateGraph

class State(MessagesState):
    files: Annotated[dict, operator.or_]
    plan: str
    seen: Annotated[list[str], operator.add]

text = "# Plan\\nfly to Porto\\ntake the train to Braga\\nstay two nights\\n" + "walk a lot\\n" * 30
def agent(state):
    return {"messages": [AIMessage("I would fly to Porto.", id="a1")], "plan": "ask",
            "files": {"plan.md": text}, "seen": ["Porto"]}
def tools(state):
    return {"messages": [ToolMessage("Sold out.", tool_call_id="1", id="t1")], "seen": ["Braga"]}
def critic(state):
    return {"messages": [AIMessage("I would take the train.", id="a1")], "plan": "book",
            "files": {"plan.md": text.replace("fly to Porto", "train to Porto")}}
builder = StateGraph(State)
for name, node in {"agent": agent, "tools": tools, "critic": critic}.items():
    builder.add_node(name, node)
builder.add_edge(START, "agent").add_edge("agent", "tools").add_edge("tools", "critic")
graph = builder.compile(checkpointer=saver)
_ = graph.invoke({"messages": [HumanMessage("To Braga, please.", id="h1")]}, {"configurable": {"thread_id": "1"}})
"""


def marks(within: Locator) -> list[str]:
    """What the marks say that have words."""
    found = within.get_by_test_id("lgviz-origin")
    return found.evaluate_all(
        "(all) => all.map((one) => [...one.children].map((part) => part.innerText).join(' '))"
    )


def test_one_goes_back_along_the_gutter(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, GRAPH, "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    inspector = debugger.inspector
    messages = inspector.locator('[data-channel="messages"]')
    debugger.select("c3")
    expect(inspector.locator('[data-channel="plan"]').get_by_test_id("lgviz-origin")).to_have_text(
        "since c2 · agent"
    )
    debugger.select("c4")
    gutter = inspector.get_by_test_id("lgviz-gutter")
    expect(gutter).to_have_attribute("aria-pressed", "false")
    gutter.click()
    expect(messages.get_by_test_id("lgviz-origin")).to_have_count(4)
    assert marks(messages) == ["c4 critic", "c1 __start__", "c4 critic", "c3 tools"]
    assert marks(inspector.locator('[data-channel="seen"]')) == ["c3 tools", "c2 agent", "c3 tools"]
    inspector.locator('[data-channel="files"]').get_by_title("plan.md", exact=True).click()
    lines = inspector.locator(".lgviz-long-line")
    expect(lines.nth(1).get_by_test_id("lgviz-origin")).to_have_attribute("data-label", "c4")
    expect(lines.nth(2).get_by_test_id("lgviz-origin")).to_have_attribute("data-label", "c2")

    # What this checkpoint set itself leads to what was before, and on to where that was set.
    edited = messages.get_by_role("button", name="Set by c4 · critic, there since c2").last
    edited.click()
    expect(debugger.row("c3")).to_have_attribute("aria-selected", "true")
    landed = inspector.locator(".is-landed")
    expect(landed).to_contain_text("I would fly to Porto.")
    landed.get_by_role("button", name="Set by c2 · agent").click()
    expect(debugger.row("c2")).to_have_attribute("aria-selected", "true")
    expect(landed).to_contain_text("I would fly to Porto.")
    expect(landed).to_be_in_viewport()
    origin = landed.get_by_test_id("lgviz-origin")
    expect(origin).to_have_attribute("aria-disabled", "true")

    # A line of a text, by the keyboard.
    debugger.select("c4")
    lines.nth(2).get_by_test_id("lgviz-origin").focus()
    page.keyboard.press("Enter")
    expect(debugger.row("c2")).to_have_attribute("aria-selected", "true")
    expect(inspector.locator("mark.lgviz-found").first).to_have_text("take the train to Braga")
    gutter.click()
    expect(inspector.locator(".lgviz-origin")).to_have_count(0)
