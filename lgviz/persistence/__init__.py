"""LangGraph-compatible savers whose history costs what changed, and stores that keep it (floor 1)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lgviz.errors import needing

from .blocks.damage import Damaged
from .savers.sqlite import AsyncSqliteSaver, InMemorySaver, MemorySaver, SqliteSaver
from .serde.exact import ExactSerializer
from .serde.stored_error import StoredError
from .serde.trust import Placeholder
from .stores.past import ItemChange, Version
from .stores.sqlite import AsyncSqliteStore, InMemoryStore, SqliteStore

if TYPE_CHECKING:
    from lgviz.transfer import migrate

    from .savers.postgres import AsyncPostgresSaver, PostgresSaver
    from .stores.postgres import AsyncPostgresStore, PostgresStore

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
    "StoredError",
    "Version",
    "migrate",
]


_OPTIONAL = {"PostgresSaver": "savers.postgres", "PostgresStore": "stores.postgres"}


def __getattr__(name: str) -> Any:
    if name == "migrate":
        # Made two floors above, and offered here too, where those look who fetch a saver.
        return import_module("lgviz.transfer").migrate
    # psycopg comes with the extra `postgres` and is imported when what needs it is.
    module = _OPTIONAL.get(name.removeprefix("Async"))
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needing("psycopg", "postgres"):
        return getattr(import_module(f".{module}", __name__), name)
