"""Reads the index of a thread: everything a tree of its checkpoints needs, no value opened."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lgviz.errors import DamagedData
from lgviz.persistence.blocks.records import Records
from lgviz.persistence.database.statements import READ, Operation, Query, Rows, as_bytes

from .address import NULL_TASK_ID
from .anchors import anchor_of
from .lineage import Chain, Lineages


class Token(NamedTuple):
    """How far an index was read."""

    thread: int
    epoch: int
    checkpoint: int
    write: int
    last: str | None = None
    """The id of that checkpoint: another one there means another database under the same name."""


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """One checkpoint of an index, of whatever saver: what a database does not keep is None.

    Attributes:
        namespace: ``checkpoint_ns``; ``""`` for the root graph.
        id: ``checkpoint_id``.
        parent_id: the parent's id in the same namespace.
        metadata: as stored (source, step, parents, run_id, ...).
        size: bytes of the stored checkpoint.
        ordinal: its number in the root namespace, or among those of subgraphs called from one checkpoint
            (from 1); given once, never again, also not after a prune.
        anchor: namespace and id of the checkpoint that a subgraph's call started from.
        under: the numbers in the label of that checkpoint (``"4"``, ``"4.1"``), where it was removed.
        started_at, ended_at: when the super-step that made it began and was committed, in seconds since 1970.
        changed: the channels that got new versions.
        provisional: it is held by a sandbox, not by the base.
    """

    namespace: str
    id: str
    parent_id: str | None
    metadata: Mapping[str, Any]
    size: int | None = None
    ordinal: int | None = None
    anchor: tuple[str, str] | None = None
    under: str | None = None
    started_at: float | None = None
    ended_at: float | None = None
    changed: tuple[str, ...] | None = None
    provisional: bool = False


class WriteRow(NamedTuple):
    """One write of a task, without its value. ``task_path`` is empty where a database does not keep it.

    ``at`` is when it was stored, None where that is not kept; ``task_name`` its node, where that is told.
    """

    namespace: str
    checkpoint_id: str
    task_id: str
    task_path: str
    idx: int
    channel: str
    at: float | None = None
    task_name: str = ""


@dataclass(slots=True)
class ThreadIndex:
    """A thread's index, or what is new in it.

    Attributes:
        checkpoints: by order of creation; in one namespace a parent comes before its children.
        writes: in no particular order; one that was replaced may appear again.
        token: give it as ``since`` to be told only what came later.
        reset: rows were removed or replaced since then, so this is the whole index.
    """

    checkpoints: list[CheckpointRow] = field(default_factory=list)
    writes: list[WriteRow] = field(default_factory=list)
    token: Any = None
    reset: bool = False


def _names(changed: str) -> tuple[str, ...]:
    try:
        return tuple(json.loads(changed))
    except (ValueError, TypeError):  # damaged
        return ()


# The parent is joined for the time that it was committed at.
_NEWEST_KEYS = """WITH newest AS (
    SELECT thread, max(key) AS at FROM lgviz_checkpoints GROUP BY thread
    UNION ALL SELECT l.thread, l.checkpoints + 0.5 FROM lgviz_lineage l
        WHERE NOT EXISTS (SELECT 1 FROM lgviz_checkpoints c WHERE c.thread = l.thread))"""
"""Each thread's newest key; one without a row of its own comes after what it continues."""
_CHECKPOINTS = """SELECT c.key, c.ns, c.id, c.parent, c.ordinal, p.at, c.at, c.changed, c.metadata,
    length(c.body)
    FROM lgviz_checkpoints c LEFT JOIN lgviz_checkpoints p
    ON p.thread = c.thread AND p.ns = c.ns AND p.id = c.parent
    WHERE {} ? AND {}c.thread = ? ORDER BY c.key"""
_WRITES = """SELECT w.key, w.ns, w.checkpoint_id, w.task_id, w.task_path, w.at, w.data FROM lgviz_writes w
    WHERE w.key > ? AND {}w.thread = ? ORDER BY w.key"""


_THREAD = """SELECT id, epoch, (SELECT count(*) FROM lgviz_lineage WHERE thread = lgviz_threads.id),
    (SELECT id FROM lgviz_checkpoints WHERE key = ?) FROM lgviz_threads WHERE thread_id = ?"""


_NEWEST = """SELECT t.thread_id, c.key, c.ns, c.id, c.parent, c.ordinal, NULL, c.at, c.changed, c.metadata, 0,
    w.key, w.ns, w.checkpoint_id, w.task_id, w.task_path, w.at, w.data
    FROM (SELECT thread, max(key) AS newest FROM lgviz_checkpoints WHERE ns = '' AND thread IN (
        SELECT id FROM lgviz_threads WHERE {} AND id NOT IN (SELECT thread FROM lgviz_lineage))
        GROUP BY thread) n
    JOIN lgviz_checkpoints c ON c.key = n.newest JOIN lgviz_threads t ON t.id = c.thread
    LEFT JOIN lgviz_writes w ON w.thread = c.thread AND w.ns = c.ns AND w.checkpoint_id = c.id
    ORDER BY w.key"""


class ThreadReads:
    """``index`` and ``threads``.

    Args:
        records: opens the rows.
        lineages: of threads that continue the path of another.
    """

    def __init__(self, records: Records, lineages: Lineages) -> None:
        self.records = records
        self.lineages = lineages

    def read(self, thread_id: str, since: Token | None = None) -> Operation[ThreadIndex]:
        """All rows of a thread, or those since a token: two indexed queries, however long the thread is."""
        self.lineages.blocks.joined = bool((yield READ))
        known = since.checkpoint if since is not None else 0
        rows = yield Query(_THREAD, [known, thread_id])
        if not rows:
            return ThreadIndex(reset=since is not None)
        thread, epoch, heir, last = rows[0]
        reset = since is not None and (since.thread, since.epoch, since.last) != (thread, epoch, last)
        start = since if since is not None and not reset else Token(thread, epoch, 0, 0)
        # The unary plus keeps SQLite from using the index by thread where few new rows are at the end.
        plus = "+" if start.checkpoint or start.write else ""
        checkpoints = yield Query(_CHECKPOINTS.format("c.key >", plus), [start.checkpoint, thread])
        writes = yield Query(_WRITES.format(plus), [start.write, thread])
        # An anchor can only be gone where something was removed.
        removed = (yield from self._removed_anchors([thread])) if epoch else {}
        token = Token(
            thread,
            epoch,
            checkpoints[-1][0] if checkpoints else start.checkpoint,
            writes[-1][0] if writes else start.write,
            checkpoints[-1][2] if checkpoints else start.last,
        )
        if heir:
            chain = yield from self.lineages.chain(thread)
            if start is not since:
                checkpoints = [*(yield from self._inherited(chain)), *checkpoints]
                inherited = yield from self.lineages.path_writes(chain)
                writes = [*((r.key, *r[1:5], r.at, r.data) for r in inherited), *writes]
            checkpoints = yield from self._timed(chain, checkpoints)
            sources = [link.source for link in chain]
            removed = {**(yield from self._removed_anchors(sources)), **removed}
        entries = self._writes(writes)
        return ThreadIndex(self._checkpoints(checkpoints, entries, removed), entries, token, reset)

    def newest(self, thread_ids: Sequence[str]) -> Operation[dict[str, ThreadIndex]]:
        """The newest root checkpoint of some threads with the writes under it, by thread; without those that
        continue the path of another."""
        self.lineages.blocks.joined = bool((yield READ))
        where, params = self.lineages.blocks.dialect.among("thread_id", thread_ids)
        by_thread: dict[str, Rows] = {}
        for thread, *row in (yield Query(_NEWEST.format(where), params)):
            by_thread.setdefault(str(thread), []).append(tuple(row))
        found: dict[str, ThreadIndex] = {}
        for thread, rows in by_thread.items():
            writes = self._writes([row[10:] for row in rows if row[10] is not None])
            found[thread] = ThreadIndex(self._checkpoints([rows[0][:10]], writes, {}), writes)
        return found

    def _inherited(self, chain: Chain) -> Operation[Rows]:
        """The rows of the checkpoints on the path that a thread continues."""
        keys = {entry.key for entry in (yield from self.lineages.path(chain)).values()}
        found: Rows = []
        for link in reversed(chain):
            rows = yield Query(_CHECKPOINTS.format("c.key <=", ""), [link.checkpoints, link.source])
            found += [row for row in rows if row[0] in keys]
        return found

    def _timed(self, chain: Chain, rows: Rows) -> Operation[Rows]:
        """Rows with the times of their parents, where these are rows of another thread."""
        missing = {(row[1], row[3]) for row in rows if row[3] and row[5] is None}
        times: dict[tuple[str, str | None], float] = {}
        for place in missing:
            key = yield from self.lineages.key_of(chain, place)
            for (at,) in (yield Query("SELECT at FROM lgviz_checkpoints WHERE key = ?", [key])):
                times[place] = at
        return [(*row[:5], times.get((row[1], row[3]), row[5]), *row[6:]) for row in rows]

    def _writes(self, rows: Rows) -> list[WriteRow]:
        found: list[WriteRow] = []
        open_writes = self.records.open_writes
        for _, ns, checkpoint_id, task_id, task_path, at, data in rows:
            try:
                entries = open_writes(as_bytes(data))
            except DamagedData:  # check() names it
                continue
            found += [
                WriteRow(ns, checkpoint_id, task_id, task_path, idx, channel, at)
                for idx, channel, *_ in entries
            ]
        return found

    def _checkpoints(
        self, rows: Rows, writes: Iterable[WriteRow], removed: Mapping[tuple[str, str], str]
    ) -> list[CheckpointRow]:
        open_metadata = self.records.open_metadata
        answers = [write for write in writes if write.channel == "__resume__"]
        # An answer is first stored under no task; a task's own row is stored anew when the task ends.
        answers.sort(key=lambda write: write.task_id == NULL_TASK_ID)
        resumed = {(write.namespace, write.checkpoint_id): write.at for write in answers}
        found: list[CheckpointRow] = []
        for _, ns, id, parent, ordinal, parent_at, at, changed, data, size in rows:
            metadata = open_metadata(as_bytes(data)) or {}
            anchor = anchor_of(ns, metadata)
            under = removed.get(anchor) if anchor else None
            started = resumed.get((ns, parent), parent_at) if parent else None
            found.append(
                CheckpointRow(
                    ns,
                    id,
                    parent,
                    metadata,
                    size,
                    ordinal if anchor or not ns else None,
                    anchor,
                    under,
                    started,
                    at,
                    _names(changed),
                )
            )
        return found

    def _removed_anchors(self, threads: Sequence[int]) -> Operation[dict[tuple[str, str], str]]:
        """The numbers of anchors that were removed while checkpoints under them stayed."""
        where, params = self.lineages.blocks.dialect.among("thread", threads)
        rows = yield Query(
            f"SELECT ns, id, numbers FROM lgviz_calls WHERE {where} AND numbers IS NOT NULL", params
        )
        return {(ns, id): numbers for ns, id, numbers in rows}

    def any(self) -> Operation[bool]:
        """Whether a checkpoint is there."""
        yield READ
        return bool((yield Query("SELECT 1 FROM lgviz_checkpoints LIMIT 1")))

    def thread_batch(
        self, text: str, limit: int, after: tuple[float, int] | None
    ) -> Operation[tuple[list[tuple[str, int, float]], int, tuple[float, int] | None]]:
        """The newest threads whose id contains a text, as :meth:`threads` tells of them (root checkpoints
        alone), how many there are in all, and where to go on.

        Args:
            text: is looked for in upper and lower case.
            limit: how many at most.
            after: where the batch before ended.
        """
        yield READ
        condition, params = "", list[Any]()
        if text:
            containing, params = self.lineages.blocks.dialect.containing("thread_id", text)
            condition = f"WHERE thread IN (SELECT id FROM lgviz_threads WHERE {containing})"
        ((total,),) = yield Query(f"{_NEWEST_KEYS} SELECT count(*) FROM newest {condition}", params)
        if after is not None:
            more = "(at < ? OR (at = ? AND thread < ?))"
            condition = f"{condition} AND {more}" if condition else f"WHERE {more}"
            params = [*params, after[0], *after]
        rows = yield Query(
            f"{_NEWEST_KEYS} SELECT thread, at FROM newest {condition} ORDER BY at DESC, thread DESC LIMIT ?",
            [*params, limit],
        )
        found = yield from self.threads(roots=True, numbers=[thread for thread, _ in rows])
        last = (float(rows[-1][1]), int(rows[-1][0])) if len(rows) == limit else None
        return found, int(total), last

    def threads(
        self, *, roots: bool = False, numbers: Sequence[int] | None = None
    ) -> Operation[list[tuple[str, int, float]]]:
        """Every thread with its number of checkpoints and the time of the last, the newest first.

        Args:
            roots: count those of the root namespace alone.
            numbers: of these threads alone.
        """
        self.lineages.blocks.joined = bool((yield READ))
        if numbers is not None and not numbers:
            return []
        which, params = "", list[Any]()
        if numbers is not None:
            among, params = self.lineages.blocks.dialect.among("t.id", numbers)
            which = f"WHERE {among}"
        count = "sum(CASE WHEN c.ns = '' THEN 1 ELSE 0 END)" if roots else "count(*)"
        rows = yield Query(
            f"""SELECT t.thread_id, {count}, max(c.at), max(c.key) FROM lgviz_checkpoints c
                JOIN lgviz_threads t ON t.id = c.thread {which} GROUP BY t.id, t.thread_id""",
            params,
        )
        found = {thread_id: (int(made), at, key) for thread_id, made, at, key in rows}
        heirs = yield Query(
            f"""SELECT l.thread, l.checkpoints, t.thread_id FROM lgviz_lineage l JOIN lgviz_threads t
               ON t.id = l.thread {which}""",
            params,
        )
        for thread, key, thread_id in heirs:
            path = yield from self.lineages.path((yield from self.lineages.chain(thread)))
            own, at, newest = found.get(thread_id, (0, None, key + 0.5))
            if at is None:
                last = max((entry.key for entry in path.values()), default=0)
                at = (yield Query("SELECT at FROM lgviz_checkpoints WHERE key = ?", [last]))[0][0]
            inherited = sum(not ns for ns, _ in path) if roots else len(path)
            found[thread_id] = own + inherited, at, newest
        return [
            (thread_id, made, at)
            for thread_id, (made, at, _) in sorted(found.items(), key=lambda each: each[1][2], reverse=True)
        ]
