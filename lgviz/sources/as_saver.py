"""A source seen as a saver, so that LangGraph itself can read through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple, DeltaChannelHistory

from lgviz.errors import CheckpointNotFound
from lgviz.persistence.serde.stored_error import error_as_text

from .base import Record, Source
from .deltas import DeltaHistories
from .places import config_of, place_of

__all__ = ["SourceSaver"]


class SourceSaver(BaseCheckpointSaver[Any]):
    """Answers ``get_tuple`` for named checkpoints from a source: from any thread, without an event loop or a
    lock, and with an :class:`Undecodable` in the place of a value that cannot be decoded.

    Args:
        source: what to read.
        deltas: collects what delta channels are made of.
        ancestors: the ids of a checkpoint's ancestors by its namespace and id, the parent first.
        known: a checkpoint that was read already.
    """

    def __init__(
        self,
        source: Source,
        deltas: DeltaHistories,
        ancestors: Callable[[str, str], Iterable[str]],
        known: Record | None = None,
    ) -> None:
        super().__init__()
        self._source = source
        self._deltas = deltas
        self._ancestors = ancestors
        self._known = known

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        thread_id, namespace, checkpoint_id = place_of(config)
        if checkpoint_id is None:
            return None
        namespace = namespace or ""
        record = self._known
        if record is None or record.id != checkpoint_id:
            try:
                record = self._source.record(thread_id, namespace, checkpoint_id)
            except CheckpointNotFound:
                return None
        known = record.bookkeeping
        if known is None:
            return None
        return CheckpointTuple(
            config=config_of(thread_id, namespace, checkpoint_id),
            checkpoint={
                "v": known.v,
                "id": checkpoint_id,
                "ts": known.ts or "",
                "channel_values": dict(record.values),
                "channel_versions": dict(known.channel_versions),
                "versions_seen": {name: dict(seen) for name, seen in known.versions_seen.items()},
                "updated_channels": None if known.updated_channels is None else list(known.updated_channels),
            },
            metadata=dict(record.metadata),  # type: ignore[arg-type]  # as stored, whatever it is
            parent_config=config_of(thread_id, namespace, record.parent_id) if record.parent_id else None,
            pending_writes=[
                (write.task_id, write.channel, error_as_text(write.channel, write.value))
                for write in record.writes
            ],
        )

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        _, namespace, checkpoint_id = place_of(config)
        if not channels or checkpoint_id is None:
            return {name: {"writes": []} for name in channels}
        ancestors = self._ancestors(namespace or "", checkpoint_id)
        found: dict[str, DeltaChannelHistory] = {}
        for name, history in self._deltas.collect(
            namespace or "", ancestors, channels, checkpoint_id
        ).items():
            found[name] = {"writes": [(w.task_id, name, w.value) for _, ws in history.steps for w in ws]}
            if history.seed_id is not None:
                found[name]["seed"] = history.seed
        return found
