"""The facts of a thread, from its index or from rows of LangGraph's tables (floor 2)."""

from __future__ import annotations

from collections.abc import Sequence

from lgviz.persistence.savers.facts import MARKS, ThreadFacts, leading_on
from lgviz.persistence.savers.index import ThreadIndex

from .places import id_time

__all__ = ["MARKS", "ThreadFacts", "facts_of", "leading_on", "seconds_between"]


def facts_of(thread_id: str, index: ThreadIndex, size: int | None = None) -> ThreadFacts:
    """The facts of a thread whose index was read.

    Args:
        thread_id: the thread.
        index: its whole index.
        size: its bytes, where they are known.
    """
    roots = [row for row in index.checkpoints if not row.namespace]
    newest = roots[-1] if roots else None
    before = next((row for row in roots if newest and row.id == newest.parent_id), None)
    ended = [row.ended_at for row in roots if row.ended_at is not None]
    own = [write for write in index.writes if not write.namespace]
    return ThreadFacts(
        thread_id,
        len(roots),
        max(ended) - min(ended)
        if roots and len(ended) == len(roots)
        else seconds_between([row.id for row in roots]),
        size,
        newest.metadata if newest else {},
        (before.id, before.metadata.get("step")) if before else None,
        [write for write in own if write.channel in MARKS],
        [write for write in own if before and write.checkpoint_id == before.id],
        leading_on(write.channel for write in own),
    )


def seconds_between(ids: Sequence[str | None]) -> float | None:
    """From the first of some checkpoints to the last, by their ids; None where these tell no times."""
    known = [id_ for id_ in ids if id_ is not None]
    if not known:
        return None
    first, last = id_time(min(known)), id_time(max(known))
    return None if first is None or last is None else last - first
