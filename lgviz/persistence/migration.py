"""Copying threads from any LangGraph saver or database file into an lgviz saver."""

from __future__ import annotations

import json
import logging
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from langgraph.checkpoint.base import WRITES_IDX_MAP, BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver

from lgviz.errors import MissingFile, NoCheckpoints, NotADatabase, NotASource

from .address import Address
from .exact import ExactSerializer
from .saver import Saver, SyncSaver
from .sqlite import SqliteSaver

R = TypeVar("R")

logger = logging.getLogger("lgviz.persistence")


@dataclass(slots=True)
class _Write:
    task_id: str
    task_path: str
    idx: int
    channel: str
    value: Any


@dataclass(slots=True)
class _Record:
    address: Address
    parent: str | None
    checkpoint: dict[str, Any]
    metadata: Mapping[str, Any]
    writes: list[_Write]


def migrate(source: Any, target: Any, progress: bool | Callable[[int, int], None] = True) -> int:
    """Copy every thread of ``source`` into ``target``, exactly; once more, to go on where it was stopped.

    What is damaged is left out and named in the log; it does not keep the rest from being copied.

    Args:
        source: a LangGraph saver, or the path of a file that LangGraph's ``SqliteSaver`` made; only read.
        target: an lgviz saver, or the path of a file to make or to go on with.
        progress: whether to draw a progress bar, or a function that is given (done, total).

    Returns:
        How many checkpoints were copied; those that ``target`` had already are not counted.

    Raises:
        MissingFile, NotADatabase, NoCheckpoints, NotASource: ``source`` is nothing to copy from.
        NotKept: a value that lgviz cannot keep.
    """
    total, records = _open(source)
    owned = isinstance(target, (str, Path))
    saver = SqliteSaver.from_conn_string(str(target)) if owned else target
    if not isinstance(saver, Saver):
        raise NotASource(
            f"{type(saver).__name__} is no saver of lgviz.", "Give one, or the path of a new file."
        )
    # The same database may hold both: lgviz's tables are made beside the ones they are filled from.
    saver._beside = True
    show = progress if callable(progress) else _bar if progress else _silent
    try:
        return _copy(records, total, saver, show)
    finally:
        if owned and isinstance(saver, SyncSaver):
            saver.close()


def _copy(
    records: Iterator[_Record | None], total: int, saver: Saver, show: Callable[[int, int], None]
) -> int:
    engine = saver.engine
    copied = 0
    present: dict[str, set[tuple[str, str]]] = {}
    versions: dict[tuple[str, str, str | None], Mapping[str, Any]] = {}
    for done, record in enumerate(records, 1):
        show(done, total)
        if record is None:
            continue
        place = record.address
        if place.thread_id not in present:
            index = saver.index(place.thread_id)
            present[place.thread_id] = {(row.namespace, row.id) for row in index.checkpoints}
            versions.clear()
        ns, id = place.ns or "", str(place.checkpoint_id)
        now = record.checkpoint.get("channel_versions") or {}
        before = versions.get((place.thread_id, ns, record.parent), {})
        versions[place.thread_id, ns, id] = now
        _copy_writes(saver, record)
        if (ns, id) not in present[place.thread_id]:
            config = place._replace(checkpoint_id=record.parent).config()
            changed = [name for name, version in now.items() if before.get(name) != version]
            # Every value is read anew: LangGraph's savers keep values that changed without a new version.
            every = dict.fromkeys(record.checkpoint.get("channel_values") or {}) | dict(now)
            at = _time(record.checkpoint)
            saver._run(
                partial(engine.put, config, record.checkpoint, record.metadata, every, changed=changed, at=at)
            )
            copied += 1
    return copied


def _copy_writes(saver: Saver, record: _Record) -> None:
    tasks: dict[tuple[str, str], list[_Write]] = {}
    for write in sorted(record.writes, key=lambda write: write.idx):
        tasks.setdefault((write.task_id, write.task_path), []).append(write)
    engine, config = saver.engine, record.address.config()
    for (task_id, task_path), writes in tasks.items():
        pairs = [(write.idx, write.channel, write.value) for write in writes]
        saver._run(partial(engine.put_numbered_writes, config, pairs, task_id, task_path))


def _time(checkpoint: Mapping[str, Any]) -> float | None:
    from datetime import datetime

    try:
        return datetime.fromisoformat(checkpoint["ts"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return None


def _whole(what: str, read: Callable[[], R]) -> R | None:
    """What ``read`` gives; None where it is damaged."""
    try:
        return read()
    except Exception as error:
        logger.warning("%s is damaged and left out: %s: %s", what, type(error).__name__, error)
        return None


def _open(source: Any) -> tuple[int, Iterator[_Record | None]]:
    if isinstance(source, (str, Path)):
        path = Path(source)
        if not path.is_file():
            raise MissingFile(f"{path} does not exist.", "Give the path of the old database.")
        file = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        return _sqlite(file, str(path), closing=True)
    conn = getattr(source, "conn", None)
    if isinstance(conn, sqlite3.Connection) and not isinstance(source, Saver):
        return _sqlite(conn, type(source).__name__, closing=False, serde=source.serde)
    if isinstance(source, BaseCheckpointSaver):
        return _saver(source)
    raise NotASource(
        f"Cannot copy from {type(source).__name__}.", "Give a saver or the path of a database file."
    )


def _sqlite(
    conn: sqlite3.Connection, name: str, *, closing: bool, serde: Any = None
) -> tuple[int, Iterator[_Record | None]]:
    """Records of a database of LangGraph's, of any year."""
    serde = serde or ExactSerializer()
    try:
        tables = {table for (table,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "checkpoints" not in tables:
            raise NoCheckpoints(
                f"{name} holds no checkpoints of LangGraph.", "Give the file that LangGraph wrote."
            )
        total = conn.execute("SELECT count(*) FROM checkpoints").fetchone()[0]
        columns = {row[1] for row in conn.execute("PRAGMA table_info(writes)")}
    except sqlite3.DatabaseError as error:
        raise NotADatabase(
            f"{name} is not an SQLite database.", "Give the file that LangGraph wrote."
        ) from error
    path = "task_path" if "task_path" in columns else "''"

    def read_write(row: tuple[Any, ...]) -> _Write:
        return _Write(row[0], row[1], row[2], row[3], serde.loads_typed((row[4], row[5])))

    def read_one(key: tuple[str, str, str]) -> _Record:
        match = "WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?"
        parent, tag, data, metadata = conn.execute(
            f"SELECT parent_checkpoint_id, type, checkpoint, metadata FROM checkpoints {match}", key
        ).fetchone()
        checkpoint = serde.loads_typed((tag or "json", data))
        writes: list[_Write] = []
        if columns:
            rows = conn.execute(
                f"SELECT task_id, {path}, idx, channel, type, value FROM writes {match}", key
            ).fetchall()
            found = (_whole(f"A write of task {row[0]}", partial(read_write, row)) for row in rows)
            writes = [write for write in found if write is not None]
        return _Record(Address(*key), parent, checkpoint, json.loads(metadata) if metadata else {}, writes)

    def read() -> Iterator[_Record | None]:
        order = "ORDER BY thread_id, checkpoint_id, checkpoint_ns"
        keys = conn.execute(
            f"SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints {order}"
        ).fetchall()
        for key in keys:
            yield _whole(f"Checkpoint {key[2]} of thread {key[0]!r}", partial(read_one, key))
        if closing:
            conn.close()

    return total, read()


def _saver(saver: BaseCheckpointSaver[Any]) -> tuple[int, Iterator[_Record | None]]:
    """Records one by one, so that only one state is in memory."""
    places = _places(saver)

    def read_one(address: Address) -> _Record | None:
        found = saver.get_tuple(address.config())
        if found is None:
            return None
        if isinstance(saver, Saver):
            ExactSerializer().dumps_typed([found.checkpoint, found.pending_writes])  # refuses what is Damaged
        parent = found.parent_config["configurable"]["checkpoint_id"] if found.parent_config else None
        paths = _task_paths(saver, address)
        writes, counts = [], dict[str, int]()
        for task_id, channel, value in found.pending_writes or []:
            idx = WRITES_IDX_MAP.get(channel)
            if idx is None:
                idx = counts[task_id] = counts.get(task_id, -1) + 1
            writes.append(_Write(task_id, paths.get(task_id, ""), idx, channel, value))
        return _Record(address, parent, dict(found.checkpoint), found.metadata, writes)

    def read() -> Iterator[_Record | None]:
        for place in places:
            what = f"Checkpoint {place.checkpoint_id} of thread {place.thread_id!r}"
            yield _whole(what, partial(read_one, place))

    return len(places), read()


def _places(saver: BaseCheckpointSaver[Any]) -> list[Address]:
    """Where all checkpoints of a saver are, the oldest of each thread first; no value is kept."""
    if isinstance(saver, Saver):
        return [
            Address(thread_id, row.namespace, row.id)
            for thread_id, *_ in saver.threads()
            for row in saver.index(thread_id).checkpoints
        ]
    if isinstance(saver, InMemorySaver):  # its `list` decodes all values: a damaged one would end it
        places = [
            Address(thread_id, ns, id)
            for thread_id, namespaces in saver.storage.items()
            for ns, found in namespaces.items()
            for id in found
        ]
    else:
        configs = (found.config["configurable"] for found in saver.list(None))
        places = [Address(c["thread_id"], c["checkpoint_ns"], c["checkpoint_id"]) for c in configs]
    return sorted(places, key=lambda place: (place.thread_id, place.checkpoint_id or ""))


def _task_paths(saver: Any, address: Address) -> dict[str, str]:
    """The task paths under a checkpoint, where the saver is known to keep them."""
    if isinstance(saver, Saver):
        stored = saver._run(partial(saver.engine.get, address.config()))
        return {task_id: path for path, task_id, _ in stored.writes} if stored else {}
    if isinstance(saver, InMemorySaver):
        rows = saver.writes.get((address.thread_id, address.ns or "", address.checkpoint_id or ""), {})
        return {row[0]: row[3] for row in rows.values() if len(row) > 3}
    if type(saver).__module__.startswith("langgraph.checkpoint.postgres"):
        with saver._cursor() as cursor:
            cursor.execute(
                """SELECT task_id, task_path FROM checkpoint_writes
                   WHERE thread_id = %s AND checkpoint_ns = %s AND checkpoint_id = %s""",
                list(address),
            )
            return {row["task_id"]: row["task_path"] for row in cursor.fetchall()}
    return {}


def _silent(done: int, total: int) -> None:
    pass


def _bar(done: int, total: int) -> None:
    if done == total or done % max(total // 100, 1) == 0:
        filled = 30 * done // max(total, 1)
        end = "\n" if done == total else ""
        print(f"\rmigrating [{'#' * filled:<30}] {done}/{total}", end=end, file=sys.stderr, flush=True)
