"""A LangGraph server as a source: LangGraph Platform, ``langgraph dev``, the backend of Studio (floor 2)."""

from __future__ import annotations

from typing import Any

from lgviz.sources.base import Source

from .assistant import RemoteAssistant, is_uuid
from .source import RemoteSource

__all__ = [
    "RemoteAssistant",
    "assistant_of",
    "is_remote_graph",
    "is_server",
    "is_server_url",
    "is_uuid",
    "remote_store_of",
    "source_of_assistant",
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

    return RemoteSource(RemoteClient.of_url(url), owned=True)


def assistant_of(graph: Any) -> RemoteAssistant | None:
    """What a graph on a server is called there, by a ``RemoteGraph`` or the server's URL; None of any other.

    Raises:
        ServerError: a ``RemoteGraph`` without a synchronous client, or no URL.
    """
    if isinstance(graph, RemoteAssistant):
        return graph
    if not is_server(graph):
        return None
    from .client import RemoteClient

    if isinstance(graph, str):
        return RemoteAssistant(RemoteClient.of_url(graph), None)
    return RemoteAssistant(RemoteClient.of_graph(graph), str(graph.assistant_id))


def source_of_assistant(assistant: RemoteAssistant) -> RemoteSource:
    """Reads the threads of a graph on a server."""
    return RemoteSource(assistant.client, assistant.assistant_id, local=assistant.local)


def remote_store_of(what: Any) -> Any:
    """The store of a server by its URL, a ``RemoteGraph``, or the source that reads one; None of others."""
    assistant = assistant_of(what.graph if isinstance(what, Source) else what)
    if assistant is None:
        return None
    from .store import RemoteStore

    return RemoteStore(assistant.client)
