"""The tool that compares two branches: ``compare``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.comparison import SIGNS
from lgviz.analysis.side_by_side import came_to
from lgviz.analysis.visits import made_by
from lgviz.export.sizes import counted

from .desk import ToolDesk
from .parts import quoted
from .reading import Offset, Thread, looked_at, some_names
from .shapes import CompareAnswer
from .tools import ToolAnswer, tool

__all__ = ["compare"]

_STEPS = 60
_TEXT = 500


@tool(gives=CompareAnswer)
def compare(
    desk: ToolDesk,
    left: Annotated[str, Field(description="Label or id where one branch ends.")],
    right: Annotated[str, Field(description="Label or id where the other ends.")],
    thread: Thread = None,
    offset: Offset = 0,
) -> ToolAnswer:
    """Compare two branches: where they first part, both step by step (= did the same, but for ids), and what
    each came to."""
    ends = [desk.checkpoint(thread, left)]
    history = ends[0].history
    ends.append(desk.checkpoint(history.thread_id, right))
    found = history.compare(*ends)
    parted = found.said
    steps = [_step(one, other, found.same(one, other)) for one, other in found.steps[offset:][:_STEPS]]
    reached = [{"label": end.label, "status": history.status_of(end), "last": came_to(end)} for end in ends]
    ancestor = found.ancestor and found.ancestor.label
    left_out = len(found.steps) - offset - len(steps)
    more = f"{left_out:,} more steps: offset={offset + len(steps)}" if left_out > 0 else ""
    data = {
        "thread": history.thread_id,
        "ancestor": ancestor,
        "parted": quoted(parted, _TEXT),
        "steps": steps,
        "reached": reached,
    }
    lines = [
        data["parted"],
        *(
            " ".join([one["left"] or "-", SIGNS[one["same"]], one["right"] or "-", *one["nodes"]])
            for one in steps
        ),
        *(f"{one['label']} {one['status']}: {one['last']}" for one in reached),
    ]
    common = f"both from {ancestor}" if ancestor else "without a common checkpoint"
    head = f"Thread {quoted(history.thread_id, 200)}, {ends[0].label} and {ends[1].label}, {common}: "
    return ToolAnswer(head + f"{counted(len(found.steps), 'step')}.", lines, data, more, looked_at(ends[1]))


def _step(left: Checkpoint | None, right: Checkpoint | None, same: bool | None) -> dict[str, Any]:
    made = left or right
    return {
        "left": left and left.label,
        "right": right and right.label,
        "nodes": some_names(made_by(made)) if made else [],
        "same": same,
    }
