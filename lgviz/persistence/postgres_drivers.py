"""PostgreSQL, through psycopg 3: one connection or a pool of them, sync and async."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import lru_cache
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from lgviz.errors import Unavailable

from .drivers import adrive, drive
from .schema import LOCK
from .statements import GLANCE, READ, REMOVE, WRITE, Begin, Conflict, Many, Operation, Rows, Step
from .turns import async_lock_of, lock_of

R = TypeVar("R")

PATIENCE = 30.0
"""Seconds to wait for a server that went away."""

_AGAIN = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)


@lru_cache(maxsize=512)
def as_psycopg(sql: str) -> bytes:
    """A statement with ``?`` for its parameters as psycopg takes it."""
    return sql.replace("%", "%%").replace("?", "%s").encode()


def _begin(step: Begin, nested: bool) -> bytes:
    # One round trip begins and locks: writers share the nodes, one that removes some has them alone.
    lock = {
        GLANCE: "",
        READ: "",
        WRITE: f"; SELECT pg_advisory_xact_lock_shared({LOCK}, 2)",
        REMOVE: f"; SELECT pg_advisory_xact_lock({LOCK}, 2)",
    }[step]
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if step is READ else "BEGIN"
    return f"{'SAVEPOINT lgviz' if nested else begin}{lock}".encode()


def _alone(step: Begin, conn: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    """Whether statements need no transaction around them: there is none, and none begins by itself."""
    return step is GLANCE and conn.autocommit and conn.info.transaction_status == TransactionStatus.IDLE


def explain(error: psycopg.Error) -> Exception:
    """PostgreSQL's error as one that says what to do, where it is known what to do."""
    if isinstance(error, psycopg.OperationalError):
        return Unavailable(
            f"The connection to PostgreSQL was lost or refused: {str(error).strip()}",
            "Nothing was half-written: start the server again and repeat the call.",
        )
    return error


def _lost(error: BaseException) -> bool:
    return isinstance(error, psycopg.OperationalError) and not isinstance(error, _AGAIN)


class _Session:
    """One connection's transaction. A caller's own transaction is joined by a savepoint."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self.conn = conn
        self.nested = conn.info.transaction_status == TransactionStatus.INTRANS
        self.open = False

    def perform(self, step: Step) -> Rows:
        try:
            if isinstance(step, Begin):
                self.commit()
                if not _alone(step, self.conn):
                    self.open = True
                    self.conn.execute(_begin(step, self.nested), prepare=False)
                return []
            with self.conn.cursor(binary=True, row_factory=tuple_row) as cursor:
                if isinstance(step, Many):
                    cursor.executemany(as_psycopg(step.sql), step.params)
                    return [(cursor.rowcount,)]
                cursor.execute(as_psycopg(step.sql), step.params)
                return cursor.fetchall() if cursor.description else []
        except _AGAIN as error:
            raise Conflict from error

    def commit(self) -> None:
        if self.open:
            self.conn.execute("RELEASE lgviz" if self.nested else "COMMIT", prepare=False)
            self.open = False

    def rollback(self) -> None:
        if self.open:
            self.open = False
            with suppress(psycopg.Error):
                self.conn.execute("ROLLBACK TO lgviz" if self.nested else "ROLLBACK", prepare=False)


class PostgresDriver:
    """A psycopg connection, used by one thread at a time, or a pool, used by as many as it has connections.

    Args:
        conn: the connection (in autocommit mode) or pool.
        conninfo: how to connect again where the connection is lost; None for a caller's own.
    """

    def __init__(
        self, conn: psycopg.Connection[Any] | ConnectionPool[Any], conninfo: str | None = None
    ) -> None:
        self.conn = conn
        self.conninfo = conninfo
        self._lock = lock_of(conn)

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        if isinstance(self.conn, ConnectionPool):
            with self.conn.connection() as conn:
                yield conn
        else:
            with self._lock:
                if self.conn.closed and self.conninfo is not None:
                    self.conn = connect(self.conninfo)
                yield self.conn

    def run(self, make: Callable[[], Operation[R]]) -> R:
        """Run one operation in its transaction; again, for a while, where the server is away."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with self._connection() as conn:
                    return drive(make, _Session(conn))
            except psycopg.Error as error:
                renewable = isinstance(self.conn, ConnectionPool) or self.conninfo is not None
                if not (_lost(error) and renewable and time.monotonic() < deadline):
                    raise explain(error) from error
                # Operations are whole and may be repeated: what was committed is found again.
                time.sleep(0.2)

    def tidy(self) -> None:
        """Nothing: autovacuum does it."""

    def close(self) -> None:
        """Close the connection, where it is the driver's own."""
        if self.conninfo is not None:
            self.conninfo = None
            with suppress(psycopg.Error):
                self.conn.close()


class _AsyncSession:
    """:class:`_Session`, awaited."""

    def __init__(self, conn: psycopg.AsyncConnection[Any]) -> None:
        self.conn = conn
        self.nested = conn.info.transaction_status == TransactionStatus.INTRANS
        self.open = False

    async def perform(self, step: Step) -> Rows:
        try:
            if isinstance(step, Begin):
                await self.commit()
                if not _alone(step, self.conn):
                    self.open = True
                    await self.conn.execute(_begin(step, self.nested), prepare=False)
                return []
            async with self.conn.cursor(binary=True, row_factory=tuple_row) as cursor:
                if isinstance(step, Many):
                    await cursor.executemany(as_psycopg(step.sql), step.params)
                    return [(cursor.rowcount,)]
                await cursor.execute(as_psycopg(step.sql), step.params)
                return await cursor.fetchall() if cursor.description else []
        except _AGAIN as error:
            raise Conflict from error

    async def commit(self) -> None:
        if self.open:
            await self.conn.execute("RELEASE lgviz" if self.nested else "COMMIT", prepare=False)
            self.open = False

    async def rollback(self) -> None:
        if self.open:
            self.open = False
            with suppress(psycopg.Error):
                await self.conn.execute("ROLLBACK TO lgviz" if self.nested else "ROLLBACK", prepare=False)


class AsyncPostgresDriver:
    """:class:`PostgresDriver`, awaited. A connection string is connected to when first used."""

    def __init__(
        self,
        conn: psycopg.AsyncConnection[Any] | AsyncConnectionPool[Any] | None,
        conninfo: str | None = None,
    ) -> None:
        self.conn = conn
        self.conninfo = conninfo
        self._lock = async_lock_of(self if conn is None else conn)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        if isinstance(self.conn, AsyncConnectionPool):
            async with self.conn.connection() as conn:
                yield conn
        else:
            async with self._lock:
                if self.conninfo is not None and (self.conn is None or self.conn.closed):
                    self.conn = await aconnect(self.conninfo)
                if self.conn is None:
                    raise Unavailable("The saver is closed.", "Make a new one.")
                yield self.conn

    async def run(self, make: Callable[[], Operation[R]]) -> R:
        """Run one operation in its transaction; again, for a while, where the server is away."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                async with self._connection() as conn:
                    return await adrive(make, _AsyncSession(conn))
            except psycopg.Error as error:
                renewable = isinstance(self.conn, AsyncConnectionPool) or self.conninfo is not None
                if not (_lost(error) and renewable and time.monotonic() < deadline):
                    raise explain(error) from error
                await asyncio.sleep(0.2)

    async def tidy(self) -> None:
        """Nothing: autovacuum does it."""

    async def close(self) -> None:
        """Close the connection, where it is the driver's own."""
        if self.conninfo is not None:
            self.conninfo = None
            if self.conn is not None:
                await self.conn.close()


def connect(conninfo: str) -> psycopg.Connection[Any]:
    """A connection as the drivers want it."""
    return psycopg.Connection.connect(conninfo, autocommit=True, prepare_threshold=3)


async def aconnect(conninfo: str) -> psycopg.AsyncConnection[Any]:
    """A connection as the drivers want it."""
    return await psycopg.AsyncConnection.connect(conninfo, autocommit=True, prepare_threshold=3)
