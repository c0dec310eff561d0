"""Agents of LangChain's with a scripted model, whose tools wait for a person."""

from __future__ import annotations

import warnings
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from tests.support.graphs import Log

ASK = {"messages": [{"role": "user", "content": "Refund A-2 and tell Ana", "id": "u"}]}
CALLS = [
    ("refund", {"order": "A-2", "amount": 21.0}),
    ("send_mail", {"to": "ana@example.org", "body": "Dear Ana,\nwe refunded order A-2."}),
    ("close", {"ticket": 7}),
]


class Scripted(BaseChatModel):
    """Says its replies one after another."""

    replies: list[Any]
    at: int = 0

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **more: Any) -> Any:
        return self

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **more: Any) -> ChatResult:
        said = sum(isinstance(message, AIMessage) for message in messages)
        return ChatResult(generations=[ChatGeneration(message=self.replies[said % len(self.replies)])])


@tool
def refund(order: str, amount: float) -> str:
    """Refund an order."""
    return f"refunded {order}: {amount}"


@tool
def send_mail(to: str, body: str) -> str:
    """Send a mail."""
    return f"sent to {to}: {body}"


@tool
def close(ticket: int) -> str:
    """Close a ticket."""
    return f"closed {ticket}"


def asking_agent(saver: Any, *, calls: Any = CALLS, only: Any = None, **middleware: Any) -> Any:
    """An agent that calls tools and waits for a person to decide.

    Args:
        saver: its checkpointer.
        calls: the tools that its model calls, with their arguments.
        only: by tool the decisions that are allowed; all where it is not named.
        **middleware: what ``HumanInTheLoopMiddleware`` takes besides.
    """
    told = AIMessage(
        "I will refund A-2 and tell you by mail.",
        id="m1",
        tool_calls=[{"name": name, "args": args, "id": f"t{i}"} for i, (name, args) in enumerate(calls)],
    )
    allowed = {name: {"allowed_decisions": list(kinds)} for name, kinds in (only or {}).items()}
    asks = {name: allowed.get(name, True) for name, _ in calls}
    return create_agent(
        Scripted(replies=[told, AIMessage("Done.", id="m2")]),
        [refund, send_mail, close],
        middleware=[HumanInTheLoopMiddleware(interrupt_on=asks, **middleware)],
        checkpointer=saver,
    )


def old_inbox(saver: Any, *, listed: bool = True, **allowed: bool) -> Any:
    """A graph that asks as LangGraph's prebuilt ``HumanInterrupt`` does, and logs what it is told."""
    with warnings.catch_warnings(action="ignore"):
        from langgraph.prebuilt.interrupt import ActionRequest, HumanInterrupt, HumanInterruptConfig

        config = {f"allow_{kind}": True for kind in ("ignore", "respond", "edit", "accept")} | allowed
        request = HumanInterrupt(
            action_request=ActionRequest(action="refund", args={"order": "A-2", "amount": 21.0}),
            config=HumanInterruptConfig(**config),
            description="Please review",
        )

    def review(state: Log) -> dict[str, Any]:
        return {"log": [interrupt([request] if listed else request)]}

    builder = StateGraph(Log).add_node("review", review).add_edge(START, "review")
    return builder.compile(checkpointer=saver)
