"""Any other saver, through its own ``list``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lgviz.errors import CheckpointNotFound
from lgviz.persistence.database.drivers import run_async
from lgviz.sources.base import CheckpointRow, Index, Source, StoredWrite, ThreadInfo, Versions, WriteRow
from lgviz.sources.decode import Parts
from lgviz.sources.places import id_time

__all__ = ["ListedSource"]

_NEWEST = 5


class ListedSource(Source):
    """Reads a saver that lgviz knows nothing about. Its ``list`` opens every value, so it is asked for all
    only where something is new; checkpoints pass one at a time, and only their bookkeeping is kept."""

    def __init__(self, saver: Any) -> None:
        self.description = type(saver).__name__
        self._saver = saver
        self._asynchronous = False
        self._bookkeeping: dict[tuple[str, str, str], Versions] = {}

    def threads(self) -> list[ThreadInfo]:
        counts: dict[str, int] = {}
        newest: dict[str, str] = {}
        for item in self._list(None):
            where = item.config["configurable"]
            thread = str(where["thread_id"])
            counts[thread] = counts.get(thread, 0) + (not where.get("checkpoint_ns"))
            newest[thread] = max(newest.get(thread, ""), where["checkpoint_id"])
        order = sorted(counts, key=lambda thread: newest[thread], reverse=True)
        return [ThreadInfo(thread, counts[thread], id_time(newest[thread])) for thread in order]

    def index(self, thread_id: str, since: Any = None) -> Index:
        config = {"configurable": {"thread_id": thread_id}}
        newest = _fingerprint(self._list(config, limit=_NEWEST))
        if since is not None and since[0] == newest:
            return Index(token=since)
        known: frozenset[tuple[str, str]] = since[1] if since is not None else frozenset()
        found: dict[tuple[str, str], CheckpointRow] = {}
        writes: list[WriteRow] = []
        for item in self._list(config):
            namespace, id_ = _place(item)
            self._bookkeeping[thread_id, namespace, id_] = _parts(item).versions()
            parent = (item.parent_config or {}).get("configurable", {}).get("checkpoint_id")
            found[namespace, id_] = CheckpointRow(namespace, id_, parent, dict(item.metadata or {}))
            for task_id, idx, channel, _ in _writes(item):
                writes.append(WriteRow(namespace, id_, task_id, "", idx, channel))
        reset = not known <= found.keys()
        # A saver may list one namespace after the other: the ids tell the order of creation.
        new = sorted(
            (row for place, row in found.items() if reset or place not in known), key=lambda row: row.id
        )
        return Index(new, writes, (newest, frozenset(found)), reset)

    def versions(self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str]) -> dict[str, Versions]:
        found = {}
        for id_ in checkpoint_ids:
            versions = self._bookkeeping.get((thread_id, namespace, id_))
            if versions is None and (item := self._get(thread_id, namespace, id_)) is not None:
                versions = _parts(item).versions()
            if versions is not None:
                found[id_] = versions
        return found

    def channels(
        self, thread_id: str, namespace: str, checkpoint_id: str, names: Iterable[str] | None = None
    ) -> dict[str, Any]:
        item = self._get(thread_id, namespace, checkpoint_id)
        if item is None:
            raise CheckpointNotFound(
                f"Checkpoint {checkpoint_id} is no longer in thread {thread_id!r}.", "Refresh the history."
            )
        values = item.checkpoint["channel_values"]
        return dict(values) if names is None else {name: values[name] for name in names if name in values}

    def writes(self, thread_id: str, namespace: str, checkpoint_id: str) -> list[StoredWrite]:
        item = self._get(thread_id, namespace, checkpoint_id)
        return [] if item is None else [
            StoredWrite(task_id, "", idx, channel, value) for task_id, idx, channel, value in _writes(item)
        ]  # fmt: skip

    def _get(self, thread_id: str, namespace: str, checkpoint_id: str) -> Any:
        where = {"thread_id": thread_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}
        config = {"configurable": where}
        if not self._asynchronous:
            try:
                return self._saver.get_tuple(config)
            except NotImplementedError:
                self._asynchronous = True
        return run_async(lambda: self._saver.aget_tuple(config))

    def _list(self, config: Any, limit: int | None = None) -> Iterable[Any]:
        """Newest first, one at a time."""
        if not self._asynchronous:
            try:
                yield from self._saver.list(config, limit=limit)
                return
            except NotImplementedError:
                self._asynchronous = True

        async def collect() -> list[Any]:
            return [item async for item in self._saver.alist(config, limit=limit)]

        yield from run_async(collect)


def _fingerprint(items: Iterable[Any]) -> tuple[Any, ...]:
    """Changes with whatever comes to a thread: a checkpoint, or a write of the step under way."""
    return tuple((_place(item), len(item.pending_writes or ())) for item in items)


def _place(item: Any) -> tuple[str, str]:
    where = item.config["configurable"]
    return where.get("checkpoint_ns", ""), where["checkpoint_id"]


def _parts(item: Any) -> Parts:
    bookkeeping = {key: value for key, value in item.checkpoint.items() if key != "channel_values"}
    return Parts(bookkeeping, dict.fromkeys(item.checkpoint["channel_values"], ("decoded", None)))


def _writes(item: Any) -> Iterator[tuple[str, int, str, Any]]:
    """Pending writes with their position among those of their task; LangGraph's own order has no other."""
    positions: dict[str, int] = {}
    for task_id, channel, value in item.pending_writes or ():
        positions[task_id] = positions.get(task_id, -1) + 1
        yield task_id, positions[task_id], channel, value
