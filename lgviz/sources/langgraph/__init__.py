"""LangGraph's own savers and tables, read without writing to them (floor 2)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Unpack

from langgraph.checkpoint.memory import InMemorySaver

from lgviz.sources.base import DecodingOptions, Source

from .any_saver import ListedSource
from .detect import langgraph_kind, url_kind
from .memory import MemorySource
from .sqlite import SqliteSource
from .tables import LangGraphTables

__all__ = ["source_of_database", "source_of_saver"]


def source_of_saver(saver: Any) -> Source:
    """Reads what a saver of LangGraph's keeps, or any other through its own methods."""
    if isinstance(saver, InMemorySaver):
        return MemorySource(saver)
    kind = langgraph_kind(saver)
    if kind == "sqlite":
        return SqliteSource.of_saver(saver)
    if kind == "aiosqlite":
        return SqliteSource.of_async_saver(saver)
    if kind == "postgres":
        from .postgres import PostgresSource  # needs psycopg, which is there with these savers

        return PostgresSource.of_saver(saver)
    if kind == "mysql" and find_spec("pymysql"):
        from .mysql import MysqlSource

        if (source := MysqlSource.of_saver(saver)) is not None:
            return source
    return ListedSource(saver)


def source_of_database(where: str, **options: Unpack[DecodingOptions]) -> LangGraphTables:
    """Reads LangGraph's tables in a file, in PostgreSQL or in MySQL, read-only.

    Args:
        where: path or URL.
        options: see :class:`DecodingOptions`.

    Raises:
        MissingFile, NotADatabase, NotASource, NoCheckpoints: it is not what it should be.
        Unavailable: a server refuses or cannot be reached.
        NotInstalled: its driver is missing.
    """
    kind = url_kind(where)
    if kind == "postgres":
        from .postgres import PostgresSource

        return PostgresSource.of_url(where, **options)
    if kind == "mysql":
        from .mysql import MysqlSource

        return MysqlSource.of_url(where, **options)
    return SqliteSource.of_file(Path(where).expanduser(), **options)
