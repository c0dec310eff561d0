"""Where an input begins: a thread that is not there yet, or one that has finished."""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple, empty_checkpoint

from lgviz.errors import ActRefused, ThreadExists, listed
from lgviz.sources.places import config_of, place_of

from .effects import Act, call
from .interrupts import open_interrupts
from .loaded import snapshot_of
from .target import GraphTarget, Position

__all__ = ["beginning", "begins"]


def beginning(here: GraphTarget, thread_id: str, *, fresh: bool = False) -> Act[Position]:
    """The newest checkpoint of a finished thread; of a new one a position without a checkpoint.

    Raises:
        ActRefused: the thread has not finished.
        ThreadExists: there is such a thread, and it was to be a new one.
    """
    saved = yield from call(here.saver, "get_tuple", config_of(thread_id))
    if saved is None:
        return Position(here, CheckpointTuple(config_of(thread_id), empty_checkpoint(), {}, None, []))
    if fresh:
        raise ThreadExists(f"Thread {thread_id!r} has checkpoints already.", "Take a new thread id.")
    position = Position(here, saved)
    snapshot = yield from snapshot_of(position)
    asked = open_interrupts(position, snapshot)
    if asked:
        raise ActRefused(
            f"Thread {thread_id!r} waits for an answer.",
            "Resume it: lgviz.run(graph, at, resume=…), or start a new thread.",
        )
    if snapshot.next:
        raise ActRefused(
            f"Thread {thread_id!r} has not finished: {listed(dict.fromkeys(snapshot.next))} comes next.",
            'Resume it: lgviz.run(graph, at, only="unfinished"), or start a new thread.',
        )
    return position


def begins(position: Position) -> RunnableConfig | None:
    """The config that begins a new thread; None where there is a checkpoint to go on from."""
    place = place_of(position.saved.config)
    return None if place.checkpoint_id is not None else config_of(place.thread_id)
