"""Copying threads from any LangGraph saver or database file into an lgviz saver."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from langgraph.store.base import BaseStore

from lgviz.errors import NotASource
from lgviz.persistence.savers.saver import Saver, SyncSaver
from lgviz.persistence.savers.sqlite import SqliteSaver
from lgviz.sources.langgraph.detect import is_url

from .origins import opened
from .whole import Record, Write


def migrate(source: Any, target: Any, progress: bool | Callable[[int, int], None] = True) -> int:
    """Copy every thread of ``source`` into ``target``, exactly; once more, to go on where it was stopped.

    Where one of the two is a store, every item is copied, with its times. What is damaged is left out and
    named in the log; it does not keep the rest from being copied.

    Args:
        source: a LangGraph saver, sync or async, the path of a file that its ``SqliteSaver`` made, or the URL
            of a PostgreSQL database that its ``PostgresSaver`` filled; only read. Or a synchronous LangGraph
            store, or its file or URL.
        target: an lgviz saver or store, the path of a file to make or to go on with, or the URL of a
            PostgreSQL database, which may be the same.
        progress: whether to draw a progress bar, or a function that is given (done, total).

    Returns:
        How many checkpoints or items were copied; those that ``target`` had already are not counted.

    Raises:
        MissingFile, NotADatabase, NoCheckpoints, NotASource: ``source`` is nothing to copy from.
        NotKept: a value that lgviz cannot keep.
        Unavailable: a PostgreSQL server refuses or cannot be reached.
    """
    show = progress if callable(progress) else _bar if progress else _silent
    if isinstance(source, BaseStore) or isinstance(target, BaseStore):
        from .store_migration import migrate_items

        return migrate_items(source, target, show)
    with opened(source) as (total, records):
        owned = isinstance(target, (str, Path))
        saver = _made(target) if owned else target
        if not isinstance(saver, Saver):
            raise NotASource(
                f"{type(saver).__name__} is no saver of lgviz.", "Give one, or the path of a new file."
            )
        # The same database may hold both: lgviz's tables are made beside the ones they are filled from.
        saver._beside = True
        try:
            return _copy(records, total, saver, show)
        finally:
            if owned and isinstance(saver, SyncSaver):
                saver.close()


def _made(target: str | Path) -> SyncSaver:
    if not is_url(target):
        return SqliteSaver.from_conn_string(str(target))
    import psycopg

    from lgviz.persistence.database.conninfo import parsed
    from lgviz.persistence.database.postgres import connect, explain
    from lgviz.persistence.savers.postgres import PostgresSaver

    parsed(str(target))
    try:
        saver = PostgresSaver(connect(str(target)))
    except psycopg.Error as error:
        raise explain(error) from error
    saver.driver.conninfo = str(target)  # its own, to close
    return saver


def _copy(
    records: Iterator[Record | None], total: int, saver: Saver, show: Callable[[int, int], None]
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
                partial(
                    engine.writes.put,
                    config,
                    record.checkpoint,
                    record.metadata,
                    every,
                    changed=changed,
                    at=at,
                )
            )
            copied += 1
    return copied


def _copy_writes(saver: Saver, record: Record) -> None:
    tasks: dict[tuple[str, str], list[Write]] = {}
    for write in sorted(record.writes, key=lambda write: write.idx):
        tasks.setdefault((write.task_id, write.task_path), []).append(write)
    engine, config = saver.engine, record.address.config()
    for (task_id, task_path), writes in tasks.items():
        pairs = [(write.idx, write.channel, write.value) for write in writes]
        saver._run(partial(engine.writes.put_numbered_writes, config, pairs, task_id, task_path))


def _time(checkpoint: Mapping[str, Any]) -> float | None:
    from datetime import datetime

    try:
        return datetime.fromisoformat(checkpoint["ts"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return None


def _silent(done: int, total: int) -> None:
    pass


def _bar(done: int, total: int) -> None:
    if done == total or done % max(total // 100, 1) == 0:
        filled = 30 * done // max(total, 1)
        end = "\n" if done == total else ""
        print(f"\rmigrating [{'#' * filled:<30}] {done}/{total}", end=end, file=sys.stderr, flush=True)
