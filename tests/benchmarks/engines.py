"""What the index of a thread and one state cost on each engine: the tables of docs/SOURCES.md.

python tests/benchmarks/engines.py [mysql …] --checkpoints 300 3000
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lgviz.sources import open_source
from lgviz.sources.langgraph.any_saver import ListedSource
from tests.support.engines import ENGINES
from tests.support.savers import text


class State(TypedDict):
    step: int
    notes: list[str]


def grown(saver: Any, checkpoints: int) -> None:
    """A thread of that many checkpoints, each with a state of 4 KB of which all is new."""
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(State)
    builder.add_node(
        "go", lambda s: {"step": s["step"] + 1, "notes": [text(s["step"] * 8 + n) for n in range(8)]}
    )
    builder.add_edge(START, "go")
    builder.add_conditional_edges("go", lambda s: "go" if s["step"] < checkpoints - 2 else END, ["go", END])
    graph = builder.compile(checkpointer=saver)
    graph.invoke(
        {"step": 0, "notes": []}, {"configurable": {"thread_id": "1"}, "recursion_limit": checkpoints + 5}
    )


def seconds(act: Callable[[], Any], times: int = 5) -> float:
    """The fastest of some runs."""

    def once() -> float:
        start = time.perf_counter()
        act()
        return time.perf_counter() - start

    return min(once() for _ in range(times))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("engines", nargs="*", default=list(ENGINES))
    parser.add_argument("--checkpoints", type=int, nargs="+", default=[300, 3000])
    asked = parser.parse_args()
    print("| engine | checkpoints | index | what is new: nothing | one state | index through `list` |")
    print("|---|---|---|---|---|---|")
    for engine in asked.engines:
        start, database_of = ENGINES[engine]
        with start() as server:
            for checkpoints in asked.checkpoints:
                database = database_of(server)
                saver = database.saver()
                grown(saver, checkpoints)
                what = database.places("1")[0] if engine == "bundle" else saver
                source, listed = open_source(what), ListedSource(saver)
                index = source.index("1")
                assert len(index.checkpoints) == checkpoints
                last = index.checkpoints[-1].id
                told = [
                    seconds(lambda source=source: source.index("1")),
                    seconds(lambda source=source, token=index.token: source.index("1", token)),
                    seconds(lambda source=source, last=last: source.record("1", "", last)),
                ]
                if (
                    checkpoints == asked.checkpoints[0] and engine != "bundle"
                ):  # longer threads may take minutes
                    told.append(seconds(lambda listed=listed: listed.index("1"), 1))
                figures = " | ".join(f"{figure * 1000:,.1f} ms" for figure in told)
                print(f"| {engine} | {checkpoints:,} | {figures} |", flush=True)
                source.close()
                database.close()


if __name__ == "__main__":
    main()
