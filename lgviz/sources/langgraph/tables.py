"""What LangGraph's tables in SQLite and in PostgreSQL have in common; statements use ``?`` for parameters."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Sequence
from typing import Any, ClassVar

from lgviz.sources.base import Index, StoredWrite, ThreadInfo, Undecodable
from lgviz.sources.channels import TASKS_CHANNEL
from lgviz.sources.connections import Reader
from lgviz.sources.decode import Decoder, Parts
from lgviz.sources.places import id_time
from lgviz.sources.split_source import PartsSource

__all__ = ["AT", "LangGraphTables"]

_KEEPS_SENDS = 4
"""The first format of checkpoints with a channel for what was sent."""

_IDS_AT_ONCE = 500

AT = "WHERE thread_id = ? AND checkpoint_ns = ?"


class LangGraphTables(PartsSource):
    """Reads the tables of LangGraph's savers of any version since 2024; the index opens no value.

    Args:
        reader: how to reach the database.
        decoder, description: see :class:`PartsSource`.
    """

    _threads: ClassVar[str]
    """Selects thread id, number of root checkpoints and greatest checkpoint id, the newest first."""
    _columns_of: ClassVar[str]
    """Selects the names of a table's columns."""
    _writes: ClassVar[str]
    """The table of writes."""
    _value: ClassVar[str]
    """Its column of values."""
    _beginning: ClassVar[Any]
    """The token before the first checkpoint."""

    def __init__(self, reader: Reader, decoder: Decoder, description: str) -> None:
        super().__init__(decoder, description)
        self._reader = reader
        self._columns: dict[str, set[str]] = {}

    # ------------------------------------------------------------ Source

    def threads(self) -> list[ThreadInfo]:
        if not self._has_tables():
            return []
        (rows,) = self._reader.read((self._threads, ()))
        return [ThreadInfo(thread, count, id_time(last)) for thread, count, last in rows]

    def index(self, thread_id: str, since: Any = None) -> Index:
        if not self._has_tables():
            return Index()
        if since is None:
            return self._read_index(thread_id, self._beginning)
        if since.stamp is not None and since.stamp == self._reader.stamp():
            return Index(token=since)
        index = self._read_index(thread_id, since)
        if index.reset:
            index = self._read_index(thread_id, self._beginning)
            index.reset = True
        return index

    def writes(self, thread_id: str, namespace: str, checkpoint_id: str) -> list[StoredWrite]:
        columns = f"{self._path()}, task_id, idx, channel, {self._type(self._writes)}, {self._value}"
        sql = f"SELECT {columns} FROM {self._writes} {AT} AND checkpoint_id = ?"
        (rows,) = self._reader.read((sql, (thread_id, namespace, checkpoint_id)))
        return [
            StoredWrite(task_id, path, idx, channel, self._decoder.value(type_, value))
            for path, task_id, idx, channel, type_, value in sorted(rows, key=lambda row: row[:3])
        ]

    def close(self) -> None:
        self._reader.close()

    # ------------------------------------------------------------ SQL

    def _parts(
        self, thread_id: str, namespace: str, ids: Sequence[str], names: Collection[str] | None
    ) -> Iterator[tuple[str, Parts | Undecodable]]:
        sent: dict[str, list[Any]] | None = None
        for id_, parts in self._stored_parts(thread_id, namespace, ids, names):
            if isinstance(parts, Parts) and parts.versions().v < _KEEPS_SENDS:
                if sent is None:
                    sent = self._sent(thread_id, namespace, ids)
                yield id_, parts.with_sends(sent[id_]) if id_ in sent else parts
            else:
                yield id_, parts

    def _sent(self, thread_id: str, namespace: str, ids: Sequence[str]) -> dict[str, list[Any]]:
        """By checkpoint: what the step before it sent, which old formats have as that step's writes alone."""
        found: dict[str, list[Any]] = {}
        for start in range(0, len(ids), _IDS_AT_ONCE):
            some = ids[start : start + _IDS_AT_ONCE]
            marks = ",".join("?" * len(some))
            sql = f"""
                SELECT c.checkpoint_id, {self._path()}, task_id, idx, w.type, {self._value}
                FROM checkpoints c JOIN {self._writes} w ON w.thread_id = c.thread_id
                    AND w.checkpoint_ns = c.checkpoint_ns AND w.checkpoint_id = c.parent_checkpoint_id
                WHERE c.thread_id = ? AND c.checkpoint_ns = ? AND c.checkpoint_id IN ({marks})
                    AND channel = ?"""
            (rows,) = self._reader.read((sql, (thread_id, namespace, *some, TASKS_CHANNEL)))
            for id_, *_, type_, value in sorted(rows, key=lambda row: row[:4]):
                found.setdefault(id_, []).append(self._decoder.value(type_, value))
        return found

    @abstractmethod
    def _stored_parts(
        self, thread_id: str, namespace: str, ids: Sequence[str], names: Collection[str] | None
    ) -> Iterator[tuple[str, Parts | Undecodable]]:
        """As :meth:`_parts`, of what is in the checkpoint itself."""

    @abstractmethod
    def _read_index(self, thread_id: str, since: Any) -> Index:
        """The rows after the token ``since``; only ``reset`` where rows were deleted or replaced."""

    def _has_tables(self) -> bool:
        if not self._columns.get(self._writes):
            tables = ("checkpoints", self._writes)
            found = self._reader.read(*((self._columns_of, (table,)) for table in tables))
            self._columns = {
                table: {name for (name,) in rows} for table, rows in zip(tables, found, strict=True)
            }
        return all(self._columns.values())

    def _path(self) -> str:
        return "task_path" if self._has(self._writes, "task_path") else "''"

    def _type(self, table: str) -> str:
        return "type" if self._has(table, "type") else "'json'"

    def _has(self, table: str, column: str) -> bool:
        if column not in self._columns.get(table, ()):
            self._columns = {}  # a saver adds columns to an old table when it first writes
            self._has_tables()
        return column in self._columns[table]
