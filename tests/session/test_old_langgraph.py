"""Beside an older LangGraph, whose forks mix the branches of delta channels, acts on such graphs are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import StateGraph

import lgviz
from lgviz import session
from lgviz.errors import OldLangGraph
from lgviz.session import old_langgraph
from tests.support import delta_forks as forks
from tests.support.savers import two_nodes

ACTS: list[Callable[[Any], Any]] = [
    lambda graph: lgviz.preview(graph, "c1", {}, as_node="a", thread_id="1"),
    lambda graph: lgviz.fork(graph, "c1", {}, as_node="a", thread_id="1"),
    lambda graph: session.as_node_options(graph, "c1", thread_id="1"),
    lambda graph: lgviz.run(graph, "c1", thread_id="1", sandbox=True),
    lambda graph: lgviz.run(graph, "c1", thread_id="1"),
]


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(old_langgraph, "version", lambda _: "1.2.14")


def with_delta_below() -> Any:
    builder: StateGraph[Any, Any, Any, Any] = two_nodes()
    inner = forks.build(None, tag=forks._safe())
    builder.add_node("inner", inner)
    builder.add_edge("node_b", "inner")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"foo": ""}, forks.CONFIG)
    return graph


@pytest.mark.usefixtures("older")
@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("made", [lambda: forks.forked_by_invoke(InMemorySaver()), with_delta_below])
def test_every_act_is_refused_and_writes_nothing(made: Any, act: Any) -> None:
    graph = made()
    before = len(lgviz.history(graph, thread_id="1"))
    with pytest.raises(OldLangGraph) as error:
        act(graph)
    assert "LangGraph 1.2.14 mixes" in error.value.cause and "(log)" in error.value.cause
    assert error.value.remedy == "Install a newer one: pip install -U 'langgraph>=1.2.15'."
    assert len(lgviz.history(graph, thread_id="1")) == before


@pytest.mark.usefixtures("older")
def test_a_graph_without_delta_channels_is_not_refused() -> None:
    builder = two_nodes()
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"foo": ""}, forks.CONFIG)
    assert lgviz.preview(graph, "c1", {"foo": "x"}, as_node="node_a", thread_id="1").next == ("node_b",)


@pytest.mark.parametrize(
    ("installed", "right"), [("1.2.15", True), ("1.3.0rc1", True), ("2.0", True), ("1.2.9", False)]
)
def test_versions_are_compared_as_numbers(monkeypatch: Any, installed: str, right: bool) -> None:
    monkeypatch.setattr(old_langgraph, "version", lambda _: installed)
    graph = forks.build(InMemorySaver())
    if right:
        old_langgraph.refuse_wrong_forks(graph)
    else:
        with pytest.raises(OldLangGraph):
            old_langgraph.refuse_wrong_forks(graph)
