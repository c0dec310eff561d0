"""Servers that talk like PostgreSQL: no advisory locks, and transactions that the server gives up (40001)."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from lgviz.errors import PersistenceError, Unavailable
from lgviz.persistence import PostgresSaver, PostgresStore
from lgviz.persistence.database import migrations
from lgviz.persistence.database.dialect import POSTGRESQL_LIKE, STRIPES
from lgviz.persistence.database.drivers import drive
from lgviz.persistence.database.postgres import PostgresSession, connect
from lgviz.persistence.database.statements import Locking, Operation
from lgviz.sources.claims import HeldNames
from tests.support.postgres_like import failing, lacking
from tests.support.savers import call, chat, checkpoint, config, put, run, text

psycopg = pytest.importorskip("psycopg")


@pytest.fixture
def lacking_uri(postgres_uri: Callable[[], str]) -> str:
    return lacking(postgres_uri())


@pytest.mark.parametrize("pretends", [False, True])
def test_how_to_lock_is_asked_once_and_remembered(postgres_uri: Any, pretends: bool) -> None:
    uri = lacking(postgres_uri(), pretends=pretends)
    with PostgresSaver.from_conn_string(uri) as saver:
        assert saver.driver.locking is Locking.ROWS
        put(saver, "1", {"x": text(1)})
    with psycopg.connect(uri, autocommit=True) as conn:  # as after an upgrade of the server
        for name in ("pg_advisory_xact_lock", "pg_advisory_xact_lock_shared"):
            conn.execute(f"DROP FUNCTION lacking.{name}(int, int)".encode())
    with PostgresSaver.from_conn_string(uri) as saver, PostgresStore.from_conn_string(uri) as store:
        assert saver.driver.locking is store.driver.locking is Locking.ROWS
        put(saver, "2", {"x": text(1)}, parent="1")
        store.put(("a",), "b", {"c": text(1)})
        assert saver.check() == store.check() == []


@pytest.mark.parametrize(
    ("version", "locking"),
    [("PostgreSQL 18.0", Locking.ADVISORY), ("PostgreSQL 15.12-YB-2025.2.0.0-b1 on x86", Locking.ROWS)],
)
def test_yugabytedb_locks_by_rows_whatever_locks_it_has(
    postgres_uri: Any, version: str, locking: Locking
) -> None:
    uri = postgres_uri()
    with psycopg.connect(uri, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA said")
        function = f"FUNCTION said.version() RETURNS text LANGUAGE sql AS $$ SELECT '{version}' $$"
        conn.execute(f"CREATE {function}".encode())
    said = f"{uri}&options=-csearch_path%3Dpublic%2Csaid%2Cpg_catalog"
    with PostgresSaver.from_conn_string(said) as saver:
        assert saver.driver.locking is locking


@pytest.mark.parametrize(
    "isolation", ["read committed", "repeatable read", "serializable", "of a whole server"]
)
def test_writers_and_removers_of_the_same_blocks(postgres_uri: Any, isolation: str) -> None:
    from psycopg_pool import ConnectionPool

    if isolation == "of a whole server":
        uri = f"{postgres_uri()}&options=-cdefault_transaction_isolation%3Drepeatable%5C%20read"
    else:
        uri = lacking(postgres_uri(), isolation=isolation)
    shared = [text(n) for n in range(12)]
    with ConnectionPool(uri, kwargs={"autocommit": True}, min_size=5, max_size=5) as pool:
        saver = PostgresSaver(pool)
        saver.setup()

        def work(name: str) -> None:
            for n in range(12):
                parent = f"{n - 1:03x}" if n else None
                # In each round other texts, which all have to store, or to find stored, and some give back.
                put(saver, f"{n:03x}", {"x": [f"{n} {each}" for each in shared]}, parent, name)
                if name.startswith("gone"):
                    saver.delete_thread(name)
                put(saver, f"{n:03x} {name}", {"y": name}, thread="of all")

        with ThreadPoolExecutor(5) as workers:
            list(workers.map(work, ["kept 1", "kept 2", "kept 3", "gone 1", "gone 2"]))
        assert saver.check() == []
        made = [row.ordinal for row in saver.index("of all").checkpoints]
        assert sorted(made) == list(range(60))
        for name in ("kept 1", "kept 2", "kept 3"):
            found = list(saver.list(config(name)))
            assert [each.checkpoint["id"] for each in found] == [f"{n:03x}" for n in reversed(range(12))]
            assert all(
                each.checkpoint["channel_values"]["x"] == [f"{n} {one}" for one in shared]
                for n, each in zip(reversed(range(12)), found, strict=True)
            )
        saver.prune([name for name, *_ in saver.threads()], strategy="delete")
        assert saver.stats().bytes == 0


def test_blocks_that_another_thread_stored_after_the_moment_that_is_seen(postgres_uri: Any) -> None:
    uri = lacking(postgres_uri(), isolation="repeatable read")
    values = {"x": [text(n) for n in range(5)]}
    with PostgresSaver.from_conn_string(uri) as saver, ExitStack() as stack:
        put(saver, "1", {"y": 1}, thread="slow")
        stripe, other = saver.conn.info.backend_pid % STRIPES, saver.conn
        while other.info.backend_pid % STRIPES == stripe:
            other = stack.enter_context(connect(uri))
        overtaken = iter([True])

        def make() -> Operation[Any]:
            made, rows = checkpoint("2", values), None
            operation = saver.engine.writes.put(config("slow", checkpoint_ns=""), made, {}, {"x": 1})
            for n in itertools.count():
                try:
                    step = operation.send(rows)  # type: ignore[arg-type]
                except StopIteration as stop:
                    return stop.value
                rows = yield step
                if n == 1 and next(overtaken, False):
                    put(saver, "1", values, thread="fast")

        drive(make, PostgresSession(other, saver.driver))
        assert list(overtaken) == [] and saver.check() == []
        saver.delete_thread("fast")
        found = saver.get_tuple(config("slow"))
        assert found is not None and found.checkpoint["channel_values"] == values


def test_a_fresh_database_set_up_by_many_at_once(lacking_uri: str) -> None:
    begin = threading.Barrier(4)

    def work(number: int) -> None:
        begin.wait()
        with PostgresSaver.from_conn_string(lacking_uri) as saver:
            put(saver, "1", {"x": text(1)}, thread=str(number))

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(work, range(4)))
    with PostgresSaver.from_conn_string(lacking_uri) as saver:
        assert saver.check() == [] and len(saver.threads()) == 4


@pytest.mark.parametrize("kind", ["postgreslike", "aiopostgreslike"])
def test_nothing_is_lost_where_the_server_gives_transactions_up(kind: str, make_saver: Any) -> None:
    saver = make_saver(kind)
    call(saver, "get_tuple", config())
    uri = saver.driver.conninfo
    failing(uri, "lgviz_checkpoints", 3, at_commit=True)
    failing(uri, "lgviz_writes", 4, at_commit=False)
    failing(uri, "lgviz_blocks", 5, at_commit=False)
    graph = chat(300).compile(checkpointer=saver)
    for n in range(6):
        run(graph, saver, "invoke", {"messages": [("user", f"m{n}")]}, config(), durability="sync")
    messages = run(graph, saver, "get_state", config()).values["messages"]
    assert [each.type for each in messages] == ["human", "ai"] * 6
    assert len(call(saver, "list", config())) == 18 and call(saver, "check") == []
    with psycopg.connect(uri) as conn:
        (turns,) = conn.execute("SELECT last_value FROM turns").fetchone()
        (rows,) = conn.execute("SELECT count(*) FROM lgviz_checkpoints").fetchone()
    assert rows == 18 and turns > 30


def test_a_store_loses_nothing_where_the_server_gives_transactions_up(lacking_uri: str) -> None:
    with PostgresStore.from_conn_string(lacking_uri) as store:
        store.setup()
        failing(lacking_uri, "lgviz_items", 2, at_commit=True)
        for n in range(6):
            store.put(("a",), f"key {n}", {"n": n})
        assert {item.key: item.value["n"] for item in store.search(("a",))} == {
            f"key {n}": n for n in range(6)
        }
        assert store.check() == []


def test_a_server_that_always_gives_up_is_told(lacking_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgviz.persistence.database.drivers.rest", lambda attempt: 0)
    with PostgresSaver.from_conn_string(lacking_uri) as saver:
        failing(lacking_uri, "lgviz_checkpoints", 1, at_commit=True)
        with pytest.raises(Unavailable, match=r"came in the way 12 times; nothing was written"):
            put(saver, "1", {"x": text(1)})
        assert saver.get_tuple(config()) is None and saver.stats().blocks == 0


def test_what_the_server_gave_up_of_a_callers_transaction_is_the_callers_to_repeat(lacking_uri: str) -> None:
    PostgresSaver.from_conn_string(lacking_uri).close()
    failing(lacking_uri, "lgviz_checkpoints", 1, at_commit=False)
    with psycopg.connect(lacking_uri, autocommit=True) as conn:
        saver = PostgresSaver(conn)
        with pytest.raises(psycopg.errors.SerializationFailure), conn.transaction():
            put(saver, "1", {"x": 1})
        conn.execute("DROP TRIGGER failing_0 ON lgviz_checkpoints")
        with conn.transaction():
            put(saver, "1", {"x": 1})
        assert saver.get_tuple(config()) is not None


def test_names_are_held_by_rows_that_are_never_committed(lacking_uri: str) -> None:
    with (
        PostgresSaver.from_conn_string(lacking_uri) as saver,
        PostgresSaver.from_conn_string(lacking_uri) as other,
    ):
        ours, theirs = HeldNames(saver), HeldNames(other)
        assert ours.take("a") and ours.take("a") and not theirs.take("a") and theirs.take("b")
        assert ours.move("c") and not theirs.move("c")
        assert ours.move("d") and theirs.move("c") and not theirs.move("a")
        ours.free()
        assert theirs.move("a") and theirs.move("d")
        theirs.free()
        assert saver.conn.execute("SELECT count(*) FROM lgviz_claims").fetchone() == (0,)


def test_of_langgraphs_savers_no_name_is_held_where_nothing_locks(postgres_uri: Any) -> None:
    from langgraph.checkpoint.postgres import PostgresSaver as LangGraphPostgres

    uri = postgres_uri()
    with LangGraphPostgres.from_conn_string(lacking(uri)) as theirs:
        theirs.setup()
        first, second = HeldNames(theirs), HeldNames(theirs)
        assert first.take("a") and first.move("b") and second.take("a") and second.move("b")
        first.free()
        second.free()


def test_forgetting_says_that_the_servers_bytes_stay(lacking_uri: str) -> None:
    with PostgresStore.from_conn_string(lacking_uri) as store:
        store.put(("a",), "b", {"c": text(1)})
        with pytest.raises(Unavailable, match="It is deleted, but this server cannot be told to rewrite"):
            store.forget(("a",), "b")
        assert store.get(("a",), "b") is None and store.history(("a",), "b") == []


def test_numbers_in_batches_are_refused(lacking_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As YugabyteDB gives them: the newest checkpoint would be told by the greatest number."""
    batches = replace(POSTGRESQL_LIKE, serial=POSTGRESQL_LIKE.serial.replace("CACHE 1", "CACHE 100"))
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "POSTGRESQL_LIKE", batches)
        with pytest.raises(PersistenceError, match="--ysql_sequence_cache_minval=1"):
            PostgresSaver.from_conn_string(lacking_uri)
    with psycopg.connect(lacking_uri, autocommit=True) as conn:
        for table, column in (("blocks", "id"), ("threads", "id"), ("checkpoints", "key"), ("writes", "key")):
            conn.execute(f"ALTER SEQUENCE lgviz_{table}_{column}_seq CACHE 1".encode())
    with PostgresSaver.from_conn_string(lacking_uri) as saver:  # goes on with the tables that there are
        put(saver, "1", {"x": 1})


def test_tables_of_a_server_that_had_more_are_refused(postgres_uri: Any) -> None:
    """As where a dump of PostgreSQL is put into a server of another kind."""
    plain = postgres_uri()
    with psycopg.connect(plain, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA lacking")
    schema = f"{plain}&options=-csearch_path%3Dlacking"
    with PostgresSaver.from_conn_string(schema) as saver:
        put(saver, "1", {"x": 1})
    with PostgresSaver.from_conn_string(lacking(plain)) as saver:
        found = saver.get_tuple(config())
        assert found is not None and found.checkpoint["channel_values"] == {"x": 1}
        with pytest.raises(PersistenceError, match=r"This server lacks something .*pg_advisory_xact_lock"):
            put(saver, "2", {"x": 2}, parent="1")


def test_a_server_that_makes_no_index_is_refused(lacking_uri: str) -> None:
    """As Aurora DSQL, which knows it by another statement."""
    with psycopg.connect(lacking_uri, autocommit=True) as conn:
        conn.execute(
            """CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE feature_not_supported USING MESSAGE = 'no index but ASYNC'; END $$"""
        )
        when = "ON ddl_command_start WHEN TAG IN ('CREATE INDEX')"
        conn.execute(f"CREATE EVENT TRIGGER refusing {when} EXECUTE FUNCTION refuse()".encode())
        with pytest.raises(PersistenceError, match=r"This server lacks something .* no index but ASYNC"):
            PostgresSaver.from_conn_string(lacking_uri)
        conn.execute("DROP EVENT TRIGGER refusing")
    with PostgresSaver.from_conn_string(lacking_uri) as saver:  # goes on with what was made
        put(saver, "1", {"x": 1})
        assert saver.check() == []
