"""Vectors in memory, ranked against a query by NumPy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lgviz.persistence.database.statements import Operation

from .embedder import Vector

Ids: TypeAlias = NDArray[np.int64]
Scores: TypeAlias = NDArray[np.float64]

_FREE = 0
"""Stands for the item of a row that is not used; no item has this id. A new row's is zero."""
_GROWTH = 4


class Matrix:
    """The vectors of many items, one row each.

    All rows are scored in float32, which is quick and not exact; those near the top are scored again in
    float64, by the formula of LangGraph's ``InMemoryStore``. How far the first score may be off says which.

    Args:
        dims: the length of a vector.
        distance: ``"cosine"``, ``"l2"`` or ``"inner_product"``.
    """

    def __init__(self, dims: int, distance: str = "cosine") -> None:
        self.dims = dims
        self.distance = distance
        self._rows = np.empty((0, dims), np.float32)
        self._norms = np.empty(0)
        self._items = np.empty(0, np.int64)
        self._spaces = np.empty(0, np.int64)

    def put(self, items: ArrayLike, spaces: ArrayLike, vectors: ArrayLike) -> None:
        """Add one row for each vector.

        Args:
            items: the item of each vector; one that has several comes several times.
            spaces: the number of each item's namespace.
            vectors: vectors of ``dims`` numbers.
        """
        count = np.size(items)
        if not count:
            return
        free = np.flatnonzero(self._items == _FREE)
        if len(free) < count:
            self._grow(max(count - len(free), len(self._items) // 4))
            free = np.flatnonzero(self._items == _FREE)
        at = free[:count]
        rows = self._rows[at] = np.asarray(vectors, np.float32)
        self._norms[at] = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
        self._items[at] = items
        self._spaces[at] = spaces

    def drop(self, items: Sequence[int]) -> None:
        """Forget all vectors of some items."""
        if not len(self._items):
            return
        gone = np.flatnonzero(np.isin(self._items, items))
        self._rows[gone] = 0
        self._items[gone] = _FREE

    def _grow(self, more: int) -> None:
        # In place: that copies nothing where the system can move pages. What is added is all zeros.
        count = len(self._items) + more
        self._rows.resize((count, self.dims), refcheck=False)
        for each in self._norms, self._items, self._spaces:
            each.resize(count, refcheck=False)

    def ranked(
        self, query: Vector, spaces: Sequence[int] | None = None, first: int = 64
    ) -> Iterator[dict[int, float]]:
        """Items and their scores, the best vector of each, in batches: all of one batch score above the next.

        Args:
            query: a vector of ``dims`` numbers.
            spaces: numbers of the namespaces to look in; None for all.
            first: how many rows the first batch has at least, if there are so many; each next has more.
        """
        wanted = self._items != _FREE
        if spaces is not None:
            wanted &= np.isin(self._spaces, spaces)
        rest = np.flatnonzero(wanted)
        rough, slack = self._rough(query, rest)
        seen: set[int] = set()
        while len(rest):
            # Rows that are left out score below `edge` - `slack`, whatever the rough score makes of them.
            edge = np.partition(rough, -first)[-first] - slack if first < len(rest) else -np.inf
            near = np.flatnonzero(rough >= edge - slack)
            scores = self._exact(query, rest[near])
            sure = scores >= edge
            best: dict[int, float] = {}
            for item, score in zip(
                self._items[rest[near[sure]]].tolist(), scores[sure].tolist(), strict=True
            ):
                if item not in seen:
                    best[item] = max(score, best.get(item, -np.inf))
            seen.update(best)
            yield (
                {item: -math.sqrt(-score) for item, score in best.items()} if self.distance == "l2" else best
            )
            left = np.ones(len(rest), bool)
            left[near[sure]] = False
            rest, rough = rest[left], rough[left]
            first *= _GROWTH

    def _rough(self, query: Vector, at: Ids) -> tuple[Scores, float]:
        """Scores in float32, and how far they may be off."""
        # Copying the rows of many items out costs more than scoring all.
        few = len(at) < len(self._rows) // 4
        products = (self._rows[at] @ query if few else (self._rows @ query)[at]).astype(np.float64)
        norms, length = self._norms[at], float(np.linalg.norm(query.astype(np.float64)))
        # The bound of a dot product of float32 numbers in any order of summing, twice over.
        slack = 2 * (self.dims + 1) * float(np.finfo(np.float32).eps)
        if self.distance == "cosine":
            scale = norms * length
            return np.divide(products, scale, out=np.zeros_like(products), where=scale > 0), slack
        slack *= length * float(norms.max(initial=0))
        if self.distance == "l2":
            return 2 * products - norms**2 - length**2, 2 * slack
        return products, slack

    def _exact(self, query: Vector, at: Ids) -> Scores:
        """Scores in float64: equal rows score equal, wherever they stand."""
        rows, one = self._rows[at].astype(np.float64), query.astype(np.float64)
        scores: Scores
        if self.distance == "l2":
            scores = -((rows - one) ** 2).sum(axis=1)
            return scores
        scores = np.einsum("ij,j->i", rows, one)
        if self.distance == "inner_product":
            return scores
        scale = self._norms[at] * np.linalg.norm(one)
        return np.divide(scores, scale, out=np.zeros_like(scores), where=scale > 0)


class MatrixScan:
    """A ranking as :class:`~lgviz.persistence.stores.vectors.index.NearestScan`, which needs no database."""

    def __init__(self, ranked: Iterator[dict[int, float]]) -> None:
        self.ranked = ranked

    def more(self) -> Operation[dict[int, float]]:
        yield from ()
        return next(self.ranked, {})
