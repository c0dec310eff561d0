"""A store by itself, or a database with nothing but its items: memory to look at, and no thread (floor 2)."""

from __future__ import annotations

from typing import Any, NoReturn

from langgraph.store.base import BaseStore

from lgviz.errors import CheckpointNotFound, ForeignTables, NoCheckpoints

from .base import Bookkeeping, Source, StoredWrite, ThreadInfo

__all__ = ["StoreAlone"]


class StoreAlone(Source):
    """Where items are, and no checkpoint can be.

    >>> from langgraph.store.memory import InMemoryStore
    >>> StoreAlone(InMemoryStore()).threads()
    []

    Args:
        store: the store; None for a database, which is found by its place.
        place: what it is called.
    """

    def __init__(self, store: BaseStore | None, place: str = "") -> None:
        self.store = store
        self.description = place or type(store).__name__
        self.read_only = f"{self.description} holds a store's items alone: give the graph for a thread."

    def _foreign(self, what: str) -> ForeignTables:  # noqa: ARG002
        return ForeignTables(
            f"{self.description} holds a store's items and no thread.", "lgviz.debug shows the items."
        )

    def threads(self) -> list[ThreadInfo]:
        return []

    def index(self, *_: Any, **__: Any) -> NoReturn:
        raise NoCheckpoints(
            f"{self.description} holds a store's items and no checkpoint.",
            "lgviz.debug shows the items; give the graph or its saver for threads.",
        )

    def record(self, *_: Any, **__: Any) -> NoReturn:
        raise CheckpointNotFound(f"{self.description} holds no checkpoint.", "Give the graph or its saver.")

    def bookkeeping(self, *_: Any, **__: Any) -> dict[str, Bookkeeping]:
        return {}

    def channels(self, *_: Any, **__: Any) -> NoReturn:
        self.record()

    def writes(self, *_: Any, **__: Any) -> list[StoredWrite]:
        return []
