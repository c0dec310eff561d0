"""Files that LangGraph wrote before August 2024: one table, then two, whose checkpoints are named by ``thread_ts``.

``early/*.json`` are the rows that four versions wrote, and what each answered about them (``support/early_rows.py``).
"""

from __future__ import annotations

import json
import pickle
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

import lgviz
from lgviz.errors import ForeignTables
from lgviz.persistence import migrate
from lgviz.sources import Undecodable, open_source

EARLY = Path(__file__).parent / "early"
PICKLED, TIMES, IDS, WRITES = "0.0.30", "0.0.39", "0.0.66", "0.1.19"
"""The states are pickled; JSON, and a checkpoint is named by its time; by an id, with metadata; with writes."""


class Early:
    """A file as a version wrote it, and what that said of its checkpoints: messages, turns, and what is next."""

    def __init__(self, version: str, folder: Path) -> None:
        told = json.loads((EARLY / f"{version}.json").read_text(encoding="utf-8"))
        self.answers: dict[str, dict[str, list[Any]]] = told["answers"]
        self.file = folder / "early.db"
        connection = sqlite3.connect(self.file)
        for name, table in told["tables"].items():
            connection.execute(table["made"])
            kinds = [row[2] for row in connection.execute(f"PRAGMA table_info({name})")]
            for row in table["rows"]:
                stored = [as_stored(*one) for one in zip(kinds, row, strict=True)]
                connection.execute(f"INSERT INTO {name} VALUES ({','.join('?' * len(row))})", stored)
        connection.commit()
        connection.close()


def as_stored(kind: str, value: Any) -> Any:
    if kind != "BLOB" or value is None:
        return value
    return bytes.fromhex(value) if value.startswith("80") else value.encode()


@pytest.fixture(params=[PICKLED, TIMES, IDS, WRITES])
def early(request: pytest.FixtureRequest, tmp_path: Path) -> Early:
    return Early(request.param, tmp_path)


@pytest.fixture(params=[TIMES, IDS, WRITES])
def readable(request: pytest.FixtureRequest, tmp_path: Path) -> Early:
    return Early(request.param, tmp_path)


def seen(checkpoint: lgviz.Checkpoint) -> list[Any]:
    values = checkpoint.values
    said = [[one.type, one.content] for one in values.get("messages", [])]
    return [said, values.get("turns"), list(checkpoint.next)]


def test_threads_and_the_tree(early: Early) -> None:
    source = open_source(early.file)
    assert {one.thread_id: one.count for one in source.threads()} == {
        k: len(v) for k, v in early.answers.items()
    }
    assert [one.thread_id for one in source.find_threads("FORK").threads] == ["forked"]
    assert all(one.updated_at and one.updated_at > 1.7e9 for one in source.threads())
    history = lgviz.history(early.file, "forked")
    assert [c.id for c in history] == sorted(early.answers["forked"]) and all(c.time for c in history)
    with closing(sqlite3.connect(early.file)) as connection:
        stored = "SELECT thread_ts, parent_ts FROM checkpoints WHERE thread_id = 'forked'"
        parents = dict(connection.execute(stored).fetchall())
    assert {c.id: c.parent.id if c.parent else None for c in history} == parents
    assert len(set(parents.values())) == len(parents) - 1  # one has two children


def test_values_names_and_what_is_next_are_what_the_version_said(readable: Early) -> None:
    for thread, answers in readable.answers.items():
        history = lgviz.history(readable.file, thread)
        assert {c.id: seen(c) for c in history} == answers
        ran = [
            c
            for c in history
            if c.parent and seen(c)[0] != seen(c.parent)[0] and "edited" not in str(c.values)
        ]
        assert len(ran) >= 3 and all(list(c.nodes) == answers[c.parent.id][2] for c in ran if c.parent)


def test_metadata_and_writes(tmp_path: Path) -> None:
    history = lgviz.history(Early(WRITES, tmp_path).file, "forked")
    edit = next(c for c in history if c.source == "update")
    assert edit.nodes == ("model",) and edit.parent and edit.parent.next == ("tool",)
    writes = history.source.writes("forked", "", history["c1"].id)
    assert {(one.channel, str(getattr(one.value, "content", one.value))) for one in writes} >= {
        ("turns", "1")
    }
    assert history["c2"].changed == ("messages", "turns")


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    """A pickle is shown as what it is; one that would run something runs nothing."""
    early, ran = Early(PICKLED, tmp_path), tmp_path / "ran"
    connection = sqlite3.connect(early.file)
    connection.execute("UPDATE checkpoints SET checkpoint = ?", [pickle.dumps(Touch(ran), protocol=4)])
    connection.commit()
    connection.close()
    source = open_source(early.file, trust=["tests.sources.test_early"])
    place = ("talk", "", source.index("talk").checkpoints[-1].id)
    (value,) = source.channels(*place).values()
    assert isinstance(value, Undecodable) and value.reason == "pickle is never opened from a file"
    assert value.size > 50 and value.type == "pickle"
    assert {problem.what for problem in source.check()} == {"pickle is never opened from a file"}
    assert not ran.exists()
    pickle.loads(pickle.dumps(Touch(ran), protocol=4))  # the pickle is one that does something
    assert ran.exists()


class Touch:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


def test_it_is_whole_and_counted_and_copied(readable: Early, tmp_path: Path) -> None:
    source = open_source(readable.file)
    assert source.check() == []
    stats = source.stats()
    assert stats.checkpoints == sum(map(len, readable.answers.values())) and stats.formats == {
        "1": stats.checkpoints
    }
    assert lgviz.thread_stats(source).set_index("thread_id").loc["talk", "steps"] == len(
        readable.answers["talk"]
    )
    assert migrate(readable.file, tmp_path / "new.db") == stats.checkpoints
    for thread, answers in readable.answers.items():
        assert {c.id: seen(c) for c in lgviz.history(tmp_path / "new.db", thread)} == answers


def test_what_is_new(tmp_path: Path) -> None:
    early = Early(WRITES, tmp_path)
    connection = sqlite3.connect(early.file)
    held = connection.execute(
        "SELECT * FROM checkpoints WHERE thread_id = 'talk' ORDER BY thread_ts"
    ).fetchall()
    connection.execute("DELETE FROM checkpoints WHERE thread_id = 'talk' AND thread_ts >= ?", [held[-2][1]])
    connection.commit()
    history = lgviz.history(early.file, "talk")
    for row in reversed(held[-2:]):  # as its threads stored them: the later one first
        connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?)", row)
    connection.commit()
    connection.close()
    assert history.refresh()[0] == len(held) - 2
    assert [seen(c) for c in history] == [early.answers["talk"][row[1]] for row in held]


def test_todays_saver_cannot_read_them(tmp_path: Path) -> None:
    saver = SqliteSaver(sqlite3.connect(Early(IDS, tmp_path).file, check_same_thread=False))
    with pytest.raises(ForeignTables, match="before August 2024") as raised:
        open_source(saver)
    assert "migrate(path" in raised.value.remedy
