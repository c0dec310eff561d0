"""Reading checkpoints: rows and nodes inside a transaction, values outside of it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple

from lgviz.errors import DamagedData
from lgviz.persistence.blocks.damage import Damaged, damaged, legible
from lgviz.persistence.blocks.nodes import Nodes
from lgviz.persistence.blocks.records import (
    Channel,
    Write,
    read_body,
    read_channels,
    read_metadata,
    read_seen,
)
from lgviz.persistence.blocks.settled import Gone
from lgviz.persistence.blocks.tree import Node, Part
from lgviz.persistence.database.statements import GLANCE, Operation, Query, Rows

from .address import Address, address

logger = logging.getLogger("lgviz.persistence")

_CHECKPOINT = "Checkpoint %s of thread %r"
_FROM = "FROM lgviz_checkpoints c JOIN lgviz_threads t ON t.id = c.thread"
_FOUND = f"""WITH found AS (
      SELECT c.key, t.thread_id, c.thread, c.ns, c.id, c.parent, c.metadata, c.body {_FROM} WHERE {{}})
    SELECT key, thread_id, ns, id, parent, metadata, body FROM found"""
# In one statement, for it sees both at one moment. A row without a thread is of a task's writes.
_WITH_WRITES = f"""{_FOUND} UNION ALL
    SELECT f.key, NULL, w.task_path, w.task_id, NULL, NULL, w.data FROM found f JOIN lgviz_writes w
    ON w.thread = f.thread AND w.ns = f.ns AND w.checkpoint_id = f.id"""


@dataclass
class Stored:
    """One checkpoint as it was read: rows and nodes, no value decoded yet."""

    address: Address
    parent: str | None
    metadata: bytes
    head: Part
    channels: dict[str, Channel]
    seen: dict[str, dict[str, Any]]
    writes: list[tuple[str, str, Write]] = field(default_factory=list)
    nodes: dict[int, Node] = field(default_factory=dict)


class Reading(Nodes):
    """``get_tuple`` and ``list``."""

    def get(
        self, config: RunnableConfig, channels: Collection[str] | None = None
    ) -> Operation[Stored | None]:
        """One checkpoint: the one named, else the one committed last.

        Args:
            config: names it.
            channels: read the values of these alone, and no writes.

        Raises:
            DamagedData: its rows cannot be read (a damaged value alone does not raise).
        """
        place = address(config)
        where = "t.thread_id = ? AND c.ns = ? AND c.id = ?"
        params = [place.thread_id, place.ns or "", place.checkpoint_id]
        if place.checkpoint_id is None:
            where, params = "t.thread_id = ? AND c.ns = ? ORDER BY c.key DESC LIMIT 1", params[:2]

        def read(whole: bool) -> Operation[list[Stored]]:
            rows = yield Query((_WITH_WRITES if channels is None else _FOUND).format(where), params)
            return (yield from self._read(rows, {}, whole=whole, strict=True, only=channels))

        found = yield from self.settled(read)
        return found[0] if found else None

    def matching(
        self,
        config: RunnableConfig | None,
        filter: Mapping[str, Any] | None,
        before: RunnableConfig | None,
        limit: int | None,
    ) -> Operation[list[int]]:
        """The keys of the checkpoints that ``list`` gives, newest first.

        A filter asks for equal values of metadata keys, compared here and not in SQL: every database gives
        the same answer.
        """
        scope: dict[str, Any] = {}
        if config is not None:
            place = address(config)
            scope = {"t.thread_id = ?": place.thread_id}
            if place.ns is not None:
                scope["c.ns = ?"] = place.ns
        yield GLANCE
        bounds: dict[str, Any] = {}
        if before is not None and (limiting := (before.get("configurable") or {}).get("checkpoint_id")):
            where = " AND ".join(["c.id = ?", *scope])
            rows = yield Query(f"SELECT max(c.key) {_FROM} WHERE {where}", [limiting, *scope.values()])
            # An id that is not stored is taken for the moment it was made: LangGraph's ids sort by time.
            key = rows[0][0]
            bounds = {"c.id < ?": limiting} if key is None else {"c.key < ?": key}
        if config is not None and place.checkpoint_id:
            bounds["c.id = ?"] = place.checkpoint_id
        where = " AND ".join([*scope, *bounds]) or "1 = 1"
        params = [*scope.values(), *bounds.values()]
        columns = "c.key, c.metadata" if filter else "c.key"
        sql = f"SELECT {columns} {_FROM} WHERE {where} ORDER BY c.key DESC"
        if limit is not None and not filter:
            sql, params = f"{sql} LIMIT ?", [*params, max(limit, 0)]
        rows = yield Query(sql, params)
        if filter:
            rows = [row for row in rows if self._matches(bytes(row[1]), filter)]
        return [row[0] for row in rows[: None if limit is None else max(limit, 0)]]

    def load(self, keys: Sequence[int], known: dict[int, Node]) -> Operation[list[Stored]]:
        """Checkpoints by key, in the order given; those that are gone meanwhile or damaged are left out."""
        where, params = self.dialect.among("c.key", keys)
        order = {key: n for n, key in enumerate(keys)}

        def read(whole: bool) -> Operation[list[Stored]]:
            rows = yield Query(_WITH_WRITES.format(where), params)
            rows.sort(key=lambda row: order[row[0]])
            return (yield from self._read(rows, known, whole=whole, strict=False))

        return (yield from self.settled(read))

    def _read(
        self,
        rows: Rows,
        known: dict[int, Node],
        *,
        whole: bool,
        strict: bool,
        only: Collection[str] | None = None,
    ) -> Operation[list[Stored]]:
        found: dict[int, Stored] = {}
        for key, thread_id, ns, id, parent, metadata, body in rows:
            if thread_id is None:
                continue
            try:
                with legible(_CHECKPOINT, id, thread_id):
                    head, channels, seen = read_body(self.vault.open_row(bytes(body)))
                    found[key] = Stored(
                        Address(thread_id, ns, id),
                        parent,
                        bytes(metadata),
                        head,
                        read_channels((yield from self.unfold(channels))),
                        read_seen((yield from self.unfold(seen))),
                    )
            except DamagedData as error:
                if whole:  # or was it removed between two statements?
                    raise Gone from error
                if strict:
                    raise
                logger.warning("%s It is left out.", error.cause)
        for key, thread_id, path, task_id, _, _, data in rows:
            if thread_id is not None or key not in found:
                continue
            try:
                entries = self.open_writes(bytes(data))
            except DamagedData as error:
                logger.warning("Task %s: %s It is left out.", task_id, error.cause)
                continue
            found[key].writes += [(path, task_id, write) for write in entries]
        parts: list[Part] = []
        for stored in found.values():
            if only is not None:
                stored.channels = {
                    name: channel if name in only else channel._replace(part=None)
                    for name, channel in stored.channels.items()
                }
            stored.writes.sort(key=lambda entry: (entry[0], entry[1], entry[2].idx))
            parts.append(stored.head)
            parts += [channel.part for channel in stored.channels.values() if channel.part is not None]
            parts += [write.part for _, _, write in stored.writes]
        nodes = yield from self.fetch(parts, known, whole=whole)
        for stored in found.values():
            stored.nodes = nodes
        return list(found.values())

    def assemble(self, stored: Stored) -> CheckpointTuple:
        """What LangGraph is given. Decodes all values: call it outside of the transaction.

        Raises:
            DamagedData: its metadata or bookkeeping cannot be read.
        """
        with legible(_CHECKPOINT, stored.address.checkpoint_id, stored.address.thread_id):
            metadata = read_metadata(stored.metadata, self.trees.serde)
            head = self.trees.grow(stored.head, stored.nodes, damaged)
            if isinstance(head, Damaged):
                raise ValueError(head.reason)
        channels = stored.channels
        checkpoint = {
            **head,
            "id": stored.address.checkpoint_id,
            "channel_values": {
                name: self.trees.grow(channel.part, stored.nodes, damaged)
                for name, channel in channels.items()
                if channel.part is not None
            },
            "channel_versions": {name: c.version for name, c in channels.items() if c.version is not None},
            "versions_seen": stored.seen,
        }
        return CheckpointTuple(
            config=stored.address.config(),
            checkpoint=checkpoint,  # type: ignore[arg-type]
            metadata=metadata,  # type: ignore[arg-type]
            parent_config=stored.address._replace(checkpoint_id=stored.parent).config()
            if stored.parent
            else None,
            pending_writes=[
                (task_id, write.channel, self.trees.grow(write.part, stored.nodes, damaged))
                for _, task_id, write in stored.writes
            ],
        )

    def assemble_all(self, page: Iterable[Stored]) -> Iterable[CheckpointTuple]:
        """Several; one whose bookkeeping is damaged is left out, and logged."""
        for stored in page:
            try:
                yield self.assemble(stored)
            except DamagedData as error:
                logger.warning("%s It is left out.", error.cause)

    def _matches(self, data: bytes, filter: Mapping[str, Any]) -> bool:
        metadata = self.open_metadata(data)
        return metadata is not None and all(metadata.get(key) == value for key, value in filter.items())
