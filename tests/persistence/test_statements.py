"""How many statements an operation may issue: one transaction for a put, no query for each row."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from lgviz.errors import Unavailable
from lgviz.persistence import SqliteSaver
from lgviz.persistence.database.statements import READ, WRITE, Batch, Many, Operation, Query
from tests.support.savers import chat, config, put, run, text


@pytest.fixture
def traced(tmp_path: Path) -> Any:
    conn = sqlite3.connect(tmp_path / "x.db", check_same_thread=False)
    saver = SqliteSaver(conn)
    saver.setup()
    statements: list[str] = []
    # How long to wait for another process's lock is no statement that touches the database.
    conn.set_trace_callback(
        lambda sql: None if sql.startswith("PRAGMA busy_timeout") else statements.append(sql)
    )
    yield saver, statements
    conn.close()


def transactions(statements: list[str]) -> int:
    return sum(statement.startswith("BEGIN") for statement in statements)


def test_a_put_is_one_transaction_of_a_few_statements(traced: Any) -> None:
    saver, statements = traced
    items = [text(n) for n in range(1000)]
    put(saver, "1", {"m": items})
    statements.clear()
    put(saver, "2", {"m": [*items, "x" * 500]}, parent="1")
    assert transactions(statements) == 1
    kinds = {statement for statement in statements if not statement.startswith("INSERT INTO lgviz_")}
    assert len(kinds) <= 8
    # A handful of chunks and one leaf, however long the list is.
    assert sum(statement.startswith("INSERT INTO lgviz_blocks") for statement in statements) <= 6


def test_put_writes_is_one_transaction(traced: Any) -> None:
    saver, statements = traced
    place = put(saver, "1", {"m": 1})
    statements.clear()
    saver.put_writes(place, [(f"c{n}", n) for n in range(50)], "task", "path")
    assert transactions(statements) == 1 and len(statements) <= 6


def test_list_does_not_query_for_each_row(traced: Any) -> None:
    saver, statements = traced
    graph = chat(50).compile(checkpointer=saver)
    for n in range(40):
        run(graph, saver, "invoke", {"messages": [("user", text(n, 50))]}, config())
    saver.engine.blocks.cache.clear()
    statements.clear()
    assert len(list(saver.list(config()))) == 120
    assert len(statements) < 60
    statements.clear()
    assert len(list(saver.list(config(), filter={"source": "input"}))) == 40
    assert len(statements) < 40


def test_an_index_is_two_queries_that_touch_no_node(traced: Any) -> None:
    saver, statements = traced
    graph = chat(50).compile(checkpointer=saver)
    for n in range(10):
        run(graph, saver, "invoke", {"messages": [("user", text(n, 50))]}, config())
    statements.clear()
    index = saver.index("1")
    selects = [statement for statement in statements if statement.startswith("SELECT")]
    assert len(selects) == 3 and not any("lgviz_blocks" in statement for statement in selects)
    for select in selects[1:]:
        plan = " ".join(row[3] for row in saver.conn.execute(f"EXPLAIN QUERY PLAN {select}"))
        assert "SCAN" not in plan
    statements.clear()
    saver.index("1", index.token)
    for select in [statement for statement in statements if statement.startswith("SELECT")][1:]:
        plan = " ".join(row[3] for row in saver.conn.execute(f"EXPLAIN QUERY PLAN {select}"))
        assert "USING INTEGER PRIMARY KEY (rowid>?)" in plan


def test_a_peek_reads_only_what_is_asked(traced: Any) -> None:
    saver, statements = traced
    place = put(saver, "1", {"big": [text(n) for n in range(100)], "small": "x" * 100})
    saver.put_writes(place, [("w", text(1))], "t")
    saver.engine.blocks.cache.clear()
    statements.clear()
    found = saver.peek(place, ["small"])
    assert found.checkpoint["channel_values"] == {"small": "x" * 100}
    assert set(found.checkpoint["channel_versions"]) == {"big", "small"}
    assert sum("lgviz_blocks" in statement for statement in statements) == 1
    statements.clear()
    assert saver.peek(place).checkpoint["channel_values"] == {}
    assert not any("lgviz_blocks" in statement for statement in statements)


def test_a_read_only_connection_reads(traced: Any, tmp_path: Path) -> None:
    saver, _ = traced
    put(saver, "1", {"m": ["x" * 100]})
    conn = sqlite3.connect(f"file:{tmp_path / 'x.db'}?mode=ro", uri=True, check_same_thread=False)
    reader = SqliteSaver(conn)
    assert reader.get_tuple(config()).checkpoint["channel_values"] == {"m": ["x" * 100]}  # type: ignore[union-attr]
    assert len(reader.index("1").checkpoints) == 1 and reader.check() == []
    with pytest.raises(Unavailable, match="cannot be written"):
        put(reader, "2", {"m": 1}, parent="1")
    conn.close()


def test_filters_never_reach_sql_text(traced: Any) -> None:
    saver, statements = traced
    put(saver, "1", {"m": 1})
    statements.clear()
    list(saver.list(config(), filter={"'; DROP TABLE lgviz_blocks; --": "'; DROP"}))
    assert statements and not any("DROP" in statement for statement in statements)


def test_what_was_sent_after_a_failed_statement_is_sent_again(make_saver: Any) -> None:
    saver = make_saver("postgres")
    insert = "INSERT INTO lgviz_meta (name, value) VALUES (?, ?)"

    def store(*names: str) -> Operation[None]:
        yield WRITE
        others = Many("INSERT INTO lgviz_shares (owner, block) VALUES (?, ?)", [(-1, 1), (-1, 2)])
        yield Batch([*(Query(insert, [name, b""]) for name in names), others], last=True)

    for _ in range(3):
        with pytest.raises(Unavailable, match="came in the way"):
            saver.driver.run(lambda: store("a", "a"))
    saver.driver.run(lambda: store("a", "b"))
    assert saver.driver.run(lambda: _count("lgviz_shares")) == 2


def _count(table: str) -> Operation[int]:
    yield READ
    rows = yield Query(f"SELECT count(*) FROM {table}")
    return int(rows[0][0])
