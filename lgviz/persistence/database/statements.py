"""What an operation and its driver say to each other.

An operation is a generator. It yields a :class:`Begin` once, before its first statement, and
then :class:`Query`, :class:`Many` or a :class:`Batch` of them; it is sent the rows (of a :class:`Begin` one,
where SQLite joins a transaction of the caller's). The driver opens the transaction, and commits it when the
generator returns or rolls it back when anything is raised.
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
    WRITE = "all or nothing; nodes that are found stay until it is committed"
    REMOVE = "the same, and no other writer finds a node meanwhile"


GLANCE, READ, WRITE, REMOVE = Begin


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


Rows: TypeAlias = "list[tuple[Any, ...]]"
Step: TypeAlias = "Begin | Query | Many | Batch"
Operation: TypeAlias = Generator[Step, Rows, R]


class Conflict(Exception):
    """Another writer stored the same node first: run the operation again."""
