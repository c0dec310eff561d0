"""Checkpointers, threads and configs: each finding is what LangGraph does with them."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

import lgviz
from lgviz.demos import DEMOS
from lgviz.persistence import SqliteSaver as SmallSaver

CONFIG: Any = {"configurable": {"thread_id": "1"}}


class State(TypedDict, total=False):
    text: str
    count: int


def count(state: State) -> State:
    return {"count": state.get("count", 0) + 1}


def asks(state: State) -> State:
    return {"text": interrupt("?")}


def builder(node: Any = count) -> Any:
    made = StateGraph(State)
    made.add_node("node", node)
    made.add_edge(START, "node")
    return made


def codes(graph: Any, config: Any = None) -> dict[str, str]:
    return {one.code: one.severity for one in lgviz.check_graph(graph, config)}


def test_without_a_checkpointer() -> None:
    assert codes(builder().compile()) == {"no-checkpointer": "warning"}
    assert codes(builder().compile(), CONFIG) == {"no-checkpointer": "error"}
    assert codes(builder(asks).compile()) == {"no-checkpointer": "error"}
    assert codes(builder(asks).compile(checkpointer=InMemorySaver())) == {}


@pytest.mark.parametrize("config", [{}, {"configurable": {}}, {"metadata": {"thread_id": "1"}}])
def test_no_thread_is_named(config: Any) -> None:
    graph = builder().compile(checkpointer=InMemorySaver())
    with pytest.raises(ValueError, match="thread_id"):
        graph.invoke({"text": ""}, config)
    assert codes(graph, config) == {"no-thread-id": "error"}
    bound = graph.with_config(CONFIG)
    assert bound.invoke({"text": ""}, config) and codes(bound, config) == {}


def test_a_thread_that_is_named_beside_configurable() -> None:
    graph = builder().compile(checkpointer=InMemorySaver())
    assert graph.invoke({"text": ""}, {"thread_id": "1"})
    assert codes(graph, {"thread_id": "1"}) == {}


def test_a_thread_that_is_none() -> None:
    graph = builder().compile(checkpointer=InMemorySaver())
    (one,) = lgviz.check_graph(graph, {"configurable": {"thread_id": None}})
    assert "share one thread" in one.text
    counts = [graph.invoke({"text": ""}, {"configurable": {"thread_id": None}})["count"] for _ in range(2)]
    assert counts == [1, 2]


def test_a_thread_of_two_users() -> None:
    graph = builder().compile(checkpointer=InMemorySaver())

    def of(user: str, thread: str = "1") -> Any:
        return {"configurable": {"thread_id": thread, "user_id": user}}

    graph.invoke({"text": "a secret"}, of("mia"))
    assert codes(graph, CONFIG) == codes(graph, of("mia")) == codes(graph, of("ben", "2")) == {}
    assert codes(graph, of("ben")) == {"thread-shared": "error"}  # before it is written
    assert graph.invoke({"count": 0}, of("ben"))["text"] == "a secret"
    (one,) = lgviz.check_graph(graph, CONFIG)
    assert "'mia'" in one.text and "'ben'" in one.text


def test_a_saver_whose_with_block_has_ended(tmp_path: Path) -> None:
    with SqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
        graph = builder().compile(checkpointer=saver)
        graph.invoke({"text": ""}, CONFIG)
        assert codes(graph, CONFIG) == {}
    with pytest.raises(sqlite3.ProgrammingError):
        graph.invoke({"text": ""}, CONFIG)
    assert codes(graph, CONFIG) == {"saver-closed": "error"}


def test_a_saver_that_was_never_entered(tmp_path: Path) -> None:
    graph = builder().compile()
    graph.checkpointer = SqliteSaver.from_conn_string(str(tmp_path / "a.db"))
    assert codes(graph) == {"saver-not-entered": "error"}


def test_a_thread_that_grows(tmp_path: Path) -> None:
    """60 runs of a state of 20,000 characters: LangGraph's saver stores it 180 times, lgviz's once."""
    for kind, expected in ((SqliteSaver, {"saver-grows": "warning"}), (SmallSaver, {})):
        with kind.from_conn_string(str(tmp_path / f"{kind.__module__}.db")) as saver:
            graph = builder().compile(checkpointer=saver)
            for number in range(60):
                graph.invoke({"text": "x" * 20_000 if not number else "y" * 20_000}, CONFIG)
            before = sum(1 for _ in saver.list(None))
            assert codes(graph, CONFIG) == expected
            assert codes(graph, {"configurable": {"thread_id": "another"}}) == {}
            assert sum(1 for _ in saver.list(None)) == before == 180


def test_a_builder_is_to_be_compiled() -> None:
    made = builder()
    assert codes(made) == {"not-compiled": "error"}
    assert not made.compiled
    made.add_edge("node", "nowhere")
    (one,) = lgviz.check_graph(made)
    assert one.code == "does-not-compile" and "nowhere" in one.text


def test_what_is_no_graph() -> None:
    with pytest.raises(lgviz.errors.NotASource, match="int"):
        lgviz.check_graph(3)


@pytest.mark.parametrize("name", DEMOS)
def test_the_demos_are_in_order(name: str) -> None:
    graph = DEMOS[name].build(InMemorySaver())
    DEMOS[name].seed(graph)
    assert lgviz.check_graph(graph, CONFIG) == []


def test_findings_show_themselves() -> None:
    found = lgviz.check_graph(builder(asks).compile())
    assert repr(found).startswith("error no-checkpointer: ") and "test_saving.py:" in repr(found)
    assert "<pre>graph = builder.compile(" in found._repr_html_() and "no-checkpointer" in found._repr_html_()
    assert repr(lgviz.Findings()) == "Nothing found." and "Nothing found." in lgviz.Findings()._repr_html_()
