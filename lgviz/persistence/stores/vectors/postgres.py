"""Vectors in PostgreSQL, ranked by pgvector."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from lgviz.errors import InvalidIndex, Unavailable
from lgviz.persistence.database.statements import Batch, Many, Operation, Query
from lgviz.persistence.stores.items import Condition

from .embedder import Embedder, Vector
from .index import GENERATION, ItemVectors, NearestScan, verify

_OPERATORS = {"cosine": ("<=>", "cosine_ops"), "l2": ("<->", "l2_ops"), "inner_product": ("<#>", "ip_ops")}
_KINDS = {
    "hnsw": {"m": "m", "ef_construction": "ef_construction"},
    "ivfflat": {"nlist": "lists", "lists": "lists"},
    "flat": {},
}
"""The settings of pgvector's indexes: LangGraph's names, and pgvector's."""
_LONGEST = {"vector": 2000, "halfvec": 4000}
"""The longest vectors that pgvector can index."""
_EXACT = 5000
"""So many vectors are all looked at; among more, pgvector's index finds the nearest."""
_GROWTH = 4
# An index goes on where namespaces leave out what it found first, and looks at more than it does by itself.
_SETTINGS = {
    "hnsw": {"hnsw.iterative_scan": "strict_order", "hnsw.ef_search": "100"},
    "ivfflat": {"ivfflat.iterative_scan": "relaxed_order", "ivfflat.probes": "10"},
    "flat": {},
}


class PostgresVectors:
    """One row a vector, in pgvector's type, with the index that LangGraph's ``PostgresStore`` makes.

    Raises:
        InvalidIndex: ``ann_index_config`` is none that pgvector knows.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self.operator, operators = _OPERATORS[embedder.distance]
        self.type = embedder.ann.get("vector_type", "vector")
        self.kind = kind = embedder.ann.get("kind", "hnsw")
        if self.type not in _LONGEST or kind not in _KINDS:
            raise InvalidIndex(
                f"ann_index_config names the vector type {self.type!r} and the kind {kind!r}.",
                f"Types are {', '.join(_LONGEST)}; kinds are {', '.join(_KINDS)}.",
            )
        self.index = ""
        if kind != "flat" and embedder.dims <= _LONGEST[self.type]:
            given = ", ".join(
                f"{setting} = {int(embedder.ann[name])}"
                for name, setting in _KINDS[kind].items()
                if embedder.ann.get(name)
            )
            self.index = f"USING {kind} (data {self.type}_{operators})" + (given and f" WITH ({given})")

    def create(self) -> Operation[None]:
        """Raises :class:`Unavailable` where the server has no pgvector, or the role may not create it."""
        rows = yield Query(
            """SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'vector'),
               EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'vector'),
               has_database_privilege(current_database(), 'CREATE')"""
        )
        made, available, allowed = rows[0]
        if not made:
            if not (available and allowed):
                lacks = (
                    "is not installed on the server" if not available else "may not be created by this role"
                )
                raise Unavailable(
                    f"Semantic search in PostgreSQL needs the extension pgvector, which {lacks}.",
                    "Have the administrator install it and run CREATE EXTENSION vector in this database,"
                    " or make the store without index=.",
                )
            yield Query("CREATE EXTENSION IF NOT EXISTS vector")
        yield Query("DROP TABLE IF EXISTS lgviz_vectors")
        yield Query(
            f"""CREATE TABLE lgviz_vectors (
                item BIGINT NOT NULL, n INTEGER NOT NULL, ns BIGINT NOT NULL, paths TEXT NOT NULL,
                data {self.type}({self.embedder.dims}) NOT NULL, PRIMARY KEY (item, n))"""
        )
        yield Query("CREATE INDEX lgviz_vectors_by_namespace ON lgviz_vectors (ns)")
        if self.index:
            yield Query(f"CREATE INDEX lgviz_vectors_near ON lgviz_vectors {self.index}")
        yield Query(
            """CREATE OR REPLACE FUNCTION lgviz_drop_vectors() RETURNS trigger LANGUAGE plpgsql AS
               'BEGIN DELETE FROM lgviz_vectors WHERE item = old.id; RETURN NULL; END'"""
        )
        yield Query(
            """CREATE OR REPLACE TRIGGER lgviz_vectors_dropped AFTER UPDATE OF value OR DELETE ON lgviz_items
               FOR EACH ROW EXECUTE FUNCTION lgviz_drop_vectors()"""
        )

    def insert(self, rows: Sequence[tuple[int, Sequence[str], Sequence[Vector]]]) -> Many:
        return Many(
            f"""INSERT INTO lgviz_vectors (item, n, ns, paths, data)
                SELECT id, ?, ns, ?, ?::{self.type} FROM lgviz_items WHERE id = ?""",
            [
                (n, json.dumps(paths), _text(vector), item)
                for item, paths, vectors in rows
                for n, vector in enumerate(vectors)
            ],
        )

    def read(self, where: str, params: Sequence[Any]) -> Operation[list[ItemVectors]]:
        rows = yield Query(
            f"""SELECT item, min(paths), array_agg(data::real[] ORDER BY n) FROM lgviz_vectors v
                WHERE {where} GROUP BY item""",
            params,
        )
        return [
            ItemVectors(item, json.loads(paths), list(np.asarray(vectors, np.float32)))
            for item, paths, vectors in rows
        ]

    def scan(
        self, query: Vector, spaces: Condition | None, first: int, *, generation: bytes, joined: bool
    ) -> Operation[NearestScan]:
        where, params = spaces or ("TRUE", [])
        numbers = f"SELECT id FROM lgviz_namespaces WHERE {where}"
        within = "TRUE" if spaces is None else f"ns IN ({numbers})"
        few = f"SELECT count(*) FROM (SELECT 1 FROM lgviz_vectors WHERE {within} LIMIT {_EXACT + 1}) few"
        made, counted, found = yield Batch([GENERATION, Query(few, params), Query(numbers, params)])
        verify(made, generation)
        inside = None if spaces is None else [id for (id,) in found]
        return _PgvectorScan(self, _text(query), inside, first, exact=counted[0][0] <= _EXACT)


class _PgvectorScan:
    """Asks for more and more of the nearest, from the start each time: no cursor stays open."""

    def __init__(
        self, table: PostgresVectors, query: str, spaces: list[int] | None, first: int, *, exact: bool
    ) -> None:
        self.table, self.query = table, query
        self.within, self.params = ("TRUE", []) if spaces is None else ("ns = ANY(?)", [spaces])
        self.count, self.exact, self.done = first, exact, False
        self.given: set[int] = set()

    def more(self) -> Operation[dict[int, float]]:
        while not self.done:
            rows = yield from self._nearest()
            self.done = len(rows) < self.count
            if self.done and not self.exact:
                # An index may give up before it found all.
                self.exact, self.done = True, False
                continue
            self.count *= _GROWTH
            scores = [(item, self._score(distance)) for item, distance in rows]
            # More items may have the last one's score: they come together, next time.
            least = -np.inf if self.done else scores[-1][1]
            best: dict[int, float] = {}
            for item, score in scores:
                if score > least and item not in self.given:
                    best[item] = max(score, best.get(item, -np.inf))
            if best:
                self.given.update(best)
                return best
        return {}

    def _nearest(self) -> Operation[Sequence[Any]]:
        distance = f"data {self.table.operator} ?::{self.table.type}"
        if self.exact:
            sql = f"""WITH all_of_them AS MATERIALIZED (
                SELECT item, {distance} AS distance FROM lgviz_vectors WHERE {self.within})
                SELECT item, distance FROM all_of_them ORDER BY distance LIMIT {self.count}"""
        else:
            sql = f"""SELECT item, {distance} AS distance FROM lgviz_vectors WHERE {self.within}
                ORDER BY distance LIMIT {self.count}"""
        settings = {} if self.exact else _SETTINGS[self.table.kind]
        set_config = [Query("SELECT set_config(?, ?, true)", each) for each in settings.items()]
        *_, rows = yield Batch([*set_config, Query(sql, [self.query, *self.params])])
        return rows

    def _score(self, distance: float) -> float:
        if np.isnan(distance):  # the cosine of a vector of zeros
            return 0.0
        return 1 - distance if self.table.embedder.distance == "cosine" else -distance


def _text(vector: Vector) -> str:
    return f"[{','.join(map('%.9g'.__mod__, vector.tolist()))}]"
