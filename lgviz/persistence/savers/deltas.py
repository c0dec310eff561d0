"""Reads the histories that LangGraph's delta channels are rebuilt from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import DeltaChannelHistory, PendingWrite

from lgviz.errors import DamagedData
from lgviz.persistence.blocks.damage import damaged, legible
from lgviz.persistence.blocks.merkle import Block, Part
from lgviz.persistence.blocks.records import Channel, Records, read_body, read_values, read_writes
from lgviz.persistence.blocks.store import BlockGone
from lgviz.persistence.database.statements import Operation, Query, Rows

from .address import Address, address
from .branches import Child, of_several_kinds, writes_of_child

_LATEST = """SELECT c.id FROM lgviz_checkpoints c JOIN lgviz_threads t ON t.id = c.thread
    WHERE t.thread_id = ? AND c.ns = ? ORDER BY c.key DESC LIMIT 1"""
# A checkpoint and those committed before it, mostly its ancestors, and the writes under them, whose
# rows have no body. A recursion from child to parent would take several times as long. A further page begins
# where the last one ended, for all children of a checkpoint are to be seen before it; or at a checkpoint that
# was committed after its child.
_PAGE = """WITH start AS (
      SELECT c.key, c.thread FROM lgviz_checkpoints c JOIN lgviz_threads t ON t.id = c.thread
      WHERE t.thread_id = ? AND c.ns = ? AND c.id = ?),
    page AS (
      SELECT c.key, c.thread, c.ns, c.id, c.parent, c.body FROM lgviz_checkpoints c
      WHERE c.thread = (SELECT thread FROM start) AND c.ns = ?
        AND c.key <= (SELECT CASE WHEN key > ? THEN key ELSE ? END FROM start)
      ORDER BY c.key DESC LIMIT ?)
    SELECT id, parent, NULL, NULL, body, key FROM page
    UNION ALL
    SELECT p.id, w.task_path, w.task_id, w.data, NULL, w.key FROM page p JOIN lgviz_writes w
    ON w.thread = p.thread AND w.ns = p.ns AND w.checkpoint_id = p.id"""
_CHILDREN = """SELECT c.id, c.metadata, c.body
    FROM lgviz_checkpoints c JOIN lgviz_threads t ON t.id = c.thread
    WHERE t.thread_id = ? AND c.ns = ? AND c.parent = ? ORDER BY c.key"""
_FIRST, _SPARE, _GROWTH = 32, 8, 4
"""How many checkpoints are read at first, how many more than were needed last time, and how many times more
where they were too few."""


class Deltas(NamedTuple):
    """For each channel its writes by ancestors, oldest first, and the nearest stored value before them."""

    writes: dict[str, list[tuple[str, Part]]]
    seeds: dict[str, Part]
    blocks: dict[int, Block]


class _Page(NamedTuple):
    """Some checkpoints, by id: the parent and body of each, and the rows of writes under it; the key of the
    oldest, and the parents of all."""

    checkpoints: dict[str, tuple[str | None, bytes]]
    writes: dict[str, list[tuple[str, str, int, bytes]]]
    oldest: int
    parents: list[str | None]


class _Entry(NamedTuple):
    """A write under a checkpoint."""

    task_path: str
    task_id: str
    idx: int
    channel: str
    after: str
    row: int
    part: Part


class DeltaReads:
    """``get_delta_channel_history``.

    Args:
        records: opens the rows.
    """

    def __init__(self, records: Records) -> None:
        self.records = records
        self.blocks = records.blocks
        self._reach = _FIRST

    def read(self, config: RunnableConfig, channels: Sequence[str]) -> Operation[Deltas]:
        """What delta channels of a checkpoint are rebuilt from.

        Raises:
            DamagedData: an ancestor's row cannot be read (a damaged value alone does not raise).
        """
        place = address(config)
        return (yield from self.blocks.optimistic_read(lambda whole: self._walk(place, channels, whole)))

    def _walk(self, place: Address, channels: Sequence[str], whole: bool) -> Operation[Deltas]:
        """Go from a checkpoint to its ancestors until each channel's stored value is found."""
        scope = [place.thread_id, place.ns or ""]
        writes: dict[str, list[tuple[str, Part]]] = {name: [] for name in channels}
        seeds: dict[str, Part] = {}
        wanted = set(channels)
        id, size = place.checkpoint_id, self._reach
        if id is None:
            latest = yield Query(_LATEST, scope)
            id = latest[0][0] if latest else None
        walked: set[str] = set()
        child, key = "", 0
        several: Counter[str | None] = Counter()
        while wanted and id is not None:
            page = _paged((yield Query(_PAGE, [*scope, id, scope[1], key, key, size])))
            key = page.oldest - 1
            several.update(page.parents)
            if whole and walked and not page.checkpoints:
                raise BlockGone
            size *= _GROWTH
            try:
                # Put again, a checkpoint may be its own ancestor.
                while wanted and id in page.checkpoints and id not in walked:
                    parent, body = page.checkpoints[id]
                    # The writes of the checkpoint itself are pending: they made no part of its values.
                    if walked:
                        with legible("Checkpoint %s of thread %r", id, place.thread_id):
                            entries = self._entries(page.writes.get(id, ()), wanted)
                            if several[id] > 1 or of_several_kinds(entries):
                                entries = yield from self._part(place, id, child, body, entries)
                            for entry in reversed(entries):
                                writes[entry.channel].append((entry.task_id, entry.part))
                            found = yield from self._values(body, wanted)
                        seeds |= found
                        wanted -= found.keys()
                    walked.add(id)
                    child, id = id, parent
            except DamagedData as error:
                if whole:  # or was a chunk removed between two statements?
                    raise BlockGone from error
                raise  # without it the value would be another
            if id in walked or not page.checkpoints:
                break
        self._reach = max(len(walked), _FIRST) + _SPARE
        for collected in writes.values():
            collected.reverse()
        parts = [*seeds.values(), *(part for collected in writes.values() for _, part in collected)]
        return Deltas(writes, seeds, (yield from self.blocks.fetch(parts, whole=whole)))

    def _values(self, body: bytes, wanted: set[str]) -> Operation[dict[str, Part]]:
        table = read_body(self.blocks.codec.open_row(body))[1]
        return read_values((yield from self.blocks.unfold(table)), wanted)

    def _entries(self, rows: Sequence[tuple[str, str, int, bytes]], wanted: Collection[str]) -> list[_Entry]:
        """The writes to some channels under one checkpoint."""
        entries = [
            _Entry(path, task_id, idx, channel, after, row, part)
            for path, task_id, row, data in rows
            for idx, channel, part, after in read_writes(self.blocks.codec.open_row(data), every=True)
            if channel in wanted
        ]
        if len(entries) > 1:
            entries.sort(key=lambda entry: entry[:3])
        return entries

    def _part(
        self, place: Address, id: str, child: str, body: bytes, entries: list[_Entry]
    ) -> Operation[list[_Entry]]:
        """Of the writes under a checkpoint those that made one of its children."""
        rows = yield Query(_CHILDREN, [place.thread_id, place.ns or "", id])
        before = yield from self.records.open_channels(body)
        found: list[tuple[str, str, dict[str, Channel]]] = []
        for id_, metadata, data in rows:
            notes = self.records.open_metadata(bytes(metadata)) or {}
            found.append(
                (id_, str(notes.get("source")), (yield from self.records.open_channels(bytes(data))))
            )
        kept: list[_Entry] = []
        for name in dict.fromkeys(entry.channel for entry in entries):
            children = [
                Child(
                    id_,
                    source,
                    _version(before.get(name)),
                    _version(after.get(name)),
                    _stores(after.get(name)),
                )
                for id_, source, after in found
            ]
            own = [entry for entry in entries if entry.channel == name]
            kept += writes_of_child(id, children, child, own)[0]
        return kept

    def histories(self, found: Deltas) -> dict[str, DeltaChannelHistory]:
        """What LangGraph is given. Decodes all values: call it outside of the transaction."""
        decode = self.blocks.merkle.decode
        histories: dict[str, DeltaChannelHistory] = {}
        for name, collected in found.writes.items():
            values: list[PendingWrite] = [
                (task_id, name, decode(part, found.blocks, damaged)) for task_id, part in collected
            ]
            histories[name] = {"writes": values}
            if name in found.seeds:
                histories[name]["seed"] = decode(found.seeds[name], found.blocks, damaged)
        return histories


def _stores(channel: Channel | None) -> bool:
    return channel is not None and channel.part is not None


def _version(channel: Channel | None) -> Any:
    return None if channel is None else channel.version


def _paged(rows: Rows) -> _Page:
    checkpoints: dict[str, tuple[str | None, bytes]] = {}
    writes: dict[str, list[tuple[str, str, int, bytes]]] = {}
    oldest = 0
    for id, parent_or_path, task_id, data, body, key in rows:
        if body is not None:
            checkpoints[id] = parent_or_path, bytes(body)
            oldest = min(oldest, key) if oldest else key
        else:
            writes.setdefault(id, []).append((parent_or_path, task_id, key, bytes(data)))
    return _Page(checkpoints, writes, oldest, [parent for parent, _ in checkpoints.values()])
