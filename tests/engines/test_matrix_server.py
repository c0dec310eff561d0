"""A LangGraph server as a source: all that is told of a thread is what the same graph tells that runs here."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.pregel.remote import RemoteGraph
from langgraph.store.memory import InMemoryStore
from langgraph_sdk.client import SyncLangGraphClient

import lgviz
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import History
from lgviz.sources import Source
from tests.support import served_graphs
from tests.support.langgraph_server import SAID, plain, run
from tests.support.view import View

pytestmark = pytest.mark.engines

VIEW = Path(__file__).resolve().parents[2] / "js/src/notebook.ts"
PAUSE = int(re.findall(r"const PAUSE = (\d+);", VIEW.read_text())[0]) / 1000
"""Seconds between two looks of a view."""
GIVEN: dict[str, Any] = {
    "agent": SAID,
    "counter": {"until": 3},
    "fan": {"log": ["x"]},
    "nested": {"log": ["x"]},
}
TOLD: dict[str, Callable[[Checkpoint], Any]] = {
    "tree": lambda c: (
        c.label, c.parent and c.parent.label, c.outer and c.outer.label, c.step, c.source, c.flags,
        [part.partition(":")[0] for part in c.namespace.split("|")],
    ),
    "names": lambda c: (c.nodes, c.next, c.changed, c.as_node, c.note),
    "state": lambda c: plain(c.values),
    "diff": lambda c: str(c.history.diff(c.parent, c)) if c.parent else None,
    "writes": lambda c: (plain(dict(c.writes)), [(t.name, t.error, plain(t.result)) for t in c.tasks]),
    "interrupts": lambda c: ([one.value for one in c.interrupts], [one.value for one in c.waiting], c.error),
}  # fmt: skip


def acted(graph: Any, name: str) -> History:
    """A thread that was begun, asked and failed, forked, run on and answered."""
    begun = lgviz.start(graph, GIVEN[name])
    thread = begun.config["configurable"]["thread_id"]
    if name == "agent":
        begun.resume("fail")
        fork = lgviz.fork(graph, "c2", {"mood": "dark"}, as_node="plan", note="darker", thread_id=thread)
        asked = lgviz.run(graph, fork, only="unfinished")
        asked.resume("yes")
    elif name == "counter":
        fork = lgviz.fork(graph, "c3", {"n": 1}, as_node="count", thread_id=thread)
        lgviz.run(graph, fork, only="unfinished")
    return lgviz.history(graph, thread)


@pytest.fixture(scope="module", params=GIVEN)
def both(request: pytest.FixtureRequest, sdk: SyncLangGraphClient) -> tuple[History, History]:
    """A thread on the server, and the same here."""
    here = getattr(served_graphs, request.param)().compile(
        checkpointer=InMemorySaver(), store=InMemoryStore()
    )
    return acted(RemoteGraph(request.param, sync_client=sdk), request.param), acted(here, request.param)


@pytest.mark.parametrize("what", TOLD)
def test_what_is_read_after_forks_and_runs(both: tuple[History, History], what: str) -> None:
    there, here = ([(c.label, TOLD[what](c)) for c in history.all] for history in both)
    assert there == here


def test_threads(both: tuple[History, History], served: Source) -> None:
    there, here = both
    (listed,) = [one for one in served.threads() if one.thread_id == there.thread_id]
    assert listed.status == there.status == here.status
    assert served.find_threads(there.thread_id[:13]).threads[0].thread_id == there.thread_id


def test_what_another_client_writes_shows_within_a_second(sdk: SyncLangGraphClient, served: Source) -> None:
    """A look of the view, with the pause before it."""
    thread = run(sdk, "counter", {"until": 298}, config={"recursion_limit": 1000})
    view = View(served, thread)
    try:
        rows, took = view.ask("thread_open", thread_id=thread)["tree"]["count"], []
        for number in range(5):
            view.events.clear()
            sdk.threads.update_state(thread, {"n": number}, as_node="count")
            began = time.perf_counter()
            view.ask("thread_refresh")
            took.append(time.perf_counter() - began)
            ((_, news),) = [one for one in view.events if one[1].get("tree")]
            assert (news["tree"]["start"], news["tree"]["count"]) == (rows + number, 1)
        assert PAUSE + min(took) < 1, took
    finally:
        view.close()
