"""SQLite, through ``sqlite3`` and through ``aiosqlite``."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from lgviz.errors import MissingFile, NotADatabase, Unavailable

from .collector import uncollected
from .drivers import drive, forked, not_erased
from .statements import GLANCE, READ, Batch, Begin, Many, Operation, Rows, Step
from .turns import lock_of

R = TypeVar("R")

BUSY_TIMEOUT = 30.0
"""Seconds to wait for another process's write."""

_NAP = 0.0005, 0.003
"""Seconds between two looks for the end of another process's write."""
_BUSY = f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT * 1000)}"
# Of a fresh file only: it decides whether the space of what is deleted can be given back.
_VACUUM = "PRAGMA auto_vacuum = INCREMENTAL"
_WAL = "PRAGMA journal_mode = WAL"
_EMPTY_WAL = "PRAGMA wal_checkpoint(TRUNCATE)"
_TIDY = f"PRAGMA incremental_vacuum; {_EMPTY_WAL}"


def connect_path(path: str | os.PathLike[str]) -> str:
    """A path that SQLite can open or create.

    Raises:
        MissingFile: its folder does not exist.
    """
    path = os.fspath(path)
    if path != ":memory:" and not path.startswith("file:") and not Path(path).absolute().parent.is_dir():
        raise MissingFile(f"The folder of {path} does not exist.", "Make it first, or give another path.")
    return path


def explain(error: Exception) -> Exception:
    """SQLite's error as one that says what to do, where it is known what to do."""
    message = str(error)
    if "not a database" in message:
        return NotADatabase(
            "The file is not an SQLite database.", "Give the path of a database, or of a new file."
        )
    if "locked" in message:
        return Unavailable(
            f"The database stayed locked by another process for {BUSY_TIMEOUT:g} s.",
            "Find the process that keeps a transaction open, then try again.",
        )
    if "full" in message or "disk I/O" in message or "readonly" in message or "unable to open" in message:
        return Unavailable(
            f"The database cannot be written: {message}.",
            "Check its disk and permissions; nothing was half-written.",
        )
    if "malformed" in message:
        return Unavailable(
            f"The database is damaged: {message}.", "Restore a copy, or use `sqlite3 FILE .recover`."
        )
    if "same thread" in message:
        return Unavailable(
            "The connection may only be used in the thread that made it, and LangGraph uses several.",
            "Make it with sqlite3.connect(path, check_same_thread=False).",
        )
    if "closed" in message or "no active connection" in message:
        return Unavailable("The connection was closed.", "Keep its `with` block open while the graph runs.")
    return error


_JOINED: Rows = [(True,)]
"""Answers an operation that begins inside a transaction of the caller's."""


class SqliteDriver:
    """One ``sqlite3`` connection, used by one thread at a time, one operation at a time.

    Inside a transaction that the caller began itself, operations are savepoints of it.

    Args:
        conn: the connection.
        owned: whether closing the driver closes it.
    """

    def __init__(self, conn: sqlite3.Connection, *, owned: bool = False) -> None:
        self.conn = conn
        self.owned = owned
        self._lock = lock_of(conn)
        self._prepared = False
        self._open = self._nested = False

    def run(self, make: Callable[[], Operation[R]]) -> R:
        """Run one operation in its transaction."""
        with self._lock:
            try:
                if not self._prepared:
                    self._prepare()
                self._nested = self.conn.in_transaction
                with uncollected():
                    return drive(make, self)
            except (sqlite3.Error, ValueError) as error:
                explained = explain(error)
                if explained is error:
                    raise
                raise explained from error

    def _prepare(self) -> None:
        self.conn.execute(_BUSY)
        if not self.conn.in_transaction:
            self._prepare_file()
        self._prepared = True

    def _prepare_file(self) -> None:
        deadline = time.monotonic() + BUSY_TIMEOUT
        while True:
            try:
                if self._rows("PRAGMA page_count") == [(0,)]:
                    self.conn.execute(_VACUUM)
                if self._rows("PRAGMA journal_mode") == [("delete",)]:
                    self.conn.execute(_WAL).fetchall()
                return
            except sqlite3.OperationalError as error:
                if "readonly" in str(error):
                    return
                # Changing the journal's mode does not wait for a lock by itself.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def perform(self, step: Step) -> Rows:
        """One step of an operation."""
        if isinstance(step, Begin):
            self.commit()
            if step is not GLANCE:
                self._begin(step)
            return _JOINED if self._nested else []
        if isinstance(step, Batch):
            rows: Rows = [tuple(self.perform(part)) for part in step.steps]
            if step.last:
                self.commit()
            return [] if step.last and self._nested else rows
        if isinstance(step, Many):
            return [(self.conn.executemany(step.sql, step.params).rowcount,)]
        return self._rows(step.sql, step.params)

    def _rows(self, sql: str, params: Sequence[Any] = ()) -> Rows:
        cursor = self.conn.cursor()
        cursor.row_factory = None  # the caller's connection may have one
        return cursor.execute(sql, params).fetchall()

    def _begin(self, step: Begin) -> None:
        if self._nested:
            self.conn.execute("SAVEPOINT lgviz")
        elif step is READ:
            self.conn.execute("BEGIN")
        else:
            self._begin_write()
        self._open = True

    def _begin_write(self) -> None:
        """Wait for other processes' writes in short naps.

        SQLite's own naps grow to 100 ms, so that the unlucky one of many writers waits the longer the longer
        it has waited.
        """
        deadline = time.monotonic() + BUSY_TIMEOUT
        self.conn.execute("PRAGMA busy_timeout = 0")
        try:
            while True:
                try:
                    self.conn.execute("BEGIN IMMEDIATE")
                    return
                except sqlite3.OperationalError as error:
                    if "locked" not in str(error) or time.monotonic() > deadline:
                        raise
                time.sleep(random.uniform(*_NAP))  # noqa: S311
        finally:
            self.conn.execute(_BUSY)

    def commit(self) -> None:
        """Commit what the operation did so far."""
        if self._open:
            self.conn.execute("RELEASE lgviz" if self._nested else "COMMIT")
            self._open = False

    def rollback(self) -> None:
        """Undo it."""
        if self._open:
            self._open = False
            # After some errors (a full disk) SQLite has rolled back already.
            with suppress(sqlite3.Error):
                self.conn.execute("ROLLBACK TO lgviz" if self._nested else "ROLLBACK")

    def tidy(self) -> None:
        """Shrink the file by what was deleted, as far as readers allow."""
        with self._lock, suppress(sqlite3.OperationalError):
            if not self.conn.in_transaction:
                # A script: execute() would free a single page and stop.
                self.conn.executescript(_TIDY)

    def scrub(self, tables: Sequence[str]) -> None:
        """Rewrite the whole file, so that no byte of what was deleted is left in it or beside it."""
        with self._lock:
            if self.conn.in_transaction:
                raise not_erased()
            deadline = time.monotonic() + BUSY_TIMEOUT
            try:
                self.conn.execute("VACUUM")
                while self._rows(_EMPTY_WAL)[0][0]:
                    if time.monotonic() > deadline:
                        raise not_erased()
                    time.sleep(0.01)
            except sqlite3.Error as error:
                raise not_erased() from error

    def close(self) -> None:
        """Close the connection, where it is the driver's own."""
        if self.owned:
            with self._lock:
                self.conn.close()


class AioSqliteDriver:
    """One ``aiosqlite`` connection: whole operations run in its thread, so that none is ever cut in two.

    A path is opened when first used. The connection serves any event loop.
    """

    def __init__(self, conn: aiosqlite.Connection, *, owned: bool = False) -> None:
        self.conn = conn
        self.owned = owned
        self._inner: SqliteDriver | None = None
        self._process = os.getpid()

    async def run(self, make: Callable[[], Operation[R]]) -> R:
        """Run one operation in its transaction. A cancelled caller leaves it whole."""
        inner = self._inner or await self._open()
        if self._process != os.getpid():
            raise forked()  # its thread is not here
        try:
            # The one private name used here: aiosqlite has no public way to run several statements in one
            # visit to its thread, and one visit each would cost a put half its time.
            return await self.conn._execute(inner.run, make)  # type: ignore[no-untyped-call, no-any-return]
        except ValueError as error:
            raise explain(error) from error

    async def _open(self) -> SqliteDriver:
        try:
            thread: Any = getattr(self.conn, "_thread", self.conn)
            if thread.ident is None:
                # A saver made by a plain call must not keep the process alive.
                thread.daemon = True
                try:
                    await self.conn
                except sqlite3.Error:
                    # The thread ends by itself, with a word to this loop: not after it is closed.
                    await asyncio.to_thread(thread.join)
                    raise
            self._inner = self._inner or SqliteDriver(self.conn._conn)
            self._process = os.getpid()
            return self._inner
        except (sqlite3.Error, ValueError) as error:
            raise explain(error) from error

    async def tidy(self) -> None:
        """Shrink the file by what was deleted, as far as readers allow."""
        if self._inner is not None:
            await self.conn._execute(self._inner.tidy)  # type: ignore[no-untyped-call]

    async def scrub(self, tables: Sequence[str]) -> None:
        """Rewrite the whole file, so that no byte of what was deleted is left in it or beside it."""
        if self._inner is not None:
            await self.conn._execute(self._inner.scrub, tables)  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        """Close the connection, where it is the driver's own."""
        if self.owned and self._inner is not None:
            await self.conn.close()
