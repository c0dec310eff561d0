"""Two nodes in a row: the example of LangGraph's own documentation.

Teaches what a checkpoint is and what a fork is: one run makes four checkpoints (the input, then one after
each super-step), ``foo`` is overwritten while ``bar`` grows through its reducer, and an update as
``node_a`` makes a second branch.
"""

from __future__ import annotations

from operator import add
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph

from ._seed import Graph, config_of, forked, ran, state_before

__all__ = ["INPUT", "State", "build", "seed"]


class State(TypedDict):
    foo: str
    bar: Annotated[list[str], add]


INPUT: State = {"foo": "", "bar": []}


def node_a(state: State) -> dict[str, Any]:  # noqa: ARG001
    return {"foo": "a", "bar": ["a"]}


def node_b(state: State) -> dict[str, Any]:  # noqa: ARG001
    return {"foo": "b", "bar": ["b"]}


def build(checkpointer: BaseCheckpointSaver[Any] | None = None) -> Graph:
    """Compile the graph."""
    builder = StateGraph(State)
    builder.add_node(node_a)
    builder.add_node(node_b)
    builder.add_edge(START, "node_a")
    builder.add_edge("node_a", "node_b")
    builder.add_edge("node_b", END)
    return builder.compile(checkpointer=checkpointer)


def seed(graph: Graph, thread_id: str = "1") -> None:
    """One run, then a branch: an update as ``node_a`` before ``node_b`` ran, and a run from there."""
    ran(graph, INPUT, config_of(thread_id))
    before_b = state_before(graph, thread_id, "node_b")
    edited = forked(graph, before_b.config, {"foo": "edited", "bar": ["edit"]}, "node_a", "an edit")
    ran(graph, None, edited)
