"""Which embedding made the stored vectors, and making them anew where it is another."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from tqdm.auto import tqdm

from lgviz.errors import IndexChanged, InvalidIndex
from lgviz.persistence.blocks.merkle import Serializer
from lgviz.persistence.database.dialect import Dialect
from lgviz.persistence.database.statements import READ, WRITE, Operation, Query

from .fields import Fields, read_fields
from .namespaces import Namespace
from .plans import Documents, Plan
from .vector_tables import MAKING, Unverified, verify
from .versions import Erased, Versions

if TYPE_CHECKING:  # NumPy is imported with the first store that has an index
    from .embeddings import Embedder, Vector
    from .vector_tables import VectorTable

logger = logging.getLogger("lgviz.persistence")

_ALIKE = 0.98
"""The least cosine of two vectors that one model makes of one text: services are not exact to the bit."""
_AT_ONCE = 256
"""Items that a reindex embeds in one call."""


WITHOUT = "NOT EXISTS (SELECT 1 FROM lgviz_vectors v WHERE v.item = i.id AND v.data IS NOT NULL)"
"""A condition: the item ``i`` has no vector."""
ANY = "v.item = (SELECT item FROM lgviz_vectors WHERE data IS NOT NULL LIMIT 1)"
"""A condition: ``v`` is of one item that has vectors."""


class Unembedded(NamedTuple):
    """An item without a vector."""

    id: int
    updated: int
    fields: Fields
    value: Any


class Making(Versions):
    """The part of the engine that knows which embedding made the stored vectors.

    Args:
        dialect, serde, newest_first: as for every store's engine.
        index: what ``Embedder`` takes; None where nothing is embedded.
    """

    def __init__(
        self,
        dialect: Dialect,
        serde: Serializer,
        *,
        newest_first: bool = True,
        index: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(dialect, serde, newest_first=newest_first)
        self.embedder: Embedder | None = None
        self._making = b""
        if index is not None:
            from .embeddings import Embedder
            from .postgres_vectors import PostgresVectors
            from .sqlite_vectors import SqliteVectors

            self.embedder = Embedder(index)
            table = PostgresVectors if dialect.name == "postgresql" else SqliteVectors
            self.vectors: VectorTable = table(self.embedder)

    def setup(self, *, beside: bool = False) -> Operation[None]:
        yield from super().setup(beside=beside)
        if self.embedder is not None and not (yield from self._made()):
            yield from self._make_anew(missing=True)

    def forget(self, namespace: Namespace, key: str | None) -> Operation[Erased]:
        erased = yield from super().forget(namespace, key)
        # Also where this store has no index: another one made the vectors.
        made = yield from self._made()
        return erased._replace(tables=[*erased.tables, "lgviz_vectors"]) if made else erased

    def _made(self) -> Operation[bytes]:
        """What names the making of the table of vectors; empty where there is none."""
        rows = yield MAKING
        return bytes(rows[0][0]) if rows else b""

    def _make_anew(self, *, missing: bool = False) -> Operation[None]:
        """Make the table of vectors, empty; only where it is ``missing``, or in place of the one there."""
        assert self.embedder is not None
        yield WRITE
        if self.dialect.lock_schema:
            yield Query(self.dialect.lock_schema)
        if missing and (yield from self._made()):
            return
        yield from self.vectors.create()
        yield from self._tell(missing)

    def _tell(self, whole: bool) -> Operation[None]:
        assert self.embedder is not None
        told = json.dumps({"dims": self.embedder.dims, "whole": whole, "making": secrets.token_hex(8)})
        yield Query(
            """INSERT INTO lgviz_meta (name, value) VALUES ('vectors', ?)
               ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
            [told.encode()],
        )
        self._making = told.encode()

    def _known(self) -> Operation[None]:
        verify((yield MAKING), self._making)

    def _sure(self, make: Callable[[], Operation[Any]]) -> Plan[Any]:
        """Run an operation on vectors that this store's embedding made.

        Raises:
            IndexChanged: another one made them, or not all of them are made.
        """
        try:
            return (yield make)
        except Unverified:
            making, told, sample = yield self._sample
            assert self.embedder is not None
            remedy = "Embed them anew: store.reindex(). Or make the store with the embedding that it had."
            if told["dims"] != self.embedder.dims:
                raise IndexChanged(
                    f"The stored vectors have {told['dims']} dimensions, the store's index says"
                    f" {self.embedder.dims}.",
                    remedy,
                ) from None
            if not told["whole"]:
                raise IndexChanged(
                    "Not all vectors were made anew yet.", "Let it go on: store.reindex()."
                ) from None
            if sample is not None and not (yield from self._alike(*sample)):
                raise IndexChanged("The stored vectors were made by another embedding.", remedy) from None
            self._making = making
        return (yield make)

    def _sample(self) -> Operation[tuple[bytes, dict[str, Any], tuple[list[str], Sequence[Vector]] | None]]:
        """The making, and of one item with vectors its texts and vectors."""
        assert self.embedder is not None
        yield READ
        making = yield from self._made()
        told = json.loads(making)
        if told["dims"] == self.embedder.dims:
            for item, paths, vectors in (yield from self.vectors.read(ANY, [])):
                rows = yield Query("SELECT value FROM lgviz_items WHERE id = ?", [item])
                values = yield from self.read_values(value for (value,) in rows)
                texts = self.embedder.texts(values[0], list(paths))
                if len(texts) == len(vectors):
                    return making, told, (texts, vectors)
        return making, told, None

    def _alike(self, texts: Sequence[str], vectors: Sequence[Vector]) -> Plan[bool]:
        from .embeddings import cosine

        made = yield Documents(texts)
        if all(cosine(made[text], vector) > _ALIKE for text, vector in zip(texts, vectors, strict=True)):
            return True
        # One that is made for tests may give random vectors: it has no model that could have changed.
        again = yield Documents(texts)
        return any(cosine(made[text], again[text]) < _ALIKE for text in texts)

    def reindex(self, progress: bool) -> Plan[int]:
        """Embed all items anew, also those that were put without an index; how many that were.

        One that was broken off goes on where it stopped.

        Raises:
            InvalidIndex: the store has no index.
            EmbeddingFailed: as a put does.
            IndexChanged: another one was begun meanwhile.
        """
        if self.embedder is None:
            raise InvalidIndex("The store has no index.", 'Make it with index={"embed": ..., "dims": ...}.')
        if not (yield from self._begun()):
            yield self._make_anew
        count = last = 0
        try:
            with tqdm(
                total=(yield self._pending), disable=not progress, desc="Embedding", unit=" items"
            ) as bar:
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
        """The texts of an item; none, and a word about it, where it cannot be embedded."""
        assert self.embedder is not None
        try:
            return self.embedder.texts(row.value, row.fields) if isinstance(row.value, dict) else []
        except InvalidIndex as error:
            logger.warning("%s %s Item %d is left out.", error.cause, error.remedy, row.id)
            return []

    def _begun(self) -> Plan[bool]:
        """Whether a reindex by this embedding was broken off; then it can go on."""
        assert self.embedder is not None
        making, told, sample = yield self._sample
        if told["whole"] or told["dims"] != self.embedder.dims:
            return False
        if sample is not None and not (yield from self._alike(*sample)):
            return False
        self._making = making
        return True

    def _pending(self) -> Operation[int]:
        yield READ
        rows = yield Query(f"SELECT count(*) FROM lgviz_items i WHERE i.value IS NOT NULL AND {WITHOUT}")
        return int(rows[0][0])

    def _unembedded(self, after: int) -> Operation[list[Unembedded]]:
        yield READ
        yield from self._known()
        rows = yield Query(
            f"""SELECT i.id, i.updated, i.fields, i.value FROM lgviz_items i
                WHERE i.value IS NOT NULL AND i.id > ? AND {WITHOUT}
                ORDER BY i.id LIMIT {_AT_ONCE}""",
            [after],
        )
        values = yield from self.read_values(value for *_, value in rows)
        return [
            Unembedded(id, updated, read_fields(fields), value)
            for (id, updated, fields, _), value in zip(rows, values, strict=True)
        ]

    def _add(self, rows: Sequence[Unembedded], vectors: Sequence[Sequence[Vector]]) -> Operation[int]:
        """Store vectors of items that are still what they were when their texts were read; how many."""
        assert self.embedder is not None
        yield WRITE
        yield from self._known()
        where, params = self.dialect.among("i.id", [row.id for row in rows])
        same = yield Query(
            f"""SELECT i.id, i.updated FROM lgviz_items i WHERE {where} AND i.value IS NOT NULL
                AND {WITHOUT} {self.dialect.lock_row}""",
            params,
        )
        unchanged = set(same)
        new = [
            (row.id, self.embedder.paths(row.fields), each)
            for row, each in zip(rows, vectors, strict=True)
            if each and (row.id, row.updated) in unchanged
        ]
        if new:
            yield self.vectors.keep(new)
        return len(new)

    def _complete(self) -> Operation[None]:
        yield WRITE
        yield from self._known()
        yield from self._tell(whole=True)
