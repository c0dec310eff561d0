"""LangGraph-compatible savers whose history costs what changed (floor 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .damage import Damaged
from .exact import ExactSerializer
from .migration import migrate
from .placeholder import Placeholder
from .sqlite import AsyncSqliteSaver, InMemorySaver, MemorySaver, SqliteSaver

if TYPE_CHECKING:
    from .postgres import AsyncPostgresSaver, PostgresSaver

__all__ = [
    "AsyncPostgresSaver",
    "AsyncSqliteSaver",
    "Damaged",
    "ExactSerializer",
    "InMemorySaver",
    "MemorySaver",
    "Placeholder",
    "PostgresSaver",
    "SqliteSaver",
    "migrate",
]


def __getattr__(name: str) -> Any:
    # psycopg comes with the extra `postgres` and is imported when its savers are.
    if name in {"AsyncPostgresSaver", "PostgresSaver"}:
        try:
            from . import postgres
        except ImportError as error:
            raise ImportError(f"{name} needs psycopg: pip install 'lgviz[postgres]'.") from error
        return getattr(postgres, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
