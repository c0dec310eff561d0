"""The overlay store: it answers as a copy of its base would, and leaves the base alone."""

from __future__ import annotations

import asyncio
import copy
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    PutOp,
    SearchOp,
)
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite import SqliteStore
from langgraph.store.sqlite.aio import AsyncSqliteStore

from lgviz import persistence
from lgviz.errors import MemoryConflict
from lgviz.session import OverlayStore

NAMESPACES = [("a",), ("a", "b"), ("a", "c"), ("b",), ("b", "a"), ("a-b",)]
KEYS = ["x", "y", "z"]

namespaces = st.sampled_from(NAMESPACES)
keys = st.sampled_from(KEYS)
values = st.fixed_dictionaries({"n": st.integers(0, 3), "t": st.sampled_from(["red", "green"])})
prefixes = st.sampled_from([(), *NAMESPACES])
filters = st.sampled_from(
    [None, {"t": "red"}, {"n": {"$gte": 2}}, {"t": {"$ne": "red"}, "n": 1}, {"none": None}]
)
matches = st.sampled_from(
    [
        None,
        (MatchCondition("prefix", ("a",)),),
        (MatchCondition("suffix", ("a",)),),
        (MatchCondition("prefix", ("*", "b")),),
    ]
)
puts = st.tuples(namespaces, keys, st.none() | values).map(lambda args: PutOp(*args))
ops = st.one_of(
    puts,
    puts,
    st.tuples(namespaces, keys).map(lambda args: GetOp(*args)),
    st.tuples(prefixes, filters, st.integers(1, 6), st.integers(0, 3)).map(lambda args: SearchOp(*args)),
    st.tuples(matches, st.sampled_from([None, 1, 2]), st.integers(1, 5), st.integers(0, 2)).map(
        lambda args: ListNamespacesOp(*args)
    ),
)
batches = st.lists(ops, min_size=1, max_size=3)


@pytest.fixture(autouse=True, scope="module")
def all_in_one_second() -> Iterator[None]:
    """LangGraph's SqliteStore orders by whole seconds: that one ends between two puts must decide nothing."""
    connect, now = sqlite3.connect, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"

    def stopped(*args: Any, **options: Any) -> sqlite3.Connection:
        conn = connect(*args, **options)
        conn.create_function("current_timestamp", 0, lambda: now)
        return conn

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", stopped)
        yield


def in_memory() -> BaseStore:
    return InMemoryStore()


def in_sqlite() -> BaseStore:
    return SqliteStore(sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None))


def in_lgviz_memory() -> BaseStore:
    return persistence.InMemoryStore()


def in_lgviz_sqlite() -> BaseStore:
    conn = sqlite3.connect(":memory:", check_same_thread=False)
    return persistence.SqliteStore(conn)


MAKERS = [in_memory, in_sqlite, in_lgviz_memory, in_lgviz_sqlite]


def copied(store: BaseStore) -> BaseStore:
    """Another store that holds the same."""
    if isinstance(store, InMemoryStore):
        return copy.deepcopy(store)
    assert isinstance(store, SqliteStore | persistence.SqliteStore)
    if isinstance(store, persistence.InMemoryStore):
        memory = persistence.InMemoryStore()
        store.conn.backup(memory.conn)
        memory._engine.writes.ranks = copy.copy(store._engine.writes.ranks)
        return memory
    other = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    store.conn.backup(other)
    return type(store)(other)


def dump(store: BaseStore) -> Any:
    """Everything that a store holds."""
    if isinstance(store, InMemoryStore):
        return repr([(ns, list(items.items())) for ns, items in store._data.items()])
    assert isinstance(store, SqliteStore | persistence.SqliteStore)
    return list(store.conn.iterdump())


def aged(store: BaseStore) -> None:
    """Made ready, and what is in it older than what comes: LangGraph's SqliteStore counts time in seconds."""
    store.get(("a",), "x")
    if isinstance(store, SqliteStore):
        store.setup()
        store.conn.execute(
            "update store set updated_at = datetime('now', '-1 day', '+' || rowid || ' seconds')"
        )


def told(answer: Any) -> Any:
    """An answer without its times; whether an item was created before it was updated stays."""
    if isinstance(answer, list):
        return [told(part) for part in answer]
    if isinstance(answer, Item):
        return (answer.namespace, answer.key, answer.value, getattr(answer, "score", None))
    return answer


def held(store: BaseStore) -> dict[Any, Any]:
    """The items of each namespace in order. LangGraph's InMemoryStore orders the namespaces by the first
    operation that named them, a read even; what was only read is not kept."""
    found: dict[Any, Any] = {}
    for item in store.search((), limit=1000):
        found.setdefault(item.namespace, []).append(told(item))
    return found


@pytest.mark.parametrize("make", MAKERS)
@settings(max_examples=150, deadline=None)
@example(  # a namespace whose item is deleted keeps its place
    before=[PutOp(("a", "b"), "z", {"n": 0})],
    rounds=[
        [PutOp(("a",), "x", {"n": 0}), PutOp(("a", "b"), "x", {"n": 0}), PutOp(("a", "b"), "z", None)],
        [SearchOp((), None, 1, 0)],
    ],
)
@example(  # so does one that was emptied before
    before=[PutOp(("a",), "x", {"n": 0}), PutOp(("a",), "x", None)],
    rounds=[[PutOp(("a", "b"), "x", {"n": 0})], [PutOp(("a",), "x", {"n": 0})], [SearchOp((), None, 1, 0)]],
)
@example(  # what was put at once is kept at once
    before=[PutOp(("a",), "y", {"n": 0})],
    rounds=[[PutOp(("a",), "x", {"n": 0}), PutOp(("a",), "y", {"n": 1})]],
)
@given(before=st.lists(puts, max_size=8), rounds=st.lists(batches, max_size=12))
def test_an_overlay_answers_as_a_copy_and_keeps_to_the_same(
    make: Callable[[], BaseStore], before: list[PutOp], rounds: list[list[Any]]
) -> None:
    base = make()
    for op in before:
        base.batch([op])
    aged(base)
    other, untouched = copied(base), dump(base)
    overlay = OverlayStore(base)
    for batch in rounds:
        assert told(overlay.batch(batch)) == told(other.batch(batch)), batch
    assert dump(base) == untouched
    assert {(c.namespace, c.key): c.after for c in overlay.changes()} == changed(base, other)
    overlay.keep()
    assert held(base) == held(other)


def changed(base: BaseStore, other: BaseStore) -> dict[Any, Any]:
    before = {(i.namespace, i.key): i.value for i in base.search((), limit=1000)}
    after = {(i.namespace, i.key): i.value for i in other.search((), limit=1000)}
    return {k: after.get(k) for k in before.keys() | after.keys() if before.get(k) != after.get(k)}


@pytest.mark.parametrize("make", MAKERS)
@settings(max_examples=60, deadline=None)
@given(before=st.lists(puts, max_size=8), rounds=st.lists(batches, max_size=12))
def test_awaited_it_answers_the_same(
    make: Callable[[], BaseStore], before: list[PutOp], rounds: list[list[Any]]
) -> None:
    base = make()
    base.batch(before)
    aged(base)
    one, other = OverlayStore(base), OverlayStore(copied(base))

    async def answers() -> list[Any]:
        return [told(await one.abatch(batch)) for batch in rounds]

    assert asyncio.run(answers()) == [told(other.batch(batch)) for batch in rounds]
    assert asyncio.run(one.akeep()) == other.keep()
    assert held(one.base) == held(other.base)


async def test_a_store_on_a_loop_is_read_from_it_and_from_elsewhere(tmp_path: Path) -> None:
    async with AsyncSqliteStore.from_conn_string(str(tmp_path / "store.db")) as base:
        await base.setup()
        await base.aput(("a",), "x", {"n": 1})
        overlay = OverlayStore(base)
        await overlay.aput(("a",), "y", {"n": 2})
        assert {i.key for i in await overlay.asearch(("a",))} == {"x", "y"}

        def elsewhere() -> Any:
            overlay.put(("a",), "z", {"n": 3})
            return overlay.get(("a",), "x")

        found = await asyncio.to_thread(elsewhere)
        assert found.value == {"n": 1}
        other_loop = await asyncio.to_thread(lambda: asyncio.run(overlay.aget(("a",), "x")))
        assert other_loop.value == {"n": 1}
        assert [i.key for i in await base.asearch(("a",))] == ["x"]
        assert [c.key for c in await overlay.akeep()] == ["y", "z"]
        assert {i.key for i in await base.asearch(("a",))} == {"x", "y", "z"}


@pytest.mark.parametrize("make", MAKERS)
def test_what_is_changed_in_hand_reaches_neither_store(make: Callable[[], BaseStore]) -> None:
    base = make()
    base.put(("a",), "x", {"list": [1]})
    overlay = OverlayStore(base)
    mine: dict[str, Any] = {"list": [2]}
    overlay.put(("a",), "y", mine)
    mine["list"].append("later")
    for key in ("x", "y"):
        overlay.get(("a",), key).value["list"].append("in hand")  # type: ignore[union-attr]
    for item in overlay.search(("a",)):
        item.value["list"].append("in hand")
    assert {i.key: i.value for i in overlay.search(("a",))} == {"x": {"list": [1]}, "y": {"list": [2]}}
    overlay.keep()
    assert {i.key: i.value for i in base.search(("a",))} == {"x": {"list": [1]}, "y": {"list": [2]}}


def test_reading_does_not_extend_a_life() -> None:
    conn = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    base = SqliteStore(conn, ttl={"refresh_on_read": True, "default_ttl": 60})
    base.put(("a",), "x", {"n": 1}, ttl=60)
    conn.execute("update store set expires_at = datetime('now', '+1 minute')")
    untouched = list(conn.iterdump())
    overlay = OverlayStore(base)
    assert overlay.supports_ttl
    assert overlay.get(("a",), "x", refresh_ttl=True) is not None
    assert overlay.search(("a",), refresh_ttl=True)
    overlay.put(("a",), "y", {"n": 2}, ttl=5)
    assert list(conn.iterdump()) == untouched
    overlay.keep()
    assert [row[0] for row in conn.execute("select ttl_minutes from store order by key")] == [60, 5]


@pytest.mark.parametrize("make", MAKERS)
def test_keeping_over_what_was_changed_meanwhile_is_refused(make: Callable[[], BaseStore]) -> None:
    base = make()
    for key in ("same", "theirs", "gone", "agreed"):
        base.put(("a",), key, {"n": 0})
    overlay = OverlayStore(base)
    for key in ("same", "theirs", "gone", "agreed", "new"):
        overlay.put(("a",), key, {"n": 1})
    base.put(("a",), "theirs", {"n": 2})
    base.delete(("a",), "gone")
    base.put(("a",), "agreed", {"n": 1})
    base.put(("a",), "new", {"n": 3})
    untouched = dump(base)
    with pytest.raises(MemoryConflict, match="a: theirs, a: gone, a: new") as refused:
        overlay.keep()
    assert [(c.key, c.kind, c.before, c.after) for c in refused.value.changes] == [
        ("theirs", "changed", {"n": 2}, {"n": 1}),
        ("gone", "added", None, {"n": 1}),
        ("new", "changed", {"n": 3}, {"n": 1}),
    ]
    assert dump(base) == untouched
    assert len(overlay.keep(overwrite=True)) == 5
    assert {i.value["n"] for i in base.search(("a",))} == {1}
    assert overlay.changes() == []


class Failing(InMemoryStore):
    """Refuses one of the batches that write."""

    __slots__ = ("left",)

    def batch(self, ops: Iterable[Any]) -> list[Any]:
        ops = list(ops)
        if any(isinstance(op, PutOp) for op in ops):
            self.left = getattr(self, "left", 1000) - 1
            if not self.left:
                raise ConnectionError("lost")
        return super().batch(ops)


@pytest.mark.parametrize("after", range(1, 6))
def test_keeping_that_was_broken_off_goes_on(after: int) -> None:
    base = Failing()
    base.put(("a",), "twice", {"n": 0})
    overlay = OverlayStore(base)
    overlay.put(("a",), "twice", {"n": 1})
    overlay.put(("a",), "gone", {"n": 1})
    overlay.put(("a",), "twice", {"n": 2})
    overlay.delete(("a",), "gone")
    base.left = after
    if after < 5:
        with pytest.raises(ConnectionError):
            overlay.keep()
        assert [(item.key, item.value) for item in overlay.search(("a",))] == [("twice", {"n": 2})]
    overlay.keep()
    assert [(item.key, item.value) for item in base.search(("a",))] == [("twice", {"n": 2})]


@pytest.mark.parametrize("make", MAKERS[1:])  # LangGraph's InMemoryStore is copied
@pytest.mark.parametrize("dated", [False, True])
def test_after_keeping_the_base_is_read(make: Callable[[], BaseStore], dated: bool) -> None:
    base = make()
    overlay = OverlayStore(base, datetime.now(UTC) if dated else None)
    overlay.put(("a",), "k", {"n": 1})
    overlay.keep()
    assert [item.value for item in overlay.search(("a",))] == [{"n": 1}]
    base.put(("a",), "k", {"n": 2})
    assert [item.value for item in overlay.search(("a",))] == [{"n": 2}]
    assert overlay.get(("a",), "k").value == {"n": 2}  # type: ignore[union-attr]


def test_discarded_nothing_is_left() -> None:
    base = in_memory()
    base.put(("a",), "x", {"n": 0})
    untouched = dump(base)
    overlay = OverlayStore(base)
    overlay.put(("a",), "x", {"n": 1})
    overlay.discard()
    assert overlay.get(("a",), "x").value == {"n": 0}  # type: ignore[union-attr]
    assert overlay.keep() == []
    assert dump(base) == untouched


def words(texts: list[str]) -> list[list[float]]:
    """An embedding by the words of a text."""
    known = ["pizza", "bicycle", "eat", "own", "like", "sushi"]
    return [[float(text.lower().count(word)) + 0.01 for word in known] for text in texts]


async def awords(texts: list[str]) -> list[list[float]]:
    await asyncio.sleep(0)
    return words(texts)


@pytest.mark.parametrize("embed", [words, awords])
@pytest.mark.parametrize("kind", [InMemoryStore, persistence.InMemoryStore])
async def test_what_was_put_is_ranked_among_what_was_there(kind: Any, embed: Any) -> None:
    base = kind(index={"dims": 6, "embed": embed})
    await base.aput(("a",), "1", {"text": "I own a bicycle"})
    await base.aput(("a",), "2", {"text": "I like pizza"})
    overlay = OverlayStore(base)
    await overlay.aput(("a",), "3", {"text": "I like to eat pizza and sushi"})
    await overlay.aput(("a",), "4", {"text": "nothing"}, index=False)
    found = await overlay.asearch(("a",), query="like eat pizza")
    assert [i.key for i in found] == ["3", "2", "1", "4"]
    assert [i.score is None for i in found] == [False, False, False, True]
    assert len(await base.asearch(("a",))) == 2
    await overlay.akeep()
    assert told(await base.asearch(("a",), query="like eat pizza")) == told(found)


def test_the_past_is_ranked_with_what_is_put_over_it() -> None:
    base = persistence.InMemoryStore(index={"dims": 6, "embed": words})
    base.put(("a",), "1", {"text": "I like pizza"})
    base.put(("a",), "2", {"text": "I own a bicycle"})
    then = datetime.now(UTC)
    base.put(("a",), "1", {"text": "I like nothing any more"})
    overlay = OverlayStore(base, then)
    overlay.put(("a",), "3", {"text": "I eat sushi"})
    found = overlay.search(("a",), query="like eat pizza")
    assert [i.value["text"] for i in found] == ["I like pizza", "I eat sushi", "I own a bicycle"]


@pytest.mark.parametrize("make", MAKERS)
def test_threads_may_write_at_once(make: Callable[[], BaseStore]) -> None:
    base = make()
    for n in range(20):
        base.put(("base",), str(n), {"n": n})
    overlay = OverlayStore(base)
    failed: list[BaseException] = []

    def work(who: int) -> None:
        try:
            for n in range(50):
                overlay.put(("t", str(who)), str(n), {"n": n})
                overlay.put(("shared",), str(n), {"who": who})
                assert overlay.get(("t", str(who)), str(n)).value == {"n": n}  # type: ignore[union-attr]
                assert len(overlay.search(("base",), limit=50)) == 20
                overlay.list_namespaces()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    seen = {(i.namespace, i.key): i.value for i in overlay.search((), limit=1000)}
    overlay.keep()
    assert {(i.namespace, i.key): i.value for i in base.search((), limit=1000)} == seen


texts = st.sampled_from(["I like pizza", "I own a bicycle", "eat sushi", "sushi", "like like own"])
told_texts = st.tuples(namespaces, keys, st.none() | texts).map(
    lambda args: PutOp(args[0], args[1], args[2] and {"text": args[2]})
)


@pytest.mark.parametrize("kind", [InMemoryStore, persistence.InMemoryStore, persistence.SqliteStore])
@settings(max_examples=40, deadline=None)
@given(before=st.lists(told_texts, max_size=6), after=st.lists(told_texts, max_size=6), prefix=prefixes)
def test_all_are_ranked_as_in_a_copy(
    kind: Any, before: list[PutOp], after: list[PutOp], prefix: tuple[str, ...]
) -> None:
    index = {"dims": 6, "embed": words}

    def filled(puts: list[PutOp]) -> Any:
        conn = (
            [sqlite3.connect(":memory:", check_same_thread=False)] if kind is persistence.SqliteStore else []
        )
        store = kind(*conn, index=index)
        for op in puts:
            store.batch([op])
        return store

    other, overlay = filled([*before, *after]), OverlayStore(filled(before))
    for op in after:
        overlay.batch([op])

    def ranked(store: BaseStore) -> Any:
        found = store.search(prefix, query="I like to eat", limit=50)
        scores = [round(item.score or 0.0, 4) for item in found]
        assert scores == sorted(scores, reverse=True)
        return sorted(
            (score, i.namespace, i.key, i.value["text"]) for score, i in zip(scores, found, strict=True)
        )

    assert ranked(overlay) == ranked(other)


@pytest.mark.parametrize("kind", ["langgraph", "lgviz"])
def test_over_postgres(kind: str, postgres_uri: Callable[[], str]) -> None:
    if kind == "langgraph":
        from langgraph.store.postgres import PostgresStore

        made: Any = PostgresStore.from_conn_string(postgres_uri())
    else:
        made = persistence.PostgresStore.from_conn_string(postgres_uri())
    with made as base:
        base.setup()
        for n in range(4):
            base.put(("a", str(n % 2)), str(n), {"n": n})
        created = base.get(("a", "0"), "2").created_at
        overlay = OverlayStore(base)
        overlay.put(("a", "0"), "2", {"n": 20})
        overlay.put(("b",), "x", {"n": 5})
        overlay.delete(("a", "1"), "1")
        overlay.delete(("a", "1"), "3")
        assert [i.value["n"] for i in overlay.search((), filter={"n": {"$gte": 1}})] == [5, 20]
        assert [i.key for i in overlay.search(("a",))] == ["2", "0"]
        assert overlay.get(("a", "0"), "2").created_at == created  # type: ignore[union-attr]
        assert overlay.list_namespaces() == [("a", "0"), ("b",)]
        assert overlay.list_namespaces(max_depth=1) == [("a",), ("b",)]
        assert len(base.search(("a",))) == 4
        overlay.keep()
        assert {i.key: i.value["n"] for i in base.search(())} == {"0": 0, "2": 20, "x": 5}
        assert base.list_namespaces() == [("a", "0"), ("b",)]
