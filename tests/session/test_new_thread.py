"""A fork into a thread of its own: on every saver, and what both threads say of it."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

import lgviz
from lgviz import persistence, session
from lgviz.demos import approval, subgraph, two_nodes
from lgviz.errors import ActRefused, NodeRefused, ThreadExists, ThreadNotFound
from lgviz.session import acts, open_sandbox
from lgviz.session.new_thread import NewThread
from tests.support.delta_threads import agent, drive
from tests.support.savers import SAVERS


@pytest.fixture(params=SAVERS)
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return SAVERS[request.param](tmp_path / "threads.db")


def shape(history: lgviz.History) -> list[Any]:
    """Labels of all checkpoints, what they hold, what comes next."""
    return [(c.label, c.values, c.next, c.nodes, [i.values for i in c.inner]) for c in history]


def test_the_branch_is_a_thread_of_its_own(saver: Any) -> None:
    graph = two_nodes.build(saver)
    two_nodes.seed(graph, thread_id="a")
    old = lgviz.history(graph, "a")
    before = shape(old)
    made = lgviz.fork(graph, "c2", {"foo": "new"}, as_node="node_a", new_thread="b", thread_id="a")
    assert (made.label, made.values, made.next) == ("c3", {"foo": "new", "bar": ["a"]}, ("node_b",))
    new = made.history
    assert new.thread_id == "b" and shape(new)[:3] == before[:3]
    assert (new.lineage.origin.thread_id, new.lineage.origin.checkpoint_id) == ("a", old["c2"].id)
    run = lgviz.run(graph, made)
    assert (run.status, run.values) == ("done", {"foo": "b", "bar": ["a", "b"]})
    old.refresh()
    assert shape(old) == before and old.latest.label == "c5" and old.lineage.origin is None
    if isinstance(saver, persistence.MemorySaver | persistence.SqliteSaver):
        assert [(fork.thread_id, fork.checkpoint_id) for fork in old.lineage.forks] == [("b", old["c2"].id)]
    assert sorted(old.threads) == ["a", "b"]


def test_its_history_is_opened_when_it_is_asked_for(saver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening the history of a long thread takes seconds, a fork in lgviz's tables some milliseconds."""
    opened: list[str] = []
    monkeypatch.setattr(
        acts,
        "open_history",
        lambda *args, **more: opened.append(more["thread_id"]) or lgviz.history(*args, **more),
    )
    graph = two_nodes.build(saver)
    two_nodes.seed(graph, thread_id="a")
    old = lgviz.history(graph, "a")
    inside = lgviz.fork(graph, old["c2"], {"foo": "new"}, as_node="node_a")
    made = lgviz.fork(graph, old["c2"], {"foo": "new"}, as_node="node_a", new_thread="b")
    again = lgviz.history(graph, "b").latest
    assert (made.id, made.namespace, made.config) == (again.id, again.namespace, again.config)
    assert made == again and hash(made) == hash(again) and made != inside
    assert graph.get_state(made.config).values == lgviz.preview(graph, made, None).values
    assert lgviz.history(graph, "b")[made] == made and made in lgviz.history(graph, "b")
    assert not hasattr(made, "no_such_attribute") and opened == []
    assert repr(made) == "<Checkpoint c3 node_a, step 2>" and repr(inside) == "<Checkpoint c6 node_a, step 2>"
    assert made.parent == again.parent and made.history is made.history and opened == ["b", "a"]
    late = lgviz.fork(graph, old["c2"], {"foo": "new"}, as_node="node_a", new_thread="gone")
    saver.delete_thread("gone")
    with pytest.raises(ThreadNotFound, match="There is no thread 'gone'"):
        _ = late.values


def test_what_is_refused_leaves_no_thread(saver: Any) -> None:
    graph = two_nodes.build(saver)
    two_nodes.seed(graph, thread_id="a")
    with pytest.raises(ThreadExists, match="Thread 'a' has checkpoints already"):
        lgviz.fork(graph, "c2", None, as_node="node_a", new_thread="a", thread_id="a")
    with pytest.raises(NodeRefused, match="no node 'nobody'"):
        lgviz.fork(graph, "c2", {"foo": "new"}, as_node="nobody", new_thread="b", thread_id="a")
    sandboxed = open_sandbox(graph, "c2", thread_id="a").graph
    with pytest.raises(ActRefused, match="A sandbox holds one thread"):
        lgviz.fork(sandboxed, "c2", {"foo": "new"}, "node_a", new_thread="b", thread_id="a")
    assert lgviz.history(graph, "a").threads == ["a"]


@pytest.mark.parametrize("demo", [subgraph, approval])
def test_subgraphs_and_questions_come_along(saver: Any, demo: Any) -> None:
    graph = demo.build(saver)
    demo.seed(graph, thread_id="a")
    old = lgviz.history(graph, "a")
    asked = [c for c in old if c.interrupts] or [old["c3"]]
    made = lgviz.fork(graph, asked[0], None, as_node=asked[0].nodes[0], new_thread="b")
    path = old.path(asked[0])
    assert [(c.id, c.values, c.interrupts) for c in made.history.path(made.parent)] == [
        (c.id, c.values, c.interrupts) for c in path
    ]
    assert [[i.id for i in c.inner] for c in made.history.path(made.parent)] == [
        [i.id for i in c.inner] for c in path
    ]
    inner = next((i for c in old for i in c.inner if i.next), None)
    if inner is not None:  # at a checkpoint of a subgraph
        made = lgviz.fork(graph, inner, None, as_node=inner.next[0], new_thread="c")
        assert made.namespace == inner.namespace and made.history.thread_id == "c"
        assert made.parent.values == inner.values


def test_delta_channels_have_their_values(saver: Any) -> None:
    graph = agent(saver)
    drive(graph, 3, "a")
    old = lgviz.history(graph, "a")
    for number, at in enumerate([old.heads[0], old[len(old) // 2]]):
        made = lgviz.fork(graph, at, {"plain": "x"}, as_node="close", new_thread=f"b{number}")
        found = [c.values for c in made.history.path(made.parent)]
        assert found == [c.values for c in old.path(at)]


class Edits(TypedDict):
    edits: Annotated[list[str], DeltaChannel(lambda held, given: [*(held or []), *itertools.chain(*given)])]
    plain: str


def test_what_is_given_to_a_delta_channel_is_that_branchs_alone(saver: Any) -> None:
    """Threads left one checkpoint one after the other, each with an edit of its own."""
    builder: Any = StateGraph(Edits)
    builder.add_node("a", lambda _: {"edits": ["a"]})
    builder.add_node("b", lambda _: {"plain": "b"})
    builder.add_node("c", lambda _: {"edits": ["c"]})
    graph = builder.add_edge(START, "a").add_edge("a", "b").add_edge("b", "c").compile(checkpointer=saver)
    graph.invoke({"plain": ""}, {"configurable": {"thread_id": "t0"}})

    def held(thread_id: str) -> list[Any]:
        told = graph.get_state({"configurable": {"thread_id": thread_id}}).values["edits"]
        return [told, lgviz.history(graph, thread_id).latest.values["edits"]]

    expected = {"t0": ["a", "c"]}
    for number, node in enumerate(["b", "b", "a", "b"], 1):
        left, new = f"t{number - 1}", f"t{number}"
        lgviz.fork(graph, "c2", {"edits": [new]}, as_node=node, thread_id=left, new_thread=new)
        expected[new] = ["a", new]
    assert {thread: held(thread) for thread in expected} == {t: [e, e] for t, e in expected.items()}
    for thread in ("t1", "t3", "t0"):
        saver.delete_thread(thread)
        del expected[thread]
        assert {thread: held(thread) for thread in expected} == {t: [e, e] for t, e in expected.items()}
    assert lgviz.run(graph, lgviz.history(graph, "t4").latest).values["edits"] == ["a", "t4", "c"]


def test_awaited(tmp_path: Path) -> None:
    async def work() -> list[Any]:
        async with persistence.AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
            graph = two_nodes.build(saver)
            await graph.ainvoke({"foo": "", "bar": []}, {"configurable": {"thread_id": "a"}})
            made = await lgviz.afork(
                graph, "c1", {"foo": "x"}, as_node="__start__", new_thread="b", thread_id="a"
            )
            with pytest.raises(ThreadExists):
                await lgviz.afork(graph, "c1", None, as_node="__start__", new_thread="b", thread_id="a")
            return [made.label, made.history.thread_id, len(made.history), await saver.athreads()]

    label, thread, count, threads = asyncio.run(work())
    assert (label, thread, count, [(name, many) for name, many, _ in threads]) == (
        "c2", "b", 3, [("b", 3), ("a", 4)],
    )  # fmt: skip


@pytest.mark.parametrize("words", [2, 4])
def test_a_copy_that_is_stopped_leaves_nothing(words: int) -> None:
    """In the middle, and after all was copied, when the update is made already."""
    graph = two_nodes.build(InMemorySaver())
    two_nodes.seed(graph, thread_id="a")
    told: list[tuple[int, int]] = []

    def show(done: int, total: int) -> None:
        told.append((done, total))
        if len(told) == words:
            raise KeyboardInterrupt

    edit = session.Edit({"foo": "new"}, "node_a")
    with pytest.raises(KeyboardInterrupt):
        session.forked(graph, "c2", edit, thread_id="a", new=NewThread("b", show))
    assert told == [(1, 3), (2, 3), (3, 3), (3, 3)][:words]
    assert lgviz.history(graph, "a").threads == ["a"]
