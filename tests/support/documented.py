"""What the code of README.md and docs/ is about: an agent that books a flight in rounds, with threads in a database."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSaver
from langgraph.store.memory import InMemoryStore as LangGraphStore

import lgviz
from lgviz.persistence import InMemoryStore, MemorySaver, SqliteSaver

__all__ = ["documented_names"]

APP = '''
from operator import add
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langgraph.graph import END, START, StateGraph, add_messages


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    log: Annotated[list[str], add]
    files: dict[str, str]
    plan: str
    limit: int
    fare: int
    paid: bool
    answer: str


def plan(state: State) -> dict[str, Any]:
    """Asks the tools, up to three times."""
    turn = len(state["messages"])
    call = {"name": "search", "args": {"limit": state.get("limit", 500)}, "id": f"call-{turn}"}
    return {"messages": [AIMessage("", id=f"ai-{turn}", tool_calls=[call])], "plan": f"look at offer {turn}"}


def tools(state: State) -> dict[str, Any]:
    """Finds a flight; each time a dearer one, below the limit."""
    turn = len(state["messages"])
    fare = min(100 + 40 * turn, state.get("limit", 500))
    asked = state["messages"][-1].tool_calls[0]["id"]
    return {
        "messages": [ToolMessage(str(fare), id=f"tool-{turn}", name="search", tool_call_id=asked)],
        "fare": fare,
        "log": [f"found one for {fare}"],
        "files": {"a.py": f"fare = {fare}"},
    }


def pay(state: State) -> dict[str, Any]:
    return {"paid": True, "answer": "booked" if state["fare"] < 300 else "too dear"}


def enough(state: State) -> str:
    return "pay" if len(state["messages"]) >= 7 else "plan"


builder = StateGraph(State)
builder.add_node(plan)
builder.add_node(tools)
builder.add_node(pay)
builder.add_edge(START, "plan")
builder.add_edge("plan", "tools")
builder.add_conditional_edges("tools", enough, ["plan", "pay"])
builder.add_edge("pay", END)
graph = builder.compile()
'''
ASKED = {"messages": [("user", "to Zürich, please")], "limit": 900, "files": {"a.py": ""}}


def seed(graph: Any, thread_id: str) -> None:
    """Three branches end in c8, c16 and c20; c9 is a fork that waits."""
    config = {"configurable": {"thread_id": thread_id}}
    graph.invoke(ASKED, config)
    h = lgviz.history(graph, thread_id)
    lgviz.fork(graph, h["c5"], {"plan": "to be gone on with"}, as_node="tools")
    lgviz.run(graph, lgviz.fork(graph, h["c2"], {"limit": 150}, as_node="plan", note="cheaper"))
    lgviz.run(graph, lgviz.fork(graph, h["c5"], {"fare": 90, "plan": "as it was"}, as_node="tools"))


def documented_names(folder: Path) -> dict[str, Any]:
    """The names that the blocks use without making them; files and modules beside them lie in the folder.

    Args:
        folder: where it is worked in, empty; modules are imported from there.
    """
    (folder / "app.py").write_text(APP, encoding="utf-8")
    (folder / "tests").mkdir()
    app = importlib.import_module("app")
    saver = SqliteSaver.from_conn_string("checkpoints.db")
    graph = app.builder.compile(checkpointer=saver)
    seed(graph, "1")
    for thread_id in ("trip", "monday", "tuesday", "17", "other-thread"):
        saver.copy_thread("1", thread_id)
    with LangGraphSaver.from_conn_string("langgraph.db") as old:
        app.builder.compile(checkpointer=old).invoke(ASKED, {"configurable": {"thread_id": "old"}})
    h = lgviz.history(graph, "1")
    config = h.latest.config
    return {
        "lgviz": lgviz,
        "builder": app.builder,
        "graph": graph,
        "h": h,
        "saver": MemorySaver(),
        "store": InMemoryStore(),
        "source": "checkpoints.db",
        "config": config,
        "snapshot": graph.get_state(config),
        "checkpoint_id": h["c2"].id,
        "langgraph_store": LangGraphStore(),
        "when": datetime.now(UTC),
        "is_good": lambda values: values["fare"] < 200,
    }
