"""Items of LangGraph's own stores are copied with their times; a database of theirs alone is refused."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore as TheirMemory
from langgraph.store.sqlite import SqliteStore as TheirSqlite

from lgviz.errors import ForeignTables, MissingFile, NotASource
from lgviz.persistence import InMemoryStore, SqliteStore, migrate


def fill(store: Any) -> None:
    for n in range(30):
        store.put(("users", f"u{n % 3}"), f"k{n}", {"n": n, "words": [f"word {i}" for i in range(n * 10)]})
    store.delete(("users", "u0"), "k0")


def test_from_memory_to_every_kind(make_store: Any) -> None:
    theirs = TheirMemory()
    fill(theirs)
    for kind in ("memory", "sqlite", "postgres"):
        ours = make_store(kind)
        seen: list[tuple[int, int]] = []
        assert migrate(theirs, ours, lambda done, total, seen=seen: seen.append((done, total))) == 29
        assert seen[-1] == (29, 29)
        assert migrate(theirs, ours, progress=False) == 0
        for item in theirs.search((), limit=100):
            assert ours.get(item.namespace, item.key) == item
        if kind == "memory":
            assert [i.key for i in ours.search((), limit=100)] == [
                i.key for i in theirs.search((), limit=100)
            ]


def test_a_file_of_langgraphs_store(tmp_path: Path) -> None:
    path = str(tmp_path / "memory.db")
    with TheirSqlite.from_conn_string(path, ttl={"default_ttl": None}) as theirs:
        fill(theirs)
        theirs.put(("brief",), "k", {"v": 1}, ttl=5)
        first = theirs.get(("users", "u1"), "k1")
    with pytest.raises(ForeignTables, match=r"lgviz\.persistence\.migrate"):
        SqliteStore.from_conn_string(path)
    before = time.time()
    ours = InMemoryStore()
    assert migrate(path, ours, progress=False) == 30
    item = ours.get(("users", "u1"), "k1")
    assert item is not None and first is not None
    assert item.value == first.value and item.updated_at.replace(tzinfo=None) == first.updated_at
    assert ours.as_of(before - 60).search(()) == []
    expires, ttl = ours.conn.execute("SELECT expires, ttl FROM lgviz_items WHERE ttl IS NOT NULL").fetchone()
    assert ttl == 5 and abs(expires / 1e6 - before - 300) < 30
    # The same file may hold both.
    with TheirSqlite.from_conn_string(path) as theirs:
        assert migrate(theirs, path, progress=False) == 30
    with SqliteStore.from_conn_string(path) as store:
        assert len(store.list(())) == 30


def test_from_langgraphs_postgres_store(postgres_uri: Any, make_store: Any) -> None:
    from langgraph.store.postgres import PostgresStore as TheirPostgres

    uri = postgres_uri()
    with TheirPostgres.from_conn_string(uri) as theirs:
        theirs.setup()
        fill(theirs)
        theirs.put(("brief",), "k", {"v": 1}, ttl=5)
        expected = {(item.namespace, item.key): item for item in theirs.search((), limit=100)}
        assert migrate(theirs, uri, progress=False) == 30
    ours = make_store("sqlite")
    assert migrate(uri, ours, progress=False) == 30
    assert {(item.namespace, item.key): item for item in ours.list(())}.keys() == expected.keys()
    for place, item in expected.items():
        found = ours.get(*place)
        assert (found.value, found.created_at, found.updated_at) == (
            item.value,
            item.created_at,
            item.updated_at,
        )


def test_refusals(tmp_path: Path, make_store: Any) -> None:
    with pytest.raises(MissingFile):
        migrate(tmp_path / "none.db", InMemoryStore())
    make_store("sqlite")
    with pytest.raises(NotASource, match="holds no items"):
        migrate(str(next(tmp_path.glob("store-*.db"))), InMemoryStore())
    with pytest.raises(NotASource, match="no synchronous store"):
        migrate(TheirMemory(), make_store("aiosqlite"))
    with pytest.raises(NotASource, match="can be read synchronously"):
        migrate(object(), InMemoryStore())
