"""LangGraph-compatible savers whose history costs what changed (floor 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .sqlite import AsyncSqliteSaver, InMemorySaver, MemorySaver, SqliteSaver

if TYPE_CHECKING:
    from .postgres import AsyncPostgresSaver, PostgresSaver

__all__ = [
    "AsyncPostgresSaver",
    "AsyncSqliteSaver",
    "InMemorySaver",
    "MemorySaver",
    "PostgresSaver",
    "SqliteSaver",
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
