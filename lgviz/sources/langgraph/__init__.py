"""LangGraph's own savers and tables, read without writing to them (floor 2)."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Unpack

from langgraph.checkpoint.memory import InMemorySaver

from lgviz.sources.base import DecodingOptions, Source

from .any_saver import ListedSource
from .detect import SaverKind, file_at, langgraph_kind, url_kind
from .memory import MemorySource
from .sqlite import SqliteSource
from .tables import EncodedSource

__all__ = ["source_of_database", "source_of_saver"]


def source_of_saver(saver: Any) -> Source:
    """Reads what a saver of LangGraph's keeps, or any other through its own methods."""
    if isinstance(saver, InMemorySaver):
        return MemorySource(saver)
    return _reader_of(langgraph_kind(saver), saver) or ListedSource(saver)


def _reader_of(kind: SaverKind | None, saver: Any) -> Source | None:
    """What reads past a saver, whose driver is there with it; None: it does not tell how to reach its
    database."""
    match kind:
        case "sqlite":
            return SqliteSource.of_saver(saver)
        case "aiosqlite":
            return SqliteSource.of_async_saver(saver)
        case "postgres":
            from .postgres import PostgresSource

            return PostgresSource.of_saver(saver)
        case "mysql" if find_spec("pymysql"):  # it need not be with asyncmy
            from .mysql import MysqlSource

            return MysqlSource.of_saver(saver)
        case "redis":
            from .redis import RedisSource

            return RedisSource.of_saver(saver)
        case "cosmos":
            from .cosmos import CosmosSource

            return CosmosSource.of_saver(saver)
        case "mongodb":
            from .mongodb import MongoSource

            return MongoSource(saver)
    return None


def source_of_database(where: str, **options: Unpack[DecodingOptions]) -> EncodedSource:
    """Reads what LangGraph wrote into a file, PostgreSQL, MySQL or Redis, read-only.

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
    if kind == "redis":
        from .redis import RedisSource

        return RedisSource.of_url(where, **options)
    return SqliteSource.of_file(file_at(where), **options)
