"""A LangGraph server as a source: LangGraph Platform, ``langgraph dev``, the backend of Studio (floor 2)."""

from __future__ import annotations

from typing import Any

from lgviz.sources.base import Source

from .assistant import RemoteAssistant
from .source import RemoteSource

__all__ = [
    "is_remote_graph",
    "is_server",
    "is_server_url",
    "remote_store_of",
    "source_of_remote_graph",
    "source_of_server",
]


def is_server_url(what: Any) -> bool:
    """Whether this is the URL of a server, as against that of a database."""
    return isinstance(what, str) and what.startswith(("http://", "https://"))


def is_remote_graph(what: Any) -> bool:
    """Whether this is LangGraph's ``RemoteGraph``, told without importing it."""
    return any(
        f"{base.__module__}.{base.__name__}" == "langgraph.pregel.remote.RemoteGraph"
        for base in type(what).__mro__
    )


def is_server(what: Any) -> bool:
    """Whether this names a server or a graph on one."""
    return is_server_url(what) or is_remote_graph(what)


def source_of_server(url: str) -> RemoteSource:
    """Reads all threads of the server at a URL.

    Raises:
        ServerError: this is no URL.
    """
    from .client import RemoteClient  # a third of a second, for the few who need it

    return RemoteSource(RemoteClient.of_url(url))


def source_of_remote_graph(graph: Any) -> RemoteSource:
    """Reads the threads of a ``RemoteGraph`` through its own client.

    Raises:
        ServerError: it has no synchronous client.
    """
    from .client import RemoteClient

    return RemoteSource(RemoteClient.of_graph(graph), str(graph.assistant_id))


def remote_store_of(what: Any) -> Any:
    """The store of a server by its URL, a ``RemoteGraph``, or the source that reads one; None of others."""
    if isinstance(what, Source):
        client = what.graph.client if isinstance(what.graph, RemoteAssistant) else None
    elif is_server(what):
        from .client import RemoteClient

        client = RemoteClient.of_url(what) if isinstance(what, str) else RemoteClient.of_graph(what)
    else:
        client = None
    if client is None:
        return None
    from .store import RemoteStore

    return RemoteStore(client)
