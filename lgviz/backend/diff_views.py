"""Diffs as protocol messages, of bounded size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lgviz.analysis.diff import Change, StateDiff
from lgviz.analysis.messages import is_message, read_message
from lgviz.analysis.summary import change_path, channel_summary, is_text_change
from lgviz.analysis.text_diff import words
from lgviz.analysis.values import clean, positions_of, value_at
from lgviz.backend.value_views import Budget, value_node
from lgviz.protocol import ChangeView, ChannelDiff, DiffView, TextPart
from lgviz.sources.places import is_internal

__all__ = ["change_view", "diff_view"]

_CHANNELS = 150
_CHANGES = 100
_FRAME = 160
"""Bytes of JSON around one channel or change."""
_PART = 90
"""Bytes of JSON around one part of a text."""
_EDIT = 4_000
"""Characters of a removed or added stretch that are sent."""
_NEAR = 3
"""Line ends shown on each side of an edit: its own, and those of two lines."""
_KEPT = 160
"""Characters shown on each side of an edit where lines are long."""
_WORD = 20
"""Characters within which such a stretch is cut between two words."""
_SMALLEST = 400
_CHANGE = 720
"""Bytes below which a change is not sent: it would come without its values."""

_State = Mapping[str, Any]


def diff_view(
    diff: StateDiff,
    before: str | None = None,
    after: str | None = None,
    *,
    reducers: Mapping[str, str | None] | None = None,
    who: Mapping[str, str] | None = None,
    states: tuple[_State, _State] = ({}, {}),
    budget: Budget | None = None,
) -> DiffView:
    """A diff as a view shows it.

    Args:
        diff: what changed.
        before: label of the old checkpoint.
        after: label of the new one.
        reducers: reducer names by channel.
        who: by channel, who set it, in words (``"agent · c9"``).
        states: the old and the new state, as far as a view can ask for their values.
        budget: bytes of JSON that it may take.
    """
    budget = budget or Budget()
    names = diff.channels[:_CHANNELS]
    budget.spend(_FRAME * len(names))
    channels = [
        _channel(name, diff[name], (reducers or {}).get(name), (who or {}).get(name), states, share)
        for name, share in zip(names, budget.shares(len(names)), strict=True)
    ]
    return {
        "before": before,
        "after": after,
        "channels": channels,
        "unchanged": [clean(str(name))[:100] for name in diff.unchanged[:100]],
        "internal": diff.hidden,
    }


def _channel(
    name: str,
    changes: Sequence[Change],
    reducer: str | None,
    who: str | None,
    states: tuple[_State, _State],
    budget: Budget,
) -> ChannelDiff:
    shown: list[ChangeView] = []
    most = changes[: max(1, min(_CHANGES, budget.left // _CHANGE))]
    for change, share in zip(most, budget.shares(len(most)), strict=True):
        if shown and budget.left < _CHANGE:
            break
        share.spend(_FRAME)
        shown.append(change_view(change, states, share))
    return {
        "channel": clean(str(name))[:200],
        "internal": is_internal(str(name)),
        "summary": channel_summary(changes),
        "reducer": reducer,
        "who": who,
        "changes": shown,
        "more": len(changes) - len(shown),
    }


def change_view(change: Change, states: tuple[_State, _State], budget: Budget) -> ChangeView:
    """One change, of a channel in the old and the new state."""
    path, _ = budget.take(change_path(change), 200)
    texts = _texts(change)
    parts = None if texts is None else text_parts(*texts, budget)
    rest = Budget(budget.left if parts is None else min(budget.left, 600), budget)
    shares = rest.shares(1 if change.kind != "changed" else 2)
    return {
        "path": path,
        "kind": change.kind,
        "before": value_node(change.before, budget=next(shares)) if change.kind != "added" else None,
        "after": value_node(change.after, budget=next(shares)) if change.kind != "removed" else None,
        "before_at": _at(states[0], change, change.before) if change.kind != "added" else None,
        "after_at": _at(states[1], change, change.after) if change.kind != "removed" else None,
        "words": parts,
    }


def _at(state: _State, change: Change, value: Any) -> list[int] | None:
    """Where a value stands in its channel. A path may name a position of the other state: it is looked at."""
    if change.channel not in state:
        return None
    path = positions_of(state[change.channel], change.path)
    if path is None:
        return None
    found = value_at(state[change.channel], path)
    return path if found is value or _text(found) == _text(value) is not None else None


def _text(value: Any) -> str | None:
    return value if type(value) is str else read_message(value).text if is_message(value) else None


def _texts(change: Change) -> tuple[str, str] | None:
    """A text before and after, or those of a message, where they are best read as words."""
    before, after = change.before, change.after
    if change.kind != "changed":
        return None
    if is_message(before) and is_message(after):
        before, after = read_message(before).text, read_message(after).text
        return (before, after) if before != after and before and after else None
    return (before, after) if is_text_change(change) else None


def text_parts(before: str, after: str, budget: Budget) -> list[TextPart]:
    """What was kept, removed and added, with the middle of long stretches left out."""
    found: list[TextPart] = []
    i = j = 0

    def add(op: Any, text: str, left_out: int) -> None:
        nonlocal i, j
        budget.spend(_PART)
        shown, more = budget.take(text, len(text))
        size = len(text) + left_out
        found.append({"op": op, "text": shown, "before": i, "after": j, "left_out": more + left_out})
        i += size if op != "+" else 0
        j += size if op != "-" else 0

    segments = words(before, after)
    for n, (op, text) in enumerate(segments):
        if budget.left < _SMALLEST:
            add("-", "", len(before) - i)
            add("+", "", len(after) - j)
            break
        if op != "=":
            add(op, text[:_EDIT], max(0, len(text) - _EDIT))
            continue
        head = 0 if n == 0 else _head(text)
        tail = len(text) if n == len(segments) - 1 else _tail(text)
        if tail - head < _KEPT // 2:
            add(op, text, 0)
        else:
            add(op, text[:head], tail - head)
            if tail < len(text):
                add(op, text[tail:], 0)
    return [part for part in found if part["text"] or part["left_out"]]


def _head(text: str) -> int:
    """Where the beginning ends that is shown of a kept text: at the end of a line, if one is near."""
    end = 0
    for _ in range(_NEAR):
        at = text.find("\n", end, 2 * _KEPT)
        if at < 0:
            break
        end = at + 1
    return end or text.find(" ", _KEPT, _KEPT + _WORD) + 1 or min(_KEPT, len(text))


def _tail(text: str) -> int:
    """Where the end begins that is shown of a kept text: after the end of a line, if one is near."""
    start = end = len(text)
    for _ in range(_NEAR):
        at = text.rfind("\n", max(0, len(text) - 2 * _KEPT), end)
        if at < 0:
            break
        start, end = at + 1, at
    if end < len(text):
        return start
    start = max(0, len(text) - _KEPT)
    return text.find(" ", start, start + _WORD) + 1 or start
