"""What a saver says when its database cannot be used or a value in it not be decoded, in words that help."""

from __future__ import annotations

import sqlite3
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from langgraph.checkpoint.base import BaseCheckpointSaver

from lgviz.errors import ActRefused, LgvizError, ReadOnly, SourceError, described, said

__all__ = ["as_refusals", "refusal", "within_saver"]


def refusal(error: BaseException) -> LgvizError | None:
    """The refusal that an error of a saver means; None for any other error, a node's own too."""
    frames = traceback.extract_tb(error.__traceback__)
    within = [frame for frame in frames if "langgraph/checkpoint/" in frame.filename.replace("\\", "/")]
    if any(frame.name == "loads_typed" for frame in frames):  # of whatever serializer
        return ActRefused(
            f"A value stored at this checkpoint cannot be decoded: {described(error)}.",
            "Start from another checkpoint.",
        )
    # ValueError is aiosqlite's word for a closed connection.
    if not within or not isinstance(error, (sqlite3.Error, ValueError)):
        return None
    text = said(error).lower()
    if "readonly" in text:
        return ReadOnly("The saver's database is read-only.", "Open it for writing, or use sandbox=True.")
    if "closed" in text or "no active connection" in text:
        return SourceError("The saver's connection is closed.", "Compile the graph with an open one.")
    if "locked" in text:
        return ActRefused("The saver's database is locked by another process.", "Try again in a moment.")
    return None


def within_saver(error: BaseException) -> bool:
    """Whether a saver raised it, or what it calls."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(isinstance(frame.f_locals.get("self"), BaseCheckpointSaver) for frame in frames)


@contextmanager
def as_refusals() -> Iterator[None]:
    """Raises such an error as the refusal it means."""
    try:
        yield
    except Exception as error:
        if (meant := refusal(error)) is not None:
            raise meant from error
        raise
