"""A pytest plugin: LangGraph's tests get lgviz's savers where they ask for a saver."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

from lgviz.persistence import AsyncSqliteSaver, MemorySaver, PostgresSaver, SqliteSaver

POSTGRES = os.environ.get("LGVIZ_UPSTREAM_POSTGRES", "").split()
"""The URI of a database for each worker: its saver then stands in for the one in memory."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[Any]) -> None:
    from tests import conftest  # LangGraph's own

    items[:] = [item for item in items if {"sync_checkpointer", "async_checkpointer"} & {*item.fixturenames}]

    conftest._checkpointer_memory = _postgres if POSTGRES else _memory
    conftest._checkpointer_sqlite = _sqlite
    conftest._checkpointer_sqlite_aes = _sqlite_aes
    conftest._checkpointer_sqlite_aio = _sqlite_aio


@contextmanager
def _memory() -> Iterator[Any]:
    yield MemorySaver()


@contextmanager
def _sqlite() -> Iterator[Any]:
    with SqliteSaver.from_conn_string(":memory:") as saver:
        yield saver


@contextmanager
def _sqlite_aes() -> Iterator[Any]:
    serde = EncryptedSerializer.from_pycryptodome_aes(key=b"1234567890123456")
    with SqliteSaver.from_conn_string(":memory:", serde=serde) as saver:
        yield saver


@asynccontextmanager
async def _sqlite_aio() -> AsyncIterator[Any]:
    async with AsyncSqliteSaver.from_conn_string(":memory:") as saver:
        yield saver


@contextmanager
def _postgres() -> Iterator[Any]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    with PostgresSaver.from_conn_string(POSTGRES[worker]) as saver:
        saver.setup()
        for thread in {row.config["configurable"]["thread_id"] for row in saver.list(None)}:
            saver.delete_thread(thread)
        yield saver
