"""``run(only="unfinished")``: what has not finished runs, in place, and nothing twice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import Send

import lgviz.session as session
from lgviz.analysis.history import open_history
from lgviz.errors import ActRefused, NothingToRun
from tests.support.graphs import CONFIG, Log, asking, chain, ids, noting, parallel


class Trouble:
    """Nodes that fail while their name is in ``broken``; ``calls`` is what began."""

    def __init__(self, *broken: str) -> None:
        self.broken = set(broken)
        self.calls: list[str] = []

    def node(self, name: str) -> Callable[[Any], dict[str, Any]]:
        def node(state: Any) -> dict[str, Any]:
            self.calls.append(name)
            if name in self.broken:
                raise ConnectionError(name)
            return {"log": [name]}

        node.__name__ = name
        return node

    def mend(self) -> None:
        self.broken.clear()
        self.calls.clear()

    def fail(self, graph: Any) -> None:
        """Run it, tasks one after another: none is cancelled by one that fails before it."""
        with pytest.raises(ConnectionError):
            graph.invoke({"log": []}, {**CONFIG, "max_concurrency": 1})


def failed_twice(saver: Any) -> tuple[Trouble, Any, Any, Any]:
    """``before``, then ``x``, ``y`` and ``z``: ``z`` fails, on two branches."""
    trouble = Trouble("z")
    graph = parallel(saver, *((name, trouble.node(name)) for name in "xyz"))
    trouble.fail(graph)
    first = open_history(graph, "1").latest
    made = session.fork(graph, first.parent, {"log": ["forked"]}, "__start__")
    session.run(graph, made, config={"max_concurrency": 1})
    second = open_history(graph, "1").latest
    trouble.mend()
    return trouble, graph, first, second


def test_a_failed_step_is_finished_on_whichever_head(each_saver: Any) -> None:
    trouble, graph, first, second = failed_twice(each_saver)
    assert first.error == second.error == "ConnectionError('z')"
    known = ids(graph)
    for head in (first, second):  # not the thread's latest, and the latest
        trouble.calls.clear()
        run = session.run(graph, head, only="unfinished")
        assert (run.status, trouble.calls, run.warnings) == ("done", ["z"], [])
        assert run.values["log"] == [*head.values["log"], "x", "y", "z", "after"]
        assert [c.source for c in run.checkpoints] == ["loop", "loop"]  # in place: no copy was made
        assert run.checkpoints[0].parent == head
    assert len(ids(graph)) == len(known) + 4
    with pytest.raises(ActRefused, match="went on already: c") as refused:
        session.run(graph, first, only="unfinished")
    assert open_history(graph, "1")[first.id].children[0].label in refused.value.cause


def test_run_from_here_runs_all_of_the_step(each_saver: Any) -> None:
    trouble, graph, first, _ = failed_twice(each_saver)
    run = session.run(graph, first)
    assert (run.status, sorted(trouble.calls)) == ("done", ["x", "y", "z"])
    assert run.checkpoints[0].source == "fork"


def test_a_resume_that_fails_again_can_be_resumed_again(each_saver: Any) -> None:
    trouble = Trouble("y")
    graph = parallel(each_saver, *((name, trouble.node(name)) for name in "xy"))
    trouble.fail(graph)
    head = open_history(graph, "1").latest
    for _ in range(2):
        trouble.calls.clear()
        run = session.run(graph, head, only="unfinished")
        assert run.error is not None
        assert (run.status, run.error.node, trouble.calls) == ("failed", "y", ["y"])
        assert run.checkpoint == head
    trouble.mend()
    assert session.run(graph, head, only="unfinished").values["log"] == ["before", "x", "y", "after"]


def test_the_sends_of_a_fan_out_that_failed() -> None:
    class Fan(TypedDict, total=False):
        log: Annotated[list[str], lambda old, new: [*old, *new]]
        n: int

    trouble = Trouble("work3")

    def work(state: Any) -> dict[str, Any]:
        return trouble.node(f"work{state['n']}")(state)

    builder = StateGraph(Fan)
    builder.add_node("work", work)
    builder.add_conditional_edges(START, lambda state: [Send("work", {"n": n}) for n in range(4)], ["work"])
    graph = builder.compile(checkpointer=InMemorySaver())
    trouble.fail(graph)
    head = open_history(graph, "1").latest
    trouble.mend()
    run = session.run(graph, head, only="unfinished")
    assert (trouble.calls, run.values["log"]) == (["work3"], ["work0", "work1", "work2", "work3"])


def nested(trouble: Trouble, saver: Any, stateful: bool) -> Any:
    sub = chain([(name, trouble.node(name)) for name in "abc"], True if stateful else None)
    return chain([("pre", trouble.node("pre")), ("sub", sub), ("post", trouble.node("post"))], saver)


@pytest.mark.parametrize("stateful", [False, True])
def test_a_subgraph_goes_on_where_it_failed(stateful: bool, each_saver: Any) -> None:
    trouble = Trouble("b")
    graph = nested(trouble, each_saver, stateful)
    trouble.fail(graph)
    first = open_history(graph, "1").latest
    # another branch, whose subgraph goes further
    trouble.mend()
    trouble.broken.add("c")
    session.run(graph, first.parent)
    second = open_history(graph, "1").latest
    trouble.mend()
    assert session.run(graph, first, only="unfinished").status == "done"
    assert trouble.calls == ["b", "c", "post"]
    trouble.calls.clear()
    inner = open_history(graph, "1")[second.id].inner[-1]
    assert inner.next == ("c",)
    run = session.run(graph, inner, only="unfinished")  # from the inside just the same
    assert (run.status, trouble.calls) == ("done", ["c", "post"])
    with pytest.raises(ActRefused, match="went on already"):
        session.run(graph, inner, only="unfinished")


def test_an_older_branch_inside_a_subgraph_goes_on_there() -> None:
    trouble = Trouble("c")
    graph = nested(trouble, InMemorySaver(), False)
    trouble.fail(graph)
    root = open_history(graph, "1").latest
    failed = root.inner[-1]
    other = session.fork(graph, failed.parent, {"log": ["other"]}, "b")
    trouble.mend()
    run = session.run(graph, open_history(graph, "1")[failed.id], only="unfinished")
    assert (run.status, trouble.calls) == ("done", ["c", "post"])
    assert "other" not in run.values["log"]
    assert open_history(graph, "1")[other.id].children == []


def test_finished_tasks_of_a_functional_graph_are_not_called_again(each_saver: Any) -> None:
    trouble = Trouble("second")

    @task
    def step(name: str) -> str:
        trouble.node(name)({})
        return name

    @entrypoint(checkpointer=each_saver)
    def work(given: Any) -> list[str]:
        return [step(name).result() for name in ("first", "second", "third")]

    with pytest.raises(ConnectionError):
        work.invoke(1, CONFIG)
    head = open_history(work, "1").latest
    trouble.mend()
    run = session.run(work, head, only="unfinished")
    assert (run.status, run.values, trouble.calls) == (
        "done", ["first", "second", "third"], ["second", "third"]
    )  # fmt: skip


def test_questions_are_answered_by_id_while_finished_siblings_stay(each_saver: Any) -> None:
    trouble = Trouble("z")
    graph = parallel(
        each_saver, ("x", asking("x")), ("y", asking("y")), ("w", trouble.node("w")), ("z", trouble.node("z"))
    )
    trouble.fail(graph)
    head = open_history(graph, "1").latest
    # another branch is the latest: this one's finished sibling still does not run again
    session.fork(graph, head.parent, {"log": ["other"]}, "__start__")
    trouble.mend()
    part = session.run(graph, head, only="unfinished")
    assert (part.status, trouble.calls) == ("interrupted", ["z"])
    first, second = part.interrupts
    trouble.calls.clear()
    one = session.run(graph, head, resume={first.id: "X"}, only="unfinished")
    assert (one.status, [i.id for i in one.interrupts], trouble.calls) == ("interrupted", [second.id], [])
    done = session.run(graph, head, resume={second.id: "Y"})
    assert (done.status, trouble.calls) == ("done", [])
    assert done.values["log"] == ["before", "w", "x0=X", "y0=Y", "z", "after"]
    with pytest.raises(ActRefused, match="only on a branch of its own"):
        session.run(graph, head, resume={first.id: "other"}, only="unfinished")


def test_a_breakpoint_is_passed_in_place() -> None:
    graph = chain([(name, noting(name)) for name in "abc"], InMemorySaver(), interrupt_before=["b"])
    graph.invoke({"log": []}, CONFIG)
    run = session.run(graph, open_history(graph, "1").latest, only="unfinished")
    assert (run.status, [c.source for c in run.checkpoints]) == ("done", ["loop", "loop"])


def test_in_a_sandbox_nothing_is_stored(saver: SqliteSaver, dump: Callable[[], list[str]]) -> None:
    trouble = Trouble("y")
    graph = parallel(saver, *((name, trouble.node(name)) for name in "xy"))
    trouble.fail(graph)
    head = open_history(graph, "1").latest
    trouble.mend()
    untouched = dump()
    run = session.run(graph, head, only="unfinished", sandbox=True)
    assert (run.status, trouble.calls, dump() == untouched) == ("done", ["y"], True)
    run.keep()
    assert open_history(graph, "1").latest.values["log"] == ["before", "x", "y", "after"]


def test_what_cannot_be_resumed_is_refused(saver: SqliteSaver, dump: Callable[[], list[str]]) -> None:
    graph = chain([(name, noting(name)) for name in "ab"], saver)
    graph.invoke({"log": []}, CONFIG)
    history, untouched = open_history(graph, "1"), dump()
    with pytest.raises(NothingToRun, match="Nothing comes next"):
        session.run(graph, history.latest, only="unfinished")
    with pytest.raises(ActRefused, match="c1 went on already: c2 follows from it"):
        session.run(graph, "c1", only="unfinished", thread_id="1")
    with pytest.raises(ActRefused, match="An input starts a step of its own"):
        session.run(graph, history.latest, {"log": []}, only="unfinished")
    wrong: Any = "some"
    with pytest.raises(ActRefused, match="only='all' or only='unfinished'"):
        session.run(graph, history.latest, only=wrong)
    assert dump() == untouched


def test_two_who_resume_at_once_run_it_once() -> None:
    entered, leave = threading.Event(), threading.Event()
    calls: list[str] = []

    def slow(state: Log) -> dict[str, Any]:
        calls.append("slow")
        if len(calls) == 1:
            raise ConnectionError
        entered.set()
        assert leave.wait(10)
        return {"log": ["slow"]}

    graph = chain([("slow", slow), ("b", noting("b"))], InMemorySaver())
    with pytest.raises(ConnectionError):
        graph.invoke({"log": []}, CONFIG)
    head = open_history(graph, "1").latest
    first = session.start_run(graph, head, only="unfinished")
    assert entered.wait(10)
    with pytest.raises(ActRefused, match=f"Another run goes on at checkpoint {head.id} already"):
        session.run(graph, head, only="unfinished")
    leave.set()
    assert first.result(10).values["log"] == ["slow", "b"]
    with pytest.raises(ActRefused, match="went on already"):
        session.run(graph, head, only="unfinished")
    assert calls == ["slow", "slow"]


async def test_an_asynchronous_graph() -> None:
    trouble = Trouble("z")

    def anode(name: str) -> Any:
        async def node(state: Log) -> dict[str, Any]:
            await asyncio.sleep(0)
            return trouble.node(name)(state)

        return node

    graph = parallel(InMemorySaver(), *((name, anode(name)) for name in "xyz"))
    with pytest.raises(ConnectionError):
        await graph.ainvoke({"log": []}, CONFIG)
    head = open_history(graph, "1").latest
    session.fork(graph, head.parent, {"log": ["other"]}, "__start__")
    done = {t.name for t in head.tasks if t.result is not None}
    trouble.mend()
    run = await session.arun(graph, head, only="unfinished")
    assert (run.status, set(trouble.calls)) == ("done", set("xyz") - done)
    assert run.values["log"] == ["before", "x", "y", "z", "after"]
