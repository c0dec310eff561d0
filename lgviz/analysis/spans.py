"""When the steps of a thread ran, and what time lay between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import Any, Literal

from lgviz.sources.places import NULL_TASK_ID

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
        tasks: of a step, the node of each task and when it ended: with the step, where that is not stored.
    """

    checkpoint: Checkpoint
    kind: Literal["step", "pause", "both"]
    start: float
    end: float
    nodes: tuple[str, ...] = ()
    tasks: tuple[tuple[str, float], ...] = ()


def spans(history: Any) -> list[Span]:
    """The times of a thread's root checkpoints, in order of creation; those without a time are left out.

    A step goes from its parent to its checkpoint. Where more may lie between them, as a question that a
    person answered, the time is told apart: lgviz's savers keep when the answer came.
    """
    index = history.source.index(history.thread_id)
    stored_at = {(w.checkpoint_id, w.task_id): w.at for w in index.writes if w.at is not None}
    # An answer is first stored under no task; a task's own row is stored anew when it ends.
    answered = {
        w.checkpoint_id: w.at
        for w in index.writes
        if w.channel == "__resume__" and w.task_id == NULL_TASK_ID and w.at is not None
    }
    found: list[Span] = []
    ends: dict[str, float] = {}
    last = float("-inf")
    for checkpoint in history:
        end = checkpoint.time
        if isnan(end):
            continue
        ends[checkpoint.id] = end
        parent = checkpoint.parent
        begin = None if parent is None else ends.get(parent.id)
        if parent is not None and begin is not None:
            idle = max(begin, last) if last <= end else begin
            own = _between(checkpoint, answered.get(parent.id), begin, idle, end)
            found += [
                replace(one, tasks=_tasks(one, stored_at)) if one.kind == "step" else one for one in own
            ]
        last = max(last, end)
    return [span for span in found if span.end >= span.start]


def _between(
    checkpoint: Checkpoint, answered: float | None, begin: float, idle: float, end: float
) -> list[Span]:
    """The spans from a parent, or from what was made last before, to a checkpoint."""
    nodes = made_by(checkpoint)
    if checkpoint.source != "loop":
        return [Span(checkpoint, "pause", idle, end)]
    if Flag.WAITED not in checkpoint.flags:
        return [Span(checkpoint, "step", begin, end, nodes)]
    if answered is not None and answered > idle:
        started = min(answered, end)
        return [Span(checkpoint, "pause", idle, started), Span(checkpoint, "step", started, end, nodes)]
    return [Span(checkpoint, "both", idle, end, nodes)]


def _tasks(span: Span, stored_at: Mapping[tuple[str, str], float]) -> tuple[tuple[str, float], ...]:
    """The tasks of a step, each with its end. After a pause those are left out that had ended before it; a
    row of one that asked also holds its question and its answer, and so tells no end."""
    parent = span.checkpoint.parent
    assert parent is not None
    work = span.checkpoint.history.tree.rows[parent.row].step_work
    own = [task for task in work.done() if not task.called]
    if {task.name for task in own} != {*span.nodes}:  # their names are derived from other rows
        return tuple((node, span.end) for node in span.nodes)
    waited = Flag.WAITED in span.checkpoint.flags
    found = []
    for task in own:
        at = None if task.interrupted else stored_at.get((parent.id, task.id))
        if at is None or at > span.start or not waited:
            found.append((str(task.name), span.end if at is None else min(max(at, span.start), span.end)))
    return tuple(found)


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
