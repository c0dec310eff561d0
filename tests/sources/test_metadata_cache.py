"""The cache of metadata makes a second opening quicker, and never another."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from langgraph.checkpoint.sqlite import SqliteSaver

from lgviz.demos import two_nodes
from lgviz.sources import metadata_cache, open_source
from lgviz.sources.base import ThreadIndex
from lgviz.sources.langgraph import sqlite as langgraph_sqlite
from lgviz.sources.metadata_cache import MetadataCache

CONFIG: Any = {"configurable": {"thread_id": "1"}}


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("LGVIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(langgraph_sqlite, "_SLOW", 0)
    return tmp_path / "cache" / "metadata"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "a.db"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        two_nodes.seed(two_nodes.build(saver), "1")
    yield path
    assert list(tmp_path.glob("a.db*")) == [path]


def index(path: Path, thread_id: str = "1") -> ThreadIndex:
    source = open_source(path)
    try:
        found = source.index(thread_id)
        found.token = None
        return found
    finally:
        source.close()


def told(path: Path, note: str) -> None:
    """Has every entry of the cache say something else, as only a test may."""
    kept = MetadataCache(path)
    known = kept.load("1")
    assert known
    kept.store("1", {key: {**metadata, "note": note} for key, metadata in known.items()})


def test_a_second_opening_reads_metadata_from_the_cache_alone(cache: Path, database: Path) -> None:
    first = index(database)
    (file,) = cache.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600 and cache.stat().st_mode & 0o777 == 0o700
    assert index(database) == first
    told(database, "kept")
    again = index(database)
    assert [row.metadata for row in again.checkpoints] == [
        {**row.metadata, "note": "kept"} for row in first.checkpoints
    ]
    assert (again.writes, [row.id for row in again.checkpoints]) == (
        first.writes,
        [row.id for row in first.checkpoints],
    )
    with SqliteSaver.from_conn_string(str(database)) as saver:  # its file, though by a connection
        assert open_source(saver).index("1").checkpoints == again.checkpoints
        two_nodes.build(saver).invoke(two_nodes.INPUT, CONFIG)
    assert ["note" in row.metadata for row in index(database).checkpoints] == [True] * len(
        first.checkpoints
    ) + [False] * 4


@pytest.mark.parametrize("junk", [b"", b"junk" * 9, None])
def test_a_damaged_file_of_the_cache_is_made_anew(cache: Path, database: Path, junk: bytes | None) -> None:
    first = index(database)
    (file,) = cache.iterdir()
    sound = file.read_bytes()
    file.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]) if junk is None else junk)
    assert index(database) == first
    assert file.read_bytes() == sound


def test_where_no_cache_can_be_there_is_none(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(langgraph_sqlite, "_SLOW", 0)
    first = index(database)  # off
    for folder in (database, database / "below", "/proc/none"):
        monkeypatch.setenv("LGVIZ_CACHE", str(folder))
        assert index(database) == first


def test_a_small_thread_is_not_kept(cache: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(langgraph_sqlite, "_SLOW", 1 << 20)
    index(database)
    assert not cache.exists()


def test_metadata_that_cannot_be_kept_is_read(cache: Path, database: Path) -> None:
    with sqlite3.connect(database) as conn:
        conn.execute(
            "UPDATE checkpoints SET metadata = ?", [b'{"step": 1, "big": 123456789012345678901234567890}']
        )
    conn.close()
    assert index(database) == index(database)
    assert index(database).checkpoints[0].metadata["big"] == 123456789012345678901234567890
    assert not cache.exists()


def test_the_oldest_go_where_there_are_too_many(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = MetadataCache(tmp_path / "a.db")
    for number in range(4):
        kept.store(str(number), {("", "c", 1, 1): {"text": "x" * 1000}})
        for file in cache.iterdir():
            os.utime(file, (file.stat().st_atime, file.stat().st_mtime - 10))
    assert kept.load("0")  # used last
    monkeypatch.setattr(metadata_cache, "_SPACE", 2500)
    kept.store("4", {("", "c", 1, 1): {}})
    assert [bool(kept.load(str(number))) for number in range(5)] == [True, False, False, True, True]


def test_what_just_fits_is_kept(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = MetadataCache(tmp_path / "a.db")
    known = {("", "c", 1, 1): {"text": "x" * 1000}}
    kept.store("0", known)
    (size,) = [file.stat().st_size for file in cache.iterdir()]
    monkeypatch.setattr(metadata_cache, "_SPACE", 2 * size)
    kept.store("1", known)
    assert kept.load("0") and kept.load("1")
    monkeypatch.setattr(metadata_cache, "_SPACE", 2 * size - 1)
    kept.store("1", known)
    assert sum(bool(kept.load(name)) for name in "01") == 1


class Databases(RuleBasedStateMachine):
    """Whatever is done to a file, an opening with the cache tells what one without it does."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.file, self.backup = self.folder / "a.db", self.folder / "backup.db"
        self.invoke()
        self.back_up()

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def execute(self, sql: str, *params: Any) -> None:
        conn = sqlite3.connect(self.file, isolation_level=None)
        conn.execute(sql, params)
        conn.close()

    @rule()
    def invoke(self) -> None:
        with SqliteSaver.from_conn_string(str(self.file)) as saver:
            two_nodes.build(saver).invoke(two_nodes.INPUT, CONFIG)

    @rule(at=st.integers(0, 9))
    def delete(self, at: int) -> None:
        one = "SELECT rowid FROM checkpoints ORDER BY rowid LIMIT 1 OFFSET ?"
        self.execute(f"DELETE FROM checkpoints WHERE rowid IN ({one})", at)

    @rule(at=st.integers(0, 9), text=st.text("ab", min_size=1))
    def change(self, at: int, text: str) -> None:
        one = "SELECT rowid FROM checkpoints ORDER BY rowid LIMIT 1 OFFSET ?"
        longer = f"json_set(metadata, '$.note', coalesce(json_extract(metadata, '$.note'), '') || '{text}')"
        sql = f"UPDATE checkpoints SET metadata = CAST({longer} AS BLOB) WHERE rowid IN ({one})"
        self.execute(sql, at)

    @rule()
    def vacuum(self) -> None:
        self.execute("VACUUM")

    @rule()
    def delete_thread(self) -> None:
        self.execute("DELETE FROM checkpoints")
        self.execute("DELETE FROM writes")
        self.invoke()

    @rule()
    def back_up(self) -> None:
        shutil.copy(self.file, self.backup)

    @rule()
    def restore(self) -> None:
        shutil.copy(self.backup, self.file)

    @rule()
    def replace(self) -> None:
        self.backup.replace(self.file)
        self.back_up()

    @rule(data=st.binary(max_size=60), at=st.integers(0, 2000))
    def damage_the_cache(self, data: bytes, at: int) -> None:
        for file in (self.folder / "cache" / "metadata").glob("*"):
            with file.open("r+b") as opened:
                opened.seek(at)
                opened.write(data)

    @invariant()
    def same(self) -> None:
        if not self.file.exists():
            return
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(langgraph_sqlite, "_SLOW", 0)
            with closing(sqlite3.connect(self.file)) as conn:
                if not conn.execute("SELECT count(*) FROM checkpoints").fetchone()[0]:
                    return
            patch.setenv("LGVIZ_CACHE", "off")
            plain = index(self.file)
            patch.setenv("LGVIZ_CACHE", str(self.folder / "cache"))
            assert index(self.file) == plain == index(self.file)


TestDatabases = Databases.TestCase
TestDatabases.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
