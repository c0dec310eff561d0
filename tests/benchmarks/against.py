"""This checkout against another one, figure by figure: what a change of the code costs or saves.

    python tests/benchmarks/against.py ../old/.venv/bin/python             # the interpreter that imports the other
    python tests/benchmarks/against.py ../old/.venv/bin/python --rounds 3 --only "chat sqlite" stores

Each measurement runs in a process of its own, the two checkouts in turn, so that a busy machine is as busy for both. Printed
are the medians, and *new/old*; a figure that is more than a tenth worse is marked.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from persistence import measure_channels, measure_chat, measure_index, measure_writers
from stores import operations, place, postgres, value

SLOWER = 1.1
"""From which ratio on a figure is marked."""
HIGHER_IS_BETTER = ("puts a second",)


def saver_measure(measure: Callable[..., dict[str, float]], database: str, *args: Any) -> dict[str, float]:
    """One of ``persistence.py``'s measurements, of lgviz's savers alone."""
    where = args[0]
    found = measure("lgviz", database, *args)
    if measure is measure_chat and database == "sqlite":
        found |= measure_index("lgviz", database, where, args[1])
    return found


def measure_store(kind: str, where: str, items: int) -> dict[str, float]:
    """Milliseconds of each operation of a store that holds so many items."""
    from langgraph.store.base import PutOp

    from lgviz.persistence import InMemoryStore, PostgresStore, SqliteStore

    with ExitStack() as stack:
        if kind == "memory":
            store: Any = InMemoryStore()
        else:
            made = SqliteStore if kind == "sqlite" else PostgresStore
            store = stack.enter_context(made.from_conn_string(where))
        start = time.perf_counter()
        for first in range(0, items, 500):
            store.batch([PutOp(place(n), f"key-{n}", value(n)) for n in range(first, first + 500)])
        found = {"put in batches of 500": (time.perf_counter() - start) * 1000 / items}
        middle = time.time()
        calls = operations(items)
        for name, (call, times) in calls.items():
            found[name] = median_ms(partial(call, store), times)
        for name in ("get", "search a user"):
            call, times = calls[name]
            found[f"as of: {name}"] = median_ms(partial(call, store.as_of(middle)), times)
    return found


def measure_vectors(kind: str, where: str, items: int) -> dict[str, float]:
    """Milliseconds of semantic search in a store that holds so many embedded items."""
    from langgraph.store.base import PutOp
    from vectors import QUERIES, opened

    with opened("lgviz", kind, where) as store:
        start = time.perf_counter()
        for first in range(0, items, 500):
            store.batch(
                [
                    PutOp(("m", f"u{n % 100}"), str(n), {"text": f"memory {n}", "n": n})
                    for n in range(first, first + 500)
                ]
            )
        found = {"put in batches of 500": (time.perf_counter() - start) * 1000 / items}
        found["search all"] = median_ms(lambda n: store.search(("m",), query=QUERIES[n]), 15)
        found["search one of 100 namespaces"] = median_ms(
            lambda n: store.search(("m", f"u{n}"), query=QUERIES[n]), 15
        )
    return found


def measure_read_model(database: str, where: str, turns: int) -> dict[str, float]:
    """Milliseconds of looking at a chat that LangGraph's or lgviz's ``SqliteSaver`` wrote, and of a fork of it."""
    from seeds import chat_graph, connect, seed_chat

    import lgviz

    if database == "lgviz":
        from lgviz.persistence import SqliteSaver

        graph = chat_graph(SqliteSaver.from_conn_string(where))
    else:
        graph = chat_graph(connect(Path(where)))
    seed_chat(graph, "chat", turns)
    history = lgviz.history(graph, "chat")
    middle = history[len(history) // 2]
    return {
        "tree": median_ms(lambda _: lgviz.history(graph, "chat"), 7),
        "refresh": median_ms(lambda _: history.refresh(), 20),
        "one state": median_ms(lambda n: lgviz.history(graph, "chat")[100 + n].values, 7),
        "diff": median_ms(lambda n: history.diff(f"c{100 + n}", f"c{110 + n}"), 7),
        "preview": median_ms(
            lambda _: lgviz.preview(graph, middle, {"messages": [("user", "x")]}, as_node="model"), 7
        ),
        "fork": median_ms(
            lambda _: lgviz.fork(graph, middle, {"messages": [("user", "x")]}, as_node="model"), 7
        ),
    }


def measure_import(_: str, __: str) -> dict[str, float]:
    """Milliseconds of imports in a fresh process."""

    def fresh(line: str) -> float:
        return median_ms(lambda _: subprocess.run([sys.executable, "-c", line], check=True), 3)

    return {
        "import lgviz.persistence": fresh("import lgviz.persistence"),
        "import lgviz": fresh("import lgviz"),
    }


def median_ms(call: Callable[[int], Any], times: int) -> float:
    """Median milliseconds of some calls."""
    taken = []
    for n in range(times):
        start = time.perf_counter()
        call(n)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1000


MEASURES: dict[str, tuple[Callable[..., dict[str, float]], list[Any]]] = {
    "chat sqlite 100": (partial(saver_measure, measure_chat), ["sqlite", 100]),
    "chat sqlite 300": (partial(saver_measure, measure_chat), ["sqlite", 300]),
    "chat memory 100": (partial(saver_measure, measure_chat), ["memory", 100]),
    "chat postgres 100": (partial(saver_measure, measure_chat), ["postgres", 100]),
    "chat sqlite delta 100": (partial(saver_measure, measure_chat), ["sqlite", 100, True]),
    "channels sqlite": (partial(saver_measure, measure_channels), ["sqlite", "lists"]),
    "channels postgres": (partial(saver_measure, measure_channels), ["postgres", "strings"]),
    "writers sqlite": (partial(saver_measure, measure_writers), ["sqlite", 100]),
    "stores memory": (measure_store, ["memory", 5_000]),
    "stores sqlite": (measure_store, ["sqlite", 5_000]),
    "stores postgres": (measure_store, ["postgres", 5_000]),
    "vectors sqlite": (measure_vectors, ["sqlite", 3_000]),
    "vectors postgres": (measure_vectors, ["postgres", 3_000]),
    "look at LangGraph's tables": (measure_read_model, ["langgraph", 120]),
    "look at lgviz's tables": (measure_read_model, ["lgviz", 120]),
    "import": (measure_import, [""]),
}


def run(python: str, name: str, where: str) -> dict[str, float]:
    """One measurement by one interpreter."""
    command = [python, __file__, "--measure", json.dumps([name, where])]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tempfile.gettempdir(), check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("other", nargs="?", help="the interpreter of the other checkout's environment")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=[""], help="measurements whose names begin so")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        name, where = json.loads(options.measure)
        call, (kind, *rest) = MEASURES[name]
        print(json.dumps(call(kind, where, *rest)))
        return
    if not options.other:
        parser.error("name the interpreter of the other checkout's environment")
    with tempfile.TemporaryDirectory() as folder, postgres() as database:
        for name, (_, args) in MEASURES.items():
            if not name.startswith(tuple(options.only)):
                continue
            found: tuple[list[dict[str, float]], list[dict[str, float]]] = ([], [])
            for round_ in range(options.rounds):
                pythons = list(enumerate((options.other, sys.executable)))
                for side, python in pythons if round_ % 2 == 0 else reversed(pythons):
                    file = f"{folder}/{abs(hash(name))}-{round_}-{side}.db"
                    found[side].append(run(python, name, database() if args[0] == "postgres" else file))
                    for path in Path(folder).iterdir():
                        path.unlink()
            print(f"\n{name:36}{'old':>12}{'new':>12}{'new/old':>10}", flush=True)
            for key in found[1][0]:
                old, new = (statistics.median(one[key] for one in side) for side in found)
                ratio = new / old if old else float(new > 0) + 1
                worse = 1 / ratio if key in HIGHER_IS_BETTER and ratio else ratio
                print(
                    f"  {key:34}{old:12,.3f}{new:12,.3f}{ratio:10.2f}{'  slower' if worse > SLOWER else ''}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
