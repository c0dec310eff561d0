"""A thousand threads replayed, from lgviz's database and from LangGraph's, against running free nodes."""

from __future__ import annotations

import sqlite3
import time
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

THREADS, STEPS = 1_000, 10


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    step: int


def build(saver: Any = None) -> Any:
    builder = StateGraph(State)
    builder.add_node("say", lambda s: {"messages": [AIMessage(f"step {s['step']}")], "step": s["step"] + 1})
    builder.add_edge(START, "say")
    builder.add_conditional_edges("say", lambda s: END if s["step"] >= STEPS else "say", ["say", END])
    return builder.compile(checkpointer=saver)


def run(graph: Any) -> float:
    start = time.perf_counter()
    for number in range(THREADS):
        config: Any = {"configurable": {"thread_id": str(number)}}
        graph.invoke({"messages": [HumanMessage("go")], "step": 0}, config, durability="sync")
    return time.perf_counter() - start


@pytest.mark.parametrize("kind", ["lgviz", "LangGraph"])
def test_a_thousand_threads(kind: str, tmp_path: Path, report: Report) -> None:
    path = tmp_path / "threads.db"
    connection = sqlite3.connect(path, check_same_thread=False)
    saver: Any = persistence.SqliteSaver(connection) if kind == "lgviz" else SqliteSaver(connection)
    run(build(saver))
    start = time.perf_counter()
    found = lgviz.replay(build(), path)
    took = time.perf_counter() - start
    assert found.ok
    assert (found.served.total(), found.ran.total()) == (THREADS * STEPS, 0)
    free = run(build(InMemorySaver()))
    report.check(f"1,000 threads of 10 steps replayed from {kind}'s database", took, 60, "s")
    report.note(
        f"the same, in threads a second, and against graph.invoke in memory ({kind})",
        f"{THREADS / took:.0f}, {took / free:.1f} times its {free:.1f} s",
    )
    connection.close()
