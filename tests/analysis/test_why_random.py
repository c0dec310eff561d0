"""Over random graphs ``why`` agrees with what LangGraph reported while it ran, and with how the graph was built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.graph import START, StateGraph

from lgviz.analysis.history import History, open_history
from tests.support.random_graphs import GraphSpec, Recording, Stage, State, build, drive, graph_specs, node
from tests.support.savers import SAVERS

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

Ways = dict[str, set[tuple[str, str]]]
"""Node to the (via, writer) pairs by which the graph's author lets it be reached."""


def ways_of(stages: tuple[Stage, ...], into: Ways) -> Ways:
    """How each node can be reached, by the specification alone."""
    leading = [("edge", "__start__")]
    for stage in stages:
        first = stage.names[0]
        for name in stage.names if stage.kind == "nodes" else [first]:
            into.setdefault(name, set()).update(leading)
        leading = list(_exits(stage))
        if stage.kind == "loop":
            into[first].add(("branch", first))
        elif stage.kind == "send":
            into.setdefault(stage.names[1], set()).add(("send", first))
            into[first].add(("edge", stage.names[1]))
        elif stage.kind == "subgraph":
            ways_of(stage.inner, into)
    return into


def _exits(stage: Stage) -> Iterator[tuple[str, str]]:
    joined = stage.join and len(stage.names) > 1
    via = {"command": "goto", "loop": "branch", "send": "branch", "nodes": "join" if joined else "edge"}
    for name in stage.names if stage.kind == "nodes" else stage.names[:1]:
        yield via.get(stage.kind, "edge"), name


def asking(stages: tuple[Stage, ...]) -> set[str]:
    """The nodes that ask, themselves or in their subgraph."""
    found = set()
    for stage in stages:
        asks = {name for name, kind in zip(stage.names[-len(stage.kinds) :], stage.kinds, strict=False)
                if kind.startswith("ask")}  # fmt: skip
        inner = asking(stage.inner)
        found |= asks | inner | ({stage.names[0]} if inner else set())
    return found


def assert_as_reported(
    history: History, recording: Recording, ways: Ways, asks: set[str], *, known: bool
) -> int:
    """Every task that was reported has its cause; gives how many there were."""
    count = 0
    for (namespace, id_), made in recording.made.items():
        at = history.checkpoint_at(history.tree.row_of(id_, namespace))
        why = history.why(at)
        assert Counter(cause.node for cause in why.tasks) == Counter(made.nodes), at
        path = history.path(at)[:-1]
        for cause in why.tasks:
            count += 1
            reported = {"__pregel_tasks" if name == "__pregel_push" else name
                        for name in recording.triggers[str(cause.task_id)]}  # fmt: skip
            assert {trigger.channel for trigger in cause.triggers} <= reported
            assert cause.triggers and f"`{cause.node}` ran" in cause.text
            if cause.node == "__start__":
                assert (cause.via, cause.triggers[0].checkpoint) == ("input", path[-1])
                continue
            writers = {trigger.node for trigger in cause.triggers}
            via = {via for via, writer in ways[cause.node] if writer in writers}
            assert len(via) == 1 and writers <= {writer for _, writer in ways[cause.node]}, (at, cause)
            if cause.via == "resume":
                assert cause.node in asks and "when it was answered" in cause.text
            elif known or via <= {"join", "send"}:
                assert cause.via in via, (at, cause)
            else:
                assert cause.via == "unknown"
            if via == {"join"}:
                assert writers == {writer for way, writer in ways[cause.node] if way == "join"}
            for trigger in cause.triggers:
                assert trigger.checkpoint in path and trigger.checkpoint.label in cause.text
                assert trigger.node in trigger.checkpoint.nodes or trigger.checkpoint.source == "fork"
    return count


def told(history: History) -> list[Any]:
    """All that is told of triggers, to compare two ways of reading; without the graph nodes come by name."""
    return [
        sorted(
            (
                cause.node,
                cause.task_id,
                t.channel,
                t.version,
                t.checkpoint.label if t.checkpoint else None,
                str(t.node),
            )
            for cause in history.why(at).tasks
            for t in cause.triggers
        )
        for at in history.all
    ]


@QUICK
@given(graph_specs(), st.sampled_from(["LangGraph memory", "LangGraph SQLite", "lgviz memory"]), st.data())
def test_why_agrees_with_the_run(spec: GraphSpec, kind: str, data: st.DataObject) -> None:
    saver = SAVERS[kind](Path(":memory:"))
    graph = build(spec, saver)
    recording = drive(graph, "1", {"log": ["in"], "count": 0})
    drive(graph, "1", {"log": ["again"], "count": 0}, recording=recording)
    at = data.draw(st.sampled_from([c for c in open_history(graph, "1") if c.next]))
    drive(graph, "1", None, checkpoint_id=at.id, recording=recording)

    ways, asks = ways_of(spec.stages, {}), asking(spec.stages)
    with_graph, alone = open_history(graph, "1"), open_history(saver, "1")
    count = assert_as_reported(with_graph, recording, ways, asks, known=True)
    assert count == sum(len(made.nodes) for made in recording.made.values()) > 0
    assert assert_as_reported(alone, recording, ways, asks, known=False) == count
    assert told(with_graph) == told(alone)
    assert not [each for head in with_graph.heads if head.nodes for each in with_graph.why(head).waiting]


@QUICK
@given(st.lists(st.integers(1, 4), min_size=2, max_size=4), st.sampled_from(sorted(SAVERS)[:3]))
def test_at_each_step_a_join_waits_for_the_chains_that_are_not_at_their_end(
    lengths: list[int], kind: str
) -> None:
    builder: Any = StateGraph(State)
    for chain, length in enumerate(lengths):
        for place in range(length):
            builder.add_node(f"n{chain}_{place}", node(f"n{chain}_{place}", "plain"))
            builder.add_edge(f"n{chain}_{place - 1}" if place else START, f"n{chain}_{place}")
    builder.add_node("end", node("end", "plain"))
    ends = [f"n{chain}_{length - 1}" for chain, length in enumerate(lengths)]
    builder.add_edge(ends, "end")
    saver = SAVERS[kind](Path(":memory:"))
    graph = builder.compile(checkpointer=saver)
    turns = 2
    for _ in range(turns):
        graph.invoke({"log": ["in"], "count": 0}, {"configurable": {"thread_id": "1"}})
    for what in (graph, saver):
        history = open_history(what, "1")
        assert len(history) == turns * (max(lengths) + 3)
        for number, checkpoint in enumerate(history):
            ran = number % (max(lengths) + 3) - 1  # nodes of each chain, where it has so many
            missing = {end for end, length in zip(ends, lengths, strict=True) if length > ran}
            (waits,) = [set(each.missing) for each in history.why(checkpoint).waiting] or [set()]
            assert waits == (missing if len(missing) < len(ends) else set()), checkpoint
        (cause,) = history.why(-1).tasks
        began = len(history) - max(lengths) - 3
        right = [(end, f"c{began + 1 + length}") for end, length in zip(ends, lengths, strict=True)]
        assert sorted((t.node, t.checkpoint.label) for t in cause.triggers if t.checkpoint) == sorted(right)
