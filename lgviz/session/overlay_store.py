"""A store whose writes stay in memory over a base that stays untouched."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.store.base import BaseStore, GetOp, ListNamespacesOp, Op, PutOp, Result, SearchOp

from lgviz.errors import MemoryConflict
from lgviz.persistence import ItemChange
from lgviz.persistence.stores.past import kind_of
from lgviz.persistence.stores.provenance import Writer, writer, writing_as

from .effects import Act, adrive, call, drive
from .overlay_memory import ticks
from .overlay_reads import DualStore, HeldItem, Key, OverlayReads, free

__all__ = ["HeldPut", "OverlayStore"]


@dataclass(frozen=True, slots=True)
class HeldPut:
    """One write, to be made again in the base in the name of who made it; those of a batch have one tick."""

    tick: int
    op: PutOp
    writer: Writer


class OverlayStore(BaseStore):
    """Reads through to ``base``; keeps what is put in memory.

    It answers as a copy of the base would, semantic searches too: what was put is embedded by the base's own
    embeddings and ranked among its items. Reading never extends the life of an item of the base.

    Args:
        base: the store underneath; never written to, except by :meth:`keep`.
        at: what the base is read as of: whatever its ``as_of`` takes; None, or a base that keeps no
            versions: as it is now.

    Attributes:
        as_of_now: ``at`` was given and the base keeps no versions, so that it is read as it is now.
    """

    def __init__(self, base: BaseStore, at: Any = None) -> None:
        self.base = base
        self._at = at
        as_of: Callable[[Any], BaseStore] | None = getattr(base, "as_of", None)
        self.as_of_now = at is not None and as_of is None
        self._reads = OverlayReads(base, as_of(at) if as_of is not None and at is not None else base)
        self.supports_ttl = base.supports_ttl
        self.ttl_config = base.ttl_config
        self._held: dict[Key, HeldItem] = {}
        self._log: list[HeldPut] = []
        self._lock = threading.RLock()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        return drive(self._answers(list(ops)))

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        return await adrive(self._answers(list(ops)))

    def changes(self) -> list[ItemChange]:
        """What was written, as it differs from what is underneath, in the order of the first write."""
        with self._lock:
            return [*_changed((key, h.seen and h.seen.value, h.last.value) for key, h in self._held.items())]

    def puts(self) -> list[HeldPut]:
        """Every write, in order."""
        with self._lock:
            return list(self._log)

    def before(self, tick: int) -> OverlayStore:
        """A store with what was written up to a moment only."""
        earlier = OverlayStore(self.base, self._at)
        for put in self.puts():
            if put.tick < tick:
                earlier.batch([put.op])
        return earlier

    def conflicts(self) -> list[ItemChange]:
        """What :meth:`keep` would overwrite in the base that was never read here: it was changed meanwhile,
        or since the time that the base is read as of. ``before`` is what the base holds now."""
        return drive(self.conflicting())

    async def aconflicts(self) -> list[ItemChange]:
        """:meth:`conflicts`, awaited."""
        return await adrive(self.conflicting())

    def keep(self, *, overwrite: bool = False) -> list[ItemChange]:
        """Make the writes in the base, in order. Where that is broken off, another call goes on.

        Afterwards the base is read as it is.

        Args:
            overwrite: also over items that were changed in the base meanwhile.

        Returns:
            What became of the items.

        Raises:
            MemoryConflict: items were changed in the base meanwhile; nothing was written.
        """
        return drive(self._keep(overwrite))

    async def akeep(self, *, overwrite: bool = False) -> list[ItemChange]:
        """:meth:`keep`, awaited."""
        return await adrive(self._keep(overwrite))

    def discard(self) -> None:
        """Forget what was written."""
        with self._lock:
            self._reads = OverlayReads(self.base, self._reads.below)
            self._held.clear()
            self._log.clear()

    # ------------------------------------------------------------ inside

    def _answers(self, ops: Sequence[Op]) -> Act[list[Result]]:
        """As every store: a batch reads before it writes, and its last write of an item counts."""
        reads = self._reads
        with self._lock:
            held = dict(self._held)
        puts = {(op.namespace, op.key): op for op in ops if isinstance(op, PutOp)}
        asked = [(op.namespace, op.key) for op in ops if isinstance(op, GetOp)]
        wanted = [key for key in dict.fromkeys([*asked, *puts]) if key not in held]
        below = dict(zip(wanted, (yield from reads.items(wanted)), strict=True))
        results: list[Any] = []
        for op in ops:
            if isinstance(op, GetOp):
                if (op.namespace, op.key) in below and not reads.whole:
                    results.append(below[op.namespace, op.key])
                else:
                    results += [reads.mine(item, held) for item in (yield from self._front(op))]
            elif isinstance(op, SearchOp):
                found = yield from self._front(reads.own_part(op))
                own = [reads.mine(item, held) for item in found[0]]
                results.append((yield from reads.search(op, own, held)))
            elif isinstance(op, ListNamespacesOp):
                found = yield from self._front(reads.own_part(op))
                results.append((yield from reads.namespaces(op, found[0], held)))
            else:
                results.append(None)
        if puts:
            yield from self._put(puts, below)
        return results

    def _put(self, puts: dict[Key, PutOp], below: dict[Key, Any]) -> Act[None]:
        free_ops = [op._replace(value=free(op.value)) for op in puts.values()]
        who = writer()
        if self._reads.indexed:
            yield from call(DualStore(self._reads.front), "batch", free_ops)
        with self._lock:
            if not self._reads.indexed:
                self._reads.front.batch(free_ops)
            tick = next(ticks)
            for op in free_ops:
                key = (op.namespace, op.key)
                held = self._held.setdefault(key, HeldItem(below.get(key), op))
                held.moved = held.moved or op.value is None
                held.last = op
                self._log.append(HeldPut(tick, op, who))

    def _front(self, op: Op) -> Act[list[Any]]:
        front = self._reads.front
        if self._reads.indexed:
            return (yield from call(DualStore(front), "batch", [op]))  # type: ignore[no-any-return]
        with self._lock:
            return front.batch([op])

    def conflicting(self) -> Act[list[ItemChange]]:
        """:meth:`conflicts`, as an act."""
        with self._lock:
            held = dict(self._held)
        ops = [GetOp(namespace, key, refresh_ttl=False) for namespace, key in held]
        now = (yield from call(DualStore(self.base), "batch", ops)) if ops else []
        found = []
        for (key, known), item in zip(held.items(), now, strict=True):
            there, seen = item and item.value, known.seen and known.seen.value
            if there not in (seen, known.last.value, *known.kept):
                found.append((key, there, known.last.value))
        return [*_changed(found)]

    def _keep(self, overwrite: bool) -> Act[list[ItemChange]]:
        if not overwrite and (found := (yield from self.conflicting())):
            raise MemoryConflict.of(found)
        changes = self.changes()
        while puts := self.first():
            yield from self.kept(puts)
        return changes

    def first(self) -> list[HeldPut]:
        """The oldest batch of writes that is not kept yet; empty where all are."""
        with self._lock:
            return list(itertools.takewhile(lambda put: put.tick == self._log[0].tick, self._log))

    def kept(self, puts: Sequence[HeldPut]) -> Act[None]:
        """Make one batch of writes in the base, all or none, and forget it."""
        with writing_as(puts[0].writer):
            yield from call(DualStore(self.base), "batch", [put.op for put in puts])
        with self._lock:
            for put in puts:
                self._log.remove(put)
                held = self._held[put.op.namespace, put.op.key]
                held.kept = (*held.kept[-1:], put.op.value)
            if not self._log:
                self._held.clear()
                self._reads = OverlayReads(self.base, self.base)


def _changed(found: Iterable[tuple[Key, Any, Any]]) -> Iterator[ItemChange]:
    for (namespace, key), before, after in found:
        if before != after:
            yield ItemChange(namespace, key, kind_of(before, after), before, after)
