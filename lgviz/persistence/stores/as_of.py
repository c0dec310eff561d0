"""A store as it was at a time: to read from."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from langgraph.store.base import BaseStore, Op, PutOp, Result, SearchItem

from lgviz.errors import ReadOnly

from .changing import moment
from .checks import check
from .namespaces import Namespace
from .versions import END

if TYPE_CHECKING:
    from .store import Store


class AsOf(BaseStore):
    """What a store held at a time. Reading from it never puts off the end of an item.

    Args:
        store: the store.
        at: the time, in microseconds since 1970.
    """

    supports_ttl = True

    def __init__(self, store: Store, at: int) -> None:
        self.store = store
        self._at = at

    @property
    def at(self) -> datetime:
        """The time."""
        return moment(self._at)

    def batch(self, ops: Iterable[Op]) -> builtins.list[Result]:
        """Answer operations that only read.

        Raises:
            ReadOnly: one of them changes something.
        """
        checked = self._check(ops)
        return self.store._carry_out(self.store.engine.answer_as_of(checked, self._at))

    async def abatch(self, ops: Iterable[Op]) -> builtins.list[Result]:
        """:meth:`batch`, awaited."""
        checked = self._check(ops)
        engine = await self.store.aengine()
        return await self.store._acarry_out(engine.answer_as_of(checked, self._at))

    def list(self, namespace: Namespace) -> builtins.list[SearchItem]:
        """All items of a namespace and of those below it, in the order of search."""
        return self.search(namespace, limit=END)

    async def alist(self, namespace: Namespace) -> builtins.list[SearchItem]:
        """:meth:`list`, awaited."""
        return await self.asearch(namespace, limit=END)

    def _check(self, ops: Iterable[Op]) -> builtins.list[Op]:
        checked = [check(op) for op in ops]
        if any(isinstance(op, PutOp) for op in checked):
            raise ReadOnly("The past cannot be written to.", "Put into the store itself.")
        return checked
