"""A saver in a file, and its bytes; each kind of saver that needs no server."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from lgviz import persistence


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints.db"


@pytest.fixture(params=[SqliteSaver, persistence.SqliteSaver], ids=["langgraph", "lgviz"])
def saver(request: pytest.FixtureRequest, file: Path) -> Iterator[SqliteSaver]:
    with request.param.from_conn_string(str(file)) as saver:
        yield saver


@pytest.fixture(params=["InMemorySaver", "SqliteSaver", "lgviz.MemorySaver", "lgviz.SqliteSaver"])
def each_saver(request: pytest.FixtureRequest, file: Path) -> Iterator[Any]:
    if request.param == "InMemorySaver":
        yield InMemorySaver()
    elif request.param == "lgviz.MemorySaver":
        yield persistence.MemorySaver()
    else:
        conn = sqlite3.connect(file, check_same_thread=False)
        yield (SqliteSaver if request.param == "SqliteSaver" else persistence.SqliteSaver)(conn)
        conn.close()


@pytest.fixture
def dump(file: Path) -> Callable[[], list[str]]:
    """Every row of the database, read through a connection of its own."""

    def rows() -> list[str]:
        conn = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        try:
            return list(conn.iterdump())
        finally:
            conn.close()

    return rows
