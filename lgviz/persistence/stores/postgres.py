"""Stores over PostgreSQL (psycopg 3): ``pip install lgviz[postgres]``."""

from __future__ import annotations

from typing import Any

import psycopg
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.store.base import IndexConfig, TTLConfig
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from lgviz.persistence.database.dialect import POSTGRESQL
from lgviz.persistence.database.postgres import AsyncPostgresDriver, PostgresDriver, connect, unreachable
from lgviz.persistence.database.runners import LoopRunner, closed_on_error

from .versioned import AsyncStore, SyncStore


class PostgresStore(SyncStore):
    """Keeps items, and all of their versions, in a PostgreSQL database.

    ``search`` gives the items put last first.

    Args:
        conn: a psycopg connection in autocommit mode, or a ``ConnectionPool``; the caller's to close, and a
            saver may have it too.
        index: LangGraph's ``IndexConfig``: what of an item is embedded, and by what.
        ttl: LangGraph's ``TTLConfig``.
        serde: serializer of the values.

    >>> with PostgresStore.from_conn_string(uri) as store:  # doctest: +SKIP
    ...     store.put(("ann", "food"), "likes", {"dish": "pizza"})
    """

    def __init__(
        self,
        conn: psycopg.Connection[Any] | ConnectionPool[Any],
        *,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        serde: SerializerProtocol | None = None,
    ) -> None:
        super().__init__(POSTGRESQL, serde=serde, index=index, ttl=ttl)
        self.conn = conn
        self.driver: PostgresDriver = PostgresDriver(conn)

    @classmethod
    def from_conn_string(
        cls,
        conn_string: str,
        *,
        pipeline: bool = False,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        serde: SerializerProtocol | None = None,
    ) -> PostgresStore:
        """A store over a connection of its own; also a context manager that closes it.

        ``pipeline`` is LangGraph's and changes nothing here.

        Raises:
            Unavailable: the server refuses, or cannot be reached.
            ForeignTables: the schema holds only LangGraph's own tables.
            InvalidIndex: there is no such index.
        """
        try:
            conn = connect(conn_string)
        except psycopg.Error as error:
            raise unreachable(error) from error
        with closed_on_error(conn):
            store = cls(conn, index=index, ttl=ttl, serde=serde)
            store.driver.conninfo = conn_string
            store.setup()
        return store


class AsyncPostgresStore(LoopRunner, AsyncStore):
    """Keeps items and their versions in a PostgreSQL database, for graphs that run on an event loop.

    Args:
        conn: a psycopg ``AsyncConnection`` in autocommit mode, or an ``AsyncConnectionPool``. It stays the
            caller's to close.
        index: LangGraph's ``IndexConfig``: what of an item is embedded, and by what.
        ttl: LangGraph's ``TTLConfig``.
        serde: serializer of the values.

    >>> async with AsyncPostgresStore.from_conn_string(uri) as store:  # doctest: +SKIP
    ...     await store.aput(("ann", "food"), "likes", {"dish": "pizza"})
    """

    def __init__(
        self,
        conn: psycopg.AsyncConnection[Any] | AsyncConnectionPool[Any] | None,
        *,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        serde: SerializerProtocol | None = None,
        conninfo: str | None = None,
    ) -> None:
        super().__init__(POSTGRESQL, serde=serde, index=index, ttl=ttl)
        self.conn = conn
        self.driver = AsyncPostgresDriver(conn, conninfo)

    @classmethod
    def from_conn_string(
        cls,
        conn_string: str,
        *,
        pipeline: bool = False,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        serde: SerializerProtocol | None = None,
    ) -> AsyncPostgresStore:
        """A store that connects when first used; also an asynchronous context manager.

        ``pipeline`` is LangGraph's and changes nothing here.
        """
        return cls(None, index=index, ttl=ttl, serde=serde, conninfo=conn_string)
