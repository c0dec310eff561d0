"""How much a database that is not trusted may take: what is packed tightly, and what refers to itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from .merkle import Block, Part, blocks_of

UNTRUSTED = 512 << 20
"""Bytes that the values of one reading may unfold to: a small file may say that it holds any number."""
_ENTRY = 64
"""Bytes that any entry takes at least, once it is a value."""


def overfull(parts: Iterable[Part], found: dict[int, Block], room: int) -> set[int]:
    """The blocks that must not be opened: those that contain themselves, and of those directly below some
    parts as many as it takes for the rest to find room.

    A block may be needed in many places of a value, and counts in each.

    Args:
        parts: the roots.
        found: all blocks below them, by id.
        room: bytes that the roots may unfold to, all together.
    """
    sizes: dict[int, int] = {}
    inside: set[int] = set()
    waiting = [block.id for part in parts for block in blocks_of(part)]
    roots = list(waiting)
    while waiting:
        id = waiting[-1]
        block = found.get(id)
        below = [child.id for child in blocks_of(block.part)] if block and type(block.part) is list else []
        if id not in sizes and id not in inside:
            inside.add(id)
            waiting += [child for child in below if child not in sizes]
            continue
        waiting.pop()
        if id in inside and id not in sizes:
            # A child without a size is one that this block lies in: together they have no end.
            size = _size(block) + sum(sizes.get(child, room + 1) for child in below)
            sizes[id] = min(size, room + 1)
            inside.discard(id)
    over = {id for id, size in sizes.items() if size > room}
    total = 0
    for id, times in sorted(Counter(roots).items(), key=lambda root: sizes[root[0]]):
        total += sizes[id] * times
        if total > room:
            over.add(id)
    return over


def _size(block: Block | None) -> int:
    part = block.part if block else None
    return _ENTRY + _held(part)


def _held(part: Part | None) -> int:
    """Bytes of what lies in a part itself."""
    if type(part) is list:
        return sum(_ENTRY + _held(entry) for entry in part)
    return len(part) if type(part) is bytes else 0
