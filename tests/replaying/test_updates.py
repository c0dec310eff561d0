"""Updates by LangGraph's own ``update_state``, which does not store as which node they were made."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import StateUpdate

import lgviz
from lgviz import persistence
from tests.support import delta_threads

CONFIG: Any = {"configurable": {"thread_id": "1"}}


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]
    word: str


def build(edges: list[tuple[Any, str]], saver: Any = None, says: str = "", **options: Any) -> Any:
    """A graph whose nodes log their names; ``says`` is what ``b`` adds to it."""
    builder = StateGraph(State)
    for name in {"a", "b", "c", "d"}:

        def node(_state: State, name: str = name) -> State:
            return {"log": [name + says * (name == "b")]}

        builder.add_node(name, node)
    for start, end in edges:
        builder.add_edge(start, end)
    return builder.compile(checkpointer=saver, **options)


CHAIN: list[tuple[Any, str]] = [(START, "a"), ("a", "b"), ("b", "c")]
JOIN: list[tuple[Any, str]] = [(START, "a"), (START, "b"), (["a", "b"], "c"), ("c", "d")]


@pytest.mark.parametrize("kind", [InMemorySaver, persistence.MemorySaver])
@pytest.mark.parametrize("stop", [None, "c"])
@pytest.mark.parametrize("as_node", ["a", "b", "c"])
@pytest.mark.parametrize("edges", [CHAIN, JOIN])
def test_an_update_as_any_node_is_made_again(edges: Any, as_node: str, stop: str | None, kind: Any) -> None:
    saver = kind()
    graph = build(edges, saver, interrupt_before=[stop] if stop else None)
    graph.invoke({"log": []}, CONFIG)
    graph.update_state(CONFIG, {"word": "edited", "log": ["edited"]}, as_node=as_node)
    build(edges, saver).invoke(None, CONFIG)
    found = lgviz.replay(build(edges), saver)["1"]
    assert (found.verdict, found.ran) == ("same", Counter()), found.reason
    assert found.values == graph.get_state(CONFIG).values


def test_an_update_by_the_node_that_ran_last() -> None:
    graph = build(CHAIN, InMemorySaver())
    for word in ("one", "two"):
        graph.invoke({"log": [word]}, CONFIG)
        graph.update_state(CONFIG, {"word": word})
    assert lgviz.replay(graph, graph)["1"].verdict == "same"
    changed = lgviz.replay(build(CHAIN, says="!"), graph, live="b")["1"]
    assert (changed.verdict, changed.parted_at) == ("parted", "c3"), changed.reason
    assert changed.ran == Counter(a=1, b=2, c=2), "also after the updates"


def clear(graph: Any) -> None:
    graph.update_state(CONFIG, None, as_node=END)


def copy(graph: Any) -> None:
    graph.update_state(CONFIG, None, as_node="__copy__")
    build(CHAIN, graph.checkpointer).invoke(None, CONFIG)


def copy_older(graph: Any) -> None:
    older = next(each for each in graph.get_state_history(CONFIG) if each.next == ("a",))
    graph.update_state(older.config, [({"word": "new"}, "a")], as_node="__copy__")
    build(CHAIN, graph.checkpointer).invoke(None, CONFIG)


@pytest.mark.parametrize("act", [clear, copy, copy_older])
def test_ended_and_copied(act: Callable[[Any], None]) -> None:
    saver = InMemorySaver()
    graph = build(CHAIN, saver, interrupt_before=["b"])
    graph.invoke({"log": []}, CONFIG)
    act(graph)
    found = lgviz.replay(build(CHAIN), saver)["1"]
    assert (found.verdict, found.ran) == ("same", Counter()), found.reason


@pytest.mark.parametrize("as_node", [START, "a"])
def test_an_update_that_begins_a_thread(as_node: str) -> None:
    saver = InMemorySaver()
    graph = build(CHAIN, saver)
    graph.update_state(CONFIG, {"log": ["first"]}, as_node=as_node)
    graph.invoke(None, CONFIG)
    found = lgviz.replay(build(CHAIN), saver)["1"]
    assert (found.verdict, found.ran) == ("same", Counter()), found.reason


def test_another_reducer_parts_as_whichever_node() -> None:
    saver = InMemorySaver()
    graph = build(CHAIN, saver)
    graph.invoke({"log": []}, CONFIG)
    graph.update_state(CONFIG, {"log": ["edited"]})
    other = build(CHAIN)
    other.channels["log"].operator = lambda one, more: one + [each for each in more if each != "edited"]
    found = lgviz.replay(other, saver)["1"]
    assert (found.verdict, found.parted_at) == ("parted", "c5"), found.reason


def test_several_updates_at_once_are_unknown_and_what_parted_before_stays() -> None:
    saver = InMemorySaver()
    graph = build(CHAIN, saver)
    graph.invoke({"log": []}, CONFIG)
    graph.bulk_update_state(CONFIG, [[StateUpdate({"log": ["x"]}, "a"), StateUpdate({"log": ["y"]}, "b")]])
    found = lgviz.replay(graph, saver)["1"]
    assert (found.verdict, found.reason.split(";")[0]) == ("unknown", "several updates were made at once")
    parted = lgviz.replay(build(CHAIN, says="!"), saver, live="b")["1"]
    assert (parted.verdict, parted.parted_at) == ("parted", "c3")


@pytest.mark.parametrize("kind", [InMemorySaver, persistence.MemorySaver])
@pytest.mark.parametrize("seed", [1, 2, 3, 5, 8, 13])
def test_forks_updates_and_older_checkpoints_run_again_with_delta_channels(seed: int, kind: Any) -> None:
    saver = kind()
    delta_threads.drive(delta_threads.agent(saver), seed)
    found = lgviz.replay(delta_threads.agent(None), saver)["1"]
    assert not found.ran
    for branch in found.branches:
        assert branch.verdict == "same" or "durability='exit'" in branch.reason, branch
    assert lgviz.check_upgrade(delta_threads.agent(None), saver).ok
