"""Semantic search against LangGraph's ``InMemoryStore``: the same operations, the same answers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.store.base import SearchItem
from langgraph.store.memory import InMemoryStore as Reference

from lgviz.persistence.stores.vectors.matrix import Matrix
from tests.support.embeddings import AINDEX, DIMS, INDEX
from tests.support.stores import ALL, call

WORDS = ["pizza", "bicycle", "likes", "owns", "red", "blue", "fast", "cold"]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
VALUES = st.fixed_dictionaries(
    {"n": st.integers(0, 3)},
    # No text twice in one put: LangGraph's store fails on that.
    optional={
        "text": TEXTS,
        "tags": st.lists(st.sampled_from(["tag1 a", "tag2 b c"]), unique=True),
        "more": TEXTS,
    },
)
INDEXES = st.sampled_from([None, None, None, False, ["more"], ["text", "more.x"], []])
PLACES = st.tuples(st.sampled_from([("a",), ("a", "x"), ("b",)]), st.sampled_from("klmno"))
PUTS = st.tuples(st.just("put"), PLACES, VALUES, INDEXES)
DELETES = st.tuples(st.just("delete"), PLACES)
SEARCHES = st.tuples(
    st.just("search"),
    st.sampled_from([(), ("a",), ("a", "x"), ("b",), ("c",)]),
    st.fixed_dictionaries(
        {"query": TEXTS},
        optional={
            "limit": st.integers(0, 6),
            "offset": st.integers(0, 4),
            "filter": st.sampled_from([{"n": 1}, {"n": {"$gte": 2}}, {"n": {"$ne": 0}}]),
        },
    ),
)
STEPS = st.lists(st.one_of(PUTS, PUTS, DELETES, SEARCHES), max_size=14).flatmap(
    lambda steps: st.lists(SEARCHES, min_size=1, max_size=3).map(lambda searches: [*steps, *searches])
)
EXAMPLES = {"memory": 400, "sqlite": 200, "aiosqlite": 150, "postgres": 150, "aiopostgres": 150}
_NUMBERS = itertools.count()


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("index", [INDEX, AINDEX], ids=["sync", "async"])
def test_as_langgraphs_store(kind: str, index: Any, make_store: Any) -> None:
    store = make_store(kind, index=index)

    @settings(
        max_examples=EXAMPLES[kind], deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(STEPS)
    def agree(steps: list[Any]) -> None:
        root = f"run{next(_NUMBERS)}"
        reference = Reference(index=INDEX)
        for name, *args in steps:
            if name == "search":
                prefix, options = args
                expected = reference.search((root, *prefix), **options)
                found = call(store, "search", (root, *prefix), **options)
                everything = reference.search((root, *prefix), **{**options, "limit": 100, "offset": 0})
                same(found, expected, everything, ordered=kind == "memory")
                continue
            (namespace, key), *rest = args
            # LangGraph's store keeps the vectors of texts that an item no longer has.
            reference._vectors[root, *namespace].pop(key, None)
            # It counts a namespace as made by a delete of what is not there, too.
            if name == "put" or reference._data.get((root, *namespace)):
                getattr(reference, name)((root, *namespace), key, *rest)
            call(store, name, (root, *namespace), key, *rest)

    agree()


def same(
    found: list[SearchItem], expected: list[SearchItem], everything: list[SearchItem], *, ordered: bool
) -> None:
    """The same items by score; those of one score in the same order, where the stores have one order."""
    assert [item.score is None for item in found] == [item.score is None for item in expected]
    assert [item.score or 0 for item in found] == pytest.approx(
        [item.score or 0 for item in expected], abs=1e-6
    )
    scores = {(item.namespace, item.key): (item.score, item.value) for item in everything}
    places = [(item.namespace, item.key) for item in found]
    assert len(set(places)) == len(places)
    for item in found:
        score, value = scores[item.namespace, item.key]
        assert item.value == value and item.score == (
            score if score is None else pytest.approx(score, abs=1e-6)
        )
    if ordered:
        assert places == [(item.namespace, item.key) for item in expected]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["cosine", "l2", "inner_product"]),
    st.integers(1, 5),
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 2)), max_size=60),
    st.integers(0, 2**32 - 1),
    st.sampled_from([None, [0], [1, 2], []]),
    st.booleans(),
    st.lists(st.integers(1, 30), max_size=10),
)
def test_a_matrix_ranks_as_a_loop_does(
    distance: str,
    first: int,
    items: list[tuple[int, int]],
    seed: int,
    spaces: list[int] | None,
    whole: bool,
    gone: list[int],
) -> None:
    random = np.random.default_rng(seed)
    rows = random.standard_normal((len(items), DIMS))
    rows = (rows.round() if whole else rows).astype(np.float32)
    query = (random.standard_normal(DIMS).round() if whole else random.standard_normal(DIMS)).astype(
        np.float32
    )
    matrix = Matrix(DIMS, distance)
    half = len(items) // 2
    matrix.put([item for item, _ in items[:half]], [space for _, space in items[:half]], rows[:half])
    matrix.drop(gone)
    matrix.put([item for item, _ in items[half:]], [space for _, space in items[half:]], rows[half:])
    expected: dict[int, float] = {}
    for place, ((item, space), row) in enumerate(zip(items, rows.astype(float), strict=True)):
        if (spaces is None or space in spaces) and not (place < half and item in gone):
            lengths = np.linalg.norm(row) * np.linalg.norm(query.astype(float))
            score = {
                "cosine": row @ query / lengths if lengths else 0.0,
                "l2": -np.linalg.norm(row - query),
                "inner_product": row @ query,
            }[distance]
            expected[item] = max(score, expected.get(item, -np.inf))
    found: dict[int, float] = {}
    least = np.inf
    for batch in matrix.ranked(query, spaces, first):
        assert all(score < least for score in batch.values()) and not found.keys() & batch.keys()
        least = min(batch.values(), default=least)
        found |= batch
    assert found == {item: pytest.approx(score, abs=1e-9) for item, score in expected.items()}
