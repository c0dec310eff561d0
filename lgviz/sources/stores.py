"""Which store a debugger shows, and how its items are read (floor 2)."""

from __future__ import annotations

import os
from typing import Any

from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from lgviz.errors import NotASource
from lgviz.persistence.store import Store

from .items import Ask, Items
from .langgraph_items import InMemoryItems, SqlItems, reader_of
from .lgviz_items import VersionedItems

__all__ = ["open_items", "store_of"]


def store_of(what: Any) -> Any:
    """Where the memory of what is debugged lies: a graph's store, a database's items; None: nowhere."""
    if isinstance(what, (str, os.PathLike)):
        path = os.fspath(what)
        return path if VersionedItems.of_path(path) is not None else None
    store = getattr(what, "store", None)
    return store if isinstance(store, BaseStore) else None


def open_items(what: Any, ask: Ask) -> Items:
    """The items that ``what`` holds.

    Args:
        what: a store, or the path or URL of a database with items in lgviz's tables.
        ask: how methods of a live store are called.

    Raises:
        NotASource: it is no store, or no database with items.
    """
    if isinstance(what, (str, os.PathLike)):
        found = VersionedItems.of_path(os.fspath(what))
        if found is None:
            raise NotASource(f"{what} holds no items in lgviz's tables.", "Give the store itself.")
        return found
    if not isinstance(what, BaseStore):
        raise NotASource(
            f"{type(what).__name__} is no store.",
            "Give a BaseStore: lgviz.debug(graph, store=InMemoryStore()).",
        )
    if isinstance(what, Store):
        return VersionedItems.of_store(what, ask)
    if isinstance(what, InMemoryStore):
        return InMemoryItems(what, ask)
    if (known := reader_of(what)) is not None:
        read, mark = known
        return SqlItems(what, ask, read, mark)
    return Items(what, ask)
