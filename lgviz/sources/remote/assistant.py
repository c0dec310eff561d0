"""A graph that runs on a server: what it is called there, and how it is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from langchain_core.runnables.graph import Edge, Graph, Node

from lgviz.errors import ActRefused, ServerError, listed

if TYPE_CHECKING:
    from .client import RemoteClient

__all__ = ["RemoteAssistant", "going_on", "is_uuid"]


class RemoteAssistant:
    """An assistant of a server: a graph, and how it is configured.

    Args:
        client: of the server.
        assistant_id: its id, or the name of a graph; None: that of each thread.
        local: the same graph in this process, by which forks are previewed (see
            :class:`~lgviz.sources.base.ReadOptions`).

    Attributes:
        context_schema: of what a run is given along; a server checks that itself.
    """

    context_schema = None

    def __init__(self, client: RemoteClient, assistant_id: str | None, local: Any = None) -> None:
        self.client = client
        self.assistant_id = assistant_id
        self.local = local

    def __repr__(self) -> str:
        return f"<RemoteAssistant {self.assistant_id!r} at {self.client.place}>"

    def named(self, assistant_id: str | None) -> RemoteAssistant:
        """Another assistant of the server."""
        return RemoteAssistant(self.client, assistant_id, self.local)

    def of_thread(self, thread_id: str) -> RemoteAssistant:
        """What goes on with a thread, also a new one: that which it ran with, unless it is another by its id.

        Raises:
            ActRefused: nothing tells which.
        """
        if self.assistant_id is not None and is_uuid(self.assistant_id):
            return self
        with self.client.asking():
            found = self.client.sdk.threads.search(ids=[thread_id], limit=1, select=["thread_id", "metadata"])
            metadata = found[0]["metadata"] if found and found[0]["thread_id"] == thread_id else None
        return self.named(going_on(self.assistant_id, metadata)).certain()

    def certain(self) -> RemoteAssistant:
        """Itself, or where it has no name the only graph of the server.

        Raises:
            ActRefused: there are several.
        """
        if self.assistant_id is not None:
            return self
        names = self.graphs()
        if len(names) != 1:
            raise ActRefused(
                f"The server at {self.client.place} has several graphs: {listed(names)}.",
                "Say which: lgviz.debug(RemoteGraph(name, url=…)), or open a thread of it first.",
            )
        return self.named(names[0])

    def graphs(self) -> list[str]:
        """The names of all graphs of the server."""
        return sorted({str(one["graph_id"]) for one in self._all()})

    def assistants(self) -> dict[str, RemoteAssistant]:
        """All assistants of the server by a name for each: that which every graph has is called as the graph,
        ``"formal (agent)"`` is one with a config of its own."""
        found = {graph: self.named(graph) for graph in self.graphs()}
        for one in self._all():
            if not _is_own(one):
                id_, name = str(one["assistant_id"]), f"{one.get('name')} ({one['graph_id']})"
                found[name if name not in found else f"{name} {id_}"] = self.named(id_)
        return dict(sorted(found.items()))

    def _all(self) -> list[Any]:
        with self.client.asking():
            return list(self.client.sdk.assistants.search(limit=1000))

    def graph_name(self) -> str:
        """Its graph, by name."""
        name = str(self.assistant_id)
        if not is_uuid(name):
            return name
        with self.client.asking():
            return str(self.client.sdk.assistants.get(name)["graph_id"])

    def edges(self) -> dict[str, list[tuple[str, bool]]]:
        """By node where its edges lead to, and whether on a condition; empty where that is not told."""
        drawn = self._drawn
        found: dict[str, list[tuple[str, bool]]] = {} if drawn is None else {name: [] for name in drawn.nodes}
        for edge in () if drawn is None else drawn.edges:
            found.setdefault(edge.source, []).append((edge.target, edge.conditional))
        return found

    def schema(self, which: str) -> Any:
        """A JSON schema of it (``"input_schema"``); True where none is told."""
        return self._schemas.get(which) or True

    def get_graph(self) -> Graph | None:
        """It, for drawing; None where the server does not tell."""
        return self._drawn

    def get_subgraphs(self, *, recurse: bool = False) -> Iterator[tuple[str, None]]:  # noqa: ARG002 - of others
        """The names of the nodes that are graphs themselves; those graphs are not at hand."""
        for name in self._subgraphs:
            yield name, None

    @cached_property
    def _id(self) -> str:
        """Its id: where a graph is named, that of the assistant which every graph has."""
        name = str(self.assistant_id)
        if is_uuid(name):
            return name
        found: Any = self.client.sdk.assistants.search(graph_id=name, limit=1000)
        own = [one for one in found if _is_own(one)]
        return str((own or found)[0]["assistant_id"])

    @cached_property
    def _drawn(self) -> Graph | None:
        if self.assistant_id is None:
            return None
        try:
            with self.client.asking():
                told: Any = self.client.sdk.assistants.get_graph(self._id)
                names = [str(node["id"]) for node in told["nodes"]]
                edges = [_edge(**edge) for edge in told["edges"]]
        except ServerError:  # of an assistant that was deleted, or that may not be looked at
            return None
        return Graph({name: Node(name, name, None, None) for name in names}, edges)

    @cached_property
    def _schemas(self) -> Mapping[str, Any]:
        if self.assistant_id is None:
            return {}
        try:
            with self.client.asking():
                return dict(self.client.sdk.assistants.get_schemas(self._id))
        except ServerError:
            return {}

    @cached_property
    def _subgraphs(self) -> list[str]:
        if self.assistant_id is None:
            return []
        try:
            with self.client.asking():
                return [str(name) for name in self.client.sdk.assistants.get_subgraphs(self._id)]
        except ServerError:
            return []


def going_on(named: str | None, metadata: Mapping[str, Any] | None) -> str | None:
    """The assistant that goes on with a thread.

    Args:
        named: what was opened: an assistant by its id, a graph by its name; None: the whole server.
        metadata: the thread's, which names what it ran with last.
    """
    known = metadata or {}
    ran = known.get("assistant_id") or known.get("graph_id")
    return ran if isinstance(ran, str) and named in (None, known.get("graph_id")) else named


def _is_own(assistant: Mapping[str, Any]) -> bool:
    """Whether it is the one that a graph has without being asked for."""
    return (assistant.get("metadata") or {}).get("created_by") == "system"


def is_uuid(text: str) -> bool:
    """Whether this is an id that a server gives."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _edge(source: Any, target: Any, data: Any = None, *, conditional: Any = False, **_: Any) -> Edge:
    return Edge(str(source), str(target), None if data is None else str(data), bool(conditional))
