"""What a page holds of a thread: the backend's own answers, and whole values in place of cut ones."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from lgviz.backend import Backend
from lgviz.backend.checkpoint_views import channel_value, raw_view
from lgviz.transfer.progress import Show

from .memory import recorded_memory
from .parts import Parts
from .whole import Held, WholeValues

__all__ = ["Recorded", "record"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """The data of a page. ``messages``, ``items``: how many different ones are in it."""

    data: dict[str, Any]
    thread_id: str
    checkpoints: int
    messages: int
    items: int


def record(backend: Backend, selected: str | None, show: Show) -> Recorded:
    """Ask a backend all that a view could ask of a thread, but for acts.

    All of it is what views are given, so it is masked as they are (``redact=``).

    Args:
        backend: answers.
        selected: the checkpoint that the page opens at; None: the newest.
        show: is told how many of the checkpoints are done.
    """
    with backend.thread.source.sharing():
        return _recorded(backend, selected, show)


def _recorded(backend: Backend, selected: str | None, show: Show) -> Recorded:
    opened, buffers = backend.answer("thread_open", thread_id=None)
    ids: list[str] = opened["tree"]["ids"]
    parts = Parts()
    values = WholeValues(parts)
    held: dict[str, dict[str, Held]] = {}
    rows: list[Any] = []
    for id_ in ids:
        view = backend.request("checkpoint_get", checkpoint=id_)
        before = held.get(view["parent"] or (ids[len(rows) - 1] if rows else ""), {})
        checkpoint = backend.thread.at(id_)
        now = held[id_] = {}
        for channel in view["channels"]:
            name = channel["name"]
            values.counting = not channel["internal"]
            now[name] = values.held(channel_value(checkpoint, name), before.get(name))
            channel["value"] = now[name].part
        rows.append(
            parts.add(
                {
                    "view": view,
                    "diff": backend.request("diff_get", before=None, after=id_, internal=True),
                    "writes": backend.request("writes_get", checkpoint=id_),
                    "tasks": backend.request("tasks_get", checkpoint=id_),
                    "raw": raw_view(checkpoint, values=False),
                }
            )
        )
        show(len(rows), len(ids))
    memory, items = recorded_memory(backend, ids, parts, values)
    data = {
        "opened": {
            **opened,
            "read_only": "This page is a copy of a thread: it is read here, not run.",
            "selected": selected if selected in ids else opened["selected"],
            "sandbox": None,
            "breakpoints": {"before": [], "after": []},
        },
        "buffers": [base64.b64encode(buffer).decode() for buffer in buffers],
        "marks": backend.request("rows_marks", checkpoints=ids),
        "rows": rows,
        "memory": memory,
        "parts": parts,
    }
    return Recorded(data, opened["thread"]["thread_id"], len(ids), len(values.messages), items)
