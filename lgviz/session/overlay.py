"""A saver whose writes stay in memory over a base that stays untouched."""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
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
)

from lgviz.errors import ReadOnly
from lgviz.sources import LayeredSource, Source, open_source
from lgviz.sources.places import config_of
from lgviz.transfer.threads import Put

from .effects import Act, adrive, call, drive
from .overlay_memory import HeldTuple, Key, OverlayMemory, OverlaySource, names_of

__all__ = ["OverlaySaver"]

Specs = list[Any]
Pending = list[PendingWrite]
Configs = list[RunnableConfig]
Reads = dict[Key, HeldTuple]
"""Checkpoints of the base, as they were asked for: without an id, the latest."""
logger = logging.getLogger(__name__)


class OverlaySaver(BaseCheckpointSaver[Any]):
    """Reads through to ``base``; keeps what is put in memory.

    Values go through the base's own serializer, so that what is read back is what the base would give.
    Deleting is refused. Use it from the thread or loop from which the base could be used.

    Args:
        base: the saver underneath; never written to, except by :meth:`keep`.
        reads: what was read of the base, to be read once only: for overlays of one moment. None: the base is
            read each time.

    Attributes:
        sandbox: the sandbox that it is part of, if it is.
    """

    def __init__(self, base: BaseCheckpointSaver[Any], reads: Reads | None = None) -> None:
        super().__init__(serde=base.serde)
        self.base = base
        self._reads = reads
        self._memory = OverlayMemory()

    @property
    def config_specs(self) -> Specs:
        return self.base.config_specs

    def get_next_version(self, current: Any, channel: None) -> Any:
        return self.base.get_next_version(current, channel)

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> OverlaySaver:
        clone = OverlaySaver(self.base.with_allowlist(extra_allowlist), self._reads)
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
        return OverlaySource(self._memory, self.serde, type(self).__name__)

    def checkpoints(self) -> Configs:
        """Configs of the checkpoints held in memory, in the order they were put."""
        with self._memory.lock:
            return [config_of(*key) for key in self._memory.entries]

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
            return self._memory.load(self.serde, key)
        found = self._known(key) or self._learned(key, self.base.get_tuple(config))
        return found and self._with_writes(found)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        key = self._own_key(config)
        if key in self._memory.entries:
            return self._memory.load(self.serde, key)
        found = self._known(key) or self._learned(key, await self.base.aget_tuple(config))
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
        return self._memory.put(self.serde, config, checkpoint, metadata, new_versions)

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
        self._memory.put_writes(self.serde, config, writes, task_id, task_path)

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
        """:meth:`keep`, awaited."""
        return await adrive(self._keep())

    def kept(self) -> Iterator[tuple[int, Put]]:
        """The calls that put what it holds into the base, in order, each with its moment."""
        return self._memory.kept(self.serde)

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

    def learn(self, found: CheckpointTuple) -> None:
        """Take a checkpoint of the base as read."""
        self._learned(self._own_key(found.config), found)

    def fresh(self) -> OverlaySaver:
        """An empty overlay over the same base, which is not read again."""
        return OverlaySaver(self.base, self._reads)

    def _known(self, key: Key) -> CheckpointTuple | None:
        held = self._reads.get(key) if self._reads is not None else None
        return None if held is None else held.load(self.serde)

    def _learned(self, key: Key, found: CheckpointTuple | None) -> CheckpointTuple | None:
        if self._reads is not None and found is not None:
            try:
                self._reads[key] = HeldTuple.of(self.serde, found)
            except Exception as error:  # the base reads what it would not store: it is read each time
                logger.debug("A checkpoint is read again each time: %s", error)
        return found

    def _own_key(self, config: RunnableConfig) -> Key:
        """The checkpoint a config means, as far as memory knows; an empty id where it holds none."""
        thread_id, namespace, checkpoint_id = names_of(config)
        if not checkpoint_id:
            with self._memory.lock:
                ids = [k[2] for k in self._memory.entries if k[:2] == (thread_id, namespace)]
            checkpoint_id = max(ids, default="")
        return thread_id, namespace, checkpoint_id

    def _with_writes(self, found: CheckpointTuple) -> CheckpointTuple:
        """A checkpoint of the base with the writes that memory holds for it.

        As every saver does it: a special write (an error, an interrupt, a resume) replaces the old one of
        its task, any other is ignored where the task has one in that position.
        """
        thread_id, namespace, checkpoint_id = names_of(found.config)
        with self._memory.lock:
            ours = self._memory.ordered((thread_id, namespace, checkpoint_id or ""))
        if not ours:
            return found
        theirs = list(found.pending_writes or ())
        special = {(w.task_id, w.channel) for w in ours if w.idx < 0}
        merged: Pending = [w for w in theirs if (w[0], w[1]) not in special]
        taken: dict[str, int] = {}
        for task_id, channel, _ in theirs:
            taken[task_id] = taken.get(task_id, 0) + (channel not in WRITES_IDX_MAP)
        merged += [
            (w.task_id, w.channel, w.read(self.serde))
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
        ours = (self._memory.load(self.serde, k) for k in keys if _selected(k, config, before))
        if wanted:
            ours = (t for t in ours if all(t.metadata.get(k) == v for k, v in wanted.items()))
        theirs = (self._with_writes(t) for t in found)
        merged = heapq.merge(theirs, ours, key=lambda t: str(t.checkpoint["id"]), reverse=True)
        for count, item in enumerate(merged):
            if limit is not None and count >= limit:
                return
            yield item

    def _keep(self) -> Act[Configs]:
        for _, (method, args) in self.kept():
            yield from call(self.base, method, *args)
        return self.forget()


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
