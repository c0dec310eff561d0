"""langgraphjs's tables in SQLite and PostgreSQL, as its savers of 2025 and 2026 fill them.

``tests/upstream/test_javascript.py`` has langgraphjs itself write them; here its rows are spelled out.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.types import Interrupt, Send

import lgviz
from lgviz.persistence import MemorySaver, migrate
from lgviz.persistence.serde.javascript import of_channel, revived

C0, C1, C2 = (f"1f1ebfa5-82{n}0-6830-8000-96ffebfafcbe" for n in range(3))
HUMAN = {
    "lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "HumanMessage"],
    "kwargs": {"id": "h1", "content": "Weather?", "additional_kwargs": {}, "response_metadata": {}},
}  # fmt: skip
AI = {
    "lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "AIMessage"],
    "kwargs": {"id": "a1", "content": "", "tool_calls": [{"id": "c1", "name": "look", "args": {"n": 1}, "type": "tool_call"}]},
}  # fmt: skip
OWN = {"lc": 1, "type": "constructor", "id": ["own", "things", "Own"], "kwargs": {"n": 1}}
BYTES = {"lc": 2, "type": "constructor", "id": ["Uint8Array"], "method": "from", "args": [[0, 255]]}
SEND = {"node": "work", "args": {"n": 1}}


def checkpoint(id_: str, values: dict[str, Any], versions: dict[str, int], seen: Any) -> dict[str, Any]:
    return {
        "v": 4, "id": id_, "ts": "2026-11-29T13:39:47.905Z", "channel_values": {**values},
        "channel_versions": versions, "versions_seen": seen,
    }  # fmt: skip


ROWS: list[tuple[str, str | None, dict[str, Any], dict[str, Any]]] = [
    (
        C0, None,
        checkpoint(C0, {"__start__": {"messages": [HUMAN]}, "__pregel_tasks": []}, {"__start__": 1}, {"__input__": {}}),
        {"source": "input", "step": -1, "parents": {}},
    ),
    (
        C1, C0,
        checkpoint(
            C1, {"messages": [HUMAN], "branch:to:model": None, "__pregel_tasks": []},
            {"__start__": 2, "messages": 2, "branch:to:model": 2}, {"__input__": {}, "__start__": {"__start__": 1}},
        ),
        {"source": "loop", "step": 0, "parents": {}},
    ),
    (
        C2, C1,
        checkpoint(
            C2, {"messages": [HUMAN, AI], "own": OWN, "raw": BYTES, "__pregel_tasks": [SEND, {"node": "work", "args": {"n": 2}}]},
            {"__start__": 2, "messages": 3, "branch:to:model": 3, "own": 3, "raw": 3, "__pregel_tasks": 3},
            {"__input__": {}, "__start__": {"__start__": 1}, "model": {"branch:to:model": 2}},
        ),
        {"source": "loop", "step": 1, "parents": {}},
    ),
]  # fmt: skip
ASKED = {"id": "9adcc575469fb225a73f7517900b3e06", "value": {"q": "sure?"}}


def task_of(checkpoint_id: str, step: int, *parts: Any) -> str:
    """The id that langgraphjs gives to a task."""
    text = json.dumps([parts[0], str(step), *parts], separators=(",", ":"))
    return str(uuid.uuid5(uuid.UUID(checkpoint_id), text))


def writes() -> list[tuple[str, str, int, str, Any]]:
    model = task_of(C1, 1, "model", "__pregel_pull", ["branch:to:model"])
    first, second = (task_of(C2, 2, "work", "__pregel_push", str(n)) for n in range(2))
    start = task_of(C0, 0, "__start__", "__pregel_pull", ["__start__"])
    return [
        (C0, start, 0, "messages", [HUMAN]),
        (C0, start, 1, "branch:to:model", None),
        (C1, model, 0, "messages", [AI]),
        (C1, model, 1, "own", OWN),
        (C1, model, 2, "raw", BYTES),
        (C1, model, 3, "__pregel_tasks", SEND),
        (C1, model, 4, "__pregel_tasks", {"node": "work", "args": {"n": 2}}),
        (C2, first, -3, "__interrupt__", [ASKED]),
        (C2, second, -1, "__error__", {"message": "right is down", "name": "TypeError"}),
    ]


def in_sqlite(file: Path) -> Path:
    keys = "thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL DEFAULT '', checkpoint_id TEXT NOT NULL"
    with sqlite3.connect(file) as connection:
        connection.execute(
            f"CREATE TABLE checkpoints ({keys}, parent_checkpoint_id TEXT, type TEXT, checkpoint BLOB, metadata BLOB,"
            " PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id))"
        )
        connection.execute(
            f"CREATE TABLE writes ({keys}, task_id TEXT NOT NULL, idx INTEGER NOT NULL, channel TEXT NOT NULL,"
            " type TEXT, value BLOB, PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx))"
        )
        for id_, parent, told, metadata in ROWS:
            row = ("1", "", id_, parent, "json", json.dumps(told).encode(), json.dumps(metadata).encode())
            connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        for id_, task, idx, channel, value in writes():
            written = ("1", "", id_, task, idx, channel, "json", json.dumps(value).encode())
            connection.execute("INSERT INTO writes VALUES (?, ?, ?, ?, ?, ?, ?, ?)", written)
    connection.close()
    return file


def in_postgres(uri: str) -> str:
    keys = "thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL DEFAULT '', checkpoint_id TEXT NOT NULL"
    with psycopg.connect(uri, autocommit=True) as connection:
        for table in (
            f"checkpoints ({keys}, parent_checkpoint_id TEXT, type TEXT, checkpoint JSONB NOT NULL,"
            " metadata JSONB NOT NULL DEFAULT '{}', PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id))",
            "checkpoint_blobs (thread_id TEXT, checkpoint_ns TEXT, channel TEXT, version TEXT, type TEXT, blob BYTEA,"
            " PRIMARY KEY (thread_id, checkpoint_ns, channel, version))",
            f"checkpoint_writes ({keys}, task_id TEXT, idx INTEGER, channel TEXT, type TEXT, blob BYTEA NOT NULL,"
            " PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx))",
        ):
            connection.execute(f"CREATE TABLE {table}".encode())
        for id_, parent, told, metadata in ROWS:
            head = {key: value for key, value in told.items() if key != "channel_values"}
            row = ("1", "", id_, parent, json.dumps(head), json.dumps(metadata))
            columns = "thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata"
            connection.execute(
                f"INSERT INTO checkpoints ({columns}) VALUES (%s, %s, %s, %s, %s, %s)".encode(), row
            )
            for name, version in head["channel_versions"].items():
                held = name in told["channel_values"]
                typed = (
                    ("json", json.dumps(told["channel_values"][name]).encode()) if held else ("empty", None)
                )
                connection.execute(
                    b"INSERT INTO checkpoint_blobs VALUES ('1', '', %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                    (name, str(version), *typed),
                )
        for id_, task, idx, channel, value in writes():
            connection.execute(
                b"INSERT INTO checkpoint_writes VALUES ('1', '', %s, %s, %s, %s, 'json', %s)",
                (id_, task, idx, channel, json.dumps(value).encode()),
            )
    return uri


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    if request.param == "SQLite":
        return in_sqlite(tmp_path / "threads.db")
    make: Callable[[], str] = request.getfixturevalue("postgres_uri")
    return in_postgres(make())


def test_threads_tree_names_state_diff_writes_and_questions(database: str | Path) -> None:
    history = lgviz.history(database)
    assert history.threads == ["1"] and [c.id for c in history] == [C0, C1, C2]
    assert [c.nodes for c in history] == [(), ("__start__",), ("model",)]
    human = HumanMessage("Weather?", id="h1")
    ai = AIMessage(
        "", id="a1", tool_calls=[{"id": "c1", "name": "look", "args": {"n": 1}, "type": "tool_call"}]
    )
    assert history["c2"].values == {"messages": [human, ai], "own": OWN, "raw": b"\x00\xff"}
    changed = {(change.channel, change.kind) for change in history.diff("c1", "c2")}
    assert changed == {("messages", "added"), ("own", "added"), ("raw", "added")}
    assert history["c2"].writes["model"][0]["messages"] == [ai]
    assert history.latest.next == ("work", "work") and history.status == "failed"
    asked, failed = history.latest.tasks
    assert (asked.name, asked.interrupts) == ("work", (Interrupt({"q": "sure?"}, id=ASKED["id"]),))
    assert (failed.name, failed.error) == ("work", "TypeError: right is down")
    assert list(lgviz.thread_stats(database)["last_node"]) == ["model"]


def test_who_ran_is_told_before_the_next_checkpoint_is_there(database: str | Path) -> None:
    """A task's id alone says its name, and that of a ``Send`` that has stored nothing is langgraphjs's own."""
    tasks = lgviz.history(database).latest.tasks
    assert [task.id for task in tasks] == [task_of(C2, 2, "work", "__pregel_push", str(n)) for n in range(2)]
    why = lgviz.history(database).why("c2")
    assert [cause.node for cause in why.tasks] == ["model"]


def test_what_a_copy_in_lgvizs_tables_shows_is_the_same(database: str | Path) -> None:
    saver = MemorySaver()
    migrate(database, saver, progress=False)
    ours, theirs = lgviz.history(saver, "1"), lgviz.history(database, "1")
    assert [(c.id, c.nodes, c.values, c.next) for c in ours] == [
        (c.id, c.nodes, c.values, c.next) for c in theirs
    ]


def test_values_that_name_their_constructor() -> None:
    def made(name: str, *args: Any, method: str | None = None) -> Any:
        record = {
            "lc": 2,
            "type": "constructor",
            "id": [name],
            "method": method,
            "args": list(args),
            "kwargs": {},
        }
        return revived(record)

    assert made("Set", [1, "a"]) == {1, "a"} and made("Map", [["k", 1]]) == {"k": 1}
    assert made("RegExp", "a+", "gi") == "/a+/gi" and made("RangeError", "far") == "RangeError: far"
    assert made("Uint8Array", [1, 255], method="from") == b"\x01\xff"
    # What Python has no such value for, and what names anything else, stays what it is.
    for name, *args in (
        ("Set", [[1]]),
        ("Map", [1]),
        ("Uint8Array", [256]),
        ("Uint8Array", 9**9),
        ("os.system", "ls"),
    ):
        assert isinstance(made(str(name), *args), dict), name
    assert made("Uint8Array", ["a"])["id"] == ["Uint8Array"]


def test_langgraphs_own_channels() -> None:
    send = Send("work", {"n": 1})
    assert of_channel("__pregel_tasks", [[], [SEND]]) == [send] == of_channel("__pregel_tasks", [SEND])
    assert of_channel("__pregel_tasks", SEND) == send == of_channel("__pregel_tasks", send)
    older = {"value": "sure?", "when": "during", "resumable": True, "ns": ["ask:1"]}
    (asked,) = of_channel("__interrupt__", older)
    assert asked.value == "sure?"
    for channel, value in (("messages", SEND), ("__error__", {"name": "only"}), ("__interrupt__", "text")):
        assert of_channel(channel, value) is value
