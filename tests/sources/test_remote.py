"""A LangGraph server as a source, on a real one; more of it is in ``tests/engines``."""

from __future__ import annotations

from pathlib import Path

import pytest
from langgraph.types import Command, Interrupt
from langgraph_sdk.client import SyncLangGraphClient

import lgviz
from lgviz.errors import ForeignTables, ThreadNotFound
from lgviz.sources import Source
from lgviz.sources.items import plainly
from lgviz.sources.remote.states import RemoteState
from lgviz.sources.stores import memory_of
from tests.support import served_graphs
from tests.support.langgraph_server import SAID, local, run, told


def test_it_tells_what_the_same_graph_tells_here(sdk: SyncLangGraphClient, served: Source) -> None:
    thread = run(sdk, "agent", SAID)
    here, there = local(served_graphs.agent, SAID), lgviz.history(served, thread)
    assert told(there) == told(here)
    assert there.status == "interrupted"
    run(sdk, "agent", None, thread, command={"resume": "yes"})
    there.refresh()
    assert told(there) == told(local(served_graphs.agent, SAID, Command(resume="yes")))


@pytest.mark.parametrize(("asker", "named"), [("ask:1", "ask"), ("outer:1|ask:2", "?")])
def test_who_asks_is_known_by_the_question_unless_a_subgraph_asks(asker: str, named: str) -> None:
    """Where a server tells no task of a node that waits for several."""
    state = RemoteState({"checkpoint": {"checkpoint_id": "c"}, "created_at": None}, "")
    question = Interrupt.from_ns("go on?", asker)
    state.wait_for({"1": [{"id": question.id, "value": "go on?"}]}, lambda: ["left", "ask", "outer"])
    assert (state.names(), state.next) == ([named], (named,))
    assert state.snapshot("t").interrupts == (question,)


def test_threads_tell_their_state(sdk: SyncLangGraphClient, served: Source) -> None:
    waiting, done = run(sdk, "agent", SAID), run(sdk, "counter", {"until": 1})
    listed = {one.thread_id: one for one in served.threads()}
    assert (listed[waiting].status, listed[done].status) == ("interrupted", "done")
    assert served.threads()[0].thread_id == done
    pages, after = [], None
    while not pages or after is not None:
        page = served.find_threads(limit=2, after=after)
        pages, after = [*pages, *page.threads], page.after
    assert ([one.thread_id for one in pages], page.total) == (list(listed), len(listed))
    assert [one.thread_id for one in served.find_threads(done[:13].upper()).threads] == [done]
    assert served.untrusted


def test_its_store(sdk: SyncLangGraphClient, served: Source) -> None:
    run(sdk, "agent", SAID)
    items = memory_of(served, None, plainly)
    assert items is not None
    assert [item.value for item in items.page(("notes", "ann"), 0, 10)] == [{"mood": "bright"}]
    assert ("notes", "ann") in items.namespaces() and items.counts()[("notes", "ann")] == 1
    items.store.put(("notes", "bob"), "x", {"n": 1})
    assert items.get(("notes", "bob"), "x").value == {"n": 1}
    items.store.delete(("notes", "bob"), "x")
    assert items.get(("notes", "bob"), "x") is None


def test_what_a_server_cannot_give_is_said(sdk: SyncLangGraphClient, served: Source, tmp_path: Path) -> None:
    thread = run(sdk, "counter", {"until": 1})
    here = lgviz.history(served, thread)
    with pytest.raises(ForeignTables, match="as a page"):
        here.export(tmp_path / "thread.lgviz")
    with pytest.raises(ForeignTables, match="as a page"):
        here.source.stats()
    with pytest.raises(ThreadNotFound, match="by UUIDs"):
        lgviz.history(served, "thread-1")
    with pytest.raises(ThreadNotFound, match=thread):
        lgviz.history(served, "11111111-2222-4333-8444-555555555555")
