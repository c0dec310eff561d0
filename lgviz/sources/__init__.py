"""Reads a history from anywhere into the read model (floor 2)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver

from lgviz.errors import NoCheckpointer, NotASource
from lgviz.persistence.savers.saver import Saver
from lgviz.sources.langgraph.detect import is_url, langgraph_kind

from .base import CheckpointRow, Index, Source, StoredWrite, ThreadInfo, Undecodable, Versions, WriteRow
from .langgraph.any_saver import ListedSource
from .langgraph.memory import MemorySource
from .langgraph.sqlite import SqliteSource
from .layered import LayeredSource
from .lgviz.tables import TablesSource

__all__ = [
    "CheckpointRow",
    "Index",
    "LayeredSource",
    "Source",
    "StoredWrite",
    "ThreadInfo",
    "Undecodable",
    "Versions",
    "WriteRow",
    "open_source",
]


def open_source(what: Any, *, trust: Iterable[str] = ()) -> Source:
    """The place that ``what`` holds threads of checkpoints in; it is never written to.

    Args:
        what: a compiled graph, a saver, the path of a database that lgviz's or LangGraph's SQLite savers
            wrote, the URL of a PostgreSQL database that they wrote, or a :class:`Source`. Where both have
            written, lgviz's are read.
        trust: for a path or URL, modules whose classes may be imported to decode values (LangGraph's safe
            types always are); whatever else it names becomes an :class:`Undecodable` or a placeholder.

    Raises:
        NoCheckpointer: a graph compiled without one.
        MissingFile, NotADatabase, NoCheckpoints: a path that leads to no checkpoints.
        ForeignTables: a PostgreSQL database that only LangGraph's own savers wrote.
        NotASource: anything else.
    """
    if isinstance(what, Source):
        return what
    if isinstance(what, BaseCheckpointSaver):
        source = _of_saver(what)
        source.read_only = f"A {type(what).__name__} has no graph: give the graph to fork or run."
        return source
    if isinstance(what, (str, os.PathLike)):
        return _of_path(os.fspath(what), trust)
    if hasattr(what, "get_state") and hasattr(what, "checkpointer"):
        return _of_graph(what)
    raise NotASource(
        f"{type(what).__name__} is no source of checkpoints.",
        "Give a compiled graph, a saver, or the path of a SQLite database.",
    )


def _of_graph(graph: Any) -> Source:
    saver = graph.checkpointer
    if not isinstance(saver, BaseCheckpointSaver):
        raise NoCheckpointer(
            "The graph was compiled without a checkpointer, so it keeps no history.",
            "Compile it with one: builder.compile(checkpointer=InMemorySaver()).",
        )
    source = _of_saver(saver)
    source.graph = graph
    source.description = f"{type(graph).__name__} on {source.description}"
    return source


def _of_saver(saver: Any) -> Source:
    source = _reader_of(saver)
    source.saver = saver
    return source


def _reader_of(saver: Any) -> Source:
    if isinstance(saver, Saver):
        return TablesSource.of_saver(saver)
    if isinstance(saver, InMemorySaver):
        return MemorySource(saver)
    if hasattr(saver, "open_source"):  # a saver over another
        return saver.open_source()  # type: ignore[no-any-return]
    kind = langgraph_kind(saver)
    if kind == "sqlite":
        return SqliteSource.of_saver(saver)
    if kind == "aiosqlite":
        return SqliteSource.of_async_saver(saver)
    if kind == "postgres":
        from .langgraph.postgres import PostgresSource  # needs psycopg, which is there with these savers

        return PostgresSource.of_saver(saver)
    return ListedSource(saver)


def _of_path(path: str | bytes, trust: Iterable[str]) -> Source:
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if is_url(path):
        return _of_url(path, trust)
    if "://" in path:
        # Not repeated whole: there may be a password in it.
        raise NotASource(
            f"{path.partition('://')[0]}:// names no path of a file.",
            "Give the path of a SQLite database, a postgresql:// URL, or a saver.",
        )
    file = Path(path).expanduser()
    return TablesSource.of_file(file, trust) or SqliteSource.of_file(file, trust)


def _of_url(url: str, trust: Iterable[str]) -> Source:
    tables = TablesSource.of_url(url, trust)
    if tables is not None:
        return tables
    from .langgraph.postgres import PostgresSource

    return PostgresSource.of_url(url, trust)
