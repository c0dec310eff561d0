"""Reads a history from anywhere into the read model (floor 2)."""

from __future__ import annotations

import os
import re
from typing import Any, Unpack

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.store.base import BaseStore

from lgviz.errors import NoCheckpointer, NoCheckpoints, NotASource
from lgviz.persistence.savers.saver import Saver

from .base import (
    Bookkeeping,
    CheckpointRow,
    DecodingOptions,
    ReadOptions,
    Record,
    Source,
    SourceOrigin,
    StoredWrite,
    ThreadIndex,
    ThreadInfo,
    Undecodable,
    WriteRow,
    decoding,
)
from .langgraph import source_of_database, source_of_saver
from .langgraph.detect import file_at, is_postgres, is_url
from .layered import LayeredSource
from .lgviz.items import VersionedItems
from .lgviz.tables import TablesSource
from .places import PREVIOUS_CHANNEL
from .redacted import redacted
from .remote import RemoteAssistant, assistant_of, is_server_url, source_of_assistant, source_of_server
from .store_alone import StoreAlone

__all__ = [
    "Bookkeeping",
    "CheckpointRow",
    "LayeredSource",
    "ReadOptions",
    "Record",
    "Source",
    "StoredWrite",
    "ThreadIndex",
    "ThreadInfo",
    "Undecodable",
    "WriteRow",
    "no_checkpointer",
    "open_source",
]


_CONNINFO = re.compile(r"(^|\s)(host|hostaddr|port|dbname|user|password|service)\s*=")


def open_source(what: Any, **options: Unpack[ReadOptions]) -> Source:
    """The place that ``what`` holds threads of checkpoints in; it is never written to.

    >>> from lgviz.demos import two_nodes
    >>> from lgviz.persistence import MemorySaver
    >>> saver = MemorySaver()
    >>> two_nodes.seed(two_nodes.build(saver), thread_id="1")
    >>> source = open_source(saver)
    >>> [thread.thread_id for thread in source.threads()]
    ['1']

    Args:
        what: a compiled graph, a saver, the path of a database that lgviz's or LangGraph's SQLite savers
            wrote, the URL of a PostgreSQL database that they wrote or of a MySQL or Redis database that
            LangGraph's wrote, a LangGraph server by its URL (``"http://localhost:2024"``) or a
            ``RemoteGraph``, a store, which has items and no thread, or a :class:`Source`. Where both have
            written to a database, lgviz's are read.
        options: see :class:`ReadOptions`; ``trust=["app.state"]`` names modules whose classes the values of
            a path or URL may be built into, ``redact=["messages.*.content"]`` what is masked, ``graph=`` what
            previews forks on a LangGraph server.

    Raises:
        NoCheckpointer: a graph compiled without one.
        ServerError: a server that refuses, or cannot be reached.
        MissingFile, NotADatabase, NoCheckpoints: a path that leads to no checkpoints.
        ForeignTables: a PostgreSQL database that only LangGraph's own savers wrote.
        Unavailable: a server refuses or cannot be reached.
        NotInstalled: the driver of a URL's database is missing.
        NotASource: anything else.
        InvalidValue: a rule of ``redact`` is none.
    """
    source = _opened(what, **decoding(options))
    if (graph := options.get("graph")) is not None:
        if not isinstance(source.graph, RemoteAssistant):
            raise NotASource(
                "graph= goes with a LangGraph server, to preview by.",
                "Compile the graph with the saver of the database, and give it alone.",
            )
        if not isinstance(graph, (str, os.PathLike)) and not _is_graph(graph):
            remedy = 'Compile it, or give its name: graph="app:graph".'
            raise NotASource.of(graph, "graph to preview by", remedy)
        source.graph.local = graph
    return redacted(source, options.get("redact", ()))


def _opened(what: Any, **options: Unpack[DecodingOptions]) -> Source:
    if isinstance(what, Source):
        return what
    if isinstance(what, BaseCheckpointSaver):
        source = _of_saver(what)
        source.read_only = f"A {type(what).__name__} has no graph: give the graph to fork or run."
        return source
    if is_server_url(what):
        return source_of_server(what)
    if (assistant := assistant_of(what)) is not None:
        return source_of_assistant(assistant)
    if isinstance(what, (str, os.PathLike)):
        source = _of_path(os.fspath(what), **options)
        source.origin = SourceOrigin(os.fsdecode(what), options)
        return source
    if _is_graph(what):
        return _of_graph(what)
    if isinstance(what, BaseStore):
        return StoreAlone(what)
    raise NotASource.of(
        what, "source of checkpoints", "Give a compiled graph, a saver, or the path of a SQLite database."
    )


def _is_graph(what: Any) -> bool:
    return hasattr(what, "get_state") and hasattr(what, "checkpointer")


def _of_graph(graph: Any) -> Source:
    saver = graph.checkpointer
    if not isinstance(saver, BaseCheckpointSaver):
        raise no_checkpointer(graph)
    source = _of_saver(saver)
    source.graph = graph
    source.description = f"{type(graph).__name__} on {source.description}"
    return source


def no_checkpointer(graph: Any) -> NoCheckpointer:
    """What to say of a graph without a checkpointer: how one of its kind is given one.

    >>> from lgviz.demos import two_nodes
    >>> print(no_checkpointer(two_nodes.build()).remedy)
    Compile it with one: builder.compile(checkpointer=InMemorySaver()).
    """
    if hasattr(graph, "builder"):
        remedy = "Compile it with one: builder.compile(checkpointer=InMemorySaver())."
    elif PREVIOUS_CHANNEL in getattr(graph, "channels", {}):
        remedy = "Give its decorator one: @entrypoint(checkpointer=InMemorySaver())."
    else:
        remedy = "Make it with one: Pregel(..., checkpointer=InMemorySaver())."
    return NoCheckpointer("The graph was compiled without a checkpointer, so it keeps no history.", remedy)


def _of_saver(saver: Any) -> Source:
    source = _reader_of(saver)
    source.saver = saver
    return source


def _reader_of(saver: Any) -> Source:
    if isinstance(saver, Saver):
        return TablesSource.of_saver(saver)
    if hasattr(saver, "open_source"):  # a saver over another
        return saver.open_source()  # type: ignore[no-any-return]
    return source_of_saver(saver)


def _of_path(path: str | bytes, **options: Unpack[DecodingOptions]) -> Source:
    path = os.fsdecode(path)
    if "://" in path and not is_url(path):
        # Not repeated whole: there may be a password in it.
        raise NotASource(
            f"{path.partition('://')[0]}:// names no path of a file.",
            "Give the path of a SQLite database, a postgresql://, mysql:// or redis:// URL, or a saver.",
        )
    if _CONNINFO.search(path) and not file_at(path).exists():  # not repeated either
        raise NotASource(
            "This is a connection string of PostgreSQL, and no path or URL.",
            "Give it as a URL: postgresql://me@host/db; the password stands in PGPASSWORD or ~/.pgpass.",
        )
    own = None
    if is_postgres(path):
        own = TablesSource.of_url(path, **options)
    elif not is_url(path):
        own = TablesSource.of_file(file_at(path), **options)
    if own is not None:
        return own
    try:
        source = source_of_database(path, **options)
    except NoCheckpoints:
        if (items := VersionedItems.of_path(path, **options)) is not None:
            return StoreAlone(None, items.description)
        if TablesSource.are_in(path):
            raise _empty(path) from None
        raise
    if source.is_empty():
        source.close()
        raise _empty(path)
    return source


def _empty(path: str) -> NoCheckpoints:
    holder = "The database" if is_url(path) else path
    return NoCheckpoints(f"{holder} holds no checkpoint yet.", "Run a graph on it first.")
