"""The statements that read LangGraph's own tables in SQLite, PostgreSQL and MySQL; ``?``: a parameter."""

from __future__ import annotations

from collections.abc import Collection

from lgviz.sources.places import TASKS_CHANNEL

__all__ = [
    "ANY",
    "AT",
    "BLOB_KEYS",
    "IDS",
    "ITEMS",
    "MYSQL_ACTIVITY",
    "MYSQL_COLLATION",
    "MYSQL_COLUMNS",
    "MYSQL_FORMATS",
    "MYSQL_NEWEST",
    "MYSQL_ROWS",
    "MYSQL_ROW_SIZE",
    "MYSQL_THREADS",
    "MYSQL_WRITE_COUNTS",
    "MYSQL_WRITTEN_OVER",
    "PARENTS",
    "POSTGRES_ACTIVITY",
    "POSTGRES_BLOBS",
    "POSTGRES_BY_TRANSACTIONS",
    "POSTGRES_COLUMNS",
    "POSTGRES_FORMATS",
    "POSTGRES_HEADS",
    "POSTGRES_HELD",
    "POSTGRES_NEWEST",
    "POSTGRES_ROWS",
    "POSTGRES_ROWS_AFTER",
    "POSTGRES_ROW_SIZE",
    "POSTGRES_SHALLOW",
    "POSTGRES_SINCE",
    "POSTGRES_THREADS",
    "POSTGRES_WRITE_COUNTS",
    "POSTGRES_WRITTEN_OVER",
    "SQLITE_ACTIVITY",
    "SQLITE_COLUMNS",
    "SQLITE_EARLY_COLUMNS",
    "SQLITE_INTEGRITY",
    "SQLITE_NEWEST",
    "SQLITE_ROWS",
    "SQLITE_ROW_SIZE",
    "SQLITE_THREADS",
    "TWICE",
    "blob_sizes",
    "checkpoint_sizes",
    "count_threads",
    "facts",
    "led",
    "marks",
    "metadata_of",
    "mysql_blobs",
    "mysql_heads",
    "newest",
    "newest_of",
    "newest_threads",
    "orphans",
    "sent",
    "some_blobs",
    "sqlite_blobs",
    "sqlite_early",
    "thread_blobs",
    "thread_sizes",
    "thread_write_sizes",
    "write_sizes",
    "writes",
    "writes_to",
]

ANY = "SELECT 1 FROM checkpoints LIMIT 1"
ITEMS = "SELECT s.prefix, s.key, s.value, s.created_at, s.updated_at FROM store s"
"""An item's end is left out: reading the item may put it off."""
AT = "WHERE thread_id = ? AND checkpoint_ns = ?"
"""In one namespace of a thread. Takes thread and namespace."""


def facts(metadata: str, at: str) -> str:
    """A checkpoint's parent and metadata. Takes thread, namespace and id.

    Args:
        metadata: the column.
        at: :data:`AT`, as the database finds it soonest.
    """
    return f"SELECT parent_checkpoint_id, {metadata} FROM checkpoints {at} AND checkpoint_id = ?"


def writes(table: str, path: str, type_: str, value: str, at: str) -> str:
    """The writes under a checkpoint. Takes thread, namespace and id."""
    columns = f"{path}, task_id, idx, channel, {type_}, {value}"
    return f"SELECT {columns} FROM {table} {at} AND checkpoint_id = ?"


def writes_to(table: str, path: str, type_: str, value: str, at: str, ids: int, channels: int) -> str:
    """The writes to some channels under several checkpoints. Takes thread, namespace, that many ids and that
    many channels."""
    columns = f"checkpoint_id, {path}, task_id, idx, channel, {type_}, {value}"
    among = f"checkpoint_id IN ({_marks(ids)}) AND channel IN ({_marks(channels)})"
    return f"SELECT {columns} FROM {table} {at} AND {among}"


def sent(table: str, path: str, value: str, count: int) -> str:
    """What the steps before some checkpoints sent. Takes thread, namespace and that many ids."""
    return f"""
        SELECT c.checkpoint_id, {path}, task_id, idx, w.type, {value}
        FROM checkpoints c JOIN {table} w ON w.thread_id = c.thread_id
            AND w.checkpoint_ns = c.checkpoint_ns AND w.checkpoint_id = c.parent_checkpoint_id
        WHERE c.thread_id = ? AND c.checkpoint_ns = ? AND c.checkpoint_id IN ({_marks(count)})
            AND channel = '{TASKS_CHANNEL}'"""


def _marks(count: int) -> str:
    return ",".join("?" * count)


# ---------------------------------------------------------------- what is there, for check and stats

_PLACE = "thread_id, checkpoint_ns, checkpoint_id"
IDS = "SELECT checkpoint_ns, checkpoint_id FROM checkpoints WHERE thread_id = ? ORDER BY 1, 2"
"""The checkpoints of a thread. Takes the thread."""
TWICE = f"SELECT {_PLACE}, count(*) FROM checkpoints GROUP BY {_PLACE} HAVING count(*) > 1"
"""Checkpoints that are there more than once."""
PARENTS = """
SELECT thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id FROM checkpoints c
WHERE parent_checkpoint_id <> '' AND NOT EXISTS (
    SELECT 1 FROM checkpoints p WHERE p.thread_id = c.thread_id
        AND p.checkpoint_ns = c.checkpoint_ns AND p.checkpoint_id = c.parent_checkpoint_id)
ORDER BY 1, 2, 3"""
"""Checkpoints whose parent is not there, with its id."""


def orphans(table: str) -> str:
    """Writes to checkpoints that are not there: how many to each."""
    return f"""
        SELECT {_PLACE}, count(*) FROM {table} w WHERE NOT EXISTS (
            SELECT 1 FROM checkpoints c WHERE c.thread_id = w.thread_id
                AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id)
        GROUP BY {_PLACE} ORDER BY 1, 2, 3"""


def metadata_of(metadata: str) -> str:
    """The metadata of a thread's checkpoints. Takes the thread."""
    return f"SELECT checkpoint_ns, checkpoint_id, {metadata} FROM checkpoints WHERE thread_id = ?"


def checkpoint_sizes(size: str) -> str:
    """How many rows checkpoints have, and their bytes."""
    return f"SELECT thread_id, checkpoint_id, count(*), sum({size}) FROM checkpoints GROUP BY 1, 2"


def write_sizes(table: str, value: str) -> str:
    """How many writes each channel has under a checkpoint, and their bytes."""
    size = f"coalesce(sum(length({value})), 0)"
    return f"SELECT thread_id, checkpoint_id, channel, count(*), {size} FROM {table} GROUP BY 1, 2, 3"


# ---------------------------------------------------------------- all threads at once


def thread_sizes(size: str, activity: str) -> str:
    """How many root checkpoints a thread has, the first and the last id of them, and the bytes of all.

    Args:
        size: the bytes of a row.
        activity: what is greater, the newer a thread's activity is.
    """
    root = "CASE WHEN checkpoint_ns = '' THEN checkpoint_id END"
    return f"""
        SELECT thread_id, count({root}), min({root}), max({root}), sum({size}) FROM checkpoints
        GROUP BY thread_id ORDER BY {activity} DESC"""


def count_threads(condition: str) -> str:
    """How many threads there are, of which a condition holds."""
    return f"SELECT count(DISTINCT thread_id) FROM checkpoints {condition and f'WHERE {condition}'}"


def newest_threads(activity: str, condition: str, *, keyed: bool) -> str:
    """Some threads, the newest first, of which a condition holds: how many root checkpoints each has, its
    greatest id and what tells its activity.

    Args:
        activity: what is greater, the newer a thread's activity is.
        condition: of a row; takes its own parameters.
        keyed: only those that come after an activity and a thread; takes the activity twice and the thread.
            Takes how many at last.
    """
    after = f"HAVING {activity} < ? OR ({activity} = ? AND thread_id < ?)" if keyed else ""
    return f"""
        WITH found AS (
            SELECT thread_id, {activity} AS activity FROM checkpoints {condition and f"WHERE {condition}"}
            GROUP BY thread_id {after} ORDER BY 2 DESC, 1 DESC LIMIT ?)
        SELECT c.thread_id, sum(CASE WHEN c.checkpoint_ns = '' THEN 1 ELSE 0 END), max(c.checkpoint_id),
            f.activity
        FROM found f JOIN checkpoints c ON c.thread_id = f.thread_id
        GROUP BY c.thread_id, f.activity ORDER BY 4 DESC, 1 DESC"""


def thread_write_sizes(table: str, value: str) -> str:
    """The bytes of the writes of a thread."""
    return f"SELECT thread_id, coalesce(sum(length({value})), 0) FROM {table} GROUP BY thread_id"


def newest(ids: str, metadata: str, table: str, path: str) -> str:
    """The metadata of each thread's newest root checkpoint, the id and metadata of its parent, and the writes
    there: a row for each write, or one alone.

    Args:
        ids: selects the newest: thread and id.
        metadata: the column.
        table, path: of writes, and their tasks' paths.
    """
    return f"""
        SELECT c.thread_id, c.{metadata}, p.checkpoint_id, p.{metadata}, w.task_id, {path}, w.idx, w.channel
        FROM ({ids}) n JOIN checkpoints c ON c.thread_id = n.thread_id AND c.checkpoint_ns = ''
            AND c.checkpoint_id = n.checkpoint_id
        LEFT JOIN checkpoints p ON p.thread_id = c.thread_id AND p.checkpoint_ns = ''
            AND p.checkpoint_id = c.parent_checkpoint_id
        LEFT JOIN {table} w ON w.thread_id = p.thread_id AND w.checkpoint_ns = ''
            AND w.checkpoint_id = p.checkpoint_id"""


def newest_of(last: str, metadata: str, table: str, path: str, count: int) -> str:
    """The newest root checkpoint of some threads and the writes under it: a row for each write, or one alone.
    Takes that many threads.

    Args:
        last: the column that is greatest in the newest.
        metadata: the column.
        table, path: of writes, and their tasks' paths.
    """
    return f"""
        SELECT c.thread_id, c.checkpoint_id, c.parent_checkpoint_id, c.{metadata}, w.task_id, {path}, w.idx,
            w.channel
        FROM (SELECT thread_id, max({last}) AS newest FROM checkpoints
            WHERE checkpoint_ns = '' AND thread_id IN ({_marks(count)}) GROUP BY thread_id) n
        JOIN checkpoints c ON c.thread_id = n.thread_id AND c.checkpoint_ns = '' AND c.{last} = n.newest
        LEFT JOIN {table} w ON w.thread_id = c.thread_id AND w.checkpoint_ns = ''
            AND w.checkpoint_id = c.checkpoint_id"""


def marks(table: str, path: str, count: int) -> str:
    """The writes to some channels of root namespaces. Takes that many channels."""
    return f"""
        SELECT thread_id, checkpoint_id, task_id, {path}, idx, channel FROM {table}
        WHERE checkpoint_ns = '' AND channel IN ({_marks(count)})"""


def led(table: str) -> str:
    """The channels that are written to."""
    return f"SELECT DISTINCT channel FROM {table}"


# ---------------------------------------------------------------- values apart from their checkpoints

BLOB_KEYS = """
SELECT checkpoint_ns, channel, version FROM checkpoint_blobs
WHERE thread_id = ? AND type <> 'empty' ORDER BY 1, 2, 3"""
"""The values of a thread, by their keys. Takes the thread."""


def some_blobs(value: str, count: int) -> str:
    """Some values of a thread. Takes the thread and that many keys."""
    keys = ", ".join(["(?, ?, ?)"] * count)
    return f"""
        SELECT checkpoint_ns, channel, version, type, {value} FROM checkpoint_blobs
        WHERE thread_id = ? AND (checkpoint_ns, channel, version) IN ({keys})"""


def blob_sizes(value: str) -> str:
    """The thread, the channel and the bytes of each value."""
    size = f"coalesce(length({value}), 0)"
    return f"SELECT thread_id, channel, {size} FROM checkpoint_blobs WHERE type <> 'empty'"


def thread_blobs(value: str) -> str:
    """The bytes of the values of a thread."""
    size = f"coalesce(sum(length({value})), 0)"
    return f"SELECT thread_id, {size} FROM checkpoint_blobs WHERE type <> 'empty' GROUP BY 1"


# ---------------------------------------------------------------- SQLite

SQLITE_ROW_SIZE = "coalesce(length(checkpoint), 0) + coalesce(length(metadata), 0)"
SQLITE_INTEGRITY = "PRAGMA integrity_check(20)"
SQLITE_ACTIVITY = "max(rowid)"
SQLITE_THREADS = f"""
SELECT thread_id, sum(checkpoint_ns = ''), max(checkpoint_id) FROM checkpoints
GROUP BY thread_id ORDER BY {SQLITE_ACTIVITY} DESC"""

SQLITE_NEWEST = """
SELECT thread_id, checkpoint_id, max(rowid) FROM checkpoints WHERE checkpoint_ns = '' GROUP BY thread_id"""

SQLITE_COLUMNS = "SELECT name FROM pragma_table_info(?)"

SQLITE_ROWS = """
SELECT rowid, checkpoint_ns, checkpoint_id, length(metadata), length(checkpoint), parent_checkpoint_id,
    CASE WHEN checkpoint_id NOT IN (SELECT value FROM json_each(?)) THEN metadata END
FROM checkpoints WHERE thread_id = ? AND rowid > ?"""
"""Checkpoints of an index. Takes a JSON list of ids whose metadata is known, the thread and the last row."""


def sqlite_blobs(type_: str, count: int) -> str:
    """Whole states. Takes thread, namespace and that many ids."""
    columns = f"checkpoint_id, {type_}, checkpoint"
    return f"SELECT {columns} FROM checkpoints {AT} AND checkpoint_id IN ({_marks(count)})"


SQLITE_EARLY_COLUMNS: dict[str, set[str]] = {
    "checkpoints": {"thread_id", "checkpoint_ns", "checkpoint_id", "parent_checkpoint_id", "type"},
    "writes": {"thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "task_path", "idx", "type"},
}


def sqlite_early(checkpoints: Collection[str], writes: Collection[str]) -> str:
    """The tables of LangGraph before August 2024 as later ones, with :data:`SQLITE_EARLY_COLUMNS` at least. A
    checkpoint is named by ``thread_ts``: its time, then its id; what begins like a pickle is one, as there.

    Args:
        checkpoints, writes: the columns of the tables; at first there were no writes and no metadata.
    """
    place = "rowid AS rowid, thread_id, '' AS checkpoint_ns, thread_ts AS checkpoint_id"
    kind = "CASE substr({0}, 1, 1) WHEN x'80' THEN 'pickle' ELSE 'json' END AS type, {0}"
    metadata = "metadata" if "metadata" in checkpoints else "NULL AS metadata"
    told = f"task_id, idx, channel, {kind.format('value')} FROM main.writes"
    if not writes:
        nothing = (f"NULL AS {name}" for name in ("task_id", "idx", "channel", "type", "value"))
        told = f"{', '.join(nothing)} FROM main.checkpoints WHERE 0"
    return f"""
        WITH checkpoints AS (SELECT {place}, parent_ts AS parent_checkpoint_id, {kind.format("checkpoint")},
            {metadata} FROM main.checkpoints),
        writes AS (SELECT {place}, '' AS task_path, {told})"""


# ---------------------------------------------------------------- PostgreSQL

POSTGRES_ACTIVITY = "max(checkpoint_id)"
POSTGRES_THREADS = f"""
SELECT thread_id, count(*) FILTER (WHERE checkpoint_ns = ''), max(checkpoint_id) FROM checkpoints
GROUP BY thread_id ORDER BY {POSTGRES_ACTIVITY} DESC"""

POSTGRES_NEWEST = """
SELECT thread_id, max(checkpoint_id) AS checkpoint_id FROM checkpoints WHERE checkpoint_ns = ''
GROUP BY thread_id"""

# As the search path finds it, which need not be in the first of its schemas.
POSTGRES_COLUMNS = """
SELECT attname::text FROM pg_attribute
WHERE attrelid = to_regclass(?) AND attnum > 0 AND NOT attisdropped"""

POSTGRES_SINCE = "age(xmin) <= age(?::text::xid)"
"""Stored by a transaction that was not over, or had not begun, when a snapshot was taken: ``age`` is how many
transactions began since, and ``?`` the first that was not over."""

POSTGRES_ROWS = """
SELECT xmin::text, checkpoint_ns, checkpoint_id, parent_checkpoint_id, metadata::text,
    pg_column_size(checkpoint)
FROM checkpoints WHERE thread_id = ? {since} ORDER BY age(xmin) DESC, checkpoint_id"""


POSTGRES_BY_TRANSACTIONS = """
SELECT pg_current_snapshot()::text, to_regclass('pg_dist_partition') IS NULL,
    (SELECT max(age(xmin)) FROM checkpoints WHERE thread_id IS NULL)"""
"""Fails where a row does not tell its transaction, or a snapshot the transactions; true in the second column
where all rows are of this server (Citus has that table, and rows of others, with their own numbers)."""
POSTGRES_ROWS_AFTER = """
SELECT checkpoint_ns, checkpoint_id, parent_checkpoint_id, metadata::text, pg_column_size(checkpoint)
FROM checkpoints WHERE thread_id = ? AND checkpoint_id > ? ORDER BY checkpoint_id"""
"""Checkpoints of an index. Takes the thread and the id after which they are new."""
POSTGRES_WRITTEN_OVER = """
SELECT string_agg(md5(blob), '' ORDER BY checkpoint_ns, checkpoint_id, task_id, idx)
FROM checkpoint_writes WHERE thread_id = ? AND idx < 0"""
"""Changes when a question, an answer or an error was written over. Takes the thread."""
POSTGRES_WRITE_COUNTS = """
SELECT checkpoint_id, count(*) FROM checkpoint_writes WHERE thread_id = ? GROUP BY checkpoint_id"""
"""How many writes lie under each checkpoint. Takes the thread."""

POSTGRES_SHALLOW = """
WITH checkpoints AS (
    SELECT xmin AS xmin, thread_id, checkpoint_ns, checkpoint ->> 'id' AS checkpoint_id,
        NULL::text AS parent_checkpoint_id, type, checkpoint, metadata FROM checkpoints),
checkpoint_blobs AS (
    SELECT b.thread_id, b.checkpoint_ns, b.channel, b.type, b.blob,
        c.checkpoint -> 'channel_versions' ->> b.channel AS version
    FROM checkpoint_blobs b JOIN checkpoints c
        ON c.thread_id = b.thread_id AND c.checkpoint_ns = b.checkpoint_ns),
checkpoint_writes AS (
    SELECT w.xmin AS xmin, w.* FROM checkpoint_writes w JOIN checkpoints c ON c.thread_id = w.thread_id
        AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id)"""
"""The tables of a saver that keeps one checkpoint of a thread and one value of a channel, as those of one
that keeps all."""
POSTGRES_ROW_SIZE = "pg_column_size(checkpoint) + pg_column_size(metadata)"
POSTGRES_FORMATS = "SELECT checkpoint ->> 'v', count(*) FROM checkpoints GROUP BY 1"


def _object(key: str) -> str:
    """A part of a checkpoint that should be a JSON object; null where it is something else."""
    return f"CASE jsonb_typeof(checkpoint -> '{key}') WHEN 'object' THEN checkpoint -> '{key}' END"


POSTGRES_HEADS = f"""
SELECT checkpoint_id,
    CASE jsonb_typeof(checkpoint) WHEN 'object' THEN (checkpoint - 'channel_values')::text END,
    (SELECT jsonb_object_agg(key, CASE WHEN ?::text[] IS NULL OR key = ANY(?) THEN value END)::text
        FROM jsonb_each({_object("channel_values")}))
FROM checkpoints {AT} AND checkpoint_id = ANY(?)"""
"""Bookkeeping and the values that are inlined; of other channels than the named (null: of all) only that they
are. Takes the names twice, the thread, the namespace and the ids."""

_BLOBS = f"""
FROM checkpoints c CROSS JOIN LATERAL jsonb_each_text({_object("channel_versions")}) held
JOIN checkpoint_blobs b ON (b.thread_id, b.checkpoint_ns, b.channel, b.version)
    = (c.thread_id, c.checkpoint_ns, held.key, held.value)
WHERE c.thread_id = ? AND c.checkpoint_ns = ? AND checkpoint_id = ANY(?) AND b.type <> 'empty'"""
POSTGRES_HELD = f"SELECT checkpoint_id, b.channel, b.type, NULL {_BLOBS}"
"""The channels that have a blob. Takes the thread, the namespace and the ids."""
POSTGRES_BLOBS = f"""SELECT checkpoint_id, b.channel, b.type,
    CASE WHEN ?::text[] IS NULL OR b.channel = ANY(?) THEN b.blob END {_BLOBS}"""
"""The channels that have a blob, with it. Takes what :data:`POSTGRES_HEADS` does."""


# ---------------------------------------------------------------- MySQL and MariaDB

MYSQL_ACTIVITY = "max(checkpoint_id)"
MYSQL_THREADS = f"""
SELECT thread_id, sum(checkpoint_ns = ''), max(checkpoint_id) FROM checkpoints
GROUP BY thread_id ORDER BY {MYSQL_ACTIVITY} DESC"""
MYSQL_NEWEST = POSTGRES_NEWEST
MYSQL_COLUMNS = """
SELECT column_name FROM information_schema.columns WHERE table_schema = database() AND table_name = ?"""
MYSQL_ROW_SIZE = "length(checkpoint) + length(metadata)"
MYSQL_FORMATS = "SELECT json_unquote(json_extract(checkpoint, '$.v')), count(*) FROM checkpoints GROUP BY 1"

MYSQL_ROWS = """
SELECT checkpoint_ns, checkpoint_id, parent_checkpoint_id, metadata, length(checkpoint)
FROM checkpoints WHERE thread_id = ? AND checkpoint_id > ? ORDER BY checkpoint_id"""
"""Checkpoints of an index. Takes the thread and the id after which they are new."""
MYSQL_WRITTEN_OVER = """
SELECT coalesce(sum(crc32(`blob`)), 0) FROM checkpoint_writes WHERE thread_id = ? AND idx < 0"""
"""Changes when a question, an answer or an error was written over. Takes the thread."""
MYSQL_WRITE_COUNTS = """
SELECT checkpoint_id, count(*) FROM checkpoint_writes WHERE thread_id = ? GROUP BY checkpoint_id"""
"""How many writes lie under each checkpoint. Takes the thread."""
MYSQL_COLLATION = """
SELECT character_set_name, collation_name FROM information_schema.columns
WHERE table_schema = database() AND table_name = 'checkpoint_blobs' AND column_name = 'channel'"""
"""How the keys of values are written and compared, which the database's own defaults say."""


def mysql_heads(names: int | None) -> str:
    """Bookkeeping, and of the values that are inlined the names and those of the named channels.

    Args:
        names: how many are named; None: all are wanted.
    """
    values = "json_extract(checkpoint, '$.channel_values')"
    if names is not None:
        pairs = ", ".join(["?, json_extract(checkpoint, ?)"] * names)
        values = f"json_object({pairs})"
    return f"""
        SELECT checkpoint_id, CASE json_type(checkpoint) WHEN 'OBJECT'
            THEN json_remove(checkpoint, '$.channel_values') END,
            json_keys(checkpoint, '$.channel_values'), {values}
        FROM checkpoints"""


def mysql_blobs(value: str, namespace: str, as_key: str) -> str:
    """The channels that have a blob, with it.

    Args:
        value: the blob, or null.
        namespace: the column by which a namespace is found.
        as_key: makes what is filled in for its ``{}`` comparable to the columns of keys, by their index.
    """
    version = "json_extract(c.checkpoint, concat('$.channel_versions.', json_quote(held.channel)))"
    return f"""
        SELECT c.checkpoint_id, b.channel, b.type, {value}
        FROM checkpoints c JOIN json_table(json_keys(c.checkpoint, '$.channel_versions'), '$[*]'
            COLUMNS (channel varchar(150) CHARACTER SET utf8mb4 PATH '$')) held
        JOIN checkpoint_blobs b ON b.thread_id = c.thread_id AND b.{namespace} = c.{namespace}
            AND b.channel = {as_key.format("held.channel")}
            AND b.version = {as_key.format(f"json_unquote({version})")} AND b.type <> 'empty'"""
