"""A source never writes, never waits for the user's connection, and sees what is new at little cost."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from lgviz.analysis.history import History, open_history
from lgviz.errors import CheckpointNotFound, ThreadNotFound
from lgviz.persistence import SqliteSaver as LgvizSqlite
from lgviz.sources import connections, open_source
from lgviz.sources.heads import head_of
from lgviz.sources.langgraph.any_saver import ListedSource
from tests.support.random_graphs import GraphSpec, Stage, build

SPEC = GraphSpec((Stage("nodes", ("a",), ("plain",)), Stage("send", ("b", "w"), ("plain", "plain"), width=2)))


def config(thread: str = "1") -> Any:
    return {"configurable": {"thread_id": thread}}


def files(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def read_everything(what: Any, **arguments: Any) -> History:
    history = open_history(what, **arguments)
    for row in range(len(history.tree)):
        checkpoint = history.checkpoint_at(row)
        assert checkpoint.values is not None and checkpoint.writes is not None
        assert checkpoint.created_at and checkpoint.tasks is not None
    history.refresh()
    history.source.close()
    return history


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Closed in WAL mode, as LangGraph leaves it: no log beside it."""
    path = tmp_path / "db" / "a.db"
    path.parent.mkdir()
    connection = sqlite3.connect(path, check_same_thread=False)
    build(SPEC, SqliteSaver(connection)).invoke({"log": []}, config())
    connection.close()
    assert path.read_bytes()[18:20] == b"\2\2" and [p.name for p in path.parent.iterdir()] == ["a.db"]
    return path


def test_a_file_is_left_as_it_was(database: Path) -> None:
    before = files(database.parent)
    read_everything(database)
    assert files(database.parent) == before


def test_a_file_of_the_old_journal_mode_is_left_as_it_was(shared_data: Path, tmp_path: Path) -> None:
    shutil.copy(shared_data / "databases" / "langgraph_v2024_08.db", tmp_path / "old.db")
    before = files(tmp_path)
    read_everything(tmp_path / "old.db")
    assert files(tmp_path) == before


def test_a_read_only_medium(database: Path) -> None:
    """As another user, since root may write anywhere."""
    folder = Path(tempfile.mkdtemp())
    path = Path(shutil.copy(database, folder))
    path.chmod(0o444)
    folder.chmod(0o555)
    code = (
        "import os, sys\n"
        "for folder in sys.argv[2:]: sys.path.insert(0, folder)\n"
        "import lgviz.analysis.history as h\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "history = h.open_history(sys.argv[1])\n"
        "print(len(history), history.latest.values['count'], os.access(sys.argv[1], os.W_OK))\n"
    )
    try:
        run = subprocess.run(
            [sys.executable, "-c", code, str(path), str(Path(__file__).parents[2])],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.stdout.split() == ["6", "3", "False"], run.stderr
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_what_may_not_be_read_is_told(database: Path) -> None:
    """As another user, since root may read all."""
    code = (
        "import os, sys\n"
        "for folder in sys.argv[3:]: sys.path.insert(0, folder)\n"
        "from lgviz.errors import SourceError\n"
        "from lgviz.cli.keeping import _key\n"
        "from lgviz.analysis.history import open_history\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "for read in (open_history, _key):\n"
        "    for path in sys.argv[1:3]:\n"
        "        try: read(path)\n"
        "        except SourceError as error: print(error)\n"
    )
    folder = Path(tempfile.mkdtemp())
    (folder / "locked").mkdir()
    closed, inside = (Path(shutil.copy(database, to)) for to in (folder, folder / "locked"))
    closed.chmod(0)
    (folder / "locked").chmod(0)
    folder.chmod(0o755)
    words = [sys.executable, "-c", code, str(closed), str(inside), str(Path(__file__).parents[2])]
    try:
        run = subprocess.run(words, capture_output=True, text=True, check=False)
    finally:
        (folder / "locked").chmod(0o755)
        shutil.rmtree(folder)
    assert [line.partition(". ")[0] for line in run.stdout.splitlines()] == [
        f"{path} cannot be read: Permission denied" for path in (closed, inside, closed, inside)
    ], run.stderr


def test_a_log_left_by_a_crash_is_read_and_left(database: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(database, check_same_thread=False)
    build(SPEC, SqliteSaver(connection)).invoke({"log": []}, config("2"))
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for name in ("a.db", "a.db-wal"):
        shutil.copy(database.with_name(name), crashed / name)
    connection.close()
    before = files(crashed)
    assert set(before) == {"a.db", "a.db-wal"}
    history = read_everything(crashed / "a.db", thread_id="2")
    assert history.threads == ["2", "1"]
    history.source.close()
    assert files(crashed) == before


def test_a_live_file_is_followed_and_left_tidy(database: Path) -> None:
    source = open_source(database)
    history = History(source, "1")
    count = len(history)
    connection = sqlite3.connect(database, check_same_thread=False)
    graph = build(SPEC, SqliteSaver(connection))
    graph.invoke({"log": []}, config())
    first, patched = history.refresh()
    assert first == count and len(history) == count + 4 and patched == []
    assert history.latest.values == graph.get_state(config()).values
    connection.close()
    assert [path.name for path in database.parent.iterdir()] == ["a.db"]  # the log could be tidied up
    assert history.refresh() == (count + 4, [])
    assert history["c1"].values["log"] == [] and history.latest.next == ()


READS = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as connection:
    print(connection.execute("SELECT count(*) FROM sqlite_master").fetchone())
connection.close()
"""


@pytest.mark.parametrize("by", ["path", "saver"])
@pytest.mark.parametrize("kind", [SqliteSaver, LgvizSqlite])
def test_reading_takes_no_lock_from_a_saver_of_this_process(by: str, kind: Any, tmp_path: Path) -> None:
    """Else another process that closes the file deletes the log that the saver goes on writing to."""
    path = tmp_path / "a.db"
    with kind.from_conn_string(str(path)) as saver:
        graph = build(SPEC, saver)
        graph.invoke({"log": []}, config())
        known = len(read_everything(saver if by == "saver" else path).tree)
        subprocess.run([sys.executable, "-c", READS, path], check=True, capture_output=True)
        graph.update_state(config(), {"log": ["later"]}, as_node="a")
        assert path.with_name("a.db-wal").exists()
    assert len(open_history(path).tree) == known + 1


def test_few_files_are_held_open(tmp_path: Path) -> None:
    def held() -> set[str]:
        there = [os.path.realpath(entry) for entry in Path("/dev/fd").iterdir()]
        return {Path(name).name for name in there if str(tmp_path) in name}

    for number in range(100):
        (tmp_path / f"{number}").write_bytes(b"%d" % number)
    first = (tmp_path / "0").open("rb")
    try:
        assert [head_of(tmp_path / f"{number}", 9) for number in range(100)] == [
            b"%d" % n for n in range(100)
        ]
        assert "99" in held() and "0" in held() and len(held()) < 66
        (tmp_path / "99").unlink()
        (tmp_path / "new").write_bytes(b"new")
        assert head_of(tmp_path / "new", 2) == b"ne"
        assert not [name for name in held() if name.startswith("99")]
    finally:
        first.close()


def test_reading_neither_needs_nor_touches_the_savers_connection(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "a.db", check_same_thread=False)
    saver = SqliteSaver(connection)
    graph = build(SPEC, saver)
    graph.invoke({"log": []}, config())
    source = open_source(graph)
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    open_list = saver.list(config())
    next(open_list)  # holds the saver's lock: LangGraph's own get_state would hang here
    statements.clear()
    history = History(source, "1")
    assert history.latest.values["count"] == 3 and history.latest.next == ()
    assert history["c2"].tasks
    assert statements == []
    open_list.close()
    connection.close()


@pytest.mark.parametrize("in_thread", [False, True])
def test_a_database_in_memory_is_read_through_its_own_connection(in_thread: bool) -> None:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.row_factory = sqlite3.Row
    saver = SqliteSaver(connection)
    graph = build(SPEC, saver)
    graph.invoke({"log": []}, config())
    found: list[History] = []
    if in_thread:
        thread = threading.Thread(target=lambda: found.append(read_everything(graph)))
        thread.start()
        thread.join()
    else:
        found.append(read_everything(graph))
    assert found[0].latest.values == graph.get_state(config()).values
    assert not saver.lock.locked()
    connection.close()


@pytest.mark.parametrize("place", [":memory:", "file"])
async def test_an_async_saver_is_read_from_its_loop_and_from_any_thread(place: str, tmp_path: Path) -> None:
    name = place if place == ":memory:" else str(tmp_path / "a.db")
    async with aiosqlite.connect(name) as connection:
        graph = build(SPEC, AsyncSqliteSaver(connection))
        await graph.ainvoke({"log": []}, config())
        here = read_everything(graph)  # blocks the loop that the saver lives on, and needs it for nothing
        there = await asyncio.to_thread(read_everything, graph)
        state = await graph.aget_state(config())
        assert here.latest.values == there.latest.values == state.values
        assert [c.nodes for c in here] == [c.nodes for c in there]
        assert here.latest.config == state.config
        await graph.ainvoke({"log": []}, config())
        assert here.refresh() == (len(there), [])


def test_polling_a_quiet_file_issues_no_statement(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = open_history(database)
    os.utime(database, (1, 1))
    history.refresh()
    opened: list[str] = []
    connect = connections._connect
    monkeypatch.setattr(connections, "_connect", lambda uri: opened.append(uri) or connect(uri))
    assert history.refresh() == (len(history.tree), [])
    assert opened == []


def test_the_number_of_statements_does_not_grow_with_the_thread(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []
    connect = connections._connect

    def traced(uri: str) -> sqlite3.Connection:
        connection = connect(uri)
        connection.set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(connections, "_connect", traced)

    def counted() -> int:
        statements.clear()
        open_history(database)
        return len(statements)

    short = counted()
    connection = sqlite3.connect(database, check_same_thread=False)
    graph = build(SPEC, SqliteSaver(connection))
    for _ in range(5):
        graph.invoke({"log": []}, config())
    connection.close()
    assert counted() == short
    reading = ("SELECT", "WITH", "BEGIN", "-- PRAGMA table_info", "PRAGMA trusted_schema")
    assert [s for s in statements if not s.strip().startswith(reading)] == []


@pytest.mark.parametrize("kind", ["sqlite", "memory", "listed"])
def test_deleted_rows_are_noticed(kind: str, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "a.db", check_same_thread=False)
    saver: Any = SqliteSaver(connection) if kind == "sqlite" else InMemorySaver()
    graph = build(SPEC, saver)
    for _ in range(2):
        graph.invoke({"log": []}, config())
    history = History(ListedSource(saver) if kind == "listed" else open_source(saver), "1")
    assert len(history) == 10
    kept = history["c3"]
    assert kept.nodes == ("b",)
    saver.delete_thread("1")
    graph.invoke({"log": []}, config())
    assert history.refresh() == (0, [])
    assert len(history) == 6 and history.latest.next == ()
    saver.delete_thread("1")
    assert history.refresh() == (0, []) and len(history) == 0
    with pytest.raises(CheckpointNotFound, match="no longer"):
        _ = kept.nodes
    with pytest.raises(ThreadNotFound, match="deleted"):
        _ = history.status
    connection.close()
