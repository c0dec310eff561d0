"""What semantic search refuses: each error names cause and remedy, and nothing is half-written."""

from __future__ import annotations

import logging
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import PutOp

from lgviz.errors import EmbeddingFailed, IndexChanged, InvalidIndex, LgvizError, Unavailable
from lgviz.persistence import InMemoryStore, SqliteStore
from tests.support.embeddings import DIMS, INDEX, awords, other_words, words
from tests.support.savers import on_loop
from tests.support.stores import ALL, call, new_store

STORED = ALL[1:]


def index(embed: Any = words, **more: Any) -> Any:
    return {**INDEX, "embed": embed, **more}


@pytest.fixture
def reopen(tmp_path: Path, postgres_uri: Any) -> Any:
    """A function that makes stores of a kind over one and the same database."""
    made: list[Any] = []
    uris: list[str] = []

    def make(kind: str, **options: Any) -> Any:
        if "postgres" in kind and not uris:
            uris.append(postgres_uri())
        made.append(new_store(kind, tmp_path / "a.db", lambda: uris[0], **options))
        return made[-1]

    yield make
    for store in made:
        if hasattr(store, "__aenter__"):
            on_loop(store, store.close())
        else:
            store.close()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "names no embedding"),
        ({"dims": 3}, "names no embedding"),
        ("words", "names no embedding"),
        ({"embed": words}, "is None"),
        ({"embed": words, "dims": 0}, "is 0"),
        ({"embed": words, "dims": "16"}, "is '16'"),
        ({"embed": words, "dims": True}, "is True"),
        ({"embed": 3, "dims": 3}, "type int"),
        (index(fields=[1]), "names no JSON paths"),
        (index(fields={"a": 1}), "names no JSON paths"),
        (index(distance_type="far"), "'far'"),
        (index("openai:text-embedding-3-small"), "openai:text-embedding-3-small"),
        (index("no-such-provider:model"), "no-such-provider:model"),
    ],
)
def test_an_index_that_cannot_be(config: Any, said: str) -> None:
    with pytest.raises(InvalidIndex, match=said) as caught:
        InMemoryStore(index=config)
    assert caught.value.remedy


def test_a_provider_that_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    # as where langchain is not installed: LangGraph finds nothing to make an embedding of
    monkeypatch.setattr("langgraph.store.base.embed._get_init_embeddings", lambda: None)
    with pytest.raises(InvalidIndex, match="pip install") as caught:
        InMemoryStore(index=index("openai:text-embedding-3-small"))
    assert isinstance(caught.value.__cause__, ValueError)


def test_an_index_that_pgvector_cannot_make(make_store: Any) -> None:
    for ann in {"kind": "tree"}, {"vector_type": "bit"}:
        with pytest.raises(InvalidIndex, match="Types are"):
            make_store("postgres", index=index(ann_index_config=ann))


def test_postgresql_without_pgvector(postgres: Any, postgres_uri: Any) -> None:
    import psycopg

    uri = postgres_uri()
    with psycopg.connect(uri, autocommit=True) as conn:
        conn.execute("CREATE ROLE plain LOGIN")
        conn.execute("GRANT ALL ON SCHEMA public TO plain")
    try:
        plain = psycopg.conninfo.make_conninfo(uri, user="plain")
        store = new_store("postgres", Path(), lambda: plain)
        store.put(("m",), "a", {"text": "pizza"})
        store.close()
        with pytest.raises(Unavailable, match="pgvector, which may not be created by this role") as caught:
            new_store("postgres", Path(), lambda: plain, index=INDEX)
        assert "CREATE EXTENSION vector" in caught.value.remedy
    finally:
        with psycopg.connect(uri, autocommit=True) as conn:
            conn.execute("DROP OWNED BY plain")
            conn.execute("DROP ROLE plain")


async def fails_later(texts: list[str]) -> Any:
    raise ConnectionError("no network")


def fails(texts: list[str]) -> Any:
    raise ConnectionError("no network")


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    ("embed", "said"),
    [
        (fails, "ConnectionError: no network"),
        (fails_later, "ConnectionError: no network"),
        (lambda texts: [[1.0] * 3 for _ in texts], f"a vector of 3 numbers; the store's index says {DIMS}"),
        (lambda texts: [[1.0] * DIMS] * (len(texts) + 1), "2 vectors for 1 texts"),
        (lambda texts: [], "for 1 texts|IndexError"),
        (lambda texts: [[float("nan")] * DIMS for _ in texts], "NaN"),
        (lambda texts: [[1e300] * DIMS for _ in texts], "infinity"),
        (lambda texts: [["a"] * DIMS for _ in texts], "no lists of numbers"),
        (lambda texts: [[[1.0]] * DIMS for _ in texts], "numbers"),
        (lambda texts: None, "no lists of numbers|TypeError"),
    ],
)
def test_an_embedding_that_fails_writes_nothing(kind: str, embed: Any, said: str, make_store: Any) -> None:
    store = make_store(kind, index=index(embed))
    call(store, "put", ("m",), "before", {"text": "red"}, index=False)
    ops = [
        PutOp(("m",), "plain", {"n": 1}),
        PutOp(("m",), "before", None),
        PutOp(("m",), "a", {"text": "pizza"}),
    ]
    with pytest.raises(EmbeddingFailed, match=said) as caught:
        call(store, "batch", ops)
    assert caught.value.remedy.startswith("Nothing was written")
    if embed in (fails, fails_later):
        assert isinstance(caught.value.__cause__, ConnectionError)
    assert [item.key for item in call(store, "search", ("m",))] == ["before"]
    assert len(call(store, "history", ("m",), "before")) == 1


@pytest.mark.parametrize("kind", ALL)
def test_a_query_that_cannot_be_embedded(kind: str, make_store: Any) -> None:
    store = make_store(kind, index=index(fails))
    call(store, "put", ("m",), "a", {"text": "red"}, index=False)
    with pytest.raises(EmbeddingFailed, match="no network"):
        call(store, "search", ("m",), query="red")
    assert [item.key for item in call(store, "search", ("m",))] == ["a"]


def test_an_embedding_that_changes_its_dimension() -> None:
    sizes = iter([DIMS, DIMS, 8])
    store = InMemoryStore(index=index(lambda texts: [[1.0] * next(sizes) for _ in texts]))
    store.put(("m",), "a", {"text": "red"})
    store.put(("m",), "b", {"text": "blue"})
    with pytest.raises(EmbeddingFailed, match="a vector of 8 numbers"):
        store.put(("m",), "c", {"text": "cold"})
    assert len(store.search(("m",))) == 2
    store.close()


@pytest.mark.parametrize("fields", [True, "text", 3, [1], {"text": 1}])
def test_fields_of_a_put_that_are_no_paths(fields: Any, make_store: Any) -> None:
    store = make_store("memory", index=INDEX)
    with pytest.raises(InvalidIndex, match="names no JSON paths"):
        store.put(("m",), "a", {"text": "red"}, index=fields)
    assert store.search(("m",)) == []


def test_a_value_without_json_text(make_store: Any) -> None:
    store = make_store("memory", index={"embed": words, "dims": DIMS})
    value = {"text": "red", "when": datetime(2026, 1, 1, tzinfo=UTC)}
    with pytest.raises(InvalidIndex, match=r"at '\$' cannot be embedded") as caught:
        store.put(("m",), "a", value)
    assert "fields" in caught.value.remedy
    store.put(("m",), "a", value, index=["text"])
    assert store.search(("m",), query="red")[0].score == pytest.approx(1)


@pytest.mark.parametrize("kind", ALL)
def test_a_query_without_an_index(kind: str, make_store: Any, caplog: pytest.LogCaptureFixture) -> None:
    """As LangGraph's stores: the query changes nothing; told once, with what to do about it."""
    store = make_store(kind)
    for key in "abc":
        call(store, "put", ("m",), key, {"text": key}, index=["text"])
    with caplog.at_level(logging.WARNING):
        plain = [item.key for item in call(store, "search", ("m",))]
        assert not caplog.records
        for _ in range(3):
            assert [item.key for item in call(store, "search", ("m",), query="c")] == plain
    [record] = caplog.records
    assert "no index" in record.message and 'index={"embed"' in record.message
    with pytest.raises(InvalidIndex, match="has no index"):
        call(store, "reindex")


@pytest.mark.parametrize("kind", STORED)
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (index(other_words), "another embedding"),
        (index(lambda texts: [row[:8] for row in words(texts)], dims=8), f"{DIMS} dimensions.* 8"),
    ],
)
def test_a_changed_embedding(kind: str, changed: Any, said: str, reopen: Any) -> None:
    first = reopen(kind, index=INDEX)
    for n in range(5):
        call(first, "put", ("m",), str(n), {"text": f"red word{n}"})
    same = reopen(kind, index=index(awords))
    assert call(same, "search", ("m",), query="word3")[0].key == "3"
    second = reopen(kind, index=changed)
    for act in (
        lambda: call(second, "search", ("m",), query="word3"),
        lambda: call(second, "put", ("m",), "new", {"text": "cold"}),
    ):
        with pytest.raises(IndexChanged, match=said) as caught:
            act()
        assert "reindex()" in caught.value.remedy
    call(second, "put", ("m",), "plain", {"n": 1})
    assert len(call(second, "search", ("m",))) == 6
    assert call(second, "reindex", progress=False) == 5
    best = call(second, "search", ("m",), query="red word3")[0]
    assert (best.key, best.score) == ("3", pytest.approx(1))
    call(second, "put", ("m",), "new", {"text": "cold"})
    assert call(second, "search", ("m",), query="cold")[0].key == "new"
    # The store that is open still has the embedding of before.
    with pytest.raises(IndexChanged):
        call(first, "search", ("m",), query="word3")
    with pytest.raises(IndexChanged):
        call(first, "put", ("m",), "1", {"text": "cold"})
    assert call(first, "get", ("m",), "1").value == {"text": "red word1"}


@pytest.mark.parametrize("kind", STORED)
def test_a_reindex_that_is_broken_off_goes_on(kind: str, reopen: Any) -> None:
    first = reopen(kind, index=INDEX)
    call(first, "batch", [PutOp(("m",), str(n), {"text": f"red word{n}"}) for n in range(600)])
    calls: list[int] = []

    def embed(texts: list[str]) -> Any:
        calls.append(len(texts))
        if len(calls) == 2:
            raise ConnectionError("quota")
        return other_words(texts)

    second = reopen(kind, index=index(embed))
    with pytest.raises(EmbeddingFailed, match="quota"):
        call(second, "reindex", progress=False)
    with pytest.raises(IndexChanged, match="Not all"):
        call(first, "search", ("m",), query="red")
    third = reopen(kind, index=index(embed))
    with pytest.raises(IndexChanged, match="Not all"):
        call(third, "search", ("m",), query="red")
    calls[:] = [0, 0]
    assert call(third, "reindex", progress=False) == 600 - 256
    assert max(calls) <= 256
    assert call(third, "search", ("m",), query="red word7")[0].score == pytest.approx(1)
    assert all(item.score is not None for item in call(third, "search", ("m",), query="red", limit=600))
    assert call(third, "reindex", progress=False) == 600


def test_an_embedding_without_a_model_is_not_taken_for_a_changed_one(tmp_path: Path) -> None:
    """LangChain's ``FakeEmbeddings`` gives other vectors each time."""

    def fake(texts: list[str]) -> list[list[float]]:
        return [[random.gauss(0, 1) for _ in range(DIMS)] for _ in texts]

    for _ in range(2):
        with SqliteStore.from_conn_string(str(tmp_path / "a.db"), index=index(fake)) as store:
            store.put(("m",), "a", {"text": "red"})
            assert len(store.search(("m",), query="red")) == 1


def test_an_item_that_cannot_be_embedded_does_not_stop_a_reindex(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = str(tmp_path / "a.db")
    with SqliteStore.from_conn_string(path) as store:
        store.put(("m",), "odd", {"when": datetime(2026, 1, 1, tzinfo=UTC)})
        store.put(("m",), "even", {"text": "red"})
    with SqliteStore.from_conn_string(path, index={"embed": words, "dims": DIMS}) as store:
        assert store.reindex(progress=False) == 1
        assert [item.score is None for item in store.search(("m",), query="red")] == [False, True]
    assert "cannot be embedded" in caplog.text


def test_every_error_is_one_of_lgviz() -> None:
    assert all(issubclass(error, LgvizError) for error in (EmbeddingFailed, IndexChanged, InvalidIndex))
