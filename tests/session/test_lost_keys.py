"""A thread whose state lost a key since: a run at a static breakpoint goes on."""

from __future__ import annotations

import asyncio
from operator import add
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

import lgviz
from lgviz import persistence
from lgviz.analysis.history import open_history
from tests.support.graphs import CONFIG
from tests.support.view import View, run


class Before(TypedDict, total=False):
    log: Annotated[list[str], add]
    note: str


class After(TypedDict, total=False):
    log: Annotated[list[str], add]
    extra: int


def build(schema: Any, saver: Any, **breakpoints: Any) -> Any:
    builder = StateGraph(schema)
    before = START
    for name in ("first", "middle", "last"):
        builder.add_node(name, lambda state, name=name: {"log": [name]})
        builder.add_edge(before, name)
        before = name
    return builder.compile(checkpointer=saver, **breakpoints)


BREAKPOINTS: dict[str, dict[str, Any]] = {
    "before": {"interrupt_before": ["middle", "last"]},
    "after": {"interrupt_after": ["first", "middle"]},
}


@pytest.mark.parametrize("kind", BREAKPOINTS)
@pytest.mark.parametrize("make", [InMemorySaver, persistence.MemorySaver])
def test_each_breakpoint_is_passed_once(kind: str, make: Any) -> None:
    saver = make()
    build(Before, saver, **BREAKPOINTS[kind]).invoke({"log": [], "note": "n"}, CONFIG)
    graph = build(After, saver, **BREAKPOINTS[kind])
    history = open_history(graph, "1")
    assert (history.status, history.latest.next, history.latest.values) == (
        "paused", ("middle",), {"log": ["first"]},
    )  # fmt: skip
    if kind == "before":  # LangGraph itself stops where it stood, each time
        assert graph.invoke(None, CONFIG)["log"] == ["first"]
    paused = lgviz.run(graph, history.latest)
    assert (paused.status, paused.values["log"]) == ("interrupted", ["first", "middle"])
    done = lgviz.run(graph, paused.config)
    assert (done.status, done.values, done.warnings) == ("done", {"log": ["first", "middle", "last"]}, [])
    assert open_history(saver, "1")[history.latest.id].values["note"] == "n"


def test_with_an_input_and_in_a_sandbox() -> None:
    saver = InMemorySaver()
    build(Before, saver, **BREAKPOINTS["before"]).invoke({"log": [], "note": "n"}, CONFIG)
    graph = build(After, saver, **BREAKPOINTS["before"])
    head = open_history(graph, "1").latest
    anew = lgviz.run(graph, head, input={"log": ["again"]})
    assert (anew.status, anew.values["log"]) == ("interrupted", ["first", "again", "first"])
    tried = lgviz.run(graph, head, sandbox=True)
    assert tried.values["log"] == ["first", "middle"]


def test_awaited_and_in_the_debugger(tmp_path: Path) -> None:
    async def main() -> None:
        async with persistence.AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
            await build(Before, saver, **BREAKPOINTS["before"]).ainvoke({"log": [], "note": "n"}, CONFIG)
            graph = build(After, saver, **BREAKPOINTS["before"])
            paused = await lgviz.arun(graph, open_history(graph, "1").latest)
            assert paused.values["log"] == ["first", "middle"]

    asyncio.run(main())
    saver = InMemorySaver()
    build(Before, saver, **BREAKPOINTS["before"]).invoke({"log": [], "note": "n"}, CONFIG)
    graph = build(After, saver, **BREAKPOINTS["before"])
    view = View(graph, "1")
    view.ask("run_start", **run(open_history(graph, "1").latest.id))
    assert open_history(graph, "1").latest.values == {"log": ["first", "middle"]}
    view.close()
