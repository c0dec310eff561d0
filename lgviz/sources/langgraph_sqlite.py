"""LangGraph's own SQLite tables, read by SQL: the index opens no value."""
# ruff: noqa: S608 - only names written in this file go into the text of a statement

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lgviz.errors import CheckpointNotFound, NoCheckpoints, NotADatabase

from .base import CheckpointRow, Index, Source, StoredWrite, ThreadInfo, Undecodable, Versions, WriteRow
from .clock import id_time
from .connections import AsyncReader, FileReader, LiveReader, Reader
from .decode import Decoder, Parts, SerdeDecoder, StrictDecoder, load_metadata

__all__ = ["SqliteSource"]

_BLOBS_AT_ONCE = 16
"""Blobs of whole states are big: few are held at a time."""

_AT = "WHERE thread_id = ? AND checkpoint_ns = ?"

_THREADS = """
SELECT thread_id, sum(checkpoint_ns = ''), max(checkpoint_id) FROM checkpoints
GROUP BY thread_id ORDER BY max(rowid) DESC"""

_NEW_ROWS = """
SELECT rowid, checkpoint_ns, checkpoint_id, parent_checkpoint_id, metadata, length(checkpoint)
FROM checkpoints WHERE thread_id = ? AND rowid > ?"""


class _Token(NamedTuple):
    """Where an index ended: enough to tell what is new, and whether anything was deleted."""

    stamp: Any
    row: int
    last_id: str | None
    total: int
    write_row: int


_BEGINNING = _Token(None, -1, None, 0, -1)


class SqliteSource(Source):
    """Reads the tables ``checkpoints`` and ``writes`` of any version since 2024.

    Args:
        reader: how to reach the database.
        decoder: how to open values.
        description: what is being read, in words.
    """

    def __init__(self, reader: Reader, decoder: Decoder, description: str) -> None:
        self.description = description
        self._reader = reader
        self._decoder = decoder
        self._columns: dict[str, set[str]] = {}

    @classmethod
    def of_file(cls, path: Path, trust: Iterable[str] = ()) -> SqliteSource:
        """Opens a database file read-only.

        Raises:
            MissingFile, NotADatabase, NoCheckpoints: the file is not what it should be.
        """
        source = cls(FileReader(path), StrictDecoder(trust), f"{path.name} (read-only)")
        source.read_only = f"{path.name} is opened for reading: give the graph itself to fork or run."
        if not source._has_tables():
            raise NoCheckpoints(
                f"{path} holds no table of LangGraph's checkpoints.",
                "Give the database that LangGraph's SqliteSaver writes.",
            )
        if not source._reader.read(("SELECT 1 FROM checkpoints LIMIT 1", ()))[0]:
            raise NoCheckpoints(f"{path} holds no checkpoint yet.", "Run a graph on it first.")
        return source

    @classmethod
    def of_saver(cls, saver: Any) -> SqliteSource:
        """Reads what a ``SqliteSaver`` writes: its file on a connection of our own, else its connection."""
        return cls(_own(LiveReader(saver.conn, saver.lock)), SerdeDecoder(saver.serde), type(saver).__name__)

    @classmethod
    def of_async_saver(cls, saver: Any) -> SqliteSource:
        """The same for an ``AsyncSqliteSaver``, from any thread and without its event loop."""
        return cls(_own(AsyncReader(saver.conn)), SerdeDecoder(saver.serde), type(saver).__name__)

    # ------------------------------------------------------------ Source

    def threads(self) -> list[ThreadInfo]:
        if not self._has_tables():
            return []
        (rows,) = self._reader.read((_THREADS, ()))
        return [ThreadInfo(thread, count, id_time(last)) for thread, count, last in rows]

    def index(self, thread_id: str, since: Any = None) -> Index:
        if not self._has_tables():
            return Index()
        if since is None:
            return self._read_index(thread_id, _BEGINNING)
        if since.stamp is not None and since.stamp == self._reader.stamp():
            return Index(token=since)
        index = self._read_index(thread_id, since)
        if index.reset:
            index = self._read_index(thread_id, _BEGINNING)
            index.reset = True
        return index

    def versions(self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str]) -> dict[str, Versions]:
        found = {}
        for start in range(0, len(checkpoint_ids), _BLOBS_AT_ONCE):
            some = checkpoint_ids[start : start + _BLOBS_AT_ONCE]
            marks = ",".join("?" * len(some))
            columns = f"checkpoint_id, {self._type('checkpoints')}, checkpoint"
            sql = f"SELECT {columns} FROM checkpoints {_AT} AND checkpoint_id IN ({marks})"
            (rows,) = self._reader.read((sql, (thread_id, namespace, *some)))
            for id_, type_, blob in rows:
                parts = self._decoder.parts(type_, blob)
                if isinstance(parts, Parts):
                    found[id_] = parts.versions()
        return found

    def channels(
        self, thread_id: str, namespace: str, checkpoint_id: str, names: Iterable[str] | None = None
    ) -> dict[str, Any]:
        columns = f"{self._type('checkpoints')}, checkpoint"
        sql = f"SELECT {columns} FROM checkpoints {_AT} AND checkpoint_id = ?"
        (rows,) = self._reader.read((sql, (thread_id, namespace, checkpoint_id)))
        if not rows:
            raise CheckpointNotFound(
                f"Checkpoint {checkpoint_id} is no longer in thread {thread_id!r}.", "Refresh the history."
            )
        parts = self._decoder.parts(*rows[0])
        if isinstance(parts, Undecodable):
            return dict.fromkeys(names or (), parts) or {"": parts}
        wanted = parts.values if names is None else [name for name in names if name in parts.values]
        return {name: self._decoder.value(*parts.values[name]) for name in wanted}

    def writes(self, thread_id: str, namespace: str, checkpoint_id: str) -> list[StoredWrite]:
        columns = f"{self._path()}, task_id, idx, channel, {self._type('writes')}, value"
        sql = f"SELECT {columns} FROM writes {_AT} AND checkpoint_id = ? ORDER BY 1, 2, 3"
        (rows,) = self._reader.read((sql, (thread_id, namespace, checkpoint_id)))
        return [
            StoredWrite(task_id, path, idx, channel, self._decoder.value(type_, value))
            for path, task_id, idx, channel, type_, value in rows
        ]

    def close(self) -> None:
        self._reader.close()

    # ------------------------------------------------------------ SQL

    def _read_index(self, thread_id: str, since: _Token) -> Index:
        """The rows after ``since``; only ``reset`` where rows were deleted or replaced since."""
        stamp = self._reader.stamp()
        columns = f"rowid, checkpoint_ns, checkpoint_id, task_id, {self._path()}, idx, channel"
        rows, counts, last, writes = self._reader.read(
            (_NEW_ROWS, (thread_id, since.row)),
            ("SELECT count(*) FROM checkpoints WHERE thread_id = ?", (thread_id,)),
            ("SELECT checkpoint_id FROM checkpoints WHERE rowid = ?", (since.row,)),
            (f"SELECT {columns} FROM writes WHERE thread_id = ? AND rowid > ?", (thread_id, since.write_row)),
        )
        count = counts[0][0]
        if since.total and (count != since.total + len(rows) or last != [(since.last_id,)]):
            return Index(reset=True)
        rows.sort()
        token = _Token(
            stamp,
            row=rows[-1][0] if rows else since.row,
            last_id=rows[-1][2] if rows else since.last_id,
            total=count,
            write_row=max((row[0] for row in writes), default=since.write_row),
        )
        return Index(
            [CheckpointRow(ns, id_, parent, load_metadata(metadata), size)
             for _, ns, id_, parent, metadata, size in rows],
            [WriteRow._make(row[1:]) for row in writes],
            token,
        )  # fmt: skip

    def _has_tables(self) -> bool:
        if not self._columns.get("writes"):
            tables = ("checkpoints", "writes")
            found = self._reader.read(*((f"PRAGMA table_info({table})", ()) for table in tables))
            self._columns = {
                table: {row[1] for row in rows} for table, rows in zip(tables, found, strict=True)
            }
        return bool(self._columns["checkpoints"] and self._columns["writes"])

    def _path(self) -> str:
        return "task_path" if self._has("writes", "task_path") else "''"

    def _type(self, table: str) -> str:
        return "type" if self._has(table, "type") else "'json'"

    def _has(self, table: str, column: str) -> bool:
        if column not in self._columns.get(table, ()):
            self._columns = {}  # a saver adds columns to an old table when it first writes
            self._has_tables()
        return column in self._columns[table]


def _own(live: Reader) -> Reader:
    """A connection of our own on the file behind a live one, where there is one that can be read."""
    (rows,) = live.read(("PRAGMA database_list", ()))
    file = next((row[2] for row in rows if row[1] == "main"), "")
    if not file:
        return live
    reader = FileReader(Path(file))
    try:
        reader.read(("SELECT count(*) FROM sqlite_master", ()))
    except (NotADatabase, sqlite3.DatabaseError):
        return live  # an encrypted database opens for its own driver only
    return reader
