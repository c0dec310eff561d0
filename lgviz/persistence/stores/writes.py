"""Writing items: a put or delete becomes what is true now, and what was true moves to the past."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lgviz.persistence.blocks.merkle import Part
from lgviz.persistence.blocks.store import batches
from lgviz.persistence.database.statements import WRITE, Batch, Many, Operation, Query

from .items import ItemReads
from .namespaces import Namespace, Place, pack_key, pack_path, read_key, read_path
from .provenance import NOBODY, Writer
from .requests import Fields, pack_fields
from .timestamps import from_minutes, now
from .vectors.index import VectorIndex

if TYPE_CHECKING:  # NumPy is imported with the first store that has an index
    from .vectors.embedder import Vector

_COLUMNS = """value, created, rank, updated, expires, ttl, thread_id, checkpoint_ns, checkpoint_id, node,
    task_id, fields"""
_INSERT = f"INSERT INTO lgviz_items (ns, key, {_COLUMNS}) VALUES (?, ?{', ?' * 12})"
_UPDATE = f"UPDATE lgviz_items SET {' = ?, '.join(_COLUMNS.split(','))} = ? WHERE id = ?"
_KEPT = "rank, created, thread_id, checkpoint_ns, checkpoint_id, node, task_id, fields, value"
_SUPERSEDE = f"""INSERT INTO lgviz_past (item, at, until, {_KEPT})
    SELECT id, updated, ?, {_KEPT} FROM lgviz_items WHERE id = ?"""


class ItemTimes(NamedTuple):
    """When an item that is copied was created and updated, and when it expires; microseconds since 1970."""

    created: int
    updated: int
    expires: int | None


class ItemWrite(NamedTuple):
    """A put, or a delete (``value`` is None).

    Attributes:
        fields: LangGraph's ``index=`` of the put.
        texts: what it finds in the value.
        vectors: what each of them is embedded as.
        times: the item's, where they are not now.
    """

    place: Place
    value: bytes | Part | None
    ttl: float | None = None
    fields: Fields = None
    texts: Sequence[str] = ()
    vectors: Sequence[Vector] = ()
    times: ItemTimes | None = None


class PriorItem(NamedTuple):
    """An item before it is written; not ``live`` where it is deleted."""

    id: int
    created: int
    updated: int
    rank: int
    live: bool


class ItemColumns(NamedTuple):
    """An item's row after it is written."""

    value: bytes | None
    created: int
    rank: int
    updated: int
    expires: int | None
    ttl: float | None
    thread_id: str | None
    checkpoint_ns: str | None
    checkpoint_id: str | None
    node: str | None
    task_id: str | None
    fields: str | None


class ItemWrites:
    """Puts, deletes, and expiry.

    Args:
        items: reads what was there, and forgets what it keeps in memory.
        vectors: takes what items are embedded as; None where nothing is.

    Attributes:
        ranks: counts the items that were put, for an order of search that is not by time.
    """

    def __init__(self, items: ItemReads, vectors: VectorIndex | None = None) -> None:
        self.items = items
        self.vectors = vectors
        self.ranks = itertools.count(1)
        self._blocks = items.values.blocks
        self._latest = 0

    def apply(self, writes: Sequence[ItemWrite], writer: Writer) -> Operation[int]:
        """Put and delete some items, each only once, at one time. It ends the transaction.

        Returns:
            How many versions that made: deleting what is not there makes none.
        """
        for each in writes:
            self.items.evict(each.place)
        prior, spaces = yield from self._prior(writes)
        done = [each for each in writes if each.value is not None or _is_live(prior.get(each.place))]
        at = self._next_time(prior[each.place].updated for each in done if each.place in prior)
        columns = {each.place: self._columns(each, prior.get(each.place), at, writer) for each in done}
        ids = {place: before.id for place, before in prior.items()}
        new = [each for each in done if each.place not in prior]
        if any(each.place[0] not in spaces for each in new):
            yield from self._make_namespaces(dict.fromkeys(each.place[0] for each in new), spaces)
        names = {each.place: (spaces[each.place[0]], pack_key(each.place[1])) for each in new}
        # Blocks and vectors are stored for an item's id.
        early = [each.place for each in new if each.vectors or not isinstance(each.value, bytes)]
        if early:
            ids.update((yield from self._insert(early, names, columns)))
        for each in done:
            if each.value is not None and not isinstance(each.value, bytes):
                yield from self._blocks.store(-ids[each.place], [each.value])
                value = self._blocks.codec.close_row(each.value)
                columns[each.place] = columns[each.place]._replace(value=value)
        past = [(columns[each.place].updated, prior[each.place].id) for each in done if each.place in prior]
        updates = [(*columns[place], ids[place]) for place in columns if place in ids]
        inserts = [(*names[place], *columns[place]) for place in names if place not in ids]
        vectors = [(ids[each.place], each.fields, each.vectors) for each in done if each.vectors]
        steps = ((_SUPERSEDE, past), (_UPDATE, updates), (_INSERT, inserts))
        yield Batch([Many(sql, params) for sql, params in steps if params], last=not vectors)
        if vectors and self.vectors is not None:
            yield from self.vectors.put(vectors)
        return len(done)

    def copy(self, writes: Sequence[ItemWrite]) -> Operation[int]:
        """Put items with times of their own, but those that are there already; how many."""
        yield WRITE
        prior, _ = yield from self._prior(writes)
        return (yield from self.apply([each for each in writes if each.place not in prior], NOBODY))

    def replay(self, versions: Sequence[tuple[ItemWrite, Writer]]) -> Operation[int]:
        """Put and delete items again, each with its own time and writer, in order; how many versions."""
        yield WRITE
        made = 0
        for write, writer in versions:
            made += yield from self.apply([write], writer)
        return made

    def delete_expired(self) -> Operation[int]:
        """Delete what is expired, each as one event; how many there were."""
        yield WRITE
        rows = yield Query(
            """SELECT n.path, l.key FROM lgviz_items l JOIN lgviz_namespaces n ON n.id = l.ns
               WHERE l.expires < ? ORDER BY l.id""",
            [now()],
        )
        expired = [ItemWrite((read_path(path), read_key(key)), None) for path, key in rows]
        return (yield from self.apply(expired, NOBODY)) if expired else 0

    def put_off(self, ttls: Mapping[int, float]) -> Operation[None]:
        """Let some items, by id, expire so many minutes from now."""
        at = now()
        yield Many(
            "UPDATE lgviz_items SET expires = ? WHERE id = ? AND ttl IS NOT NULL",
            [(at + from_minutes(ttl), id) for id, ttl in sorted(ttls.items())],
        )

    def _next_time(self, before: Iterable[int]) -> int:
        """Now, or where the clock was set back or stands still: later than all that was written before."""
        self._latest = max(now(), self._latest + 1, *(at + 1 for at in before))
        return self._latest

    def _columns(self, write: ItemWrite, prior: PriorItem | None, at: int, writer: Writer) -> ItemColumns:
        """What a write makes of an item's row; the value of a tree is not known yet."""
        expires = None if write.ttl is None else at + from_minutes(write.ttl)
        created, at, expires = write.times or (at, at, expires)
        rank = next(self.ranks)
        if prior and prior.live:
            created, rank = prior.created, prior.rank
        return ItemColumns(
            write.value if isinstance(write.value, bytes) else None,
            created,
            at if self.items.newest_first else rank,
            at,
            expires,
            write.ttl,
            *writer,
            pack_fields(write.fields),
        )

    def _prior(
        self, writes: Iterable[ItemWrite]
    ) -> Operation[tuple[dict[Place, PriorItem], dict[Namespace, int]]]:
        """The rows that some items have, locked until the transaction ends; the ids of namespaces."""
        keys: dict[Namespace, list[str]] = defaultdict(list)
        for each in writes:
            namespace, key = each.place
            keys[namespace].append(key)
        dialect = self._blocks.dialect
        asked: list[tuple[Namespace, Query]] = []
        for namespace in keys:
            for some in batches(keys[namespace]):
                where, params = dialect.among("key", [pack_key(key) for key in some])
                query = f"""SELECT key, id, created, updated, rank, value IS NOT NULL FROM lgviz_items
                    WHERE ns = (SELECT id FROM lgviz_namespaces WHERE path = ?) AND {where}
                    {dialect.lock_row}"""
                asked.append((namespace, Query(query, [pack_path(namespace), *params])))
        queries, names = self.items.namespace_queries(keys)
        found = yield Batch([*queries, *(query for _, query in asked)])
        spaces = {names[bytes(path)]: id for rows in found[: len(queries)] for path, id in rows}
        prior = {
            (namespace, read_key(key)): PriorItem(*row)
            for (namespace, _), rows in zip(asked, found[len(queries) :], strict=True)
            for key, *row in rows
        }
        return prior, spaces

    def _make_namespaces(
        self, namespaces: Iterable[Namespace], spaces: dict[Namespace, int]
    ) -> Operation[None]:
        """Give namespaces that have no id yet one, in their order."""
        queries, names = self.items.namespace_queries(each for each in namespaces if each not in spaces)
        made = Many(
            "INSERT INTO lgviz_namespaces (path) VALUES (?) ON CONFLICT DO NOTHING",
            [(path,) for path in names],
        )
        _, *found = yield Batch([made, *queries])
        spaces.update((names[bytes(path)], id) for rows in found for path, id in rows)

    def _insert(
        self,
        places: Sequence[Place],
        names: Mapping[Place, tuple[int, bytes]],
        columns: Mapping[Place, ItemColumns],
    ) -> Operation[list[tuple[Place, int]]]:
        """Insert the rows of new items, and learn their ids."""
        insert = Many(_INSERT, [(*names[place], *columns[place]) for place in places])
        sql = "SELECT id FROM lgviz_items WHERE ns = ? AND key = ?"
        _, *found = yield Batch([insert, *(Query(sql, names[place]) for place in places)])
        return [(place, id) for place, ((id,),) in zip(places, found, strict=True)]


def _is_live(prior: PriorItem | None) -> bool:
    return prior is not None and prior.live
