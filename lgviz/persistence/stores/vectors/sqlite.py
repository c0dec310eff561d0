"""Vectors in SQLite, ranked by NumPy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from lgviz.persistence.database.statements import Many, Operation, Query
from lgviz.persistence.stores.items import Condition

from .embedder import Embedder, Vector
from .index import GENERATION, ItemVectors, NearestScan, verify
from .matrix import Matrix, MatrixScan

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

    def insert(self, rows: Sequence[tuple[int, Sequence[str], Sequence[Vector]]]) -> Many:
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

    def read(self, where: str, params: Sequence[Any]) -> Operation[list[ItemVectors]]:
        rows = yield Query(
            f"SELECT item, paths, data FROM lgviz_vectors v WHERE data IS NOT NULL AND {where}", params
        )
        return [
            ItemVectors(item, json.loads(paths), list(self._opened([data])))
            for item, paths, data in rows
            if self._whole(data)
        ]

    def _whole(self, data: bytes | None) -> bool:
        """Whether there are vectors; what is damaged counts as none, and hides no other."""
        return data is not None and len(data) % (4 * self.embedder.dims) == 0

    def _opened(self, blobs: Sequence[bytes]) -> Vector:
        return np.frombuffer(b"".join(blobs), "<f4").reshape(-1, self.embedder.dims)

    def scan(
        self, query: Vector, spaces: Condition | None, first: int, *, generation: bytes, joined: bool
    ) -> Operation[NearestScan]:
        verify((yield GENERATION), generation)
        ids = None
        if spaces is not None:
            rows = yield Query(f"SELECT id FROM lgviz_namespaces WHERE {spaces[0]}", spaces[1])
            ids = [id for (id,) in rows]
        matrix = yield from self._current(generation, joined=joined)
        return MatrixScan(matrix.ranked(query, ids, first))

    def _current(self, generation: bytes, *, joined: bool) -> Operation[Matrix]:
        """The matrix, after taking in what has changed since it last was asked for."""
        matrix, seen = self._matrix, self._seen
        if joined or seen[0] != generation:
            # What the caller's transaction did may be undone: such rows are not remembered.
            matrix, seen = self._empty(), (generation, 0)
        while True:
            rows = yield Query(
                f"""SELECT change, item, ns, data FROM lgviz_vectors WHERE change > ?
                    ORDER BY change LIMIT {_PAGE}""",
                [seen[1]],
            )
            if rows:
                self._take(matrix, rows)
                seen = (generation, rows[-1][0])
            if not joined:
                self._matrix, self._seen = matrix, seen
            if len(rows) < _PAGE:
                return matrix

    def _take(self, matrix: Matrix, rows: Sequence[Any]) -> None:
        matrix.drop([item for _, item, _, _ in rows])
        full = [(item, ns, data) for _, item, ns, data in rows if self._whole(data)]
        counts = [len(data) // (4 * self.embedder.dims) for _, _, data in full]
        matrix.put(
            np.repeat([item for item, _, _ in full], counts),
            np.repeat([ns for _, ns, _ in full], counts),
            self._opened([data for _, _, data in full]),
        )
