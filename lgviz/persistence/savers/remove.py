"""Deletes, prunes and copies threads. Space is given back at once, and no block that is still needed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from lgviz.errors import DamagedData
from lgviz.persistence.blocks.records import Records
from lgviz.persistence.blocks.store import batches, complete
from lgviz.persistence.database.statements import REMOVE, Many, Operation, Query, Rows, as_bytes

from .anchors import anchor_of
from .lineage import Chain, Lineages

_ROWS = """SELECT key, ns, id, parent, ordinal, metadata, body,
    length(body) + length(metadata) + length(changed) FROM lgviz_checkpoints"""
_CHECKPOINT_COLUMNS = "ns, id, parent, ordinal, at, changed, metadata, body"
_WRITE_COLUMNS = "ns, checkpoint_id, task_id, task_path, at, data"
_RETIRED = "DELETE FROM lgviz_writes WHERE thread = ? AND key > ?"
_CALL_COLUMNS = "ns, id, made, numbers"


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
        lineages: of threads that continue the path of another.
    """

    def __init__(self, records: Records, lineages: Lineages) -> None:
        self.records = records
        self.blocks = records.blocks
        self.lineages = lineages

    def delete_threads(self, thread_ids: Sequence[str]) -> Operation[None]:
        """Remove whole threads."""
        self.blocks.joined = bool((yield REMOVE))
        for thread_id in thread_ids:
            thread = yield from self._number(thread_id)
            if thread is not None:
                yield Query("DELETE FROM lgviz_threads WHERE id = ?", [thread])
                yield from self.collect(thread)

    def delete_for_runs(self, run_ids: Collection[str]) -> Operation[None]:
        """Remove the checkpoints of some runs, but those that a later checkpoint's delta channels need."""
        runs = {str(run) for run in run_ids}

        def kept(rows: Sequence[CheckpointRecord]) -> set[int]:
            return {row.key for row in rows if str((row.notes or {}).get("run_id")) not in runs}

        self.blocks.joined = bool((yield REMOVE))
        entangled = yield from self.lineages.entangled()
        threads = yield Query("SELECT id FROM lgviz_threads ORDER BY id")
        for (thread,) in threads:
            rows = yield from (self.seen if thread in entangled else self.rows)(thread)
            if len(kept(rows)) == len(rows):
                continue
            if thread in entangled:
                thread = yield from self.settle(thread)
                rows = yield from self.rows(thread)
            yield from self._remove(thread, rows, kept(rows))

    def keep_latest(self, thread_ids: Sequence[str]) -> Operation[None]:
        """Remove all but the newest checkpoint of each namespace, and what its delta channels need.

        A subgraph call's namespace goes with the checkpoint that the call started from. Where the newest is
        damaged, those before it stay too, down to the first that is whole.
        """
        self.blocks.joined = bool((yield REMOVE))
        for thread_id in thread_ids:
            thread = yield from self._number(thread_id)
            if thread is not None:
                if thread in (yield from self.lineages.entangled()):
                    thread = yield from self.settle(thread)
                rows = yield from self.rows(thread)
                yield from self._remove(thread, rows, (yield from self.latest(rows)))

    def rows(self, thread: int) -> Operation[list[CheckpointRecord]]:
        """A thread's checkpoints, oldest first; not those on the path that it continues."""
        return self._opened((yield Query(f"{_ROWS} WHERE thread = ? ORDER BY key", [thread])))

    def seen(self, thread: int) -> Operation[list[CheckpointRecord]]:
        """A thread's checkpoints, oldest first, those on the path that it continues included."""
        path = yield from self.lineages.path((yield from self.lineages.chain(thread)))
        rows: Rows = []
        for some in batches({entry.key for entry in path.values()}):
            where, params = self.blocks.dialect.among("key", some)
            rows += yield Query(f"{_ROWS} WHERE {where}", params)
        rows.sort(key=lambda row: row[0])
        return [*self._opened(rows), *(yield from self.rows(thread))]

    def _opened(self, rows: Rows) -> list[CheckpointRecord]:
        return [
            CheckpointRecord(
                key, ns, id, parent, ordinal, self.records.open_metadata(as_bytes(data)), as_bytes(body), size
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
            ThreadExists: the target has checkpoints already.
        """
        yield REMOVE
        old = yield from self._number(source)
        if old is None:
            return
        yield from self.lineages.refuse_taken(target)
        rows = yield Query(
            """INSERT INTO lgviz_threads (thread_id, made, epoch)
               SELECT ?, made, epoch FROM lgviz_threads WHERE id = ?
               ON CONFLICT (thread_id) DO UPDATE SET epoch = lgviz_threads.epoch + excluded.epoch,
               made = CASE WHEN excluded.made > lgviz_threads.made
               THEN excluded.made ELSE lgviz_threads.made END RETURNING id""",
            [target, old],
        )
        yield from self._copy_rows(old, rows[0][0])

    def settle(self, thread: int) -> Operation[int]:
        """Give a thread a new number, and rows of its own of all that it sees; what threads see that continue
        its path stays with the old number, to which no thread id leads.

        Only in a transaction that began with ``REMOVE``.

        Returns:
            The new number.
        """
        rows = yield Query(
            "DELETE FROM lgviz_threads WHERE id = ? RETURNING thread_id, made, epoch", [thread]
        )
        insert = "INSERT INTO lgviz_threads (thread_id, made, epoch) VALUES (?, ?, ?) RETURNING id"
        new = int((yield Query(insert, rows[0]))[0][0])
        yield from self._copy_rows(thread, new)
        yield from self.collect(thread)
        return new

    def _copy_rows(self, old: int, new: int) -> Operation[None]:
        """Give all that one thread sees to another too; values are shared."""
        chain = yield from self.lineages.chain(old)
        yield Query("DELETE FROM lgviz_calls WHERE thread = ?", [new])
        if chain:
            yield from self._copy_path(chain, new)
        for table, columns, order in (
            ("lgviz_checkpoints", _CHECKPOINT_COLUMNS, "ORDER BY key"),
            ("lgviz_writes", _WRITE_COLUMNS, "ORDER BY key"),
            ("lgviz_calls", _CALL_COLUMNS, ""),
        ):
            yield Query(
                f"""INSERT INTO {table} (thread, {columns})
                    SELECT ?, {columns} FROM {table} WHERE thread = ? {order}""",
                [new, old],
            )
        if chain:
            yield from self._copy_calls(chain, new)
        live = (yield from self._needed([new])) if chain else None
        if live is not None:
            insert = "INSERT INTO lgviz_shares (owner, block) VALUES (?, ?) ON CONFLICT DO NOTHING"
            yield Many(insert, [(new, id) for id in sorted(live)])
            return
        where, params = self.blocks.dialect.among("owner", [old, *(link.source for link in chain)])
        yield Query(
            f"""INSERT INTO lgviz_shares (owner, block) SELECT DISTINCT {new:d}, block FROM lgviz_uses
                WHERE {where} ON CONFLICT DO NOTHING""",
            params,
        )

    def _copy_path(self, chain: Chain, new: int) -> Operation[None]:
        path = yield from self.lineages.path(chain)
        writes = yield from self.lineages.path_writes(chain)
        for table, columns, keys in (
            ("lgviz_checkpoints", _CHECKPOINT_COLUMNS, [entry.key for entry in path.values()]),
            ("lgviz_writes", _WRITE_COLUMNS, [row.key for row in writes]),
        ):
            for some in batches(sorted(keys)):
                where, params = self.blocks.dialect.among("key", some)
                yield Query(
                    f"""INSERT INTO {table} (thread, {columns})
                        SELECT {new:d}, {columns} FROM {table} WHERE {where} ORDER BY key""",
                    params,
                )

    def _copy_calls(self, chain: Chain, new: int) -> Operation[None]:
        """The numbers that the subgraphs on a path were given, where the thread has not gone on with them."""
        insert = f"INSERT INTO lgviz_calls (thread, {_CALL_COLUMNS})"
        for link in chain:
            yield Query(
                f"""{insert} SELECT ?, {_CALL_COLUMNS} FROM lgviz_calls
                    WHERE thread = ? AND numbers IS NOT NULL ON CONFLICT DO NOTHING""",
                [new, link.source],
            )
        made: dict[tuple[str, str], int] = {}
        for entry in (yield from self.lineages.path(chain)).values():
            if entry.anchor is not None:
                made[entry.anchor] = max(entry.ordinal, made.get(entry.anchor, 0))
        yield Many(
            f"{insert} VALUES (?, ?, ?, ?, NULL) ON CONFLICT DO NOTHING",
            [(new, *anchor, number) for anchor, number in made.items()],
        )

    def _needed(self, threads: Sequence[int]) -> Operation[set[int] | None]:
        """The blocks that the rows of some threads need; None where damage hides what they need."""
        where, params = self.blocks.dialect.among("thread", threads)
        bodies = yield Query(f"SELECT body FROM lgviz_checkpoints WHERE {where}", params)
        where, params = self.blocks.dialect.among("thread", [*threads, *(-thread for thread in threads)])
        writes = yield Query(f"SELECT data FROM lgviz_writes WHERE {where}", params)
        return (yield from self.blocks.live(data for (data,) in (*bodies, *writes)))

    def collect(self, thread: int) -> Operation[None]:
        """Remove what nobody sees of a thread's rows, and give back what only they needed.

        What a thread sees itself stays, if a thread id leads to it. Only in a transaction that began with
        ``REMOVE``.
        """
        while not (yield Query("SELECT 1 FROM lgviz_threads WHERE id = ?", [thread])):
            if not (yield from self.lineages.heirs(thread)) or (yield from self._shrink(thread)):
                for table in ("lgviz_checkpoints", "lgviz_writes", "lgviz_calls"):
                    yield Query(f"DELETE FROM {table} WHERE thread = ?", [thread])
                yield Query("DELETE FROM lgviz_writes WHERE thread = ?", [-thread])
                yield from self.blocks.release(thread, ())
                link = yield Query("DELETE FROM lgviz_lineage WHERE thread = ? RETURNING source", [thread])
                if link:
                    yield self.blocks.new_mark()  # see Lineages.absent()
            else:
                yield from self._release(thread)
                link = yield Query("SELECT source FROM lgviz_lineage WHERE thread = ?", [thread])
            if not link:
                return
            thread = link[0][0]
        until = yield Query("SELECT coalesce(max(writes), 0) FROM lgviz_lineage WHERE source = ?", [thread])
        if (yield Query(f"{_RETIRED} RETURNING key", [-thread, until[0][0]])):
            yield from self._release(thread)

    def _shrink(self, thread: int) -> Operation[bool]:
        """Remove the rows that none of a thread's heirs sees; whether nothing is left, and they continue the
        path of its source themselves."""
        seen: set[int] = set()
        places: set[tuple[str, str]] = set()
        for heir in (yield from self.lineages.heirs(thread)):
            if (yield Query("SELECT 1 FROM lgviz_threads WHERE id = ?", [heir])):
                path = yield from self.lineages.path((yield from self.lineages.chain(heir)))
                seen |= {entry.key for entry in path.values()}
                places |= path.keys()
        rows = yield Query("SELECT key FROM lgviz_checkpoints WHERE thread = ?", [thread])
        doomed = [(key,) for (key,) in rows if key not in seen]
        yield Many("DELETE FROM lgviz_checkpoints WHERE key = ?", doomed)
        until = yield Query("SELECT max(writes) FROM lgviz_lineage WHERE source = ?", [thread])
        writes = yield Query(
            "SELECT key, ns, checkpoint_id FROM lgviz_writes WHERE thread IN (?, ?)", [thread, -thread]
        )
        unseen = [(key,) for key, ns, id in writes if key > until[0][0] or (ns, id) not in places]
        yield Many("DELETE FROM lgviz_writes WHERE key = ?", unseen)
        if len(doomed) < len(rows) or len(unseen) < len(writes):
            return False
        # Of a subgraph's checkpoint the path leaves out what its source has beside it: the link has to stay.
        skipped = yield Query(
            """UPDATE lgviz_lineage SET source = s.source, checkpoints = s.checkpoints, writes = s.writes
               FROM (SELECT source, checkpoints, writes FROM lgviz_lineage WHERE thread = ? AND ns = '') AS s
               WHERE lgviz_lineage.source = ? RETURNING thread""",
            [thread, thread],
        )
        return bool(skipped)

    def _release(self, thread: int) -> Operation[None]:
        """Give back the blocks that neither the rows of a thread need, nor those of its heirs."""
        live = yield from self._needed([thread, *(yield from self.lineages.heirs(thread))])
        if live is not None:
            yield from self.blocks.release(thread, live)

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
