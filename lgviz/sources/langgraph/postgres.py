"""LangGraph's own PostgreSQL tables, read by SQL: the index opens no value, a value no other."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple, Unpack

from lgviz.errors import NoCheckpoints, NotASource
from lgviz.persistence.blocks.integrity import Problem
from lgviz.persistence.database.conninfo import conninfo_of
from lgviz.sources.base import CheckpointRow, DecodingOptions, ThreadIndex, Undecodable, WriteRow
from lgviz.sources.connections import Rows, Statement
from lgviz.sources.decode import Decoder, Encoded, FileDecoder, load_metadata

from . import sql
from .integrity import StoredValue, faults
from .postgres_reader import PostgresReader
from .tables import LangGraphTables, Split

__all__ = ["PostgresSource"]


_BLOBS_AT_ONCE = 64


class PostgresToken(NamedTuple):
    """Where an index ended.

    ``stamp`` is PostgreSQL's snapshot (``xmin:xmax:xip,…``); ``late`` are the rows seen already of
    transactions after its first that was not over.
    """

    stamp: str | None
    total: int
    late: frozenset[tuple[str, str, str]]


class PostgresSource(LangGraphTables):
    """Reads the tables ``checkpoints``, ``checkpoint_blobs`` and ``checkpoint_writes``."""

    _threads = sql.POSTGRES_THREADS
    _activity = sql.POSTGRES_ACTIVITY
    _newest = sql.POSTGRES_NEWEST
    _columns_of = sql.POSTGRES_COLUMNS
    _writes = "checkpoint_writes"
    _value = "blob"
    _metadata = "metadata::text"
    _row_size = sql.POSTGRES_ROW_SIZE
    _at_once = 256
    _saver_finds_sends = True
    _beginning = PostgresToken(None, 0, frozenset())

    def __init__(self, conninfo: Callable[[], str], decoder: Decoder, description: str) -> None:
        super().__init__(PostgresReader(conninfo), decoder, description)

    @classmethod
    def of_url(cls, url: str, **options: Unpack[DecodingOptions]) -> PostgresSource:
        """Opens a database, in transactions that only read.

        Raises:
            NotASource: the URL cannot be read, or the tables keep no history.
            Unavailable: the server refuses, or cannot be reached.
            NoCheckpoints: the database has no tables of LangGraph's.
        """
        source = cls(lambda: url, FileDecoder(**options), "PostgreSQL (read-only)")
        source.read_only = "The database is opened for reading: give the graph itself to fork or run."
        try:
            source._refuse_other()
        except BaseException:
            source.close()
            raise
        return source

    @classmethod
    def of_saver(cls, saver: Any) -> PostgresSource:
        """Reads what a ``PostgresSaver`` or ``AsyncPostgresSaver`` writes, on a connection of our own."""
        return cls(lambda: conninfo_of(saver.conn), Decoder(saver.serde), type(saver).__name__)

    def _refuse_other(self) -> None:
        if not self.has_tables():
            raise NoCheckpoints(
                "The database holds no table of checkpoints.",
                "Give the database that lgviz's or LangGraph's PostgresSaver writes; a schema is named by "
                "?options=-csearch_path%3DNAME.",
            )
        if not self._has("checkpoints", "checkpoint_id"):
            raise NotASource(
                "LangGraph's ShallowPostgresSaver wrote this database: it keeps only the newest checkpoint "
                "of a thread, so there is no history.",
                "Run the graph with a PostgresSaver.",
            )

    def _select(
        self, thread_id: str, namespace: str, ids: Sequence[str], names: Collection[str] | None
    ) -> list[Statement]:
        wanted = None if names is None else list(names)
        where = [thread_id, namespace, list(ids)]
        selected = [wanted, wanted, *where]
        blobs = (sql.POSTGRES_HELD, where) if wanted == [] else (sql.POSTGRES_BLOBS, selected)
        return [(sql.POSTGRES_HEADS, selected), blobs]

    def _assembled(self, rows: Sequence[Rows], *, exact: bool = False) -> Iterator[tuple[str, Split]]:  # noqa: ARG002
        heads, blobs = rows
        values: dict[str, dict[str, Encoded]] = {}
        for id_, _, inlined in heads:
            held = json.loads(inlined) if inlined else {}
            values[id_] = {name: ("decoded", value) for name, value in held.items()}
        for id_, channel, type_, blob in blobs:
            values[id_][channel] = (type_, blob)  # a delta's snapshot lies behind an inlined `true`
        for id_, head, _ in heads:
            broken = Undecodable("it is no JSON object", 0, "checkpoint")
            yield id_, broken if head is None else (json.loads(head), values[id_])

    def _thread_sizes(self) -> list[str]:
        return [*super()._thread_sizes(), sql.POSTGRES_THREAD_BLOBS]

    def _value_faults(self, thread_id: str, ids: Rows) -> Iterator[Problem]:  # noqa: ARG002
        # That a value is missing cannot be told: LangGraph stores nothing for an empty channel either.
        (keys,) = self._reader.read((sql.POSTGRES_BLOB_KEYS, (thread_id,)))
        for start in range(0, len(keys), _BLOBS_AT_ONCE):
            parts = zip(*keys[start : start + _BLOBS_AT_ONCE], strict=True)
            (rows,) = self._reader.read((sql.POSTGRES_SOME_BLOBS, (thread_id, *map(list, parts))))
            values = (StoredValue(_value_text(thread_id, *key), (type_, blob)) for *key, type_, blob in rows)
            yield from faults(values, self._decoder)

    def _value_sizes(self, formats: Counter[str]) -> Iterator[tuple[str | None, str, int]]:
        counts, sizes = self._reader.read((sql.POSTGRES_FORMATS, ()), (sql.POSTGRES_BLOB_SIZES, ()))
        formats.update({version or "?": count for version, count in counts})
        yield from sizes

    def _read_index(self, thread_id: str, since: PostgresToken) -> ThreadIndex:
        after, also = "", list[str]()
        if since.stamp is not None:
            after, also = f"AND {sql.POSTGRES_SINCE}", [str(_first(since.stamp))]
        columns = f"checkpoint_ns, checkpoint_id, task_id, {self._path()}, idx, channel, NULL::float"
        snapshot, rows, counts, writes = self._reader.read(
            ("SELECT pg_current_snapshot()::text", ()),
            (sql.POSTGRES_ROWS.format(since=after), (thread_id, *also)),
            ("SELECT count(*) FROM checkpoints WHERE thread_id = ?", (thread_id,)),
            (f"SELECT {columns} FROM checkpoint_writes WHERE thread_id = ? {after}", (thread_id, *also)),
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
            [WriteRow._make(row) for row in writes],
            PostgresToken(stamp, count, late),
        )  # fmt: skip


def _value_text(thread_id: str, namespace: str, channel: str, version: str) -> str:
    """Where a value is, in words: it belongs to every checkpoint that has its version."""
    of = f" of {namespace}" if namespace else ""
    return f"thread {thread_id!r}, channel {channel!r}{of}, version {version}"


def _whole(snapshot: str) -> int:
    """The first transaction that was not over, counted from the making of the server."""
    return int(snapshot.partition(":")[0])


def _first(snapshot: str) -> int:
    """The first transaction that was not over, in 32 bits, as a row's ``xmin`` counts it."""
    return _whole(snapshot) % 2**32
