"""Copying threads from any LangGraph saver or database file into an lgviz saver."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import count, groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.store.base import BaseStore

from lgviz.errors import CheckpointNotFound, ForeignTables, NoCheckpoints, NotASource
from lgviz.persistence.savers.saver import Saver, SyncSaver
from lgviz.persistence.savers.sqlite import SqliteSaver
from lgviz.sources import open_source
from lgviz.sources.base import Record, Source, StoredWrite
from lgviz.sources.bundle_file import is_bundle
from lgviz.sources.langgraph import source_of_database
from lgviz.sources.langgraph.detect import file_at, is_postgres, is_url
from lgviz.sources.langgraph.tables import LangGraphTables
from lgviz.sources.lgviz.tables import TablesSource
from lgviz.sources.places import Address
from lgviz.sources.remote import is_server

from .progress import Show, shown

__all__ = ["copy_checkpoints", "migrate", "places_of", "saver_of"]

logger = logging.getLogger("lgviz.transfer")

_NONSENSE = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What comes of a checkpoint whose parts are of types that LangGraph never gives them."""


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
    with shown(progress, "migrating") as show:
        if isinstance(source, BaseStore) or isinstance(target, BaseStore):
            from .store_migration import migrate_items

            return migrate_items(source, target, show)
        with closing(_opened(source)) as opened:
            threads = sorted(thread.thread_id for thread in opened.threads())
            places = [place for thread_id in threads for place in places_of(opened, thread_id)]
            owned = isinstance(target, (str, Path))
            saver = saver_of(target) if owned else target
            if not isinstance(saver, Saver):
                raise NotASource(
                    f"{type(saver).__name__} is no saver of lgviz.", "Give one, or the path of a new file."
                )
            # One database may hold both: lgviz's tables are made beside the ones they are filled from.
            saver._beside = True
            try:
                return copy_checkpoints(opened, places, saver, show)
            finally:
                if owned and isinstance(saver, SyncSaver):
                    saver.close()


def _opened(source: Any) -> Source:
    if is_server(source):
        raise NotASource(
            "A LangGraph server does not tell all that a checkpoint is made of: none can be copied.",
            "Export a thread as a page: lgviz export URL thread.html.",
        )
    if isinstance(source, (str, Path)):
        try:
            return source_of_database(str(source))
        except NoCheckpoints:
            if TablesSource.are_in(str(source)):
                raise _own_already(str(source)) from None
            raise
    if not isinstance(source, BaseCheckpointSaver):
        raise NotASource(
            f"Cannot copy from {type(source).__name__}.",
            "Give a saver, the path of a database file, or the URL of a PostgreSQL database.",
        )
    opened = open_source(source)
    if isinstance(opened, LangGraphTables) and not opened.has_tables():
        raise NoCheckpoints(
            f"The database of the {type(source).__name__} has no tables yet.", "Run a graph on it first."
        )
    return opened


def _own_already(where: str) -> NoCheckpoints:
    if not is_url(where) and is_bundle(file_at(where)):
        remedy = "Take it in: lgviz.open_bundle(FILE).import_into(saver)."
        return NoCheckpoints(f"{where} is a bundle, whose tables are lgviz's own already.", remedy)
    holder = "The database" if is_url(where) else where
    remedy = (
        "Copy the database, or one thread by a bundle: lgviz bundle, lgviz.open_bundle(…).import_into(…)."
    )
    return NoCheckpoints(f"{holder} holds lgviz's own tables: there is nothing to migrate.", remedy)


def places_of(source: Source, thread_id: str) -> list[Address]:
    """Where all checkpoints of a thread are, the oldest first."""
    rows = source.index(thread_id).checkpoints
    if not isinstance(source, TablesSource):
        # LangGraph's latest has the greatest id, lgviz's was stored last.
        rows = sorted(rows, key=lambda row: (row.id, row.namespace))
    return [Address(thread_id, row.namespace, row.id) for row in rows]


def saver_of(target: str | Path) -> SyncSaver:
    """A saver over the database that a path or URL names, which is its own to close; a file is made.

    Raises:
        MissingFile, NotADatabase, ForeignTables: a path that leads to something else.
        NotASource: the URL of a database of another kind.
        Unavailable: a PostgreSQL server refuses or cannot be reached.
    """
    if not is_url(target):
        return SqliteSaver.from_conn_string(str(target))
    if not is_postgres(target):
        raise NotASource(
            "lgviz's savers write SQLite and PostgreSQL, no other database.",
            "Give the path of a file, or a postgresql:// URL.",
        )
    import psycopg

    from lgviz.persistence.database.conninfo import parsed
    from lgviz.persistence.database.postgres import connect, unreachable
    from lgviz.persistence.savers.postgres import PostgresSaver

    parsed(str(target))
    try:
        saver = PostgresSaver(connect(str(target)))
    except psycopg.Error as error:
        raise unreachable(error) from error
    saver.driver.conninfo = str(target)  # its own, to close
    return saver


def copy_checkpoints(
    source: Source, places: Sequence[Address], saver: Saver, show: Show, new_thread: str | None = None
) -> int:
    """Copy checkpoints, with all that was written under them, exactly; those that are there already stay.

    Args:
        source: where they are read.
        places: where each is, parents before children.
        saver: a saver of lgviz.
        show: is told (done, total).
        new_thread: the thread that they become; None: their own.

    Returns:
        How many were copied.

    Raises:
        NotKept: a value that lgviz cannot keep.
    """
    copied = 0
    done = count(1)
    for _, thread in groupby(places, attrgetter("thread_id")):
        writer = _ThreadWriter(source, saver, new_thread)
        for place in thread:
            show(next(done), len(places))
            copied += writer.copy(place)
    return copied


class _ThreadWriter:
    """Copies the checkpoints of one thread, parents before children."""

    def __init__(self, source: Source, saver: Saver, new_thread: str | None) -> None:
        self._read = _reader(source, saver)  # by thread: blocks are recorded as needed by each
        self._saver = saver
        self._new_thread = new_thread
        self._present: set[tuple[str, str]] | None = None
        self._versions: dict[tuple[str, str | None], Mapping[str, Any]] = {}

    def copy(self, place: Address) -> bool:
        """Copy a checkpoint, with what was written under it; whether it was not there."""
        record = _whole(self._read, place)
        if record is None or record.bookkeeping is None:
            return False
        if self._new_thread is not None:
            place = place._replace(thread_id=self._new_thread)
        if self._present is None:
            index = self._saver.index(place.thread_id)
            self._present = {(row.namespace, row.id) for row in index.checkpoints}
        namespace = place.ns or ""
        kept = record.bookkeeping
        now = kept.channel_versions
        before = self._versions.get((namespace, record.parent_id), {})
        self._versions[namespace, record.id] = now
        _copy_writes(self._saver, place, record.writes)
        if (namespace, record.id) in self._present:
            return False
        checkpoint: dict[str, Any] = {**kept.head, "id": record.id, "channel_values": dict(record.values)}
        checkpoint |= {"channel_versions": now, "versions_seen": kept.versions_seen}
        config = place._replace(checkpoint_id=record.parent_id).config()
        changed = [name for name, version in now.items() if before.get(name) != version]
        # Every value is read anew: LangGraph's savers keep values that changed without a new version.
        every = dict.fromkeys(record.values) | dict(now)
        how = partial(
            self._saver.engine.writes.put,
            changed=changed,
            at=_time(checkpoint),
            in_order=kept.in_order,
        )
        try:
            self._saver._run(partial(how, config, checkpoint, record.metadata, every))
        except _NONSENSE as error:
            _left_out(place, error)
            return False
        return True


def _reader(source: Source, saver: Saver) -> Callable[[str, str, str], Record]:
    """What reads a checkpoint exactly, for a saver to store it."""
    if not isinstance(source, TablesSource):
        return partial(source.record, exact=True)
    if source.writes_alike(saver):
        return partial(source.encoded_record, known={})

    def read(*place: str) -> Record:
        return replace(source.record(*place, exact=True), writes=source.every_write(*place))

    return read


def _whole(read: Callable[[str, str, str], Record], place: Address) -> Record | None:
    """A checkpoint; None where it is damaged, or was deleted meanwhile."""
    try:
        return read(place.thread_id, place.ns or "", str(place.checkpoint_id))
    except CheckpointNotFound:
        return None
    except ForeignTables:  # of a source that nothing can be copied from
        raise
    except Exception as error:
        _left_out(place, error)
        return None


def _left_out(place: Address, error: Exception) -> None:
    logger.warning(
        "Checkpoint %s of thread %r is damaged and left out: %s: %s",
        place.checkpoint_id, place.thread_id, type(error).__name__, error,
    )  # fmt: skip


def _copy_writes(saver: Saver, place: Address, found: Sequence[StoredWrite]) -> None:
    tasks: dict[tuple[str, str, str], list[StoredWrite]] = {}
    for write in sorted(found, key=lambda write: (write.row, write.after, write.idx)):
        tasks.setdefault((write.task_id, write.task_path, write.after), []).append(write)
    put = saver.engine.writes.put_numbered_writes
    for (task_id, task_path, after), writes in tasks.items():
        numbered = [(write.idx, write.channel, write.value) for write in writes]
        saver._run(partial(put, place.config(), numbered, task_id, task_path, after=after))


def _time(checkpoint: Mapping[str, Any]) -> float | None:
    try:
        return datetime.fromisoformat(checkpoint["ts"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return None
