"""Where a run stops: steps, breakpoints, a predicate; and what cancels it."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task

import lgviz.session as session
from lgviz.analysis.history import open_history
from lgviz.errors import ActRefused, InvalidValue, NodeRefused
from tests.support.graphs import CONFIG, Log, before, chain, noting, parallel
from tests.support.waiting import until

SECOND: Any = {"configurable": {"thread_id": "2"}}


def line(saver: Any, **compiled: Any) -> Any:
    graph = chain([(name, noting(name)) for name in "abcd"], saver, **compiled)
    graph.invoke({"log": []}, CONFIG)
    return graph


@pytest.mark.parametrize("label", ["c0", "c1", "c2", "c4"])
def test_a_step_is_langgraphs_super_step(label: str, each_saver: Any) -> None:
    graph = line(each_saver)
    at = open_history(graph, "1")[label]
    graph.invoke(None, at.config, interrupt_after="*")
    oracle = graph.get_state(CONFIG)
    run = session.run(graph, at, steps=1)
    assert (run.values, run.checkpoint.next) == (oracle.values, oracle.next)
    assert run.status == ("stopped" if oracle.next else "done")
    assert run.warnings == []


def test_several_steps_and_on_from_there() -> None:
    graph = line(InMemorySaver())
    run = session.run(graph, before(graph, "a"), steps=2)
    assert (run.status, run.values["log"], run.checkpoint.next) == ("stopped", ["a", "b"], ("c",))
    run = session.run(graph, run.checkpoint, steps=1, only="unfinished")
    assert (run.values["log"], [c.source for c in run.checkpoints]) == (["a", "b", "c"], ["loop"])
    assert session.run(graph, run.checkpoint, steps=5, only="unfinished").status == "done"
    wrong: Any
    for wrong in (0, -1, "2", True, 1.5):
        with pytest.raises(InvalidValue, match="whole number from 1"):
            session.run(graph, before(graph, "a"), steps=wrong)


def test_a_step_with_an_input_is_the_first_of_its_nodes() -> None:
    graph = line(InMemorySaver())
    run = session.run(graph, open_history(graph, "1").latest, {"log": ["more"]}, steps=1)
    assert (run.status, run.values["log"][-2:], run.checkpoint.next) == ("stopped", ["more", "a"], ("b",))


def nested(saver: Any, stateful: bool = False) -> tuple[Any, list[str]]:
    calls: list[str] = []
    sub = chain([(name, noting(name, calls)) for name in "abc"], True if stateful else None)
    graph = chain([("pre", noting("pre", calls)), ("sub", sub), ("post", noting("post", calls))], saver)
    graph.invoke({"log": []}, CONFIG)
    calls.clear()
    return graph, calls


@pytest.mark.parametrize("stateful", [False, True])
def test_steps_inside_a_subgraph_are_its_own(stateful: bool) -> None:
    graph, calls = nested(InMemorySaver(), stateful)
    inner = next(c for c in before(graph, "sub").inner if c.next == ("b",))
    run = session.run(graph, inner, steps=1)
    assert (run.status, calls) == ("stopped", ["b"])
    at = open_history(graph, "1")[run.checkpoint.id].inner[-1]
    assert at.next == ("c",)
    for expected in (["c"], ["post"]):
        calls.clear()
        run = session.run(graph, at, steps=1, only="unfinished")
        assert (calls, run.status) == (expected, "stopped" if expected == ["c"] else "done")
        at = run.checkpoint
    calls.clear()
    assert session.run(graph, before(graph, "sub"), steps=1).checkpoint.next == ("post",)
    assert calls == ["a", "b", "c"]


def test_breakpoints_before_and_after(each_saver: Any) -> None:
    graph = line(each_saver)
    at = before(graph, "a")
    run = session.run(graph, at, before=["c"])
    assert (run.status, run.before, run.after, run.passed) == ("interrupted", ("c",), (), ())
    assert (run.values["log"], run.warnings) == (["a", "b"], [])
    run = session.run(graph, at, after="b")
    assert (run.status, run.before, run.after, run.values["log"]) == ("interrupted", (), ("b",), ["a", "b"])
    run = session.run(graph, run.checkpoint, before=["c", "d"], only="unfinished")
    assert (run.status, run.before, run.passed) == ("interrupted", ("d",), ("c",))
    assert run.warnings == ["It stood before 'c': the breakpoint there was passed."]
    run = session.run(graph, run.checkpoint, before=["d"])
    assert (run.status, run.passed, run.before) == ("done", ("d",), ())
    every = session.run(graph, at, before="*")
    assert (every.values["log"], every.before, every.passed) == (["a"], ("b",), ("a",))


def test_the_graphs_own_breakpoints_stay() -> None:
    graph = line(InMemorySaver(), interrupt_before=["b"], interrupt_after=["c"])
    run = session.run(graph, before(graph, "a"), before=["d"])
    assert (run.status, run.before) == ("interrupted", ("b",))
    run = session.run(graph, run.checkpoint, before=["d"])
    assert (run.before, run.after) == (("d",), ("c",))


@pytest.mark.parametrize("stateful", [False, True])
def test_breakpoints_inside_a_subgraph(stateful: bool) -> None:
    graph, calls = nested(InMemorySaver(), stateful)
    at = before(graph, "pre")
    run = session.run(graph, at, before=["b"])
    assert (run.status, run.before, run.error, calls) == ("interrupted", ("b",), None, ["pre", "a"])
    assert run.checkpoint.next == ("sub",)
    inner = run.checkpoint.inner[-1]
    assert inner.next == ("b",)
    # from the root as from the inside it goes past the breakpoint it stands before
    calls.clear()
    run = session.run(graph, inner, before=["b"], after=["sub|b"], only="unfinished")
    assert (run.status, run.passed, run.after, calls) == ("interrupted", ("b",), ("b",), ["b"])
    calls.clear()
    run = session.run(graph, run.checkpoint, before=["b"], only="unfinished")
    assert (run.status, calls) == ("done", ["c", "post"])
    calls.clear()
    first = session.run(graph, at, before=["a"])
    assert (first.before, calls) == (("a",), ["pre"])


def test_a_node_of_the_root_alone() -> None:
    sub = chain([("a", noting("a"))])
    graph = chain([("pre", noting("pre")), ("sub", sub), ("a", noting("a"))], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    at = before(graph, "pre")
    assert [session.run(graph, at, before=[name]).checkpoint.next for name in ("a", "|a", "sub|a")] == [
        ("sub",), ("a",), ("sub",)
    ]  # fmt: skip
    with pytest.raises(NodeRefused, match=r"no node '\|inner' to stop before"):
        session.run(graph, at, before=["|inner"])


def test_until_stops_before_a_node_of_a_subgraph_too() -> None:
    graph, calls = nested(InMemorySaver())
    run = session.run(graph, before(graph, "pre"), until="c")
    assert (run.status, calls, run.before) == ("stopped", ["pre", "a", "b"], ())


def test_a_predicate_that_raises_stops_the_run_and_says_so() -> None:
    graph = line(InMemorySaver())
    run = session.run(graph, before(graph, "a"), until=lambda c: c.values["value"] > 3)
    assert (run.status, run.values["log"], run.error) == ("stopped", ["a"], None)
    assert run.warnings == [
        f"until= raised KeyError: 'value' at {run.checkpoint.label}; the run stopped there."
    ]


def test_breakpoints_must_name_nodes(saver: Any, dump: Callable[[], list[str]]) -> None:
    graph = line(saver)
    untouched = dump()
    for given in ({"before": ["nowhere"]}, {"after": "nowhere"}, {"before": ["sub|a"]}):
        with pytest.raises(NodeRefused, match=r"no node '.*' to stop"):
            session.run(graph, before(graph, "a"), **given)  # type: ignore[arg-type]
    assert dump() == untouched


# ---------------------------------------------------------------- cancelling


async def stored(saver: Any, channel: str) -> None:
    """Wait until a task of the thread's latest step has written to a channel."""
    while channel not in [w[1] for w in saver.get_tuple(CONFIG).pending_writes or ()]:  # noqa: ASYNC110
        await asyncio.sleep(0)


class Slow:
    """Asynchronous nodes of which ``slow`` waits until it is let go, in its first turn only."""

    def __init__(self, saver: Any) -> None:
        self.saver = saver
        self.calls: list[str] = []
        self.done = asyncio.Event()
        self.entered = threading.Event()
        self.waiting = asyncio.Event()
        self.waits = True

    async def quick(self, state: Log) -> dict[str, Any]:
        self.calls.append("quick")
        self.done.set()
        return {"log": ["quick"]}

    async def slow(self, state: Log) -> dict[str, Any]:
        self.calls.append("slow")
        if self.waits:
            await self.done.wait()
            await stored(self.saver, "log")
            self.entered.set()
            self.waiting.set()
            await asyncio.Event().wait()
        return {"log": ["slow"]}


def test_stop_now_cancels_and_resume_runs_what_was_cancelled(each_saver: Any) -> None:
    slow = Slow(each_saver)
    graph = parallel(each_saver, ("quick", slow.quick), ("slow", slow.slow))
    at = session.run(graph.builder.compile(checkpointer=each_saver), *begun(graph), steps=1).checkpoint
    runner = session.start_run(graph, at, only="unfinished")
    assert slow.entered.wait(20)
    assert runner.cannot_cancel is None
    runner.stop_now()
    run = runner.result(20)
    assert (run.status, run.error, run.warnings) == ("stopped", None, [])
    head = open_history(graph, "1")[run.checkpoint.id]
    assert (head.error, head.history.status) == (None, "paused")
    assert sorted(t.name for t in head.tasks if t.result is not None) == ["quick"]
    slow.waits = False
    slow.calls.clear()
    run = session.run(graph, head, only="unfinished")
    assert (run.status, slow.calls) == ("done", ["slow"])
    assert run.values["log"] == ["before", "quick", "slow", "after"]


def begun(graph: Any) -> tuple[Any]:
    """A config at which an input was taken in, without running a node."""
    graph.update_state(CONFIG, {"log": []}, "__start__")
    return (graph.get_state(CONFIG).config,)


def test_a_synchronous_node_goes_on_and_that_is_said() -> None:
    entered, leave, left = threading.Event(), threading.Event(), threading.Event()

    def held(state: Log) -> dict[str, Any]:
        entered.set()
        assert leave.wait(20)
        left.set()
        return {"log": ["held"]}

    async def other(state: Log) -> dict[str, Any]:
        return {"log": ["other"]}

    graph = chain([("held", held), ("other", other)], InMemorySaver())
    runner = session.start_run(graph, *begun(graph))
    assert entered.wait(20)
    runner.stop_now()
    run = runner.result(20)
    assert (run.status, run.checkpoint.error) == ("stopped", None)
    assert run.warnings == [
        "'held' is synchronous and still at work: its effects may happen, its result is lost."
    ]
    leave.set()
    assert left.wait(20)
    assert open_history(graph, "1").latest.values["log"] == []


def test_synchronous_graphs_cannot_be_cancelled() -> None:
    graph = line(InMemorySaver())
    runner = session.start_run(graph, before(graph, "a"))
    with pytest.raises(ActRefused, match="synchronous: a thread cannot be killed"):
        runner.stop_now()
    assert runner.result(20).status == "done"


def test_a_cancelled_task_of_langgraphs_own_run_did_not_fail(each_saver: Any) -> None:
    """LangGraph stores ``CancelledError()`` as the error of each task that it cancels."""
    slow = Slow(InMemorySaver())
    graph = parallel(slow.saver, ("quick", slow.quick), ("slow", slow.slow))

    async def cancelled() -> None:
        running = asyncio.ensure_future(graph.ainvoke({"log": []}, CONFIG))
        await slow.waiting.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancelled())
    head = open_history(graph, "1").latest
    assert "CancelledError()" in [t.error for t in head.tasks]  # as LangGraph tells it
    assert (head.error, dict(head.errors), head.history.status) == (None, {}, "paused")
    slow.waits = False
    slow.calls.clear()
    assert session.run(graph, head, only="unfinished").status == "done"
    assert slow.calls == ["slow"]


def test_a_task_that_finished_as_it_was_cancelled_did_not_fail(each_saver: Any) -> None:
    """What it wrote is stored beside ``CancelledError()``, and it does not run again."""
    graph = chain([("a", noting("a")), ("b", noting("b"))], each_saver, interrupt_before=["b"])
    graph.invoke({"log": []}, CONFIG)
    (task,) = graph.get_state(CONFIG).tasks
    config = graph.get_state(CONFIG).config
    each_saver.put_writes(config, [("__error__", asyncio.CancelledError())], task.id)
    each_saver.put_writes(config, [("log", ["kept"])], task.id)
    head = open_history(graph, "1").latest
    assert (head.error, dict(head.errors), head.history.status) == (None, {}, "paused")
    assert session.run(graph, head, only="unfinished").values["log"] == ["a", "kept"]


async def test_an_awaited_run_that_is_cancelled_lets_go_of_its_head() -> None:
    slow = Slow(InMemorySaver())
    graph = parallel(slow.saver, ("quick", slow.quick), ("slow", slow.slow))
    at = (await session.arun(graph, *begun(graph), steps=1)).checkpoint
    running = asyncio.ensure_future(session.arun(graph, at, only="unfinished"))
    await slow.waiting.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    slow.waits = False
    slow.calls.clear()
    run = await session.arun(graph, at, only="unfinished")
    assert (run.status, slow.calls) == ("done", ["slow"])


def test_an_interrupt_from_the_keyboard_leaves_what_can_be_resumed(each_saver: Any) -> None:
    calls: list[str] = []

    def pressed(state: Log) -> dict[str, Any]:
        calls.append("pressed")
        if len(calls) == 1:
            raise KeyboardInterrupt
        return {"log": ["pressed"]}

    graph = chain([("a", noting("a", None)), ("pressed", pressed), ("b", noting("b"))], each_saver)
    with pytest.raises(KeyboardInterrupt):
        session.run(graph, *begun(graph))
    head = open_history(graph, "1").latest
    assert (head.next, head.error, head.history.status) == (("pressed",), None, "paused")
    assert session.run(graph, head, only="unfinished").values["log"] == ["a", "pressed", "b"]


@pytest.mark.parametrize("begins", ["start", "all", "unfinished"])
def test_an_interrupt_while_a_synchronous_node_is_at_work(begins: str, each_saver: Any) -> None:
    """It is resumed at once; what the node that was at work still does is lost."""
    calls, leave, left = list[str](), threading.Event(), threading.Event()

    def slow(state: Log) -> dict[str, Any]:
        calls.append("slow")
        if len(calls) > 1:
            return {"log": ["slow again"]}
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        assert leave.wait(20)
        left.set()
        return {"log": ["slow"]}

    graph = parallel(each_saver, ("quick", noting("quick")), ("slow", slow))
    act: Callable[[], Any] = lambda: session.start(graph, {"log": []}, "1")  # noqa: E731
    if begins != "start":
        act = partial(session.run, graph, *begun(graph), only=begins)
    with pytest.raises(KeyboardInterrupt):
        act()
    at = open_history(graph, "1").latest
    assert (sorted(at.next), at.error) == (["quick", "slow"], None)
    run = session.run(graph, at, only="unfinished")
    assert (run.status, run.values["log"]) == ("done", ["before", "quick", "slow again", "after"])
    assert run.warnings[-1] == (
        "'slow' is synchronous and still at work: its effects may happen, its result is lost."
    )
    leave.set()
    assert left.wait(20)
    until(lambda: "lgviz-run" not in {thread.name for thread in threading.enumerate()})
    history = open_history(graph, "1")
    assert ([c.label for c in history[at.id].children], len(history.heads)) == ([run.checkpoints[0].label], 1)
    assert history.latest.values["log"] == ["before", "quick", "slow again", "after"]


def test_a_functional_graph_is_cancelled_and_resumed() -> None:
    calls: list[str] = []
    entered = threading.Event()

    @task
    async def step(name: str) -> str:
        calls.append(name)
        if name == "second" and calls.count("second") == 1:
            await stored(saver, "__return__")
            entered.set()
            await asyncio.Event().wait()
        return name

    saver = InMemorySaver()

    @entrypoint(checkpointer=saver)
    async def work(given: Any) -> list[str]:
        return [await step("first"), await step("second")]

    async def start() -> None:
        async for _ in work.astream(1, CONFIG, interrupt_before="*"):
            pass

    asyncio.run(start())
    runner = session.start_run(work, open_history(work, "1").latest, only="unfinished")
    assert entered.wait(20)
    runner.stop_now()
    run = runner.result(20)
    assert (run.status, run.error) == ("stopped", None)
    run = session.run(work, run.checkpoint, only="unfinished")
    assert (run.status, run.values, calls) == ("done", ["first", "second"], ["first", "second", "second"])
