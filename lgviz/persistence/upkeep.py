"""``stats``: what costs how much, and ``check``: whether everything stored is whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from .records import read_body, read_channels, read_metadata, read_seen, read_writes
from .removing import Removing
from .statements import READ, Operation, Query, Rows
from .tree import Node, Part, canonical, nodes_of

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
    """

    bytes: int = 0
    checkpoints: int = 0
    writes: int = 0
    nodes: int = 0
    by_thread: dict[str, int] = field(default_factory=dict)
    by_channel: dict[str, int] = field(default_factory=dict)
    by_checkpoint: dict[str, int] = field(default_factory=dict)
    prune_frees: int = 0


class Problem(NamedTuple):
    """Something damaged: where, and what."""

    where: str
    what: str


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
        columns = "key, ns, id, parent, metadata, body"
        rows = yield Query(
            f"SELECT {columns}, {_ROW} FROM lgviz_checkpoints WHERE thread = ? ORDER BY key", [thread]
        )
        writes = yield Query(
            "SELECT ns, checkpoint_id, data FROM lgviz_writes WHERE thread = ? ORDER BY key", [thread]
        )
        sizes = {
            id: (size, users)
            for id, size, users in (
                yield Query(
                    """SELECT n.id, length(n.data), (SELECT count(*) FROM lgviz_uses o WHERE o.node = n.id)
                       FROM lgviz_uses u JOIN lgviz_nodes n ON n.id = u.node WHERE u.thread = ?""",
                    [thread],
                )
            )
        }
        nodes = yield from self.fetch((yield from self.parts(thread)), containers=True)
        seen: set[int] = set()

        def cost(part: Part) -> int:
            return sum(sizes.get(id, (0, 0))[0] for id in _below([part], nodes, seen))

        for _, _, id, _, _, body, size in rows:
            channels = read_channels((yield from self.unfold(read_body(self.vault.open_row(bytes(body)))[1])))
            brought = int(size)
            for channel, (_, part) in channels.items():
                if part is not None:
                    added = cost(part)
                    brought += added
                    stats.by_channel[channel] = stats.by_channel.get(channel, 0) + added
            brought += cost(self.vault.open_row(bytes(body)))
            stats.by_checkpoint[id] = brought
        for _, id, data in writes:
            for write in read_writes(self.vault.open_row(bytes(data))):
                added = cost(write.part)
                stats.by_channel[write.channel] = stats.by_channel.get(write.channel, 0) + added
                stats.by_checkpoint[id] = stats.by_checkpoint.get(id, 0) + added
            stats.by_checkpoint[id] = stats.by_checkpoint.get(id, 0) + len(data)
        stats.checkpoints += len(rows)
        stats.writes += len(writes)
        stats.nodes += len(sizes)
        row_bytes = sum(int(row[6]) for row in rows) + sum(len(row[2]) for row in writes)
        stats.by_thread[name] = row_bytes + sum(size for size, _ in sizes.values())

        keep = yield from self._latest(thread)
        yield from self._keep_chains([row[:6] for row in rows], keep)
        kept = {(ns, id) for key, ns, id, *_ in rows if key in keep}
        live_parts = [self.vault.open_row(bytes(row[5])) for row in rows if row[0] in keep]
        live_parts += [self.vault.open_row(bytes(data)) for ns, id, data in writes if (ns, id) in kept]
        live = set(_below(live_parts, nodes, set()))
        stats.prune_frees += sum(int(row[6]) for row in rows if row[0] not in keep)
        stats.prune_frees += sum(len(data) for ns, id, data in writes if (ns, id) not in kept)
        stats.prune_frees += sum(size for id, (size, users) in sizes.items() if id not in live and users == 1)

    def check(self) -> Operation[list[Problem]]:
        """Verify every hash and reference. Damage is named, and what is whole stays readable."""
        yield READ
        problems: list[Problem] = []
        names = {id: bytes(hash) for id, hash in (yield Query("SELECT id, hash FROM lgviz_nodes"))}
        last, bad = 0, set()
        while True:
            rows = yield Query(
                "SELECT id, form, data FROM lgviz_nodes WHERE id > ? ORDER BY id LIMIT 500", [last]
            )
            if not rows:
                break
            last = rows[-1][0]
            for id, form, data in rows:
                fault = self._fault(names, id, form, bytes(data))
                if fault:
                    bad.add(id)
                    problems.append(Problem(f"node {id}", fault))
        threads = yield Query("SELECT id, thread_id FROM lgviz_threads ORDER BY id")
        for thread, name in threads:
            yield from self._check_thread(thread, name, names, bad, problems)
        strays = yield Query(
            "SELECT node FROM lgviz_uses WHERE node NOT IN (SELECT id FROM lgviz_nodes) ORDER BY node"
        )
        problems += [Problem(f"node {node}", "it is needed and missing") for (node,) in strays]
        return problems

    def _fault(self, names: dict[int, bytes], id: int, form: int, data: bytes) -> str:
        try:
            part = self.vault.open(form, data)
        except Exception as error:
            return f"it cannot be read: {type(error).__name__}: {error}"
        for child in nodes_of(part):
            if child.id not in names:
                return f"it refers to node {child.id}, which is missing"
            child.hash = names[child.id]
        return "" if self.trees.name(canonical(part)) == names[id] else "its bytes do not match its name"

    def _check_thread(
        self, thread: int, name: str, names: dict[int, bytes], bad: set[int], problems: list[Problem]
    ) -> Operation[None]:
        used = {node for (node,) in (yield Query("SELECT node FROM lgviz_uses WHERE thread = ?", [thread]))}
        rows = yield Query(
            "SELECT ns, id, metadata, body FROM lgviz_checkpoints WHERE thread = ? ORDER BY key", [thread]
        )
        for ns, id, metadata, body in rows:
            where = f"thread {name!r}, checkpoint {id}" + (f" of {ns}" if ns else "")
            try:
                read_metadata(bytes(metadata), self.trees.serde)
                part = self.vault.open_row(bytes(body))
                _, channels, seen = read_body(part)
                read_seen((yield from self.unfold(seen)))
                for channel, (_, value) in read_channels((yield from self.unfold(channels))).items():
                    if value is not None:
                        _report(problems, f"{where}, channel {channel!r}", [value], names, used, bad)
            except Exception as error:
                problems.append(Problem(where, f"its row cannot be read: {type(error).__name__}: {error}"))
        tasks: Rows = yield Query(
            "SELECT checkpoint_id, task_id, data FROM lgviz_writes WHERE thread = ? ORDER BY key", [thread]
        )
        for id, task_id, data in tasks:
            where = f"thread {name!r}, checkpoint {id}, task {task_id}"
            try:
                for write in read_writes(self.vault.open_row(bytes(data))):
                    _report(problems, f"{where}, channel {write.channel!r}", [write.part], names, used, bad)
            except Exception as error:
                problems.append(Problem(where, f"its writes cannot be read: {type(error).__name__}: {error}"))


def _report(
    problems: list[Problem],
    where: str,
    parts: Iterable[Part],
    names: dict[int, bytes],
    used: set[int],
    bad: set[int],
) -> None:
    for part in parts:
        for node in nodes_of(part):
            if node.id not in names:
                problems.append(Problem(where, f"it refers to node {node.id}, which is missing"))
            elif node.id in bad:
                problems.append(Problem(where, f"it refers to node {node.id}, which is damaged"))
            elif node.id not in used:
                problems.append(Problem(where, f"node {node.id} is not recorded as needed"))


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
