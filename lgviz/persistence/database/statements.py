"""What an operation and its driver say to each other: a generator yields statements and is sent rows.

An operation is a generator that does no I/O itself, so that it is written once for SQLite and PostgreSQL,
sync and async. It yields a :class:`Begin` before its first statement, and then a :class:`Query`, a
:class:`Many` or a :class:`Batch` of them; it is sent the rows (of a :class:`Begin` one, where SQLite joins a
transaction of the caller's). The driver opens the transaction, and commits it when the generator returns or
rolls it back when anything is raised.

An operation that renames a thread, and a driver that runs it:

>>> def rename(old: str, new: str) -> Operation[int]:
...     yield WRITE
...     taken = yield Query("SELECT 1 FROM threads WHERE name = ?", [new])
...     if taken:
...         raise ValueError(f"there is a thread {new!r} already")  # the driver rolls back
...     rows = yield Query("UPDATE threads SET name = ? WHERE name = ? RETURNING id", [new, old])
...     return rows[0][0]  # and now it commits
>>> from lgviz.persistence.database.sqlite import SqliteDriver, connect
>>> driver = SqliteDriver(connect(":memory:"))
>>> _ = driver.conn.execute("CREATE TABLE threads (id INTEGER PRIMARY KEY, name TEXT)")
>>> _ = driver.conn.execute("INSERT INTO threads (name) VALUES ('draft')")
>>> driver.run(lambda: rename("draft", "final"))
1

One operation runs another with ``yield from``. Where a statement raises :class:`Conflict` the operation is
made anew and run again: that is why drivers take a function that makes it.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from enum import Enum
from typing import Any, NamedTuple, TypeAlias, TypeVar

R = TypeVar("R")


class Begin(Enum):
    """The transaction that an operation needs."""

    GLANCE = "none: each statement sees what is committed by then"
    READ = "a consistent view"
    WRITE = "all or nothing; blocks that are found stay until it is committed"
    REMOVE = "all or nothing, and no other writer finds a block meanwhile"


GLANCE, READ, WRITE, REMOVE = Begin


class Locking(Enum):
    """How writers keep away from those that remove blocks, where a transaction alone does not see to it.

    An operation that sets up a database tells its driver, for all transactions that it begins from then on.
    """

    NONE = "not at all: there are no blocks yet"
    ADVISORY = "by PostgreSQL's advisory locks"
    ROWS = "by changing rows of lgviz_locks: one to write, all to remove"


class Query(NamedTuple):
    """One statement; sent back are its rows."""

    sql: str
    params: Sequence[Any] = ()


class Many(NamedTuple):
    """One statement for many parameters; sent back is one row with the number of rows it touched."""

    sql: str
    params: Sequence[Sequence[Any]]


class Batch(NamedTuple):
    """Several statements in one round trip; sent back is, for each, one tuple of its rows.

    With ``last`` the commit is part of it: what is sent back is then known to last, or empty where the
    transaction is the caller's own and may still be undone.
    """

    steps: Sequence[Query | Many]
    last: bool = False


class Attempt(NamedTuple):
    """Statements in a transaction that is undone; sent back are the rows of the last, or none where the
    server does not know what one of them asks for."""

    steps: Sequence[Query]


Rows: TypeAlias = "list[tuple[Any, ...]]"
Step: TypeAlias = "Begin | Query | Many | Batch | Attempt | Locking"
Operation: TypeAlias = Generator[Step, Rows, R]


def as_bytes(column: Any) -> bytes:
    """What a column of bytes holds; a file's column may hold anything, and ``bytes(n)`` would be n zeros."""
    if type(column) is bytes:
        return column
    return bytes(column) if isinstance(column, (bytearray, memoryview)) else b""


class Conflict(Exception):
    """Another writer came first, or the server asks for it: run the operation again."""
