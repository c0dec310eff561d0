"""One damaged row, block or vector of a store neither hides nor endangers the rest, and ``check`` names it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lgviz.persistence import Damaged, SqliteStore
from lgviz.persistence.blocks.merkle import blocks_of
from lgviz.persistence.database.statements import WRITE, Operation, Query
from tests.support.embeddings import INDEX
from tests.support.savers import text
from tests.support.stores import call

KINDS = ["sqlite", "postgres"]


def value(n: int) -> dict[str, Any]:
    """Shares a part with the other versions, and has one of its own."""
    return {"shared": [text(i, 200) for i in range(60)], "own": [text(1000 * n + i, 200) for i in range(60)]}


def fill(store: Any) -> None:
    for n in range(4):
        call(store, "put", ("a",), "big", value(n))
    call(store, "put", ("a",), "other", value(9))
    call(store, "put", ("a",), "short", {"n": 1})
    call(store, "put", ("a",), "short", {"n": 2})


def truncated_row(_: Any) -> Operation[None]:
    yield WRITE
    ((item, at, data),) = yield Query("SELECT item, at, value FROM lgviz_past ORDER BY at LIMIT 1")
    yield Query("UPDATE lgviz_past SET value = ? WHERE item = ? AND at = ?", [bytes(data)[:-5], item, at])


def empty_row(_: Any) -> Operation[None]:
    yield WRITE
    ((item, at),) = yield Query("SELECT item, at FROM lgviz_past ORDER BY at LIMIT 1")
    yield Query("UPDATE lgviz_past SET value = ? WHERE item = ? AND at = ?", [b"", item, at])


def wrong_bytes_in_a_short_row(_: Any) -> Operation[None]:
    yield WRITE
    ((item, at),) = yield Query("SELECT item, at FROM lgviz_past ORDER BY at DESC LIMIT 1")
    yield Query("UPDATE lgviz_past SET value = ? WHERE item = ? AND at = ?", [b"\xc2\x82\xa1n", item, at])


def _below(engine: Any) -> Operation[int]:
    """A block right below the row of the oldest version."""
    ((data,),) = yield Query("SELECT value FROM lgviz_past ORDER BY at LIMIT 1")
    return next(iter(blocks_of(engine.blocks.codec.open_row(bytes(data))))).id


def missing_block(engine: Any) -> Operation[None]:
    yield WRITE
    yield Query("DELETE FROM lgviz_blocks WHERE id = ?", [(yield from _below(engine))])


def one_bit_of_a_block(engine: Any) -> Operation[None]:
    yield WRITE
    block = yield from _below(engine)
    ((data,),) = yield Query("SELECT data FROM lgviz_blocks WHERE id = ?", [block])
    wrong = bytearray(data)
    wrong[len(wrong) // 2] ^= 1
    yield Query("UPDATE lgviz_blocks SET data = ? WHERE id = ?", [bytes(wrong), block])


DAMAGE = [truncated_row, empty_row, wrong_bytes_in_a_short_row, missing_block, one_bit_of_a_block]


def contents(store: Any) -> list[Any]:
    return [(item.key, item.value) for item in call(store, "search", ())] + [
        version.value for key in ("big", "other", "short") for version in call(store, "history", ("a",), key)
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named_and_the_rest_stays(
    kind: str, damage: Callable[[Any], Operation[None]], make_store: Any
) -> None:
    store = make_store(kind)
    fill(store)
    assert call(store, "check") == []
    before = contents(store)

    store._run(lambda: damage(store.engine))
    store._engine.blocks.forget(None)
    store._engine.blocks.codec._opened.cache_clear()
    problems = call(store, "check")
    assert any("item 'big' of ('a',)" in where or "item 'short' of ('a',)" in where for where, _ in problems)
    after = contents(store)
    assert len(after) == len(before)
    harmed = [new for old, new in zip(before, after, strict=True) if new != old]
    assert harmed and all(
        isinstance(part, Damaged) or any(isinstance(each, Damaged) for each in part.values())
        for part in (each[1] if isinstance(each, tuple) else each for each in harmed)
    )

    # What is superseded goes, and no block that is still needed with it.
    assert call(store, "compact") == 4
    assert [where for where, fault in call(store, "check") if "needed" in fault] == []
    untouched = [("short", {"n": 2}), ("other", value(9))]
    assert contents(store)[:2] == untouched
    call(store, "forget", ("a",), "big")
    assert contents(store) == [*untouched, value(9), {"n": 2}]
    assert call(store, "check") == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_damaged_version_may_need_is_not_given_back(kind: str, make_store: Any) -> None:
    store = make_store(kind)
    fill(store)
    put = "UPDATE lgviz_items SET value = ? WHERE id = (SELECT min(id) FROM lgviz_items)"

    def hit() -> Operation[bytes]:
        yield WRITE
        ((data,),) = yield Query("SELECT value FROM lgviz_items ORDER BY id LIMIT 1")
        yield Query(put, [bytes(data)[:-1]])
        return bytes(data)

    whole = store._run(hit)
    assert call(store, "compact") == 4

    # Somebody mends the row, from a backup: all that it needs is there.
    def heal() -> Operation[None]:
        yield WRITE
        yield Query(put, [whole])

    store._run(heal)
    assert call(store, "get", ("a",), "big").value == value(3)
    assert call(store, "check") == []


def test_a_damaged_vector_hides_no_other(tmp_path: Path) -> None:
    path = str(tmp_path / "memory.db")
    with SqliteStore.from_conn_string(path, index=INDEX) as store:
        for key, said in ("pizza", "I like pizza"), ("bike", "I own a bicycle"):
            store.put(("a",), key, {"text": said})
        assert store.check() == []
        store.conn.execute("UPDATE lgviz_vectors SET data = x'0102' WHERE item = 2")
        store.conn.commit()
        assert store.check() == [("vector of item 2", "its bytes are no vectors")]
    with SqliteStore.from_conn_string(path, index=INDEX) as store:
        assert [item.key for item in store.search((), query="I like pizza")] == ["pizza"]
        store.reindex(progress=False)
        assert store.check() == [] and len(store.search((), query="I like pizza")) == 2
        store.conn.execute(
            "INSERT INTO lgviz_vectors SELECT 9, ns, 9, paths, data FROM lgviz_vectors LIMIT 1"
        )
        store.conn.commit()
        assert ("vector of item 9", "its item is missing") in store.check()
