"""Fills a file through LangGraph's own ``update_state``: forks of a delta channel and a plain one beside it, of a graph
and of its subgraph. Imports LangGraph alone: versions that mix the branches run it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from langgraph.channels import DeltaChannel
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import StateUpdate
from typing_extensions import TypedDict

CONFIG: Any = {"configurable": {"thread_id": "1"}}
INNER: Any = {"configurable": {"thread_id": "1", "checkpoint_ns": "sub"}}


def appended(old: list[str] | None, writes: Sequence[list[str]]) -> list[str]:
    return [*(old or []), *(item for write in writes for item in write)]


State = TypedDict(  # noqa: UP013  # a class's annotations are not found where `runpy` runs this file
    "State",
    {
        "log": Annotated[list, DeltaChannel(appended, snapshot_frequency=1000)],
        "plain": Annotated[list, lambda old, write: [*old, *write]],
    },
)


def both(text: str) -> Any:
    return {"log": [text], "plain": [text]}


def chain(*nodes: str) -> Any:
    """A graph whose nodes run one after the other and say their names."""
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(State)
    for before, name in zip((START, *nodes), nodes, strict=False):
        builder.add_node(name, says(name))
        builder.add_edge(before, name)
    return builder


def says(name: str) -> Callable[[Any], Any]:
    return lambda _: both(name)


def fill(path: str) -> dict[str, str]:
    """The ids of the checkpoints that updates made or left, by name."""
    saver = SqliteSaver(sqlite3.connect(path, check_same_thread=False))
    builder = chain("a", "b")
    builder.add_node("sub", chain("x", "y").compile(checkpointer=True))
    builder.add_edge("b", "sub")
    graph = builder.compile(checkpointer=saver)
    graph.invoke(both("1"), CONFIG, durability="sync")
    base = graph.get_state(CONFIG).config
    graph.invoke(both("2"), CONFIG, durability="sync")
    made = {"base": base, "second": graph.get_state(CONFIG).config}
    waited = [state for state in graph.get_state_history(CONFIG) if state.next == ("b",)][-1].config
    made["fork"] = graph.update_state(base, both("edit"), as_node="b")
    made["lost"] = graph.update_state(base, both("other"), as_node="b")
    made["taken"] = graph.update_state(waited, both("taken"), as_node="b")
    step = [StateUpdate({"plain": ["p"]}, "a"), StateUpdate(both("q"), "b")]
    made["dropped"] = graph.bulk_update_state(made["fork"], [step])
    inner = list(graph.get_state_history(INNER))
    waited, base = ([s for s in inner if s.next == after][-1].config for after in (("y",), ()))
    made["inner taken"] = graph.update_state(waited, both("taken"), as_node="y")
    made["inner fork"] = graph.update_state(base, both("edit"), as_node="y")
    made["inner lost"] = graph.update_state(base, both("other"), as_node="y")
    saver.conn.close()
    return {name: config["configurable"]["checkpoint_id"] for name, config in made.items()}
