"""Old databases, once migrated, are read and run on by LangGraph as it does with its own saver on the old file."""

from __future__ import annotations

import operator
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqlite
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from lgviz.persistence import MemorySaver, SqliteSaver, migrate
from tests.support.old_formats import as_of_old, pending
from tests.support.savers import config

ERAS = ["langgraph_v2024_08.db", "langgraph_v2025_08.db", "langgraph_v2026_11.db"]


class Foo(TypedDict):
    foo: str
    bar: Annotated[list[str], operator.add]


class Chat(TypedDict):
    messages: Annotated[list[Any], add_messages]


class Fan(TypedDict):
    left: str
    right: str
    log: Annotated[list[str], operator.add]


def seed(saver: Any) -> Any:
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Foo)
    builder.add_node("node_a", lambda state: {"foo": "a", "bar": ["a"]})
    builder.add_node("node_b", lambda state: {"foo": "b", "bar": ["b"]})
    builder.add_edge(START, "node_a")
    builder.add_edge("node_a", "node_b")
    builder.add_edge("node_b", END)
    return builder.compile(checkpointer=saver)


def chat(saver: Any) -> Any:
    def model(state: Any) -> Any:
        last = state["messages"][-1]
        call = {"name": "search", "args": {"q": last.content}, "id": "call_1"}
        asked = isinstance(last, HumanMessage)
        return {"messages": [AIMessage("", tool_calls=[call]) if asked else AIMessage("It is sunny.")]}

    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Chat)
    builder.add_node("model", model)
    builder.add_node("tool", lambda state: {"messages": [ToolMessage("sunny", tool_call_id="call_1")]})
    builder.add_edge(START, "model")

    def condition(state: Any) -> str:
        return "tool" if state["messages"][-1].tool_calls else END

    builder.add_conditional_edges("model", condition, ["tool", END])
    builder.add_edge("tool", "model")
    return builder.compile(checkpointer=saver)


def fail(saver: Any) -> Any:
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Fan)
    builder.add_node("fan", lambda state: {"log": ["fan"]})
    builder.add_node("do_left", lambda state: {"left": "again", "log": ["left again"]})
    builder.add_node("do_right", lambda state: {"right": "mended", "log": ["right"]})
    builder.add_edge(START, "fan")
    builder.add_edge("fan", "do_left")
    builder.add_edge("fan", "do_right")
    return builder.compile(checkpointer=saver)


def sub(saver: Any) -> Any:
    inner: StateGraph[Any, Any, Any, Any] = StateGraph(Chat)
    inner.add_node("inner", lambda state: {"messages": [AIMessage("inner says hi")]})
    inner.add_edge(START, "inner")
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Chat)
    builder.add_node("child", inner.compile())
    builder.add_edge(START, "child")
    return builder.compile(checkpointer=saver)


GRAPHS = {"seed-1": seed, "chat-1": chat, "fail-1": fail, "sub-1": sub}


@contextmanager
def both(old: Path, tmp_path: Path) -> Iterator[tuple[Any, Any]]:
    """LangGraph's own saver on a copy of the file, and lgviz's on what was migrated from it."""
    shutil.copy(old, tmp_path / "theirs.db")
    migrate(old, tmp_path / "ours.db", progress=False)
    with (
        LangGraphSqlite.from_conn_string(str(tmp_path / "theirs.db")) as theirs,
        SqliteSaver.from_conn_string(str(tmp_path / "ours.db")) as ours,
    ):
        yield theirs, ours
        assert ours.check() == []


def plain(value: Any) -> Any:
    """Without what is random in a run: the ids of new messages."""
    if isinstance(value, dict):
        return {key: plain(held) for key, held in value.items()}
    return [(type(m), m.content) for m in value] if value and hasattr(value[0], "content") else value


def told(state: Any) -> Any:
    """A snapshot, but for the path of a task that the oldest files do not name."""
    tasks = [(task.id, task.name, task.error, task.interrupts, task.state) for task in state.tasks]
    return (
        state.values,
        state.next,
        state.config,
        state.metadata,
        state.created_at,
        state.parent_config,
        tasks,
    )


@pytest.mark.parametrize("era", ERAS)
def test_each_checkpoint_is_given_as_langgraphs_saver_gives_it(
    era: str, shared_data: Path, tmp_path: Path
) -> None:
    with both(shared_data / "databases" / era, tmp_path) as (theirs, ours):
        expected = sorted(theirs.list(None), key=lambda found: found.checkpoint["id"])
        found = sorted(ours.list(None), key=lambda found: found.checkpoint["id"])
        assert len(found) == len(expected) > 0
        for one, other in zip(found, expected, strict=True):
            assert one.checkpoint == other.checkpoint
            assert (one.metadata, one.config, one.parent_config) == (
                other.metadata,
                other.config,
                other.parent_config,
            )
            assert sorted(map(repr, one.pending_writes or ())) == sorted(
                map(repr, other.pending_writes or ())
            )
            assert ours.get_tuple(other.config) == one


@pytest.mark.parametrize("thread", GRAPHS)
@pytest.mark.parametrize("era", ERAS)
def test_it_is_read_and_run_on_as_from_the_old_file(
    era: str, thread: str, shared_data: Path, tmp_path: Path
) -> None:
    with both(shared_data / "databases" / era, tmp_path) as (theirs, ours):
        histories = []
        for saver in (theirs, ours):
            graph = GRAPHS[thread](saver)
            before = [told(state) for state in graph.get_state_history(config(thread))]
            # From its end, from each checkpoint before it, and with more input.
            ends = [graph.invoke(None, config(thread))]
            history = list(graph.get_state_history(config(thread)))
            ends += [graph.invoke(None, state.config) for state in history]
            more: Any = {"foo": "", "left": "", "messages": [("user", "again?")]}
            more = {name: more[name] for name in graph.channels if name in more}
            ends.append(graph.invoke(more, config(thread)))
            histories.append((before, [plain(end) for end in ends]))
        assert histories[1] == histories[0]
        assert len(histories[0][0]) >= 3


def test_a_migration_goes_on_where_it_was_stopped(shared_data: Path, tmp_path: Path) -> None:
    old = shared_data / "databases" / ERAS[2]
    total = migrate(old, tmp_path / "whole.db", progress=False)
    copied = 0

    def stop(done: int, total: int) -> None:
        if done == copied + 4 < total:
            raise KeyboardInterrupt

    for _ in range(total):
        try:
            assert migrate(old, tmp_path / "pieces.db", progress=stop) < total
            break
        except KeyboardInterrupt:
            with SqliteSaver.from_conn_string(str(tmp_path / "pieces.db")) as pieces:
                grown = sum(count for _, count, _ in pieces.threads())
                assert copied < grown < total and pieces.check() == []
                copied = grown
    with (
        SqliteSaver.from_conn_string(str(tmp_path / "whole.db")) as whole,
        SqliteSaver.from_conn_string(str(tmp_path / "pieces.db")) as pieces,
    ):
        assert list(pieces.list(None)) == list(whole.list(None))
        for thread in GRAPHS:
            rows = [
                [(row.id, row.ordinal, row.changed, row.anchor) for row in saver.index(thread).checkpoints]
                for saver in (whole, pieces)
            ]
            assert rows[0] == rows[1]


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("kind", ["sqlite", "memory"])
def test_pending_sends_of_old_formats_are_sent(kind: str, version: int, tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    serde = JsonPlusSerializer()
    with LangGraphSqlite.from_conn_string(str(path)) as saver:
        pending(saver).invoke({"log": []}, config())
    with sqlite3.connect(path) as conn:
        for key, tag, data in conn.execute("SELECT rowid, type, checkpoint FROM checkpoints").fetchall():
            checkpoint = serde.loads_typed((tag, data))
            as_of_old(checkpoint, version)
            conn.execute(
                "UPDATE checkpoints SET type = ?, checkpoint = ? WHERE rowid = ?",
                [*serde.dumps_typed(checkpoint), key],
            )
    conn.close()
    with both(path, tmp_path) as (theirs, ours):
        if kind == "memory":
            memory, copied = InMemorySaver(), MemorySaver()
            for found in sorted(theirs.list(None), key=lambda one: one.checkpoint["id"]):
                before = found.parent_config or config(checkpoint_ns="")
                versions = found.checkpoint["channel_versions"]
                memory.put(before, found.checkpoint, found.metadata, versions)
            migrate(memory, copied, progress=False)
            theirs, ours = memory, copied
        ends = []
        for saver in (theirs, ours):
            graph = pending(saver)
            state = graph.get_state(config())
            assert state.next == ("leaf", "leaf", "leaf")
            assert saver.get_tuple(config()).checkpoint["v"] == version
            ends.append((told(state), graph.invoke(None, config())))
        assert ends[1] == ends[0] and ends[0][1]["log"] == ["fan", "leaf 0", "leaf 1", "leaf 2"]
