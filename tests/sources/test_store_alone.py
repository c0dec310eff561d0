"""A store by itself, and a database with nothing but its items, are opened for their memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite import SqliteStore

import lgviz
from lgviz.backend import Backend
from lgviz.errors import ForeignTables, NoCheckpoints
from lgviz.persistence import SqliteStore as VersionedStore
from lgviz.sources import open_source


def theirs(path: Path) -> BaseStore:
    store = SqliteStore(sqlite3.connect(path, check_same_thread=False, isolation_level=None))
    store.setup()
    return store


MAKERS: dict[str, Callable[[Path], BaseStore]] = {
    "in memory": lambda path: InMemoryStore(),
    "LangGraph's SQLite": theirs,
    "lgviz's SQLite": lambda path: VersionedStore.from_conn_string(str(path)),
}


def items(what: Any) -> list[str]:
    """The keys below the first namespace, as a view asks for them where there is no thread."""
    backend = Backend(what, lambda *_: None)
    assert backend.request("memory_open", checkpoint=None)["store"] is not None
    assert backend.request("memory_open", checkpoint=None)["changed"] is None
    page = backend.request("memory_list", checkpoint=None, ref='["users"]', offset=0, limit=9)
    return [row["key"] for row in page["items"]]


@pytest.mark.parametrize("kind", MAKERS)
def test_a_store_is_opened_for_its_items(kind: str, tmp_path: Path) -> None:
    store = MAKERS[kind](tmp_path / "store.db")
    store.put(("users",), "mia", {"diet": "vegetarian"})
    assert items(store) == ["mia"]
    assert open_source(store).threads() == []
    with pytest.raises(NoCheckpoints):
        lgviz.history(store, thread_id="1")
    with pytest.raises(ForeignTables, match="store's items and no thread"):
        open_source(store).check()


def test_a_file_with_a_store_alone_is_opened_for_its_items(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with VersionedStore.from_conn_string(str(path)) as store:
        store.put(("users",), "mia", {"diet": "vegetarian"})
    assert items(path) == ["mia"]
    assert "alone" in str(open_source(path).read_only)


def test_a_file_of_langgraphs_store_names_what_shows_it(tmp_path: Path) -> None:
    theirs(tmp_path / "store.db").put(("users",), "mia", {})
    with pytest.raises(NoCheckpoints, match=r"lgviz\.debug\(SqliteStore"):
        open_source(tmp_path / "store.db")
