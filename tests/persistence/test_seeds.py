"""The code samples of the two documents that the project began from, on every saver.

Only import lines change; what a sample leaves out ("add nodes and edges") is completed in the smallest way,
here and nowhere else. ``docs/COVERAGE.md`` lists each statement that LangGraph 1.2 contradicts.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import sys
import threading
import types
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.store.memory import InMemoryStore

from tests.support.documents import SEEDS, contents, find, sample
from tests.support.savers import ALL

pytestmark = pytest.mark.skipif(not SEEDS.is_dir(), reason="the documents are not beside the repository")


@pytest.fixture(params=ALL)
def new_saver(request: pytest.FixtureRequest, make_saver: Callable[..., Any]) -> Iterator[Callable[[], Any]]:
    """Makes savers of one kind that plain methods work with, as the documents use them."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    made: list[Any] = []

    def make(*_: Any, **__: Any) -> Any:
        saver = make_saver(request.param)
        if hasattr(saver, "__aenter__"):
            asyncio.run_coroutine_threadsafe(saver.setup(), loop).result()
        made.append(saver)
        return saver

    yield make
    for saver in made:
        if hasattr(saver, "__aenter__"):
            asyncio.run_coroutine_threadsafe(saver.close(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


class Savers:
    """Stands for the imported class: called, or by ``from_conn_string``, it makes the saver under test."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self.make = make

    def __call__(self) -> Any:
        return self.make()

    def from_conn_string(self, _: str) -> Any:
        return self.make()


_COUNT = itertools.count()
IMPORTS = re.compile(r"^from langgraph\.checkpoint\.[a-z.]+ import (\w+)$", re.M)


def execute(code: str, make: Callable[..., Any], **given: Any) -> dict[str, Any]:
    """Run a sample with its saver's import line changed."""
    module = types.ModuleType(f"sample_{next(_COUNT)}")
    sys.modules[module.__name__] = module  # where LangGraph looks up what a state's annotations name
    scope = module.__dict__
    scope.update({name: value for name, value in given.items() if not name.startswith("__")})
    for name in IMPORTS.findall(code):
        scope[name] = Savers(make)
    exec(IMPORTS.sub("pass", code), scope)
    return scope


def builder() -> StateGraph[Any, Any, Any, Any]:
    made: StateGraph[Any, Any, Any, Any] = StateGraph(MessagesState)
    made.add_node("chatbot", lambda state: {"messages": [("assistant", f"{len(state['messages'])}")]})
    made.add_edge(START, "chatbot")
    made.add_edge("chatbot", END)
    return made


def test_memory_saver(new_saver: Callable[[], Any]) -> None:
    code = find("# Create checkpointer").replace("# ... add nodes and edges ...", "builder = given_builder")
    scope = execute(code, new_saver, given_builder=builder())
    assert [message.content for message in scope["result"]["messages"]] == ["Hello", "1"]


def test_sqlite_saver_from_conn_string_called_plainly(new_saver: Callable[[], Any]) -> None:
    scope = execute(find('SqliteSaver.from_conn_string("checkpoints.db")'), new_saver, builder=builder())
    assert [message.content for message in scope["result"]["messages"]] == ["Hello", "1"]


def test_postgres_saver_from_conn_string_called_plainly(new_saver: Callable[[], Any]) -> None:
    scope = execute(find("# Create PostgreSQL checkpointer"), new_saver, builder=builder())
    assert type(scope["async_checkpointer"]) is type(scope["checkpointer"])
    assert scope["graph"].invoke({"messages": [("user", "x")]}, {"configurable": {"thread_id": "1"}})


def test_threads_do_not_see_each_other(new_saver: Callable[[], Any]) -> None:
    scope = execute(find("# Thread 1: First conversation"), new_saver, builder=builder())
    assert [len(scope[f"result{n}"]["messages"]) for n in (1, 2, 3)] == [2, 4, 2]


def test_listing_and_resuming(new_saver: Callable[[], Any], capsys: pytest.CaptureFixture[str]) -> None:
    graph = builder().compile(checkpointer=new_saver())
    graph.invoke({"messages": [("user", "Hello")]}, {"configurable": {"thread_id": "thread-1"}})
    execute(find("# Get current state of a thread"), new_saver, graph=graph)
    assert capsys.readouterr().out.count("Checkpoint: ") == 3
    execute(find("# Continue from where we left off"), new_saver, graph=graph)
    state = graph.get_state({"configurable": {"thread_id": "thread-1"}})
    assert contents(state) == ["Hello", "1", "Continue our chat", "3"]
    scope = execute(find("# Get checkpoint ID from history"), new_saver, graph=graph)
    chosen = scope["history"][2]
    assert scope["checkpoint_id"] == chosen.config["configurable"]["checkpoint_id"]
    assert scope["result"]["messages"][: len(chosen.values["messages"])] == chosen.values["messages"]


def test_updating_the_state_before_resuming(new_saver: Callable[[], Any]) -> None:
    graph = builder().compile(checkpointer=new_saver())
    graph.invoke({"messages": [("user", "Hello")]}, {"configurable": {"thread_id": "thread-1"}})
    execute(find("# Resume with updated state"), new_saver, graph=graph)
    state = graph.get_state({"configurable": {"thread_id": "thread-1"}})
    assert contents(state)[:3] == ["Hello", "1", "Modified message"]


def test_chat_with_memory(new_saver: Callable[[], Any]) -> None:
    scope = execute(find("# Multi-turn conversation"), new_saver)
    state = scope["graph"].get_state(scope["config"])
    assert contents(state) == ["Hi", "Response", "Remember me?", "Response"]


def test_preferences_across_threads(new_saver: Callable[[], Any]) -> None:
    code = find("# Use across different threads").replace(
        "builder = StateGraph(MessagesState)",
        "from langgraph.graph import StateGraph, MessagesState, START, END\nbuilder = StateGraph(MessagesState)",
    )
    code = code.replace(
        "# ... add edges ...", "builder.add_edge(START, 'load'); builder.add_edge('load', 'save')"
    )
    with pytest.raises(AttributeError, match="'Item' object has no attribute 'get'"):
        execute(code, new_saver)
    code = code.replace(
        'store.get(namespace, "settings") or {}', 'getattr(store.get(namespace, "settings"), "value", {})'
    )
    scope = execute(code, new_saver)
    final = scope["graph"].get_state(scope["config2"])
    assert contents(final) == ["What's my theme?", "Theme: dark"]


def test_compiling_without_and_with(new_saver: Callable[[], Any]) -> None:
    scope = execute(
        find("# ❌ No checkpointer - state not saved"), new_saver, builder=builder(), MemorySaver=new_saver
    )
    assert scope["graph"].checkpointer is scope["checkpointer"]


def test_forgetting_the_thread_id_is_an_error_now(new_saver: Callable[[], Any]) -> None:
    graph = builder().compile(checkpointer=new_saver())
    without, with_id = find("# ❌ No thread_id").split("# ✅")
    with pytest.raises(ValueError, match="thread_id"):
        execute(without, new_saver, graph=graph)
    assert execute(with_id.partition("\n")[2], new_saver, graph=graph)["result"]["messages"]


# -- the second document


def documented(new_saver: Callable[[], Any]) -> dict[str, Any]:
    code = sample("from langgraph.graph import StateGraph, START, END", 'graph.invoke({"foo": ""}, config)')
    return execute(code, new_saver)


def test_exactly_four_checkpoints_with_the_documented_values(new_saver: Callable[[], Any]) -> None:
    scope = documented(new_saver)
    scope |= execute(sample("# get the latest state snapshot", "graph.get_state(config)"), new_saver, **scope)
    history = list(scope["graph"].get_state_history(scope["config"]))
    assert [(state.values, state.next) for state in history] == [
        ({"foo": "b", "bar": ["a", "b"]}, ()),
        ({"foo": "a", "bar": ["a"]}, ("node_b",)),
        ({"foo": "", "bar": []}, ("node_a",)),
        ({"bar": []}, ("__start__",)),
    ]
    assert [(state.metadata["source"], state.metadata["step"]) for state in history] == [
        ("loop", 2),
        ("loop", 1),
        ("loop", 0),
        ("input", -1),
    ]
    assert [state.parent_config for state in history] == [*(state.config for state in history[1:]), None]


def test_the_writes_that_metadata_told_of_are_kept(new_saver: Callable[[], Any]) -> None:
    """Metadata has no ``writes`` since LangGraph 0.4; the savers keep them as rows."""
    scope = documented(new_saver)
    written: dict[str, set[str]] = {}
    for write in scope["checkpointer"].index("1").writes:
        written.setdefault(write.task_path.split(", ")[-1], set()).add(write.channel)
    assert written["node_a"] >= {"foo", "bar"} and written["node_b"] >= {"foo", "bar"}


def test_replaying_from_a_checkpoint(new_saver: Callable[[], Any]) -> None:
    scope = documented(new_saver)
    before = list(scope["graph"].get_state_history(scope["config"]))
    code = sample(
        'config = {"configurable": {"thread_id": "1", "checkpoint_id": "0c62',
        "graph.invoke(None, config=config)",
    )
    code = code.replace(
        "0c62ca34-ac19-445d-bbb0-5b4984975b2a", before[1].config["configurable"]["checkpoint_id"]
    )
    execute(code, new_saver, **scope)
    after = list(scope["graph"].get_state_history({"configurable": {"thread_id": "1"}}))
    assert len(after) > len(before) and after[0].values == {"foo": "b", "bar": ["a", "b"]}


def test_updating_appends_where_there_is_a_reducer(new_saver: Callable[[], Any]) -> None:
    scope = documented(new_saver)
    graph, config = scope["graph"], {"configurable": {"thread_id": "other"}}
    graph.update_state(config, {"foo": 1, "bar": ["a"]}, as_node="node_b")
    assert graph.get_state(config).values == {"foo": 1, "bar": ["a"]}
    execute(sample("graph.update_state(config, {", '"bar": ["b"]})'), new_saver, graph=graph, config=config)
    assert graph.get_state(config).values == {"foo": 2, "bar": ["a", "b"]}


def test_the_memory_store_beside_the_saver(new_saver: Callable[[], Any]) -> None:
    store = InMemoryStore()
    scope: dict[str, Any] = {"uuid": uuid, "in_memory_store": store}
    for start, end in (
        ('user_id = "1"\nnamespace_for_memory', '"memories")'),
        ("memory_id = str(uuid.uuid4())\nmemory = {", "memory_id, memory)"),
        ("memories = in_memory_store.search(namespace_for_memory)", "memories[-1].dict()"),
    ):
        scope = execute(sample(start, end), new_saver, **scope)
    assert scope["memories"][-1].dict()["value"] == {"food_preference": "I like pizza"}
    code = sample(
        "from langgraph.checkpoint.memory import MemorySaver\n\n# We need this because we want to enable threads",
        "store=in_memory_store)",
    )
    scope = execute(code, new_saver, **scope, graph=builder())
    streamed = execute(sample("# Invoke the graph\nuser_id", "print(update)"), new_saver, **scope)
    assert streamed["update"]["chatbot"]["messages"]
    second = sample('# Invoke the graph\nconfig = {"configurable": {"thread_id": "2"', "print(update)")
    assert execute(second, new_saver, **scope)["update"]["chatbot"]["messages"]
    assert isinstance(streamed["graph"].get_state(streamed["config"]).values["messages"][0], HumanMessage)
