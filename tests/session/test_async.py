"""Asynchronous graphs: from their own loop, from a cell that blocks it, and from another thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

import lgviz.session as session
from lgviz.analysis.history import open_history
from lgviz.errors import NothingToRun, WrongLoop
from lgviz.session.target import is_async_only, target_of
from tests.support.graphs import CONFIG, Log, asking, chain, noting


def anoting(name: str) -> Callable[[Log], Any]:
    async def node(state: Log) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"log": [name]}

    return node


def line(saver: Any) -> Any:
    """Two nodes without a sync form, and a question between them."""

    async def ask(state: Log) -> dict[str, Any]:
        return {"log": [f"told {interrupt('?')}"]}

    return chain([("a", anoting("a")), ("ask", ask), ("b", anoting("b"))], saver)


@pytest.fixture
async def asaver(file: Path) -> AsyncIterator[AsyncSqliteSaver]:
    async with AsyncSqliteSaver.from_conn_string(str(file)) as saver:
        yield saver


async def asked(saver: Any) -> Any:
    """The graph, its thread waiting for an answer."""
    graph = line(saver)
    await graph.ainvoke({"log": []}, CONFIG)
    return graph


async def test_awaited(asaver: AsyncSqliteSaver, dump: Callable[[], list[str]]) -> None:
    graph = await asked(asaver)
    untouched = dump()
    seen = await session.apreview(graph, CONFIG, {"log": ["x"]}, "ask")
    assert (seen.values["log"], seen.next) == (["a", "x"], ("b",))
    assert dump() == untouched
    made = await session.afork(graph, CONFIG, {"log": ["x"]}, "ask", note="n")
    assert (made.values["log"], made.metadata["lgviz_note"]) == (["a", "x"], "n")
    run = await session.arun(graph, made)
    assert (run.status, run.values["log"]) == ("done", ["a", "x", "b"])
    told = await session.arun(graph, made.parent, resume="awaited")
    assert told.values["log"] == ["a", "told awaited", "b"]
    again = await session.arun(graph, made.parent, resume="anew")
    assert again.values["log"] == ["a", "told anew", "b"]
    with pytest.raises(NothingToRun):
        await session.arun(graph, run.checkpoint)


async def test_plain_calls_in_a_cell_block_the_loop_and_still_work(
    asaver: AsyncSqliteSaver, dump: Callable[[], list[str]]
) -> None:
    graph = await asked(asaver)
    untouched = dump()
    seen = session.preview(graph, CONFIG, {"log": ["x"]}, "ask")
    assert (seen.values["log"], seen.next) == (["a", "x"], ("b",))
    assert [o.next for o in session.as_node_options(graph, CONFIG, {"log": ["x"]})][1:4] == [
        ("ask",),
        ("b",),
        (),
    ]
    assert session.inferred_as_node(graph, CONFIG) == "a"
    sandboxed = session.run(graph, CONFIG, resume="tried", sandbox=True)
    assert sandboxed.values["log"] == ["a", "told tried", "b"]
    assert dump() == untouched
    made = session.fork(graph, CONFIG, {"log": ["x"]}, "ask")
    assert made.values["log"] == ["a", "x"]
    run = session.run(graph, made)
    assert (run.status, run.values["log"]) == ("done", ["a", "x", "b"])
    assert session.run(graph, made.parent, resume="yes").values["log"] == ["a", "told yes", "b"]
    # the saver still works on its own loop, with several calls at once
    await asyncio.gather(*(graph.aget_state(CONFIG) for _ in range(20)))
    await graph.ainvoke({"log": ["more"]}, CONFIG)


async def test_a_runner_works_on_the_savers_loop_while_the_cell_goes_on(asaver: AsyncSqliteSaver) -> None:
    where: list[bool] = []
    here = threading.current_thread()

    async def node(state: Log) -> dict[str, Any]:
        where.append(threading.current_thread() is here)
        await asyncio.sleep(0)
        return {"log": ["x"]}

    graph = chain([("a", node), ("b", node)], asaver)
    await graph.ainvoke({"log": []}, CONFIG)
    first = [c async for c in graph.aget_state_history(CONFIG)][-1]
    where.clear()
    told: list[str] = []
    runner = session.start_run(graph, first.config, on_event=lambda e: told.append(e.kind))
    with pytest.raises(WrongLoop, match="wait"):
        runner.result()
    run = await runner.wait()
    assert (run.status, run.values["log"]) == ("done", ["x", "x"])
    assert where == [True, True]
    assert told.count("checkpoint") == 4
    stopped = session.start_run(graph, first.config, on_event=lambda e: stopped.stop())
    assert (await stopped.wait()).status == "stopped"


async def test_from_another_thread(asaver: AsyncSqliteSaver) -> None:
    graph = await asked(asaver)
    made = await asyncio.to_thread(session.fork, graph, CONFIG, {"log": ["x"]}, "ask")
    run = await asyncio.to_thread(session.run, graph, made)
    assert run.values["log"] == ["a", "x", "b"]
    seen: list[Any] = []

    def until(checkpoint: Any) -> bool:
        seen.append(checkpoint.values["log"])
        return bool(len(seen) == 1)

    start = [c async for c in graph.aget_state_history(CONFIG)][-2]
    stopped = await session.arun(graph, start.config, until=until)
    assert (stopped.status, seen) == ("stopped", [["a"]])


async def test_a_saver_at_work_on_the_blocked_loop_is_not_waited_for(asaver: AsyncSqliteSaver) -> None:
    graph = await asked(asaver)
    async with asaver.lock:
        for act in (session.preview, session.fork):
            with pytest.raises(WrongLoop, match="afork"):
                act(graph, CONFIG, {"log": ["x"]}, "ask")
        with pytest.raises(WrongLoop, match="afork"):
            session.run(graph, CONFIG, resume=1)


async def test_a_client_of_another_loop_is_named(asaver: AsyncSqliteSaver) -> None:
    client = asyncio.Event()

    async def use_client(state: Log) -> dict[str, Any]:
        waiter = asyncio.ensure_future(client.wait())
        await asyncio.sleep(0)
        client.set()
        await waiter
        client.clear()
        return {"log": ["x"]}

    graph = chain([("a", use_client)], asaver)
    await graph.ainvoke({"log": []}, CONFIG)
    first = [c async for c in graph.aget_state_history(CONFIG)][-1]
    run = session.run(graph, first.config)
    assert run.status == "failed"
    assert run.error is not None
    assert run.error.type == "WrongLoop"
    assert "arun" in run.error.message
    assert (await session.arun(graph, first.config)).status == "done"


LEAVES = {
    "exit": lambda: SystemExit(3),
    "keyboard": lambda: KeyboardInterrupt("k"),
    "cancelled": asyncio.CancelledError,
}


@pytest.mark.parametrize("shape", ["node", "subgraph", "task", "router"])
@pytest.mark.parametrize("leaves", LEAVES)
async def test_what_ends_the_process_ends_the_run_and_not_the_loop(
    leaves: str, shape: str, asaver: AsyncSqliteSaver
) -> None:
    calls: list[str] = []

    async def leave(state: Any) -> Any:
        await asyncio.sleep(0)
        calls.append("leave")
        if len(calls) == 1:
            error = LEAVES[leaves]()
            raise error
        return END if shape == "router" else {"log": ["stayed"]}

    graph = leaving(shape, leave, asaver)
    runner = session.start_thread(graph, {"log": []}, "1", loop=asyncio.get_running_loop())
    if leaves == "cancelled":
        assert (await runner.wait()).status == "failed"
    else:
        with pytest.raises((SystemExit, KeyboardInterrupt)) as raised:
            await runner.wait()
        assert repr(raised.value) == repr(LEAVES[leaves]())
    assert asyncio.get_running_loop().get_task_factory() is None
    head = open_history(graph, "1").latest
    if leaves == "exit":
        assert head.error == "SystemExit(3)"
    if shape != "router":  # what its node wrote is stored: to LangGraph it has finished
        again = await session.arun(graph, head, only="unfinished")
        assert (again.status, len(calls)) == ("done", 2)


def leaving(shape: str, leave: Any, saver: Any) -> Any:
    """A graph one of whose parts leaves."""
    if shape == "node":
        return chain([("a", noting("a")), ("leave", leave)], saver)
    if shape == "subgraph":
        return chain([("a", noting("a")), ("sub", chain([("leave", leave)]))], saver)
    if shape == "router":
        builder = StateGraph(Log)
        builder.add_node("a", noting("a"))
        builder.add_edge(START, "a")
        builder.add_conditional_edges("a", leave, [END])
        return builder.compile(checkpointer=saver)
    step = task(leave)

    @entrypoint(checkpointer=saver)
    async def work(given: Any) -> Any:
        return await step(given)

    return work


def test_nodes_without_a_sync_form_on_a_sync_saver(saver: SqliteSaver) -> None:
    graph = line(saver)
    run = session.run(graph, *begun(graph, saver))
    assert (run.status, [i.value for i in run.interrupts]) == ("interrupted", ["?"])
    done = session.run(graph, run.checkpoint, resume="ok")
    assert done.values["log"] == ["start", "a", "told ok", "b"]
    assert session.fork(graph, run.checkpoint, {"log": ["x"]}, "ask").next == ("b",)


def begun(graph: Any, saver: Any) -> tuple[Any]:
    """A config at which an input was taken in, without running a node."""
    builder = StateGraph(Log)
    builder.add_node("a", noting("a"))
    builder.add_node("ask", noting("ask"))
    builder.add_node("b", noting("b"))
    builder.add_edge(START, "a")
    same = builder.compile(checkpointer=saver, interrupt_before=["a"])
    same.invoke({"log": ["start"]}, CONFIG)
    return (same.get_state(CONFIG).config,)


async def test_a_sync_graph_awaited_on_a_sync_saver(saver: SqliteSaver) -> None:
    graph = chain([("a", noting("a")), ("ask", asking("q")), ("b", noting("b"))], saver)
    graph.invoke({"log": []}, CONFIG)
    assert (await session.apreview(graph, CONFIG, {"log": ["x"]}, "ask")).next == ("b",)
    made = await session.afork(graph, CONFIG, {"log": ["x"]}, "ask")
    assert (await session.arun(graph, made)).values["log"] == ["a", "x", "b"]
    run = await session.arun(graph, made.parent, resume=1, sandbox=True)
    assert run.values["log"] == ["a", "q0=1", "b"]
    assert (await session.afork(graph, made.history.root, {"log": ["x"]})).next == ("a",)


def test_routers_without_a_sync_form() -> None:
    async def router(state: Log) -> str:
        return "second"

    builder = StateGraph(Log)
    builder.add_node("first", noting("first"))
    builder.add_node("second", noting("second"))
    builder.add_edge(START, "first")
    builder.add_conditional_edges("first", router, ["second"])
    graph = builder.compile(checkpointer=InMemorySaver())
    assert target_of(graph).asynchronous
    asyncio.run(graph.ainvoke({"log": []}, CONFIG))
    assert session.preview(graph, CONFIG, {"log": ["x"]}, "first").next == ("second",)


def test_what_is_asynchronous(saver: SqliteSaver) -> None:
    def both(state: Log) -> dict[str, Any]:
        return {}

    sync = chain([("a", both)], saver)
    assert not target_of(sync).asynchronous
    assert not is_async_only(saver)
    nested = chain([("sub", chain([("a", anoting("a"))], None))], InMemorySaver())
    assert target_of(nested).asynchronous
