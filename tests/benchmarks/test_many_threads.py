"""What the list of 100,000 threads costs: its first page, the next, a search, and opening the newest."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lgviz
from lgviz.backend import Backend
from lgviz.sources import open_source
from tests.support.many_threads import THREADS, in_postgres, in_sqlite
from tests.support.report import Report

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

MILLISECONDS = 300


@pytest.mark.parametrize("kind", ["langgraph", "lgviz"])
@pytest.mark.parametrize("database", ["SQLite", "PostgreSQL"])
def test_pages_of_many_threads(
    kind: str, database: str, report: Report, tmp_path: Path, postgres_uri: Callable[[], str]
) -> None:
    file = tmp_path / "threads.db"
    where: Any = in_sqlite(file, kind) if database == "SQLite" else in_postgres(postgres_uri(), kind)
    named = f"{THREADS:,} threads of {'LangGraph' if kind == 'langgraph' else kind} in {database}"
    source = open_source(where)
    first = source.find_threads()
    assert (len(first.threads), first.total) == (50, THREADS) and {one.count for one in first.threads} == {6}
    after = source.find_threads(after=first.after)
    assert not {one.thread_id for one in first.threads} & {one.thread_id for one in after.threads}
    assert source.find_threads("9999").total == 19
    report.note(f"next page of {named}", milliseconds(lambda: source.find_threads(after=first.after)))
    report.note(f"search in {named}", milliseconds(lambda: source.find_threads("9999")))
    report.note(f"opening the newest of {named}", milliseconds(lambda: lgviz.history(where)))
    took = []
    for _ in range(3):  # a new backend each time: it remembers statuses
        backend = Backend(where, lambda *_: None)
        began = time.perf_counter()
        assert backend.request("threads_list", query="", after=None, limit=50)["total"] == THREADS
        took.append(time.perf_counter() - began)
        backend.close()
    report.hold(f"first page of {named}, with each status", min(took) * 1000, MILLISECONDS, "{:.0f} ms")


def milliseconds(act: Callable[[], Any]) -> str:
    took = []
    for _ in range(3):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return f"{min(took) * 1000:.0f} ms"
