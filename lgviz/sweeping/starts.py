"""The checkpoint that is meant."""

from __future__ import annotations

from typing import Any

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import open_history
from lgviz.session.target import target_of
from lgviz.sources.places import place_of

__all__ = ["checkpoint_of"]


def checkpoint_of(graph: Any, at: Any, thread_id: str | None) -> Checkpoint:
    """A checkpoint of the thread that a graph's saver holds.

    Args:
        graph: the graph.
        at: a ``Checkpoint``, a config, or a label or id of ``thread_id``.
        thread_id: the thread; None: that of ``at``, else the newest.

    Raises:
        CheckpointNotFound, ThreadNotFound: there is none.
        ActRefused, NoCheckpointer: the graph cannot run.
    """
    target_of(graph)  # or it refuses
    thread, key = thread_id, at
    if isinstance(at, Checkpoint):
        thread, key = at.history.thread_id, at.id
    elif isinstance(at, dict):
        place = place_of(at)
        thread, key = place.thread_id, place.checkpoint_id
    history = open_history(graph, thread_id=thread)
    return history.latest if key is None else history[key]
