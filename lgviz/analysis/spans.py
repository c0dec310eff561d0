"""When the steps of a thread ran, and what time lay between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, Literal

from .checkpoint import Checkpoint
from .tree import Flag
from .visits import made_by

__all__ = ["Span", "running_time", "spans"]

_SHORT = 0.06
"""What is left of a long pause, as a part of all time that steps took."""


@dataclass(frozen=True, slots=True)
class Span:
    """A time that ended with a checkpoint.

    Attributes:
        checkpoint: the one.
        kind: ``"step"``: its tasks ran; ``"pause"``: a person, or nobody, did something else; ``"both"``: a
            pause and then the step, where it is not stored when that began.
        start, end: in seconds since the epoch.
        nodes: the nodes that ran.
    """

    checkpoint: Checkpoint
    kind: Literal["step", "pause", "both"]
    start: float
    end: float
    nodes: tuple[str, ...] = ()


def spans(history: Any) -> list[Span]:
    """The times of a thread's root checkpoints, in order of creation; those without a time are left out.

    A step goes from its parent to its checkpoint. Where more may lie between them, as a question that a
    person answered, the time is told apart: lgviz's savers keep when the answer came.
    """
    rows = {row.id: row for row in history.source.index(history.thread_id).checkpoints if not row.namespace}
    found: list[Span] = []
    ends: dict[str, float] = {}
    last = float("-inf")
    for checkpoint in history:
        row = rows.get(checkpoint.id)
        stored = row.ended_at if row is not None else None
        end = checkpoint.time if stored is None else stored
        if isnan(end):
            continue
        ends[checkpoint.id] = end
        parent = checkpoint.parent
        begin = None if parent is None else ends.get(parent.id)
        if begin is not None:
            idle = max(begin, last) if last <= end else begin
            found += _between(checkpoint, row.started_at if row is not None else None, begin, idle, end)
        last = max(last, end)
    return [span for span in found if span.end >= span.start]


def _between(
    checkpoint: Checkpoint, started: float | None, begin: float, idle: float, end: float
) -> list[Span]:
    """The spans from a parent, or from what was made last before, to a checkpoint."""
    nodes = made_by(checkpoint)
    if checkpoint.source != "loop":
        return [Span(checkpoint, "pause", idle, end)]
    if Flag.WAITED not in checkpoint.flags:
        return [Span(checkpoint, "step", begin, end, nodes)]
    if started is not None and started > idle:
        return [Span(checkpoint, "pause", idle, started), Span(checkpoint, "step", started, end, nodes)]
    return [Span(checkpoint, "both", idle, end, nodes)]


def running_time(found: Sequence[Span]) -> tuple[list[float], list[float]]:
    """A clock that nearly stands still while nothing runs: times, and what it shows then, in seconds from 0.

    A pause that is longer than a small part of all steps together is shown that long, other times as they
    are.
    """
    if not found:
        return [], []
    busy = sum(span.end - span.start for span in found if span.kind == "step")
    longest = busy * _SHORT or 1.0
    times, shown = [min(span.start for span in found)], [0.0]
    pauses = sorted((span.start, span.end) for span in found if span.kind != "step")
    for start, end in [*pauses, (max(span.end for span in found),) * 2]:
        start, end = max(start, times[-1]), max(end, times[-1])
        for until, most in ((start, float("inf")), (end, longest)):
            if until > times[-1]:
                shown.append(shown[-1] + min(until - times[-1], most))
                times.append(until)
    return times, shown
