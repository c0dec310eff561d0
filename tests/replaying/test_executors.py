"""Threads replayed by other processes: the same as here, or one sentence before anything runs."""

from __future__ import annotations

import multiprocessing
import operator
import os
import sqlite3
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

import lgviz
from lgviz import persistence
from lgviz.errors import ActRefused, NotASource
from lgviz.replaying.results import Replay
from tests.support.dask import dask_executor

SAVERS = [SqliteSaver, persistence.SqliteSaver]


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        yield executor


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]
    held: Any


def build(saver: Any = None, said: str = "", **options: Any) -> Any:
    """A graph of functions that no module has: the second of two nodes lies in a graph of its own, and what the
    first of them says depends on the thread."""

    def first(state: State) -> Any:
        if said == "raise" and state["log"] == ["1"]:
            raise ValueError("no one")
        return {"log": [f"first {said}" if state["log"] == ["2"] else "first "]}

    inner = StateGraph(State).add_node("second", lambda state: {"log": ["second"], "held": (1, {"a"})})
    builder = StateGraph(State)
    builder.add_node("first", first)
    builder.add_node("inner", inner.add_edge(START, "second").compile())
    builder.add_edge(START, "first").add_edge("first", "inner")
    return builder.compile(checkpointer=saver, **options)


def stored(path: Path, saver: Any = SqliteSaver, graph: Any = build, threads: int = 3) -> Path:
    connection = sqlite3.connect(path, check_same_thread=False)
    made = graph(saver(connection))
    for number in range(threads):
        made.invoke({"log": [str(number)]}, {"configurable": {"thread_id": str(number)}})
    connection.close()
    return path


def told(found: Replay) -> Any:
    return found.frame().to_dict("records"), [
        (each.values, repr(each.diff), each.served, each.ran, [repr(one) for one in each.branches])
        for each in found.values()
    ]


@pytest.mark.parametrize("saver", SAVERS)
@pytest.mark.parametrize(
    ("said", "counts"),
    [("", {"same": 3}), ("x", {"same": 2, "parted": 1}), ("raise", {"same": 1, "parted": 1, "failed": 1})],
)
def test_processes_and_threads_come_to_the_same(
    said: str, counts: dict[str, int], saver: Any, processes: Executor, tmp_path: Path
) -> None:
    path = stored(tmp_path / "a.db", saver)
    asked: dict[str, Any] = {"live": "first"} if said else {}
    alone = lgviz.replay(build(said=said), path, **asked)
    assert alone.counts == counts
    with ThreadPoolExecutor(2) as executor:
        assert told(lgviz.replay(build(said=said), path, executor=executor, **asked)) == told(alone)
    assert told(lgviz.replay(build(said=said), path, executor=processes, **asked)) == told(alone)


def test_the_graphs_own_saver_store_and_cache_stay_here(processes: Executor, tmp_path: Path) -> None:
    locked = threading.Lock()

    class Store(InMemoryStore):
        lock = locked  # which nothing can send

    own = build(InMemorySaver(), store=Store(), cache=InMemoryCache())
    assert lgviz.replay(own, stored(tmp_path / "a.db"), executor=processes).counts == {"same": 3}
    assert own.checkpointer is not None and isinstance(own.store, Store) and own.cache is not None


def test_a_store_that_stays_here_is_no_evidence(processes: Executor, tmp_path: Path) -> None:
    def graph(saver: Any = None, **options: Any) -> Any:
        def asks(state: State, *, store: BaseStore) -> Any:
            return {"log": ["known" if store.get(("a",), "b") else "unknown"]}

        builder = StateGraph(State).add_node("asks", asks).add_edge(START, "asks")
        return builder.compile(checkpointer=saver, **options)

    path = stored(tmp_path / "a.db", graph=lambda saver: graph(saver, store=InMemoryStore()), threads=1)
    mine = graph(store=InMemoryStore())
    assert lgviz.replay(mine, path, executor=processes)["0"].verdict == "same", "it is not asked"
    found = lgviz.replay(mine, path, live="asks", executor=processes)["0"]
    assert (found.verdict, found.reason) == (
        "unknown",
        "a node that ran asked the store, which other processes are not sent",
    )


def test_a_class_that_no_module_has_travels_with_its_graph(processes: Executor, tmp_path: Path) -> None:
    @dataclass
    class Order:
        total: int

    def graph(saver: Any = None) -> Any:
        builder = StateGraph(State).add_node("buys", lambda state: {"held": Order(total=3).total})
        return builder.add_edge(START, "buys").compile(checkpointer=saver)

    path = stored(tmp_path / "a.db", graph=graph, threads=1)
    assert lgviz.replay(graph(), path, live="buys", executor=processes)["0"].verdict == "same"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a graph in a file, which cannot be pickled."""
    (tmp_path / "shipped_app.py").write_text(
        textwrap.dedent(
            """
            import threading
            from langchain_core.messages import AIMessage
            from langgraph.graph import START, MessagesState, StateGraph

            def build():
                lock = threading.Lock()

                def model(state):
                    with lock:
                        return {"messages": [AIMessage("hello")]}

                return StateGraph(MessagesState).add_node("model", model).add_edge(START, "model")

            graph = build().compile()
            """
        )
    )
    monkeypatch.setattr(sys, "path", sys.path[:])
    yield f"{tmp_path / 'shipped_app.py'}:graph"
    sys.modules.pop("shipped_app", None)


def test_a_graph_by_its_name(app: str, processes: Executor, tmp_path: Path) -> None:
    def graph(saver: Any) -> Any:
        builder = StateGraph(MessagesState).add_node(
            "model", lambda state: {"messages": [AIMessage("hello")]}
        )
        return builder.add_edge(START, "model").compile(checkpointer=saver)

    connection = sqlite3.connect(tmp_path / "a.db", check_same_thread=False)
    graph(SqliteSaver(connection)).invoke({"messages": "hi"}, {"configurable": {"thread_id": "1"}})
    connection.close()
    alone = lgviz.replay(app, tmp_path / "a.db", live="model")
    assert (alone["1"].verdict, alone.ran.total()) == ("same", 1)
    assert told(lgviz.replay(app, tmp_path / "a.db", live="model", executor=processes))[0] == told(alone)[0]
    from shipped_app import graph as loaded  # type: ignore[import-not-found]

    with pytest.raises(ActRefused, match=r"The graph cannot be sent.*lock.*Give the name"):
        lgviz.replay(loaded, tmp_path / "a.db", executor=processes)
    with pytest.raises(NotASource, match="names no graph"):
        lgviz.replay("graph", tmp_path / "a.db")


def test_what_cannot_travel_is_said_before_anything_runs(processes: Executor, tmp_path: Path) -> None:
    saver, path = InMemorySaver(), stored(tmp_path / "a.db")
    build(saver).invoke({"log": ["0"]}, {"configurable": {"thread_id": "0"}})
    with pytest.raises(ActRefused, match="cannot open InMemorySaver: it was not given by a path or a URL"):
        lgviz.replay(build(), saver, executor=processes)
    lock = threading.Lock()
    closed = StateGraph(State).add_node("holds", lambda state: {"log": [str(lock)]}).add_edge(START, "holds")
    with pytest.raises(ActRefused, match=r"cannot be sent to another process.*'_thread.lock'"):
        lgviz.replay(closed.compile(), path, executor=processes)


def test_a_path_from_this_folder_and_masks_travel(
    processes: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(tmp_path / "a.db")
    processes.submit(os.getpid).result()  # it has its own folder
    monkeypatch.chdir(tmp_path)
    source = lgviz.open_source("a.db", redact=["log"])
    asked: dict[str, Any] = {"live": "first", "threads": "2"}
    alone = lgviz.replay(build(said="x"), source, **asked)
    assert alone["2"].verdict == "parted" and "first x" not in repr(told(alone))
    assert told(lgviz.replay(build(said="x"), source, executor=processes, **asked)) == told(alone)


def dies(state: State) -> Any:
    if state["log"] == ["1"]:
        os._exit(3)
    return {"log": ["here"]}


def interrupted(state: State) -> Any:
    if state["log"] == ["1"]:
        raise KeyboardInterrupt
    return {"log": ["here"]}


def graph_of(node: Any, saver: Any = None) -> Any:
    return StateGraph(State).add_node("node", node).add_edge(START, "node").compile(checkpointer=saver)


def test_a_process_that_ends_leaves_a_verdict_and_one_that_is_interrupted_stops(tmp_path: Path) -> None:
    path = stored(tmp_path / "a.db", graph=lambda saver: graph_of(lambda state: {"log": ["here"]}, saver))
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as executor:
        some = lgviz.replay(graph_of(interrupted), path, ["0", "1"], live="node", executor=executor)
        assert (some.stopped, list(some)) == (True, ["0"])
        found = lgviz.replay(graph_of(dies), path, ["0", "1", "2"], live="node", executor=executor)
        assert (found.stopped, found["1"].verdict, found.ok) == (False, "unknown", False)
        assert "terminated abruptly" in found["1"].reason
        with pytest.raises(ActRefused, match="A worker of the executor cannot begin"):
            lgviz.replay(graph_of(dies), path, live="node", executor=executor)


@pytest.mark.parametrize("own_processes", [True, False])
def test_dask(own_processes: bool, tmp_path: Path) -> None:
    path = stored(tmp_path / "a.db")
    alone = lgviz.replay(build(said="x"), path, live="first")
    with dask_executor(processes=own_processes) as executor:
        assert told(lgviz.replay(build(said="x"), path, live="first", executor=executor)) == told(alone)
        lock = threading.Lock()
        closed = graph_of(lambda state: {"log": [str(lock)]})
        with pytest.raises(ActRefused, match="cannot be sent to another process"):
            lgviz.replay(closed, path, executor=executor)
