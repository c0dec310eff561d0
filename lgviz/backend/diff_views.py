"""Diffs as protocol messages, of bounded size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lgviz.analysis.diff import Change, StateDiff
from lgviz.analysis.messages import is_message, read_message
from lgviz.analysis.summary import change_path, channel_summary, is_text_change
from lgviz.analysis.text_diff import Segment, words
from lgviz.analysis.values import clean
from lgviz.backend.value_views import Budget, value_node
from lgviz.protocol import ChangeView, ChannelDiff, DiffView
from lgviz.sources.places import is_internal

__all__ = ["diff_view"]

_CHANNELS = 150
_CHANGES = 100
_FRAME = 160
"""Bytes of JSON around one channel or change."""
_KEPT = 160
"""Characters shown on each side of an edit in a long text."""
_LONGEST = 400_000
"""Characters of two texts that are still compared word by word."""
_SMALLEST = 400


def diff_view(
    diff: StateDiff,
    before: str | None = None,
    after: str | None = None,
    *,
    reducers: Mapping[str, str | None] | None = None,
    who: Mapping[str, str] | None = None,
    budget: Budget | None = None,
) -> DiffView:
    """A diff as a view shows it.

    Args:
        diff: what changed.
        before: label of the old checkpoint.
        after: label of the new one.
        reducers: reducer names by channel.
        who: by channel, who set it, in words (``"agent · c9"``).
        budget: bytes of JSON that it may take.
    """
    budget = budget or Budget()
    names = diff.channels[:_CHANNELS]
    budget.spend(_FRAME * len(names))
    channels = [
        _channel(name, diff[name], (reducers or {}).get(name), (who or {}).get(name), share)
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
    name: str, changes: Sequence[Change], reducer: str | None, who: str | None, budget: Budget
) -> ChannelDiff:
    shown: list[ChangeView] = []
    most = changes[: max(1, min(_CHANGES, budget.left // _SMALLEST))]
    for change, share in zip(most, budget.shares(len(most)), strict=True):
        if shown and budget.left < _SMALLEST:
            break
        share.spend(_FRAME)
        shown.append(_change(change, share))
    return {
        "channel": clean(str(name))[:200],
        "internal": is_internal(str(name)),
        "summary": channel_summary(changes),
        "reducer": reducer,
        "who": who,
        "changes": shown,
        "more": len(changes) - len(shown),
    }


def _change(change: Change, budget: Budget) -> ChangeView:
    path, _ = budget.take(change_path(change), 200)
    segments = _words(change, budget)
    rest = Budget(budget.left if segments is None else min(budget.left, 600), budget)
    view: ChangeView = {"path": path, "kind": change.kind, "before": None, "after": None, "words": segments}
    parts = rest.shares(1 if change.kind != "changed" else 2)
    if change.kind != "added":
        view["before"] = value_node(change.before, budget=next(parts))
    if change.kind != "removed":
        view["after"] = value_node(change.after, budget=next(parts))
    return view


def _words(change: Change, budget: Budget) -> list[Segment] | None:
    """The words of a changed text, or of a changed message."""
    before, after = change.before, change.after
    if change.kind != "changed":
        return None
    if is_message(before) and is_message(after):
        before, after = read_message(before).text, read_message(after).text
        if before == after or not (before and after):
            return None
    elif not is_text_change(change):
        return None
    if len(before) + len(after) > _LONGEST:
        return None
    found: list[Segment] = []
    segments = words(before, after)
    for i, (op, text) in enumerate(segments):
        if op == "=":
            text = _elided(text, first=i == 0, last=i == len(segments) - 1)
        cut, more = budget.take(text, max(_KEPT, budget.left * 2 // 3))
        found.append((op, cut + ("…" if more else "")))
        if budget.left < _SMALLEST:
            if i < len(segments) - 1:
                found.append(("=", " …"))
            break
    return found


def _elided(text: str, *, first: bool, last: bool) -> str:
    """A long stretch that stayed, with its middle left out."""
    head, tail = (0 if first else _KEPT), (0 if last else _KEPT)
    if len(text) <= head + tail + 40:
        return text
    return text[:head] + " … " + (text[-tail:] if tail else "")
