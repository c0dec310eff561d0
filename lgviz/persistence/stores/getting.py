"""One item, as fast as it can be read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from langgraph.store.base import GetOp, Item

from lgviz.persistence.database.statements import GLANCE, Operation, Query

from .changing import Change, moment
from .items import NOW, Items, View
from .namespaces import Place, pack_key, pack_path
from .provenance import Writer
from .values import PLAIN

_MOST = 100_000


class Kept(NamedTuple):
    """An item that was read, as its row holds it."""

    value: bytes
    created: datetime
    updated: datetime


class Getting(Items):
    """``get``."""

    kept: dict[Place, Kept] | None = None
    """Items that were read, where nobody else can change them."""

    def at_hand(self, op: GetOp) -> Item | None:
        """An item that was read before and is still true."""
        kept = self.kept and self.kept.get((op.namespace, op.key))
        if not kept:
            return None
        value, created, updated = kept
        return Item(
            value=self.read_plain(value),
            key=op.key,
            namespace=op.namespace,
            created_at=created,
            updated_at=updated,
        )

    def get(self, op: GetOp, view: View = NOW) -> Operation[Item | None]:
        """What :meth:`batch` gives for one get."""
        joined = yield GLANCE
        rows = yield Query(
            f"""SELECT i.value, i.created, i.updated, i.ttl FROM {view.items} WHERE i.value IS NOT NULL
                AND i.ns = (SELECT id FROM lgviz_namespaces WHERE path = ?) AND i.key = ?""",
            [*view.params, pack_path(op.namespace), pack_key(op.key)],
        )
        if not rows:
            return None
        ((value, created, updated, ttl),) = rows
        if value[:1] != PLAIN or ttl is not None:
            (found,) = yield from self.batch([op], view=view)
            return found  # type: ignore[return-value]
        kept = Kept(value, moment(created), moment(updated))
        if self.kept is not None and not joined:
            if len(self.kept) >= _MOST:
                self.kept.clear()
            self.kept[op.namespace, op.key] = kept
        return Item(
            value=self.read_plain(value),
            key=op.key,
            namespace=op.namespace,
            created_at=kept.created,
            updated_at=kept.updated,
        )

    def change(self, changes: Sequence[Change], writer: Writer) -> Operation[int]:
        for change in changes:
            self.unkeep(change.place)
        return (yield from super().change(changes, writer))

    def unkeep(self, place: Place | None = None) -> None:
        """One item (None: any) is about to change. The driver lets nobody read meanwhile."""
        if self.kept:
            if place is None:
                self.kept.clear()
            else:
                self.kept.pop(place, None)
