"""Any other saver, through its own ``list``: in pages, once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lgviz.errors import CheckpointNotFound

from .base import CheckpointRow, Index, Source, StoredWrite, ThreadInfo, Versions, WriteRow
from .clock import id_time
from .connections import run_async
from .decode import Parts

__all__ = ["ListedSource"]

_PAGE = 50


class ListedSource(Source):
    """Reads a saver that lgviz knows nothing about. Its ``list`` opens every value, so it is asked only once
    for a checkpoint, and only bookkeeping is kept."""

    def __init__(self, saver: Any) -> None:
        self.description = type(saver).__name__
        self._saver = saver
        self._asynchronous = False
        self._bookkeeping: dict[tuple[str, str, str], Versions] = {}

    def threads(self) -> list[ThreadInfo]:
        counts: dict[str, int] = {}
        newest: dict[str, str] = {}
        for item in (item for page in self._pages(None) for item in page):
            where = item.config["configurable"]
            thread = str(where["thread_id"])
            counts[thread] = counts.get(thread, 0) + (not where.get("checkpoint_ns"))
            newest[thread] = max(newest.get(thread, ""), where["checkpoint_id"])
        order = sorted(counts, key=lambda thread: newest[thread], reverse=True)
        return [ThreadInfo(thread, counts[thread], id_time(newest[thread])) for thread in order]

    def index(self, thread_id: str, since: Any = None) -> Index:
        known: frozenset[tuple[str, str]] = since or frozenset()
        found: list[Any] = []
        met = False
        for page in self._pages({"configurable": {"thread_id": thread_id}}):
            found += page
            met = any(_place(item) in known for item in page)
            if met:
                break
        reset = bool(known) and not met
        index = Index(reset=reset)
        ids = set() if reset else set(known)
        for item in reversed(found):
            namespace, id_ = _place(item)
            self._bookkeeping[thread_id, namespace, id_] = _parts(item).versions()
            for task_id, idx, channel, _ in _writes(item):
                index.writes.append(WriteRow(namespace, id_, task_id, "", idx, channel))
            if (namespace, id_) not in ids:
                ids.add((namespace, id_))
                parent = (item.parent_config or {}).get("configurable", {}).get("checkpoint_id")
                index.checkpoints.append(CheckpointRow(namespace, id_, parent, dict(item.metadata or {})))
        index.token = frozenset(ids)
        return index

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

    def _pages(self, config: Any) -> Iterator[list[Any]]:
        """Newest first."""
        before = None
        while True:
            page = self._page(config, before)
            yield page
            if len(page) < _PAGE:
                return
            before = page[-1].config

    def _page(self, config: Any, before: Any) -> list[Any]:
        if not self._asynchronous:
            try:
                return list(self._saver.list(config, before=before, limit=_PAGE))
            except NotImplementedError:
                self._asynchronous = True

        async def collect() -> list[Any]:
            return [item async for item in self._saver.alist(config, before=before, limit=_PAGE)]

        return run_async(collect)


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
