"""Savers of every kind, each over a fresh database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lgviz.persistence import AsyncSqliteSaver, MemorySaver, SqliteSaver

SYNC = ("memory", "sqlite", "postgres")
ASYNC = ("aiosqlite", "aiopostgres")


@pytest.fixture
def make_saver(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str], Any]]:
    """A function that makes a saver by its kind."""
    made: list[Any] = []

    def make(kind: str, **options: Any) -> Any:
        path = str(tmp_path / f"{len(made)}.db")
        if kind == "memory":
            saver: Any = MemorySaver(**options)
        elif kind == "sqlite":
            saver = SqliteSaver.from_conn_string(path, **options)
        else:
            saver = AsyncSqliteSaver.from_conn_string(path, **options)
        made.append(saver)
        return saver

    yield make
    for saver in made:
        if kind_is_sync(saver):
            saver.close()


def kind_is_sync(saver: Any) -> bool:
    return not hasattr(saver, "__aenter__")
