"""What changes in a store: each put and delete becomes what is true now, and a version."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from types import NoneType
from typing import TYPE_CHECKING, Any, NamedTuple

from .fields import Fields, pack_fields
from .namespaces import Namespace, Place, pack_key, pack_path, read_key
from .provenance import Writer
from .schema import Dialect
from .statements import Conflict, Many, Operation, Query
from .tree import Part, Serializer
from .values import Values

if TYPE_CHECKING:
    from .embeddings import Vector

_GROUP = 512
"""How many keys one statement looks up."""
_INSERT = """INSERT INTO lgviz_items (ns, key, value, created, rank, updated, expires, ttl)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""
_UPDATE = """UPDATE lgviz_items SET value = ?, created = ?, rank = ?, updated = ?, expires = ?, ttl = ?
    WHERE id = ?"""
_SUPERSEDE = """UPDATE lgviz_events SET until = ?, value = (SELECT value FROM lgviz_items WHERE id = ?)
    WHERE item = ? AND at = ?"""
_EVENT = """INSERT INTO lgviz_events (item, at, rank, created, deleted, thread_id, checkpoint_ns,
    checkpoint_id, node, task_id, fields) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


def micros(at: float | None = None) -> int:
    """A time, or now, in microseconds since 1970."""
    return time.time_ns() // 1000 if at is None else round(at * 1_000_000)


def moment(at: int) -> datetime:
    """A time in microseconds as one that knows its zone."""
    return datetime.fromtimestamp(at // 1_000_000, UTC).replace(microsecond=at % 1_000_000)


class Change(NamedTuple):
    """A put, or a delete (``value`` is None).

    Attributes:
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


class Old(NamedTuple):
    """An item before a change."""

    id: int
    created: int
    updated: int
    rank: int
    live: bool


class State(NamedTuple):
    """An item after a change."""

    change: Change
    created: int
    rank: int
    at: int
    expires: int | None


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

    def change(self, changes: Sequence[Change], writer: Writer) -> Operation[int]:
        """Put and delete some items, each as one event; what was true moves to its event.

        Returns:
            How many events that made: deleting what is not there is none.
        """
        last = yield Query("SELECT max(at) FROM lgviz_events")
        at = max(micros(), (last[0][0] or 0) + 1)
        old = yield from self._old(changes)
        done = [
            each for each in changes if each.value is not None or (each.place in old and old[each.place].live)
        ]
        states = [self._state(each, old.get(each.place), at) for each in done]
        ids = {place: before.id for place, before in old.items()}
        new = [state for state in states if state.change.place not in old]
        if new:
            yield from self._insert(new, ids)
        updates = []
        for change, created, rank, _, expires in states:
            value = change.value
            if not isinstance(value, (bytes, NoneType)):
                yield from self.store(-ids[change.place], [value])
                value = self.vault.close_row(value)
            elif change.place not in old:
                continue
            updates.append((value, created, rank, at, expires, change.ttl, ids[change.place]))
        past = [
            (at, before.id, before.id, before.updated)
            for before in map(old.get, (each.place for each in done))
            if before
        ]
        if past:
            yield Many(_SUPERSEDE, past)
        if updates:
            yield Many(_UPDATE, updates)
        if done:
            yield Many(
                _EVENT,
                [
                    (
                        ids[change.place],
                        at,
                        rank,
                        created,
                        int(change.value is None),
                        *writer,
                        pack_fields(change.fields),
                    )
                    for change, created, rank, *_ in states
                ],
            )
        yield from self.embedded([(ids[change.place], change) for change in done if change.vectors])
        return len(done)

    def embedded(self, changes: Sequence[tuple[int, Change]]) -> Operation[None]:
        """Store vectors; a store without an index has none."""
        yield from ()

    def _state(self, change: Change, before: Old | None, at: int) -> State:
        """What becomes true with a change."""
        created, rank = (before.created, before.rank) if before and before.live else (at, next(self._ranks))
        expires = None if change.ttl is None else at + micros_of(change.ttl)
        return State(change, created, at if self.newest_first else rank, at, expires)

    def _old(self, changes: Iterable[Change]) -> Operation[dict[Place, Old]]:
        """The rows that some items have, locked until the transaction ends."""
        by_namespace: dict[Namespace, list[str]] = defaultdict(list)
        for change in changes:
            namespace, key = change.place
            by_namespace[namespace].append(key)
        old: dict[Place, Old] = {}
        for namespace, keys in by_namespace.items():
            for group in groups(keys):
                where, params = self.dialect.among("key", [pack_key(key) for key in group])
                rows = yield Query(
                    f"""SELECT key, id, created, updated, rank, value IS NOT NULL FROM lgviz_items
                        WHERE ns = (SELECT id FROM lgviz_namespaces WHERE path = ?) AND {where}
                        {self.dialect.lock_row}""",
                    [pack_path(namespace), *params],
                )
                old.update(((namespace, read_key(key)), Old(*row)) for key, *row in rows)
        return old

    def _insert(self, new: Sequence[State], ids: dict[Place, int]) -> Operation[None]:
        """Rows for new items; those with trees have no value yet. Their ids are added to ``ids``.

        Raises:
            Conflict: another transaction made one of them meanwhile.
        """
        paths = {namespace: pack_path(namespace) for (namespace, _), *_ in (state.change for state in new)}
        spaces = yield from self._number(paths.values())
        rows = [
            (
                spaces[paths[change.place[0]]],
                pack_key(change.place[1]),
                change.value if isinstance(change.value, bytes) else None,
                created,
                rank,
                at,
                expires,
                change.ttl,
            )
            for change, created, rank, at, expires in new
        ]
        if len(new) == 1:
            made = yield Query(f"{_INSERT} RETURNING id", rows[0])
            if not made:
                raise Conflict
            ids[new[0].change.place] = made[0][0]
            return
        count = yield Many(_INSERT, rows)
        if count[0][0] != len(rows):
            raise Conflict
        names = {spaces[path]: namespace for namespace, path in paths.items()}
        for number, group in itertools.groupby(sorted(rows, key=itemgetter(0)), key=itemgetter(0)):
            for part in groups([row[1] for row in group]):
                where, params = self.dialect.among("key", part)
                made = yield Query(
                    f"SELECT key, id FROM lgviz_items WHERE ns = ? AND {where}", [number, *params]
                )
                ids.update(((names[number], read_key(key)), id) for key, id in made)

    def _number(self, paths: Iterable[bytes]) -> Operation[dict[bytes, int]]:
        """The numbers of some namespaces, made where they are new."""
        numbers: dict[bytes, int] = {}
        wanted = list(paths)
        for _ in range(2):
            for group in groups(wanted):
                where, params = self.dialect.among("path", group)
                rows = yield Query(f"SELECT path, id FROM lgviz_namespaces WHERE {where}", params)
                numbers.update((bytes(path), id) for path, id in rows)
            missing = [path for path in wanted if path not in numbers]
            if not missing:
                break
            yield Many(
                "INSERT INTO lgviz_namespaces (path) VALUES (?) ON CONFLICT DO NOTHING",
                [(path,) for path in missing],
            )
        return numbers


def groups(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Values, as many at a time as one statement looks up."""
    return (values[start : start + _GROUP] for start in range(0, len(values), _GROUP))


def micros_of(minutes: float) -> int:
    """A time to live in microseconds."""
    return int(minutes * 60_000_000)
