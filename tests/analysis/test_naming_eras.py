"""The same four threads, written by LangGraph of 2024, 2025 and 2026: same trees, same nodes, same marks."""

from __future__ import annotations

from pathlib import Path

import pytest

from lgviz.analysis.history import History, open_history
from lgviz.analysis.tree import Flag

ERAS = ("langgraph_v2024_08.db", "langgraph_v2025_08.db", "langgraph_v2026_11.db")
START = ("__start__",)

Told = list[tuple[str, str | None, str, tuple[str, ...], tuple[str, ...], Flag]]

SEED: Told = [
    ("c0", None, "input", (), (), Flag.INPUT),
    ("c1", "c0", "loop", START, ("foo",), Flag(0)),
    ("c2", "c1", "loop", ("node_a",), ("bar", "foo"), Flag(0)),
    ("c3", "c2", "loop", ("node_b",), ("bar", "foo"), Flag(0)),
    ("c4", "c2", "update", ("node_a",), ("bar", "foo"), Flag.UPDATE | Flag.WAITED),
    ("c5", "c4", "loop", ("node_b",), ("bar", "foo"), Flag.WAITED),
]
CHAT: Told = [
    ("c0", None, "input", (), (), Flag.INPUT),
    ("c1", "c0", "loop", START, ("messages",), Flag(0)),
    ("c2", "c1", "loop", ("model",), ("messages",), Flag(0)),
    ("c3", "c2", "loop", ("tool",), ("messages",), Flag(0)),
    ("c4", "c3", "loop", ("model",), ("messages",), Flag(0)),
]
FAIL: Told = [
    ("c0", None, "input", (), (), Flag.INPUT),
    ("c1", "c0", "loop", START, ("log",), Flag(0)),
    ("c2", "c1", "loop", ("fan",), ("log",), Flag.ERROR | Flag.PENDING),
]
SUB: Told = [
    ("c0", None, "input", (), (), Flag.INPUT),
    ("c1", "c0", "loop", START, ("messages",), Flag(0)),
    ("c2", "c1", "loop", ("child",), ("messages",), Flag(0)),
]
INNER: Told = [
    ("c1.1", None, "input", (), (), Flag.INPUT),
    ("c1.2", "c1.1", "loop", START, ("messages",), Flag(0)),
    ("c1.3", "c1.2", "loop", ("inner",), ("messages",), Flag(0)),
]


def told(history: History, inner: bool = False) -> Told:
    checkpoints = [c for one in history for c in one.inner] if inner else list(history)
    return [
        (c.label, c.parent.label if c.parent else None, c.source, c.nodes, c.changed, c.flags)
        for c in checkpoints
    ]


@pytest.fixture(params=ERAS)
def database(request: pytest.FixtureRequest, shared_data: Path) -> Path:
    return shared_data / "databases" / str(request.param)


@pytest.mark.parametrize(
    ("thread", "expected"), [("seed-1", SEED), ("chat-1", CHAT), ("fail-1", FAIL), ("sub-1", SUB)]
)
def test_same_tree_nodes_and_marks_in_every_era(database: Path, thread: str, expected: Told) -> None:
    found = told(open_history(database, thread))
    if thread == "seed-1" and not database.name.endswith("2024_08.db"):
        # Only the oldest format records the as_node of an update; elsewhere it is not certain, so not named.
        expected = [(*row[:3], () if row[2] == "update" else row[3], *row[4:]) for row in expected]
    assert found == expected


def test_subgraph_checkpoints_hang_under_the_one_their_call_started_from(database: Path) -> None:
    history = open_history(database, "sub-1")
    if database.name.endswith("2024_08.db"):
        assert told(history, inner=True) == []  # it did not keep any
        return
    assert told(history, inner=True) == INNER
    first = history["c1.1"]
    assert first.outer == history["c1"]
    assert [c.label for c in history] == ["c0", "c1", "c2"] and len(history) == 3
    tree = history.tree
    assert tree.parent[first.row] == history["c1"].row
    assert tree.depth[first.row] == 1 and tree.lane[first.row] == 0


def test_state_next_writes_and_errors_without_a_graph(database: Path) -> None:
    seed = open_history(database, "seed-1")
    assert [c.values for c in seed] == [
        {},
        {"foo": ""},
        {"foo": "a", "bar": ["a"]},
        {"foo": "b", "bar": ["a", "b"]},
        {"foo": "edited", "bar": ["a", "edit"]},
        {"foo": "b", "bar": ["a", "edit", "b"]},
    ]
    assert [c.next for c in seed] == [START, ("node_a",), ("node_b",), (), ("node_b",), ()]
    assert dict(seed["c2"].writes) == {"node_a": [{"foo": "a", "bar": ["a"]}]}
    ((name, written),) = seed["c4"].writes.items()
    assert written == [{"foo": "edited", "bar": ["edit"]}] and name in ("node_a", "")
    assert seed.status == "done" and [c.label for c in seed.heads] == ["c3", "c5"]
    assert [c.label for c in seed.forks] == ["c2"]
    failed = open_history(database, "fail-1")
    assert failed.status == "failed"
    assert failed.latest.error == "RuntimeError('right is down')"
    assert {task.name: task.result for task in failed.latest.tasks}["do_left"] == {
        "left": "done",
        "log": ["left"],
    }


def test_chat_messages_are_read_as_messages(database: Path) -> None:
    history = open_history(database, "chat-1")
    assert [m.type for m in history.latest.values["messages"]] == ["human", "ai", "tool", "ai"]
    assert history["c2"].next == ("tool",)
    ((reply,),) = (write["messages"] for write in history["c4"].writes["model"])
    assert reply.content == "It is sunny in Lisbon."


def test_index_opens_no_value_where_the_stored_writes_tell_all(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lgviz.sources.langgraph.sqlite import SqliteSource

    def refuse(*_: object) -> None:
        raise AssertionError("opened a value")

    for name in ("record", "channels", "writes", "bookkeeping"):
        monkeypatch.setattr(SqliteSource, name, refuse)
    for era in ERAS:
        for thread in ("chat-1", "fail-1", "sub-1"):
            history = open_history(shared_data / "databases" / era, thread)
            assert all(c.nodes for c in history if c.source == "loop")
            assert not history.frame().empty
