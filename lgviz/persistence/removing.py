"""Deleting, pruning and copying. Space is given back at once, and no node that is still needed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from lgviz.errors import PersistenceError

from .index import anchor_of
from .nodes import Nodes
from .records import read_body, read_channels, read_metadata
from .statements import REMOVE, Many, Operation, Query
from .tree import Part

_ROW_PARTS = "SELECT body FROM lgviz_checkpoints WHERE thread = ?"
_WRITE_PARTS = "SELECT data FROM lgviz_writes WHERE thread = ?"


class Removing(Nodes):
    """``delete_thread``, ``delete_for_runs``, ``prune`` and ``copy_thread``."""

    def delete_threads(self, thread_ids: Sequence[str]) -> Operation[None]:
        """Remove whole threads."""
        yield REMOVE
        for thread_id in thread_ids:
            thread = yield from self._number(thread_id)
            if thread is not None:
                for table in ("lgviz_checkpoints", "lgviz_writes", "lgviz_calls"):
                    yield Query(f"DELETE FROM {table} WHERE thread = ?", [thread])
                yield from self.release(thread, ())
                yield Query("DELETE FROM lgviz_threads WHERE id = ?", [thread])

    def delete_for_runs(self, run_ids: Collection[str]) -> Operation[None]:
        """Remove the checkpoints of some runs, but those that a later checkpoint's delta channels need."""
        runs = {str(run) for run in run_ids}
        yield REMOVE
        threads = yield Query("SELECT id, thread_id FROM lgviz_threads ORDER BY id")
        for _, thread_id in threads:
            thread = yield from self._number(thread_id)
            if thread is None:
                continue
            rows = yield Query("SELECT key, metadata FROM lgviz_checkpoints WHERE thread = ?", [thread])
            doomed = {key for key, data in rows if str(self._notes(data).get("run_id")) in runs}
            if doomed:
                yield from self._remove(thread, {key for key, _ in rows} - doomed)

    def keep_latest(self, thread_ids: Sequence[str]) -> Operation[None]:
        """Remove all but the newest checkpoint of each namespace, and what its delta channels need.

        A subgraph call's namespace goes with the checkpoint that the call started from.
        """
        yield REMOVE
        for thread_id in thread_ids:
            thread = yield from self._number(thread_id)
            if thread is not None:
                yield from self._remove(thread, (yield from self._latest(thread)))

    def _latest(self, thread: int) -> Operation[set[int]]:
        rows = yield Query(
            """SELECT key, ns, id, metadata FROM lgviz_checkpoints WHERE key IN
               (SELECT max(key) FROM lgviz_checkpoints WHERE thread = ? GROUP BY ns)""",
            [thread],
        )
        kept_ids = {(ns, id) for _, ns, id, _ in rows}
        keep = set()
        for key, ns, _, data in rows:
            anchor = anchor_of(ns, self._notes(data))
            # A namespace without a task id is one lasting subgraph's (`checkpointer=True`): it stays.
            if anchor is None or ":" not in ns or anchor in kept_ids:
                keep.add(key)
        return keep

    def _remove(self, thread: int, keep: set[int]) -> Operation[None]:
        """Remove all checkpoints of a thread but ``keep`` and their delta channels' chains."""
        rows = yield Query(
            "SELECT key, ns, id, parent, metadata, body FROM lgviz_checkpoints WHERE thread = ?", [thread]
        )
        yield from self._keep_chains(rows, keep)
        doomed = [row for row in rows if row[0] not in keep]
        if not doomed:
            return
        newest = yield Query(
            "SELECT max(ordinal) FROM lgviz_checkpoints WHERE thread = ? AND ns = ''", [thread]
        )
        made = 0 if newest[0][0] is None else newest[0][0] + 1
        yield Query(
            """UPDATE lgviz_threads SET epoch = epoch + 1, made = CASE WHEN made < ? THEN ? ELSE made END
               WHERE id = ?""",
            [made, made, thread],
        )
        yield Many("DELETE FROM lgviz_checkpoints WHERE key = ?", [(row[0],) for row in doomed])
        yield Many(
            "DELETE FROM lgviz_writes WHERE thread = ? AND ns = ? AND checkpoint_id = ?",
            [(thread, ns, id) for _, ns, id, *_ in doomed],
        )
        yield Many(
            "UPDATE lgviz_checkpoints SET parent = NULL WHERE thread = ? AND ns = ? AND parent = ?",
            [(thread, ns, id) for _, ns, id, *_ in doomed],
        )
        live = yield from self.fetch((yield from self.parts(thread)), containers=True)
        yield from self.release(thread, live)

    def _keep_chains(self, rows: list[tuple[Any, ...]], keep: set[int]) -> Operation[None]:
        """Add to ``keep`` the ancestors from which delta channels of kept checkpoints are rebuilt."""
        by_id = {(ns, id): row for row in rows for _, ns, id, *_ in [row]}
        for row in [row for row in rows if row[0] in keep]:
            missing = set(self._notes(row[4]).get("counters_since_delta_snapshot") or ())
            ancestor: tuple[Any, ...] | None = row
            while missing and ancestor is not None:
                keep.add(ancestor[0])
                table = read_body(self.vault.open_row(bytes(ancestor[5])))[1]
                channels = read_channels((yield from self.unfold(table)))
                missing -= {name for name, channel in channels.items() if channel.part is not None}
                ancestor = by_id.get((ancestor[1], ancestor[3]))

    def parts(self, thread: int) -> Operation[list[Part]]:
        """All roots of a thread's values."""
        rows = yield Query(_ROW_PARTS, [thread])
        writes = yield Query(_WRITE_PARTS, [thread])
        return [self.vault.open_row(bytes(data)) for row in (*rows, *writes) for data in row]

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
            """INSERT INTO lgviz_threads (thread_id, made) SELECT ?, made FROM lgviz_threads WHERE id = ?
               ON CONFLICT (thread_id) DO UPDATE SET made = excluded.made RETURNING id""",
            [target, old],
        )
        new = rows[0][0]
        for table, columns in (
            ("lgviz_checkpoints", "ns, id, parent, ordinal, at, changed, metadata, body"),
            ("lgviz_writes", "ns, checkpoint_id, task_id, task_path, at, data"),
            ("lgviz_calls", "ns, id, made"),
        ):
            order = "" if table == "lgviz_calls" else "ORDER BY key"
            yield Query(
                f"""INSERT INTO {table} (thread, {columns})
                    SELECT ?, {columns} FROM {table} WHERE thread = ? {order}""",
                [new, old],
            )
        yield Query(
            """INSERT INTO lgviz_uses (thread, node) SELECT ?, node FROM lgviz_uses WHERE thread = ?
               ON CONFLICT DO NOTHING""",
            [new, old],
        )

    def _number(self, thread_id: str) -> Operation[int | None]:
        """The number of a thread."""
        rows = yield Query("SELECT id FROM lgviz_threads WHERE thread_id = ?", [thread_id])
        return int(rows[0][0]) if rows else None

    def _notes(self, data: Any) -> dict[str, Any]:
        try:
            return read_metadata(bytes(data), self.trees.serde)
        except ValueError:  # damaged: it names no run, no parent, no delta channel
            return {}

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
