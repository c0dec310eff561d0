"""Entrypoints are answered whole, by their input and by what they returned in the turn before."""

from __future__ import annotations

from collections import Counter
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task

from lgviz.replaying.run import replay

CONFIG: Any = {"configurable": {"thread_id": "1"}}


def build(calls: Counter[str], saver: Any = None) -> Any:
    @task
    def double(number: int) -> int:
        calls["double"] += 1
        return number * 2

    @entrypoint(checkpointer=saver)
    def total(number: int, *, previous: int | None = None) -> Any:
        calls["total"] += 1
        made = double(number).result() + (previous or 0)
        return entrypoint.final(value=made, save=made)

    return total


def test_the_same_input_after_another_turn_is_another_question() -> None:
    calls: Counter[str] = Counter()
    saver = InMemorySaver()
    graph = build(calls, saver)
    assert [graph.invoke(1, CONFIG) for _ in range(3)] == [2, 4, 6]
    calls.clear()
    found = replay(build(calls), saver)["1"]
    assert (found.verdict, found.values, calls) == ("same", 6, Counter())
    assert found.served == Counter(total=3)


def test_a_live_entrypoint_runs_with_all_that_it_calls() -> None:
    calls: Counter[str] = Counter()
    saver = InMemorySaver()
    graph = build(calls, saver)
    for _ in range(2):
        graph.invoke(1, CONFIG)
    calls.clear()
    found = replay(build(calls), saver, live="total")["1"]
    assert (found.verdict, found.values) == ("same", 4)
    assert calls == Counter(total=2, double=2)
