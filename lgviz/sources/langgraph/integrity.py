"""``check`` and ``stats`` of LangGraph's own tables: no hashes, but what can be read, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lgviz.persistence.blocks.integrity import PossibleProblem, Problem
from lgviz.persistence.savers.stats import Stats
from lgviz.sources.connections import ReadConnection, Rows
from lgviz.sources.decode import Decoder, Encoded, load_metadata

from . import sql

__all__ = ["StoredValue", "dangling", "faults", "measured", "metadata_faults", "place_text"]


class StoredValue(NamedTuple):
    """A value as it is stored, and in words where."""

    where: str
    encoded: Encoded


def place_text(thread_id: str, namespace: str, checkpoint_id: str) -> str:
    """Where a checkpoint is, in words."""
    return f"thread {thread_id!r}, checkpoint {checkpoint_id}" + (f" of {namespace}" if namespace else "")


def faults(values: Iterable[StoredValue], decoder: Decoder) -> Iterator[Problem]:
    """Which of some values cannot be read."""
    for where, encoded in values:
        if (fault := decoder.fault(*encoded)) is not None:
            reason, certain = fault
            yield (
                Problem(where, f"it cannot be read: {reason}") if certain else PossibleProblem(where, reason)
            )


def metadata_faults(thread_id: str, rows: Rows) -> Iterator[Problem]:
    """Which rows (namespace, id, metadata) have metadata that cannot be read."""
    for namespace, checkpoint_id, stored in rows:
        try:
            load_metadata(stored, exact=True)
        except (TypeError, ValueError, RecursionError):
            yield Problem(place_text(thread_id, namespace, checkpoint_id), "its metadata cannot be read")


def dangling(reader: ReadConnection, writes: str) -> Iterator[Problem]:
    """What is there twice, and what refers to a checkpoint that is not there.

    Args:
        reader: reaches the database.
        writes: the table of writes.
    """
    twice, parents, orphans = reader.read((sql.TWICE, ()), (sql.PARENTS, ()), (sql.orphans(writes), ()))
    for *place, count in twice:
        yield Problem(place_text(*place), f"it is there {count} times")
    for *place, parent in parents:
        yield Problem(place_text(*place), f"its parent {parent} is not there")
    for *place, count in orphans:
        held = "a write belongs" if count == 1 else f"{count:,} writes belong"
        yield Problem(place_text(*place), f"{held} to it, but it is not there")


def measured(rows: Rows, writes: Rows, values: Iterable[tuple[str | None, str, int]]) -> Stats:
    """What threads and channels take.

    Args:
        rows: of checkpoints, by thread and id: how many, and their bytes.
        writes: the same by thread, id and channel.
        values: of values that lie elsewhere than in the checkpoints' rows their thread, channel and bytes;
            without a thread where their bytes are among those of a row.
    """
    stats = Stats()
    threads, channels, ids = Counter[str](), Counter[str](), Counter[str]()
    for thread, id_, count, size in rows:
        stats.checkpoints += count
        threads[thread] += size
        ids[id_] += size
    for thread, id_, channel, count, size in writes:
        stats.writes += count
        threads[thread] += size
        ids[id_] += size
        channels[channel] += size
    for of_thread, channel, size in values:
        channels[channel] += size
        if of_thread is not None:
            stats.blocks += 1
            threads[of_thread] += size
    stats.by_thread, stats.by_channel, stats.by_checkpoint = dict(threads), dict(channels), dict(ids)
    stats.bytes = threads.total()
    return stats
