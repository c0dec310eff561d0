"""Recorded conversations of an airline agent, replayed through a real graph as branches of one thread."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

NODE = {"human": "user", "ai": "agent", "tool": "tools"}


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


def trials_of(folder: Path, task_id: int) -> list[list[dict[str, Any]]]:
    """The recorded messages of each trial of a task."""
    with gzip.open(folder / "airline" / "trajectories.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return [row["messages"] for row in rows if row["task_id"] == task_id]


def build(trials: list[list[dict[str, Any]]], checkpointer: Any) -> Any:
    """Each node says the next recorded message of the trial that ``configurable`` names."""

    def say(state: State, config: RunnableConfig) -> dict[str, list[AnyMessage]]:
        said = len(state["messages"]) - 1
        return {"messages": [message(trials[config["configurable"]["trial"]][said], said)]}

    def after_agent(state: State, config: RunnableConfig) -> str:
        last = state["messages"][-1]
        if isinstance(last, AIMessage) and last.tool_calls:
            return "tools"
        return "user" if _more(state, config) else END

    def _more(state: State, config: RunnableConfig) -> bool:
        return len(state["messages"]) - 1 < len(trials[config["configurable"]["trial"]])

    def after(node: str) -> Any:
        return lambda state, config: node if _more(state, config) else END

    builder = StateGraph(State)
    for node in NODE.values():
        builder.add_node(node, say)
    builder.add_edge(START, "user")
    builder.add_conditional_edges("user", after("agent"), ["agent", END])
    builder.add_conditional_edges("tools", after("agent"), ["agent", END])
    builder.add_conditional_edges("agent", after_agent, ["tools", "user", END])
    return builder.compile(checkpointer=checkpointer)


def message(recorded: dict[str, Any], number: int) -> AnyMessage:
    content = recorded.get("content") or ""
    match recorded["role"]:
        case "user":
            return HumanMessage(content)
        case "tool":
            return ToolMessage(content, tool_call_id=f"call_{number - 1}", name=recorded.get("name"))
    calls = [
        {
            "name": c["function"]["name"],
            "args": json.loads(c["function"]["arguments"]),
            "id": f"call_{number}",
        }
        for c in recorded.get("tool_calls") or []
    ]
    return AIMessage(content, tool_calls=calls)


def same(recorded: dict[str, Any], said: AnyMessage, number: int) -> bool:
    other = message(recorded, number)
    return (other.type, other.content, getattr(other, "tool_calls", None)) == (
        said.type,
        said.content,
        getattr(said, "tool_calls", None),
    )


def replay(graph: Any, trials: list[list[dict[str, Any]]], thread_id: str, policy: str) -> None:
    """Runs the first trial, and each other one from the last checkpoint that it has in common with one before."""
    for number, trial in enumerate(trials):
        configurable: dict[str, Any] = {"thread_id": thread_id, "trial": number}
        start: Any = {"messages": [SystemMessage(policy)]}
        if number:
            states = [
                s for s in graph.get_state_history({"configurable": {"thread_id": thread_id}}) if s.next
            ]
            common = [s for s in states if s.values.get("messages") and s.metadata["source"] == "loop"
                      and _is_prefix(s.values["messages"][1:], trial)]  # fmt: skip
            start = None
            configurable = {
                **max(common, key=lambda s: len(s.values["messages"])).config["configurable"],
                **configurable,
            }
        graph.invoke(start, {"configurable": configurable, "recursion_limit": 200}, durability="sync")


def _is_prefix(said: list[AnyMessage], trial: list[dict[str, Any]]) -> bool:
    return len(said) < len(trial) and all(
        same(recorded, message_, number)
        for number, (recorded, message_) in enumerate(zip(trial, said, strict=False))
    )
