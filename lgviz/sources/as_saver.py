"""A source seen as a saver, so that LangGraph itself can read through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple

from .base import Source

__all__ = ["SourceSaver"]

Lookup = Callable[[str, str], tuple[str | None, Mapping[str, Any]] | None]


class SourceSaver(BaseCheckpointSaver[Any]):
    """Answers ``get_tuple`` for named checkpoints from a source: from any thread, without an event loop or a
    lock, and with an :class:`Undecodable` in the place of a value that cannot be decoded.

    Args:
        source: what to read.
        lookup: parent id and metadata of a checkpoint, by namespace and id; None where there is none.
    """

    def __init__(self, source: Source, lookup: Lookup) -> None:
        super().__init__()
        self._source = source
        self._lookup = lookup

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        where = config["configurable"]
        thread, namespace = str(where["thread_id"]), where.get("checkpoint_ns", "")
        id_ = where.get("checkpoint_id")
        found = self._lookup(namespace, id_) if id_ else None
        versions = self._source.versions(thread, namespace, [id_]).get(id_) if found and id_ else None
        if found is None or versions is None:
            return None
        parent_id, metadata = found
        place: dict[str, Any] = {"thread_id": thread, "checkpoint_ns": namespace}
        return CheckpointTuple(
            config={"configurable": {**place, "checkpoint_id": id_}},
            checkpoint={
                "v": versions.v,
                "id": str(id_),
                "ts": versions.ts or "",
                "channel_values": self._source.channels(thread, namespace, str(id_)),
                "channel_versions": dict(versions.channel_versions),
                "versions_seen": {name: dict(seen) for name, seen in versions.versions_seen.items()},
                "updated_channels": None
                if versions.updated_channels is None
                else list(versions.updated_channels),
            },
            metadata=dict(metadata),  # type: ignore[arg-type]  # as stored, whatever it is
            parent_config={"configurable": {**place, "checkpoint_id": parent_id}} if parent_id else None,
            pending_writes=[
                (write.task_id, write.channel, write.value)
                for write in self._source.writes(thread, namespace, str(id_))
            ],
        )
