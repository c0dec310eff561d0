"""Memory for a reader: namespaces as a tree, who wrote a version, what a step changed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.store.base import BaseStore
from langgraph.types import interrupt

import lgviz
from lgviz.analysis.memory import (
    NamespaceTree,
    item_changes,
    item_line,
    step_events,
    writer_of,
)
from lgviz.demos import memory
from lgviz.persistence import InMemoryStore, MemorySaver
from lgviz.persistence.stores.past import Version

LABELS = st.sampled_from(["a", "b", "ü", " ", "c d"])
COUNTS = st.dictionaries(
    st.lists(LABELS, min_size=1, max_size=4).map(tuple), st.integers(min_value=1, max_value=9), max_size=12
)


@given(COUNTS)
def test_a_tree_of_namespaces_holds_each_item_once_on_every_level(counts: dict[Any, int]) -> None:
    tree = NamespaceTree(counts)
    assert tree.items == sum(counts.values())
    waiting: list[Any] = [()]
    found: Counter[Any] = Counter()
    while waiting:
        above = waiting.pop()
        branches = list(tree.branches(above, 0, 100))
        assert [b.label for b in branches] == sorted(
            {n[len(above)] for n in counts if n[: len(above)] == above != n}
        )
        for branch in branches:
            path = (*above, branch.label)
            assert branch.items == sum(n for ns, n in counts.items() if ns[: len(path)] == path)
            assert branch.own == counts.get(path, 0)
            assert branch.below == len(tree.below(path))
            found[path] += branch.own
            waiting.append(path)
    assert +found == Counter(counts)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"text": "likes\ntea"}, "text: likes tea"),
        ({"a": 1, "b": [1, 2]}, "a: 1 · b: [1, 2]"),
        ({}, "{}"),
        ({"x": "\ud800"}, "x: \ufffd"),
    ],
)
def test_an_item_in_one_line(value: Any, said: str) -> None:
    assert item_line(value) == said


def test_a_long_item_is_cut() -> None:
    assert len(item_line({f"field {n}": "x" * 1_000 for n in range(1_000)})) == 120


def version(key: str, value: Any, seconds: float = 0, **who: Any) -> Version:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    fields = dict.fromkeys(("thread_id", "checkpoint_id", "node", "task_id", "checkpoint_ns")) | who
    return Version(value, at, value is None, namespace=("n",), key=key, **fields)


def test_changes_of_one_item_become_one() -> None:
    events = [version("a", {"x": 1}), version("b", {"x": 1}, 1), version("a", {"x": 2}, 2, node="last"),
              version("b", None, 3), version("c", None, 4), version("d", {"x": 2}, 5)]  # fmt: skip
    before: dict[Any, Any] = {
        (("n",), "a"): None,
        (("n",), "b"): None,
        (("n",), "c"): {"x": 0},
        (("n",), "d"): {"x": 1},
    }
    made = item_changes(events, before)
    assert [(c.key, c.kind, c.before, c.after) for c in made] == [
        ("a", "added", None, {"x": 2}),
        ("c", "removed", {"x": 0}, None),
        ("d", "changed", {"x": 1}, {"x": 2}),
    ]
    assert made[0].node == "last"


class State(TypedDict, total=False):
    n: int


def note(store: BaseStore, key: str, n: int) -> None:
    store.put(("notes",), key, {"n": n})


def labels_of(history: lgviz.History, store: InMemoryStore) -> dict[str, list[str]]:
    """By label, the keys that its step wrote."""

    def changes(thread_id: str, checkpoint_id: str | None, since: float | None) -> list[Version]:
        return store.changes(thread_id, checkpoint_id, since)

    written = {c.label: [event.key for event in step_events(c, changes)] for c in history}
    return {label: keys for label, keys in written.items() if keys}


def test_siblings_of_a_fork_are_told_apart() -> None:
    store, saver = InMemoryStore(), MemorySaver()

    def write(state: State, *, store: BaseStore) -> State:
        note(store, f"k{state['n']}", state["n"])
        return {"n": state["n"] + 1}

    builder = StateGraph(State)
    builder.add_node(write)
    builder.add_edge(START, "write")
    builder.add_edge("write", END)
    graph = builder.compile(checkpointer=saver, store=store)
    config: RunnableConfig = {"configurable": {"thread_id": "1"}}
    graph.invoke({"n": 0}, config)
    history = lgviz.history(graph, "1")
    start = history["c1"]
    # The same step three times, from the same checkpoint: LangGraph copies it for each.
    for n in (7, 8):
        lgviz.run(graph, lgviz.fork(graph, start, {"n": n}, as_node="__start__"))
    history.refresh()
    written = labels_of(history, store)
    assert sorted(key for keys in written.values() for key in keys) == ["k0", "k7", "k8"]
    for event in store.changes("1"):
        writer = writer_of(history, event)
        assert writer is not None and writer.made
        assert event.key in written[writer.checkpoint.label]
        assert writer.checkpoint.parent is not None
        assert event.key == f"k{writer.checkpoint.parent.values['n']}"


def test_a_step_that_made_no_checkpoint_is_named_by_its_start() -> None:
    store = InMemoryStore()

    def ask(state: State, *, store: BaseStore) -> State:
        note(store, "before", 1)
        return {"n": interrupt("how many?")}

    builder = StateGraph(State)
    builder.add_node(ask)
    builder.add_edge(START, "ask")
    graph = builder.compile(checkpointer=MemorySaver(), store=store)
    graph.invoke({"n": 0}, {"configurable": {"thread_id": "1"}})
    history = lgviz.history(graph, "1")
    (event,) = store.changes("1")
    writer = writer_of(history, event)
    assert writer is not None
    assert (writer.checkpoint.label, writer.made) == (history.latest.label, False)


def test_what_a_subgraph_wrote_belongs_to_its_step_too() -> None:
    store = InMemoryStore()

    def inside(state: State, *, store: BaseStore) -> State:
        note(store, "inner", 1)
        return {"n": 1}

    inner = StateGraph(State)
    inner.add_node(inside)
    inner.add_edge(START, "inside")
    outer = StateGraph(State)
    outer.add_node("call", inner.compile())
    outer.add_edge(START, "call")
    graph = outer.compile(checkpointer=MemorySaver(), store=store)
    graph.invoke({"n": 0}, {"configurable": {"thread_id": "1"}})
    history = lgviz.history(graph, "1")
    assert labels_of(history, store) == {history.latest.label: ["inner"]}
    (event,) = store.changes("1")
    writer = writer_of(history, event)
    assert writer is not None and writer.checkpoint.namespace.startswith("call:")


def test_with_durability_exit_the_one_checkpoint_is_named() -> None:
    store = InMemoryStore()
    graph = memory.build(MemorySaver(), store)
    config = memory.config_for("mia", "1")
    graph.invoke(memory.ask(1, "I am vegan."), config, durability="exit")
    history = lgviz.history(graph, "1")
    (event,) = store.changes("1")
    writer = writer_of(history, event)
    assert writer is not None and writer.checkpoint == history.latest and writer.made
    assert labels_of(history, store) == {history.latest.label: ["diet"]}


def test_the_demo_names_the_step_and_thread_of_each_version() -> None:
    store, saver = InMemoryStore(), MemorySaver()
    graph = memory.build(saver, store)
    memory.seed(graph, "1")
    assert labels_of(lgviz.history(graph, "1"), store) == {"c9": ["diet", "home"]}
    for event in store.history(memory.facts_of("mia"), "diet"):
        assert event.thread_id is not None
        writer = writer_of(lgviz.history(graph, event.thread_id), event)
        assert writer is not None and writer.checkpoint.nodes == ("remember",)
