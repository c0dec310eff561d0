"""``lgviz.history``: a sequence, a tree, and what each checkpoint says of itself."""

from __future__ import annotations

import asyncio
import operator
import sqlite3
import threading
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

import lgviz
from lgviz import persistence, protocol
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import History, open_history
from lgviz.analysis.tree import Flag, _in_order
from lgviz.demos import approval, fan_out, subgraph, two_nodes
from lgviz.errors import CheckpointNotFound
from lgviz.sources import open_source
from lgviz.sources.base import CheckpointRow

CONFIG: Any = {"configurable": {"thread_id": "1"}}


class State(TypedDict):
    foo: str
    bar: Annotated[list[str], operator.add]


def documented(checkpointer: Any) -> Any:
    """The two-node example of LangGraph's documentation on persistence."""
    builder = StateGraph(State)
    builder.add_node("node_a", lambda state: {"foo": "a", "bar": ["a"]})
    builder.add_node("node_b", lambda state: {"foo": "b", "bar": ["b"]})
    builder.add_edge(START, "node_a")
    builder.add_edge("node_a", "node_b")
    builder.add_edge("node_b", END)
    return builder.compile(checkpointer=checkpointer)


@pytest.fixture(params=["memory", "sqlite", "lgviz-memory", "lgviz-sqlite"])
def graph(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "memory":
        built = documented(InMemorySaver())
        built.invoke({"foo": ""}, CONFIG)
        yield built
        return
    if request.param.startswith("lgviz"):
        path = ":memory:" if request.param.endswith("memory") else str(tmp_path / "a.db")
        with persistence.SqliteSaver.from_conn_string(path) as saver:
            built = documented(saver)
            built.invoke({"foo": ""}, CONFIG)
            yield built
        return
    connection = sqlite3.connect(tmp_path / "a.db", check_same_thread=False)
    built = documented(SqliteSaver(connection))
    built.invoke({"foo": ""}, CONFIG)
    yield built
    connection.close()


def test_the_documented_example_has_exactly_four_checkpoints(graph: Any) -> None:
    history = open_history(graph, "1")
    assert len(history) == 4 and len(list(history)) == 4
    assert [c.values for c in history] == [
        {"bar": []},
        {"foo": "", "bar": []},
        {"foo": "a", "bar": ["a"]},
        {"foo": "b", "bar": ["a", "b"]},
    ]
    assert [c.next for c in history] == [("__start__",), ("node_a",), ("node_b",), ()]
    assert [c.source for c in history] == ["input", "loop", "loop", "loop"]
    assert [c.step for c in history] == [-1, 0, 1, 2]
    assert [c.nodes for c in history] == [(), ("__start__",), ("node_a",), ("node_b",)]
    assert [c.label for c in history] == ["c0", "c1", "c2", "c3"]
    assert dict(history["c2"].writes) == {"node_a": [{"foo": "a", "bar": ["a"]}]}
    assert [c.changed for c in history] == [(), ("foo",), ("bar", "foo"), ("bar", "foo")]
    assert history.status == "done"


def test_keys(graph: Any) -> None:
    history = open_history(graph, "1")
    third = history[2]
    assert third is history["c2"] is history[third.id] is history[third] is history[-2]
    assert third == open_history(graph, "1")["c2"] and hash(third) == hash(open_history(graph, "1")["c2"])
    assert third in history and "c9" not in history and third != history[0]
    with pytest.raises(CheckpointNotFound):
        history[4]
    for key in ("c9", "no-such-id"):
        with pytest.raises(CheckpointNotFound, match="c0 to c3"):
            history[key]
    assert history.row_of("c2") == 2 and history.row_of("c9") == -1
    assert history.checkpoint_at(2) is third


def test_forks_heads_and_branches(graph: Any) -> None:
    history = open_history(graph, "1")
    config = graph.update_state(history["c2"].config, {"foo": "edited", "bar": ["edit"]}, as_node="node_a")
    graph.invoke(None, config)
    assert history.refresh() == (4, [])
    assert [c.label for c in history.heads] == ["c3", "c5"]
    assert history.forks == [history["c2"]] and history["c2"].children == [history["c3"], history["c4"]]
    assert [[c.label for c in branch] for branch in history.branches] == [
        ["c0", "c1", "c2", "c3"],
        ["c0", "c1", "c2", "c4", "c5"],
    ]
    assert history.root.parent is None and history["c4"].parent == history["c2"]
    assert history.latest.label == "c5" and list(history.tree.lane) == [0, 0, 0, 0, 1, 1]
    assert history["c4"].values == {"foo": "edited", "bar": ["a", "edit"]}
    assert {(c.channel, c.kind) for c in history.diff("c3", "c5")} == {("bar", "added")}
    assert history.find(lambda c: "node_b" in c.nodes) == [history["c3"], history["c5"]]


def test_config_metadata_and_time(graph: Any) -> None:
    history = open_history(graph, "1")
    for checkpoint in history:
        state = graph.get_state(checkpoint.config)
        assert checkpoint.config == state.config
        assert checkpoint.metadata == state.metadata
        assert checkpoint.created_at == state.created_at
        assert checkpoint.tasks == state.tasks
    assert all(abs(c.time - history.root.time) < 60 for c in history)
    assert "node_a" in repr(history["c2"]) and "4 checkpoints" in repr(history)


def test_printing_opens_no_value(graph: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(graph)
    history = History(source, "1")
    for name in ("record", "channels", "writes", "bookkeeping"):
        monkeypatch.setattr(source, name, lambda *_: pytest.fail("opened a value"))
    assert repr(history) and all(repr(c) for c in history)


def test_as_networkx_and_pandas(graph: Any) -> None:
    history = open_history(graph, "1")
    digraph = history.graph()
    assert [digraph.nodes[n]["label"] for n in digraph] == ["c0", "c1", "c2", "c3"]
    assert [(digraph.nodes[a]["label"], digraph.nodes[b]["label"]) for a, b in digraph.edges] == [
        ("c0", "c1"),
        ("c1", "c2"),
        ("c2", "c3"),
    ]
    assert digraph.graph == {"thread_id": "1"}
    frame = history.frame()
    assert list(frame.index) == ["c0", "c1", "c2", "c3"]
    assert list(frame["step"]) == [-1, 0, 1, 2] and frame.loc["c2", "nodes"] == ("node_a",)
    assert frame["time"].is_monotonic_increasing and str(frame["time"].dt.tz) == "UTC"


@pytest.mark.parametrize("demo", [two_nodes, approval, subgraph, fan_out])
def test_a_node_of_networkx_has_all_that_a_checkpoint_tells_by_the_index(demo: Any) -> None:
    graph = demo.build(persistence.MemorySaver())
    demo.seed(graph, "1")
    if demo is two_nodes:
        lgviz.fork(graph, open_history(graph, "1")["c2"], {"foo": "x"}, as_node="node_a", note="a note")
    history = open_history(graph, "1")
    digraph = history.graph()
    told = ("label", "namespace", "step", "source", "nodes", "changed", "time", "as_node", "note", "metadata")
    for c in history.all:
        node = digraph.nodes[c.id]
        assert {name: node[name] for name in told} == {name: getattr(c, name) for name in told}
        assert {Flag[mark.upper()] for mark in node["marks"]} == set(c.flags)
        above = c.parent or c.outer
        assert list(digraph.in_edges(c.id, data="call")) == (
            [] if above is None else [(above.id, c.id, c.parent is None)]
        )
    assert len(digraph) == len(history.all)


def test_values_are_a_copy(graph: Any) -> None:
    history = open_history(graph, "1")
    history["c3"].values.clear()
    assert history["c3"].values == {"foo": "b", "bar": ["a", "b"]}


def test_a_checkpoint_deleted_meanwhile(graph: Any) -> None:
    history = open_history(graph.checkpointer, "1")
    checkpoint = history["c2"]
    graph.checkpointer.delete_thread("1")
    with pytest.raises(CheckpointNotFound, match="no longer"):
        _ = checkpoint.values


def test_reading_from_many_threads_while_a_run_goes_on(graph: Any) -> None:
    history = open_history(graph, "1")
    failures: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        try:
            while not stop.is_set():
                history.refresh()
                labels = [c.label for c in history]
                assert labels == [f"c{n}" for n in range(len(labels))]
                assert history.latest.values is not None
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(5):
        graph.invoke({"foo": ""}, CONFIG)
    stop.set()
    for reader in readers:
        reader.join()
    assert failures == []
    history.refresh()
    assert len(history) == 24
    assert [c.nodes for c in history if c.source == "loop"] == [("__start__",), ("node_a",), ("node_b",)] * 6


def test_what_a_pending_step_says_is_up_to_date_after_a_refresh() -> None:
    builder = StateGraph(State)
    builder.add_node("quick", lambda state: {"bar": ["quick"]})
    builder.add_node("ask", lambda state: {"bar": [interrupt("sure?")]})
    builder.add_edge(START, "quick")
    builder.add_edge(START, "ask")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"foo": ""}, CONFIG)
    history = open_history(graph, "1")
    head = history.latest
    assert head.flags == Flag.INTERRUPT | Flag.PENDING and history.status == "interrupted"
    assert head.next == ("quick", "ask") and {t.name: t.result for t in head.tasks}["quick"] == {
        "bar": ["quick"]
    }
    graph.invoke(Command(resume="yes"), CONFIG)
    assert history.refresh() == (2, [1])
    assert head.flags == Flag.INTERRUPT | Flag.ANSWERED
    assert {t.name: t.result for t in head.tasks}["ask"] == {"bar": ["yes"]}


def test_a_delta_channel_is_rebuilt() -> None:
    class Delta(TypedDict):
        log: Annotated[list[str], DeltaChannel(lambda old, new: [*old, *(x for xs in new for x in xs)], list)]

    builder = StateGraph(Delta)
    builder.add_node("a", lambda state: {"log": ["a"]})
    builder.add_node("b", lambda state: {"log": ["b"]})
    builder.add_edge(START, "a")
    builder.add_edge("a", "b")
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    for saver in (InMemorySaver(), SqliteSaver(connection), persistence.MemorySaver()):
        graph = builder.compile(checkpointer=saver)
        graph.invoke({"log": ["in"]}, CONFIG)
        history = open_history(graph, "1")
        assert [c.values for c in history] == [graph.get_state(c.config).values for c in history]
        assert history.latest.values == {"log": ["in", "a", "b"]}
        assert [c.nodes for c in history] == [(), ("__start__",), ("a",), ("b",)]
        if hasattr(saver, "conn"):
            saver.conn.close()


class AsyncOnly(BaseCheckpointSaver[str]):
    """A saver of which lgviz knows nothing but the interface, and of that only the asynchronous half works."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = InMemorySaver()

    async def aget_tuple(self, config: Any) -> Any:
        return self.inner.get_tuple(config)

    async def alist(self, config: Any, *, filter: Any = None, before: Any = None, limit: Any = None) -> Any:  # noqa: A002
        for item in self.inner.list(config, filter=filter, before=before, limit=limit):
            yield item

    async def aput(self, *arguments: Any) -> Any:
        return self.inner.put(*arguments)

    async def aput_writes(self, *arguments: Any) -> None:
        self.inner.put_writes(*arguments)

    def get_next_version(self, current: Any, channel: None) -> str:
        return self.inner.get_next_version(current, channel)


async def test_an_unknown_saver_that_is_only_asynchronous() -> None:
    graph = documented(AsyncOnly())
    await graph.ainvoke({"foo": ""}, CONFIG)
    history = await asyncio.to_thread(open_history, graph, "1")
    assert [c.nodes for c in history] == [(), ("__start__",), ("node_a",), ("node_b",)]
    assert history.latest.values == {"foo": "b", "bar": ["a", "b"]}
    assert open_history(graph, "1").latest.next == ()


async def test_an_async_saver_in_memory() -> None:
    async with AsyncSqliteSaver.from_conn_string(":memory:") as saver:
        graph = documented(saver)
        await graph.ainvoke({"foo": ""}, CONFIG)
        history = open_history(graph, "1")
        assert [c.next for c in history] == [("__start__",), ("node_a",), ("node_b",), ()]


def test_marks_have_the_numbers_that_travel_to_the_views() -> None:
    assert {mark.name: mark.value for mark in Flag} == {mark.name: mark.value for mark in protocol.Mark}


def test_every_public_name_is_documented() -> None:
    for cls in (History, Checkpoint):
        for name, member in vars(cls).items():
            if not name.startswith("_") and (callable(member) or isinstance(member, property)):
                assert member.__doc__, f"{cls.__name__}.{name}"


def test_positions_are_those_of_a_list(graph: Any) -> None:
    history = open_history(graph, "1")
    assert [c.label for c in history[1:3]] == ["c1", "c2"] and list(reversed(history)) == history[::-1]
    for wrong in (4, -5, "c4", None, 1.5):
        with pytest.raises(CheckpointNotFound) as raised:
            history[wrong]  # type: ignore[call-overload]
        assert repr(wrong) in raised.value.cause and raised.value.remedy
    with pytest.raises(CheckpointNotFound):
        history.diff(0, 99)


def test_all_are_of_every_namespace() -> None:
    graph = subgraph.build(persistence.MemorySaver())
    subgraph.seed(graph, thread_id="1")
    history = open_history(graph, "1")
    assert [c.label for c in history.all[:6]] == ["c0", "c1", "c2", "c2.1", "c2.2", "c2.3"]
    assert [c for c in history.all if not c.namespace] == [*history]
    assert {c.id for c in history.all} - {c.id for c in history} == {i.id for c in history for i in c.inner}


def test_a_subgraph_stored_before_its_caller_stands_under_it() -> None:
    outer = [CheckpointRow("", "a", None, {"step": -1}), CheckpointRow("", "b", "a", {"step": 0})]
    inner = [
        CheckpointRow("sub:1", "x", None, {"step": -1, "parents": {"": "b"}}),
        CheckpointRow("sub:1", "y", "x", {"step": 0, "parents": {"": "b"}}),
    ]
    stored = [outer[0], *inner, outer[1]]
    assert [row.id for row in _in_order(stored)] == ["a", "b", "x", "y"]
    assert [row.id for row in _in_order([*outer, *inner])] == ["a", "b", "x", "y"]


def test_a_graph_that_a_task_calls_stands_under_the_checkpoint_of_who_called_the_task() -> None:
    inner = documented(None)

    @task
    def outer_task() -> Any:
        return inner.invoke({"foo": ""})

    @task
    def called() -> Any:
        return outer_task().result()

    @entrypoint(checkpointer=InMemorySaver())
    def flow(_given: Any) -> Any:
        return called().result()

    flow.invoke(1, CONFIG)
    tree = open_history(flow, "1").tree
    assert tree.labels == ["c0", "c0.1", "c0.2", "c0.3", "c0.4", "c1"]
    assert (list(tree.anchor), tree.inner) == ([-1, 0, 0, 0, 0, -1], {0: [1, 2, 3, 4]})
