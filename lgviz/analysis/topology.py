"""The compiled graph as nodes and edges, for drawing."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

__all__ = ["DrawnEdge", "DrawnGraph", "DrawnNode", "inner_topologies", "topology_of"]


class DrawnNode(TypedDict):
    id: str
    name: str
    kind: Literal["start", "end", "node", "subgraph"]


class DrawnEdge(TypedDict):
    source: str
    target: str
    conditional: bool
    label: str | None


class DrawnGraph(TypedDict):
    nodes: list[DrawnNode]
    edges: list[DrawnEdge]


def topology_of(graph: Any) -> DrawnGraph | None:
    """The nodes and edges of a compiled graph as LangGraph draws it; None where there is none to draw.

    ``id`` is the node's name as the graph knows it (``__start__`` and ``__end__`` included).
    """
    if graph is None or not hasattr(graph, "get_graph"):
        return None
    drawn = graph.get_graph()
    if drawn is None:
        return None
    subgraphs = {name for name, _ in graph.get_subgraphs()} if hasattr(graph, "get_subgraphs") else set()
    kinds: dict[str, Literal["start", "end"]] = {"__start__": "start", "__end__": "end"}
    return {
        "nodes": [
            {"id": key, "name": key, "kind": kinds.get(key, "subgraph" if key in subgraphs else "node")}
            for key in drawn.nodes
        ],
        "edges": [
            {
                "source": edge.source,
                "target": edge.target,
                "conditional": bool(edge.conditional),
                "label": None if edge.data is None else str(edge.data),
            }
            for edge in drawn.edges
        ],
    }


def inner_topologies(graph: Any) -> dict[str, DrawnGraph]:
    """The nodes and edges of a graph's subgraphs, by path: ``"research|judge"`` is one inside ``research``.

    >>> from lgviz.demos import subgraph
    >>> found = inner_topologies(subgraph.build())
    >>> {path: [node["name"] for node in drawn["nodes"]] for path, drawn in found.items()}
    {'critic': ['__start__', 'judge', 'revise', '__end__']}
    """
    if not hasattr(graph, "get_subgraphs"):
        return {}
    drawn = ((path, topology_of(inner)) for path, inner in graph.get_subgraphs(recurse=True))
    return {path: one for path, one in drawn if one is not None}
