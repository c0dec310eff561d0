"""LangGraph's own stores: items are counted and paged where they lie, in a dict or by SQL (floor 2)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from langgraph.store.base import BaseStore, GetOp, Item
from langgraph.store.memory import InMemoryStore

from lgviz.errors import SourceError, described
from lgviz.sources.connections import AsyncReader, LiveReader
from lgviz.sources.items import Ask, Expiry, ItemReader, Namespace

__all__ = ["InMemoryItems", "SqlItems", "reader_of"]

Row = tuple[Any, ...]
Read = Callable[[str, Sequence[Any]], list[Row]]


class InMemoryItems(ItemReader):
    """LangGraph's ``InMemoryStore``: a dict of dicts."""

    @property
    def _data(self) -> dict[Namespace, dict[str, Item]]:
        assert isinstance(self.store, InMemoryStore)
        return self.store._data

    def token(self) -> str:
        newest = max(
            (item.updated_at for held in list(self._data.values()) for item in list(held.values())),
            default=None,
        )
        return f"{sum(self.counts().values())} {newest}"

    def counts(self) -> dict[Namespace, int]:
        return {namespace: len(held) for namespace, held in list(self._data.items()) if held}

    def page(self, namespace: Namespace, offset: int, limit: int, *, nested: bool = True) -> Sequence[Item]:  # noqa: ARG002
        held = self._data.get(namespace, {})
        return list(islice(list(held.values()), offset, offset + limit))

    def scan(self, prefix: Namespace, where: dict[str, Any] | None = None) -> Iterator[Item]:
        if where:
            yield from super().scan(prefix, where)
            return
        for namespace, held in list(self._data.items()):
            if namespace[: len(prefix)] == prefix:
                yield from list(held.values())

    def get(self, namespace: Namespace, key: str) -> Item | None:
        return self._data.get(namespace, {}).get(key)


class SqlItems(ItemReader):
    """LangGraph's SQLite and PostgreSQL stores, sync and async; values are read by the store itself."""

    def __init__(self, store: BaseStore, ask: Ask, read: Read, mark: str) -> None:
        super().__init__(store, ask)
        self._rows = read
        self._mark = mark

    def token(self) -> str:
        connection = getattr(self.store, "conn", None)
        if self._mark == "?":
            # What this connection wrote, and whether another one did.
            return f"{connection.total_changes} {self._read('PRAGMA data_version')}"  # type: ignore[union-attr]
        return repr(
            self._read(
                "SELECT count(*) AS held, max(updated_at) AS written, max(expires_at) AS ends FROM store"
            )
        )

    def counts(self) -> dict[Namespace, int]:
        rows = self._read("SELECT prefix, count(*) FROM store GROUP BY prefix")
        return {tuple(prefix.split(".")): count for prefix, count in rows}

    def page(self, namespace: Namespace, offset: int, limit: int, *, nested: bool = True) -> Sequence[Item]:  # noqa: ARG002
        rows = self._read(
            "SELECT key FROM store WHERE prefix = ? ORDER BY updated_at DESC, key LIMIT ? OFFSET ?",
            ".".join(namespace), limit, offset,
        )  # fmt: skip
        ops = [GetOp(namespace, key, refresh_ttl=False) for (key,) in rows]
        return [item for item in self._ask(self.store, "batch", ops) if item is not None]

    def expiry(self, namespace: Namespace, key: str) -> Expiry | None:
        rows = self._read(
            "SELECT expires_at, ttl_minutes FROM store WHERE prefix = ? AND key = ?", ".".join(namespace), key
        )
        if not rows or rows[0][0] is None:
            return None
        at, minutes = rows[0]
        moment = at if isinstance(at, datetime) else datetime.fromisoformat(at)
        if moment.tzinfo is None:  # SQLite's CURRENT_TIMESTAMP is of UTC
            moment = moment.replace(tzinfo=UTC)
        return Expiry(moment.timestamp(), None if minutes is None else float(minutes))

    def _read(self, sql: str, *parameters: Any) -> list[Row]:
        try:
            return self._rows(sql.replace("?", self._mark), parameters)
        except SourceError:
            raise
        except Exception as error:
            if "no such table" in str(error) or "does not exist" in str(error):
                return []  # nothing was ever put: the store makes its tables when first used
            raise SourceError(
                f"The {self.description} cannot be read: {described(error)}.",
                "Check that its connection is open.",
            ) from error


def reader_of(store: BaseStore) -> tuple[Read, str] | None:
    """How rows of LangGraph's SQL stores are read, and their mark for a parameter; None for other stores."""
    known = {f"{base.__module__}.{base.__name__}" for base in type(store).__mro__}
    given: Any = store
    if "langgraph.store.sqlite.base.SqliteStore" in known:
        live = LiveReader(given.conn, given.lock)
        return lambda sql, parameters: live.read((sql, parameters))[0], "?"
    if "langgraph.store.sqlite.aio.AsyncSqliteStore" in known:
        beside = AsyncReader(given.conn)
        return lambda sql, parameters: beside.read((sql, parameters))[0], "?"
    if "langgraph.store.postgres.base.PostgresStore" in known:
        return lambda sql, parameters: _postgres(given, sql, parameters), "%s"
    if "langgraph.store.postgres.aio.AsyncPostgresStore" in known:
        return lambda sql, parameters: _postgres_beside(given, sql, parameters), "%s"
    return None


def _postgres(store: Any, sql: str, parameters: Sequence[Any]) -> list[Row]:
    with store._cursor() as cursor:
        cursor.execute(sql, parameters)
        return [tuple(row.values()) for row in cursor.fetchall()]


def _postgres_beside(store: Any, sql: str, parameters: Sequence[Any]) -> list[Row]:
    async def fetch() -> list[Row]:
        async with store._cursor() as cursor:
            await cursor.execute(sql, parameters)
            return [tuple(row.values()) for row in await cursor.fetchall()]

    loop: asyncio.AbstractEventLoop = store._loop
    return asyncio.run_coroutine_threadsafe(fetch(), loop).result()
