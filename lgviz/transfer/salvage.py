"""What can still be read of a database file whose pages are damaged, copied into a new one (floor 3)."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from typing import Any, NamedTuple

from lgviz.errors import FileExists, SourceError
from lgviz.sources.connections import FileReader
from lgviz.sources.langgraph.detect import file_at

__all__ = ["Salvaged", "salvage"]

_TABLES = """SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL AND (
    name IN ('checkpoints', 'writes', 'store') OR name GLOB 'store_*' OR name GLOB 'lgviz_*')"""
_BESIDE = """SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND (
    type = 'index' AND tbl_name GLOB 'lgviz_*' OR type = 'view' AND name GLOB 'lgviz_*')"""
_COLUMNS = "SELECT name, pk FROM pragma_table_info(?)"
_INDEXES = "SELECT name FROM pragma_index_list(?)"
_PROBED = 1_000_000
"""Numbers of rows that are tried where no index tells which there are."""
_LONGEST = 1 << 30
"""Bytes of a row, which may say of itself that it is of any size."""
_NEVER = b"\xc1"
"""Begins nothing in msgpack or JSON: in the place of a value it is told to be damaged."""


class Salvaged(NamedTuple):
    """What a copy of a damaged database holds.

    Attributes:
        rows: the rows that could be read.
        in_part: those of them of whose values some could not: they are told to be damaged.
        lost: the rows of which no more is known than that they were there; there may have been others.
    """

    rows: int
    in_part: int
    lost: int


def salvage(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> Salvaged:
    """Copy what can still be read of a damaged SQLite database into a new one, which is read like any.

    The damaged file stays as it is. SQLite gives nothing of a file that was cut, nor of a table once it comes
    upon a damaged page; here each row is read by itself, and where that fails each of its columns.

    Args:
        source: the path of a database that lgviz's or LangGraph's SQLite savers or stores wrote.
        target: the path of the file to make.

    Raises:
        FileExists: there is a file at ``target``.
        MissingFile, NotADatabase, SourceError: nothing of ``source`` can be read, or ``target`` not written.

    >>> salvage("damaged.db", "salvaged.db")  # doctest: +SKIP
    Salvaged(rows=2310, in_part=1, lost=14)
    """
    reader, made = FileReader(file_at(os.fspath(source)), damaged=True), file_at(os.fspath(target))
    if made.exists():
        raise FileExists(f"There is a file {made} already.", "Give the name of a new file.")
    try:
        with closing(sqlite3.connect(made, isolation_level=None)) as new:
            new.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
            found = reader.using(lambda old: _copied(old, new))
        if not found.rows:
            raise SourceError(
                f"{reader.path} holds nothing that a saver or store wrote and that can be read.",
                "Check the path.",
            )
        return found
    except BaseException as error:
        made.unlink(missing_ok=True)
        if isinstance(error, sqlite3.Error | OSError):
            raise SourceError(f"{made} cannot be written: {error}.", "Give another path.") from error
        raise
    finally:
        reader.close()


def _copied(old: sqlite3.Connection, new: sqlite3.Connection) -> Salvaged:
    if new.in_transaction:
        new.rollback()
    new.execute("BEGIN")
    whole, in_part, lost = 0, 0, 0
    for name, schema in old.execute(_TABLES).fetchall():
        new.execute(schema)
        for row, complete in _rows(old, name):
            if row is not None and _kept(new, name, row):
                whole += complete
                in_part += not complete
            else:
                lost += 1
    for (schema,) in old.execute(_BESIDE).fetchall():
        new.execute(schema)
    new.execute("COMMIT")
    return Salvaged(whole + in_part, in_part, lost)


Row = dict[str, Any]


def _kept(new: sqlite3.Connection, table: str, row: Row) -> bool:
    names, marks = ", ".join(map(_quoted, row)), ", ".join("?" * len(row))
    with suppress(sqlite3.IntegrityError):  # what tells the row apart could not be read
        new.execute(f"INSERT INTO {_quoted(table)} ({names}) VALUES ({marks})", [*row.values()])
        return True
    return False


def _rows(old: sqlite3.Connection, table: str) -> Iterator[tuple[Row | None, bool]]:
    """The rows of a table, None for one that is lost, each with whether it is complete."""
    columns = old.execute(_COLUMNS, (table,)).fetchall()
    names = [name for name, _ in columns]
    if any(name == "rowid" for name in names) or not _has_rowid(old, table):
        keys = [name for name, key in columns if key]
        yield from (
            (dict(zip(names, row, strict=True)), True) for row in _from_both_ends(old, table, names, keys)
        )
        return
    for number in _numbers(old, table):
        yield _row(old, table, names, number)


def _has_rowid(old: sqlite3.Connection, table: str) -> bool:
    try:
        old.execute(f"SELECT rowid FROM {_quoted(table)} LIMIT 0")
    except sqlite3.OperationalError:
        return False
    return True


def _from_both_ends(
    old: sqlite3.Connection, table: str, names: Sequence[str], keys: Sequence[str]
) -> list[tuple[Any, ...]]:
    """The rows before the first damaged page, and those behind the last."""
    found: dict[tuple[Any, ...], None] = {}
    for direction in ("ASC", "DESC"):
        order = ", ".join(f"{_quoted(key)} {direction}" for key in keys)
        with suppress(sqlite3.DatabaseError):
            for row in old.execute(f"SELECT {_listed(names)} FROM {_quoted(table)} ORDER BY {order}"):
                found[row] = None
    return list(found)


def _numbers(old: sqlite3.Connection, table: str) -> list[int]:
    """The numbers of the rows that there are, as far as the table or one of its indexes tells."""
    name, found = _quoted(table), set[int]()
    indexes = [index for (index,) in old.execute(_INDEXES, (table,)).fetchall()]
    ways = ["NOT INDEXED ORDER BY rowid", "NOT INDEXED ORDER BY rowid DESC"]
    for way in [*ways, *(f"INDEXED BY {_quoted(index)}" for index in indexes)]:
        with suppress(sqlite3.DatabaseError):
            for (number,) in old.execute(f"SELECT rowid FROM {name} {way}"):
                found.add(number)
    for number in range(1, min(max(found, default=0), _PROBED)):
        if number not in found:
            with suppress(sqlite3.DatabaseError):
                found.update(
                    n for (n,) in old.execute(f"SELECT rowid FROM {name} WHERE rowid = ?", (number,))
                )
    return sorted(found)


def _row(old: sqlite3.Connection, table: str, names: Sequence[str], number: int) -> tuple[Row | None, bool]:
    def read(what: str) -> Any:
        found = old.execute(f"SELECT {what} FROM {_quoted(table)} NOT INDEXED WHERE rowid = ?", (number,))
        return found.fetchone()

    try:
        row = read(_listed(["rowid", *names]))
        return (None, False) if row is None else (dict(zip(["rowid", *names], row, strict=True)), True)
    except sqlite3.DatabaseError:
        pass
    part: Row = {"rowid": number}
    for name in names:
        try:
            (part[name],) = read(_quoted(name))
        except (sqlite3.DatabaseError, TypeError):
            kind = None
            with suppress(sqlite3.DatabaseError, TypeError):
                (kind,) = read(f"typeof({_quoted(name)})")
            part[name] = _NEVER if kind == "blob" else None
    return part, False


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(_quoted, names))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
