"""A LangGraph server as a source: forks, followed runs, a thousand checkpoints, in whose name it is asked."""

from __future__ import annotations

import threading

import httpx
import pytest
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk.client import SyncLangGraphClient

import lgviz
from lgviz.errors import ThreadNotFound
from lgviz.sources import Source
from tests.support import served_graphs
from tests.support.langgraph_server import SAID, local, run, told
from tests.support.pages import data_of
from tests.support.waiting import until

pytestmark = pytest.mark.engines


def test_tasks_that_were_sent_and_a_join_that_waits(sdk: SyncLangGraphClient, served: Source) -> None:
    """Where a node waits for several, this server tells its question of the thread alone."""
    there, here = (
        lgviz.history(served, run(sdk, "fan", {"log": ["x"]})),
        local(served_graphs.fan, {"log": ["x"]}),
    )
    *before, last = told(there)
    *expected, asked = told(here)
    assert before == expected
    for part in ("nodes", "values", "flags", "asked", "waiting"):
        assert last[part] == asked[part], part
    assert there.status == "interrupted"


def test_an_error_and_the_answer_that_led_to_it(sdk: SyncLangGraphClient, served: Source) -> None:
    thread = run(sdk, "agent", SAID)
    run(sdk, "agent", None, thread, command={"resume": "fail"})
    there = lgviz.history(served, thread)
    assert (there.status, there.latest.error) == ("failed", "ValueError('it was to fail')")


def test_what_is_new_is_asked_for_alone(sdk: SyncLangGraphClient, served: Source) -> None:
    """Also what a fork adds to an earlier checkpoint, and what became of those that were the newest."""
    thread = run(sdk, "agent", SAID)
    followed = lgviz.history(served, thread)
    at = followed["c1"].config["configurable"]
    sdk.threads.update_state(thread, {"mood": "dark"}, as_node="plan", checkpoint=at)
    assert followed.refresh()[0] == 8
    latest = sdk.threads.get_state(thread)["checkpoint"]
    run(sdk, "agent", None, thread, checkpoint=latest)
    run(sdk, "agent", None, thread, command={"resume": "yes"})
    followed.refresh()
    assert told(followed) == told(lgviz.history(served, thread))
    assert followed.refresh() == (len(followed.tree), [])
    assert (followed["c4"].source, followed["c4"].changed, followed.latest.nodes) == (
        "update", ("mood",), ("ask",),
    )  # fmt: skip


def test_a_run_under_way_is_seen_as_it_goes(sdk: SyncLangGraphClient, served: Source) -> None:
    thread = run(sdk, "counter", {"until": 1})
    followed, seen = lgviz.history(served, thread), set[int]()
    going = threading.Thread(
        target=run,
        args=(sdk, "counter", {"n": 0, "until": 200}, thread),
        kwargs={"config": {"recursion_limit": 1000}},
    )
    going.start()
    until(lambda: followed.refresh() and (seen.add(len(followed)) or followed.latest.values["n"] == 200))
    going.join()
    assert len(seen) > 3, "the rows came all at once"
    followed.refresh()
    assert told(followed) == told(lgviz.history(served, thread))


def test_a_thousand_checkpoints_in_pages(
    sdk: SyncLangGraphClient, served: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = run(sdk, "counter", {"until": 998}, config={"recursion_limit": 2000})
    counted = lgviz.history(served, thread)
    assert len(counted) == 1000
    asked: list[str] = []
    send = httpx.Client.send
    monkeypatch.setattr(
        httpx.Client,
        "send",
        lambda self, request, **more: asked.append(request.url.path) or send(self, request, **more),
    )
    read = counted.reader.channel_reader(5, "n")
    assert read(range(2, 1000)) == {row: row - 1 for row in range(2, 1000)}
    assert len(asked) < 20


def test_what_is_gone_begins_the_tree_anew(sdk: SyncLangGraphClient, served: Source) -> None:
    thread = run(sdk, "counter", {"until": 5})
    followed = lgviz.history(served, thread)
    sdk.threads.delete(thread)
    with pytest.raises(ThreadNotFound, match="no thread"):
        followed.refresh()
    sdk.threads.create(thread_id=thread)
    run(sdk, "counter", {"until": 2}, thread)
    assert followed.refresh()[0] == 0
    assert (len(followed), followed.latest.values) == (4, {"n": 2, "until": 2})


def test_a_remote_graph_shows_its_own_threads(sdk: SyncLangGraphClient, langgraph_server: str) -> None:
    """Told of by its name or by an assistant's id; it is left open."""
    mine, other = run(sdk, "counter", {"until": 1}), run(sdk, "fan", {"log": []})
    assistant = sdk.assistants.search(graph_id="counter")[0]["assistant_id"]
    for name in ("counter", assistant):
        graph = RemoteGraph(name, sync_client=sdk)
        source = lgviz.open_source(graph)
        names = [one.thread_id for one in source.threads()]
        assert mine in names and other not in names
        assert lgviz.history(graph, thread_id=mine).latest.values == {"n": 1, "until": 1}
        assert not source.untrusted
        source.close()


def test_it_is_exported_as_a_page(sdk: SyncLangGraphClient, served: Source) -> None:
    page = lgviz.history(served, run(sdk, "agent", SAID)).to_html()
    assert "I have a plan" in repr(data_of(page))
