"""Semantic search: the items nearest to a query, by the vectors stored or by ones made of the past."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from langgraph.store.base import SearchOp

from lgviz.persistence.database.statements import READ, Operation, Query
from lgviz.persistence.stores.filters import passes
from lgviz.persistence.stores.items import Condition, Find, FoundItem, ItemReads, ItemView, starting
from lgviz.persistence.stores.requests import Fields, read_fields

from .index import WITHOUT, ItemVectors, NearestScan, VectorIndex
from .plans import Documents, EmbeddingPlan

if TYPE_CHECKING:  # NumPy is imported with the first store that has an index
    from .embedder import Vector

_FIRST = 16
_MOST = 4096
"""Bounds of how many rows are looked at first."""

Begin = Callable[[Condition | None, int], Operation[NearestScan]]
"""Begins to rank, given a condition on namespaces and how many rows to look at first."""


class SemanticSearch:
    """Finds items by meaning.

    Args:
        items: reads the items that are near.
        index: has their vectors.
    """

    def __init__(self, items: ItemReads, index: VectorIndex) -> None:
        self.items = items
        self.index = index

    def by(self, query: Vector) -> Find:
        """What finds items by the stored vectors."""
        return partial(self._nearest, partial(self.index.scan, query), WITHOUT, ())

    def by_then(self, query: Vector, op: SearchOp, at: int) -> EmbeddingPlan[Find]:
        """What finds items by vectors of what was true at a time; superseded texts are embedded for it."""
        from .matrix import Matrix, MatrixScan

        embedder = self.index.embedder
        current, past = yield from self.index.verified(lambda: self._true_then(op, at))
        texts = {id: embedder.texts(value, fields) for id, value, fields in past}
        made = yield Documents(text for each in texts.values() for text in each)
        rows = [(row.item, vector) for row in current for vector in row.vectors]
        rows += [(id, made[text]) for id, each in texts.items() for text in each]
        matrix = Matrix(embedder.dims, embedder.distance)
        matrix.put([item for item, _ in rows], [0] * len(rows), [vector for _, vector in rows])

        def begin(_: Condition | None, first: int) -> Operation[NearestScan]:
            yield from ()
            return MatrixScan(matrix.ranked(query, None, first))

        return partial(self._nearest, begin, "TRUE", {item for item, _ in rows})

    def _true_then(
        self, op: SearchOp, at: int
    ) -> Operation[tuple[list[ItemVectors], list[tuple[int, Mapping[str, Any], Fields]]]]:
        """Of what was true at a time: the vectors of what still is; item, value and fields of what is not."""
        yield READ
        where, params = starting("n.path", op.namespace_prefix)
        within = f"ns IN (SELECT n.id FROM lgviz_namespaces n WHERE {where})"
        current = yield from self.index.read(
            f"v.item IN (SELECT id FROM lgviz_items WHERE value IS NOT NULL AND {within} AND updated <= ?)",
            [*params, at],
        )
        rows = yield Query(
            f"""SELECT p.item, p.fields, p.value FROM lgviz_past p JOIN lgviz_items l ON l.id = p.item
                WHERE p.value IS NOT NULL AND l.{within} AND p.at <= ? AND p.until > ?""",
            [*params, at, at],
        )
        values = yield from self.items.values.decode(value for _, _, value in rows)
        passing = passes(op.filter or {})
        return current, [
            (item, value, read_fields(fields))
            for (item, fields, _), value in zip(rows, values, strict=True)
            if isinstance(value, dict) and passing(value)
        ]

    def _nearest(
        self,
        begin: Begin,
        without: str,
        vectored: Collection[int],
        op: SearchOp,
        view: ItemView,
        within: Condition,
    ) -> Operation[list[FoundItem]]:
        """The items that a search finds, nearest first; then, where they are few, those without a vector.

        Args:
            begin: begins to rank.
            without: a condition: item ``i`` has no vector.
            vectored: items that have one whatever the condition says.
            op, view, within: as every :data:`Find` is given them.
        """
        start, stop = max(op.offset, 0), max(op.offset + op.limit, 0)
        spaces = starting("path", op.namespace_prefix) if op.namespace_prefix else None
        ranking = yield from begin(spaces, min(_FIRST + 2 * stop, _MOST))
        found: list[FoundItem] = []
        while len(found) < stop and (scores := (yield from ranking.more())):
            rows = yield from self.items.rows(view, list(scores))
            rows.sort(key=lambda row: (-scores[row.id], *self.items.order(row)))
            if not op.filter:
                del rows[stop - len(found) :]
            passing = yield from self.items.passing(rows, op.filter)
            found += [hit._replace(score=scores[hit.row.id]) for hit in passing]
        found = found[start:stop]
        if len(found) < op.limit:
            # From the first one, whatever the offset: as LangGraph's InMemoryStore does.
            rest = op._replace(offset=0, limit=op.limit - len(found))
            lacking = f"{within[0]} AND {without}", within[1]
            found += yield from self.items.find(rest, view, lacking, skip=vectored)
        return found
