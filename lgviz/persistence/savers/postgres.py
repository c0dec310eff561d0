"""Savers over PostgreSQL (psycopg 3): ``pip install lgviz[postgres]``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import psycopg
from langgraph.checkpoint.serde.base import SerializerProtocol
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from lgviz.errors import WrongLoop
from lgviz.persistence.database.postgres_drivers import AsyncPostgresDriver, PostgresDriver, connect, explain
from lgviz.persistence.database.running import AsyncRunner, closed_on_error, refuse_on_loop, refuse_path
from lgviz.persistence.database.schema import POSTGRESQL
from lgviz.persistence.database.statements import Operation

from .saver import AsyncSaver, SyncSaver

R = TypeVar("R")


class PostgresSaver(SyncSaver):
    """Keeps checkpoints in a PostgreSQL database.

    Args:
        conn: a psycopg connection in autocommit mode, or a ``ConnectionPool``; the caller's to close.
        serde: serializer of the values.
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
            raise explain(error) from error
        with closed_on_error(conn):
            saver = cls(conn, serde=serde)
            saver.driver.conninfo = conn_string
            saver.setup()
        return saver


class LoopRunner(AsyncRunner):
    """Over an asynchronous driver whose connections belong to the loop that they were made on."""

    driver: AsyncPostgresDriver
    loop: asyncio.AbstractEventLoop | None = None

    async def _arun(self, make: Callable[[], Operation[R]]) -> R:
        if self.loop is None or not self.loop.is_running():
            self.loop = asyncio.get_running_loop()
        return await super()._arun(make)

    def _wait(self, call: Callable[[], Coroutine[Any, Any, R]]) -> R:
        refuse_on_loop(type(self).__name__)
        if self.loop is None or not self.loop.is_running():
            raise WrongLoop(
                f"The event loop of this {type(self).__name__} is not running.",
                "Call a method with an `a` in front, on a loop.",
            )
        return asyncio.run_coroutine_threadsafe(call(), self.loop).result()


class AsyncPostgresSaver(LoopRunner, AsyncSaver):
    """Keeps checkpoints in a PostgreSQL database, for graphs that run on an event loop.

    Args:
        conn: a psycopg ``AsyncConnection`` in autocommit mode, or an ``AsyncConnectionPool``. It stays the
            caller's to close.
        serde: serializer of the values.
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
