"""A graph that runs on a server: what it is called there, and how it is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from langchain_core.runnables.graph import Edge, Graph, Node

from lgviz.errors import ServerError

if TYPE_CHECKING:
    from .client import RemoteClient

__all__ = ["RemoteAssistant"]


class RemoteAssistant:
    """An assistant of a server: a graph, and how it is configured.

    Args:
        client: of the server.
        assistant_id: its id, or the name of a graph; None: that of each thread.
    """

    def __init__(self, client: RemoteClient, assistant_id: str | None) -> None:
        self.client = client
        self.assistant_id = assistant_id

    def __repr__(self) -> str:
        return f"<RemoteAssistant {self.assistant_id!r} at {self.client.place}>"

    def get_graph(self) -> Graph | None:
        """It, for drawing; None where the server does not tell."""
        return self._drawn

    def get_subgraphs(self, *, recurse: bool = False) -> Iterator[tuple[str, None]]:  # noqa: ARG002 - of others
        """The names of the nodes that are graphs themselves; those graphs are not at hand."""
        for name in self._subgraphs:
            yield name, None

    @cached_property
    def _drawn(self) -> Graph | None:
        if self.assistant_id is None:
            return None
        try:
            with self.client.asking():
                told: Any = self.client.sdk.assistants.get_graph(self.assistant_id)
                names = [str(node["id"]) for node in told["nodes"]]
                edges = [_edge(**edge) for edge in told["edges"]]
        except ServerError:  # of an assistant that was deleted, or that may not be looked at
            return None
        return Graph({name: Node(name, name, None, None) for name in names}, edges)

    @cached_property
    def _subgraphs(self) -> list[str]:
        if self.assistant_id is None:
            return []
        try:
            with self.client.asking():
                return [str(name) for name in self.client.sdk.assistants.get_subgraphs(self.assistant_id)]
        except ServerError:
            return []


def _edge(source: Any, target: Any, data: Any = None, *, conditional: Any = False, **_: Any) -> Edge:
    return Edge(str(source), str(target), None if data is None else str(data), bool(conditional))
