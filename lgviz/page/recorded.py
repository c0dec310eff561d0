"""What a page holds of a thread: the backend's own answers, and whole values in place of cut ones."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.backend import Backend
from lgviz.backend.checkpoint_views import checkpoint_view, internal_of, raw_view, state_of
from lgviz.protocol import LineageView, RawView, ThreadLinkView
from lgviz.transfer.progress import Show

from .memory import recorded_memory
from .parts import Parts
from .whole import Held, WholeValues

__all__ = ["Recorded", "record"]

_HEADS = 5
"""Of the newest branches each two are compared; with more of them most of a page would be comparisons."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The data of a page. ``messages``, ``items``: how many different ones are in it."""

    data: dict[str, Any]
    thread_id: str
    checkpoints: int
    messages: int
    items: int

    def lines(self) -> tuple[str, list[str]]:
        """What the file holds: the head, and the parts, of which a page reads those that it shows."""
        head = {name: value for name, value in self.data.items() if name != "parts"}
        return json.dumps(head, ensure_ascii=False, separators=(",", ":")), self.data["parts"].table


def record(backend: Backend, selected: str | None, compared: str | None, show: Show) -> Recorded:
    """Ask a backend all that a view could ask of a thread, but for acts.

    All of it is what views are given, so it is masked as they are (``redact=``).

    Args:
        backend: answers.
        selected: the checkpoint that the page opens at; None: the newest.
        compared: the one whose branch is compared with that of the selected one; None: the newest branches.
        show: is told how many of the checkpoints are done.
    """
    with backend.thread.source.sharing():
        return _recorded(backend, selected, compared, show)


def _recorded(backend: Backend, selected: str | None, compared: str | None, show: Show) -> Recorded:
    opened, buffers = backend.answer("thread_open", thread_id=None)
    shown = backend.thread.shown
    thread_id = shown(opened["thread"]["thread_id"])
    ids: list[str] = opened["tree"]["ids"]
    parts = Parts()
    values = WholeValues(parts)
    tree = backend.thread.current().tree
    # Of the row that a row was made of: what they share is looked at once.
    made_of = [parent if parent >= 0 else row - 1 for row, parent in enumerate(tree.parent)]
    needed = Counter(made_of)
    held: dict[int, dict[str, Held]] = {}
    rows: list[Any] = []
    for row, id_ in enumerate(ids):
        checkpoint = backend.thread.at(id_)
        # Its values follow, whole.
        view: Any = checkpoint_view(checkpoint, backend.thread.source, backend.thread.prices, _nothing)
        before, now = held.get(made_of[row], {}), dict[str, Held]()
        if needed[row]:
            held[row] = now
        needed[made_of[row]] -= 1
        if not needed[made_of[row]]:
            held.pop(made_of[row], None)
        state = state_of(checkpoint)
        stored = internal_of(checkpoint, state) | state
        for channel in view["channels"]:
            name = channel["name"]
            values.counting = not channel["internal"]
            now[name] = values.held(stored.get(name), before.get(name))
            channel["value"] = now[name].part
        rows.append(
            parts.add(
                {
                    "view": view,
                    "diff": backend.request("diff_get", before=None, after=id_, internal=True),
                    "writes": backend.request("writes_get", checkpoint=id_),
                    "tasks": backend.request("tasks_get", checkpoint=id_),
                    "why": backend.request("why_get", checkpoint=id_),
                    "told": backend.request("narration_get", checkpoint=id_),
                    "raw": _raw(checkpoint, shown),
                }
            )
        )
        show(len(rows), len(ids))
    memory, items = recorded_memory(backend, ids, parts, values)
    data = {
        "opened": {
            **opened,
            "thread": {**opened["thread"], "thread_id": thread_id},
            "lineage": _lineage(opened["lineage"], shown),
            "source": shown(opened["source"]),
            "read_only": "This page is a copy of a thread: it is read here, not run.",
            "selected": selected if selected in ids else opened["selected"],
            "sandbox": None,
            "breakpoints": {"before": [], "after": []},
        },
        "buffers": [base64.b64encode(buffer).decode() for buffer in buffers],
        "marks": backend.request("rows_marks", checkpoints=ids),
        "rows": rows,
        "memory": memory,
        **_compared(backend, parts, selected, compared, lambda: show(len(ids), len(ids))),
        "parts": parts,
    }
    return Recorded(data, thread_id, len(ids), len(values.messages), items)


def _compared(
    backend: Backend, parts: Parts, selected: str | None, compared: str | None, check: Callable[[], None]
) -> dict[str, Any]:
    """The newest branches, each two of them compared, and those that were chosen; all side by side."""
    history = backend.thread.current()
    pairs = {*combinations([head.row for head in history.heads[-_HEADS:]], 2)}
    if selected is not None and compared is not None and selected != compared:
        one, other = sorted(backend.thread.at(id_).row for id_ in (selected, compared))
        pairs.add((one, other))
    found = dict[str, Any]()
    for left, right in sorted(pairs):
        check()
        ends = {"left": history.tree.ids[left], "right": history.tree.ids[right]}
        found[" ".join(ends.values())] = parts.add(backend.request("compare_get", **ends))
    return {"comparisons": found, "branches": parts.add(backend.request("branches_get"))}


def _raw(checkpoint: Checkpoint, shown: Callable[[str], str]) -> RawView:
    raw = raw_view(checkpoint, values=False)
    return {**raw, "config": shown(raw["config"])}  # it names the thread


def _lineage(lineage: LineageView, shown: Callable[[str], str]) -> LineageView:
    def link(one: ThreadLinkView) -> ThreadLinkView:
        return {**one, "thread_id": shown(one["thread_id"])}

    origin = lineage["origin"]
    return {"origin": origin and link(origin), "forks": [link(fork) for fork in lineage["forks"]]}


def _nothing(_value: Any, **_: Any) -> Any:
    return None
