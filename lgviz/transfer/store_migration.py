"""Copying the items of any LangGraph store, or of its database, into an lgviz store."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from langgraph.store.base import BaseStore, Item, SearchItem
from langgraph.store.base.batch import AsyncBatchedBaseStore

from lgviz.errors import DamagedData, MissingFile, NotASource, SourceError, described, needing
from lgviz.persistence.database.sqlite import connect
from lgviz.persistence.stores.namespaces import Place
from lgviz.persistence.stores.sqlite import SqliteStore
from lgviz.persistence.stores.store import Store
from lgviz.persistence.stores.timestamps import read_when
from lgviz.persistence.stores.versioned import SyncStore
from lgviz.persistence.stores.writes import ItemTimes, ItemWrite
from lgviz.sources.connections import FileReader
from lgviz.sources.langgraph.detect import file_at, is_postgres

__all__ = ["holds_items", "migrate_items"]

logger = logging.getLogger("lgviz.transfer")

_AT_ONCE = 500
_EVERYTHING = (1 << 31) - 1
_DAMAGED: dict[str, Any] = {}
"""Stands for a value that is no JSON object."""


def migrate_items(source: Any, target: Any, show: Callable[[int, int], None]) -> int:
    """Copy every item with its times; what ``target`` has already stays as it is there.

    Args:
        source: a LangGraph store, or the path or URL of a database that one has filled; only read.
        target: an lgviz store, the path of a file to make or to go on with, or a PostgreSQL database's URL.
        show: is told (done, total).

    Returns:
        How many items were copied.

    Raises:
        MissingFile, NotASource: ``source`` is nothing to copy from, or ``target`` no store of lgviz.
        NotKept: a value that lgviz cannot keep.
    """
    if isinstance(source, (str, Path)) and not is_postgres(source):
        items, ends = _of_file(file_at(source))
    else:
        with _opened(source) as old:
            items, ends = _held(old)
    if isinstance(target, (str, Path)):
        made = _made(str(target))
        try:
            return _copy(items, ends, made, show)
        finally:
            made.close()
    if not isinstance(target, SyncStore):
        raise NotASource(
            f"{type(target).__name__} is no synchronous store of lgviz.",
            "Give one, or the path of a new file.",
        )
    return _copy(items, ends, target, show)


Ends = dict[Place, tuple[float, int]]
"""The times to live of items, and when they end."""


def _held(old: BaseStore) -> tuple[list[SearchItem], Ends]:
    """All items of a store, the oldest first."""
    items = old.search((), limit=_EVERYTHING, refresh_ttl=False)
    if not isinstance(old, Store) and type(old).__name__ != "InMemoryStore":
        items.reverse()  # it gives the newest first
    return items, _ends(old)


def _of_file(path: Path) -> tuple[list[SearchItem], Ends]:
    """The items that LangGraph's store keeps in a file, which is only read; damaged ones are left out."""
    from langgraph.store.sqlite import SqliteStore as Theirs

    _look(path)

    def read(connection: sqlite3.Connection) -> tuple[list[SearchItem], Ends]:
        store = Theirs(connection, deserializer=_value)
        store.is_setup = True  # else it would make its tables
        return _held(store)

    try:
        items, ends = FileReader(path).using(read)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise DamagedData(f"The items of {path.name} cannot be read: {described(error)}.") from error
    for item in items:
        if item.value is _DAMAGED:
            logger.warning("Item %r of %r is damaged and left out.", item.key, item.namespace)
    return [item for item in items if item.value is not _DAMAGED], ends


def _value(stored: Any) -> dict[str, Any]:
    try:
        found = json.loads(stored)
    except (TypeError, ValueError, RecursionError):
        return _DAMAGED
    return found if isinstance(found, dict) else _DAMAGED


def _made(target: str) -> SyncStore:
    if is_postgres(target):
        from lgviz.persistence.database.postgres import connect as connect_to
        from lgviz.persistence.stores.postgres import PostgresStore

        store = PostgresStore(connect_to(target))
        store.driver.conninfo = target  # its own, to close
        return store
    made = SqliteStore(connect(target))
    made.driver.owned = True
    return made


def _copy(
    items: Sequence[Item],
    ends: Ends,
    target: Store,
    show: Callable[[int, int], None],
) -> int:
    # The same database may hold both: lgviz's tables are made beside the ones they are filled from.
    target._beside = True
    engine = target.engine
    copied = 0
    for start in range(0, len(items), _AT_ONCE):
        writes = []
        for item in items[start : start + _AT_ONCE]:
            place = item.namespace, item.key
            ttl, expires = ends.get(place, (None, None))
            value = engine.values.encode(dict(item.value), f"Item {item.key!r} of {item.namespace!r}")
            times = ItemTimes(_time(item.created_at), _time(item.updated_at), expires)
            writes.append(ItemWrite(place, value, ttl, times=times))
        copied += target._run(partial(engine.writes.copy, writes))
        show(min(start + _AT_ONCE, len(items)), len(items))
    return copied


def _time(at: datetime) -> int:
    """SQLite's times have no zone, and are of UTC."""
    return read_when(at if at.tzinfo else at.replace(tzinfo=UTC))


def _ends(store: Any) -> Ends:
    """The times to live of a LangGraph store's items, and when they end: its interface does not tell."""
    cursor = getattr(store, "_cursor", None)
    if cursor is None:
        return {}
    with cursor() as cur:
        cur.execute("SELECT prefix, key, ttl_minutes, expires_at FROM store WHERE expires_at IS NOT NULL")
        rows = [tuple(row.values()) if isinstance(row, dict) else row for row in cur.fetchall()]
    found = {}
    for prefix, key, minutes, end in rows:
        at = datetime.fromisoformat(end) if isinstance(end, str) else end
        found[tuple(prefix.split(".")), key] = float(minutes), _time(at)
    return found


@contextmanager
def _opened(source: Any) -> Iterator[BaseStore]:
    if isinstance(source, (str, Path)):
        from langgraph.store.postgres import PostgresStore

        with PostgresStore.from_conn_string(str(source)) as theirs:
            yield theirs
    elif isinstance(source, BaseStore) and not isinstance(source, AsyncBatchedBaseStore):
        yield source
    else:
        raise NotASource(
            f"{type(source).__name__} is no store that can be read synchronously.",
            "Give a synchronous LangGraph store, or the path or URL of its database.",
        )


def holds_items(source: str) -> bool:
    """Whether a store of LangGraph's has its table in a database; False also where there is no database."""
    if is_postgres(source):
        with needing("psycopg", "postgres"):
            import psycopg
        try:
            with psycopg.connect(source) as connection:
                found = connection.execute("SELECT to_regclass('store')").fetchone()
        except psycopg.Error:
            return False
        return found is not None and found[0] is not None
    path = file_at(source)
    if not path.is_file():
        return False
    try:
        # LangGraph's store would make its tables in it.
        (rows,) = FileReader(path).read(("SELECT 1 FROM sqlite_master WHERE name = 'store'", ()))
    except SourceError:
        return False
    return bool(rows)


def _look(path: Path) -> None:
    if not path.is_file():
        raise MissingFile(f"{path} does not exist.", "Give the path of a database.")
    if not holds_items(str(path)):
        raise NotASource(
            f"{path.name} holds no items of LangGraph's SqliteStore.", "Give its file, or the store itself."
        )
