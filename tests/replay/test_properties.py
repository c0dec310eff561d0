"""Replays of random graphs: joins, sends, subgraphs, interrupts, commands, failures."""

from __future__ import annotations

import sqlite3
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from lgviz import persistence
from lgviz.analysis.history import open_history
from lgviz.replay.run import replay
from lgviz.session import fork
from tests.support.random_graphs import GraphSpec, build, drive, graph_specs


def _savers() -> Any:
    return [
        InMemorySaver(),
        SqliteSaver(sqlite3.connect(":memory:", check_same_thread=False)),
        persistence.MemorySaver(),
    ]


@settings(max_examples=60, deadline=None)
@given(spec=graph_specs(), which=st.integers(0, 2))
def test_the_unchanged_graph_runs_nothing_and_comes_out_the_same(spec: GraphSpec, which: int) -> None:
    graph = build(spec, _savers()[which])
    drive(graph, "1", {"log": ["go"]})
    found = replay(build(spec), graph)
    assert found["1"].verdict == "same", found["1"].reason
    assert not found["1"].ran


@settings(max_examples=60, deadline=None)
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
    assert found.verdict == "same", found.reason
    assert not found.ran
