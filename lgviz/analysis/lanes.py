"""Lanes for drawing the tree, given once and never changed.

A checkpoint keeps its parent's lane while the parent is the last to hold that lane; otherwise it takes the
lowest lane that is free on all rows above the parent's.
"""

from __future__ import annotations

__all__ = ["MOST_LANES", "Lanes"]

MOST_LANES = 0xFFFF
"""Lanes travel as 16-bit numbers; whatever goes beyond shares the last one."""


class Lanes:
    """Gives each new row its lane, in logarithmic time of the number of lanes."""

    def __init__(self) -> None:
        self._holder: list[int] = []
        """By lane: the row that holds its tip."""
        self._size = 1
        self._last = [-1, -1]
        """A heap-shaped tree: the leaves hold the last row drawn on each lane, a node the least below it."""
        self._lane: dict[int, int] = {}

    def add(self, row: int, parent: int) -> int:
        """The lane of a new row; ``parent`` is -1 for a root. Rows come in ascending order."""
        lane = self._lane.get(parent, -1)
        if lane < 0 or self._holder[lane] != parent:
            lane = self._free(parent)
        self._lane[row] = lane
        if lane == len(self._holder):
            self._holder.append(row)
        else:
            self._holder[lane] = row
        self._draw(lane, row)
        return min(lane, MOST_LANES)

    def attach(self, row: int, anchor: int) -> int:
        """The lane of a subgraph's row: that of the row its call started from."""
        lane = self._lane.get(anchor, 0)
        if self._lane.get(anchor) is not None and self._holder[lane] == anchor:
            self._draw(lane, row)
        return min(lane, MOST_LANES)

    def _free(self, parent: int) -> int:
        """The lowest lane with nothing drawn above ``parent``, or a new one."""
        if parent < 0 or self._last[1] > parent:
            return len(self._holder)
        place = 1
        while place < self._size:
            place *= 2
            if self._last[place] > parent:
                place += 1
        return min(place - self._size, len(self._holder))

    def _draw(self, lane: int, row: int) -> None:
        while lane >= self._size:
            self._grow()
        place = self._size + lane
        self._last[place] = row
        while place > 1:
            place //= 2
            least = min(self._last[2 * place], self._last[2 * place + 1])
            if self._last[place] == least:
                break
            self._last[place] = least

    def _grow(self) -> None:
        leaves = self._last[self._size :] + [-1] * self._size
        self._size *= 2
        self._last = [-1] * self._size + leaves
        for place in range(self._size - 1, 0, -1):
            self._last[place] = min(self._last[2 * place], self._last[2 * place + 1])
