"""The items of a store, read without touching them: looking at an item never puts off its end (floor 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from langgraph.store.base import BaseStore, GetOp, Item, ListNamespacesOp, SearchItem, SearchOp

from lgviz.errors import LgvizError, SourceError, described
from lgviz.persistence.blocks.integrity import Problem

__all__ = ["Ask", "Expiry", "ItemReader", "Namespace", "plainly"]

Namespace = tuple[str, ...]
Ask = Callable[..., Any]
"""Calls a method of a store by its name, in whatever way the store can be called from here."""

_BATCH = 20_000
_COUNTED = 100_000
"""Items that are counted one by one in a store that cannot count."""


class Expiry(NamedTuple):
    """When an item ends. ``at``: seconds since the epoch; ``minutes``: what it was given."""

    at: float
    minutes: float | None


def plainly(store: BaseStore, name: str, *args: Any, **kwargs: Any) -> Any:
    """The :data:`Ask` of a store that can be called from anywhere."""
    return getattr(store, name)(*args, **kwargs)


class ItemReader:
    """Any ``BaseStore``, read through its own interface.

    Args:
        store: the live store; None where only its database is read.
        ask: how its methods are called.

    Attributes:
        keeps_versions: it remembers every version of an item.
        semantic: it searches by meaning.
        expires: items may be given a time to live.
        read_only: why nothing can be written; None where it can.
    """

    keeps_versions = False
    read_only: str | None = None

    def __init__(self, store: BaseStore | None, ask: Ask = plainly) -> None:
        self.store = store
        self.description = type(store).__name__
        self.semantic = bool(getattr(store, "index_config", None))
        self.expires = bool(getattr(store, "supports_ttl", False))
        self._ask = ask

    @property
    def real(self) -> ItemReader:
        """The reader without its masks: for acts, never for what is shown."""
        return self

    def real_place(self, namespace: Namespace, key: str) -> tuple[Namespace, str]:
        """Where an item lies that is named as it is shown."""
        return namespace, key

    def token(self) -> str:
        """Another text once memory has changed, as far as that can be told cheaply."""
        newest = self._search((), 100, 0)
        return repr([(item.namespace, item.key, str(item.updated_at)) for item in newest])

    def counts(self) -> dict[Namespace, int]:
        """How many items lie in each namespace that has any."""
        counted: dict[Namespace, int] = {}
        for item in islice(self.scan(()), _COUNTED):
            counted[item.namespace] = counted.get(item.namespace, 0) + 1
        return counted

    def page(self, namespace: Namespace, offset: int, limit: int, *, nested: bool = True) -> Sequence[Item]:
        """Items of exactly this namespace, in the store's order. ``nested``: others lie below it."""
        if not nested:
            return self._search(namespace, limit, offset)
        own = (item for item in self.scan(namespace) if item.namespace == namespace)
        return list(islice(own, offset, offset + limit))

    def get(self, namespace: Namespace, key: str) -> Item | None:
        """One item."""
        found = self._batch(GetOp(namespace, key, refresh_ttl=False))
        return found if isinstance(found, Item) else None

    def expiry(self, namespace: Namespace, key: str) -> Expiry | None:  # noqa: ARG002
        """When an item ends; None where it does not, or the store does not tell."""
        return None

    def at(self, when: Any) -> ItemReader:  # noqa: ARG002
        """Memory as it was at a time or checkpoint; as it is now where the store keeps no versions."""
        return self

    def history(self, namespace: Namespace, key: str) -> list[Any]:  # noqa: ARG002
        """The versions of an item, oldest to newest; none where the store keeps none."""
        return []

    def changes(
        self,
        thread_id: str | None = None,  # noqa: ARG002
        checkpoint_id: str | None = None,  # noqa: ARG002
        since: float | None = None,  # noqa: ARG002
    ) -> list[Any]:
        """The versions that a thread wrote, of steps that started from a checkpoint, or after a time (seconds
        since 1970), oldest to newest; none where the store keeps none."""
        return []

    def scan(self, prefix: Namespace, where: dict[str, Any] | None = None) -> Iterator[Item]:
        """Every item below a namespace, in the store's order.

        Args:
            prefix: the namespace.
            where: a filter as ``store.search`` takes it.
        """
        offset = 0
        while batch := self._search(prefix, _BATCH, offset, where):
            yield from batch
            if len(batch) < _BATCH:
                return
            offset += _BATCH

    def nearest(
        self, prefix: Namespace, query: str, where: dict[str, Any] | None, limit: int
    ) -> list[SearchItem]:
        """The items below a namespace that are nearest in meaning to a query, the nearest first."""
        return self._search(prefix, limit, 0, where, query)

    def check(self) -> list[Problem]:
        """What is damaged; empty where all is whole, and where a store cannot tell."""
        return []

    def namespaces(self) -> list[Namespace]:
        """Every namespace that the store names."""
        return list(self._batch(ListNamespacesOp(limit=_COUNTED)))

    def _search(
        self,
        prefix: Namespace,
        limit: int,
        offset: int,
        where: dict[str, Any] | None = None,
        query: str | None = None,
    ) -> list[SearchItem]:
        found: list[SearchItem] = self._batch(
            SearchOp(prefix, where, limit, offset, query, refresh_ttl=False)
        )
        return found

    def _batch(self, op: Any) -> Any:
        try:
            return self._ask(self.store, "batch", [op])[0]
        except LgvizError:
            raise
        except Exception as error:
            raise SourceError(
                f"The {self.description} did not answer: {described(error)}.", _remedy(op, error)
            ) from error


def _remedy(op: Any, error: Exception) -> str:
    if isinstance(op, SearchOp) and op.filter:
        return (
            'A filter is a JSON object such as {"kind": "fact"} or {"score": {"$gt": 9}}, with $eq, $ne, '
            "$gt, $gte, $lt and $lte; $gt and its like need a number in every item that they meet."
        )
    if "no such table" in str(error) or "does not exist" in str(error):
        return "Make its tables first: store.setup()."
    return "Check that the store is open and can be reached."
