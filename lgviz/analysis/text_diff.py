"""What changed between two texts, by words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from lgviz.analysis.align import align

__all__ = ["Segment", "words"]

Segment = tuple[Literal["=", "-", "+"], str]
_Row = tuple[str, str, str]
"""What was removed, what was added in its place, what was kept after it."""

_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[^\W{_CJK}]+|[{_CJK}]|\s+|[^\w\s]")
"""A word; in Chinese and Japanese, which put no space between them, a character."""
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_SHORT = 16
"""Characters kept between two edits that are not worth showing as kept."""
_BY_WORDS = 20_000
"""Characters of two texts beyond which their common ends and their lines are looked at first."""
_WORDS = 400_000
"""Characters that are compared word by word."""
_LINES = 10_000_000
"""Characters that are compared line by line."""
_RUN = 80
"""Characters of a replaced stretch whose common ends are looked for: a word may be a page long."""


def words(before: str, after: str) -> list[Segment]:
    """The words kept (``=``), removed (``-``) and added (``+``), in order, a removal before its addition.

    All ``=`` and ``-`` together are ``before``, all ``=`` and ``+`` together ``after``. Takes time about
    linear in the length; between long texts with little in common, large parts are given as replaced.
    """
    rows = _joined(_rows(before, after))
    found: list[Segment] = []
    for removed, added, kept in (part for row in rows for part in _trimmed(row)):
        for op, text in (("-", removed), ("+", added), ("=", kept)):
            if text and found and found[-1][0] == op:
                found[-1] = (found[-1][0], found[-1][1] + text)
            elif text:
                found.append((op, text))  # type: ignore[arg-type]
    return found


def _rows(before: str, after: str) -> list[_Row]:
    if len(before) + len(after) <= _BY_WORDS:
        return list(_aligned(_TOKEN, before, after))
    start = _common(before, after)
    end = _common(before[start:], after[start:], from_end=True)
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    rows: list[_Row] = [("", "", before[:start])]
    left = _WORDS
    lines = _aligned(_LINE, old, new) if len(old) + len(new) <= _LINES else [(old, new, "")]
    for removed, added, kept in lines:
        if removed and added and len(removed) + len(added) <= left:
            left -= len(removed) + len(added)
            rows += [*_aligned(_TOKEN, removed, added), ("", "", kept)]
        else:
            rows.append((removed, added, kept))
    return [*rows, ("", "", before[len(before) - end :] if end else "")]


def _aligned(token: re.Pattern[str], before: str, after: str) -> Iterator[_Row]:
    a, b = token.findall(before), token.findall(after)
    i = j = 0
    for x, y, n in [*align(a, b), (len(a), len(b), 0)]:
        yield "".join(a[i:x]), "".join(b[j:y]), "".join(a[x : x + n])
        i, j = x + n, y + n


def _common(a: str, b: str, *, from_end: bool = False) -> int:
    """The length of the common beginning (or end) of two texts, to the last word that ends in it."""
    low, high = 0, min(len(a), len(b)) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if from_end:
            alike = a[len(a) - middle : len(a) - low] == b[len(b) - middle : len(b) - low]
        else:
            alike = a[low:middle] == b[low:middle]
        low, high = (middle, high) if alike else (low, middle)
    if low < max(len(a), len(b)):
        edge = a[len(a) - low : len(a) - low + _RUN] if from_end else a[max(0, low - _RUN) : low][::-1]
        inside = next((i for i, character in enumerate(edge) if character.isspace()), 0)
        low -= inside
    return low


def _trimmed(row: _Row) -> Iterator[_Row]:
    """A replaced stretch without what its old and its new text begin and end with."""
    removed, added, kept = row
    if min(len(removed), len(added)) > _RUN:
        start = _common(removed, added)
        end = _common(removed[start:], added[start:], from_end=True)
        if start + end > _RUN:
            yield "", "", removed[:start]
            removed, added = removed[start:], added[start:]
            kept = removed[len(removed) - end :] + kept
            removed, added = removed[: len(removed) - end], added[: len(added) - end]
    yield removed, added, kept


def _joined(rows: list[_Row]) -> list[_Row]:
    """Join edits between which only a scrap was kept: a phrase reads better than confetti."""
    joined = rows[:1]
    for removed, added, kept in rows[1:]:
        was_removed, was_added, between = joined[-1]
        if not (removed or added):
            joined[-1] = (was_removed, was_added, between + kept)
            continue
        edits = was_removed or was_added
        least = min(max(len(was_removed), len(was_added)), max(len(removed), len(added)))
        if edits and (between.isspace() or len(between) <= min(_SHORT, least // 2)):
            joined[-1] = (was_removed + between + removed, was_added + between + added, kept)
        else:
            joined.append((removed, added, kept))
    return joined
