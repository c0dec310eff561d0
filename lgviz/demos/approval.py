"""A refund that a person must approve: the node ``review`` stops with an interrupt.

Teaches interrupts: the run waits in the checkpoint before ``review`` until it is resumed with an answer,
``"approve"``, ``"reject"`` or ``{"edit": 25.0}``. ``review`` routes by ``Command(goto=...)``, so an update
in its name has to say where to go. The thread holds one approved and one rejected branch of the same
question, and ends with a question that still waits.
"""

from __future__ import annotations

from operator import add
from typing import Annotated, Any, Literal, TypedDict

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from ._seed import Graph, config_of, forked, ran, state_before

__all__ = ["INPUT", "State", "build", "seed"]


class State(TypedDict, total=False):
    order: str
    complaint: str
    amount: float
    letter: str
    outcome: str
    log: Annotated[list[str], add]


INPUT: State = {"order": "A-1042", "complaint": "The teapot arrived with a broken lid.", "log": []}


def draft(state: State) -> dict[str, Any]:
    amount = 40.0 if "broken" in state["complaint"] else 10.0
    return {
        "amount": amount,
        "letter": f"We are sorry. For order {state['order']} we will refund {amount:.2f} EUR.",
        "log": [f"drafted a refund of {amount:.2f}"],
    }


def review(state: State) -> Command[Literal["pay", "decline"]]:
    answers = ["approve", "reject", {"edit": 25.0}]
    answer = interrupt({"question": "Pay this refund?", "amount": state["amount"], "answers": answers})
    if answer == "approve":
        return Command(goto="pay", update={"log": ["approved"]})
    if isinstance(answer, dict) and "edit" in answer:
        amount = float(answer["edit"])
        letter = f"We are sorry. For order {state['order']} we will refund {amount:.2f} EUR."
        return Command(
            goto="pay", update={"amount": amount, "letter": letter, "log": [f"amount set to {amount:.2f}"]}
        )
    return Command(goto="decline", update={"log": [f"rejected: {answer}"]})


def pay(state: State) -> dict[str, Any]:
    return {"outcome": "paid", "log": [f"paid {state['amount']:.2f}"]}


def decline(state: State) -> dict[str, Any]:  # noqa: ARG001
    return {"outcome": "declined", "letter": "We are sorry, but we cannot refund this order."}


def build(checkpointer: BaseCheckpointSaver[Any] | None = None) -> Graph:
    """Compile the graph."""
    builder = StateGraph(State)
    builder.add_node(draft)
    builder.add_node(review)
    builder.add_node(pay)
    builder.add_node(decline)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "review")
    builder.add_edge("pay", END)
    builder.add_edge("decline", END)
    return builder.compile(checkpointer=checkpointer)


def seed(graph: Graph, thread_id: str = "1") -> None:
    """Approve; reject on a fork of the same question; then a smaller complaint, whose question waits."""
    config = config_of(thread_id)
    ran(graph, INPUT, config)
    asked = graph.get_state(config).config
    ran(graph, Command(resume="approve"), config)
    ran(graph, None, asked)
    ran(graph, Command(resume="reject"), config)
    drafting = state_before(graph, thread_id, "draft")
    late = {"complaint": "The teapot came a day late."}
    smaller = forked(graph, drafting.config, late, "__start__", "a smaller complaint")
    ran(graph, None, smaller)
