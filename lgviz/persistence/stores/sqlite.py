"""Stores over SQLite: in memory, in a file, and in a file from an event loop."""

from __future__ import annotations

import sqlite3

import aiosqlite
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.store.base import IndexConfig, TTLConfig

from lgviz.persistence.database.dialect import SQLITE
from lgviz.persistence.database.runners import closed_on_error
from lgviz.persistence.database.sqlite import AioSqliteDriver, SqliteDriver, connect, connect_async

from .versioned import AsyncStore, SyncStore


class SqliteStore(SyncStore):
    """Keeps items, and all of their versions, in an SQLite database.

    ``search`` gives the items put last first.

    Args:
        conn: a connection, made with ``check_same_thread=False``. It stays the caller's to close, and may be
            a saver's too.
        index: LangGraph's ``IndexConfig``: what of an item is embedded, and by what.
        ttl: LangGraph's ``TTLConfig``.
        serde: serializer of the values.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with SqliteStore.from_conn_string(f"{folder}/memory.db") as store:
    ...         store.put(("ann", "food"), "likes", {"dish": "pizza"})
    ...         store.put(("ann", "food"), "likes", {"dish": "soup"})
    ...         [version.value["dish"] for version in store.history(("ann", "food"), "likes")]
    ['pizza', 'soup']
    """

    def __init__(
        self,
        conn: sqlite3.Connection,
        *,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        serde: SerializerProtocol | None = None,
        newest_first: bool = True,
    ) -> None:
        super().__init__(SQLITE, serde=serde, index=index, ttl=ttl, newest_first=newest_first)
        self.conn = conn
        self.driver: SqliteDriver = SqliteDriver(conn)

    @classmethod
    def from_conn_string(
        cls,
        conn_string: str,
        *,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        serde: SerializerProtocol | None = None,
    ) -> SqliteStore:
        """A store over a file, or ``":memory:"``; also a context manager that closes it.

        Raises:
            MissingFile: the file's folder does not exist.
            NotADatabase: the file is something else.
            ForeignTables: it holds only LangGraph's own tables.
            InvalidIndex: there is no such index.
        """
        conn = connect(conn_string)
        with closed_on_error(conn):
            store = cls(conn, index=index, ttl=ttl, serde=serde)
            store.driver.owned = True
            store.setup()
        return store


class InMemoryStore(SqliteStore):
    """Keeps items and their versions in memory.

    ``search`` gives the oldest namespace's items first, and of each the item that was put first.

    Args:
        index: LangGraph's ``IndexConfig``: what of an item is embedded, and by what.
        ttl: LangGraph's ``TTLConfig``.
        serde: serializer of the values.

    >>> store = InMemoryStore()
    >>> store.put(("ann", "food"), "likes", {"dish": "pizza"})
    >>> store.get(("ann", "food"), "likes").value
    {'dish': 'pizza'}
    >>> [item.key for item in store.search(("ann",), filter={"dish": "pizza"})]
    ['likes']
    """

    def __init__(
        self,
        *,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        serde: SerializerProtocol | None = None,
    ) -> None:
        super().__init__(connect(":memory:"), index=index, ttl=ttl, serde=serde, newest_first=False)
        self.driver.owned = True
        self._engine.items.use_cache()  # the database is this store's alone


class AsyncSqliteStore(AsyncStore):
    """Keeps items and their versions in an SQLite database, for graphs that run on an event loop.

    Args:
        conn: an ``aiosqlite`` connection, opened or not. It stays the caller's to close.
        index: LangGraph's ``IndexConfig``: what of an item is embedded, and by what.
        ttl: LangGraph's ``TTLConfig``.
        serde: serializer of the values.

    >>> import asyncio
    >>> async def remember():
    ...     async with AsyncSqliteStore.from_conn_string(":memory:") as store:
    ...         await store.aput(("ann", "food"), "likes", {"dish": "pizza"})
    ...         return (await store.aget(("ann", "food"), "likes")).value
    >>> asyncio.run(remember())
    {'dish': 'pizza'}
    """

    def __init__(
        self,
        conn: aiosqlite.Connection,
        *,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        serde: SerializerProtocol | None = None,
    ) -> None:
        super().__init__(SQLITE, serde=serde, index=index, ttl=ttl)
        self.conn = conn
        self.driver: AioSqliteDriver = AioSqliteDriver(conn)

    @classmethod
    def from_conn_string(
        cls,
        conn_string: str,
        *,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        serde: SerializerProtocol | None = None,
    ) -> AsyncSqliteStore:
        """A store over a file, or ``":memory:"``, opened when first used; also an async context manager.

        Raises:
            MissingFile: the file's folder does not exist.
        """
        store = cls(connect_async(conn_string), index=index, ttl=ttl, serde=serde)
        store.driver.owned = True
        return store
