"""A database is opened whatever its path: its name is a name, never part of a URI or a pattern."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqlite

import lgviz
from lgviz.demos import two_nodes
from lgviz.errors import NotASource
from lgviz.persistence import SqliteSaver
from lgviz.sources import open_source

NAMES = {
    "spaces": " a  b .db",
    "percent": "100%20 %2e%2e%00.db",
    "question": "what?mode=memory&immutable=1",
    "hash": "#1#.db",
    "quotes": 'it\'s "x" `y`;.db',
    "colon": "file:x.db",
    "brackets": "[ab]*{c}\\d.db",
    "newline": "two\nlines\t.db",
    "alphabets": "базы 数据 قاعدة 🗄️ é e\u0301.db",
    "long": "x" * 200 + ".db",
    "dash": "-rf.db",
    "no text": os.fsdecode(b"a\xff.db"),
}
CONFIG: Any = {"configurable": {"thread_id": "1"}}


@pytest.fixture(params=[LangGraphSqlite, SqliteSaver], ids=["langgraph", "lgviz"])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


def written(kind: Any, file: Path) -> Path:
    with kind.from_conn_string(str(file)) as saver:
        two_nodes.build(saver).invoke(two_nodes.INPUT, CONFIG)
    return file


def values(path: Any) -> Any:
    return lgviz.history(path).latest.values


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_any_name(name: str, kind: Any, tmp_path: Path) -> None:
    folder = tmp_path / name.removesuffix(".db")
    folder.mkdir()
    file = written(kind, folder / "a.db").rename(folder / name)  # sqlite3 makes no file whose name is no text
    for path in (file, str(file)):
        assert values(path) == {"foo": "b", "bar": ["a", "b"]}
    assert [one.name for one in folder.iterdir()] == [name]


def test_a_relative_path_and_one_of_the_home(
    kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(kind, tmp_path / "a.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    Path("~no user.db").symlink_to("a.db")
    for path in ("a.db", "./a.db", Path("a.db"), "~/a.db", Path("~/a.db"), "~no user.db"):
        assert values(path)["foo"] == "b"


@pytest.fixture(params=["closed", "open"])
def followed(request: pytest.FixtureRequest, kind: Any, tmp_path: Path) -> Iterator[Path]:
    """A database that its saver closed, or has open: then its log lies beside it, and not beside a link to it."""
    (tmp_path / "real").mkdir()
    file = written(kind, tmp_path / "real" / "a.db")
    with kind.from_conn_string(str(file)) as saver:
        if request.param == "open":
            two_nodes.build(saver).invoke({"foo": "newer", "bar": []}, CONFIG)
        yield file


def test_a_link(followed: Path, tmp_path: Path) -> None:
    expected = [c.id for c in lgviz.history(followed)]
    for link, target in (("one.db", followed), ("two.db", tmp_path / "one.db")):
        (tmp_path / link).symlink_to(target)
        assert [c.id for c in lgviz.history(tmp_path / link)] == expected
    (tmp_path / "folder").symlink_to(followed.parent)
    assert [c.id for c in lgviz.history(tmp_path / "folder" / "a.db")] == expected
    assert sorted(one.name for one in tmp_path.iterdir()) == ["folder", "one.db", "real", "two.db"]


def test_a_connection_string_of_postgres_is_told_as_one_and_its_password_is_not() -> None:
    with pytest.raises(NotASource, match="connection string") as refused:
        open_source("host=db.example user=me password=s3cret dbname=agents")
    assert "s3cret" not in str(refused.value)
