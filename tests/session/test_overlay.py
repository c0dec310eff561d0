"""The overlay saver: reads through, writes into memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command

from lgviz.errors import ReadOnly
from lgviz.session import OverlaySaver
from tests.support.graphs import CONFIG, asking, chain, noting


def line(saver: Any) -> Any:
    return chain([("a", noting("a")), ("ask", asking("q")), ("b", noting("b"))], saver)


def told(graph: Any) -> list[Any]:
    return [
        (s.values, s.next, s.metadata["source"], s.metadata["step"]) for s in graph.get_state_history(CONFIG)
    ]


def test_a_run_on_an_overlay_is_the_same_and_leaves_the_base_untouched(
    saver: SqliteSaver, dump: Callable[[], list[str]]
) -> None:
    line(saver).invoke({"log": []}, CONFIG)
    untouched = dump()
    other = InMemorySaver()
    line(other).invoke({"log": []}, CONFIG)
    overlay = OverlaySaver(saver)
    for graph in (line(overlay), line(other)):
        graph.invoke(Command(resume="yes"), CONFIG)
    assert told(line(overlay)) == told(line(other))
    assert line(overlay).get_state(CONFIG).values["log"] == ["a", "q0=yes", "b"]
    assert dump() == untouched
    assert line(saver).get_state(CONFIG).next == ("ask",)
    assert len(overlay.checkpoints()) == 2


def test_pending_writes_on_a_checkpoint_of_the_base_are_seen(saver: SqliteSaver) -> None:
    line(saver).invoke({"log": []}, CONFIG)
    overlay = OverlaySaver(saver)
    config = line(saver).get_state(CONFIG).config
    before = overlay.get_tuple(config)
    assert before is not None
    assert before.pending_writes is not None
    (task, channel, _) = before.pending_writes[0]
    assert channel == "__interrupt__"
    overlay.put_writes(config, [("log", ["new"])], "other", "~b")
    overlay.put_writes(config, [("log", ["ignored"])], "other", "~b")
    overlay.put_writes(config, [("__interrupt__", "replaced")], task)
    seen = overlay.get_tuple(config)
    assert seen is not None
    assert seen.pending_writes is not None
    assert sorted(seen.pending_writes) == sorted(
        [("other", "log", ["new"]), (task, "__interrupt__", "replaced")]
    )
    assert [t.pending_writes for t in overlay.list(CONFIG, limit=1)] == [seen.pending_writes]
    base = saver.get_tuple(config)
    assert base is not None
    assert base.pending_writes == before.pending_writes


def test_what_a_graph_changes_later_does_not_reach_the_overlay() -> None:
    overlay = OverlaySaver(InMemorySaver())
    builder = StateGraph(dict)
    mutable: dict[str, Any] = {"items": [1]}
    builder.add_node("a", lambda state: mutable)
    builder.add_edge(START, "a")
    graph = builder.compile(checkpointer=overlay)
    graph.invoke({}, CONFIG)
    mutable["items"].append(2)
    assert graph.get_state(CONFIG).values == {"items": [1]}


def test_list_merges_newest_first_and_filters(saver: SqliteSaver) -> None:
    line(saver).invoke({"log": []}, CONFIG)
    overlay = OverlaySaver(saver)
    line(overlay).invoke(Command(resume=1), CONFIG)
    found = list(overlay.list(CONFIG))
    assert [t.metadata["step"] for t in found] == [3, 2, 1, 0, -1]
    assert [t.metadata["step"] for t in overlay.list(CONFIG, limit=3)] == [3, 2, 1]
    assert [t.metadata["step"] for t in overlay.list(CONFIG, before=found[1].config)] == [1, 0, -1]
    assert [t.metadata["step"] for t in overlay.list(CONFIG, filter={"step": 2})] == [2]
    assert list(overlay.list({"configurable": {"thread_id": "other"}})) == []


def test_versions_are_the_bases_own() -> None:
    class Integers(InMemorySaver):
        def get_next_version(self, current: Any, channel: None) -> Any:
            return BaseCheckpointSaver.get_next_version(self, current, channel)

    base = Integers()
    line(base).invoke({"log": []}, CONFIG)
    overlay = OverlaySaver(base)
    graph = line(overlay)
    start = graph.get_state(CONFIG).config
    # two children of one checkpoint get the same integer versions, and still their own values
    one = graph.update_state(start, {"log": ["one"]}, as_node="a")
    two = graph.update_state(start, {"log": ["two"]}, as_node="a")
    assert graph.get_state(one).values["log"] == ["a", "one"]
    assert graph.get_state(two).values["log"] == ["a", "two"]


def test_keep_writes_it_into_the_base(saver: SqliteSaver) -> None:
    line(saver).invoke({"log": []}, CONFIG)
    overlay = OverlaySaver(saver)
    line(overlay).invoke(Command(resume="yes"), CONFIG)
    expected = [
        (s.values, s.next, s.config, s.parent_config, s.tasks)
        for s in line(overlay).get_state_history(CONFIG)
    ]
    assert len(overlay.keep()) == 2
    kept = [
        (s.values, s.next, s.config, s.parent_config, s.tasks) for s in line(saver).get_state_history(CONFIG)
    ]
    assert kept == expected
    assert overlay.checkpoints() == []


def test_deleting_is_refused() -> None:
    overlay = OverlaySaver(InMemorySaver())
    for act in (overlay.delete_thread, overlay.prune, overlay.delete_for_runs):
        with pytest.raises(ReadOnly, match="deletes"):
            act("1")
