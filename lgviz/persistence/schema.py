"""The tables, the named migrations that make them, and all that SQLite and PostgreSQL say differently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MIGRATIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "2026-11-checkpoints",
        (
            "CREATE TABLE lgviz_meta (name TEXT PRIMARY KEY, value {blob} NOT NULL)",
            # `made`: at the last removal, how many root checkpoints there had been, for labels are not given
            # twice. `epoch` counts removals.
            """CREATE TABLE lgviz_threads (
                id {serial}, thread_id TEXT NOT NULL UNIQUE,
                made INTEGER NOT NULL, epoch INTEGER NOT NULL DEFAULT 0)""",
            # What an index needs comes first, so that reading it never pages through the rest of a row.
            """CREATE TABLE lgviz_checkpoints (
                key {serial}, thread {int} NOT NULL, ns TEXT NOT NULL, id TEXT NOT NULL, parent TEXT,
                ordinal INTEGER NOT NULL, at {real} NOT NULL,
                changed TEXT NOT NULL, metadata {blob} NOT NULL,
                body {blob} NOT NULL,
                UNIQUE (thread, ns, id))""",
            "CREATE INDEX lgviz_checkpoints_by_age ON lgviz_checkpoints (thread, ns, key)",
            # How many checkpoints the subgraphs called from a checkpoint have had. That checkpoint itself may
            # be stored later than they are.
            """CREATE TABLE lgviz_calls (
                thread {int} NOT NULL, ns TEXT NOT NULL, id TEXT NOT NULL, made INTEGER NOT NULL,
                PRIMARY KEY (thread, ns, id)){clustered}""",
            # One row holds all writes of one task.
            """CREATE TABLE lgviz_writes (
                key {serial}, thread {int} NOT NULL, ns TEXT NOT NULL, checkpoint_id TEXT NOT NULL,
                task_id TEXT NOT NULL, task_path TEXT NOT NULL, at {real} NOT NULL, data {blob} NOT NULL)""",
            "CREATE INDEX lgviz_writes_by_checkpoint ON lgviz_writes (thread, ns, checkpoint_id)",
            """CREATE TABLE lgviz_nodes (
                id {serial}, hash {blob} NOT NULL UNIQUE, form INTEGER NOT NULL, data {blob} NOT NULL)""",
            # Which threads need a node; closed downwards: with a container, all nodes below it.
            """CREATE TABLE lgviz_uses (
                thread {int} NOT NULL, node {int} NOT NULL, PRIMARY KEY (thread, node)){clustered}""",
            "CREATE INDEX lgviz_uses_by_node ON lgviz_uses (node)",
        ),
    ),
)

MIGRATIONS_TABLE = (
    "CREATE TABLE IF NOT EXISTS lgviz_migrations (name TEXT PRIMARY KEY, applied_at {real} NOT NULL)"
)


@dataclass(frozen=True)
class Dialect:
    """How one database says it. Statements elsewhere use ``?`` for parameters."""

    name: str
    serial: str
    blob: str
    real: str
    integer: str
    clustered: str
    tables: str
    """Names of those of our and LangGraph's tables that exist."""
    lock_schema: str
    """Taken before migrations are looked at; empty where the transaction itself excludes others."""
    lock_row: str
    """Ends a SELECT whose row is locked until the transaction ends."""
    new_ids: str
    """Ids for so many new nodes."""
    spare_ids: int
    """How many ids more to take for later, where ids need no lock to be taken."""

    def ddl(self, statement: str) -> str:
        """A statement of :data:`MIGRATIONS` in this dialect."""
        return statement.format(
            serial=self.serial, blob=self.blob, real=self.real, int=self.integer, clustered=self.clustered
        )

    def among(self, column: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
        """A condition that ``column`` is one of ``values``, and its parameters."""
        if self.name == "postgresql":
            return f"{column} = ANY(?)", [list(values)]
        # Padded to few lengths, so that few statements are ever compiled.
        width = 1 << max(len(values) - 1, 0).bit_length()
        padded = [*values, *[values[-1]] * (width - len(values))] if values else [None]
        return f"{column} IN ({','.join('?' * len(padded))})", padded


SQLITE = Dialect(
    name="sqlite",
    serial="INTEGER PRIMARY KEY AUTOINCREMENT",
    blob="BLOB",
    real="REAL",
    integer="INTEGER",
    clustered=" WITHOUT ROWID",
    tables="""SELECT name FROM sqlite_master WHERE type = 'table'
        AND name IN ('checkpoints', 'lgviz_migrations')""",
    lock_schema="",
    lock_row="",
    # AUTOINCREMENT remembers the greatest id ever used, and BEGIN IMMEDIATE keeps other writers away.
    new_ids="""WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
        SELECT i + coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'lgviz_nodes'), 0) FROM n""",
    spare_ids=0,
)

LOCK = 0x6C677669
"""Names our advisory locks in PostgreSQL ("lgvi"): 1 of the schema, 2 of the nodes."""

POSTGRESQL = Dialect(
    name="postgresql",
    serial="BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
    blob="BYTEA",
    real="DOUBLE PRECISION",
    integer="BIGINT",
    clustered="",
    tables="""SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()
        AND table_name IN ('checkpoints', 'lgviz_migrations')""",
    lock_schema=f"SELECT pg_advisory_xact_lock({LOCK}, 1)",
    lock_row="FOR UPDATE",
    new_ids="""SELECT nextval(pg_get_serial_sequence('lgviz_nodes', 'id')) FROM generate_series(1, ?)""",
    spare_ids=60,
)
