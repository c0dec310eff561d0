"""Branches compared, a branch searched by halves, and a checkpoint forked many ways: against reading every state."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

import lgviz
from lgviz import persistence
from tests.support.report import Report

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

STEPS, SHARED = 1_000, 900
FORKS = 20


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    step: int
    tone: str


def build(saver: Any) -> Any:
    def say(state: State) -> dict[str, Any]:
        return {"messages": [AIMessage(f"step {state['step']}, {state['tone']}")], "step": state["step"] + 1}

    builder = StateGraph(State)
    builder.add_node("say", say)
    builder.add_edge(START, "say")
    builder.add_conditional_edges("say", lambda s: END if s["step"] >= STEPS else "say", ["say", END])
    return builder.compile(checkpointer=saver)


@pytest.fixture(params=["lgviz", "LangGraph"], scope="module")
def branches(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A thread of 1,000 steps, and a branch that leaves it after 900."""
    path: Path = tmp_path_factory.mktemp("branches") / "threads.db"
    connection = sqlite3.connect(path, check_same_thread=False)
    graph = build(
        persistence.SqliteSaver(connection) if request.param == "lgviz" else SqliteSaver(connection)
    )
    config: Any = {"configurable": {"thread_id": "1"}, "recursion_limit": STEPS + 2}
    graph.invoke({"messages": [HumanMessage("go")], "step": 0, "tone": "plain"}, config, durability="sync")
    forked = lgviz.fork(graph, f"c{SHARED}", {"tone": "kind"}, as_node="say", thread_id="1")
    lgviz.run(graph, forked, config={"recursion_limit": STEPS + 2})
    return request.param, graph


def _every_state(graph: Any) -> float:
    history = lgviz.history(graph, "1")
    start = time.perf_counter()
    for step in history.path(-1):
        _ = step.values
    return time.perf_counter() - start


def test_two_branches_of_a_thousand_steps(branches: Any, report: Report) -> None:
    kind, graph = branches
    whole = _every_state(graph)
    history = lgviz.history(graph, "1")
    start = time.perf_counter()
    found = history.compare(history.heads[0], history.heads[1])
    parted = found.divergence
    told = time.perf_counter() - start
    frame = found.frame()
    took = time.perf_counter() - start
    assert parted is not None and parted.right is not None and parted.right.source == "update"
    assert len(frame) == STEPS - SHARED + 2
    report.note(f"where two branches of {STEPS:,} steps part that share {SHARED}, {kind}", f"{told:.2f} s")
    report.note("  each step beside the other", f"{took:.2f} s; every state of one branch {whole:.1f} s")


def test_a_thousand_steps_by_halves(branches: Any, report: Report) -> None:
    kind, graph = branches
    whole = _every_state(graph)
    history = lgviz.history(graph, "1")
    start = time.perf_counter()
    found = history.bisect(lambda c: c.values.get("step", 0) >= 400, history.heads[0])
    took = time.perf_counter() - start
    assert found is not None and found.values["step"] == 400
    report.note(f"bisect of {STEPS:,} checkpoints, {kind}", f"{took:.3f} s; every state {whole:.1f} s")


def test_a_checkpoint_forked_many_ways(branches: Any, report: Report) -> None:
    kind, graph = branches
    at = f"c{STEPS - 4}"
    cases = [{"tone": f"tone {number}"} for number in range(FORKS)]
    start = time.perf_counter()
    found = lgviz.sweep(graph, at, cases, as_node="say", thread_id="1")
    took = (time.perf_counter() - start) / FORKS
    assert {row.status for row in found} == {"done"} and {row.ran.total() for row in found} == {5}
    start = time.perf_counter()
    for case in cases[:5]:
        made = lgviz.fork(graph, at, case, as_node="say", thread_id="1")
        lgviz.run(graph, made)
    plain = (time.perf_counter() - start) / 5
    what = f"sweep after {STEPS:,} steps, a fork and its run of 5 steps, {kind}"
    report.note(what, f"{took:.2f} s; fork and run without history {plain:.2f} s")
