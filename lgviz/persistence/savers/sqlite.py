"""Savers over SQLite: in memory, in a file, and in a file from an event loop."""

from __future__ import annotations

import sqlite3
from os import PathLike

import aiosqlite
from langgraph.checkpoint.serde.base import SerializerProtocol

from lgviz.persistence.database.running import closed_on_error, refuse_path
from lgviz.persistence.database.schema import SQLITE
from lgviz.persistence.database.sqlite_drivers import (
    BUSY_TIMEOUT,
    AioSqliteDriver,
    SqliteDriver,
    connect_path,
    explain,
)

from .saver import AsyncSaver, SyncSaver


class SqliteSaver(SyncSaver):
    """Keeps checkpoints in an SQLite database.

    Args:
        conn: a connection, made with ``check_same_thread=False``. It stays the caller's to close.
        serde: serializer of the values.
    """

    def __init__(self, conn: sqlite3.Connection, *, serde: SerializerProtocol | None = None) -> None:
        refuse_path(self, conn)
        super().__init__(SQLITE, serde=serde)
        self.conn = conn
        self.driver: SqliteDriver = SqliteDriver(conn)

    @classmethod
    def from_conn_string(
        cls, conn_string: str | PathLike[str], *, serde: SerializerProtocol | None = None
    ) -> SqliteSaver:
        """A saver over a file, or ``":memory:"``; also a context manager that closes it.

        Raises:
            MissingFile: the file's folder does not exist.
            NotADatabase: the file is something else.
            ForeignTables: it holds only LangGraph's own tables.
        """
        conn = connect(conn_string)
        with closed_on_error(conn):
            saver = cls(conn, serde=serde)
            saver.driver.owned = True
            saver.setup()
        return saver


class MemorySaver(SqliteSaver):
    """Keeps checkpoints in memory, with every guarantee of :class:`SqliteSaver`.

    Args:
        serde: serializer of the values.
    """

    def __init__(self, *, serde: SerializerProtocol | None = None) -> None:
        super().__init__(connect(":memory:"), serde=serde)
        self.driver.owned = True


InMemorySaver = MemorySaver


class AsyncSqliteSaver(AsyncSaver):
    """Keeps checkpoints in an SQLite database, for graphs that run on an event loop.

    Args:
        conn: an ``aiosqlite`` connection, opened or not. It stays the caller's to close.
        serde: serializer of the values.
    """

    def __init__(self, conn: aiosqlite.Connection, *, serde: SerializerProtocol | None = None) -> None:
        refuse_path(self, conn)
        super().__init__(SQLITE, serde=serde)
        self.conn = conn
        self.driver: AioSqliteDriver = AioSqliteDriver(conn)

    @classmethod
    def from_conn_string(
        cls, conn_string: str | PathLike[str], *, serde: SerializerProtocol | None = None
    ) -> AsyncSqliteSaver:
        """A saver over a file, or ``":memory:"``, opened when first used; also an async context manager.

        Raises:
            MissingFile: the file's folder does not exist.
        """
        saver = cls(connect_async(conn_string), serde=serde)
        saver.driver.owned = True
        return saver


def connect(path: str | PathLike[str]) -> sqlite3.Connection:
    """A connection as the drivers want it."""
    path = connect_path(path)
    try:
        return sqlite3.connect(
            path,
            check_same_thread=False,
            timeout=BUSY_TIMEOUT,
            uri=path.startswith("file:"),
            isolation_level=None,
        )
    except sqlite3.Error as error:
        raise explain(error) from error


def connect_async(path: str | PathLike[str]) -> aiosqlite.Connection:
    """A connection as the drivers want it, opened when first used."""
    path = connect_path(path)
    return aiosqlite.connect(path, timeout=BUSY_TIMEOUT, uri=path.startswith("file:"))
