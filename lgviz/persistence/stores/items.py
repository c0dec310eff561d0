"""Reading items: what is true now or was true at a time, by name, by search, and page by page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from langgraph.store.base import GetOp, Item, ListNamespacesOp, Op, Result, SearchItem, SearchOp

from lgviz.persistence.blocks.store import batches
from lgviz.persistence.database.statements import READ, Batch, Operation, Query

from .filters import passes, prefilter
from .namespaces import Namespace, Place, below, literal, matches, pack_key, pack_path, read_key, read_path
from .timestamps import as_datetime, now
from .values import PLAIN, ItemValues, decode_plain

_PAGE, _PAGES = 128, 16_384
"""How many items a filter is first tried on; and from then on."""
_CACHED = 100_000
"""How many items are kept in memory; beyond it, all are dropped."""
_COLUMNS = "i.id, i.ns, i.key, i.rank, i.created, i.updated, i.ttl, i.value"


class ItemView(NamedTuple):
    """The items that are seen, as ``i``: a table or a subquery, and its parameters."""

    items: str
    params: tuple[Any, ...] = ()


NOW = ItemView("lgviz_items i")


def unexpired() -> ItemView:
    """What is not expired, swept or not."""
    return ItemView("(SELECT * FROM lgviz_items WHERE expires IS NULL OR expires > ?) i", (now(),))


def as_of(at: int) -> ItemView:
    """What was true at a time."""
    return ItemView(
        """(SELECT id, ns, key, rank, created, updated, NULL AS ttl, value FROM lgviz_items WHERE updated <= ?
            UNION ALL SELECT l.id, l.ns, l.key, p.rank, p.created, p.at, NULL, p.value
            FROM lgviz_items l JOIN lgviz_past p ON p.item = l.id WHERE p.at <= ? AND p.until > ?) i""",
        (at, at, at),
    )


class ItemRow(NamedTuple):
    """An item as it lies in its row."""

    id: int
    ns: int
    key: bytes
    rank: int
    created: int
    updated: int
    ttl: float | None
    value: bytes


class FoundItem(NamedTuple):
    """An item that was found, with its value and, where it was ranked, its score."""

    row: ItemRow
    value: Any
    score: float | None = None


class CachedItem(NamedTuple):
    """An item that was read, with its value as its row holds it."""

    value: bytes
    created: datetime
    updated: datetime


Condition: TypeAlias = tuple[str, Sequence[Any]]
"""A condition of SQL, and its parameters."""
Find: TypeAlias = Callable[[SearchOp, ItemView, Condition], Operation[list[FoundItem]]]
"""How a search finds the items ``i`` that a condition is true of, best first."""


class ItemReads:
    """Answers what only reads.

    Args:
        values: reads the values of rows.
        newest_first: the order of search; else by the namespaces' ages, then the items'.

    Attributes:
        cache: items that were read, where nobody else can change them; None where somebody can.
    """

    def __init__(self, values: ItemValues, *, newest_first: bool = True) -> None:
        self.values = values
        self.newest_first = newest_first
        self.cache: dict[Place, CachedItem] | None = None
        self._dialect = values.blocks.dialect

    # -- one item, as fast as it can be read

    def use_cache(self) -> None:
        """Keep items that were read in memory: nobody else can change them."""
        self.cache = {}

    def cached(self, op: GetOp) -> Item | None:
        """An item that was read before and is still true."""
        kept = self.cache and self.cache.get((op.namespace, op.key))
        if not kept:
            return None
        value, created, updated = kept
        return _item(op, decode_plain(value), created, updated)

    def row(self, op: GetOp, view: ItemView) -> Query:
        """What asks for one item; :meth:`plain` takes the answer."""
        return Query(
            f"""SELECT i.value, i.created, i.updated, i.ttl FROM {view.items} WHERE i.value IS NOT NULL
                AND i.ns = (SELECT id FROM lgviz_namespaces WHERE path = ?) AND i.key = ?""",
            [*view.params, pack_path(op.namespace), pack_key(op.key)],
        )

    def plain(self, op: GetOp, row: Sequence[Any], *, lasting: bool) -> Item | None:
        """An item whose row is all that it takes; None where its value lies in blocks or its expiry moves.

        Args:
            op: what was asked.
            row: what :meth:`row` found.
            lasting: it is committed, and may be kept in memory.
        """
        value, created, updated, ttl = row
        if value[:1] != PLAIN or ttl is not None:
            return None
        kept = CachedItem(value, as_datetime(created), as_datetime(updated))
        if self.cache is not None and lasting:
            # A plain dict, which the driver guards: a BoundedCache would take a tenth of the time of a get.
            if len(self.cache) >= _CACHED:
                self.cache.clear()
            self.cache[op.namespace, op.key] = kept
        return _item(op, decode_plain(value), kept.created, kept.updated)

    def evict(self, place: Place | None = None) -> None:
        """One item (None: any) is about to change. The driver lets nobody read meanwhile."""
        if self.cache:
            if place is None:
                self.cache.clear()
            else:
                self.cache.pop(place, None)

    # -- a batch

    def answer(
        self,
        ops: Sequence[Op],
        view: ItemView = NOW,
        find: Mapping[int, Find] | None = None,
        *,
        whole: bool = False,
    ) -> Operation[tuple[list[Result], list[ItemRow]]]:
        """The answers, and the rows whose expiry reading puts off.

        Args:
            ops: what LangGraph's interface was asked, checked. Puts are left out.
            view: what is seen.
            find: what finds the items of searches that have a query, by their places in ``ops``.
            whole: refuse where a block is missing.

        Raises:
            BlockGone: a block is missing, and ``whole`` is asked for.
        """
        results: list[Result] = [None] * len(ops)
        touched: list[ItemRow] = []
        gets = [(index, op) for index, op in enumerate(ops) if isinstance(op, GetOp)]
        if gets:
            for index, get, (row, value, _) in (yield from self._get(gets, view, whole=whole)):
                results[index] = _item(get, value, as_datetime(row.created), as_datetime(row.updated))
                if get.refresh_ttl:
                    touched.append(row)
        for index, op in enumerate(ops):
            if isinstance(op, SearchOp):
                by = (find and find.get(index)) or partial(self.find, whole=whole)
                hits, results[index] = yield from self._search(op, view, by)
                if op.refresh_ttl:
                    touched += [hit.row for hit in hits]
            elif isinstance(op, ListNamespacesOp):
                results[index] = yield from self._namespaces(op, view)
        return results, touched

    def _get(
        self, gets: Sequence[tuple[int, GetOp]], view: ItemView, *, whole: bool
    ) -> Operation[list[tuple[int, GetOp, FoundItem]]]:
        """Those of some gets that find an item, each with a value of its own."""
        keys: dict[Namespace, dict[str, None]] = defaultdict(dict)
        for _, op in gets:
            keys[op.namespace][op.key] = None
        rows: dict[Place, ItemRow] = {}
        for namespace, wanted in keys.items():
            for some in batches(wanted):
                where, params = self._dialect.among("i.key", [pack_key(key) for key in some])
                found = yield Query(
                    f"""SELECT {_COLUMNS} FROM {view.items} WHERE i.value IS NOT NULL
                        AND i.ns = (SELECT id FROM lgviz_namespaces WHERE path = ?) AND {where}""",
                    [*view.params, pack_path(namespace), *params],
                )
                rows.update(((namespace, read_key(row.key)), row) for row in map(ItemRow._make, found))
        there = [(*get, row) for get in gets if (row := rows.get((get[1].namespace, get[1].key)))]
        values = yield from self.values.decode((row.value for _, _, row in there), whole=whole)
        return [
            (index, op, FoundItem(row, value)) for (index, op, row), value in zip(there, values, strict=True)
        ]

    def _search(
        self, op: SearchOp, view: ItemView, find: Find
    ) -> Operation[tuple[list[FoundItem], list[SearchItem]]]:
        where, params = starting("path", op.namespace_prefix)
        # One namespace is the usual case, and its items lie in order.
        spaces = yield Query(f"SELECT id, path FROM lgviz_namespaces WHERE {where} LIMIT 2", params)
        if not spaces or not op.limit:
            return [], []
        if len(spaces) == 1:
            within: Condition = "i.ns = ?", [spaces[0][0]]
        else:
            within = f"i.ns IN (SELECT id FROM lgviz_namespaces WHERE {where})", params
        hits = yield from find(op, view, within)
        paths = dict(spaces) if len(spaces) == 1 else (yield from self._paths({hit.row.ns for hit in hits}))
        return hits, _search_items(hits, paths)

    def find(
        self,
        op: SearchOp,
        view: ItemView,
        within: Condition,
        *,
        skip: Collection[int] = (),
        whole: bool = False,
    ) -> Operation[list[FoundItem]]:
        """The items that pass a search's filter, in the order of search.

        Args:
            op: the search.
            view: what is seen.
            within: a condition on the item ``i``.
            skip: ids of items that are left out.
            whole: as for :meth:`answer`.
        """
        start, stop = op.offset, op.offset + op.limit
        found: list[FoundItem] = []
        after: ItemRow | None = None
        size = None if min(op.offset, op.limit) < 0 else max(_PAGE, stop) if op.filter or skip else stop
        while True:
            page = yield from self._page(view, within, op.filter or {}, after, size)
            rest = [row for row in page if row.id not in skip]
            found += yield from self.passing(rest, op.filter, whole=whole)
            if size is None or len(page) < size or len(found) >= stop:
                return found[start:stop]
            after, size = page[-1], max(_PAGES, stop)

    def passing(
        self, rows: Sequence[ItemRow], filter: Mapping[str, Any] | None, *, whole: bool = False
    ) -> Operation[list[FoundItem]]:
        """Some items, where they pass a filter."""
        if not filter:
            values = yield from self.values.decode((row.value for row in rows), whole=whole)
            return [FoundItem(row, value) for row, value in zip(rows, values, strict=True)]
        passing = passes(filter)
        found: list[FoundItem] = []
        others: list[int] = []
        for row in rows:
            if row.value[:1] == PLAIN:
                # One after another: what does not pass is never many.
                value = decode_plain(row.value)
                if isinstance(value, dict) and passing(value):
                    found.append(FoundItem(row, value))
            else:
                others.append(len(found))
                found.append(FoundItem(row, None))
        if not others:
            return found
        values = yield from self.values.decode((found[place].row.value for place in others), whole=whole)
        for place, value in zip(others, values, strict=True):
            passed = isinstance(value, dict) and passing(value)
            found[place] = FoundItem(found[place].row, value if passed else None)
        return [hit for hit in found if hit.value is not None]

    def rows(self, view: ItemView, ids: Sequence[int]) -> Operation[list[ItemRow]]:
        """Those of some items that are there, in any order."""
        found: list[ItemRow] = []
        for some in batches(ids):
            where, params = self._dialect.among("i.id", some)
            rows = yield Query(
                f"SELECT {_COLUMNS} FROM {view.items} WHERE i.value IS NOT NULL AND {where}",
                [*view.params, *params],
            )
            found += map(ItemRow._make, rows)
        return found

    def order(self, row: ItemRow) -> tuple[int, int]:
        """What sorts items in the order of search."""
        return (-row.rank, -row.id) if self.newest_first else (row.ns, row.rank)

    def _page(
        self,
        view: ItemView,
        within: Condition,
        filter: Mapping[str, Any],
        after: ItemRow | None,
        size: int | None,
    ) -> Operation[list[ItemRow]]:
        """Items that may pass a filter, in the order of search, after one of them."""
        where = ["i.value IS NOT NULL", within[0]]
        params = [*view.params, *within[1]]
        if self.newest_first:
            order, place, last = "i.rank DESC, i.id DESC", "(i.rank, i.id) < (?, ?)", ("rank", "id")
        else:
            order, place, last = "i.ns, i.rank", "(i.ns, i.rank) > (?, ?)", ("ns", "rank")
        if after is not None:
            where.append(place)
            params += [getattr(after, name) for name in last]
        condition, given = prefilter(filter, self._dialect)
        where.append(condition)
        params += given
        limit = "" if size is None else f" LIMIT {size}"
        rows = yield Query(
            f"SELECT {_COLUMNS} FROM {view.items} WHERE {' AND '.join(where)} ORDER BY {order}{limit}",
            params,
        )
        return [ItemRow._make(row) for row in rows]

    def scan(
        self, prefix: Namespace, filter: Mapping[str, Any], view: ItemView, after: ItemRow | None, size: int
    ) -> Operation[tuple[list[SearchItem], ItemRow | None]]:
        """One page of all items of the namespaces that begin so, for who goes through them page by page.

        Args:
            prefix: how the namespaces begin.
            filter: what the items pass; empty for all.
            view: what is seen.
            after: where the page before ended; None for the first.
            size: how many items are looked at.

        Returns:
            The items that pass, and where the page ended; None where it was the last.
        """
        yield READ
        where, params = starting("path", prefix)
        inside = f"i.ns IN (SELECT id FROM lgviz_namespaces WHERE {where})", params
        page = yield from self._page(view, inside, filter, after, size)
        hits = yield from self.passing(page, filter)
        paths = yield from self._paths({hit.row.ns for hit in hits})
        return _search_items(hits, paths), page[-1] if len(page) == size else None

    # -- namespaces

    def namespace_ids(self, namespaces: Iterable[Namespace]) -> Operation[dict[Namespace, int]]:
        """The ids of namespaces that hold items, or once did: the older, the less."""
        yield READ
        queries, names = self.namespace_queries(namespaces)
        found = yield Batch(queries)
        return {names[bytes(path)]: id for rows in found for path, id in rows}

    def namespace_queries(
        self, namespaces: Iterable[Namespace]
    ) -> tuple[list[Query], dict[bytes, Namespace]]:
        """What asks for the paths and ids of some namespaces, and which path is whose."""
        names = {pack_path(namespace): namespace for namespace in namespaces}
        queries = []
        for some in batches(names):
            where, params = self._dialect.among("path", some)
            queries.append(Query(f"SELECT path, id FROM lgviz_namespaces WHERE {where}", params))
        return queries, names

    def _paths(self, ids: Iterable[int]) -> Operation[dict[int, bytes]]:
        paths: dict[int, bytes] = {}
        for some in batches(sorted(ids)):
            where, params = self._dialect.among("id", some)
            paths.update((yield Query(f"SELECT id, path FROM lgviz_namespaces WHERE {where}", params)))
        return paths

    def _namespaces(self, op: ListNamespacesOp, view: ItemView) -> Operation[list[Namespace]]:
        conditions = op.match_conditions or ()
        where, params = starting("path", literal(conditions))
        rows = yield Query(
            f"""SELECT path FROM lgviz_namespaces n WHERE {where} AND EXISTS
                (SELECT 1 FROM {view.items} WHERE i.ns = n.id AND i.value IS NOT NULL)""",
            [*params, *view.params],
        )
        found = [read_path(path) for (path,) in rows]
        found = [namespace for namespace in found if all(matches(each, namespace) for each in conditions)]
        if op.max_depth is not None:
            found = list({namespace[: op.max_depth] for namespace in found})
        return sorted(found)[op.offset : op.offset + op.limit]


def starting(column: str, prefix: Sequence[str]) -> tuple[str, list[Any]]:
    """A condition that a namespace's path begins so."""
    bounds = below(prefix)
    return ("TRUE", []) if bounds is None else (f"{column} >= ? AND {column} < ?", list(bounds))


def _item(op: GetOp, value: Any, created: datetime, updated: datetime) -> Item:
    return Item(value=value, key=op.key, namespace=op.namespace, created_at=created, updated_at=updated)


def _search_items(hits: Iterable[FoundItem], paths: Mapping[int, bytes]) -> list[SearchItem]:
    return [
        SearchItem(
            read_path(paths[row.ns]),
            read_key(row.key),
            value,
            as_datetime(row.created),
            as_datetime(row.updated),
            score,
        )
        for row, value, score in hits
    ]
