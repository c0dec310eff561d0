"""lgviz's own tables, read by the engine of its savers: the index opens no value, a value no other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from lgviz.errors import CheckpointNotFound, ForeignTables
from lgviz.persistence import ExactSerializer
from lgviz.persistence.blocks.merkle import Block, Part, typed
from lgviz.persistence.blocks.records import read_body, read_channels, read_seen, read_writes
from lgviz.persistence.database.dialect import POSTGRESQL, SQLITE
from lgviz.persistence.database.statements import READ, Operation, Query
from lgviz.persistence.savers.engine import SaverEngine
from lgviz.persistence.savers.index import ThreadIndex
from lgviz.persistence.savers.saver import Saver
from lgviz.sources.base import (
    CheckpointRow,
    Index,
    Source,
    StoredWrite,
    ThreadInfo,
    Undecodable,
    Versions,
    WriteRow,
)
from lgviz.sources.connections import FileReader

from .runners import Runner, in_file, of_owner, over_postgres

__all__ = ["TablesSource"]

R = TypeVar("R")

_ROWS_AT_ONCE = 64
_THREADS = """
SELECT t.thread_id, sum(CASE WHEN c.ns = '' THEN 1 ELSE 0 END), max(c.at)
FROM lgviz_checkpoints c JOIN lgviz_threads t ON t.id = c.thread
GROUP BY t.id, t.thread_id ORDER BY max(c.key) DESC"""
_BODIES = """
SELECT c.id, c.body FROM lgviz_checkpoints c JOIN lgviz_threads t ON t.id = c.thread
WHERE t.thread_id = ? AND c.ns = ? AND """
_WRITES = """
SELECT w.task_path, w.task_id, w.data FROM lgviz_writes w JOIN lgviz_threads t ON t.id = w.thread
WHERE t.thread_id = ? AND w.ns = ? AND w.checkpoint_id = ?"""
_TABLE = "SELECT 1 FROM sqlite_master WHERE name = 'lgviz_checkpoints'"


class TablesSource(Source):
    """Reads what lgviz's savers write.

    Args:
        run: runs an operation of the engine.
        engine: of the database's dialect and the values' serializer.
        description: what is being read, in words.
    """

    def __init__(self, run: Runner, engine: SaverEngine, description: str) -> None:
        self.description = description
        self._runner = run
        self._engine = engine
        self._lock = threading.RLock()
        self._ready = False
        self._close: Callable[[], None] = lambda: None

    @classmethod
    def of_saver(cls, saver: Saver) -> TablesSource:
        """Reads the database of one of lgviz's savers, as it does itself."""
        return cls(of_owner(saver), SaverEngine(saver._dialect, saver.serde), type(saver).__name__)

    @classmethod
    def of_file(cls, path: Path, trust: Iterable[str] = ()) -> TablesSource | None:
        """Opens a database file read-only; None where it has no checkpoint in lgviz's tables.

        Raises:
            MissingFile, NotADatabase: the file is not what it should be.
            NewerSchema: a newer lgviz made it.
        """
        reader = FileReader(path)
        source = cls(in_file(reader), SaverEngine(SQLITE, _serializer(trust)), f"{path.name} (read-only)")
        source.read_only = f"{path.name} is opened for reading: give the graph itself to fork or run."
        source._close = reader.close
        if reader.read((_TABLE, ()))[0] and source.threads():
            return source
        source.close()
        return None

    @classmethod
    def of_url(cls, url: str, trust: Iterable[str] = ()) -> TablesSource | None:
        """Opens a PostgreSQL database, in transactions that only read; None where it has no checkpoint in
        lgviz's tables.

        Raises:
            NotASource: the URL cannot be read.
            Unavailable: the server refuses, or cannot be reached.
        """
        engine = SaverEngine(POSTGRESQL, _serializer(trust))
        source = cls(over_postgres(lambda: url), engine, "PostgreSQL (read-only)")
        source.read_only = "The database is opened for reading: give the graph itself to fork or run."
        with suppress(ForeignTables):
            if source.threads():
                return source
        return None

    # ------------------------------------------------------------ Source

    def threads(self) -> list[ThreadInfo]:
        def operation() -> Operation[list[tuple[Any, ...]]]:
            yield READ
            return (yield Query(_THREADS))

        return [ThreadInfo(*row) for row in self._run(operation) or []]

    def index(self, thread_id: str, since: Any = None) -> Index:
        index = self._run(lambda: self._engine.index.read(thread_id, since)) or ThreadIndex()
        return Index(
            [
                CheckpointRow(
                    row.namespace,
                    row.id,
                    row.parent_id,
                    row.metadata,
                    row.size,
                    row.ordinal if row.anchor or not row.namespace else None,
                    under=row.under,
                )
                for row in index.checkpoints
            ],
            [
                WriteRow(row.namespace, row.checkpoint_id, row.task_id, row.task_path, row.idx, row.channel)
                for row in index.writes
            ],
            index.token,
            index.reset,
        )

    def versions(self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str]) -> dict[str, Versions]:
        found: dict[str, Versions] = {}
        for start in range(0, len(checkpoint_ids), _ROWS_AT_ONCE):
            some = checkpoint_ids[start : start + _ROWS_AT_ONCE]
            found |= self._run(lambda: self._versions(thread_id, namespace, some)) or {}  # noqa: B023
        return found

    def channels(
        self, thread_id: str, namespace: str, checkpoint_id: str, names: Iterable[str] | None = None
    ) -> dict[str, Any]:
        wanted = None if names is None else list(names)
        stored = self._run(lambda: self._channels(thread_id, namespace, checkpoint_id, wanted))
        if stored is None:
            raise CheckpointNotFound(
                f"Checkpoint {checkpoint_id} is no longer in thread {thread_id!r}.", "Refresh the history."
            )
        if isinstance(stored, Undecodable):
            return dict.fromkeys(wanted or (), stored) or {"": stored}
        parts, nodes = stored
        return {name: self._grow(part, nodes) for name, part in parts.items()}

    def writes(self, thread_id: str, namespace: str, checkpoint_id: str) -> list[StoredWrite]:
        rows, nodes = self._run(lambda: self._writes(thread_id, namespace, checkpoint_id)) or ([], {})
        return [
            StoredWrite(task_id, path, write.idx, write.channel, self._grow(write.part, nodes))
            for path, task_id, write in rows
        ]

    def close(self) -> None:
        self._close()

    # ------------------------------------------------------------ operations

    def _run(self, operation: Callable[[], Operation[R]]) -> R | None:
        """What an operation gives; None where no saver has made its tables yet."""
        with self._lock:
            if not self._ready:
                self._ready = self._runner(self._look)
            return self._runner(operation) if self._ready else None

    def _look(self) -> Operation[bool]:
        """Whether the tables are there. They are not made, as a saver would: a source never writes."""
        yield READ
        tables = {name for (name,) in (yield Query(self._engine.dialect.tables))}
        if tables.isdisjoint({"checkpoints", "lgviz_checkpoints"}):
            return False
        yield from self._engine.setup()
        return True

    def _versions(self, thread_id: str, namespace: str, ids: Sequence[str]) -> Operation[dict[str, Versions]]:
        yield READ
        where, params = self._engine.dialect.among("c.id", ids)
        rows = yield Query(_BODIES + where, [thread_id, namespace, *params])
        parts = {}
        for id_, body in rows:
            # Whatever damaged bytes raise: check() names them, and the other checkpoints count.
            with suppress(Exception):
                part, channels, seen = read_body(self._engine.blocks.codec.open_row(bytes(body)))
                table = read_channels((yield from self._engine.blocks.unfold(channels)))
                parts[id_] = part, table, read_seen((yield from self._engine.blocks.unfold(seen)))
        nodes = yield from self._engine.blocks.fetch([part for part, _, _ in parts.values()])
        found = {}
        for id_, (part, table, versions_seen) in parts.items():
            head = self._grow(part, nodes)
            if isinstance(head, Mapping):
                updated = head.get("updated_channels")
                found[id_] = Versions(
                    v=head.get("v", 1),
                    ts=head.get("ts"),
                    channel_versions={name: c.version for name, c in table.items() if c.version is not None},
                    versions_seen=versions_seen,
                    updated_channels=None if updated is None else tuple(updated),
                    channels=tuple(name for name, c in table.items() if c.part is not None),
                )
        return found

    def _channels(
        self, thread_id: str, namespace: str, checkpoint_id: str, names: Sequence[str] | None
    ) -> Operation[tuple[dict[str, Part], dict[int, Block]] | Undecodable | None]:
        yield READ
        rows = yield Query(f"{_BODIES} c.id = ?", [thread_id, namespace, checkpoint_id])
        if not rows:
            return None
        body = bytes(rows[0][1])
        try:
            _, channels, _ = read_body(self._engine.blocks.codec.open_row(body))
            table = read_channels((yield from self._engine.blocks.unfold(channels)))
        except Exception as error:
            return Undecodable(f"{type(error).__name__}: {error}", len(body), "checkpoint")
        parts = {
            name: channel.part
            for name, channel in table.items()
            if channel.part is not None and (names is None or name in names)
        }
        return parts, (yield from self._engine.blocks.fetch(parts.values()))

    def _writes(
        self, thread_id: str, namespace: str, checkpoint_id: str
    ) -> Operation[tuple[list[tuple[str, str, Any]], dict[int, Block]]]:
        yield READ
        rows = yield Query(_WRITES, [thread_id, namespace, checkpoint_id])
        writes = []
        for path, task_id, data in rows:
            with suppress(Exception):
                entries = read_writes(self._engine.blocks.codec.open_row(bytes(data)))
                writes += [(path, task_id, write) for write in entries]
        writes.sort(key=lambda entry: (entry[0], entry[1], entry[2].idx))
        return writes, (yield from self._engine.blocks.fetch([write.part for _, _, write in writes]))

    def _grow(self, part: Part, nodes: Mapping[int, Block]) -> Any:
        try:
            return self._engine.blocks.merkle.decode(part, nodes, _undecodable)
        except Exception as error:
            return Undecodable(f"{type(error).__name__}: {error}", 0, "container")


def _undecodable(node: Block, error: Exception) -> Undecodable:
    data = node.part if isinstance(node.part, bytes) else b""
    tag = "missing"
    with suppress(ValueError, IndexError):
        tag = typed(data)[0] if data else tag
    return Undecodable(f"{type(error).__name__}: {error}", len(data), tag)


def _serializer(trust: Iterable[str]) -> ExactSerializer:
    """Builds classes that are loaded; those of modules trusted by name are loaded for it."""
    modules = list(trust)
    for module in modules:
        with suppress(ImportError):
            import_module(module)
    return ExactSerializer(trust=modules)
