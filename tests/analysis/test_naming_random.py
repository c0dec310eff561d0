"""Over random graphs ``nodes`` and ``writes`` equal what LangGraph itself reported while it ran them."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from lgviz.analysis.history import History, open_history
from lgviz.analysis.state import triggers_of
from lgviz.analysis.tree import Flag
from lgviz.persistence import MemorySaver
from lgviz.sources import open_source
from lgviz.sources.base import Source
from lgviz.sources.langgraph.any_saver import ListedSource
from tests.support.random_graphs import GraphSpec, Recording, build, drive, graph_specs

# A crash among siblings is what LangGraph itself logs about; hypothesis needs no deadline for graphs.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

START = ("__start__",)


def saver_of(kind: str) -> Any:
    if kind == "lgviz":
        return MemorySaver()
    if kind == "sqlite":
        return SqliteSaver(sqlite3.connect(":memory:", check_same_thread=False))
    return InMemorySaver()


def source_of(kind: str, saver: Any, graph: Any) -> Source:
    """Read with the graph's help, or (graph None) from the saver alone; ``listed`` knows nothing of the saver."""
    if kind != "listed":
        return open_source(saver if graph is None else graph)
    source = ListedSource(saver)
    source.graph = graph
    return source


def assert_named_as_reported(
    history: History, recording: Recording, graph: Any = None, *, by_name: bool = False
) -> None:
    """Nodes side by side are in the graph's order; by name where there is no graph, or, ``by_name``, may be."""
    tree = history.tree
    order = list(triggers_of(graph))
    for (namespace, id_), made in recording.made.items():
        checkpoint = history.checkpoint_at(tree.row_of(id_, namespace))
        right = made.nodes if graph is None else [*made.sent, *sorted(made.pulled, key=order.index)]
        assert list(checkpoint.nodes) in ([right, made.nodes] if by_name else [right]), checkpoint
        writes = checkpoint.writes
        assert not writes.derived and writes.keys() == made.writes.keys()
        for node, reported in made.writes.items():
            told = Counter(repr(write) for write in reported if write is not None)
            assert len(writes[node]) == len(reported)
            assert not told - Counter(map(repr, writes[node])), (checkpoint, node)
        assert set(checkpoint.changed) <= {"log", "count", "note", "rounds", "single"}
    for row in range(len(tree)):
        if (tree.namespaces[row], tree.ids[row]) not in recording.made:
            assert tree.nodes[row] in ((), START)
            assert tree.nodes[row] == START or tree.sources[row] in ("input", "fork")


def assert_well_formed(history: History) -> None:
    tree = history.tree
    assert len(set(tree.labels)) == len(tree.labels)
    for row in range(len(tree)):
        assert tree.parent[row] < row
        anchor = tree.anchor[row]
        assert (anchor >= 0) == bool(tree.namespaces[row])
        if anchor >= 0:
            assert tree.labels[row].rpartition(".")[0] == tree.labels[anchor]
            assert tree.depth[row] == tree.depth[anchor] + 1
            assert tree.lane[row] == tree.lane[anchor]
            assert history.checkpoint_at(row) in history.checkpoint_at(anchor).inner
        if tree.parent[row] >= 0 and tree.rows[row].parent is not None:
            assert tree.namespaces[tree.parent[row]] == tree.namespaces[row]


@QUICK
@given(graph_specs(), st.sampled_from(["memory", "sqlite", "listed", "lgviz"]), st.data())
def test_nodes_and_writes_are_what_the_run_reported(spec: GraphSpec, kind: str, data: st.DataObject) -> None:
    saver = saver_of(kind)
    graph = build(spec, saver)
    recording = drive(graph, "1", {"log": ["in"], "count": 0})
    growing = History(source_of(kind, saver, graph), "1")
    drive(graph, "1", {"log": ["again"], "count": 0}, recording=recording)
    at = data.draw(st.sampled_from([c for c in growing if c.next]))
    drive(graph, "1", None, checkpoint_id=at.id, recording=recording)

    with_graph = History(source_of(kind, saver, graph), "1")
    assert_named_as_reported(with_graph, recording, graph)
    assert_well_formed(with_graph)
    for checkpoint in with_graph:
        state = graph.get_state(checkpoint.config)
        assert checkpoint.values == state.values
        assert checkpoint.next == state.next
        assert checkpoint.tasks == state.tasks
        assert [i.id for i in checkpoint.interrupts] == [i.id for i in state.interrupts]

    alone = History(source_of(kind, saver, None), "1")
    # Rows of these keep the order, but of nodes behind a join.
    kept = kind in ("sqlite", "lgviz")
    joins = any(stage.join for stage in spec.stages)
    assert_named_as_reported(alone, recording, graph if kept else None, by_name=kept and joins)
    for checkpoint in alone:
        assert sorted(checkpoint.next) == sorted(graph.get_state(checkpoint.config).next), checkpoint
    assert alone.status == with_graph.status == "done"

    growing.refresh()
    for column in ("ids", "labels", "parent", "anchor", "lane", "depth", "nodes", "changed", "flags"):
        assert list(getattr(growing.tree, column)) == list(getattr(with_graph.tree, column)), column


@QUICK
@given(graph_specs(asks=False, crashes=False, subgraphs=False, breakpoints=False, max_stages=2), st.data())
def test_an_update_is_named_right_or_not_at_all(spec: GraphSpec, data: st.DataObject) -> None:
    graph = build(spec, InMemorySaver())
    drive(graph, "1", {"log": ["in"], "count": 0})
    history = open_history(graph, "1")
    ran = len(history)
    at = data.draw(st.lists(st.sampled_from(list(history)[1:]), min_size=1, max_size=4))
    told: dict[str, str] = {}
    for checkpoint in at:
        node = data.draw(st.sampled_from(spec.nodes))
        if node in history.root.next or not graph.nodes[node].flat_writers:
            continue
        config = graph.update_state(checkpoint.config, {"log": ["edit"]}, as_node=node)
        told[config["configurable"]["checkpoint_id"]] = node
    history.refresh()
    assert len(history) == ran + len(told)
    for id_, node in told.items():
        update = history[id_]
        assert update.flags == Flag.UPDATE | Flag.WAITED
        assert update.nodes in ((), (node,))
        assert "log" in update.changed
        (((name, (write,))),) = update.writes.items()
        assert name in ("", node) and write["log"] == ["edit"]
        assert update.values == graph.get_state(update.config).values


@QUICK
@given(graph_specs(asks=False, crashes=False, subgraphs=False, breakpoints=False))
def test_steps_that_were_not_kept_are_one_collapsed_checkpoint(spec: GraphSpec) -> None:
    saver = InMemorySaver()
    graph = build(spec, saver)
    ran = set()
    for event in graph.stream(
        {"log": ["in"]}, {"configurable": {"thread_id": "1"}}, stream_mode="debug", durability="exit"
    ):
        if event["type"] == "task":
            ran.add(event["payload"]["name"])
    (only,) = open_history(saver, "1")
    assert only.collapsed
    assert set(only.nodes) == {"__start__", *ran} and len(only.nodes) == len(ran) + 1
    assert only.nodes[0] == "__start__"
    assert dict(only.writes) == {}
