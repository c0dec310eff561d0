"""Threads that continue the path of another: LangGraph and everybody else see them as threads of their own."""

from __future__ import annotations

import asyncio
import operator
import random
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from lgviz.errors import CheckpointNotFound, ThreadExists
from lgviz.persistence import MemorySaver, PostgresSaver, SqliteSaver
from tests.support.delta_threads import agent, drive
from tests.support.lineage import Worker, answer, copied, told
from tests.support.savers import call, checkpoint, config, put, run


class Log(TypedDict):
    log: Annotated[list[str], operator.add]


def forked(saver: Any, thread: str, at: tuple[str, str], new: str) -> None:
    made = call(saver, "fork_thread", config(thread, checkpoint_ns=at[0], checkpoint_id=at[1]), new)
    assert made == config(new, checkpoint_ns=at[0], checkpoint_id=at[1])


@pytest.mark.parametrize("kind", ["memory", "aiosqlite", "postgres"])
def test_langgraphs_conformance_suite_passes_on_such_threads(
    kind: str, make_saver: Callable[..., Any]
) -> None:
    """After each put the thread is made anew, as one that continues the path of a thread that is deleted."""

    async def factory() -> AsyncGenerator[Any, None]:
        saver = make_saver(kind)
        renewed = 0

        class Renewing(type(saver)):  # type: ignore[misc]
            async def aput(self, *args: Any) -> Any:
                nonlocal renewed
                made = await super().aput(*args)
                thread = made["configurable"]["thread_id"]
                before = [found async for found in self.alist(config(thread))]
                await self.afork_thread(made, "between")
                after = [found async for found in self.alist(config("between"))]
                if len(after) == len(before):
                    await self.adelete_thread(thread)
                    made = await self.afork_thread(
                        {"configurable": {**made["configurable"], "thread_id": "between"}}, thread
                    )
                    renewed += 1
                await self.adelete_thread("between")
                return made

        saver.__class__ = Renewing
        yield saver
        assert renewed
        if hasattr(saver, "__aexit__"):
            await saver.close()

    results = asyncio.run(validate(checkpointer_test(name=kind)(factory))).results
    assert {name: result.failures for name, result in results.items() if result.failures} == {}
    assert results["prune"].tests_passed >= 8 and results["list"].tests_passed >= 16


@pytest.mark.parametrize("seed", range(6))
def test_it_answers_as_a_thread_copied_for_real(seed: int) -> None:
    compare(random.Random(seed), MemorySaver(), MemorySaver(), 30)


@pytest.mark.parametrize("kind", ["sqlite", "aiosqlite", "postgres", "aiopostgres"])
def test_it_answers_so_on_every_database(kind: str, make_saver: Callable[..., Any]) -> None:
    compare(random.Random(100), make_saver(kind), MemorySaver(), 25)


def compare(rng: random.Random, saver: Any, other: Any, steps: int) -> None:
    worker = Worker(rng, {forked: saver, copied: other})
    done = [worker.grow("t0") for _ in range(4)]
    for n in range(steps):
        done.append(worker.step())
        for thread in worker.threads if n % 3 == 0 else worker.threads[-1:]:
            for name, args, kwargs in worker.questions(thread):
                asked = name, args, kwargs
                assert answer(saver, *asked) == answer(other, *asked), (done, asked)
            assert told(saver, thread) == told(other, thread), done
        assert call(saver, "check") == [], done
    counts = [{name: many for name, many, _ in call(each, "threads")} for each in (saver, other)]
    assert counts[0] == counts[1]
    assert call(saver, "stats").prune_frees >= 0
    for thread in worker.threads:
        call(saver, "delete_thread", thread)
    left = call(saver, "stats")
    assert (left.bytes, left.blocks, call(saver, "check")) == (0, 0, [])


def states(graph: Any, thread: str) -> dict[str, Any]:
    """What LangGraph says of each checkpoint of a thread, but for the thread's name."""

    def plain(state: Any) -> Any:
        tasks = [
            (task.id, task.name, task.error, task.interrupts, task.result,
             plain(task.state) if hasattr(task.state, "values") else None)
            for task in state.tasks
        ]  # fmt: skip
        return state.values, state.next, state.metadata, state.created_at, parent_of(state), tasks

    return {
        id_of(state): plain(graph.get_state(state.config, subgraphs=True))
        for state in graph.get_state_history(config(thread))
    }


def id_of(state: Any) -> str:
    return str(state.config["configurable"]["checkpoint_id"])


def parent_of(state: Any) -> str | None:
    return state.parent_config["configurable"]["checkpoint_id"] if state.parent_config else None


def test_langgraph_reads_and_runs_it_whatever_becomes_of_the_other() -> None:
    """Delta channels, sends, subgraphs, updates, replays, runs that store at their end alone."""
    saver = MemorySaver()
    graph = agent(saver)
    seed = 1
    drive(graph, seed, "a")
    before, heirs = states(graph, "a"), dict[str, dict[str, Any]]()
    for number, id in enumerate(list(before)[:: max(1, len(before) // 3)]):
        saver.fork_thread(config("a", checkpoint_ns="", checkpoint_id=id), f"b{number}")
        path, above = [], id
        while above in before:
            path.append(above)
            above = before[above][4]
        heirs[f"b{number}"] = {each: before[each] for each in path}
        assert states(graph, f"b{number}") == heirs[f"b{number}"]
    for number, thread in enumerate(heirs):
        drive(graph, seed + number, "a", acts=2)
        drive(graph, seed + number, thread, acts=3)
        now = graph.get_state(config(thread))
        if now.next:
            assert graph.invoke(None, config(thread)) == graph.get_state(config(thread)).values
        now = states(graph, thread)
        assert {id: now[id] for id in heirs[thread]} == heirs[thread]
        heirs[thread] = now
    after = states(graph, "a")
    assert {id: after[id] for id in before} == before
    saver.delete_thread("a")
    saver.prune(["b1"])
    del heirs["b1"]
    assert {thread: states(graph, thread) for thread in heirs} == heirs
    assert saver.check() == []


@pytest.mark.parametrize("kind", ["memory", "postgres", "aiosqlite"])
def test_an_interrupt_that_waits_is_answered_in_each_thread(
    kind: str, make_saver: Callable[..., Any]
) -> None:
    saver = make_saver(kind)
    graph = asks().compile(checkpointer=saver)
    run(graph, saver, "invoke", {"log": []}, config("a"))
    call(saver, "fork_thread", config("a"), "b")
    assert run(graph, saver, "invoke", Command(resume="yes"), config("a"))["log"] == ["begun", "yes"]
    # Asked in a subgraph, beside a task that has ended: that does not run again.
    state = run(graph, saver, "get_state", config("b"))
    assert [found.value for found in state.interrupts] == ["sure?"]
    call(saver, "fork_thread", config("b"), "c")
    assert run(graph, saver, "invoke", Command(resume="no"), config("b"))["log"] == ["begun", "no"]
    call(saver, "delete_thread", "a")
    assert run(graph, saver, "invoke", Command(resume="perhaps"), config("c"))["log"] == ["begun", "perhaps"]
    assert run(graph, saver, "get_state", config("b")).values["log"] == ["begun", "no"]
    assert BEGUN == ["a"]
    BEGUN.clear()
    rows = {row.id: row for row in call(saver, "index", "c").checkpoints}
    assert [(row.ordinal, row.anchor and rows[row.anchor[1]].ordinal) for row in rows.values()] == [
        (0, None), (1, None), (1, 1), (2, 1), (3, 1), (2, None),
    ]  # fmt: skip
    assert call(saver, "check") == []


BEGUN: list[str] = []
"""In which threads the task beside the question ran."""


def asks() -> StateGraph[Any, Any, Any, Any]:
    def begin(state: Any, config: RunnableConfig) -> Any:
        BEGUN.append(config["configurable"]["thread_id"])
        return {"log": ["begun"]}

    inner: Any = StateGraph(Log).add_node("ask", lambda state: {"log": [interrupt("sure?")]})
    builder: Any = StateGraph(Log).add_node("begin", begin)
    builder.add_node("inner", inner.add_edge(START, "ask").compile())
    return builder.add_edge(START, "begin").add_edge(START, "inner")  # type: ignore[no-any-return]


def test_what_cannot_be_forked_is_refused(make_saver: Callable[..., Any]) -> None:
    saver = make_saver("sqlite")
    put(saver, "1", {"foo": "a"}, thread="a")
    put(saver, "2", {"foo": "b"}, thread="b")
    with pytest.raises(ThreadExists, match=r"Thread 'b' has checkpoints already\. Take a new thread id"):
        saver.fork_thread(config("a"), "b")
    with pytest.raises(ThreadExists):
        saver.fork_thread(config("a"), "a")
    with pytest.raises(CheckpointNotFound, match="Thread 'a' has no checkpoint '7'"):
        saver.fork_thread(config("a", checkpoint_ns="", checkpoint_id="7"), "c")
    with pytest.raises(CheckpointNotFound, match="Thread 'nobody' has no checkpoint"):
        saver.fork_thread(config("nobody"), "c")
    saver.fork_thread(config("a"), "c")
    with pytest.raises(ThreadExists):  # it has no row of its own yet
        saver.fork_thread(config("b"), "c")
    with pytest.raises(ThreadExists):
        saver.copy_thread("b", "c")
    assert [name for name, _, _ in saver.threads()] == ["c", "b", "a"]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_fork_by_another_process_is_heard_of_at_the_next_write(
    kind: str, make_saver: Callable[..., Any], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Each saver knows, from a write before, that no thread continued the path of another then."""
    where = str(tmp_path / "shared.db") if kind == "sqlite" else request.getfixturevalue("postgres_uri")()
    made = SqliteSaver if kind == "sqlite" else PostgresSaver
    with made.from_conn_string(where) as here, made.from_conn_string(where) as there:
        for saver, id, parent in [(here, "1", None), (there, "2", "1")]:
            put(saver, id, {"foo": id, "long": "x" * 500}, parent, thread="a")
        for heir in ["b", "c"]:  # once more, after the only one was removed
            here.put_writes(config("a", checkpoint_ns="", checkpoint_id="2"), [("__error__", "old")], "t")
            there.fork_thread(config("a"), heir)
            here.put_writes(config("a", checkpoint_ns="", checkpoint_id="2"), [("__error__", "new")], "t")
            values = checkpoint("4", {"foo": "4", "long": "x" * 500}, 1)
            at = config(heir, checkpoint_ns="", checkpoint_id="2")
            here.put(at, {**values, "channel_versions": {"foo": 4, "long": 2}}, {}, {"foo": 4})
            assert [row.ordinal for row in there.index(heir).checkpoints] == [0, 1, 2]
            tuples = {found.checkpoint["id"]: found for found in there.list(config(heir))}
            assert tuples["2"].pending_writes == [("t", "__error__", "old")]
            assert tuples["4"].checkpoint["channel_values"] == {"foo": "4", "long": "x" * 500}
            assert there.get_tuple(config("a")).pending_writes == [("t", "__error__", "new")]  # type: ignore[union-attr]
            assert here.check() == there.check() == []
            there.delete_thread(heir)
            put(here, "3", {"foo": "3"}, "2", thread="alone")
