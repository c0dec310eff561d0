"""Graphs that a LangGraph server runs, in an environment of its own; they need no model and no network."""

import operator
from typing import Annotated, Any

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import RunnableConfig
from langgraph.config import get_store
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.types import Send, interrupt
from typing_extensions import TypedDict


class Notes(TypedDict, total=False):
    log: Annotated[list[str], operator.add]


class Talk(Notes, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    mood: str


class Count(TypedDict, total=False):
    n: int
    until: int


def plan(state: Talk) -> dict[str, Any]:
    get_store().put(("notes", "ann"), "mood", {"mood": state.get("mood", "calm")})
    return {"messages": [AIMessage("I have a plan", id="plan")], "log": ["plan"]}


def look(state: Notes) -> dict[str, Any]:
    return {"log": ["look"]}


def read(state: Notes) -> dict[str, Any]:
    return {"log": ["read"]}


def ask(state: Talk) -> dict[str, Any]:
    answer = interrupt({"question": "go on?"})
    if answer == "fail":
        raise ValueError("it was to fail")
    return {"messages": [AIMessage(f"you said {answer}", id="ask")], "log": ["ask"]}


def count(state: Count, config: RunnableConfig) -> dict[str, Any]:
    return {"n": state.get("n", 0) + config["configurable"].get("by", 1)}


def research() -> Any:
    """A graph that is a node of another."""
    inner = StateGraph(Notes).add_node("look", look).add_node("read", read)
    return inner.add_edge(START, "look").add_edge("look", "read").compile()


def agent() -> Any:
    """Plans, researches in a subgraph, asks."""
    graph = StateGraph(Talk).add_node("plan", plan).add_node("research", research()).add_node("ask", ask)
    return graph.add_edge(START, "plan").add_edge("plan", "research").add_edge("research", "ask")


def counter() -> Any:
    """Counts to ``until``, a step each: by one, or as the config says."""
    graph = StateGraph(Count).add_node("count", count)
    return graph.add_edge(START, "count").add_conditional_edges(
        "count", lambda state: "count" if state["n"] < state["until"] else END, ["count", END]
    )


def fan() -> Any:
    """Sends work to three tasks of one node, and asks after two nodes that both have to end."""
    graph = StateGraph(Notes).add_node("work", lambda part: {"log": [part["name"]]})
    graph.add_node("left", look).add_node("right", read).add_node("ask", ask)
    graph.add_conditional_edges(START, lambda _: [Send("work", {"name": name}) for name in "abc"], ["work"])
    return graph.add_edge("work", "right").add_edge("work", "left").add_edge(["left", "right"], "ask")


def nested() -> Any:
    """A subgraph in a subgraph, then one that keeps a history of its own."""
    outer = StateGraph(Notes).add_node("middle", research()).add_edge(START, "middle").compile()
    keeper = StateGraph(Notes).add_node("keep", read).add_edge(START, "keep").compile(checkpointer=True)
    graph = StateGraph(Notes).add_node("outer", outer).add_node("keeper", keeper)
    return graph.add_edge(START, "outer").add_edge("outer", "keeper")


served_agent, served_counter, served_fan = agent().compile(), counter().compile(), fan().compile()
served_nested = nested().compile()
