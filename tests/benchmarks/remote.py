"""What reading a LangGraph server costs, against a real one: ``python tests/benchmarks/remote.py``."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from langgraph_sdk import get_sync_client

import lgviz
from tests.support.langgraph_server import langgraph_dev, run

SIZES = (300, 3_000)
TIMES = 5


def took(work: Callable[[], Any]) -> str:
    """The median of a few goes."""
    seconds = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return f"{median(seconds) * 1000:,.1f} ms"


def main() -> None:
    print("| checkpoints | index | one state | a refresh, nothing new |\n|---|---|---|---|")
    with (
        tempfile.TemporaryDirectory() as folder,
        langgraph_dev(Path(folder)) as url,
        get_sync_client(url=url) as sdk,
    ):
        for size in SIZES:
            given = {"until": size - 2}
            thread = run(sdk, "counter", given, config={"recursion_limit": 2 * size})
            source = lgviz.open_source(url)
            history = lgviz.history(source, thread)
            assert len(history) == size
            place = (thread, "", history[size // 2].id)
            costs = (
                took(lambda source=source, thread=thread: source.index(thread)),
                took(lambda source=source, place=place: source.record(*place)),
                took(history.refresh),
            )
            print(f"| {size:,} | {' | '.join(costs)} |")
            source.close()


if __name__ == "__main__":
    main()
