"""Vectors in SQLite, ranked by NumPy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lgviz.persistence.database.statements import Many, Operation, Query

from .embeddings import Embedder, Vector
from .matrix import Matrix
from .vector_tables import MAKING, Condition, Embedded, Scan, verify

_PAGE = 4096
"""How many rows the matrix takes in at a time."""


class SqliteVectors:
    """One row an item; a matrix of all of them in memory follows the rows' changes.

    ``change`` grows with every change; a row without ``data`` says that an item's vectors were dropped.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self._matrix = self._empty()
        self._seen = (b"", 0)

    def _empty(self) -> Matrix:
        return Matrix(self.embedder.dims, self.embedder.distance)

    def create(self) -> Operation[None]:
        yield Query("DROP TABLE IF EXISTS lgviz_vectors")
        yield Query(
            """CREATE TABLE lgviz_vectors (
                item INTEGER PRIMARY KEY, ns INTEGER NOT NULL, change INTEGER NOT NULL UNIQUE,
                paths TEXT NOT NULL, data BLOB)"""
        )
        for name, event in ("changed", "UPDATE OF value"), ("deleted", "DELETE"):
            yield Query(f"DROP TRIGGER IF EXISTS lgviz_vectors_{name}")
            yield Query(
                f"""CREATE TRIGGER lgviz_vectors_{name} AFTER {event} ON lgviz_items BEGIN
                    UPDATE lgviz_vectors SET data = NULL, change = (SELECT max(change) + 1 FROM lgviz_vectors)
                    WHERE item = old.id AND data IS NOT NULL; END"""
            )

    def keep(self, rows: Sequence[tuple[int, Sequence[str], Sequence[Vector]]]) -> Many:
        return Many(
            """INSERT INTO lgviz_vectors (item, ns, change, paths, data)
               SELECT id, ns, (SELECT coalesce(max(change), 0) + 1 FROM lgviz_vectors), ?, ?
               FROM lgviz_items WHERE id = ?
               ON CONFLICT (item) DO UPDATE SET change = excluded.change, paths = excluded.paths,
               data = excluded.data""",
            [
                (json.dumps(paths), np.concatenate(vectors).astype("<f4").tobytes(), item)
                for item, paths, vectors in rows
            ],
        )

    def read(self, where: str, params: Sequence[Any]) -> Operation[list[Embedded]]:
        rows = yield Query(
            f"SELECT item, paths, data FROM lgviz_vectors v WHERE data IS NOT NULL AND {where}", params
        )
        return [
            Embedded(item, json.loads(paths), list(self._opened([data])))
            for item, paths, data in rows
            if self._whole(data)
        ]

    def _whole(self, data: bytes | None) -> bool:
        """Whether there are vectors; what is damaged counts as none, and hides no other."""
        return data is not None and len(data) % (4 * self.embedder.dims) == 0

    def _opened(self, blobs: Sequence[bytes]) -> Vector:
        return np.frombuffer(b"".join(blobs), "<f4").reshape(-1, self.embedder.dims)

    def scan(
        self, query: Vector, spaces: Condition | None, first: int, *, making: bytes, joined: bool
    ) -> Operation[Scan]:
        verify((yield MAKING), making)
        numbers = None
        if spaces is not None:
            rows = yield Query(f"SELECT id FROM lgviz_namespaces WHERE {spaces[0]}", spaces[1])
            numbers = [id for (id,) in rows]
        matrix, seen = self._matrix, self._seen
        if joined or seen[0] != making:
            # What the caller's transaction did may be undone: such rows are not remembered.
            matrix, seen = self._empty(), (making, 0)
        while True:
            rows = yield Query(
                f"""SELECT change, item, ns, data FROM lgviz_vectors WHERE change > ?
                    ORDER BY change LIMIT {_PAGE}""",
                [seen[1]],
            )
            if rows:
                matrix.drop([item for _, item, _, _ in rows])
                full = [(item, ns, data) for _, item, ns, data in rows if self._whole(data)]
                counts = [len(data) // (4 * self.embedder.dims) for _, _, data in full]
                matrix.put(
                    np.repeat([item for item, _, _ in full], counts),
                    np.repeat([ns for _, ns, _ in full], counts),
                    self._opened([data for _, _, data in full]),
                )
                seen = (making, rows[-1][0])
            if not joined:
                self._matrix, self._seen = matrix, seen
            if len(rows) < _PAGE:
                return InMemory(matrix.ranked(query, numbers, first))


class InMemory:
    """A ranking that needs no database."""

    def __init__(self, ranked: Iterator[dict[int, float]]) -> None:
        self.ranked = ranked

    def more(self) -> Operation[dict[int, float]]:
        yield from ()
        return next(self.ranked, {})
