"""Structure sharing: what a version costs, and that it depends on content alone."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lgviz.persistence import ExactSerializer, MemorySaver
from lgviz.persistence.blocks.merkle import Block, MerkleCodec, blocks_of, canonical, flatten
from tests.support.savers import call, chat, config, put, run, text

CODEC = MerkleCodec(ExactSerializer())


def names(value: Any) -> dict[bytes, int]:
    """The blocks of a value, by hash, with their size."""
    found: dict[bytes, int] = {}
    todo = list(blocks_of(CODEC.encode(value)))
    while todo:
        block = todo.pop()
        assert block.part is not None
        found[block.hash] = len(canonical(block.part))
        todo += blocks_of(block.part)
    return found


def test_appending_costs_the_new_elements_and_a_few_short_chunks() -> None:
    items = [text(n, 200) for n in range(5000)]
    for length in (100, 1000, 4990):
        new = names(items[: length + 2]).keys() - names(items[:length]).keys()
        assert len(new) <= 2 + 4 * math.log(length, 8)


@pytest.mark.parametrize("edit", ["insert", "delete", "replace"])
def test_an_edit_anywhere_costs_little(edit: str) -> None:
    items = [text(n, 200) for n in range(3000)]
    changed = list(items)
    if edit == "insert":
        changed.insert(7, "new " * 50)
    elif edit == "delete":
        del changed[1500]
    else:
        changed[2000] = "new " * 50
    assert len(names(changed).keys() - names(items).keys()) < 20


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 5) | st.text(max_size=3), max_size=300), st.sampled_from([1, 30]))
def test_long_lists_of_anything_are_chunked_and_flattened(items: list[Any], times: int) -> None:
    items = items * times
    part = CODEC.encode(items)
    blocks: dict[int, Block] = {}
    todo = list(blocks_of(part))
    for id in range(1, 10**6):
        if not todo:
            break
        block = todo.pop()
        block.id = id
        blocks[id] = block
        todo += blocks_of(block.part) if block.part is not None else ()
    assert CODEC.decode(part, blocks, lambda block, error: pytest.fail(str(error))) == items
    root = part if isinstance(part, list) else part.part  # type: ignore[union-attr]
    if isinstance(root, list):
        assert len(root) <= 2 + 24 and len(list(flatten(root, blocks))) == len(items)


def test_equal_elements_still_chunk() -> None:
    before, after = names(["x" * 100] * 20_000), names(["x" * 100] * 20_001)
    assert len(after.keys() - before.keys()) < 6
    assert max(after.values()) < 2000


def test_names_do_not_depend_on_history_or_process() -> None:
    value = {"b": {3, 1, 2, "x"}, "a": [text(n) for n in range(60)]}
    rng = random.Random(5)
    shuffled = list(value["b"])  # type: ignore[call-overload]
    rng.shuffle(shuffled)
    assert names(value) == names({"b": set(shuffled), "a": list(value["a"])})


def test_the_bytes_of_a_chat_grow_linearly() -> None:
    saver = MemorySaver()
    graph = chat().compile(checkpointer=saver)
    sizes = {}
    for turn in range(1, 121):
        run(graph, saver, "invoke", {"messages": [("user", text(-turn))]}, config())
        sizes[turn] = saver.conn.execute("PRAGMA page_count").fetchone()[0]
    assert math.log(sizes[120] / sizes[30]) / math.log(4) < 1.1
    assert sizes[120] * 4096 < 1.2 * 120 * 1000 + 1024 * 360


def test_branches_and_threads_share() -> None:
    saver = MemorySaver()
    items = [text(n) for n in range(200)]
    put(saver, "1", {"m": items})
    alone = saver.stats().bytes
    put(saver, "2", {"m": [*items, "a"]}, parent="1")
    put(saver, "3", {"m": [*items, "b"]}, parent="1")
    put(saver, "1", {"m": items}, thread="2")
    call(saver, "copy_thread", "1", "3")
    assert saver.stats().bytes < alone * 1.05
