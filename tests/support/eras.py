"""Writes up to eleven threads into a SQLite file or PostgreSQL, and what LangGraph itself answers about them as JSON beside it.

Runs on every LangGraph since 0.0.39 and imports nothing else. ``python eras.py threads.db answers.json`` makes the
threads; with ``again`` behind, by another version, it goes on with those that are there.
"""

from __future__ import annotations

import importlib
import json
import operator
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Optional

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict


def newest(name: str, *modules: str) -> Any:
    """``name`` from the first of the modules that has it; None with a version that knows none."""
    for module in modules:
        with suppress(ImportError, AttributeError):
            return getattr(importlib.import_module(module), name)
    return None


Send = newest("Send", "langgraph.types", "langgraph.constants")
interrupt, Command = newest("interrupt", "langgraph.types"), newest("Command", "langgraph.types")
entrypoint, task = newest("entrypoint", "langgraph.func"), newest("task", "langgraph.func")


class State(TypedDict, total=False):
    left: Optional[str]  # noqa: UP045 - pydantic of 2024 knows no other
    right: Optional[str]  # noqa: UP045
    n: int
    log: Annotated[list[str], operator.add]


def saying(name: str, **more: Any) -> Callable[[Any], Any]:
    return lambda state: {"log": [name], **more}


def nodes(*names: str) -> Any:
    builder: Any = StateGraph(State)
    for name in names:
        builder.add_node(name, saying(name))
    return builder


def conditional(saver: Any) -> Any:
    builder = nodes("plan", "act", "check", "look")
    builder.add_edge(START, "plan")
    builder.add_conditional_edges(
        "plan", lambda state: "act" if len(state["log"]) < 4 else "check", ["act", "check", "look"]
    )
    builder.add_edge("act", "look")
    builder.add_edge("look", "plan")
    builder.add_edge("check", END)
    return builder.compile(checkpointer=saver)


def looping(saver: Any) -> Any:
    builder = nodes("a", "b", "c", "d", "e")
    builder.add_edge(START, "a")
    builder.add_edge("a", "b")
    builder.add_conditional_edges("b", lambda state: "c" if state["log"].count("b") % 2 else "d", ["c", "d"])
    builder.add_edge("c", "a")
    builder.add_edge("d", "e")
    return builder.compile(checkpointer=saver)


def parallel(saver: Any) -> Any:
    def right(state: Any) -> Any:
        time.sleep(0.05)
        if state.get("n") != 1:
            raise RuntimeError("right is down")
        return {"right": "ok", "log": ["right"]}

    builder = nodes("fan", "end")
    builder.add_node("do_left", saying("left", left="done"))
    builder.add_node("do_right", right)
    builder.add_edge(START, "fan")
    builder.add_edge("fan", "do_right")
    builder.add_edge("fan", "do_left")
    builder.add_edge(["do_left", "do_right"], "end")
    return builder.compile(checkpointer=saver)


def sending(*sent: tuple[str, int]) -> Callable[[Any], Any]:
    """A graph whose first node sends; the one that is sent 3 fails."""

    def work(state: Any) -> Any:
        if state["n"] == 3:
            time.sleep(0.05)
            raise RuntimeError("no 3")
        return {"log": [f"work {state['n']}"]}

    def build(saver: Any) -> Any:
        builder = nodes("boss", "zed", "last")
        builder.add_node("work", work)
        builder.add_edge(START, "boss")
        builder.add_conditional_edges(
            "boss", lambda _: [Send(node, {"n": n}) for node, n in sent], ["zed", "work"]
        )
        builder.add_edge("work", "last")
        builder.add_edge("zed", "last")
        return builder.compile(checkpointer=saver)

    return build


def subgraph(saver: Any) -> Any:
    inner = nodes("in1", "in2")
    inner.add_edge(START, "in1")
    inner.add_edge("in1", "in2")
    builder = nodes("after")
    builder.add_node("child", inner.compile())
    builder.add_edge(START, "child")
    builder.add_edge("child", "after")
    return builder.compile(checkpointer=saver)


def paused(saver: Any) -> Any:
    builder = nodes("one", "two", "three")
    builder.add_edge(START, "one")
    builder.add_edge("one", "two")
    builder.add_edge("one", "three")
    return builder.compile(checkpointer=saver, interrupt_before=["two"])


def asking(saver: Any) -> Any:
    builder = nodes("other", "then")
    builder.add_node("zask", lambda state: {"log": [f"zask {interrupt({'q': 'sure?'})}"]})
    builder.add_edge(START, "zask")
    builder.add_edge(START, "other")
    builder.add_edge("zask", "then")
    return builder.compile(checkpointer=saver)


def functional(saver: Any) -> Any:
    @task()  # type: ignore[untyped-decorator]
    def bad(x: int) -> None:
        raise ValueError(x)

    @task()  # type: ignore[untyped-decorator]
    def good(x: int) -> int:
        return x + 1

    @task()  # type: ignore[untyped-decorator]
    def ask(x: str) -> Any:
        return interrupt(f"about {x}")

    @entrypoint(checkpointer=saver)  # type: ignore[untyped-decorator]
    def flow(x: int) -> Any:
        ready = good(x).result()
        with suppress(ValueError):
            bad(ready).result()
        return [ready, ask("a").result()]

    return flow


THREADS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "conditional": (conditional, {"log": []}),
    "parallel": (parallel, {"log": []}),
    "parallel-ok": (parallel, {"log": [], "n": 1}),
    "send": (sending(("zed", 0), ("work", 1), ("zed", 2)), {"log": []}),
    "sendfail": (sending(("work", 0), ("zed", 0), ("work", 3)), {"log": []}),
    "sub": (subgraph, {"log": []}),
    "paused": (paused, {"log": []}),
    "bigger": (looping, {"log": []}),
    "forked": (looping, {"log": []}),
    **({"asks": (asking, {"log": []})} if interrupt else {}),
    **({"func": (functional, 1)} if entrypoint else {}),
}
WAITING = {"asks": "yes", "func": "yes", "parallel": None, "sendfail": None, "paused": None}
"""What the threads that stopped go on with: an answer, or nothing."""


def id_of(config: Any) -> str:
    where = config["configurable"]
    return where.get("checkpoint_id") or where["thread_ts"]  # until August 2024


def run(graph: Any, given: Any, config: Any, ran: dict[str, list[str]]) -> None:
    """Runs, and notes which tasks made each checkpoint, as the debug stream tells."""
    tasks: dict[str, str] = {}
    with suppress(RuntimeError, ValueError):
        for event in graph.stream(given, config, stream_mode="debug"):
            told = event["payload"]
            if event["type"] == "task":
                tasks[told["id"]] = told["name"]
            elif event["type"] == "checkpoint":
                if tasks and told.get("metadata", {}).get("source") == "loop":
                    ran[id_of(told["config"])] = list(tasks.values())
                tasks = {}


def fork(graph: Any, config: Any, ran: dict[str, list[str]]) -> None:
    before_b = [state for state in graph.get_state_history(config) if state.next == ("b",)][-1]
    run(graph, None, graph.update_state(before_b.config, {"log": ["edit"]}, as_node="a"), ran)


def answers(graph: Any, config: Any) -> list[dict[str, Any]]:
    """What ``get_state_history`` says."""
    return [
        {
            "id": id_of(state.config),
            "values": state.values,
            "next": state.next,
            "tasks": [
                [each.name, bool(each.error), [asked.value for asked in each.interrupts]]
                for each in state.tasks
            ]
            if hasattr(state, "tasks")
            else None,
        }
        for state in graph.get_state_history(config)
    ]


def saver_over(database: str) -> Any:
    if "://" not in database:
        return SqliteSaver(sqlite3.connect(database, check_same_thread=False))
    import psycopg
    from langgraph.checkpoint.postgres import PostgresSaver
    from psycopg.rows import dict_row

    connection: Any = psycopg.connect(database, autocommit=True, prepare_threshold=0, row_factory=dict_row)
    saver = PostgresSaver(connection)
    saver.setup()
    return saver


def write(database: str, beside: str, again: bool = False) -> None:
    saver = saver_over(database)
    told = json.loads(Path(beside).read_text()) if again else {"versions": [], "ran": {}, "states": {}}
    told["versions"].append(version("langgraph"))
    for name, (build, given) in THREADS.items():
        if again and name not in told["states"]:
            continue
        graph, config = build(saver), {"configurable": {"thread_id": name}}
        ran = told["ran"].setdefault(name, {})
        if again and name in WAITING:
            answer = WAITING[name]
            run(graph, Command(resume=answer) if answer else None, config, ran)
        run(graph, given, config, ran)
        if name == "forked" and not again:
            fork(graph, config, ran)
        told["states"][name] = answers(graph, config)
    Path(beside).write_text(json.dumps(told, default=repr))
    saver.conn.close()


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2], again="again" in sys.argv[3:])
