"""Reading checkpoints: rows and nodes inside a transaction, values outside of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple, DeltaChannelHistory, PendingWrite

from lgviz.errors import DamagedData

from .address import Address, address
from .damage import Damaged, damaged, legible
from .nodes import Gone, Nodes
from .records import Channel, Write, read_body, read_channels, read_metadata, read_seen
from .statements import GLANCE, READ, Operation, Query, Rows
from .tree import Node, Part

R = TypeVar("R")

logger = logging.getLogger("lgviz.persistence")

_FROM = "FROM lgviz_checkpoints c JOIN lgviz_threads t ON t.id = c.thread"
_FOUND = f"""WITH found AS (
      SELECT c.key, t.thread_id, c.thread, c.ns, c.id, c.parent, c.metadata, c.body {_FROM} WHERE {{}})
    SELECT key, thread_id, ns, id, parent, metadata, body FROM found"""
# In one statement, for it sees both at one moment. A row without a thread is of a task's writes.
_WITH_WRITES = f"""{_FOUND} UNION ALL
    SELECT f.key, NULL, w.task_path, w.task_id, NULL, NULL, w.data FROM found f JOIN lgviz_writes w
    ON w.thread = f.thread AND w.ns = f.ns AND w.checkpoint_id = f.id"""
_ANCESTORS = """WITH RECURSIVE line (key, parent, thread, ns, n) AS (
      SELECT c.key, c.parent, c.thread, c.ns, 1 FROM lgviz_checkpoints c
      JOIN lgviz_threads t ON t.id = c.thread
      WHERE t.thread_id = ? AND c.ns = ? AND c.id = ?
    UNION ALL
      SELECT c.key, c.parent, c.thread, c.ns, line.n + 1 FROM line JOIN lgviz_checkpoints c
      ON c.thread = line.thread AND c.ns = line.ns AND c.id = line.parent WHERE line.n < ?)"""
_STRIDE = 200


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
    """``get_tuple``, ``list`` and the history of delta channels."""

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

        found = yield from self._settled(read)
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

        return (yield from self._settled(read))

    def _settled(self, read: Callable[[bool], Operation[R]]) -> Operation[R]:
        """What ``read`` gives without a transaction, which costs round trips; and where a removal came
        between its statements, so that nodes are gone, what it gives within one."""
        yield GLANCE
        try:
            return (yield from read(True))
        except Gone:
            yield READ
            return (yield from read(False))

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
                with legible(f"Checkpoint {id} of thread {thread_id!r}"):
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
        with legible(f"Checkpoint {stored.address.checkpoint_id} of thread {stored.address.thread_id!r}"):
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

    def delta_history(
        self, config: RunnableConfig, channels: Sequence[str]
    ) -> Operation[tuple[dict[str, list[tuple[str, Write]]], dict[str, Part], dict[int, Node]]]:
        """For each channel its writes by ancestors, oldest first, since the nearest stored value.

        Raises:
            DamagedData: a row of these ancestors cannot be read: without it the value would be another.
        """
        place = address(config)
        writes: dict[str, list[tuple[str, Write]]] = {name: [] for name in channels}
        seeds: dict[str, Part] = {}
        yield READ
        id, first = place.checkpoint_id, True
        if id is None:
            latest = yield Query(
                f"SELECT c.id {_FROM} WHERE t.thread_id = ? AND c.ns = ? ORDER BY c.key DESC LIMIT 1",
                [place.thread_id, place.ns or ""],
            )
            id = latest[0][0] if latest else None
        while id is not None and len(seeds) < len(writes):
            line = yield Query(
                f"""{_ANCESTORS} SELECT c.id, c.parent, c.body, line.n FROM line
                    JOIN lgviz_checkpoints c ON c.key = line.key ORDER BY line.n""",
                [place.thread_id, place.ns or "", id, _STRIDE],
            )
            # The writes of the target itself are pending: they made no part of its values.
            ancestors = line if not first else line[1:]
            chain: dict[str, set[str]] = {}
            for ancestor, _, data, _ in ancestors:
                wanted = writes.keys() - seeds.keys()
                if not wanted:
                    break
                chain[ancestor] = wanted
                stored = yield from self.open_channels(bytes(data))
                for name in wanted:
                    channel = stored.get(name)
                    if channel is not None and channel.part is not None:
                        seeds[name] = channel.part
            if chain:
                yield from self._collect(place, chain, writes)
            id, first = (line[-1][1] if len(line) == _STRIDE else None), False
        for collected in writes.values():
            collected.reverse()
        parts = [*seeds.values(), *(write.part for collected in writes.values() for _, write in collected)]
        return writes, seeds, (yield from self.fetch(parts))

    def _collect(
        self, place: Address, chain: Mapping[str, set[str]], writes: Mapping[str, list[tuple[str, Write]]]
    ) -> Operation[None]:
        """Add the writes under some ancestors, given from newest to oldest, newest first."""
        where, params = self.dialect.among("w.checkpoint_id", list(chain))
        rows = yield Query(
            f"""SELECT w.checkpoint_id, w.task_path, w.task_id, w.data FROM lgviz_writes w
            JOIN lgviz_threads t ON t.id = w.thread WHERE t.thread_id = ? AND w.ns = ? AND {where}""",
            [place.thread_id, place.ns or "", *params],
        )
        under: dict[str, list[tuple[str, str, Write]]] = {}
        for id, path, task_id, data in rows:
            entries = self.open_writes(bytes(data))
            under.setdefault(id, []).extend((path, task_id, write) for write in entries)
        for id, wanted in chain.items():
            for _, task_id, write in sorted(
                under.get(id, ()), key=lambda entry: (entry[0], entry[1], entry[2].idx), reverse=True
            ):
                if write.channel in wanted:
                    writes[write.channel].append((task_id, write))

    def delta_values(
        self,
        found: tuple[dict[str, list[tuple[str, Write]]], dict[str, Part], dict[int, Node]],
    ) -> dict[str, DeltaChannelHistory]:
        """The values of what :meth:`delta_history` found."""
        writes, seeds, nodes = found
        result: dict[str, DeltaChannelHistory] = {}
        for name, collected in writes.items():
            values: list[PendingWrite] = [
                (task_id, write.channel, self.trees.grow(write.part, nodes, damaged))
                for task_id, write in collected
            ]
            result[name] = {"writes": values}
            if name in seeds:
                result[name]["seed"] = self.trees.grow(seeds[name], nodes, damaged)
        return result

    def _matches(self, data: bytes, filter: Mapping[str, Any]) -> bool:
        metadata = self.open_metadata(data)
        return metadata is not None and all(metadata.get(key) == value for key, value in filter.items())
