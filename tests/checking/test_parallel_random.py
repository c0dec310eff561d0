"""Which nodes run, and which two of one step write a key: said of random graphs as LangGraph's runs then show."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.errors import InvalidUpdateError
from langgraph.graph import START, StateGraph

import lgviz


class State(TypedDict, total=False):
    x: str
    y: str
    seen: Annotated[list[str], lambda old, new: old + new]


def nothing(state: State) -> State:
    return {"seen": ["-"]}


def writes_x(state: State) -> State:
    return {"x": "a"}


def writes_y(state: State) -> State:
    return {"y": "a", "seen": ["y"]}


def writes_both(state: State) -> State:
    return {"x": "b", "y": "b"}


NODES = [nothing, writes_x, writes_y, writes_both]


@st.composite
def graphs(draw: st.DrawFn) -> Any:
    """A graph without circles: each node follows some before it by edges, or waits for them; some are deferred."""
    builder = StateGraph(State)
    count = draw(st.integers(2, 7))
    for number in range(count):
        builder.add_node(str(number), draw(st.sampled_from(NODES)), defer=draw(st.integers(0, 9)) == 0)
        before = draw(st.lists(st.integers(-1, number - 1), min_size=1, max_size=3, unique=True))
        named = [START if one < 0 else str(one) for one in before]
        if len(named) > 1 and START not in named and draw(st.booleans()):
            builder.add_edge(named, str(number))
        else:
            for start in named:
                builder.add_edge(start, str(number))
    return builder


@settings(max_examples=120, deadline=None)
@given(graphs())
def test_what_is_told_of_edges_is_what_a_run_does(builder: Any) -> None:
    if not any(start == START for start, _ in builder.edges):
        return  # LangGraph refuses it
    graph = builder.compile()
    found = lgviz.check_graph(graph)
    clashes = [one.severity for one in found if one.code == "parallel-write"]
    ran: set[str] = set()
    try:
        for step in graph.stream({"seen": []}, stream_mode="updates"):
            ran |= step.keys()
    except InvalidUpdateError:
        assert "error" in clashes
    else:
        assert clashes == []
        unreachable = {one.node for one in found if one.code == "unreachable-node"}
        assert unreachable == graph.nodes.keys() - ran - {START}
