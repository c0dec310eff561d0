"""Deletes, prunes and copies threads. Space is given back at once, and no block that is still needed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from lgviz.errors import DamagedData, PersistenceError
from lgviz.persistence.blocks.records import Records
from lgviz.persistence.blocks.store import complete
from lgviz.persistence.database.statements import REMOVE, Many, Operation, Query

from .index import anchor_of


class CheckpointRecord(NamedTuple):
    """A checkpoint's row. ``notes`` is its metadata, None where they are damaged."""

    key: int
    ns: str
    id: str
    parent: str | None
    ordinal: int
    notes: dict[str, Any] | None
    body: bytes
    size: int

    @property
    def anchor(self) -> tuple[str, str] | None:
        """The checkpoint that its call started from, as far as is known."""
        return anchor_of(self.ns, self.notes or {})


class Removal:
    """``delete_thread``, ``delete_for_runs``, ``prune`` and ``copy_thread``.

    Damage endangers nothing else: what cannot be read is taken to need all that it might need.

    Args:
        records: opens the rows.
    """

    def __init__(self, records: Records) -> None:
        self.records = records
        self.blocks = records.blocks

    def delete_threads(self, thread_ids: Sequence[str]) -> Operation[None]:
        """Remove whole threads."""
        yield REMOVE
        for thread_id in thread_ids:
            thread = yield from self._number(thread_id)
            if thread is not None:
                for table in ("lgviz_checkpoints", "lgviz_writes", "lgviz_calls"):
                    yield Query(f"DELETE FROM {table} WHERE thread = ?", [thread])
                yield from self.blocks.release(thread, ())
                yield Query("DELETE FROM lgviz_threads WHERE id = ?", [thread])

    def delete_for_runs(self, run_ids: Collection[str]) -> Operation[None]:
        """Remove the checkpoints of some runs, but those that a later checkpoint's delta channels need."""
        runs = {str(run) for run in run_ids}
        yield REMOVE
        threads = yield Query("SELECT id FROM lgviz_threads ORDER BY id")
        for (thread,) in threads:
            rows = yield from self.rows(thread)
            keep = {row.key for row in rows if str((row.notes or {}).get("run_id")) not in runs}
            if len(keep) < len(rows):
                yield from self._remove(thread, rows, keep)

    def keep_latest(self, thread_ids: Sequence[str]) -> Operation[None]:
        """Remove all but the newest checkpoint of each namespace, and what its delta channels need.

        A subgraph call's namespace goes with the checkpoint that the call started from. Where the newest is
        damaged, those before it stay too, down to the first that is whole.
        """
        self.blocks.joined = bool((yield REMOVE))
        for thread_id in thread_ids:
            thread = yield from self._number(thread_id)
            if thread is not None:
                rows = yield from self.rows(thread)
                yield from self._remove(thread, rows, (yield from self.latest(rows)))

    def rows(self, thread: int) -> Operation[list[CheckpointRecord]]:
        """A thread's checkpoints, oldest first."""
        rows = yield Query(
            """SELECT key, ns, id, parent, ordinal, metadata, body,
               length(body) + length(metadata) + length(changed)
               FROM lgviz_checkpoints WHERE thread = ? ORDER BY key""",
            [thread],
        )
        return [
            CheckpointRecord(
                key, ns, id, parent, ordinal, self.records.open_metadata(bytes(data)), bytes(body), size
            )
            for key, ns, id, parent, ordinal, data, body, size in rows
        ]

    def latest(self, rows: Sequence[CheckpointRecord]) -> Operation[set[int]]:
        """The keys of what ``keep_latest`` keeps of a thread."""
        by_namespace: dict[str, list[CheckpointRecord]] = {}
        for row in reversed(rows):
            by_namespace.setdefault(row.ns, []).append(row)
        keep: dict[tuple[str, str], int] = {}
        for ns in sorted(by_namespace, key=len):  # a caller's before those of its subgraphs
            chosen: list[CheckpointRecord] = []
            for row in by_namespace[ns]:
                chosen.append(row)
                if (yield from self._whole(row)):
                    break
            anchors = {row.anchor for row in chosen} - {None}
            # A namespace without a task id is one lasting subgraph's (`checkpointer=True`): it stays.
            if ":" not in ns or not anchors or not anchors.isdisjoint(keep):
                keep |= {(ns, row.id): row.key for row in chosen}
        return set(keep.values())

    def _whole(self, row: CheckpointRecord) -> Operation[bool]:
        """Whether all of a checkpoint can be read."""
        try:
            yield from self.records.open_channels(row.body)
            parts = [self.blocks.codec.open_row(row.body)]
        except DamagedData:
            return False
        return row.notes is not None and complete(parts, (yield from self.blocks.fetch(parts)))

    def _remove(self, thread: int, rows: Sequence[CheckpointRecord], keep: set[int]) -> Operation[None]:
        """Remove all checkpoints of a thread but ``keep`` and their delta channels' chains."""
        yield from self.keep_chains(rows, keep)
        doomed = [row for row in rows if row.key not in keep]
        if not doomed:
            return
        made = max((row.ordinal + 1 for row in rows if not row.ns), default=0)
        yield Query(
            """UPDATE lgviz_threads SET epoch = epoch + 1, made = CASE WHEN made < ? THEN ? ELSE made END
               WHERE id = ?""",
            [made, made, thread],
        )
        yield from self._number_anchors(thread, rows, keep)
        yield Many("DELETE FROM lgviz_checkpoints WHERE key = ?", [(row.key,) for row in doomed])
        yield Many(
            "DELETE FROM lgviz_writes WHERE thread = ? AND ns = ? AND checkpoint_id = ?",
            [(thread, row.ns, row.id) for row in doomed],
        )
        yield Many(
            "UPDATE lgviz_checkpoints SET parent = NULL WHERE thread = ? AND ns = ? AND parent = ?",
            [(thread, row.ns, row.id) for row in doomed],
        )
        writes = yield Query("SELECT data FROM lgviz_writes WHERE thread = ?", [thread])
        bodies = [row.body for row in rows if row.key in keep]
        live = yield from self.blocks.live([*bodies, *(data for (data,) in writes)])
        if live is not None:
            yield from self.blocks.release(thread, live)

    def keep_chains(self, rows: Sequence[CheckpointRecord], keep: set[int]) -> Operation[None]:
        """Add to ``keep`` the ancestors from which delta channels of kept checkpoints are rebuilt."""
        by_id = {(row.ns, row.id): row for row in rows}
        for row in [row for row in rows if row.key in keep]:
            # Where metadata are damaged any channel may be one: the whole chain stays.
            missing = {""} if row.notes is None else set(row.notes.get("counters_since_delta_snapshot") or ())
            ancestor: CheckpointRecord | None = row
            while missing and ancestor is not None:
                keep.add(ancestor.key)
                try:
                    channels = yield from self.records.open_channels(ancestor.body)
                    missing -= {name for name, channel in channels.items() if channel.part is not None}
                except DamagedData:
                    pass
                ancestor = by_id.get((ancestor.ns, ancestor.parent or ""))

    def _number_anchors(
        self, thread: int, rows: Sequence[CheckpointRecord], keep: set[int]
    ) -> Operation[None]:
        """Write down the numbers of the anchors that go while checkpoints under them stay."""
        calls = yield Query("SELECT ns, id, numbers FROM lgviz_calls WHERE thread = ?", [thread])
        written = {(ns, id): numbers for ns, id, numbers in calls}
        by_id = {(row.ns, row.id): row for row in rows}

        def numbers(place: tuple[str, str] | None) -> str | None:
            row = by_id.get(place) if place else None
            if row is None:
                return written.get(place) if place else None
            above = numbers(row.anchor) if row.ns else ""
            return None if above is None else f"{above}.{row.ordinal}".lstrip(".")

        kept = [row for row in rows if row.key in keep]
        gone = {
            place
            for place, known in written.items()
            if known or (place in by_id and by_id[place].key not in keep)
        }
        if all(row.notes is not None for row in kept):
            needless = gone - {row.anchor for row in kept}
            yield Many(
                "DELETE FROM lgviz_calls WHERE thread = ? AND ns = ? AND id = ?",
                [(thread, *place) for place in needless],
            )
            gone -= needless
        yield Many(
            "UPDATE lgviz_calls SET numbers = ? WHERE thread = ? AND ns = ? AND id = ?",
            [(numbers(place), thread, *place) for place in gone],
        )

    def copy_thread(self, source: str, target: str) -> Operation[None]:
        """Give a thread's checkpoints and writes to another thread too; values are shared, not copied.

        Raises:
            PersistenceError: the target has checkpoints already.
        """
        yield REMOVE
        old = yield from self._number(source)
        if old is None:
            return
        taken = yield Query(
            """SELECT 1 FROM lgviz_checkpoints c JOIN lgviz_threads t ON t.id = c.thread
               WHERE t.thread_id = ? LIMIT 1""",
            [target],
        )
        if taken:
            raise PersistenceError(
                f"Thread {target!r} has checkpoints already.",
                "Copy to a new thread, or delete that one first.",
            )
        rows = yield Query(
            """INSERT INTO lgviz_threads (thread_id, made, epoch)
               SELECT ?, made, epoch FROM lgviz_threads WHERE id = ?
               ON CONFLICT (thread_id) DO UPDATE SET epoch = lgviz_threads.epoch + excluded.epoch,
               made = CASE WHEN excluded.made > lgviz_threads.made
               THEN excluded.made ELSE lgviz_threads.made END RETURNING id""",
            [target, old],
        )
        new = rows[0][0]
        yield Query("DELETE FROM lgviz_calls WHERE thread = ?", [new])
        for table, columns in (
            ("lgviz_checkpoints", "ns, id, parent, ordinal, at, changed, metadata, body"),
            ("lgviz_writes", "ns, checkpoint_id, task_id, task_path, at, data"),
            ("lgviz_calls", "ns, id, made, numbers"),
        ):
            order = "" if table == "lgviz_calls" else "ORDER BY key"
            yield Query(
                f"""INSERT INTO {table} (thread, {columns})
                    SELECT ?, {columns} FROM {table} WHERE thread = ? {order}""",
                [new, old],
            )
        yield Query(
            """INSERT INTO lgviz_shares (owner, block) SELECT ?, block FROM lgviz_uses WHERE owner = ?
               ON CONFLICT DO NOTHING""",
            [new, old],
        )

    def _number(self, thread_id: str) -> Operation[int | None]:
        """The number of a thread."""
        rows = yield Query("SELECT id FROM lgviz_threads WHERE thread_id = ?", [thread_id])
        return int(rows[0][0]) if rows else None

    def pruning(self, thread_ids: Sequence[str], strategy: str) -> Callable[[], Operation[None]]:
        """The operation behind ``prune``.

        Raises:
            TypeError: one string instead of several thread ids.
            ValueError: an unknown strategy.
        """
        if isinstance(thread_ids, str):
            raise TypeError(f"thread_ids is a sequence of thread ids: [{thread_ids!r}].")
        threads = [str(thread_id) for thread_id in thread_ids]
        if strategy == "keep_latest":
            return lambda: self.keep_latest(threads)
        if strategy == "delete":
            return lambda: self.delete_threads(threads)
        raise ValueError(f"Unknown strategy {strategy!r}: there are 'keep_latest' and 'delete'.")
