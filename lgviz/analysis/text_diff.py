"""What changed between two texts, by words."""

from __future__ import annotations

import re
from typing import Literal

from lgviz.analysis.align import align

__all__ = ["Segment", "words"]

Segment = tuple[Literal["=", "-", "+"], str]

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_SHORT = 16
"""Characters kept between two edits that are not worth showing as kept."""


def words(before: str, after: str) -> list[Segment]:
    """The words kept (``=``), removed (``-``) and added (``+``), in order, a removal before its addition.

    All ``=`` and ``-`` together are ``before``, all ``=`` and ``+`` together ``after``. Takes time about
    linear in the length; between long texts with little in common, large parts are given as replaced.
    """
    if before == after:
        return [("=", before)] if before else []
    a, b = _TOKEN.findall(before), _TOKEN.findall(after)
    rows: list[tuple[str, str, str]] = []  # removed, added, kept after it
    i = j = 0
    for x, y, n in [*align(a, b), (len(a), len(b), 0)]:
        rows.append(("".join(a[i:x]), "".join(b[j:y]), "".join(a[x : x + n])))
        i, j = x + n, y + n
    found: list[Segment] = []
    for removed, added, kept in _joined(rows):
        found += [(op, text) for op, text in (("-", removed), ("+", added), ("=", kept)) if text]  # type: ignore[misc]
    return found


def _joined(rows: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Join edits between which only a scrap was kept: a phrase reads better than confetti."""
    joined = rows[:1]
    for removed, added, kept in rows[1:]:
        was_removed, was_added, between = joined[-1]
        edits = (was_removed or was_added) and (removed or added)
        least = min(max(len(was_removed), len(was_added)), max(len(removed), len(added)))
        if edits and (between.isspace() or len(between) <= min(_SHORT, least // 2)):
            joined[-1] = (was_removed + between + removed, was_added + between + added, kept)
        else:
            joined.append((removed, added, kept))
    return joined
