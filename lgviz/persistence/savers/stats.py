"""``stats``: what costs how much, and ``check``: whether everything stored is whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lgviz.errors import DamagedData
from lgviz.persistence.blocks.checking import Found, Problem
from lgviz.persistence.blocks.damage import legible
from lgviz.persistence.blocks.records import read_body, read_channels, read_seen
from lgviz.persistence.blocks.tree import Node, Part, nodes_of
from lgviz.persistence.database.statements import READ, Operation, Query, Rows

from .removing import Removing

_ROW = "length(body) + length(metadata) + length(changed)"


@dataclass(slots=True)
class Stats:
    """Bytes of rows and values (without the database's own overhead).

    Attributes:
        bytes: all of it.
        checkpoints, writes, nodes: how many there are.
        by_thread: for each thread what it needs; shared values count in each.
        by_channel: for each channel; a value counts once, for the checkpoint that brought it.
        by_checkpoint: for each checkpoint id its row and the values it brought.
        prune_frees: what ``prune(strategy="keep_latest")`` would give back.
        damaged: rows that could not be read: their own bytes count, what they brought does not.
    """

    bytes: int = 0
    checkpoints: int = 0
    writes: int = 0
    nodes: int = 0
    by_thread: dict[str, int] = field(default_factory=dict)
    by_channel: dict[str, int] = field(default_factory=dict)
    by_checkpoint: dict[str, int] = field(default_factory=dict)
    prune_frees: int = 0
    damaged: list[Problem] = field(default_factory=list)


class Upkeep(Removing):
    """Reading all of it, without decoding a value."""

    def stats(self, thread_id: str | None = None) -> Operation[Stats]:
        """What one thread costs, or all of them."""
        yield READ
        stats = Stats()
        rows = yield Query("SELECT id, thread_id FROM lgviz_threads ORDER BY id")
        for thread, name in rows:
            if thread_id in (None, name):
                yield from self._thread_stats(thread, name, stats)
        if thread_id is None:
            total = yield Query("SELECT count(*), coalesce(sum(length(data)), 0) FROM lgviz_nodes")
            stats.nodes = total[0][0]
            stats.bytes = int(total[0][1]) + (yield from self._row_bytes())
        else:
            stats.bytes = sum(stats.by_thread.values())
        return stats

    def _row_bytes(self) -> Operation[int]:
        rows = yield Query(f"SELECT coalesce(sum({_ROW}), 0) FROM lgviz_checkpoints")
        writes = yield Query("SELECT coalesce(sum(length(data)), 0) FROM lgviz_writes")
        return int(rows[0][0]) + int(writes[0][0])

    def _thread_stats(self, thread: int, name: str, stats: Stats) -> Operation[None]:
        rows = yield from self._rows(thread)
        writes = yield Query(
            "SELECT ns, checkpoint_id, task_id, data FROM lgviz_writes WHERE thread = ? ORDER BY key",
            [thread],
        )
        sizes = {
            id: (size, users)
            for id, size, users in (
                yield Query(
                    """SELECT n.id, length(n.data), (SELECT count(*) FROM lgviz_uses o WHERE o.node = n.id)
                       FROM lgviz_uses u JOIN lgviz_nodes n ON n.id = u.node WHERE u.owner = ?""",
                    [thread],
                )
            )
        }
        nodes = yield from self.fetch([Node(id) for id in sizes], containers=True)
        seen: set[int] = set()

        def count(id: str, size: int, channels: Iterable[tuple[str, Part | None]], part: Part) -> None:
            for channel, value in channels:
                added = 0 if value is None else _cost([value], nodes, sizes, seen)
                stats.by_channel[channel] = stats.by_channel.get(channel, 0) + added
                size += added
            size += _cost([part], nodes, sizes, seen)
            stats.by_checkpoint[id] = stats.by_checkpoint.get(id, 0) + size

        for row in rows:
            where = f"thread {name!r}, checkpoint {row.id}"
            try:
                channels = yield from self.open_channels(row.body)
                values = [(channel, part) for channel, (_, part) in channels.items()]
                count(row.id, row.size, values, self.vault.open_row(row.body))
            except DamagedData as error:
                count(row.id, row.size, (), [])
                stats.damaged.append(Problem(where, error.cause))
            if row.notes is None:
                stats.damaged.append(Problem(where, "its metadata cannot be read"))
        for _, id, task_id, data in writes:
            where = f"thread {name!r}, checkpoint {id}, task {task_id}"
            try:
                found = [(write.channel, write.part) for write in self.open_writes(bytes(data))]
            except DamagedData as error:
                found = []
                stats.damaged.append(Problem(where, error.cause))
            count(id, len(data), found, [])
        stats.checkpoints += len(rows)
        stats.writes += len(writes)
        stats.nodes += len(sizes)
        row_bytes = sum(row.size for row in rows) + sum(len(row[3]) for row in writes)
        stats.by_thread[name] = row_bytes + sum(size for size, _ in sizes.values())

        keep = yield from self._latest(rows)
        yield from self._keep_chains(rows, keep)
        doomed = [row for row in rows if row.key not in keep]
        gone = {(row.ns, row.id) for row in doomed}
        kept = [bytes(data) for ns, id, _, data in writes if (ns, id) not in gone]
        live = yield from self.live([*(row.body for row in rows if row.key in keep), *kept])
        stats.prune_frees += sum(row.size for row in doomed)
        stats.prune_frees += sum(len(data) for ns, id, _, data in writes if (ns, id) in gone)
        if doomed and live is not None:
            dead = ((size, users) for id, (size, users) in sizes.items() if id not in live)
            stats.prune_frees += sum(size for size, users in dead if users == 1)

    def check(self) -> Operation[list[Problem]]:
        """Verify every hash and reference. Damage is named, and what is whole stays readable."""
        yield READ
        found = yield from self.check_nodes()
        threads = yield Query("SELECT id, thread_id FROM lgviz_threads ORDER BY id")
        for thread, name in threads:
            yield from self._check_thread(thread, name, found)
        return found.problems

    def _check_thread(self, thread: int, name: str, found: Found) -> Operation[None]:
        rows = yield Query("SELECT node FROM lgviz_uses WHERE owner = ?", [thread])
        used = {node for (node,) in rows}
        found.closed(f"thread {name!r}", used)
        told: dict[str, set[int]] = {}
        for row in (yield from self._rows(thread)):
            where = f"thread {name!r}, checkpoint {row.id}" + (f" of {row.ns}" if row.ns else "")
            if row.notes is None:
                found.problems.append(Problem(where, "its metadata cannot be read"))
            try:
                with legible("its row"):
                    part = self.vault.open_row(row.body)
                    _, channels, seen = read_body(part)
                    read_seen((yield from self.unfold(seen)))
                    values = read_channels((yield from self.unfold(channels)))
            except DamagedData as error:
                found.problems.append(Problem(where, error.cause))
                continue
            own = {node.id: node for node in nodes_of(part)}
            for channel, (_, value) in values.items():
                if value is not None:
                    nodes = [own.pop(node.id, node) for node in nodes_of(value)]
                    found.look(f"{where}, channel {channel!r}", nodes, used, told.setdefault(channel, set()))
            found.look(where, own.values(), used, set())
        tasks: Rows = yield Query(
            "SELECT checkpoint_id, task_id, data FROM lgviz_writes WHERE thread = ? ORDER BY key", [thread]
        )
        for id, task_id, data in tasks:
            where = f"thread {name!r}, checkpoint {id}, task {task_id}"
            try:
                for write in self.open_writes(bytes(data)):
                    found.look(f"{where}, channel {write.channel!r}", nodes_of(write.part), used, set())
            except DamagedData as error:
                found.problems.append(Problem(where, error.cause))


def _cost(
    parts: Iterable[Part], nodes: dict[int, Node], sizes: dict[int, tuple[int, int]], seen: set[int]
) -> int:
    return sum(sizes[id][0] for id in _below(parts, nodes, seen) if id in sizes)


def _below(parts: Iterable[Part], nodes: dict[int, Node], seen: set[int]) -> list[int]:
    """The ids of all nodes below some parts that were not seen before."""
    found: list[int] = []
    todo = [node.id for part in parts for node in nodes_of(part)]
    while todo:
        id = todo.pop()
        if id not in seen:
            seen.add(id)
            found.append(id)
            node = nodes.get(id)
            if node is not None and isinstance(node.part, list):
                todo += [child.id for child in nodes_of(node.part)]
    return found
