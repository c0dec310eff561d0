"""What an overlay saver holds in memory: checkpoints and writes, serialized at once, and read as a source."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
    writes_sort_key,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.types import ERROR

from lgviz.errors import CheckpointNotFound
from lgviz.persistence.serde.exact import write_error
from lgviz.persistence.serde.stored_error import error_as_text
from lgviz.sources.base import (
    Bookkeeping,
    CheckpointRow,
    Record,
    Source,
    StoredWrite,
    ThreadIndex,
    ThreadInfo,
    WriteRow,
)
from lgviz.sources.decode import Decoder, opened_writes
from lgviz.sources.places import config_of, place_of
from lgviz.transfer.threads import Put

__all__ = [
    "HeldCheckpoint",
    "HeldTuple",
    "HeldWrite",
    "Key",
    "OverlayMemory",
    "OverlaySource",
    "config_of",
    "names_of",
    "ticks",
]

Key = tuple[str, str, str]
"""Thread, namespace, checkpoint id."""
Typed = tuple[str, bytes]

ticks = itertools.count()
"""Counts what is put into overlays: which came before which."""


@dataclass(slots=True)
class HeldCheckpoint:
    """One checkpoint; what a graph changes later in memory does not reach it."""

    parent: str | None
    frame: Typed
    values: dict[str, Typed]
    metadata: Typed
    new_versions: ChannelVersions
    tick: int = field(default_factory=lambda: next(ticks))


@dataclass(slots=True)
class HeldWrite:
    """One write of a task."""

    task_path: str
    task_id: str
    idx: int
    channel: str
    value: Typed
    tick: int = field(default_factory=lambda: next(ticks))

    def read(self, serde: SerializerProtocol) -> Any:
        """Its value as LangGraph is given it."""
        return error_as_text(self.channel, serde.loads_typed(self.value))


@dataclass(slots=True)
class OverlayMemory:
    """Checkpoints and writes, in the order they were put.

    Attributes:
        sandbox: what the overlay is part of, if it is.
    """

    entries: dict[Key, HeldCheckpoint] = field(default_factory=dict)
    writes: dict[Key, dict[tuple[str, int], HeldWrite]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    sandbox: Any = None

    def put(
        self,
        serde: SerializerProtocol,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Take in a checkpoint."""
        thread_id, namespace, parent = names_of(config)
        key = (thread_id, namespace, checkpoint["id"])
        with self.lock:
            above = self.entries.get((thread_id, namespace, parent or ""))
            kept = above.values if above else {}
            self.entries[key] = HeldCheckpoint(
                parent=parent,
                frame=serde.dumps_typed({**checkpoint, "channel_values": {}}),
                values={
                    channel: kept[channel]
                    if channel in kept and channel not in new_versions
                    else serde.dumps_typed(value)
                    for channel, value in checkpoint["channel_values"].items()
                },
                metadata=serde.dumps_typed(get_checkpoint_metadata(config, metadata)),
                new_versions=dict(new_versions),
            )
        return config_of(*key)

    def put_writes(
        self,
        serde: SerializerProtocol,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str,
    ) -> None:
        """Take in writes of a task: a special one replaces, any other is stored once."""
        thread_id, namespace, checkpoint_id = names_of(config)
        with self.lock:
            held = self.writes.setdefault((thread_id, namespace, checkpoint_id or ""), {})
            for position, (channel, value) in enumerate(writes):
                idx = WRITES_IDX_MAP.get(channel, position)
                if idx >= 0 and (task_id, idx) in held:
                    continue
                dumped = (
                    write_error(value, serde, serde.dumps_typed)
                    if channel == ERROR
                    else serde.dumps_typed(value)
                )
                held[task_id, idx] = HeldWrite(task_path, task_id, idx, channel, dumped)

    def load(self, serde: SerializerProtocol, key: Key) -> CheckpointTuple:
        """A checkpoint as a saver gives it."""
        with self.lock:
            entry = self.entries[key]
            writes = self.ordered(key)
        checkpoint: Checkpoint = serde.loads_typed(entry.frame)
        checkpoint["channel_values"] = {c: serde.loads_typed(v) for c, v in entry.values.items()}
        return CheckpointTuple(
            config_of(*key),
            checkpoint,
            serde.loads_typed(entry.metadata),
            config_of(key[0], key[1], entry.parent) if entry.parent else None,
            [(w.task_id, w.channel, w.read(serde)) for w in writes],
        )

    def ordered(self, key: Key) -> Sequence[HeldWrite]:
        """The writes of a checkpoint in LangGraph's spec."""
        held = self.writes.get(key, {}).values()
        return sorted(held, key=lambda w: writes_sort_key(w.task_path, w.task_id, w.idx))

    def kept(self, serde: SerializerProtocol) -> Iterator[tuple[int, Put]]:
        """The calls that put all of it into a base, each with its moment, in the order in which they came: by
        it lgviz's savers tell which child of a checkpoint a write made."""
        calls: list[tuple[int, Callable[[], Put]]] = [
            (entry.tick, partial(self._kept_checkpoint, serde, key)) for key, entry in self.entries.items()
        ]
        for key in self.writes:
            by_task: dict[tuple[str, str], list[HeldWrite]] = {}
            for write in self.ordered(key):
                by_task.setdefault((write.task_id, write.task_path), []).append(write)
            for writes in by_task.values():
                # Special ones, such as an answer, come at any time.
                _, tick = min((write.idx < 0, write.tick) for write in writes)
                calls.append((tick, partial(self._kept_writes, serde, key, writes)))
        for tick, made in sorted(calls, key=lambda each: each[0]):
            yield tick, made()

    def _kept_checkpoint(self, serde: SerializerProtocol, key: Key) -> Put:
        held, entry = self.load(serde, key), self.entries[key]
        parent = config_of(key[0], key[1], entry.parent or None)
        return "put", (parent, held.checkpoint, held.metadata, entry.new_versions)

    def _kept_writes(self, serde: SerializerProtocol, key: Key, writes: Sequence[HeldWrite]) -> Put:
        """Those of a task together: savers number them by position, special ones apart."""
        special_last = sorted(writes, key=lambda write: write.idx < 0)
        pairs = [(write.channel, serde.loads_typed(write.value)) for write in special_last]
        return "put_writes", (config_of(*key), pairs, writes[0].task_id, writes[0].task_path)


def names_of(config: RunnableConfig) -> tuple[str, str, str | None]:
    """Thread, namespace and, where it names one, checkpoint id."""
    thread_id, namespace, _ = place_of(config)
    return thread_id, namespace or "", get_checkpoint_id(config)


@dataclass(frozen=True, slots=True)
class HeldTuple:
    """A checkpoint as a saver gave it, serialized, so that each who is given it may change it."""

    config: RunnableConfig
    parent_config: RunnableConfig | None
    frame: Typed
    values: dict[str, Typed]
    metadata: Typed
    writes: list[tuple[str, str, Typed]] | None

    @classmethod
    def of(cls, serde: SerializerProtocol, found: CheckpointTuple) -> HeldTuple:
        """Serialize a checkpoint."""
        pending = found.pending_writes
        return cls(
            found.config,
            found.parent_config,
            serde.dumps_typed({**found.checkpoint, "channel_values": {}}),
            {name: serde.dumps_typed(value) for name, value in found.checkpoint["channel_values"].items()},
            serde.dumps_typed(found.metadata),
            None
            if pending is None
            else [(task, name, serde.dumps_typed(value)) for task, name, value in pending],
        )

    def load(self, serde: SerializerProtocol) -> CheckpointTuple:
        """The checkpoint anew."""
        checkpoint: Checkpoint = serde.loads_typed(self.frame)
        checkpoint["channel_values"] = {name: serde.loads_typed(value) for name, value in self.values.items()}
        writes = self.writes
        return CheckpointTuple(
            self.config,
            checkpoint,
            serde.loads_typed(self.metadata),
            self.parent_config,
            None
            if writes is None
            else [(task, name, serde.loads_typed(value)) for task, name, value in writes],
        )


class OverlaySource(Source):
    """Reads only what was put into the overlay; its base's checkpoints are not here."""

    def __init__(self, memory: OverlayMemory, serde: SerializerProtocol, description: str) -> None:
        self.description = description
        self._memory = memory
        self._decoder = Decoder(serde)

    def threads(self) -> list[ThreadInfo]:
        return []

    def index(self, thread_id: str, since: Any = None) -> ThreadIndex:
        with self._memory.lock:
            keys = [key for key in self._memory.entries if key[0] == thread_id]
            written = {key: list(w.values()) for key, w in self._memory.writes.items() if key[0] == thread_id}
            new = [(key, self._memory.entries[key]) for key in keys[since or 0 :]]
        checkpoints = [
            CheckpointRow(key[1], key[2], entry.parent, self._decoder.value(*entry.metadata))
            for key, entry in new
        ]
        writes = [
            WriteRow(key[1], key[2], write.task_id, write.task_path, write.idx, write.channel)
            for key, held in written.items()
            for write in held
        ]
        return ThreadIndex(checkpoints, writes, len(keys))

    def record(self, thread_id: str, namespace: str, checkpoint_id: str, *, exact: bool = False) -> Record:
        entry = self._entry(thread_id, namespace, checkpoint_id)
        return Record(
            checkpoint_id,
            entry.parent,
            self._decoder.value(*entry.metadata, exact=exact),
            Bookkeeping.of(self._decoder.value(*entry.frame, exact=exact), entry.values),
            {name: self._decoder.value(*value, exact=exact) for name, value in entry.values.items()},
            self._opened(thread_id, namespace, checkpoint_id, exact=exact),
        )

    def bookkeeping(
        self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str]
    ) -> dict[str, Bookkeeping]:
        entries = self._memory.entries
        held = {id_: entries.get((thread_id, namespace, id_)) for id_ in checkpoint_ids}
        return {
            id_: Bookkeeping.of(self._decoder.value(*entry.frame), entry.values)
            for id_, entry in held.items()
            if entry is not None
        }

    def channels(
        self, thread_id: str, namespace: str, checkpoint_id: str, names: Iterable[str] | None = None
    ) -> dict[str, Any]:
        entry = self._entry(thread_id, namespace, checkpoint_id)
        wanted = entry.values if names is None else [name for name in names if name in entry.values]
        return {name: self._decoder.value(*entry.values[name]) for name in wanted}

    def writes(self, thread_id: str, namespace: str, checkpoint_id: str) -> list[StoredWrite]:
        return self._opened(thread_id, namespace, checkpoint_id)

    def _entry(self, thread_id: str, namespace: str, checkpoint_id: str) -> HeldCheckpoint:
        entry = self._memory.entries.get((thread_id, namespace, checkpoint_id))
        if entry is None:
            raise CheckpointNotFound(f"The sandbox holds no checkpoint {checkpoint_id}.", "Pick another one.")
        return entry

    def _opened(
        self, thread_id: str, namespace: str, checkpoint_id: str, *, exact: bool = False
    ) -> list[StoredWrite]:
        with self._memory.lock:
            held = list(self._memory.writes.get((thread_id, namespace, checkpoint_id), {}).values())
        rows = [(w.task_path, w.task_id, w.idx, w.channel, *w.value) for w in held]
        return opened_writes(rows, self._decoder, exact=exact)
