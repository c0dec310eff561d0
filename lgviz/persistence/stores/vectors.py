"""Semantic search: texts are embedded before a batch begins, and items ranked by their vectors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from langgraph.store.base import Op, Result, SearchOp

from lgviz.persistence.database.statements import READ, Operation, Query

from .changing import Change
from .fields import Fields, read_fields
from .filters import accepts
from .items import NOW, Find, Found, View, Within, as_of, starting
from .making import WITHOUT, Making
from .plans import Documents, Plan, Queries
from .provenance import Writer

if TYPE_CHECKING:  # NumPy is imported with the first store that has an index
    from .embeddings import Vector
    from .vector_tables import Condition, Embedded, Scan

logger = logging.getLogger("lgviz.persistence")


_FIRST = 16
_MOST = 4096
"""Bounds of how many rows are looked at first."""


class Semantic(Making):
    """A batch of operations, with queries."""

    _warned = False

    # -- a batch

    def answer(
        self, ops: Sequence[Op], changes: Sequence[Change], writer: Writer, view: View = NOW
    ) -> Plan[list[Result]]:
        """:meth:`batch`, with the texts embedded before it begins."""
        queries = self._queries(ops)
        texts = [text for change in changes for text in change.texts]
        if self.embedder is None or not (queries or texts):
            results: list[Result] = yield lambda: self.batch(ops, changes, writer, view)
            return results
        vectors = (yield Documents(texts)) if texts else {}
        changes = [change._replace(vectors=[vectors[text] for text in change.texts]) for change in changes]
        asked = (yield Queries(queries.values())) if queries else {}
        find = {index: self._near(asked[query]) for index, query in queries.items()}
        results = yield from self._sure(lambda: self.batch(ops, changes, writer, view, find))
        return results

    def answer_as_of(self, ops: Sequence[Op], at: int) -> Plan[list[Result]]:
        """:meth:`batch` of what was true at a time; superseded texts are embedded for it.

        Raises:
            BadMoment: some of what was true then was dropped.
        """
        queries = self._queries(ops) if self.embedder else {}
        asked = (yield Queries(queries.values())) if queries else {}
        find = {}
        for index, query in queries.items():
            op = ops[index]
            assert isinstance(op, SearchOp)
            find[index] = yield from self._near_then(asked[query], op, at)

        def read() -> Operation[list[Result]]:
            results = yield from self.batch(ops, view=as_of(at), find=find)
            yield from self.remembered(at)
            return results

        results: list[Result] = yield read
        return results

    def _queries(self, ops: Sequence[Op]) -> dict[int, str]:
        """What is searched for, by the operation's place."""
        queries = {index: op.query for index, op in enumerate(ops) if isinstance(op, SearchOp) and op.query}
        if queries and self.embedder is None and not self._warned:
            self._warned = True
            logger.warning(
                "A search has a query, but the store has no index: it gives what it gives without the query."
                ' To search by meaning, make the store with index={"embed": ..., "dims": ...}.'
            )
        return queries

    def embedded(self, changes: Sequence[tuple[int, Change]]) -> Operation[None]:
        if changes:
            assert self.embedder is not None
            # Before the vectors are sent, not with them: PostgreSQL refuses some of another length.
            yield from self._known()
            yield self.vectors.keep(
                [(item, self.embedder.paths(change.fields), change.vectors) for item, change in changes]
            )

    def _near(self, query: Vector) -> Find:
        """Rank by the stored vectors."""

        def scan(spaces: Condition | None, first: int) -> Operation[Scan]:
            return self.vectors.scan(query, spaces, first, making=self._making, joined=self.blocks.joined)

        return partial(self._nearest, scan, WITHOUT, ())

    def _near_then(self, query: Vector, op: SearchOp, at: int) -> Plan[Find]:
        """Rank by vectors of what was true at a time."""
        from .matrix import Matrix
        from .sqlite_vectors import InMemory

        assert self.embedder is not None
        current, past = yield from self._sure(lambda: self._true_then(op, at))
        texts = {id: self.embedder.texts(value, fields) for id, value, fields in past}
        made = yield Documents(text for each in texts.values() for text in each)
        rows = [(row.item, vector) for row in current for vector in row.vectors]
        rows += [(id, made[text]) for id, each in texts.items() for text in each]
        matrix = Matrix(self.embedder.dims, self.embedder.distance)
        matrix.put([item for item, _ in rows], [0] * len(rows), [vector for _, vector in rows])

        def scan(_: Condition | None, first: int) -> Operation[Scan]:
            yield from ()
            return InMemory(matrix.ranked(query, None, first))

        return partial(self._nearest, scan, "TRUE", {item for item, _ in rows})

    def _true_then(
        self, op: SearchOp, at: int
    ) -> Operation[tuple[list[Embedded], list[tuple[int, Mapping[str, Any], Fields]]]]:
        """Of what was true at a time: the vectors of what still is; item, value and fields of what is not."""
        yield READ
        yield from self._known()
        where, params = starting("n.path", op.namespace_prefix)
        within = f"ns IN (SELECT n.id FROM lgviz_namespaces n WHERE {where})"
        current = yield from self.vectors.read(
            f"v.item IN (SELECT id FROM lgviz_items WHERE value IS NOT NULL AND {within} AND updated <= ?)",
            [*params, at],
        )
        rows = yield Query(
            f"""SELECT p.item, p.fields, p.value FROM lgviz_past p JOIN lgviz_items l ON l.id = p.item
                WHERE p.value IS NOT NULL AND l.{within} AND p.at <= ? AND p.until > ?""",
            [*params, at, at],
        )
        values = yield from self.read_values(value for _, _, value in rows)
        return current, [
            (item, value, read_fields(fields))
            for (item, fields, _), value in zip(rows, values, strict=True)
            if isinstance(value, dict) and accepts(op.filter or {}, value)
        ]

    def _nearest(
        self,
        scan: Callable[[Condition | None, int], Operation[Scan]],
        without: str,
        vectored: Collection[int],
        op: SearchOp,
        view: View,
        within: Within,
    ) -> Operation[list[Found]]:
        """The items that a search finds, nearest first; then, where they are few, those without a vector.

        Args:
            scan: begins to rank, given a condition on namespaces and how many rows to look at first.
            without: a condition: item ``i`` has no vector.
            vectored: items that have one whatever the condition says.
        """
        start, stop = max(op.offset, 0), max(op.offset + op.limit, 0)
        spaces = starting("path", op.namespace_prefix) if op.namespace_prefix else None
        ranking = yield from scan(spaces, min(_FIRST + 2 * stop, _MOST))
        found: list[Found] = []
        while len(found) < stop and (scores := (yield from ranking.more())):
            rows = yield from self.rows(view, list(scores))
            rows.sort(key=lambda row: (-scores[row.id], *self.place(row)))
            if not op.filter:
                del rows[stop - len(found) :]
            passing = yield from self.passing(rows, op.filter)
            found += [hit._replace(score=scores[hit.row.id]) for hit in passing]
        found = found[start:stop]
        if len(found) < op.limit:
            # From the first one, whatever the offset: as LangGraph's InMemoryStore does.
            rest = op._replace(offset=0, limit=op.limit - len(found))
            lacking = f"{within[0]} AND {without}", within[1]
            found += yield from self.found(rest, view, lacking, skip=vectored)
        return found
