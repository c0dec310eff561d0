"""Copying a thread, or the path to one of its checkpoints, into a new thread of any saver."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import NoneType
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from lgviz.persistence.savers.anchors import anchor_of
from lgviz.persistence.savers.lineage import PathEntry, path_to
from lgviz.persistence.savers.saver import Saver
from lgviz.persistence.serde.stored_error import error_as_text
from lgviz.sources.base import Record, Source, StoredWrite
from lgviz.sources.places import Address

from .migration import places_of

__all__ = ["ThreadCopy", "path_places"]

Version = Callable[[Any], Any]

Put = tuple[str, tuple[Any, ...]]
"""A method of a saver, and its arguments."""


class ThreadCopy:
    """The calls of a saver that make a new thread of checkpoints of another.

    Args:
        source: where the checkpoints are read.
        places: where each is, parents before children.
        new_thread: the new thread's id.
        saver: who takes them in, where that is another kind of saver than they come from: versions and errors
            become what it writes itself.
    """

    def __init__(
        self,
        source: Source,
        places: Sequence[Address],
        new_thread: str,
        saver: BaseCheckpointSaver[Any] | None = None,
    ) -> None:
        self._source = source
        self._places = places
        self._new_thread = new_thread
        self._version: Version = (lambda v: v) if saver is None else versions_of(saver)
        self._foreign = not isinstance(saver, (Saver, NoneType))

    def __len__(self) -> int:
        return len(self._places)

    def puts(self) -> Iterator[list[Put]]:
        """For each checkpoint, oldest first, what puts it and the writes under it."""
        versions: dict[tuple[str, str | None], Mapping[str, Any]] = {}
        for thread_id, ns, checkpoint_id in self._places:
            namespace, id = ns or "", str(checkpoint_id)
            record = self._source.record(thread_id, namespace, id, exact=True)
            if record.bookkeeping is None:
                continue
            now = record.bookkeeping.head.get("channel_versions") or {}
            before = versions.get((namespace, record.parent_id), {})
            versions[namespace, id] = now
            yield [self._put(namespace, record, before, now), *self._put_writes(namespace, record)]

    def _put(self, namespace: str, record: Record, before: Mapping[str, Any], now: Mapping[str, Any]) -> Put:
        assert record.bookkeeping is not None
        new = {name: self._version(number) for name, number in now.items() if before.get(name) != number}
        checkpoint = {**record.bookkeeping.head, "channel_values": dict(record.values)}
        checkpoint["channel_versions"] = self._as_versions(now)
        seen = checkpoint.get("versions_seen") or {}
        checkpoint["versions_seen"] = {node: self._as_versions(read) for node, read in seen.items()}
        place = Address(self._new_thread, namespace, record.parent_id)
        return "put", (place.config(), checkpoint, dict(record.metadata), new)

    def _as_versions(self, versions: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._version(number) for name, number in versions.items()}

    def _put_writes(self, namespace: str, record: Record) -> Iterator[Put]:
        here = Address(self._new_thread, namespace, record.id).config()
        tasks: dict[tuple[str, str, int], list[StoredWrite]] = {}
        for write in sorted(record.writes, key=lambda write: write.idx):
            # A saver numbers the writes that it is given; a special one's number is its channel's.
            tasks.setdefault((write.task_id, write.task_path, min(write.idx, 0)), []).append(write)
        for (task_id, task_path, _), writes in tasks.items():
            yield "put_writes", (here, self._pairs(writes), task_id, task_path)

    def _pairs(self, writes: Sequence[StoredWrite]) -> list[tuple[str, Any]]:
        if not self._foreign:
            return [(write.channel, write.value) for write in writes]
        # A class of lgviz is nothing that LangGraph's savers may be left with.
        return [(write.channel, error_as_text(write.channel, write.value)) for write in writes]


def path_places(source: Source, at: Address) -> list[Address]:
    """Where the checkpoints that lead to one are, the oldest first; with those of subgraphs on the way."""
    places = places_of(source, at.thread_id)
    rows = {(row.namespace, row.id): row for row in source.index(at.thread_id).checkpoints}
    found = {}
    for key, (_, namespace, id) in enumerate(places):
        row = rows[namespace or "", str(id)]
        found[row.namespace, row.id] = PathEntry(
            key, row.parent_id, anchor_of(row.namespace, row.metadata), 0
        )
    path = path_to((at.ns or "", str(at.checkpoint_id)), found)
    return [places[found[place].key] for place in sorted(path, key=lambda place: path[place].key)]


def versions_of(saver: BaseCheckpointSaver[Any]) -> Version:
    """What a channel's version of another saver is in one: LangGraph compares a new one with the last as
    texts, so both need a number of as many digits, or as numbers."""
    first = saver.get_next_version(None, None)
    if not isinstance(first, str):
        return lambda version: type(first)(str(version).partition(".")[0])
    digits = len(first.partition(".")[0])

    def padded(version: Any) -> str:
        number, dot, rest = str(version).partition(".")
        return f"{number:0>{digits}}{dot}{rest}"

    return padded
