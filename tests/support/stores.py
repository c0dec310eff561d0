"""Stores of every kind, and the reference: LangGraph's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lgviz.persistence import AsyncPostgresStore, AsyncSqliteStore, InMemoryStore, PostgresStore, SqliteStore
from tests.support.postgres_like import lacking
from tests.support.savers import on_loop

ALL = ("memory", "sqlite", "postgres", "aiosqlite", "aiopostgres")


def new_store(kind: str, path: Path, uri: Callable[[], str], **options: Any) -> Any:
    """A store of a kind, over a fresh database."""
    if kind == "memory":
        return InMemoryStore(**options)
    if kind == "sqlite":
        return SqliteStore.from_conn_string(str(path), **options)
    if kind == "aiosqlite":
        return AsyncSqliteStore.from_conn_string(str(path), **options)
    if kind == "postgres":
        return PostgresStore.from_conn_string(uri(), **options)
    if kind == "postgreslike":
        return PostgresStore.from_conn_string(lacking(uri()), **options)
    return AsyncPostgresStore.from_conn_string(uri(), **options)


def call(store: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """A method of any store, on a loop where the store is asynchronous."""
    if not hasattr(store, "__aenter__"):
        return getattr(store, name)(*args, **kwargs)
    return on_loop(store, getattr(store, f"a{name}")(*args, **kwargs))
