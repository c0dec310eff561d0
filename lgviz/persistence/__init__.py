"""LangGraph-compatible savers whose history costs what changed, and stores that keep it (floor 1)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .damage import Damaged
from .exact import ExactSerializer
from .migration import migrate
from .placeholder import Placeholder
from .sqlite import AsyncSqliteSaver, InMemorySaver, MemorySaver, SqliteSaver
from .sqlite_store import AsyncSqliteStore, InMemoryStore, SqliteStore
from .versions import ItemChange, Version

if TYPE_CHECKING:
    from .postgres import AsyncPostgresSaver, PostgresSaver
    from .postgres_store import AsyncPostgresStore, PostgresStore

__all__ = [
    "AsyncPostgresSaver",
    "AsyncPostgresStore",
    "AsyncSqliteSaver",
    "AsyncSqliteStore",
    "Damaged",
    "ExactSerializer",
    "InMemorySaver",
    "InMemoryStore",
    "ItemChange",
    "MemorySaver",
    "Placeholder",
    "PostgresSaver",
    "PostgresStore",
    "SqliteSaver",
    "SqliteStore",
    "Version",
    "migrate",
]


def __getattr__(name: str) -> Any:
    # psycopg comes with the extra `postgres` and is imported when what needs it is.
    module = {"PostgresSaver": "postgres", "PostgresStore": "postgres_store"}.get(name.removeprefix("Async"))
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f".{module}", __name__), name)
    except ImportError as error:
        raise ImportError(f"{name} needs psycopg: pip install 'lgviz[postgres]'.") from error
