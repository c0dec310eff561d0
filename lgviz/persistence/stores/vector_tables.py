"""What a table of vectors does, in any database.

Triggers drop an item's vectors whenever its value changes, whichever store changes it: it may have no index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from lgviz.persistence.database.statements import Many, Operation, Query

if TYPE_CHECKING:  # NumPy is imported with the first store that has an index
    from .embeddings import Embedder, Vector

Condition: TypeAlias = tuple[str, Sequence[Any]]
"""A condition of SQL, and its parameters."""

MAKING = Query("SELECT value FROM lgviz_meta WHERE name = 'vectors'")
"""What names the making of the table; without a row there is none."""


class Unverified(Exception):
    """The vectors are not known to be of this embedding: verify that, then run the operation again."""


def verify(rows: Sequence[Any], making: bytes) -> None:
    """Look at what :data:`MAKING` gave.

    Raises:
        Unverified: it is another making.
    """
    if not rows or bytes(rows[0][0]) != making:
        raise Unverified


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

    def keep(self, rows: Sequence[tuple[int, Sequence[str], Sequence[Vector]]]) -> Many:
        """Stores vectors of items that have none: item, paths and vectors, as :class:`Embedded`."""

    def read(self, where: str, params: Sequence[Any]) -> Operation[list[Embedded]]:
        """The vectors of the items ``v.item`` that a condition is true of."""

    def scan(
        self, query: Vector, spaces: Condition | None, first: int, *, making: bytes, joined: bool
    ) -> Operation[Scan]:
        """Begin to rank.

        Args:
            query: what to rank by.
            spaces: a condition on the ``path`` of namespaces to look in; None for all.
            first: how many rows to look at first.
            making: what the table's making must be named.
            joined: a transaction of the caller's is joined, and may yet be undone.

        Raises:
            Unverified: the making is another.
        """
