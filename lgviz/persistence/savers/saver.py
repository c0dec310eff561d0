"""LangGraph's saver interface over the engine: each method once, for every database.

A saver differs from another only in its driver.
"""

from __future__ import annotations

import builtins
import copy
import random
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from lgviz.persistence.blocks.integrity import Problem
from lgviz.persistence.blocks.merkle import Block
from lgviz.persistence.database.dialect import Dialect
from lgviz.persistence.database.runners import AsyncRunner, OperationRunner, SyncRunner
from lgviz.persistence.serde.exact import ExactSerializer

from .engine import SaverEngine
from .index import ThreadIndex, Token
from .lineage import ThreadLineage
from .read import StoredCheckpoint
from .stats import Stats

PAGE = 32
"""How many checkpoints ``list`` reads at a time."""


class Saver(OperationRunner, BaseCheckpointSaver[Any]):
    """What all savers share. See LangGraph's ``BaseCheckpointSaver`` for the methods.

    Args:
        dialect: of the database.
        serde: serializer of the values.
    """

    def __init__(self, dialect: Dialect, *, serde: SerializerProtocol | None = None) -> None:
        super().__init__(serde=serde or ExactSerializer())
        self._dialect = dialect
        self._made_for: tuple[Any, SaverEngine] | None = None
        self._beside = False

    # -- set-up

    def _engine(self) -> tuple[SaverEngine, bool]:
        """The engine for the present serializer, and whether its set-up ran."""
        if self._made_for is None or self._made_for[0] is not self.serde:
            return SaverEngine(self._dialect, self.serde), False
        return self._made_for[1], True

    @property
    def engine(self) -> SaverEngine:
        """The engine, set up (synchronously)."""
        engine, ready = self._engine()
        if not ready and self._run(lambda: engine.prepare(beside=self._beside)):
            self._made_for = (self.serde, engine)
        return engine

    async def aengine(self) -> SaverEngine:
        """The engine, set up (asynchronously)."""
        engine, ready = self._engine()
        if not ready and await self._arun(lambda: engine.prepare(beside=self._beside)):
            self._made_for = (self.serde, engine)
        return engine

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> Saver:
        """A shallow clone that also reads the named classes."""
        clone: Saver = super().with_allowlist(extra_allowlist)  # type: ignore[assignment]
        return clone if clone is not self else copy.copy(self)

    def get_next_version(self, current: Any, channel: None = None) -> Any:
        """A version greater than ``current`` that no other branch is given.

        Versions of LangGraph's own savers go on in their form, so that old and new ones compare.
        """
        if isinstance(current, (int, float)):
            return int(current) + 1 + random.random() / 2  # noqa: S311
        if current is None:
            return f"{1:08}.{random.getrandbits(32):08x}"
        digits = current.split(".")[0]
        count = f"{int(digits) + 1:0{len(digits)}}"
        if len(digits) > 8:
            return f"{count}.{random.random():016}"  # noqa: S311
        return f"{count}.{random.getrandbits(32):08x}"

    # -- reading

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint named by ``config``, else the one of its thread and namespace committed last."""
        engine = self.engine
        stored = self._run(lambda: engine.reads.get(config))
        return None if stored is None else engine.reads.assemble(stored)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """:meth:`get_tuple`, awaited."""
        engine = await self.aengine()
        stored = await self._arun(lambda: engine.reads.get(config))
        return None if stored is None else engine.reads.assemble(stored)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Checkpoints, the one committed last first. Between two of them nothing is locked."""
        engine = self.engine
        listed = self._run(lambda: engine.reads.matching(config, filter, before, limit))
        known: dict[int, Block] = {}
        for start in range(0, len(listed), PAGE):
            page = self._run(partial(engine.reads.load, listed[start : start + PAGE], known))
            known = page[0].blocks if page else {}
            yield from engine.reads.assemble_all(page)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """:meth:`list`, awaited."""
        engine = await self.aengine()
        listed = await self._arun(lambda: engine.reads.matching(config, filter, before, limit))
        known: dict[int, Block] = {}
        for start in range(0, len(listed), PAGE):
            page: Sequence[StoredCheckpoint] = await self._arun(
                partial(engine.reads.load, listed[start : start + PAGE], known)
            )
            known = page[0].blocks if page else {}
            for found in engine.reads.assemble_all(page):
                yield found

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """See LangGraph: the writes that made delta channels what they are, since a stored value."""
        engine = self.engine
        return engine.deltas.histories(self._run(lambda: engine.deltas.read(config, channels)))

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """:meth:`get_delta_channel_history`, awaited."""
        engine = await self.aengine()
        return engine.deltas.histories(await self._arun(lambda: engine.deltas.read(config, channels)))

    # -- writing

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint; its parent is the checkpoint that ``config`` names."""
        engine = self.engine
        return self._run(lambda: engine.writes.put(config, checkpoint, metadata, new_versions))

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """:meth:`put`, awaited."""
        engine = await self.aengine()
        return await self._arun(lambda: engine.writes.put(config, checkpoint, metadata, new_versions))

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store the writes of one task under the checkpoint that ``config`` names."""
        engine = self.engine
        self._run(lambda: engine.writes.put_writes(config, writes, task_id, task_path))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """:meth:`put_writes`, awaited."""
        engine = await self.aengine()
        await self._arun(lambda: engine.writes.put_writes(config, writes, task_id, task_path))

    # -- beyond LangGraph's interface

    def index(self, thread_id: str, since: Token | None = None) -> ThreadIndex:
        """All that a tree of the thread's checkpoints needs, no value opened; with ``since`` what is new."""
        engine = self.engine
        return self._run(lambda: engine.index.read(str(thread_id), since))

    async def aindex(self, thread_id: str, since: Token | None = None) -> ThreadIndex:
        """:meth:`index`, awaited."""
        engine = await self.aengine()
        return await self._arun(lambda: engine.index.read(str(thread_id), since))

    def peek(self, config: RunnableConfig, channels: Collection[str] = ()) -> CheckpointTuple | None:
        """:meth:`get_tuple` with the values of some channels alone, and without pending writes.

        Versions, versions seen and metadata are whole: to read them opens no value.
        """
        engine = self.engine
        stored = self._run(lambda: engine.reads.get(config, channels))
        return None if stored is None else engine.reads.assemble(stored)

    async def apeek(self, config: RunnableConfig, channels: Collection[str] = ()) -> CheckpointTuple | None:
        """:meth:`peek`, awaited."""
        engine = await self.aengine()
        stored = await self._arun(lambda: engine.reads.get(config, channels))
        return None if stored is None else engine.reads.assemble(stored)

    def threads(self) -> builtins.list[tuple[str, int, float]]:
        """Every thread: its id, its number of checkpoints, the time of the last; the newest first."""
        return self._run(self.engine.index.threads)

    async def athreads(self) -> builtins.list[tuple[str, int, float]]:
        """:meth:`threads`, awaited."""
        return await self._arun((await self.aengine()).index.threads)

    def stats(self, thread_id: str | None = None) -> Stats:
        """Bytes by thread, channel and checkpoint, and what a prune would give back."""
        engine = self.engine
        return self._run(lambda: engine.stats.read(thread_id))

    async def astats(self, thread_id: str | None = None) -> Stats:
        """:meth:`stats`, awaited."""
        engine = await self.aengine()
        return await self._arun(lambda: engine.stats.read(thread_id))

    def check(self) -> builtins.list[Problem]:
        """Verify every hash and reference; empty where all is whole."""
        return self._run(self.engine.integrity.check)

    async def acheck(self) -> builtins.list[Problem]:
        """:meth:`check`, awaited."""
        return await self._arun((await self.aengine()).integrity.check)

    # -- removing and copying

    def delete_thread(self, thread_id: str) -> None:
        """Delete a thread, and give its space back."""
        engine = self.engine
        self._run(lambda: engine.removal.delete_threads([str(thread_id)]))
        self._tidy()

    async def adelete_thread(self, thread_id: str) -> None:
        """:meth:`delete_thread`, awaited."""
        engine = await self.aengine()
        await self._arun(lambda: engine.removal.delete_threads([str(thread_id)]))
        await self._atidy()

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints of some runs, but those that a kept checkpoint's delta channels need."""
        engine = self.engine
        self._run(lambda: engine.removal.delete_for_runs(run_ids))
        self._tidy()

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """:meth:`delete_for_runs`, awaited."""
        engine = await self.aengine()
        await self._arun(lambda: engine.removal.delete_for_runs(run_ids))
        await self._atidy()

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a whole thread; the values are shared."""
        engine = self.engine
        self._run(lambda: engine.removal.copy_thread(str(source_thread_id), str(target_thread_id)))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """:meth:`copy_thread`, awaited."""
        engine = await self.aengine()
        await self._arun(lambda: engine.removal.copy_thread(str(source_thread_id), str(target_thread_id)))

    def fork_thread(self, config: RunnableConfig, new_thread_id: str) -> RunnableConfig:
        """Let a new thread continue the path to a checkpoint: one row is written, however long the path is.

        The new thread has all that lies on the path from the root to the checkpoint (to the latest, where
        ``config`` names none): checkpoints, their writes, those pending at the checkpoint, and the
        checkpoints of subgraphs that were called on the way. From there on the two threads know nothing of
        each other: what is put into one, deleted or pruned there, takes nothing from the other.

        >>> from lgviz.demos import two_nodes
        >>> from lgviz.persistence import MemorySaver
        >>> saver = MemorySaver()
        >>> two_nodes.seed(two_nodes.build(saver), thread_id="a")
        >>> middle = list(saver.list({"configurable": {"thread_id": "a"}}))[-3]
        >>> new = saver.fork_thread(middle.config, "b")
        >>> new["configurable"]["thread_id"], len(list(saver.list({"configurable": {"thread_id": "b"}})))
        ('b', 3)

        Returns:
            The config of the checkpoint in the new thread, which is its latest.

        Raises:
            CheckpointNotFound: ``config`` names no checkpoint of the saver.
            ThreadExists: the new thread has checkpoints already.
        """
        engine = self.engine
        return self._run(lambda: engine.lineages.fork(config, str(new_thread_id)))

    async def afork_thread(self, config: RunnableConfig, new_thread_id: str) -> RunnableConfig:
        """:meth:`fork_thread`, awaited."""
        engine = await self.aengine()
        return await self._arun(lambda: engine.lineages.fork(config, str(new_thread_id)))

    def lineage(self, thread_id: str) -> ThreadLineage:
        """Which thread a thread was forked from, and which were forked from it (by :meth:`fork_thread`)."""
        engine = self.engine
        return self._run(lambda: engine.lineages.read(str(thread_id)))

    async def alineage(self, thread_id: str) -> ThreadLineage:
        """:meth:`lineage`, awaited."""
        engine = await self.aengine()
        return await self._arun(lambda: engine.lineages.read(str(thread_id)))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Keep the newest checkpoint of each namespace (``keep_latest``) or none (``delete``)."""
        make = self.engine.removal.pruning(thread_ids, strategy)
        self._run(make)
        self._tidy()

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """:meth:`prune`, awaited."""
        make = (await self.aengine()).removal.pruning(thread_ids, strategy)
        await self._arun(make)
        await self._atidy()


class SyncSaver(SyncRunner, Saver):
    """A saver over a synchronous driver. Its ``a…`` methods run in a thread."""


class AsyncSaver(AsyncRunner, Saver):
    """A saver over an asynchronous driver. Its plain methods work from any thread but an event loop's."""
