"""What each row of a drawn tree shows: rails, title, marks, time. Shared by the text and the HTML export."""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lgviz._visible import visible
from lgviz.analysis.naming import NOTE
from lgviz.analysis.tree import Flag, Tree
from lgviz.analysis.values import clean
from lgviz.sources.places import calls

__all__ = ["Rail", "future_of", "heads_of", "marks_of", "rails", "row_of", "time_of", "title_of", "window"]

_NOTE = 80
"""The most characters of a note in a row."""


@dataclass(frozen=True, slots=True)
class Rail:
    """The rails of one row, newest row on top.

    Attributes:
        row: the row of the tree.
        lane: where its dot lies.
        up: whether a rail goes up from the dot.
        down: whether a rail goes down from it.
        through: lanes that only pass.
        joins: lanes that come from above and end in the dot.
    """

    row: int
    lane: int
    up: bool
    down: bool
    through: tuple[int, ...]
    joins: tuple[int, ...]


def rails(tree: Tree, rows: range) -> Iterator[Rail]:
    """The rails of some rows (ascending), given from newest to oldest."""
    # Edges open at the top of the window: a child above it, its parent in or below it.
    open_: dict[int, Counter[int]] = {}  # parent row -> lanes of its children's rails

    def start(child: int) -> None:
        parent = tree.parent[child]
        if parent >= 0:
            open_.setdefault(parent, Counter())[tree.lane[child]] += 1

    for child in range(rows.stop, len(tree.ids)):
        if tree.parent[child] < rows.stop:
            start(child)
    for row in reversed(rows):
        lane = tree.lane[row]
        ending = open_.pop(row, Counter())
        passing = {other for lanes in open_.values() for other in lanes}
        yield Rail(
            row=row,
            lane=lane,
            up=lane in ending or lane in passing,
            down=tree.parent[row] >= 0 or lane in passing,
            through=tuple(sorted(passing - {lane})),
            joins=tuple(sorted(set(ending) - {lane})),
        )
        start(row)


def row_of(tree: Tree, checkpoint_id: str | None) -> int | None:
    """The row of a checkpoint (by id or label), None where it is not in the tree."""
    row = -1 if checkpoint_id is None else tree.row_of(checkpoint_id)
    return None if row < 0 else row


def window(count: int, limit: int, wanted: int | None) -> range:
    """At most ``limit`` rows, the newest ones, moved down only as far as ``wanted`` asks for."""
    stop = count if wanted is None else max(min(count, wanted + 1 + limit // 2), min(count, limit))
    return range(max(0, stop - limit), stop)


def title_of(tree: Tree, row: int) -> str:
    """The node or nodes that ran to make a checkpoint, or what else made it."""
    counts = Counter(tree.nodes[row])
    names = " ∥ ".join(name if n == 1 else f"{name} ×{n}" for name, n in counts.items())
    source = tree.sources[row]
    if source == "update":
        names = f"update as {names}" if names else "update"
    names = names or source or "checkpoint"
    callers = [call.node for call in calls(tree.namespaces[row])]
    return _flat(" › ".join([*callers, names]))


def _flat(text: str) -> str:
    """On one line: a name may hold any text."""
    return " ".join(visible(clean(text)).split())


def marks_of(tree: Tree, row: int, heads: frozenset[int], branches: Counter[int]) -> list[tuple[str, str]]:
    """(kind, words) of each mark of a row."""
    flags = tree.flags[row]
    words = [
        ("input", "input", bool(flags & Flag.INPUT) and bool(tree.nodes[row])),
        ("fork", "fork", bool(flags & Flag.FORK) and title_of(tree, row) != "fork"),
        ("interrupt", "answered" if flags & Flag.ANSWERED else "interrupted", flags & Flag.INTERRUPT),
        ("error", "failed", flags & Flag.ERROR),
        ("fork", "pending writes", flags & Flag.PENDING),
        ("fork", "steps missing before", flags & Flag.COLLAPSED),
        ("note", f"✎ {note}" if (note := _note(tree, row)) else "✎ note", flags & Flag.NOTE),
        ("fork", f"{branches[row]} branches", branches[row] > 1),
        ("head", "head", row in heads),
    ]
    return [(kind, text) for kind, text, on in words if on]


def _note(tree: Tree, row: int) -> str:
    """The beginning of a row's note, on one line."""
    words = _flat(str(tree.rows[row].metadata.get(NOTE) or ""))
    return words if len(words) <= _NOTE else f"{words[: _NOTE - 1].rstrip()}…"


def heads_of(tree: Tree) -> tuple[frozenset[int], Counter[int]]:
    """The heads of the root namespace, and how many children each row has there."""
    children: Counter[int] = Counter()
    for row, parent in enumerate(tree.parent):
        if parent >= 0 and tree.namespaces[row] == tree.namespaces[parent]:
            children[parent] += 1
    roots = (row for row, namespace in enumerate(tree.namespaces) if not namespace)
    return frozenset(row for row in roots if not children[row]), children


def future_of(tree: Tree, selected: int | None) -> frozenset[int]:
    """The rows that descend from a checkpoint."""
    if selected is None:
        return frozenset()
    later: set[int] = {selected}
    for row in range(selected + 1, len(tree.ids)):
        if tree.parent[row] in later:
            later.add(row)
    return frozenset(later - {selected})


def time_of(tree: Tree, row: int) -> str:
    """``+1.2 s`` since the parent, or the clock where that says more or something else may lie between."""
    at, parent = tree.times[row], tree.parent[row]
    if math.isnan(at):
        return ""
    since = at - tree.times[parent] if parent >= 0 else math.nan
    if 0 <= since < 60 and not tree.flags[row] & Flag.WAITED:
        return _elapsed(since)
    return datetime.datetime.fromtimestamp(at).astimezone().strftime("%H:%M")


def _elapsed(seconds: float) -> str:
    """As the front end says it: ``+0.4 ms``, ``+43 ms``, ``+1.2 s``."""
    if seconds < 0.00995:
        return f"+{seconds * 1000:.1f} ms"
    return f"+{seconds * 1000:.0f} ms" if seconds < 0.0995 else f"+{seconds:.1f} s"


def changed_of(tree: Tree, row: int, most: int = 6) -> Sequence[str]:
    """Names of the channels that changed, the last one standing for those left out."""
    names = [_flat(name[:40]) for name in tree.changed[row]]
    return names if len(names) <= most else [*names[: most - 1], f"+{len(names) - most + 1}"]
