"""Where a node goes by ``Command(goto=...)``: what its graph declares, and what its tasks did."""

from __future__ import annotations

from collections import Counter
from typing import Any

from langgraph.constants import END

from lgviz.analysis.history import open_history
from lgviz.analysis.steps import written_channels
from lgviz.analysis.tree import Tree
from lgviz.errors import LgvizError
from lgviz.sources.places import node_path

from .target import GraphTarget, Position
from .update import goto_targets

__all__ = ["Gotos", "gotos_at"]

_LOOKED_AT = 20_000
"""The newest checkpoints of a thread are looked at, on all its branches."""


class Gotos:
    """The gotos of one graph's nodes. The thread is read when it is first asked for.

    Most programs return ``Command(goto=...)`` without an annotation, so that their graph does not know it.
    But a task that went to ``X`` wrote to the channel ``branch:to:X``, which no edge of its node does.
    """

    def __init__(self, here: GraphTarget, at: Any, position: Position) -> None:
        self._here = here
        self._at = at
        self._position = position
        self._graph = position.graph
        self._went: dict[str, tuple[Counter[str], Counter[str]]] | None = None

    def targets(self, node: str) -> tuple[str, ...]:
        """Where a node may go, what is declared first."""
        declared = goto_targets(self._graph, node)
        return (*declared, *(target for target in self.seen(node) if target not in declared))

    def seen(self, node: str) -> tuple[str, ...]:
        """Where tasks of a node went in this thread though no edge leads there, the most frequent first."""
        fixed = _edges(self._graph, node)
        if fixed is None:
            return ()
        return tuple(
            name for name, _ in self._of_thread(node)[0].most_common()
            if name in self._graph.nodes and name not in fixed
        )  # fmt: skip

    def sends(self, node: str) -> tuple[str, ...]:
        """The nodes to which tasks of a node sent by ``Send`` in this thread, by no conditional edge."""
        if _edges(self._graph, node) is None:
            return ()
        return tuple(name for name, _ in self._of_thread(node)[1].most_common())

    def _of_thread(self, node: str) -> tuple[Counter[str], Counter[str]]:
        if self._went is None:
            try:
                tree = _tree_of(self._here, self._at, self._position)
                self._went = _went(tree, node_path(self._position.namespace))
            except LgvizError:  # what cannot be read as a history shows nothing
                self._went = {}
        return self._went.get(node, (Counter(), Counter()))


def gotos_at(here: GraphTarget, at: Any, position: Position) -> Gotos:
    """The gotos of the graph that acts at a checkpoint; ``at`` is what named it."""
    return Gotos(here, at, position)


def _tree_of(here: GraphTarget, at: Any, position: Position) -> Tree:
    history = getattr(at, "history", None)
    tree: Tree = (history or open_history(here.given, thread_id=position.thread_id)).tree
    return tree


def _edges(graph: Any, node: str) -> set[str] | None:
    """Where a node's edges lead; None where that is not known: its router may go anywhere, or is the graph's
    own way of a node."""
    builder = getattr(graph, "builder", None)
    if builder is None or node not in builder.nodes:
        return None
    found = {end for start, end in builder.edges if start == node}
    for branch in builder.branches.get(node, {}).values():
        if branch.ends is None:
            return None
        found.update(branch.ends.values())
    return found - {END}


def _went(tree: Tree, path: str) -> dict[str, tuple[Counter[str], Counter[str]]]:
    """By node: where its tasks went, and to which nodes they sent."""
    found: dict[str, tuple[Counter[str], Counter[str]]] = {}
    for row in tree.rows[-_LOOKED_AT:]:
        if row.work is None or node_path(row.namespace) != path:
            continue
        sending = []
        for task in row.work.done():
            told = written_channels(tuple(task.channels.values()))
            if (not told.targets and not told.sends) or tree.naming.name_task(row, task) is None:
                continue
            went, _ = found.setdefault(str(task.name), (Counter(), Counter()))
            went.update(told.targets)
            if told.sends:
                sending.append(str(task.name))
        if len(set(sending)) == 1:
            child = next((c for c in row.children if c.source not in ("update", "fork", "input")), None)
            tasks = child.step_work.tasks.values() if child is not None else ()
            sent = [task for task in tasks if task.send_index is not None]
            if child is not None:
                names = [name for task in sent if (name := tree.naming.name_task(child, task))]
                found[sending[0]][1].update(names)
    return found
