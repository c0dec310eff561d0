"""Something of a saver held by one alone, whichever process the others are in."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from lgviz.errors import SourceError
from lgviz.persistence.database.drivers import run_async
from lgviz.persistence.database.sqlite import AioSqliteDriver, SqliteDriver
from lgviz.persistence.savers.saver import Saver

from .langgraph.detect import langgraph_kind

__all__ = ["held"]


@contextmanager
def held(saver: BaseCheckpointSaver[Any], name: str) -> Iterator[bool]:
    """Hold a name where a saver's database is; gives False where somebody else holds it.

    The operating system holds it for SQLite, by a lock on an empty file beside the database, the server for
    PostgreSQL, by an advisory lock: it is free again as soon as its holder's process is gone. Other savers
    have no such place: then it gives True.

    Args:
        saver: LangGraph's or lgviz's.
        name: of what is held.

    Raises:
        Unavailable: the server refuses, or cannot be reached.
        SourceError: no file can be made beside the database.
    """
    file = _file_of(saver)
    if file is not None:
        with _locked(file, name) as free:
            yield free
    elif (conninfo := _conninfo_of(saver)) is not None:
        with _locked_by_server(conninfo, name) as free:
            yield free
    else:
        yield True


def _file_of(saver: Any) -> Path | None:
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


@contextmanager
def _locked(database: Path, name: str) -> Iterator[bool]:
    lock = Path(f"{database}-{_digest(name)}.lock")
    file = _opened(lock)
    try:
        yield file is not None
    finally:
        if file is not None:
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


@contextmanager
def _locked_by_server(conninfo: str, name: str) -> Iterator[bool]:
    """By a transaction, not by a session, which a proxy may give to others meanwhile."""
    import psycopg

    from lgviz.persistence.database.postgres import unreachable

    try:
        connection = psycopg.Connection.connect(conninfo, application_name="lgviz", prepare_threshold=None)
    except psycopg.Error as error:
        raise unreachable(error) from error
    try:
        sql = "SELECT pg_try_advisory_xact_lock(hashtextextended(current_schema() || ' ' || %s, 0))"
        found = connection.execute(sql, [_digest(name)]).fetchone()
        yield bool(found and found[0])
    finally:
        connection.close()
