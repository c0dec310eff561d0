"""LangGraph's own SQLite tables, read by SQL: the index opens no value."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from lgviz.errors import NoCheckpoints, NotADatabase
from lgviz.sources.base import CheckpointRow, Index, Undecodable, WriteRow
from lgviz.sources.connections import AsyncReader, FileReader, LiveReader, Reader
from lgviz.sources.decode import Decoder, Parts, SerdeDecoder, StrictDecoder, load_metadata
from lgviz.sources.metadata_cache import Key, MetadataCache

from .tables import AT, LangGraphTables

__all__ = ["SqliteSource"]

_BLOBS_AT_ONCE = 16
"""Blobs of whole states are big: few are held at a time."""

_SLOW = 4 << 20
"""Bytes of states that a thread's metadata lies behind, from which on it is worth keeping elsewhere."""

_NEW_ROWS = """
SELECT rowid, checkpoint_ns, checkpoint_id, length(metadata), length(checkpoint), parent_checkpoint_id,
    CASE WHEN checkpoint_id NOT IN (SELECT value FROM json_each(?)) THEN metadata END
FROM checkpoints WHERE thread_id = ? AND rowid > ?"""


class _Token(NamedTuple):
    """Where an index ended: enough to tell what is new, and whether anything was deleted."""

    stamp: Any
    row: int
    last_id: str | None
    total: int
    write_row: int


class SqliteSource(LangGraphTables):
    """Reads the tables ``checkpoints`` and ``writes``."""

    _threads = """
        SELECT thread_id, sum(checkpoint_ns = ''), max(checkpoint_id) FROM checkpoints
        GROUP BY thread_id ORDER BY max(rowid) DESC"""
    _columns_of = "SELECT name FROM pragma_table_info(?)"
    _writes = "writes"
    _value = "value"
    _beginning = _Token(None, -1, None, 0, -1)

    def __init__(self, reader: Reader, decoder: Decoder, description: str) -> None:
        super().__init__(reader, decoder, description)
        self._cache = MetadataCache(reader.path) if isinstance(reader, FileReader) else None

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

    def _stored_parts(
        self,
        thread_id: str,
        namespace: str,
        ids: Sequence[str],
        names: Collection[str] | None,  # noqa: ARG002 - the whole state is one blob
    ) -> Iterator[tuple[str, Parts | Undecodable]]:
        for start in range(0, len(ids), _BLOBS_AT_ONCE):
            some = ids[start : start + _BLOBS_AT_ONCE]
            marks = ",".join("?" * len(some))
            columns = f"checkpoint_id, {self._type('checkpoints')}, checkpoint"
            sql = f"SELECT {columns} FROM checkpoints {AT} AND checkpoint_id IN ({marks})"
            (rows,) = self._reader.read((sql, (thread_id, namespace, *some)))
            for id_, type_, blob in rows:
                yield id_, self._decoder.parts(type_, blob)

    def _read_index(self, thread_id: str, since: _Token) -> Index:
        cache = self._cache if since is self._beginning else None
        known = cache.load(thread_id) if cache else {}
        index, found = self._read_rows(thread_id, since, known)
        if index is None:
            index, found = self._read_rows(thread_id, since, {})
        assert index is not None
        if cache and found.keys() != known.keys() and sum(key[3] or 0 for key in found) > _SLOW:
            cache.store(thread_id, found)
        return index

    def _read_rows(
        self, thread_id: str, since: _Token, known: Mapping[Key, dict[str, Any]]
    ) -> tuple[Index | None, dict[Key, dict[str, Any]]]:
        """The same, and the metadata, which is only read where it is not known; no index where what is known
        is of other rows."""
        stamp = self._reader.stamp()
        ids = {key[1] for key in known}
        columns = f"rowid, checkpoint_ns, checkpoint_id, task_id, {self._path()}, idx, channel"
        rows, counts, last, writes = self._reader.read(
            (_NEW_ROWS, (json.dumps(list(ids)), thread_id, since.row)),
            ("SELECT count(*) FROM checkpoints WHERE thread_id = ?", (thread_id,)),
            ("SELECT checkpoint_id FROM checkpoints WHERE rowid = ?", (since.row,)),
            (f"SELECT {columns} FROM writes WHERE thread_id = ? AND rowid > ?", (thread_id, since.write_row)),
        )
        count = counts[0][0]
        if since.total and (count != since.total + len(rows) or last != [(since.last_id,)]):
            return Index(reset=True), {}
        rows.sort(key=itemgetter(0))
        found: dict[Key, dict[str, Any]] = {}
        checkpoints = []
        for _, ns, id_, *lengths, parent, stored in rows:
            key = (ns, id_, *lengths)
            if id_ in ids and key not in known:
                return None, {}
            found[key] = metadata = known[key] if id_ in ids else load_metadata(stored)
            checkpoints.append(CheckpointRow(ns, id_, parent, metadata, lengths[1]))
        token = _Token(
            stamp,
            row=rows[-1][0] if rows else since.row,
            last_id=rows[-1][2] if rows else since.last_id,
            total=count,
            write_row=max((row[0] for row in writes), default=since.write_row),
        )
        return Index(checkpoints, [WriteRow._make(row[1:]) for row in writes], token), found


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
