"""Replays of random graphs: joins, sends, subgraphs, interrupts, commands, failures."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.pregel import Pregel
from langgraph.types import Command

from lgviz import persistence
from lgviz.analysis.history import open_history
from lgviz.replaying.run import replay
from lgviz.session import fork
from tests.support.random_graphs import GraphSpec, build, drive, graph_specs


def _savers() -> Any:
    return [
        InMemorySaver(),
        SqliteSaver(sqlite3.connect(":memory:", check_same_thread=False)),
        persistence.MemorySaver(),
    ]


@settings(max_examples=30, deadline=None, phases=[Phase.generate])
@given(spec=graph_specs(), which=st.integers(0, 2))
def test_the_unchanged_graph_runs_nothing_and_comes_out_the_same(spec: GraphSpec, which: int) -> None:
    graph = build(spec, _savers()[which])
    drive(graph, "1", {"log": ["go"]})
    found = replay(build(spec), graph)
    assert found["1"].verdict == "same", found["1"].reason
    assert not found["1"].ran


@settings(max_examples=30, deadline=None, phases=[Phase.generate])
@given(spec=graph_specs(), which=st.integers(0, 2), data=st.data())
def test_every_branch_comes_out_the_same(spec: GraphSpec, which: int, data: st.DataObject) -> None:
    graph = build(spec, _savers()[which])
    drive(graph, "1", {"log": ["go"]})
    drive(graph, "1", {"log": ["again"]})
    history = open_history(graph, "1")
    at = data.draw(st.sampled_from([c for c in history if c.next]))
    drive(graph, "1", None, checkpoint_id=at.id)
    at = data.draw(st.sampled_from([c for c in history if c.source == "loop"]))
    fork(graph, at, {"note": "forked"}, as_node=data.draw(st.sampled_from(at.nodes)))
    drive(graph, "1", None)
    found = replay(build(spec), graph)["1"]
    assert not found.ran
    if found.verdict == "unknown" and "stateful=True" in repr(spec):
        assert "a history of its own" in found.reason
    else:
        assert found.verdict == "same", found.reason


Heard = list[tuple[str, str]]


def spied(graph: Any, heard: Heard, changed: str = "", path: str = "") -> Any:
    """Tell of each call of a node's function its node and its input; one node says something else."""
    for name, node in graph.nodes.items():
        own = f"{path}|{name}" if path else name
        if isinstance(node.bound, Pregel):
            spied(node.bound, heard, changed, own)
        elif name != "__start__":
            node.bound.func = _spy(node.bound.func, own, heard, other=own == changed)
    return graph


def _spy(said: Any, own: str, heard: Heard, *, other: bool) -> Any:
    def run(state: dict[str, Any]) -> Any:
        heard.append((own, repr(sorted(state.items()))))
        found = said(state)
        if other and isinstance(found, dict):
            return {**found, "log": [*found["log"], "other"]}
        if other and isinstance(found, Command):
            return Command(update={**found.update, "note": "other"}, goto=found.goto)
        return found

    return run


@settings(max_examples=30, deadline=None, phases=[Phase.generate])
@given(spec=graph_specs(asks=False, crashes=False), data=st.data())
def test_exactly_what_a_changed_node_touches_runs(spec: GraphSpec, data: st.DataObject) -> None:
    before: Heard = []
    graph = spied(build(spec, InMemorySaver()), before)
    drive(graph, "1", {"log": ["go"]})
    if not before:
        return
    changed = data.draw(st.sampled_from(sorted({name for name, _ in before})))
    whole: Heard = []
    drive(spied(build(spec, InMemorySaver()), whole, changed), "1", {"log": ["go"]})
    touched = Counter(name for name, value in whole if name == changed or (name, value) not in before)
    really: Heard = []
    found = replay(spied(build(spec), really, changed), graph, live=[changed])["1"]
    assert Counter(name for name, _ in really) == touched
    assert set(found.ran) == {name.rpartition("|")[2] for name in touched}
    assert found.verdict in ("same", "parted"), found.reason
    assert found.values["log"] == drive_values(spec, changed)


def drive_values(spec: GraphSpec, changed: str) -> Any:
    graph = spied(build(spec, InMemorySaver()), [], changed)
    drive(graph, "1", {"log": ["go"]})
    return graph.get_state({"configurable": {"thread_id": "1"}}).values["log"]
