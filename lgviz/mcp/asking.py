"""The tools that ask a thread: ``blame``, ``why``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from lgviz.analysis.blame import Origin
from lgviz.analysis.blame import blame as blame_of
from lgviz.analysis.causes import Trigger
from lgviz.analysis.checkpoint import state_of
from lgviz.analysis.values import describe, line
from lgviz.export.sizes import counted

from .desk import ToolDesk
from .parts import ROOM, quoted
from .reading import At, Offset, Thread, looked_at, some_names, state_path
from .shapes import BlameAnswer, WhyAnswer
from .tools import ToolAnswer, tool

__all__ = ["blame", "why"]

_SECONDS = 20.0
_VALUE = 120
_CAUSES = 20
"""Tasks of one step that are told, and triggers of one: a fan-out may have hundreds."""
_CAUSE = 400
"""Characters of why one of them ran."""


@tool(gives=BlameAnswer)
def blame(
    desk: ToolDesk,
    path: Annotated[
        str | None, Field(description='Only this part: messages, messages[3], files["a b.py"]; else all.')
    ] = None,
    at: At = None,
    thread: Thread = None,
    offset: Offset = 0,
) -> ToolAnswer:
    """Tell who set each part of a state: checkpoint and node, and since when it is there."""
    checkpoint = desk.checkpoint(thread, at)
    until = time.monotonic() + _SECONDS
    found = blame_of(checkpoint, path, lambda: desk.stopped.is_set() or time.monotonic() > until)
    state = state_of(checkpoint)
    rows: list[dict[str, Any]] = []
    room = ROOM
    for one in found[offset:]:
        rows.append(_row(one, state))
        room -= len(_line(rows[-1])) + 1
        if room < 0:
            break
    left = len(found) - offset - len(rows)
    data = {"thread": checkpoint.history.thread_id, "label": checkpoint.label, "parts": rows}
    more = f"{left:,} more parts: offset={offset + len(rows)}" if left > 0 else ""
    thread_id = quoted(checkpoint.history.thread_id, 200)
    head = f"Thread {thread_id}, {checkpoint.label}: {counted(len(found), 'part')}."
    return ToolAnswer(head, [_line(row) for row in rows], data, more, looked_at(checkpoint))


def _row(one: Origin, state: Mapping[str, Any]) -> dict[str, Any]:
    channel, *steps = one.path[:-1] if one.is_line else one.path
    path = state_path(state, channel, steps) + (f" line {one.path[-1] + 1}" if one.is_line else "")
    text = quoted(one.value, _VALUE) if describe(one.value).kind == "string" else line(one.value, _VALUE)
    return {
        "path": path,
        "set_by": one.set_by and one.set_by.label,
        "nodes": some_names(one.nodes),
        "first": one.first and one.first.label,
        "text": text,
        "note": one.note,
    }


def _line(row: Mapping[str, Any]) -> str:
    by = [row["set_by"] or "older", ", ".join(row["nodes"])]
    since = f"since {row['first'] or 'older'}" if row["first"] != row["set_by"] else ""
    said = " ".join(filter(None, [*by, since, f"({row['note']})" if row["note"] and row["set_by"] else ""]))
    return f"{row['path']} {said}: {row['text']}"


@tool(gives=WhyAnswer)
def why(desk: ToolDesk, at: At = None, thread: Thread = None) -> ToolAnswer:
    """Tell why the nodes ran that made a checkpoint: by which edge, router, join, Send, Command or answer;
    and which nodes wait there, and for what."""
    checkpoint = desk.checkpoint(thread, at)
    found = checkpoint.history.why(checkpoint)
    tasks, waiting = found.tasks[:_CAUSES], found.waiting[:_CAUSES]
    lines = [found.note, *(one.text for one in tasks), *(f"waits: {one.text}" for one in waiting)]
    left = len(found.tasks) - len(tasks) + len(found.waiting) - len(waiting)
    data = {
        "thread": checkpoint.history.thread_id,
        "label": checkpoint.label,
        "made": found.made,
        "note": found.note[:_CAUSE],
        "tasks": [{**_reason(one.node, one.triggers, one.text), "via": one.via} for one in tasks],
        "waiting": [
            {
                **_reason(one.node, one.triggers, one.text),
                "kind": one.kind,
                "missing": some_names(one.missing),
            }
            for one in waiting
        ],
    }
    head = f"Thread {quoted(checkpoint.history.thread_id, 200)}, {checkpoint.label}, made by: {found.made}."
    more = f"{left:,} more of this step" if left else ""
    return ToolAnswer(head, [quoted(each, _CAUSE) for each in lines], data, more, looked_at(checkpoint))


def _reason(node: str, triggers: Sequence[Trigger], text: str) -> dict[str, Any]:
    named = [(one, some_names([one.channel, one.node or ""])) for one in triggers[:_CAUSES]]
    by = [
        {
            "channel": channel,
            "checkpoint": None if one.checkpoint is None else one.checkpoint.label,
            "node": writer or None,
            "via": one.via,
        }
        for one, (channel, writer) in named
    ]
    return {"node": some_names([node])[0], "triggers": by, "text": text[:_CAUSE]}
