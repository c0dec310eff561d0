"""Each database that savers of LangGraph's or lgviz's write, read and acted on: as a saver in memory of the same run.

That of langgraphjs is held against langgraphjs itself in ``tests/upstream/test_javascript.py``; those from before August
2024 against LangGraph of that time in ``tests/upstream/test_eras.py`` and ``tests/sources/test_early.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

import lgviz
from lgviz.analysis.history import History, open_history
from lgviz.analysis.thread_status import status_of_thread
from lgviz.demos import DEMOS, approval, two_nodes
from lgviz.persistence import migrate
from lgviz.sources import ThreadInfo
from lgviz.sources.langgraph.tables import LangGraphTables
from lgviz.sources.lgviz.tables import TablesSource
from tests.support.engines import AT_HAND, ENGINES, EngineDatabase, TwinSaver, told

KINDS = [
    pytest.param(name, id=name, marks=() if name in AT_HAND else pytest.mark.engines) for name in ENGINES
]
ACTED_ON = [kind for kind in KINDS if kind.id != "bundle"]

CONFIG: Any = {"configurable": {"thread_id": "1"}}


@dataclass
class Seeded:
    """A database with a thread of each demo (forks, subgraphs, parallel nodes, questions, errors, updates), and a
    saver in memory that was given the same."""

    database: EngineDatabase
    memory: Any
    graphs: dict[str, Any]

    def opened(self, thread_id: str) -> Iterator[tuple[History, History]]:
        """The thread, opened by each object and by the URL, and how it is in memory."""
        graph = self.graphs[thread_id]
        yield from self._opened(graph, DEMOS[thread_id].build(self.memory), thread_id)
        for what in (graph.checkpointer, *self.database.places(thread_id)):
            yield from self._opened(what, self.memory, thread_id)

    def all_threads(self) -> Iterator[tuple[History, History]]:
        """As :meth:`opened`, but by what leads to all threads."""
        for what in filter(None, (self.graphs["two_nodes"].checkpointer, self.database.url)):
            yield from self._opened(what, self.memory, "two_nodes")

    @property
    def by_ids(self) -> bool:
        """Whether both tell times by the ids of checkpoints, and neither by when it stored them."""
        return not self.database.has_clock and isinstance(self.memory, InMemorySaver)

    def facts(self, threads: Sequence[ThreadInfo]) -> list[Any]:
        return [(one.thread_id, one.count, one.updated_at if self.by_ids else None) for one in threads]

    def _opened(self, what: Any, memory: Any, thread_id: str) -> Iterator[tuple[History, History]]:
        history = open_history(what, thread_id)
        yield history, open_history(memory, thread_id)
        history.source.close()


@pytest.fixture(scope="module", params=KINDS)
def seeded(request: pytest.FixtureRequest, fresh: Callable[[str], EngineDatabase]) -> Seeded:
    database = fresh(request.param)
    twin = TwinSaver(database.saver(), database.memory())
    for name in database.demos:
        DEMOS[name].seed(DEMOS[name].build(twin), name)
    reading = database.saver()
    return Seeded(database, twin.memory, {name: DEMOS[name].build(reading) for name in database.demos})


@pytest.fixture(params=ACTED_ON)
def database(request: pytest.FixtureRequest, fresh: Callable[[str], EngineDatabase]) -> EngineDatabase:
    return fresh(request.param)


def test_threads(seeded: Seeded) -> None:
    for history, memory in seeded.all_threads():
        assert len(memory.source.threads()) >= len(seeded.graphs)
        assert seeded.facts(history.source.threads()) == seeded.facts(memory.source.threads())


def test_threads_by_pages_and_by_a_part_of_their_names(seeded: Seeded) -> None:
    for history, memory in seeded.all_threads():
        for text in ("", "O_N", "%", "\\", "'"):
            found, after = list[Any](), None
            while True:
                batch = history.source.find_threads(text, 2, after)
                found += batch.threads
                after = batch.after
                if after is None:
                    break
            expected = memory.source.find_threads(text)
            assert (seeded.facts(found), batch.total) == (seeded.facts(expected.threads), expected.total), (
                text,
                history.source.description,
            )
        assert [one.thread_id for one in history.source.find_threads("O_N").threads] == ["two_nodes"]


@pytest.mark.parametrize("what", ["tree", "names", "state", "diff", "writes", "interrupts"])
def test_what_is_read(seeded: Seeded, what: str) -> None:
    for name in seeded.graphs:
        for history, memory in seeded.opened(name):
            kept = {"ordered": history.source.graph is not None, "errors": seeded.database.keeps_errors}
            expected = told(memory, what, **kept)
            assert expected and told(history, what, **kept) == expected, (name, history.source.description)


def test_a_copy_has_all(seeded: Seeded, tmp_path: Path) -> None:
    """By the saver, and by the URL, whose values are read by another rule."""
    reading = seeded.graphs["approval"].checkpointer
    own_file = seeded.database.has_clock  # which is copied as a file, or thread by thread
    for number, what in enumerate(filter(None, (reading, None if own_file else seeded.database.url))):
        file = tmp_path / f"{number}.db"
        assert migrate(what, file) > 40
        for name in seeded.graphs:
            copy, original = open_history(file, name), open_history(what, name)
            for said in ("names", "state", "interrupts"):
                kept = {"ordered": False, "errors": seeded.database.keeps_errors}
                assert told(copy, said, **kept) == told(original, said, **kept), (name, said)


def test_facts_of_all_threads(seeded: Seeded) -> None:
    """Names, steps and status of each thread, without opening a value."""
    columns = ["thread_id", "steps", "errors", "interrupts", "last_node"]
    columns += ["seconds"] if seeded.by_ids else []
    for history, memory in seeded.all_threads():
        found = lgviz.thread_stats(history.source)[columns]
        assert len(found) and found.equals(lgviz.thread_stats(memory.source)[columns])


def test_where_each_thread_stands(seeded: Seeded) -> None:
    """What the list of threads asks for at once; a source may leave out what it cannot tell so."""
    names = sorted(seeded.graphs)
    for history, memory in seeded.all_threads():
        found = history.source.newest([*names, "none"])
        assert found.keys() <= set(names)
        assert found or not isinstance(history.source, (LangGraphTables, TablesSource))
        for name, one in found.items():
            thread = open_history(memory.source, name)
            last = max(row.id for row in thread.source.index(name).checkpoints if not row.namespace)
            assert [row.id for row in one.checkpoints] == [last]
            assert one.checkpoints[0].metadata == thread[last].metadata
            stored = {(w.task_id, w.idx, w.channel) for w in thread.source.writes(name, "", last)}
            assert {(w.task_id, w.idx, w.channel) for w in one.writes} == stored
            status = status_of_thread(history.source, name, one)
            assert status is None or status == thread.status


def test_live(database: EngineDatabase) -> None:
    """What another connection writes: only what is new is told, and a question that waits, and an answer."""
    graph = approval.build(database.saver())
    graph.invoke(approval.INPUT, CONFIG)
    for what in filter(None, (database.saver(), database.url)):
        history = open_history(what, "1")
        length = len(history.tree)
        labels = list(history.tree.labels)
        source, token = history.source, history.source.index("1").token
        quiet = source.index("1", token)
        assert (quiet.checkpoints, quiet.writes, quiet.reset) == ([], [], False)
        assert history.refresh() == (length, [])
        graph.invoke(approval.INPUT, CONFIG)
        new = source.index("1", quiet.token)
        assert [row.metadata["source"] for row in new.checkpoints] == [
            "input",
            "loop",
            "loop",
        ] and not new.reset
        assert history.refresh()[0] == length
        assert history.tree.labels[:length] == labels and len(history.tree) == length + 3
        assert history.status == "interrupted" and history.latest.next == ("review",)
        graph.invoke(Command(resume="approve"), CONFIG)
        history.refresh()
        assert history.status == "done" and history.latest.values["outcome"] == "paid"
        source.close()


def test_what_was_deleted_is_noticed(database: EngineDatabase) -> None:
    saver = database.saver()
    graph = two_nodes.build(saver)
    graph.invoke(two_nodes.INPUT, CONFIG)
    history = open_history(saver, "1")
    graph.invoke(two_nodes.INPUT, CONFIG)
    assert history.refresh() == (4, []) and len(history) == 8
    try:
        saver.delete_thread("1")
    except NotImplementedError:
        pytest.skip(f"a {type(saver).__name__} deletes no thread")
    graph.invoke(two_nodes.INPUT, CONFIG)
    assert history.refresh() == (0, []) and len(history) == 4
    history.source.close()


def test_fork_and_run(database: EngineDatabase) -> None:
    assert _acted(database.saver()) == _acted(database.memory())


def _acted(saver: Any) -> list[Any]:
    """What is there after a preview, a fork, a run from it, a question that was answered, a sandbox."""
    graph = approval.build(saver)
    graph.invoke(approval.INPUT, CONFIG)
    history = lgviz.history(graph, "1")
    at = history["c1"]
    edit = {"complaint": "The teapot came a day late."}
    said: list[Any] = [lgviz.preview(graph, at, edit, as_node="__start__").next]
    assert history.refresh() == (3, [])
    fork = lgviz.fork(graph, at, edit, as_node="__start__", note="late")
    asked = lgviz.run(graph, fork)
    said += [asked.status, [one.value for one in asked.interrupts]]
    sandbox = lgviz.run(graph, asked.checkpoint, resume="reject", sandbox=True)
    said += [sandbox.status, sandbox.values["outcome"]]
    sandbox.discard()
    done = lgviz.run(graph, asked.checkpoint, resume="approve")
    said += [done.status, done.values]
    history.refresh()
    said += [
        (
            one.label,
            one.nodes,
            one.next,
            one.values,
            one.parent and one.parent.label,
            one.metadata.get("source"),
        )
        for one in history
    ]
    history.source.close()
    return said
