"""An inbox that is triaged, all mails at once, by what its reader prefers.

Teaches fault tolerance and memory. ``fetch`` sends each mail to a ``classify`` of its own (``Send``), and a
reducer merges their labels. Where one of these fails, as ``outages`` makes it do once, the step makes no
checkpoint, but what the others wrote is kept with the one before: ``graph.invoke(None, config)`` goes on with
that mail alone, and no model is asked twice. ``remember`` puts into the store what the reader moved by hand,
by its sender, and ``fetch`` recalls it, also in her other threads. One branch has failed, and can go on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from operator import or_
from typing import Annotated, Any, Literal, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.types import Send

from ._seed import Graph, forked, ran
from .scripted import ScriptedModel, says

__all__ = ["INBOX", "State", "build", "config_for", "outages", "preferences_of", "seed"]

INBOX: dict[str, dict[str, str]] = {
    number: dict(zip(("sender", "subject", "text"), row, strict=True))
    for number, row in {
        "m1": ("rui@office.example", "Contract", "The customer waits. Can you sign the contract today?"),
        "m2": ("news@climbing.example", "Newsletter", "The hut opens in May. Unsubscribe at the bottom."),
        "m3": ("lea@office.example", "Lunch", "Are you free for lunch on Thursday?"),
        "m4": ("win@prize.example", "You won", "Claim your prize by sending us your card's number."),
        "m5": ("it@office.example", "Downtime", "The wiki is down on Sunday from 8 to 9. Nothing to do."),
    }.items()
}
PATIENCE = 0.1
"""Seconds until a service that does not answer is given up; the other mails have been classified by then."""

outages: set[str] = set()
"""Mails whose classification fails when it is tried next, once."""


class Verdict(TypedDict):
    """What should become of a mail."""

    label: Literal["urgent", "answer", "read", "junk"]


class State(TypedDict, total=False):
    moved: dict[str, str]
    inbox: list[str]
    preferred: dict[str, str]
    labels: Annotated[dict[str, str], or_]
    digest: str


class OneMail(TypedDict):
    number: str
    preferred: dict[str, str]


def preferences_of(config: RunnableConfig) -> tuple[str, ...]:
    """The namespace of what a user prefers: a label by sender."""
    return ("users", config["configurable"]["user_id"], "mail")


def script(messages: Sequence[BaseMessage], tools: Sequence[str]) -> AIMessage:  # noqa: ARG001
    """The scripted model: what the reader prefers, else the first word that it knows."""
    preferred = json.loads(messages[0].text.splitlines()[-1])
    sender, _, text = messages[-1].text.partition("\n")
    words = {"today": "urgent", "prize": "junk", "Unsubscribe": "junk", "?": "answer"}
    label = next((words[word] for word in words if word in text), "read")
    return says("", ("Verdict", {"label": preferred.get(sender, label)}))


def remember(state: State, config: RunnableConfig, *, store: BaseStore) -> None:
    for number, label in state.get("moved", {}).items():
        store.put(preferences_of(config), INBOX[number]["sender"], {"label": label})


def fetch(state: State, config: RunnableConfig, *, store: BaseStore) -> dict[str, Any]:  # noqa: ARG001
    preferred = {item.key: item.value["label"] for item in store.search(preferences_of(config))}
    return {"inbox": list(INBOX), "preferred": preferred, "moved": {}}


def each_mail(state: State) -> list[Send]:
    return [
        Send("classify", {"number": number, "preferred": state["preferred"]}) for number in state["inbox"]
    ]


def digest(state: State) -> dict[str, Any]:
    labels = [(state["labels"][number], INBOX[number]) for number in state["inbox"]]
    order = ("urgent", "answer", "read")
    lines = [
        f"{one}: {mail['subject']} ({mail['sender']})"
        for one in order
        for label, mail in labels
        if label == one
    ]
    return {"digest": "\n".join(lines)}


def build(
    checkpointer: BaseCheckpointSaver[Any] | None = None,
    store: BaseStore | None = None,
    *,
    model: BaseChatModel | None = None,
) -> Graph:
    """Compile the graph; without a store its memory is a new ``InMemoryStore``.

    ``model=init_chat_model("openai:gpt-5")`` has a real model classify.
    """
    classifier = (model or ScriptedModel(script=script)).with_structured_output(Verdict)

    def classify(state: OneMail) -> dict[str, Any]:
        number, mail = state["number"], INBOX[state["number"]]
        if number in outages:
            outages.remove(number)
            time.sleep(PATIENCE)
            raise ConnectionError(f"nobody answered about {number}")
        prompt = "What should become of this mail? What its reader wants, by sender:\n"
        said = HumanMessage(f"{mail['sender']}\n{mail['subject']}\n{mail['text']}")
        found: Any = classifier.invoke([SystemMessage(prompt + json.dumps(state["preferred"])), said])
        return {"labels": {number: found["label"]}}

    builder = StateGraph(State)
    builder.add_node(remember)
    builder.add_node(fetch)
    builder.add_node(classify)
    builder.add_node(digest)
    builder.add_edge(START, "remember")
    builder.add_edge("remember", "fetch")
    builder.add_conditional_edges("fetch", each_mail, ["classify"])
    builder.add_edge("classify", "digest")
    builder.add_edge("digest", END)
    return builder.compile(checkpointer=checkpointer, store=InMemoryStore() if store is None else store)


def config_for(user: str, thread_id: str) -> RunnableConfig:
    """The config of a user's thread."""
    return {"configurable": {"thread_id": thread_id, "user_id": user}}


def seed(graph: Graph, thread_id: str = "1") -> None:
    """One mail fails, and the run goes on; one is moved by hand; a branch that has failed and can go on."""
    config = config_for("mia", thread_id)
    fails(graph, {"moved": {}}, config)
    fetched = graph.get_state(config).config
    ran(graph, None, config)
    ran(graph, {"moved": {"m2": "read"}}, config)
    lea_first = {"preferred": {"lea@office.example": "urgent"}}
    fails(graph, None, forked(graph, fetched, lea_first, "fetch", "what Lea writes is urgent"))


def fails(graph: Graph, graph_input: State | None, config: RunnableConfig) -> None:
    """Run while nobody answers about one mail."""
    outages.add("m4")
    with suppress(ConnectionError):  # the point of the demo
        ran(graph, graph_input, config)
