"""Runs operations on PostgreSQL, through psycopg 3: on one connection or a pool of them, sync and async."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from functools import lru_cache
from threading import RLock
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from lgviz.errors import PersistenceError, Unavailable, WrongLoop

from .dialect import LOCK, STRIPES
from .drivers import adrive, drive, forked, not_erased, savepoint_name, whole
from .locks import async_lock_of, lock_of
from .statements import (
    GLANCE,
    READ,
    REMOVE,
    WRITE,
    Attempt,
    Batch,
    Begin,
    Conflict,
    Locking,
    Many,
    Operation,
    Query,
    Rows,
    Step,
)

R = TypeVar("R")

PATIENCE = 30.0
"""Seconds to wait for a server that went away."""


AGAIN = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    # A distributed server lost sight of a commit: where it was made, the same is found stored.
    psycopg.errors.StatementCompletionUnknown,
    # Two writers stored the same new block.
    psycopg.errors.UniqueViolation,
    # Two made the same table.
    psycopg.errors.DuplicateObject,
)


@lru_cache(maxsize=512)
def as_psycopg(sql: str) -> bytes:
    """A statement with ``?`` for its parameters as psycopg takes it."""
    return sql.replace("%", "%%").replace("?", "%s").encode()


_ADVISORY = {
    WRITE: (f"SELECT pg_advisory_xact_lock_shared({LOCK}, 2)".encode(),),
    REMOVE: (f"SELECT pg_advisory_xact_lock({LOCK}, 2)".encode(),),
}
# The rows are changed, not only locked: whether a server makes the second of two transactions wait or has
# it fail when it commits, none goes by what it saw before the other was over. Who removes begins with one
# row, so that two of them do not wait crosswise.
_CHANGE = "UPDATE lgviz_locks SET turn = turn + 1 WHERE stripe"
_ROWS = {REMOVE: (f"{_CHANGE} = 0".encode(), f"{_CHANGE} > 0".encode())}


def _locks(how: Locking, wanted: Begin, session: int) -> tuple[bytes, ...]:
    """Writers share the blocks, one that removes some has them alone."""
    if how is Locking.ADVISORY:
        return _ADVISORY.get(wanted, ())
    if how is Locking.ROWS and wanted is WRITE:
        return (f"{_CHANGE} = {session % STRIPES}".encode(),)
    return _ROWS.get(wanted, ()) if how is Locking.ROWS else ()


def idle(conn: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    """Whether there is no transaction, and none begins by itself."""
    return conn.autocommit and conn.info.transaction_status == TransactionStatus.IDLE


def explain(error: psycopg.Error) -> Exception:
    """PostgreSQL's error as one that says what to do, where it is known what to do."""
    if isinstance(error, (psycopg.NotSupportedError, psycopg.errors.UndefinedFunction)):
        return PersistenceError(
            f"This server lacks something that lgviz's savers and stores need: {str(error).strip()}",
            "Use one that docs/SOURCES.md names; tables that another server made are moved by"
            " lgviz.persistence.migrate(OLD, NEW).",
        )
    if _lost(error):
        return Unavailable(
            f"The connection to PostgreSQL was lost: {str(error).strip()}",
            "Nothing was half-written: start the server again and repeat the call.",
        )
    return error


def unreachable(error: psycopg.Error) -> Unavailable:
    """Why no connection could be made, with what to do."""
    return Unavailable(
        f"PostgreSQL refuses or cannot be reached: {str(error).strip()}",
        "Check host, port, database and user of the URL, and that the server runs.",
    )


def _closed() -> Unavailable:
    return Unavailable(
        "The connection is closed.",
        "Keep its `with` block open while the graph runs; where the server closed it, make another one.",
    )


def _lost(error: BaseException) -> bool:
    return isinstance(error, psycopg.OperationalError) and not isinstance(error, AGAIN)


class _Locked:
    """What is known of the server: how to lock, once an operation has told it."""

    locking = Locking.NONE

    def refuse_scrub(self) -> None:
        """Raises :class:`Unavailable` where no table can be rewritten."""
        if self.locking is Locking.ROWS:
            raise Unavailable(
                "It is deleted, but this server cannot be told to rewrite its tables.",
                "Its bytes go when the server itself collects what nobody can see any more.",
            )


class _Transaction:
    """What both sessions say to the server; a caller's own transaction is joined by savepoints."""

    def __init__(self, conn: psycopg.Connection[Any] | psycopg.AsyncConnection[Any], known: _Locked) -> None:
        self.known = known
        self.number = conn.info.backend_pid
        self.nested = conn.info.transaction_status == TransactionStatus.INTRANS
        self.savepoint = savepoint_name() if self.nested else ""
        self.open = False
        self.wanted: Begin | None = None

    def opening(self) -> tuple[bytes, ...]:
        """What begins the transaction, sent in one round trip with its first statement."""
        if self.wanted is None:
            return ()
        begin = b"BEGIN"
        if self.wanted is READ:
            begin = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        elif self.known.locking is Locking.ADVISORY:
            # Who waited for a lock sees what was committed meanwhile, whatever the server's default is.
            begin = b"BEGIN ISOLATION LEVEL READ COMMITTED"
        locks = _locks(self.known.locking, self.wanted, self.number)
        self.wanted, self.open = None, True
        return (f"SAVEPOINT {self.savepoint}".encode() if self.nested else begin, *locks)

    @property
    def ending(self) -> bytes:
        return f"RELEASE {self.savepoint}".encode() if self.nested else b"COMMIT"

    @property
    def undoing(self) -> tuple[bytes, ...]:
        """What undoes a savepoint; psycopg itself undoes a transaction."""
        return f"ROLLBACK TO {self.savepoint}".encode(), self.ending

    @property
    def prepared(self) -> bool | None:
        """Whether psycopg may prepare what begins and ends: a savepoint's name is used once."""
        return False if self.nested else None

    def is_conflict(self, error: psycopg.Error) -> bool:
        """Whether to begin again. Where the server gave a caller's transaction up, only the caller can."""
        given_up = isinstance(error, psycopg.errors.SerializationFailure) and self.nested
        return isinstance(error, AGAIN) and not given_up

    def together(self, statements: int) -> bool:
        """Whether so many statements go in one round trip.

        Statements after one that failed are never prepared, which psycopg forgets only in its own
        ``rollback()``: not for a savepoint.
        """
        return statements > 1 and not self.nested and psycopg.Pipeline.is_supported()


class PostgresSession(_Transaction):
    """Runs an operation's steps on one psycopg connection."""

    def __init__(self, conn: psycopg.Connection[Any], known: _Locked) -> None:
        super().__init__(conn, known)
        self.conn = conn

    def perform(self, step: Step) -> Rows:
        if isinstance(step, Begin):
            self._commit()
            self.wanted = None if step is GLANCE and idle(self.conn) else step
            return []
        if isinstance(step, Locking):
            self.known.locking = step
            return []
        if isinstance(step, Attempt):
            return self._attempt(step)
        batch = step if isinstance(step, Batch) else Batch([step])
        opening = self.opening()
        try:
            with self._together(len(opening) + len(batch.steps) + batch.last):
                for statement in opening:
                    self.conn.execute(statement, prepare=self.prepared)
                cursors = [self._send(part) for part in batch.steps]
                if batch.last:
                    self.conn.execute(self.ending, prepare=self.prepared)
        except psycopg.Error as error:
            if self.is_conflict(error):
                raise Conflict from error
            raise
        if batch.last:
            self.open = False
            if self.nested:
                return []
        found = [self._rows(part, cursor) for part, cursor in zip(batch.steps, cursors, strict=True)]
        return [tuple(rows) for rows in found] if batch is step else found[0]

    def _attempt(self, step: Attempt) -> Rows:
        self._commit()
        try:
            with self.conn.transaction(force_rollback=True):
                return [self._rows(part, self._send(part)) for part in step.steps][-1]
        except (psycopg.ProgrammingError, psycopg.NotSupportedError):
            return []

    def _rows(self, step: Query | Many, cursor: psycopg.Cursor[Any]) -> Rows:
        if isinstance(step, Many):
            return [(cursor.rowcount,)]
        return cursor.fetchall() if cursor.description else []

    def _together(self, statements: int) -> AbstractContextManager[Any]:
        return self.conn.pipeline() if self.together(statements) else nullcontext()

    def _send(self, step: Query | Many) -> psycopg.Cursor[Any]:
        cursor = self.conn.cursor(binary=True, row_factory=tuple_row)
        if isinstance(step, Many):
            cursor.executemany(as_psycopg(step.sql), step.params)
        else:
            cursor.execute(as_psycopg(step.sql), step.params)
        return cursor

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """What is begun in here is committed at the end, or undone where anything is raised."""
        try:
            yield
            self._commit()
        except BaseException:
            self._rollback()
            raise

    def _commit(self) -> None:
        self.wanted = None
        if self.open:
            try:
                self.conn.execute(self.ending, prepare=self.prepared)
            except psycopg.Error as error:
                if self.is_conflict(error):
                    raise Conflict from error
                raise
            self.open = False

    def _rollback(self) -> None:
        self.wanted = None
        if self.open:
            self.open = False
            with suppress(psycopg.Error):
                if self.nested:
                    for statement in self.undoing:
                        self.conn.execute(statement, prepare=False)
                else:
                    self.conn.rollback()


class AsyncPostgresSession(_Transaction):
    """:class:`PostgresSession` on an asynchronous connection."""

    def __init__(self, conn: psycopg.AsyncConnection[Any], known: _Locked) -> None:
        super().__init__(conn, known)
        self.conn = conn

    async def perform(self, step: Step) -> Rows:
        if isinstance(step, Begin):
            await self._commit()
            self.wanted = None if step is GLANCE and idle(self.conn) else step
            return []
        if isinstance(step, Locking):
            self.known.locking = step
            return []
        if isinstance(step, Attempt):
            return await self._attempt(step)
        batch = step if isinstance(step, Batch) else Batch([step])
        opening = self.opening()
        try:
            async with self._together(len(opening) + len(batch.steps) + batch.last):
                for statement in opening:
                    await self.conn.execute(statement, prepare=self.prepared)
                cursors = [await self._send(part) for part in batch.steps]
                if batch.last:
                    await self.conn.execute(self.ending, prepare=self.prepared)
        except psycopg.Error as error:
            if self.is_conflict(error):
                raise Conflict from error
            raise
        if batch.last:
            self.open = False
            if self.nested:
                return []
        found = [await self._rows(part, cursor) for part, cursor in zip(batch.steps, cursors, strict=True)]
        return [tuple(rows) for rows in found] if batch is step else found[0]

    async def _attempt(self, step: Attempt) -> Rows:
        await self._commit()
        try:
            async with self.conn.transaction(force_rollback=True):
                return [await self._rows(part, await self._send(part)) for part in step.steps][-1]
        except (psycopg.ProgrammingError, psycopg.NotSupportedError):
            return []

    async def _rows(self, step: Query | Many, cursor: psycopg.AsyncCursor[Any]) -> Rows:
        if isinstance(step, Many):
            return [(cursor.rowcount,)]
        return await cursor.fetchall() if cursor.description else []

    def _together(self, statements: int) -> AbstractAsyncContextManager[Any]:
        return self.conn.pipeline() if self.together(statements) else nullcontext()

    async def _send(self, step: Query | Many) -> psycopg.AsyncCursor[Any]:
        cursor = self.conn.cursor(binary=True, row_factory=tuple_row)
        if isinstance(step, Many):
            await cursor.executemany(as_psycopg(step.sql), step.params)
        else:
            await cursor.execute(as_psycopg(step.sql), step.params)
        return cursor

    @asynccontextmanager
    async def atomic(self) -> AsyncIterator[None]:
        """What is begun in here is committed at the end, or undone where anything is raised."""
        try:
            yield
            await self._commit()
        except BaseException:
            await asyncio.shield(self._rollback())
            raise

    async def _commit(self) -> None:
        self.wanted = None
        if self.open:
            try:
                await self.conn.execute(self.ending, prepare=self.prepared)
            except psycopg.Error as error:
                if self.is_conflict(error):
                    raise Conflict from error
                raise
            self.open = False

    async def _rollback(self) -> None:
        self.wanted = None
        if self.open:
            self.open = False
            with suppress(psycopg.Error):
                if self.nested:
                    for statement in self.undoing:
                        await self.conn.execute(statement, prepare=False)
                else:
                    await self.conn.rollback()


class PostgresDriver(_Locked):
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
                    return drive(make, PostgresSession(conn, self))
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
        self.refuse_scrub()
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


class AsyncPostgresDriver(_Locked):
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
                    return await whole(adrive(make, AsyncPostgresSession(conn, self)))
            except psycopg.Error as error:
                renewable = isinstance(self.conn, AsyncConnectionPool) or self.conninfo is not None
                if not (_lost(error) and renewable and time.monotonic() < deadline):
                    raise explain(error) from error
                await asyncio.sleep(0.2)

    async def tidy(self) -> None:
        """Nothing: autovacuum does it."""

    async def scrub(self, tables: Sequence[str]) -> None:
        """Rewrite the tables, so that no byte of what was deleted is left in their files."""
        self.refuse_scrub()
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
