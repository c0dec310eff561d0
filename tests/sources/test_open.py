"""What ``open_source`` takes, and the sentence for what it does not take."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.store.sqlite import SqliteStore

from lgviz.analysis.history import open_history
from lgviz.errors import (
    LgvizError,
    MissingFile,
    NoCheckpointer,
    NoCheckpoints,
    NotADatabase,
    NotASource,
    SourceError,
    ThreadNotFound,
)
from lgviz.persistence import SqliteSaver as OwnSaver
from lgviz.sources import open_source
from lgviz.sources.stores import open_items
from tests.support.random_graphs import GraphSpec, Stage, build

SPEC = GraphSpec((Stage("nodes", ("a",), ("plain",)), Stage("nodes", ("b",), ("plain",))))
CONFIG: Any = {"configurable": {"thread_id": "1"}}


def test_graph_saver_path_and_source(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "a.db", check_same_thread=False)
    graph = build(SPEC, SqliteSaver(connection))
    graph.invoke({"log": []}, CONFIG)
    of_graph = open_source(graph)
    assert of_graph.graph is graph and of_graph.saver is graph.checkpointer and of_graph.read_only is None
    assert of_graph.description == "CompiledStateGraph on SqliteSaver"
    of_saver = open_source(graph.checkpointer)
    assert of_saver.graph is None and "give the graph" in (of_saver.read_only or "")
    of_path = open_source(tmp_path / "a.db")
    assert of_path.description == "a.db (read-only)" and of_path.read_only
    assert open_source(of_path) is of_path and open_source(str(tmp_path / "a.db")).read_only
    assert of_graph.threads() == of_saver.threads() == of_path.threads()
    assert [(t.thread_id, t.count) for t in of_path.threads()] == [("1", 4)]
    connection.close()


def test_the_newest_thread_opens_and_all_are_listed() -> None:
    graph = build(SPEC, InMemorySaver())
    for thread in ("b", "a", "c"):
        graph.invoke({"log": []}, {"configurable": {"thread_id": thread}})
    history = open_history(graph)
    assert history.thread_id == "c" and history.threads == ["c", "a", "b"]
    assert open_history(graph, config={"configurable": {"thread_id": "b"}}).thread_id == "b"


def refused(error: type[LgvizError], what: Any, *words: str) -> None:
    with pytest.raises(error) as raised:
        open_source(what)
    assert raised.value.remedy
    for word in words:
        assert word in str(raised.value)


@pytest.mark.parametrize("checkpointer", [None, False, True])
def test_a_graph_without_a_checkpointer(checkpointer: Any) -> None:
    refused(NoCheckpointer, build(SPEC, checkpointer), "compile(checkpointer=")


def test_what_is_no_graph_or_saver_yet(tmp_path: Path) -> None:
    refused(NotASource, SqliteSaver.from_conn_string(str(tmp_path / "a.db")), "context manager", "`with …")
    refused(NotASource, AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.db")), "`async with …")
    refused(NotASource, build(SPEC, None).builder, "not compiled", "compile()")
    refused(NotASource, InMemorySaver, "InMemorySaver is a class", "InMemorySaver(…)")
    refused(NotASource, None, "NoneType")
    with pytest.raises(NotASource, match="which is no store until it is entered"):
        open_items(SqliteStore.from_conn_string(str(tmp_path / "a.db")), lambda *_: None)
    assert not list(tmp_path.iterdir())


def test_a_missing_file_a_folder_and_a_text(tmp_path: Path) -> None:
    refused(MissingFile, tmp_path / "none.db", "none.db")
    refused(NotADatabase, tmp_path, str(tmp_path))
    text = tmp_path / "notes.db"
    text.write_text("not a database at all, but long enough to hold a header of a hundred bytes. " * 4)
    refused(NotADatabase, text, "notes.db")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.db"]


def test_paths_that_name_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("", ".", tmp_path):
        refused(NotADatabase, folder, "not a file")
    refused(MissingFile, "a\0b.db", "no file")
    refused(MissingFile, "x" * 5000, "no file")


def test_tables_of_the_right_names_and_other_columns(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "other.db")
    for table in ("checkpoints", "writes"):
        other.execute(f"CREATE TABLE {table} (name)")
        other.execute(f"INSERT INTO {table} VALUES ('x')")
    other.commit()
    other.close()
    with pytest.raises(NotADatabase, match="no such column"):
        open_history(tmp_path / "other.db")


def test_a_database_that_another_process_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgviz.sources.connections._BUSY_SECONDS", 0.1)
    held = sqlite3.connect(tmp_path / "a.db")
    SqliteSaver(held).setup()
    held.execute("PRAGMA journal_mode=DELETE")
    held.execute("BEGIN EXCLUSIVE")
    refused(SourceError, tmp_path / "a.db", "locked")
    held.close()


def test_databases_without_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    refused(NoCheckpoints, tmp_path / "empty.db", "no table")
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE people (name)")
    other.close()
    refused(NoCheckpoints, tmp_path / "other.db", "no table")
    fresh = sqlite3.connect(tmp_path / "fresh.db")
    SqliteSaver(fresh).setup()
    fresh.close()
    refused(NoCheckpoints, tmp_path / "fresh.db", "no checkpoint yet")
    with OwnSaver.from_conn_string(tmp_path / "own.db") as saver:
        saver.setup()
    refused(NoCheckpoints, tmp_path / "own.db", "no checkpoint yet")


def test_neither_graph_nor_saver_nor_path() -> None:
    refused(NotASource, 42, "int")
    refused(NotASource, "oracle://localhost/db", "oracle://")


def test_no_thread_and_an_unknown_thread() -> None:
    graph = build(SPEC, InMemorySaver())
    with pytest.raises(NoCheckpoints):
        open_history(graph)
    with pytest.raises(NoCheckpoints):
        open_history(graph, "1")
    graph.invoke({"log": []}, CONFIG)
    with pytest.raises(ThreadNotFound, match=r"'2'.*'1'"):
        open_history(graph, "2")


def test_a_saver_that_was_never_set_up_is_empty_and_stays_so(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "a.db", check_same_thread=False)
    with pytest.raises(NoCheckpoints):
        open_history(SqliteSaver(connection))
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()
