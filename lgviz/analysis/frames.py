"""The tree as a graph of networkx and as a table of pandas."""

from __future__ import annotations

from math import isnan
from typing import Any

import networkx
import pandas

from .tree import Flag, Tree

__all__ = ["to_frame", "to_graph"]


def to_graph(tree: Tree, thread_id: str) -> networkx.DiGraph[str]:
    """A node for each checkpoint, by its id, with what the index knows of it; an edge from each parent. A
    subgraph's first checkpoint hangs on the one its call started from, by an edge with ``call=True``."""
    graph: networkx.DiGraph[str] = networkx.DiGraph(thread_id=thread_id)
    for row in range(len(tree)):
        graph.add_node(tree.ids[row], **_facts(tree, row))
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
