"""LangGraph's tables in MySQL and MariaDB, read by SQL: the index opens no value, a value no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Unpack

from lgviz.sources.base import CheckpointRow, DecodingOptions, ThreadIndex, WriteRow
from lgviz.sources.connections import Statement
from lgviz.sources.decode import Decoder, FileDecoder, load_metadata

from . import sql
from .blob_tables import BlobTables
from .counted import BEGINNING, CountedIndex, CountedToken, Look
from .mysql_reader import MysqlReader, Settings, settings_of, settings_of_url

__all__ = ["MysqlSource"]


class MysqlSource(BlobTables):
    """Reads LangGraph's tables in MySQL."""

    _threads = sql.MYSQL_THREADS
    _activity = sql.MYSQL_ACTIVITY
    _newest = sql.MYSQL_NEWEST
    _columns_of = sql.MYSQL_COLUMNS
    _value = "`blob`"
    _metadata = "metadata"
    _row_size = sql.MYSQL_ROW_SIZE
    _formats = sql.MYSQL_FORMATS
    _shallow = "ShallowPyMySQLSaver"
    _beginning = BEGINNING

    def __init__(self, settings: Callable[[], Settings], decoder: Decoder, description: str) -> None:
        super().__init__(MysqlReader(settings), decoder, description)
        self._index = CountedIndex(self._look, self._write_rows, self._write_counts)
        self._collated: str | None = None

    @classmethod
    def of_url(cls, url: str, **options: Unpack[DecodingOptions]) -> MysqlSource:
        """Opens a database, in transactions that only read.

        Raises:
            NotASource: the URL cannot be read, or the tables keep no history.
            Unavailable: the server refuses, or cannot be reached.
            NoCheckpoints: the database has no tables of LangGraph's.
        """
        source = cls(lambda: settings_of_url(url), FileDecoder(**options), "MySQL (read-only)")
        source.read_only = "The database is opened for reading: give the graph itself to fork or run."
        try:
            source._refuse_other()
        except BaseException:
            source.close()
            raise
        return source

    @classmethod
    def of_saver(cls, saver: Any) -> MysqlSource | None:
        """Reads what a ``PyMySQLSaver`` or ``AIOMySQLSaver`` writes, on a connection of our own; None where
        its connection does not tell how to make another."""
        if settings_of(saver.conn) is None:
            return None
        return cls(lambda: settings_of(saver.conn) or {}, Decoder(saver.serde), type(saver).__name__)

    def _namespace(self) -> str:
        """The column by which a namespace is found: long ones do not fit into a key."""
        hashed = "checkpoint_ns_hash"
        return hashed if self._has("checkpoints", hashed) else "checkpoint_ns"

    def _as_keys(self) -> str:
        """What makes a text one that is found among the keys of values by their index."""
        if self._collated is None:
            ((charset, collation),) = self._reader.read((sql.MYSQL_COLLATION, ()))[0]
            self._collated = f"convert({{}} USING {charset}) COLLATE {collation}"
        return self._collated

    def _at(self, table: str = "") -> str:
        column = self._namespace()
        key = "?" if column == "checkpoint_ns" else "unhex(md5(?))"
        return f"WHERE {table}thread_id = ? AND {table}{column} = {key}"

    def _select(
        self, thread_id: str, namespace: str, ids: Sequence[str], names: Collection[str] | None
    ) -> list[Statement]:
        place = (thread_id, namespace, *ids)
        among = f"checkpoint_id IN ({','.join('?' * len(ids))})"
        wanted = list(names or ())
        pairs = [part for name in wanted for part in (name, f"$.channel_values.{json.dumps(name)}")]
        value = "b.`blob`" if names is None else "NULL"
        if wanted:
            value = f"CASE WHEN b.channel IN ({','.join('?' * len(wanted))}) THEN b.`blob` END"
        heads = sql.mysql_heads(None if names is None else len(wanted))
        blobs = sql.mysql_blobs(value, self._namespace(), self._as_keys())
        return [
            (f"{heads} {self._at()} AND {among}", (*pairs, *place)),
            (f"{blobs} {self._at('c.')} AND c.{among}", (*wanted, *place)),
        ]

    def _inlined(self, *columns: Any) -> Mapping[str, Any]:
        names, values = (json.loads(column) if column else {} for column in columns)
        return {name: values.get(name) for name in names}

    def _read_index(self, thread_id: str, since: CountedToken) -> ThreadIndex:
        return self._index.read(thread_id, since)

    def _look(self, thread_id: str, after: str) -> Look:
        rows, ((total,),), *state = self._reader.read(
            (sql.MYSQL_ROWS, (thread_id, after)),
            ("SELECT count(*) FROM checkpoints WHERE thread_id = ?", (thread_id,)),
            ("SELECT count(*) FROM checkpoint_writes WHERE thread_id = ?", (thread_id,)),
            (sql.MYSQL_WRITTEN_OVER, (thread_id,)),
        )
        found = [
            CheckpointRow(ns, id_, parent, load_metadata(metadata), size)
            for ns, id_, parent, metadata, size in rows
        ]
        return Look(found, total, state)

    def _write_rows(self, thread_id: str, ids: Collection[str] | None) -> list[WriteRow]:
        columns = f"checkpoint_ns, checkpoint_id, task_id, {self._path()}, idx, channel, NULL"
        statement = f"SELECT {columns} FROM checkpoint_writes WHERE thread_id = ?"
        if ids is not None:
            statement += f" AND (idx < 0 OR checkpoint_id IN ({','.join('?' * len(ids)) or 'NULL'}))"
        (rows,) = self._reader.read((statement, (thread_id, *(ids or ()))))
        return [WriteRow(*row) for row in rows]

    def _write_counts(self, thread_id: str) -> dict[str, int]:
        (rows,) = self._reader.read((sql.MYSQL_WRITE_COUNTS, (thread_id,)))
        return dict(rows)
