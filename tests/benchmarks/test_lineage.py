"""What it costs to let a new thread continue the path of a long one."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest

import lgviz
from lgviz import session
from lgviz.demos import two_nodes
from lgviz.persistence import SqliteSaver
from tests.support.report import Report

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

CHECKPOINTS = 10_000


@pytest.fixture(scope="module")
def long_thread(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A graph whose thread has 10,000 checkpoints, made of its last step again and again."""
    saver = SqliteSaver.from_conn_string(str(tmp_path_factory.mktemp("lineage") / "threads.db"))
    graph = two_nodes.build(saver)
    run = lgviz.start(graph, {"foo": "", "bar": []}, "a")
    last = saver.get_tuple(run.config)
    assert last is not None
    config = run.config
    for number in range(CHECKPOINTS - len(run.configs)):
        version = saver.get_next_version(last.checkpoint["channel_versions"]["foo"], None)
        checkpoint: Any = {
            **last.checkpoint,
            "id": f"{last.checkpoint['id'][:-6]}{number:06x}",
            "channel_values": {**last.checkpoint["channel_values"], "foo": f"{number}"},
            "channel_versions": {**last.checkpoint["channel_versions"], "foo": version},
        }
        config = saver.put(config, checkpoint, {**last.metadata, "step": number + 3}, {"foo": version})
    yield graph, config
    saver.close()


def test_fork_into_a_new_thread(long_thread: Any, report: Report) -> None:
    graph, config = long_thread
    saver = graph.checkpointer
    shared = median(lambda name: saver.fork_thread(config, name))
    edit = session.Edit({"foo": "x"}, "node_a")
    apart = median(lambda name: lgviz.fork(graph, config, {"foo": "x"}, "node_a", new_thread=f"fork {name}"))
    within = median(lambda _: session.forked(graph, config, edit))
    what = f"of a thread of {CHECKPOINTS:,} checkpoints"
    report.hold(f"saver.fork_thread {what}", shared * 1000, 50, "{:.1f} ms")
    report.hold(f"a fork into a new thread, with its update, {what}", apart * 1000, 50, "{:.1f} ms")
    report.note("the same update as a fork within the thread", f"{within * 1000:.1f} ms")
    first = timed(lambda: saver.index("0"))
    again = timed(lambda: saver.index("0"))
    own = timed(lambda: saver.index("a"))
    both = f"{first * 1000:.0f}, {again * 1000:.0f} ms"
    report.note("index of such a thread, the first and the second time", both)
    report.note("index of the thread that it left", f"{own * 1000:.0f} ms")
    deleted = timed(lambda: saver.delete_thread("a"))
    report.note("deleting the thread that ten others left", f"{deleted * 1000:.0f} ms")
    assert len(saver.index("0").checkpoints) == CHECKPOINTS and saver.check() == []


def median(work: Callable[[str], Any]) -> float:
    return statistics.median(timed(lambda: work(f"{n}")) for n in range(5))  # noqa: B023


def timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
