"""Three nodes at once, one of which fails on demand.

Teaches parallel super-steps, joins and errors: ``fail`` names the node that raises. A failed step makes
no checkpoint of its own; the error and the writes of the siblings that finished stay with the checkpoint
before it. Forking there with another ``fail`` repairs the run.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph

from ._seed import Graph, config_of, forked, ran, state_before

__all__ = ["INPUT", "State", "build", "seed"]

PATIENCE = 0.1
"""Seconds until a service that does not answer is given up; the others have answered by then."""
FACTS = {
    "weather": "sunny, 24 °C, light wind from the west",
    "traffic": "two lanes closed on the ring road until 18:00",
    "events": "a half marathon in the old town at 10:00",
}


def merge(left: dict[str, str], right: dict[str, str]) -> dict[str, str]:
    """The reducer of ``facts``: later keys win."""
    return {**left, **right}


class State(TypedDict, total=False):
    city: str
    fail: str
    facts: Annotated[dict[str, str], merge]
    report: str


INPUT: State = {"city": "Lisbon", "fail": "traffic"}


def plan(state: State) -> dict[str, Any]:
    return {"facts": {"city": state["city"]}}


def fetch(state: State, what: str) -> dict[str, Any]:
    if state.get("fail") == what:
        time.sleep(PATIENCE)
        raise ConnectionError(f"the {what} service did not answer")
    return {"facts": {what: FACTS[what]}}


def weather(state: State) -> dict[str, Any]:
    return fetch(state, "weather")


def traffic(state: State) -> dict[str, Any]:
    return fetch(state, "traffic")


def events(state: State) -> dict[str, Any]:
    return fetch(state, "events")


def report(state: State) -> dict[str, Any]:
    lines = [f"{what}: {fact}" for what, fact in sorted(state["facts"].items())]
    return {"report": "\n".join(lines)}


def build(checkpointer: BaseCheckpointSaver[Any] | None = None) -> Graph:
    """Compile the graph."""
    builder = StateGraph(State)
    for node in (plan, weather, traffic, events, report):
        builder.add_node(node)
    builder.add_edge(START, "plan")
    for name in ("weather", "traffic", "events"):
        builder.add_edge("plan", name)
    builder.add_edge(["weather", "traffic", "events"], "report")
    builder.add_edge("report", END)
    return builder.compile(checkpointer=checkpointer)


def seed(graph: Graph, thread_id: str = "1") -> None:
    """A run that fails in ``traffic``; two branches that repair it, before the step and at the input."""
    config = config_of(thread_id)
    with suppress(ConnectionError):  # the point of the demo
        ran(graph, INPUT, config)
    failed = graph.get_state(config).config
    repaired = forked(graph, failed, {"fail": ""}, "plan", "repaired")
    ran(graph, None, repaired)
    planning = state_before(graph, thread_id, "plan")
    elsewhere = forked(graph, planning.config, {"city": "Porto", "fail": ""}, "__start__", "another city")
    ran(graph, None, elsewhere)
