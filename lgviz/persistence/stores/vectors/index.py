"""The table of vectors: which embedding made it, and making it anew where the store now has another.

A *generation* is all that was embedded since the table was made, or made anew. A row of ``lgviz_meta`` names
it, and says how long its vectors are and whether all items are embedded yet. A store compares that row before
it uses the table; where it is not the one it knows, another process made it, maybe by another embedding, and
one stored item is embedded again to see. Triggers drop an item's vectors whenever its value changes, for a
store without an index may change it.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lgviz._progress import Bar
from lgviz.errors import IndexChanged, InvalidIndex
from lgviz.persistence.database.statements import READ, REMOVE, WRITE, Many, Operation, Query, as_bytes
from lgviz.persistence.stores.items import Condition
from lgviz.persistence.stores.requests import Fields, read_fields
from lgviz.persistence.stores.values import ItemValues

from .plans import Documents, EmbeddingPlan

if TYPE_CHECKING:  # NumPy is imported with the first store that has an index
    from .embedder import Embedder, Vector

logger = logging.getLogger("lgviz.persistence")

GENERATION = Query("SELECT value FROM lgviz_meta WHERE name = 'vectors'")
"""What names the table's generation; without a row there is no table."""
WITHOUT = "NOT EXISTS (SELECT 1 FROM lgviz_vectors v WHERE v.item = i.id AND v.data IS NOT NULL)"
"""A condition: the item ``i`` has no vector."""
_ANY = "v.item = (SELECT item FROM lgviz_vectors WHERE data IS NOT NULL LIMIT 1)"
"""A condition: ``v`` is of one item that has vectors."""
_ALIKE = 0.98
"""The least cosine of two vectors that one model makes of one text: services are not exact to the bit."""
_AT_ONCE = 256
"""Items that a reindex embeds in one call."""


class Unverified(Exception):
    """The generation is another than the one known: verify its embedding, then run the operation again."""


def verify(rows: Sequence[Any], generation: bytes) -> None:
    """Compare what :data:`GENERATION` gave with the one known.

    Raises:
        Unverified: it is another.
    """
    if not rows or as_bytes(rows[0][0]) != generation:
        raise Unverified


class ItemVectors(NamedTuple):
    """The vectors of an item."""

    item: int
    paths: Sequence[str]
    """JSON paths: embedding the texts at them gave the vectors, in this order."""
    vectors: Sequence[Vector]


class Unembedded(NamedTuple):
    """An item without a vector."""

    id: int
    updated: int
    fields: Fields
    value: Any


class Sample(NamedTuple):
    """A generation, and the texts of one of its items (if any) with the vectors that they became."""

    generation: bytes
    dims: int
    complete: bool
    texts: Sequence[str] = ()
    vectors: Sequence[Vector] = ()


class NearestScan(Protocol):
    """The items nearest to a query, best first."""

    def more(self) -> Operation[dict[int, float]]:
        """The next items and their scores, which are above all that come later; empty at the end."""


class VectorTable(Protocol):
    """The table ``lgviz_vectors`` in one kind of database."""

    def create(self) -> Operation[None]:
        """Make the table, empty; one that is there is dropped."""

    def insert(self, rows: Sequence[tuple[int, Sequence[str], Sequence[Vector]]]) -> Many:
        """Stores vectors of items that have none: item, paths and vectors, as :class:`ItemVectors`."""

    def read(self, where: str, params: Sequence[Any]) -> Operation[list[ItemVectors]]:
        """The vectors of the items ``v.item`` that a condition is true of."""

    def scan(
        self, query: Vector, spaces: Condition | None, first: int, *, generation: bytes, joined: bool
    ) -> Operation[NearestScan]:
        """Begin to rank.

        Args:
            query: what to rank by.
            spaces: a condition on the ``path`` of namespaces to look in; None for all.
            first: how many rows to look at first.
            generation: what the table's must be.
            joined: a transaction of the caller's is joined, and may yet be undone.

        Raises:
            Unverified: the generation is another.
        """


class VectorIndex:
    """Vectors that are known to be of this store's embedding.

    Args:
        values: reads items' values.
        embedder: what items are embedded by.
        table: holds their vectors.
    """

    def __init__(self, values: ItemValues, embedder: Embedder, table: VectorTable) -> None:
        self.values = values
        self.embedder = embedder
        self.table = table
        self._dialect = values.blocks.dialect
        self._generation = b""

    # -- using it

    def put(self, items: Sequence[tuple[int, Fields, Sequence[Vector]]]) -> Operation[None]:
        """Store vectors of items that have none, each with LangGraph's ``index=`` of its put."""
        # Compared before the vectors are sent, not with them: PostgreSQL refuses some of another length.
        yield from self._compare()
        paths = self.embedder.paths
        yield self.table.insert([(item, paths(fields), vectors) for item, fields, vectors in items])

    def scan(self, query: Vector, spaces: Condition | None, first: int) -> Operation[NearestScan]:
        """As :meth:`VectorTable.scan`."""
        joined = self.values.blocks.joined
        return self.table.scan(query, spaces, first, generation=self._generation, joined=joined)

    def read(self, where: str, params: Sequence[Any]) -> Operation[list[ItemVectors]]:
        """As :meth:`VectorTable.read`."""
        yield from self._compare()
        return (yield from self.table.read(where, params))

    def verified(self, make: Callable[[], Operation[Any]]) -> EmbeddingPlan[Any]:
        """Run an operation on vectors that this store's embedding made.

        Raises:
            IndexChanged: another one made them, or not all of them are made.
        """
        try:
            return (yield make)
        except Unverified:
            sample = yield self._sample
            remedy = "Embed them anew: store.reindex(). Or make the store with the embedding that it had."
            if sample.dims != self.embedder.dims:
                raise IndexChanged(
                    f"The stored vectors have {sample.dims} dimensions, the store's index says"
                    f" {self.embedder.dims}.",
                    remedy,
                ) from None
            if not sample.complete:
                raise IndexChanged(
                    "Not all vectors were made anew yet.", "Let it go on: store.reindex()."
                ) from None
            if not (yield from self._made_alike(sample)):
                raise IndexChanged("The stored vectors were made by another embedding.", remedy) from None
            self._generation = sample.generation
        return (yield make)

    def _compare(self) -> Operation[None]:
        verify((yield GENERATION), self._generation)

    def _sample(self) -> Operation[Sample]:
        yield READ
        rows = yield GENERATION
        told = json.loads(as_bytes(rows[0][0]))
        known = as_bytes(rows[0][0]), told["dims"], told["complete"]
        if told["dims"] == self.embedder.dims:
            for item, paths, vectors in (yield from self.table.read(_ANY, [])):
                rows = yield Query("SELECT value FROM lgviz_items WHERE id = ?", [item])
                values = yield from self.values.decode(value for (value,) in rows)
                texts = self.embedder.texts(values[0], list(paths))
                if len(texts) == len(vectors):
                    return Sample(*known, texts, vectors)
        return Sample(*known)

    def _made_alike(self, sample: Sample) -> EmbeddingPlan[bool]:
        """Whether this store's embedding makes of some texts the vectors that they have."""
        from .embedder import cosine

        if not sample.texts:
            return True
        made = yield Documents(sample.texts)
        stored = zip(sample.texts, sample.vectors, strict=True)
        if all(cosine(made[text], vector) > _ALIKE for text, vector in stored):
            return True
        # One that is made for tests may give random vectors: it has no model that could have changed.
        again = yield Documents(sample.texts)
        return any(cosine(made[text], again[text]) < _ALIKE for text in sample.texts)

    # -- making it

    def setup(self) -> Operation[None]:
        """Make the table where there is none."""
        if not (yield GENERATION):
            yield from self._create(missing=True)

    def _create(self, *, missing: bool = False) -> Operation[None]:
        """Make the table, empty: where it still is ``missing``, or in place of the one there."""
        yield REMOVE  # nobody else makes it, or puts an item
        if missing and (yield GENERATION):
            return
        yield from self.table.create()
        yield from self._begin(complete=missing)

    def _begin(self, *, complete: bool) -> Operation[None]:
        """Name a new generation."""
        named = {"dims": self.embedder.dims, "complete": complete, "name": secrets.token_hex(8)}
        generation = json.dumps(named).encode()
        yield Query(
            """INSERT INTO lgviz_meta (name, value) VALUES ('vectors', ?)
               ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
            [generation],
        )
        self._generation = generation

    def reindex(self, progress: bool) -> EmbeddingPlan[int]:
        """Embed all items anew, also those that were put without an index; how many that were.

        One that was broken off goes on where it stopped.

        Raises:
            EmbeddingFailed: as a put does.
            IndexChanged: another one was begun meanwhile.
        """
        if not (yield from self._goes_on()):
            yield self._create
        count = last = 0
        try:
            total = yield self._pending
            with Bar(total=total, disable=not progress, desc="Embedding", unit=" items") as bar:
                while rows := (yield partial(self._unembedded, last)):
                    last = rows[-1].id
                    texts = [self._texts(row) for row in rows]
                    made = yield Documents(text for each in texts for text in each)
                    vectors = [[made[text] for text in each] for each in texts]
                    count += yield partial(self._add, rows, vectors)
                    bar.update(len(rows))
            yield self._complete
        except Unverified:
            raise IndexChanged(
                "Another reindex was begun while this one ran.",
                "Let it finish; where it did not: store.reindex().",
            ) from None
        return count

    def _texts(self, row: Unembedded) -> list[str]:
        """The texts of an item; none, and a warning, where it cannot be embedded."""
        try:
            return self.embedder.texts(row.value, row.fields) if isinstance(row.value, dict) else []
        except InvalidIndex as error:
            logger.warning("%s %s Item %d is left out.", error.cause, error.remedy, row.id)
            return []

    def _goes_on(self) -> EmbeddingPlan[bool]:
        """Whether a reindex by this embedding was broken off; then it can go on."""
        sample = yield self._sample
        if sample.complete or sample.dims != self.embedder.dims:
            return False
        if not (yield from self._made_alike(sample)):
            return False
        self._generation = sample.generation
        return True

    def _pending(self) -> Operation[int]:
        yield READ
        rows = yield Query(f"SELECT count(*) FROM lgviz_items i WHERE i.value IS NOT NULL AND {WITHOUT}")
        return int(rows[0][0])

    def _unembedded(self, after: int) -> Operation[list[Unembedded]]:
        yield READ
        yield from self._compare()
        rows = yield Query(
            f"""SELECT i.id, i.updated, i.fields, i.value FROM lgviz_items i
                WHERE i.value IS NOT NULL AND i.id > ? AND {WITHOUT}
                ORDER BY i.id LIMIT {_AT_ONCE}""",
            [after],
        )
        values = yield from self.values.decode(value for *_, value in rows)
        return [
            Unembedded(id, updated, read_fields(fields), value)
            for (id, updated, fields, _), value in zip(rows, values, strict=True)
        ]

    def _add(self, rows: Sequence[Unembedded], vectors: Sequence[Sequence[Vector]]) -> Operation[int]:
        """Store vectors of items that are still what they were when their texts were read; how many."""
        yield WRITE
        yield from self._compare()
        where, params = self._dialect.among("i.id", [row.id for row in rows])
        same = yield Query(
            f"""SELECT i.id, i.updated FROM lgviz_items i WHERE {where} AND i.value IS NOT NULL
                AND {WITHOUT} {self._dialect.lock_row}""",
            params,
        )
        unchanged = set(same)
        new = [
            (row.id, self.embedder.paths(row.fields), each)
            for row, each in zip(rows, vectors, strict=True)
            if each and (row.id, row.updated) in unchanged
        ]
        if new:
            yield self.table.insert(new)
        return len(new)

    def _complete(self) -> Operation[None]:
        yield WRITE
        yield from self._compare()
        yield from self._begin(complete=True)
