"""The histories that LangGraph's delta channels are rebuilt from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import DeltaChannelHistory, PendingWrite

from lgviz.errors import DamagedData

from .address import address
from .damage import damaged, legible
from .nodes import Nodes
from .records import Write, read_body, read_values, read_writes
from .settled import Gone, settled
from .statements import Operation, Query
from .tree import Node, Part

_LATEST = """SELECT c.id FROM lgviz_checkpoints c JOIN lgviz_threads t ON t.id = c.thread
    WHERE t.thread_id = ? AND c.ns = ? ORDER BY c.key DESC LIMIT 1"""
# A checkpoint and its ancestors, at most so many, and the writes under them, whose rows have no id.
_LINE = """WITH RECURSIVE line (n, id, parent, body, thread, ns) AS (
      SELECT 1, c.id, c.parent, c.body, c.thread, c.ns FROM lgviz_checkpoints c
      JOIN lgviz_threads t ON t.id = c.thread WHERE t.thread_id = ? AND c.ns = ? AND c.id = ?
    UNION ALL
      SELECT line.n + 1, c.id, c.parent, c.body, c.thread, c.ns FROM line JOIN lgviz_checkpoints c
      ON c.thread = line.thread AND c.ns = line.ns AND c.id = line.parent WHERE line.n < ?)
    SELECT n, id, parent, NULL, body FROM line
    UNION ALL
    SELECT line.n, NULL, w.task_path, w.task_id, w.data FROM line JOIN lgviz_writes w
    ON w.thread = line.thread AND w.ns = line.ns AND w.checkpoint_id = line.id"""
_FIRST, _SPARE, _GROWTH = 32, 8, 4
"""How many checkpoints are read at first, how many more than were needed last time, and how many times more
where they were too few."""


class Deltas(NamedTuple):
    """For each channel its writes by ancestors, oldest first, and the nearest stored value before them."""

    writes: dict[str, list[tuple[str, Part]]]
    seeds: dict[str, Part]
    nodes: dict[int, Node]


class DeltaReading(Nodes):
    """``get_delta_channel_history``."""

    _reach = _FIRST

    def deltas(self, config: RunnableConfig, channels: Sequence[str]) -> Operation[Deltas]:
        """What delta channels of a checkpoint are rebuilt from.

        Raises:
            DamagedData: an ancestor's row cannot be read (a damaged value alone does not raise).
        """
        place = address(config)
        scope = [place.thread_id, place.ns or ""]

        def read(whole: bool) -> Operation[Deltas]:
            writes: dict[str, list[tuple[str, Part]]] = {name: [] for name in channels}
            seeds: dict[str, Part] = {}
            wanted = set(channels)
            id, stride = place.checkpoint_id, self._reach
            if id is None:
                latest = yield Query(_LATEST, scope)
                id = latest[0][0] if latest else None
            walked: set[str] = set()
            while wanted and id is not None:
                rows = yield Query(_LINE, [*scope, id, stride])
                if whole and walked and not rows:
                    raise Gone
                line = sorted(row for row in rows if row[1] is not None)
                under: dict[int, list[tuple[str, str, bytes]]] = {}
                for n, checkpoint_id, path, task_id, data in rows:
                    if checkpoint_id is None:
                        under.setdefault(n, []).append((path, task_id, data))
                id = line[-1][2] if len(line) == stride else None
                stride *= _GROWTH
                try:
                    for n, ancestor, _, _, body in line:
                        if ancestor in walked or not wanted:  # put again, it may be its own ancestor
                            wanted.clear()
                            break
                        walked.add(ancestor)
                        if len(walked) == 1:
                            continue  # the writes of the checkpoint itself are pending: no part of its values
                        with legible("Checkpoint %s of thread %r", ancestor, place.thread_id):
                            for _, task_id, write in self._entries(under.get(n, ())):
                                if write.channel in wanted:
                                    writes[write.channel].append((task_id, write.part))
                            table = yield from self.unfold(read_body(self.vault.open_row(bytes(body)))[1])
                            found = read_values(table, wanted)
                        seeds |= found
                        wanted -= found.keys()
                except DamagedData as error:
                    if whole:  # or was a chunk removed between two statements?
                        raise Gone from error
                    raise  # without it the value would be another
            self._reach = max(len(walked), _FIRST) + _SPARE
            for collected in writes.values():
                collected.reverse()
            parts = [*seeds.values(), *(part for collected in writes.values() for _, part in collected)]
            return Deltas(writes, seeds, (yield from self.fetch(parts, whole=whole)))

        return (yield from settled(read))

    def _entries(self, rows: Sequence[tuple[str, str, bytes]]) -> list[tuple[str, str, Write]]:
        """The writes under one checkpoint, the last one first."""
        entries = [
            (path, task_id, write)
            for path, task_id, data in rows
            for write in read_writes(self.vault.open_row(bytes(data)))
        ]
        if len(entries) > 1:
            entries.sort(key=lambda entry: (entry[0], entry[1], entry[2].idx), reverse=True)
        return entries

    def delta_histories(self, found: Deltas) -> dict[str, DeltaChannelHistory]:
        """What LangGraph is given. Decodes all values: call it outside of the transaction."""
        histories: dict[str, DeltaChannelHistory] = {}
        for name, collected in found.writes.items():
            values: list[PendingWrite] = [
                (task_id, name, self.trees.grow(part, found.nodes, damaged)) for task_id, part in collected
            ]
            histories[name] = {"writes": values}
            if name in found.seeds:
                histories[name]["seed"] = self.trees.grow(found.seeds[name], found.nodes, damaged)
        return histories
