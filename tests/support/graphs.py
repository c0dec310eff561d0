"""Small graphs for the session's tests, each built around one fact."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from operator import add
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from lgviz.analysis.history import open_history

CONFIG: Any = {"configurable": {"thread_id": "1"}}


class Log(TypedDict, total=False):
    log: Annotated[list[str], add]
    value: Any


def noting(name: str, calls: list[str] | None = None) -> Callable[[Log], dict[str, Any]]:
    def node(state: Log) -> dict[str, Any]:
        if calls is not None:
            calls.append(name)
        return {"log": [name]}

    node.__name__ = name
    return node


class HeldNode:
    """A node, ``slow``, that waits.

    Attributes:
        entered: set as soon as it runs.
        leave: to be set, so that it ends.
        calls: notes each run.
    """

    def __init__(self) -> None:
        self.entered, self.leave, self.calls = threading.Event(), threading.Event(), list[str]()

    def __call__(self, state: Log) -> dict[str, Any]:
        self.calls.append("slow")
        self.entered.set()
        assert self.leave.wait(20)
        return {"log": ["slow"]}


def chain(nodes: Sequence[tuple[str, Any]], saver: Any = None, **compiled: Any) -> Any:
    """Nodes in a row."""
    builder = StateGraph(Log)
    before = START
    for name, node in nodes:
        builder.add_node(name, node)
        builder.add_edge(before, name)
        before = name
    builder.add_edge(before, END)
    return builder.compile(checkpointer=saver, **compiled)


def asking(name: str, times: int = 1) -> Callable[[Log], dict[str, Any]]:
    """A node that asks ``times`` questions, one after the other, and logs what it is told."""

    def node(state: Log) -> dict[str, Any]:
        return {"log": [f"{name}{n}={interrupt(f'{name}{n}?')}" for n in range(times)]}

    return node


def parallel(saver: Any, *nodes: tuple[str, Any]) -> Any:
    """``before``, then nodes side by side, then ``after`` that waits for all of them."""
    builder = StateGraph(Log)
    builder.add_node("before", noting("before"))
    builder.add_node("after", noting("after"))
    builder.add_edge(START, "before")
    for name, node in nodes:
        builder.add_node(name, node)
        builder.add_edge("before", name)
    builder.add_edge([name for name, _ in nodes], "after")
    return builder.compile(checkpointer=saver)


def routed(saver: Any, router: Callable[..., Any], targets: list[str], **schemas: Any) -> Any:
    """``first`` with a conditional edge."""
    builder = StateGraph(Log, **schemas)
    builder.add_node("first", noting("first"))
    for target in targets:
        builder.add_node(target, noting(target))
    builder.add_edge(START, "first")
    builder.add_conditional_edges("first", router, [*targets, END])
    return builder.compile(checkpointer=saver)


def commanding(saver: Any) -> Any:
    """``choose`` goes to ``left`` or ``right`` by ``Command``."""
    builder = StateGraph(Log)
    builder.add_node(
        "choose",
        lambda state: Command(goto="left", update={"log": ["choose"]}),
        destinations=("left", "right"),
    )
    builder.add_node("left", noting("left"))
    builder.add_node("right", noting("right"))
    builder.add_edge(START, "choose")
    return builder.compile(checkpointer=saver)


def ids(graph: Any) -> list[str]:
    """The ids of all checkpoints of thread 1, of all namespaces."""
    return [t.checkpoint["id"] for t in graph.checkpointer.list(CONFIG)]


def before(graph: Any, *nodes: str) -> Any:
    """The oldest checkpoint of thread 1 that these nodes follow."""
    return next(c for c in open_history(graph, "1") if tuple(sorted(c.next)) == tuple(sorted(nodes)))
