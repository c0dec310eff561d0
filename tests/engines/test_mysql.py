"""MySQL's tables: read-only, by URL and by each saver, passwords untold, what is missing said in a sentence."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import aiomysql
import ormsgpack
import pymysql
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.mysql.aio import AIOMySQLSaver
from langgraph.checkpoint.mysql.pymysql import PyMySQLSaver
from typer.testing import CliRunner

import lgviz
import lgviz.cli.reading
from lgviz.analysis.history import open_history
from lgviz.backend.code import name_of, store_name_of
from lgviz.cli.app import app
from lgviz.demos import DEMOS, chat, two_nodes
from lgviz.errors import NoCheckpoints, NotASource, SourceError, Unavailable
from lgviz.mcp.graphs import graph_over
from lgviz.persistence import migrate
from lgviz.sources import open_source
from lgviz.sources.langgraph.any_saver import ListedSource
from lgviz.sources.langgraph.mysql import MysqlSource
from lgviz.sources.langgraph.mysql_reader import settings_of_url
from tests.support.engines import EngineDatabase
from tests.support.old_formats import as_of_old, pending

pytestmark = pytest.mark.engines

CONFIG: Any = {"configurable": {"thread_id": "1"}}
TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")


@pytest.fixture
def database(fresh: Callable[[str], EngineDatabase]) -> EngineDatabase:
    return fresh("mysql")


@pytest.fixture
def url(database: EngineDatabase) -> str:
    """A database with a thread of two nodes."""
    two_nodes.seed(two_nodes.build(database.saver()), "1")
    assert database.url
    return database.url


def execute(url: str, *statements: str) -> list[Any]:
    with pymysql.connect(**settings_of_url(url), autocommit=True) as connection:
        cursor = connection.cursor()
        return [(cursor.execute(sql), cursor.fetchall())[1] for sql in statements]


def test_by_url_in_every_face(url: str) -> None:
    history = lgviz.history(url, thread_id="1")
    assert [one.label for one in history.heads] == ["c3", "c5"] and history["c3"].values["foo"] == "b"
    debugger = lgviz.debug(url, thread_id="1")
    assert debugger.history is not None and len(debugger.history) == 6
    debugger.close()
    shown = CliRunner().invoke(app, ["show", url, "--thread", "1"])
    assert shown.exit_code == 0, shown.stderr
    assert "node_b" in shown.stdout
    history.source.close()


def test_a_saver_on_a_loop_and_a_pool_are_read_from_any_thread(url: str) -> None:
    async def read() -> None:
        said = settings_of_url(url)
        async with (
            AIOMySQLSaver.from_conn_string(url) as saver,
            aiomysql.create_pool(
                **{name: said[name] for name in ("host", "port", "user")}, db=said["database"]
            ) as pool,
        ):
            for one in (saver, AIOMySQLSaver(pool)):
                history = open_history(two_nodes.build(one), "1")
                assert isinstance(history.source, MysqlSource)
                # It blocks the loop that the saver lives on, and needs it for nothing.
                assert (
                    history.latest.values
                    == (await two_nodes.build(saver).aget_state(history.latest.config)).values
                )
                assert (
                    await asyncio.to_thread(lambda history=history: history["c1"].values)
                    == history["c1"].values
                )
                history.source.close()

    asyncio.run(read())


def test_a_saver_may_make_its_connections_itself(url: str) -> None:
    history = open_history(PyMySQLSaver(lambda: pymysql.connect(**settings_of_url(url))), "1")
    assert isinstance(history.source, MysqlSource) and len(history) == 6
    history.source.close()


def test_nothing_is_written_and_nothing_can_be(url: str) -> None:
    with closing(open_source(url)) as source:
        assert isinstance(source, MysqlSource) and "give the graph" in str(source.read_only)
        for sql in ("DELETE FROM checkpoints", "CREATE TABLE mine (x int)"):
            with pytest.raises((SourceError, Unavailable), match="READ ONLY"):
                source._reader.read((sql, ()))
        assert len(source.index("1").checkpoints) == 6


def test_a_lost_connection_is_made_anew(url: str) -> None:
    history = open_history(url, "1")
    (found,) = execute(
        url, "SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()"
    )
    execute(url, *(f"KILL {id_}" for (id_,) in found))
    assert history["c3"].values["foo"] == "b"
    history.source.close()


def test_a_user_who_may_only_select_and_whose_password_nothing_tells(url: str) -> None:
    name = settings_of_url(url)["database"]
    execute(
        url,
        f"CREATE USER reader_{name} IDENTIFIED BY 's3cret@/%'",
        *(f"GRANT SELECT ON {name}.{table} TO reader_{name}" for table in TABLES),
    )
    of_reader = url.replace("root@", f"reader_{name}:s3cret%40%2F%25@")
    history = open_history(of_reader, "1")
    assert history.latest.values["foo"] == "b"
    for what in (history, history.source, history.source.__dict__, history.source.origin):
        assert "s3cret" not in repr(what)
    assert "s3cret" not in name_of(of_reader, {}) + store_name_of(of_reader, "graph")
    execute(url, f"REVOKE SELECT ON {name}.checkpoint_blobs FROM reader_{name}")
    with pytest.raises(SourceError, match="GRANT SELECT"):
        _ = history["c3"].values
    history.source.close()
    for wrong in (of_reader.replace("s3cret", "wrong-s3cret"), of_reader.replace("@127", "@:s3cret")):
        with pytest.raises((Unavailable, NotASource)) as raised:
            open_source(wrong)
        assert raised.value.remedy and "s3cret" not in f"{raised.value}{raised.value.__cause__}"


def test_what_is_no_database_of_checkpoints(database: EngineDatabase) -> None:
    assert database.url
    with pytest.raises(NoCheckpoints, match="no table of checkpoints"):
        open_source(database.url)
    database.saver()
    with pytest.raises(NoCheckpoints, match="no checkpoint yet"):
        open_source(database.url)
    server, _, _ = database.url.rpartition("/")
    with pytest.raises(NotASource, match="names no database"):
        open_source(server)
    with pytest.raises(Unavailable, match="Unknown database"):
        open_source(f"{server}/nowhere")
    with pytest.raises(NotASource, match="SQLite and PostgreSQL"):
        migrate(InMemorySaver(), database.url)


def test_what_lists_is_told_alike_and_opens_every_value(database: EngineDatabase) -> None:
    saver = database.saver()
    chat.seed(chat.build(saver), "1")
    by_sql, listed = open_source(saver), ListedSource(saver)
    index, expected = by_sql.index("1"), listed.index("1")
    assert {row.id: row.metadata for row in index.checkpoints} == {
        row.id: row.metadata for row in expected.checkpoints
    }
    for row in index.checkpoints:
        found, right = (one.record("1", row.namespace, row.id) for one in (by_sql, listed))
        assert (found.values, found.bookkeeping.channel_versions) == (
            right.values,
            right.bookkeeping.channel_versions,
        )
    by_sql.close()


def test_values_are_read_by_name(database: EngineDatabase) -> None:
    """Those that lie in the checkpoint's own row, and those that lie apart."""
    saver = database.saver()
    DEMOS["approval"].seed(DEMOS["approval"].build(saver), "1")
    with closing(open_source(saver)) as source:
        last = source.index("1").checkpoints[-1].id
        whole = source.channels("1", "", last)
        assert source.channels("1", "", last, ["amount", "log", "none"]) == {
            name: whole[name] for name in ("amount", "log")
        }
        assert set(source.bookkeeping("1", "", [last])[last].channels) == whole.keys()
        assert source.channel_reader("1", "", "log")([last]) == {last: whole["log"]}
        assert source.check() == []


def test_an_old_format_has_what_was_sent(database: EngineDatabase) -> None:
    saver = database.saver()
    graph = pending(saver)
    graph.invoke({"left": "", "right": "", "log": []}, CONFIG)
    checkpoint = graph.get_state(CONFIG)
    item = saver.get_tuple(CONFIG)
    old = dict(item.checkpoint)
    as_of_old(old, 3)
    old["pending_sends"] = []  # this saver wrote what was sent as writes alone
    assert item.parent_config
    execute(database.url or "", f"DELETE FROM checkpoints WHERE checkpoint_id = '{item.checkpoint['id']}'")
    saver.put(item.parent_config, old, item.metadata, {})
    history = open_history(graph, "1")
    assert history.latest.next == checkpoint.next == ("leaf",) * 3
    history.source.close()


def test_tables_from_before_namespaces_were_hashed(url: str) -> None:
    expected = [(one.label, one.values, one.nodes) for one in lgviz.history(url, "1")]
    keys = ("checkpoint_id", "channel, version", "checkpoint_id, task_id, idx")
    for table, key in zip(TABLES, keys, strict=True):
        again = f"DROP PRIMARY KEY, ADD PRIMARY KEY (thread_id, {key})"
        execute(url, f"ALTER TABLE {table} {again}, DROP COLUMN checkpoint_ns_hash")
    execute(url, "ALTER TABLE checkpoint_writes DROP COLUMN task_path")
    assert [(one.label, one.values, one.nodes) for one in lgviz.history(url, "1")] == expected


def test_tables_of_another_character_set(database: EngineDatabase) -> None:
    """MariaDB's own default, with which the saver's joins find nothing by an index."""
    assert database.url
    execute(database.url, "ALTER DATABASE CHARACTER SET latin1")
    chat.seed(chat.build(database.saver()), "1")
    history = open_history(database.url, "1")
    assert len(history.latest.values["messages"]) > 1
    found = history.source._reader.read(  # type: ignore[attr-defined]
        *(
            (f"EXPLAIN {sql}", values)
            for sql, values in history.source._select("1", "", [history.latest.id], None)
        )  # type: ignore[attr-defined]
    )
    assert found[1][-1][3] == "eq_ref"  # of values one, by their whole key
    history.source.close()


def test_a_missing_driver_is_said_and_none_is_loaded_for_nothing() -> None:
    code = """
import sys
import lgviz, lgviz.sources, lgviz.backend, lgviz.widget
print([name for name in ("pymysql", "aiomysql", "redis", "pymongo", "azure") if name in sys.modules])
sys.modules["pymysql"] = None
try:
    lgviz.history("mysql://root:s3cret@127.0.0.1/db")
except lgviz.LgvizError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith("[]\n") and "pip install 'lgviz[mysql]'" in said and "s3cret" not in said


def test_a_graph_over_the_url(url: str, tmp_path: Path) -> None:
    """As ``lgviz mcp --graph`` puts it: by a connection that cannot write, unless it may, and running nothing that
    the database names."""
    with ExitStack() as held:
        over = graph_over(held, two_nodes.build(), url, write=False)
        history = lgviz.history(over, "1")
        assert lgviz.preview(over, history["c2"], {"foo": "x"}, as_node="node_a").next == ("node_b",)
        ran = lgviz.run(over, history["c2"], sandbox=True)
        assert ran.status == "done" and ran.values["foo"] == "b"
        ran.discard()
        with pytest.raises(pymysql.Error, match="READ ONLY"):
            over.update_state(CONFIG, {"foo": "x"}, as_node="node_b")
        forked = lgviz.fork(graph_over(held, two_nodes.build(), url, write=True), history["c2"], {"foo": "x"})
        assert forked.values["foo"] == "x" and history.refresh()[1] == [] and len(history) == 7
    mark = tmp_path / "mark"
    call = ormsgpack.Ext(0, ormsgpack.packb(["os", "system", f"touch {mark}"]))
    hostile = ormsgpack.packb(call).hex()
    execute(url, f"UPDATE checkpoint_blobs SET `blob` = x'{hostile}' WHERE channel = 'bar'")
    with ExitStack() as held:
        over = graph_over(held, two_nodes.build(), url, write=False)
        assert "os.system" in repr(lgviz.history(over, "1")["c5"].values["bar"])
        over.get_state(CONFIG)
    assert not mark.exists()
