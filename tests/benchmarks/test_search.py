"""Searching a chat of gigabytes: hits stream, a cancel ends it, memory stays small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.long_threads import chat_graph, connect, seed_chat
from tests.support.report import Report

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

TURNS = 1_000
PROGRAM = """
import json, resource, sys, time
import lgviz
from lgviz.analysis.search import search

history = lgviz.history(sys.argv[1], "chat")
start, first, hits = time.perf_counter(), None, 0
for hit in search(history, sys.argv[2]):
    first = first or time.perf_counter() - start
    hits += 1
whole = time.perf_counter() - start

start, asked = time.perf_counter(), 0
def cancelled():
    global asked
    asked += 1
    return asked > 20
for hit in search(history, "no such words anywhere", cancelled):
    pass
stopped = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(dict(rows=len(history), hits=hits, first=first, whole=whole, stopped=stopped, peak=peak)))
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a chat of 1,000 turns: 3,000 checkpoints, each with the whole conversation so far."""
    path = tmp_path_factory.mktemp("search") / "chat.db"
    seed_chat(chat_graph(connect(path)), "chat", TURNS)
    return path


def test_search_of_a_long_chat(file: Path, report: Report) -> None:
    command = [sys.executable, "-c", PROGRAM, str(file), "model"]
    seen: dict[str, Any] = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout
    )
    assert seen["rows"] == 3 * TURNS
    assert seen["hits"] >= TURNS, "each step of the node is a hit"
    report.note(
        "search of a chat, 3,000 checkpoints", f"{file.stat().st_size / 1e9:.1f} GB, {seen['whole']:.1f} s"
    )
    report.hold("its first hit, against the whole search", seen["first"] / seen["whole"], 1 / 4, "{:.3f}")
    report.hold("a cancelled search, against the whole", seen["stopped"] / seen["whole"], 1 / 4, "{:.3f}")
    report.hold("peak memory of the process that searches", seen["peak"], 200, "{:.0f} MB")
