"""LangGraph's own PostgreSQL tables, read by SQL: the index opens no value, a value no other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from lgviz.errors import NoCheckpoints, NotASource
from lgviz.persistence.database.conninfo import conninfo_of
from lgviz.sources.base import CheckpointRow, Index, Undecodable, WriteRow
from lgviz.sources.decode import Decoder, Parts, SerdeDecoder, StrictDecoder, load_metadata
from lgviz.sources.langgraph.sql import BLOBS, CHANNELS, HEADS, assembled
from lgviz.sources.postgres_reader import PostgresReader

from .tables import LangGraphTables

__all__ = ["PostgresSource"]

_ROWS_AT_ONCE = 256

_SINCE = "age(xmin) <= age(?::text::xid)"
"""Stored by a transaction that was not over, or had not begun, when a snapshot was taken: ``age`` is how many
transactions began since, and ``?`` the first that was not over."""

_ROWS = """
SELECT xmin::text, checkpoint_ns, checkpoint_id, parent_checkpoint_id, metadata::text,
    pg_column_size(checkpoint)
FROM checkpoints WHERE thread_id = ? {since} ORDER BY age(xmin) DESC, checkpoint_id"""


class _Token(NamedTuple):
    """Where an index ended.

    ``stamp`` is PostgreSQL's snapshot (``xmin:xmax:xip,…``); ``late`` are the rows seen already of
    transactions after its first that was not over.
    """

    stamp: str | None
    total: int
    late: frozenset[tuple[str, str, str]]


class PostgresSource(LangGraphTables):
    """Reads the tables ``checkpoints``, ``checkpoint_blobs`` and ``checkpoint_writes``."""

    _threads = """
        SELECT thread_id, count(*) FILTER (WHERE checkpoint_ns = ''), max(checkpoint_id) FROM checkpoints
        GROUP BY thread_id ORDER BY 3 DESC"""
    # As the search path finds it, which need not be in the first of its schemas.
    _columns_of = """
        SELECT attname::text FROM pg_attribute
        WHERE attrelid = to_regclass(?) AND attnum > 0 AND NOT attisdropped"""
    _writes = "checkpoint_writes"
    _value = "blob"
    _beginning = _Token(None, 0, frozenset())

    def __init__(self, conninfo: Callable[[], str], decoder: Decoder, description: str) -> None:
        super().__init__(PostgresReader(conninfo), decoder, description)

    @classmethod
    def of_url(cls, url: str, trust: Iterable[str] = ()) -> PostgresSource:
        """Opens a database, in transactions that only read.

        Raises:
            NotASource: the URL cannot be read, or the tables keep no history.
            Unavailable: the server refuses, or cannot be reached.
            NoCheckpoints: the database holds none in LangGraph's tables.
        """
        source = cls(lambda: url, StrictDecoder(trust), "PostgreSQL (read-only)")
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
        return cls(lambda: conninfo_of(saver.conn), SerdeDecoder(saver.serde), type(saver).__name__)

    def _refuse_other(self) -> None:
        if not self._has_tables():
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
        if not self._reader.read(("SELECT 1 FROM checkpoints LIMIT 1", ()))[0]:
            raise NoCheckpoints("The database holds no checkpoint yet.", "Run a graph on it first.")

    def _stored_parts(
        self, thread_id: str, namespace: str, ids: Sequence[str], names: Collection[str] | None
    ) -> Iterator[tuple[str, Parts | Undecodable]]:
        wanted = None if names is None else list(names)
        for start in range(0, len(ids), _ROWS_AT_ONCE):
            where = [thread_id, namespace, list(ids[start : start + _ROWS_AT_ONCE])]
            selected = [wanted, wanted, *where]
            heads, blobs = self._reader.read(
                (HEADS, selected), (CHANNELS, where) if wanted == [] else (BLOBS, selected)
            )
            for id_, head, values in assembled(heads, blobs):
                if head is None:
                    yield id_, Undecodable("it is no JSON object", 0, "checkpoint")
                else:
                    yield id_, Parts(head, values)

    def _read_index(self, thread_id: str, since: _Token) -> Index:
        after, also = ("", ()) if since.stamp is None else (f"AND {_SINCE}", (str(_first(since.stamp)),))
        columns = f"checkpoint_ns, checkpoint_id, task_id, {self._path()}, idx, channel"
        snapshot, rows, counts, writes = self._reader.read(
            ("SELECT pg_current_snapshot()::text", ()),
            (_ROWS.format(since=after), (thread_id, *also)),
            ("SELECT count(*) FROM checkpoints WHERE thread_id = ?", (thread_id,)),
            (f"SELECT {columns} FROM checkpoint_writes WHERE thread_id = ? {after}", (thread_id, *also)),
        )
        stamp, count = snapshot[0][0], counts[0][0]
        new = [row for row in rows if row[:3] not in since.late]
        # Deleted, replaced or restored; or another server, whose transactions have other numbers.
        if since.stamp and (count != since.total + len(new) or _whole(stamp) < _whole(since.stamp)):
            return Index(reset=True)
        late = frozenset(row[:3] for row in rows if (int(row[0]) - _first(stamp)) % 2**32 < 2**31)
        return Index(
            [CheckpointRow(ns, id_, parent, load_metadata(metadata), size)
             for _, ns, id_, parent, metadata, size in new],
            [WriteRow._make(row) for row in writes],
            _Token(stamp, count, late),
        )  # fmt: skip


def _whole(snapshot: str) -> int:
    """The first transaction that was not over, counted from the making of the server."""
    return int(snapshot.partition(":")[0])


def _first(snapshot: str) -> int:
    """The same as a row's ``xmin`` counts it: in 32 bits."""
    return _whole(snapshot) % 2**32
