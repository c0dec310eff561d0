"""A thread's tree cut into what was done to make it: inputs, updates, forks, and the steps after each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from lgviz.analysis.steps import TreeRow
from lgviz.analysis.tree import Tree
from lgviz.reuse.commands import doubt_of, is_commanded, is_retried
from lgviz.reuse.recorded import SEVERAL

__all__ = ["Leg", "legs_of"]

_CUT = "the checkpoint before it is not stored"
Act = Literal["input", "update", "fork", "on"]


@dataclass(slots=True)
class Leg:
    """One thing that was done, and the steps that the graph made of it.

    Attributes:
        act: an input, an update, a fork, or going on from where the thread stands.
        parent: the row that it was done at; -1 where the thread begins.
        own: the row of the checkpoint that the act itself made; None where it only goes on.
        steps: the rows of the steps that followed, in order.
        doubt: why it cannot be done again; empty where it can.
        unsure: why what is stored may not be what was done: where another state comes of it, that is why.
        halts: whether the graph stopped at its end, where a Command was given to it.
    """

    act: Act
    parent: int
    own: int | None
    steps: list[int] = field(default_factory=list)
    doubt: str = ""
    unsure: str = ""
    halts: bool = False

    @property
    def rows(self) -> list[int]:
        """All its rows, in order."""
        return [self.own, *self.steps] if self.own is not None else list(self.steps)


def legs_of(tree: Tree) -> Iterator[Leg]:
    """The legs of the root namespace, in the order in which they were made."""
    placed: set[int] = set()
    for number in tree.roots:
        if number in placed:
            continue
        leg = _begun(tree.rows[number])
        if leg.parent < 0 and placed:
            leg.doubt = leg.doubt or _CUT
        _follow(tree, leg)
        placed.update(leg.rows)
        yield leg


def _begun(row: TreeRow) -> Leg:
    parent = row.parent.index if row.parent is not None else -1
    leg = Leg("on", parent, None, [row.index])
    match row.source:
        case "input":
            leg = Leg("input", parent, row.index)
        case "update":
            leg = Leg("update", parent, row.index)
        case "fork":
            leg = Leg("fork", parent, row.index)
    begun = row.source in ("input", "update") and not row.collapsed
    if row.parent is None and (row.parent_id is not None or not begun):
        leg.doubt = _CUT
    elif row.dated:
        leg.doubt = "LangGraph of 2024 or early 2025 wrote it, and stored where nodes lead in another form"
    elif row.collapsed:
        leg.doubt = "the steps before it were not stored (durability='exit')"
    elif leg.act == "on" and row.parent is not None and len(_steps_from(row.parent)) > 1:
        leg.doubt = SEVERAL
    elif leg.act == "on" and row.parent is not None:
        if is_retried(row.parent):
            leg.unsure = doubt_of(row.parent)
        else:
            leg.doubt = doubt_of(row.parent)
    return leg


def _follow(tree: Tree, leg: Leg) -> None:
    """Take in the steps that followed, as long as it is certain which did."""
    if leg.act == "update":
        return
    row = tree.rows[leg.rows[-1]]
    while len(after := _steps_from(row)) == 1 and not (after[0].collapsed or is_commanded(row)):
        row = after[0]
        leg.steps.append(row.index)
    leg.halts = is_commanded(row)


def _steps_from(row: TreeRow) -> list[TreeRow]:
    return [child for child in row.children if child.source not in ("input", "update", "fork")]
