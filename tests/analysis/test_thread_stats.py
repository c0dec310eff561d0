"""What is told of all threads at once equals what their histories tell one by one, whoever stored them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver as LangGraphPostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqliteSaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph

import lgviz
from lgviz.analysis.usage import usage_of
from lgviz.demos import seed_all, two_nodes
from lgviz.errors import ForeignTables, MissingFile
from lgviz.persistence import MemorySaver, PostgresSaver, SqliteSaver
from lgviz.sources import open_source
from lgviz.sources.base import Source
from lgviz.sources.langgraph.any_saver import ListedSource
from tests.support.random_graphs import GraphSpec, build, drive, graph_specs
from tests.support.savers import config

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
COLUMNS = ["thread_id", "steps", "seconds", "errors", "interrupts", "tokens", "bytes", "last_node"]


def one_by_one(source: Source) -> list[dict[str, Any]]:
    """The same, from the history of each thread, whose values are opened."""
    try:
        taken: dict[str, int] = source.stats().by_thread
    except ForeignTables:
        taken = {}
    found = []
    for name in (thread.thread_id for thread in source.threads()):
        h = lgviz.history(source, name)
        rows = [row for row in source.index(name).checkpoints if not row.namespace]
        times = [c.time if row.ended_at is None else row.ended_at for c, row in zip(h, rows, strict=True)]
        marks = {
            (mark, c.id, write.task_id)
            for c in h
            for mark in ("__error__", "__interrupt__")
            for write in c.stored.writes
            if write.channel == mark and not write.task_path.startswith("~__pregel_push, ~")
        }
        found.append(
            {
                "thread_id": name,
                "steps": len(h),
                "seconds": pytest.approx(max(times) - min(times), abs=1e-5),
                "errors": sum(mark == "__error__" for mark, *_ in marks),
                "interrupts": sum(mark == "__interrupt__" for mark, *_ in marks),
                "bytes": taken.get(name),
                "nodes": set(h.latest.nodes),
            }
        )
    return found


def assert_told_right(source: Source, unnamed: int | None = 0) -> pd.DataFrame:
    """Args: unnamed: of how many threads at most the last nodes are known to a history alone."""
    frame = lgviz.thread_stats(source)
    assert list(frame.columns) == COLUMNS and frame["tokens"].isna().all()
    right = one_by_one(source)
    assert list(frame["thread_id"]) == [one["thread_id"] for one in right]
    missing = 0
    for row, one in zip(frame.to_dict("records"), right, strict=True):
        nodes = one.pop("nodes")
        if one["bytes"] is None:
            del one["bytes"]
            assert pd.isna(row["bytes"]) == isinstance(source, ListedSource)
        assert {name: row[name] for name in one} == one
        if pd.isna(row["last_node"]):
            missing += bool(nodes)
        else:
            assert set(row["last_node"].split(" + ")) == nodes, row
    assert unnamed is None or missing <= unnamed, frame
    return frame


SAVERS: dict[str, Callable[[Path], Any]] = {
    "LangGraph memory": lambda _: InMemorySaver(),
    "LangGraph SQLite": lambda path: LangGraphSqliteSaver(sqlite3.connect(path, check_same_thread=False)),
    "lgviz memory": lambda _: MemorySaver(),
    "lgviz SQLite": lambda path: SqliteSaver.from_conn_string(str(path)),
}


@pytest.mark.parametrize("kind", SAVERS)
def test_the_demos(kind: str, tmp_path: Path) -> None:
    saver = SAVERS[kind](tmp_path / "threads.db")
    seed_all(saver)
    frame = assert_told_right(open_source(saver))
    known = frame.set_index("thread_id")
    assert known.loc["approval", "interrupts"] == 3 and known.loc["fan_out", "errors"] == 1
    assert known.loc["agent", "last_node"] == "agent" and (frame["bytes"] > 1000).all()
    if kind == "LangGraph memory":
        assert_told_right(ListedSource(saver))
        held = [
            len(row[0][1]) + len(row[1][1]) for ns in saver.storage["chat"].values() for row in ns.values()
        ]
        held += [len(w[2][1]) for key, ws in saver.writes.items() if key[0] == "chat" for w in ws.values()]
        held += [len(blob[1]) for key, blob in saver.blobs.items() if key[0] == "chat"]
        assert known.loc["chat", "bytes"] == sum(held)
    if kind.endswith("SQLite"):
        pd.testing.assert_frame_equal(lgviz.thread_stats(tmp_path / "threads.db"), frame)


@pytest.mark.parametrize("saver_type", [LangGraphPostgresSaver, PostgresSaver])
def test_the_demos_in_postgres(saver_type: Any, postgres_uri: Callable[[], str]) -> None:
    uri = postgres_uri()
    with saver_type.from_conn_string(uri) as saver:
        saver.setup()
        seed_all(saver)
        frame = assert_told_right(open_source(saver))
    pd.testing.assert_frame_equal(lgviz.thread_stats(uri), frame)


@QUICK
@given(graph_specs(), st.sampled_from([*SAVERS, "listed"]), st.data())
def test_random_graphs(spec: GraphSpec, kind: str, data: st.DataObject) -> None:
    saver = SAVERS.get(kind, SAVERS["LangGraph memory"])(Path(":memory:"))
    graph = build(spec, saver)
    drive(graph, "1", {"log": ["in"], "count": 0})
    drive(graph, "2", {"log": ["in"], "count": 0})
    source = ListedSource(saver) if kind == "listed" else open_source(saver)
    at = data.draw(st.sampled_from([c for c in lgviz.history(source, "1") if c.next]))
    drive(graph, "1", None, checkpoint_id=at.id)
    # The rows do not name who was reached by a `Send` alone.
    sends = any(stage.kind == "sends" for stage in spec.stages)
    assert_told_right(source, None if sends else 0)


def test_an_update_a_fork_an_input_and_a_copied_path(tmp_path: Path) -> None:
    saver = SqliteSaver.from_conn_string(str(tmp_path / "threads.db"))
    graph = two_nodes.build(saver)
    two_nodes.seed(graph, "1")
    for name in ("updated", "forked"):
        two_nodes.seed(graph, name)
    lgviz.fork(graph, lgviz.history(graph, "updated")["c2"], {"foo": "x"}, as_node="node_a")
    config_c1: Any = lgviz.history(graph, "forked")["c1"].config
    graph.update_state(config_c1, None, as_node="__copy__")
    saver.fork_thread(config("1", checkpoint_ns="", checkpoint_id=lgviz.history(graph, "1")["c2"].id), "heir")
    frame: Any = assert_told_right(open_source(saver), unnamed=0).set_index("thread_id")
    assert frame.loc["updated", "last_node"] == "node_a" and pd.isna(frame.loc["forked", "last_node"])
    assert frame.loc["heir", "steps"] == 3 and frame.loc["heir", "last_node"] == "node_a"


@pytest.mark.parametrize("era", ["langgraph_v2024_08.db", "langgraph_v2025_08.db", "langgraph_v2026_11.db"])
def test_databases_of_three_years(era: str, shared_data: Path) -> None:
    frame = assert_told_right(open_source(shared_data / "databases" / era), unnamed=None)
    named = frame.dropna(subset="last_node")
    # In 2024 no row names a task, and its id hashes channels that are nowhere else.
    assert named.empty if "2024" in era else len(named) >= 3, frame


def test_steps_that_were_not_stored_name_nobody() -> None:
    saver = InMemorySaver()
    two_nodes.build(saver).invoke({"foo": ""}, config(), durability="exit")
    (row,) = lgviz.thread_stats(saver).to_dict("records")
    assert row["steps"] == 1 and pd.isna(row["last_node"])


@pytest.mark.parametrize("kind", SAVERS)
@pytest.mark.parametrize("caught", [True, False])
def test_what_a_task_called_counts_with_it(kind: str, caught: bool, tmp_path: Path) -> None:
    @task
    def breaks() -> None:
        raise ValueError("no")

    @entrypoint(SAVERS[kind](tmp_path / "threads.db"))
    def flow(_: Any) -> None:
        try:
            breaks().result()
        except ValueError:
            if not caught:
                raise

    with nullcontext() if caught else pytest.raises(ValueError, match="no"):
        flow.invoke(1, config())
    assert list(lgviz.thread_stats(flow)["errors"]) == [int(not caught)]


def chat(saver: Any) -> Any:
    """Answers with a message that tells 12 tokens."""
    usage: Any = {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12}
    builder = StateGraph(MessagesState)
    builder.add_node("model", lambda _: {"messages": [AIMessage("hi", usage_metadata=usage)]})
    builder.add_edge(START, "model")
    return builder.compile(saver)


@pytest.mark.parametrize("kind", SAVERS)
def test_tokens_are_those_of_each_message_once(kind: str, tmp_path: Path) -> None:
    graph = chat(SAVERS[kind](tmp_path / "threads.db"))
    for _ in range(3):
        graph.invoke({"messages": [HumanMessage("hello")]}, config("three"))
    two_nodes.seed(two_nodes.build(graph.checkpointer), "none")
    frame: Any = lgviz.thread_stats(graph, tokens=True).set_index("thread_id")
    used = usage_of([writes for c in lgviz.history(graph, "three") for writes in by_task(c)])
    assert used is not None and used.total == frame.loc["three", "tokens"] == 36
    assert pd.isna(frame.loc["none", "tokens"]) and not frame.attrs


@pytest.mark.parametrize("kind", SAVERS)
def test_what_an_input_or_an_update_brings_was_bought_elsewhere(kind: str, tmp_path: Path) -> None:
    graph = chat(SAVERS[kind](tmp_path / "threads.db"))
    usage: Any = {"input_tokens": 500, "output_tokens": 500, "total_tokens": 1000}
    brought = [AIMessage("old", usage_metadata=usage, id=name) for name in ("1", "2")]
    graph.invoke({"messages": [HumanMessage("hello"), brought[0]]}, config())
    graph.update_state(config(), {"messages": [brought[1]]}, as_node="model")
    assert list(lgviz.thread_stats(graph, tokens=True)["tokens"]) == [12]


def by_task(checkpoint: lgviz.Checkpoint) -> list[dict[str, Any]]:
    return [one for tasks in checkpoint.writes.values() for one in tasks]


def test_stopped_it_gives_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    saver = MemorySaver()
    graph = chat(saver)
    for name in ("a", "b", "c"):
        graph.invoke({"messages": [HumanMessage("hello")]}, config(name))
    source = open_source(saver)
    read = source.index

    def stopping(thread_id: str, since: Any = None) -> Any:
        if thread_id == "a":
            raise KeyboardInterrupt
        return read(thread_id, since)

    monkeypatch.setattr(source, "index", stopping)
    frame = lgviz.thread_stats(source, tokens=True)
    assert list(frame["thread_id"]) == ["c", "b", "a"] and list(frame["steps"]) == [3, 3, 3]
    assert list(frame["tokens"].dropna()) == [12, 12] and pd.isna(frame["tokens"].iloc[2])
    assert frame.attrs["stopped"] == "Stopped after 2 of 3 threads; the tokens of others are missing."


def test_an_id_that_a_mask_matches_is_masked_and_tokens_are_still_counted() -> None:
    graph = chat(MemorySaver())
    graph.invoke({"messages": [HumanMessage("hello")]}, config("anna@example.org"))
    frame = lgviz.thread_stats(graph, tokens=True, redact=[r"/\w+@\w+\.org/"])
    assert "anna" not in frame.to_csv() and list(frame["tokens"]) == [12]


def test_no_thread_and_no_file(tmp_path: Path) -> None:
    assert list(lgviz.thread_stats(InMemorySaver(), tokens=True).columns) == COLUMNS
    with pytest.raises(MissingFile):
        lgviz.thread_stats(tmp_path / "none.db")
