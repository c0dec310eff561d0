"""Where a migration reads from: every checkpoint with its writes, one at a time, the damaged left out."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.base import SerializerProtocol

from lgviz.errors import DamagedData, MissingFile, NoCheckpoints, NotADatabase, NotASource
from lgviz.persistence.database.drivers import run_async
from lgviz.persistence.savers.address import Address
from lgviz.persistence.serde.exact import ExactSerializer
from lgviz.sources.langgraph.detect import is_url, langgraph_kind

from .listed import listed
from .whole import Origin, Record, Write, whole

__all__ = ["opened"]

_ORDER = "SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints ORDER BY 1, 3, 2"
_SENT = """SELECT type, blob FROM checkpoint_writes
    WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ? AND channel = '__pregel_tasks'
    ORDER BY {path} COLLATE "C", task_id COLLATE "C", idx"""
_HERE = "WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?"


@contextmanager
def opened(source: Any) -> Iterator[tuple[int, Iterator[Record | None]]]:
    """How many checkpoints there are in what :func:`migrate` may be given as its source, and each of them;
    None for the damaged, which the log names. Nothing of it is written to.

    Raises:
        MissingFile, NotADatabase, NoCheckpoints, NotASource: it is nothing to copy from.
        Unavailable: a PostgreSQL server refuses or cannot be reached.
    """
    with _origin(source) as (places, read):
        yield (
            len(places),
            (
                whole(f"Checkpoint {place.checkpoint_id} of thread {place.thread_id!r}", partial(read, place))
                for place in places
            ),
        )


@contextmanager
def _origin(source: Any) -> Iterator[Origin]:
    if isinstance(source, (str, Path)):
        serde: SerializerProtocol = ExactSerializer()
        if is_url(source):
            with _over_postgres(str(source)) as own:
                yield _postgres(own, serde)
        else:
            with closing(_file(Path(source))) as file:
                yield _sqlite(file, str(source), serde)
        return
    if not isinstance(source, BaseCheckpointSaver):
        raise NotASource(
            f"Cannot copy from {type(source).__name__}.",
            "Give a saver, the path of a database file, or the URL of a PostgreSQL database.",
        )
    kind = langgraph_kind(source)
    conn: Any = getattr(source, "conn", None)
    if kind == "sqlite":
        yield _sqlite(conn, type(source).__name__, source.serde)
    elif kind == "aiosqlite":
        with closing(_beside_aiosqlite(conn)) as own:
            yield _sqlite(own, type(source).__name__, source.serde)
    elif kind == "postgres":
        from lgviz.persistence.database.conninfo import conninfo_of

        with _over_postgres(conninfo_of(conn)) as own:
            yield _postgres(own, source.serde)
    else:
        yield listed(source)


def _loaded(rows: Iterable[tuple[Any, ...]], serde: SerializerProtocol) -> list[Write]:
    def load(row: tuple[Any, ...]) -> Write:
        task_id, path, idx, channel, type_, data = row
        return Write(task_id, path, idx, channel, serde.loads_typed((type_, data)))

    found = (whole(f"A write of task {row[0]}", partial(load, row)) for row in rows)
    return [write for write in found if write is not None]


# ---------------------------------------------------------------- SQLite


def _file(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise MissingFile(f"{path} does not exist.", "Give the path of the old database.")
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _beside_aiosqlite(conn: Any) -> sqlite3.Connection:
    """A connection of our own to the database of one that lives on an event loop, or to a copy of it where
    it is in memory. Its thread answers any loop, so ours need not be its."""

    async def copied() -> sqlite3.Connection:
        copy = sqlite3.connect(":memory:", check_same_thread=False)
        await conn.backup(copy)
        return copy

    try:
        rows = run_async(lambda: conn.execute_fetchall("PRAGMA database_list"))
    except ValueError as error:
        raise NotASource(
            f"The saver's connection is not open: {error}.", "Give the path of its file."
        ) from error
    file = next((row[2] for row in rows if row[1] == "main"), "")
    return _file(Path(file)) if file else run_async(copied)


def _sqlite(conn: sqlite3.Connection, name: str, serde: SerializerProtocol) -> Origin:
    """Records of a database of LangGraph's, of any year."""
    try:
        tables = {table for (table,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "checkpoints" not in tables:
            raise NoCheckpoints(
                f"{name} holds no checkpoints of LangGraph.", "Give the file that LangGraph wrote."
            )
        places = [Address(*row) for row in conn.execute(_ORDER)]
        columns = {row[1] for row in conn.execute("PRAGMA table_info(writes)")}
    except sqlite3.DatabaseError as error:
        raise NotADatabase(
            f"{name} is not an SQLite database.", "Give the file that LangGraph wrote."
        ) from error
    path = "task_path" if "task_path" in columns else "''"

    def read(place: Address) -> Record | None:
        found = conn.execute(
            f"SELECT parent_checkpoint_id, type, checkpoint, metadata FROM checkpoints {_HERE}", place
        ).fetchone()
        if found is None:
            return None
        parent, tag, data, metadata = found
        writes: Any = ()
        if columns:
            writes = conn.execute(
                f"SELECT task_id, {path}, idx, channel, type, value FROM writes {_HERE}", place
            ).fetchall()
        return Record(
            place,
            parent,
            serde.loads_typed((tag or "json", data)),
            json.loads(metadata) if metadata else {},
            _loaded(writes, serde),
        )

    return places, read


# ---------------------------------------------------------------- PostgreSQL


@contextmanager
def _over_postgres(conninfo: str) -> Iterator[Any]:
    """A transaction that sees one moment, on a connection of our own."""
    import psycopg

    from lgviz.persistence.database.conninfo import connect_read_only
    from lgviz.persistence.database.postgres import explain

    try:
        conn = connect_read_only(conninfo)
    except psycopg.Error as error:
        raise explain(error) from error
    with closing(conn):
        yield conn


def _postgres(conn: Any, serde: SerializerProtocol) -> Origin:
    from lgviz.persistence.database.postgres import as_psycopg
    from lgviz.sources.langgraph.sql import POSTGRES_BLOBS, POSTGRES_HEADS

    def select(sql: str, params: Any = ()) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = conn.execute(as_psycopg(sql), params).fetchall()
        return rows

    columns_of = "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass(?)"
    if ("checkpoint_id",) not in select(columns_of, ["checkpoints"]):
        raise NoCheckpoints(
            "The database holds no checkpoints of LangGraph's PostgresSaver.", "Give the one that it wrote."
        )
    path = "task_path" if ("task_path",) in select(columns_of, ["checkpoint_writes"]) else "''"

    def read(place: Address) -> Record | None:
        params = [None, None, *place[:2], [place.checkpoint_id]]
        ((_, head, values),) = _assembled(select(POSTGRES_HEADS, params), select(POSTGRES_BLOBS, params))
        if head is None:
            raise DamagedData("It is no JSON object.")
        ((parent, metadata),) = select(
            f"SELECT parent_checkpoint_id, metadata FROM checkpoints {_HERE}", place
        )
        writes = select(
            f"SELECT task_id, {path}, idx, channel, type, blob FROM checkpoint_writes {_HERE}", place
        )
        held = {
            name: blob if type_ == "decoded" else serde.loads_typed((type_, blob))
            for name, (type_, blob) in values.items()
        }
        if parent and head.get("v", 1) < 4 and head.get("channel_versions"):
            # Before format 4 what was sent lay in the writes of the step before, and nowhere else.
            sent = select(_SENT.format(path=path), [*place[:2], parent])
            if sent:
                held["__pregel_tasks"] = [serde.loads_typed(found) for found in sent]
                versions = head["channel_versions"]
                head["channel_versions"] = {**versions, "__pregel_tasks": max(versions.values())}
        return Record(place, parent, {**head, "channel_values": held}, metadata, _loaded(writes, serde))

    return [Address(*row) for row in select(_ORDER)], read


def _assembled(
    heads: Sequence[tuple[Any, ...]], blobs: Sequence[tuple[Any, ...]]
) -> Iterator[tuple[str, dict[str, Any] | None, dict[str, tuple[str, Any]]]]:
    """Of the rows of these statements, by checkpoint id: its bookkeeping (None where that is no JSON object),
    and each value as its serializer's type and blob, or as ``decoded`` and the value."""
    values: dict[str, dict[str, tuple[str, Any]]] = {}
    for id_, _, inlined in heads:
        held = json.loads(inlined) if inlined else {}
        values[id_] = {name: ("decoded", value) for name, value in held.items()}
    for id_, channel, type_, blob in blobs:
        values[id_][channel] = (type_, blob)  # a delta's snapshot lies behind an inlined `true`
    for id_, head, _ in heads:
        yield id_, None if head is None else json.loads(head), values[id_]
