"""Databases of 100,000 threads: copies of one that ran, row by row."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from langgraph.checkpoint.postgres import PostgresSaver as LangGraphPostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqliteSaver

from lgviz.demos import two_nodes
from lgviz.persistence import PostgresSaver, SqliteSaver

THREADS = 100_000
COPIED = {
    "langgraph": ("checkpoints", "writes"),
    "langgraph postgres": ("checkpoints", "checkpoint_blobs", "checkpoint_writes"),
}
"""Tables whose rows name their thread by its id."""
OWN = ("lgviz_checkpoints", "lgviz_writes", "lgviz_shares")
"""Tables whose rows name their thread by its number."""


def copies(execute: Callable[..., Any], series: str, columns: Callable[[str], list[str]], kind: str) -> None:
    """Copy the one thread that there is, row by row, as often as it takes; ids of tasks do not depend on the
    thread's, so that these are rows as a run leaves them."""
    if kind.startswith("langgraph"):
        for table in COPIED[kind]:
            rest = ", ".join(name for name in columns(table) if name != "thread_id")
            execute(
                f"INSERT INTO {table} (thread_id, {rest}) SELECT 'thread-' || n, {rest} FROM {table},"
                f" {series} WHERE thread_id = '0'"
            )
        return
    execute(f"INSERT INTO lgviz_threads (thread_id, made) SELECT 'thread-' || n, 0 FROM {series}")
    # A block of the first thread is one that the others need too.
    execute("INSERT INTO lgviz_shares SELECT owner, id FROM lgviz_blocks WHERE owner <> 0")
    execute("UPDATE lgviz_blocks SET owner = 0")
    for table in OWN:
        owner = "owner" if table == "lgviz_shares" else "thread"
        kept = [name for name in columns(table) if name not in (owner, "key")]
        copied = ", ".join(f"c.{name}" for name in kept)
        execute(
            f"INSERT INTO {table} ({owner}, {', '.join(kept)}) SELECT t.id, {copied}"
            f" FROM lgviz_threads t, {table} c WHERE c.{owner} = 1 AND t.id <> 1 ORDER BY t.id"
        )


def in_sqlite(file: Path, kind: str) -> Path:
    if kind == "lgviz":
        with SqliteSaver.from_conn_string(str(file)) as saver:
            two_nodes.seed(two_nodes.build(saver), "0")
    else:
        with LangGraphSqliteSaver.from_conn_string(str(file)) as other:
            two_nodes.seed(two_nodes.build(other), "0")
    with sqlite3.connect(file) as connection:
        series = f"""(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s
            WHERE n < {THREADS - 1}) SELECT n FROM s)"""
        copies(
            connection.execute,
            series,
            lambda table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})")],
            kind,
        )
    connection.close()
    return file


def in_postgres(uri: str, kind: str) -> str:
    with (PostgresSaver if kind == "lgviz" else LangGraphPostgresSaver).from_conn_string(uri) as saver:
        saver.setup()
        two_nodes.seed(two_nodes.build(saver), "0")
    with psycopg.connect(uri, autocommit=True) as connection:
        names = "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
        copies(
            lambda statement: connection.execute(statement.encode()),
            f"generate_series(1, {THREADS - 1}) n",
            lambda table: [name for (name,) in connection.execute(names, [table])],
            kind if kind == "lgviz" else "langgraph postgres",
        )
        connection.execute("VACUUM ANALYZE")  # as autovacuum leaves it
    return uri
