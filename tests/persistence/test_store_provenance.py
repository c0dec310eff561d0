"""Every version says which checkpoint, node and task wrote it."""

from __future__ import annotations

import operator
import time
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.config import get_store
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedStore, ToolNode
from langgraph.store.base import BaseStore
from langgraph.types import Send
from typing_extensions import TypedDict

from lgviz.persistence.stores.provenance import Writer, writing_as
from tests.support.savers import config, run
from tests.support.stores import call

PAIRS = [("memory", "memory"), ("sqlite", "sqlite"), ("aiosqlite", "aiosqlite"), ("postgres", "postgres")]
PAIRS += [("aiopostgres", "aiopostgres"), ("aiosqlite", "memory")]


class State(TypedDict):
    seen: Annotated[list[str], operator.add]


def build(store: Any, asynchronous: bool) -> StateGraph[Any, Any, Any, Any]:
    """A chain, a fan-out by Send and a subgraph, each node marking the store."""

    def node(name: str) -> Any:
        if asynchronous:

            async def awrite(state: Any, *, store: BaseStore) -> Any:
                await store.aput(("marks",), f"{name}{state.get('n', '')}", {"by": name})
                return {"seen": [name]}

            return awrite

        def write(state: Any, *, store: BaseStore) -> Any:
            store.put(("marks",), f"{name}{state.get('n', '')}", {"by": name})
            return {"seen": [name]}

        return write

    inner: StateGraph[Any, Any, Any, Any] = StateGraph(State)
    inner.add_node("deep", node("deep"))
    inner.add_edge(START, "deep")
    outer: StateGraph[Any, Any, Any, Any] = StateGraph(State)
    outer.add_node("first", node("first"))
    outer.add_node("many", node("many"))
    outer.add_node("sub", inner.compile())
    outer.add_edge(START, "first")
    outer.add_conditional_edges("first", lambda state: [Send("many", {"n": n}) for n in range(2)], ["many"])
    outer.add_edge("many", "sub")
    outer.add_edge("sub", END)
    return outer


@pytest.mark.parametrize(("saver_kind", "store_kind"), PAIRS)
def test_nodes_subgraphs_and_sends(
    saver_kind: str, store_kind: str, make_saver: Any, make_store: Any
) -> None:
    saver, store = make_saver(saver_kind), make_store(store_kind)
    graph = build(store, hasattr(saver, "__aenter__")).compile(checkpointer=saver, store=store)
    if hasattr(store, "__aenter__"):
        call(store, "list_namespaces")
        saver.test_loop = store.test_loop
    run(graph, saver, "invoke", {"seen": []}, config("t"))
    history = run(graph, saver, "get_state_history", config("t"))
    started = {name: snapshot for snapshot in history for name in snapshot.next}

    for key, node in (("first", "first"), ("many0", "many"), ("many1", "many")):
        (version,) = call(store, "history", ("marks",), key)
        place = started[node].config["configurable"]
        assert (version.thread_id, version.checkpoint_ns) == ("t", "")
        assert version.checkpoint_id == place["checkpoint_id"]
        assert version.node == node
        assert version.task_id in {each.id for each in started[node].tasks}
    tasks = {call(store, "history", ("marks",), f"many{n}")[0].task_id for n in range(2)}
    assert len(tasks) == 2

    (deep,) = call(store, "history", ("marks",), "deep")
    assert deep.node == "deep" and deep.checkpoint_ns.startswith("sub:")
    inner = config("t", checkpoint_ns=deep.checkpoint_ns, checkpoint_id=deep.checkpoint_id)
    found = call(saver, "get_tuple", inner)
    assert found is not None and found.metadata["step"] == 0

    assert {v.key for v in call(store, "changes", "t")} == {"first", "many0", "many1", "deep"}
    by_step = call(store, "changes", "t", started["many"].config["configurable"]["checkpoint_id"])
    assert {version.key for version in by_step} == {"many0", "many1"}

    # Memory as of a checkpoint holds what the step that made it wrote, and nothing later.
    for snapshot in history:
        for when in (snapshot, snapshot.config, snapshot.created_at):
            if hasattr(store, "__aenter__"):
                keys = {
                    item.key for item in store.test_loop.run_until_complete(store.as_of(when).asearch(()))
                }
            else:
                keys = {item.key for item in store.as_of(when).search(())}
            later = {
                "first": {"first", "many0", "many1", "deep"},
                "many": {"many0", "many1", "deep"},
                "sub": {"deep"},
            }
            everything = {"first", "many0", "many1", "deep"}
            gone = set().union(*(later.get(name, set()) for name in snapshot.next))
            if "__start__" in snapshot.next:
                gone = everything
            assert keys == everything - gone


def test_functional_api(make_saver: Any, make_store: Any) -> None:
    saver, store = make_saver("memory"), make_store("memory")

    @task
    def remember(name: str) -> str:
        get_store().put(("marks",), name, {"by": "task"})
        return name

    @entrypoint(checkpointer=saver, store=store)
    def work(name: str, *, store: BaseStore) -> str:
        store.put(("marks",), "entry", {"by": "entry"})
        return remember(name).result()

    work.invoke("x", config("t"))
    start = next(s for s in work.get_state_history(config("t")) if s.next)
    for key, node in (("entry", "work"), ("x", "remember")):
        (version,) = store.history(("marks",), key)
        assert version[3:6] == ("t", start.config["configurable"]["checkpoint_id"], node)
        assert version.checkpoint_ns == ""


def test_tools(make_saver: Any, make_store: Any) -> None:
    saver, store = make_saver("memory"), make_store("memory")

    @tool
    def remember(what: str, store: Annotated[Any, InjectedStore()]) -> str:
        """Remember something."""
        store.put(("marks",), what, {"by": "tool"})
        return "done"

    builder: StateGraph[Any, Any, Any, Any] = StateGraph(MessagesState)
    asked = AIMessage("", tool_calls=[{"name": "remember", "args": {"what": "pizza"}, "id": "1"}])
    builder.add_node("model", lambda state: {"messages": [asked]})
    builder.add_node("tools", ToolNode([remember]))
    builder.add_edge(START, "model")
    builder.add_edge("model", "tools")
    graph = builder.compile(checkpointer=saver, store=store)
    graph.invoke({"messages": [("user", "I like pizza")]}, config("t"))
    started = next(s for s in graph.get_state_history(config("t")) if s.next == ("tools",))
    (version,) = store.history(("marks",), "pizza")
    assert (version.node, version.checkpoint_id) == ("tools", started.config["configurable"]["checkpoint_id"])


def test_without_a_checkpointer_and_outside_of_graphs(make_store: Any) -> None:
    store = make_store("memory")
    build(store, False).compile(store=store).invoke({"seen": []}, config("t"))
    (version,) = store.history(("marks",), "first")
    assert version[3:6] == (None, None, "first") and version.task_id
    store.put(("a",), "k", {})
    assert store.history(("a",), "k")[0][3:8] == (None,) * 5
    told = Writer("other", "", "some-id", "someone", "task")
    with writing_as(told):
        store.put(("a",), "k", {"v": 1})
    version = store.history(("a",), "k")[-1]
    assert (version.thread_id, version.checkpoint_ns, version.checkpoint_id) == ("other", "", "some-id")
    assert (version.node, version.task_id) == ("someone", "task")
    assert store.changes(since=time.time()) == []
