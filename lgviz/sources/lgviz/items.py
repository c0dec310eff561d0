"""lgviz's own stores, whose items are read by their engine: as they are, and as they were (floor 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, Unpack

from langgraph.store.base import GetOp, Item, SearchOp

from lgviz.errors import LgvizError
from lgviz.persistence.blocks.integrity import Problem
from lgviz.persistence.blocks.room import UNTRUSTED
from lgviz.persistence.database.dialect import POSTGRESQL, SQLITE
from lgviz.persistence.database.migrations import ITEMS, applied_migrations
from lgviz.persistence.database.statements import READ, Operation, Query
from lgviz.persistence.stores.engine import StoreEngine
from lgviz.persistence.stores.filters import check_filter
from lgviz.persistence.stores.integrity import VersionForm
from lgviz.persistence.stores.items import NOW, ItemView, as_of
from lgviz.persistence.stores.namespaces import pack_key, pack_path, read_key, read_path
from lgviz.persistence.stores.past import Version
from lgviz.persistence.stores.store import Store
from lgviz.persistence.stores.timestamps import read_when
from lgviz.sources.base import DecodingOptions
from lgviz.sources.connections import FileReader
from lgviz.sources.decode import serializer_for
from lgviz.sources.items import Ask, Expiry, ItemReader, Namespace, plainly
from lgviz.sources.langgraph.detect import file_at, is_postgres

from .runners import OperationRun, in_file, of_owner, over_postgres

__all__ = ["VersionedItems"]

T = TypeVar("T")
_BATCH = 4_000
_STATE = "SELECT max(updated), count(*), (SELECT count(*) FROM lgviz_past) FROM lgviz_items"
_IN = "i.ns = (SELECT id FROM lgviz_namespaces WHERE path = ?) AND i.value IS NOT NULL"


class VersionedItems(ItemReader):
    """Items in lgviz's tables.

    Args:
        run: runs an operation of the engine.
        engine: of the database's dialect and the values' serializer.
        store: the live store, through which is searched by meaning and written; None for a file.
        ask: how its methods are called.
    """

    keeps_versions = True

    def __init__(self, run: OperationRun, engine: StoreEngine, store: Store | None, ask: Ask) -> None:
        super().__init__(store, ask)
        self._run = run
        self._engine = engine
        self._at: int | None = None
        self._ready = False

    @classmethod
    def of_store(cls, store: Store, ask: Ask) -> VersionedItems:
        """The items of a live store."""
        return cls(of_owner(store), store._engine, store, ask)

    @classmethod
    def of_path(cls, path: str, **options: Unpack[DecodingOptions]) -> VersionedItems | None:
        """The items in a database file, or a PostgreSQL database, which is only read; None where there are
        none, or it cannot be read at all, which its source says better."""
        items = cls.over(path, **options)
        try:
            return items if items.counts() else None
        except LgvizError:
            return None

    @classmethod
    def over(cls, path: str, **options: Unpack[DecodingOptions]) -> VersionedItems:
        """Whatever items there are in a database file, or a PostgreSQL database, which is only read."""
        if is_postgres(path):
            run, dialect, name = over_postgres(lambda: path), POSTGRESQL, "PostgreSQL"
        else:
            file = file_at(path)
            run, dialect, name = in_file(FileReader(file)), SQLITE, file.name
        engine = StoreEngine(dialect, serializer_for(**options))
        engine.blocks.codec.room = UNTRUSTED
        items = cls(run, engine, None, plainly)
        items.description = name
        items.read_only = f"{name} is opened for reading: give the store itself to write."
        return items

    def at(self, when: Any) -> VersionedItems:
        then = VersionedItems(self._run, self._engine, None, self._ask)
        then.description, then._at, then._ready = self.description, read_when(when), self._ready
        return then

    def token(self) -> str:
        return repr(
            self._rows(
                """SELECT (SELECT max(until) FROM lgviz_past), count(*), max(rank) FROM lgviz_items
                   WHERE value IS NOT NULL"""
            )
        )

    def counts(self) -> dict[Namespace, int]:
        view = self._view()
        rows = self._rows(
            f"""SELECT n.path, c.held FROM lgviz_namespaces n JOIN
                (SELECT i.ns, count(*) AS held FROM {view.items} WHERE i.value IS NOT NULL GROUP BY i.ns) c
                ON c.ns = n.id""",
            *view.params,
        )
        return {read_path(path): count for path, count in rows}

    def page(self, namespace: Namespace, offset: int, limit: int, *, nested: bool = True) -> Sequence[Item]:  # noqa: ARG002
        view = self._view()
        order = "i.rank DESC, i.id DESC" if self._engine.items.newest_first else "i.rank"
        keys = self._rows(
            f"SELECT i.key FROM {view.items} WHERE {_IN} ORDER BY {order} LIMIT ? OFFSET ?",
            *view.params, pack_path(namespace), limit, offset,
        )  # fmt: skip
        ops = [GetOp(namespace, read_key(key), refresh_ttl=False) for (key,) in keys]
        return [item for item in self._batched(*ops) if item is not None]

    def scan(self, prefix: Namespace, where: dict[str, Any] | None = None) -> Iterator[Item]:
        check_filter(where or {})
        after: Any = None
        scan = self._engine.items.scan
        while page := self._operate(lambda: scan(prefix, where or {}, self._view(), after, _BATCH)):  # noqa: B023
            items, after = page
            yield from items
            if after is None:
                return

    def expiry(self, namespace: Namespace, key: str) -> Expiry | None:
        if self._at is not None:
            return None
        rows = self._rows(
            f"SELECT i.expires, i.ttl FROM lgviz_items i WHERE {_IN} AND i.key = ?",
            pack_path(namespace), pack_key(key),
        )  # fmt: skip
        if not rows or rows[0][0] is None:
            return None
        return Expiry(rows[0][0] / 1_000_000, rows[0][1])

    def history(self, namespace: Namespace, key: str) -> list[Version]:
        return self._operate(lambda: self._engine.past.history(namespace, key)) or []

    def changes(
        self, thread_id: str | None = None, checkpoint_id: str | None = None, since: float | None = None
    ) -> list[Version]:
        after = None if since is None else read_when(since)
        return self._operate(lambda: self._engine.past.changes(thread_id, checkpoint_id, after)) or []

    def check(self) -> list[Problem]:
        return self._operate(self._engine.integrity.check) or []

    def stored_forms(self) -> Iterator[VersionForm]:
        """Every version of every item as it is stored."""
        after, read = 0, self._engine.integrity.stored_forms
        while some := self._operate(lambda: read(after)):  # noqa: B023
            yield from some
            after = some[-1].item

    def _view(self) -> ItemView:
        if self._at is not None:
            return as_of(self._at)
        return self.store.view() if isinstance(self.store, Store) else NOW

    def _batch(self, op: Any) -> Any:
        if isinstance(op, SearchOp) and op.query:
            return super()._batch(op)
        return self._batched(op)[0]

    def _batched(self, *ops: Any) -> list[Any]:
        return self._operate(lambda: self._engine.batch(ops, view=self._view())) or [None] * len(ops)

    def _rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        def operation() -> Operation[list[tuple[Any, ...]]]:
            yield READ
            return (yield Query(sql, parameters))

        return self._operate(operation) or []

    def _operate(self, make: Callable[[], Operation[T]]) -> T | None:
        """The result of an operation; None where the store has made no tables yet."""
        if not self._ready:
            self._ready = self._run(self._look)
        return self._run(lambda: self._known(make)) if self._ready else None

    def _known(self, make: Callable[[], Operation[T]]) -> Operation[T]:
        result = yield from make()
        if self._at is not None:
            yield from self._engine.past.require(self._at)
        return result

    def _look(self) -> Operation[bool]:
        """Whether the tables are there. They are not made, as the store would: reading never writes."""
        yield READ
        tables = {name for (name,) in (yield Query(self._engine.blocks.dialect.tables))}
        if "lgviz_migrations" not in tables or ITEMS.migrations[1] not in (yield from applied_migrations()):
            return False
        yield from self._engine.setup()
        return True
