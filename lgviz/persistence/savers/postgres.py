"""Savers over PostgreSQL (psycopg 3): ``pip install lgviz[postgres]``."""

from __future__ import annotations

from typing import Any

import psycopg
from langgraph.checkpoint.serde.base import SerializerProtocol
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from lgviz.persistence.database.dialect import POSTGRESQL
from lgviz.persistence.database.postgres import AsyncPostgresDriver, PostgresDriver, connect, unreachable
from lgviz.persistence.database.runners import LoopRunner, closed_on_error, refuse_path

from .saver import AsyncSaver, SyncSaver


class PostgresSaver(SyncSaver):
    """Keeps checkpoints in a PostgreSQL database.

    Args:
        conn: a psycopg connection in autocommit mode, or a ``ConnectionPool``; the caller's to close.
        serde: serializer of the values.

    >>> from lgviz.persistence import PostgresSaver
    >>> saver = PostgresSaver.from_conn_string("postgresql://me:secret@localhost/app")  # doctest: +SKIP
    >>> graph = builder.compile(checkpointer=saver)  # doctest: +SKIP
    """

    def __init__(
        self, conn: psycopg.Connection[Any] | ConnectionPool[Any], *, serde: SerializerProtocol | None = None
    ) -> None:
        refuse_path(self, conn)
        super().__init__(POSTGRESQL, serde=serde)
        self.conn = conn
        self.driver: PostgresDriver = PostgresDriver(conn)

    @classmethod
    def from_conn_string(
        cls, conn_string: str, *, pipeline: bool = False, serde: SerializerProtocol | None = None
    ) -> PostgresSaver:
        """A saver over a connection of its own; also a context manager that closes it.

        ``pipeline`` is LangGraph's and changes nothing here.

        Raises:
            Unavailable: the server refuses, or cannot be reached.
            ForeignTables: the schema holds only LangGraph's own tables.
        """
        try:
            conn = connect(conn_string)
        except psycopg.Error as error:
            raise unreachable(error) from error
        with closed_on_error(conn):
            saver = cls(conn, serde=serde)
            saver.driver.conninfo = conn_string
            saver.setup()
        return saver


class AsyncPostgresSaver(LoopRunner, AsyncSaver):
    """Keeps checkpoints in a PostgreSQL database, for graphs that run on an event loop.

    Args:
        conn: a psycopg ``AsyncConnection`` in autocommit mode, or an ``AsyncConnectionPool``. It stays the
            caller's to close.
        serde: serializer of the values.

    >>> from lgviz.persistence import AsyncPostgresSaver
    >>> url = "postgresql://me:secret@localhost/app"
    >>> async with AsyncPostgresSaver.from_conn_string(url) as saver:  # doctest: +SKIP
    ...     graph = builder.compile(checkpointer=saver)
    """

    def __init__(
        self,
        conn: psycopg.AsyncConnection[Any] | AsyncConnectionPool[Any] | None,
        *,
        serde: SerializerProtocol | None = None,
        conninfo: str | None = None,
    ) -> None:
        refuse_path(self, conn)
        super().__init__(POSTGRESQL, serde=serde)
        self.conn = conn
        self.driver = AsyncPostgresDriver(conn, conninfo)

    @classmethod
    def from_conn_string(
        cls, conn_string: str, *, pipeline: bool = False, serde: SerializerProtocol | None = None
    ) -> AsyncPostgresSaver:
        """A saver that connects when first used; also an asynchronous context manager.

        ``pipeline`` is LangGraph's and changes nothing here.
        """
        return cls(None, serde=serde, conninfo=conn_string)
