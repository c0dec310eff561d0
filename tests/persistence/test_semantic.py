"""Semantic search on every store: what is embedded and when, what other stores do, forgetting, the past."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langgraph.store.base import GetOp, PutOp, SearchOp

from lgviz.persistence import InMemoryStore, SqliteStore
from tests.support.embeddings import AINDEX, DIMS, INDEX, Recorder, awords, words
from tests.support.savers import on_loop
from tests.support.stores import ALL, call, new_store
from tests.support.waiting import until_clock


def found(store: Any, query: str, namespace: Any = ("m",), **options: Any) -> list[str]:
    return [item.key for item in call(store, "search", namespace, query=query, **options)]


@pytest.mark.parametrize("kind", ALL)
def test_each_text_is_embedded_once(kind: str, make_store: Any) -> None:
    embed = Recorder()
    store = make_store(kind, index={**INDEX, "embed": embed})
    value = {"text": "red pizza", "tags": ["red pizza", "fast"], "more": "blue"}
    ops = [PutOp(("m",), key, value) for key in "abc"]
    call(store, "batch", [*ops, PutOp(("m",), "d", {"text": "fast"}), PutOp(("m",), "d", {"text": "cold"})])
    assert embed.documents == [["red pizza", "fast", "cold"]] and embed.queries == []
    asked = [SearchOp(("m",), query=query) for query in ("cold", "red", "cold")]
    results = call(store, "batch", [*asked, GetOp(("m",), "a")])
    assert sorted(embed.queries) == ["cold", "red"] and len(embed.documents) == 1
    assert [item.key for item in results[0]] == [item.key for item in results[2]]
    assert results[0][0].key == "d" and results[0][0].score == pytest.approx(1)
    call(store, "put", ("m",), "e", {"text": "fast"}, index=False)
    call(store, "put", ("m",), "f", {"other": 1})
    call(store, "delete", ("m",), "a")
    call(store, "search", ("m",))
    assert len(embed.documents) == 1 and len(embed.queries) == 2


@pytest.mark.parametrize("kind", ALL)
def test_fields(kind: str, make_store: Any) -> None:
    store = make_store(kind, index={**INDEX, "fields": ["text", "facts[*].said", "place.{city,land}"]})
    call(store, "put", ("m",), "list", {"facts": [{"said": "red"}, {"said": "pizza"}, {"n": 1}]})
    call(store, "put", ("m",), "deep", {"place": {"city": "paris", "land": "france"}})
    call(store, "put", ("m",), "none", {"facts": [], "place": None, "text": None})
    call(store, "put", ("m",), "own", {"text": "pizza", "note": "bicycle"}, index=["note"])
    for query, key in ("pizza", "list"), ("red", "list"), ("france", "deep"), ("bicycle", "own"):
        best = call(store, "search", ("m",), query=query)[0]
        assert (best.key, best.score) == (key, pytest.approx(1))
    scores = {item.key: item.score for item in call(store, "search", ("m",), query="pizza")}
    assert scores["none"] is None and scores["list"] == pytest.approx(1) and scores["own"] < 1
    whole = make_store(kind, index={"embed": words, "dims": DIMS})
    call(whole, "put", ("m",), "a", {"b": 1, "a": "x"})
    assert call(whole, "search", ("m",), query='{"a": "x", "b": 1}')[0].score == pytest.approx(1)


@pytest.mark.parametrize("kind", ALL)
def test_a_changed_item_is_found_by_what_it_says_now(kind: str, make_store: Any) -> None:
    store = make_store(kind, index=INDEX)
    call(store, "put", ("m",), "a", {"text": "pizza", "tags": ["red"]})
    call(store, "put", ("m",), "b", {"text": "bicycle"})
    assert found(store, "pizza") == ["a", "b"]
    call(store, "put", ("m",), "a", {"text": "cold"})
    scores = {item.key: item.score for item in call(store, "search", ("m",), query="pizza red")}
    assert scores == {"a": pytest.approx(0), "b": pytest.approx(0)}
    call(store, "put", ("m",), "a", {"text": "pizza"}, index=False)
    assert [(item.key, item.score) for item in call(store, "search", ("m",), query="pizza")][1] == ("a", None)
    call(store, "delete", ("m",), "b")
    assert found(store, "bicycle") == ["a"]
    call(store, "put", ("m",), "b", {"text": "pizza"})
    assert found(store, "pizza") == ["b", "a"]


@pytest.mark.parametrize("kind", ALL)
def test_pages_namespaces_and_filters(kind: str, make_store: Any) -> None:
    store = make_store(kind, index=INDEX)
    texts = ["red " * n + "blue " * (40 - n) for n in range(40)]
    ops = [PutOp(("m", f"u{n % 4}"), str(n), {"text": text, "n": n}) for n, text in enumerate(texts)]
    call(store, "batch", ops)
    best = [str(n) for n in reversed(range(40))]
    assert found(store, "red", limit=40) == found(store, "red", (), limit=40) == best
    assert [key for page in range(8) for key in found(store, "red", limit=5, offset=5 * page)] == best
    assert found(store, "red", ("m", "u3"), limit=3) == ["39", "35", "31"]
    assert found(store, "red", filter={"n": {"$lt": 3}}) == ["2", "1", "0"]
    assert found(store, "red", ("m", "u"), limit=3) == found(store, "red", ("no",)) == []
    assert len(found(store, "red", limit=0)) == 0
    assert call(store, "get", ("m", "u0"), "4").value["n"] == 4


@pytest.mark.parametrize("kind", ALL)
def test_as_of_finds_what_was_true(kind: str, make_store: Any) -> None:
    embed = Recorder()
    store = make_store(kind, index={**INDEX, "embed": embed})
    call(store, "put", ("m",), "kept", {"text": "owns bicycle"})
    call(store, "put", ("m",), "changed", {"text": "pizza"})
    call(store, "put", ("m",), "gone", {"text": "pizza fast"})
    call(store, "put", ("m",), "own", {"text": "pizza", "note": "cold"}, index=["note"])
    call(store, "put", ("m",), "never", {"text": "pizza"}, index=False)
    then = call(store, "history", ("m",), "never")[-1].at
    until_clock(then.timestamp())
    call(store, "put", ("m",), "changed", {"text": "red"})
    call(store, "put", ("m",), "own", {"text": "red"})
    call(store, "put", ("m",), "never", {"text": "red"})
    call(store, "delete", ("m",), "gone")
    call(store, "put", ("m",), "new", {"text": "pizza"})
    before = len(embed.documents)
    past = store.as_of(then)
    hits = on_loop(store, past.asearch(("m",), query="pizza"))
    if not kind.startswith("aio"):
        assert past.search(("m",), query="pizza") == hits
    assert [item.key for item in hits[:2]] == ["changed", "gone"]
    assert {item.key: item.score is None for item in hits} == {
        "kept": False,
        "changed": False,
        "gone": False,
        "own": False,
        "never": True,
    }
    # Only what is no longer true is embedded again.
    assert {tuple(sorted(texts)) for texts in embed.documents[before:]} == {("cold", "pizza", "pizza fast")}
    assert found(store, "pizza", limit=1) == ["new"]


# What is in memory is gone with its store.
@pytest.mark.parametrize("kind", ALL[1:])
def test_items_put_without_an_index_are_found_after_a_reindex(
    kind: str, tmp_path: Path, postgres_uri: Any
) -> None:
    uri = "" if "postgres" not in kind else postgres_uri()
    plain = new_store(kind, tmp_path / "a.db", lambda: uri)
    call(plain, "put", ("m",), "a", {"text": "pizza"})
    call(plain, "put", ("m",), "b", {"text": "pizza", "note": "bicycle"}, index=["note"])
    call(plain, "put", ("m",), "c", {"text": "pizza"}, index=False)
    store = new_store(kind, tmp_path / "a.db", lambda: uri, index=INDEX)
    call(store, "put", ("m",), "d", {"text": "pizza red"})
    assert [item.score is None for item in call(store, "search", ("m",), query="pizza")] == [
        False,
        True,
        True,
        True,
    ]
    assert call(store, "reindex", progress=False) == 3
    hits = call(store, "search", ("m",), query="pizza")
    assert [item.key for item in hits[:2]] == ["a", "d"]
    assert {item.key: item.score is None for item in hits}["c"]
    assert found(store, "bicycle", limit=1) == ["b"]
    # What the other store changes is not found by what it was.
    call(plain, "put", ("m",), "a", {"text": "pizza"})
    call(plain, "delete", ("m",), "d")
    hits = call(store, "search", ("m",), query="pizza")
    assert {item.key: item.score is None for item in hits} == {"a": True, "b": False, "c": True}
    for each in plain, store:
        call_close(each)


def call_close(store: Any) -> None:
    if hasattr(store, "__aenter__"):
        on_loop(store, store.close())
    else:
        store.close()


def test_other_connections_changes_are_seen(tmp_path: Path) -> None:
    with (
        SqliteStore.from_conn_string(str(tmp_path / "a.db"), index=INDEX) as one,
        SqliteStore.from_conn_string(str(tmp_path / "a.db"), index=INDEX) as other,
    ):
        for n in range(50):
            one.put(("m",), str(n), {"text": f"red number{n}"})
            assert found(other, f"red number{n}", limit=60)[:1] == found(one, f"red number{n}", limit=60)[:1]
        other.delete(("m",), "7")
        assert "7" not in found(one, "red", limit=60)
        other.forget(("m",), "8")
        assert "8" not in found(one, "red", limit=60)
        other.put(("m",), "9", {"text": "pizza"})
        assert found(one, "pizza", limit=1) == ["9"]


def test_what_the_caller_undoes_is_not_remembered(tmp_path: Path) -> None:
    conn = sqlite3.connect(tmp_path / "a.db", check_same_thread=False, isolation_level=None)
    store = SqliteStore(conn, index=INDEX)
    store.put(("m",), "a", {"text": "pizza"})
    assert found(store, "pizza") == ["a"]
    conn.execute("BEGIN")
    store.put(("m",), "a", {"text": "bicycle"})
    store.put(("m",), "b", {"text": "pizza"})
    assert found(store, "pizza") == ["b", "a"]
    conn.execute("ROLLBACK")
    assert found(store, "bicycle") == ["a"]
    assert [(item.key, item.score) for item in store.search(("m",), query="pizza")] == [
        ("a", pytest.approx(1))
    ]
    store.put(("m",), "c", {"text": "pizza red"})
    assert found(store, "pizza") == ["a", "c"]
    conn.close()


@pytest.mark.parametrize("erase", ["forget", "forget all", "delete", "overwrite"])
def test_vectors_are_erased_from_the_file(erase: str, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    random = np.random.default_rng(1)
    given = {f"text {n}": random.standard_normal(384).astype(np.float32) for n in range(40)}
    index = {"embed": lambda texts: [given[text].tolist() for text in texts], "dims": 384, "fields": ["text"]}
    with SqliteStore.from_conn_string(str(path), index=index) as store:
        for n, text in enumerate(given):
            store.put(("m",), str(n), {"text": text})
        assert found(store, "text 5", limit=1) == ["5"]
        secret = given["text 5"].tobytes()[:64]
        assert any(secret in file.read_bytes() for file in tmp_path.iterdir())
        if erase == "forget":
            store.forget(("m",), "5")
        elif erase == "forget all":
            store.forget(("m",))
        elif erase == "delete":
            store.delete(("m",), "5")
        else:
            store.put(("m",), "5", {"text": "text 6"})
        assert "5" not in found(store, "text 5", limit=1)
        if "forget" in erase:
            assert not any(secret in file.read_bytes() for file in tmp_path.iterdir())
    assert not any(secret in file.read_bytes() for file in tmp_path.iterdir())


@pytest.mark.parametrize("whose", ["its own store", "one without an index"])
def test_vectors_are_erased_from_postgres_tables(whose: str, postgres: Any, postgres_uri: Any) -> None:
    vectors = {
        f"text {n}": np.random.default_rng(n).standard_normal(64).astype(np.float32) for n in range(40)
    }
    index = {
        "embed": lambda texts: [vectors[text].tolist() for text in texts],
        "dims": 64,
        "fields": ["text"],
    }
    uri = postgres_uri()
    store = new_store("postgres", Path(), lambda: uri, index=index)
    for n, text in enumerate(vectors):
        store.put(("m",), str(n), {"text": text})

    def left() -> bool:
        store.conn.execute("CHECKPOINT")
        secret = vectors["text 5"].tobytes()[:40]
        files = (path for path in (Path(postgres.pgdata) / "base").rglob("*") if path.is_file())
        return any(secret in file.read_bytes() for file in files)

    assert left()
    other = store if whose == "its own store" else new_store("postgres", Path(), lambda: uri)
    other.forget(("m",), "5")
    assert not left()
    assert found(store, "text 6", limit=1) == ["6"] and "5" not in found(store, "text 6", limit=50)
    store.close()
    other.close()


@pytest.mark.parametrize("kind", ALL)
def test_expired_items_are_neither_found_nor_ranked(kind: str, make_store: Any) -> None:
    store = make_store(kind, index=INDEX, ttl={"omit_expired": True, "refresh_on_read": True})
    call(store, "put", ("m",), "short", {"text": "pizza"}, ttl=0.0002)
    call(store, "put", ("m",), "long", {"text": "pizza red"}, ttl=10)
    until_clock(time.time() + 0.0002 * 60)
    assert found(store, "pizza") == ["long"]
    if not kind.startswith("aio"):
        assert store.sweep_ttl() == 1
        assert found(store, "pizza", limit=2) == ["long"]


def test_threads_share_a_store(tmp_path: Path) -> None:
    with (
        SqliteStore.from_conn_string(str(tmp_path / "a.db"), index=INDEX) as store,
        ThreadPoolExecutor(8) as pool,
    ):

        def work(n: int) -> bool:
            store.put(("m",), str(n), {"text": f"red word{n}"})
            return any(item.key == str(n) for item in store.search(("m",), query=f"word{n}", limit=200))

        assert all(pool.map(work, range(100)))
        assert len(found(store, "red", limit=200)) == 100


async def test_a_sync_embedding_does_not_block_the_loop(tmp_path: Path) -> None:
    ticked = threading.Event()

    def slow(texts: list[str]) -> list[list[float]]:
        assert ticked.wait(20)
        return words(texts)

    store = InMemoryStore(index={**INDEX, "embed": slow})
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1
            if ticks > 20:
                ticked.set()

    ticking = asyncio.create_task(tick())
    await store.aput(("m",), "a", {"text": "pizza"})
    assert [item.key for item in await store.asearch(("m",), query="pizza")] == ["a"]
    ticking.cancel()
    assert ticks > 20
    store.close()


async def test_an_async_embedding_serves_sync_calls_on_a_running_loop() -> None:
    store = InMemoryStore(index=AINDEX)
    store.put(("m",), "a", {"text": "pizza"})
    store.put(("m",), "b", {"text": "bicycle"})
    assert [item.key for item in store.search(("m",), query="bicycle")] == ["b", "a"]
    assert [item.key for item in await store.asearch(("m",), query="pizza")] == ["a", "b"]
    store.close()


async def test_an_async_embedding_runs_on_the_callers_loop() -> None:
    loops = []

    async def embed(texts: list[str]) -> list[list[float]]:
        loops.append(asyncio.get_running_loop())
        return await awords(texts)

    store = InMemoryStore(index={**INDEX, "embed": embed})
    await store.aput(("m",), "a", {"text": "pizza"})
    await store.asearch(("m",), query="pizza")
    assert loops == [asyncio.get_running_loop()] * 2
    store.close()


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgres"])
@pytest.mark.parametrize("distance", ["cosine", "l2", "inner_product"])
def test_distances(kind: str, distance: str, make_store: Any) -> None:
    store = make_store(kind, index={**INDEX, "distance_type": distance})
    texts = ["red", "red red red", "blue", "red blue", "pizza"]
    for n, text in enumerate(texts):
        store.put(("m",), str(n), {"text": text})
    query, *rows = np.array(words(["red red", *texts]))
    expected = {
        "cosine": [row @ query / np.linalg.norm(row) / np.linalg.norm(query) for row in rows],
        "l2": [-np.linalg.norm(row - query) for row in rows],
        "inner_product": [row @ query for row in rows],
    }[distance]
    scores = {item.key: item.score for item in store.search(("m",), query="red red")}
    assert scores == {str(n): pytest.approx(score, abs=1e-6) for n, score in enumerate(expected)}
    assert list(scores.values()) == sorted(scores.values(), reverse=True)


@pytest.mark.parametrize(
    "ann",
    [
        {},
        {"kind": "flat"},
        {"kind": "hnsw", "m": 4, "ef_construction": 20},
        {"kind": "ivfflat", "nlist": 2},
        {"vector_type": "halfvec"},
    ],
)
def test_kinds_of_pgvectors_index(ann: Any, make_store: Any) -> None:
    store = make_store("postgres", index={**INDEX, "ann_index_config": ann})
    for n, text in enumerate(["red", "red blue", "pizza"]):
        store.put(("m",), str(n), {"text": text})
    assert found(store, "red", limit=2) == ["0", "1"]


@pytest.mark.parametrize("ann", [{"kind": "hnsw"}, {"kind": "ivfflat", "nlist": 4}])
def test_among_many_pgvectors_index_finds_the_nearest(ann: Any, make_store: Any) -> None:
    """More items than are all looked at: clusters as real memories have, a narrow namespace, a filter."""
    random = np.random.default_rng(3)
    centers = random.standard_normal((50, 32))
    made: dict[str, list[float]] = {}

    def embed(texts: list[str]) -> list[list[float]]:
        for text in texts:
            if text not in made:
                made[text] = (centers[int(text) % 50] + random.standard_normal(32)).tolist()
        return [made[text] for text in texts]

    store = make_store(
        "postgres", index={"embed": embed, "dims": 32, "fields": ["text"], "ann_index_config": ann}
    )
    for start in range(0, 6000, 1000):
        store.batch(
            [
                PutOp(("m", "rare" if n % 600 == 0 else "many"), str(n), {"text": str(n), "n": n})
                for n in range(start, start + 1000)
            ]
        )
    vectors = np.array([made[str(n)] for n in range(6000)])
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]

    def nearest(query: str, among: list[int], count: int) -> list[str]:
        [vector] = embed([query])
        return [str(among[n]) for n in np.argsort(-(vectors[among] @ vector))[:count]]

    hits = sum(
        len(set(found(store, query, limit=10)) & set(nearest(query, list(range(6000)), 10)))
        for query in map(str, range(7000, 7020))
    )
    assert hits >= 0.95 * 200
    rare = list(range(0, 6000, 600))
    assert found(store, "7001", ("m", "rare")) == nearest("7001", rare, 10)
    assert found(store, "7001", filter={"n": {"$lt": 100}}, limit=5) == nearest("7001", list(range(100)), 5)
    everything = found(store, "7002", limit=6000)
    assert len(everything) == len(set(everything)) == 6000
