"""The engine of the stores: its parts, and the operations that need several of them.

Every operation is written once, for any database and without any I/O (see ``database/statements.py``).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langgraph.store.base import GetOp, Item, Op, PutOp, Result, SearchOp

from lgviz.errors import InvalidIndex
from lgviz.persistence.blocks.merkle import Serializer
from lgviz.persistence.blocks.store import BlockGone, BlockStore
from lgviz.persistence.database.dialect import Dialect
from lgviz.persistence.database.migrations import ITEMS, lasting
from lgviz.persistence.database.statements import GLANCE, READ, WRITE, Operation

from .integrity import StoreIntegrity
from .items import NOW, Find, ItemReads, ItemView, as_of
from .namespaces import Place
from .past import ItemHistory
from .provenance import NOBODY, Writer, writer
from .values import ItemValues
from .vectors.index import VectorIndex
from .vectors.plans import Documents, EmbeddingPlan, Queries
from .vectors.search import SemanticSearch
from .writes import ItemWrite, ItemWrites

if TYPE_CHECKING:  # NumPy is imported with the first store that has an index
    from .vectors.embedder import Embedder

logger = logging.getLogger("lgviz.persistence")


class StoreEngine:
    """All operations of a store over one dialect and serializer.

    Args:
        dialect: the database's way to say it.
        serde: any LangGraph serializer.
        newest_first: the order of search; else by the namespaces' ages, then the items'.
        index: LangGraph's ``IndexConfig``; None where nothing is embedded.

    Attributes:
        blocks: the pieces of long values, shared with savers.
        values: an item's value, in its row or in blocks.
        items: reads what is true now, or was at a time.
        writes: puts, deletes and lets expire.
        past: versions, and what was true between two times; erases them.
        search: finds by meaning; its ``index`` has the vectors. None where nothing is embedded.
        integrity: looks for damage.
    """

    def __init__(
        self,
        dialect: Dialect,
        serde: Serializer,
        *,
        newest_first: bool = True,
        index: Mapping[str, Any] | None = None,
    ) -> None:
        self.blocks = BlockStore(dialect, serde)
        self.values = ItemValues(self.blocks)
        self.items = ItemReads(self.values, newest_first=newest_first)
        self.search = None if index is None else _search(self.items, index)
        self.writes = ItemWrites(self.items, self.search.index if self.search else None)
        self.past = ItemHistory(self.items)
        self.integrity = StoreIntegrity(self.blocks)
        self.embedder: Embedder | None = None if self.search is None else self.search.index.embedder
        self._warned = False

    def setup(self, *, beside: bool = False) -> Operation[None]:
        """Make or migrate the tables; called before the first operation.

        Args:
            beside: make them although LangGraph's own tables are there (to migrate from them).

        Raises:
            ForeignTables: only LangGraph's own tables are there.
            NewerSchema: a newer lgviz made the tables.
        """
        yield from self.blocks.set_up(ITEMS, beside=beside)
        if self.search is not None:
            yield from self.search.index.setup()

    def prepare(self, *, beside: bool = False) -> Operation[bool]:
        """:meth:`setup`, and whether that lasts: a caller may undo the transaction that it joined."""
        yield from self.setup(beside=beside)
        return (yield from lasting())

    # -- LangGraph's interface

    def get(self, op: GetOp, view: ItemView = NOW) -> Operation[Item | None]:
        """What :meth:`batch` gives for one get, sooner."""
        joined = yield GLANCE
        rows = yield self.items.row(op, view)
        if not rows:
            return None
        item = self.items.plain(op, rows[0], lasting=not joined)
        if item is None:
            (found,) = yield from self.batch([op], view=view)
            return found  # type: ignore[return-value]
        return item

    def answer(self, ops: Sequence[Op], view: ItemView = NOW) -> EmbeddingPlan[list[Result]]:
        """A batch of LangGraph's interface: its texts are embedded, then :meth:`batch` runs.

        Args:
            ops: what was asked, checked.
            view: what is seen.

        Raises:
            NotKept: a value could not be read back equal.
            EmbeddingFailed: the embedding failed.
            IndexChanged: another embedding made the stored vectors.
        """
        writes = self._writes(ops)
        by = writer() if writes else NOBODY
        queries = self._queries(ops)
        texts = [text for each in writes for text in each.texts]
        search = self.search
        if search is None or not (queries or texts):
            results: list[Result] = yield lambda: self.batch(ops, writes, by, view)
            return results
        vectors = (yield Documents(texts)) if texts else {}
        writes = [each._replace(vectors=[vectors[text] for text in each.texts]) for each in writes]
        asked = (yield Queries(queries.values())) if queries else {}
        find = {index: search.by(asked[query]) for index, query in queries.items()}
        results = yield from search.index.verified(lambda: self.batch(ops, writes, by, view, find))
        return results

    def answer_as_of(self, ops: Sequence[Op], at: int) -> EmbeddingPlan[list[Result]]:
        """Answer what only reads, of what was true at a time.

        Raises:
            BadMoment: some of what was true then was dropped.
        """
        queries = self._queries(ops) if self.search is not None else {}
        asked = (yield Queries(queries.values())) if queries else {}
        find = {}
        for index, query in queries.items():
            op = ops[index]
            assert isinstance(op, SearchOp) and self.search is not None
            find[index] = yield from self.search.by_then(asked[query], op, at)

        def read() -> Operation[list[Result]]:
            results = yield from self.batch(ops, view=as_of(at), find=find)
            yield from self.past.require(at)
            return results

        results: list[Result] = yield read
        return results

    def batch(
        self,
        ops: Sequence[Op],
        writes: Sequence[ItemWrite] = (),
        by: Writer = NOBODY,
        view: ItemView = NOW,
        find: Mapping[int, Find] | None = None,
    ) -> Operation[list[Result]]:
        """Answer all that is asked as it was before, then write; all of it or nothing.

        Args:
            ops: what LangGraph's interface was asked, checked.
            writes: what of it writes, at most once each item.
            by: who writes.
            view: what is seen.
            find: what finds the items of searches that have a query, by their places in ``ops``.
        """
        # One answer is true of one moment without a transaction around it, unless it is read in pages.
        alone = not writes and len(ops) == 1 and not find and not getattr(ops[0], "filter", None)
        self.blocks.joined = bool((yield WRITE if writes else GLANCE if alone else READ))
        try:
            results, touched = yield from self.items.answer(ops, view, find, whole=alone)
        except BlockGone:
            yield READ
            results, touched = yield from self.items.answer(ops, view, find)
        fresh = {row.id: row.ttl for row in touched if row.ttl is not None}
        if fresh:
            if not writes:
                yield WRITE
            yield from self.writes.put_off(fresh)
        if writes:
            yield from self.writes.apply(writes, by)
        return results

    def _writes(self, ops: Iterable[Op]) -> list[ItemWrite]:
        """What a batch writes; of several puts to one item the last, in the place of the first."""
        puts: dict[Place, PutOp] = {}
        for op in ops:
            if isinstance(op, PutOp):
                puts[op.namespace, op.key] = op
        return [self._write(place, op) for place, op in puts.items()]

    def _write(self, place: Place, op: PutOp) -> ItemWrite:
        if op.value is None:
            return ItemWrite(place, None, None, op.index)
        value = self.values.encode(dict(op.value), f"Item {place[1]!r} of {place[0]!r}")
        embedder = self.embedder
        texts = () if embedder is None else embedder.texts(op.value, op.index)
        return ItemWrite(place, value, op.ttl, op.index, texts)

    def _queries(self, ops: Sequence[Op]) -> dict[int, str]:
        """What is searched for, by the operation's place."""
        queries = {index: op.query for index, op in enumerate(ops) if isinstance(op, SearchOp) and op.query}
        if queries and self.search is None and not self._warned:
            self._warned = True
            logger.warning(
                "A search has a query, but the store has no index: it gives what it gives without the query."
                ' To search by meaning, make the store with index={"embed": ..., "dims": ...}.'
            )
        return queries

    def reindex(self, progress: bool) -> EmbeddingPlan[int]:
        """Embed all items anew: see :meth:`VectorIndex.reindex`.

        Raises:
            InvalidIndex: the store has no index.
        """
        if self.search is None:
            raise InvalidIndex("The store has no index.", 'Make it with index={"embed": ..., "dims": ...}.')
        return self.search.index.reindex(progress)


def _search(items: ItemReads, config: Mapping[str, Any]) -> SemanticSearch:
    # NumPy is imported with the first store that has an index.
    from .vectors.embedder import Embedder
    from .vectors.postgres import PostgresVectors
    from .vectors.sqlite import SqliteVectors

    embedder = Embedder(config)
    table = PostgresVectors if items.values.blocks.dialect.name == "postgresql" else SqliteVectors
    return SemanticSearch(items, VectorIndex(items.values, embedder, table(embedder)))
