"""Runs operations on SQLite, through ``sqlite3`` and through ``aiosqlite``."""

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

from .drivers import drive, forked, not_erased, savepoint_name
from .gc_pause import gc_paused
from .locks import lock_of
from .statements import GLANCE, READ, Batch, Begin, Many, Operation, Query, Rows, Step

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
# How the names of SQLite's errors begin.
_LOCKED = "SQLITE_BUSY", "SQLITE_LOCKED"
_UNWRITABLE = "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN"


def connect(path: str | os.PathLike[str]) -> sqlite3.Connection:
    """A connection as :class:`SqliteDriver` wants it.

    Raises:
        MissingFile: the folder of the file does not exist.
    """
    path = _openable(path)
    try:
        return sqlite3.connect(
            path,
            check_same_thread=False,
            timeout=BUSY_TIMEOUT,
            uri=path.startswith("file:"),
            isolation_level=None,
        )
    except sqlite3.Error as error:
        raise explain(error) from error


def connect_async(path: str | os.PathLike[str]) -> aiosqlite.Connection:
    """A connection as :class:`AioSqliteDriver` wants it, opened when first used.

    Raises:
        MissingFile: the folder of the file does not exist.
    """
    path = _openable(path)
    return aiosqlite.connect(path, timeout=BUSY_TIMEOUT, uri=path.startswith("file:"))


def _openable(path: str | os.PathLike[str]) -> str:
    path = os.fspath(path)
    if path != ":memory:" and not path.startswith("file:") and not Path(path).absolute().parent.is_dir():
        raise MissingFile(f"The folder of {path} does not exist.", "Make it first, or give another path.")
    return path


def explain(error: sqlite3.Error) -> Exception:
    """SQLite's error as one that says what to do, where it is known what to do."""
    name = _name(error)
    if name == "SQLITE_NOTADB":
        return NotADatabase(
            "The file is not an SQLite database.", "Give the path of a database, or of a new file."
        )
    if name.startswith(_LOCKED):
        return Unavailable(
            f"The database stayed locked by another process for {BUSY_TIMEOUT:g} s.",
            "Find the process that keeps a transaction open, then try again.",
        )
    if name.startswith(_UNWRITABLE):
        return Unavailable(
            f"The database cannot be written: {error}.",
            "Check its disk and permissions; nothing was half-written.",
        )
    if name.startswith("SQLITE_CORRUPT"):
        return Unavailable(
            f"The database is damaged: {error}.", "Restore a copy, or use `sqlite3 FILE .recover`."
        )
    if isinstance(error, sqlite3.ProgrammingError) and not name:
        if "same thread" in str(error):
            return Unavailable(
                "The connection may only be used in the thread that made it, and LangGraph uses several.",
                "Make it with sqlite3.connect(path, check_same_thread=False).",
            )
        if "closed" in str(error):
            return _closed()
    return error


def _closed() -> Unavailable:
    return Unavailable("The connection was closed.", "Keep its `with` block open while the graph runs.")


def _name(error: sqlite3.Error) -> str:
    """SQLite's name for an error; empty for one of the module itself, as of a connection that is closed."""
    return getattr(error, "sqlite_errorname", "")


class _Atomic:
    """A context that every operation enters, so one without a generator: it commits, or rolls back."""

    __slots__ = ("_commit", "_rollback")

    def __init__(self, commit: Callable[[], None], rollback: Callable[[], None]) -> None:
        self._commit = commit
        self._rollback = rollback

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._commit()
        except BaseException:
            self._rollback()
            raise
        if kind is not None:
            self._rollback()


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
        self._savepoint = ""

    def run(self, make: Callable[[], Operation[R]]) -> R:
        """Run one operation in its transaction."""
        with self._lock:
            try:
                if not self._prepared:
                    self._prepare()
                self._nested = self.conn.in_transaction
                with gc_paused():
                    return drive(make, self)
            except sqlite3.Error as error:
                explained = explain(error)
                if explained is error:
                    raise
                raise explained from error

    def _prepare(self) -> None:
        self._cursor = self.conn.cursor()
        self._cursor.row_factory = None  # the caller's connection may have one
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
                if _name(error).startswith("SQLITE_READONLY"):
                    return
                # Changing the journal's mode does not wait for a lock by itself.
                if not _name(error).startswith(_LOCKED) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def perform(self, step: Step) -> Rows:
        """One step of an operation."""
        if isinstance(step, Query):
            return self._cursor.execute(step.sql, step.params).fetchall()
        if isinstance(step, Batch):
            rows: Rows = [tuple(self.perform(part)) for part in step.steps]
            if step.last:
                self._commit()
            return [] if step.last and self._nested else rows
        if isinstance(step, Many):
            return [(self._cursor.executemany(step.sql, step.params).rowcount,)]
        if not isinstance(step, Begin):  # of other servers: here a transaction that writes is alone
            return []
        self._commit()
        if step is not GLANCE:
            self._begin(step)
        return _JOINED if self._nested else []

    def _rows(self, sql: str) -> Rows:
        return self._cursor.execute(sql).fetchall()

    def _begin(self, step: Begin) -> None:
        if self._nested:
            self._savepoint = savepoint_name()
            self.conn.execute(f"SAVEPOINT {self._savepoint}")
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
                    if not _name(error).startswith(_LOCKED) or time.monotonic() > deadline:
                        raise
                time.sleep(random.uniform(*_NAP))  # noqa: S311
        finally:
            self.conn.execute(_BUSY)

    def atomic(self) -> _Atomic:
        """What is begun in here is committed at the end, or undone where anything is raised."""
        return _Atomic(self._commit, self._rollback)

    def _commit(self) -> None:
        if self._open:
            self.conn.execute(f"RELEASE {self._savepoint}" if self._nested else "COMMIT")
            self._open = False

    def _rollback(self) -> None:
        if self._open:
            self._open = False
            # After some errors (a full disk) SQLite has rolled back already.
            with suppress(sqlite3.Error):
                if self._nested:
                    self.conn.execute(f"ROLLBACK TO {self._savepoint}")
                    self.conn.execute(f"RELEASE {self._savepoint}")
                else:
                    self.conn.execute("ROLLBACK")

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
            # A private name: aiosqlite has no public way to run several statements in one visit to its
            # thread, and one visit each would cost a put half its time.
            return await self.conn._execute(inner.run, make)  # type: ignore[no-untyped-call, no-any-return]
        except ValueError as error:
            # An operation's own, or aiosqlite's, which says that way that it is closed.
            if self.conn._running and self.conn._connection is not None:
                raise
            raise _closed() from error

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
        except sqlite3.Error as error:
            raise explain(error) from error
        except ValueError as error:
            raise _closed() from error

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
