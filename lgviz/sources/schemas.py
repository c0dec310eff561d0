"""What the schema of a database file may be: tables that hold their rows, and none that is computed."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator

from lgviz.errors import NotADatabase
from lgviz.persistence.database.dialect import SQLITE
from lgviz.persistence.database.migrations import MIGRATIONS

__all__ = ["refuse_programs"]

_TABLES = "('checkpoints', 'writes', 'store')"
_OURS = f"""SELECT name, type, sql FROM sqlite_master
    WHERE type IN ('table', 'view') AND (lower(name) IN {_TABLES} OR lower(name) GLOB 'lgviz_*')"""
_COMPUTED = "SELECT name FROM pragma_table_xinfo(?) WHERE hidden > 0"


def _normal(sql: str) -> str:
    return " ".join(sql.split()).lower()


def _views() -> Iterator[str]:
    """How SQLite's own table of the schema has the views that lgviz makes."""
    for statement in (one for statements in MIGRATIONS.values() for one in statements):
        if statement.startswith("{view}"):
            yield _normal(SQLITE.ddl(statement)).replace("create view if not exists", "create view", 1)


_VIEWS = frozenset(_views())
_COMPUTES = re.compile(r"\bas\s*\(|\bgenerated\b", re.IGNORECASE)


def refuse_programs(connection: sqlite3.Connection) -> None:
    """Refuse a file whose rows are computed as they are read: a view, a virtual table or a generated column
    in the place of a table may have rows without end, and values of any size.

    Raises:
        NotADatabase: it has one, by the name of a table of LangGraph's or lgviz's.
    """
    connection.execute("PRAGMA trusted_schema = OFF")
    for name, kind, sql in connection.execute(_OURS).fetchall():
        said = str(sql or "")
        if kind == "view":
            computed = _normal(said) not in _VIEWS
        else:
            computed = _normal(said).startswith("create virtual") or (
                bool(_COMPUTES.search(said)) and connection.execute(_COMPUTED, (name,)).fetchone() is not None
            )
        if computed:
            raise NotADatabase(
                f"{name!r} is computed by the file as it is read, where a table of a saver should be.",
                "Where you trust the file, copy it into a table: CREATE TABLE … AS SELECT …, in a new file.",
            )
