"""Savers over SQLite: in memory, in a file, and in a file from an event loop."""

from __future__ import annotations

import sqlite3
from os import PathLike

import aiosqlite
from langgraph.checkpoint.serde.base import SerializerProtocol

from lgviz.persistence.database.dialect import SQLITE
from lgviz.persistence.database.runners import closed_on_error, refuse_path
from lgviz.persistence.database.sqlite import AioSqliteDriver, SqliteDriver, connect, connect_async

from .saver import AsyncSaver, SyncSaver


class SqliteSaver(SyncSaver):
    """Keeps checkpoints in an SQLite database.

    Args:
        conn: a connection, made with ``check_same_thread=False``. It stays the caller's to close.
        serde: serializer of the values.

    >>> import tempfile
    >>> from langgraph.checkpoint.base import empty_checkpoint
    >>> from lgviz.persistence import SqliteSaver
    >>> with tempfile.TemporaryDirectory() as folder, SqliteSaver.from_conn_string(f"{folder}/a.db") as saver:
    ...     here = {"configurable": {"thread_id": "1", "checkpoint_ns": ""}}
    ...     kept = {**empty_checkpoint(), "channel_values": {"n": 7}, "channel_versions": {"n": 1}}
    ...     _ = saver.put(here, kept, {"step": 0}, {"n": 1})
    ...     print(saver.get_tuple(here).checkpoint["channel_values"], saver.check())
    {'n': 7} []
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

    ``InMemorySaver`` is another name of it.

    Args:
        serde: serializer of the values.

    >>> from langgraph.graph import StateGraph
    >>> from lgviz.persistence import MemorySaver
    >>> builder = StateGraph(dict).add_node("greet", lambda state: {"said": "hello"})
    >>> graph = builder.set_entry_point("greet").compile(checkpointer=MemorySaver())
    >>> here = {"configurable": {"thread_id": "1"}}
    >>> _ = graph.invoke({}, here)
    >>> graph.get_state(here).values
    {'said': 'hello'}
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

    >>> import asyncio
    >>> from lgviz.persistence import AsyncSqliteSaver
    >>> async def main():
    ...     async with AsyncSqliteSaver.from_conn_string(":memory:") as saver:
    ...         return await saver.aget_tuple({"configurable": {"thread_id": "1"}})
    >>> print(asyncio.run(main()))
    None
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
