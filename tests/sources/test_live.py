"""A thread that another process writes: what is new shows within a second, and it alone is asked for."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqlite

from lgviz.demos import two_nodes
from lgviz.sources import open_source
from lgviz.sources.base import ThreadIndex
from lgviz.sources.langgraph.any_saver import ListedSource
from tests.support.processes import start
from tests.support.view import View

REPO = Path(__file__).resolve().parents[2]
PAUSE = int(re.findall(r"const PAUSE = (\d+);", (REPO / "js/src/notebook.ts").read_text())[0]) / 1000
"""Seconds between two looks of a view."""
CONFIG: Any = {"configurable": {"thread_id": "1"}}
A_TURN = 4
"""Checkpoints of one run of the graph."""
WRITER = """
from langgraph.checkpoint.postgres import PostgresSaver as LangGraphPostgres
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqlite
from lgviz.demos import two_nodes
from lgviz.persistence import PostgresSaver, SqliteSaver

for line in sys.stdin:
    kind, place = line.rstrip().split("\\t")
    with globals()[kind].from_conn_string(place) as saver:
        saver.setup()
        two_nodes.build(saver).invoke(two_nodes.INPUT, {"configurable": {"thread_id": "1"}})
    print("written", flush=True)
"""

Write = Callable[[str, str], None]


class Case(NamedTuple):
    what: Any
    write: Callable[[], None]


@pytest.fixture(scope="module")
def write() -> Iterator[Write]:
    """Has another process run the graph once on a saver of a kind, over a place."""
    process: subprocess.Popen[str] = start(WRITER)

    def run(kind: str, place: str) -> None:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(f"{kind}\t{place}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "written\n", process.stderr.read()

    yield run
    process.communicate()


def in_memory() -> Case:
    graph = two_nodes.build(InMemorySaver())
    return Case(graph, lambda: graph.invoke(two_nodes.INPUT, CONFIG))


@pytest.fixture(
    params=[
        "memory",
        "any saver",
        "LangGraphSqlite",
        "LangGraphSqlite's object",
        "SqliteSaver",
        "LangGraphPostgres",
        "PostgresSaver",
    ]
)
def case(request: pytest.FixtureRequest, tmp_path: Path, write: Write) -> Iterator[Case]:
    if request.param == "memory":
        made = in_memory()
        made.write()
        yield made
        return
    kind = "LangGraphSqlite" if request.param == "any saver" else request.param.partition("'")[0]
    make: Callable[[], str] = request.getfixturevalue("postgres_uri") if "Postgres" in kind else lambda: ""
    place = make() or str(tmp_path / "threads.db")
    write(kind, place)
    with ExitStack() as stack:
        what: Any = place
        if "object" in request.param or request.param == "any saver":
            what = stack.enter_context(LangGraphSqlite.from_conn_string(place))
        if request.param == "any saver":
            what = ListedSource(what)
        yield Case(what, lambda: write(kind, place))


def test_what_another_process_writes_shows_within_a_second_and_is_all_that_is_read(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = open_source(case.what)
    indexes: list[tuple[bool, ThreadIndex]] = []
    read = source.index

    def index(thread_id: str, since: Any = None) -> ThreadIndex:
        found = read(thread_id, since)
        indexes.append((since is not None, found))
        return found

    monkeypatch.setattr(source, "index", index)
    view = View(source, "1")
    try:
        rows = view.ask("thread_open", thread_id="1")["tree"]
        ids, labels, took = list(rows["ids"]), list(rows["labels"]), []
        for _ in range(3):
            indexes.clear()
            view.events.clear()
            case.write()
            began = time.perf_counter()
            view.ask("thread_refresh")
            took.append(time.perf_counter() - began)
            ((event, news),) = [one for one in view.events if one[1].get("tree")]
            # What a view has stays as it is: rows are added after its last one, and none of them again.
            assert (event, news["tree"]["start"], news["tree"]["count"]) == ("tree", len(ids), A_TURN)
            assert [(told, len(found.checkpoints), found.reset) for told, found in indexes] == [
                (True, A_TURN, False)
            ]
            ids += news["tree"]["ids"]
            labels += news["tree"]["labels"]
        assert labels == [f"c{n}" for n in range(4 * A_TURN)] and len(set(ids)) == len(ids)
        assert PAUSE + min(took) < 1, took
        indexes.clear()
        view.events.clear()
        view.ask("thread_refresh")
        assert [(told, found.checkpoints, list(found.writes)) for told, found in indexes] == [(True, [], [])]
        assert view.events == []
    finally:
        view.close()
        source.close()
