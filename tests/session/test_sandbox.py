"""Sandboxed runs: nothing of them reaches the saver or the store until it is kept."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import itertools
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite import SqliteStore
from langgraph.store.sqlite.aio import AsyncSqliteStore
from langgraph.types import Command, interrupt

import lgviz.session as session
from lgviz import persistence
from lgviz.analysis.history import open_history
from lgviz.demos import DEMOS, approval, memory, two_nodes
from lgviz.errors import CheckpointNotFound, MemoryConflict, SandboxEnded
from lgviz.session.store_leaks import leaky_nodes
from tests.support import delta_forks, savers
from tests.support.graphs import CONFIG, Log

MIA = memory.facts_of("mia")


@dataclass
class Place:
    """A saver and a store in files of their own."""

    saver: Any
    store: BaseStore
    files: list[Path]

    def digest(self) -> str:
        """Of every byte on disk, the write-ahead logs too."""
        found = hashlib.sha256()
        for file in sorted(f for base in self.files for f in base.parent.glob(base.name + "*")):
            if not file.name.endswith("-shm"):  # where readers are counted
                found.update(file.name.encode() + file.read_bytes())
        if "InMemory" in type(self.store).__name__:
            found.update(repr(sorted(map(repr, self.store.search((), limit=100)))).encode())
        return found.hexdigest()

    def facts(self) -> dict[str, str]:
        return {item.key: item.value["text"] for item in self.store.search(MIA)}


def langgraphs_store(file: Path) -> BaseStore:
    store = SqliteStore(sqlite3.connect(file, check_same_thread=False, isolation_level=None))
    store.setup()
    return store


STORES: dict[str, Callable[[Path], BaseStore]] = {
    "langgraph-memory": lambda _file: InMemoryStore(),
    "langgraph-sqlite": langgraphs_store,
    "lgviz-memory": lambda _file: persistence.InMemoryStore(),
    "lgviz-sqlite": lambda file: persistence.SqliteStore.from_conn_string(str(file)),
}
SAVERS = {"langgraph": SqliteSaver, "lgviz": persistence.SqliteSaver}


@pytest.fixture(params=[(saver, store) for saver in SAVERS for store in STORES], ids="-".join)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    files = [tmp_path / "checkpoints.db", tmp_path / "store.db"]
    conn = sqlite3.connect(files[0], check_same_thread=False)
    saver, store = request.param
    yield Place(SAVERS[saver](conn), STORES[store](files[1]), files)
    conn.close()


def versioned(store: BaseStore) -> bool:
    return hasattr(store, "as_of")


def remembering(place: Place) -> Any:
    graph = memory.build(place.saver, place.store)
    memory.seed(graph)
    return graph


def first_turn(graph: Any) -> Any:
    """The checkpoint before the first recall of thread 1: Mia was vegetarian then."""
    return next(c for c in open_history(graph, "1") if c.next == ("recall",))


def tell(graph: Any, text: str, *, at: Any = None, **more: Any) -> session.Run:
    """Another turn of Mia, in a sandbox."""
    start = open_history(graph, "1").latest if at is None else at
    return session.run(graph, start, memory.ask(9, text), sandbox=True, **more)


# ---------------------------------------------------------------- nothing is written


@pytest.mark.parametrize("name", DEMOS)
def test_no_demo_leaves_a_trace_and_each_can_be_kept(name: str, place: Place) -> None:
    demo = DEMOS[name]
    graph = demo.build(place.saver, place.store) if name == "memory" else demo.build(place.saver)
    demo.seed(graph)
    starts = [c for c in open_history(graph, "1") if c.next]
    assert starts
    for start in starts:
        before, known = place.digest(), {c.id for c in open_history(graph, "1")}
        run = session.run(graph, start, sandbox=True)
        assert place.digest() == before, start
        assert run.configs, start
        assert not {c.id for c in run.checkpoints} & known
    told = [(c.id, c.values, c.next, c.nodes, c.created_at) for c in run.checkpoints]
    run.keep(overwrite=True)
    history = open_history(graph, "1")
    kept = [history[id_] for id_, *_ in told]
    assert [(c.id, c.values, c.next, c.nodes, c.created_at) for c in kept] == told
    assert all(c.label.startswith("c") for c in kept)


def test_memory_is_that_of_the_checkpoint_where_the_store_keeps_versions(place: Place) -> None:
    graph = remembering(place)
    run = session.run(graph, first_turn(graph), sandbox=True)
    if versioned(place.store):
        assert run.values["known"] == {"diet": "vegetarian", "home": "Porto"}
        assert run.memory_as_of is not None
        assert "memory as of 2" in repr(run)
    else:
        assert run.values["known"] == {"diet": "fish"}
        assert run.memory_as_of is None
        assert f"memory as of now, for {type(place.store).__name__} keeps no versions" in repr(run)
    assert run.memories == []


def test_where_the_memory_of_its_moment_was_dropped_it_reads_that_of_now(place: Place) -> None:
    if not versioned(place.store):
        pytest.skip("keeps no versions")
    graph = remembering(place)
    start = first_turn(graph)
    place.store.compact()  # type: ignore[attr-defined]
    run = tell(graph, "I live in Rome.", at=start)
    assert run.status == "done" and run.memory_as_of is None and run.sandbox is not None
    assert run.sandbox.memory.startswith("memory as of now") and "compact()" in run.sandbox.memory
    run.keep()
    assert place.facts()["home"] == "Rome"


class Client:
    """Holds a store, and can be a node."""

    def __init__(self, store: BaseStore) -> None:
        self.store = store

    def __call__(self, _state: Any) -> dict[str, Any]:
        self.store.put(("mine",), "k", {})
        return {}


def past_its_graph(how: str, store: BaseStore) -> Callable[..., Any]:
    """A node that writes past the store that its graph gives it."""

    def given(_state: Any, mine: BaseStore) -> dict[str, Any]:
        mine.put(("mine",), "k", {})
        return {}

    def helped(_state: Any) -> list[Any]:
        return [client(None) for _ in range(1)]

    def by_default(_state: Any, mine: BaseStore = store) -> dict[str, Any]:
        return given(None, mine)

    client = Client(store)
    ways: dict[str, Callable[..., Any]] = {
        "callable": client,
        "method": client.__call__,
        "partial": functools.partial(given, mine=store),
        "default": by_default,
        "helper": helped,
        "none": lambda _state: {},
    }
    return ways[how]


@pytest.mark.parametrize("how", ["callable", "method", "partial", "default", "helper", "none"])
def test_nodes_that_hold_a_store_are_named(how: str) -> None:
    graph = StateGraph(Log)
    graph.add_node("node", past_its_graph(how, InMemoryStore()))
    graph.add_edge(START, "node")
    inside = graph.compile()
    outer = StateGraph(Log)
    outer.add_node("inside", inside)
    outer.add_edge(START, "inside")
    compiled = outer.compile(store=InMemoryStore())
    assert list(leaky_nodes(compiled)) == ([] if how == "none" else ["node"])


def test_what_nodes_remember_stays_in_the_sandbox(place: Place) -> None:
    graph = remembering(place)
    before = place.digest()
    run = tell(graph, "I am vegan. Forget my diet. I live in Braga.")
    assert [(c.key, c.kind, c.after) for c in run.memories if c.kind == "added"] == [
        ("home", "added", {"text": "Braga", "said": "I am vegan. Forget my diet. I live in Braga."})
    ]
    assert (run.memories[0].namespace, run.memories[0].key, run.memories[0].kind) == (MIA, "diet", "removed")
    again = session.run(run.graph, run.config, memory.ask(10, "Where should I have dinner?"))
    assert again.values["known"] == {"home": "Braga"}
    assert again.sandbox is run.sandbox
    assert place.digest() == before
    run.discard()
    assert place.digest() == before
    assert run.memories == []
    assert {c.id for c in open_history(graph, "1")}.isdisjoint(
        c["configurable"]["checkpoint_id"] for c in run.configs
    )
    with pytest.raises(SandboxEnded, match="discarded already"):
        run.keep()
    with pytest.raises(SandboxEnded):
        again.discard()
    with pytest.raises(SandboxEnded):
        session.run(run.graph, run.config, memory.ask(11, "Still there?"))


def test_a_run_in_the_open_has_nothing_to_keep(place: Place) -> None:
    graph = remembering(place)
    run = session.run(graph, first_turn(graph))
    assert run.memories == []
    for act in (run.keep, run.discard):
        with pytest.raises(SandboxEnded, match="no sandbox"):
            act()


# ---------------------------------------------------------------- kept


def test_kept_it_is_as_if_it_had_run_in_the_open(place: Place) -> None:
    graph = remembering(place)
    run = tell(graph, "I am vegan and I live in Braga.")
    again = session.run(run.graph, run.config, memory.ask(10, "Where should I have dinner?"))
    told = [(c.id, c.values, c.next, c.nodes, dict(c.writes)) for c in (*run.checkpoints, *again.checkpoints)]
    labels = [c.label for c in (*run.checkpoints, *again.checkpoints)]
    assert labels == [f"s{n}" for n in range(1, len(labels) + 1)]
    count = len(open_history(graph, "1"))
    kept = again.keep()
    assert [c["configurable"]["checkpoint_id"] for c in kept] == [id_ for id_, *_ in told]
    history = open_history(graph, "1")
    assert [c.label for c in history[count:]] == [f"c{n}" for n in range(count, count + len(told))]
    assert [(c.id, c.values, c.next, c.nodes, dict(c.writes)) for c in history[count:]] == told
    assert place.facts() == {"diet": "vegan", "home": "Braga"}
    assert (
        graph.invoke(memory.ask(11, "And dinner now?"), memory.config_for("mia", "1"))["known"]
        == place.facts()
    )
    assert {c.key: c.after["text"] for c in run.memories} == place.facts()
    with pytest.raises(SandboxEnded, match="kept already"):
        run.keep()


@pytest.mark.parametrize("saver", savers.SAVERS)
def test_kept_delta_channels_hold_what_each_branch_wrote(saver: str, tmp_path: Path) -> None:
    graph = delta_forks.build(savers.SAVERS[saver](tmp_path / "s.db"), tag=itertools.count(1, 3).__next__)
    graph.invoke(delta_forks.both("input"), CONFIG, durability="sync")
    after_a = open_history(graph, "1")["c2"]
    box = session.open_sandbox(graph, after_a)
    runs = [session.run(box.graph, after_a.config)]
    for text in ("one", "two"):
        fork = session.fork(box.graph, after_a.config, delta_forks.both(text), as_node="a")
        runs.append(session.run(box.graph, fork.config))
    told = [run.values for run in runs]
    box.keep()
    assert [graph.get_state(run.config).values for run in runs] == told
    assert not delta_forks.wrong(graph)


@pytest.mark.parametrize("place", [("langgraph", "lgviz-sqlite"), ("lgviz", "lgviz-memory")], indirect=True)
def test_kept_memories_say_who_wrote_them_and_when(place: Place) -> None:
    graph = remembering(place)
    run = tell(graph, "I am vegan.")
    before = run.checkpoint.parent
    run.keep()
    version = place.store.history(MIA, "diet")[-1]  # type: ignore[attr-defined]
    assert (version.value["text"], version.thread_id, version.node) == ("vegan", "1", "remember")
    history = open_history(graph, "1")
    assert version.checkpoint_id == before.id
    assert history[version.checkpoint_id].next == ("remember",)

    def diet(at: Any) -> str:
        found = place.store.as_of(at).get(MIA, "diet")  # type: ignore[attr-defined]
        return str(found.value["text"])

    # as of the kept checkpoints, though their memories were written later than they were made
    assert [diet(c) for c in history.path(run.checkpoint.id)[-2:]] == ["fish", "vegan"]
    again = session.run(graph, run.config, memory.ask(10, "Where should I have dinner?"), sandbox=True)
    assert again.values["known"] == {"diet": "vegan"}


@pytest.mark.parametrize("place", [("lgviz", "lgviz-memory")], indirect=True)
@pytest.mark.parametrize("which", range(4))
def test_keeping_that_was_broken_off_goes_on(
    which: int, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = remembering(place)
    run = tell(graph, "I am vegan and I live in Braga.")
    made = open_history(run.graph, "1")
    told = [(c.id, c.values) for c in made.path(run.checkpoint.id)]
    counts, put = itertools.count(), type(place.saver).put

    def failing(*args: Any) -> Any:
        if next(counts) == which:
            raise ConnectionError("lost")
        return put(*args)

    monkeypatch.setattr(type(place.saver), "put", failing)
    with pytest.raises(ConnectionError):
        run.keep()
    run.keep()
    history = open_history(graph, "1")
    assert [(c.id, c.values) for c in history.path(run.checkpoint.id)] == told
    assert {c.key: c.after["text"] for c in run.memories} == place.facts()
    steps = [
        place.store.as_of(c).get(MIA, "home")  # type: ignore[attr-defined]
        for c in history.path(run.checkpoint.id)[-2:]
    ]
    assert [item and item.value["text"] for item in steps] == [None, "Braga"]


def test_where_the_base_moved_on_it_becomes_a_branch_beside(place: Place) -> None:
    graph = approval.build(place.saver)
    approval.seed(graph)
    asked = open_history(graph, "1").latest
    run = session.run(graph, asked, resume="approve", sandbox=True)
    assert run.values["outcome"] == "paid"
    graph.invoke(Command(resume="reject"), CONFIG)
    declined = open_history(graph, "1").latest
    answers = [
        w.value for w in declined.history.source.writes("1", "", asked.id) if w.channel == "__resume__"
    ]
    run.keep()
    history = open_history(graph, "1")
    assert {c.values["outcome"] for c in history.heads if asked in history.path(c)} == {"paid", "declined"}
    assert history[declined.id].values["outcome"] == "declined"
    now = [w.value for w in history.source.writes("1", "", asked.id) if w.channel == "__resume__"]
    assert now == answers  # what was answered in the open stays so


def test_where_its_start_was_deleted_it_is_not_kept(place: Place) -> None:
    graph = two_nodes.build(place.saver)
    two_nodes.seed(graph)
    run = session.run(graph, "c1", thread_id="1", sandbox=True)
    place.saver.delete_thread("1")
    with pytest.raises(CheckpointNotFound):
        run.keep()


def test_a_memory_changed_meanwhile_is_told_before_it_is_written_over(place: Place) -> None:
    graph = remembering(place)
    run = tell(graph, "I am vegan. I live in Braga.")
    place.store.put(MIA, "diet", {"text": "everything"})
    before = place.digest()
    with pytest.raises(MemoryConflict, match="users/mia/facts: diet") as refused:
        run.keep()
    assert [(c.before["text"], c.after["text"]) for c in refused.value.changes] == [("everything", "vegan")]
    assert place.digest() == before
    run.keep(overwrite=True)
    assert place.facts() == {"diet": "vegan", "home": "Braga"}


# ---------------------------------------------------------------- interrupts, failures, stopping


def asking(place: Place, *, fails: bool = False) -> Any:
    """Remembers what it asks, then what it is told."""

    def ask(state: Log, *, store: BaseStore) -> dict[str, Any]:
        store.put(("asked",), "question", {"asked": True})
        answer = interrupt("Who?")
        if fails:
            raise ValueError("no such person")
        return {"log": [answer]}

    def note(state: Log, *, store: BaseStore) -> None:
        store.put(("told",), state["log"][-1], {"told": True})

    builder = StateGraph(Log)
    builder.add_node("ask", ask)
    builder.add_node("note", note)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", "note")
    builder.add_edge("note", END)
    graph = builder.compile(checkpointer=place.saver, store=place.store)
    graph.update_state(CONFIG, {"log": ["begun"]}, as_node="__start__")
    return graph


def test_its_questions_are_answered_in_it(place: Place) -> None:
    graph = asking(place)
    before = place.digest()
    run = session.run(graph, CONFIG, sandbox=True)
    assert run.status == "interrupted"
    answered = run.resume("Ada")
    assert (answered.status, answered.values["log"]) == ("done", ["begun", "Ada"])
    assert [(c.namespace, c.key) for c in answered.memories] == [(("asked",), "question"), (("told",), "Ada")]
    # answered anew, on a branch inside of the sandbox
    other = session.run(run.graph, run.checkpoint, resume="Bob")
    assert other.values["log"] == ["begun", "Bob"]
    assert place.digest() == before
    other.keep()
    assert graph.get_state(answered.config).values["log"] == ["begun", "Ada"]
    assert graph.get_state(other.config).values["log"] == ["begun", "Bob"]
    assert {i.key for i in place.store.search(("told",))} == {"Ada", "Bob"}


def test_a_failure_in_it_can_be_kept_too(place: Place) -> None:
    graph = asking(place, fails=True)
    run = session.run(graph, CONFIG, sandbox=True).resume("nobody")
    assert run.status == "failed"
    assert run.checkpoint.error is not None
    run.keep()
    assert "no such person" in (open_history(graph, "1")[run.checkpoint.id].error or "")


def test_it_can_be_stopped(place: Place) -> None:
    started, go = threading.Event(), threading.Event()

    def slow(state: Log, *, store: BaseStore) -> dict[str, Any]:
        store.put(("slow",), "x", {"n": 1})
        started.set()
        go.wait(20)
        return {"log": ["slow"]}

    builder = StateGraph(Log)
    builder.add_node("slow", slow)
    builder.add_node("after", lambda state: {"log": ["after"]})
    builder.add_edge(START, "slow")
    builder.add_edge("slow", "after")
    graph = builder.compile(checkpointer=place.saver, store=place.store)
    graph.update_state(CONFIG, {"log": []}, as_node="__start__")
    before = place.digest()
    runner = session.start_run(graph, CONFIG, sandbox=True)
    assert started.wait(20)
    runner.stop()
    go.set()
    run = runner.result(20)
    assert (run.status, run.values["log"], run.checkpoint.next) == ("stopped", ["slow"], ("after",))
    assert place.digest() == before
    assert session.run(run.graph, run.config).values["log"] == ["slow", "after"]
    assert place.digest() == before


# ---------------------------------------------------------------- on an event loop


@pytest.mark.parametrize(
    ("savers", "stores"),
    [
        (AsyncSqliteSaver, AsyncSqliteStore),
        (persistence.AsyncSqliteSaver, persistence.AsyncSqliteStore),
    ],
    ids=["langgraph", "lgviz"],
)
@pytest.mark.parametrize("how", ["awaited", "from a worker"])
async def test_on_a_loop_it_is_the_same(savers: Any, stores: Any, how: str, tmp_path: Path) -> None:
    async with (
        savers.from_conn_string(str(tmp_path / "checkpoints.db")) as saver,
        stores.from_conn_string(str(tmp_path / "store.db")) as store,
    ):
        if stores is AsyncSqliteStore:
            await store.setup()
        await store.aput(("asked",), "before", {"asked": True})

        async def ask(state: Log, *, store: BaseStore) -> dict[str, Any]:
            await store.aput(("asked",), "question", {"asked": True})
            return {"log": [interrupt("Who?")]}

        async def note(state: Log, *, store: BaseStore) -> None:
            assert await store.aget(("asked",), "question") is not None
            await store.aput(("told",), state["log"][-1], {"told": True})

        builder = StateGraph(Log)
        builder.add_node("ask", ask)
        builder.add_node("note", note)
        builder.add_edge(START, "ask")
        builder.add_edge("ask", "note")
        builder.add_edge("note", END)
        graph = builder.compile(checkpointer=saver, store=store)
        await graph.aupdate_state(CONFIG, {"log": ["begun"]}, as_node="__start__")
        place = Place(saver, InMemoryStore(), [tmp_path / "checkpoints.db", tmp_path / "store.db"])
        before = place.digest()
        if how == "awaited":
            run = await session.arun(graph, CONFIG, sandbox=True)
            done = await run.aresume("Ada")
        else:  # as the debugger does
            run = await asyncio.to_thread(session.run, graph, CONFIG, sandbox=True)
            done = await asyncio.to_thread(run.resume, "Ada")
        assert done.values["log"] == ["begun", "Ada"]
        assert [c.key for c in done.memories] == ["question", "Ada"]
        assert place.digest() == before
        kept = await done.akeep() if how == "awaited" else await asyncio.to_thread(done.keep)
        assert len(kept) == len(run.configs) + len(done.configs)
        assert (await graph.aget_state(done.config)).values == done.values
        assert [i.key for i in await store.asearch(("told",))] == ["Ada"]
