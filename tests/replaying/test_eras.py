"""Databases that LangGraph wrote from 2024 on are served where their rows allow it, and say so where not."""

from __future__ import annotations

from collections import Counter
from operator import add
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

from lgviz.replaying.run import replay
from lgviz.replaying.upgrade import check_upgrade

calls: Counter[str] = Counter()


class Pair(TypedDict):
    foo: str
    bar: Annotated[list[str], add]


class Chat(TypedDict):
    messages: Annotated[list[Any], add_messages]


class Sides(TypedDict):
    left: str | None
    right: str | None
    log: Annotated[list[str], add]


def _said(name: str, value: Any) -> Any:
    def run(state: Any) -> Any:
        calls[name] += 1
        return value(state) if callable(value) else value

    return run


def two_nodes() -> Any:
    builder = StateGraph(Pair)
    for letter in "ab":
        builder.add_node(f"node_{letter}", _said(f"node_{letter}", {"foo": letter, "bar": [letter]}))
    builder.add_edge(START, "node_a").add_edge("node_a", "node_b").add_edge("node_b", END)
    return builder.compile()


def chat() -> Any:
    def model(state: Chat) -> dict[str, Any]:
        last = state["messages"][-1]
        if isinstance(last, HumanMessage):
            call = {"name": "search", "args": {"q": last.content}, "id": "call_1"}
            return {"messages": [AIMessage("", tool_calls=[call])]}
        return {"messages": [AIMessage("It is sunny in Lisbon.")]}

    tool = {"messages": [ToolMessage("sunny, 24C", tool_call_id="call_1", name="search")]}
    builder = StateGraph(Chat)
    builder.add_node("model", _said("model", model)).add_node("tool", _said("tool", tool))
    builder.add_edge(START, "model").add_edge("tool", "model")
    goes = lambda state: "tool" if state["messages"][-1].tool_calls else END  # noqa: E731
    builder.add_conditional_edges("model", goes, ["tool", END])
    return builder.compile(interrupt_before=["tool"])


def sides() -> Any:
    builder = StateGraph(Sides)
    for name, wrote in {
        "fan": {"log": ["fan"]},
        "do_left": {"left": "done", "log": ["left"]},
        "do_right": {"right": "done"},
    }.items():
        builder.add_node(name, _said(name, wrote))
    builder.add_edge(START, "fan").add_edge("fan", "do_left").add_edge("fan", "do_right")
    return builder.compile()


def nested() -> Any:
    inner = StateGraph(Chat)
    inner.add_node("inner", _said("inner", {"messages": [AIMessage("inner says hi")]}))
    inner.add_edge(START, "inner")
    builder = StateGraph(Chat)
    builder.add_node("child", inner.compile()).add_edge(START, "child")
    return builder.compile()


SAME = {
    "chat-1": (chat, {"model": 2, "tool": 1}),
    "fail-1": (sides, {"fan": 1}),
    "sub-1": (nested, {"inner": 1}),
}


@pytest.mark.parametrize("era", ["v2025_08", "v2026_11"])
@pytest.mark.parametrize("thread", SAME)
def test_what_is_stored_is_served(era: str, thread: str, shared_data: Path) -> None:
    build, served = SAME[thread]
    calls.clear()
    found = replay(build(), shared_data / "databases" / f"langgraph_{era}.db", thread)[thread]
    assert (found.verdict, found.served, calls) == ("same", Counter(served), Counter()), found.reason


@pytest.mark.parametrize("era", ["v2025_08", "v2026_11"])
def test_an_update_without_its_node_is_made_as_one_that_leads_to_the_same(
    era: str, shared_data: Path
) -> None:
    calls.clear()
    found = replay(two_nodes(), shared_data / "databases" / f"langgraph_{era}.db", "seed-1")["seed-1"]
    assert (found.verdict, calls) == ("same", Counter()), found.reason
    assert [branch.verdict for branch in found.branches] == ["same", "same"]


@pytest.mark.parametrize("thread", SAME)
def test_what_2024_stored_is_unknown_and_runs_nothing(thread: str, shared_data: Path) -> None:
    calls.clear()
    found = replay(SAME[thread][0](), shared_data / "databases" / "langgraph_v2024_08.db", thread)[thread]
    assert (found.verdict, calls) == ("unknown", Counter())
    assert "2024" in found.reason


@pytest.mark.parametrize("era", ["v2024_08", "v2025_08", "v2026_11"])
def test_the_graph_that_made_them_can_go_on_with_all(era: str, shared_data: Path) -> None:
    calls.clear()
    builds = {thread: build for thread, (build, _) in SAME.items()} | {"seed-1": two_nodes}
    for thread, build in builds.items():
        found = check_upgrade(build(), shared_data / "databases" / f"langgraph_{era}.db", thread)
        assert found.ok and not calls, found
