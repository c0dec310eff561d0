"""Adds up what costs how much: each thread, channel and checkpoint, and what a prune would give back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lgviz.errors import DamagedData
from lgviz.persistence.blocks.integrity import Problem
from lgviz.persistence.blocks.merkle import Block, Part, blocks_of
from lgviz.persistence.blocks.records import Records
from lgviz.persistence.database.statements import READ, Operation, Query, Rows, as_bytes

from .remove import CheckpointRecord, Removal

_ROW = "length(body) + length(metadata) + length(changed)"
_WRITES = "SELECT ns, checkpoint_id, task_id, data FROM lgviz_writes WHERE thread = ? ORDER BY key"
_SIZES = """SELECT DISTINCT n.id, length(n.data), (SELECT count(*) FROM lgviz_uses o WHERE o.block = n.id)
    FROM lgviz_uses u JOIN lgviz_blocks n ON n.id = u.block WHERE {}"""


@dataclass(slots=True)
class Stats:
    """Bytes of rows and values (without the database's own overhead).

    Attributes:
        bytes: all of it.
        checkpoints, writes, blocks: how many there are.
        by_thread: for each thread what it needs; shared values count in each.
        by_channel: for each channel; a value counts once, for the checkpoint that brought it.
        by_checkpoint: for each checkpoint id its row and the values it brought.
        prune_frees: what ``prune(strategy="keep_latest")`` would give back; threads that share a path by
            ``fork_thread`` do not count, for what one gives back depends on the others. 0 for LangGraph's own
            tables, which cannot be pruned.
        damaged: rows that could not be read: their own bytes count, what they brought does not.
        formats: of LangGraph's own tables alone: how many checkpoints have each format (``v``).
    """

    bytes: int = 0
    checkpoints: int = 0
    writes: int = 0
    blocks: int = 0
    by_thread: dict[str, int] = field(default_factory=dict)
    by_channel: dict[str, int] = field(default_factory=dict)
    by_checkpoint: dict[str, int] = field(default_factory=dict)
    prune_frees: int = 0
    damaged: list[Problem] = field(default_factory=list)
    formats: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PruneEstimate:
    """What a prune of a thread would do, while nothing changes.

    Attributes:
        thread_id: the thread.
        kept, removed: how many checkpoints stay and go.
        bytes: what comes back; None where the thread shares its path with others by ``fork_thread``, for what
            it gives back then depends on them.
    """

    thread_id: str
    kept: int
    removed: int
    bytes: int | None


class Accounting:
    """``stats``: reads every row, and decodes no value.

    Args:
        records: opens the rows.
        removal: says what a prune would keep.
    """

    def __init__(self, records: Records, removal: Removal) -> None:
        self.records = records
        self.blocks = records.blocks
        self.removal = removal

    def read(self, thread_id: str | None = None) -> Operation[Stats]:
        """What one thread costs, or all of them."""
        yield READ
        stats = Stats()
        rows = yield Query("SELECT id, thread_id FROM lgviz_threads ORDER BY id")
        for thread, name in rows:
            if thread_id in (None, name):
                yield from self._thread(thread, name, stats)
        if thread_id is None:
            total = yield Query("SELECT count(*), coalesce(sum(length(data)), 0) FROM lgviz_blocks")
            stats.blocks = total[0][0]
            stats.bytes = int(total[0][1]) + (yield from self._row_bytes())
        else:
            stats.bytes = sum(stats.by_thread.values())
        return stats

    def estimate(self, thread_ids: Sequence[str], strategy: str) -> Operation[list[PruneEstimate]]:
        """What ``prune`` of these threads would remove and give back; those that are not there are left out.

        A value that several of them hold alone counts for the last.
        """
        yield READ
        entangled = yield from self.removal.lineages.entangled()
        dead: dict[int, int] = {}
        found = []
        for name in dict.fromkeys(thread_ids):
            numbers = yield Query("SELECT id FROM lgviz_threads WHERE thread_id = ?", [name])
            for (thread,) in numbers:
                rows = yield from self.removal.seen(thread)
                keep: set[int] = set()
                if strategy == "keep_latest":
                    keep = yield from self.removal.latest(rows)
                    yield from self.removal.keep_chains(rows, keep)
                freed = None
                if thread not in entangled:
                    writes = yield Query(_WRITES, [thread])
                    counted = yield Query(_SIZES.format("u.owner = ?"), [thread])
                    sizes = {id: (size, users) for id, size, users in counted}
                    freed = yield from self._freed(rows, writes, sizes, keep, dead)
                found.append(PruneEstimate(name, len(keep), len(rows) - len(keep), freed))
        return found

    def _row_bytes(self) -> Operation[int]:
        rows = yield Query(f"SELECT coalesce(sum({_ROW}), 0) FROM lgviz_checkpoints")
        writes = yield Query("SELECT coalesce(sum(length(data)), 0) FROM lgviz_writes")
        return int(rows[0][0]) + int(writes[0][0])

    def _thread(self, thread: int, name: str, stats: Stats) -> Operation[None]:
        lineages = self.removal.lineages
        chain = yield from lineages.chain(thread)
        rows = yield from self.removal.seen(thread)
        inherited = (yield from lineages.path_writes(chain)) if chain else []
        writes = [(row.ns, row.checkpoint_id, row.task_id, row.data) for row in inherited]
        writes += yield Query(_WRITES, [thread])
        where, params = self.blocks.dialect.among("u.owner", [thread, *(link.source for link in chain)])
        sizes = {id: (size, users) for id, size, users in (yield Query(_SIZES.format(where), params))}
        if chain:  # a source needs more than what is seen of it
            live = yield from self.blocks.live([*(row.body for row in rows), *(row[3] for row in writes)])
            sizes = {id: size for id, size in sizes.items() if live is None or id in live}
        blocks = yield from self.blocks.fetch([Block(id) for id in sizes], containers=True)
        bill = _Bill(stats, {id: size for id, (size, _) in sizes.items()}, blocks)
        for row in rows:
            yield from self._add_checkpoint(row, f"thread {name!r}, checkpoint {row.id}", bill)
        for _, id, task_id, data in writes:
            try:
                found = [
                    (write.channel, write.part)
                    for write in self.records.open_writes(as_bytes(data), every=True)
                ]
            except DamagedData as error:
                found = []
                where = f"thread {name!r}, checkpoint {id}, task {task_id}"
                stats.damaged.append(Problem(where, error.cause))
            bill.add(id, len(data), found)
        stats.checkpoints += len(rows)
        stats.writes += len(writes)
        stats.blocks += len(sizes)
        row_bytes = sum(row.size for row in rows) + sum(len(row[3]) for row in writes)
        stats.by_thread[name] = row_bytes + sum(size for size, _ in sizes.values())
        if thread not in (yield from lineages.entangled()):
            stats.prune_frees += yield from self._prunable(rows, writes, sizes)

    def _add_checkpoint(self, row: CheckpointRecord, where: str, bill: _Bill) -> Operation[None]:
        try:
            channels = yield from self.records.open_channels(row.body)
            values = [(channel, part) for channel, (_, part) in channels.items()]
            bill.add(row.id, row.size, values, self.blocks.codec.open_row(row.body))
        except DamagedData as error:
            bill.add(row.id, row.size)
            bill.stats.damaged.append(Problem(where, error.cause))
        if row.notes is None:
            bill.stats.damaged.append(Problem(where, "its metadata cannot be read"))

    def _prunable(
        self, rows: Sequence[CheckpointRecord], writes: Rows, sizes: Mapping[int, tuple[int, int]]
    ) -> Operation[int]:
        """How many bytes ``prune(strategy="keep_latest")`` would give back."""
        keep = yield from self.removal.latest(rows)
        yield from self.removal.keep_chains(rows, keep)
        return (yield from self._freed(rows, writes, sizes, keep, {}))

    def _freed(
        self,
        rows: Sequence[CheckpointRecord],
        writes: Rows,
        sizes: Mapping[int, tuple[int, int]],
        keep: set[int],
        dead: dict[int, int],
    ) -> Operation[int]:
        """Bytes of what goes of a thread's rows, and of the blocks that nobody needs then.

        Args:
            rows, writes, sizes: all that the thread has; of each block its bytes and how many need it.
            keep: the keys of the rows that stay; where none does, all writes go too.
            dead: by block, how many of those who needed it gave it up already.
        """
        doomed = [row for row in rows if row.key not in keep]
        gone = {(row.ns, row.id) for row in doomed}
        kept = [as_bytes(data) for ns, id, _, data in writes if keep and (ns, id) not in gone]
        live = yield from self.blocks.live([*(row.body for row in rows if row.key in keep), *kept])
        freed = sum(row.size for row in doomed)
        freed += sum(len(data) for ns, id, _, data in writes if not keep or (ns, id) in gone)
        if doomed and live is not None:
            for id, (size, users) in sizes.items():
                if id not in live:
                    dead[id] = dead.get(id, 0) + 1
                    freed += size if dead[id] == users else 0
        return freed


class _Bill:
    """Adds what the rows of one thread cost to the figures; a block counts once, where it comes first.

    Args:
        stats: to add to.
        sizes: bytes of the thread's blocks, by id.
        blocks: the same blocks, by id, without their leaves.
    """

    def __init__(self, stats: Stats, sizes: Mapping[int, int], blocks: Mapping[int, Block]) -> None:
        self.stats = stats
        self._sizes = sizes
        self._blocks = blocks
        self._seen: set[int] = set()

    def add(
        self, id: str, size: int, channels: Iterable[tuple[str, Part | None]] = (), part: Part | None = None
    ) -> None:
        """Add a row of a checkpoint: its bytes, the values of its channels, and what else it refers to."""
        for channel, value in channels:
            added = 0 if value is None else self._cost(value)
            self.stats.by_channel[channel] = self.stats.by_channel.get(channel, 0) + added
            size += added
        if part is not None:
            size += self._cost(part)
        self.stats.by_checkpoint[id] = self.stats.by_checkpoint.get(id, 0) + size

    def _cost(self, part: Part) -> int:
        """Bytes of all blocks below a part that did not count yet."""
        cost = 0
        todo = [block.id for block in blocks_of(part)]
        while todo:
            id = todo.pop()
            if id not in self._seen:
                self._seen.add(id)
                cost += self._sizes.get(id, 0)
                block = self._blocks.get(id)
                if block is not None and isinstance(block.part, list):
                    todo += [child.id for child in blocks_of(block.part)]
        return cost
