"""Of a damaged database all is saved but what lies on the damaged pages."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqlite

import lgviz
from lgviz.demos import two_nodes
from lgviz.errors import FileExists, MissingFile, SourceError
from lgviz.persistence import SqliteSaver
from lgviz.sources import open_source
from lgviz.transfer.salvage import salvage

SAVERS = {"langgraph": LangGraphSqlite, "lgviz": SqliteSaver}
LONG = 20_000
"""Characters of a value: more than a page of a database."""


def config(thread: str) -> Any:
    return {"configurable": {"thread_id": thread}}


def made(kind: Any, path: Path) -> Path:
    with kind.from_conn_string(str(path)) as saver:
        for thread in ("1", "2"):
            two_nodes.build(saver).invoke({"foo": "", "bar": [thread * LONG]}, config(thread))
    return path


@pytest.fixture(params=SAVERS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return made(SAVERS[request.param], tmp_path / "a.db")


def states(path: Path, thread: str) -> dict[str, Any]:
    return {c.id: c.values for c in lgviz.history(path, thread)}


def cut(path: Path, part: float) -> Path:
    data = path.read_bytes()
    return _written(path, data[: int(len(data) * part)])


def zeroed(path: Path, page: int) -> Path:
    data = bytearray(path.read_bytes())
    data[page * 4096 : (page + 1) * 4096] = bytes(4096)
    return _written(path, bytes(data))


def _written(path: Path, data: bytes) -> Path:
    damaged = path.with_name("damaged.db")
    damaged.write_bytes(data)
    return damaged


def test_of_a_whole_database_nothing_is_lost(database: Path) -> None:
    before = [states(database, thread) for thread in "12"]
    found = salvage(database, database.with_name("b.db"))
    assert found.rows > 10 and found[1:] == (0, 0)
    assert [states(database.with_name("b.db"), thread) for thread in "12"] == before


def test_a_page_costs_what_lies_on_it(database: Path, request: pytest.FixtureRequest) -> None:
    """One page after the other: the checkpoints that are there are as they were, or told to be damaged."""
    whole, target, told, cheap = states(database, "1"), database.with_name("b.db"), list[str](), 0
    hashed = "lgviz" in request.node.name  # what SQLite does not notice, LangGraph's tables cannot tell
    pages = range(1, database.stat().st_size // 4096)
    for page in pages:
        damaged = zeroed(database, page)
        try:
            for thread in "12":
                states(damaged, thread)
        except SourceError as error:
            told.append(error.remedy)
        found = salvage(damaged, target)
        cheap += found.in_part + found.lost <= 1
        try:
            saved = states(target, "1")
        except lgviz.errors.LgvizError:
            saved = {}
        assert saved.keys() <= whole.keys()
        for checkpoint, values in saved.items():
            assert values == whole[checkpoint] or "undecodable" in repr(values) or not hashed
        target.unlink()
    assert told and all("lgviz salvage" in one for one in told)
    assert cheap > 0.7 * len(pages)


def test_of_a_file_that_was_cut_the_beginning_is_saved(tmp_path: Path) -> None:
    database = made(LangGraphSqlite, tmp_path / "a.db")
    whole, damaged = states(database, "1"), cut(database, 0.5)
    with pytest.raises(SourceError, match="is damaged") as raised:
        open_source(damaged)
    assert f"lgviz salvage {damaged} salvaged.db" in raised.value.remedy
    before, target = damaged.read_bytes(), tmp_path / "b.db"
    found = salvage(damaged, target)
    assert found.lost and damaged.read_bytes() == before
    saved = states(target, "1")
    assert [whole[one] for one in saved if saved[one] == whole[one]]
    with LangGraphSqlite.from_conn_string(str(target)) as saver:  # LangGraph goes on with what was saved
        assert two_nodes.build(saver).invoke({"foo": "", "bar": []}, config("3"))["foo"] == "b"


def test_a_file_that_says_it_is_a_terabyte_is_salvaged(database: Path) -> None:
    os.truncate(database, 1 << 40)
    assert salvage(database, database.with_name("b.db"))[1:] == (0, 0)


def test_what_cannot_be_salvaged_is_refused(database: Path) -> None:
    shutil.copy(database, target := database.with_name("b.db"))
    with pytest.raises(FileExists):
        salvage(database, target)
    target.unlink()
    (text := database.with_name("text.db")).write_text("no database " * 100)
    with pytest.raises(SourceError, match="no readable SQLite database"):
        salvage(text, target)
    assert not target.exists()
    with pytest.raises(MissingFile, match=r"no file .*none\.db"):
        salvage(database.with_name("none.db"), target)
    text.write_bytes(b"")
    with pytest.raises(SourceError, match="holds nothing"):
        salvage(text, target)
    assert not target.exists()
