"""The tree as a graph of networkx and as a table of pandas."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

import networkx
import pandas

from .tree import Flag, Tree

if TYPE_CHECKING:
    from .history import History

__all__ = ["to_frame", "to_graph"]


def to_graph(history: History) -> networkx.DiGraph[str]:
    """The tree as a graph (``History.graph``, which says what is in it)."""
    tree = history.tree
    graph: networkx.DiGraph[str] = networkx.DiGraph(thread_id=history.shown_id)
    for row, checkpoint in enumerate(history.all):
        facts = _facts(tree, row)
        flags = facts.pop("flags")
        graph.add_node(
            checkpoint.id,
            **facts,
            marks=tuple(str(flag.name).lower() for flag in flags),
            as_node=checkpoint.as_node,
            note=checkpoint.note,
            metadata=dict(checkpoint.metadata),
            lane=tree.lane[row],
            depth=tree.depth[row],
        )
        if tree.parent[row] >= 0:
            call = tree.rows[row].parent is None
            graph.add_edge(tree.ids[tree.parent[row]], tree.ids[row], call=call)
    return graph


def to_frame(tree: Tree) -> pandas.DataFrame:
    """A row for each checkpoint, oldest first, indexed by label."""
    rows = []
    for row in range(len(tree)):
        facts = _facts(tree, row)
        time, flags = facts.pop("time"), facts.pop("flags")
        rows.append(
            {
                **facts,
                "id": tree.ids[row],
                "parent": tree.labels[tree.parent[row]] if tree.parent[row] >= 0 else None,
                "time": pandas.NaT if isnan(time) else pandas.Timestamp(time, unit="s", tz="UTC").round("us"),
                "interrupted": Flag.INTERRUPT in flags,
                "failed": Flag.ERROR in flags,
            }
        )
    columns = ["label", "nodes", "changed", "step", "source", "time", "parent", "interrupted", "failed"]
    frame = pandas.DataFrame(rows, columns=[*columns, "namespace", "id"])
    frame["step"] = frame["step"].astype("Int64")
    return frame.set_index("label")


def _facts(tree: Tree, row: int) -> dict[str, Any]:
    return {
        "label": tree.labels[row],
        "namespace": tree.namespaces[row],
        "step": tree.steps[row],
        "source": tree.sources[row],
        "nodes": tree.nodes[row],
        "changed": tree.changed[row],
        "time": tree.times[row],
        "flags": Flag(tree.flags[row]),
    }
