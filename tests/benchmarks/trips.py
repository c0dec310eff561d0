"""How far an operation goes: the files of lgviz that it enters, the calls it makes there, its statements.

    python tests/benchmarks/trips.py                # the table of docs/ARCHITECTURE.md
    python tests/benchmarks/trips.py --files        # and which files they are

A graph of two nodes runs on a ``SqliteSaver`` of lgviz's in a file; each operation is done once before it is
traced, so that what only a first call does (imports, schemas, memos) is not counted. Only the public API and
the messages of a view are used, so that the script says of an older commit what it says of this one.
"""

from __future__ import annotations

import argparse
import json
import operator
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from langgraph.checkpoint.base import empty_checkpoint
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

import lgviz
from lgviz.persistence import SqliteSaver, SqliteStore

ROOT = str(Path(lgviz.__file__).parent)
BEGINS = ("BEGIN", "SAVEPOINT")
ENDS = ("COMMIT", "END", "ROLLBACK", "RELEASE", "PRAGMA")
COLUMNS = "{:<44}{:>7}{:>8}{:>13}{:>15}"


class Trip:
    """What one operation did, on whatever thread: files and calls of lgviz, transactions and statements."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.calls = 0
        self.statements = 0
        self.transactions = 0

    def called(self, frame: Any, event: str, _: Any) -> None:
        if event == "call" and (file := frame.f_code.co_filename).startswith(ROOT):
            self.files.add(file[len(ROOT) + 1 :])
            self.calls += 1

    def said(self, statement: str) -> None:
        word = statement.lstrip().upper()
        if word.startswith(BEGINS):
            self.transactions += 1
        elif not word.startswith(ENDS):
            self.statements += 1


_now: Trip | None = None


def _called(frame: Any, event: str, argument: Any) -> None:
    if _now is not None:
        _now.called(frame, event, argument)


def _said(statement: str) -> None:
    if _now is not None:
        _now.said(statement)


@contextmanager
def traced() -> Iterator[Trip]:
    """Trace what is done inside. Threads are traced that began after :func:`listen`."""
    global _now
    _now = trip = Trip()
    sys.setprofile(_called)
    try:
        yield trip
    finally:
        sys.setprofile(None)
        _now = None


def listen() -> None:
    """From now on every new thread and every new SQLite connection can be traced."""
    threading.setprofile(_called)
    connect = sqlite3.connect

    def traced_connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        made: sqlite3.Connection = connect(*args, **kwargs)
        made.set_trace_callback(_said)
        return made

    sqlite3.connect = traced_connect  # type: ignore[assignment]


class State(TypedDict):
    foo: str
    bar: Annotated[list[str], operator.add]


def build(saver: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("node_a", lambda state: {"foo": "a", "bar": ["a"]})
    builder.add_node("node_b", lambda state: {"foo": "b", "bar": ["b"]})
    builder.add_edge(START, "node_a")
    builder.add_edge("node_a", "node_b")
    builder.add_edge("node_b", END)
    return builder.compile(checkpointer=saver)


class AskedDebugger(lgviz.Debugger):
    """The debugger with a view that waits for each answer."""

    def send(self, content: Any, buffers: Any = None) -> None:  # type: ignore[override]
        if isinstance(content, dict) and ("result" in content or "error" in content):
            self.answer = content
            self.answered.set()

    def ask(self, method: str, **params: Any) -> Any:
        self.answered = threading.Event()
        self._handle_custom_msg({"id": 1, "method": method, "params": params}, [])
        assert self.answered.wait(60), method
        assert "error" not in self.answer, self.answer
        return self.answer["result"]


def fork(at: str) -> dict[str, Any]:
    """What the fork form sends."""
    return {
        "checkpoint": at,
        "values": {"foo": {"mode": "append", "text": json.dumps("edited")}},
        "as_node": "node_a",
        "goto": None,
        "keep_siblings": False,
        "note": None,
        "configurable": None,
        "sandbox": False,
    }


def trips(folder: str) -> Iterator[tuple[str, Trip]]:
    with SqliteSaver.from_conn_string(f"{folder}/trips.db") as saver:
        graph = build(saver)
        config: Any = {"configurable": {"thread_id": "1"}}
        graph.invoke({"foo": "", "bar": []}, config)
        graph.invoke({"foo": "", "bar": []}, config)
        history = lgviz.history(graph, thread_id="1")
        assert history["c1"].values is not None and history["c1"].next is not None
        with traced() as trip:
            found = history["c2"]
        yield 'h["c2"]', trip
        with traced() as trip:
            found.values  # noqa: B018
        yield "c.values", trip

        def put(number: int, parent: Any) -> Any:
            checkpoint = {
                **empty_checkpoint(),
                "id": f"{number:08}",
                "channel_values": {"foo": str(number)},
                "channel_versions": {"foo": number},
            }
            return saver.put(parent, checkpoint, {"source": "loop", "step": number}, {"foo": number})

        place = put(1, {"configurable": {"thread_id": "2", "checkpoint_ns": ""}})
        place = put(2, place)
        with traced() as trip:
            put(3, place)
        yield "saver.put", trip
        with SqliteStore.from_conn_string(f"{folder}/store.db") as store:
            store.put(("a",), "k", {"v": 1})
            store.put(("a",), "l", {"v": 1})
            with traced() as trip:
                store.put(("a",), "k", {"v": 2})
            yield "store.put", trip
        view = AskedDebugger(graph, "1")
        try:
            history = lgviz.history(graph, thread_id="1")
            ids = {label: history[label].id for label in ("c1", "c2", "c3")}
            view.ask("checkpoint_get", checkpoint=ids["c1"])
            with traced() as trip:
                view.ask("checkpoint_get", checkpoint=ids["c2"])
            yield "click on a row (checkpoint_get)", trip
            view.ask("fork_commit", **fork(ids["c2"]))
            with traced() as trip:
                view.ask("fork_commit", **fork(ids["c2"]))
            yield "click on Fork (fork_commit)", trip
        finally:
            view.close()


def main(arguments: list[str] | None = None, show: Callable[[str], None] = print) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", action="store_true", help="name the files of each trip")
    options = parser.parse_args(arguments)
    listen()
    show(COLUMNS.format("", "files", "calls", "statements", "transactions"))
    with tempfile.TemporaryDirectory() as folder:
        for name, trip in trips(folder):
            show(COLUMNS.format(name, len(trip.files), trip.calls, trip.statements, trip.transactions))
            if options.files:
                show("    " + " ".join(sorted(trip.files)))


if __name__ == "__main__":
    main()
