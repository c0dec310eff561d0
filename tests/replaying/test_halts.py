"""Where a recorded run stopped: at a breakpoint, at a question, at a failure. What lies behind never ran."""

from __future__ import annotations

import operator
from collections import Counter
from contextlib import suppress
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

import lgviz

CONFIG: Any = {"configurable": {"thread_id": "1"}}


class State(TypedDict):
    log: Annotated[list[str], operator.add]


def built(calls: Counter[str], said: dict[str, Any] | None = None, **options: Any) -> Any:
    """``plan``, ``ask`` and ``pay``, one after the other."""

    def node(name: str) -> Any:
        def run(state: State) -> Any:
            calls[name] += 1
            told = (said or {}).get(name, name)
            return {"log": [told(state) if callable(told) else told]}

        return run

    builder = StateGraph(State)
    for before, name in ((START, "plan"), ("plan", "ask"), ("ask", "pay")):
        builder.add_node(name, node(name))
        builder.add_edge(before, name)
    return builder.compile(**{"checkpointer": InMemorySaver(), **options})


@pytest.mark.parametrize("compiled", [{}, {"interrupt_before": ["pay"]}, {"interrupt_after": "*"}])
def test_what_a_breakpoint_held_back_does_not_run(compiled: Any) -> None:
    calls: Counter[str] = Counter()
    graph = built(calls)
    graph.invoke({"log": []}, CONFIG, interrupt_before=["pay"])
    calls.clear()
    found = lgviz.replay(built(calls, {"plan": "other"}, **compiled), graph, live="plan")["1"]
    assert (found.verdict, calls) == ("parted", Counter(plan=1, ask=1)), found.reason
    graph.invoke(None, CONFIG)
    calls.clear()
    found = lgviz.replay(built(calls, {"plan": "other"}, **compiled), graph, live="plan")["1"]
    assert (found.verdict, calls) == ("parted", Counter(plan=1, ask=1, pay=1)), found.reason


def test_a_breakpoint_on_a_path_that_was_not_taken_holds() -> None:
    calls: Counter[str] = Counter()
    router: Any = lambda state: "pay" if "other" in state["log"] else "look"  # noqa: E731

    def graph(plan: str) -> Any:
        builder = StateGraph(State)
        for name in ("look", "pay"):
            builder.add_node(name, lambda _state, name=name: calls.update([name]))
        builder.add_node("plan", lambda _state: {"log": [plan]}).add_edge(START, "plan")
        builder.add_conditional_edges("plan", router, ["look", "pay"])
        return builder.compile(checkpointer=InMemorySaver(), interrupt_before=["pay"])

    before = graph("plan")
    before.invoke({"log": []}, CONFIG)
    calls.clear()
    found = lgviz.replay(graph("other"), before, live="plan")["1"]
    assert (found.verdict, calls) == ("parted", Counter()), found.reason


@pytest.mark.parametrize("at", [{"interrupt_before": ["ask"]}, {"interrupt_after": ["plan"]}])
def test_a_breakpoint_in_a_subgraph_is_gone_past_as_it_was(at: Any) -> None:
    calls: Counter[str] = Counter()

    def graph(ask: str) -> Any:
        inner = built(calls, {"ask": ask}, checkpointer=None, **at)
        builder = StateGraph(State).add_node("sub", inner).add_edge(START, "sub")
        return builder.compile(checkpointer=InMemorySaver())

    before = graph("ask")
    before.invoke({"log": ["go"]}, CONFIG)
    calls.clear()
    assert lgviz.replay(before, before)["1"].verdict == "same"
    before.invoke(None, CONFIG)
    calls.clear()
    found = lgviz.replay(before, before)["1"]
    assert (found.verdict, calls) == ("same", Counter()), found.reason
    found = lgviz.replay(graph("other"), before, live="ask")["1"]
    assert (found.verdict, calls) == ("parted", Counter(ask=1, pay=1)), found.reason


def raises(_state: State) -> str:
    raise ValueError("no")


def fails(_state: State) -> str:
    raise ValueError("never")


@pytest.mark.parametrize(
    ("then", "now", "verdict", "reason"),
    [
        (lambda _: interrupt("who?"), lambda _: interrupt("who?"), "same", ""),
        (
            lambda _: interrupt("who?"),
            lambda _: interrupt("how much?"),
            "parted",
            "'ask' asks something else",
        ),
        (lambda _: interrupt("who?"), "nobody", "parted", "it goes on now where it stopped then"),
        (lambda _: interrupt("who?"), raises, "failed", "ValueError: no"),
        (raises, raises, "same", ""),
        (raises, fails, "failed", "ValueError: never"),
        (raises, "mended", "parted", "it goes on now where it stopped then"),
        (raises, lambda _: interrupt("who?"), "parted", "'ask' asks something else"),
    ],
)
def test_a_live_node_at_which_a_run_stopped_is_tried(then: Any, now: Any, verdict: str, reason: str) -> None:
    calls: Counter[str] = Counter()
    graph = built(calls, {"ask": then})
    with suppress(ValueError):
        graph.invoke({"log": []}, CONFIG)
    calls.clear()
    assert lgviz.replay(graph, graph)["1"].verdict == "same"
    assert not calls
    found = lgviz.replay(built(calls, {"ask": now}), graph, live="ask")["1"]
    assert (found.verdict, calls) == (verdict, Counter(ask=1))
    assert reason in found.reason


def test_a_question_that_was_left_and_gone_on_from() -> None:
    calls: Counter[str] = Counter()
    graph = built(calls, {"ask": lambda _state: interrupt("who?")})
    graph.invoke({"log": []}, CONFIG)
    graph.update_state(CONFIG, {"log": ["edit"]}, as_node="plan")
    graph.invoke(None, CONFIG)
    graph.invoke(Command(resume="me"), CONFIG)
    calls.clear()
    found = lgviz.replay(graph, graph, live="ask")["1"]
    assert (found.verdict, calls) == ("same", Counter(ask=3)), found.reason


def test_nothing_else_is_tried_and_what_is_not_known_then_is_said() -> None:
    calls: Counter[str] = Counter()
    inner = built(calls, {"ask": lambda _state: interrupt("who?")}, checkpointer=None)
    builder = StateGraph(State).add_node("sub", inner).add_edge(START, "sub")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    calls.clear()
    assert lgviz.replay(graph, graph)["1"].verdict == "same"
    found = lgviz.replay(graph, graph, live="plan")["1"]
    assert (found.verdict, calls) == ("unknown", Counter(plan=1))
    assert "'ask' is not answered: it failed then, or did not end" in found.reason


@pytest.mark.parametrize(("says", "verdict"), [("looked", "same"), ("other", "parted")])
def test_a_live_task_of_an_entrypoint_that_waits_is_tried(says: str, verdict: str) -> None:
    calls: Counter[str] = Counter()

    def flow(says: str) -> Any:
        @task
        def look() -> str:
            calls["look"] += 1
            return says

        @task
        def pay() -> None:
            calls["pay"] += 1

        @entrypoint(checkpointer=InMemorySaver())
        def run(_given: Any) -> Any:
            seen = look().result()
            pay().result()
            return interrupt(f"{seen}?")

        return run

    before = flow("looked")
    before.invoke(1, CONFIG)
    calls.clear()
    found = lgviz.replay(flow(says), before, live="look", effects="pay")["1"]
    assert (found.verdict, calls) == (verdict if says == "looked" else "failed", Counter(look=1)), (
        found.reason
    )
    found = lgviz.replay(flow(says), before, live="look")["1"]
    assert (found.verdict, calls["look"]) == (verdict, 2), found.reason
