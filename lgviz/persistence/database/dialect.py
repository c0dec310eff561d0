"""The tables, the named migrations that make them, and all that SQLite and PostgreSQL say differently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

_WRITTEN = """thread_id TEXT, checkpoint_ns TEXT, checkpoint_id TEXT, node TEXT, task_id TEXT, fields TEXT,
            value {blob}"""

MIGRATIONS: dict[str, tuple[str, ...]] = {
    "2026-11-nodes": (
        "CREATE TABLE lgviz_meta (name TEXT PRIMARY KEY, value {blob} NOT NULL)",
        # A node stays as long as somebody needs it: its owner, a thread (by number) or one of a store's items
        # (by negative number; 0: nobody), or those in `lgviz_shares`. Most nodes have an owner alone.
        """CREATE TABLE lgviz_nodes (
            id {serial}, hash {blob} NOT NULL UNIQUE, owner {int} NOT NULL, form INTEGER NOT NULL,
            data {blob} NOT NULL)""",
        "CREATE INDEX lgviz_nodes_by_owner ON lgviz_nodes (owner)",
        """CREATE TABLE lgviz_shares (
            owner {int} NOT NULL, node {int} NOT NULL, PRIMARY KEY (owner, node)){clustered}""",
        "CREATE INDEX lgviz_shares_by_node ON lgviz_shares (node)",
        # Who needs what; closed downwards: with a container, all nodes below it.
        """CREATE VIEW lgviz_uses AS SELECT owner, id AS node FROM lgviz_nodes WHERE owner <> 0
            UNION ALL SELECT owner, node FROM lgviz_shares""",
    ),
    "2026-11-checkpoints": (
        # `made`: how many root checkpoints there had been at the last removal: no label is given
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
        # be stored later than they are; once it is removed before them, `numbers` says what its label was.
        """CREATE TABLE lgviz_calls (
            thread {int} NOT NULL, ns TEXT NOT NULL, id TEXT NOT NULL, made INTEGER NOT NULL, numbers TEXT,
            PRIMARY KEY (thread, ns, id)){clustered}""",
        # One row holds all writes of one task.
        """CREATE TABLE lgviz_writes (
            key {serial}, thread {int} NOT NULL, ns TEXT NOT NULL, checkpoint_id TEXT NOT NULL,
            task_id TEXT NOT NULL, task_path TEXT NOT NULL, at {real} NOT NULL, data {blob} NOT NULL)""",
        "CREATE INDEX lgviz_writes_by_checkpoint ON lgviz_writes (thread, ns, checkpoint_id)",
    ),
    "2026-11-items": (
        # `path` and `key` are bytes that any text has, in its order: see namespaces.py.
        "CREATE TABLE lgviz_namespaces (id {serial}, path {blob} NOT NULL UNIQUE)",
        # What is true now, since `updated`; a deleted item keeps its row, without a value. `rank` is the
        # order of search. Times are microseconds since 1970.
        f"""CREATE TABLE lgviz_items (
            id {{key}}, ns {{int}} NOT NULL, rank {{int}} NOT NULL, key {{blob}} NOT NULL,
            created {{int}} NOT NULL, updated {{int}} NOT NULL, expires {{int}}, ttl {{real}}, {_WRITTEN},
            UNIQUE (ns, key))""",
        "CREATE INDEX lgviz_items_by_rank ON lgviz_items (ns, rank) WHERE value IS NOT NULL",
        "CREATE INDEX lgviz_items_by_expiry ON lgviz_items (expires) WHERE expires IS NOT NULL",
        """CREATE INDEX lgviz_items_by_checkpoint ON lgviz_items (thread_id, checkpoint_id)
            WHERE thread_id IS NOT NULL""",
        # What was true, from `at` until `until`.
        f"""CREATE TABLE lgviz_past (
            item {{int}} NOT NULL, at {{int}} NOT NULL, until {{int}} NOT NULL, rank {{int}} NOT NULL,
            created {{int}} NOT NULL, {_WRITTEN}, PRIMARY KEY (item, at)){{clustered}}""",
        "CREATE INDEX lgviz_past_by_time ON lgviz_past (until)",
        """CREATE INDEX lgviz_past_by_checkpoint ON lgviz_past (thread_id, checkpoint_id)
            WHERE thread_id IS NOT NULL""",
        # Every put and delete (without a value).
        """CREATE VIEW lgviz_versions AS
            SELECT id AS item, updated AS at, NULL AS until, rank, created, thread_id, checkpoint_ns,
                checkpoint_id, node, task_id, fields, value FROM lgviz_items
            UNION ALL SELECT item, at, until, rank, created, thread_id, checkpoint_ns, checkpoint_id, node,
                task_id, fields, value FROM lgviz_past""",
    ),
}


class Role(NamedTuple):
    """What a database is used for: the migrations that it takes, and what stands in its way."""

    migrations: tuple[str, ...]
    foreign: str
    """LangGraph's table of the same purpose."""
    users: str


CHECKPOINTS = Role(("2026-11-nodes", "2026-11-checkpoints"), "checkpoints", "savers")
ITEMS = Role(("2026-11-nodes", "2026-11-items"), "store", "stores")

MIGRATIONS_TABLE = (
    "CREATE TABLE IF NOT EXISTS lgviz_migrations (name TEXT PRIMARY KEY, applied_at {real} NOT NULL)"
)


@dataclass(frozen=True)
class Dialect:
    """How one database says it. Statements elsewhere use ``?`` for parameters."""

    name: str
    serial: str
    """A primary key; no number is given twice."""
    key: str
    """A primary key whose greatest number may be given again once its row is gone."""
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
    find: str
    """Where some bytes begin in others, from 1; 0: nowhere."""
    mark: str
    """Changes whenever nodes are removed, or may have been lost."""
    last_node: str
    """The greatest id that any node ever had, where this transaction alone gives ids; else empty."""
    new_ids: str
    """Ids for so many new nodes."""

    def ddl(self, statement: str) -> str:
        """A statement of :data:`MIGRATIONS` in this dialect."""
        return statement.format(
            serial=self.serial,
            key=self.key,
            blob=self.blob,
            real=self.real,
            int=self.integer,
            clustered=self.clustered,
        )

    def among(self, column: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
        """A condition that ``column`` is one of ``values``, and its parameters."""
        if self.name == "postgresql":
            return f"{column} = ANY(?)", [list(values)]
        # Padded to few lengths, so that few statements are ever compiled.
        width = 1 << max(len(values) - 1, 0).bit_length()
        padded = [*values, *[values[-1]] * (width - len(values))] if values else [None]
        return f"{column} IN ({','.join('?' * len(padded))})", padded


_MARK = "SELECT value FROM lgviz_meta WHERE name = 'removed'"

SQLITE = Dialect(
    name="sqlite",
    serial="INTEGER PRIMARY KEY AUTOINCREMENT",
    key="INTEGER PRIMARY KEY",
    blob="BLOB",
    real="REAL",
    integer="INTEGER",
    clustered=" WITHOUT ROWID",
    tables="""SELECT name FROM sqlite_master WHERE type = 'table'
        AND name IN ('checkpoints', 'store', 'lgviz_checkpoints', 'lgviz_migrations')""",
    lock_schema="",
    lock_row="",
    find="instr({}, ?)",
    mark=f"({_MARK})",
    # AUTOINCREMENT remembers it, and BEGIN IMMEDIATE keeps other writers away.
    last_node="SELECT seq FROM sqlite_sequence WHERE name = 'lgviz_nodes'",
    new_ids="",
)

LOCK = 0x6C677669
"""Names our advisory locks in PostgreSQL ("lgvi"): 1 of the schema, 2 of the nodes."""

POSTGRESQL = Dialect(
    name="postgresql",
    serial="BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
    key="BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
    blob="BYTEA",
    real="DOUBLE PRECISION",
    integer="BIGINT",
    clustered="",
    tables="""SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()
        AND table_name IN ('checkpoints', 'store', 'lgviz_checkpoints', 'lgviz_migrations')""",
    lock_schema=f"SELECT pg_advisory_xact_lock({LOCK}, 1)",
    lock_row="FOR UPDATE",
    find="position(? in {})",
    # A server that crashed may have lost what it committed last (synchronous_commit = off). Its statistics
    # begin anew then.
    mark=f"""(coalesce(({_MARK}), '')
        || extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time())::text::bytea)""",
    last_node="",
    new_ids="""SELECT nextval(pg_get_serial_sequence('lgviz_nodes', 'id')) FROM generate_series(1, ?)""",
)
