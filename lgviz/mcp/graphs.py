"""What a server is opened on: a database, and a graph that is put over it."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Iterable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Unpack

from langgraph.checkpoint.base import BaseCheckpointSaver

from lgviz.backend import Backend
from lgviz.errors import NotASource, ReadOnly, needing
from lgviz.persistence import ExactSerializer, MemorySaver, SqliteSaver
from lgviz.persistence.savers.saver import SyncSaver
from lgviz.sources import open_source
from lgviz.sources.base import ReadOptions
from lgviz.sources.bundle_file import is_bundle
from lgviz.sources.decode import StrictSerializer, serializer_for
from lgviz.sources.items import plainly
from lgviz.sources.langgraph.detect import file_at, is_url, url_kind
from lgviz.sources.langgraph.tables import LangGraphTables
from lgviz.sources.stores import memory_of
from lgviz.transfer.bundles import open_bundle
from lgviz.transfer.migration import saver_of

__all__ = ["backend_of", "graph_over", "name_of"]


def backend_of(
    held: ExitStack, where: str, *, write: bool = False, **options: Unpack[ReadOptions]
) -> Backend:
    """What answers about a database.

    Args:
        held: closes the connections that are opened.
        where: its path or URL, or the path of a bundle.
        write: whether it may be written to.
        options: how it is read; ``graph`` is the graph that previews and forks go through, without which it
            is only read.

    Raises:
        SourceError: there is nothing to read.
    """
    graph = options.pop("graph", None)
    if graph is None:
        source = open_source(where, **options)
        if not write:  # a server could act by itself
            source.real.read_only = source.read_only = source.read_only or "It may only be read here."
        return Backend(source)
    items = memory_of(where, None, plainly, **options)
    over = graph_over(held, graph, where, write=write, trust=options.get("trust", ()))
    # The graph's own store may be one that another process filled: what lies beside the threads comes first.
    return Backend(over, store=None if items is None else where, **options)


def graph_over(held: ExitStack, graph: Any, where: str, *, write: bool, trust: Iterable[str] = ()) -> Any:
    """A copy of the graph whose checkpoints are those of a database.

    They are read as those of a database that is named alone: the graph's own code runs, and none that the
    database names.

    Args:
        held: closes the connection to it.
        graph: it stays as it is.
        where: path or URL of the database, or the path of a bundle.
        write: whether it may be written to; else every connection is one that cannot.
        trust: modules whose classes stored values may be built into, beside the graph's schemas.

    Raises:
        SourceError: there are no checkpoints, or they lie in a database of another kind.
        ReadOnly: a bundle is to be written to.
    """
    made = copy.copy(graph)
    if not is_url(where) and is_bundle(file_at(where)):
        made.checkpointer = _imported(where, write=write)
        return made
    kind = url_kind(where)
    if "://" in where and kind not in _OVER_URLS:
        raise NotASource(
            "A graph is run over SQLite, PostgreSQL or MySQL here: a RedisSaver builds whatever the database "
            "names, and has no connection that cannot write; a server runs its own graph.",
            "Leave --graph out to read this database, or call lgviz.debug(graph) where its saver is.",
        )
    serde = serializer_for(trust)
    with closing(open_source(where)) as source:
        theirs = isinstance(source, LangGraphTables)
    made_by = _OVER_URLS[kind] if kind else _sqlite
    made.checkpointer = made_by(held, where, serde, theirs=theirs, write=write)
    return made


def _imported(where: str, *, write: bool) -> SyncSaver:
    """The thread of a bundle, in memory."""
    if write:
        remedy = "Import it into a database: lgviz.open_bundle(…).import_into(saver)."
        raise ReadOnly(f"{where} is a bundle.", remedy)
    saver = MemorySaver()
    open_bundle(where).import_into(saver)
    return saver


def _sqlite(
    held: ExitStack, where: str, serde: ExactSerializer, *, theirs: bool, write: bool
) -> BaseCheckpointSaver[Any]:
    if write and not theirs:
        return _own(held, where)
    uri = f"{file_at(where).absolute().as_uri()}?mode={'rw' if write else 'ro'}"
    conn = sqlite3.connect(uri, uri=True, check_same_thread=False)
    held.callback(conn.close)
    if theirs:
        from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqliteSaver

        saver = LangGraphSqliteSaver(conn, serde=StrictSerializer(serde))
        saver.is_setup = not write  # else it would make its tables at the first read
        return saver
    conn.isolation_level = None
    return SqliteSaver(conn, serde=serde)


def _postgres(
    held: ExitStack, where: str, serde: ExactSerializer, *, theirs: bool, write: bool
) -> BaseCheckpointSaver[Any]:
    if write and not theirs:
        return _own(held, where)
    with needing("langgraph-checkpoint-postgres", "postgres"):
        import psycopg
        from psycopg.rows import dict_row

        if theirs:
            from langgraph.checkpoint.postgres import PostgresSaver as LangGraphPostgresSaver
    connection: Any = psycopg.connect(where, autocommit=True, prepare_threshold=0, row_factory=dict_row)
    held.callback(connection.close)
    if not write:
        connection.execute("SET default_transaction_read_only = on")
    if theirs:
        return LangGraphPostgresSaver(connection, serde=StrictSerializer(serde))
    from lgviz.persistence import PostgresSaver

    return PostgresSaver(connection, serde=serde)


def _mysql(
    held: ExitStack,
    where: str,
    serde: ExactSerializer,
    *,
    theirs: bool,  # noqa: ARG001 - only LangGraph's saver writes there
    write: bool,
) -> BaseCheckpointSaver[Any]:
    with needing("langgraph-checkpoint-mysql and PyMySQL", "mysql"):
        import pymysql
        from langgraph.checkpoint.mysql.pymysql import PyMySQLSaver

        from lgviz.sources.langgraph.mysql_reader import settings_of_url
    connection = pymysql.connect(
        **settings_of_url(where),
        autocommit=True,
        init_command=None if write else "SET SESSION TRANSACTION READ ONLY",
    )
    held.callback(connection.close)
    return PyMySQLSaver(connection, serde=StrictSerializer(serde))


_OVER_URLS = {"postgres": _postgres, "mysql": _mysql}
"""What puts a graph over the database of a URL, by its kind."""


def _own(held: ExitStack, where: str) -> SyncSaver:
    saver = saver_of(where)
    held.callback(saver.close)
    return saver


def name_of(where: str) -> str:
    """What to call what a path or a URL names, without telling where it is.

    >>> name_of("/srv/agents.db"), name_of("rediss://:s3cret@host"), name_of("https://host/agents")
    ('agents.db', 'Redis', 'a server')
    """
    if "://" not in where:
        return Path(where).name
    kind = url_kind(where)
    return (
        "a server" if kind is None else {"postgres": "PostgreSQL", "mysql": "MySQL", "redis": "Redis"}[kind]
    )
