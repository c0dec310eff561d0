"""Where a thread stands, by its newest checkpoint alone where that is enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from lgviz.sources import LayeredSource
from lgviz.sources.base import Bookkeeping, Source, ThreadIndex

from .history import History, open_history

__all__ = ["status_of_thread"]


def status_of_thread(
    source: Source, thread_id: str, newest: ThreadIndex | None = None
) -> Literal["done", "interrupted", "paused", "failed"]:
    """The status of a thread, as :attr:`History.status` tells it.

    Args:
        source: where it is read from.
        thread_id: the thread.
        newest: what :meth:`Source.newest` gives for it; the whole index is read without.

    Raises:
        CheckpointNotFound, ThreadNotFound: it was deleted meanwhile.
    """
    if newest is None or not _is_enough(newest):
        return open_history(source, thread_id).status
    return History(_NewestAlone(source.real, newest), thread_id).status


def _is_enough(newest: ThreadIndex) -> bool:
    """Whether no earlier checkpoint is needed: a delta channel's value is told by those, and so may be the
    name of a task that is stored without its path."""
    counted = any("counters_since_delta_snapshot" in row.metadata for row in newest.checkpoints)
    return not counted and all(write.task_path for write in newest.writes)


class _NewestAlone(LayeredSource):
    """A thread as if its newest checkpoint were its only one.

    Args:
        lower: where it is read from.
        newest: its index.
    """

    def __init__(self, lower: Source, newest: ThreadIndex) -> None:
        super().__init__(lower)
        self._newest = newest

    def index(self, thread_id: str, since: Any = None) -> ThreadIndex:  # noqa: ARG002
        return self._newest

    def bookkeeping(
        self,
        thread_id: str,  # noqa: ARG002
        namespace: str,  # noqa: ARG002
        checkpoint_ids: Sequence[str],  # noqa: ARG002
    ) -> dict[str, Bookkeeping]:
        return {}  # tells who made the checkpoint, which no status needs
