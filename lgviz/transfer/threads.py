"""Copying the path to a checkpoint into a new thread of a saver that cannot share it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lgviz.persistence.savers.anchors import anchor_of
from lgviz.persistence.savers.lineage import PathEntry, Place, path_to
from lgviz.sources.base import Record, Source, StoredWrite
from lgviz.sources.lgviz.tables import TablesSource
from lgviz.sources.places import Address

__all__ = ["PathCopy"]

Put = tuple[str, tuple[Any, ...]]
"""A method of a saver, and its arguments."""


class PathCopy:
    """The calls of a saver that make a new thread of the path to a checkpoint of another.

    Args:
        source: where the checkpoints are read.
        at: the checkpoint.
        new_thread: the new thread's id.
    """

    def __init__(self, source: Source, at: Address, new_thread: str) -> None:
        self._source = source
        self._thread_id = at.thread_id
        self._new_thread = new_thread
        self._places = self._on_path((at.ns or "", str(at.checkpoint_id)))

    def __len__(self) -> int:
        return len(self._places)

    def _on_path(self, at: Place) -> list[Place]:
        """The checkpoints to copy, oldest first."""
        rows = self._source.index(self._thread_id).checkpoints
        if not isinstance(self._source, TablesSource):
            # LangGraph's latest has the greatest id, lgviz's was stored last.
            rows = sorted(rows, key=lambda row: (row.id, row.namespace))
        found = {
            (row.namespace, row.id): PathEntry(key, row.parent_id, anchor_of(row.namespace, row.metadata), 0)
            for key, row in enumerate(rows)
        }
        return sorted(path := path_to(at, found), key=lambda place: path[place].key)

    def puts(self) -> Iterator[list[Put]]:
        """For each checkpoint, oldest first, what puts it and the writes under it."""
        versions: dict[tuple[str, str | None], Mapping[str, Any]] = {}
        for namespace, id in self._places:
            record = self._source.record(self._thread_id, namespace, id, exact=True)
            if record.bookkeeping is None:
                continue
            now = record.bookkeeping.head.get("channel_versions") or {}
            before = versions.get((namespace, record.parent_id), {})
            versions[namespace, id] = now
            yield [self._put(namespace, record, before, now), *self._put_writes(namespace, record)]

    def _put(self, namespace: str, record: Record, before: Mapping[str, Any], now: Mapping[str, Any]) -> Put:
        assert record.bookkeeping is not None
        new = {name: version for name, version in now.items() if before.get(name) != version}
        checkpoint = {**record.bookkeeping.head, "channel_values": dict(record.values)}
        place = Address(self._new_thread, namespace, record.parent_id)
        return "put", (place.config(), checkpoint, dict(record.metadata), new)

    def _put_writes(self, namespace: str, record: Record) -> Iterator[Put]:
        here = Address(self._new_thread, namespace, record.id).config()
        tasks: dict[tuple[str, str, int], list[StoredWrite]] = {}
        for write in sorted(record.writes, key=lambda write: write.idx):
            # A saver numbers the writes that it is given; a special one's number is its channel's.
            tasks.setdefault((write.task_id, write.task_path, min(write.idx, 0)), []).append(write)
        for (task_id, task_path, _), writes in tasks.items():
            yield "put_writes", (here, _pairs(writes), task_id, task_path)


def _pairs(writes: Sequence[StoredWrite]) -> list[tuple[str, Any]]:
    return [(write.channel, write.value) for write in writes]
