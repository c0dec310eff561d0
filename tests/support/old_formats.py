"""Checkpoints as LangGraph wrote them in older formats."""

from __future__ import annotations

import operator
from typing import Annotated, Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import Send


class Fan(TypedDict):
    left: str
    right: str
    log: Annotated[list[str], operator.add]


def pending(saver: Any) -> Any:
    """A graph that waits before three tasks which were sent."""
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Fan)
    builder.add_node("fan", lambda state: {"log": ["fan"]})
    builder.add_node("leaf", lambda n: {"log": [f"leaf {n['n']}"]})
    builder.add_edge(START, "fan")
    builder.add_conditional_edges("fan", lambda _: [Send("leaf", {"n": n}) for n in range(3)], ["leaf"])
    return builder.compile(checkpointer=saver, interrupt_before=["leaf"])


def as_of_old(checkpoint: dict[str, Any], version: int) -> None:
    """Format 1 to 3: what was sent lay beside the channels, not in one of them."""
    checkpoint["v"] = version
    checkpoint["pending_sends"] = checkpoint["channel_values"].pop("__pregel_tasks", [])
    checkpoint["channel_versions"].pop("__pregel_tasks", None)
