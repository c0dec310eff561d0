"""A writer and its critic: the critic is a subgraph that loops until it is content.

Teaches checkpoint namespaces: each call of the subgraph keeps its own checkpoints, nested under the one
it started from. The branch starts from an edited draft, so the critic loops fewer times.
"""

from __future__ import annotations

from operator import add
from typing import Annotated, Any, Literal, TypedDict

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph

from ._seed import Graph, config_of, forked, ran, state_before

__all__ = ["INPUT", "CriticState", "State", "build", "seed"]

FILLERS = ("very ", "really ", "quite ")


class State(TypedDict, total=False):
    topic: str
    draft: str
    remarks: Annotated[list[str], add]
    published: bool


class CriticState(TypedDict, total=False):
    draft: str
    remarks: Annotated[list[str], add]
    score: int


INPUT: State = {"topic": "teapots", "remarks": []}


def write(state: State) -> dict[str, Any]:
    return {"draft": f"Good {state['topic']} are very simple, really sturdy and quite cheap."}


def judge(state: CriticState) -> dict[str, Any]:
    return {"score": 10 - 3 * sum(filler in state["draft"] for filler in FILLERS)}


def content(state: CriticState) -> Literal["revise", "__end__"]:
    return "__end__" if state["score"] >= 8 else "revise"


def revise(state: CriticState) -> dict[str, Any]:
    filler = next(f for f in FILLERS if f in state["draft"])
    return {"draft": state["draft"].replace(filler, ""), "remarks": [f"dropped {filler.strip()!r}"]}


def publish(state: State) -> dict[str, Any]:  # noqa: ARG001
    return {"published": True}


def critic() -> Graph:
    """Compile the subgraph; its checkpointer is the parent's."""
    builder = StateGraph(CriticState)
    builder.add_node(judge)
    builder.add_node(revise)
    builder.add_edge(START, "judge")
    builder.add_conditional_edges("judge", content)
    builder.add_edge("revise", "judge")
    return builder.compile()


def build(checkpointer: BaseCheckpointSaver[Any] | None = None) -> Graph:
    """Compile the graph."""
    builder = StateGraph(State)
    builder.add_node(write)
    builder.add_node("critic", critic())
    builder.add_node(publish)
    builder.add_edge(START, "write")
    builder.add_edge("write", "critic")
    builder.add_edge("critic", "publish")
    builder.add_edge("publish", END)
    return builder.compile(checkpointer=checkpointer)


def seed(graph: Graph, thread_id: str = "1") -> None:
    """A run whose critic revises three times, and a branch from a better draft."""
    ran(graph, INPUT, config_of(thread_id))
    drafted = state_before(graph, thread_id, "critic")
    better = forked(
        graph, drafted.config, {"draft": "Good teapots are very simple."}, "write", "a better draft"
    )
    ran(graph, None, better)
