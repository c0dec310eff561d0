"""The store samples of the two documents that the project began from, on every store, across threads and users.

As in ``test_seeds.py`` only import lines change, and what a sample leaves out is completed in the smallest way.
"""

from __future__ import annotations

import asyncio
import re
import sys
import threading
import types
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langgraph.graph import END, START, MessagesState, StateGraph

from lgviz.persistence import MemorySaver
from tests.support.documents import SEEDS, contents, find, sample
from tests.support.embeddings import words
from tests.support.savers import ALL

pytestmark = pytest.mark.skipif(not SEEDS.is_dir(), reason="the documents are not beside the repository")

IMPORTS = re.compile(
    r"^from (?:langgraph\.(?:checkpoint|store)\.memory|langchain\.embeddings) import .*$", re.M
)
GRAPH = "from langgraph.graph import StateGraph, MessagesState, START, END\n"


@pytest.fixture(params=ALL)
def new_store(request: pytest.FixtureRequest, make_store: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Makes stores of one kind that plain methods work with, as the documents use them."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    made: list[Any] = []

    def make(**options: Any) -> Any:
        store = make_store(request.param, **options)
        if hasattr(store, "__aenter__"):
            asyncio.run_coroutine_threadsafe(store.setup(), loop).result()
        made.append(store)
        return store

    yield make
    for store in made:
        if hasattr(store, "__aenter__"):
            asyncio.run_coroutine_threadsafe(store.close(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def embed(texts: list[str]) -> list[list[float]]:
    """As many dimensions as the sample's model has; texts that share words are near."""
    return [row + [0.0] * (1536 - len(row)) for row in words(texts)]


def execute(code: str, make: Callable[..., Any], **given: Any) -> dict[str, Any]:
    """Run a sample with the imports of its store, saver and embeddings changed."""
    module = types.ModuleType(f"sample_{uuid.uuid4().hex}")
    sys.modules[module.__name__] = module
    scope = module.__dict__
    scope.update({name: value for name, value in given.items() if not name.startswith("__")})
    scope.update(InMemoryStore=make, MemorySaver=MemorySaver, init_embeddings=lambda name: embed, uuid=uuid)
    exec(IMPORTS.sub("pass", code), scope)
    return scope


def test_nodes_that_use_a_store(new_store: Callable[..., Any]) -> None:
    code = find("def node_with_store")
    scope = execute(
        GRAPH
        + code.replace(
            "from langgraph.types import RunnableConfig",
            "from langchain_core.runnables import RunnableConfig",
        ),
        new_store,
    )
    made: StateGraph[Any, Any, Any, Any] = StateGraph(MessagesState)
    made.add_node("node", scope["node_with_store"])
    made.add_edge(START, "node")
    made.add_edge("node", END)
    compiled = execute(find("# Create store and checkpointer"), new_store, builder=made)
    graph, store = compiled["graph"], compiled["store"]
    for thread, user, told in (("1", "ann", "None"), ("2", "ann", "'dark'"), ("3", "bob", "None")):
        place = {"configurable": {"thread_id": thread, "user_id": user}}
        assert told in graph.invoke({"messages": [("user", "hi")]}, place)["messages"][-1].content
    assert store.list_namespaces() == [("ann", "preferences"), ("bob", "preferences")]
    assert [v.thread_id for v in store.history(("ann", "preferences"), "settings")] == ["1", "2"]


def test_store_operations(new_store: Callable[..., Any]) -> None:
    scope = execute(find("def manage_memories"), new_store)
    code = find("def manage_memories") + "\n    return memory, results, all_memories"
    store = new_store()
    memory, results, everything = execute(code, new_store)["manage_memories"](store, "ann")
    assert memory.value == {"content": "User likes Python"}
    assert [item.value for item in results] == [item.value for item in everything] == [memory.value]
    assert store.get(("ann", "memories"), "mem-1") is None and scope["manage_memories"](store, "bob") is None
    assert [v.deleted for v in store.history(("ann", "memories"), "mem-1")] == [False, True]


def test_preferences_across_threads(new_store: Callable[..., Any]) -> None:
    code = GRAPH + find("# Use across different threads").replace(
        "# ... add edges ...", "builder.add_edge(START, 'load'); builder.add_edge('load', 'save')"
    ).replace(
        'store.get(namespace, "settings") or {}', 'getattr(store.get(namespace, "settings"), "value", {})'
    )
    scope = execute(code, new_store)
    assert contents(scope["graph"].get_state(scope["config2"])) == ["What's my theme?", "Theme: dark"]


def test_the_keyword_only_parameter(new_store: Callable[..., Any]) -> None:
    scope = execute(find("def good_node"), new_store)
    made: StateGraph[Any, Any, Any, Any] = StateGraph(MessagesState)
    made.add_node("node", scope["good_node"])
    made.add_edge(START, "node")
    assert made.compile(store=new_store()).invoke({"messages": []}) == {"messages": []}


def test_basic_usage_and_use_in_a_graph(new_store: Callable[..., Any]) -> None:
    scope: dict[str, Any] = {}
    for start, end in (
        ("from langgraph.store.memory import InMemoryStore\nin_memory_store", "InMemoryStore()"),
        ('user_id = "1"\nnamespace_for_memory', '"memories")'),
        ("memory_id = str(uuid.uuid4())\nmemory = {", "memory_id, memory)"),
        ("memories = in_memory_store.search(namespace_for_memory)", "memories[-1].dict()"),
    ):
        scope = execute(sample(start, end), new_store, **scope)
    found = scope["memories"][-1].dict()
    assert found["value"] == {"food_preference": "I like pizza"} and found["namespace"] == ["1", "memories"]
    assert found["key"] == scope["memory_id"]
    assert {"value", "key", "namespace", "created_at", "updated_at"} <= found.keys()

    compile_it = sample(
        "from langgraph.checkpoint.memory import MemorySaver\n\n# We need this because we want to enable threads",
        "store=in_memory_store)",
    )
    imports = (
        "from langchain_core.runnables import RunnableConfig\nfrom langgraph.store.base import BaseStore\n"
    )
    update = execute(
        GRAPH + imports + sample("def update_memory(", '{"memory": memory})'), new_store, memory="likes pizza"
    )["update_memory"]
    call_code = sample("def call_model(", "for d in memories])").replace(
        "    # Search based on", '    namespace = (user_id, "memories")\n    # Search based on'
    )
    call_model = execute(
        GRAPH + imports + call_code + "\n    return {'messages': [('assistant', info)]}", new_store
    )
    graph = StateGraph(MessagesState)
    graph.add_node("update_memory", lambda state, config, *, store: update(state, config, store=store) or {})
    graph.add_node("call_model", call_model["call_model"])
    graph.add_edge(START, "update_memory")
    graph.add_edge("update_memory", "call_model")
    fresh = new_store()
    scope = execute(compile_it, new_store, graph=graph, in_memory_store=fresh)
    first = execute(sample("# Invoke the graph\nuser_id", "print(update)"), new_store, **scope)
    second = sample('# Invoke the graph\nconfig = {"configurable": {"thread_id": "2"', "print(update)")
    told = execute(second, new_store, **scope)["update"]["call_model"]["messages"]
    assert first["update"]["call_model"]["messages"][-1][1] == "likes pizza"
    assert told[-1][1] == "likes pizza\nlikes pizza"
    assert [v.thread_id for v in fresh.changes()] == ["1", "2"]


def test_semantic_search(new_store: Callable[..., Any]) -> None:
    scope: dict[str, Any] = {"namespace_for_memory": ("1", "memories")}
    scope = execute(
        sample(
            "from langchain.embeddings import init_embeddings",
            '"$"]              # Fields to embed\n    }\n)',
        ),
        new_store,
        **scope,
    )
    scope = execute(sample("# Store with specific fields to embed", "index=False\n)"), new_store, **scope)
    scope["store"].put(("1", "memories"), "cake", {"food_preference": "the user does like to eat cake"})
    code = sample("# Find memories about food preferences", "limit=3  # Return top 3 matches\n)")
    found = execute(code, new_store, **scope)["memories"]
    assert found[0].key == "cake" and found[0].score > found[1].score
    assert len(found) == 3 and found[2].score is None  # the one that was stored without embedding
