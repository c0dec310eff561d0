"""LangGraph's own InMemoryStore as the reference: the same operations, the same answers from every store.

Two things differ on purpose (docs/COVERAGE.md): LangGraph lists namespaces that were only looked at or have lost all
their items, and its ``created_at`` starts anew with every put.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import aiosqlite
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore as Reference

from lgviz.persistence import (
    AsyncPostgresStore,
    AsyncSqliteStore,
    InMemoryStore,
    PostgresStore,
    SqliteStore,
)
from tests.support.stores import call

EXAMPLES = {"memory": 1000, "sqlite": 1000, "aiosqlite": 400, "postgres": 120, "aiopostgres": 80}

labels = st.sampled_from(["a", "b", "A", "a%", "a_", "ab", "*", "ü"])
spaces = st.lists(labels, min_size=1, max_size=3).map(tuple)
prefixes = st.lists(labels, max_size=2).map(tuple)
keys = st.sampled_from(["k", "K", "k%", "", "k.b", "k\0"])
atoms = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from([0.5, 1.0]),
    st.sampled_from(["", "x", "y", "xy"]),
)
nested = st.recursive(
    atoms,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("npq"), inner, max_size=2),
    max_leaves=4,
)
numbers = st.integers(0, 4) | st.sampled_from(
    [0.0, -0.0, 0.5, 1.0, 3.7, -1, -2.5, 127, 128, 127.5, 200, 1e18, 2**63, 1e-300, -1e300, True]
)
values = st.fixed_dictionaries(
    {"n": st.integers(0, 4)}, optional={"s": atoms, "o": nested, "pad": st.just("w" * 1500)}
)
operators = st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"])
filters = st.one_of(
    st.none(),
    st.fixed_dictionaries({"n": numbers | st.dictionaries(operators, numbers, min_size=1)}),
    st.fixed_dictionaries(
        {"s": atoms | st.fixed_dictionaries({"$eq": atoms}) | st.fixed_dictionaries({"$ne": atoms})}
    ),
    st.fixed_dictionaries({"n": numbers, "o": nested}),
)
small = st.sampled_from([0, 1, 2, 100])
gets = st.tuples(spaces, keys).map(lambda it: GetOp(*it))
puts = st.tuples(spaces, keys, st.none() | values).map(lambda it: PutOp(*it))
searches = st.tuples(prefixes, filters, small, st.sampled_from([0, 0, 1, 3])).map(lambda it: SearchOp(*it))
paths = st.lists(st.just("*") | labels, min_size=1, max_size=2).map(tuple)
conditions = st.tuples(st.sampled_from(["prefix", "suffix"]), paths).map(lambda it: MatchCondition(*it))
listings = st.tuples(
    st.lists(conditions, max_size=2).map(tuple),
    st.sampled_from([None, None, 1, 2]),
    small,
    st.sampled_from([0, 1]),
).map(lambda it: ListNamespacesOp(*it))
operation = st.one_of(puts, puts, puts, gets, searches, listings)
scripts = st.lists(st.lists(operation, min_size=1, max_size=4), min_size=1, max_size=12)


class Model(Reference):
    """LangGraph's store, but namespaces begin with their first item and are listed while they have any."""

    def _prepare_ops(self, ops: Any) -> Any:
        known = set(self._data)
        prepared = super()._prepare_ops(ops)
        for space in set(self._data) - known:
            del self._data[space]
        return prepared

    def _apply_put_ops(self, put_ops: Any) -> None:
        super()._apply_put_ops(
            {place: op for place, op in put_ops.items() if op.value is not None or place[0] in self._data}
        )

    def _handle_list_namespaces(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        everything = self._data
        self._data = {space: items for space, items in everything.items() if items}  # type: ignore[assignment]
        try:
            return super()._handle_list_namespaces(op)
        finally:
            self._data = everything


def compare(op: Any, ours: Any, theirs: Any, newest_first: bool) -> None:
    if not isinstance(op, SearchOp):
        assert plain(ours) == plain(theirs)
        return
    if not newest_first:
        assert list(map(plain, ours)) == list(map(plain, theirs))
        return
    assert len(ours) == len(theirs)
    times = [item.updated_at for item in ours]
    assert times == sorted(times, reverse=True)
    if op.limit == 100 and op.offset == 0:
        assert sorted(map(repr, map(plain, ours))) == sorted(map(repr, map(plain, theirs)))


def plain(found: Any) -> Any:
    return (found.namespace, found.key, found.value) if hasattr(found, "key") else found


def play(store: Any, script: list[list[Any]], newest_first: bool) -> None:
    model = Model()
    for ops in script:
        theirs = model.batch(ops)
        ours = call(store, "batch", ops)
        assert len(ours) == len(ops)
        for op, own, their in zip(ops, ours, theirs, strict=True):
            compare(op, own, their, newest_first)


def property_test(kind: str, make: Callable[[], Any], newest_first: bool = True) -> None:
    @settings(max_examples=EXAMPLES[kind], deadline=None, suppress_health_check=list(HealthCheck))
    @given(scripts)
    def run(script: list[list[Any]]) -> None:
        play(make(), script, newest_first)

    run()


def test_memory() -> None:
    property_test("memory", InMemoryStore, newest_first=False)


def test_sqlite() -> None:
    opened: list[sqlite3.Connection] = []

    def make() -> SqliteStore:
        while opened:
            opened.pop().close()
        opened.append(sqlite3.connect(":memory:"))
        return SqliteStore(opened[0])

    property_test("sqlite", make)
    opened.pop().close()


def test_aiosqlite() -> None:
    loop = asyncio.new_event_loop()
    opened: list[aiosqlite.Connection] = []

    def make() -> AsyncSqliteStore:
        while opened:
            loop.run_until_complete(opened.pop().close())
        opened.append(aiosqlite.connect(":memory:"))
        store: Any = AsyncSqliteStore(opened[0])
        store.test_loop = loop
        return store

    property_test("aiosqlite", make)
    loop.run_until_complete(opened.pop().close())
    loop.close()


@pytest.fixture
def emptied(postgres_uri: Callable[[], str]) -> Iterator[tuple[str, Callable[[], None]]]:
    """A database, and a function that empties it."""
    import psycopg

    uri = postgres_uri()
    with psycopg.connect(uri, autocommit=True) as conn:
        empty = """TRUNCATE lgviz_namespaces, lgviz_items, lgviz_past, lgviz_blocks, lgviz_shares;
            INSERT INTO lgviz_meta VALUES ('removed', '') ON CONFLICT (name)
            DO UPDATE SET value = lgviz_meta.value || 'x'"""
        yield uri, lambda: conn.execute(empty)


def test_postgres(emptied: Any) -> None:
    uri, empty = emptied
    with PostgresStore.from_conn_string(uri) as store:

        def make() -> Any:
            empty()
            return store

        property_test("postgres", make)


def test_aiopostgres(emptied: Any) -> None:
    uri, empty = emptied
    store = AsyncPostgresStore.from_conn_string(uri)
    call(store, "list_namespaces")

    def make() -> Any:
        empty()
        return store

    property_test("aiopostgres", make)
    store.test_loop.run_until_complete(store.close())  # type: ignore[attr-defined]
