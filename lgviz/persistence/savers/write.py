"""Storing checkpoints and writes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import WRITES_IDX_MAP, get_checkpoint_metadata
from langgraph.checkpoint.serde.types import ERROR

from lgviz.errors import DamagedData, LgvizError, NotKept, PersistenceError
from lgviz.persistence.blocks.records import (
    Channel,
    Write,
    channel_entries,
    pack_body,
    pack_metadata,
    pack_writes,
    seen_entries,
)
from lgviz.persistence.blocks.storing import Storing
from lgviz.persistence.blocks.tree import DICT, LONGEST, Part, leaf, nodes_of
from lgviz.persistence.database.statements import WRITE, Batch, Operation, Query, Rows

from .address import Address, address
from .index import anchor_of

_OWN = ("channel_values", "channel_versions", "versions_seen", "id")
_THREAD = "(SELECT id FROM lgviz_threads WHERE thread_id = ?)"
# The checkpoint itself where it is put again, its parent, and the number of the newest root checkpoint.
_BEFORE = f"""SELECT id, ordinal, body FROM lgviz_checkpoints
    WHERE thread = {_THREAD} AND ns = ? AND id IN (?, ?)
    UNION ALL SELECT NULL, (SELECT ordinal FROM lgviz_checkpoints WHERE thread = {_THREAD} AND ns = ''
        ORDER BY key DESC LIMIT 1), NULL"""
_TASK = f"""SELECT key, task_path, data FROM lgviz_writes
    WHERE thread = {_THREAD} AND ns = ? AND checkpoint_id = ? AND task_id = ?"""


class Writing(Storing):
    """``put`` and ``put_writes``."""

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Mapping[str, Any],
        metadata: Mapping[str, Any],
        new_versions: Mapping[str, Any],
        *,
        changed: Iterable[str] | None = None,
        at: float | None = None,
    ) -> Operation[RunnableConfig]:
        """Store one checkpoint; of its values, those whose channels have new versions.

        A channel whose version is its parent's has its parent's value, by reference.

        Args:
            config, checkpoint, metadata, new_versions: as LangGraph gives them.
            changed: the channels to record as changed, where that is not ``new_versions``.
            at: when it was made, where that is not now.

        Raises:
            NotKept: a value that the serializer refuses.
        """
        place = address(config)
        ns, parent = place.ns or "", place.checkpoint_id
        values: Mapping[str, Any] = checkpoint.get("channel_values") or {}
        versions: Mapping[str, Any] = checkpoint.get("channel_versions") or {}
        # Serialized and hashed before the transaction: it is held for the shortest time.
        parts = {name: self._plant(values[name], name, ns) for name in new_versions if name in values}
        head = leaf(self.trees.serde.dumps_typed({k: v for k, v in checkpoint.items() if k not in _OWN}))
        seen = self.trees.gather(DICT, seen_entries(checkpoint.get("versions_seen") or {}))
        notes = get_checkpoint_metadata(config, metadata)  # type: ignore[arg-type]
        packed_notes = pack_metadata(notes, self.trees.serde)

        asked = self.unknown([*parts.values(), seen])

        yield WRITE
        # The parent is read only where a value is taken over from it.
        source = parent if values.keys() - parts.keys() else None
        rest = Query(_BEFORE, [place.thread_id, ns, checkpoint["id"], source, place.thread_id])
        (thread, made, mark), rows, stored = yield from self._enter(place.thread_id, rest, asked)
        before: dict[str, Channel] = {}
        replaced, last = False, -1
        for id, ordinal, data in rows:
            if id is None:
                last = -1 if ordinal is None else ordinal
            elif id == source:
                # Of a damaged parent nothing can be taken over: all values are stored.
                with suppress(DamagedData):
                    before = yield from self.open_channels(bytes(data))
            replaced = replaced or id == checkpoint["id"]
        channels: dict[str, Channel] = {}
        for name in dict.fromkeys((*versions, *values)):
            version = versions.get(name)
            part = parts.get(name)
            if part is None and name in values:
                old = before.get(name)
                if old and old.part is not None and old.version == version and name not in new_versions:
                    part = old.part
                else:
                    part = self._plant(values[name], name, ns)
            channels[name] = Channel(version, part)
        if len(channels) > LONGEST:
            yield from self._learn_hashes(channels)
        table = self.trees.gather(DICT, channel_entries(channels))
        plan = yield from self.plan(thread, mark, [table, seen], asked, stored)

        row = [
            parent,
            at or time.time(),
            json.dumps(list(new_versions if changed is None else changed), separators=(",", ":")),
            packed_notes,
            self.vault.close_row(pack_body(head, table, seen)),
        ]
        here = [thread, ns, checkpoint["id"]]
        if replaced:
            steps = [
                Query("UPDATE lgviz_threads SET epoch = epoch + 1 WHERE id = ?", [thread]),
                Query(
                    """UPDATE lgviz_checkpoints SET parent = ?, at = ?, changed = ?, metadata = ?, body = ?
                       WHERE thread = ? AND ns = ? AND id = ?""",
                    [*row, *here],
                ),
            ]
        else:
            number = max(made, last + 1) if not ns else (yield from self._inner_ordinal(thread, ns, notes))
            steps = [
                Query(
                    """INSERT INTO lgviz_checkpoints (thread, ns, id, ordinal, parent, at, changed, metadata,
                       body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                    [*here, number, *row],
                )
            ]
        if (yield Batch([*plan.steps, *steps], last=True)):
            self.stored(plan)
        return Address(place.thread_id, ns, checkpoint["id"]).config()

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> Operation[None]:
        """Store writes of one task: special ones replace, all others are kept as they were first written.

        Raises:
            NotKept: a value that the serializer refuses.
        """
        numbered = [
            (WRITES_IDX_MAP.get(channel, idx), channel, value) for idx, (channel, value) in enumerate(writes)
        ]
        return (yield from self.put_numbered_writes(config, numbered, task_id, task_path))

    def put_numbered_writes(
        self, config: RunnableConfig, writes: Iterable[tuple[int, str, Any]], task_id: str, task_path: str
    ) -> Operation[None]:
        """:meth:`put_writes` of writes that have their index already."""
        place = address(config)
        if place.checkpoint_id is None:
            raise PersistenceError(
                "The config names no checkpoint_id to write under.", "Give the config that put returned."
            )
        ns = place.ns or ""
        new = [
            Write(idx, channel, self._plant_write(value, channel, task_path or ns))
            for idx, channel, value in writes
        ]

        asked = self.unknown(write.part for write in new)

        yield WRITE
        task = Query(_TASK, [place.thread_id, ns, place.checkpoint_id, task_id])
        (thread, _, mark), rows, stored = yield from self._enter(place.thread_id, task, asked)
        kept: dict[int, Write] = {}
        steps: list[Query] = []
        for key, old_path, data in rows:
            try:
                old = self.open_writes(bytes(data))
            except DamagedData:  # the row stays as it is; check() names it
                continue
            kept |= {write.idx: write for write in old}
            task_path = task_path or old_path
            steps.append(Query("DELETE FROM lgviz_writes WHERE key = ?", [key]))
        for write in new:
            if write.idx < 0 or write.idx not in kept:
                kept[write.idx] = write
        plan = yield from self.plan(thread, mark, [write.part for write in kept.values()], asked, stored)
        data = self.vault.close_row(pack_writes(kept.values()))
        steps.append(
            Query(
                """INSERT INTO lgviz_writes (thread, ns, checkpoint_id, task_id, task_path, at, data)
                   VALUES (?, ?, ?, ?, ?, ?, ?)""",
                [thread, ns, place.checkpoint_id, task_id, task_path, time.time(), data],
            )
        )
        if (yield Batch([*plan.steps, *steps], last=True)):
            self.stored(plan)

    def _enter(
        self, thread_id: str, what: Query, asked: list[bytes]
    ) -> Operation[tuple[tuple[int, int, bytes | None], Rows, Rows]]:
        """A thread (its number, how many root checkpoints it had had at the last removal) with the mark of
        removals, the rows that a query finds, and those of the nodes asked for: in one round trip.

        The thread is locked until the transaction ends: its rows are committed in the order of their keys.
        """
        newest, hash = self.known.newest
        find = Query(
            f"SELECT id, made, {self.marks} FROM lgviz_threads WHERE thread_id = ? {self.dialect.lock_row}",
            [newest, thread_id],
        )
        steps = [find, what, *([self.ask(asked)] if asked else [])]
        found = yield Batch(steps)
        if not found[0]:
            new = "INSERT INTO lgviz_threads (thread_id, made) VALUES (?, 0) ON CONFLICT DO NOTHING"
            yield Query(new, [thread_id])
            found = yield Batch(steps)
        number, made, mark, there = found[0][0]
        if there != hash:
            self._forget(mark)
        return (number, made, mark), list(found[1]), list(found[2]) if asked else []

    def _plant_write(self, value: Any, channel: str, where: str) -> Part:
        try:
            return self._plant(value, channel, where)
        except NotKept:
            if channel != ERROR or not isinstance(value, BaseException):
                raise
            # A node's error must never be hidden by the refusal to keep its arguments.
            return self._plant(repr(value), channel, where)

    def _plant(self, value: Any, channel: str, where: str) -> Part:
        try:
            return self.trees.plant(value)
        except (LgvizError, TypeError, ValueError, RecursionError) as error:
            node = f" ({where})" if where else ""
            cause = error.cause if isinstance(error, LgvizError) else str(error)
            remedy = error.remedy if isinstance(error, LgvizError) else ""
            raise NotKept(f"Channel {channel!r}{node} holds what cannot be kept: {cause}", remedy) from error

    def _inner_ordinal(self, thread: int, ns: str, metadata: Mapping[str, Any]) -> Operation[int]:
        """The number of a subgraph's checkpoint under the checkpoint that its call started from."""
        anchor = anchor_of(ns, metadata)
        if anchor is None:
            return 0
        rows = yield Query(
            """INSERT INTO lgviz_calls (thread, ns, id, made) VALUES (?, ?, ?, 1) ON CONFLICT (thread, ns, id)
               DO UPDATE SET made = lgviz_calls.made + 1 RETURNING made""",
            [thread, *anchor],
        )
        return int(rows[0][0])

    def _learn_hashes(self, channels: Mapping[str, Channel]) -> Operation[None]:
        """Names of nodes that are known by id alone: chunking asks for them."""
        nameless = [
            node
            for channel in channels.values()
            if channel.part is not None
            for node in nodes_of(channel.part)
            if not node.hash
        ]
        if nameless:
            where, params = self.dialect.among("id", [node.id for node in nameless])
            rows = yield Query(f"SELECT id, hash FROM lgviz_nodes WHERE {where}", params)
            names = {id: bytes(hash) for id, hash in rows}
            for node in nameless:
                node.hash = names[node.id]
