"""The tools that act through the graph: ``preview`` runs its reducers and routers, ``fork`` writes."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from lgviz.analysis.checkpoint import Checkpoint, state_of
from lgviz.backend.glances import Glance
from lgviz.errors import InvalidValue
from lgviz.protocol import ForkRequest

from .desk import ToolDesk
from .parts import quoted
from .reading import Thread, change_lines, change_rows, diff_lines, looked_at, next_line, some_names
from .shapes import ForkAnswer, PreviewAnswer
from .tools import ToolAnswer, tool

__all__ = ["AsNode", "Goto", "Where", "as_object", "fork", "preview"]


def as_object(given: Any) -> Any:
    """Some clients send an object as its JSON."""
    if isinstance(given, str):
        try:
            return json.loads(given)
        except ValueError:
            return given
    return given


Where = Annotated[str, Field(description="Label or id of the checkpoint to start from.")]
Values = Annotated[
    dict[str, Any],
    BeforeValidator(as_object),
    Field(description="By channel, as a node would return it: goes through the reducers."),
]
Overwrite = Annotated[
    list[str], Field(description="Channels of values to set as they are, past their reducers.")
]
AsNode = Annotated[
    str | None, Field(description="The node in whose name: what comes next follows from it; else inferred.")
]
Goto = Annotated[str | None, Field(description="Where as_node goes, if it routes by Command.")]


@tool("graph", gives=PreviewAnswer)
def preview(
    desk: ToolDesk,
    at: Where,
    values: Values,
    as_node: AsNode = None,
    goto: Goto = None,
    overwrite: Overwrite = [],  # noqa: B006
    thread: Thread = None,
) -> ToolAnswer:
    """Show what an update of the state at a checkpoint would change, and which nodes would run next.

    Runs the graph's reducers and routers. Nothing is written.
    """
    checkpoint = desk.checkpoint(thread, at)
    request = _request(checkpoint, values, overwrite, as_node, goto)
    _, made, found = desk.backend.acts.previewed(request)
    after = {change.channel: change.after for change in found if not change.path}
    rows, more = diff_lines(found, (state_of(checkpoint), {**state_of(checkpoint), **after}))
    warnings = [desk.shown(warning) for warning in made.warnings]
    data = {
        "thread": checkpoint.history.thread_id, "at": checkpoint.label, "as_node": made.as_node,
        "next": some_names(made.next), "warnings": warnings, "changes": change_rows(rows),
    }  # fmt: skip
    head = (
        f"Nothing was written. Update at {checkpoint.label} as {quoted(made.as_node, 100)}: {found.summary}."
    )
    lines = [next_line(made.next), *(f"warning: {quoted(one, 600)}" for one in warnings)]
    more = more.partition(":")[0]
    return ToolAnswer(head, [*lines, *change_lines(rows)], data, more, looked_at(checkpoint))


@tool("write", gives=ForkAnswer)
def fork(
    desk: ToolDesk,
    at: Where,
    values: Values,
    as_node: AsNode = None,
    goto: Goto = None,
    overwrite: Overwrite = [],  # noqa: B006
    note: Annotated[str | None, Field(description="Why, for who reads the tree later.")] = None,
    new_thread: Annotated[
        str | None, Field(description="Make the branch in a new thread of this id.")
    ] = None,
    thread: Thread = None,
) -> ToolAnswer:
    """Write a new checkpoint: a branch from one, with its state updated. Nothing is run, nothing removed.

    Preview it first, with the same arguments.
    """
    checkpoint = desk.checkpoint(thread, at)
    request = _request(checkpoint, values, overwrite, as_node, goto, note, new_thread)
    made = desk.backend.request("fork_commit", **request)
    data = {"thread": made["thread_id"], **{name: made[name] for name in ("label", "id")}}
    data["next"] = some_names(made["next"])
    head = f"Made {made['label']} in thread {quoted(made['thread_id'], 200)}, from {checkpoint.label}."
    lines = [next_line(made["next"])]
    return ToolAnswer(head, lines, data, "", Glance(made["thread_id"], made["id"]))


def _request(
    checkpoint: Checkpoint,
    values: dict[str, Any],
    overwrite: list[str],
    as_node: str | None,
    goto: str | None,
    note: str | None = None,
    new_thread: str | None = None,
) -> ForkRequest:
    """A fork as the protocol has it.

    Raises:
        InvalidValue: a channel is to be overwritten that is given no value.
    """
    if missing := [name for name in overwrite if name not in values]:
        raise InvalidValue(
            f"overwrite names {quoted(missing[0], 100)}, for which values has nothing.", "Give it a value."
        )
    return {
        "checkpoint": checkpoint.id,
        "values": {
            name: {"mode": "set" if name in overwrite else "append", "text": json.dumps(value)}
            for name, value in values.items()
        },
        "as_node": as_node,
        "goto": goto,
        "keep_siblings": False,
        "note": note,
        "configurable": None,
        "new_thread": new_thread,
        "sandbox": False,
    }
