"""Threads replayed, from lgviz's database and from LangGraph's, against running free nodes in memory."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

import lgviz
from lgviz import persistence
from tests.support.report import Report

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

THREADS = int(os.environ.get("LGVIZ_BENCH_THREADS", "1000"))
"""What is told of a thousand is scaled from these."""
STEPS = 10
LONG_STEPS, MESSAGES_A_STEP = 500, 4


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    step: int


def build(saver: Any, steps: int, messages: int = 1) -> Any:
    def say(state: State) -> dict[str, Any]:
        said = [AIMessage(f"step {state['step']}, {number}") for number in range(messages)]
        return {"messages": said, "step": state["step"] + 1}

    builder = StateGraph(State)
    builder.add_node("say", say)
    builder.add_edge(START, "say")
    builder.add_conditional_edges("say", lambda s: END if s["step"] >= steps else "say", ["say", END])
    return builder.compile(checkpointer=saver)


def ten_steps() -> Any:
    """The graph that other processes load by its name."""
    return build(None, STEPS)


def run(graph: Any, threads: int, steps: int) -> float:
    """Seconds to run as many threads."""
    start = time.perf_counter()
    for number in range(threads):
        config: Any = {"configurable": {"thread_id": str(number)}, "recursion_limit": steps + 2}
        graph.invoke({"messages": [HumanMessage("go")], "step": 0}, config, durability="sync")
    return time.perf_counter() - start


def measure(kind: str, path: Path, threads: int, steps: int, messages: int) -> tuple[float, float]:
    """Seconds to replay threads from a database, and to run them in memory with nodes that cost nothing."""
    connection = sqlite3.connect(path, check_same_thread=False)
    saver: Any = persistence.SqliteSaver(connection) if kind == "lgviz" else SqliteSaver(connection)
    run(build(saver, steps, messages), threads, steps)
    connection.close()
    start = time.perf_counter()
    found = lgviz.replay(build(None, steps, messages), path)
    took = time.perf_counter() - start
    assert found.ok
    assert (found.served.total(), found.ran.total()) == (threads * steps, 0)
    return took, run(build(InMemorySaver(), steps, messages), threads, steps)


@pytest.mark.parametrize("kind", ["lgviz", "LangGraph"])
def test_threads_of_ten_steps(kind: str, tmp_path: Path, report: Report) -> None:
    took, free = measure(kind, tmp_path / "threads.db", THREADS, STEPS, 1)
    told = f"1,000 threads of {STEPS} steps replayed from {kind}'s database"
    if THREADS != 1000:
        told += f" (by {THREADS:,})"
    report.hold(told, took * 1000 / THREADS, 60, "{:.1f} s")
    report.note("  threads a second", f"{THREADS / took:.0f}; free nodes by invoke {THREADS / free:.0f}")
    report.note("  what serving adds to free nodes; the goal is below 1", f"{(took - free) / free:.2f} times")


@pytest.mark.parametrize("kind", ["lgviz", "LangGraph"])
def test_two_processes(kind: str, tmp_path: Path, report: Report) -> None:
    path, graph = tmp_path / "threads.db", "tests.benchmarks.test_replay:ten_steps"
    alone, _ = measure(kind, path, THREADS, STEPS, 1)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor:
        lgviz.replay(graph, path, threads=["0", "1"], executor=executor)  # both import what they need
        start = time.perf_counter()
        found = lgviz.replay(graph, path, executor=executor)
        took = time.perf_counter() - start
    assert found.ok and found.served.total() == THREADS * STEPS
    told = f"{THREADS:,} threads replayed by two processes, from {kind}'s database"
    report.note(told, f"{took:.1f} s, alone {alone:.1f} s")


@pytest.mark.parametrize("kind", ["lgviz", "LangGraph"])
def test_one_long_thread(kind: str, tmp_path: Path, report: Report) -> None:
    took, free = measure(kind, tmp_path / "long.db", 1, LONG_STEPS, MESSAGES_A_STEP)
    told = f"{LONG_STEPS} steps to {LONG_STEPS * MESSAGES_A_STEP:,} messages, from {kind}'s database"
    report.note(told, f"{took:.1f} s, {took / free:.1f} times the {free:.1f} s of free nodes")
