"""What a saver knows to be stored never outlives a removal, whoever removes, and whatever is undone."""

from __future__ import annotations

import itertools
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lgviz.persistence import PostgresSaver, SqliteSaver
from lgviz.persistence.database.statements import READ, Operation, Query
from tests.support.savers import config, put, text

LISTS = [[text(n) for n in range(start, end)] for start, end in ((0, 3), (0, 40), (1, 41), (30, 60))]
ACTS = ("put", "put_writes", "undone", "prune", "delete", "copy")


def strays(saver: Any) -> set[int]:
    """Nodes that no row of any thread leads to."""

    def look() -> Operation[set[int]]:
        yield READ
        roots = []
        for table, column in (("checkpoints", "body"), ("writes", "data")):
            found = yield Query(f"SELECT {column} FROM lgviz_{table}")
            roots += [saver.engine.blocks.codec.open_row(bytes(data)) for (data,) in found]
        live = yield from saver.engine.blocks.fetch(roots, containers=True)
        rows = yield Query("SELECT id FROM lgviz_blocks")
        return {id for (id,) in rows}.difference(live)

    return saver._run(look)  # type: ignore[no-any-return]


def play(savers: list[Any], acts: list[tuple[int, str, int, int]]) -> None:
    numbers = itertools.count(1)
    last: dict[str, str] = {}
    for who, act, thread, value in acts:
        saver, name = savers[who], str(thread)
        if act == "put":
            id = f"{next(numbers):04}"
            put(saver, id, {"m": LISTS[value]}, parent=last.get(name), thread=name)
            last[name] = id
        elif act == "put_writes" and name in last:
            saver.put_writes(config(name, checkpoint_id=last[name]), [("m", LISTS[value])], f"task {value}")
        elif act == "undone":
            saver.conn.execute("BEGIN")
            put(saver, "ffff", {"m": LISTS[value]}, parent=last.get(name), thread=name)
            saver.conn.execute("ROLLBACK")
        elif act == "prune":
            saver.prune([name])
        elif act == "delete":
            saver.delete_thread(name)
            last.pop(name, None)
        elif act == "copy" and name in last and "copy" not in last:
            saver.copy_thread(name, "copy")
            last["copy"] = last[name]
        assert saver.check() == []
    reader = savers[0]
    for name in last:
        reader.engine.blocks.cache.clear()
        found = reader.get_tuple(config(name))
        assert found is not None and found.checkpoint["channel_values"]["m"] in LISTS
    for name in [*last, "0", "1", "2"]:
        reader.prune([name])
    assert strays(reader) == set()


acts = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(ACTS), st.integers(0, 2), st.integers(0, 3)), max_size=20
)


@settings(max_examples=40, deadline=None)
@given(acts=acts)
def test_two_savers_of_one_file(acts: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("known") / "x.db"
    with SqliteSaver.from_conn_string(str(path)) as one, SqliteSaver.from_conn_string(str(path)) as two:
        play([one, two], acts)


@pytest.fixture(scope="module")
def two_on_postgres(postgres: Any) -> Any:
    import psycopg

    with psycopg.connect(postgres.get_uri(), autocommit=True) as conn:
        conn.execute("CREATE DATABASE known")
    uri = postgres.get_uri(database="known")
    with PostgresSaver.from_conn_string(uri) as one, PostgresSaver.from_conn_string(uri) as two:
        yield one, two


@settings(max_examples=15, deadline=None)
@given(acts=acts)
def test_two_savers_of_one_server(acts: Any, two_on_postgres: Any) -> None:
    one, two = two_on_postgres
    for name in ("0", "1", "2", "copy"):
        one.delete_thread(name)
    # `conn` as the caller's own, whose transactions operations join.
    one.conn, two.conn = one.driver.conn, two.driver.conn
    play([one, two], acts)


def test_a_node_removed_by_another_is_stored_again(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    with SqliteSaver.from_conn_string(path) as one, SqliteSaver.from_conn_string(path) as two:
        put(one, "1", {"m": LISTS[1]})
        two.delete_thread("1")
        assert strays(two) == set()
        put(one, "1", {"m": LISTS[1]})
        assert two.check() == []
        assert two.get_tuple(config()).checkpoint["channel_values"] == {"m": LISTS[1]}  # type: ignore[union-attr]


def test_nothing_is_learned_from_a_transaction_that_is_not_the_savers_own(tmp_path: Path) -> None:
    conn = sqlite3.connect(tmp_path / "x.db", check_same_thread=False, isolation_level=None)
    saver = SqliteSaver(conn)
    saver.setup()
    conn.execute("BEGIN")
    put(saver, "1", {"m": LISTS[1]})
    saver.get_tuple(config())
    conn.execute("ROLLBACK")
    for n in (1, 3):
        put(saver, str(n), {"m": LISTS[n]})
        assert saver.check() == []
        assert saver.get_tuple(config()).checkpoint["channel_values"] == {"m": LISTS[n]}  # type: ignore[union-attr]
    conn.close()


@pytest.mark.parametrize("other", [False, True])
def test_a_backup_that_is_restored_under_an_open_saver(tmp_path: Path, other: bool) -> None:
    path, backup = str(tmp_path / "x.db"), sqlite3.connect(tmp_path / "backup.db")
    with SqliteSaver.from_conn_string(path) as saver:
        put(saver, "1", {"m": LISTS[0]}, thread="2")
        put(saver, "1", {"m": LISTS[0]})
        saver.conn.backup(backup)
        put(saver, "2", {"m": LISTS[1]}, parent="1")
        put(saver, "2", {"m": LISTS[1]}, thread="2")
        target = sqlite3.connect(path) if other else saver.conn
        backup.backup(target)
        for thread in ("2", "1"):
            put(saver, "3", {"m": LISTS[1]}, parent="1", thread=thread)
            assert saver.check() == []
        saver.delete_thread("2")
        assert saver.check() == []
        assert saver.get_tuple(config()).checkpoint["channel_values"] == {"m": LISTS[1]}  # type: ignore[union-attr]
        target.close()
    backup.close()


def test_ids_that_the_caller_undoes_are_given_again_by_another(tmp_path: Path) -> None:
    conn = sqlite3.connect(tmp_path / "x.db", check_same_thread=False, isolation_level=None)
    saver = SqliteSaver(conn)
    saver.setup()
    conn.execute("BEGIN")
    put(saver, "1", {"m": LISTS[0]})
    assert saver.get_tuple(config()) is not None
    conn.execute("ROLLBACK")
    with SqliteSaver.from_conn_string(str(tmp_path / "x.db")) as other:
        put(other, "1", {"m": LISTS[3]})
    assert saver.get_tuple(config()).checkpoint["channel_values"] == {"m": LISTS[3]}  # type: ignore[union-attr]
    conn.close()
