"""A value that LangGraph gives as plain data, for its class cannot be built any more, is marked as such."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph

import lgviz
from lgviz._apart import apart
from lgviz.backend import Backend

SHOP = """
from dataclasses import dataclass
from enum import Enum
from pydantic import BaseModel

@dataclass
class Order:
    total: int

class Cart(BaseModel):
    count: int

class Size(Enum):
    SMALL = "s"
"""


class State(TypedDict, total=False):
    order: Any
    carts: list[Any]
    size: Any
    n: int


@pytest.fixture(params=["file", "memory"])
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "memory":
        yield InMemorySaver()
        return
    with closing(sqlite3.connect(tmp_path / "a.db", check_same_thread=False)) as connection:
        yield SqliteSaver(connection)


@pytest.fixture
def graph(saver: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """One that stores objects of a shop in ``c2``, whose module is gone when it goes on."""
    name = "lgviz_test_degraded_shop"
    (tmp_path / f"{name}.py").write_text(SHOP)
    with monkeypatch.context() as here:
        here.syspath_prepend(str(tmp_path))
        shop = __import__(name)

        def buy(state: State) -> State:
            return {"order": shop.Order(3), "carts": [shop.Cart(count=2)], "size": shop.Size.SMALL, "n": 1}

        def count(state: State) -> State:
            return {"n": state["n"] + 1}

        made = StateGraph(State).add_node(buy).add_node(count).add_edge(START, "buy").add_edge("buy", "count")
        graph = made.compile(checkpointer=saver, interrupt_before=["count"])
        config: Any = {"configurable": {"thread_id": "1"}}
        graph.invoke({}, config)
        assert not lgviz.history(graph, thread_id="1")["c2"].doubts
    del sys.modules[name]
    graph.invoke(None, config)
    return graph


NAMES = {"order": "Order", "carts": "Cart", "size": "Size"}


def read_as(label: str) -> dict[str, str]:
    return {
        channel: f"read as plain data: lgviz_test_degraded_shop.{name} cannot be built here"
        for channel, name in NAMES.items()
    }


def test_what_langgraph_reads_as_plain_data_is_marked(graph: Any) -> None:
    for what in (graph, graph.checkpointer):
        c = lgviz.history(what, thread_id="1")["c2"]
        assert c.values["order"] == {"total": 3} and c.doubts == read_as("c2")


def test_what_was_stored_again_as_plain_data_is_marked(graph: Any, saver: Any, tmp_path: Path) -> None:
    stored = {
        channel: f"stored as plain data: it was lgviz_test_degraded_shop.{name} in c2"
        for channel, name in NAMES.items()
    }
    told = lgviz.history(graph, thread_id="1")["c3"]
    assert told.values["carts"] == [{"count": 2}] and told.values["n"] == 2
    if isinstance(saver, InMemorySaver):  # which keeps the bytes of a channel that no step changed
        assert told.doubts == read_as("c3")
        return
    assert told.doubts == stored
    file = lgviz.history(tmp_path / "a.db", thread_id="1")
    assert file["c3"].doubts == stored and file["c2"].doubts == {}  # there a placeholder says so
    with closing(Backend(str(tmp_path / "a.db"))) as backend:
        id_ = backend.request("thread_open", thread_id="1")["tree"]["ids"][3]
        views = backend.request("checkpoint_get", checkpoint=id_)["channels"]
        assert {view["name"]: view["reducer"] for view in views if view["name"] in NAMES} == stored


def test_a_copy_keeps_what_is_one_object_one() -> None:
    inner: list[Any] = [1]
    value: dict[Any, Any] = {"a": inner, "b": inner, ("k", 1): {"deep": [{"x": {1, 2}}]}}
    value["self"] = value
    made = apart(value)
    assert made["a"] is made["b"] and made["a"] == [1] and made["a"] is not inner
    assert made["self"] is made and made["k", 1]["deep"][0]["x"] is not value["k", 1]["deep"][0]["x"]
