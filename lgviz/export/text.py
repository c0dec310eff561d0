"""The tree in characters, as ``git log --graph`` draws it."""

from __future__ import annotations

from lgviz.analysis.tree import Flag, Tree
from lgviz.export.rails import (
    Rail,
    changed_of,
    heads_of,
    marks_of,
    rails,
    row_of,
    time_of,
    title_of,
    window,
)

__all__ = ["tree_text"]

_LANES = 12


def tree_text(
    tree: Tree, selected: str | None = None, width: int = 80, limit: int = 200, until: int | None = None
) -> str:
    """The tree of a thread, newest checkpoint on top, for a terminal.

    Args:
        tree: the tree.
        selected: id of the checkpoint to point at.
        width: columns.
        limit: the most rows; those left out are counted.
        until: only rows before this one.
    """
    count = len(tree.ids)
    chosen = row_of(tree, selected)
    rows = window(count, limit, chosen) if until is None else range(max(0, until - limit), until)
    heads, branches = heads_of(tree)
    drawn = [(_rail(tree, rail, rail.row == chosen), rail.row) for rail in rails(tree, rows)]
    graph = max((len(text) for text, _ in drawn), default=0)
    label = max((len(tree.labels[row]) for row in rows), default=0)
    lines = [f"  … {count - rows.stop:,} newer"] if rows.stop < count else []
    for rail, row in drawn:
        marks = "".join(f" [{words}]" for _, words in marks_of(tree, row, heads, branches))
        left = f"{rail:<{graph}}  {tree.labels[row]:<{label}}  {'  ' * tree.depth[row]}{title_of(tree, row)}"
        changed = ", ".join(changed_of(tree, row))
        right = time_of(tree, row)
        room = width - len(right) - 1
        middle = f"{left}{marks}"
        if changed and len(middle) + 6 <= room:
            middle = f"{left}  {_cut(changed, room - len(left) - len(marks) - 2)}{marks}"
        lines.append(f"{_cut(middle, room):<{room}} {right}".rstrip())
    if rows.start:
        lines.append(f"  … {rows.start:,} older")
    return "\n".join(lines)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def _rail(tree: Tree, rail: Rail, selected: bool) -> str:
    """One row of rails: two columns a lane."""
    ends = [rail.lane, *rail.joins]
    low, high = min(ends), max(ends)
    cells = []
    for lane in range(min(_LANES, max([high, *rail.through]) + 1)):
        between = low < lane < high
        if lane == rail.lane:
            cells.append(_dot(tree.flags[rail.row], tree.depth[rail.row], selected))
        elif lane in rail.joins:
            tee = "┴" if between else ("╯" if lane > rail.lane else "╰")
            cells.append("┼" if lane in rail.through else tee)
        elif lane in rail.through:
            cells.append("┼" if between else "│")
        else:
            cells.append("─" if between else " ")
        cells.append("─" if low <= lane < high else " ")
    return "".join(cells).rstrip()


def _dot(flags: int, depth: int, selected: bool) -> str:
    if selected:
        return "◉"
    if flags & Flag.ERROR:
        return "✗"
    if flags & Flag.INTERRUPT and not flags & Flag.ANSWERED:
        return "?"
    if flags & (Flag.UPDATE | Flag.FORK):
        return "◆"
    return "○" if depth else "●"
