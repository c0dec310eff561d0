"""Aligning two sequences of hashable tokens in bounded time.

``difflib`` aligns well and takes quadratic time. So common ends are trimmed, small rests go to ``difflib``,
and large ones are first cut at anchors: tokens that occur exactly once on both sides, in their longest common
order. What is still large after that is left unaligned.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from difflib import SequenceMatcher

__all__ = ["Block", "align"]

Block = tuple[int, int, int]
"""``a[i:i + n] == b[j:j + n]`` as ``(i, j, n)``."""

_SMALL = 40_000
"""Token pairs that ``difflib`` may look at in one gap."""
_TOTAL = 1_000_000
"""Token pairs for all gaps together."""

_Gap = tuple[int, int, int, int]


def align(
    a: Sequence[Hashable], b: Sequence[Hashable], *, small: int = _SMALL, total: int = _TOTAL
) -> list[Block]:
    """The parts that two sequences share, in order, without overlap, as blocks of maximal length.

    Args:
        a, b: the sequences.
        small: token pairs that ``difflib`` may look at in one gap.
        total: token pairs for all gaps together.
    """
    blocks: list[Block] = []
    gaps: list[_Gap] = [(0, len(a), 0, len(b))]
    left = total
    while gaps:
        gap = _trim(a, b, gaps.pop(), blocks)
        i, i2, j, j2 = gap
        pairs = (i2 - i) * (j2 - j)
        if not pairs:
            continue
        if pairs <= min(small, left):
            left -= pairs
            matcher = SequenceMatcher(None, a[i:i2], b[j:j2], autojunk=False)
            blocks += [(i + m.a, j + m.b, m.size) for m in matcher.get_matching_blocks() if m.size]
            continue
        anchors = _anchors(a, b, gap)
        for x, y in anchors:
            gaps.append((i, x, j, y))
            blocks.append((x, y, 1))
            i, j = x + 1, y + 1
        if anchors:
            gaps.append((i, i2, j, j2))
    return _merged(blocks)


def _trim(a: Sequence[Hashable], b: Sequence[Hashable], gap: _Gap, blocks: list[Block]) -> _Gap:
    i, i2, j, j2 = gap
    start, other = i, j
    while i < i2 and j < j2 and a[i] == b[j]:
        i, j = i + 1, j + 1
    if i > start:
        blocks.append((start, other, i - start))
    end = i2
    while i < i2 and j < j2 and a[i2 - 1] == b[j2 - 1]:
        i2, j2 = i2 - 1, j2 - 1
    if end > i2:
        blocks.append((i2, j2, end - i2))
    return i, i2, j, j2


def _anchors(a: Sequence[Hashable], b: Sequence[Hashable], gap: _Gap) -> list[tuple[int, int]]:
    i, i2, j, j2 = gap
    mine, theirs = Counter(a[i:i2]), Counter(b[j:j2])
    where = {b[y]: y for y in range(j, j2) if theirs[b[y]] == 1}
    pairs = [(x, where[a[x]]) for x in range(i, i2) if mine[a[x]] == 1 and a[x] in where]
    return _increasing(pairs)


def _increasing(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of pairs whose second number grows (the first does already)."""
    ends: list[int] = []
    at: list[int] = []
    before: list[int] = []
    for k, (_, y) in enumerate(pairs):
        place = bisect_left(ends, y)
        before.append(at[place - 1] if place else -1)
        if place == len(ends):
            ends.append(y)
            at.append(k)
        else:
            ends[place], at[place] = y, k
    return list(_back(pairs, before, at[-1] if at else -1))[::-1]


def _back(pairs: list[tuple[int, int]], before: list[int], k: int) -> Iterator[tuple[int, int]]:
    while k >= 0:
        yield pairs[k]
        k = before[k]


def _merged(blocks: list[Block]) -> list[Block]:
    merged: list[Block] = []
    for i, j, n in sorted(blocks):
        if merged:
            x, y, m = merged[-1]
            if x + m == i and y + m == j:
                merged[-1] = (x, y, m + n)
                continue
        merged.append((i, j, n))
    return merged
