"""What two stores answer together, one held in memory over another that is only read."""

from __future__ import annotations

import asyncio
import copy
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
)
from langgraph.store.memory import InMemoryStore

from lgviz import persistence
from lgviz.persistence.stores.namespaces import Namespace
from lgviz.persistence.stores.store import Store

from .effects import Act, call, running_loop

__all__ = ["ALL", "DualStore", "HeldItem", "Key", "OverlayReads", "free"]

Key = tuple[tuple[str, ...], str]
"""Namespace and key of an item."""
ALL = 1 << 30
"""A limit that is none."""


@dataclass(slots=True)
class HeldItem:
    """What the upper store holds of one item.

    Attributes:
        seen: the item underneath when it was first written over; None where there was none.
        last: the last write.
        moved: it was deleted in the upper store since, so that putting it again sorts it as new.
        kept: what was made of it underneath, where keeping was broken off.
    """

    seen: Item | None
    last: PutOp
    moved: bool = False
    kept: tuple[Any, ...] = ()


class DualStore:
    """A store that answers sync and async, whatever it can itself and whichever loop it lives on."""

    def __init__(self, store: BaseStore) -> None:
        self.store = store

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        return self.store.batch(ops)

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        loop = getattr(self.store, "loop", None)
        elsewhere = isinstance(loop, asyncio.AbstractEventLoop) and loop is not running_loop()
        if elsewhere or "langgraph.store.sqlite.base.SqliteStore" in _names(self.store):
            return await asyncio.to_thread(self.store.batch, ops)
        return await self.store.abatch(ops)


class OverlayReads:
    """Reads of an overlay.

    Answers are those of a copy of ``base`` to which the same was written: filters, the order and the times
    of items are what a store of its kind gives.

    Args:
        base: the store underneath.
        below: what is read of it: itself, or itself as of some time.

    Attributes:
        front: holds what was written; a store of the base's kind.
        whole: whether the front holds everything, so that nothing is read below.
        indexed: whether items are embedded, which may take its time and a loop.
    """

    def __init__(self, base: BaseStore, below: BaseStore) -> None:
        self.whole = isinstance(base, InMemoryStore) and below is base
        self.front = _copied(base) if isinstance(base, InMemoryStore) and self.whole else _fresh(base)
        self.indexed = getattr(self.front, "index_config", None) is not None
        self.below = below
        self._base = base
        self._below = DualStore(below)
        names = _names(base)
        langgraphs = any(name.startswith("langgraph.store.sqlite.") for name in names)
        self._spelled = langgraphs or any(name.startswith("langgraph.store.postgres.") for name in names)
        self._born_anew = langgraphs
        self._newest_first = base._engine.items.newest_first if isinstance(base, Store) else not self.whole

    def items(self, keys: Sequence[Key]) -> Act[list[Item | None]]:
        """Items as they are underneath."""
        if isinstance(self.front, InMemoryStore) and self.whole:  # its get would make the namespace
            return [_given(self.front._data.get(namespace, {}).get(key)) for namespace, key in keys]
        ops = [GetOp(namespace, key, refresh_ttl=False) for namespace, key in keys]
        if not ops:
            return []
        return [_given(item) for item in (yield from call(self._below, "batch", ops))]

    def own_part(self, op: Any) -> Op:
        """What to ask the front for an answer to a search or a list of namespaces: all that it has."""
        if self.whole:
            return op  # type: ignore[no-any-return]
        every = op._replace(limit=ALL, offset=0)
        return every._replace(max_depth=None) if isinstance(op, ListNamespacesOp) else every  # type: ignore[no-any-return]

    def mine(self, item: Item | None, held: Mapping[Key, HeldItem]) -> Any:
        """An item of the front as it is given out: an update does not change when it was created."""
        mine = _given(item)
        known = held.get((mine.namespace, mine.key)) if mine is not None else None
        if not self.whole and not self._born_anew and known and known.seen and not known.moved:
            mine.created_at = known.seen.created_at
        return mine

    def search(self, op: SearchOp, own: list[Any], held: Mapping[Key, HeldItem]) -> Act[list[Any]]:
        """The answer to a search.

        Args:
            op: the search.
            own: what the front finds.
            held: what the front holds; not to be taken from below.
        """
        if self.whole:
            return own
        depth = len(op.namespace_prefix)
        covered = sum(namespace[:depth] == op.namespace_prefix for namespace, _ in held)
        ranked = bool(op.query) and self.indexed
        wide = op._replace(limit=op.offset + op.limit + covered, offset=0, refresh_ttl=False)
        if ranked or self._newest_first:
            (found,) = yield from call(self._below, "batch", [wide])
            merged = [_given(item) for item in found if (item.namespace, item.key) not in held] + own
            if ranked:
                merged.sort(key=lambda item: (item.score is not None, item.score or 0.0), reverse=True)
            else:
                # of one moment, the younger item first
                merged.sort(key=lambda item: (item.updated_at, item.created_at), reverse=True)
        else:
            listed = wide._replace(filter=None, query=None, limit=ALL if op.filter else wide.limit)
            asked = [listed, wide._replace(limit=ALL)] if op.filter else [listed]
            found = yield from call(self._below, "batch", asked)
            matching = {(item.namespace, item.key) for item in found[-1]}
            ages = self._ages({item.namespace for item in (*found[0], *own)})
            merged = _placed(found[0], matching, own, held, ages)
        return merged[op.offset : op.offset + op.limit]

    def _ages(self, namespaces: Collection[Namespace]) -> Mapping[Namespace, int]:
        """What orders the namespaces that the base ever had: one that was emptied keeps its place."""
        if not isinstance(self._base, Store) or not namespaces:
            return {}
        engine = self._base.engine
        return self._base._run(lambda: engine.items.namespace_ids(namespaces))

    def namespaces(
        self, op: ListNamespacesOp, own: list[Any], held: Mapping[Key, HeldItem]
    ) -> Act[list[Any]]:
        """The answer to ``list_namespaces``; arguments as in :meth:`search`."""
        if self.whole:
            return own
        live = {namespace for (namespace, _), known in held.items() if known.last.value is not None}
        emptied = {namespace for namespace, _ in held} - live
        found = {namespace for namespace in own if namespace in live}
        (below,) = yield from call(self._below, "batch", [self.own_part(op)])
        for namespace in below:
            if namespace in emptied:
                inside = SearchOp(namespace, limit=ALL, refresh_ttl=False)
                (left,) = yield from call(self._below, "batch", [inside])
                if all(item.namespace != namespace or (namespace, item.key) in held for item in left):
                    continue
            found.add(namespace)
        cut = {namespace[: op.max_depth] for namespace in found}
        ordered = sorted(cut, key=".".join if self._spelled else None)
        return ordered[op.offset : op.offset + op.limit]


def _given(item: Any) -> Any:
    """An item that may be changed without a store hearing of it."""
    if item is None:
        return None
    mine = copy.copy(item)
    mine.value = free(item.value)
    return mine


def free(value: Any) -> Any:
    """A value that shares no part with another."""
    try:
        return copy.deepcopy(value)
    except Exception:  # whatever a value's own __deepcopy__ raises: it is then shared, as LangGraph does
        return value


def _placed(
    listed: Iterable[SearchItem],
    matching: set[Key],
    own: Iterable[SearchItem],
    held: Mapping[Key, HeldItem],
    ages: Mapping[Namespace, int],
) -> list[Any]:
    """Items in the order in which they took their places: those written over stay where they are."""
    mine = {(item.namespace, item.key): item for item in own}
    places: dict[Namespace, dict[Key, Any]] = defaultdict(dict)
    for item in listed:
        key = (item.namespace, item.key)
        group = places[item.namespace]
        if key not in held:
            group[key] = _given(item) if key in matching else None
        elif not held[key].moved:
            group[key] = mine.get(key)
    for key, item in mine.items():
        places[key[0]].setdefault(key, item)
    groups = sorted(places, key=lambda namespace: ages.get(namespace, ALL))
    return [item for namespace in groups for item in places[namespace].values() if item is not None]


def _names(store: BaseStore) -> set[str]:
    return {f"{base.__module__}.{base.__name__}" for base in type(store).__mro__}


def _copied(base: InMemoryStore) -> InMemoryStore:
    """A store with the items of another one; its values are shared, for a store never changes one."""
    front = copy.copy(base)
    front._data = defaultdict(dict, {ns: dict(items) for ns, items in list(base._data.items())})
    front._vectors = defaultdict(lambda: defaultdict(dict))
    for namespace, keys in list(base._vectors.items()):
        for key, paths in list(keys.items()):
            front._vectors[namespace][key] = dict(paths)
    return front


def _fresh(base: BaseStore) -> BaseStore:
    """An empty store in memory that takes, finds and ranks items as ``base`` does."""
    if isinstance(base, Store):
        engine = base._engine
        conn = sqlite3.connect(":memory:", check_same_thread=False)
        return persistence.SqliteStore(
            conn,
            index=base.index_config,
            ttl=base.ttl_config,
            serde=engine.blocks.merkle.serde,
            newest_first=engine.items.newest_first,
        )
    index = getattr(base, "index_config", None)
    if index is None and any(name.startswith("langgraph.store.sqlite.") for name in _names(base)):
        from langgraph.store.sqlite import SqliteStore

        return SqliteStore(sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None))
    return InMemoryStore(index=index)
