"""A server's store as LangGraph's own interface."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

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

from lgviz.errors import BadNamespace, PartNotFound

if TYPE_CHECKING:
    from .client import RemoteClient

__all__ = ["RemoteStore"]

_PAGE = 1000
"""Items that are asked for at once."""


class RemoteStore(BaseStore):
    """The items that the graphs of a server share.

    Args:
        client: of the server.
    """

    supports_ttl = True

    def __init__(self, client: RemoteClient) -> None:
        self._client = client

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        return [self._done(op) for op in ops]

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        raise NotImplementedError("A server's store is asked synchronously.")

    def _done(self, op: Op) -> Result:
        store = self._client.sdk.store
        match op:
            case GetOp():
                return self._got(op)
            case SearchOp():
                return list(self._found(op))
            case ListNamespacesOp():
                return self._namespaces(op)
            case PutOp():
                ttl = None if op.ttl is None else max(1, round(op.ttl))
                with self._client.asking():
                    if op.value is None:
                        store.delete_item(_named(op.namespace), op.key)
                    else:
                        store.put_item(_named(op.namespace), op.key, op.value, op.index, ttl)
                return None
        raise TypeError(f"A store has no {type(op).__name__}.")

    def _got(self, op: GetOp) -> Item | None:
        gone = PartNotFound("There is no such item.")
        with suppress(PartNotFound), self._client.asking(lambda status, _: gone if status == 404 else None):
            told = self._client.sdk.store.get_item(_named(op.namespace), op.key, refresh_ttl=False)
            return Item(**_fields(told)) if told is not None else None
        return None

    def _found(self, op: SearchOp) -> Iterator[SearchItem]:
        def ask(limit: int, offset: int) -> list[Any]:
            told: Any = self._client.sdk.store.search_items(
                _named(op.namespace_prefix), op.filter, limit, offset, op.query, refresh_ttl=False
            )
            return [SearchItem(**_fields(one), score=one.get("score")) for one in told["items"]]

        return self._pages(ask, op.limit, op.offset)

    def _namespaces(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        paths = {one.match_type: [*one.path] for one in op.match_conditions or ()}

        def ask(limit: int, offset: int) -> list[Any]:
            told: Any = self._client.sdk.store.list_namespaces(
                paths.get("prefix"), paths.get("suffix"), op.max_depth, limit, offset
            )
            return [tuple(map(str, path)) for path in told["namespaces"]]

        return list(self._pages(ask, op.limit, op.offset))

    def _pages(self, ask: Callable[[int, int], list[Any]], limit: int, offset: int) -> Iterator[Any]:
        while limit > 0:
            with self._client.asking():
                page = ask(min(limit, _PAGE), offset)
            yield from page
            if len(page) < min(limit, _PAGE):
                return
            limit, offset = limit - len(page), offset + len(page)


def _named(namespace: Sequence[str]) -> Sequence[str]:
    if any("." in label for label in namespace):
        raise BadNamespace(
            "A LangGraph server takes no namespace with a period in it.", "Name it without one."
        )
    return namespace


def _fields(told: Any) -> dict[str, Any]:
    return {
        "namespace": tuple(map(str, told["namespace"])),
        "key": str(told["key"]),
        "value": dict(told["value"]),
        "created_at": datetime.fromisoformat(told["created_at"]),
        "updated_at": datetime.fromisoformat(told["updated_at"]),
    }
