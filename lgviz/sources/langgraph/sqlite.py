"""LangGraph's own SQLite tables, read by SQL: the index opens no value."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any, NamedTuple, Unpack

from lgviz.errors import ForeignTables, NoCheckpoints, SourceError
from lgviz.persistence.blocks.integrity import Problem
from lgviz.sources.base import CheckpointRow, DecodingOptions, ThreadIndex, Undecodable, WriteRow
from lgviz.sources.connections import (
    AsyncReader,
    FileReader,
    LiveReader,
    ReadConnection,
    ReshapedReader,
    Rows,
    Statement,
)
from lgviz.sources.decode import Decoder, FileDecoder, load_metadata
from lgviz.sources.metadata_cache import Key, MetadataCache

from . import sql
from .integrity import StoredValue, faults, place_text
from .tables import LangGraphTables, Split

__all__ = ["SqliteSource"]

_SLOW = 4 << 20
"""Bytes of states that a thread's metadata lies behind, from which on it is worth keeping elsewhere."""


class SqliteToken(NamedTuple):
    """Where an index ended: enough to tell what is new, and whether anything was deleted."""

    stamp: Any
    row: int
    last_id: str | None
    total: int
    write_row: int


class SqliteSource(LangGraphTables):
    """Reads the tables ``checkpoints`` and ``writes``."""

    _threads = sql.SQLITE_THREADS
    _activity = sql.SQLITE_ACTIVITY
    _last = "rowid"
    _newest = sql.SQLITE_NEWEST
    _columns_of = sql.SQLITE_COLUMNS
    _writes = "writes"
    _value = "value"
    _metadata = "metadata"
    _row_size = sql.SQLITE_ROW_SIZE
    _at_once = 16  # whole states are big: few are held at a time
    _saver_finds_sends = False
    _in_order = rewrites = True  # a checkpoint is stored whole
    _beginning = SqliteToken(None, -1, None, 0, -1)

    def __init__(self, reader: ReadConnection, decoder: Decoder, description: str) -> None:
        super().__init__(reader, decoder, description)
        self._early = False
        self._cache = MetadataCache(reader.path) if isinstance(reader, FileReader) else None

    @classmethod
    def of_file(cls, path: Path, **options: Unpack[DecodingOptions]) -> SqliteSource:
        """Opens a database file read-only.

        Raises:
            MissingFile, NotADatabase, NoCheckpoints: the file has no tables of LangGraph's.
        """
        source = cls(FileReader(path), FileDecoder(**options), f"{path.name} (read-only)")
        source.read_only = f"{path.name} is opened for reading: give the graph itself to fork or run."
        if not source.has_tables():
            remedy = "Give the database that LangGraph's SqliteSaver writes."
            if source._reader.read((source._columns_of, ("store",)))[0]:
                remedy = (
                    "It holds a store's items: lgviz.debug(SqliteStore(sqlite3.connect(path))) shows them."
                )
            raise NoCheckpoints(f"{path} holds no table of LangGraph's checkpoints.", remedy)
        return source

    @classmethod
    def of_saver(cls, saver: Any) -> SqliteSource:
        """Reads what a ``SqliteSaver`` writes: its file on a connection of our own, else its connection.

        Raises:
            ForeignTables: they are of LangGraph before August 2024, which the saver itself cannot read.
        """
        return cls._beside(LiveReader(saver.conn, saver.lock), saver)

    @classmethod
    def of_async_saver(cls, saver: Any) -> SqliteSource:
        """Reads what an ``AsyncSqliteSaver`` writes, from any thread and without its event loop.

        Raises:
            ForeignTables: see :meth:`of_saver`.
        """
        return cls._beside(AsyncReader(saver.conn), saver)

    @classmethod
    def _beside(cls, live: ReadConnection, saver: Any) -> SqliteSource:
        source = cls(_own(live), Decoder(saver.serde), type(saver).__name__)
        source.has_tables()
        if source._early:
            raise ForeignTables(
                f"LangGraph wrote these tables before August 2024: a {source.description} of today cannot "
                "read them.",
                'Give the path of the file, or copy it: lgviz.persistence.migrate(path, "new.db").',
            )
        return source

    def has_tables(self) -> bool:
        found = super().has_tables()
        if "thread_ts" in (checkpoints := self._columns["checkpoints"]):
            tables = sql.sqlite_early(checkpoints, self._columns["writes"])
            self._reader = ReshapedReader(self._reader, tables)
            self._columns = sql.SQLITE_EARLY_COLUMNS
            self._early = True
        return found or self._early

    def _select(
        self,
        thread_id: str,
        namespace: str,
        ids: Sequence[str],
        names: Collection[str] | None,  # noqa: ARG002 - the whole state is one blob
    ) -> list[Statement]:
        return [(sql.sqlite_blobs(self._type("checkpoints"), len(ids)), (thread_id, namespace, *ids))]

    def _assembled(self, rows: Sequence[Rows], *, exact: bool = False) -> Iterator[tuple[str, Split]]:
        for id_, type_, blob in rows[0]:
            yield id_, self._decoder.split(type_, blob, exact=exact)

    def _database_faults(self) -> Iterator[Problem]:
        (rows,) = self._reader.read((sql.SQLITE_INTEGRITY, ()))
        return (Problem("the database", said) for (said,) in rows if said != "ok")

    def _value_faults(self, thread_id: str, ids: Rows) -> Iterator[Problem]:
        for namespace, some in groupby(ids, itemgetter(0)):
            for id_, split in self._split(thread_id, namespace, [id_ for _, id_ in some], None):
                where = place_text(thread_id, namespace, id_)
                if isinstance(split, Undecodable):
                    (rows,) = self._reader.read(*self._select(thread_id, namespace, [id_], None))
                    whole = (StoredValue(where, (type_, blob)) for _, type_, blob in rows)
                    yield from list(faults(whole, self._decoder)) or [Problem(where, split.reason)]
                else:
                    values = (
                        StoredValue(f"{where}, channel {name!r}", one) for name, one in split[1].items()
                    )
                    yield from faults(values, self._decoder)

    def _value_sizes(self, formats: Counter[str]) -> Iterator[tuple[str | None, str, int]]:
        for thread in self.threads():
            (ids,) = self._reader.read((sql.IDS, (thread.thread_id,)))
            for namespace, some in groupby(ids, itemgetter(0)):
                for _, split in self._split(thread.thread_id, namespace, [id_ for _, id_ in some], None):
                    head, values = ({}, {}) if isinstance(split, Undecodable) else split
                    formats[str(head.get("v", "?"))] += 1
                    for name, (type_, blob) in values.items():
                        if type_ != "decoded":  # a state that is one JSON says nothing of its parts
                            yield None, name, len(blob)

    def _read_index(self, thread_id: str, since: SqliteToken) -> ThreadIndex:
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
        self, thread_id: str, since: SqliteToken, known: Mapping[Key, dict[str, Any]]
    ) -> tuple[ThreadIndex | None, dict[Key, dict[str, Any]]]:
        """The rows after a token, and their metadata, which is only read where it is not known; no index
        where what is known is of other rows."""
        stamp = self._reader.stamp()
        ids = {key[1] for key in known}
        columns = f"rowid, checkpoint_ns, checkpoint_id, task_id, {self._path()}, idx, channel, NULL"
        rows, counts, last, writes = self._reader.read(
            (sql.SQLITE_ROWS, (json.dumps(list(ids)), thread_id, since.row)),
            ("SELECT count(*) FROM checkpoints WHERE thread_id = ?", (thread_id,)),
            ("SELECT checkpoint_id FROM checkpoints WHERE rowid = ?", (since.row,)),
            (f"SELECT {columns} FROM writes WHERE thread_id = ? AND rowid > ?", (thread_id, since.write_row)),
        )
        count = counts[0][0]
        if since.total and (count != since.total + len(rows) or last != [(since.last_id,)]):
            return ThreadIndex(reset=True), {}
        rows.sort(key=itemgetter(0))
        found: dict[Key, dict[str, Any]] = {}
        checkpoints = []
        for _, ns, id_, *lengths, parent, stored in rows:
            if type(id_) is not str or type(ns) is not str:
                continue
            key = (ns, id_, *lengths)
            if id_ in ids and key not in known:
                return None, {}
            found[key] = metadata = known[key] if id_ in ids else load_metadata(stored)
            checkpoints.append(
                CheckpointRow(ns, id_, parent if type(parent) is str else None, metadata, lengths[1])
            )
        if self._early:  # stored by several threads, as each came to it
            checkpoints.sort(key=attrgetter("id"))
        token = SqliteToken(
            stamp,
            row=rows[-1][0] if rows else since.row,
            last_id=rows[-1][2] if rows else since.last_id,
            total=count,
            write_row=max((row[0] for row in writes), default=since.write_row),
        )
        return ThreadIndex(checkpoints, [WriteRow(*row[1:]) for row in writes], token), found


def _own(live: ReadConnection) -> ReadConnection:
    """A connection of our own on the file behind a live one, where there is one that can be read."""
    (rows,) = live.read(("PRAGMA database_list", ()))
    file = next((row[2] for row in rows if row[1] == "main"), "")
    if not file:
        return live
    reader = FileReader(Path(file))
    try:
        reader.read(("SELECT count(*) FROM sqlite_master", ()))
    except (SourceError, sqlite3.DatabaseError):
        return live  # an encrypted database opens for its own driver only
    return reader
