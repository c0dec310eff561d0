"""What is told of every thread at once, without opening a value."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lgviz.errors import DamagedData
from lgviz.persistence.blocks.codec import OPAQUE_ROWS
from lgviz.persistence.blocks.records import Records
from lgviz.persistence.database.statements import READ, Operation, Query, as_bytes

from .index import WriteRow

__all__ = ["MARKS", "FactReads", "ThreadFacts", "leading_on"]

MARKS = frozenset({"__error__", "__interrupt__", "__return__"})
"""Writes to these tell that a task failed, asked, or was called by another one."""
_LEADS_ON = ("branch:", "join:", "start:")
"""How channels begin that lead on to a node, which their name ends in."""


@dataclass(frozen=True, slots=True)
class ThreadFacts:
    """One thread, as far as its rows tell.

    Attributes:
        thread_id: the thread.
        steps: how many checkpoints its root namespace holds.
        seconds: from the first of them to the last; None where no time is known.
        bytes: of its rows and values; None where the saver does not tell.
        metadata: of the newest of them.
        previous: the id and step of the checkpoint which that one was made from, where it is there.
        marks: the writes to :data:`MARKS` in the root namespace.
        written: all writes under ``previous``.
        led: channels that lead on to nodes, as writes of this thread or of others of the source name them.
    """

    thread_id: str
    steps: int
    seconds: float | None
    bytes: int | None
    metadata: Mapping[str, Any]
    previous: tuple[str, Any] | None
    marks: Collection[WriteRow]
    written: Collection[WriteRow]
    led: frozenset[str]


_TOTALS = """SELECT t.id, t.thread_id, sum(CASE WHEN c.ns = '' THEN 1 ELSE 0 END),
    max(CASE WHEN c.ns = '' THEN c.at END) - min(CASE WHEN c.ns = '' THEN c.at END),
    sum(length(c.body) + length(c.metadata) + length(c.changed))
    FROM lgviz_checkpoints c JOIN lgviz_threads t ON t.id = c.thread
    WHERE t.id NOT IN (SELECT thread FROM lgviz_lineage) GROUP BY t.id, t.thread_id
    ORDER BY max(c.key) DESC"""
_HEIRS = "SELECT EXISTS (SELECT 1 FROM lgviz_lineage)"
_NEWEST = """SELECT c.thread, c.metadata, p.metadata, p.id, w.task_id, w.task_path, w.at, w.data
    FROM lgviz_checkpoints c
    LEFT JOIN lgviz_checkpoints p ON p.thread = c.thread AND p.ns = c.ns AND p.id = c.parent
    LEFT JOIN lgviz_writes w ON w.thread = p.thread AND w.ns = p.ns AND w.checkpoint_id = p.id
    WHERE c.key IN (SELECT max(key) FROM lgviz_checkpoints WHERE ns = '' GROUP BY thread) ORDER BY w.key"""
_BYTES = """SELECT thread, sum(length(data)) FROM lgviz_writes GROUP BY thread
    UNION ALL SELECT u.owner, sum(length(b.data)) FROM lgviz_uses u JOIN lgviz_blocks b ON b.id = u.block
    WHERE u.owner > 0 GROUP BY u.owner"""
_MAY_MARK = """SELECT w.thread, w.checkpoint_id, w.task_id, w.task_path, w.at, w.data FROM lgviz_writes w
    WHERE w.ns = '' AND ({}) ORDER BY w.key"""


def leading_on(channels: Iterable[str]) -> frozenset[str]:
    """Those of some channels that lead on to a node."""
    return frozenset(name for name in channels if name.startswith(_LEADS_ON))


class FactReads:
    """``read``: the facts of all threads in a few statements.

    Args:
        records: opens the rows.
    """

    def __init__(self, records: Records) -> None:
        self.records = records

    def read(self) -> Operation[tuple[dict[str, ThreadFacts], bool]]:
        """By thread id, the newest activity first; and whether there are more threads, which continue the
        path of another: their rows are not theirs alone."""
        yield READ
        totals = yield Query(_TOTALS)
        heirs = yield Query(_HEIRS)
        taken = {row[0]: int(row[-1]) for row in totals}
        for thread, size in (yield Query(_BYTES)):
            taken[thread] = taken.get(thread, 0) + int(size)
        newest, previous = dict[int, Mapping[str, Any]](), dict[int, tuple[str, Any]]()
        rows = yield Query(_NEWEST)
        for thread, metadata, before, id, *_ in rows:
            if thread not in newest:
                newest[thread] = self.records.open_metadata(as_bytes(metadata)) or {}
                if id is not None:
                    step = (self.records.open_metadata(as_bytes(before)) or {}).get("step")
                    previous[thread] = id, step
        written = self._opened((row[0], *row[3:]) for row in rows if row[-1] is not None)
        marks = self._opened((yield self._marks()), MARKS)
        led = leading_on(write.channel for writes in written.values() for write in writes)
        found = {
            thread_id: ThreadFacts(
                thread_id,
                int(steps),
                seconds,
                taken[thread],
                newest.get(thread, {}),
                previous.get(thread),
                marks.get(thread, ()),
                written.get(thread, ()),
                led,
            )
            for thread, thread_id, steps, seconds, _ in totals
        }
        return found, bool(heirs[0][0])

    def _marks(self) -> Query:
        """Selects the rows that may hold a mark."""
        find = self.records.blocks.dialect.find.format("w.data")
        where = " OR ".join(["substr(w.data, 1, 1) IN (?, ?)", *[f"{find} > 0"] * len(MARKS)])
        return Query(_MAY_MARK.format(where), [*OPAQUE_ROWS, *(name.encode() for name in MARKS)])

    def _opened(
        self, rows: Iterable[tuple[Any, ...]], channels: Collection[str] | None = None
    ) -> dict[int, list[WriteRow]]:
        """The writes in some rows (to some channels), by thread."""
        found: dict[int, list[WriteRow]] = {}
        for thread, checkpoint_id, task_id, path, at, data in rows:
            try:
                entries = self.records.open_writes(as_bytes(data))
            except DamagedData:  # check() names it
                continue
            for idx, channel, *_ in entries:
                if channels is None or channel in channels:
                    row = WriteRow("", checkpoint_id, task_id, path, idx, channel, at)
                    found.setdefault(thread, []).append(row)
        return found
