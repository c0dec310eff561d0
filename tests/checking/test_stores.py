"""Which parameters LangGraph fills with the store, and which graphs lack one: held against LangGraph's own runs."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Optional, TypedDict

import pytest
from langgraph.config import get_store
from langgraph.graph import START, StateGraph
from langgraph.prebuilt import InjectedStore
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

import lgviz


class State(TypedDict, total=False):
    got: str


def told(store: Any) -> State:
    return {"got": type(store).__name__}


def annotated(annotation: Any, **default: Any) -> Any:
    """A node whose parameter ``store`` is annotated so: a text is what ``from __future__ import annotations`` leaves."""

    def node(state, store):
        return told(store)

    def node_with_default(state, store=None):
        return told(store)

    made = node_with_default if default else node
    made.__annotations__ = {"store": annotation} if annotation else {}
    return made


def keyword_only(state, *, store: BaseStore):
    return told(store)


keyword_only.__annotations__ = {"store": BaseStore}


def positional_only(state, store, /):
    return told(store)


def other_name(state, memory: BaseStore):
    return told(memory)


NODES = {
    "BaseStore": annotated(BaseStore),
    "'BaseStore'": annotated("BaseStore"),
    "none": annotated(None),
    "none, with a default": annotated(None, default=None),
    "Optional[BaseStore]": annotated(Optional[BaseStore]),  # noqa: UP045
    "BaseStore | None": annotated(BaseStore | None),
    "'BaseStore | None'": annotated("BaseStore | None"),
    "'BaseStore | None', with a default": annotated("BaseStore | None", default=None),
    "InMemoryStore": annotated(InMemoryStore),
    "InMemoryStore, with a default": annotated(InMemoryStore, default=None),
    "Any": annotated(Any),
    "injected": annotated(Annotated[BaseStore, InjectedStore()]),
    "keyword only": keyword_only,
    "positional only": positional_only,
    "another name": other_name,
}


def compiled(node: Any, store: BaseStore | None = None) -> Any:
    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile(store=store)


def found(graph: Any) -> dict[str, str]:
    return {one.code: one.severity for one in lgviz.check_graph(graph) if one.code != "no-checkpointer"}


@pytest.mark.parametrize("name", NODES)
def test_a_parameter_is_found_where_langgraph_leaves_it(name: str) -> None:
    graph = compiled(NODES[name], InMemoryStore())
    try:
        came = graph.invoke({"got": ""})["got"]
    except TypeError:
        came = "error"
    expected = {
        "InMemoryStore": {},
        "NoneType": {"store-not-filled": "warning"},
        "error": {"store-not-filled": "error"},
    }
    assert found(graph) == expected[came]


def test_what_is_given_by_a_partial_is_not_asked_for() -> None:
    graph = compiled(partial(annotated(InMemoryStore), store=InMemoryStore()))
    assert graph.invoke({"got": ""})["got"] == "InMemoryStore"
    assert found(graph) == {}


def by_runtime(state: State, runtime: Runtime) -> State:
    runtime.store.put(("a",), "b", {})
    return {}


def by_runtime_with_care(state: State, runtime: Runtime) -> State:
    if runtime.store is not None:
        runtime.store.put(("a",), "b", {})
    return {}


def by_function(state: State) -> State:
    get_store().put(("a",), "b", {})
    return {}


def by_parameter(state: State, *, store: BaseStore) -> State:
    store.put(("a",), "b", {})
    return {}


def without(state: State, *, store: Optional[BaseStore] = None) -> State:  # noqa: UP045
    return {"got": "none" if store is None else "one"}


@pytest.mark.parametrize("node", [by_runtime, by_function, by_parameter])
def test_a_store_that_lacks(node: Any) -> None:
    graph = compiled(node)
    with pytest.raises((AttributeError, RuntimeError, KeyError)):
        graph.invoke({"got": ""})
    assert found(graph) == {"no-store": "error"}
    compiled(node, InMemoryStore()).invoke({"got": ""})
    assert found(compiled(node, InMemoryStore())) == {}


@pytest.mark.parametrize("node", [by_runtime_with_care, without])
def test_a_node_that_does_without(node: Any) -> None:
    compiled(node).invoke({"got": ""})
    assert found(compiled(node)) == {}
