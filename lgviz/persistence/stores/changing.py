"""What changes in a store: each put and delete becomes what is true now, and a version."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from types import NoneType
from typing import TYPE_CHECKING, Any, NamedTuple

from lgviz.persistence.blocks.merkle import Part, Serializer
from lgviz.persistence.database.dialect import Dialect
from lgviz.persistence.database.statements import WRITE, Batch, Many, Operation, Query

from .fields import Fields, pack_fields
from .namespaces import Namespace, Place, pack_key, pack_path, read_key
from .provenance import NOBODY, Writer
from .values import Values

if TYPE_CHECKING:
    from .embeddings import Vector

_GROUP = 512
"""How many keys one statement looks up."""
_COLUMNS = """value, created, rank, updated, expires, ttl, thread_id, checkpoint_ns, checkpoint_id, node,
    task_id, fields"""
_INSERT = f"INSERT INTO lgviz_items (ns, key, {_COLUMNS}) VALUES (?, ?{', ?' * 12})"
_UPDATE = f"UPDATE lgviz_items SET {' = ?, '.join(_COLUMNS.split(','))} = ? WHERE id = ?"
_WRITTEN = "rank, created, thread_id, checkpoint_ns, checkpoint_id, node, task_id, fields, value"
_SUPERSEDE = f"""INSERT INTO lgviz_past (item, at, until, {_WRITTEN})
    SELECT id, updated, ?, {_WRITTEN} FROM lgviz_items WHERE id = ?"""


def micros(at: float | None = None) -> int:
    """A time, or now, in microseconds since 1970."""
    return time.time_ns() // 1000 if at is None else round(at * 1_000_000)


def moment(at: int) -> datetime:
    """A time in microseconds as one that knows its zone."""
    return datetime.fromtimestamp(at // 1_000_000, UTC).replace(microsecond=at % 1_000_000)


class Made(NamedTuple):
    """When an item that is copied was made and changed, and when it ends; microseconds since 1970."""

    created: int
    updated: int
    expires: int | None


class Change(NamedTuple):
    """A put, or a delete (``value`` is None).

    Attributes:
        made: its times, where they are not now.
        fields: LangGraph's ``index=`` of the put.
        texts: what it finds in the value.
        vectors: what each of them is embedded as.
    """

    place: Place
    value: bytes | Part | None
    ttl: float | None = None
    fields: Fields = None
    texts: Sequence[str] = ()
    vectors: Sequence[Vector] = ()
    made: Made | None = None


class Old(NamedTuple):
    """An item before a change."""

    id: int
    created: int
    updated: int
    rank: int
    live: bool


class State(NamedTuple):
    """An item after a change: the columns of its row."""

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


class Changing(Values):
    """Writing what is true now.

    Args:
        dialect, serde: as for every engine.
        newest_first: the order of search; else by the namespaces' ages, then the items'.
    """

    def __init__(self, dialect: Dialect, serde: Serializer, *, newest_first: bool = True) -> None:
        super().__init__(dialect, serde)
        self.newest_first = newest_first
        self._ranks = itertools.count(1)
        self._last = 0

    def change(self, changes: Sequence[Change], writer: Writer) -> Operation[int]:
        """Put and delete some items; what was true becomes past. It ends the transaction.

        Returns:
            How many versions that made: deleting what is not there makes none.
        """
        old, spaces = yield from self._before(changes)
        done = [
            each for each in changes if each.value is not None or (each.place in old and old[each.place].live)
        ]
        # Later than all before it, also where the clock was set back or stands still.
        at = max(
            micros(), self._last + 1, *(old[each.place].updated + 1 for each in done if each.place in old)
        )
        self._last = at
        states = {each.place: self._state(each, old.get(each.place), at, writer) for each in done}
        ids = {place: before.id for place, before in old.items()}
        new = [each for each in done if each.place not in old]
        if any(each.place[0] not in spaces for each in new):
            yield from self._number(dict.fromkeys(each.place[0] for each in new), spaces)
        rows = {each.place: (spaces[each.place[0]], pack_key(each.place[1])) for each in new}
        # Nodes and vectors are stored for an item's id.
        early = [each.place for each in new if each.vectors or not isinstance(each.value, bytes)]
        if early:
            insert = Many(_INSERT, [(*rows[place], *states[place]) for place in early])
            sql = "SELECT id FROM lgviz_items WHERE ns = ? AND key = ?"
            _, *made = yield Batch([insert, *(Query(sql, rows[place]) for place in early)])
            ids.update({place: id for place, ((id,),) in zip(early, made, strict=True)})
        for each in done:
            if not isinstance(each.value, (bytes, NoneType)):
                yield from self.blocks.store(-ids[each.place], [each.value])
                value = self.blocks.codec.close_row(each.value)
                states[each.place] = states[each.place]._replace(value=value)
        past = [(at, old[each.place].id) for each in done if each.place in old]
        updates = [(*states[place], ids[place]) for place in states if place in ids]
        inserts = [(*rows[place], *states[place]) for place in rows if place not in ids]
        vectors = [(ids[each.place], each) for each in done if each.vectors]
        steps = ((_SUPERSEDE, past), (_UPDATE, updates), (_INSERT, inserts))
        yield Batch([Many(sql, params) for sql, params in steps if params], last=not vectors)
        yield from self.embedded(vectors)
        return len(done)

    def copy(self, changes: Sequence[Change]) -> Operation[int]:
        """Put items with times of their own, but those that are there already; how many."""
        yield WRITE
        old, _ = yield from self._before(changes)
        return (yield from self.change([each for each in changes if each.place not in old], NOBODY))

    def embedded(self, changes: Sequence[tuple[int, Change]]) -> Operation[None]:
        """Store vectors; a store without an index has none."""
        yield from ()

    def _state(self, change: Change, before: Old | None, at: int, writer: Writer) -> State:
        """What becomes true with a change; a tree's value is not known yet."""
        expires = None if change.ttl is None else at + micros_of(change.ttl)
        created, at, expires = change.made or (at, at, expires)
        rank = next(self._ranks)
        if before and before.live:
            created, rank = before.created, before.rank
        return State(
            change.value if isinstance(change.value, bytes) else None,
            created,
            at if self.newest_first else rank,
            at,
            expires,
            change.ttl,
            *writer,
            pack_fields(change.fields),
        )

    def _before(self, changes: Iterable[Change]) -> Operation[tuple[dict[Place, Old], dict[Namespace, int]]]:
        """The rows that some items have, locked until the transaction ends; the numbers of namespaces."""
        keys: dict[Namespace, list[str]] = defaultdict(list)
        for change in changes:
            namespace, key = change.place
            keys[namespace].append(key)
        asked: list[tuple[Namespace, Query]] = []
        for namespace in keys:
            for group in groups(keys[namespace]):
                where, params = self.dialect.among("key", [pack_key(key) for key in group])
                query = f"""SELECT key, id, created, updated, rank, value IS NOT NULL FROM lgviz_items
                    WHERE ns = (SELECT id FROM lgviz_namespaces WHERE path = ?) AND {where}
                    {self.dialect.lock_row}"""
                asked.append((namespace, Query(query, [pack_path(namespace), *params])))
        numbers, names = self._numbers(keys)
        found = yield Batch([*numbers, *(query for _, query in asked)])
        spaces = {names[bytes(path)]: id for rows in found[: len(numbers)] for path, id in rows}
        old = {
            (namespace, read_key(key)): Old(*row)
            for (namespace, _), rows in zip(asked, found[len(numbers) :], strict=True)
            for key, *row in rows
        }
        return old, spaces

    def _numbers(self, namespaces: Iterable[Namespace]) -> tuple[list[Query], dict[bytes, Namespace]]:
        names = {pack_path(namespace): namespace for namespace in namespaces}
        queries = []
        for group in groups(list(names)):
            where, params = self.dialect.among("path", group)
            queries.append(Query(f"SELECT path, id FROM lgviz_namespaces WHERE {where}", params))
        return queries, names

    def _number(self, namespaces: Iterable[Namespace], spaces: dict[Namespace, int]) -> Operation[None]:
        """Make namespaces that have no number yet, in their order."""
        queries, names = self._numbers(namespace for namespace in namespaces if namespace not in spaces)
        made = Many(
            "INSERT INTO lgviz_namespaces (path) VALUES (?) ON CONFLICT DO NOTHING",
            [(path,) for path in names],
        )
        _, *found = yield Batch([made, *queries])
        spaces.update((names[bytes(path)], id) for rows in found for path, id in rows)


def groups(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Values, as many at a time as one statement looks up."""
    return (values[start : start + _GROUP] for start in range(0, len(values), _GROUP))


def micros_of(minutes: float) -> int:
    """A time to live in microseconds."""
    return int(minutes * 60_000_000)
