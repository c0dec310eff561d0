"""Names of a saver's held by one alone, whichever process the others are in."""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from lgviz.errors import SourceError
from lgviz.persistence.database.drivers import run_async
from lgviz.persistence.database.sqlite import AioSqliteDriver, SqliteDriver
from lgviz.persistence.database.statements import Locking
from lgviz.persistence.savers.saver import Saver

from .langgraph.detect import langgraph_kind

__all__ = ["HeldNames", "file_of"]

_PATIENCE = 200
"""Milliseconds to wait for a row that another holds."""


class HeldNames:
    """Names that are held where a saver's database is, until :meth:`free`. Of other savers nothing is held.

    The operating system holds them for SQLite, by a lock on an empty file beside the database, the server for
    PostgreSQL, by advisory locks: they are free again as soon as their holder's process is gone. A server
    without such locks holds them by rows that are never committed, in a table of lgviz's own savers; where
    LangGraph's savers have tables on it, nothing is held.

    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> held = HeldNames(InMemorySaver())
    >>> held.take("a name"), held.move("another"), held.free()
    (True, True, None)

    Args:
        saver: LangGraph's or lgviz's.
    """

    def __init__(self, saver: BaseCheckpointSaver[Any]) -> None:
        file = file_of(saver)
        conninfo = _conninfo_of(saver) if file is None else None
        self._locks: _Files | _Server | None = None
        if file is not None:
            self._locks = _Files(file)
        elif conninfo is not None:
            locking = getattr(getattr(saver, "driver", None), "locking", Locking.NONE)
            self._locks = _Server(conninfo, by_rows=locking is Locking.ROWS)

    def take(self, name: str) -> bool:
        """Hold a name; False where somebody else holds it. It must come before any :meth:`move`.

        Raises:
            Unavailable: the server refuses, or cannot be reached.
            SourceError: no file can be made beside the database.
        """
        return self._locks is None or self._locks.take(name)

    def move(self, name: str) -> bool:
        """:meth:`take` a name, and let go of the one that was moved to before."""
        return self._locks is None or self._locks.move(name)

    def free(self) -> None:
        """Let go of all."""
        if self._locks is not None:
            self._locks.free()


def file_of(saver: Any) -> Path | None:
    """The file that a saver writes; None where it writes none."""
    driver, kind = getattr(saver, "driver", None), langgraph_kind(saver)
    asked = "PRAGMA database_list"
    if kind == "sqlite" or isinstance(driver, SqliteDriver):
        rows = saver.conn.execute(asked).fetchall()
    elif kind == "aiosqlite" or isinstance(driver, AioSqliteDriver):
        rows = run_async(lambda: saver.conn.execute_fetchall(asked))
    else:
        return None
    return next((Path(row[2]) for row in rows if row[1] == "main" and row[2]), None)


def _conninfo_of(saver: Any) -> str | None:
    """How to connect to a saver's PostgreSQL server; None where it has none."""
    driver = getattr(saver, "driver", None) if isinstance(saver, Saver) else None
    own = driver is not None and not isinstance(driver, (SqliteDriver, AioSqliteDriver))
    if not own and langgraph_kind(saver) != "postgres":
        return None
    from lgviz.persistence.database.conninfo import conninfo_of

    return getattr(driver, "conninfo", None) or conninfo_of(saver.conn)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "backslashreplace")).hexdigest()[:16]


class _Files:
    """Locked files beside a database."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._taken: list[tuple[Path, int]] = []
        self._moved: list[tuple[Path, int]] = []

    def take(self, name: str) -> bool:
        return self._lock(name, self._taken)

    def move(self, name: str) -> bool:
        before, self._moved = self._moved, []
        took = self._lock(name, self._moved)
        _unlock(before)
        return took

    def free(self) -> None:
        _unlock(self._moved)
        _unlock(self._taken)

    def _lock(self, name: str, among: list[tuple[Path, int]]) -> bool:
        lock = Path(f"{self._database}-{_digest(name)}.lock")
        file = _opened(lock)
        if file is None:
            return False
        among.append((lock, file))
        return True


def _unlock(files: list[tuple[Path, int]]) -> None:
    while files:
        lock, file = files.pop()
        with suppress(OSError):  # Windows removes no open file
            lock.unlink()
        os.close(file)


def _opened(lock: Path) -> int | None:
    """The file, locked; None where it is locked already."""
    while True:
        try:
            file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise SourceError(
                f"No file can be made beside the database: {error}.",
                "SQLite makes files there too: let the folder be writable.",
            ) from error
        try:
            if not _lock(file):
                os.close(file)
                return None
            if os.path.samestat(os.fstat(file), lock.stat()):
                return file
        except FileNotFoundError:
            pass
        os.close(file)  # its holder has just removed it: once more, with a new one


def _lock(file: int) -> bool:
    """Lock a file until it is closed; whether nobody else has."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


class _Server:
    """Locks of a transaction, not of a session, which a proxy may give to others meanwhile."""

    def __init__(self, conninfo: str, *, by_rows: bool) -> None:
        self._conninfo = conninfo
        self._take = self._insert if by_rows else self._lock
        self._moved = False
        self._lacking = False

    @cached_property
    def _connection(self) -> Any:
        import psycopg

        from lgviz.persistence.database.postgres import unreachable

        try:
            return psycopg.Connection.connect(
                self._conninfo, application_name="lgviz", prepare_threshold=None
            )
        except psycopg.Error as error:
            raise unreachable(error) from error

    def take(self, name: str) -> bool:
        return self._lacking or self._take(_digest(name))

    def _lock(self, digest: str) -> bool:
        from psycopg.errors import FeatureNotSupported, UndefinedFunction

        sql = "SELECT pg_try_advisory_xact_lock(hashtextextended(current_schema() || ' ' || %s, 0))"
        try:
            found = self._connection.execute(sql, [digest]).fetchone()
        except (UndefinedFunction, FeatureNotSupported):
            self._lacking = True
            self.free()
            return True
        return bool(found and found[0])

    def _insert(self, digest: str) -> bool:
        from psycopg.errors import LockNotAvailable, SerializationFailure

        self._connection.execute(f"SET LOCAL lock_timeout = {_PATIENCE}")
        try:
            with self._connection.transaction():
                insert = "INSERT INTO lgviz_claims (name) VALUES (%s) ON CONFLICT DO NOTHING"
                self._connection.execute(insert, [digest])  # waits where another has inserted it
        except (LockNotAvailable, SerializationFailure):
            return False
        return True

    def move(self, name: str) -> bool:
        """A lock that was taken after a savepoint is free where one goes back to that."""
        if self._lacking:
            return True
        self._connection.execute("ROLLBACK TO SAVEPOINT moved" if self._moved else "SAVEPOINT moved")
        self._moved = True
        return self.take(name)

    def free(self) -> None:
        if "_connection" in self.__dict__:
            self._connection.close()
