"""Runs whose tasks history answers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

import lgviz.session as session
from lgviz.analysis.history import open_history
from lgviz.analysis.tree import Flag
from lgviz.demos import agent, approval, fan_out, subgraph
from lgviz.errors import InvalidValue, NodeRefused, ThreadNotFound
from tests.support.graphs import CONFIG, chain, noting


def counting(calls: Counter[str], *names: str) -> list[tuple[str, Any]]:
    def node(name: str) -> Any:
        said = noting(name)

        def run(state: Any) -> Any:
            calls[name] += 1
            return said(state)

        return run

    return [(name, node(name)) for name in names]


@pytest.mark.parametrize("demo", [subgraph, agent])
def test_a_run_from_any_checkpoint_runs_nothing_that_ran_before(demo: Any, each_saver: Any) -> None:
    graph = demo.build(each_saver)
    demo.seed(graph)
    history = open_history(graph)
    for checkpoint in [c for c in history if c.next and c.children and c.children[0].source == "loop"]:
        run = session.run(graph, checkpoint, sandbox=True, reuse=True)
        assert not run.ran, checkpoint
        assert run.served
        run.discard()


@pytest.mark.parametrize(("demo", "start", "left"), [(fan_out, "c0", "traffic"), (approval, "c8", "review")])
def test_what_never_came_to_its_end_runs(demo: Any, start: str, left: str, each_saver: Any) -> None:
    graph = demo.build(each_saver)
    demo.seed(graph, thread_id="1")
    run = session.run(graph, start, thread_id="1", sandbox=True, reuse=True)
    assert (run.ran, run.status in ("failed", "interrupted")) == (Counter([left]), True)


def test_a_fork_costs_only_what_it_changes() -> None:
    calls: Counter[str] = Counter()
    graph = chain(counting(calls, "a", "b", "c"), InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    calls.clear()
    again = session.run(graph, "c1", thread_id="1", reuse=True)
    assert (again.status, again.served, again.ran, calls) == ("done", Counter("abc"), Counter(), Counter())
    assert again.values["log"] == ["a", "b", "c"]
    fork = session.fork(graph, "c2", {"log": ["other"]}, as_node="a", thread_id="1")
    run = session.run(graph, fork, reuse=True)
    assert (run.served, run.ran, calls) == (Counter(), Counter("bc"), Counter("bc"))
    plain = session.run(graph, fork)
    assert (plain.served, plain.ran) == (Counter(), Counter("bc"))


def test_what_was_served_is_remembered(each_saver: Any) -> None:
    graph = agent.build(each_saver)
    agent.seed(graph, thread_id="1")
    run = session.run(graph, "c1", thread_id="1", reuse={"live": "tools"})
    assert run.served and run.ran
    for made in run.checkpoints:
        if made.source == "loop":
            (task,) = made.parent.tasks
            assert made.metadata.get("lgviz_served", []) == ([] if task.name == "tools" else [task.id])
            assert (Flag.SERVED in made.flags) == (task.name != "tools")


def test_live_nodes_run_and_what_depends_on_them() -> None:
    calls: Counter[str] = Counter()
    graph = chain(counting(calls, "a", "b", "c"), InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    calls.clear()
    run = session.run(graph, "c1", thread_id="1", reuse={"live": "b"})
    assert (run.served, run.ran, calls) == (Counter("ac"), Counter("b"), Counter("b"))


def test_effects_are_refused_where_they_would_run() -> None:
    calls: Counter[str] = Counter()
    graph = chain(counting(calls, "a", "b", "c"), InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    fork = session.fork(graph, "c2", {"log": ["other"]}, as_node="a", thread_id="1")
    calls.clear()
    run = session.run(graph, fork, reuse={"effects": ["c"]})
    assert (run.status, calls) == ("failed", Counter("b"))
    assert run.error is not None
    assert "Node 'c' has effects and would run: it was not asked this before (log" in run.error.message


def test_other_threads_answer_too() -> None:
    calls: Counter[str] = Counter()
    graph = chain(counting(calls, "a", "b"), InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    graph.invoke({"log": []}, {"configurable": {"thread_id": "2"}}, interrupt_before=["a"])
    calls.clear()
    run = session.run(graph, "c1", thread_id="2", reuse={"from_": ["1"]})
    assert (run.served, calls) == (Counter("ab"), Counter())


def test_another_config_is_another_question() -> None:
    calls: Counter[str] = Counter()
    graph = chain(counting(calls, "a", "b"), InMemorySaver())
    graph.invoke({"log": []}, {"configurable": {"thread_id": "1", "user": "ana"}})
    calls.clear()
    same = session.run(graph, "c1", thread_id="1", reuse=True)
    assert (same.ran, calls) == (Counter(), Counter())
    other = session.run(graph, "c1", thread_id="1", reuse=True, config={"configurable": {"user": "ben"}})
    assert (other.ran, calls) == (Counter("ab"), Counter("ab"))


async def test_an_awaited_run_is_answered_too() -> None:
    calls: Counter[str] = Counter()
    graph = chain(counting(calls, "a", "b"), InMemorySaver())
    await graph.ainvoke({"log": []}, CONFIG)
    calls.clear()
    run = await session.arun(graph, "c1", thread_id="1", reuse=True)
    assert (run.status, run.served, calls) == ("done", Counter("ab"), Counter())


@pytest.mark.parametrize(
    ("reuse", "error", "told"),
    [
        ("a", InvalidValue, "reuse is 'a'."),
        ({"lives": ["a"]}, InvalidValue, "reuse has no 'lives'"),
        ({"live": ["x"]}, NodeRefused, "The graph has no node 'x' to be live. Choose 'a'."),
        ({"effects": "x"}, NodeRefused, "The graph has no node 'x' to have effects."),
        ({"within": "2 s"}, InvalidValue, "reuse's 'within' is '2 s'."),
        ({"from_": "9"}, ThreadNotFound, "There is no thread '9'"),
    ],
)
def test_what_cannot_be_is_said_before_anything_runs(reuse: Any, error: Any, told: str) -> None:
    calls: Counter[str] = Counter()
    graph = chain(counting(calls, "a"), InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    calls.clear()
    with pytest.raises(error, match=told):
        session.run(graph, "c1", thread_id="1", reuse=reuse)
    assert not calls


def stored(saver: Any) -> list[str]:
    return [saved.checkpoint["id"] for saved in saver.list(None)]


@pytest.mark.parametrize("demo", [subgraph, agent, fan_out, approval])
def test_a_dry_run_says_what_the_run_does_and_does_nothing(demo: Any, each_saver: Any) -> None:
    graph = demo.build(each_saver)
    demo.seed(graph, thread_id="1")
    before = stored(each_saver)
    for checkpoint in [c for c in open_history(graph, thread_id="1") if c.next]:
        told = session.dry_run(graph, checkpoint)
        run = session.run(graph, checkpoint, sandbox=True, reuse=True)
        if told.ends:
            assert (told.served, told.runs, run.ran) == (run.served, Counter(), Counter()), checkpoint
        else:
            assert told.runs and told.reason and told.runs <= run.ran, checkpoint
            assert told.served <= run.served, checkpoint
        run.discard()
    assert stored(each_saver) == before


def test_a_dry_run_of_a_fork_looks_past_what_it_does_not_touch() -> None:
    calls: Counter[str] = Counter()
    graph = chain(counting(calls, "a", "b", "c"), saver := InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    before, done = stored(saver), Counter(calls)
    unchanged = session.dry_run(graph, "c1", session.Edit({"log": []}, as_node="__start__"), thread_id="1")
    changed = session.dry_run(graph, "c2", session.Edit({"log": ["x"]}, as_node="a"), thread_id="1")
    assert (unchanged.served, unchanged.runs, unchanged.ends) == (Counter("abc"), Counter(), True)
    assert (changed.served, changed.runs, changed.ends) == (Counter(), Counter("b"), False)
    assert changed.reason == "it was not asked this before"
    ahead = session.dry_run(graph, "c1", steps=2, thread_id="1")
    assert (ahead.served, ahead.runs, ahead.ends) == (Counter("ab"), Counter(), False)
    effects = session.dry_run(graph, "c1", reuse={"live": "a", "effects": ["b"]}, thread_id="1")
    assert (effects.runs, effects.reason) == (Counter("a"), "it is live")
    assert (stored(saver), calls) == (before, done)


def test_history_is_looked_through_for_as_long_as_is_wanted() -> None:
    calls: Counter[str] = Counter()
    graph = chain(counting(calls, "a", "b", "c"), InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    graph.invoke({"log": []}, {"configurable": {"thread_id": "2"}})
    calls.clear()
    near = session.run(graph, "c1", thread_id="1", reuse={"within": 0})
    assert (near.served, near.ran) == (Counter("abc"), Counter())
    # Of another input nothing is near: the first row that is looked at is the only one.
    asked = session.dry_run(graph, "c5", reuse={"within": 0}, thread_id="1")
    assert asked.served == Counter("abc")
    other = session.Edit({"log": ["x"]}, as_node="__start__")
    left = session.dry_run(graph, "c1", other, reuse={"within": 0, "from_": ["2"]}, thread_id="1")
    assert left.reason == "no answer was found within 0 s"
