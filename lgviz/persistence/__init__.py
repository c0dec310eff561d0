"""LangGraph-compatible savers whose history costs what changed (floor 1)."""

from __future__ import annotations

from .sqlite import AsyncSqliteSaver, InMemorySaver, MemorySaver, SqliteSaver

__all__ = ["AsyncSqliteSaver", "InMemorySaver", "MemorySaver", "SqliteSaver"]
