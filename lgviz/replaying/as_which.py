"""As which nodes an update may have been made, where LangGraph has not stored it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langgraph.constants import END, START

from lgviz.analysis.history import History
from lgviz.analysis.steps import TreeRow
from lgviz.reuse.edges import Edges, edges_of
from lgviz.sources.places import is_internal

__all__ = ["may_have_updated"]

_ANYWHERE = Edges((), None)


def may_have_updated(graph: Any, history: History, row: TreeRow) -> Sequence[str]:
    """The nodes whose edges lead where one update led, the likeliest first: those that had just run.

    Whichever of them makes the recorded state again, with the same nodes to come next, is as good as the one
    that it was: nothing else of it is in the thread.
    """
    ran = history.tree.nodes[row.parent.index] if row.parent is not None else ()
    nodes = [name for name in dict.fromkeys([*reversed(ran), *graph.nodes]) if name in graph.nodes]
    tasks = row.stored_updates()
    if row.parent is None:
        return [START, *nodes]
    if not tasks:  # as the end, which writes nothing; or LangGraph kept what the first update wrote there
        return [END, *nodes]
    stored = history.reader.real_record(row.parent.index).writes
    own = [w for w in stored if (w.task_id, w.task_path) == (tasks[0].id, tasks[0].path)]
    led = [(w.channel, w.value) for w in own if is_internal(w.channel)]
    edges = edges_of(graph)
    return [name for name in nodes if name != START and _may_lead(edges.get(name, _ANYWHERE), led)]


def _may_lead(edges: Edges, led: Sequence[tuple[str, Any]]) -> bool:
    """Whether writes are all that a node's edges always make, and others that they may."""
    rest = [write for write in led if write not in edges.always]
    return len(rest) + len(edges.always) == len(led) and (
        edges.maybe is None or all(channel in edges.maybe for channel, _ in rest)
    )
