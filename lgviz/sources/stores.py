"""Which store a debugger shows, and how its items are read (floor 2)."""

from __future__ import annotations

from typing import Any

from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from lgviz.errors import NotASource

from .items import Ask, Items
from .langgraph_items import InMemoryItems, SqlItems, reader_of

__all__ = ["open_items"]


def open_items(what: Any, ask: Ask) -> Items:
    """The items that ``what`` holds.

    Args:
        what: a store.
        ask: how methods of a live store are called.

    Raises:
        NotASource: it is no store.
    """
    if not isinstance(what, BaseStore):
        raise NotASource(
            f"{type(what).__name__} is no store.",
            "Give a BaseStore: lgviz.debug(graph, store=InMemoryStore()).",
        )
    if isinstance(what, InMemoryStore):
        return InMemoryItems(what, ask)
    if (known := reader_of(what)) is not None:
        read, mark = known
        return SqlItems(what, ask, read, mark)
    return Items(what, ask)
