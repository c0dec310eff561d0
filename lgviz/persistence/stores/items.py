"""A batch of a store's operations: what is true now is read, and what changes becomes a version."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from langgraph.store.base import GetOp, Item, ListNamespacesOp, Op, Result, SearchItem, SearchOp

from lgviz.persistence.blocks.store import BlockGone
from lgviz.persistence.database.statements import GLANCE, READ, WRITE, Batch, Many, Operation, Query

from .changing import Change, Changing, groups, micros, micros_of, moment
from .filters import passes
from .namespaces import Namespace, Place, below, literal, matches, pack_key, pack_path, read_key, read_path
from .provenance import NOBODY, Writer
from .sieve import sieve
from .values import PLAIN

_PAGE, _PAGES = 128, 16_384
"""How many items a filter is first tried on; and from then on."""
_COLUMNS = "i.id, i.ns, i.key, i.rank, i.created, i.updated, i.ttl, i.value"


class View(NamedTuple):
    """The items that are seen, as ``i``: a table or a subquery, and its parameters."""

    items: str
    params: tuple[Any, ...] = ()


NOW = View("lgviz_items i")


def unexpired() -> View:
    """What is not expired, swept or not."""
    return View("(SELECT * FROM lgviz_items WHERE expires IS NULL OR expires > ?) i", (micros(),))


def as_of(at: int) -> View:
    """What was true at a time."""
    return View(
        """(SELECT id, ns, key, rank, created, updated, NULL AS ttl, value FROM lgviz_items WHERE updated <= ?
            UNION ALL SELECT l.id, l.ns, l.key, p.rank, p.created, p.at, NULL, p.value
            FROM lgviz_items l JOIN lgviz_past p ON p.item = l.id WHERE p.at <= ? AND p.until > ?) i""",
        (at, at, at),
    )


class Row(NamedTuple):
    """An item as it lies in its row."""

    id: int
    ns: int
    key: bytes
    rank: int
    created: int
    updated: int
    ttl: float | None
    value: bytes


class Found(NamedTuple):
    """An item that a search found."""

    row: Row
    value: Any
    score: float | None = None


Within: TypeAlias = tuple[str, Sequence[Any]]
"""A condition on the item ``i``, and its parameters."""
Find: TypeAlias = Callable[[SearchOp, View, Within], Operation[list[Found]]]


class Items(Changing):
    """A batch of operations on what is true now."""

    def batch(
        self,
        ops: Sequence[Op],
        changes: Sequence[Change] = (),
        writer: Writer = NOBODY,
        view: View = NOW,
        find: Mapping[int, Find] | None = None,
    ) -> Operation[list[Result]]:
        """Answer all that is asked as it was before, then make the changes; all of it or nothing.

        Args:
            ops: what LangGraph's interface was asked, checked.
            changes: those of them that change something, at most one for each item.
            writer: who makes the changes.
            view: what is seen.
            find: what finds the items of searches that have a query, by their places in ``ops``.
        """
        find = find or {}
        # One answer is true of one moment without a transaction around it, unless it is read in pages.
        alone = not changes and len(ops) == 1 and not find and not getattr(ops[0], "filter", None)
        self.blocks.joined = bool((yield WRITE if changes else GLANCE if alone else READ))
        try:
            results, read = yield from self._answer(ops, view, find, whole=alone)
        except BlockGone:
            yield READ
            results, read = yield from self._answer(ops, view, find)
        fresh = {row.id: row.ttl for row in read if row.ttl is not None}
        if fresh:
            if not changes:
                yield WRITE
            now = micros()
            yield Many(
                "UPDATE lgviz_items SET expires = ? WHERE id = ? AND ttl IS NOT NULL",
                [(now + micros_of(ttl), id) for id, ttl in sorted(fresh.items())],
            )
        if changes:
            yield from self.change(changes, writer)
        return results

    def _answer(
        self, ops: Sequence[Op], view: View, find: Mapping[int, Find], *, whole: bool = False
    ) -> Operation[tuple[list[Result], list[Row]]]:
        """The answers, and the rows whose end reading puts off.

        Raises:
            BlockGone: a node is missing, and ``whole`` is asked for.
        """
        results: list[Result] = [None] * len(ops)
        read: list[Row] = []
        gets = [(index, op) for index, op in enumerate(ops) if isinstance(op, GetOp)]
        if gets:
            yield from self._get(gets, results, view, read, whole)
        for index, op in enumerate(ops):
            if isinstance(op, SearchOp):
                results[index] = yield from self._search(
                    op, view, read, find.get(index) or partial(self.found, whole=whole)
                )
            elif isinstance(op, ListNamespacesOp):
                results[index] = yield from self._namespaces(op, view)
        return results, read

    def _get(
        self,
        gets: Sequence[tuple[int, GetOp]],
        results: list[Result],
        view: View,
        read: list[Row],
        whole: bool,
    ) -> Operation[None]:
        by_namespace: dict[Namespace, dict[str, bool]] = defaultdict(dict)
        for _, op in gets:
            keys = by_namespace[op.namespace]
            keys[op.key] = keys.get(op.key, False) or op.refresh_ttl
        rows: dict[Place, Row] = {}
        for namespace, keys in by_namespace.items():
            for group in groups(list(keys)):
                where, params = self.dialect.among("i.key", [pack_key(key) for key in group])
                found = yield Query(
                    f"""SELECT {_COLUMNS} FROM {view.items} WHERE i.value IS NOT NULL
                        AND i.ns = (SELECT id FROM lgviz_namespaces WHERE path = ?) AND {where}""",
                    [*view.params, pack_path(namespace), *params],
                )
                for row in map(Row._make, found):
                    key = read_key(row.key)
                    rows[namespace, key] = row
                    if keys[key]:
                        read.append(row)
        wanted = [
            (index, op, rows[op.namespace, op.key]) for index, op in gets if (op.namespace, op.key) in rows
        ]
        values = yield from self.read_values((row.value for _, _, row in wanted), whole=whole)
        for (index, op, row), value in zip(wanted, values, strict=True):
            results[index] = Item(
                value=value,
                key=op.key,
                namespace=op.namespace,
                created_at=moment(row.created),
                updated_at=moment(row.updated),
            )

    def _search(self, op: SearchOp, view: View, read: list[Row], find: Find) -> Operation[list[SearchItem]]:
        where, params = starting("path", op.namespace_prefix)
        # One namespace is the usual case, and its items lie in order.
        spaces = yield Query(f"SELECT id, path FROM lgviz_namespaces WHERE {where} LIMIT 2", params)
        if not spaces or not op.limit:
            return []
        if len(spaces) == 1:
            within: Within = "i.ns = ?", [spaces[0][0]]
        else:
            within = f"i.ns IN (SELECT id FROM lgviz_namespaces WHERE {where})", params
        found = yield from find(op, view, within)
        paths = dict(spaces)
        if len(spaces) > 1:
            paths = yield from self._paths({hit.row.ns for hit in found})
        if op.refresh_ttl:
            read += [hit.row for hit in found]
        return [
            SearchItem(
                read_path(paths[row.ns]),
                read_key(row.key),
                value,
                moment(row.created),
                moment(row.updated),
                score,
            )
            for row, value, score in found
        ]

    def found(
        self,
        op: SearchOp,
        view: View,
        within: Within,
        *,
        skip: Collection[int] = (),
        whole: bool = False,
    ) -> Operation[list[Found]]:
        """The items that pass a search's filter, in the order of search, without those of some ids."""
        start, stop = op.offset, op.offset + op.limit
        found: list[Found] = []
        after: Row | None = None
        size = None if min(op.offset, op.limit) < 0 else max(_PAGE, stop) if op.filter or skip else stop
        while True:
            page = yield from self._page(view, within, op.filter or {}, after, size)
            rest = [row for row in page if row.id not in skip]
            found += yield from self.passing(rest, op.filter, whole=whole)
            if size is None or len(page) < size or len(found) >= stop:
                return found[start:stop]
            after, size = page[-1], max(_PAGES, stop)

    def passing(
        self, rows: Sequence[Row], filter: Mapping[str, Any] | None, *, whole: bool = False
    ) -> Operation[list[Found]]:
        """Some items, where they pass a filter."""
        if not filter:
            values = yield from self.read_values((row.value for row in rows), whole=whole)
            return [Found(row, value) for row, value in zip(rows, values, strict=True)]
        passing = passes(filter)
        found: list[Found] = []
        others: list[int] = []
        for row in rows:
            if row.value[:1] == PLAIN:
                # One after another: what does not pass is never many.
                value = self.read_plain(row.value)
                if isinstance(value, dict) and passing(value):
                    found.append(Found(row, value))
            else:
                others.append(len(found))
                found.append(Found(row, None))
        if not others:
            return found
        values = yield from self.read_values((found[place].row.value for place in others), whole=whole)
        for place, value in zip(others, values, strict=True):
            found[place] = Found(
                found[place].row, value if isinstance(value, dict) and passing(value) else None
            )
        return [hit for hit in found if hit.value is not None]

    def rows(self, view: View, ids: Sequence[int]) -> Operation[list[Row]]:
        """Those of some items that are there, in any order."""
        found: list[Row] = []
        for group in groups(ids):
            where, params = self.dialect.among("i.id", group)
            rows = yield Query(
                f"SELECT {_COLUMNS} FROM {view.items} WHERE i.value IS NOT NULL AND {where}",
                [*view.params, *params],
            )
            found += map(Row._make, rows)
        return found

    def place(self, row: Row) -> tuple[int, int]:
        """What sorts items in the order of search."""
        return (-row.rank, -row.id) if self.newest_first else (row.ns, row.rank)

    def numbers(self, namespaces: Iterable[Namespace]) -> Operation[dict[Namespace, int]]:
        """The numbers of namespaces that hold items, or once did: the older, the less."""
        yield READ
        queries, names = self._numbers(namespaces)
        found = yield Batch(queries)
        return {names[bytes(path)]: id for rows in found for path, id in rows}

    def _paths(self, numbers: Iterable[int]) -> Operation[dict[int, bytes]]:
        paths: dict[int, bytes] = {}
        for group in groups(sorted(numbers)):
            where, params = self.dialect.among("id", group)
            paths.update((yield Query(f"SELECT id, path FROM lgviz_namespaces WHERE {where}", params)))
        return paths

    def _page(
        self,
        view: View,
        within: Within,
        filter: Mapping[str, Any],
        after: Row | None,
        size: int | None,
    ) -> Operation[list[Row]]:
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
        kept, given = sieve(filter, self.dialect)
        where.append(kept)
        params += given
        limit = "" if size is None else f" LIMIT {size}"
        rows = yield Query(
            f"SELECT {_COLUMNS} FROM {view.items} WHERE {' AND '.join(where)} ORDER BY {order}{limit}",
            params,
        )
        return [Row._make(row) for row in rows]

    def _namespaces(self, op: ListNamespacesOp, view: View) -> Operation[list[Namespace]]:
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
