"""Where operations of the persistence engine are run, so that a source may be read from any thread."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, Protocol, TypeVar

from lgviz.errors import SourceError, needing
from lgviz.persistence.database.drivers import drive, run_async
from lgviz.persistence.database.runners import OperationRunner, SyncRunner
from lgviz.persistence.database.sqlite import AioSqliteDriver
from lgviz.persistence.database.statements import GLANCE, READ, Begin, Locking, Operation, Query, Rows, Step
from lgviz.sources.connections import FileReader

__all__ = ["OperationRun", "in_file", "of_owner", "over_postgres"]

R = TypeVar("R")


class OperationRun(Protocol):
    """Runs one operation to its end and gives its result."""

    def __call__(self, make: Callable[[], Operation[R]], /) -> R: ...


def of_owner(owner: OperationRunner) -> OperationRun:
    """On the connection or pool of a saver or store; for one that lives on an event loop without that loop,
    which may be the very one that waits for us."""
    if isinstance(owner, SyncRunner):
        return owner.driver.run
    driver: Any = owner.driver  # type: ignore[attr-defined]
    if not isinstance(driver, AioSqliteDriver):
        return over_postgres(lambda: _conninfo(driver))

    def run(make: Callable[[], Operation[R]], /) -> R:
        return run_async(lambda: driver.run(make))  # its connection serves any loop

    return run


def in_file(reader: FileReader) -> OperationRun:
    """In an SQLite file, which is opened read-only for each operation."""

    def run(make: Callable[[], Operation[R]], /) -> R:
        return reader.using(lambda connection: drive(make, _ReadOnly(connection)))

    return run


def over_postgres(conninfo: Callable[[], str]) -> OperationRun:
    """On a PostgreSQL connection of our own, which is made when first needed, kept for the next operation,
    and made anew where it was lost.

    Raises:
        NotInstalled: psycopg is missing.
        SourceError: what it is given is no connection string.
    """
    with needing("psycopg", "postgres"):
        import psycopg

        from lgviz.persistence.database.conninfo import parsed
        from lgviz.persistence.database.postgres import PostgresDriver, connect, unreachable

    kept: list[psycopg.Connection[Any]] = []
    lock = threading.Lock()

    def connected() -> psycopg.Connection[Any]:
        if not kept:
            said = conninfo()
            parsed(said)
            try:
                kept.append(connect(said))
            except psycopg.Error as error:
                raise unreachable(error) from error
        return kept[0]

    def run(make: Callable[[], Operation[R]], /) -> R:
        with lock:
            fresh = not kept
            try:
                return PostgresDriver(connected()).run(make)
            except Exception:
                if fresh or not kept[0].broken:
                    raise
            kept.pop().close()  # an idle connection is cut by restarts, proxies and firewalls
            return PostgresDriver(connected()).run(make)

    def close() -> None:
        while kept:
            with suppress(psycopg.Error):
                kept.pop().close()

    weakref.finalize(run, close)
    return run


def _conninfo(driver: Any) -> str:
    """How an asynchronous driver's connection or pool was connected."""
    if driver.conninfo is not None:
        return str(driver.conninfo)
    from lgviz.persistence.database.conninfo import conninfo_of

    return conninfo_of(driver.conn)


class _ReadOnly:
    """A session on a connection that must not be written to."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def perform(self, step: Step) -> Rows:
        if isinstance(step, Locking):  # for those that write
            return []
        if not isinstance(step, (Begin, Query)) or (isinstance(step, Begin) and step not in (GLANCE, READ)):
            raise SourceError(
                "The database was made by an older lgviz.",
                "Open it once with a saver, which brings it up to date.",
            )
        if isinstance(step, Begin):
            if self._connection.in_transaction:
                self._connection.rollback()
            self._connection.execute("BEGIN")
            return []
        return self._connection.execute(step.sql, step.params).fetchall()

    def atomic(self) -> AbstractContextManager[None]:
        """Nothing is written; closing the connection ends the transaction."""
        return nullcontext()
