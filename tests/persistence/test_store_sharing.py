"""A saver and a store on one connection or pool: their operations take turns. Encrypted stores. Several threads."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiosqlite
import psycopg
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.store.base import BaseStore
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from lgviz.persistence import (
    AsyncPostgresSaver,
    AsyncPostgresStore,
    AsyncSqliteSaver,
    AsyncSqliteStore,
    ExactSerializer,
    PostgresSaver,
    PostgresStore,
    SqliteSaver,
    SqliteStore,
)
from tests.support.savers import Foo, config, text

THREADS, ROUNDS = 4, 6


def remembering() -> Any:
    from langgraph.graph import END, START, StateGraph

    def remember(state: Any, *, store: BaseStore) -> Any:
        store.put(("runs",), state["foo"], {"by": state["foo"], "notes": [text(n, 200) for n in range(8)]})
        return {"bar": [state["foo"]]}

    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Foo)
    builder.add_node("remember", remember)
    builder.add_edge(START, "remember")
    builder.add_edge("remember", END)
    return builder


def in_threads(saver: Any, store: Any) -> None:
    """Graphs in several threads, while others use the store itself."""
    graph = remembering().compile(checkpointer=saver, store=store)
    start = threading.Barrier(2 * THREADS)

    def run(thread: int) -> None:
        start.wait()
        for n in range(ROUNDS):
            graph.invoke({"foo": f"{thread}-{n}", "bar": []}, config(str(thread)))

    def use(thread: int) -> None:
        start.wait()
        for n in range(4 * ROUNDS):
            store.put(("direct", str(thread)), "count", {"n": n})
            assert store.get(("direct", str(thread)), "count").value == {"n": n}
            store.search(("runs",), filter={"by": "0-0"})

    with ThreadPoolExecutor(2 * THREADS) as pool:
        jobs = [pool.submit(job, n) for n in range(THREADS) for job in (run, use)]
        for job in jobs:
            job.result()
    assert len(store.search(("runs",), limit=100)) == THREADS * ROUNDS
    for thread in range(THREADS):
        assert [v.value["n"] for v in store.history(("direct", str(thread)), "count")] == list(
            range(4 * ROUNDS)
        )
        assert len(list(saver.list(config(str(thread))))) == 3 * ROUNDS
        assert len(store.changes(str(thread))) == ROUNDS
    assert saver.check() == []


def test_one_sqlite_connection(tmp_path: Path) -> None:
    conn = sqlite3.connect(tmp_path / "both.db", check_same_thread=False)
    in_threads(SqliteSaver(conn), SqliteStore(conn))
    conn.close()


def test_one_postgres_connection_and_one_pool(postgres_uri: Callable[[], str]) -> None:
    with psycopg.connect(postgres_uri(), autocommit=True) as conn:
        in_threads(PostgresSaver(conn), PostgresStore(conn))
    with ConnectionPool(postgres_uri(), kwargs={"autocommit": True}, max_size=4, open=True) as pool:
        in_threads(PostgresSaver(pool), PostgresStore(pool))


async def together(saver: Any, store: Any) -> None:
    from langgraph.graph import END, START, StateGraph

    async def remember(state: Any, *, store: BaseStore) -> Any:
        await store.aput(("runs",), state["foo"], {"by": state["foo"]})
        return {"bar": [state["foo"]]}

    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Foo)
    builder.add_node("remember", remember)
    builder.add_edge(START, "remember")
    builder.add_edge("remember", END)
    graph = builder.compile(checkpointer=saver, store=store)
    await asyncio.gather(*(graph.ainvoke({"foo": str(n), "bar": []}, config(str(n))) for n in range(12)))
    assert {item.key for item in await store.alist(("runs",))} == {str(n) for n in range(12)}
    assert await saver.acheck() == []
    for n in range(12):
        assert len(await store.achanges(str(n))) == 1


async def test_one_aiosqlite_connection(tmp_path: Path) -> None:
    async with aiosqlite.connect(tmp_path / "both.db") as conn:
        await together(AsyncSqliteSaver(conn), AsyncSqliteStore(conn))


async def test_one_async_postgres_connection_and_one_pool(postgres_uri: Callable[[], str]) -> None:
    async with await psycopg.AsyncConnection.connect(postgres_uri(), autocommit=True) as conn:
        await together(AsyncPostgresSaver(conn), AsyncPostgresStore(conn))
    async with AsyncConnectionPool(
        postgres_uri(), kwargs={"autocommit": True}, max_size=4, open=False
    ) as pool:
        await together(AsyncPostgresSaver(pool), AsyncPostgresStore(pool))


def test_writers_of_one_item_in_postgres(postgres_uri: Callable[[], str]) -> None:
    """No version is lost where several connections put the same new item."""
    uri = postgres_uri()
    stores = [PostgresStore.from_conn_string(uri) for _ in range(4)]
    for n in range(20):
        start = threading.Barrier(len(stores))

        def put(index: int, n: int = n, start: threading.Barrier = start) -> None:
            start.wait()
            stores[index].put(("a",), f"k{n}", {"by": index, "notes": [text(n, 200)] * 8})

        with ThreadPoolExecutor(len(stores)) as pool:
            list(pool.map(put, range(len(stores))))
        history = stores[0].history(("a",), f"k{n}")
        assert sorted(version.value["by"] for version in history) == [0, 1, 2, 3]  # type: ignore[index]
        assert stores[0].get(("a",), f"k{n}").value == history[-1].value  # type: ignore[union-attr]
    for store in stores:
        store.close()


def test_encrypted(tmp_path: Path) -> None:
    path = tmp_path / "secret.db"
    serde = EncryptedSerializer.from_pycryptodome_aes(ExactSerializer(), key=b"0123456789abcdef")
    value = {"short": "Marker-of-a-secret", "kind": "note"}
    with SqliteStore.from_conn_string(str(path), serde=serde) as store:
        store.put(("a",), "k", value)
        store.put(("a",), "long", value | {"notes": ["Marker-of-a-secret" + text(n, 300) for n in range(9)]})
        store.put(("a",), "k", value | {"n": 2})
        assert [v.value for v in store.history(("a",), "k")] == [value, value | {"n": 2}]
        assert {item.key for item in store.search((), filter={"kind": "note"})} == {"k", "long"}
    for file in tmp_path.iterdir():
        assert b"Marker-of-a-secret" not in file.read_bytes()
    with SqliteStore.from_conn_string(str(path), serde=serde) as store:
        assert store.get(("a",), "k").value == value | {"n": 2}  # type: ignore[union-attr]


def test_another_process_sees_what_was_put(tmp_path: Path) -> None:
    import subprocess
    import sys

    path = tmp_path / "shared.db"
    with SqliteStore.from_conn_string(str(path)) as store:
        store.put(("a",), "k", {"v": 1})
        code = (
            "import sys; from lgviz.persistence import SqliteStore\n"
            "with SqliteStore.from_conn_string(sys.argv[1]) as s:\n"
            "    assert s.get(('a',), 'k').value == {'v': 1}\n"
            "    s.put(('a',), 'k', {'v': 2, 'notes': ['x' * 100] * 20})\n"
        )
        subprocess.run([sys.executable, "-c", code, str(path)], check=True)
        found = store.get(("a",), "k")
        assert found is not None and found.value["v"] == 2
        store.put(("a",), "k", {"v": 3})
        assert [version.value["v"] for version in store.history(("a",), "k")] == [1, 2, 3]  # type: ignore[index]
