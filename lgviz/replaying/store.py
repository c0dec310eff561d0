"""Memory for the nodes that run in a replay: as it was when their step began."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from langgraph.store.base import BaseStore, Op, PutOp, Result
from langgraph.store.memory import InMemoryStore

from lgviz.session.overlay_store import OverlayStore

__all__ = ["AbsentStore", "ReplayedStore"]


class AbsentStore(InMemoryStore):
    """Stands, empty, for a store that another process holds: what it answers is no evidence."""


class ReplayedStore(BaseStore):
    """Reads a store as it was at the step that is made again, and keeps what is put in memory.

    A store that keeps no versions can only be read as it is now. That is no evidence of what a node read
    then: :attr:`doubt` says so where one did it after others had been answered from history.

    Args:
        base: the graph's store; never written to.
    """

    def __init__(self, base: BaseStore) -> None:
        self.base = base
        self.supports_ttl = base.supports_ttl
        self.ttl_config = base.ttl_config
        self.doubt = ""
        self._over = OverlayStore(base)
        self._at: datetime | None = None
        self._moment: Callable[[], datetime] = datetime.now
        self._served: Callable[[], bool] = bool

    def look(self, moment: Callable[[], datetime], served: Callable[[], bool]) -> None:
        """Say what tells the moment of the step that is made now, and whether tasks were served."""
        self._moment, self._served = moment, served

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        asked = list(ops)
        return self._as_then(asked).batch(asked)

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        asked = list(ops)
        return await self._as_then(asked).abatch(asked)

    def _as_then(self, asked: list[Op]) -> OverlayStore:
        if all(isinstance(op, PutOp) for op in asked):
            return self._over
        if isinstance(self.base, AbsentStore):
            self.doubt = "a node that ran asked the store, which other processes are not sent"
        elif not hasattr(self.base, "as_of"):
            if self._served():
                self.doubt = "a node that ran asked the store, which keeps no versions of what it held then"
        elif (at := self._moment()) != self._at:
            held, self._at = self._over.puts(), at
            self._over = OverlayStore(self.base, at)
            for put in held:
                self._over.batch([put.op])
        return self._over
