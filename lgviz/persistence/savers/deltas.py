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
from lgviz.persistence.database.statements import Operation, Query, Rows, as_bytes

from .address import Address, address
from .branches import Child, of_several_kinds, writes_of_child
from .lineage import Chain, Lineages

_LATEST = """SELECT c.id FROM lgviz_checkpoints c JOIN lgviz_threads t ON t.id = c.thread
    WHERE t.thread_id = ? AND c.ns = ? ORDER BY c.key DESC LIMIT 1"""
# A checkpoint and those committed before it, mostly its ancestors, and the writes under them, whose
# rows have no body. A recursion from child to parent would take several times as long. A further page begins
# where the last one ended, for all children of a checkpoint are to be seen before it; or at a checkpoint that
# was committed after its child.
_START = """WITH start AS (
      SELECT c.key, c.thread FROM lgviz_checkpoints c {threads} AND c.ns = ? AND c.id = ?),
    page AS (
      SELECT c.key, c.thread, c.ns, c.id, c.parent, c.body FROM lgviz_checkpoints c
      WHERE c.thread = (SELECT thread FROM start) AND c.ns = ?
        AND c.key <= (SELECT CASE WHEN key > ? THEN key ELSE ? END FROM start)
      ORDER BY c.key DESC LIMIT ?)
    SELECT id, parent, NULL, NULL, body, key FROM page"""
_BY_NAME, _BY_NUMBER = "JOIN lgviz_threads t ON t.id = c.thread WHERE t.thread_id = ?", "WHERE c.thread = ?"
_PAGE = f"""{_START}
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
        lineages: of threads that continue the path of another.
    """

    def __init__(self, records: Records, lineages: Lineages) -> None:
        self.records = records
        self.lineages = lineages
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
        size = self._reach
        id = place.checkpoint_id or (yield from self._latest(place))
        walked: set[str] = set()
        child, key = "", 0
        chain: Chain | None = None
        left: Chain = ()
        several: Counter[str | None] = Counter()
        while wanted and id is not None:
            scoped = [*scope, id, scope[1], key, key, size]
            if chain is None:
                page = _paged((yield Query(_PAGE.format(threads=_BY_NAME), scoped)))
            else:
                page = yield from self._inherited_page(chain, left[0].source, scoped)
            key = page.oldest - 1
            several.update(page.parents)
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
                                entries = yield from self._part(place, id, child, body, entries, chain)
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
            if id in walked:
                break
            if not page.checkpoints:
                chain, left = yield from self._further(chain, left, place)
                if not left:
                    if whole and walked:
                        raise BlockGone
                    break
                key = 0
        self._reach = max(len(walked), _FIRST) + _SPARE
        for collected in writes.values():
            collected.reverse()
        parts = [*seeds.values(), *(part for collected in writes.values() for _, part in collected)]
        return Deltas(writes, seeds, (yield from self.blocks.fetch(parts, whole=whole)))

    def _latest(self, place: Address) -> Operation[str | None]:
        """The id of the newest checkpoint of a namespace."""
        rows = yield Query(_LATEST, [place.thread_id, place.ns or ""])
        if not rows:
            chain = yield from self.lineages.chain_of(place.thread_id)
            key = yield from self.lineages.latest(chain, place.ns or "")
            rows = yield Query("SELECT id FROM lgviz_checkpoints WHERE key = ?", [key])
        return rows[0][0] if rows else None

    def _inherited_page(self, chain: Chain, source: int, params: list[Any]) -> Operation[_Page]:
        """A page of a source, with the writes that the thread sees that continues its path."""
        rows = yield Query(_START.format(threads=_BY_NUMBER), [source, *params[1:]])
        page = _paged(rows)
        for row in (yield from self.lineages.writes(chain, params[1], page.checkpoints)):
            page.writes.setdefault(row.checkpoint_id, []).append(
                (row.task_path, row.task_id, row.key, row.data)
            )
        return page

    def _further(self, chain: Chain | None, left: Chain, place: Address) -> Operation[tuple[Chain, Chain]]:
        """Where ancestors may be that a thread has not: all of its lineage, and what is yet to look at."""
        if chain is None:
            chain = yield from self.lineages.chain_of(place.thread_id)
            return chain, chain
        return chain, left[1:]

    def _values(self, body: bytes, wanted: set[str]) -> Operation[dict[str, Part]]:
        table = read_body(self.blocks.codec.open_row(body)).channels
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
        self,
        place: Address,
        id: str,
        child: str,
        body: bytes,
        entries: list[_Entry],
        chain: Chain | None,
    ) -> Operation[list[_Entry]]:
        """Of the writes under a checkpoint those that made one of its children."""
        if chain is None:
            rows = yield Query(_CHILDREN, [place.thread_id, place.ns or "", id])
        else:
            rows = yield from self.lineages.children(chain, (place.ns or "", id))
        before = yield from self.records.open_channels(body)
        found: list[tuple[str, str, dict[str, Channel]]] = []
        for id_, metadata, data in rows:
            notes = self.records.open_metadata(as_bytes(metadata)) or {}
            found.append(
                (id_, str(notes.get("source")), (yield from self.records.open_channels(as_bytes(data))))
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
            checkpoints[id] = parent_or_path, as_bytes(body)
            oldest = min(oldest, key) if oldest else key
        else:
            writes.setdefault(id, []).append((parent_or_path, task_id, key, as_bytes(data)))
    return _Page(checkpoints, writes, oldest, [parent for parent, _ in checkpoints.values()])
