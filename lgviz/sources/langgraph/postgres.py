"""LangGraph's own PostgreSQL tables, read by SQL: the index opens no value, a value no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, Unpack

from lgviz.persistence.database.conninfo import conninfo_of
from lgviz.sources.base import CheckpointRow, DecodingOptions, ThreadIndex, WriteRow
from lgviz.sources.connections import ReshapedReader, Statement
from lgviz.sources.decode import Decoder, FileDecoder, load_metadata

from . import sql
from .blob_tables import BlobTables
from .counted import BEGINNING, CountedIndex, Look
from .postgres_reader import PostgresReader

__all__ = ["PostgresSource"]


class PostgresToken(NamedTuple):
    """Where an index ended.

    ``stamp`` is PostgreSQL's snapshot (``xmin:xmax:xip,…``); ``late`` are the rows seen already of
    transactions after its first that was not over.
    """

    stamp: str | None
    total: int
    late: frozenset[tuple[str, str, str]]


class PostgresSource(BlobTables):
    """Reads LangGraph's tables in PostgreSQL."""

    _threads = sql.POSTGRES_THREADS
    _activity = sql.POSTGRES_ACTIVITY
    _like = "ILIKE"
    _newest = sql.POSTGRES_NEWEST
    _columns_of = sql.POSTGRES_COLUMNS
    _value = "blob"
    _metadata = "metadata::text"
    _row_size = sql.POSTGRES_ROW_SIZE
    _formats = sql.POSTGRES_FORMATS
    _shallow = "ShallowPostgresSaver"  # is read, with the one checkpoint that a thread has there
    _name_a_schema = "; a schema is named by ?options=-csearch_path%3DNAME"
    _beginning = PostgresToken(None, 0, frozenset())

    def __init__(self, conninfo: Callable[[], str], decoder: Decoder, description: str) -> None:
        self._server = PostgresReader(conninfo)
        super().__init__(self._server, decoder, description)
        self._counted = CountedIndex(self._look, self._write_rows, self._write_counts)

    @classmethod
    def of_url(cls, url: str, **options: Unpack[DecodingOptions]) -> PostgresSource:
        """Opens a database, in transactions that only read.

        Raises:
            NotASource: the URL cannot be read.
            Unavailable: the server refuses, or cannot be reached.
            NoCheckpoints: the database has no tables of LangGraph's.
        """
        source = cls(lambda: url, FileDecoder(**options), "PostgreSQL (read-only)")
        source.read_only = "The database is opened for reading: give the graph itself to fork or run."
        try:
            if source.has_tables() and source._is_shallow():
                source._reader = ReshapedReader(source._reader, sql.POSTGRES_SHALLOW)
                return source
            source._refuse_other()
        except BaseException:
            source.close()
            raise
        return source

    @classmethod
    def of_saver(cls, saver: Any) -> PostgresSource:
        """Reads what a ``PostgresSaver`` or ``AsyncPostgresSaver`` writes, on a connection of our own."""
        return cls(lambda: conninfo_of(saver.conn), Decoder(saver.serde), type(saver).__name__)

    def _select(
        self, thread_id: str, namespace: str, ids: Sequence[str], names: Collection[str] | None
    ) -> list[Statement]:
        wanted = None if names is None else list(names)
        where = [thread_id, namespace, list(ids)]
        selected = [wanted, wanted, *where]
        blobs = (sql.POSTGRES_HELD, where) if wanted == [] else (sql.POSTGRES_BLOBS, selected)
        return [(sql.POSTGRES_HEADS, selected), blobs]

    def _inlined(self, *columns: Any) -> Mapping[str, Any]:
        (held,) = columns
        return json.loads(held) if held else {}

    def _look(self, thread_id: str, after: str) -> Look:
        rows, ((total,),), *writes = self._reader.read(
            (sql.POSTGRES_ROWS_AFTER, (thread_id, after)),
            ("SELECT count(*) FROM checkpoints WHERE thread_id = ?", (thread_id,)),
            ("SELECT count(*) FROM checkpoint_writes WHERE thread_id = ?", (thread_id,)),
            (sql.POSTGRES_WRITTEN_OVER, (thread_id,)),
        )
        found = [CheckpointRow(ns, id_, parent, load_metadata(metadata), size)
                 for ns, id_, parent, metadata, size in rows]  # fmt: skip
        return Look(found, total, writes)

    def _write_rows(self, thread_id: str, ids: Collection[str] | None) -> list[WriteRow]:
        some, also = ("", ()) if ids is None else ("AND (idx < 0 OR checkpoint_id = ANY(?))", ([*ids],))
        (rows,) = self._reader.read(self._writes_where(thread_id, some, also))
        return [WriteRow(*row) for row in rows]

    def _write_counts(self, thread_id: str) -> dict[str, int]:
        return dict(self._reader.read((sql.POSTGRES_WRITE_COUNTS, (thread_id,)))[0])

    def _writes_where(self, thread_id: str, where: str, parameters: Sequence[Any]) -> Statement:
        columns = f"checkpoint_ns, checkpoint_id, task_id, {self._path()}, idx, channel, NULL::float"
        statement = f"SELECT {columns} FROM checkpoint_writes WHERE thread_id = ? {where}"
        return statement, (thread_id, *parameters)

    def _read_index(self, thread_id: str, since: Any) -> ThreadIndex:
        if self._server.by_transactions:
            return self._by_transactions(thread_id, since)
        return self._counted.read(thread_id, BEGINNING if since is self._beginning else since)

    def _by_transactions(self, thread_id: str, since: PostgresToken) -> ThreadIndex:
        after, also = "", list[str]()
        if since.stamp is not None:
            after, also = f"AND {sql.POSTGRES_SINCE}", [str(_first(since.stamp))]
        snapshot, rows, counts, writes = self._reader.read(
            ("SELECT pg_current_snapshot()::text", ()),
            (sql.POSTGRES_ROWS.format(since=after), (thread_id, *also)),
            ("SELECT count(*) FROM checkpoints WHERE thread_id = ?", (thread_id,)),
            self._writes_where(thread_id, after, also),
        )
        stamp, count = snapshot[0][0], counts[0][0]
        new = [row for row in rows if row[:3] not in since.late]
        # Deleted, replaced or restored; or another server, whose transactions have other numbers.
        if since.stamp and (count != since.total + len(new) or _whole(stamp) < _whole(since.stamp)):
            return ThreadIndex(reset=True)
        late = frozenset(row[:3] for row in rows if (int(row[0]) - _first(stamp)) % 2**32 < 2**31)
        return ThreadIndex(
            [CheckpointRow(ns, id_, parent, load_metadata(metadata), size)
             for _, ns, id_, parent, metadata, size in new],
            [WriteRow(*row) for row in writes],
            PostgresToken(stamp, count, late),
        )  # fmt: skip


def _whole(snapshot: str) -> int:
    """The first transaction that was not over, counted from the making of the server."""
    return int(snapshot.partition(":")[0])


def _first(snapshot: str) -> int:
    """The first transaction that was not over, in 32 bits, as a row's ``xmin`` counts it."""
    return _whole(snapshot) % 2**32
