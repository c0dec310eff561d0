"""A cache holds what it may hold, to the last byte, and not one more."""

from __future__ import annotations

import pytest
from langchain_core.messages import HumanMessage

from lgviz._cache import BoundedCache
from lgviz.persistence import MemorySaver
from lgviz.persistence.blocks import memo as memos
from lgviz.persistence.blocks import store as blocks
from lgviz.persistence.blocks.memo import SerializationMemo, StoredIds
from tests.support.savers import put, text


def test_what_just_fits_is_kept_and_what_was_not_used_for_longest_goes() -> None:
    cache = BoundedCache[str, bytes](10, len)
    for key in "ab":
        cache.put(key, bytes(5))
    assert cache.get("a") == cache.get("b") == bytes(5)
    assert cache.get("a") is not None
    cache.put("c", bytes(5))
    assert cache.get("b") is None and cache.get("a") is not None and cache.get("c") is not None
    cache.put("c", bytes(5))  # counted once, not twice
    assert len(cache) == 2
    cache.put("d", bytes(11))
    assert cache.get("d") is None


def test_ids_are_forgotten_only_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memos, "MOST_IDS", 4)
    ids = StoredIds()
    for n in range(5):
        ids.learn(None, 1, {bytes([n]): n}, (n, bytes([n])))
    assert len(ids.ids) == 5
    ids.learn(None, 1, {b"x": 9}, (9, b"x"))
    assert ids.ids == {b"x": 9} and ids.needs(1) == {9}


def test_what_a_memo_holds_besides_the_bytes_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memos, "MEMO_BYTES", 2200)
    memo = SerializationMemo()
    messages = [HumanMessage(str(n)) for n in range(3)]
    for message in messages:
        memo.keep(message, memo.seen(message), b"hash", bytes(100))
    assert [memo.find(message) is not None for message in messages] == [False, True, True]


def test_blocks_in_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "CACHE", 20_000)
    saver = MemorySaver()
    for n in range(40):
        put(saver, f"{n:02}", {"x": text(n, 3000)}, parent=f"{n - 1:02}" if n else None)
    held = saver._engine()[0].blocks.cache._values.values()
    assert 10_000 < sum(100 + len(block.part or b"") for block in held) <= 20_000
