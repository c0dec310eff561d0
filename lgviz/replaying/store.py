"""Memory for the nodes that run in a replay: as it was when their step began."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from langgraph.store.base import BaseStore, Op, PutOp, Result

from lgviz.session.overlay_store import OverlayStore

__all__ = ["ReplayedStore"]


class ReplayedStore(BaseStore):
    """Reads a store as it was at the step that is made again, and keeps what is put in memory.

    A store that keeps no versions can only be read as it is now. That is no evidence of what a node read
    then: :attr:`doubted` says that one did so after others had been answered from history.

    Args:
        base: the graph's store; never written to.
    """

    def __init__(self, base: BaseStore) -> None:
        self.base = base
        self.supports_ttl = base.supports_ttl
        self.ttl_config = base.ttl_config
        self.doubted = False
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
        if not hasattr(self.base, "as_of"):
            self.doubted = self.doubted or self._served()
        elif (at := self._moment()) != self._at:
            held, self._at = self._over.puts(), at
            self._over = OverlayStore(self.base, at)
            for put in held:
                self._over.batch([put.op])
        return self._over
