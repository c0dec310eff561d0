"""One transaction on one psycopg connection, sync and async: what is sent together, and when."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext, suppress
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from .schema import LOCK
from .statements import GLANCE, READ, REMOVE, WRITE, Batch, Begin, Conflict, Many, Query, Rows, Step

AGAIN = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    # Two writers stored the same new node.
    psycopg.errors.UniqueViolation,
)


@lru_cache(maxsize=512)
def as_psycopg(sql: str) -> bytes:
    """A statement with ``?`` for its parameters as psycopg takes it."""
    return sql.replace("%", "%%").replace("?", "%s").encode()


# Writers share the nodes, one that removes some has them alone.
_LOCKS = {
    GLANCE: (),
    READ: (),
    WRITE: (f"SELECT pg_advisory_xact_lock_shared({LOCK}, 2)".encode(),),
    REMOVE: (f"SELECT pg_advisory_xact_lock({LOCK}, 2)".encode(),),
}


def idle(conn: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    """Whether there is no transaction, and none begins by itself."""
    return conn.autocommit and conn.info.transaction_status == TransactionStatus.IDLE


class _Transaction:
    """What both sessions say to the server; a caller's own transaction is joined by a savepoint."""

    def __init__(self, conn: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
        self.nested = conn.info.transaction_status == TransactionStatus.INTRANS
        self.open = False
        self.wanted: Begin | None = None

    def opening(self) -> tuple[bytes, ...]:
        """What begins the transaction, sent in one round trip with its first statement."""
        if self.wanted is None:
            return ()
        begin = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if self.wanted is READ else b"BEGIN"
        locks, self.wanted, self.open = _LOCKS[self.wanted], None, True
        return (b"SAVEPOINT lgviz" if self.nested else begin, *locks)

    @property
    def ending(self) -> bytes:
        return b"RELEASE lgviz" if self.nested else b"COMMIT"

    def together(self, statements: int) -> bool:
        """Whether so many statements go in one round trip.

        Statements after one that failed are never prepared, which psycopg forgets only in its own
        ``rollback()``: not for a savepoint.
        """
        return statements > 1 and not self.nested and psycopg.Pipeline.is_supported()


class Session(_Transaction):
    """One connection's transaction."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        super().__init__(conn)
        self.conn = conn

    def perform(self, step: Step) -> Rows:
        if isinstance(step, Begin):
            self.commit()
            self.wanted = None if step is GLANCE and idle(self.conn) else step
            return []
        batch = step if isinstance(step, Batch) else Batch([step])
        opening = self.opening()
        try:
            with self._together(len(opening) + len(batch.steps) + batch.last):
                for statement in opening:
                    self.conn.execute(statement)
                cursors = [self._send(part) for part in batch.steps]
                if batch.last:
                    self.conn.execute(self.ending)
        except AGAIN as error:
            raise Conflict from error
        if batch.last:
            self.open = False
            if self.nested:
                return []
        found = [self._rows(part, cursor) for part, cursor in zip(batch.steps, cursors, strict=True)]
        return [tuple(rows) for rows in found] if batch is step else found[0]

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

    def commit(self) -> None:
        self.wanted = None
        if self.open:
            self.conn.execute(self.ending)
            self.open = False

    def rollback(self) -> None:
        self.wanted = None
        if self.open:
            self.open = False
            with suppress(psycopg.Error):
                if self.nested:
                    self.conn.execute("ROLLBACK TO lgviz", prepare=False)
                else:
                    self.conn.rollback()


class AsyncSession(_Transaction):
    """:class:`Session`, awaited."""

    def __init__(self, conn: psycopg.AsyncConnection[Any]) -> None:
        super().__init__(conn)
        self.conn = conn

    async def perform(self, step: Step) -> Rows:
        if isinstance(step, Begin):
            await self.commit()
            self.wanted = None if step is GLANCE and idle(self.conn) else step
            return []
        batch = step if isinstance(step, Batch) else Batch([step])
        opening = self.opening()
        try:
            async with self._together(len(opening) + len(batch.steps) + batch.last):
                for statement in opening:
                    await self.conn.execute(statement)
                cursors = [await self._send(part) for part in batch.steps]
                if batch.last:
                    await self.conn.execute(self.ending)
        except AGAIN as error:
            raise Conflict from error
        if batch.last:
            self.open = False
            if self.nested:
                return []
        found = [await self._rows(part, cursor) for part, cursor in zip(batch.steps, cursors, strict=True)]
        return [tuple(rows) for rows in found] if batch is step else found[0]

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

    async def commit(self) -> None:
        self.wanted = None
        if self.open:
            await self.conn.execute(self.ending)
            self.open = False

    async def rollback(self) -> None:
        self.wanted = None
        if self.open:
            self.open = False
            with suppress(psycopg.Error):
                if self.nested:
                    await self.conn.execute("ROLLBACK TO lgviz", prepare=False)
                else:
                    await self.conn.rollback()
