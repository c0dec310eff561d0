"""Prints, as JSON, the tables that a LangGraph from before August 2024 made of two threads, and its own answers.

Runs there and imports nothing else; ``tests/sources/early/*.json`` is what it printed, and
``tests/upstream/test_eras.py`` prints it anew. Bytes are texts where they are JSON, else written in hexadecimal digits.
"""

from __future__ import annotations

import json
import operator
import sqlite3
from contextlib import suppress
from importlib.metadata import version
from typing import Annotated, Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, StateGraph
from typing_extensions import TypedDict


class State(TypedDict):
    messages: Annotated[list[Any], operator.add]
    turns: int


def model(state: Any) -> Any:
    said = AIMessage(content=f"answer {len(state['messages'])}", id=f"a{len(state['messages'])}")
    return {"messages": [said], "turns": (state.get("turns") or 0) + 1}


def tool(state: Any) -> Any:
    return {"messages": [HumanMessage(content="17 °C", id=f"t{len(state['messages'])}")]}


def build(saver: Any) -> Any:
    builder: Any = StateGraph(State)
    builder.add_node("model", model)
    builder.add_node("tool", tool)
    builder.set_entry_point("model")
    builder.add_conditional_edges("model", lambda state: "tool" if state["turns"] % 2 else END)
    builder.add_edge("tool", "model")
    return builder.compile(checkpointer=saver)


def saver_of(connection: sqlite3.Connection) -> Any:
    with suppress(ImportError):
        from langgraph.checkpoint.base import CheckpointAt

        return SqliteSaver(conn=connection, at=CheckpointAt.END_OF_STEP)
    return SqliteSaver(connection)


def told(graph: Any, config: Any) -> dict[str, Any]:
    return {
        state.config["configurable"]["thread_ts"]: [
            [[one.type, one.content] for one in state.values.get("messages") or []],
            state.values.get("turns"),
            list(state.next),
        ]
        for state in graph.get_state_history(config)
    }


def as_text(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    return value.hex() if value.startswith(b"\x80") else value.decode()


def main() -> None:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    graph = build(saver_of(connection))
    answers = {}
    for thread in ("talk", "forked"):
        config: Any = {"configurable": {"thread_id": thread}}
        graph.invoke({"messages": [HumanMessage(content="Weather?", id="h0")]}, config)
        if thread == "forked":
            place = next(state.config for state in graph.get_state_history(config) if state.next == ("tool",))
            config = graph.update_state(
                place, {"messages": [AIMessage(content="edited", id="e0")], "turns": 1}
            )
            graph.invoke(None, config)
        else:
            graph.invoke({"messages": [HumanMessage(content="And now?", id="h1")]}, config)
        answers[thread] = told(graph, {"configurable": {"thread_id": thread}})
    tables = {}
    for name, made in connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
    ).fetchall():
        rows = connection.execute(f"SELECT * FROM {name} ORDER BY rowid").fetchall()
        tables[name] = {"made": made, "rows": [[as_text(value) for value in row] for row in rows]}
    print(json.dumps({"langgraph": version("langgraph"), "tables": tables, "answers": answers}))


if __name__ == "__main__":
    main()
