"""Copies of savers, so that nothing that is tried on them is seen by the test, and no event loop is needed."""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

import lgviz.persistence as lgviz


def copy_of(saver: Any, path: Path) -> Any:
    """A sync saver with the rows of another one; a database's are copied to ``path``. None: of a kind unknown."""
    if isinstance(saver, InMemorySaver):
        return _memory(saver)
    if isinstance(saver, (SqliteSaver, lgviz.SqliteSaver)):
        return _sqlite(saver, lambda target: saver.conn.backup(target), path)
    if isinstance(saver, (AsyncSqliteSaver, lgviz.AsyncSqliteSaver)):
        return _sqlite(saver, lambda target: _apart(saver.conn.backup(target)), path)
    return _renewed(saver)


def _memory(saver: InMemorySaver) -> InMemorySaver:
    copied = InMemorySaver(serde=saver.serde)
    for thread, namespaces in saver.storage.items():
        for namespace, checkpoints in namespaces.items():
            copied.storage[thread][namespace] = dict(checkpoints)
    for key, writes in saver.writes.items():
        copied.writes[key] = dict(writes)
    copied.blobs.update(saver.blobs)
    return copied


def _sqlite(saver: Any, backup: Any, path: Path) -> Any:
    path.unlink(missing_ok=True)
    target = sqlite3.connect(path, check_same_thread=False)
    backup(target)
    kind = SqliteSaver if isinstance(saver, (SqliteSaver, AsyncSqliteSaver)) else lgviz.SqliteSaver
    return kind(target, serde=saver.serde)


def _renewed(saver: Any) -> Any:
    """One of LangGraph's tests wraps a saver in memory by a class that takes no arguments."""
    inner = saver.__dict__.get("saver")
    if not isinstance(inner, InMemorySaver):
        return None
    copied = type(saver)()
    copied.saver = _memory(inner)
    return copied


def _apart(backup: Any) -> None:
    """Await on a loop of its own: that of the test does not run any more."""

    async def run() -> None:
        await backup

    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(run())).result(30)
