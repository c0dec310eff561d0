"""Refuses acts at checkpoints to which LangGraph counts what another branch wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from typing import Any

from lgviz.analysis.history import open_history
from lgviz.errors import ActRefused, listed
from lgviz.persistence.savers.branches import DROPPED

from .effects import Act, call
from .target import Position
from .values import delta_channels

__all__ = ["mixed_at", "refuse_mixed"]


def mixed_at(at: Any, position: Position) -> Act[tuple[str, ...]]:
    """The delta channels that LangGraph reads otherwise at a checkpoint than its branch wrote them, or which
    nobody can tell for certain; ``at`` is what named it.

    LangGraph before 1.2.13 stored the writes of a fork in the branch that it left, and LangGraph still reads
    them there. What it is made to do here would start from that.
    """
    stored = position.saved.checkpoint["channel_values"]
    versions = position.saved.checkpoint["channel_versions"]
    names = [name for name in delta_channels(position.graph) if name in versions and name not in stored]
    if not names:
        return ()
    known = getattr(at, "history", None) or open_history(position.target.given, thread_id=position.thread_id)
    row = known.tree.row_of(position.id, position.namespace)
    if row < 0:
        return ()
    ours = known.reader.delta_histories(row, names)
    theirs = yield from call(
        position.target.saver, "get_delta_channel_history", config=position.config, channels=names
    )
    return tuple(
        name
        for name in names
        if ours[name].doubt not in ("", DROPPED)  # that one LangGraph reads as lgviz does
        or Counter(write.task_id for _, writes in ours[name].steps for write in writes)
        != Counter(write[0] for write in theirs[name]["writes"])
    )


def refuse_mixed(at: Any, position: Position, given: Container[str] = ()) -> Act[None]:
    """Refuse to act where LangGraph would start from such a channel.

    Args:
        at: what named the checkpoint.
        position: it.
        given: the channels that the act sets past their reducers: LangGraph stores these.

    Raises:
        ActRefused: it would.
    """
    mixed = yield from mixed_at(at, position)
    if wrong := [name for name in mixed if name not in given]:
        raise ActRefused(said_of(wrong), remedy_of(wrong))


def said_of(names: list[str]) -> str:
    """What is wrong with some channels, in words."""
    return (
        f"LangGraph counts what another branch wrote to {listed(names)} here, for a"
        " version before 1.2.13 stored the two together, and would start from that."
    )


def remedy_of(names: list[str]) -> str:
    """What to do about it."""
    values = ", ".join(f"{name!r}: lgviz.Set(...)" for name in names)
    return f"Fork here with {{{values}}}, which LangGraph stores whole, and go on from that fork."
