"""Savers of every kind, each over a fresh database; a PostgreSQL server of our own where one can start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lgviz.persistence import AsyncPostgresSaver, AsyncSqliteSaver, MemorySaver, PostgresSaver, SqliteSaver
from tests.support.postgres_like import lacking
from tests.support.savers import LOOPS, on_loop
from tests.support.stores import new_store


@pytest.fixture(autouse=True)
def closed_loops() -> Iterator[None]:
    """Closes the event loops that a test made for its savers."""
    yield
    while LOOPS:
        LOOPS.pop().close()


@pytest.fixture
def make_saver(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """A function that makes a saver by its kind."""
    made: list[Any] = []

    def make(kind: str, **options: Any) -> Any:
        path = str(tmp_path / f"{len(made)}.db")
        if kind == "memory":
            saver: Any = MemorySaver(**options)
        elif kind == "sqlite":
            saver = SqliteSaver.from_conn_string(path, **options)
        elif kind == "aiosqlite":
            saver = AsyncSqliteSaver.from_conn_string(path, **options)
        elif kind == "postgres":
            saver = PostgresSaver.from_conn_string(request.getfixturevalue("postgres_uri")(), **options)
        elif kind == "postgreslike":
            saver = PostgresSaver.from_conn_string(
                lacking(request.getfixturevalue("postgres_uri")()), **options
            )
        elif kind == "aiopostgreslike":
            saver = AsyncPostgresSaver.from_conn_string(
                lacking(request.getfixturevalue("postgres_uri")()), **options
            )
        else:
            saver = AsyncPostgresSaver.from_conn_string(request.getfixturevalue("postgres_uri")(), **options)
        made.append(saver)
        return saver

    yield make
    for saver in made:
        if hasattr(saver, "__aenter__"):
            on_loop(saver, saver.close())
        else:
            saver.close()


@pytest.fixture
def make_store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """A function that makes a store by its kind."""
    made: list[Any] = []

    def make(kind: str, **options: Any) -> Any:
        path = tmp_path / f"store-{len(made)}.db"
        store = new_store(kind, path, lambda: request.getfixturevalue("postgres_uri")(), **options)
        made.append(store)
        return store

    yield make
    for store in made:
        if hasattr(store, "__aenter__"):
            on_loop(store, store.close())
        else:
            store.close()
