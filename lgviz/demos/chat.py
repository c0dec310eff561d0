"""A chat with a scripted model: one channel, ``messages``, that grows by two a turn.

Teaches branches of a conversation: the second question is asked again in other words from the same
checkpoint, so the thread has two heads whose common past is shared. An update as ``model`` corrects an
answer: a message with the id of an old one replaces it.
"""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph, add_messages

from ._seed import Graph, config_of, ran

__all__ = ["State", "ask", "build", "seed"]

ANSWERS = {
    "lisbon": "Take tram 28 early in the morning, walk down through Alfama, and have lunch by the river.",
    "rain": "Then start in the Tile Museum; the covered market at Cais do Sodré is dry and open late.",
    "child": "With a child, go to the Oceanarium first and take the cable car along the water afterwards.",
    "book": "You need a ticket for the Oceanarium only; a day pass covers tram, bus and the cable car.",
}


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


def answer(question: str) -> str:
    """The scripted model: the first keyword that it knows decides."""
    lower = question.lower()
    return next((text for word, text in ANSWERS.items() if word in lower), "Tell me a little more about it.")


def model(state: State) -> dict[str, Any]:
    turn = sum(m.type == "human" for m in state["messages"])
    return {"messages": [AIMessage(answer(state["messages"][-1].text), id=f"ai-{turn}")]}


def build(checkpointer: BaseCheckpointSaver[Any] | None = None) -> Graph:
    """Compile the graph."""
    builder = StateGraph(State)
    builder.add_node(model)
    builder.add_edge(START, "model")
    builder.add_edge("model", END)
    return builder.compile(checkpointer=checkpointer)


def ask(turn: int, text: str) -> dict[str, Any]:
    """The input of one turn."""
    return {"messages": [HumanMessage(text, id=f"human-{turn}")]}


def seed(graph: Graph, thread_id: str = "1") -> None:
    """Three turns; the second asked otherwise on a branch; the last answer of that branch corrected."""
    config = config_of(thread_id)
    ran(graph, ask(1, "What should I see in Lisbon in one day?"), config)
    first_turn = graph.get_state(config).config
    ran(graph, ask(2, "And if it starts to rain?"), config)
    ran(graph, ask(3, "Do I have to book anything?"), config)
    ran(graph, ask(2, "And with a child of six?"), first_turn)
    graph.update_state(
        graph.get_state(config).config,
        {"messages": [AIMessage("With a child of six: the Oceanarium, then an ice cream.", id="ai-2")]},
        as_node="model",
    )
