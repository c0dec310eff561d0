"""What it costs to have the tree of a chat, against LangGraph's own history of it."""

from __future__ import annotations

import gc
import statistics
import time
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver

import lgviz
from lgviz.sources import ThreadIndex, open_source
from tests.support.long_threads import chat_graph, connect, seed_chat
from tests.support.report import Report

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

TURNS = 500
TURNS_IN_POSTGRES = 1000


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The graph of a chat of 500 turns: 1,500 checkpoints, each holding the whole conversation so far."""
    graph = chat_graph(connect(tmp_path_factory.mktemp("chat") / "chat.db"))
    seed_chat(graph, "chat", TURNS)
    return graph


def test_index_of_a_chat(chat: Any, report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"configurable": {"thread_id": "chat"}}
    index = timed(lambda: lgviz.history(chat, "chat"), 7)
    # Not kept: as a list it is 1.5 GB. Without that list LangGraph is only the quicker.
    whole = timed(lambda: deque(chat.get_state_history(config), maxlen=0), 1)

    history = lgviz.history(chat, "chat")
    assert len(history) == 3 * TURNS
    assert {node for checkpoint in history for node in checkpoint.nodes} == {"__start__", "model"}
    unchanged = timed(history.refresh, 7)
    peak = memory_peak(lambda: lgviz.history(chat, "chat"))
    monkeypatch.setenv("LGVIZ_CACHE", str(tmp_path))
    lgviz.history(chat, "chat")
    again = timed(lambda: lgviz.history(chat, "chat"), 7)
    gc.disable()  # as while a history is made
    index_again = timed(lambda: open_source(chat).index("chat"), 7)
    gc.enable()

    report.note(f"get_state_history() of a chat, {3 * TURNS:,} checkpoints", f"{whole:.2f} s")
    report.note("its tree by lgviz.history()", f"{index * 1000:.0f} ms")
    report.hold(
        "tree against get_state_history()",
        index / whole,
        1 / 50,
        "{:.5f}",
        f"1/{whole / index:.0f}",
    )
    report.note("tree once more, by the cache", f"{again * 1000:.0f} ms, 1/{whole / again:.0f}")
    report.hold(
        "index once more, by the cache, against get_state_history()",
        index_again / whole,
        1 / 1000,
        "{:.5f}",
        f"1/{whole / index_again:.0f}",
    )
    report.hold("refresh with nothing new, against the tree", unchanged / index, 1 / 10, "{:.4f}")
    report.hold("memory peak of the tree", peak / 2**20, 20, "{:.1f} MB")


@pytest.fixture(scope="module")
def chat_in_postgres(postgres: Any) -> Iterator[Any]:
    """The graph of such a chat of 1,000 turns."""
    with PostgresSaver.from_conn_string(postgres.get_uri()) as saver:
        saver.setup()
        graph = chat_graph(saver)
        seed_chat(graph, "chat", TURNS_IN_POSTGRES)
        yield graph


def test_index_of_a_chat_in_postgres(chat_in_postgres: Any, report: Report) -> None:
    def index() -> ThreadIndex:
        source = open_source(chat_in_postgres)
        try:
            return source.index("chat")
        finally:
            source.close()

    def tree() -> None:
        lgviz.history(chat_in_postgres, "chat").source.close()

    assert len(index().checkpoints) == 3 * TURNS_IN_POSTGRES
    seconds, whole_tree, peak = timed(index, 7), timed(tree, 7), memory_peak(index)
    history = lgviz.history(chat_in_postgres, "chat")
    unchanged = timed(history.refresh, 7)
    with psycopg.connect(history.source.saver.conn.info.dsn, autocommit=True) as other:
        other.execute("CREATE TABLE elsewhere (x INT)")
        elsewhere = timed(lambda: other.execute("INSERT INTO elsewhere VALUES (1)") and history.refresh(), 7)
    value = timed(lambda: history.source.channels("chat", "", history.latest.id, ["messages"]), 7)
    history.source.close()
    config = {"configurable": {"thread_id": "chat"}}
    whole = timed(lambda: deque(chat_in_postgres.get_state_history(config), maxlen=0), 1)

    report.note(
        f"get_state_history() of a chat in PostgreSQL, {3 * TURNS_IN_POSTGRES:,} checkpoints",
        f"{whole:.2f} s",
    )
    report.note("its index, with connecting", f"{seconds * 1000:.0f} ms")
    report.note("its tree by lgviz.history(), with connecting", f"{whole_tree * 1000:.0f} ms")
    report.note("refresh with nothing new", f"{unchanged * 1000:.2f} ms")
    report.note("refresh where other tables changed", f"{elsewhere * 1000:.1f} ms")
    report.note("one channel's newest value", f"{value * 1000:.1f} ms")
    report.hold(
        "index in PostgreSQL against get_state_history()",
        seconds / whole,
        1 / 1000,
        "{:.5f}",
        f"1/{whole / seconds:.0f}",
    )
    report.hold("memory peak of the index in PostgreSQL", peak / 2**20, 20, "{:.1f} MB")


def timed(act: Callable[[], Any], times: int) -> float:
    """The median of seconds that some runs take."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def memory_peak(act: Callable[[], Any]) -> int:
    """Bytes that Python allocates at most while it runs."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
