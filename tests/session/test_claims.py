"""One run at a time goes on at a head or begins a thread: in this process, in others, and what is said else."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiosqlite
import psycopg
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

import lgviz.session as session
from lgviz import persistence
from lgviz.analysis.history import open_history
from lgviz.demos import two_nodes
from lgviz.errors import ActRefused, ThreadExists
from lgviz.session.new_thread import NewThread
from tests.support import processes
from tests.support.graphs import CONFIG, HeldNode, Log, chain, noting

HOLDER = """
import sys, threading
import lgviz.session as session
from lgviz.persistence import SqliteSaver, PostgresSaver
from tests.support.graphs import Log, chain, noting

def slow(state: Log) -> None:
    print("at work", flush=True)
    threading.Event().wait()

where = sys.argv[1]
saver = (PostgresSaver if "//" in where else SqliteSaver).from_conn_string(where)
session.run(chain([("slow", slow), ("b", noting("b"))], saver), "c1", only="unfinished", thread_id="1")
"""


def stopped(saver: Any) -> Any:
    """A graph of ``slow`` and ``b``, before ``slow``."""
    graph = chain([("slow", noting("slow")), ("b", noting("b"))], saver, interrupt_before=["slow"])
    graph.invoke({"log": []}, CONFIG)
    return graph


def resumed(saver: Any) -> Any:
    """What comes of going on at the head in place, by this process."""
    graph = chain([("slow", noting("slow")), ("b", noting("b"))], saver)
    return session.run(graph, "c1", only="unfinished", thread_id="1")


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_two_processes_at_one_head(kind: str, tmp_path: Path, postgres_uri: Callable[[], str]) -> None:
    where = postgres_uri() if kind == "postgres" else str(tmp_path / "a.db")
    cls = persistence.PostgresSaver if kind == "postgres" else persistence.SqliteSaver
    saver = cls.from_conn_string(where)
    stopped(saver)
    first = processes.start(HOLDER, where)
    try:
        assert first.stdout is not None and first.stdout.readline() == "at work\n"
        with pytest.raises(ActRefused, match=r"Another run goes on at checkpoint \S+ already"):
            resumed(saver)
    finally:
        first.kill()  # by no word of its own it lets go
        first.communicate()
    assert resumed(saver).values["log"] == ["slow", "b"]
    with pytest.raises(ActRefused, match="c1 went on already"):
        resumed(saver)
    assert not list(tmp_path.glob("*.lock"))
    saver.close()


def held_by(graph: Any) -> tuple[session.RunHandle, threading.Event, list[str]]:
    """A run at ``c1`` whose node waits, the event that ends it, and the calls of the node."""
    slow = HeldNode()
    run = session.start_run(
        chain([("slow", slow)], graph.checkpointer), "c1", only="unfinished", thread_id="1"
    )
    assert slow.entered.wait(20)
    return run, slow.leave, slow.calls


def of_langgraph(where: str, kind: str) -> Any:
    if kind == "sqlite":
        return SqliteSaver(sqlite3.connect(where, check_same_thread=False))
    saver = PostgresSaver(
        psycopg.Connection.connect(where, autocommit=True, row_factory=psycopg.rows.dict_row)
    )
    saver.setup()
    return saver


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_two_savers_over_one_database(kind: str, tmp_path: Path, postgres_uri: Callable[[], str]) -> None:
    where = postgres_uri() if kind == "postgres" else str(tmp_path / "a.db")
    one, other = of_langgraph(where, kind), of_langgraph(where, kind)
    run, leave, calls = held_by(stopped(one))
    with pytest.raises(ActRefused, match="Another run goes on"):
        resumed(other)
    leave.set()
    assert (run.result(20).values["log"], calls) == (["slow"], ["slow"])
    one.conn.close()
    other.conn.close()


async def test_asynchronous_savers_over_one_file(tmp_path: Path) -> None:
    async def anode(state: Log) -> dict[str, Any]:
        entered.set()
        await leave.wait()
        return {"log": ["a"]}

    path, entered, leave = str(tmp_path / "a.db"), asyncio.Event(), asyncio.Event()
    for cls in (AsyncSqliteSaver, persistence.AsyncSqliteSaver):
        async with (
            aiosqlite.connect(path + cls.__module__) as one,
            aiosqlite.connect(path + cls.__module__) as two,
        ):
            graphs = [chain([("a", anode)], cls(conn)) for conn in (one, two)]
            await graphs[0].aupdate_state(CONFIG, {"log": []}, "__start__")
            first = asyncio.ensure_future(session.arun(graphs[0], "c0", only="unfinished", thread_id="1"))
            await entered.wait()
            with pytest.raises(ActRefused, match="Another run goes on"):
                await session.arun(graphs[1], "c0", only="unfinished", thread_id="1")
            leave.set()
            assert (await first).values["log"] == ["a"]
        entered.clear()
        leave.clear()


@pytest.mark.parametrize("begun", ["start", "all", "unfinished"])
def test_a_head_that_a_run_has_come_to_is_its_own(begun: str, each_saver: Any) -> None:
    slow = HeldNode()
    graph = chain([("a", noting("a")), ("slow", slow), ("b", noting("b"))], each_saver)
    if begun == "start":
        first = session.start_thread(graph, {"log": []}, "1")
    else:
        session.start(graph, {"log": []}, "1", before=["a"])
        first = session.start_run(graph, "c1", only=begun, thread_id="1")  # type: ignore[arg-type]
    assert slow.entered.wait(20)
    head = open_history(graph, "1").latest
    assert head.next == ("slow",)
    for steps in (None, 1):
        with pytest.raises(ActRefused, match=f"Another run goes on at checkpoint {head.id} already"):
            session.run(graph, head, only="unfinished", steps=steps)
    slow.leave.set()
    assert (first.result(20).values["log"], slow.calls) == (["a", "slow", "b"], ["slow"])
    assert len(open_history(graph, "1")[head.id].children) == 1
    if begun == "unfinished":
        assert session.run(graph, "c1", thread_id="1").status == "done"  # on a branch of its own


STEPS = """
import sys, threading
import lgviz.session as session
from lgviz.persistence import SqliteSaver, PostgresSaver
from tests.support.graphs import chain, noting

def slow(state):
    print("at work", flush=True)
    sys.stdin.readline()

where = sys.argv[1]
saver = (PostgresSaver if "//" in where else SqliteSaver).from_conn_string(where)
nodes = [("a", noting("a")), ("slow", slow), ("again", slow), ("b", noting("b"))]
session.start(chain(nodes, saver), {"log": []}, "1")
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_each_head_of_a_run_in_another_process(
    kind: str, tmp_path: Path, postgres_uri: Callable[[], str]
) -> None:
    where = postgres_uri() if kind == "postgres" else str(tmp_path / "a.db")
    cls = persistence.PostgresSaver if kind == "postgres" else persistence.SqliteSaver
    nodes = [("a", noting("a")), ("slow", noting("slow")), ("again", noting("again")), ("b", noting("b"))]
    other = processes.start(STEPS, where)
    assert other.stdout is not None and other.stdin is not None
    try:
        for label in ("c2", "c3"):
            assert other.stdout.readline() == "at work\n"
            saver = cls.from_conn_string(where)
            with pytest.raises(ActRefused, match="Another run goes on"):
                session.run(chain(nodes, saver), label, only="unfinished", thread_id="1")
            saver.close()
            other.stdin.write("on\n")
            other.stdin.flush()
        assert other.wait(20) == 0
    finally:
        other.kill()
        other.communicate()
    saver = cls.from_conn_string(where)
    history = open_history(chain(nodes, saver), "1")
    assert ([c.label for c in history.heads], history.latest.values["log"]) == (["c5"], ["a", "b"])
    assert not list(tmp_path.glob("*.lock"))
    saver.close()


def test_whom_no_claim_keeps_off_is_told_of(each_saver: Any) -> None:
    """LangGraph itself goes on at the head meanwhile."""
    calls: list[str] = []

    def slow(state: Log) -> dict[str, Any]:
        calls.append("slow")
        if len(calls) == 1:
            graph.invoke(None, {"configurable": {"thread_id": "1"}})
        return {"log": [f"slow{len(calls)}"]}

    graph = chain([("slow", slow)], each_saver)
    graph.update_state(CONFIG, {"log": []}, "__start__")
    run = session.run(graph, "c0", only="unfinished", thread_id="1")
    history = open_history(graph, "1")
    others = [c.label for c in history["c0"].children if c not in run.checkpoints]
    assert len(others) == 1
    assert run.warnings == [
        f"Somebody else went on at c0 at the same time: '{others[0]}' follows from it too."
    ]
    assert run.status == "done"


@pytest.mark.parametrize("turn", [False, True])
def test_a_turn_sent_twice_at_once_is_one(turn: bool, each_saver: Any) -> None:
    entered, leave, calls = threading.Event(), threading.Event(), list[Any]()

    def slow(state: Log) -> dict[str, Any]:
        calls.append(state["log"])
        if state["log"][-1] != "before":
            entered.set()
            assert leave.wait(20)
        return {}

    graph = chain([("slow", slow)], each_saver)
    if turn:
        session.start(graph, {"log": ["before"]}, "1")
    first = session.start_thread(graph, {"log": ["hi"]}, "1", fresh=not turn)
    assert entered.wait(20)
    refused: type[Exception] = ActRefused if turn else ThreadExists  # its first checkpoint is there by now
    with pytest.raises(refused):
        session.start_thread(graph, {"log": ["hi"]}, "1", fresh=not turn).result(20)
    leave.set()
    assert first.result(20).status == "done"
    assert [log for log in calls if log[-1] == "hi"] == [["before", "hi"] if turn else ["hi"]]
    assert len(open_history(graph, "1").heads) == 1


def test_a_thread_is_copied_by_one() -> None:
    graph = two_nodes.build(InMemorySaver())
    two_nodes.seed(graph, thread_id="a")
    refused: list[str] = []

    def show(done: int, total: int) -> None:
        if done == 1:
            for begin in (
                lambda: session.fork(graph, "c2", None, as_node="node_a", new_thread="b", thread_id="a"),
                lambda: session.start(graph, {"foo": "", "bar": []}, "b"),
            ):
                with pytest.raises(ActRefused) as error:
                    begin()
                refused.append(error.value.cause)

    edit = session.Edit({"foo": "new"}, "node_a")
    made = session.forked(graph, "c1", edit, thread_id="a", new=NewThread("b", show))
    assert refused == [
        "Thread 'b' is being begun already.",
        "Thread 'b' has not finished: '__start__' comes next.",
    ]
    assert open_history(graph, "b")[str(made["configurable"]["checkpoint_id"])].values["foo"] == "new"
