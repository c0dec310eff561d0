"""A saver that passes everything on: it tells what was put, and lends a sync saver an async interface."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)

from lgviz.persistence.savers.saver import AsyncSaver
from lgviz.sources.places import config_of, place_of

from .ended import original
from .overlay import OverlaySaver

__all__ = ["Latest", "Marks", "OnPut", "SaverProxy", "below", "is_async_only", "is_sync_only"]

OnPut = Callable[[RunnableConfig, CheckpointMetadata], None]
"""Called after a checkpoint was stored, with its config and metadata, from the thread that stored it."""
Edited = Callable[[CheckpointTuple], CheckpointTuple]
"""What is to be seen of a checkpoint that was read, which it may change."""
Latest = Mapping[tuple[str, str], str | None]
"""By thread and namespace the id of a checkpoint."""
Specs = list[Any]


class Marks(Protocol):
    """What is remembered of a run's tasks, in the metadata of the checkpoint that their step makes."""

    def wrote(self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str) -> None:
        """A task wrote, in the step that starts at a checkpoint."""

    def of(self, config: RunnableConfig) -> Mapping[str, Any]:
        """What the metadata of the checkpoint after this one is to hold."""


def is_async_only(saver: BaseCheckpointSaver[Any]) -> bool:
    """Whether a saver lives on an event loop (its sync methods, if any, wait for that loop)."""
    if isinstance(base := getattr(saver, "base", None), BaseCheckpointSaver):
        return is_async_only(base)
    own_loop = isinstance(getattr(saver, "loop", None), asyncio.AbstractEventLoop)
    return own_loop or isinstance(saver, AsyncSaver) or type(saver).get_tuple is BaseCheckpointSaver.get_tuple


def is_sync_only(saver: BaseCheckpointSaver[Any]) -> bool:
    """Whether a saver has no usable async methods."""
    if isinstance(saver, OverlaySaver):
        return is_sync_only(saver.base)
    asynchronous = type(saver).aget_tuple
    # LangGraph's SqliteSaver has them, to say that it has none
    refuses = type(saver).__module__ == "langgraph.checkpoint.sqlite"
    return asynchronous is BaseCheckpointSaver.aget_tuple or refuses


def below(saver: BaseCheckpointSaver[Any]) -> BaseCheckpointSaver[Any]:
    """The saver below what lgviz puts over it for an act."""
    while isinstance(saver, SaverProxy):
        saver = saver.base
    return saver


class SaverProxy(BaseCheckpointSaver[Any]):
    """Passes every call on to ``base``.

    In a checkpoint's metadata it leaves only the parents above its namespace: after a replay inside a
    subgraph LangGraph keeps the whole map of where the replay began.

    Args:
        base: any saver. One without async methods is called in worker threads when awaited.
        on_put: told of every checkpoint, after it was stored.
        serial: let only one awaited call at a time reach ``base``. A saver lent to a second event loop needs
            it: its own lock would bind itself to that loop on the first contention.
        known: a checkpoint read a moment ago: the first who asks for it by its id is given it.
        edited: makes of each checkpoint that is read what is seen of it.
        lost: nothing is stored any more once it is set.
        marks: told of what tasks write, and asked what to remember of them.
        latest: by thread and namespace, the id of the checkpoint to answer with where one asks for the latest
            there, until another is stored; None: answer that there is none.
    """

    def __init__(
        self,
        base: BaseCheckpointSaver[Any],
        on_put: OnPut | None = None,
        *,
        serial: bool = False,
        known: CheckpointTuple | None = None,
        edited: Edited | None = None,
        latest: Latest | None = None,
        lost: threading.Event | None = None,
        marks: Marks | None = None,
    ) -> None:
        super().__init__(serde=base.serde)
        self.base = base
        self._on_put = on_put
        self._known = known
        self._edited = edited
        self._latest = dict(latest or {})
        self._lost = lost or threading.Event()
        self._marks = marks
        self._in_thread = is_sync_only(base)
        self.serial = serial
        self._serial = asyncio.Lock() if serial else None
        self._with_path = "task_path" in inspect.signature(base.put_writes).parameters

    @property
    def config_specs(self) -> Specs:
        return self.base.config_specs

    def get_next_version(self, current: Any, channel: None) -> Any:
        return self.base.get_next_version(current, channel)

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> SaverProxy:
        return SaverProxy(
            self.base.with_allowlist(extra_allowlist),
            self._on_put,
            serial=self.serial,
            edited=self._edited,
            latest=self._latest,
            lost=self._lost,
            marks=self._marks,
        )

    def _hand_out(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The known checkpoint, once: whoever is given it may change it."""
        known = self._known
        if known is None or place_of(config) != place_of(known.config):
            return None
        self._known = None
        return known

    def _meant(self, config: RunnableConfig) -> RunnableConfig | None:
        """The checkpoint to read: the chosen one where the latest is asked for; None: there is none."""
        thread_id, namespace, checkpoint_id = place_of(config)
        place = (thread_id, namespace or "")
        if checkpoint_id is not None or place not in self._latest:
            return config
        chosen = self._latest[place]
        return None if chosen is None else config_of(*place, chosen)

    def _seen(self, found: CheckpointTuple | None) -> CheckpointTuple | None:
        return self._edited(found) if found is not None and self._edited is not None else found

    def _marked(self, config: RunnableConfig, metadata: CheckpointMetadata) -> CheckpointMetadata:
        metadata = _own_parents(config, metadata)
        if self._marks is None or metadata.get("source") != "loop":
            return metadata
        return cast("CheckpointMetadata", {**metadata, **self._marks.of(config)})

    def _wrote(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str
    ) -> list[tuple[str, Any]]:
        if self._marks is not None:
            self._marks.wrote(config, writes, task_id)
        return [(channel, original(value)) for channel, value in writes]

    def _stored(self, config: RunnableConfig) -> None:
        """Another checkpoint is the latest now."""
        thread_id, namespace, checkpoint_id = place_of(config)
        place = (thread_id, namespace or "")
        if place in self._latest:
            self._latest[place] = checkpoint_id

    # ------------------------------------------------------------ sync

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        meant = self._meant(config)
        return self._seen(
            self._hand_out(config) or (self.base.get_tuple(meant) if meant is not None else None)
        )

    def list(self, config: RunnableConfig | None, **selection: Any) -> Iterator[CheckpointTuple]:
        return self.base.list(config, **selection)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        if self._lost.is_set():
            return config_of(place_of(config).thread_id, place_of(config).ns or "", checkpoint["id"])
        metadata = self._marked(config, metadata)
        stored = self.base.put(config, checkpoint, metadata, new_versions)
        self._stored(stored)
        if self._on_put:
            self._on_put(stored, metadata)
        return stored

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        if self._lost.is_set():
            return
        raised = self._wrote(config, writes, task_id)
        self.base.put_writes(config, raised, task_id, *((task_path,) if self._with_path else ()))

    def delete_thread(self, thread_id: str) -> None:
        self.base.delete_thread(thread_id)

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        return self.base.get_delta_channel_history(config=config, channels=channels)

    # ------------------------------------------------------------ async

    async def _pass(self, name: str, *args: Any, **kwargs: Any) -> Any:
        async def called() -> Any:
            if self._in_thread:
                return await asyncio.to_thread(getattr(self.base, name), *args, **kwargs)
            method: Callable[..., Awaitable[Any]] = getattr(self.base, f"a{name}")
            return await method(*args, **kwargs)

        if self._serial is None:
            return await called()
        async with self._serial:
            return await called()

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        meant, found = self._meant(config), self._hand_out(config)
        if found is None and meant is not None:
            found = await self._pass("get_tuple", meant)
        return self._seen(found)

    async def alist(self, config: RunnableConfig | None, **selection: Any) -> AsyncIterator[CheckpointTuple]:
        for item in await self._collected(config, selection):
            yield item

    async def _collected(
        self, config: RunnableConfig | None, selection: dict[str, Any]
    ) -> Sequence[CheckpointTuple]:
        if self._in_thread:
            return await asyncio.to_thread(lambda: [*self.base.list(config, **selection)])
        if self._serial is None:
            return [t async for t in self.base.alist(config, **selection)]
        async with self._serial:
            return [t async for t in self.base.alist(config, **selection)]

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        if self._lost.is_set():
            return config_of(place_of(config).thread_id, place_of(config).ns or "", checkpoint["id"])
        metadata = self._marked(config, metadata)
        stored: RunnableConfig = await self._pass("put", config, checkpoint, metadata, new_versions)
        self._stored(stored)
        if self._on_put:
            await asyncio.to_thread(self._on_put, stored, metadata)
        return stored

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        if self._lost.is_set():
            return
        raised = self._wrote(config, writes, task_id)
        await self._pass("put_writes", config, raised, task_id, *((task_path,) if self._with_path else ()))

    async def adelete_thread(self, thread_id: str) -> None:
        await self._pass("delete_thread", thread_id)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        found: Mapping[str, DeltaChannelHistory] = await self._pass(
            "get_delta_channel_history", config=config, channels=channels
        )
        return found


def _own_parents(config: RunnableConfig, metadata: CheckpointMetadata) -> CheckpointMetadata:
    namespace = place_of(config).ns or ""
    parents = metadata.get("parents", {})
    own = {
        ns: i for ns, i in parents.items() if ns != namespace and (not ns or namespace.startswith(ns + "|"))
    }
    return metadata if own == parents else {**metadata, "parents": own}
