"""Expense reports that rules check, and a person where a rule is broken.

Teaches the human in the loop: ``review`` asks by ``interrupt``, in the form of LangChain's human-in-the-loop
middleware, about each item that breaks a rule: approve, edit or reject. An interrupted node runs again from
its first line once it is answered. So what must happen once, the mail to the manager, has a node of its own,
``notify``. ``build(saver, apart=False)`` shows what comes of a mail that is sent before ``interrupt`` in the
same node: ``sent`` has it twice. The thread holds two answers to one question, and a question that waits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from ._seed import Graph, config_of, forked, ran, state_before
from .scripted import ScriptedModel, says

__all__ = ["REPORT", "State", "answer", "build", "report", "seed", "sent"]

sent: list[str] = []
"""The mails that went out in this process, from all graphs of this module."""

MANAGERS = {"Ana Sousa": "Rui Dias", "Ben Frei": "Lea Kunz"}
LIMITS = {"taxi": 50.0, "meal": 80.0, "hotel": 160.0}
"""What needs no approval, in EUR; anything else needs it."""

REPORT = """\
Taxi from the airport: 34.00 EUR
Hotel Limmat, one night: 142.00 EUR
Dinner with two customers: 186.50 EUR
Headphones for the flight: 79.00 EUR
"""


class Item(TypedDict):
    """One expense of a report."""

    what: str
    category: Literal["taxi", "meal", "hotel", "other"]
    amount: Annotated[float, ..., "in EUR"]


class Report(TypedDict):
    """The expenses of a report, in its order."""

    items: list[Item]


class State(TypedDict, total=False):
    employee: str
    report: str
    items: list[Item]
    doubts: dict[str, str]
    declined: dict[str, str]
    paid: float


def script(messages: Sequence[BaseMessage], tools: Sequence[str]) -> AIMessage:  # noqa: ARG001
    """The scripted model: an item a line, its category by a word in it."""
    categories = {"taxi": "taxi", "hotel": "hotel", "dinner": "meal", "lunch": "meal"}
    items = [
        {
            "what": what,
            "category": next((categories[w] for w in categories if w in what.lower()), "other"),
            "amount": float(amount),
        }
        for what, amount in re.findall(r"(.+): ([\d.]+) EUR", messages[-1].text)
    ]
    return says("", ("Report", {"items": items}))


def mail(to: str, text: str) -> None:
    """The one thing here that cannot be taken back."""
    sent.append(f"To {to}: {text}")


def check(state: State) -> dict[str, Any]:
    doubts = {}
    for item in state["items"]:
        limit = LIMITS.get(item["category"], 0.0)
        if item["amount"] > limit:
            doubts[item["what"]] = f"{item['amount']:.2f} EUR, where {limit:.2f} need no approval."
    return {"doubts": doubts, "declined": {}}


def notify(state: State) -> None:
    mail(MANAGERS[state["employee"]], f"{state['employee']} waits for your approval.")


def review(state: State) -> dict[str, Any]:
    """Ask about the doubtful items; an edited one is paid as edited, a rejected one is not."""
    doubtful = [item for item in state["items"] if item["what"] in state["doubts"]]
    asked = {
        "action_requests": [
            {"name": "pay", "args": item, "description": state["doubts"][item["what"]]} for item in doubtful
        ],
        "review_configs": [{"action_name": "pay", "allowed_decisions": ["approve", "edit", "reject"]}],
    }
    items, declined = [item for item in state["items"] if item not in doubtful], {}
    for item, decision in zip(doubtful, interrupt(asked)["decisions"], strict=True):
        if decision["type"] == "reject":
            declined[item["what"]] = decision.get("message", "")
        else:
            items.append(decision["edited_action"]["args"] if decision["type"] == "edit" else item)
    return {"items": items, "declined": declined}


def notify_and_review(state: State) -> dict[str, Any]:
    """As one should not write it: the mail goes out again when the answer comes."""
    notify(state)
    return review(state)


def pay(state: State) -> dict[str, Any]:
    total = sum(item["amount"] for item in state["items"])
    mail(state["employee"], f"{total:.2f} EUR are on their way to you.")
    return {"paid": total}


def build(
    checkpointer: BaseCheckpointSaver[Any] | None = None,
    *,
    model: BaseChatModel | None = None,
    apart: bool = True,
) -> Graph:
    """Compile the graph; ``model=init_chat_model("openai:gpt-5")`` has a real model read the reports.

    Args:
        checkpointer: where its threads are kept; interrupts need one.
        model: what reads a report; None: the scripted one.
        apart: the mail to the manager has a node of its own; False: it is sent in the node that asks.
    """
    reader = (model or ScriptedModel(script=script)).with_structured_output(Report)

    first = "notify" if apart else "review"

    def read_report(state: State) -> dict[str, Any]:
        found: Any = reader.invoke(state["report"])
        return {"items": found["items"]}

    def asks_or_pays(state: State) -> str:
        return first if state["doubts"] else "pay"

    builder = StateGraph(State)
    builder.add_node(read_report)
    builder.add_node(check)
    if apart:
        builder.add_node(notify)
        builder.add_node(review)
        builder.add_edge("notify", "review")
    else:
        builder.add_node("review", notify_and_review)
    builder.add_node(pay)
    builder.add_edge(START, "read_report")
    builder.add_edge("read_report", "check")
    builder.add_conditional_edges("check", asks_or_pays, [first, "pay"])
    builder.add_edge("review", "pay")
    return builder.compile(checkpointer=checkpointer)


def report(text: str, employee: str = "Ana Sousa") -> State:
    """The input: an employee's report, an item a line."""
    return {"employee": employee, "report": text}


def answer(*decisions: dict[str, Any]) -> Command[Any]:
    """The manager's decisions, one an item that was asked about: ``{"type": "approve"}``."""
    return Command(resume={"decisions": decisions})


def seed(graph: Graph, thread_id: str = "1") -> None:
    """Reject the headphones; on a fork of the same question, pay less for the dinner; then one that waits."""
    config = config_of(thread_id)
    ran(graph, report(REPORT), config)
    asked = graph.get_state(config)
    approve, reject = {"type": "approve"}, {"type": "reject", "message": "Bring your own, please."}
    ran(graph, answer(approve, reject), config)

    ran(graph, None, asked.config)
    dinner = {**asked.values["items"][2], "amount": 120.0}
    edit = {"type": "edit", "edited_action": {"name": "pay", "args": dinner}}
    ran(graph, answer(edit, approve), config)

    read = state_before(graph, thread_id, "check")
    without = read.values["items"][:3]
    ran(
        graph,
        None,
        forked(graph, read.config, {"items": without}, "read_report", "the headphones are withdrawn"),
    )
