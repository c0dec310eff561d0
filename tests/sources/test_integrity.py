"""``check`` and ``stats`` of the tables that LangGraph's savers write: what is missing, broken, and how big."""

from __future__ import annotations

import pickle
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from lgviz.demos import approval, fan_out, subgraph, two_nodes
from lgviz.persistence import InMemoryStore
from lgviz.persistence import SqliteSaver as OwnSqlite
from lgviz.persistence import SqliteStore as OwnStore
from lgviz.sources import open_source
from lgviz.sources.items import plainly
from lgviz.sources.stores import memory_of

BROKEN = b"\xc1"  # the one byte that msgpack never begins a value with


@contextmanager
def sqlite_place(path: Path) -> Iterator[tuple[str, Callable[..., Any], str]]:
    """The path, what runs a statement, and the name of the table of writes."""
    with SqliteSaver.from_conn_string(str(path)) as saver:
        two_nodes.seed(two_nodes.build(saver), thread_id="two")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield str(path), lambda sql, *given: connection.execute(sql, given).fetchall(), "writes"


@contextmanager
def postgres_place(url: str) -> Iterator[tuple[str, Callable[..., Any], str]]:
    with PostgresSaver.from_conn_string(url) as saver:
        saver.setup()
        two_nodes.seed(two_nodes.build(saver), thread_id="two")
    with psycopg.connect(url, autocommit=True) as connection:

        def run(sql: str, *given: Any) -> list[Any]:
            cursor = connection.execute(sql.replace("?", "%s"), given)
            return cursor.fetchall() if cursor.description else []

        yield url, run, "checkpoint_writes"


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Callable[..., Any], str]]:
    if request.param == "SQLite":
        with sqlite_place(tmp_path / "a.db") as made:
            yield made
    else:
        with postgres_place(request.getfixturevalue("postgres_uri")()) as made:
            yield made


def checked(where: str) -> list[tuple[str, str, bool]]:
    with closing(open_source(where)) as source:
        return [(one.where, one.what, one.certain) for one in source.check()]


def test_what_is_whole_is_said_to_be_and_what_is_missing_is_named(
    place: tuple[str, Callable[..., Any], str],
) -> None:
    where, run, writes = place
    assert checked(where) == []
    ids = [one for (one,) in run("SELECT checkpoint_id FROM checkpoints ORDER BY 1")]
    (count,) = run(f"SELECT count(*) FROM {writes} WHERE checkpoint_id = ?", ids[0])[0]
    run("DELETE FROM checkpoints WHERE checkpoint_id = ?", ids[0])
    column = "value" if writes == "writes" else "blob"
    run(f"UPDATE {writes} SET {column} = ? WHERE checkpoint_id = ? AND channel = 'foo'", BROKEN, ids[1])
    (task,) = run(f"SELECT task_id FROM {writes} WHERE checkpoint_id = ? AND channel = 'foo'", ids[1])[0]
    reason = "it cannot be read: ValueError: invalid type Reserved"
    assert checked(where) == [
        (f"thread 'two', checkpoint {ids[1]}, task {task}, channel 'foo'", reason, True),
        (f"thread 'two', checkpoint {ids[1]}", f"its parent {ids[0]} is not there", True),
        (f"thread 'two', checkpoint {ids[0]}", f"{count} writes belong to it, but it is not there", True),
    ]


def test_a_broken_row_of_sqlite_hides_no_other(tmp_path: Path) -> None:
    with sqlite_place(tmp_path / "a.db") as (where, run, _):
        ids = [one for (one,) in run("SELECT checkpoint_id FROM checkpoints ORDER BY 1")]
        run("UPDATE checkpoints SET checkpoint = ? WHERE checkpoint_id = ?", BROKEN, ids[1])
        run("UPDATE checkpoints SET metadata = ? WHERE checkpoint_id = ?", b"{", ids[2])
        pickled = pickle.dumps({"v": 4})
        run("UPDATE checkpoints SET type = 'pickle', checkpoint = ? WHERE checkpoint_id = ?", pickled, ids[3])
        broken = "it cannot be read: ValueError: invalid type Reserved"
        assert set(checked(where)) == {
            (f"thread 'two', checkpoint {ids[1]}", broken, True),
            (f"thread 'two', checkpoint {ids[2]}", "its metadata cannot be read", True),
            (f"thread 'two', checkpoint {ids[3]}", "pickle is never opened from a file", False),
        }
        with closing(open_source(where)) as source:
            assert source.stats().formats == {"4": 4, "?": 2}


def test_a_broken_value_of_postgres_is_told_once(postgres_uri: Callable[[], str]) -> None:
    with postgres_place(postgres_uri()) as (where, run, _):
        (version,) = run("SELECT max(version) FROM checkpoint_blobs WHERE channel = 'bar'")[0]
        run("UPDATE checkpoint_blobs SET blob = ? WHERE channel = 'bar' AND version = ?", BROKEN, version)
        named = f"thread 'two', channel 'bar', version {version}"
        assert checked(where) == [(named, "it cannot be read: ValueError: invalid type Reserved", True)]


@pytest.mark.parametrize("durability", ["exit", "sync"])
def test_nothing_that_langgraph_leaves_behind_is_a_problem(
    durability: Any, tmp_path: Path, postgres_uri: Callable[[], str]
) -> None:
    """Interrupts, subgraphs, Sends, forks, and steps that were never stored."""
    url = postgres_uri()
    with (
        PostgresSaver.from_conn_string(url) as remote,
        SqliteSaver.from_conn_string(str(tmp_path / "a.db")) as local,
    ):
        remote.setup()
        for saver in (local, remote):
            for demo in (approval, fan_out, subgraph):
                demo.seed(demo.build(saver), thread_id=demo.__name__)
            graph = subgraph.build(saver)
            state = graph.get_state({"configurable": {"thread_id": subgraph.__name__}}).values
            for thread in ("a", "b"):
                graph.invoke(state, {"configurable": {"thread_id": thread}}, durability=durability)
    assert checked(str(tmp_path / "a.db")) == checked(url) == []


@pytest.mark.parametrize("era", ["2024_08", "2025_08", "2026_11"])
def test_databases_of_every_era_are_whole(era: str, shared_data: Path) -> None:
    path = shared_data / "databases" / f"langgraph_v{era}.db"
    assert checked(str(path)) == []
    with closing(open_source(str(path))) as source:
        found = source.stats()
    assert found.formats == {"2024_08": {"1": 17}, "2025_08": {"4": 20}, "2026_11": {"4": 20}}[era]
    assert found.bytes == sum(found.by_thread.values()) > found.by_channel["messages"] > 3_000


def test_what_threads_and_channels_take_is_what_lies_there(
    place: tuple[str, Callable[..., Any], str],
) -> None:
    where, run, writes = place
    with closing(open_source(where)) as source:
        found = source.stats()
    assert (found.checkpoints, found.formats) == (6, {"4": 6})
    assert found.writes == run(f"SELECT count(*) FROM {writes}")[0][0]
    column = "value" if writes == "writes" else "blob"
    (written,) = run(f"SELECT sum(length({column})) FROM {writes} WHERE channel = 'bar'")[0]
    if writes == "writes":
        (rows,) = run("SELECT sum(length(checkpoint) + length(metadata)) FROM checkpoints")[0]
        (held,) = run("SELECT sum(length(value)) FROM writes")[0]
        assert found.bytes == found.by_thread["two"] == rows + held
        dumped = sum(
            len(JsonPlusSerializer().dumps_typed(one["bar"])[1]) for one in _states(where) if "bar" in one
        )
        assert found.by_channel["bar"] == written + dumped
    else:
        (blobs,) = run("SELECT sum(length(blob)) FROM checkpoint_blobs WHERE channel = 'bar'")[0]
        assert found.by_channel["bar"] == written + blobs
        assert found.blocks == run("SELECT count(*) FROM checkpoint_blobs WHERE type <> 'empty'")[0][0]


def _states(path: str) -> list[Any]:
    with SqliteSaver.from_conn_string(path) as saver:
        return [
            one.checkpoint["channel_values"] for one in saver.list({"configurable": {"thread_id": "two"}})
        ]


def test_memory_beside_the_threads_is_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "own.db"
    with OwnSqlite.from_conn_string(path) as saver:
        two_nodes.seed(two_nodes.build(saver), thread_id="two")
    with OwnStore.from_conn_string(path) as store:
        store.put(("users", "mia"), "diet", {"text": "vegan"})
    items = memory_of(str(path), None, plainly)
    assert items is not None and items.check() == []
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE lgviz_items SET value = x'00ff'")
    (problem,) = items.check()
    assert problem.where.startswith("item 'diet' of ('users', 'mia'), version of ")
    masked = memory_of(str(path), None, plainly, redact=[re.compile("diet")])
    assert masked is not None and "diet" not in masked.check()[0].where
    live = memory_of(None, InMemoryStore(), plainly)
    assert live is not None and live.check() == []
