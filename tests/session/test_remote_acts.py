"""Acts on a real LangGraph server: fork, run on, resume, start, stop; and a sentence for what it cannot do."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk.client import SyncLangGraphClient

import lgviz
from lgviz.backend import Backend
from lgviz.errors import ActRefused, InvalidValue, NodeRefused, NothingToRun, ReadOnly
from lgviz.mcp.graphs import backend_of
from lgviz.session import start_run
from tests.support.langgraph_server import SAID, run
from tests.support.waiting import until


@pytest.fixture(scope="module")
def waiting(sdk: SyncLangGraphClient) -> str:
    """A thread of the agent that waits for an answer."""
    return run(sdk, "agent", SAID)


@pytest.fixture
def agent(sdk: SyncLangGraphClient) -> RemoteGraph:
    return RemoteGraph("agent", sync_client=sdk)


@pytest.fixture
def backend(langgraph_server: str, waiting: str) -> Iterator[Backend]:
    """A debugger of a server that is named by its URL alone."""
    opened = Backend(langgraph_server)
    opened.request("thread_open", thread_id=waiting)
    yield opened
    opened.close()


def test_a_thread_is_started_answered_forked_and_run_on(agent: RemoteGraph) -> None:
    heard: list[Any] = []
    begun = lgviz.start(agent, SAID, on_event=heard.append)
    thread = begun.config["configurable"]["thread_id"]
    assert uuid.UUID(thread) and begun.status == "interrupted"
    assert [one.value for one in begun.interrupts] == [{"question": "go on?"}]
    assert {"plan", "research", "look", "read", "ask"} <= {
        event.node for event in heard if event.kind == "started"
    }
    assert sum(event.kind == "checkpoint" for event in heard) == len(lgviz.history(agent, thread).all)
    answered = begun.resume("yes")
    assert (answered.status, answered.values["messages"][-1]["content"]) == ("done", "you said yes")
    forked = lgviz.fork(agent, "c2", {"mood": "dark"}, as_node="plan", note="darker", thread_id=thread)
    assert (forked.as_node, forked.note, forked.changed, forked.next) == (
        "plan",
        "darker",
        ("mood",),
        ("research",),
    )
    went = lgviz.run(agent, forked, before="ask")
    assert (went.status, went.before, went.values["mood"], went.checkpoint.parent) == (
        "interrupted", ("ask",), "dark", forked,
    )  # fmt: skip
    failed = lgviz.run(agent, went.checkpoint).resume("fail")
    assert (failed.status, failed.error and failed.error.node) == ("failed", "ask")
    assert "it was to fail" in str(failed.error)


async def test_awaited(agent: RemoteGraph, waiting: str) -> None:
    forked = await lgviz.afork(agent, "c2", {"mood": "calm"}, as_node="plan", thread_id=waiting)
    assert (await lgviz.arun(agent, forked, before=["ask"])).before == ("ask",)


def test_a_run_is_stopped(sdk: SyncLangGraphClient) -> None:
    counter = RemoteGraph("counter", sync_client=sdk)
    thread = run(sdk, "counter", {"until": 1})
    asked = {"input": {"n": 0, "until": 100_000}, "config": {"recursion_limit": 200_000}}
    runner = start_run(counter, "c2", thread_id=thread, **asked)
    until(lambda: len(runner.configs) > 5)
    runner.stop()
    assert runner.result(30).status == "stopped"
    assert sdk.threads.get(thread)["status"] != "busy"


@pytest.mark.parametrize(
    ("act", "error", "told"),
    [
        (lambda g, t: lgviz.preview(g, "c2", {"mood": "x"}, thread_id=t), ActRefused, "no dry run"),
        (
            lambda g, t: lgviz.fork(g, "c2", {"mood": lgviz.Set("x")}, thread_id=t),
            InvalidValue,
            "past its reducer",
        ),
        (lambda g, t: lgviz.fork(g, "c2", {}, goto="ask", as_node="plan", thread_id=t), ActRefused, "goto="),
        (lambda g, t: lgviz.fork(g, "c2", {}, new_thread="x", thread_id=t), ActRefused, "new thread"),
        (
            lambda g, t: lgviz.fork(g, "c2", {"mood": "x"}, as_node="nobody", thread_id=t),
            NodeRefused,
            "nobody",
        ),
        (
            lambda g, t: lgviz.fork(g, "c2", {"log": 5}, as_node="plan", thread_id=t),
            InvalidValue,
            "failed at this",
        ),
        (lambda g, t: lgviz.run(g, "c3", sandbox=True, thread_id=t), ActRefused, "sandbox"),
        (lambda g, t: lgviz.run(g, "c2", steps=1, thread_id=t), ActRefused, "few steps"),
        (lambda g, t: lgviz.run(g, "c2", resume="x", thread_id=t), NothingToRun, "No interrupt waits at c2"),
        (lambda g, t: lgviz.start(g, SAID, thread_id="thread-1"), InvalidValue, "by UUIDs"),
        (lambda g, t: lgviz.replay(g, g), ReadOnly, "no dry run"),
    ],
)
def test_what_it_cannot_do_is_said(agent: RemoteGraph, waiting: str, act: Any, error: Any, told: str) -> None:
    before = len(lgviz.history(agent, waiting).all)
    with pytest.raises(error, match=told):
        act(agent, waiting)
    assert len(lgviz.history(agent, waiting).all) == before


def test_the_debugger_forks_and_runs(backend: Backend) -> None:
    """A server by its URL alone: it runs what the thread was made by."""
    opened = backend.request("thread_open", thread_id=None)
    assert (opened["read_only"], opened["on_server"]) == (None, True)
    at = backend.history["c2"].id
    form = backend.request("fork_form", checkpoint=at)
    assert [field["channel"] for field in form["fields"]] == ["log", "messages", "mood"]
    assert ("plan", ["research"]) in [(one["node"], one["next"]) for one in form["as_node"]]
    assert (form["inferred"], form["configurable"]) == ("plan", "{}")
    asked = {
        "checkpoint": at,
        "values": {"mood": {"mode": "append", "text": '"new"'}},
        "as_node": "plan",
        "goto": None,
        "keep_siblings": False,
        "note": "why",
        "configurable": None,
        "sandbox": False,
    }
    preview = backend.request("fork_preview", **asked)
    assert (preview["next"], preview["diff"]["channels"]) == (["research"], [])
    assert "no dry run" in preview["warnings"][0] and preview["untried"]
    made = backend.request("fork_commit", **asked)
    assert made["next"] == ["research"] and backend.history[made["id"]].note == "why"
    went = backend.request(
        "run_start",
        checkpoint=made["id"],
        resume=None,
        until=None,
        configurable=None,
        sandbox=False,
        reuse="rest",
    )
    assert went["status"] == "interrupted"
    (question,) = backend.history.latest.waiting
    backend.request("answer_form", checkpoint=went["checkpoint"])
    went = backend.request(
        "run_start",
        checkpoint=went["checkpoint"],
        resume={question.id: '"well"'},
        until=None,
        configurable=None,
        sandbox=False,
    )
    assert went["status"] == "done"
    assert backend.history.latest.values["messages"][-1]["content"] == "you said well"


def test_the_debugger_starts_a_thread(backend: Backend) -> None:
    form = backend.request("start_form", turn=False, thread_id=None)
    assert uuid.UUID(form["thread_id"]) and form["chat"] == "messages"
    asked = {
        "checkpoint": None,
        "thread_id": form["thread_id"],
        "message": "hi",
        "input": '{"mood": "bright"}',
        "context": None,
        "configurable": None,
    }
    assert backend.request("thread_start", **asked)["status"] == "interrupted"
    with pytest.raises(InvalidValue, match="exists already"):
        backend.request("thread_start", **asked)


def test_a_graph_of_the_server_is_chosen_for_a_new_thread(backend: Backend, sdk: SyncLangGraphClient) -> None:
    form = backend.request("start_form", turn=False, thread_id=None)
    assert (form["graphs"], form["graph"]) == (["agent", "counter", "fan", "nested"], "agent")
    assert "graphs" not in backend.request("start_form", turn=True, thread_id=None)
    form = backend.request("start_form", turn=False, thread_id=None, graph="counter")
    assert (form["graph"], form["chat"]) == ("counter", None)
    assert {field["name"] for field in form["input"]["fields"]} == {"n", "until"}
    asked = {
        "checkpoint": None,
        "graph": "counter",
        "thread_id": form["thread_id"],
        "message": None,
        "input": '{"until": 2}',
        "context": None,
        "configurable": None,
    }
    assert backend.request("thread_start", **asked)["status"] == "done"
    assert sdk.threads.get_state(form["thread_id"])["values"] == {"n": 2, "until": 2}
    asked["thread_id"] = backend.request("start_form", turn=False, thread_id=None)["thread_id"]
    code = backend.request("code_get", act="start", checkpoint="", start=asked)["code"]
    exec(code, made := {})
    assert made["run"].values == {"n": 2, "until": 2}
    made["run"].graph.client.close()


@pytest.fixture
def by_ten(sdk: SyncLangGraphClient) -> Iterator[str]:
    """An assistant with a config of its own."""
    made = sdk.assistants.create("counter", {"configurable": {"by": 10}}, name="tens")
    yield made["assistant_id"]
    sdk.assistants.delete(made["assistant_id"])


def test_an_assistant_goes_on_with_its_threads(
    sdk: SyncLangGraphClient, langgraph_server: str, by_ten: str
) -> None:
    """By its id, by its graph's name and by the URL alone; named by its id another goes on."""
    tens, counter = RemoteGraph(by_ten, sync_client=sdk), RemoteGraph("counter", sync_client=sdk)
    begun = lgviz.start(tens, {"until": 15})
    thread = begun.config["configurable"]["thread_id"]
    assert begun.values["n"] == 20
    assert [one.thread_id for one in lgviz.open_source(tens).threads()] == [thread]
    for graph in (tens, counter, langgraph_server):
        forked = lgviz.fork(graph, "c2", {"n": 3}, as_node="count", thread_id=thread)
        went = lgviz.run(graph, forked)
        assert (went.values["n"], went.checkpoint.metadata["assistant_id"]) == (23, by_ten)
    (default,) = sdk.assistants.search(graph_id="counter", metadata={"created_by": "system"})
    forked = lgviz.fork(counter, "c2", {"n": 3}, as_node="count", thread_id=thread)
    went = lgviz.run(RemoteGraph(default["assistant_id"], sync_client=sdk), forked)
    assert went.checkpoint.metadata["assistant_id"] == default["assistant_id"]


def test_an_assistant_is_chosen_for_a_new_thread(
    backend: Backend, sdk: SyncLangGraphClient, by_ten: str
) -> None:
    form = backend.request("start_form", turn=False, thread_id=None, graph="tens (counter)")
    assert form["graphs"] == ["agent", "counter", "fan", "nested", "tens (counter)"]
    assert (form["graph"], {field["name"] for field in form["input"]["fields"]}) == (
        "tens (counter)",
        {"n", "until"},
    )
    asked = {
        "checkpoint": None,
        "graph": "tens (counter)",
        "thread_id": form["thread_id"],
        "message": None,
        "input": '{"until": 2}',
        "context": None,
        "configurable": None,
    }
    assert (
        f"RemoteGraph('{by_ten}'"
        in backend.request("code_get", act="start", checkpoint="", start=asked)["code"]
    )
    assert backend.request("thread_start", **asked)["status"] == "done"
    assert sdk.threads.get_state(form["thread_id"])["values"] == {"n": 10, "until": 2}
    backend.request("thread_open", thread_id=form["thread_id"])
    assert backend.request("start_form", turn=False, thread_id=None)["graph"] == "tens (counter)"
    turn = {**asked, "checkpoint": backend.history.latest.id, "input": '{"until": 25}'}
    del turn["graph"]
    assert backend.request("thread_start", **turn)["status"] == "done"
    assert sdk.threads.get_state(form["thread_id"])["values"] == {"n": 30, "until": 25}


def test_a_server_without_threads_begins_with_its_first_graph(langgraph_server: str) -> None:
    with closing(Backend(langgraph_server)) as opened:
        assert opened.request("start_form", turn=False, thread_id=None)["graph"] == "agent"


def test_a_server_by_its_url_runs_what_the_thread_was_made_by(langgraph_server: str, waiting: str) -> None:
    """What the debugger's copied code says."""
    forked = lgviz.fork(langgraph_server, "c2", {"mood": "grey"}, as_node="plan", thread_id=waiting)
    assert forked.config["configurable"]["thread_id"] == waiting
    with pytest.raises(ActRefused, match="several graphs: 'agent', 'counter'"):
        lgviz.start(langgraph_server, SAID)


def test_a_coding_agent_reads_a_server_unless_it_may_write(langgraph_server: str, waiting: str) -> None:
    with ExitStack() as held:
        reads, writes = (backend_of(held, langgraph_server, write=write) for write in (False, True))
        for backend, allowed in ((reads, False), (writes, True)):
            opened = backend.request("thread_open", thread_id=waiting)
            assert (opened["read_only"] is None) is allowed
            backend.close()
        with pytest.raises(ReadOnly):
            reads.request("fork_form", checkpoint=reads.history.latest.id)
