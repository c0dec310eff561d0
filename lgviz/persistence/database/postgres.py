"""PostgreSQL, through psycopg 3: one connection or a pool of them, sync and async."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from threading import RLock
from typing import Any, TypeVar

import psycopg
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from lgviz.errors import Unavailable, WrongLoop

from .drivers import adrive, drive, forked, not_erased, whole
from .postgres_sessions import AGAIN, AsyncSession, Session, idle
from .statements import Operation
from .turns import async_lock_of, lock_of

R = TypeVar("R")

PATIENCE = 30.0
"""Seconds to wait for a server that went away."""


def explain(error: psycopg.Error) -> Exception:
    """PostgreSQL's error as one that says what to do, where it is known what to do."""
    if isinstance(error, psycopg.OperationalError):
        return Unavailable(
            f"The connection to PostgreSQL was lost or refused: {str(error).strip()}",
            "Nothing was half-written: start the server again and repeat the call.",
        )
    return error


def _closed() -> Unavailable:
    return Unavailable(
        "The connection is closed.",
        "Keep its `with` block open while the graph runs; where the server closed it, make another one.",
    )


def _lost(error: BaseException) -> bool:
    return isinstance(error, psycopg.OperationalError) and not isinstance(error, AGAIN)


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
        self._process = os.getpid()

    def _settle(self) -> None:
        """A connection serves one process: one of our own is made again where that was forked."""
        if self._process != os.getpid():
            if self.conninfo is None:
                raise forked()
            # What it shares with the other process stays open.
            self.conn, self._lock = connect(self.conninfo), RLock()
            self._process = os.getpid()

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        self._settle()
        if isinstance(self.conn, ConnectionPool):
            with self.conn.connection() as conn:
                yield conn
        else:
            with self._lock:
                if self.conn.closed and self.conninfo is not None:
                    self.conn = connect(self.conninfo)
                if self.conn.closed:
                    raise _closed()
                yield self.conn

    def run(self, make: Callable[[], Operation[R]]) -> R:
        """Run one operation in its transaction; again, for a while, where the server is away."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with self._connection() as conn:
                    return drive(make, Session(conn))
            except psycopg.Error as error:
                renewable = isinstance(self.conn, ConnectionPool) or self.conninfo is not None
                if not (_lost(error) and renewable and time.monotonic() < deadline):
                    raise explain(error) from error
                # Operations are whole and may be repeated: what was committed is found again.
                time.sleep(0.2)

    def tidy(self) -> None:
        """Nothing: autovacuum does it."""

    def scrub(self, tables: Sequence[str]) -> None:
        """Rewrite the tables, so that no byte of what was deleted is left in their files."""
        with self._connection() as conn:
            if not idle(conn):
                raise not_erased()
            for table in tables:
                conn.execute(f"VACUUM (FULL) {table}".encode(), prepare=False)

    def close(self) -> None:
        """Close the connection, where it is the driver's own."""
        if self.conninfo is not None:
            self.conninfo = None
            with suppress(psycopg.Error):
                self.conn.close()


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
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = os.getpid()
        self._others: dict[asyncio.AbstractEventLoop, AsyncPostgresDriver] = {}
        """For loops that run beside the one that our connection belongs to."""

    def _settle(self) -> AsyncPostgresDriver:
        """A connection serves one event loop of one process: one of our own is made again where that loop
        has ended or that process was forked, and another where that loop still runs (it may wait for us).

        Returns:
            The driver to use on this loop.
        """
        loop, before = asyncio.get_running_loop(), self._loop
        if self._process != os.getpid():
            if self.conninfo is None:
                raise forked()
            # What it shares with the other process stays open.
            self.conn, self._lock, self._process = None, asyncio.Lock(), os.getpid()
            self._others = {}
        elif before is not None and before is not loop:
            if self.conninfo is None:
                raise WrongLoop(
                    "The connection belongs to another event loop.", "Make one on each loop, or use one loop."
                )
            if before.is_running():
                self._finish(ended=True)
                return self._others.setdefault(loop, AsyncPostgresDriver(None, self.conninfo))._settle()
            if isinstance(self.conn, psycopg.AsyncConnection):
                self.conn.pgconn.finish()
            self._lock = asyncio.Lock()
        self._loop = loop
        return self

    def _finish(self, *, ended: bool) -> None:
        """Close the connections made for other loops: of those that have ended, or of all."""
        for loop in [loop for loop in self._others if loop.is_closed() or not ended]:
            conn = self._others.pop(loop).conn
            if isinstance(conn, psycopg.AsyncConnection):
                conn.pgconn.finish()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        here = self._settle()
        if isinstance(here.conn, AsyncConnectionPool):
            async with here.conn.connection() as conn:
                yield conn
        else:
            async with here._lock:
                if here.conninfo is not None and (here.conn is None or here.conn.closed):
                    here.conn = await aconnect(here.conninfo)
                if here.conn is None or here.conn.closed:
                    raise _closed()
                yield here.conn

    async def run(self, make: Callable[[], Operation[R]]) -> R:
        """Run one operation in its transaction; again, for a while, where the server is away."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                async with self._connection() as conn:
                    return await whole(adrive(make, AsyncSession(conn)))
            except psycopg.Error as error:
                renewable = isinstance(self.conn, AsyncConnectionPool) or self.conninfo is not None
                if not (_lost(error) and renewable and time.monotonic() < deadline):
                    raise explain(error) from error
                await asyncio.sleep(0.2)

    async def tidy(self) -> None:
        """Nothing: autovacuum does it."""

    async def scrub(self, tables: Sequence[str]) -> None:
        """Rewrite the tables, so that no byte of what was deleted is left in their files."""
        async with self._connection() as conn:
            if not idle(conn):
                raise not_erased()
            for table in tables:
                await conn.execute(f"VACUUM (FULL) {table}".encode(), prepare=False)

    async def close(self) -> None:
        """Close the connection, where it is the driver's own."""
        self._finish(ended=False)
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
