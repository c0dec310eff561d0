"""What a table of vectors does, in any database.

Triggers drop an item's vectors whenever its value changes, whichever store changes it: it may have no index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from .embeddings import Embedder, Vector
from .statements import Operation


class Embedded(NamedTuple):
    """The vectors of an item."""

    item: int
    paths: Sequence[str]
    """JSON paths: embedding the texts at them gave the vectors, in this order."""
    vectors: Sequence[Vector]


class Scan(Protocol):
    """The items nearest to a query, best first."""

    def more(self) -> Operation[dict[int, float]]:
        """The next items and their scores, which are above all that come later; empty at the end."""


class VectorTable(Protocol):
    """The part of an engine that knows the table ``lgviz_vectors``.

    Args:
        embedder: what the vectors are like.
    """

    def __init__(self, embedder: Embedder) -> None: ...

    def create(self) -> Operation[None]:
        """Make the table, empty; one that is there is dropped."""

    def keep(self, rows: Sequence[tuple[int, Sequence[str], Sequence[Vector]]]) -> Operation[None]:
        """Store vectors of items that have none: item, paths and vectors, as :class:`Embedded`."""

    def read(self, where: str, params: Sequence[Any]) -> Operation[list[Embedded]]:
        """The vectors of the items ``v.item`` that a condition is true of."""

    def scan(
        self, query: Vector, spaces: Sequence[int] | None, first: int, *, making: bytes, joined: bool
    ) -> Operation[Scan]:
        """Begin to rank.

        Args:
            query: what to rank by.
            spaces: numbers of the namespaces to look in; None for all.
            first: how many rows to look at first.
            making: names this making of the table.
            joined: a transaction of the caller's is joined, and may yet be undone.
        """
