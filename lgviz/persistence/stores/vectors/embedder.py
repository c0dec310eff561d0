"""What of an item is embedded, and by what: the ``index`` of a store, checked once.

JSON paths and the wrapping of callables are LangGraph's own (``langgraph.store.base.embed``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from langchain_core.embeddings import Embeddings
from langgraph.store.base import ensure_embeddings, get_text_at_path, tokenize_path
from langgraph.store.base.embed import EmbeddingsLambda
from numpy.typing import NDArray

from lgviz.errors import EmbeddingFailed, InvalidIndex, described, said
from lgviz.persistence.stores.requests import Fields, check_fields

Vector: TypeAlias = NDArray[np.float32]
Vectors: TypeAlias = dict[str, Vector]
"""Texts and what they were embedded as."""

DISTANCES = ("cosine", "l2", "inner_product")
_AT_ONCE = 8
"""Queries of one batch that are embedded at the same time."""
_REMEDY = "Nothing was written: see to the embedding, then repeat the call."


class Embedder:
    """A store's ``index``: which JSON paths of an item are embedded, and what embeds them.

    Args:
        config: ``embed`` is a LangChain ``Embeddings``, a callable (sync or async) that takes texts and gives
            their vectors, or ``"provider:model"``; ``dims`` is the length of the vectors; ``fields`` are JSON
            paths (default: ``["$"]``, the whole value); ``distance_type`` is ``"cosine"`` (default), ``"l2"``
            or ``"inner_product"``; ``ann_index_config`` is as LangGraph's ``PostgresStore`` takes it.

    Raises:
        InvalidIndex: something in ``config`` is missing or cannot be; the error of a provider that is unknown
            or not installed is chained.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        if not isinstance(config, Mapping) or config.get("embed") is None:
            raise InvalidIndex(
                "The store's index names no embedding.",
                'Give index={"embed": ..., "dims": ..., "fields": [...]}.',
            )
        dims = config.get("dims")
        if isinstance(dims, bool) or not isinstance(dims, int) or dims < 1:
            raise InvalidIndex(
                f'index["dims"] is {dims!r}.', "Give the length of the vectors that the embedding makes."
            )
        self.dims = dims
        fields = config.get("fields") or ["$"]
        self.fields: list[str] = check_fields([fields] if isinstance(fields, str) else fields, "fields") or []
        self.distance: str = config.get("distance_type", "cosine")
        if self.distance not in DISTANCES:
            raise InvalidIndex(
                f'index["distance_type"] is {self.distance!r}.', f"It is one of {', '.join(DISTANCES)}."
            )
        self.ann: Mapping[str, Any] = config.get("ann_index_config") or {}
        embed = config["embed"]
        if not isinstance(embed, str | Embeddings) and not callable(embed):
            raise InvalidIndex(
                f'index["embed"] is of type {type(embed).__name__}.',
                'Give a LangChain Embeddings, a callable that takes a list of texts, or "provider:model".',
            )
        try:
            self.embeddings: Embeddings = ensure_embeddings(embed)
        except Exception as error:
            raise InvalidIndex(
                f"The embedding {embed!r} could not be made: {said(error)}",
                'Check its name ("provider:model"); install langchain and the package of the provider.',
            ) from error
        self._only_async = isinstance(self.embeddings, EmbeddingsLambda) and not hasattr(
            self.embeddings, "func"
        )

    def paths(self, fields: Fields) -> list[str]:
        """The JSON paths that a put's ``index=`` means."""
        return self.fields if fields is None else fields or []

    def texts(self, value: Mapping[str, Any], fields: Fields = None) -> list[str]:
        """The distinct texts of an item that are embedded.

        Args:
            value: the item's value.
            fields: what the put said.

        Raises:
            InvalidIndex: what lies at a path has no text.
        """
        found: dict[str, None] = {}
        for path in self.paths(fields):
            try:
                found.update(dict.fromkeys(get_text_at_path(value, _tokens(path))))
            except TypeError as error:
                raise InvalidIndex(
                    f"What lies at {path!r} cannot be embedded, for it has no JSON text: {said(error)}.",
                    'Name paths to texts: index={"fields": [...]} of the store, or index=[...] of the put.',
                ) from error
        return list(found)

    def documents(self, texts: Iterable[str]) -> Vectors:
        """Embed texts of items: each distinct one once, all in one call.

        Raises:
            EmbeddingFailed: the embedding raised, or what it gave is not a vector of ``dims`` numbers a text.
        """
        distinct = list(dict.fromkeys(texts))
        return self._checked(distinct, self._documents(distinct)) if distinct else {}

    async def adocuments(self, texts: Iterable[str]) -> Vectors:
        """:meth:`documents`, awaited."""
        distinct = list(dict.fromkeys(texts))
        if not distinct:
            return {}
        with _explained():
            made = await self.embeddings.aembed_documents(distinct)
        return self._checked(distinct, made)

    def queries(self, texts: Iterable[str]) -> Vectors:
        """Embed queries: each distinct one once, several at a time. Raises as :meth:`documents`."""
        distinct = list(dict.fromkeys(texts))
        if len(distinct) < 2:
            return self._checked(distinct, [self._query(text) for text in distinct])
        with ThreadPoolExecutor(min(len(distinct), _AT_ONCE)) as pool:
            jobs = [pool.submit(copy_context().run, self._query, text) for text in distinct]
            return self._checked(distinct, [job.result() for job in jobs])

    async def aqueries(self, texts: Iterable[str]) -> Vectors:
        """:meth:`queries`, awaited."""
        distinct = list(dict.fromkeys(texts))
        with _explained():
            made = await asyncio.gather(*(self.embeddings.aembed_query(text) for text in distinct))
        return self._checked(distinct, made)

    def _documents(self, texts: list[str]) -> Any:
        with _explained():
            if self._only_async:
                return _finished(self.embeddings.aembed_documents(texts))
            return self.embeddings.embed_documents(texts)

    def _query(self, text: str) -> Any:
        with _explained():
            if self._only_async:
                return _finished(self.embeddings.aembed_query(text))
            return self.embeddings.embed_query(text)

    def _checked(self, texts: list[str], made: Any) -> Vectors:
        if not texts:
            return {}
        try:
            with np.errstate(over="ignore"):
                rows = [np.asarray(row, dtype=np.float32) for row in made]
        except (TypeError, ValueError) as error:
            raise EmbeddingFailed("The embedding gave no lists of numbers.", _REMEDY) from error
        if len(rows) != len(texts):
            raise EmbeddingFailed(f"The embedding gave {len(rows)} vectors for {len(texts)} texts.", _REMEDY)
        for row in rows:
            if row.shape != (self.dims,):
                raise EmbeddingFailed(
                    f"The embedding gave a vector of {row.size} numbers; the store's index says {self.dims}.",
                    f'Nothing was written: make the store with index={{"dims": {row.size}, ...}}, or give'
                    " the embedding that it was made for.",
                )
            if not np.isfinite(row).all():
                raise EmbeddingFailed("The embedding gave a vector with NaN or infinity.", _REMEDY)
        return dict(zip(texts, rows, strict=True))


@lru_cache
def _tokens(path: str) -> str | list[str]:
    return path if path == "$" else tokenize_path(path)


def cosine(a: Vector, b: Vector) -> float:
    """The cosine of the angle between two vectors; of two equal ones 1, whatever their length."""
    if np.array_equal(a, b):
        return 1.0
    length = float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    return float(a @ b) / length if length else 0.0


def _finished(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine gives, on a loop of its own: the one that may be running here must not wait for it."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(copy_context().run, asyncio.run, coroutine).result()


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except EmbeddingFailed:
        raise
    except Exception as error:
        raise EmbeddingFailed(f"The embedding failed: {described(error)}", _REMEDY) from error
