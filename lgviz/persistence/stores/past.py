"""The past of a store's items: their versions, what was true at a time, and erasing it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from lgviz.errors import BadMoment
from lgviz.persistence.blocks.store import batches
from lgviz.persistence.database.statements import READ, REMOVE, Many, Operation, Query, as_bytes

from .items import ItemReads
from .namespaces import Namespace, Place, pack_key, pack_path, read_key, read_path
from .timestamps import as_datetime
from .values import PLAIN
from .vectors.index import GENERATION

_VERSION = "item, at, thread_id, checkpoint_id, node, task_id, checkpoint_ns, value"


class Version(NamedTuple):
    """What one put or delete made true.

    Attributes:
        value: the item's value; None where it was deleted.
        at: when, with its time zone.
        deleted: whether it was a delete.
        thread_id, checkpoint_id, checkpoint_ns: the checkpoint that the writing step started from; None where
            no graph was running, or one without a checkpointer.
        node, task_id: the writing node (or task of the functional API) and LangGraph's id of its task.
        namespace, key: the item.

    >>> from lgviz.persistence import InMemoryStore
    >>> store = InMemoryStore()
    >>> store.put(("ann", "food"), "likes", {"dish": "pizza"})
    >>> store.delete(("ann", "food"), "likes")
    >>> [(version.value, version.deleted) for version in store.history(("ann", "food"), "likes")]
    [({'dish': 'pizza'}, False), (None, True)]
    """

    value: dict[str, Any] | None
    at: datetime
    deleted: bool
    thread_id: str | None
    checkpoint_id: str | None
    node: str | None
    task_id: str | None
    checkpoint_ns: str | None
    namespace: Namespace
    key: str


def kind_of(before: Any, after: Any) -> Literal["added", "changed", "removed"]:
    """What became of an item, by its values before and after; None where there is none."""
    return "added" if before is None else "removed" if after is None else "changed"


class ItemChange(NamedTuple):
    """How an item differs between two times.

    Attributes:
        namespace, key: the item.
        kind: "added", "changed" or "removed".
        before, after: its values; None where it was not there.

    >>> from lgviz.persistence import InMemoryStore
    >>> store = InMemoryStore()
    >>> store.put(("ann", "food"), "likes", {"dish": "pizza"})
    >>> before = store.history(("ann", "food"), "likes")[-1].at
    >>> store.put(("ann", "food"), "likes", {"dish": "soup"})
    >>> (change,) = store.diff(before, None)
    >>> change.kind, change.before, change.after
    ('changed', {'dish': 'pizza'}, {'dish': 'soup'})
    """

    namespace: Namespace
    key: str
    kind: Literal["added", "changed", "removed"]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class Erased(NamedTuple):
    """What was forgotten: how many versions, and the tables that held them."""

    versions: int
    tables: list[str]


class ItemHistory:
    """Reads versions, and erases them.

    Args:
        items: reads their values, and forgets what it keeps in memory.
    """

    def __init__(self, items: ItemReads) -> None:
        self.items = items
        self._values = items.values
        self._blocks = items.values.blocks

    def history(self, namespace: Namespace, key: str) -> Operation[list[Version]]:
        """All versions of an item, the oldest first."""
        yield READ
        item = """item = (SELECT l.id FROM lgviz_items l JOIN lgviz_namespaces n ON n.id = l.ns
            WHERE n.path = ? AND l.key = ?)"""
        return (yield from self._versions(item, [pack_path(namespace), pack_key(key)]))

    def changes(
        self, thread_id: str | None = None, checkpoint_id: str | None = None, since: int | None = None
    ) -> Operation[list[Version]]:
        """The versions that a thread, or one of its steps, has written after a time; the oldest first."""
        yield READ
        where, params = ["TRUE"], list[Any]()
        for condition, value in (
            ("thread_id = ?", thread_id),
            ("checkpoint_id = ?", checkpoint_id),
            ("at > ?", since),
            # What was written after a time has ended after it: the past has an index of that.
            ("(until IS NULL OR until > ?)", since),
        ):
            if value is not None:
                where.append(condition)
                params.append(value)
        return (yield from self._versions(" AND ".join(where), params))

    def _versions(self, where: str, params: Sequence[Any]) -> Operation[list[Version]]:
        rows = yield Query(f"SELECT {_VERSION} FROM lgviz_versions WHERE {where} ORDER BY at, item", params)
        values = iter((yield from self._values.decode(row[-1] for row in rows if row[-1] is not None)))
        places = yield from self._places({item for item, *_ in rows})
        return [
            Version(
                None if value is None else next(values),
                as_datetime(at),
                value is None,
                thread_id,
                checkpoint_id,
                node,
                task_id,
                checkpoint_ns,
                *places[item],
            )
            for item, at, thread_id, checkpoint_id, node, task_id, checkpoint_ns, value in rows
        ]

    def _places(self, ids: Iterable[int]) -> Operation[dict[int, Place]]:
        places: dict[int, Place] = {}
        for some in batches(sorted(ids)):
            where, params = self._blocks.dialect.among("l.id", some)
            rows = yield Query(
                f"""SELECT l.id, n.path, l.key FROM lgviz_items l JOIN lgviz_namespaces n ON n.id = l.ns
                    WHERE {where}""",
                params,
            )
            places.update((id, (read_path(path), read_key(key))) for id, path, key in rows)
        return places

    def diff(self, before: int, after: int, prefix: Namespace) -> Operation[list[ItemChange]]:
        """What differs between two times, in the order of namespaces and keys.

        Raises:
            BadMoment: some of what was true then was dropped.
        """
        yield READ
        first, last = min(before, after), max(before, after)
        # What began in between is still true, or has ended after the first of them.
        rows = yield Query(
            """SELECT id FROM lgviz_items WHERE updated > ? AND updated <= ?
               UNION SELECT item FROM lgviz_past WHERE until > ? AND at <= ?""",
            [first, last, first, last],
        )
        places = yield from self._places({id for (id,) in rows})
        changed = sorted((place, id) for id, place in places.items() if place[0][: len(prefix)] == prefix)
        ids = [id for _, id in changed]
        old = yield from self._values_at(before, ids)
        new = yield from self._values_at(after, ids)
        yield from self.require(first)
        found: list[ItemChange] = []
        for place, id in changed:
            was, became = old.get(id), new.get(id)
            if was != became:
                found.append(ItemChange(*place, kind_of(was, became), was, became))
        return found

    def _values_at(self, at: int, ids: Sequence[int]) -> Operation[dict[int, Any]]:
        found: list[tuple[int, bytes]] = []
        for some in batches(ids):
            where, params = self._blocks.dialect.among("item", some)
            found += yield Query(
                f"""SELECT item, value FROM lgviz_versions WHERE {where} AND at <= ?
                    AND (until IS NULL OR until > ?) AND value IS NOT NULL""",
                [*params, at, at],
            )
        values = yield from self._values.decode(value for _, value in found)
        return {id: value for (id, _), value in zip(found, values, strict=True)}

    def require(self, at: int) -> Operation[None]:
        """Make sure that all that was true at a time is still there. To be asked after it was read.

        Raises:
            BadMoment: some of it was dropped.
        """
        dropped = yield from self._compacted()
        if at < dropped:
            raise BadMoment(
                f"Versions that were true until {as_datetime(dropped).isoformat(' ')} were dropped by"
                " compact(): memory of an earlier time is no longer known.",
                "Take that time or a later one.",
            )

    def forget(self, namespace: Namespace, key: str | None) -> Operation[Erased]:
        """Delete all versions of an item, or of all items of one namespace."""
        yield REMOVE
        self.items.evict()
        where, params = "n.path = ?", [pack_path(namespace)]
        if key is not None:
            where, params = f"{where} AND l.key = ?", [*params, pack_key(key)]
        rows = yield Query(
            f"SELECT l.id FROM lgviz_items l JOIN lgviz_namespaces n ON n.id = l.ns WHERE {where}", params
        )
        ids = [id for (id,) in rows]
        erased = yield Many("DELETE FROM lgviz_past WHERE item = ?", [(id,) for id in ids])
        yield Many("DELETE FROM lgviz_items WHERE id = ?", [(id,) for id in ids])
        tables = ["lgviz_items", "lgviz_past", "lgviz_namespaces"]
        if (yield from self._release(ids)):
            tables += ["lgviz_blocks", "lgviz_shares"]
        yield Query(
            """DELETE FROM lgviz_namespaces WHERE path = ?
               AND NOT EXISTS (SELECT 1 FROM lgviz_items WHERE ns = lgviz_namespaces.id)""",
            [pack_path(namespace)],
        )
        # Also where this store has no index: another one made the vectors.
        if (yield GENERATION):
            tables.append("lgviz_vectors")
        return Erased(len(ids) + (int(erased[0][0]) if ids else 0), tables)

    def compact(self, before: int) -> Operation[int]:
        """Drop the versions that were superseded before a time, and items deleted before it; how many."""
        yield REMOVE
        dropped = yield Query("DELETE FROM lgviz_past WHERE until <= ? RETURNING item, until", [before])
        gone = yield Query(
            "DELETE FROM lgviz_items WHERE value IS NULL AND updated <= ? RETURNING id, updated", [before]
        )
        ends = [end for _, end in (*dropped, *gone)]
        if ends:
            latest = max(*ends, (yield from self._compacted()), 0)
            yield Query(
                """INSERT INTO lgviz_meta (name, value) VALUES ('compacted', ?)
                   ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
                [str(latest).encode()],
            )
        yield from self._release({id for id, _ in (*dropped, *gone)})
        return len(ends)

    def _compacted(self) -> Operation[int]:
        """Until when the latest version was true that :meth:`compact` dropped; 0 where it dropped none."""
        rows = yield Query("SELECT value FROM lgviz_meta WHERE name = 'compacted'")
        return int(as_bytes(rows[0][0])) if rows else 0

    def _release(self, ids: Iterable[int]) -> Operation[bool]:
        """Give back the blocks that no version of some items needs any more; whether they had any.

        Where damage hides what a version needs, all of its item's blocks stay.
        """
        owned = False
        for some in batches(sorted(ids)):
            where, params = self._blocks.dialect.among("owner", [-id for id in some])
            owners = yield Query(f"SELECT DISTINCT owner FROM lgviz_uses WHERE {where}", params)
            for (owner,) in owners:
                owned = True
                rows = yield Query(
                    """SELECT value FROM lgviz_items WHERE id = ? AND value IS NOT NULL
                       UNION ALL SELECT value FROM lgviz_past WHERE item = ? AND value IS NOT NULL""",
                    [-owner, -owner],
                )
                live = yield from self._blocks.live(data for (data,) in rows if data[:1] != PLAIN)
                if live is not None:
                    yield from self._blocks.release(owner, live)
        return owned
