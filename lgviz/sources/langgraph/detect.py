"""What a saver or a string is, told without importing what it needs."""

from __future__ import annotations

from typing import Any, Literal

__all__ = ["is_url", "langgraph_kind"]

_KINDS: dict[str, Literal["sqlite", "aiosqlite", "postgres"]] = {
    "langgraph.checkpoint.sqlite.SqliteSaver": "sqlite",
    "langgraph.checkpoint.sqlite.aio.AsyncSqliteSaver": "aiosqlite",
    "langgraph.checkpoint.postgres.PostgresSaver": "postgres",
    "langgraph.checkpoint.postgres.aio.AsyncPostgresSaver": "postgres",
}


def langgraph_kind(saver: Any) -> Literal["sqlite", "aiosqlite", "postgres"] | None:
    """Which of LangGraph's savers over tables this is; None where it is none of those with a history."""
    names = (f"{base.__module__}.{base.__name__}" for base in type(saver).__mro__)
    return next((_KINDS[name] for name in names if name in _KINDS), None)


def is_url(what: Any) -> bool:
    """Whether this is the URL of a PostgreSQL database."""
    return isinstance(what, str) and what.startswith(("postgresql://", "postgres://"))
