"""A thread with all that one can hold, bundled from every saver and imported into every saver, sync and async."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import _messages_delta_reducer
from langgraph.store.base import BaseStore
from langgraph.types import RetryPolicy, interrupt

import lgviz
from lgviz import persistence
from lgviz.persistence.savers.saver import Saver as BaseSaver
from tests.support.savers import config

Open = Callable[[AsyncExitStack, Path, Callable[[], str]], Any]


async def _set_up(saver: Any) -> Any:
    await saver.setup()
    return saver


def _plain(saver: Any) -> Any:
    saver.setup()
    return saver


KINDS: dict[str, Open] = {
    "LangGraph memory": lambda *_: InMemorySaver(),
    "LangGraph SQLite": lambda stack, folder, _: SqliteSaver(
        stack.enter_context(contextlib.closing(sqlite3.connect(folder / "a.db", check_same_thread=False)))
    ),
    "LangGraph PostgreSQL": lambda stack, _, uri: _plain(
        stack.enter_context(PostgresSaver.from_conn_string(uri()))
    ),
    "LangGraph SQLite, async": lambda stack, folder, _: stack.enter_async_context(
        AsyncSqliteSaver.from_conn_string(str(folder / "a.db"))
    ),
    "LangGraph PostgreSQL, async": lambda stack, _, uri: stack.enter_async_context(
        AsyncPostgresSaver.from_conn_string(uri())
    ),
    "lgviz memory": lambda *_: persistence.MemorySaver(),
    "lgviz SQLite": lambda stack, folder, _: stack.enter_context(
        persistence.SqliteSaver.from_conn_string(str(folder / "a.db"))
    ),
    "lgviz PostgreSQL": lambda stack, _, uri: stack.enter_context(
        persistence.PostgresSaver.from_conn_string(uri())
    ),
    "lgviz SQLite, async": lambda stack, folder, _: stack.enter_async_context(
        persistence.AsyncSqliteSaver.from_conn_string(str(folder / "a.db"))
    ),
    "lgviz PostgreSQL, async": lambda stack, _, uri: stack.enter_async_context(
        persistence.AsyncPostgresSaver.from_conn_string(uri())
    ),
}


class Talk(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], DeltaChannel(_messages_delta_reducer, snapshot_frequency=3)]
    log: Annotated[list[str], lambda old, new: [*old, *new]]


class Inner(TypedDict, total=False):
    log: Annotated[list[str], lambda old, new: [*old, *new]]


def build(saver: Any, store: BaseStore | None = None) -> Any:
    """``plan`` is a subgraph; then ``done`` finishes, ``ask`` asks and ``fail`` fails, at once."""

    def said(name: str) -> Callable[[Talk], Talk]:
        return lambda state: {
            "messages": [
                AIMessage(
                    f"{name} {len(state.get('messages', []))}", id=f"{name}{len(state.get('messages', []))}"
                )
            ],
            "log": [name],
        }

    def done(state: Talk, *, store: BaseStore | None = None) -> Talk:
        if store is not None:
            store.put(("users", "ann"), "seen", {"times": len(state["log"])})
        return said("done")(state)

    def ask(state: Talk) -> Talk:
        return {"log": [str(interrupt({"question": "Which seat?", "log": state["log"]}))]}

    def fail(state: Talk) -> Talk:
        if "mended" not in state["log"]:
            raise ValueError("no seat is free")
        return {"log": ["failed not"]}

    inner = StateGraph(Inner).add_node("think", lambda state: {"log": ["thought"]}).add_edge(START, "think")
    builder = StateGraph(Talk).add_node("greet", said("greet")).add_node("plan", inner.compile())
    # LangGraph loses what a task asks while another's failure already ends the step: fail late.
    late = RetryPolicy(initial_interval=0.2, jitter=False, max_attempts=2, retry_on=ValueError)
    builder.add_node("done", done).add_node("ask", ask).add_node("fail", fail, retry_policy=late)
    builder.add_edge(START, "greet").add_edge("greet", "plan")
    for name in ("done", "ask", "fail"):
        builder.add_edge("plan", name)
    return builder.compile(checkpointer=saver, store=store)


INPUT = {"messages": [HumanMessage("Two seats, please", id="h")], "log": ["input"]}


def is_async(saver: Any) -> bool:
    return type(saver).__name__.startswith("Async")


async def seed(graph: Any) -> None:
    """A run that asks and fails, with one task finished; and a fork with a note, run on to its question."""
    asynchronous = is_async(graph.checkpointer)
    with contextlib.suppress(ValueError):
        await graph.ainvoke(INPUT, config()) if asynchronous else graph.invoke(INPUT, config())
    await go_on(graph, "1", "why it failed")


async def go_on(graph: Any, thread: str, note: str) -> tuple[Any, ...]:
    """Fork before the failure, mend it, and run: what is asked then, and what follows from the answer."""
    at = lgviz.history(graph.checkpointer, thread)["c2"]
    values = {"log": ["mended"]}
    if is_async(graph.checkpointer):
        forked = await lgviz.afork(graph, at.label, values, thread_id=thread, as_node="plan", note=note)
        run = await lgviz.arun(graph, forked)
        end = await lgviz.arun(graph, run.checkpoint, resume="12A")
    else:
        forked = lgviz.fork(graph, at.label, values, thread_id=thread, as_node="plan", note=note)
        run = lgviz.run(graph, forked)
        end = lgviz.run(graph, run.checkpoint, resume="12A")
    return forked.note, run.status, [one.value for one in run.interrupts], end.status, end.values


def told(history: lgviz.History) -> list[Any]:
    """All that a thread tells, in all namespaces, whichever saver keeps it."""
    found = []
    for row in range(len(history.tree)):
        c = history.checkpoint_at(row)
        asked = [(one.value, one.id) for one in c.interrupts]
        # Not every saver keeps the order of tasks that ran at once.
        tasks = sorted((t.name, t.id, str(t.error), repr(t.result), len(t.interrupts)) for t in c.tasks)
        writes = {node: list(each) for node, each in c.writes.items()}
        found.append(
            (
                c.label,
                c.id,
                c.namespace,
                sorted(c.nodes),
                c.values,
                sorted(c.next),
                c.note,
                c.error,
                asked,
                tasks,
                writes,
            )
        )
    return found


@pytest.fixture(params=KINDS)
async def saver(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_uri: Callable[[], str]
) -> AsyncIterator[Any]:
    async with AsyncExitStack() as stack:
        opened = KINDS[request.param](stack, tmp_path, postgres_uri)
        opened = await opened if hasattr(opened, "__await__") else opened
        yield await _set_up(opened) if is_async(opened) and "LangGraph" in request.param else opened


async def test_a_thread_with_everything_is_bundled_from_any_saver(saver: Any, tmp_path: Path) -> None:
    graph = build(saver)
    await seed(graph)
    bundle = lgviz.save_bundle(saver, "1", tmp_path / "bug.lgviz")
    assert told(lgviz.history(bundle.path)) == told(lgviz.history(saver, "1"))
    failed = lgviz.history(bundle.path)["c3"]
    assert failed.error and len(failed.interrupts) == 1
    assert {task.name: task.result is not None for task in failed.tasks} == {
        "ask": False,
        "done": True,
        "fail": False,
    }


async def test_a_thread_with_everything_is_imported_into_any_saver_forked_and_run(
    saver: Any, tmp_path: Path
) -> None:
    store = persistence.InMemoryStore()
    original = build(persistence.MemorySaver(), store)
    await seed(original)
    bundle = lgviz.open_bundle(lgviz.save_bundle(original, "1", tmp_path / "bug.lgviz").path)
    imported = persistence.InMemoryStore()
    if is_async(saver):
        await bundle.aimport_into(saver, "copy", store=imported)
    else:
        bundle.import_into(saver, "copy", store=imported)
    assert told(lgviz.history(saver, "copy")) == told(lgviz.history(original.checkpointer, "1"))
    failed = lgviz.history(saver, "copy")["c3"]
    errors = [
        w.value for w in lgviz.open_source(saver).writes("copy", "", failed.id) if w.channel == "__error__"
    ]
    plain = [error.text if isinstance(error, persistence.StoredError) else error for error in errors]
    assert plain == ["ValueError('no seat is free')"]
    assert isinstance(saver, BaseSaver) or errors == plain, (
        "LangGraph's savers are left with no class of lgviz"
    )
    for old, new in zip(lgviz.history(original, "1"), lgviz.history(saver, "copy"), strict=True):
        then, now = (
            [one.value for one in kept.as_of(c).search(())] for kept, c in ((store, old), (imported, new))
        )
        assert now == then
    assert await go_on(build(saver), "copy", "again") == await go_on(
        build(original.checkpointer), "1", "again"
    )
