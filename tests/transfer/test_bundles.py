"""A thread in a file: whole, checked, imported into any saver, and gone on with there."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.store.memory import InMemoryStore
from pydantic import BaseModel
from typing_extensions import TypedDict

import lgviz
from lgviz import persistence
from lgviz.demos import approval, memory, subgraph, two_nodes
from lgviz.errors import (
    DamagedData,
    LgvizError,
    MissingFile,
    NotADatabase,
    NotASource,
    NotKept,
    SourceError,
    ThreadExists,
)
from lgviz.persistence.serde.exact import ExactSerializer
from lgviz.sources.bundle_file import Manifest, write_bundle
from lgviz.sources.lgviz.tables import TablesSource
from tests.support.delta_threads import agent, drive
from tests.support.savers import SAVERS, config, text


class Count(TypedDict):
    n: int


@pytest.fixture(params=SAVERS)
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return SAVERS[request.param](tmp_path / "threads.db")


@pytest.fixture(params=SAVERS)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return SAVERS[request.param](tmp_path / "imported.db")


def told(history: lgviz.History) -> list[Any]:
    """All that a thread tells, in all namespaces."""
    found = []
    for row in range(len(history.tree)):
        c = history.checkpoint_at(row)
        told = c.label, c.id, c.namespace, c.nodes, c.values, c.next, c.metadata, c.interrupts
        found.append((*told, {node: list(writes) for node, writes in c.writes.items()}))
    return found


@pytest.mark.parametrize("demo", [two_nodes, subgraph, approval])
def test_the_file_tells_what_the_saver_told(demo: Any, saver: Any, tmp_path: Path) -> None:
    graph = demo.build(saver)
    demo.seed(graph, thread_id="1")
    demo.seed(graph, thread_id="another")
    bundle = lgviz.save_bundle(graph, "1", tmp_path / "bug.lgviz")
    source = lgviz.history(saver, "1")
    history = lgviz.history(bundle.path)
    assert history.thread_id == bundle.thread_id == "1" and history.threads == ["1"]
    assert told(history) == told(source)
    assert bundle.manifest.checkpoints == len(source.tree) and bundle.size == Path(bundle.path).stat().st_size
    assert lgviz.open_bundle(bundle.path).manifest == bundle.manifest


@pytest.mark.parametrize("demo", [two_nodes, subgraph])
def test_what_is_imported_is_forked_and_run_as_the_original_is(
    demo: Any, target: Any, tmp_path: Path
) -> None:
    original = demo.build(persistence.MemorySaver())
    demo.seed(original, thread_id="1")
    bundle = lgviz.save_bundle(original, "1", tmp_path / "bug.lgviz")
    assert bundle.import_into(target, "copy") == "copy"
    assert told(lgviz.history(target, "copy")) == told(lgviz.history(original.checkpointer, "1"))
    outcomes = []
    for graph, thread in ((original, "1"), (demo.build(target), "copy")):
        at = lgviz.history(graph, thread)["c2"]
        forked = lgviz.fork(graph, at, None)
        outcomes.append((forked.label, forked.next, lgviz.run(graph, forked).values))
    assert outcomes[0] == outcomes[1]
    with pytest.raises(ThreadExists, match="'copy' already"):
        bundle.import_into(target, "copy")


def test_a_question_that_waits_is_answered_where_it_was_imported(target: Any, tmp_path: Path) -> None:
    original, copy = approval.build(persistence.MemorySaver()), approval.build(target)
    lgviz.start(original, approval.INPUT, thread_id="1")
    lgviz.save_bundle(original, "1", tmp_path / "bug.lgviz").import_into(target)
    outcomes = []
    for graph in (original, copy):
        waiting = lgviz.history(graph, "1").latest
        asked = graph.get_state(config()).interrupts
        assert asked and waiting.interrupts == asked
        outcomes.append((asked, lgviz.run(graph, waiting, resume="reject").values))
    assert outcomes[0] == outcomes[1]


def test_a_loop_goes_on_where_it_was_imported(target: Any, tmp_path: Path) -> None:
    """A new version must be newer than those that another saver gave."""
    builder = StateGraph(Count).add_node("more", lambda state: {"n": state["n"] + 1})
    builder.add_edge(START, "more").add_conditional_edges(
        "more", lambda state: "more" if state["n"] % 5 else END
    )
    graph, copy = builder.compile(persistence.MemorySaver()), builder.compile(target)
    graph.invoke({"n": 1}, config())
    lgviz.save_bundle(graph, "1", tmp_path / "bug.lgviz").import_into(target)
    for each in (graph, copy):
        assert each.invoke({"n": 6}, config()) == {"n": 10}
        assert lgviz.run(each, "c3", thread_id="1").values == {"n": 5}
        forked = lgviz.fork(each, "c3", {"n": 11}, thread_id="1")
        assert lgviz.run(each, forked).values == {"n": 15}


def test_delta_channels_come_along(target: Any, tmp_path: Path) -> None:
    graph = agent(persistence.MemorySaver())
    drive(graph, 3)
    history = lgviz.history(graph)
    bundle = lgviz.save_bundle(graph, history.thread_id, tmp_path / "bug.lgviz")
    bundle.import_into(target)
    copy = lgviz.history(agent(target), history.thread_id)
    assert [(c.label, c.values, c.next) for c in copy] == [(c.label, c.values, c.next) for c in history]


async def test_into_a_saver_of_an_event_loop(tmp_path: Path) -> None:
    graph = two_nodes.build(persistence.MemorySaver())
    two_nodes.seed(graph, thread_id="1")
    bundle = lgviz.save_bundle(graph, "1", tmp_path / "bug.lgviz")
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
        assert await bundle.aimport_into(saver) == "1"
        states = [state.values async for state in two_nodes.build(saver).aget_state_history(config())]
    assert states == [state.values for state in graph.get_state_history(config())]


def test_the_path_to_a_checkpoint_alone(tmp_path: Path) -> None:
    graph = two_nodes.build(persistence.MemorySaver())
    two_nodes.seed(graph, thread_id="1")
    for at in ("c2", lgviz.history(graph, "1")["c2"]):
        bundle = lgviz.save_bundle(graph, "1", tmp_path / "bug.lgviz", at=at)
        assert [c.label for c in lgviz.history(bundle.path)] == ["c0", "c1", "c2"]


@pytest.mark.parametrize("kind", [persistence.InMemoryStore, InMemoryStore])
def test_memory_as_it_was(kind: Any, tmp_path: Path) -> None:
    store = persistence.InMemoryStore()
    graph = memory.build(persistence.MemorySaver(), store)
    memory.seed(graph, thread_id="1")
    store.put(("later",), "x", {"text": "after the thread"})
    bundle = lgviz.save_bundle(graph, "1", tmp_path / "bug.lgviz")
    saver, imported = persistence.MemorySaver(), kind()
    bundle.import_into(saver, "copy", store=imported)
    facts = memory.facts_of("mia")
    assert [item.value for item in imported.search(facts)] == [item.value for item in store.search(facts)]
    assert imported.get(("later",), "x") is None
    if kind is InMemoryStore:
        return
    for key in ("diet", "home"):
        then = [(v.value, v.at, v.deleted, v.node, v.checkpoint_id) for v in store.history(facts, key)]
        now = [(v.value, v.at, v.deleted, v.node, v.checkpoint_id) for v in imported.history(facts, key)]
        assert now == then
    assert {v.thread_id for v in imported.history(facts, "diet")} == {"1-monday", "copy"}
    for old in lgviz.history(graph, "1"):
        new = lgviz.history(saver, "copy")[old.id]
        assert [i.value for i in imported.as_of(new).search(facts)] == [
            i.value for i in store.as_of(old).search(facts)
        ]


def test_memory_is_left_out_or_taken_by_namespace(tmp_path: Path) -> None:
    store = InMemoryStore()
    store.put(("users", "ann"), "diet", {"text": "vegan"})
    store.put(("users", "bob"), "diet", {"text": "fish"})
    graph = two_nodes.build(persistence.MemorySaver())
    two_nodes.seed(graph, thread_id="1")
    for chosen, items in ((True, 2), (False, 0), ([("users", "ann")], 1)):
        bundle = lgviz.save_bundle(graph, "1", tmp_path / "b.lgviz", store=store, memory=chosen)
        assert bundle.manifest.items == items


class Order(BaseModel):
    total: int


def test_nothing_of_it_is_built_but_what_is_trusted(tmp_path: Path) -> None:
    builder = StateGraph(dict).add_node("sell", lambda state: {"order": Order(total=3)})
    graph = (
        builder.add_edge(START, "sell").add_edge("sell", END).compile(checkpointer=persistence.MemorySaver())
    )
    graph.invoke({}, config())
    bundle = lgviz.save_bundle(graph, "1", tmp_path / "bug.lgviz")
    code = f"""
import lgviz
history = lgviz.history({bundle.path!r})
print(type(history.latest.values["order"]).__name__)
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "Placeholder"
    # What could not be built goes on as the bytes that it was.
    saver = persistence.MemorySaver()
    lgviz.open_bundle(bundle.path).import_into(saver)
    copy = builder.compile(checkpointer=saver)
    assert copy.get_state(config()).values == graph.get_state(config()).values


def test_a_file_that_is_not_what_was_written(tmp_path: Path) -> None:
    graph = two_nodes.build(persistence.MemorySaver())
    two_nodes.seed(graph, thread_id="1")
    path = tmp_path / "bug.lgviz"
    lgviz.save_bundle(graph, "1", path)
    whole = path.read_bytes()
    hashed = len(b"lgviz bundle 1\n")
    for place in (hashed, hashed + 70, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DamagedData, match="The bundle bug"):
            lgviz.history(path)
    for size in (hashed + 10, hashed + 70, len(whole) - 5):
        path.write_bytes(whole[:size])
        with pytest.raises(DamagedData, match="The bundle bug"):
            lgviz.history(path)
    path.write_bytes(b"lgviz bundle 2\n" + whole[hashed:])
    with pytest.raises(SourceError, match=r"format '2'; this lgviz reads format 1.*Upgrade lgviz"):
        lgviz.open_bundle(path)
    with pytest.raises(MissingFile):
        lgviz.open_bundle(tmp_path / "no.lgviz")
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(NotADatabase, match="is no bundle"):
        lgviz.open_bundle(path)


def test_one_that_holds_more_than_it_says_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.lgviz"
    write_bundle(path, Manifest("1", 1, 0, 0, 1000, "2026-01-01T00:00:00+00:00", "1"), bytes(50_000_000))
    assert path.stat().st_size < 10_000
    with pytest.raises(DamagedData, match="holds more than it says"):
        lgviz.history(path)
    said = json.dumps({"thread_id": ["1"]}).encode()
    path.write_bytes(b"lgviz bundle 1\n" + b"0" * 64 + b"\n" + said + b"\n")
    with pytest.raises(DamagedData, match="manifest cannot be read"):
        lgviz.open_bundle(path)


def test_refusals(tmp_path: Path) -> None:
    graph = two_nodes.build(persistence.MemorySaver())
    two_nodes.seed(graph, thread_id="1")
    for arguments, says in (
        (("no", tmp_path / "a.lgviz"), "no thread 'no'"),
        (("1", tmp_path / "no" / "a.lgviz"), "There is no folder"),
        (("1", tmp_path), "cannot be written"),
    ):
        with pytest.raises(LgvizError, match=says):
            lgviz.save_bundle(graph, *arguments)
    assert [*tmp_path.iterdir()] == []
    bundle = lgviz.save_bundle(graph, "1", tmp_path / "a.lgviz")
    with pytest.raises(NotASource, match="saver to import into"):
        bundle.import_into(graph)


def test_what_lgviz_stored_is_copied_as_it_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To decode and encode each state anew takes the square of a chat's length."""

    def hashes(saver: Any) -> set[bytes]:
        return {bytes(key) for (key,) in saver.conn.execute("SELECT hash FROM lgviz_blocks")}

    def fail(state: Any) -> Any:
        raise ValueError(text(3))

    builder = StateGraph(MessagesState).add_node(
        "chat", lambda state: {"messages": [AIMessage(text(len(state["messages"])))]}
    )
    builder.add_node("fail", fail).add_edge(START, "chat").add_edge("chat", "fail")
    original = persistence.MemorySaver()
    graph = builder.compile(checkpointer=original)
    for turn in range(20):
        with pytest.raises(ValueError, match=text(3)[:9]):
            graph.invoke({"messages": [("user", text(100 + turn))]}, config())
    bundle = lgviz.save_bundle(graph, "1", tmp_path / "bug.lgviz")
    quick, slow = persistence.MemorySaver(), persistence.MemorySaver()
    read: list[Any] = []
    loads = ExactSerializer.loads_typed
    with monkeypatch.context() as patch:
        patch.setattr(
            ExactSerializer, "loads_typed", lambda self, data: read.append(data) or loads(self, data)
        )
        bundle.import_into(quick)
        assert len(read) < 3 * bundle.manifest.checkpoints
        patch.setattr(TablesSource, "writes_alike", lambda self, saver: False)
        bundle.import_into(slow)
        assert len(read) > 20 * bundle.manifest.checkpoints
    assert hashes(quick) == hashes(slow) == hashes(original)
    assert (
        told(lgviz.history(quick, "1"))
        == told(lgviz.history(slow, "1"))
        == told(lgviz.history(original, "1"))
    )
    assert quick.check() == []


async def test_a_saver_that_cannot_keep_a_value_is_left_as_it_was(tmp_path: Path) -> None:
    builder = StateGraph(dict).add_node("sell", lambda state: {"frame": pd.DataFrame({"n": [1]})})
    builder.add_edge(START, "sell")
    graph = builder.compile(checkpointer=persistence.MemorySaver())
    graph.invoke({}, config())
    bundle = lgviz.save_bundle(graph, "1", tmp_path / "bug.lgviz")
    saver = InMemorySaver()
    says = r"InMemorySaver cannot keep the thread: .*DataFrame.* Import it into a saver of lgviz"
    with pytest.raises(NotKept, match=says):
        bundle.import_into(saver)
    with pytest.raises(NotKept, match=says):
        await bundle.aimport_into(saver)
    assert [*saver.list(None)] == []
    assert bundle.import_into(persistence.MemorySaver()) == "1"


def test_size_and_no_trace(tmp_path: Path) -> None:
    """A chat of 50 turns: what is said, compressed, and no file beside it."""
    builder = StateGraph(dict)
    said = [text(n) for n in range(50)]
    for n, words in enumerate(said):
        builder.add_node(f"n{n}", lambda state, words=words: {"said": [*state.get("said", []), words]})
        builder.add_edge(START if n == 0 else f"n{n - 1}", f"n{n}")
    graph = builder.compile(checkpointer=persistence.MemorySaver())
    graph.invoke({}, config() | {"recursion_limit": 100})
    bundle = lgviz.save_bundle(graph, "1", tmp_path / "a.lgviz")
    assert len(lgviz.history(bundle.path)) == bundle.manifest.checkpoints == 52
    assert [path.name for path in tmp_path.iterdir()] == ["a.lgviz"]
    assert bundle.size < sum(map(len, said)) + 52 * 1024 < bundle.manifest.bytes


def test_an_asynchronous_graph_is_bundled_from_its_loop(tmp_path: Path) -> None:
    async def main() -> int:
        async with persistence.AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
            graph = two_nodes.build(saver)
            await graph.ainvoke({"foo": "", "bar": []}, config())
            return lgviz.save_bundle(graph, "1", tmp_path / "a.lgviz").manifest.checkpoints

    assert asyncio.run(main()) == 4
