"""Which store a debugger shows, and how its items are read (floor 2)."""

from __future__ import annotations

import os
from typing import Any, Unpack

from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from lgviz.errors import NotASource
from lgviz.persistence.stores.store import Store

from .base import DecodingOptions, ReadOptions, Source, decoding
from .items import Ask, ItemReader
from .langgraph.items import InMemoryItems, SqlItems, reader_of
from .lgviz.items import VersionedItems
from .redact import Redactor
from .redacted_items import RedactedItems
from .remote import remote_store_of
from .store_alone import StoreAlone

__all__ = ["memory_of", "open_items"]


def memory_of(what: Any, store: Any, ask: Ask, **options: Unpack[ReadOptions]) -> ItemReader | None:
    """The items of what is debugged: those of the store that was given, else of a graph's store, or of a
    database; None: there are none.

    Args:
        what: a graph, a saver, a store, the path or URL of a database or a server, or the source that reads
            one.
        store: a store, or the path or URL of a database with items in lgviz's tables; None: look for one.
        ask: how methods of a live store are called.
        options: see :class:`ReadOptions`.

    Raises:
        NotASource: the given store is none.
    """
    found, rules = _found(what, store, ask, **decoding(options)), options.get("redact", ())
    return found if found is None or not rules else RedactedItems(found, Redactor(rules))


def _found(what: Any, store: Any, ask: Ask, **options: Unpack[DecodingOptions]) -> ItemReader | None:
    if store is not None:
        return open_items(store, ask, **options)
    if (remote := remote_store_of(what)) is not None:
        return ItemReader(remote)
    if isinstance(what, Source):
        if what.origin is not None:
            path, given = what.origin.place, what.origin.options
            return VersionedItems.of_path(path, **given)
        what = what.store if isinstance(what, StoreAlone) else what.graph
    if isinstance(what, BaseStore):
        return open_items(what, ask)
    if isinstance(what, (str, os.PathLike)):
        return VersionedItems.of_path(os.fspath(what), **options)
    found = getattr(what, "store", None)
    return open_items(found, ask) if isinstance(found, BaseStore) else None


def open_items(what: Any, ask: Ask, **options: Unpack[DecodingOptions]) -> ItemReader:
    """The items of a store, or of a database by its path or URL.

    Raises:
        NotASource: it is no store, or no database with items.
    """
    if isinstance(what, (str, os.PathLike)):
        found = VersionedItems.of_path(os.fspath(what), **options)
        if found is None:
            raise NotASource(f"{what} holds no items in lgviz's tables.", "Give the store itself.")
        return found
    if not isinstance(what, BaseStore):
        raise NotASource.of(what, "store", "Give a BaseStore: lgviz.debug(graph, store=InMemoryStore()).")
    if isinstance(what, Store):
        return VersionedItems.of_store(what, ask)
    if isinstance(what, InMemoryStore):
        return InMemoryItems(what, ask)
    if (known := reader_of(what)) is not None:
        read, mark = known
        return SqlItems(what, ask, read, mark)
    return ItemReader(what, ask)
