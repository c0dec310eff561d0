"""Threads copied from each of LangGraph's savers, exactly, and once more to go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiosqlite
import psycopg
import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.checkpoint.postgres import PostgresSaver as LangGraphPostgres
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver as LangGraphAsyncPostgres
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver as LangGraphAsyncSqlite

from lgviz.demos import DEMOS, two_nodes
from lgviz.errors import NoCheckpoints, NotASource, Unavailable
from lgviz.persistence import MemorySaver, PostgresSaver, SqliteSaver, migrate

CONFIG: Any = {"configurable": {"thread_id": "1"}}


def by_place(found: list[CheckpointTuple]) -> dict[Any, CheckpointTuple]:
    def place(item: CheckpointTuple) -> tuple[str, ...]:
        where = item.config["configurable"]
        return where["thread_id"], where["checkpoint_ns"], where["checkpoint_id"]

    return {place(item): item for item in found}


def assert_same(old: list[CheckpointTuple], new: Any) -> None:
    theirs, ours = by_place(old), by_place(list(new.list(None)))
    assert theirs.keys() == ours.keys() and theirs
    for place, item in theirs.items():
        copy = ours[place]
        assert copy.checkpoint == item.checkpoint
        assert (copy.config, copy.parent_config) == (item.config, item.parent_config)
        assert copy.metadata == item.metadata
        assert repr(copy.pending_writes) == repr(item.pending_writes)  # exceptions never equal one another
    assert new.check() == []


def task_paths(new: Any) -> set[tuple[str, ...]]:
    return {
        (row.namespace, row.checkpoint_id, row.task_id, row.task_path, row.idx, row.channel)
        for thread in {item.config["configurable"]["thread_id"] for item in new.list(None)}
        for row in new.index(thread).writes
    }


def test_postgres_by_saver_and_by_url(postgres_uri: Callable[[], str], tmp_path: Path) -> None:
    uri = postgres_uri()
    with LangGraphPostgres.from_conn_string(uri) as old, MemorySaver() as new:
        with pytest.raises(NoCheckpoints):
            migrate(old, new)
        old.setup()
        for name, demo in DEMOS.items():
            demo.seed(demo.build(old), name)
        expected = list(old.list(None))
        steps: list[tuple[int, int]] = []
        assert migrate(old, new, lambda done, total: steps.append((done, total))) == len(expected)
        assert steps[-1] == (len(expected), len(expected))
        assert_same(expected, new)
        with psycopg.connect(uri) as conn:
            stored = "checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel"
            assert task_paths(new) == set(conn.execute(f"SELECT {stored} FROM checkpoint_writes").fetchall())
        file = tmp_path / "new.db"
        assert migrate(uri, file, progress=False) == len(expected)
        two_nodes.build(old).invoke(two_nodes.INPUT, CONFIG)
        assert migrate(uri, str(file), progress=False) == 4
        assert migrate(old, file, progress=False) == 0
        with SqliteSaver.from_conn_string(str(file)) as copied:
            assert_same(list(old.list(None)), copied)
        # Into the database it comes from, beside the old tables.
        assert migrate(uri, uri, progress=False) == len(expected) + 4
        with PostgresSaver.from_conn_string(uri) as beside:
            assert_same(list(old.list(None)), beside)


def test_an_interrupted_migration_goes_on(postgres_uri: Callable[[], str]) -> None:
    uri = postgres_uri()
    with LangGraphPostgres.from_conn_string(uri) as old, MemorySaver() as new:
        old.setup()
        DEMOS["agent"].seed(DEMOS["agent"].build(old), "agent")
        expected = list(old.list(None))

        def stop(done: int, total: int) -> None:
            if done == 5:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            migrate(uri, new, stop)
        copied = len(list(new.list(None)))
        assert 0 < copied < len(expected)
        assert migrate(uri, new, progress=False) == len(expected) - copied
        assert_same(expected, new)


@pytest.mark.parametrize("on_loop", [False, True])
async def test_async_postgres(postgres_uri: Callable[[], str], on_loop: bool) -> None:
    async with LangGraphAsyncPostgres.from_conn_string(postgres_uri()) as old:
        await old.setup()
        await two_nodes.build(old).ainvoke(two_nodes.INPUT, CONFIG)
        expected = [item async for item in old.alist(None)]
        with MemorySaver() as new:
            copied = (
                migrate(old, new, progress=False)
                if on_loop  # as a notebook's cell does
                else await asyncio.to_thread(migrate, old, new, progress=False)
            )
            assert copied == 4
            assert_same(expected, new)


@pytest.mark.parametrize("on_loop", [False, True])
@pytest.mark.parametrize("place", [":memory:", "file"])
async def test_async_sqlite(tmp_path: Path, place: str, on_loop: bool) -> None:
    name = place if place == ":memory:" else str(tmp_path / "old.db")
    async with aiosqlite.connect(name) as connection:
        old = LangGraphAsyncSqlite(connection)
        await two_nodes.build(old).ainvoke(two_nodes.INPUT, CONFIG)
        expected = [item async for item in old.alist(None)]
        with MemorySaver() as new:
            if on_loop:
                assert migrate(old, new, progress=False) == 4
            else:
                assert await asyncio.to_thread(migrate, old, new, progress=False) == 4
            assert_same(expected, new)
    with pytest.raises(NotASource, match="not open"):
        migrate(old, MemorySaver())


def test_an_lgviz_saver_keeps_task_paths_and_numbers() -> None:
    with MemorySaver() as old, MemorySaver() as new:
        for name, demo in DEMOS.items():
            demo.seed(demo.build(old), name)
        migrate(old, new, progress=False)
        assert_same(list(old.list(None)), new)
        assert task_paths(new) == task_paths(old)


def test_the_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with LangGraphSqlite.from_conn_string(str(tmp_path / "old.db")) as old:
        two_nodes.build(old).invoke(two_nodes.INPUT, CONFIG)
    migrate(tmp_path / "old.db", tmp_path / "new.db")
    last = capsys.readouterr().err.rpartition("\r")[2]
    assert last.startswith("migrating: 100%") and "| 4/4 [" in last and last.endswith("\n")


class OnlyAsync(BaseCheckpointSaver[str]):
    """Some saver that has no synchronous methods."""


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(NotASource, match="event loop"):
        migrate(OnlyAsync(), MemorySaver())
    with pytest.raises(NotASource, match="int"):
        migrate(5, MemorySaver())
    with LangGraphSqlite.from_conn_string(str(tmp_path / "old.db")) as old:
        old.setup()
        with pytest.raises(NotASource, match="no saver of lgviz"):
            migrate(tmp_path / "old.db", old)
    for source, target in (
        ("postgresql://u:s3cret@127.0.0.1:1/db", MemorySaver()),
        (tmp_path / "old.db", "postgresql://u:s3cret@127.0.0.1:1/db"),
    ):
        with pytest.raises(Unavailable) as raised:
            migrate(source, target)
        assert "s3cret" not in str(raised.value)
    for source, target in (
        ("postgresql://u:s3cret/@127.0.0.1:1/db", MemorySaver()),
        (tmp_path / "old.db", "postgresql://u:s3%cret@127.0.0.1:1/db"),
    ):
        with pytest.raises(NotASource, match="cannot be read") as refused:
            migrate(source, target)
        assert "s3" not in str(refused.value)
