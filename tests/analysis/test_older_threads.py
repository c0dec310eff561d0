"""Threads that older versions of LangGraph left waiting or failed, and that today's went on with, from the file alone.

The right values are those of ``get_state`` and of the debug stream of the versions that wrote them;
``tests/upstream/test_eras.py`` makes such threads anew, of more versions and shapes.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver

from lgviz.analysis.history import open_history

ERAS = Path(__file__).with_name("eras")


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "threads.db"
    connection = sqlite3.connect(path)
    connection.executescript((ERAS / f"{request.param}.sql").read_text())
    connection.close()
    return path


def told(checkpoint: Any) -> list[tuple[Any, ...]]:
    return [
        (task.name, task.result, bool(task.error), [asked.value for asked in task.interrupts])
        for task in checkpoint.tasks
    ]


@pytest.mark.parametrize("database", ["2025_03"], indirect=True)
def test_parallel_nodes_of_2025_of_which_one_failed_or_asked(database: Path) -> None:
    failed = open_history(database, "parallel")
    assert [c.nodes for c in failed] == [(), ("__start__",), ("fan",)]
    assert failed.latest.next == ("do_left", "do_right") and failed.status == "failed"
    assert told(failed.latest) == [
        ("do_left", {"log": ["left"], "left": "done"}, False, []),
        ("do_right", None, True, []),
    ]
    asked = open_history(database, "asks")
    assert asked.latest.next == ("other", "zask") and asked.status == "interrupted"
    assert told(asked.latest) == [
        ("other", {"log": ["other"]}, False, []),
        ("zask", None, False, [{"q": "sure?"}]),
    ]
    assert [i.value for i in asked.latest.waiting] == [{"q": "sure?"}]


@pytest.mark.parametrize("database", ["2025_03"], indirect=True)
def test_sent_tasks_of_2025_of_which_one_failed(database: Path) -> None:
    failed = open_history(database, "sendfail").latest
    assert failed.next == ("work", "zed", "work")
    assert told(failed) == [
        ("work", {"log": ["work 0"]}, False, []),
        ("zed", {"log": ["zed"]}, False, []),
        ("work", None, True, []),
    ]


@pytest.mark.parametrize("database", ["2024_12_continued"], indirect=True)
def test_a_thread_of_2024_that_went_on_today(database: Path) -> None:
    history = open_history(database, "asks")
    assert [c.nodes for c in history] == [
        (),
        ("__start__",),
        ("other", "zask"),
        ("then",),
        (),
        ("__start__",),
    ]
    assert [c.next for c in history][:4] == [("__start__",), ("other", "zask"), ("then",), ()]


@pytest.mark.parametrize("database", ["2024_12_continued"], indirect=True)
def test_an_entrypoint_of_2024_that_went_on_today_waits_alone_for_its_calls(database: Path) -> None:
    history = open_history(database, "func")
    assert [c.next for c in history] == [("flow",), (), ("flow",)]
    assert history["c1"].nodes[0] == "flow" and sorted(history["c1"].nodes) == ["ask", "bad", "flow", "good"]
    assert [told(c) for c in history][1:] == [[], [("flow", None, False, ["about a"])]]


@pytest.mark.parametrize("format_", [1, 2])
def test_the_format_tells_a_nodes_own_channel_where_the_metadata_does_not(format_: int) -> None:
    saver, place = InMemorySaver(), {"configurable": {"thread_id": "1", "checkpoint_ns": ""}}
    versions = {"log": "2", "a": "2", "kind": "2"}
    for step, seen in enumerate([{}, {"a": {"start:a": "1"}}]):
        values = {"log": ["a"], "a": "a", "kind": "b"} if step else {}
        checkpoint = {**empty_checkpoint(), "v": format_, "versions_seen": seen, "channel_values": values}
        checkpoint["channel_versions"] = versions if step else {"start:a": "1"}
        metadata: Any = {"source": "loop", "step": step, "parents": {}}
        place = saver.put(place, checkpoint, metadata, checkpoint["channel_versions"])
    latest = open_history(saver, "1").latest
    assert latest.nodes == ("a",) and latest.changed == ("kind", "log")
    assert latest.values == {"log": ["a"], "kind": "b"}


def test_renamed_channels_are_no_new_reading() -> None:
    """What LangGraph stores when it goes on with a thread of 2024: every node's channels have other names."""
    saver, place = InMemorySaver(), {"configurable": {"thread_id": "1", "checkpoint_ns": ""}}
    before = {"a": {"start:a": "1"}, "b": {"a": "2"}, "c": {"branch:b:route:c": "3"}, "d": {"c": "4"}}
    after = {
        "a": {"branch:to:a": "1"},
        "b": {"branch:to:b": "2"},
        "c": {"branch:to:c": "5"},
        "d": {"branch:to:d": "4"},
    }
    for step, (format_, seen) in enumerate([(2, before), (4, after)]):
        checkpoint = {**empty_checkpoint(), "v": format_, "versions_seen": seen}
        place = saver.put(place, checkpoint, {"source": "loop", "step": step, "parents": {}}, {})
    assert open_history(saver, "1").latest.nodes == ("c",)
