"""LangGraph's own PostgreSQL tables: the same history as LangGraph and as its SQLite tables tell, unwritten."""

from __future__ import annotations

import asyncio
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver, ShallowPostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.postgres.shallow import AsyncShallowPostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool, ConnectionPool

import lgviz
from lgviz import persistence
from lgviz.analysis.history import History, open_history
from lgviz.analysis.search import search
from lgviz.demos import DEMOS, chat, two_nodes
from lgviz.errors import CheckpointNotFound, NoCheckpoints, NotASource, SourceError, Unavailable
from lgviz.persistence.database.conninfo import conninfo_of
from lgviz.session import Edit, forked
from lgviz.sources import Undecodable, open_source
from lgviz.sources.langgraph.postgres import PostgresSource
from tests.support.airline import build, replay, trials_of
from tests.support.old_formats import as_of_old, pending
from tests.support.postgres_like import lacking

CONFIG: Any = {"configurable": {"thread_id": "1"}}
CONNECTION: Any = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}


@pytest.fixture
def uri(postgres_uri: Callable[[], str]) -> str:
    """A database with LangGraph's tables."""
    made = postgres_uri()
    with PostgresSaver.from_conn_string(made) as saver:
        saver.setup()
    return made


@contextmanager
def opened(what: Any, thread_id: str | None = "1") -> Iterator[History]:
    history = open_history(what, thread_id)
    assert isinstance(history.source, PostgresSource)
    try:
        yield history
    finally:
        history.source.close()


def execute(uri: str, *statements: str) -> list[Any]:
    with psycopg.connect(uri, autocommit=True) as conn:
        return [conn.execute(sql.encode()) for sql in statements]


def rows(uri: str, sql: str) -> list[Any]:
    with psycopg.connect(uri) as conn:
        return conn.execute(sql.encode()).fetchall()


def everything(history: History) -> list[Any]:
    found: list[Any] = []
    for row in range(len(history.tree)):
        one = history.checkpoint_at(row)
        found.append((one.id, one.namespace, one.label, one.nodes, one.changed, one.values, one.next))
        found.append((one.metadata, one.tasks, one.writes, one.interrupts, one.flags, one.created_at))
        found.append((one.parent and one.parent.id, history.tree.lane[row]))
    found.append([str(history.diff(i, i + 1)) for i in range(len(history) - 1)])
    return found


def copied_to_sqlite(uri: str, file: Path) -> Path:
    """The same threads as LangGraph's SqliteSaver would have stored them."""
    with PostgresSaver.from_conn_string(uri) as theirs, SqliteSaver.from_conn_string(str(file)) as saver:
        saver.setup()
        for found in sorted(theirs.list(None), key=lambda t: t.config["configurable"]["checkpoint_id"]):
            where: Any = dict(found.config["configurable"])
            where["checkpoint_id"] = (found.parent_config or {"configurable": {"checkpoint_id": None}})[
                "configurable"
            ]["checkpoint_id"]
            saver.put({"configurable": where}, found.checkpoint, found.metadata, {})
        columns = "thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type"
        writes = rows(uri, f"SELECT {columns}, blob FROM checkpoint_writes")
        saver.conn.executemany(
            f"INSERT INTO writes ({columns}, value) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", writes
        )
        saver.conn.commit()
    return file


def assert_told_as_by_langgraph(graph: Any, thread_id: str) -> None:
    said = {
        state.config["configurable"]["checkpoint_id"]: state
        for state in graph.get_state_history({"configurable": {"thread_id": thread_id}})
    }
    with opened(graph, thread_id) as history:
        assert {one.id for one in history} == said.keys()
        for one in history:
            state = said[one.id]
            assert one.values == state.values
            assert one.next == state.next
            assert one.metadata == state.metadata
            assert one.tasks == state.tasks
            assert one.interrupts == state.interrupts
            assert one.config == state.config
            assert (one.parent.config if one.parent else None) == state.parent_config


@pytest.mark.parametrize("name", DEMOS)
def test_a_demo_is_told_as_by_langgraph_and_by_the_sqlite_tables(name: str, uri: str, tmp_path: Path) -> None:
    """Forks, subgraphs, parallel nodes, interrupts answered and waiting, errors, updates."""
    with PostgresSaver.from_conn_string(uri) as saver:
        graph = DEMOS[name].build(saver)
        DEMOS[name].seed(graph, "1")
        assert_told_as_by_langgraph(graph, "1")
        other = open_history(copied_to_sqlite(uri, tmp_path / "a.db"), "1")
        with opened(uri) as of_url, opened(saver) as of_saver:
            assert everything(of_url) == everything(of_saver) == everything(other)
            assert of_url.status == of_saver.status == other.status
            assert of_url.threads == other.threads


@pytest.mark.parametrize("task_id", [0, 27])
def test_the_airline_conversations(task_id: int, uri: str, tmp_path: Path, shared_data: Path) -> None:
    trials = trials_of(shared_data, task_id)
    with PostgresSaver.from_conn_string(uri) as saver:
        graph = build(trials, saver)
        replay(graph, trials, "1", (shared_data / "airline" / "policy.md").read_text())
        assert_told_as_by_langgraph(graph, "1")
    with opened(uri) as history:
        assert len(history.heads) == 4
        other = open_history(copied_to_sqlite(uri, tmp_path / "a.db"), "1")
        assert everything(history) == everything(other)
        assert list(search(history, "flight")) == list(search(other, "flight")) != []


def test_a_fork_and_a_run_through_the_graph(uri: str) -> None:
    with PostgresSaver.from_conn_string(uri) as saver:
        graph = two_nodes.build(saver)
        graph.invoke(two_nodes.INPUT, CONFIG)
        with opened(graph) as history:
            assert history.source.read_only is None
            forked(graph, history["c2"].config, Edit({"foo": "other"}, "node_a"))
            assert history.refresh() == (4, [])
            graph.invoke(None, history["c4"].config)
            assert history.refresh()[0] == 5
            assert [head.label for head in history.heads] == ["c3", "c5"]
            assert history.latest.values["foo"] == "b" and history.latest.parent == history["c4"]
        debugger = lgviz.debug(graph, thread_id="1")
        assert debugger.history is not None and len(debugger.history) == 6
        debugger.close()


# ---------------------------------------------------------------- savers of every kind


@pytest.mark.parametrize("pooled", [False, True])
def test_reading_neither_needs_nor_touches_the_savers_connection(uri: str, pooled: bool) -> None:
    held: Any = (
        ConnectionPool(uri, kwargs=CONNECTION, min_size=1, max_size=1, open=True)
        if pooled
        else psycopg.Connection.connect(uri, **CONNECTION)
    )
    with held:
        saver = PostgresSaver(held)
        two_nodes.seed(two_nodes.build(saver), "1")
        with saver.lock, held.connection() if pooled else held.cursor(), opened(saver) as history:
            assert everything(history)
            assert history.source.read_only is not None and "give the graph" in history.source.read_only


@pytest.mark.parametrize("pooled", [False, True])
async def test_an_async_saver_is_read_on_its_loop_and_from_any_thread(uri: str, pooled: bool) -> None:
    held: Any = (
        AsyncConnectionPool(uri, kwargs=CONNECTION, min_size=1, max_size=1, open=False)
        if pooled
        else await psycopg.AsyncConnection.connect(uri, **CONNECTION)
    )
    async with held:
        graph = two_nodes.build(AsyncPostgresSaver(held))
        await graph.ainvoke(two_nodes.INPUT, CONFIG)
        with opened(graph) as history:  # blocks the loop that the saver lives on, and needs it for nothing
            assert history.latest.values == (await graph.aget_state(CONFIG)).values
            here = await asyncio.to_thread(everything, history)
            assert here == everything(history)


def test_a_pool_may_say_all_in_its_arguments(uri: str) -> None:
    said = psycopg.conninfo.conninfo_to_dict(uri)
    with ConnectionPool(kwargs=CONNECTION | said, min_size=1, open=True) as pool:
        two_nodes.seed(two_nodes.build(PostgresSaver(pool)), "1")
        with opened(PostgresSaver(pool)) as history:
            assert len(history)


def test_a_shallow_saver_shows_the_one_checkpoint_of_a_thread(postgres_uri: Callable[[], str]) -> None:
    uri = postgres_uri()
    approval = DEMOS["approval"]
    with warnings.catch_warnings(action="ignore"), ShallowPostgresSaver.from_conn_string(uri) as saver:
        saver.setup()
        graph = approval.build(saver)
        graph.invoke(approval.INPUT, CONFIG)
        two_nodes.build(saver).invoke(two_nodes.INPUT, {"configurable": {"thread_id": "2"}})
        (listed,) = open_history(graph, "1")
        state = graph.get_state(CONFIG)
        with opened(uri) as history:
            (only,) = history
            assert (only.id, only.values, only.next) == (listed.id, state.values, state.next)
            assert only.metadata == state.metadata and only.nodes == listed.nodes
            assert only.interrupts == state.interrupts and only.parent is None
            assert history.threads == ["2", "1"]
            assert history.source.find_threads("2").threads[0].count == 1
            assert list(lgviz.thread_stats(history.source)["steps"]) == [1, 1]
            assert history.source.check() == []
            two_nodes.build(saver).invoke(two_nodes.INPUT, {"configurable": {"thread_id": "2"}})
            with opened(uri, "2") as other:
                assert other.latest.values["foo"] == "b" and other.refresh() == (1, [])


async def test_so_does_an_asynchronous_one(postgres_uri: Callable[[], str]) -> None:
    uri = postgres_uri()
    with warnings.catch_warnings(action="ignore"):
        async with AsyncShallowPostgresSaver.from_conn_string(uri) as saver:
            await saver.setup()
            graph = two_nodes.build(saver)
            await graph.ainvoke(two_nodes.INPUT, CONFIG)
            state = await graph.aget_state(CONFIG)
            (only,) = await asyncio.to_thread(lambda: [(c.id, c.values) for c in open_history(saver, "1")])
            assert only == (state.config["configurable"]["checkpoint_id"], state.values)
    with opened(uri) as history:
        assert [(c.id, c.values) for c in history] == [only]


# ---------------------------------------------------------------- nothing is written, nothing is told


@pytest.fixture
def reader_uri(uri: str, postgres: Any) -> Iterator[str]:
    """The same database as a role that may only SELECT, and that needs a password."""
    rules = Path(postgres.pgdata, "pg_hba.conf")
    before = rules.read_text()
    rules.write_text("local all lgviz_reader scram-sha-256\n" + before)
    execute(
        uri,
        "CREATE ROLE lgviz_reader LOGIN PASSWORD 's3cret'",
        "GRANT SELECT ON checkpoints, checkpoint_blobs, checkpoint_writes TO lgviz_reader",
        "SELECT pg_reload_conf()",
    )
    yield make_conninfo(uri, user="lgviz_reader", password="s3cret")
    rules.write_text(before)
    execute(uri, "DROP OWNED BY lgviz_reader", "DROP ROLE lgviz_reader", "SELECT pg_reload_conf()")


def as_url(conninfo: str, password: str = "s3cret") -> str:
    said = psycopg.conninfo.conninfo_to_dict(conninfo)
    return f"postgresql://{said['user']}:{password}@/{said['dbname']}?host={said['host']}"


def test_a_role_that_may_only_select_reads_everything(uri: str, reader_uri: str) -> None:
    with PostgresSaver.from_conn_string(uri) as saver:
        DEMOS["subgraph"].seed(DEMOS["subgraph"].build(saver), "1")
        with opened(saver) as of_owner, opened(as_url(reader_uri)) as of_reader:
            assert everything(of_reader) == everything(of_owner)
            for what in (of_reader, of_reader.source, of_reader.source.__dict__, of_owner.source):
                assert "s3cret" not in repr(what)
    with psycopg.connect(reader_uri) as conn:
        for held in (conn, ConnectionPool(reader_uri, open=False)):
            assert psycopg.conninfo.conninfo_to_dict(conninfo_of(held))["password"] == "s3cret"
        with opened(PostgresSaver(conn)) as history:
            assert len(history)
    execute(uri, "REVOKE SELECT ON checkpoint_blobs FROM lgviz_reader")
    with pytest.raises(SourceError, match="GRANT SELECT ON"), opened(as_url(reader_uri)) as history:
        _ = history.latest.values


def test_the_index_opens_no_value(uri: str, reader_uri: str) -> None:
    with PostgresSaver.from_conn_string(uri) as saver:
        chat.seed(chat.build(saver), "1")
        with opened(saver) as whole:
            expected = [(c.id, c.label, c.nodes, c.changed, c.flags) for c in whole]
    keys = "thread_id, checkpoint_ns, checkpoint_id"
    execute(
        uri,
        "REVOKE SELECT ON checkpoint_blobs, checkpoint_writes FROM lgviz_reader",
        "GRANT SELECT (thread_id, checkpoint_ns, channel, version, type) ON checkpoint_blobs TO lgviz_reader",
        f"GRANT SELECT (xmin, {keys}, task_id, task_path, idx, channel) ON checkpoint_writes TO lgviz_reader",
    )
    with opened(as_url(reader_uri)) as history:
        assert [(c.id, c.label, c.nodes, c.changed, c.flags) for c in history] == expected
        assert history.refresh() == (len(expected), [])
        with pytest.raises(SourceError, match="permission denied for table checkpoint_blobs"):
            _ = history.latest.values


def test_nothing_is_written_and_nothing_can_be(uri: str) -> None:
    with PostgresSaver.from_conn_string(uri) as saver:
        two_nodes.seed(two_nodes.build(saver), "1")
    tables = ("checkpoints", "checkpoint_blobs", "checkpoint_writes", "checkpoint_migrations")
    before = [rows(uri, f"SELECT xmin::text, t::text FROM {table} t ORDER BY 2") for table in tables]
    with opened(uri) as history:
        assert everything(history)
        assert isinstance(history.source, PostgresSource)
        for sql in ("DELETE FROM checkpoints", "CREATE TABLE mine (x int)", "SELECT nextval('s')"):
            with pytest.raises(SourceError, match=r"read-only transaction|does not exist"):
                history.source._reader.read((sql, ()))
        assert history.refresh()[1] == []
    assert before == [rows(uri, f"SELECT xmin::text, t::text FROM {table} t ORDER BY 2") for table in tables]


@pytest.mark.parametrize("password", ["wrong-s3cret", "s3%cret", "s3cret/else"])
def test_an_error_does_not_tell_the_password(reader_uri: str, password: str) -> None:
    url = as_url(reader_uri, password)
    with pytest.raises((Unavailable, NotASource)) as raised:
        open_source(url)
    error: BaseException | None = raised.value
    assert raised.value.remedy
    while error is not None:
        assert "cret" not in str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_a_lost_connection_is_made_anew(uri: str) -> None:
    with PostgresSaver.from_conn_string(uri) as saver:
        two_nodes.seed(two_nodes.build(saver), "1")
        with opened(saver) as history:
            execute(
                uri, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lgviz'"
            )
            assert history["c3"].values["foo"] == "b"


# ---------------------------------------------------------------- what is new


def test_what_is_new_is_told_once_and_what_is_gone_is_noticed(uri: str) -> None:
    with PostgresSaver.from_conn_string(uri) as saver:
        graph = two_nodes.build(saver)
        graph.invoke(two_nodes.INPUT, CONFIG)
        with opened(graph) as history:
            source, token = history.source, history.source.index("1").token
            quiet = source.index("1", token)
            assert (quiet.checkpoints, quiet.writes, quiet.reset) == ([], [], False)
            execute(uri, "CREATE TABLE elsewhere (x int)")  # another transaction, of other tables
            quiet = source.index("1", token)
            assert (quiet.checkpoints, quiet.writes, quiet.reset) == ([], [], False)
            graph.invoke(two_nodes.INPUT, CONFIG)
            new = source.index("1", quiet.token)
            assert len(new.checkpoints) == 4 and len(new.writes) > 4 and not new.reset
            assert history.refresh() == (4, [])
            saver.prune(["1"])
            assert history.refresh() == (0, []) and len(history) == 1
            kept = history.latest
            saver.delete_thread("1")
            assert history.refresh() == (0, []) and len(history) == 0
            with pytest.raises(CheckpointNotFound):
                _ = kept.values


INSERT = """
INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
SELECT '1', '', %s, 'c1', checkpoint, metadata FROM checkpoints WHERE checkpoint_id = 'c1'"""


@pytest.mark.parametrize("nested", [False, True])
def test_transactions_that_end_in_another_order_lose_nothing(uri: str, nested: bool) -> None:
    execute(uri, "INSERT INTO checkpoints VALUES ('1', '', 'c1', NULL, NULL, '{\"id\": \"c1\"}', '{}')")
    with psycopg.connect(uri) as slow, psycopg.connect(uri, autocommit=True) as quick, opened(uri) as history:
        source = history.source

        def ids(token: Any) -> tuple[list[str], Any]:
            index = source.index("1", token)
            assert not index.reset
            return [row.id for row in index.checkpoints], index.token

        found, token = ids(None)
        assert found == ["c1"]
        if nested:
            slow.execute("SELECT pg_current_xact_id()")
            with slow.transaction():
                slow.execute(INSERT, ["slow"])
        else:
            slow.execute(INSERT, ["slow"])
        quick.execute(INSERT, ["quick"])
        found, token = ids(token)
        assert found == ["quick"]
        quick.execute(INSERT, ["quicker"])
        found, token = ids(token)
        assert found == ["quicker"]
        slow.commit()
        found, token = ids(token)
        assert found == ["slow"]
        assert ids(token)[0] == []
        assert [row.id for row in source.index("1").checkpoints] == ["c1", "slow", "quick", "quicker"]


# ---------------------------------------------------------------- where rows do not tell their transactions

TABLES = ["checkpoints", "checkpoint_blobs", "checkpoint_writes"]


def by_transactions(history: History) -> bool:
    source = history.source
    assert isinstance(source, PostgresSource)
    return source._server.by_transactions


@pytest.mark.parametrize("name", ["two_nodes", "chat", "fan_out", "subgraph"])
def test_without_transactions_all_is_told_the_same(name: str, uri: str) -> None:
    with PostgresSaver.from_conn_string(uri) as saver:
        DEMOS[name].seed(DEMOS[name].build(saver), "1")
    with opened(uri) as history, opened(lacking(uri, tables=TABLES)) as other:
        assert everything(history) == everything(other)
        assert by_transactions(history) and not by_transactions(other)


def test_without_transactions_what_is_new_is_told_once_and_what_is_gone_is_noticed(uri: str) -> None:
    with PostgresSaver.from_conn_string(uri) as saver:
        graph = two_nodes.build(saver)
        graph.invoke(two_nodes.INPUT, CONFIG)
        with opened(lacking(uri, tables=TABLES)) as history:
            source, token = history.source, history.source.index("1").token
            quiet = source.index("1", token)
            assert (quiet.checkpoints, quiet.writes, quiet.reset) == ([], [], False)
            graph.invoke(two_nodes.INPUT, CONFIG)
            new = source.index("1", quiet.token)
            assert len(new.checkpoints) == 4 and len(new.writes) > 4 and not new.reset
            assert history.refresh() == (4, [])
            saver.put_writes(history.latest.config, [("__error__", "first")], "task")
            error = source.index("1", new.token)
            assert [write.channel for write in error.writes] == ["__error__"]
            saver.put_writes(history.latest.config, [("__error__", "second")], "task")
            assert [write.channel for write in source.index("1", error.token).writes] == ["__error__"]
            saver.delete_thread("1")
            assert history.refresh() == (0, []) and len(history) == 0


def test_without_transactions_an_earlier_id_that_is_committed_later_is_not_missed(uri: str) -> None:
    execute(uri, "INSERT INTO checkpoints VALUES ('1', '', 'c1', NULL, NULL, '{\"id\": \"c1\"}', '{}')")
    with psycopg.connect(uri) as slow, opened(lacking(uri, tables=TABLES)) as history:
        slow.execute(INSERT, ["c2"])
        with psycopg.connect(uri) as quick:
            quick.execute(INSERT, ["c3"])
        assert history.refresh() == (1, [])
        slow.commit()
        assert history.refresh() == (2, [])
        assert [checkpoint.id for checkpoint in history] == ["c1", "c3", "c2"]
        assert history.refresh() == (3, [])


def test_rows_of_several_servers_are_not_compared_with_the_snapshot_of_one(uri: str) -> None:
    """As Citus has them, which is known by a table of its own."""
    execute(uri, "CREATE TABLE pg_dist_partition (logicalrelid regclass)")
    with PostgresSaver.from_conn_string(uri) as saver:
        two_nodes.build(saver).invoke(two_nodes.INPUT, CONFIG)
    with opened(uri) as history:
        assert not by_transactions(history) and len(history) == 4
        with PostgresSaver.from_conn_string(uri) as saver:
            two_nodes.build(saver).invoke(two_nodes.INPUT, CONFIG)
        assert history.refresh() == (4, [])


# ---------------------------------------------------------------- damage and eras


def test_a_damaged_value_hides_no_other(uri: str) -> None:
    with PostgresSaver.from_conn_string(uri) as saver:
        graph = chat.build(saver)
        chat.seed(graph, "1")
        with opened(saver) as history:
            broken = history.latest
        execute(
            uri,
            "UPDATE checkpoint_blobs SET blob = '\\xc1' WHERE channel = 'messages' AND version = "
            f"(SELECT checkpoint -> 'channel_versions' ->> 'messages' FROM checkpoints "
            f"WHERE checkpoint_id = '{broken.id}')",
            "UPDATE checkpoint_writes SET type = 'pickle' WHERE channel = 'messages'",
        )
        for what in (graph, uri):
            with opened(what) as history:
                values = {c.id: c.values.get("messages") for c in history}
                assert isinstance(values[broken.id], Undecodable)
                assert any(isinstance(value, list) and value for value in values.values())
                writes = [w for c in history for node in c.writes.values() for w in node]
                assert any(isinstance(w.get("messages"), Undecodable) for w in writes)


@pytest.mark.parametrize("junk", ["5", "[]", '{"channel_values": null, "channel_versions": [1]}'])
def test_a_damaged_checkpoint_hides_no_other(uri: str, junk: str) -> None:
    with PostgresSaver.from_conn_string(uri) as saver:
        two_nodes.build(saver).invoke(two_nodes.INPUT, CONFIG)
        with opened(saver) as history:
            execute(
                uri,
                f"UPDATE checkpoints SET checkpoint = '{junk}', metadata = '7' "
                f"WHERE checkpoint_id = '{history['c1'].id}'",
            )
            assert history.refresh() == (0, [])
            assert [c.label for c in history] == ["c0", "c1", "c2", "c3"] or "c1" in history
            assert [c.values.get("foo") for c in history if c.values.get("foo")] == ["a", "b"]
            assert history["c1"].values is not None


def test_tables_of_2024(uri: str) -> None:
    """As LangGraph 0.2 made them: no task paths, and no value inlined."""
    with PostgresSaver.from_conn_string(uri) as saver:
        two_nodes.build(saver).invoke(two_nodes.INPUT, CONFIG)
    with opened(uri) as history:
        expected = [(c.id, c.values) for c in history]
    with psycopg.connect(uri) as conn:
        for id_, checkpoint in conn.execute("SELECT checkpoint_id, checkpoint FROM checkpoints").fetchall():
            for name, value in checkpoint.pop("channel_values").items():
                conn.execute(
                    "INSERT INTO checkpoint_blobs VALUES ('1', '', %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                    (name, checkpoint["channel_versions"][name], *saver.serde.dumps_typed(value)),
                )
            conn.execute(
                "UPDATE checkpoints SET checkpoint = %s WHERE checkpoint_id = %s", (Jsonb(checkpoint), id_)
            )
        conn.execute("ALTER TABLE checkpoint_writes DROP COLUMN task_path")
        conn.execute("DELETE FROM checkpoint_migrations WHERE v > 4")
    with opened(uri) as history:
        assert [(c.id, c.values) for c in history] == expected
        assert [c.nodes for c in history][1:] == [("__start__",), ("node_a",), ("node_b",)]
        # LangGraph adds the column when it is next set up.
        with PostgresSaver.from_conn_string(uri) as saver:
            saver.setup()
            two_nodes.build(saver).invoke(two_nodes.INPUT, CONFIG)
        assert history.refresh() == (4, []) and history.latest.nodes == ("node_b",)


def test_what_was_sent_in_the_formats_before_4(uri: str, tmp_path: Path) -> None:
    """It lies in no channel, only in the writes of the step before."""
    with PostgresSaver.from_conn_string(uri) as saver:
        graph = DEMOS["fan_out"].build(saver)
        DEMOS["fan_out"].seed(graph, "1")
        three: Any = pending(saver)
        three.invoke({"log": []}, {"configurable": {"thread_id": "2"}})
        older = "jsonb_set(checkpoint, '{v}', '3') #- '{channel_versions,__pregel_tasks}'"
        other = copied_to_sqlite(uri, tmp_path / "a.db")
        execute(uri, f"UPDATE checkpoints SET checkpoint = {older}")
        conn = sqlite3.connect(other)
        for row, blob in conn.execute("SELECT rowid, checkpoint FROM checkpoints").fetchall():
            checkpoint = saver.serde.loads_typed(("msgpack", blob))
            as_of_old(checkpoint, 3)
            conn.execute(
                "UPDATE checkpoints SET checkpoint = ? WHERE rowid = ?",
                (saver.serde.dumps_typed(checkpoint)[1], row),
            )
        conn.commit()
        conn.close()
        assert_told_as_by_langgraph(graph, "1")
        assert_told_as_by_langgraph(three, "2")
        new = persistence.MemorySaver()
        persistence.migrate(uri, new, progress=False)
        assert pending(new).get_state({"configurable": {"thread_id": "2"}}).next == ("leaf",) * 3
    with opened(uri, "2") as history:
        assert history.latest.next == open_history(other, "2").latest.next == ("leaf",) * 3


# ---------------------------------------------------------------- which tables


def test_of_both_kinds_of_tables_lgvizs_are_read(uri: str) -> None:
    with PostgresSaver.from_conn_string(uri) as theirs:
        two_nodes.build(theirs).invoke(two_nodes.INPUT, CONFIG)
        ours = persistence.PostgresSaver(theirs.conn)
        ours._beside = True
        with ours:
            with opened(uri) as history:  # lgviz's are empty
                assert len(history) == 4
            two_nodes.build(ours).invoke(two_nodes.INPUT, {"configurable": {"thread_id": "2"}})
            assert [thread.thread_id for thread in open_source(uri).threads()] == ["2"]
            with opened(theirs) as history:
                assert history.threads == ["1"]


def test_a_database_without_checkpoints(postgres_uri: Callable[[], str]) -> None:
    uri = postgres_uri()
    with pytest.raises(NoCheckpoints, match="no table"):
        open_source(uri)
    with PostgresSaver.from_conn_string(uri) as saver:
        assert open_source(saver).threads() == []  # never set up
        with pytest.raises(NoCheckpoints):
            open_history(saver, "1")
        saver.setup()
        with pytest.raises(NoCheckpoints, match="no checkpoint yet"):
            open_source(uri)


def test_a_schema_is_named_by_the_search_path(uri: str) -> None:
    execute(uri, "CREATE SCHEMA tenant")
    inside = make_conninfo(uri, options="-csearch_path=tenant")
    with PostgresSaver.from_conn_string(inside) as saver:
        saver.setup()
        two_nodes.build(saver).invoke(two_nodes.INPUT, CONFIG)
        with opened(saver) as history:
            assert len(history) == 4
    with opened(f"{uri}&options=-csearch_path%3Dtenant,public") as history:
        assert len(history) == 4
    with pytest.raises(NoCheckpoints, match="no checkpoint yet"):
        open_source(uri)


def test_a_password_with_an_at_sign_is_not_taken_for_a_host() -> None:
    with pytest.raises(NotASource, match="in the password %40 for @") as raised:
        open_source("postgresql://me:s3@cret@127.0.0.1:1/x")
    assert "cret" not in str(raised.value)
