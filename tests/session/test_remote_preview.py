"""Previews on a real LangGraph server, which has no dry run, by the same graph in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langgraph.constants import START
from langgraph.graph import StateGraph
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk.client import SyncLangGraphClient

import lgviz
from lgviz import session
from lgviz.analysis.history import History
from lgviz.backend import Backend
from lgviz.errors import NodeRefused, NoDryRun, NotASource
from lgviz.persistence import MemorySaver
from lgviz.sources import Source
from lgviz.sources.places import place_of
from tests.support import served_graphs
from tests.support.langgraph_server import SAID, run

TRIED = {
    "agent": (SAID, {"log": ["new"], "messages": [{"role": "user", "content": "hm", "id": "h"}]}),
    "counter": ({"until": 2}, {"n": 1}),
    "fan": ({"log": ["x"]}, {"log": ["new"]}),
    "nested": ({"log": ["x"]}, {"log": ["new"]}),
}
"""By graph what a thread of it is begun with, and what is updated everywhere."""


@pytest.fixture
def opened(sdk: SyncLangGraphClient, served: Source) -> Callable[[str], History]:
    """A new thread of a graph there, which the same graph here previews."""

    def make(name: str) -> History:
        local = getattr(served_graphs, f"served_{name}")
        return lgviz.history(served, run(sdk, name, TRIED[name][0]), graph=local)

    return make


@pytest.mark.parametrize("name", TRIED)
def test_it_says_what_the_fork_makes(opened: Callable[[str], History], name: str) -> None:
    """At every checkpoint and as every node, in subgraphs and beside tasks that wait."""
    history = opened(name)
    graph, forks = history.source.graph_of(history.thread_id), list[Any]()
    for at in history.all:
        values = {key: value for key, value in TRIED[name][1].items() if not at.namespace or key == "log"}
        for option in session.as_node_options(graph, at, values):
            if option.node != "__end__" and option.disabled is None:
                preview = lgviz.preview(graph, at, values, as_node=option.node)
                assert preview.next == option.next and option.goto == ()
                made = place_of(session.forked(graph, at, session.Edit(values, option.node)))
                history.refresh()
                forks.append((at, option.node, preview, history[made.checkpoint_id]))
    assert len(forks) > 6
    for at, node, preview, made in forks:
        # A node that waits for several: this server does not tell that it comes next.
        told = tuple(one for one in preview.next if (name, one) != ("fan", "ask"))
        assert (preview.values, told) == (made.values, made.next), (at.label, node)
        assert preview.diff.apply(at.values) == made.values


def test_a_node_that_waits_for_several(opened: Callable[[str], History], sdk: SyncLangGraphClient) -> None:
    """What the server does not tell, its next run shows: one whose others have ended comes next."""
    history = opened("fan")
    graph = history.source.graph_of(history.thread_id)
    assert lgviz.preview(graph, history["c2"], {"log": ["new"]}, as_node="left").next == ()
    assert lgviz.preview(graph, history["c3"], {"log": ["new"]}, as_node="left").next == ("ask",)
    made = place_of(session.forked(graph, history["c3"], session.Edit({"log": ["new"]}, "left")))
    where = {"checkpoint_ns": "", "checkpoint_id": made.checkpoint_id}
    run(sdk, "fan", None, history.thread_id, checkpoint=where)
    assert [asked["value"] for (asked,) in sdk.threads.get(history.thread_id)["interrupts"].values()] == [
        {"question": "go on?"}
    ]


def test_the_graph_is_given_by_name_and_by_langgraph_json(
    sdk: SyncLangGraphClient, langgraph_server: str, tmp_path: Path
) -> None:
    thread = run(sdk, "counter", {"until": 1})
    file = Path(served_graphs.__file__)
    (tmp_path / "langgraph.json").write_text(json.dumps({"graphs": {"counter": f"{file}:served_counter"}}))
    for given in ("tests.support.served_graphs:counter", f"{file}:counter", tmp_path / "langgraph.json"):
        history = lgviz.history(langgraph_server, thread, graph=given)
        by_url = lgviz.preview(langgraph_server, history["c2"], {"n": 0}, as_node="count")
        assert by_url.next == ("count",)
        history.source.close()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, "Give its graph to preview by"),
        ("tests.support.served_graphs:agent", "'plan'.* is in one alone"),
        ("tests.support.served_graphs:nobody", "cannot be loaded"),
        ("missing.json", "missing.json cannot be read"),
        ("{folder}/langgraph.json", "names no graph 'counter'"),
    ],
)
def test_without_the_graph_the_reason_is_told(
    sdk: SyncLangGraphClient, langgraph_server: str, tmp_path: Path, given: Any, told: str
) -> None:
    """And what the drawn edges tell; the fork can be made all the same."""
    (tmp_path / "langgraph.json").write_text('{"graphs": {"other": "x:y"}}')
    given = given and given.format(folder=tmp_path)
    with closing(Backend(langgraph_server, graph=given)) as opened:
        opened.request("thread_open", thread_id=run(sdk, "counter", {"until": 1}))
        with pytest.raises(NoDryRun, match=told):
            lgviz.preview(opened.thread.source.graph_of(opened.history.thread_id), opened.history["c2"], {})
        form = opened.request("fork_form", checkpoint=opened.history["c2"].id)
        assert ("count", None) in [(one["node"], one["disabled"]) for one in form["as_node"]]
        view = opened.request("fork_preview", **_asked(opened, n="5"))
        assert view["untried"] and "no dry run" in view["warnings"][0]


def test_the_debugger_previews(sdk: SyncLangGraphClient, langgraph_server: str) -> None:
    """With masks, which the server's values keep; the fork is the server's."""
    options: Any = {"graph": "tests.support.served_graphs:counter", "redact": ["until"]}
    with closing(Backend(langgraph_server, **options)) as opened:
        opened.request("thread_open", thread_id=run(sdk, "counter", {"until": 2}))
        form = opened.request("fork_form", checkpoint=opened.history["c2"].id)
        assert ("count", ["count"]) in [(one["node"], one["next"]) for one in form["as_node"]]
        view = opened.request("fork_preview", **_asked(opened, n="1"))
        assert (view["next"], view["as_node"], "untried" in view) == (["count"], "count", False)
        assert opened.request("fork_preview", **_asked(opened, n="7"))["next"] == []
        assert [one["channel"] for one in view["diff"]["channels"]] == []
        assert "until" in view["diff"]["unchanged"]
        before = len(opened.history)
        assert opened.request("fork_commit", **_asked(opened, n="7"))["next"] == []
        assert len(opened.history) == before + 1


def test_a_router_that_raises_is_told(sdk: SyncLangGraphClient, served: Source) -> None:
    history = lgviz.history(served, run(sdk, "counter", {}), graph=served_graphs.served_counter)
    graph = history.source.graph_of(history.thread_id)
    with pytest.raises(NodeRefused, match="router of node 'count' raised"):
        lgviz.preview(graph, history["c1"], {"n": 1}, as_node="count")


async def test_an_asynchronous_graph_and_awaited(sdk: SyncLangGraphClient, langgraph_server: str) -> None:
    async def count(state: served_graphs.Count) -> dict[str, int]:
        raise AssertionError("no node runs in a preview")

    builder = StateGraph(served_graphs.Count).add_node("count", count).add_edge(START, "count")
    thread = run(sdk, "counter", {"until": 2})
    with closing(lgviz.open_source(langgraph_server, graph=builder.compile())) as opened:
        history = lgviz.history(opened, thread)
        for graph in (langgraph_server, RemoteGraph("counter", sync_client=sdk), opened.graph_of(thread)):
            made = await lgviz.apreview(graph, history["c2"], {"n": 5}, as_node="count")
            assert (made.values, made.next) == ({"n": 5, "until": 2}, ())
            assert lgviz.preview(graph, history["c1"], {"n": 5}, as_node="__start__").next == ("count",)


def test_it_goes_with_a_server_alone_and_is_a_graph(langgraph_server: str) -> None:
    with pytest.raises(NotASource, match="is not compiled yet"):
        lgviz.open_source(langgraph_server, graph=served_graphs.counter())
    with pytest.raises(NotASource, match="goes with a LangGraph server"):
        lgviz.history(served_graphs.counter().compile(checkpointer=MemorySaver()), graph="app:graph")


def _asked(opened: Backend, **values: str) -> dict[str, Any]:
    return {
        "checkpoint": opened.history["c2"].id,
        "values": {name: {"mode": "append", "text": text} for name, text in values.items()},
        "as_node": "count",
        "goto": None,
        "keep_siblings": False,
        "note": "",
        "configurable": None,
        "sandbox": False,
    }
