"""The histories that LangGraph's delta channels are rebuilt from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import DeltaChannelHistory, PendingWrite

from lgviz.errors import DamagedData
from lgviz.persistence.blocks.damage import damaged, legible
from lgviz.persistence.blocks.nodes import Nodes
from lgviz.persistence.blocks.records import Write, read_body, read_values, read_writes
from lgviz.persistence.blocks.settled import Gone
from lgviz.persistence.blocks.tree import Node, Part
from lgviz.persistence.database.statements import Operation, Query

from .address import address

_LATEST = """SELECT c.id FROM lgviz_checkpoints c JOIN lgviz_threads t ON t.id = c.thread
    WHERE t.thread_id = ? AND c.ns = ? ORDER BY c.key DESC LIMIT 1"""
# A checkpoint and those committed before it, mostly its ancestors, and the writes under them, whose
# rows have no body. A recursion from child to parent would take several times as long.
_PAGE = """WITH start AS (
      SELECT c.key, c.thread FROM lgviz_checkpoints c JOIN lgviz_threads t ON t.id = c.thread
      WHERE t.thread_id = ? AND c.ns = ? AND c.id = ?),
    page AS (
      SELECT c.thread, c.ns, c.id, c.parent, c.body FROM lgviz_checkpoints c
      WHERE c.thread = (SELECT thread FROM start) AND c.ns = ? AND c.key <= (SELECT key FROM start)
      ORDER BY c.key DESC LIMIT ?)
    SELECT id, parent, NULL, NULL, body FROM page
    UNION ALL
    SELECT p.id, w.task_path, w.task_id, w.data, NULL FROM page p JOIN lgviz_writes w
    ON w.thread = p.thread AND w.ns = p.ns AND w.checkpoint_id = p.id"""
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
            id, size = place.checkpoint_id, self._reach
            if id is None:
                latest = yield Query(_LATEST, scope)
                id = latest[0][0] if latest else None
            walked: set[str] = set()
            while wanted and id is not None:
                rows = yield Query(_PAGE, [*scope, id, scope[1], size])
                if whole and walked and not rows:
                    raise Gone
                size *= _GROWTH
                page = {row[0]: (row[1], row[4]) for row in rows if row[4] is not None}
                under: dict[str, list[tuple[str, str, bytes]]] = {}
                for checkpoint_id, path, task_id, data, body in rows:
                    if body is None:
                        under.setdefault(checkpoint_id, []).append((path, task_id, data))
                try:
                    while wanted and id in page and id not in walked:  # put again, it may be its own ancestor
                        parent, body = page[id]
                        # The writes of the checkpoint itself are pending: they made no part of its values.
                        if walked:
                            with legible("Checkpoint %s of thread %r", id, place.thread_id):
                                for _, task_id, write in self._entries(under.get(id, ())):
                                    if write.channel in wanted:
                                        writes[write.channel].append((task_id, write.part))
                                table = yield from self.unfold(read_body(self.vault.open_row(bytes(body)))[1])
                                found = read_values(table, wanted)
                            seeds |= found
                            wanted -= found.keys()
                        walked.add(id)
                        id = parent
                except DamagedData as error:
                    if whole:  # or was a chunk removed between two statements?
                        raise Gone from error
                    raise  # without it the value would be another
                if id in walked or not rows:
                    break
            self._reach = max(len(walked), _FIRST) + _SPARE
            for collected in writes.values():
                collected.reverse()
            parts = [*seeds.values(), *(part for collected in writes.values() for _, part in collected)]
            return Deltas(writes, seeds, (yield from self.fetch(parts, whole=whole)))

        return (yield from self.settled(read))

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
