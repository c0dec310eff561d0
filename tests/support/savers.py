"""Small graphs, and driving any saver through them."""

from __future__ import annotations

import asyncio
import operator
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from typing_extensions import TypedDict

from lgviz import persistence

LOOPS: list[asyncio.AbstractEventLoop] = []
"""Made for savers; closed after each test."""

SAVERS: dict[str, Callable[[Path], Any]] = {
    "LangGraph memory": lambda _: InMemorySaver(),
    "LangGraph SQLite": lambda path: SqliteSaver(sqlite3.connect(path, check_same_thread=False)),
    "lgviz memory": lambda _: persistence.MemorySaver(),
    "lgviz SQLite": lambda path: persistence.SqliteSaver.from_conn_string(str(path)),
}
"""LangGraph's and lgviz's, in memory and in a file."""

ALL = ("memory", "sqlite", "postgres", "aiosqlite", "aiopostgres")

WORDS = ["".join(random.Random(n).choices("abcdefghijklmnoprstuvw", k=n % 7 + 3)) for n in range(3000)]


def text(seed: int, length: int = 500) -> str:
    """Unique words, about as compressible as English."""
    rng, words, size = random.Random(seed), [], 0
    while size < length:
        words.append(rng.choice(WORDS))
        size += len(words[-1]) + 1
    return " ".join(words)[:length]


class Foo(TypedDict):
    foo: str
    bar: Annotated[list[str], operator.add]


def two_nodes() -> StateGraph[Any, Any, Any, Any]:
    """The documented example: four checkpoints."""
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Foo)
    builder.add_node("node_a", lambda state: {"foo": "a", "bar": ["a"]})
    builder.add_node("node_b", lambda state: {"foo": "b", "bar": ["b"]})
    builder.add_edge(START, "node_a")
    builder.add_edge("node_a", "node_b")
    builder.add_edge("node_b", END)
    return builder


def chat(length: int = 500) -> StateGraph[Any, Any, Any, Any]:
    """Answers every message with one."""
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(MessagesState)
    builder.add_node("chat", lambda state: {"messages": [AIMessage(text(len(state["messages"]), length))]})
    builder.add_edge(START, "chat")
    builder.add_edge("chat", END)
    return builder


def config(thread_id: str = "1", **more: Any) -> Any:
    return {"configurable": {"thread_id": thread_id, **more}}


def checkpoint(id: str, values: dict[str, Any], version: Any = 1, **more: Any) -> Any:
    versions = dict.fromkeys(values, version)
    return {
        "v": 4,
        "id": id,
        "ts": "",
        "channel_values": values,
        "channel_versions": versions,
        "versions_seen": {},
    } | more


def put(
    saver: Any,
    id: str,
    values: dict[str, Any],
    parent: str | None = None,
    thread: str = "1",
    ns: str = "",
    **metadata: Any,
) -> Any:
    """One checkpoint with all its values new."""
    made = checkpoint(id, values, int(id, 16) if id.isalnum() else 1)
    place = config(thread, checkpoint_ns=ns, checkpoint_id=parent)
    return call(saver, "put", place, made, {"source": "loop", "step": 0} | metadata, made["channel_versions"])


def call(saver: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """A method of any saver, on a loop where the saver is asynchronous."""
    if not hasattr(saver, "__aenter__"):
        found = getattr(saver, name)(*args, **kwargs)
        return list(found) if name == "list" else found
    if name == "list":
        return on_loop(saver, _collect(saver.alist(*args, **kwargs)))
    return on_loop(saver, getattr(saver, f"a{name}")(*args, **kwargs))


def run(graph: Any, saver: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """A method of a compiled graph."""
    if not hasattr(saver, "__aenter__"):
        found = getattr(graph, name)(*args, **kwargs)
        return list(found) if name == "get_state_history" else found
    if name == "get_state_history":
        return on_loop(saver, _collect(graph.aget_state_history(*args, **kwargs)))
    return on_loop(saver, getattr(graph, f"a{name}")(*args, **kwargs))


async def _collect(found: Any) -> list[Any]:
    return [item async for item in found]


def on_loop(saver: Any, awaitable: Any) -> Any:
    """On the one loop of a saver."""
    if not hasattr(saver, "test_loop"):
        saver.test_loop = asyncio.new_event_loop()
        LOOPS.append(saver.test_loop)
    return saver.test_loop.run_until_complete(awaitable)
