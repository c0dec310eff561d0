"""Branches compared, two or all of a thread, as protocol messages of bounded size."""

from __future__ import annotations

from collections.abc import Callable

from lgviz.analysis.checkpoint import Checkpoint, state_of
from lgviz.analysis.comparison import Comparison, Divergence, compare_branches
from lgviz.analysis.diff import Change
from lgviz.analysis.history import History
from lgviz.analysis.side_by_side import SideBySide, came_to
from lgviz.analysis.summary import summary_of
from lgviz.analysis.values import clean
from lgviz.backend.diff_views import change_view
from lgviz.backend.value_views import Budget
from lgviz.protocol import BranchesView, ChangeView, ComparisonView, EndView, PartedView, StepPair

__all__ = ["branches_view", "comparison_view"]

_STEPS = 400
_RUNS = 24
_CHANGE = 6_000
"""Bytes of the part in which two branches first differ."""


def comparison_view(
    left: Checkpoint, right: Checkpoint, told: Callable[[int, int], None] = lambda *_: None
) -> ComparisonView:
    """The branches that end at two checkpoints.

    Args:
        left, right: of one thread.
        told: how many of how many steps are compared, before each of them; raises where nobody waits for the
            answer any more.
    """
    found = compare_branches(left, right)
    steps: list[StepPair] = []
    for at, (one, other) in enumerate(found.steps):
        told(at, len(found.steps))
        same = found.same(one, other)
        if at < _STEPS:
            steps.append({"left": _id(one), "right": _id(other), "same": same})
        elif same is False:  # nothing after it is asked for
            break
    parted = found.divergence
    return {
        "ancestor": _id(found.ancestor),
        "parted": None if parted is None else _parted(found, parted),
        "unsure": found.unsure,
        "steps": steps,
        "more": max(0, len(found.steps) - _STEPS),
        "summary": summary_of(found.diff),
        "left": _end(left),
        "right": _end(right),
    }


def branches_view(history: History) -> BranchesView:
    """All branches of a thread, the newest ones where there are many."""
    heads = history.heads
    runs = SideBySide(heads[-_RUNS:])
    parts = next((at for at, visit in enumerate(runs.steps) if len(set(visit)) > 1), 0)
    first = max(0, parts - 1)
    shown = slice(first, first + _STEPS)
    return {
        "common": first,
        "runs": list(map(_end, runs.ends)),
        "parts_at": list(map(_id, runs.parts_at)),
        "more_runs": max(0, len(heads) - _RUNS),
        "visits": [
            {"ids": [_id(step) for step in visit], "groups": list(groups)}
            for visit, groups in zip(runs.steps[shown], runs.groups[shown], strict=True)
        ],
        "more": max(0, len(runs.steps) - shown.stop),
    }


def _parted(found: Comparison, parted: Divergence) -> PartedView:
    left, right = next(
        step for step in found.steps if {parted.left, parted.right}.intersection(step) - {None}
    )
    came, other = (left, right) if right is None else (right, left)
    together = left is not None and right is not None
    view = _change(parted.change, other if together else None, came)
    before, after = (None, None) if view is None else (view["before_at"], view["after_at"])
    at, path = (other, before) if after is None and before is not None else (came, after)
    return {
        "left": _id(parted.left),
        "right": _id(parted.right),
        "together": together,
        "place": clean(parted.place)[:200],
        "channel": parted.channel,
        "change": view,
        "at": _id(at),
        "path": path or [],
    }


def _change(change: Change | None, before: Checkpoint | None, after: Checkpoint | None) -> ChangeView | None:
    if change is None:
        return None
    states = [{} if step is None else state_of(step) for step in (before, after)]
    return change_view(change, (states[0], states[1]), Budget(_CHANGE))


def _end(end: Checkpoint) -> EndView:
    return {
        "id": end.id,
        "status": end.history.status_of(end),
        "steps": len(end.history.path(end)),
        "last": came_to(end),
    }


def _id(step: Checkpoint | None) -> str | None:
    return None if step is None else step.id
