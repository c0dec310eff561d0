"""Time to live: LangGraph's, in every store; what is swept is deleted, and its versions stay."""

from __future__ import annotations

import time
from typing import Any

import pytest

from lgviz.persistence import AsyncSqliteStore, InMemoryStore
from tests.support.stores import ALL, call
from tests.support.waiting import auntil, until, until_clock

SOON = 0.002
"""Minutes."""


def expires(store: Any, key: str) -> float | None:
    """Seconds since 1970 at which an item ends."""
    from lgviz.persistence.database.statements import READ, Query

    def read() -> Any:
        yield READ
        return (yield Query("SELECT expires FROM lgviz_items WHERE key = ?", [key.encode()]))

    run = store._arun(read) if hasattr(store, "__aenter__") else None
    rows = store.test_loop.run_until_complete(run) if run is not None else store._run(read)
    return None if rows[0][0] is None else rows[0][0] / 1e6


@pytest.mark.parametrize("kind", ALL)
def test_expired_items_are_there_until_they_are_swept(kind: str, make_store: Any) -> None:
    store = make_store(kind, ttl={"default_ttl": SOON})
    call(store, "put", ("a",), "brief", {"v": 1})
    call(store, "put", ("a",), "long", {"v": 2}, ttl=60)
    call(store, "put", ("a",), "for ever", {"v": 3}, ttl=None)
    until_clock(expires(store, "brief") or 0)
    # As LangGraph's SqliteStore and PostgresStore have it, unless "omit_expired" says otherwise.
    assert {item.key for item in call(store, "search", ("a",), refresh_ttl=False)} == {
        "brief",
        "long",
        "for ever",
    }
    swept = (
        store.test_loop.run_until_complete(store.sweep_ttl())
        if hasattr(store, "__aenter__")
        else store.sweep_ttl()
    )
    assert swept == 1
    assert {item.key for item in call(store, "search", ("a",))} == {"long", "for ever"}
    assert [version.value for version in call(store, "history", ("a",), "brief")] == [{"v": 1}, None]
    call(store, "put", ("a",), "long", {"v": 4}, ttl=None)
    assert expires(store, "long") is None


@pytest.mark.parametrize("kind", ALL)
def test_reading_puts_off_the_end(kind: str, make_store: Any) -> None:
    store = make_store(kind)
    call(store, "put", ("a",), "k", {"v": 1}, ttl=1)
    first = expires(store, "k")
    assert first is not None and abs(first - time.time() - 60) < 10
    call(store, "get", ("a",), "k", refresh_ttl=False)
    assert expires(store, "k") == first
    call(store, "get", ("a",), "k")
    second = expires(store, "k")
    call(store, "search", ("a",))
    third = expires(store, "k")
    assert first < second < third  # type: ignore[operator]
    assert len(call(store, "history", ("a",), "k")) == 1
    put_off = make_store(kind, ttl={"refresh_on_read": False})
    call(put_off, "put", ("a",), "k", {"v": 1}, ttl=1)
    first = expires(put_off, "k")
    call(put_off, "get", ("a",), "k")
    assert expires(put_off, "k") == first


@pytest.mark.parametrize("kind", ALL)
def test_expired_items_can_be_left_out(kind: str, make_store: Any) -> None:
    store = make_store(kind, ttl={"omit_expired": True})
    call(store, "put", ("b",), "long", {"v": 2}, ttl=60)
    call(store, "put", ("a",), "brief", {"v": 1}, ttl=10 * SOON)
    assert call(store, "get", ("a",), "brief", refresh_ttl=False) is not None
    until_clock(expires(store, "brief") or 0)
    assert call(store, "get", ("a",), "brief") is None
    assert [item.key for item in call(store, "search", ())] == ["long"]
    assert call(store, "list_namespaces") == [("b",)]


def test_a_thread_sweeps() -> None:
    store = InMemoryStore(ttl={"default_ttl": 0})
    store.put(("a",), "k", {})
    future = store.start_ttl_sweeper(sweep_interval_minutes=0.001)
    assert store.start_ttl_sweeper() is future
    until(lambda: store.get(("a",), "k", refresh_ttl=False) is None)
    assert store.stop_ttl_sweeper(timeout=10) and future.done()
    assert store.stop_ttl_sweeper() is True
    assert InMemoryStore().start_ttl_sweeper().done()
    cancelled = store.start_ttl_sweeper(sweep_interval_minutes=60)
    assert cancelled.cancel()
    store.close()


async def test_a_task_sweeps() -> None:
    async with AsyncSqliteStore.from_conn_string(":memory:", ttl={"default_ttl": 0}) as store:
        await store.aput(("a",), "k", {})
        task = await store.start_ttl_sweeper(sweep_interval_minutes=0.001)

        async def swept() -> bool:
            return await store.aget(("a",), "k", refresh_ttl=False) is None

        await auntil(swept)
        assert await store.stop_ttl_sweeper(timeout=10) and task.done()
