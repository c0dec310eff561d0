"""The tables of savers and stores, and the named migrations that make them."""

from __future__ import annotations

import time
from typing import NamedTuple

from lgviz.errors import ForeignTables, NewerSchema, PersistenceError

from .dialect import POSTGRESQL_LIKE, STRIPES, Dialect
from .statements import READ, REMOVE, WRITE, Batch, Locking, Operation, Query

_WRITTEN = """thread_id TEXT, checkpoint_ns TEXT, checkpoint_id TEXT, node TEXT, task_id TEXT, fields TEXT,
            value {blob}"""

ROW_LOCKS = "2026-11-row-locks"
"""The migration that a database has had which locks by rows: no lgviz writes to it that does not."""

MIGRATIONS: dict[str, tuple[str, ...]] = {
    ROW_LOCKS: (
        "CREATE TABLE IF NOT EXISTS lgviz_locks (stripe INTEGER PRIMARY KEY, turn {int} NOT NULL)",
        f"""INSERT INTO lgviz_locks (stripe, turn) VALUES {", ".join(f"({n}, 0)" for n in range(STRIPES))}
            ON CONFLICT DO NOTHING""",
        # Names that one process holds, as long as it does not commit: see lgviz.sources.claims.
        "CREATE TABLE IF NOT EXISTS lgviz_claims (name TEXT PRIMARY KEY)",
    ),
    "2026-11-blocks": (
        "CREATE TABLE IF NOT EXISTS lgviz_meta (name TEXT PRIMARY KEY, value {blob} NOT NULL)",
        # A block stays as long as somebody needs it: its owner, a thread (by number) or one of a store's
        # items (by negative number; 0: nobody), or those in `lgviz_shares`. Most have an owner alone.
        """CREATE TABLE IF NOT EXISTS lgviz_blocks (
            id {serial}, hash {blob} NOT NULL UNIQUE, owner {int} NOT NULL, form INTEGER NOT NULL,
            data {blob} NOT NULL)""",
        "CREATE INDEX IF NOT EXISTS lgviz_blocks_by_owner ON lgviz_blocks (owner)",
        """CREATE TABLE IF NOT EXISTS lgviz_shares (
            owner {int} NOT NULL, block {int} NOT NULL, PRIMARY KEY (owner, block)){clustered}""",
        "CREATE INDEX IF NOT EXISTS lgviz_shares_by_block ON lgviz_shares (block)",
        # Who needs what; closed downwards: with a container, all blocks below it.
        """{view} lgviz_uses AS SELECT owner, id AS block FROM lgviz_blocks WHERE owner <> 0
            UNION ALL SELECT owner, block FROM lgviz_shares""",
    ),
    "2026-11-checkpoints": (
        # `made`: how many root checkpoints there had been at the last removal: no label is given
        # twice. `epoch` counts removals.
        """CREATE TABLE IF NOT EXISTS lgviz_threads (
            id {serial}, thread_id TEXT NOT NULL UNIQUE,
            made INTEGER NOT NULL, epoch INTEGER NOT NULL DEFAULT 0)""",
        # What an index needs comes first, so that reading it never pages through the rest of a row.
        """CREATE TABLE IF NOT EXISTS lgviz_checkpoints (
            key {serial}, thread {int} NOT NULL, ns TEXT NOT NULL, id TEXT NOT NULL, parent TEXT,
            ordinal INTEGER NOT NULL, at {real} NOT NULL,
            changed TEXT NOT NULL, metadata {blob} NOT NULL,
            body {blob} NOT NULL,
            UNIQUE (thread, ns, id))""",
        "CREATE INDEX IF NOT EXISTS lgviz_checkpoints_by_age ON lgviz_checkpoints (thread, ns, key)",
        # How many checkpoints the subgraphs called from a checkpoint have had. That checkpoint itself may
        # be stored later than they are; once it is removed before them, `numbers` says what its label was.
        """CREATE TABLE IF NOT EXISTS lgviz_calls (
            thread {int} NOT NULL, ns TEXT NOT NULL, id TEXT NOT NULL, made INTEGER NOT NULL, numbers TEXT,
            PRIMARY KEY (thread, ns, id)){clustered}""",
        # One row holds all writes of one task.
        """CREATE TABLE IF NOT EXISTS lgviz_writes (
            key {serial}, thread {int} NOT NULL, ns TEXT NOT NULL, checkpoint_id TEXT NOT NULL,
            task_id TEXT NOT NULL, task_path TEXT NOT NULL, at {real} NOT NULL, data {blob} NOT NULL)""",
        "CREATE INDEX IF NOT EXISTS lgviz_writes_by_checkpoint ON lgviz_writes (thread, ns, checkpoint_id)",
    ),
    # A thread that continues the path of another, up to one checkpoint and to the newest keys that there were
    # by then. `source_id` is that one's name: the thread itself may be deleted, with rows of it left.
    "2026-11-lineage": (
        """CREATE TABLE IF NOT EXISTS lgviz_lineage (
            thread {int} PRIMARY KEY, source {int} NOT NULL, ns TEXT NOT NULL, id TEXT NOT NULL,
            checkpoints {int} NOT NULL, writes {int} NOT NULL, source_id TEXT NOT NULL,
            at {real} NOT NULL)""",
        "CREATE INDEX IF NOT EXISTS lgviz_lineage_by_source ON lgviz_lineage (source)",
        "CREATE INDEX IF NOT EXISTS lgviz_lineage_by_source_id ON lgviz_lineage (source_id)",
    ),
    "2026-11-items": (
        # `path` and `key` are bytes that any text has, in its order: see namespaces.py.
        "CREATE TABLE IF NOT EXISTS lgviz_namespaces (id {serial}, path {blob} NOT NULL UNIQUE)",
        # What is true now, since `updated`; a deleted item keeps its row, without a value. `rank` is the
        # order of search. Times are microseconds since 1970.
        f"""CREATE TABLE IF NOT EXISTS lgviz_items (
            id {{key}}, ns {{int}} NOT NULL, rank {{int}} NOT NULL, key {{blob}} NOT NULL,
            created {{int}} NOT NULL, updated {{int}} NOT NULL, expires {{int}}, ttl {{real}}, {_WRITTEN},
            UNIQUE (ns, key))""",
        "CREATE INDEX IF NOT EXISTS lgviz_items_by_rank ON lgviz_items (ns, rank) WHERE value IS NOT NULL",
        "CREATE INDEX IF NOT EXISTS lgviz_items_by_expiry ON lgviz_items (expires) WHERE expires IS NOT NULL",
        """CREATE INDEX IF NOT EXISTS lgviz_items_by_checkpoint ON lgviz_items (thread_id, checkpoint_id)
            WHERE thread_id IS NOT NULL""",
        # What was true, from `at` until `until`.
        f"""CREATE TABLE IF NOT EXISTS lgviz_past (
            item {{int}} NOT NULL, at {{int}} NOT NULL, until {{int}} NOT NULL, rank {{int}} NOT NULL,
            created {{int}} NOT NULL, {_WRITTEN}, PRIMARY KEY (item, at)){{clustered}}""",
        "CREATE INDEX IF NOT EXISTS lgviz_past_by_time ON lgviz_past (until)",
        """CREATE INDEX IF NOT EXISTS lgviz_past_by_checkpoint ON lgviz_past (thread_id, checkpoint_id)
            WHERE thread_id IS NOT NULL""",
        # Every put and delete (without a value).
        """{view} lgviz_versions AS
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


CHECKPOINTS = Role(("2026-11-blocks", "2026-11-checkpoints", "2026-11-lineage"), "checkpoints", "savers")
ITEMS = Role(("2026-11-blocks", "2026-11-items"), "store", "stores")

_MIGRATIONS_TABLE = (
    "CREATE TABLE IF NOT EXISTS lgviz_migrations (name TEXT PRIMARY KEY, applied_at {real} NOT NULL)"
)


class SetUp(NamedTuple):
    """How set-up found or made a database.

    Attributes:
        dialect: what the server says it in.
        writing: whether there was anything to do: then the transaction is one that writes.
    """

    dialect: Dialect
    writing: bool


def set_up_tables(dialect: Dialect, role: Role, *, beside: bool = False) -> Operation[SetUp]:
    """Make or migrate a role's tables, where they are not up to date.

    Args:
        dialect: of the database.
        role: whose tables.
        beside: make them although LangGraph's own tables are there (to migrate from them).

    Raises:
        PersistenceError: the server gives numbers out of order.
        ForeignTables: only LangGraph's own tables are there.
        NewerSchema: a newer lgviz made the tables.
    """
    yield READ
    tables = {name for (name,) in (yield Query(dialect.tables))}
    applied = set()
    if "lgviz_migrations" in tables:
        applied = yield from applied_migrations()
        newer = applied - MIGRATIONS.keys()
        if newer:
            raise NewerSchema(
                f"The tables were made by a newer lgviz ({', '.join(sorted(newer))}).",
                "Upgrade lgviz: pip install -U lgviz.",
            )
    if ROW_LOCKS in applied:
        dialect = POSTGRESQL_LIKE
    if applied.issuperset(role.migrations):
        yield dialect.locking
        return SetUp(dialect, False)
    if role.foreign in tables and applied.isdisjoint(role.migrations[1:]) and not beside:
        raise ForeignTables(
            f"The database holds LangGraph's own tables; lgviz's {role.users} have their own.",
            f"Migrate once: lgviz.persistence.migrate(OLD, NEW), with NEW a new file or one of lgviz's"
            f" {role.users}.",
        )
    if not applied and dialect.has_locking and not (yield dialect.has_locking):
        dialect = POSTGRESQL_LIKE
    yield Locking.NONE
    if dialect.locking is Locking.ROWS:
        yield from _make_by_steps(dialect, role)
    else:
        yield WRITE
        if dialect.lock_schema:
            yield Query(dialect.lock_schema)
        yield Query(dialect.ddl(_MIGRATIONS_TABLE))
        applied = yield from applied_migrations()
        for name in role.migrations:
            if name not in applied:
                for statement in MIGRATIONS[name]:
                    yield Query(dialect.ddl(statement))
                yield _applied(name)
        yield dialect.locking
    return SetUp(dialect, True)


def _make_by_steps(dialect: Dialect, role: Role) -> Operation[None]:
    """Make or migrate tables where a transaction should hold no more than one change of them."""
    for statement in (_MIGRATIONS_TABLE, *MIGRATIONS[ROW_LOCKS]):
        yield WRITE
        yield Query(dialect.ddl(statement))
    yield Locking.ROWS
    for name in role.migrations:
        for statement in MIGRATIONS[name]:
            yield REMOVE  # by now it keeps others away
            yield Query(dialect.ddl(statement))
    yield REMOVE
    yield from _refuse_batches_of_numbers()
    for name in (ROW_LOCKS, *role.migrations):
        yield _applied(name)


def _refuse_batches_of_numbers() -> Operation[None]:
    rows = yield Query("SELECT nextval('lgviz_blocks_id_seq')")
    if (yield Query("SELECT last_value FROM lgviz_blocks_id_seq")) != rows:
        raise PersistenceError(
            "This server gives each connection a batch of numbers, so that a greater one need not be newer.",
            "Start YugabyteDB's servers with --ysql_sequence_cache_minval=1 and"
            " --ysql_sequence_cache_method=connection.",
        )


def _applied(name: str) -> Query:
    insert = "INSERT INTO lgviz_migrations (name, applied_at) VALUES (?, ?) ON CONFLICT DO NOTHING"
    return Query(insert, [name, time.time()])


def applied_migrations() -> Operation[set[str]]:
    """The names of the migrations that a database has had."""
    return {name for (name,) in (yield Query("SELECT name FROM lgviz_migrations"))}


def lasting() -> Operation[bool]:
    """End the transaction; whether it lasts: a caller may yet undo one of its own that was joined."""
    return bool((yield Batch([Query("SELECT 1")], last=True)))
