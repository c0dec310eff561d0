"""lgviz's own tables: the same history as of LangGraph's savers, labels that stay, files left as they were."""

from __future__ import annotations

import asyncio
import hashlib
import operator
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqlite
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

import lgviz
from lgviz.analysis.history import History, open_history
from lgviz.demos import DEMOS, approval, two_nodes
from lgviz.errors import CheckpointNotFound, ForeignTables, NoCheckpoints
from lgviz.persistence import (
    AsyncPostgresSaver,
    AsyncSqliteSaver,
    MemorySaver,
    PostgresSaver,
    SqliteSaver,
    migrate,
)
from lgviz.sources import Undecodable, connections, open_source

CONFIG: Any = {"configurable": {"thread_id": "1"}}


def told(history: History) -> list[Any]:
    """All that a history says of a thread but ids and times."""
    return [
        (c.label, c.nodes, c.changed, c.source, c.step, c.next, c.flags, repr(c.values), repr(dict(c.writes)))
        for c in (history.checkpoint_at(row) for row in range(len(history.tree)))
    ]


def shape(history: History) -> list[Any]:
    tree = history.tree
    return [(tree.parent[n], tree.anchor[n], tree.lane[n], tree.depth[n]) for n in range(len(tree))]


@pytest.mark.parametrize("demo", DEMOS.values(), ids=DEMOS)
def test_the_same_history_from_every_saver(demo: ModuleType, tmp_path: Path) -> None:
    reference = demo.build(InMemorySaver())
    demo.seed(reference)
    expected = open_history(reference, "1")
    # Of LangGraph's memory nodes side by side are by name; lgviz's rows keep the graph's order.
    without_graph = [
        (row[0], known[1], *row[2:5], known[5], *row[6:8], known[8])
        for row, known in zip(told(open_history(reference.checkpointer, "1")), told(expected), strict=True)
    ]
    for path in (":memory:", str(tmp_path / "a.db")):
        with SqliteSaver.from_conn_string(path) as saver:
            graph = demo.build(saver)
            demo.seed(graph)
            found = open_history(graph, "1")
            assert told(found) == told(expected) and shape(found) == shape(expected)
            assert told(open_history(saver, "1")) == without_graph
    assert told(open_history(tmp_path / "a.db", "1")) == without_graph


def test_postgres_and_its_url(postgres_uri: Callable[[], str]) -> None:
    uri = postgres_uri()
    with pytest.raises(NoCheckpoints):
        open_source(uri)
    with PostgresSaver.from_conn_string(uri) as saver:
        graph = two_nodes.build(saver)
        two_nodes.seed(graph)
        reference = two_nodes.build(InMemorySaver())
        two_nodes.seed(reference)
        expected = told(open_history(reference, "1"))
        assert told(open_history(graph, "1")) == expected
        of_url = open_history(uri, "1")
        assert of_url.source.read_only
        assert told(of_url) == told(open_history(reference.checkpointer, "1"))
        made = lgviz.fork(graph, of_url["c1"].config, {"foo": "x"}, as_node="node_a")
        assert lgviz.run(graph, made).status == "done"
        assert of_url.refresh()[0] == len(expected)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_async_savers_are_read_while_their_loop_waits(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    made: Any = (
        AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.db"))
        if kind == "sqlite"
        else AsyncPostgresSaver.from_conn_string(request.getfixturevalue("postgres_uri")())
    )
    async with made as saver:
        graph = two_nodes.build(saver)
        await graph.ainvoke(two_nodes.INPUT, CONFIG)
        history = open_history(graph, "1")
        assert [c.nodes for c in history] == [(), ("__start__",), ("node_a",), ("node_b",)]
        assert history.latest.values == {"foo": "b", "bar": ["a", "b"]} and history["c2"].next == ("node_b",)
        seen = await lgviz.apreview(graph, history["c1"], {"foo": "x"}, as_node="node_a")
        forked = await lgviz.afork(graph, history["c1"], {"foo": "x"}, as_node="node_a")
        assert (forked.values, forked.next) == (seen.values, seen.next)
        assert (await lgviz.arun(graph, forked)).status == "done"
        assert history.refresh() == (4, [])
        # From a cell that does not await.
        again = lgviz.fork(graph, history["c1"], {"foo": "y"}, as_node="node_a")
        assert lgviz.run(graph, again).values["foo"] == "b"
        assert len(await asyncio.to_thread(open_history, graph, "1")) == 8


def test_labels_stay_after_a_prune() -> None:
    saver = MemorySaver()
    graph = two_nodes.build(saver)
    for _ in range(2):
        graph.invoke(two_nodes.INPUT, CONFIG)
    history = open_history(graph, "1")
    assert [c.label for c in history] == [f"c{n}" for n in range(8)]
    last = history["c7"].id
    saver.prune(["1"])
    history.refresh()
    assert [(c.label, c.id) for c in history] == [("c7", last)] and history["c7"].values["foo"] == "b"
    with pytest.raises(CheckpointNotFound, match="c7 to c7"):
        _ = history["c0"]
    graph.invoke(two_nodes.INPUT, CONFIG)
    history.refresh()
    assert [c.label for c in history] == ["c7", "c8", "c9", "c10", "c11"]
    assert [c.label for c in open_history(graph, "1")] == [c.label for c in history]
    saver.close()


class Log(TypedDict):
    log: Annotated[list[str], operator.add]


def nested(saver: Any, lasting: bool) -> Any:
    """A graph in a graph in a graph; the inner ones go on where they stopped (or not)."""
    graph: Any = None
    for name in ("leaf", "inner", "middle"):
        builder: StateGraph[Any, Any, Any, Any] = StateGraph(Log)
        builder.add_node(name, graph or (lambda state: {"log": ["leaf"]}))
        builder.add_edge(START, name)
        builder.add_node("after", lambda state: {"log": ["after"]})
        builder.add_edge(name, "after")
        graph = builder.compile(checkpointer=saver if name == "middle" else True if lasting else None)
    return graph


@pytest.mark.parametrize("lasting", [False, True])
def test_labels_of_subgraph_checkpoints_stay_when_what_called_them_is_gone(lasting: bool) -> None:
    with MemorySaver() as saver:
        graph = nested(saver, lasting)

        def labels(thread: str = "1") -> dict[str, str]:
            tree = open_history(saver, thread).tree
            return dict(zip(tree.ids, tree.labels, strict=True))

        known: dict[str, str] = {}

        def acted(*expected: str) -> None:
            found = labels()
            assert found == {key: known.get(key, label) for key, label in found.items()}
            assert set(expected) <= set(found.values()) and not any("?" in label for label in found.values())
            saver.copy_thread("1", "copy")
            assert labels("copy") == found
            saver.delete_thread("copy")
            known.update(found)

        for n in range(3):
            graph.invoke({"log": [str(n)]}, CONFIG | {"metadata": {"run_id": f"run{n}"}})
        acted("c1.2.1", "c5.2.1", "c11")
        saver.delete_for_runs(["run1"])
        acted("c1.2.1", "c9.2.1", "c11")
        saver.prune(["1"])
        left = ("c9.4", "c9.2.4") if lasting else ()
        assert set(labels().values()) == {"c11", *left}
        acted()
        graph.invoke({"log": ["more"]}, CONFIG)
        acted("c11", "c13.2.1", "c15", *left)
        saver.prune(["1"])
        acted("c15", *(("c13.4", "c13.2.4") if lasting else ()))
        # What nothing stands under any more is forgotten.
        calls = saver.conn.execute("SELECT count(*) FROM lgviz_calls WHERE thread = 1").fetchone()
        assert calls == (2 * lasting,)


def test_a_file_is_left_as_it_was(tmp_path: Path) -> None:
    with SqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
        approval.seed(approval.build(saver))
    before = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    history = open_history(tmp_path / "a.db", "1")
    for checkpoint in history:
        assert checkpoint.values is not None and checkpoint.writes is not None and checkpoint.created_at
    assert history.source.read_only and history.source.description == "a.db (read-only)"
    history.refresh()
    history.source.close()
    after = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    assert after == before


def test_a_file_is_read_while_its_saver_writes(tmp_path: Path) -> None:
    with SqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
        graph = two_nodes.build(saver)
        graph.invoke(two_nodes.INPUT, CONFIG)
        history = open_history(tmp_path / "a.db", "1")
        assert history.refresh() == (4, []) and len(history) == 4
        graph.invoke(two_nodes.INPUT, CONFIG)
        assert history.refresh()[0] == 4 and len(history) == 8


def test_another_database_under_the_same_name_is_not_mixed_with_the_one_that_was_read(tmp_path: Path) -> None:
    paths = tmp_path / "a.db", tmp_path / "b.db"
    for path, times in zip(paths, (1, 2), strict=True):
        with SqliteSaver.from_conn_string(path) as saver:
            for _ in range(times):
                two_nodes.seed(two_nodes.build(saver), thread_id="1")
    history = lgviz.history(paths[0], "1")
    paths[1].rename(paths[0])
    history.refresh()
    assert history.tree.ids == lgviz.history(paths[0], "1").tree.ids and len(history) == 12
    assert history["c11"].values == lgviz.history(paths[0], "1")["c11"].values


def test_a_value_is_read_alone_and_a_damaged_one_hides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        graph = two_nodes.build(saver)
        words = [f"{n}-" + "x" * 100 for n in range(3)]
        graph.invoke({"foo": "y" * 500, "bar": words}, CONFIG)
        saver.conn.execute(
            "UPDATE lgviz_blocks SET data = zeroblob(9) WHERE id = (SELECT max(id) FROM lgviz_blocks)"
        )
        source = open_source(graph)
        head = open_history(graph, "1")["c1"]
        assert source.channels("1", "", head.id, ["foo"]).keys() == {"foo"}
        assert len(saver.check()) >= 1
    history = open_history(path, "1")
    assert len(history) == 4
    assert any(isinstance(value, Undecodable) for c in history for value in c.values.values())
    assert history["c3"].values["foo"] == "b"


@pytest.mark.parametrize("place", ["saver", "file"])
def test_a_checkpoint_is_read_whole_by_one_statement_of_one_moment(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.db"
    statements: list[str] = []
    with SqliteSaver.from_conn_string(str(path)) as saver:
        graph = two_nodes.build(saver)
        graph.invoke({"foo": "y" * 500, "bar": [f"{n}-" + "x" * 100 for n in range(30)]}, CONFIG)
        expected = saver.get_tuple(CONFIG)
        assert expected is not None and expected.parent_config is not None
        before = saver.get_tuple(expected.parent_config)
        assert before is not None and before.pending_writes
        if place == "saver":
            source = open_source(saver)
            source.threads()
            saver.conn.set_trace_callback(statements.append)
        else:
            source = open_source(path)
            connect = connections._connect

            def traced(uri: str) -> sqlite3.Connection:
                connection = connect(uri)
                connection.set_trace_callback(statements.append)
                return connection

            monkeypatch.setattr(connections, "_connect", traced)
        for item in (expected, before):
            where = item.config["configurable"]
            statements.clear()
            record = source.record("1", "", where["checkpoint_id"])
            rows = [said for said in statements if "lgviz_checkpoints" in said or "lgviz_writes" in said]
            blocks = [said for said in statements if "FROM lgviz_blocks" in said]
            assert len(rows) == 1 and len(blocks) <= 3  # as deep as the longest list's chunks
            others = (
                len(statements) - len(rows) - len(blocks)
            )  # a file's transaction, and what its tables are
            assert others <= (3 if place == "file" else 0)
            assert record.bookkeeping is not None
            assert {**record.bookkeeping.head, "channel_values": record.values} == item.checkpoint
            assert record.metadata == item.metadata
            assert record.parent_id == (item.parent_config or CONFIG)["configurable"].get("checkpoint_id")
            assert [(w.task_id, w.channel, w.value) for w in record.writes] == item.pending_writes
        statements.clear()
        bookkeeping = source.bookkeeping("1", "", [row.id for row in source.index("1").checkpoints])
        assert len(bookkeeping) == 4 and sum("c.body" in said for said in statements) == 2  # index, bodies
        saver.conn.set_trace_callback(None)


@pytest.mark.parametrize("junk", [b"\xc0no deflate stream", b"\xc1sealed", b"\xff", b""])
def test_a_damaged_row_hides_no_other(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "a.db"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        graph = two_nodes.build(saver)
        graph.invoke(two_nodes.INPUT, CONFIG)
        damaged = open_history(graph, "1")["c1"].id
        saver.conn.execute("UPDATE lgviz_checkpoints SET body = ? WHERE id = ?", [junk, damaged])
        saver.conn.execute("UPDATE lgviz_writes SET data = ? WHERE checkpoint_id = ?", [junk, damaged])
        assert len(list(saver.list(CONFIG))) == 3 and len(saver.index("1").checkpoints) == 4
        assert any(damaged in problem.where for problem in saver.check())
        for what in (saver, path):
            history = open_history(what, "1")
            assert [c.label for c in history] == ["c0", "c1", "c2", "c3"]
            assert [c.values.get("foo") for c in history][2:] == ["a", "b"]
            assert any(isinstance(value, Undecodable) for value in history["c1"].values.values())


def test_langgraphs_tables_are_refused_and_a_migrated_file_shows_the_same(tmp_path: Path) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    with LangGraphSqlite.from_conn_string(str(old)) as theirs:
        two_nodes.seed(two_nodes.build(theirs))
    with pytest.raises(ForeignTables, match=r"lgviz\.persistence\.migrate"):
        SqliteSaver.from_conn_string(str(old))
    connection = sqlite3.connect(old, check_same_thread=False)
    with pytest.raises(ForeignTables, match=r"lgviz\.persistence\.migrate"):
        open_history(SqliteSaver(connection))
    connection.close()
    migrate(str(old), str(new), progress=False)
    one, other = open_history(old, "1"), open_history(new, "1")
    assert [(c.id, c.label, c.nodes, c.changed, c.values) for c in one] == [
        (c.id, c.label, c.nodes, c.changed, c.values) for c in other
    ]


def test_a_saver_that_was_never_set_up_is_empty_and_stays_so(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "a.db", check_same_thread=False)
    with pytest.raises(NoCheckpoints):
        open_history(SqliteSaver(connection))
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()
