"""Who set which part of a state, for the gutter beside it, and where a part is in another state."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lgviz.analysis.blame import UNSOUGHT, Origin, blame
from lgviz.analysis.checkpoint import Checkpoint, state_of
from lgviz.analysis.marks import lines_of
from lgviz.analysis.messages import message_id
from lgviz.analysis.same import same
from lgviz.analysis.values import KnownPlaces, child_at, child_count, kind_of, positions_of, value_at
from lgviz.backend.checkpoint_views import channel_value
from lgviz.protocol import BlamePart, BlameStep, BlameView, OriginPlace

__all__ = ["blame_of", "blame_view", "place_in"]

_SECONDS = 3.0
"""How long is looked for; what was not found out by then has no mark."""
_PARTS = 5_000


def blame_of(at: Checkpoint, cancelled: Callable[[], bool]) -> BlameView:
    """Who set each part of the state at a checkpoint, as far as that is found out soon."""
    end = time.monotonic() + _SECONDS
    found = blame(at, cancelled=lambda: cancelled() or time.monotonic() > end, containers=True)
    return blame_view(at, found)


def blame_view(at: Checkpoint, found: Iterable[Origin]) -> BlameView:
    """Origins as a view is sent them."""
    state = state_of(at)
    steps: dict[tuple[str, tuple[str, ...]], int] = {}
    named: list[BlameStep] = []
    parts: list[BlamePart] = []
    known: KnownPlaces = {}
    for one in found:
        if len(parts) >= _PARTS:
            break
        channel, *path = one.path[:-1] if one.is_line else one.path
        positions = positions_of(state.get(channel), path, known)
        if positions is None or one.note == UNSOUGHT:
            continue
        step = -1
        if one.set_by is not None:
            key = (one.set_by.id, one.nodes)
            if key not in steps:
                steps[key] = len(named)
                named.append({"id": one.set_by.id, "label": one.set_by.label, "nodes": list(one.nodes)})
            step = steps[key]
        parts.append(
            {
                "channel": channel,
                "path": positions,
                "line": one.path[-1] if one.is_line else None,
                "step": step,
                "first": None if one.first is None else one.first.label,
                "made": one.first is not None and one.first == one.set_by,
                "sure": not one.note,
            }
        )
    return {"steps": named, "parts": parts}


def place_in(
    at: Checkpoint, channel: str, path: Sequence[int], line: int | None, target: Checkpoint
) -> OriginPlace:
    """Where a part of a state is in another one: a message by its id, what is named by its name, an item that
    is equal, else the one that stands there; of a text the line that is equal, else the one of its number."""
    here, there = channel_value(at, channel), state_of(target).get(channel)
    found: list[int] | None = [] if channel in state_of(target) else None
    for position in path:
        key, here = child_at(here, position)
        place = None if found is None else _place(there, key, here)
        if found is None or place is None:
            return {"path": None, "text": ""}
        found.append(place)
        there = value_at(there, [place])
    text = ""
    if line is not None and found is not None and type(here) is str and type(there) is str:
        mine, theirs = lines_of(here), lines_of(there)
        wanted = mine[line] if line < len(mine) else ""
        text = wanted if wanted in theirs else theirs[min(line, len(theirs) - 1)]
    return {"path": found, "text": text}


def _place(value: Any, key: Any, part: Any) -> int | None:
    if kind_of(value) not in ("list", "set"):
        found = positions_of(value, [key])
        return found[0] if found else None
    name = message_id(part)
    items = [child_at(value, position)[1] for position in range(child_count(value))]
    if name is not None:
        return next((at for at, item in enumerate(items) if message_id(item) == name), None)
    equal = next((at for at, item in enumerate(items) if same(item, part)), None)
    if equal is not None or not isinstance(key, int):
        return equal
    return key if key < len(items) else None
