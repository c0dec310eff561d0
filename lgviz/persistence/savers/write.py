"""Stores checkpoints and writes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import WRITES_IDX_MAP, get_checkpoint_metadata
from langgraph.checkpoint.serde.types import ERROR

from lgviz.errors import DamagedData, LgvizError, NotKept, PersistenceError, said
from lgviz.persistence.blocks.merkle import (
    DICT,
    LONGEST,
    Block,
    EncodedValue,
    Part,
    blocks_of,
    canonical,
    leaf,
)
from lgviz.persistence.blocks.records import (
    Body,
    Channel,
    Records,
    WriteRecord,
    channel_entries,
    graph_order,
    pack_body,
    pack_metadata,
    pack_writes,
    read_body,
    seen_entries,
)
from lgviz.persistence.database.statements import REMOVE, WRITE, Batch, Conflict, Operation, Query, Rows
from lgviz.persistence.serde.exact import write_error

from .address import Address, address
from .anchors import anchor_of
from .branches import AGAIN, OF_UPDATE
from .lineage import Chain, Lineages
from .remove import Removal

_OWN = ("channel_values", "channel_versions", "versions_seen", "id")
# Whether the checkpoint itself is there, as where it is put again; the number of the newest root checkpoint;
# the row of the parent.
_BEFORE = """SELECT
    EXISTS (SELECT 1 FROM lgviz_checkpoints c WHERE c.thread = t.id AND c.ns = ? AND c.id = ?),
    (SELECT c.ordinal FROM lgviz_checkpoints c WHERE c.thread = t.id AND c.ns = ''
        ORDER BY c.key DESC LIMIT 1),
    (SELECT c.body FROM lgviz_checkpoints c WHERE c.thread = t.id AND c.ns = ? AND c.id = ?)
    FROM lgviz_threads t WHERE t.thread_id = ?"""
# The task's rows, or one without, each with the newest checkpoint of the namespace: where that is the one
# written under, as in a run, it has no child. In one look-up, for every call makes it.
_TASK = """SELECT w.key, w.task_path, w.data, (SELECT c.id FROM lgviz_checkpoints c
        WHERE c.thread = t.id AND c.ns = ? ORDER BY c.key DESC LIMIT 1)
    FROM lgviz_threads t LEFT JOIN lgviz_writes w
    ON w.thread = t.id AND w.ns = ? AND w.checkpoint_id = ? AND w.task_id = ? WHERE t.thread_id = ?"""
# The newest child, which a checkpoint has where another branch is begun.
_CHILD = """SELECT id FROM lgviz_checkpoints WHERE thread = ? AND ns = ?
    AND key > (SELECT key FROM lgviz_checkpoints WHERE thread = ? AND ns = ? AND id = ?)
    AND parent = ? ORDER BY key DESC LIMIT 1"""

# Whether a thread continues the path of another, and the newest key of writes that threads see of its own.
_LINEAGE = """(SELECT count(*) FROM lgviz_lineage WHERE thread = lgviz_threads.id),
    (SELECT max(writes) FROM lgviz_lineage WHERE source = lgviz_threads.id)"""
_NO_LINEAGE = "0, NULL"

_UPDATE = """UPDATE lgviz_checkpoints SET parent = ?, at = ?, changed = ?, metadata = ?, body = ?
    WHERE thread = ? AND ns = ? AND id = ?"""
_INSERT = """INSERT INTO lgviz_checkpoints (thread, ns, id, ordinal, parent, at, changed, metadata, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_INSERT_WRITES = """INSERT INTO lgviz_writes (thread, ns, checkpoint_id, task_id, task_path, at, data)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""


class _Thread(NamedTuple):
    """A thread that is written to.

    Attributes:
        number: its key.
        made: how many root checkpoints it had had at the last removal.
        heir: whether it continues the path of another.
        lent: the newest key of writes that threads see which continue its own path, if there are any.
        mark: of removals in the database.
        chain: of an heir.
    """

    number: int
    made: int
    heir: int
    lent: int | None
    mark: bytes | None
    chain: Chain = ()

    @property
    def sources(self) -> list[int]:
        """The threads whose blocks it may refer to besides its own."""
        return [link.source for link in self.chain]


class _Before(NamedTuple):
    """What a thread held before a put.

    Attributes:
        replaced: whether the checkpoint itself was there.
        last: the number of the newest root checkpoint, -1 where there is none.
        source: the row of the parent, where it was asked for and is there.
    """

    replaced: bool
    last: int
    source: bytes | None


class CheckpointWrites:
    """``put`` and ``put_writes``.

    Args:
        records: opens the rows.
        lineages: of threads that continue the path of another.
        removal: gives a thread rows of its own.
    """

    def __init__(self, records: Records, lineages: Lineages, removal: Removal) -> None:
        self.records = records
        self.blocks = records.blocks
        self.lineages = lineages
        self.removal = removal
        self._settling: set[str] = set()

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Mapping[str, Any],
        metadata: Mapping[str, Any],
        new_versions: Mapping[str, Any],
        *,
        changed: Iterable[str] | None = None,
        at: float | None = None,
        in_order: bool = True,
    ) -> Operation[RunnableConfig]:
        """Store one checkpoint; of its values, those whose channels have new versions.

        A channel whose version is its parent's has its parent's value, by reference.

        Args:
            config, checkpoint, metadata, new_versions: as LangGraph gives them.
            changed: the channels to record as changed, where that is not ``new_versions``.
            at: when it was made, where that is not now.
            in_order: whether new values come in the graph's order, as LangGraph gives them.

        Raises:
            NotKept: a value that the serializer refuses.
        """
        place, id, blocks = address(config), checkpoint["id"], self.blocks
        ns, serde = place.ns or "", blocks.merkle.serde
        values: Mapping[str, Any] = checkpoint.get("channel_values") or {}
        versions: Mapping[str, Any] = checkpoint.get("channel_versions") or {}
        # Serialized and hashed before the transaction: it is held for the shortest time.
        parts = {name: self._encode(values[name], name, ns) for name in new_versions if name in values}
        head = leaf(serde.dumps_typed({k: v for k, v in checkpoint.items() if k not in _OWN}))
        seen = blocks.merkle.chunk(DICT, seen_entries(checkpoint.get("versions_seen") or {}))
        notes = get_checkpoint_metadata(config, metadata)  # type: ignore[arg-type]
        packed_notes = pack_metadata(notes, serde)
        asked = blocks.unknown([*parts.values(), seen])

        yield REMOVE if place.thread_id in self._settling else WRITE
        # The parent is read only where a value is taken over from it.
        source = place.checkpoint_id if values.keys() - parts.keys() else None
        here = Address(place.thread_id, ns, id)
        thread, before, stored = yield from self._enter_before(here, source, asked)
        inherited = (yield from self._inherited(before, versions)) if source else {}
        for name in values.keys() - parts.keys():
            parts[name] = inherited.get(name) or self._encode(values[name], name, ns)
        names, waiting = graph_order(dict.fromkeys((*versions, *values)), values)
        channels = {name: Channel(versions.get(name), parts.get(name)) for name in names}
        if old_waiting := waiting - new_versions.keys():
            in_order = in_order and old_waiting <= inherited.keys() and self._is_in_order(before)
        yield from self._learn_hashes(channels)
        table = blocks.merkle.chunk(DICT, channel_entries(channels))
        plan = yield from blocks.plan(
            thread.number, thread.mark, [table, seen], asked, stored, sources=thread.sources
        )
        row = [
            place.checkpoint_id,
            at or time.time(),
            json.dumps(list(new_versions if changed is None else changed), separators=(",", ":")),
            packed_notes,
            blocks.codec.close_row(pack_body(Body(head, table, seen, in_order and bool(waiting)))),
        ]
        steps = yield from self._row_steps(thread, before, notes, [thread.number, ns, id], row)
        if (yield Batch([*plan.steps, *steps], last=True)):
            blocks.stored(plan)
        return Address(place.thread_id, ns, id).config()

    def _enter_before(
        self, here: Address, source: str | None, asked: list[bytes]
    ) -> Operation[tuple[_Thread, _Before, Rows]]:
        """:meth:`_enter`, with what the thread holds or inherits of a checkpoint and its parent."""
        ns, id = here.ns or "", here.checkpoint_id or ""
        query = Query(_BEFORE, [ns, id, ns, source, here.thread_id])
        thread, rows, stored = yield from self._enter(here.thread_id, query, asked)
        replaced, last, body = rows[0]
        before = _Before(bool(replaced), -1 if last is None else last, None if body is None else bytes(body))
        if thread.heir or (thread.lent is not None and before.replaced):
            if (yield from self._settled(here, thread, before)):
                return (yield from self._enter_before(here, source, asked))
            if before.source is None and source:
                before = before._replace(source=(yield from self.lineages.body(thread.chain, (ns, source))))
        return thread, before, stored

    def _settled(self, place: Address, thread: _Thread, before: _Before) -> Operation[bool]:
        """Give a thread rows of its own where a checkpoint is put again that others see, or that it sees of
        another; whether it was so. Rows are removed then: the operation begins anew for that."""
        key = yield from self.lineages.key_of(thread.chain, (place.ns or "", place.checkpoint_id or ""))
        if key is None and not (before.replaced and thread.lent is not None):
            return False
        if place.thread_id not in self._settling:
            self._settling.add(place.thread_id)
            raise Conflict
        self._settling.discard(place.thread_id)
        yield from self.removal.settle(thread.number)
        return True

    def _row_steps(
        self, thread: _Thread, before: _Before, notes: Mapping[str, Any], here: list[Any], row: list[Any]
    ) -> Operation[list[Query]]:
        """The statements that store a checkpoint's row, in the place of the one of its id."""
        _, ns, _ = here
        if before.replaced:
            epoch = Query("UPDATE lgviz_threads SET epoch = epoch + 1 WHERE id = ?", [thread.number])
            return [epoch, Query(_UPDATE, [*row, *here])]
        number = max(thread.made, before.last + 1)
        if ns:
            number = yield from self._inner_ordinal(thread, ns, notes)
        return [Query(_INSERT, [*here, number, *row])]

    def _inherited(self, before: _Before, versions: Mapping[str, Any]) -> Operation[dict[str, Part]]:
        """The values that the parent has in the same versions."""
        channels: dict[str, Channel] = {}
        if before.source is not None:
            # Of a damaged parent nothing can be taken over: all values are stored.
            with suppress(DamagedData):
                channels = yield from self.records.open_channels(before.source)
        return {
            name: part
            for name, (version, part) in channels.items()
            if part is not None and version == versions.get(name)
        }

    def _is_in_order(self, before: _Before) -> bool:
        """Whether the parent, whose row was read, has its channels for certain in the graph's order."""
        return before.source is not None and read_body(self.blocks.codec.open_row(before.source)).in_order

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> Operation[None]:
        """Store writes of one task: special ones replace, all others are kept as they were first written.

        Raises:
            NotKept: a value that the serializer refuses.
        """
        numbered = [
            (WRITES_IDX_MAP.get(channel, idx), channel, value) for idx, (channel, value) in enumerate(writes)
        ]
        return (yield from self.put_numbered_writes(config, numbered, task_id, task_path))

    def put_numbered_writes(
        self,
        config: RunnableConfig,
        writes: Iterable[tuple[int, str, Any]],
        task_id: str,
        task_path: str,
        *,
        after: str | None = None,
    ) -> Operation[None]:
        """:meth:`put_writes` of writes that have their index, and where copied their ``after``."""
        place, blocks = address(config), self.blocks
        if place.checkpoint_id is None:
            raise PersistenceError(
                "The config names no checkpoint_id to write under.", "Give the config that put returned."
            )
        ns = place.ns or ""
        new = [
            WriteRecord(idx, channel, self._encode_write(value, channel, task_path or ns))
            for idx, channel, value in writes
        ]
        asked = blocks.unknown(write.part for write in new)

        yield WRITE
        task = Query(_TASK, [ns, ns, place.checkpoint_id, task_id, place.thread_id])
        thread, rows, stored = yield from self._enter(place.thread_id, task, asked)
        kept: dict[tuple[int, str], WriteRecord] = {}
        copied = after is not None
        newest = rows[0][3]
        rows = [] if rows[0][0] is None else [row[:3] for row in rows]
        if after is None:
            own = newest in (None, place.checkpoint_id)
            after = "" if own else (yield from self._newest_child(thread, ns, place.checkpoint_id))
        of_update = not copied and (not task_path or task_path.startswith("~__interrupt__"))
        steps: list[Query] = []
        if thread.heir:
            here = [ns, place.checkpoint_id]
            rows, turn = yield from self._with_inherited(thread, here, task_id, rows, after)
            after = after if copied else turn
        for key, old_path, data in rows:
            try:
                old = self.records.open_writes(bytes(data), every=True)
            except DamagedData:  # the row stays as it is; check() names it
                continue
            kept |= {(write.idx, write.after): write for write in old}
            if old_path and not task_path and not copied:
                task_path, after = old_path, after or OF_UPDATE
            if key:  # else it is another thread's
                steps.append(_dropped(key, thread))
        for write in new:
            turn = after if write.idx >= 0 else ""
            while of_update and write.idx >= 0 and (write.idx, turn) in kept:
                if (yield from self._are_same(kept[write.idx, turn].part, write.part)):
                    break
                turn += AGAIN
            if write.idx < 0 or (write.idx, turn) not in kept:
                kept[write.idx, turn] = write._replace(after=turn) if turn else write
        parts = [write.part for write in kept.values()]
        plan = yield from blocks.plan(
            thread.number, thread.mark, parts, asked, stored, sources=thread.sources
        )
        data = blocks.codec.close_row(pack_writes(kept.values()))
        row = [thread.number, ns, place.checkpoint_id, task_id, task_path, time.time(), data]
        if (yield Batch([*plan.steps, *steps, Query(_INSERT_WRITES, row)], last=True)):
            blocks.stored(plan)

    def _newest_child(self, thread: _Thread, ns: str, id: str) -> Operation[str]:
        """The child that a checkpoint got last of the thread's own; empty where it has none."""
        found = yield Query(_CHILD, [thread.number, ns, thread.number, ns, id, id])
        return found[0][0] if found else ""

    def _with_inherited(
        self, thread: _Thread, place: list[str], task_id: str, rows: Rows, after: str
    ) -> Operation[tuple[Rows, str]]:
        """What is stored of a task under a checkpoint on the path that a thread continues: its row, where the
        thread has none of its own (with key 0: it stays), and after which child a write of it comes."""
        ns, id = place
        key = yield from self.lineages.key_of(thread.chain, (ns, id))
        if key is None:
            return rows, after
        after = (yield from self.lineages.newest_child(thread.chain, (ns, id), key)) or ""
        if not rows:
            seen = yield from self.lineages.writes(thread.chain, ns, [id])
            rows = [(0, row.task_path, row.data) for row in seen if row.task_id == task_id]
        return rows, after

    def _enter(
        self, thread_id: str, what: Query, asked: list[bytes]
    ) -> Operation[tuple[_Thread, Rows, Rows]]:
        """A thread, the rows that a query finds, and those of the blocks asked for: in one round trip.

        The thread is locked until the transaction ends: its rows are committed in the order of their keys.
        """
        newest, hash = self.blocks.ids.newest
        lean = self.lineages.known_absent
        find = Query(
            f"""SELECT id, made, {_NO_LINEAGE if lean else _LINEAGE}, {self.blocks.marks}
                FROM lgviz_threads WHERE thread_id = ? {self.blocks.dialect.lock_row}""",
            [newest, thread_id],
        )
        steps = [find, what, self.blocks.ask(asked)] if asked else [find, what]
        lock = self.blocks.dialect.lock_thread
        found = yield Batch([Query(lock, [thread_id]), *steps] if lock else steps)
        found = found[-len(steps) :]
        if not found[0]:
            new = "INSERT INTO lgviz_threads (thread_id, made) VALUES (?, 0) ON CONFLICT DO NOTHING"
            yield Query(new, [thread_id])
            found = yield Batch(steps)
        *fields, there = found[0][0]
        thread = _Thread(*fields)
        if there != hash:
            self.blocks.forget(thread.mark)
        if not (yield from self.lineages.absent(thread.mark)):
            if lean:
                return (yield from self._enter(thread_id, what, asked))
            if thread.heir:
                thread = thread._replace(chain=(yield from self.lineages.chain(thread.number)))
        return thread, list(found[1]), list(found[2]) if asked else []

    def _encode_write(self, value: Any, channel: str, where: str) -> Part:
        if channel != ERROR or type(value) is EncodedValue:
            return self._encode(value, channel, where)
        serde = self.blocks.merkle.serde
        return write_error(value, serde, lambda kept: self._encode(kept, channel, where))

    def _encode(self, value: Any, channel: str, where: str) -> Part:
        try:
            return self.blocks.merkle.encode(value)
        except (LgvizError, TypeError, ValueError, RecursionError) as error:
            node = f" ({where})" if where else ""
            cause = error.cause if isinstance(error, LgvizError) else said(error)
            remedy = error.remedy if isinstance(error, LgvizError) else ""
            raise NotKept(f"Channel {channel!r}{node} holds what cannot be kept: {cause}", remedy) from error

    def _inner_ordinal(self, thread: _Thread, ns: str, metadata: Mapping[str, Any]) -> Operation[int]:
        """The number of a subgraph's checkpoint under the checkpoint that its call started from."""
        anchor = anchor_of(ns, metadata)
        if anchor is None:
            return 0
        first = (yield from self.lineages.made_under(thread.chain, anchor)) + 1 if thread.heir else 1
        rows = yield Query(
            """INSERT INTO lgviz_calls (thread, ns, id, made) VALUES (?, ?, ?, ?) ON CONFLICT (thread, ns, id)
               DO UPDATE SET made = lgviz_calls.made + 1 RETURNING made""",
            [thread.number, *anchor, first],
        )
        return int(rows[0][0])

    def _are_same(self, stored: Part, new: Part) -> Operation[bool]:
        """Whether two parts are of one value."""
        yield from self._hash_blocks([stored])
        same: list[Any] = [
            part.hash if isinstance(part, Block) else canonical(part) for part in (stored, new)
        ]
        return bool(same[0] == same[1])

    def _learn_hashes(self, channels: Mapping[str, Channel]) -> Operation[None]:
        """Hashes of blocks that are known by id alone: chunking, of many channels, asks for them."""
        if len(channels) > LONGEST:
            parts = [channel.part for channel in channels.values() if channel.part is not None]
            yield from self._hash_blocks(parts)

    def _hash_blocks(self, parts: Iterable[Part]) -> Operation[None]:
        without = [block for part in parts for block in blocks_of(part) if not block.hash]
        if without:
            where, params = self.blocks.dialect.among("id", [block.id for block in without])
            rows = yield Query(f"SELECT id, hash FROM lgviz_blocks WHERE {where}", params)
            hashes = {id: bytes(hash) for id, hash in rows}
            for block in without:
                block.hash = hashes[block.id]


def _dropped(key: int, thread: _Thread) -> Query:
    """Takes a row of writes from its thread; it stays where one sees it that continues the thread's path."""
    seen = thread.lent is not None and key <= thread.lent
    change = "UPDATE lgviz_writes SET thread = -thread" if seen else "DELETE FROM lgviz_writes"
    return Query(f"{change} WHERE key = ?", [key])
