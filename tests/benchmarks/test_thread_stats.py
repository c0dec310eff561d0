"""What it costs to tell of 100,000 threads at once, none of whose values is opened."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

import lgviz
from tests.support.many_threads import THREADS, in_postgres, in_sqlite
from tests.support.report import Report

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

SECONDS = 5


@pytest.mark.parametrize("kind", ["langgraph", "lgviz"])
@pytest.mark.parametrize("database", ["SQLite", "PostgreSQL"])
def test_stats_of_many_threads(
    kind: str, database: str, report: Report, tmp_path: Path, postgres_uri: Callable[[], str]
) -> None:
    where = (
        in_sqlite(tmp_path / "threads.db", kind)
        if database == "SQLite"
        else in_postgres(postgres_uri(), kind)
    )
    times = []
    for _ in range(3):
        began = time.perf_counter(), time.process_time()
        frame = lgviz.thread_stats(where)
        times.append((time.perf_counter() - began[0], time.process_time() - began[1]))
    took, busy = min(times)
    assert len(frame) == THREADS and set(frame["last_node"]) == {"node_b"} and set(frame["steps"]) == {6}
    name = "LangGraph" if kind == "langgraph" else "lgviz"
    report.hold(
        f"thread_stats of {THREADS:,} threads of {name} in {database}",
        took,
        SECONDS,
        "{:.2f} s",
        f"{took:.2f} s, {busy:.2f} s of them at work in this process",
    )
