"""Any other saver, through its own ``list`` and ``get_tuple``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from langgraph.checkpoint.base import WRITES_IDX_MAP, CheckpointTuple

from lgviz.errors import CheckpointNotFound, NotASource
from lgviz.persistence.database.drivers import run_async
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
from lgviz.sources.places import Address, config_of, id_time, place_of

__all__ = ["ListedSource"]

_NEWEST = 5


class ListedSource(Source):
    """Reads a saver that lgviz knows nothing about. Its ``list`` opens every value, so it is asked for all
    only where something is new; checkpoints pass one at a time, and only their bookkeeping is kept.

    Some savers list checkpoints without the writes of the step under way. Those from which nothing went on
    are then asked for by ``get_tuple``, which has them.
    """

    def __init__(self, saver: Any) -> None:
        self.description = type(saver).__name__
        self._saver = saver
        self._asynchronous = False
        self._listless = False
        self._kept: dict[Address, Bookkeeping] = {}

    def threads(self) -> list[ThreadInfo]:
        counts: dict[str, int] = {}
        newest: dict[str, str] = {}
        for item in self._list(None):
            thread, namespace, id_ = _address(item)
            counts[thread] = counts.get(thread, 0) + (not namespace)
            newest[thread] = max(newest.get(thread, ""), id_)
        order = sorted(counts, key=lambda thread: newest[thread], reverse=True)
        return [ThreadInfo(thread, counts[thread], id_time(newest[thread])) for thread in order]

    def index(self, thread_id: str, since: Any = None) -> ThreadIndex:
        config = {"configurable": {"thread_id": thread_id}}  # of every namespace
        newest = _fingerprint(self._whole(item) for item in self._list(config, limit=_NEWEST))
        if since is not None and since[0] == newest:
            return ThreadIndex(token=since)
        known: frozenset[tuple[str, str]] = since[1] if since is not None else frozenset()
        found: dict[tuple[str, str], CheckpointRow] = {}
        writes: list[WriteRow] = []
        for item in self._list(config):
            _, namespace, id_ = _address(item)
            self._kept[Address(thread_id, namespace, id_)] = _bookkeeping(item)
            row = CheckpointRow(namespace, id_, _parent_id(item), dict(item.metadata or {}))
            found[namespace, id_] = row
            writes += [WriteRow(namespace, id_, w.task_id, "", w.idx, w.channel) for w in _writes(item)]
        if not writes:
            writes = self._waiting(thread_id, list(found.values()))
            newest = _fingerprint(self._whole(item) for item in self._list(config, limit=_NEWEST))
        reset = not known <= found.keys()
        # A saver may list one namespace after the other: the ids tell the order of creation.
        new = sorted(
            (row for place, row in found.items() if reset or place not in known), key=lambda row: row.id
        )
        return ThreadIndex(new, writes, (newest, frozenset(found)), reset)

    def _waiting(self, thread_id: str, rows: list[CheckpointRow]) -> list[WriteRow]:
        """The writes at checkpoints from which no step went on, and at their parents, which tell the names of
        what waits; where ``list`` has none at all."""
        went_on = {
            (row.namespace, row.parent_id)
            for row in rows
            if row.metadata.get("source") not in ("update", "fork", "input")
        }
        heads = [row for row in rows if (row.namespace, row.id) not in went_on]
        asked = {(row.namespace, id_) for row in heads for id_ in (row.id, row.parent_id)}
        found = []
        for row in rows:
            if (row.namespace, row.id) not in asked:
                continue
            item = self._get(thread_id, row.namespace, row.id)
            for write in _writes(item) if item is not None else ():
                self._listless = True
                found.append(WriteRow(row.namespace, row.id, write.task_id, "", write.idx, write.channel))
        return found

    def _whole(self, item: CheckpointTuple) -> CheckpointTuple:
        """A checkpoint that was listed, with its writes."""
        if not self._listless:
            return item
        return self._get(*_address(item)) or item

    def record(self, thread_id: str, namespace: str, checkpoint_id: str, *, exact: bool = False) -> Record:  # noqa: ARG002 - as the saver reads
        item = self._get(thread_id, namespace, checkpoint_id)
        if item is None:
            raise CheckpointNotFound(
                f"Checkpoint {checkpoint_id} is no longer in thread {thread_id!r}.", "Refresh the history."
            )
        return Record(
            checkpoint_id,
            _parent_id(item),
            dict(item.metadata or {}),
            _bookkeeping(item),
            dict(item.checkpoint["channel_values"]),
            _writes(item),
        )

    def bookkeeping(
        self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str]
    ) -> dict[str, Bookkeeping]:
        found = {}
        for id_ in checkpoint_ids:
            kept = self._kept.get(Address(thread_id, namespace, id_))
            if kept is None and (item := self._get(thread_id, namespace, id_)) is not None:
                kept = _bookkeeping(item)
            if kept is not None:
                found[id_] = kept
        return found

    def channels(
        self, thread_id: str, namespace: str, checkpoint_id: str, names: Iterable[str] | None = None
    ) -> dict[str, Any]:
        values = dict(self.record(thread_id, namespace, checkpoint_id).values)
        return values if names is None else {name: values[name] for name in names if name in values}

    def writes(self, thread_id: str, namespace: str, checkpoint_id: str) -> list[StoredWrite]:
        item = self._get(thread_id, namespace, checkpoint_id)
        return [] if item is None else _writes(item)

    def _get(self, thread_id: str, namespace: str, checkpoint_id: str) -> CheckpointTuple | None:
        config = config_of(thread_id, namespace, checkpoint_id)
        found: CheckpointTuple | None
        if not self._asynchronous:
            try:
                found = self._saver.get_tuple(config)
            except NotImplementedError:
                self._asynchronous = True
            else:
                return found
        found = run_async(lambda: self._saver.aget_tuple(config))
        return found

    def _list(self, config: Any, limit: int | None = None) -> Iterable[CheckpointTuple]:
        """Newest first, one at a time."""
        if not self._asynchronous:
            try:
                yield from self._saver.list(config, limit=limit)
                return
            except NotImplementedError:
                self._asynchronous = True

        async def collect() -> list[CheckpointTuple]:
            return [item async for item in self._saver.alist(config, limit=limit)]

        try:
            yield from run_async(collect)
        except NotImplementedError:
            raise NotASource(
                f"{self.description} lists its checkpoints neither here nor on an event loop.",
                "Give its database by path or URL.",
            ) from None


def _fingerprint(items: Iterable[CheckpointTuple]) -> tuple[Any, ...]:
    """Changes with whatever comes to a thread: a checkpoint, or a write of the step under way."""
    return tuple((_address(item)[1:], len(item.pending_writes or ())) for item in items)


def _address(item: CheckpointTuple) -> tuple[str, str, str]:
    thread_id, namespace, checkpoint_id = place_of(item.config)
    return thread_id, namespace or "", str(checkpoint_id)


def _parent_id(item: CheckpointTuple) -> str | None:
    return place_of(item.parent_config).checkpoint_id if item.parent_config else None


def _bookkeeping(item: CheckpointTuple) -> Bookkeeping:
    head = {key: value for key, value in item.checkpoint.items() if key != "channel_values"}
    return Bookkeeping.of(head, item.checkpoint["channel_values"])


def _writes(item: CheckpointTuple) -> list[StoredWrite]:
    """Pending writes in LangGraph's order, numbered as it does where each task's were stored at once."""
    writes, counts = [], dict[str, int]()
    for task_id, channel, value in item.pending_writes or ():
        idx = WRITES_IDX_MAP.get(channel)
        if idx is None:
            idx = counts[task_id] = counts.get(task_id, -1) + 1
        writes.append(StoredWrite(task_id, "", idx, channel, value))
    return writes
