"""Two sources seen as one: what a base holds, and what a sandbox holds over it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, NamedTuple

from langgraph.checkpoint.base import WRITES_IDX_MAP

from lgviz.errors import CheckpointNotFound

from .base import (
    Bookkeeping,
    Record,
    Source,
    StoredWrite,
    ThreadBatch,
    ThreadFacts,
    ThreadIndex,
    ThreadInfo,
    ThreadLineage,
)

__all__ = ["LayeredSource"]


class LayeredToken(NamedTuple):
    lower: Any
    upper: Any
    over: Source | None
    """Which source the second token is of."""


class LayeredSource(Source):
    """Reads ``upper``, where there is one, over ``lower``.

    Args:
        lower: the base.
        upper: what lies over it; its checkpoints are provisional. It may be put in and taken away at any
            time: a later index then tells of it, and begins anew where something is gone.
    """

    def __init__(self, lower: Source, upper: Source | None = None) -> None:
        self.lower = lower
        self.upper = upper
        self.graph = lower.graph
        self.saver = lower.saver
        self.description = lower.description
        self.read_only = lower.read_only
        self.origin = lower.origin
        self.rewrites = lower.rewrites

    @property
    def untrusted(self) -> bool:
        return self.lower.untrusted

    def graph_of(self, thread_id: str) -> Any:
        return self.lower.graph_of(thread_id)

    def threads(self) -> list[ThreadInfo]:
        return self.lower.threads()

    def find_threads(
        self, text: str = "", limit: int = 50, after: tuple[Any, Any] | None = None
    ) -> ThreadBatch:
        return self.lower.find_threads(text, limit, after)

    def thread_facts(self) -> list[ThreadFacts]:
        return self.lower.thread_facts()

    def index(self, thread_id: str, since: Any = None) -> ThreadIndex:
        upper = self.upper
        known = since if since is not None and since.over in (None, upper) else LayeredToken(None, None, None)
        index = self.lower.index(thread_id, known.lower)
        reset = index.reset or (since is not None and known is not since)
        checkpoints, writes, over = index.checkpoints, index.writes, None
        if upper is not None:
            above = upper.index(thread_id, None if reset else known.upper)
            checkpoints = [*checkpoints, *(replace(row, provisional=True) for row in above.checkpoints)]
            writes = [*writes, *above.writes]
            over = above.token
        return ThreadIndex(checkpoints, writes, LayeredToken(index.token, over, upper), reset)

    def newest(self, thread_ids: Sequence[str]) -> dict[str, ThreadIndex]:
        return self.lower.newest(thread_ids) if self.upper is None else {}

    def lineage(self, thread_id: str) -> ThreadLineage:
        return self.lower.lineage(thread_id)

    def record(self, thread_id: str, namespace: str, checkpoint_id: str, *, exact: bool = False) -> Record:
        if self.upper is None:
            return self.lower.record(thread_id, namespace, checkpoint_id, exact=exact)
        try:
            return self.upper.record(thread_id, namespace, checkpoint_id, exact=exact)
        except CheckpointNotFound:
            below = self.lower.record(thread_id, namespace, checkpoint_id, exact=exact)
        above = self.upper.writes(thread_id, namespace, checkpoint_id)
        return replace(below, writes=_merged(below.writes, above))

    def bookkeeping(
        self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str]
    ) -> dict[str, Bookkeeping]:
        found = self.upper.bookkeeping(thread_id, namespace, checkpoint_ids) if self.upper is not None else {}
        rest = [id_ for id_ in checkpoint_ids if id_ not in found]
        return {**(self.lower.bookkeeping(thread_id, namespace, rest) if rest else {}), **found}

    def channels(
        self, thread_id: str, namespace: str, checkpoint_id: str, names: Iterable[str] | None = None
    ) -> dict[str, Any]:
        names = None if names is None else list(names)
        if self.upper is not None:
            try:
                return self.upper.channels(thread_id, namespace, checkpoint_id, names)
            except CheckpointNotFound:
                pass
        return self.lower.channels(thread_id, namespace, checkpoint_id, names)

    def classes(self, thread_id: str, namespace: str, checkpoint_id: str) -> dict[str, dict[str, bool]]:
        return self.lower.classes(thread_id, namespace, checkpoint_id)

    def writes(self, thread_id: str, namespace: str, checkpoint_id: str) -> list[StoredWrite]:
        below = self.lower.writes(thread_id, namespace, checkpoint_id)
        above = self.upper.writes(thread_id, namespace, checkpoint_id) if self.upper is not None else []
        return list(_merged(below, above))

    def writes_to(
        self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str], channels: Collection[str]
    ) -> dict[str, list[StoredWrite]]:
        found = self.lower.writes_to(thread_id, namespace, checkpoint_ids, channels)
        if self.upper is not None:
            above = self.upper.writes_to(thread_id, namespace, checkpoint_ids, channels)
            for id_ in (id_ for id_, writes in above.items() if writes):
                merged = self.writes(thread_id, namespace, id_)
                found[id_] = [write for write in merged if write.channel in channels]
        return found

    def sharing(self) -> AbstractContextManager[None]:
        return self.lower.sharing()

    def close(self) -> None:
        self.lower.close()


def _merged(below: Sequence[StoredWrite], above: Sequence[StoredWrite]) -> Sequence[StoredWrite]:
    """As a saver merges them: a special write replaces that of its task, any other is stored once."""
    if not above:
        return below
    special = {(w.task_id, w.channel) for w in above if w.channel in WRITES_IDX_MAP}
    kept = [w for w in below if (w.task_id, w.channel) not in special]
    taken = {(w.task_id, w.idx) for w in kept}
    return [*kept, *(w for w in above if w.idx < 0 or (w.task_id, w.idx) not in taken)]
