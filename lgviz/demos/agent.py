"""An agent that rebooks a flight with tools; its model is scripted, its mistakes are real.

Teaches the debugging of an agent: told to take the cheapest flight, the model ignores the column ``seats``
and books a flight that is sold out. One branch asks better at the beginning; the other changes what the
search found, as ``tools``, and lets the same model run on. ``messages`` are merged by id, ``reservation``
is a dict that one tool rewrites, ``plan`` is text that the model ticks off. ``calls`` counts how often the
model and each tool were called: a replay calls none of them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, StateGraph, add_messages

from ._seed import Graph, config_of, forked, ran, state_before

__all__ = ["CHEAPEST", "EARLIEST", "State", "build", "calls", "seed"]

calls: Counter[str] = Counter()
"""How often ``"model"`` and each tool were called in this process, by all graphs of this module."""

ROUTE, OLD_DAY, NEW_DAY = "LIS-ZRH", "2025-06-12", "2025-06-13"
RESERVATIONS: dict[str, dict[str, Any]] = {
    "K7Q2ZD": {"number": "K7Q2ZD", "name": "Ana Sousa", "route": ROUTE, "day": OLD_DAY, "flight": "LX2085"},
}
FLIGHTS: list[dict[str, Any]] = [
    dict(zip(("flight", "route", "day", "departs", "price", "seats"), row, strict=True))
    for row in (
        ("TP938", ROUTE, NEW_DAY, "13:20", 129, 0),
        ("LX2087", ROUTE, NEW_DAY, "18:45", 149, 4),
        ("LX2085", ROUTE, NEW_DAY, "07:10", 189, 9),
        ("TP938", ROUTE, OLD_DAY, "13:20", 119, 12),
        ("TP934", "LIS-GVA", NEW_DAY, "09:05", 99, 7),
    )
]
STEPS = ("look up the reservation", "search flights on that day", "rebook", "confirm to the traveller")

CHEAPEST = "Please move my reservation K7Q2ZD to Friday, 13 June. The cheapest flight is fine."
EARLIEST = "Please move my reservation K7Q2ZD to Friday, 13 June. The earliest with a free seat, please."


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    reservation: dict[str, Any]
    plan: str


def plan_text(done: int) -> str:
    """The plan with its first ``done`` steps ticked."""
    return "\n".join(f"[{'x' if i < done else ' '}] {step}" for i, step in enumerate(STEPS))


def chosen(wish: str, flights: list[dict[str, Any]]) -> str:
    """The flight the scripted model takes. For "cheapest" it never looks at ``seats``: the bug to find."""
    if "earliest" in wish:
        flights = [f for f in flights if f["seats"]]
        return str(min(flights, key=lambda f: f["departs"])["flight"])
    return str(min(flights, key=lambda f: f["price"])["flight"])


def agent(state: State) -> dict[str, Any]:
    """The scripted model: what it does next depends on the last tool's answer only."""
    calls["model"] += 1
    messages = state["messages"]
    last, message_id = messages[-1], f"ai-{sum(m.type == 'ai' for m in messages) + 1}"
    if not isinstance(last, ToolMessage):
        number = next((word for word in last.text.replace(".", " ").split() if word in RESERVATIONS), None)
        if number is None:
            return {"messages": [AIMessage("Which reservation is it? I need its number.", id=message_id)]}
        return call(message_id, "Let me see.", "get_reservation", {"number": number}, done=0)
    if last.name == "get_reservation":
        found = json.loads(last.text)
        args = {"route": found["route"], "day": NEW_DAY}
        return call(message_id, "", "search_flights", args, done=1)
    if last.name == "search_flights":
        wish = next(m.text for m in reversed(messages) if m.type == "human")
        args = {"number": state["reservation"]["number"], "flight": chosen(wish, json.loads(last.text))}
        return call(message_id, f"{args['flight']} fits best; I will rebook you.", "rebook", args, done=2)
    if last.status == "error":
        text = f"I am sorry, I could not rebook you: {last.text}"
        return {"messages": [AIMessage(text, id=message_id)], "plan": plan_text(2)}
    booked = state["reservation"]
    text = f"Done, {booked['name']}: you fly {booked['flight']} on {booked['day']}."
    return {"messages": [AIMessage(text, id=message_id)], "plan": plan_text(4)}


def call(message_id: str, text: str, tool: str, args: dict[str, Any], done: int) -> dict[str, Any]:
    """A message of the model that calls one tool, and the plan so far."""
    tool_call = {"name": tool, "args": args, "id": f"call-{message_id}", "type": "tool_call"}
    return {"messages": [AIMessage(text, id=message_id, tool_calls=[tool_call])], "plan": plan_text(done)}


def get_reservation(_: State, number: str) -> tuple[str, dict[str, Any]]:
    return json.dumps(RESERVATIONS[number]), {"reservation": RESERVATIONS[number]}


def search_flights(_: State, route: str, day: str) -> tuple[str, dict[str, Any]]:
    return json.dumps([f for f in FLIGHTS if f["route"] == route and f["day"] == day]), {}


def rebook(state: State, number: str, flight: str) -> tuple[str, dict[str, Any]]:
    found = next(f for f in FLIGHTS if f["flight"] == flight and f["day"] == NEW_DAY)
    if not found["seats"]:
        raise LookupError(f"{flight} on {found['day']} is sold out.")
    booked = {**state["reservation"], "flight": flight, "day": found["day"], "departs": found["departs"]}
    return f"{number} is now on {flight}.", {"reservation": booked}


Tool = Callable[..., tuple[str, dict[str, Any]]]
TOOLS: dict[str, Tool] = {
    "get_reservation": get_reservation,
    "search_flights": search_flights,
    "rebook": rebook,
}


def tools(state: State) -> dict[str, Any]:
    """Run the tool calls of the last message; a tool that raises answers with an error."""
    update: dict[str, Any] = {"messages": []}
    last = state["messages"][-1]
    for request in last.tool_calls if isinstance(last, AIMessage) else ():
        answer = {"tool_call_id": request["id"], "name": request["name"], "id": f"tool-{request['id']}"}
        calls[request["name"]] += 1
        try:
            text, changes = TOOLS[request["name"]](state, **request["args"])
            update |= changes
            update["messages"].append(ToolMessage(text, **answer))
        except LookupError as error:
            update["messages"].append(ToolMessage(str(error.args[0]), status="error", **answer))
    return update


def needs_tools(state: State) -> Literal["tools", "__end__"]:
    last = state["messages"][-1]
    return "tools" if isinstance(last, AIMessage) and last.tool_calls else "__end__"


def build(checkpointer: BaseCheckpointSaver[Any] | None = None) -> Graph:
    """Compile the graph."""
    builder = StateGraph(State)
    builder.add_node(agent)
    builder.add_node(tools)
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", needs_tools)
    builder.add_edge("tools", "agent")
    return builder.compile(checkpointer=checkpointer)


def seed(graph: Graph, thread_id: str = "1") -> None:
    """The failing run, a branch that asks for the earliest flight, and one with another search result."""
    config = config_of(thread_id)
    ran(graph, {"messages": [HumanMessage(CHEAPEST, id="human-1")], "plan": plan_text(0)}, config)
    searched = next(
        state
        for state in graph.get_state_history(config)
        if state.next == ("agent",) and state.values["messages"][-1].name == "search_flights"
    )
    asked = state_before(graph, thread_id, "agent")
    better = forked(
        graph,
        asked.config,
        {"messages": [HumanMessage(EARLIEST, id="human-1")]},
        "__start__",
        "ask for the earliest",
    )
    ran(graph, None, better)

    found = searched.values["messages"][-1]
    free = [f for f in json.loads(found.text) if f["seats"]]
    patched = found.model_copy(update={"content": json.dumps(free)})
    ran(
        graph,
        None,
        forked(graph, searched.config, {"messages": [patched]}, "tools", "without sold-out flights"),
    )
