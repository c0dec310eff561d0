"""A saver whose writes stay in memory over a base that stays untouched."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    PendingWrite,
    get_checkpoint_id,
    get_checkpoint_metadata,
    writes_sort_key,
)

from lgviz.errors import ReadOnly
from lgviz.sources import LayeredSource, Source, open_source

from .loops import Steps, adrive, call, drive
from .overlay_source import OverlaySource

__all__ = ["OverlaySaver"]

Key = tuple[str, str, str]
"""Thread, namespace, checkpoint id."""
Typed = tuple[str, bytes]
Specs = list[Any]
Pending = list[PendingWrite]
Configs = list[RunnableConfig]
Writes = list[tuple[str, Any]]
Put = tuple[RunnableConfig, Checkpoint, CheckpointMetadata, ChannelVersions]

ticks = itertools.count()
"""Counts what is put into overlays: which came before which."""


@dataclass(slots=True)
class _Entry:
    """One checkpoint, serialized at once: what a graph changes later in memory does not reach it."""

    parent: str | None
    frame: Typed
    values: dict[str, Typed]
    metadata: Typed
    new_versions: ChannelVersions
    tick: int = field(default_factory=lambda: next(ticks))


@dataclass(slots=True)
class _Write:
    task_path: str
    task_id: str
    idx: int
    channel: str
    value: Typed


@dataclass(slots=True)
class _Memory:
    entries: dict[Key, _Entry] = field(default_factory=dict)
    writes: dict[Key, dict[tuple[str, int], _Write]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    sandbox: Any = None


class OverlaySaver(BaseCheckpointSaver[Any]):
    """Reads through to ``base``; keeps what is put in memory.

    Values go through the base's own serializer, so that what is read back is what the base would give.
    Deleting is refused. Use it from the thread or loop from which the base could be used.

    Args:
        base: the saver underneath; never written to, except by :meth:`keep`.

    Attributes:
        sandbox: the sandbox that it is part of, if it is.
    """

    def __init__(self, base: BaseCheckpointSaver[Any]) -> None:
        super().__init__(serde=base.serde)
        self.base = base
        self._memory = _Memory()

    @property
    def config_specs(self) -> Specs:
        return self.base.config_specs

    def get_next_version(self, current: Any, channel: None) -> Any:
        return self.base.get_next_version(current, channel)

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> OverlaySaver:
        clone = OverlaySaver(self.base.with_allowlist(extra_allowlist))
        clone._memory = self._memory
        return clone

    @property
    def sandbox(self) -> Any:
        return self._memory.sandbox

    @sandbox.setter
    def sandbox(self, sandbox: Any) -> None:
        self._memory.sandbox = sandbox

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop that the base lives on, if it lives on one."""
        return getattr(self.base, "loop", None)

    def open_source(self) -> Source:
        """A source of the base's checkpoints with those in memory over them."""
        return LayeredSource(open_source(self.base), self.open_upper())

    def open_upper(self) -> Source:
        """A source of what is in memory alone."""
        return OverlaySource(self)

    def checkpoints(self) -> Configs:
        """Configs of the checkpoints held in memory, in the order they were put."""
        with self._memory.lock:
            return [_config(key) for key in self._memory.entries]

    def tick(self, config: RunnableConfig) -> int:
        """The moment at which a checkpoint was put; -1 for one of the base."""
        entry = self._memory.entries.get(self._own_key(config))
        return -1 if entry is None else entry.tick

    @property
    def empty(self) -> bool:
        """Whether nothing is held in memory."""
        return not self._memory.entries and not self._memory.writes

    # ------------------------------------------------------------ reading

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        key = self._own_key(config)
        if key in self._memory.entries:
            return self._load(key)
        found = self.base.get_tuple(config)
        return found and self._with_writes(found)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        key = self._own_key(config)
        if key in self._memory.entries:
            return self._load(key)
        found = await self.base.aget_tuple(config)
        return found and self._with_writes(found)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        found = list(self.base.list(config, filter=filter, before=before, limit=limit))
        yield from self._merged(found, config, filter, before, limit)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        found = [t async for t in self.base.alist(config, filter=filter, before=before, limit=limit)]
        for item in self._merged(found, config, filter, before, limit):
            yield item

    # ------------------------------------------------------------ writing, into memory

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        thread_id, namespace, parent = _names(config)
        key = (thread_id, namespace, checkpoint["id"])
        with self._memory.lock:
            above = self._memory.entries.get((thread_id, namespace, parent or ""))
            kept = above.values if above else {}
            self._memory.entries[key] = _Entry(
                parent=parent,
                frame=self.serde.dumps_typed({**checkpoint, "channel_values": {}}),
                values={
                    channel: kept[channel]
                    if channel in kept and channel not in new_versions
                    else self.serde.dumps_typed(value)
                    for channel, value in checkpoint["channel_values"].items()
                },
                metadata=self.serde.dumps_typed(get_checkpoint_metadata(config, metadata)),
                new_versions=dict(new_versions),
            )
        return _config(key)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return self.put(config, checkpoint, metadata, new_versions)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        thread_id, namespace, checkpoint_id = _names(config)
        with self._memory.lock:
            held = self._memory.writes.setdefault((thread_id, namespace, checkpoint_id or ""), {})
            for position, (channel, value) in enumerate(writes):
                idx = WRITES_IDX_MAP.get(channel, position)
                if idx >= 0 and (task_id, idx) in held:
                    continue
                held[task_id, idx] = _Write(task_path, task_id, idx, channel, self.serde.dumps_typed(value))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        self.put_writes(config, writes, task_id, task_path)

    def keep(self) -> Configs:
        """Write what is held in memory into the base, in order.

        Returns:
            The configs of the checkpoints written.
        """
        return drive(self._keep())

    async def akeep(self) -> Configs:
        """The same as :meth:`keep`, awaited."""
        return await adrive(self._keep())

    def kept(self) -> Iterator[tuple[int, Put]]:
        """What to put into the base, in order, each with the moment at which it was put here."""
        for key, entry in list(self._memory.entries.items()):
            held = self._load(key)
            parent = _config((key[0], key[1], entry.parent or ""))
            if not entry.parent:
                del parent["configurable"]["checkpoint_id"]
            yield entry.tick, (parent, held.checkpoint, held.metadata, entry.new_versions)

    def kept_writes(self) -> Iterator[tuple[RunnableConfig, Writes, str, str]]:
        """The writes to put into the base, those of a task together."""
        for key in list(self._memory.writes):
            by_task: dict[tuple[str, str], Writes] = {}
            for write in self._ordered(key):
                by_task.setdefault((write.task_id, write.task_path), []).append(
                    (write.channel, self.serde.loads_typed(write.value))
                )
            for (task_id, task_path), writes in by_task.items():
                # savers number a task's writes by position, special ones apart
                yield _config(key), sorted(writes, key=lambda w: w[0] in WRITES_IDX_MAP), task_id, task_path

    def forget(self) -> Configs:
        """Drop what is held in memory.

        Returns:
            The configs of the checkpoints that it held.
        """
        with self._memory.lock:
            held = self.checkpoints()
            self._memory.entries.clear()
            self._memory.writes.clear()
        return held

    # ------------------------------------------------------------ refused

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise ReadOnly("An overlay deletes, copies and prunes nothing.", "Do that on the saver underneath.")

    async def _arefuse(self, *_: Any, **__: Any) -> Any:
        self._refuse()

    delete_thread = delete_for_runs = copy_thread = prune = _refuse
    adelete_thread = adelete_for_runs = acopy_thread = aprune = _arefuse

    # ------------------------------------------------------------ inside

    def _own_key(self, config: RunnableConfig) -> Key:
        """The checkpoint a config means, as far as memory knows; an empty id where it holds none."""
        thread_id, namespace, checkpoint_id = _names(config)
        if not checkpoint_id:
            with self._memory.lock:
                ids = [k[2] for k in self._memory.entries if k[:2] == (thread_id, namespace)]
            checkpoint_id = max(ids, default="")
        return thread_id, namespace, checkpoint_id

    def _load(self, key: Key) -> CheckpointTuple:
        with self._memory.lock:
            entry = self._memory.entries[key]
            writes = self._ordered(key)
        checkpoint: Checkpoint = self.serde.loads_typed(entry.frame)
        checkpoint["channel_values"] = {c: self.serde.loads_typed(v) for c, v in entry.values.items()}
        return CheckpointTuple(
            _config(key),
            checkpoint,
            self.serde.loads_typed(entry.metadata),
            _config((key[0], key[1], entry.parent)) if entry.parent else None,
            [(w.task_id, w.channel, self.serde.loads_typed(w.value)) for w in writes],
        )

    def _ordered(self, key: Key) -> Sequence[_Write]:
        held = self._memory.writes.get(key, {}).values()
        return sorted(held, key=lambda w: writes_sort_key(w.task_path, w.task_id, w.idx))

    def _with_writes(self, found: CheckpointTuple) -> CheckpointTuple:
        """A checkpoint of the base with the writes that memory holds for it.

        As every saver does it: a special write (an error, an interrupt, a resume) replaces the old one of
        its task, any other is ignored where the task has one in that position.
        """
        thread_id, namespace, checkpoint_id = _names(found.config)
        with self._memory.lock:
            ours = self._ordered((thread_id, namespace, checkpoint_id or ""))
        if not ours:
            return found
        theirs = list(found.pending_writes or ())
        special = {(w.task_id, w.channel) for w in ours if w.idx < 0}
        merged: Pending = [w for w in theirs if (w[0], w[1]) not in special]
        taken: dict[str, int] = {}
        for task_id, channel, _ in theirs:
            taken[task_id] = taken.get(task_id, 0) + (channel not in WRITES_IDX_MAP)
        merged += [
            (w.task_id, w.channel, self.serde.loads_typed(w.value))
            for w in ours
            if w.idx < 0 or w.idx >= taken.get(w.task_id, 0)
        ]
        return found._replace(pending_writes=merged)

    def _merged(
        self,
        found: Iterable[CheckpointTuple],
        config: RunnableConfig | None,
        wanted: Mapping[str, Any] | None,
        before: RunnableConfig | None,
        limit: int | None,
    ) -> Iterator[CheckpointTuple]:
        """The base's checkpoints and memory's, newest first."""
        with self._memory.lock:
            keys = sorted(self._memory.entries, key=lambda k: k[2], reverse=True)
        ours = (self._load(k) for k in keys if _selected(k, config, before))
        if wanted:
            ours = (t for t in ours if all(t.metadata.get(k) == v for k, v in wanted.items()))
        theirs = (self._with_writes(t) for t in found)
        merged = heapq.merge(theirs, ours, key=lambda t: str(t.checkpoint["id"]), reverse=True)
        for count, item in enumerate(merged):
            if limit is not None and count >= limit:
                return
            yield item

    def _keep(self) -> Steps[Configs]:
        for _, put in self.kept():
            yield from call(self.base, "put", *put)
        for writes in self.kept_writes():
            yield from call(self.base, "put_writes", *writes)
        return self.forget()


def _names(config: RunnableConfig) -> tuple[str, str, str | None]:
    conf = config["configurable"]
    return str(conf["thread_id"]), conf.get("checkpoint_ns", ""), get_checkpoint_id(config)


def _config(key: Key) -> RunnableConfig:
    return {"configurable": {"thread_id": key[0], "checkpoint_ns": key[1], "checkpoint_id": key[2]}}


def _selected(key: Key, config: RunnableConfig | None, before: RunnableConfig | None) -> bool:
    conf = (config or {}).get("configurable", {})
    if "thread_id" in conf and str(conf["thread_id"]) != key[0]:
        return False
    if conf.get("checkpoint_ns") is not None and conf["checkpoint_ns"] != key[1]:
        return False
    if conf.get("checkpoint_id") and conf["checkpoint_id"] != key[2]:
        return False
    limit = get_checkpoint_id(before) if before else None
    return not limit or key[2] < limit
