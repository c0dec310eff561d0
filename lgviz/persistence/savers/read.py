"""Reads checkpoints: rows and blocks inside a transaction, values outside of it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple

from lgviz.errors import DamagedData
from lgviz.persistence.blocks.damage import Damaged, damaged, legible
from lgviz.persistence.blocks.merkle import Block, Part
from lgviz.persistence.blocks.records import (
    Channel,
    Records,
    WriteRecord,
    read_body,
    read_channels,
    read_metadata,
    read_seen,
)
from lgviz.persistence.blocks.store import BlockGone, batches
from lgviz.persistence.database.statements import GLANCE, Operation, Query, Rows, as_bytes
from lgviz.persistence.serde.stored_error import error_as_text

from .address import Address, address
from .lineage import Chain, Lineages

logger = logging.getLogger("lgviz.persistence")

_CHECKPOINT = "Checkpoint %s of thread %r"
_FROM = "FROM lgviz_checkpoints c JOIN lgviz_threads t ON t.id = c.thread"
_FOUND = f"""WITH found AS NOT MATERIALIZED (
      SELECT c.key, t.thread_id, c.thread, c.ns, c.id, c.parent, c.metadata, c.body {_FROM} WHERE {{}})
    SELECT key, thread_id, ns, id, parent, metadata, body FROM found"""
# In one statement, for it sees both at one moment. A row without a thread is of a task's writes.
_WITH_WRITES = f"""{_FOUND} UNION ALL
    SELECT f.key, NULL, w.task_path, w.task_id, NULL, NULL, w.data FROM found f JOIN lgviz_writes w
    ON w.thread = f.thread AND w.ns = f.ns AND w.checkpoint_id = f.id"""
# A row without a key: the thread continues the path of another, where what was not found may be.
_OR_HEIR = """ UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM lgviz_lineage l JOIN lgviz_threads t ON t.id = l.thread WHERE t.thread_id = ?"""
_NAMED = "t.thread_id = ? AND c.ns = ? AND c.id = ?"
_LATEST = "t.thread_id = ? AND c.ns = ? ORDER BY c.key DESC LIMIT 1"
_GET = {
    (named, whole): (_WITH_WRITES if whole else _FOUND).format(_NAMED if named else _LATEST) + _OR_HEIR
    for named in (True, False)
    for whole in (True, False)
}
"""The statements of ``get``: of a checkpoint that is named or the latest, with its writes or without."""

Listed = tuple[int, "str | None"]
"""The key of a checkpoint, and the thread that it is listed under, where that continues the path to it."""


@dataclass
class StoredCheckpoint:
    """One checkpoint as it was read: rows and blocks, no value decoded yet."""

    address: Address
    parent: str | None
    metadata: bytes
    head: Part
    channels: dict[str, Channel]
    seen: dict[str, dict[str, Any]]
    in_order: bool
    writes: list[tuple[str, str, WriteRecord]] = field(default_factory=list)
    blocks: dict[int, Block] = field(default_factory=dict)


class CheckpointReads:
    """``get_tuple`` and ``list``.

    Args:
        records: opens the rows.
        lineages: of threads that continue the path of another.
    """

    def __init__(self, records: Records, lineages: Lineages) -> None:
        self.records = records
        self.blocks = records.blocks
        self.lineages = lineages

    def get(
        self, config: RunnableConfig, channels: Collection[str] | None = None
    ) -> Operation[StoredCheckpoint | None]:
        """One checkpoint: the one named, else the one committed last.

        Args:
            config: names it.
            channels: read the values of these alone, and no writes.

        Raises:
            DamagedData: its rows cannot be read (a damaged value alone does not raise).
        """
        place = address(config)
        named = [] if place.checkpoint_id is None else [place.checkpoint_id]
        sql = _GET[bool(named), channels is None]
        params = [place.thread_id, place.ns or "", *named, place.thread_id]

        def read(whole: bool) -> Operation[list[StoredCheckpoint]]:
            found = yield Query(sql, params)
            rows = [row for row in found if row[0] is not None]
            if found and not rows:
                rows = yield from self._inherited(place, writes=channels is None, whole=whole)
            return (yield from self._read(rows, {}, whole=whole, strict=True, only=channels))

        found = yield from self.blocks.optimistic_read(read)
        return found[0] if found else None

    def _inherited(self, place: Address, *, writes: bool, whole: bool) -> Operation[Rows]:
        """The rows of a checkpoint on the path that a thread continues."""
        chain = yield from self.lineages.chain_of(place.thread_id)
        if place.checkpoint_id is None:
            key = yield from self.lineages.latest(chain, place.ns or "")
        else:
            key = yield from self.lineages.key_of(chain, (place.ns or "", place.checkpoint_id))
        if key is None:
            return []
        return (yield from self._rows_of(chain, place.thread_id, [key], writes=writes, whole=whole))

    def _rows_of(
        self, chain: Chain, thread_id: str, keys: Sequence[int], *, writes: bool, whole: bool
    ) -> Operation[Rows]:
        """The rows of checkpoints on a path, as the thread that continues it sees them."""
        where, params = self.blocks.dialect.among("key", keys)
        found = yield Query(
            f"SELECT key, ns, id, parent, metadata, body FROM lgviz_checkpoints WHERE {where}", params
        )
        if whole and len(found) < len(keys):
            raise BlockGone
        rows: Rows = [(key, thread_id, *rest) for key, *rest in found]
        by_place = {(ns, id): key for key, ns, id, *_ in found}
        for ns in {ns for ns, _ in by_place} if writes else ():
            ids = [id for other, id in by_place if other == ns]
            rows += [
                (by_place[ns, row.checkpoint_id], None, row.task_path, row.task_id, None, None, row.data)
                for row in (yield from self.lineages.writes(chain, ns, ids))
            ]
        return rows

    def matching(
        self,
        config: RunnableConfig | None,
        filter: Mapping[str, Any] | None,
        before: RunnableConfig | None,
        limit: int | None,
    ) -> Operation[list[Listed]]:
        """The checkpoints that ``list`` gives, newest first.

        A filter asks for equal values of metadata keys, compared here and not in SQL: every database gives
        the same answer.
        """
        scope: dict[str, Any] = {}
        if config is not None:
            place = address(config)
            scope = {"t.thread_id = ?": place.thread_id}
            if place.ns is not None:
                scope["c.ns = ?"] = place.ns
        self.blocks.joined = bool((yield GLANCE))
        inherited = yield from self._inherited_places(None if config is None else place)
        bounds: dict[str, Any] = {}
        if before is not None and (limiting := (before.get("configurable") or {}).get("checkpoint_id")):
            where = " AND ".join(["c.id = ?", *scope])
            rows = yield Query(f"SELECT max(c.key) {_FROM} WHERE {where}", [limiting, *scope.values()])
            # An id that is not stored is taken for the moment it was made: LangGraph's ids sort by time.
            keys = [rows[0][0], *(listed[0] for listed, id in inherited.items() if id == limiting)]
            key = max((key for key in keys if key is not None), default=None)
            bounds = {"c.id < ?": limiting} if key is None else {"c.key < ?": key}
            inherited = {
                listed: id
                for listed, id in inherited.items()
                if (id < limiting if key is None else listed[0] < key)
            }
        if config is not None and place.checkpoint_id:
            bounds["c.id = ?"] = place.checkpoint_id
            inherited = {listed: id for listed, id in inherited.items() if id == place.checkpoint_id}
        found: list[Listed] = [
            (key, None) for key in (yield from self._own({**scope, **bounds}, filter, limit))
        ]
        if inherited:
            kept = yield from self._filtered(inherited, filter)
            found = sorted([*found, *kept], key=lambda listed: listed[0], reverse=True)
        return found[: None if limit is None else max(limit, 0)]

    def _own(
        self, bounds: Mapping[str, Any], filter: Mapping[str, Any] | None, limit: int | None
    ) -> Operation[list[int]]:
        """The keys of the rows within some bounds, newest first."""
        where, params = " AND ".join(bounds) or "1 = 1", list(bounds.values())
        columns = "c.key, c.metadata" if filter else "c.key"
        sql = f"SELECT {columns} {_FROM} WHERE {where} ORDER BY c.key DESC"
        if limit is not None and not filter:
            sql, params = f"{sql} LIMIT ?", [*params, max(limit, 0)]
        rows = yield Query(sql, params)
        return [row[0] for row in rows if not filter or self._matches(as_bytes(row[1]), filter)]

    def _inherited_places(self, place: Address | None) -> Operation[dict[Listed, str]]:
        """The checkpoints on the paths that threads continue, and their ids: of one thread, or of all."""
        where = "" if place is None else "WHERE t.thread_id = ?"
        threads = yield Query(
            f"""SELECT l.thread, t.thread_id FROM lgviz_lineage l
                JOIN lgviz_threads t ON t.id = l.thread {where}""",
            [] if place is None else [place.thread_id],
        )
        found: dict[Listed, str] = {}
        for thread, thread_id in threads:
            path = yield from self.lineages.path((yield from self.lineages.chain(thread)))
            found |= {
                (entry.key, thread_id): id
                for (ns, id), entry in path.items()
                if place is None or place.ns in (None, ns)
            }
        return found

    def _filtered(
        self, inherited: Mapping[Listed, str], filter: Mapping[str, Any] | None
    ) -> Operation[list[Listed]]:
        """Those whose metadata match."""
        if not filter:
            return list(inherited)
        matching: set[int] = set()
        for some in batches({key for key, _ in inherited}):
            where, params = self.blocks.dialect.among("key", some)
            rows = yield Query(f"SELECT key, metadata FROM lgviz_checkpoints WHERE {where}", params)
            matching |= {key for key, data in rows if self._matches(as_bytes(data), filter)}
        return [listed for listed in inherited if listed[0] in matching]

    def load(self, listed: Sequence[Listed], known: dict[int, Block]) -> Operation[list[StoredCheckpoint]]:
        """Checkpoints in the order given; those that are gone meanwhile or damaged are left out."""
        order = {(key, thread_id): n for n, (key, thread_id) in enumerate(listed)}
        by_thread: dict[str | None, list[int]] = {}
        for key, thread_id in listed:
            by_thread.setdefault(thread_id, []).append(key)

        def read(whole: bool) -> Operation[list[StoredCheckpoint]]:
            found: list[tuple[Any, ...]] = []
            for thread_id, keys in by_thread.items():
                if thread_id is None:
                    where, params = self.blocks.dialect.among("c.key", keys)
                    rows = yield Query(_WITH_WRITES.format(where), params)
                else:
                    chain = yield from self.lineages.chain_of(thread_id)
                    rows = yield from self._rows_of(chain, thread_id, keys, writes=True, whole=whole)
                found += [(order[key, thread_id], *rest) for key, *rest in rows]
            found.sort(key=lambda row: row[0])
            return (yield from self._read(found, known, whole=whole, strict=False))

        return (yield from self.blocks.optimistic_read(read))

    def _read(
        self,
        rows: Rows,
        known: dict[int, Block],
        *,
        whole: bool,
        strict: bool,
        only: Collection[str] | None = None,
    ) -> Operation[list[StoredCheckpoint]]:
        found: dict[int, StoredCheckpoint] = {}
        for key, thread_id, ns, id, parent, metadata, body in rows:
            if thread_id is None:
                continue
            try:
                place = Address(thread_id, ns, id)
                found[key] = yield from self._open(place, parent, as_bytes(metadata), as_bytes(body))
            except DamagedData as error:
                if whole:  # or was it removed between two statements?
                    raise BlockGone from error
                if strict:
                    raise
                logger.warning("%s It is left out.", error.cause)
        self._add_writes(found, rows)
        parts: list[Part] = []
        for stored in found.values():
            if only is not None:
                stored.channels = {
                    name: channel if name in only else channel._replace(part=None)
                    for name, channel in stored.channels.items()
                }
            parts.append(stored.head)
            parts += [channel.part for channel in stored.channels.values() if channel.part is not None]
            parts += [write.part for _, _, write in stored.writes]
        blocks = yield from self.blocks.fetch(parts, known, whole=whole)
        for stored in found.values():
            stored.blocks = blocks
        return list(found.values())

    def _open(
        self, place: Address, parent: str | None, metadata: bytes, body: bytes
    ) -> Operation[StoredCheckpoint]:
        with legible(_CHECKPOINT, place.checkpoint_id, place.thread_id):
            head, table, seen_table, in_order = read_body(self.blocks.codec.open_row(body))
            channels = read_channels((yield from self.blocks.unfold(table)))
            seen = read_seen((yield from self.blocks.unfold(seen_table)))
            return StoredCheckpoint(place, parent, metadata, head, channels, seen, in_order)

    def _add_writes(self, found: Mapping[int, StoredCheckpoint], rows: Rows) -> None:
        """Give checkpoints the writes whose rows came with theirs, in LangGraph's order."""
        for key, thread_id, path, task_id, _, _, data in rows:
            if thread_id is not None or key not in found:
                continue
            try:
                entries = self.records.open_writes(as_bytes(data))
            except DamagedData as error:
                logger.warning("Task %s: %s It is left out.", task_id, error.cause)
                continue
            found[key].writes += [(path, task_id, write) for write in entries]
        for stored in found.values():
            stored.writes.sort(key=lambda entry: (entry[0], entry[1], entry[2].idx))

    def assemble(self, stored: StoredCheckpoint) -> CheckpointTuple:
        """What LangGraph is given. Decodes all values: call it outside of the transaction.

        Raises:
            DamagedData: its metadata or bookkeeping cannot be read.
        """
        decode, blocks, place = self.blocks.merkle.decode, stored.blocks, stored.address
        with legible(_CHECKPOINT, place.checkpoint_id, place.thread_id):
            metadata = read_metadata(stored.metadata, self.blocks.merkle.serde)
            head = decode(stored.head, blocks, damaged)
            if isinstance(head, Damaged):
                raise ValueError(head.reason)
        channels = stored.channels
        checkpoint = {
            **head,
            "id": place.checkpoint_id,
            "channel_values": {
                name: decode(channel.part, blocks, damaged)
                for name, channel in channels.items()
                if channel.part is not None
            },
            "channel_versions": {name: c.version for name, c in channels.items() if c.version is not None},
            "versions_seen": stored.seen,
        }
        return CheckpointTuple(
            config=place.config(),
            checkpoint=checkpoint,  # type: ignore[arg-type]
            metadata=metadata,  # type: ignore[arg-type]
            parent_config=place._replace(checkpoint_id=stored.parent).config() if stored.parent else None,
            pending_writes=[
                (task_id, write.channel, error_as_text(write.channel, decode(write.part, blocks, damaged)))
                for _, task_id, write in stored.writes
            ],
        )

    def assemble_all(self, page: Iterable[StoredCheckpoint]) -> Iterable[CheckpointTuple]:
        """Several; one whose bookkeeping is damaged is left out, and logged."""
        for stored in page:
            try:
                yield self.assemble(stored)
            except DamagedData as error:
                logger.warning("%s It is left out.", error.cause)

    def _matches(self, data: bytes, filter: Mapping[str, Any]) -> bool:
        metadata = self.records.open_metadata(data)
        return metadata is not None and all(metadata.get(key) == value for key, value in filter.items())
