"""Graphs that functions call, and graphs that are nodes: what is live in them, has effects, or was answered."""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import replace
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Send, interrupt

import lgviz
from lgviz.replaying.work import ThreadWork
from lgviz.session import nodes_of

CONFIG: Any = {"configurable": {"thread_id": "1"}}


class State(TypedDict, total=False):
    log: Annotated[list[Any], operator.add]
    item: int


def built(calls: Counter[str], *, called: bool, new: str = "", checkpointer: Any = None) -> Any:
    """A node ``sub`` that is a graph, or a function that calls it, with ``pay`` inside."""

    def pay(_state: State) -> Any:
        calls["pay"] += 1
        return {"log": [f"paid{new}"]}

    inner = StateGraph(State).add_node(pay).add_edge(START, "pay").compile(checkpointer=checkpointer)

    def function(_state: State) -> Any:
        calls["function"] += 1
        return {"log": inner.invoke({"log": []})["log"]}

    builder = StateGraph(State).add_node("sub", function if called else inner).add_edge(START, "sub")
    return builder.compile(checkpointer=InMemorySaver())


def run(**how: Any) -> tuple[Any, Counter[str]]:
    calls: Counter[str] = Counter()
    graph = built(calls, **how)
    graph.invoke({"log": ["go"]}, CONFIG)
    calls.clear()
    return graph, calls


@pytest.mark.parametrize("effects", [(), "pay", "sub"])
def test_a_function_is_answered_with_the_graph_that_it_calls(effects: Any) -> None:
    graph, calls = run(called=True)
    found = lgviz.replay(graph, graph, effects=effects)["1"]
    assert (found.verdict, found.served, calls) == ("same", Counter(["sub"]), Counter()), found.reason
    again = lgviz.run(graph, "c1", thread_id="1", reuse={"effects": effects})
    assert (again.status, again.served, calls) == ("done", Counter(["sub"]), Counter())


@pytest.mark.parametrize("live", ["sub", "pay", "sub|pay"])
@pytest.mark.parametrize("called", [False, True])
def test_new_code_in_a_subgraph_is_seen_by_whichever_name(live: str, called: bool) -> None:
    graph, _ = run(called=called)
    calls: Counter[str] = Counter()
    found = lgviz.replay(built(calls, called=called, new=" twice"), graph, live=live)["1"]
    assert (found.verdict, calls["pay"]) == ("parted", 1), found.reason


@pytest.mark.parametrize("effects", ["sub", "pay", "sub|pay"])
@pytest.mark.parametrize("called", [False, True])
def test_effects_in_a_subgraph_are_not_had_unasked(effects: str, called: bool) -> None:
    graph, calls = run(called=called)
    found = lgviz.replay(graph, graph, live=["sub", "pay"], effects=effects)["1"]
    assert (found.verdict, calls) == ("failed", Counter()), found.reason
    assert lgviz.run(graph, "c1", thread_id="1", reuse={"live": "sub", "effects": effects}).status == "failed"
    assert not calls


def test_a_function_whose_graph_has_its_own_history_is_not_answered() -> None:
    graph, calls = run(called=True, checkpointer=True)
    found = lgviz.replay(graph, graph)["1"]
    assert (found.verdict, calls) == ("unknown", Counter())
    assert "a graph with a history of its own" in found.reason and "name the node in live" in found.reason
    live = lgviz.replay(graph, graph, live="sub")["1"]
    assert (live.verdict, calls) == ("same", Counter(function=1, pay=1)), live.reason


def _ask(state: State) -> Any:
    return {"log": [(state.get("item"), interrupt("first"), interrupt("second"))]}


def _inner() -> Any:
    return StateGraph(State).add_node("ask", _ask).add_edge(START, "ask").compile()


def _as_node() -> Any:
    return StateGraph(State).add_node("sub", _inner()).add_edge(START, "sub")


def _called() -> Any:
    inner = _inner()
    function = lambda state: {"log": inner.invoke({"log": []})["log"]}  # noqa: E731
    return StateGraph(State).add_node("sub", function).add_edge(START, "sub")


def _sent() -> Any:
    router = lambda _state: [Send("ask", {"item": item}) for item in (1, 2, 1)]  # noqa: E731
    return StateGraph(State).add_node("ask", _ask).add_conditional_edges(START, router, ["ask"])


def _tasks() -> Any:
    asked = task(name="asked")(lambda number: interrupt(f"question {number}"))

    def flow(_log: Any) -> Any:
        return [each.result() for each in [asked(0), asked(1)]]

    return entrypoint(checkpointer=InMemorySaver())(flow)


@pytest.mark.parametrize("build", [_as_node, _called, _sent, _tasks])
@pytest.mark.parametrize("order", [0, -1])
def test_a_live_node_is_answered_what_it_was_answered(build: Any, order: int) -> None:
    graph = build()
    if isinstance(graph, StateGraph):
        graph = graph.compile(checkpointer=InMemorySaver())
    asked = graph.invoke({"log": []}, CONFIG)
    number = 0
    while waiting := graph.get_state(CONFIG).interrupts:
        asked = graph.invoke(Command(resume={waiting[order * (number % 2)].id: number}), CONFIG)
        number += 1
    assert number >= 2 and asked
    live = [name for name in ("ask", "flow") if name in nodes_of(graph)]
    found = lgviz.replay(graph, graph, live=live)["1"]
    assert (found.verdict, bool(found.ran)) == ("same", True), (found.reason, found.diff)


@pytest.mark.parametrize("live", ["", "flow"])
def test_what_an_entrypoint_calls_is_no_other_path(live: str) -> None:
    done = task(name="done")(lambda number: number)

    @entrypoint(checkpointer=InMemorySaver())
    def flow(number: int) -> Any:
        return [done(number).result(), done(number).result()]

    flow.invoke(3, CONFIG)
    work = ThreadWork.of(flow, flow, None, live or ())
    found = replace(work, strict=True).replayed("1")  # as a pinned test is
    assert found.verdict == "same", found.reason


def handing_off(calls: Counter[str], word: str = "handed off") -> Any:
    """Two agents, each a graph; what the first one's last node returns leaves that and goes on at the second."""

    def said(name: str, found: Any) -> Any:
        def run(_state: State) -> Any:
            calls[name] += 1
            return found

        return run

    leaves = Command(graph=Command.PARENT, goto="second", update={"log": [word]})
    asks = StateGraph(State).add_node("think", said("think", {"log": ["thought"]}))
    asks.add_node("leave", said("leave", leaves)).add_edge(START, "think").add_edge("think", "leave")
    acts = StateGraph(State).add_node("act", said("act", {"log": ["done"]})).add_edge(START, "act")
    builder = StateGraph(State).add_node("first", asks.compile()).add_node("second", acts.compile())
    return builder.add_edge(START, "first").compile(checkpointer=InMemorySaver())


def test_a_graph_that_was_left_by_a_command_to_its_parent_is_answered_whole() -> None:
    calls: Counter[str] = Counter()
    graph = handing_off(calls)
    for text in ("go", "again"):
        graph.invoke({"log": [text]}, CONFIG)
    calls.clear()
    found = lgviz.replay(graph, graph)["1"]
    assert (found.verdict, found.served, calls) == ("same", Counter(first=2, act=2), Counter()), found.reason
    again = lgviz.run(graph, "c0", thread_id="1", reuse=True)
    assert (again.served, calls) == (Counter(first=1, act=1), Counter())
    live = lgviz.replay(graph, graph, live="leave")["1"]
    assert (live.verdict, calls) == ("same", Counter(leave=3)), live.reason
    calls.clear()
    other = lgviz.replay(handing_off(calls, "other"), graph, live="leave", threads="1")["1"]
    assert (other.verdict, other.parted_at) == ("parted", "c2"), other.reason
