"""An assistant that remembers people across threads, in a store.

Teaches memory that travels in time: ``recall`` reads what the store knows of the user, ``remember`` writes
what she says of herself and deletes what she wants forgotten. Mia's diet changes in the middle of the thread:
a run from a checkpoint before that, made today, reads today's diet, unless it runs in a sandbox, with the
memory of that moment. A branch asks what a vegan would be told, by an update in the name of ``recall``.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from ._seed import Graph, forked, ran, state_before

__all__ = ["State", "ask", "build", "config_for", "facts_of", "seed"]

SAYS = {
    "diet": re.compile(r"I (?:am|eat) (vegetarian|vegan|fish|everything)"),
    "home": re.compile(r"I live in (\w+)"),
}
DINNERS = {
    "vegetarian": "Ao 26 cooks without meat; book a table.",
    "vegan": "At Ao 26 ask for the vegan menu.",
    "fish": "A Cevicheria: sit at the bar and have the ceviche.",
}


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    known: dict[str, str]


def facts_of(user: str) -> tuple[str, ...]:
    """The namespace of what is remembered of a user."""
    return ("users", user, "facts")


def recall(state: State, config: RunnableConfig, *, store: BaseStore) -> dict[str, Any]:  # noqa: ARG001
    facts = store.search(facts_of(config["configurable"]["user_id"]))
    return {"known": {fact.key: fact.value["text"] for fact in facts}}


def reply(state: State) -> dict[str, Any]:
    asked = state["messages"][-1].text
    text = "Noted."
    if "dinner" in asked:
        text = DINNERS.get(state["known"].get("diet", ""), "Cervejaria Ramiro has something for everyone.")
    turn = sum(m.type == "human" for m in state["messages"])
    return {"messages": [AIMessage(text, id=f"ai-{turn}")]}


def remember(state: State, config: RunnableConfig, *, store: BaseStore) -> None:
    said = next(m for m in reversed(state["messages"]) if m.type == "human").text
    facts = facts_of(config["configurable"]["user_id"])
    for key, pattern in SAYS.items():
        if (told := pattern.search(said)) is not None:
            store.put(facts, key, {"text": told[1], "said": said})
    if (unwanted := re.search(r"[Ff]orget my (\w+)", said)) is not None:
        store.delete(facts, unwanted[1])


def build(checkpointer: BaseCheckpointSaver[Any] | None = None, store: BaseStore | None = None) -> Graph:
    """Compile the graph; without a store its memory is a new ``InMemoryStore``."""
    builder = StateGraph(State)
    builder.add_node(recall)
    builder.add_node(reply)
    builder.add_node(remember)
    builder.add_edge(START, "recall")
    builder.add_edge("recall", "reply")
    builder.add_edge("reply", "remember")
    builder.add_edge("remember", END)
    return builder.compile(checkpointer=checkpointer, store=InMemoryStore() if store is None else store)


def ask(turn: int, text: str) -> State:
    """The input of one turn."""
    return {"messages": [HumanMessage(text, id=f"human-{turn}")]}


def config_for(user: str, thread_id: str) -> RunnableConfig:
    """The config of a user's thread."""
    return {"configurable": {"thread_id": thread_id, "user_id": user}}


def seed(graph: Graph, thread_id: str = "1") -> None:
    """Two other threads tell of Mia and Ben; then three turns of Mia, her diet changed by the second."""
    ran(graph, ask(1, "I am vegetarian and I live in Porto."), config_for("mia", f"{thread_id}-monday"))
    ran(graph, ask(1, "I live in Faro. I eat everything."), config_for("ben", f"{thread_id}-ben"))
    mia = config_for("mia", thread_id)
    ran(graph, ask(1, "Where should I have dinner in Lisbon?"), mia)
    ran(graph, ask(2, "I eat fish again. And forget my home, I have moved."), mia)
    ran(graph, ask(3, "So where should I have dinner?"), mia)
    recalled = state_before(graph, thread_id, "reply").config
    forked(graph, recalled, {"known": {"diet": "vegan"}}, "recall", "if she were vegan")
    ran(graph, None, mia)
