"""Reading SQLite without leaving a trace: from a file, from a live connection, from an asynchronous one."""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
import tempfile
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from lgviz.errors import MissingFile, NotADatabase, NotASource, SourceError
from lgviz.persistence.database.drivers import run_async

from .bundle_file import is_bundle, unpack
from .heads import head_of
from .schemas import refuse_programs

__all__ = [
    "AsyncReader", "FileReader", "LiveReader", "ReadConnection", "ReadingStopped", "ReshapedReader", "Rows",
    "Statement", "interruptible",
]  # fmt: skip

T = TypeVar("T")
Statement = tuple[str, Sequence[Any]]
Rows = list[tuple[Any, ...]]

_BUSY_SECONDS = 10.0
_STEPS = 100_000
"""Steps of SQLite's machine between two looks whether a statement is to go on: some milliseconds."""
_stopped: ContextVar[Callable[[], bool] | None] = ContextVar("stopped", default=None)
_SETTLED_NS = 100_000_000
"""A file changed less than this ago may change again within the same tick of its clock."""


class ReadConnection(ABC):
    """Runs SELECTs against a database."""

    @abstractmethod
    def read(self, *statements: Statement) -> list[Rows]:
        """The rows of each statement, all of one moment of the database."""

    def stamp(self) -> Any:
        """Equal to an earlier stamp only where nothing changed since; None where that cannot be told."""
        return None

    def close(self) -> None:  # noqa: B027 - most readers hold nothing
        """Release what the reader itself opened."""


class FileReader(ReadConnection):
    """Reads a database file on a connection of its own, opened for each read and closed after it.

    A lasting connection would keep another process from tidying up its write-ahead log. A database in WAL
    mode that nobody has open is opened ``immutable``, as SQLite would otherwise create ``-wal`` and ``-shm``
    beside it; the read is repeated where the file changed meanwhile. A log that was left behind without its
    index (after a crash, or on a read-only medium) is read from a temporary copy, and so is the database in a
    bundle.

    Args:
        path: the file.
        damaged: to read what is there of a file that is shorter than it says, which SQLite refuses else.
    """

    def __init__(self, path: Path, *, damaged: bool = False) -> None:
        self.path = path
        self._damaged = damaged
        self._copy: tuple[Any, Path, weakref.finalize[Any, Any]] | None = None

    def read(self, *statements: Statement) -> list[Rows]:
        def select(connection: sqlite3.Connection) -> list[Rows]:
            connection.execute("BEGIN")
            return [connection.execute(*statement).fetchall() for statement in statements]

        return self.using(select)

    def using(self, act: Callable[[sqlite3.Connection], T]) -> T:
        """What ``act`` makes of a read-only connection. It begins a transaction, and may be called again."""
        for _ in range(8):
            with _readable(self.path):
                before = self._files()
                uri, lasting = self._uri(before)
            try:
                found = _with_connection(uri, act, damaged=self._damaged)
            except (sqlite3.Error, UnicodeDecodeError) as error:
                if _stopped.get() is not None and str(error) == "interrupted":
                    raise ReadingStopped from None
                if lasting or before == self._files():
                    raise self._refusal(error) from error
                continue
            if lasting or before == self._files():
                return found
        raise SourceError(f"{self.path.name} changes faster than it can be read.", "Try again in a moment.")

    def stamp(self) -> Any:
        with _readable(self.path):
            files = self._files()
        newest = max((modified for _, modified, _ in filter(None, files)), default=0)
        return files if time.time_ns() - newest > _SETTLED_NS else None

    def close(self) -> None:
        if self._copy:
            self._copy[2]()
            self._copy = None

    def _beside(self, suffix: str) -> Path:
        # SQLite's log lies beside the file itself, not beside a link to it.
        return Path(f"{os.path.realpath(self.path)}{suffix}")

    def _files(self) -> tuple[tuple[int, int, int] | None, ...]:
        database = _facts(self.path)
        return database, None if database is None else _facts(self._beside("-wal"))

    def _uri(self, files: tuple[tuple[int, int, int] | None, ...]) -> tuple[str, bool]:
        """Where to read, and whether that stays consistent while others write."""
        database, log = files
        if database is None:
            raise MissingFile(f"There is no file {self.path}.", "Check the path.")
        if not self.path.is_file():
            raise NotADatabase(f"{self.path} is not a file.", "Give the path of a SQLite database.")
        if is_bundle(self.path):
            return self._copied(files), True
        if log is not None and self._beside("-shm").exists():
            return _file_uri(self.path, "mode=ro"), True
        if log is not None and log[2]:
            return self._copied(files), True
        if _is_wal(self.path):
            return _file_uri(self.path, "mode=ro&immutable=1"), False
        return _file_uri(self.path, "mode=ro"), True

    def _copied(self, files: Any) -> str:
        if self._copy is None or self._copy[0] != files:
            self.close()
            folder = Path(tempfile.mkdtemp(prefix="lgviz-"))
            self._copy = files, folder, weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            if is_bundle(self.path):
                unpack(self.path, folder / self.path.name)
            else:
                for suffix in ("", "-wal"):
                    shutil.copyfile(self._beside(suffix), folder / f"{self.path.name}{suffix}")
        return _file_uri(self._copy[1] / self.path.name, "mode=ro")

    def _refusal(self, error: Exception) -> SourceError:
        said = str(error)
        if "unable to open" in said:
            return SourceError(f"{self.path} cannot be opened: {error}.", "Check its permissions.")
        if "locked" in said:
            return SourceError(f"{self.path} is locked by another process.", "Try again in a moment.")
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CORRUPT:
            return SourceError(
                f"{self.path} is damaged ({error}).",
                f"Copy what can still be read of it: lgviz salvage {shlex.quote(str(self.path))} salvaged.db",
            )
        return NotADatabase(
            f"{self.path} is no readable SQLite database ({error}).",
            "Give the file that a SqliteSaver wrote.",
        )


class LiveReader(ReadConnection):
    """Reads through a saver's own connection, under its lock: a ``:memory:`` database has no second one."""

    def __init__(self, connection: sqlite3.Connection, lock: threading.Lock) -> None:
        self._connection = connection
        self._lock = lock

    def read(self, *statements: Statement) -> list[Rows]:
        if not self._lock.acquire(timeout=_BUSY_SECONDS):
            raise SourceError(
                "The saver's only connection is in use.", "Finish the open list() or the run that holds it."
            )
        try:
            cursor = self._connection.cursor()
            cursor.row_factory = None
            with closing(cursor):
                return [cursor.execute(sql, parameters).fetchall() for sql, parameters in statements]
        except sqlite3.ProgrammingError as error:
            raise SourceError(
                f"The saver's connection cannot be read: {error}",
                "Open it with check_same_thread=False, and keep it open.",
            ) from error
        finally:
            self._lock.release()


class AsyncReader(ReadConnection):
    """Reads through an open ``aiosqlite`` connection, from any thread: its worker answers any event loop."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def read(self, *statements: Statement) -> list[Rows]:
        async def fetch() -> list[Rows]:
            rows = []
            for sql, parameters in statements:
                rows.append(list(await self._connection.execute_fetchall(sql, parameters)))
            return rows

        try:
            return run_async(fetch)
        except ValueError as error:  # aiosqlite's word for a connection that is not open
            raise NotASource(
                f"The saver's connection is not open: {error}.", "Open it first (await saver.setup())."
            ) from error


class ReshapedReader(ReadConnection):
    """Reads tables of another shape: a statement finds under their names what a ``WITH`` clause selects.

    Args:
        reader: of the database.
        tables: the clause, without what follows it.
    """

    def __init__(self, reader: ReadConnection, tables: str) -> None:
        self._reader = reader
        self._tables = tables

    def read(self, *statements: Statement) -> list[Rows]:
        return self._reader.read(*((self._over(sql.strip()), params) for sql, params in statements))

    def stamp(self) -> Any:
        return self._reader.stamp()

    def close(self) -> None:
        self._reader.close()

    def _over(self, statement: str) -> str:
        if statement.startswith("PRAGMA "):
            return statement
        rest = statement.removeprefix("WITH ")
        return f"{self._tables}{' ' if rest is statement else ', '}{rest}"


class ReadingStopped(BaseException):
    """Nobody waits for what is read any more. No value is to be taken for damaged for it, hence no error."""


@contextmanager
def interruptible(stopped: Callable[[], bool]) -> Iterator[None]:
    """In the thread that is within it, a statement on a file ends by :class:`ReadingStopped` soon after
    ``stopped`` says so.

    A file may be huge, or made to keep whoever reads it busy: a view can have rows without end.
    """
    before = _stopped.set(stopped)
    try:
        yield
    finally:
        _stopped.reset(before)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What the operating system refuses, in a sentence."""
    try:
        yield
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror}.", "Check its permissions, its folder's and the disk."
        ) from error


def _with_connection(uri: str, act: Callable[[sqlite3.Connection], T], *, damaged: bool) -> T:
    with closing(_connect(uri)) as connection:
        if damaged:
            connection.execute("PRAGMA writable_schema = ON")  # of a connection that cannot write
        refuse_programs(connection)
        try:
            return act(connection)
        except sqlite3.OperationalError as error:
            if "decode" not in str(error):
                raise
            # Damaged text: only then, for a function of Python's called for every text is slow.
            connection.text_factory = lambda text: text.decode(errors="replace")
            connection.rollback()
            return act(connection)


def _connect(uri: str) -> sqlite3.Connection:
    # Not memory-mapped: that reads an index twice as fast, and makes a file of gigabytes resident for it.
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    if (stopped := _stopped.get()) is not None:
        connection.set_progress_handler(stopped, _STEPS)
    return connection


def _file_uri(path: Path, query: str) -> str:
    return f"file:{quote(os.fsencode(path.absolute()))}?{query}"


def _facts(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except PermissionError:
        raise
    except (OSError, ValueError):  # ValueError: a name with a zero in it
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _is_wal(path: Path) -> bool:
    return head_of(path, 20)[18:20] == b"\x02\x02"
