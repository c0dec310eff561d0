"""What is forgotten leaves no byte behind, and what is shared stays with its other owner."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from lgviz.errors import BadMoment, Unavailable
from lgviz.persistence import AsyncSqliteStore, SqliteSaver, SqliteStore
from tests.support.savers import config, on_loop, put, text
from tests.support.stores import ALL, call

# A short value lies in its row, a long one in blocks; random words compress, these markers are looked for as they are.
MARKERS = ("Marker-of-a-short-value", "Marker-of-a-long-value", "Marker-in-a-key", "Marker-in-a-namespace")


def fill(store: Any) -> None:
    for n in range(3):
        call(store, "put", ("private", MARKERS[3]), f"{MARKERS[2]}-{n}", {"note": f"{MARKERS[0]} {n}"})
    for n in range(4):
        value = {"n": n, "notes": [text(i, 300) for i in range(20)], "one": MARKERS[1] + str(n) + "x" * 80}
        call(store, "put", ("private", MARKERS[3]), "long", value)
        call(store, "put", ("other",), f"k{n}", {"text": text(n + 50, 600)})
    call(store, "delete", ("private", MARKERS[3]), "long")


def scan(folder: Path, needles: list[bytes]) -> list[bytes]:
    content = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())
    return [needle for needle in needles if needle in content]


@pytest.mark.parametrize("kind", ["sqlite", "aiosqlite"])
def test_no_byte_is_left_in_the_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    cls: Any = SqliteStore if kind == "sqlite" else AsyncSqliteStore
    store = cls.from_conn_string(str(path))
    call(store, "list_namespaces")
    with sqlite3.connect(path) as conn:
        fill(store)
        blobs = [data for (data,) in conn.execute("SELECT data FROM lgviz_blocks WHERE length(data) > 20")]
    conn.close()
    assert len(blobs) > 20
    needles = [marker.encode() for marker in MARKERS]
    # Where a value was compressed its marker is not there in plain, but its block's bytes are.
    assert len(scan(tmp_path, needles)) >= 3 and len(scan(tmp_path, blobs)) == len(blobs)
    assert call(store, "forget", ("private", MARKERS[3])) == 3 + 4 + 1
    assert scan(tmp_path, [*needles, *blobs]) == []
    assert [call(store, "get", ("other",), f"k{n}").value["text"] for n in range(4)] == [
        text(n + 50, 600) for n in range(4)
    ]
    if kind == "sqlite":
        store.close()
    else:
        store.test_loop.run_until_complete(store.close())
    assert scan(tmp_path, [*needles, *blobs]) == []


def test_no_byte_is_left_in_postgres_tables(postgres: Any, make_store: Any) -> None:
    store = make_store("postgres")
    (own,) = store.conn.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
    folder = Path(postgres.pgdata) / "base" / str(own)

    def left(needles: list[bytes]) -> set[bytes]:
        store.conn.execute("CHECKPOINT")
        files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
        return {needle for needle in needles if any(needle in data for data in files)}

    fill(store)
    blobs = [
        bytes(row[0]) for row in store.conn.execute("SELECT data FROM lgviz_blocks WHERE length(data) > 20")
    ]
    needles = [marker.encode() for marker in MARKERS]
    assert len(left(needles)) >= 3 and left(blobs)
    assert call(store, "forget", ("private", MARKERS[3])) == 8
    assert left([*needles, *blobs]) == set()


@pytest.mark.parametrize("kind", ALL)
def test_a_shared_value_stays_with_its_other_owner(kind: str, make_store: Any) -> None:
    store = make_store(kind)
    value = {"notes": [text(i, 300) for i in range(20)]}
    call(store, "put", ("a",), "mine", value)
    call(store, "put", ("a",), "yours", value)
    assert call(store, "forget", ("a",), "mine") == 1
    assert call(store, "get", ("a",), "yours").value == value
    assert call(store, "forget", ("a",), "yours") == 1


def test_a_value_shared_with_a_thread(tmp_path: Path) -> None:
    conn = sqlite3.connect(tmp_path / "both.db", check_same_thread=False)
    saver, store = SqliteSaver(conn), SqliteStore(conn)
    value = {"notes": [text(i, 300) for i in range(20)]}
    put(saver, "1", {"memory": value})
    store.put(("a",), "k", value)
    assert store.forget(("a",)) == 1
    found = saver.get_tuple(config())
    assert found is not None and found.checkpoint["channel_values"]["memory"] == value
    store.put(("a",), "k", value)
    saver.delete_thread("1")
    assert store.get(("a",), "k").value == value  # type: ignore[union-attr]
    assert saver.check() == []
    store.forget(("a",))
    assert conn.execute("SELECT count(*) FROM lgviz_blocks").fetchone() == (0,)
    conn.close()


def test_inside_a_transaction_it_says_what_is_left(tmp_path: Path) -> None:
    conn = sqlite3.connect(tmp_path / "memory.db", check_same_thread=False)
    store = SqliteStore(conn)
    fill(store)
    conn.execute("BEGIN")
    with pytest.raises(Unavailable, match="call forget again"):
        store.forget(("private", MARKERS[3]))
    conn.commit()
    store.forget(("private", MARKERS[3]))
    assert scan(tmp_path, [marker.encode() for marker in MARKERS]) == []
    conn.close()


@pytest.mark.parametrize("kind", ["memory", "sqlite", "aiosqlite", "postgres"])
def test_the_time_before_a_compaction_is_said_to_be_unknown(kind: str, make_store: Any) -> None:
    store = make_store(kind)
    for n in range(3):
        call(store, "put", ("a",), "k", {"n": n})
    call(store, "put", ("a",), "later", {})
    first, second, third = [version.at for version in call(store, "history", ("a",), "k")]

    def then(at: Any) -> Any:
        past = store.as_of(at)
        if hasattr(store, "__aenter__"):
            return on_loop(store, past.aget(("a",), "k"))
        return past.get(("a",), "k")

    assert call(store, "compact", before=first) == 0
    assert then(first).value == {"n": 0}
    assert call(store, "compact", before=second) == 1
    for ask in (lambda: then(first), lambda: call(store, "diff", first, None)):
        with pytest.raises(BadMoment, match="dropped by compact") as caught:
            ask()
        assert second.isoformat(" ") in str(caught.value) and caught.value.remedy
    assert then(second).value == {"n": 1} and then(third).value == {"n": 2}
    assert call(store, "compact") == 1
    assert call(store, "compact", before=first) == 0
    with pytest.raises(BadMoment):
        then(second)
    assert then(third).value == {"n": 2}
