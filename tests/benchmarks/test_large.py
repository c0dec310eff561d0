"""Threads that are wide or deep, and states of 50 MB: what opening, selecting and comparing costs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint

import lgviz
from lgviz.backend import Backend
from tests.support.long_threads import connect, seed_loop
from tests.support.report import Report

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

WIDE, DEEP = 1_000, 100_000
ANSWER = 100_000
"""Characters that an answer about a value of any size may have."""


def timed(report: Report, what: str, act: Callable[[], Any]) -> Any:
    began, worked = time.perf_counter(), time.process_time()
    found = act()
    wall, busy = time.perf_counter() - began, time.process_time() - worked
    report.note(what, f"{wall * 1000:.0f} ms, {busy * 1000:.0f} ms of them at work in this process")
    return found


def put(saver: Any, parent: str | None, values: dict[str, Any], step: int, version: int) -> str:
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = values
    checkpoint["channel_versions"] = dict.fromkeys(values, version)
    config: Any = {"configurable": {"thread_id": "1", "checkpoint_ns": "", "checkpoint_id": parent}}
    metadata: Any = {"source": "loop" if parent else "input", "step": step, "parents": {}}
    return str(saver.put(config, checkpoint, metadata, {})["configurable"]["checkpoint_id"])


def test_a_thousand_forks_of_one_checkpoint(report: Report, tmp_path: Path) -> None:
    saver = connect(tmp_path / "wide.db")
    root = put(saver, None, {"a": 0}, -1, 1)
    for number in range(WIDE):
        first = put(saver, root, {"a": number}, 0, number + 2)
        put(saver, first, {"a": -number}, 1, number + WIDE + 2)
    saver.conn.close()
    history = timed(report, f"{WIDE:,} forks: opened", lambda: lgviz.history(tmp_path / "wide.db"))
    assert len(timed(report, f"{WIDE:,} forks: all branches", lambda: history.branches)) == WIDE
    selected_and_compared(report, f"{WIDE:,} forks", tmp_path / "wide.db", 2 * WIDE + 1)


def test_a_chain_of_a_hundred_thousand(report: Report, tmp_path: Path) -> None:
    saver = connect(tmp_path / "deep.db")
    seed_loop(saver, "1", DEEP)
    saver.conn.close()
    selected_and_compared(report, f"{DEEP:,} checkpoints", tmp_path / "deep.db", DEEP)


def selected_and_compared(report: Report, named: str, file: Path, count: int) -> None:
    backend = Backend(file, lambda *_: None)
    opened = timed(
        report, f"{named}: opened in the debugger", lambda: backend.request("thread_open", thread_id="1")
    )
    ids = opened["tree"]["ids"]
    assert len(ids) == count
    for row in (count - 1, count // 2):
        get = partial(backend.request, "checkpoint_get", checkpoint=ids[row])
        view = timed(report, f"{named}: row {row:,} selected", get)
        assert len(json.dumps(view, default=str)) < ANSWER
    timed(
        report,
        f"{named}: the diff of rows 10 and {count - 10:,}",
        lambda: backend.request("diff_get", before=ids[10], after=ids[count - 10], internal=False),
    )
    timed(report, f"{named}: refreshed, nothing new", lambda: backend.request("thread_refresh"))
    backend.close()


def test_states_of_50_megabytes(report: Report, tmp_path: Path) -> None:
    """Shown by their outline, and by the parts that are opened."""
    saver = connect(tmp_path / "big.db")
    rows = [{"n": number, "text": "y" * 100} for number in range(220_000)]
    first = put(saver, None, {"text": "x" * 25_000_000, "rows": rows}, -1, 1)
    put(saver, first, {"text": "x" * 25_000_000 + "z", "rows": [*rows, {"n": -1, "text": "new"}]}, 0, 2)
    saver.conn.close()
    assert (tmp_path / "big.db").stat().st_size > 2 * 50_000_000
    backend = Backend(tmp_path / "big.db", lambda *_: None)
    ids = backend.request("thread_open", thread_id="1")["tree"]["ids"]
    requests: dict[str, Callable[[], Any]] = {
        "the outline": lambda: backend.request("checkpoint_get", checkpoint=ids[1]),
        "items 100,000 to 100,050": lambda: backend.request(
            "value_get", checkpoint=ids[1], channel="rows", path=[], offset=100_000, limit=50
        ),
        "a part of a text": lambda: backend.request(
            "value_get", checkpoint=ids[1], channel="text", path=[], offset=20_000_000, limit=2_000
        ),
        "the diff of two": lambda: backend.request("diff_get", before=ids[0], after=ids[1], internal=False),
    }
    for what, act in requests.items():
        assert len(json.dumps(timed(report, f"states of 50 MB: {what}", act), default=str)) < ANSWER
    backend.close()
