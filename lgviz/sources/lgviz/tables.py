"""lgviz's own tables, read by the engine of its savers: the index opens no value, a value no other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, Unpack

import ormsgpack

from lgviz.errors import CheckpointNotFound, DamagedData, ForeignTables, LgvizError, described
from lgviz.persistence.blocks.integrity import Problem
from lgviz.persistence.blocks.merkle import Block, EncodedValue, MerkleCodec, Part, relinked, typed
from lgviz.persistence.blocks.records import (
    Channel,
    WriteRecord,
    read_body,
    read_channels,
    read_seen,
    read_writes,
)
from lgviz.persistence.blocks.room import UNTRUSTED
from lgviz.persistence.database.dialect import POSTGRESQL, SQLITE
from lgviz.persistence.database.statements import READ, Operation, Query, Rows, as_bytes
from lgviz.persistence.savers.engine import SaverEngine
from lgviz.persistence.savers.read import StoredCheckpoint
from lgviz.persistence.savers.saver import Saver
from lgviz.persistence.savers.stats import PruneEstimate, Stats
from lgviz.sources.base import (
    Bookkeeping,
    CheckpointRow,
    DecodingOptions,
    Record,
    Source,
    StoredWrite,
    ThreadBatch,
    ThreadFacts,
    ThreadIndex,
    ThreadInfo,
    ThreadLineage,
    Told,
    Undecodable,
)
from lgviz.sources.connections import FileReader
from lgviz.sources.decode import serializer_for
from lgviz.sources.langgraph.detect import file_at, is_postgres, is_url
from lgviz.sources.langgraph.sql import ITEMS
from lgviz.sources.langgraph.tables import item_forms
from lgviz.sources.places import config_of, time_or_none
from lgviz.sources.thread_facts import facts_of

from .runners import OperationRun, in_file, of_owner, over_postgres

__all__ = ["TablesSource"]

R = TypeVar("R")
StoredEntry = tuple[str, str, int, WriteRecord]
"""Task path, task id and a write, its value still a part."""

_ROWS_AT_ONCE = 64
_IDS_AT_ONCE = 512
_BODIES = """
SELECT c.id, c.body FROM lgviz_checkpoints c JOIN lgviz_threads t ON t.id = c.thread
WHERE t.thread_id = ? AND c.ns = ? AND """
_WRITES = """
SELECT w.checkpoint_id, w.task_path, w.task_id, w.key, w.data
FROM lgviz_writes w JOIN lgviz_threads t ON t.id = w.thread
WHERE t.thread_id = ? AND w.ns = ? AND """
_TABLE = "SELECT 1 FROM sqlite_master WHERE name = 'lgviz_checkpoints'"


class TablesSource(Source):
    """Reads what lgviz's savers write.

    Args:
        run: runs an operation of the engine.
        engine: of the database's dialect and the values' serializer.
        description: what is being read, in words.
    """

    def __init__(self, run: OperationRun, engine: SaverEngine, description: str) -> None:
        self.description = description
        self._runner = run
        self._engine = engine
        self._lock = threading.RLock()
        self._ready = False
        self._sharing: MerkleCodec | None = None
        self._close: Callable[[], None] = lambda: None

    @classmethod
    def of_saver(cls, saver: Saver) -> TablesSource:
        """Reads the database of one of lgviz's savers, as it does itself."""
        return cls(of_owner(saver), SaverEngine(saver._dialect, saver.serde), type(saver).__name__)

    @classmethod
    def of_file(cls, path: Path, **options: Unpack[DecodingOptions]) -> TablesSource | None:
        """Opens a database file read-only; None where it has no checkpoint in lgviz's tables.

        Raises:
            MissingFile, NotADatabase: the file is not what it should be.
            NewerSchema: a newer lgviz made it.
        """
        reader = FileReader(path)
        engine = SaverEngine(SQLITE, serializer_for(**options))
        engine.blocks.codec.room = UNTRUSTED
        source = cls(in_file(reader), engine, f"{path.name} (read-only)")
        source.read_only = f"{path.name} is opened for reading: give the graph itself to fork or run."
        source._close = reader.close
        if reader.read((_TABLE, ()))[0] and source._is_used():
            return source
        source.close()
        return None

    @classmethod
    def of_url(cls, url: str, **options: Unpack[DecodingOptions]) -> TablesSource | None:
        """Opens a PostgreSQL database, in transactions that only read; None where it has no checkpoint in
        lgviz's tables.

        Raises:
            NotASource: the URL cannot be read.
            Unavailable: the server refuses, or cannot be reached.
        """
        engine = SaverEngine(POSTGRESQL, serializer_for(**options))
        engine.blocks.codec.room = UNTRUSTED
        source = cls(over_postgres(lambda: url), engine, "PostgreSQL (read-only)")
        source.read_only = "The database is opened for reading: give the graph itself to fork or run."
        with suppress(ForeignTables):
            if source._is_used():
                return source
        return None

    @classmethod
    def are_in(cls, where: str) -> bool:
        """Whether a database has lgviz's tables, with a checkpoint in them or without.

        Args:
            where: path or URL.
        """
        if is_url(where) and not is_postgres(where):
            return False
        if not is_url(where):
            with closing(FileReader(file_at(where))) as reader:
                return bool(reader.read((_TABLE, ()))[0])
        source = cls(over_postgres(lambda: where), SaverEngine(POSTGRESQL, serializer_for()), "PostgreSQL")
        with suppress(ForeignTables):
            source._is_used()
        return source._ready

    def _is_used(self) -> bool:
        """Whether a checkpoint is there."""
        return bool(self._run(self._engine.index.any))

    # ------------------------------------------------------------ Source

    def find_threads(
        self, text: str = "", limit: int = 50, after: tuple[Any, Any] | None = None
    ) -> ThreadBatch:
        key = None if after is None else (float(after[0]), int(after[1]))
        found = self._run(lambda: self._engine.index.thread_batch(text, limit, key))
        rows, total, last = found or ([], 0, None)
        return ThreadBatch(
            [ThreadInfo(str(name), count, time_or_none(at)) for name, count, at in rows], total, last
        )

    def threads(self) -> list[ThreadInfo]:
        rows = self._run(lambda: self._engine.index.threads(roots=True))
        return [ThreadInfo(str(name), count, time_or_none(at)) for name, count, at in rows or []]

    def index(self, thread_id: str, since: Any = None) -> ThreadIndex:
        found = self._run(lambda: self._engine.index.read(thread_id, since)) or ThreadIndex()
        found.checkpoints = [_timely(row) for row in found.checkpoints]
        return found

    def newest(self, thread_ids: Sequence[str]) -> dict[str, ThreadIndex]:
        return self._run(lambda: self._engine.index.newest(thread_ids)) or {} if thread_ids else {}

    def thread_facts(self) -> list[ThreadFacts]:
        found, more = self._run(self._engine.facts.read) or ({}, False)
        if not more:
            return list(found.values())
        return [found.get(one.thread_id) or self._heir(one.thread_id) for one in self.threads()]

    def _heir(self, thread_id: str) -> ThreadFacts:
        """The facts of a thread that continues the path of another."""
        taken = self._run(lambda: self._engine.stats.read(thread_id)) or Stats()
        return facts_of(thread_id, self.index(thread_id), taken.bytes)

    def lineage(self, thread_id: str) -> ThreadLineage:
        return self._run(lambda: self._engine.lineages.read(thread_id)) or ThreadLineage()

    def stats(self) -> Stats:
        return self._run(lambda: self._engine.stats.read()) or Stats()

    def check(self, told: Told = lambda *_: None) -> list[Problem]:  # noqa: ARG002 - one act
        return self._run(self._engine.integrity.check) or []

    def prune_estimate(self, thread_ids: Sequence[str], strategy: str) -> list[PruneEstimate]:
        return self._run(lambda: self._engine.stats.estimate(thread_ids, strategy)) or []

    def record(self, thread_id: str, namespace: str, checkpoint_id: str, *, exact: bool = False) -> Record:
        stored = self._stored(thread_id, namespace, checkpoint_id, None, exact=exact)
        return self._opened_record(thread_id, namespace, checkpoint_id, stored, exact=exact)

    def records(self, thread_id: str, places: Sequence[tuple[str, str]]) -> list[Record | None]:
        def read() -> Operation[list[StoredCheckpoint | Undecodable | None]]:
            found: list[StoredCheckpoint | Undecodable | None] = []
            for place in places:
                try:
                    found.append((yield from self._engine.reads.get(config_of(thread_id, *place))))
                except DamagedData as error:
                    found.append(Undecodable(error.cause, 0, "checkpoint"))
            return found

        stored = self._run(read) or [None] * len(places)
        return [
            None if one is None else self._opened_record(thread_id, *place, one, exact=False)
            for place, one in zip(places, stored, strict=True)
        ]

    def _opened_record(
        self,
        thread_id: str,
        namespace: str,
        checkpoint_id: str,
        stored: StoredCheckpoint | Undecodable,
        *,
        exact: bool,
    ) -> Record:
        if isinstance(stored, Undecodable):
            writes = self.writes(thread_id, namespace, checkpoint_id)
            return Record(checkpoint_id, None, {}, None, {"": stored}, writes)
        decode = self._opener(stored.blocks, exact=exact)
        writes = [
            StoredWrite(task_id, path, write.idx, write.channel, decode(write.part))
            for path, task_id, write in stored.writes
        ]
        return self._recorded(stored, decode, writes, exact=exact)

    def stored_form(self, thread_id: str, namespace: str, checkpoint_id: str) -> bytes:
        stored = self._stored(thread_id, namespace, checkpoint_id, None)
        if isinstance(stored, Undecodable):
            return stored.reason.encode()
        found = self._run(lambda: self._writes(thread_id, namespace, [checkpoint_id], None, every=True))
        rows, more = found or ({}, {})
        blocks = {**stored.blocks, **more}

        def named(block: Block) -> bytes:
            """A block by its hash, which :meth:`check` compares with what is below it."""
            known = blocks.get(block.id)
            return b"missing" if known is None else known.hash

        channels = [[name, repr(c.version), c.part] for name, c in stored.channels.items()]
        writes = [[path, task, w.idx, w.channel, w.part] for path, task, _, w in rows.get(checkpoint_id, ())]
        whole = [stored.parent, stored.metadata, stored.head, channels, repr(stored.seen), writes]
        return ormsgpack.packb(whole, default=named)

    def stored_items(self) -> Iterator[tuple[str, str, bytes]]:
        def read() -> Operation[list[Any]]:
            yield READ
            tables = {name for (name,) in (yield Query(self._engine.dialect.tables))}
            return (yield Query(ITEMS)) if "store" in tables else []

        return item_forms(self._run(read) or ())

    def bookkeeping(
        self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str]
    ) -> dict[str, Bookkeeping]:
        found: dict[str, Bookkeeping] = {}
        for start in range(0, len(checkpoint_ids), _ROWS_AT_ONCE):
            some = checkpoint_ids[start : start + _ROWS_AT_ONCE]
            found |= self._run(lambda: self._bookkeeping(thread_id, namespace, some)) or {}  # noqa: B023
        return found

    def channels(
        self, thread_id: str, namespace: str, checkpoint_id: str, names: Iterable[str] | None = None
    ) -> dict[str, Any]:
        if names is None:
            return dict(self.record(thread_id, namespace, checkpoint_id).values)
        wanted = list(names)
        stored = self._stored(thread_id, namespace, checkpoint_id, wanted)
        if isinstance(stored, Undecodable):
            return dict.fromkeys(wanted, stored) or {"": stored}
        decode = self._opener(stored.blocks)
        return {name: decode(c.part) for name, c in stored.channels.items() if c.part is not None}

    def channel_reader(
        self, thread_id: str, namespace: str, channel: str
    ) -> Callable[[Sequence[str]], dict[str, Any]]:
        codec, known = _SharedLeaves(self._engine.blocks.merkle), dict[int, Block]()

        def read(ids: Sequence[str]) -> dict[str, Any]:
            parts = self._run(lambda: self._parts_of(thread_id, namespace, ids, channel, known)) or {}
            decode = self._opener(known, codec=codec)
            return {
                id_: part if isinstance(part, Undecodable) else decode(part) for id_, part in parts.items()
            }

        return read

    def writes(self, thread_id: str, namespace: str, checkpoint_id: str) -> list[StoredWrite]:
        found = self._run(lambda: self._writes(thread_id, namespace, [checkpoint_id], None))
        return self._opened(*found or ({}, {})).get(checkpoint_id, [])

    def every_write(self, thread_id: str, namespace: str, checkpoint_id: str) -> list[StoredWrite]:
        """:meth:`writes`, exact, also those of tasks that ran again, which LangGraph is not given."""
        found = self._run(lambda: self._writes(thread_id, namespace, [checkpoint_id], None, every=True))
        return self._opened(*found or ({}, {}), exact=True).get(checkpoint_id, [])

    def encoded_record(
        self, thread_id: str, namespace: str, checkpoint_id: str, known: dict[int, Block]
    ) -> Record:
        """:meth:`record`, exact, its values not decoded, with :meth:`every_write`: for a saver that writes
        each value alike, which is spared to decode and encode what it has.

        Args:
            thread_id, namespace, checkpoint_id: as :meth:`record` takes them.
            known: the blocks that such records were made of, by id; grows.

        Raises:
            CheckpointNotFound, DamagedData: as :meth:`record`.
            LookupError: a block is missing or damaged.
        """
        stored = self._stored(thread_id, namespace, checkpoint_id, None, exact=True)
        assert not isinstance(stored, Undecodable)
        found = self._run(lambda: self._writes(thread_id, namespace, [checkpoint_id], None, every=True))
        rows, blocks = found or ({}, {})

        def kept(part: Part, below: Mapping[int, Block] = stored.blocks) -> EncodedValue:
            return EncodedValue(relinked(part, below, known))

        writes = _stored_writes(rows.get(checkpoint_id, ()), lambda part: kept(part, blocks))
        return self._recorded(stored, kept, writes, exact=True)

    def _recorded(
        self,
        stored: StoredCheckpoint,
        value: Callable[[Part], Any],
        writes: list[StoredWrite],
        *,
        exact: bool,
    ) -> Record:
        """A checkpoint as it was read, with what ``value`` makes of the parts of its values."""
        id_ = str(stored.address.checkpoint_id)
        metadata = self._engine.records.open_metadata(stored.metadata)
        if exact and metadata is None:
            raise DamagedData(f"The metadata of checkpoint {id_} is damaged.")
        head = self._opener(stored.blocks, exact=exact)(stored.head)
        return Record(
            id_,
            stored.parent,
            metadata or {},
            _bookkeeping(id_, head, stored.channels, stored.seen, stored.in_order),
            {name: value(c.part) for name, c in stored.channels.items() if c.part is not None},
            writes,
        )

    def writes_alike(self, saver: Saver) -> bool:
        """Whether a saver would store each value as it is stored here."""
        return self._engine.blocks.merkle.writes_alike(saver.engine.blocks.merkle)

    def writes_to(
        self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str], channels: Collection[str]
    ) -> dict[str, list[StoredWrite]]:
        found: dict[str, list[StoredWrite]] = {}
        for start in range(0, len(checkpoint_ids), _IDS_AT_ONCE):
            some = checkpoint_ids[start : start + _IDS_AT_ONCE]
            read = self._run(lambda: self._writes(thread_id, namespace, some, channels))  # noqa: B023
            found |= self._opened(*read or ({}, {}))
        return found

    def _opened(
        self, rows: Mapping[str, Sequence[StoredEntry]], blocks: dict[int, Block], *, exact: bool = False
    ) -> dict[str, list[StoredWrite]]:
        decode = self._opener(blocks, exact=exact)
        return {id_: _stored_writes(entries, decode) for id_, entries in rows.items()}

    @contextmanager
    def sharing(self) -> Iterator[None]:
        self._sharing = _SharedLeaves(self._engine.blocks.merkle)
        try:
            yield
        finally:
            self._sharing = None

    def close(self) -> None:
        self._close()

    # ------------------------------------------------------------ operations

    def _run(self, operation: Callable[[], Operation[R]]) -> R | None:
        """What an operation gives; None where no saver has made its tables yet."""
        with self._lock:
            if not self._ready:
                self._ready = self._runner(self._look)
            try:
                return self._runner(operation) if self._ready else None
            except LgvizError:
                raise
            except (TypeError, ValueError, ArithmeticError, AttributeError, RecursionError) as error:
                raise DamagedData(
                    f"{self.description} holds what no saver writes: {described(error)}.",
                    "Its other threads may be whole: name one.",
                ) from error

    def _look(self) -> Operation[bool]:
        """Whether the tables are there. They are not made, as a saver would: a source never writes."""
        yield READ
        tables = {name for (name,) in (yield Query(self._engine.dialect.tables))}
        if tables.isdisjoint({"checkpoints", "lgviz_checkpoints"}):
            return False
        yield from self._engine.setup()
        return True

    def _stored(
        self,
        thread_id: str,
        namespace: str,
        checkpoint_id: str,
        names: Sequence[str] | None,
        *,
        exact: bool = False,
    ) -> StoredCheckpoint | Undecodable:
        """A checkpoint as its saver reads it, with its writes where all values are asked for."""
        config = config_of(thread_id, namespace, checkpoint_id)
        try:
            stored = self._run(lambda: self._engine.reads.get(config, names))
        except DamagedData as error:
            if exact:
                raise
            return Undecodable(error.cause, 0, "checkpoint")
        if stored is None:
            raise CheckpointNotFound(
                f"Checkpoint {checkpoint_id} is no longer in thread {thread_id!r}.", "Refresh the history."
            )
        return stored

    def _bodies(self, thread_id: str, namespace: str, ids: Sequence[str]) -> Operation[Rows]:
        """The ids and bodies of checkpoints."""
        yield READ
        where, params = self._engine.dialect.among("c.id", ids)
        rows = yield Query(_BODIES + where, [thread_id, namespace, *params])
        if len(rows) < len(ids):
            chain = yield from self._engine.lineages.chain_of(thread_id)
            rows = [*rows, *(yield from self._engine.lineages.bodies(chain, namespace, ids))]
        return rows

    def _parts_of(
        self, thread_id: str, namespace: str, ids: Sequence[str], channel: str, known: dict[int, Block]
    ) -> Operation[dict[str, Part | Undecodable]]:
        """What checkpoints hold of one channel, by id; the blocks below are added to ``known``."""
        found: dict[str, Part | Undecodable] = {}
        for id_, body in (yield from self._bodies(thread_id, namespace, ids)):
            try:
                table = yield from self._engine.records.open_channels(as_bytes(body))
            except DamagedData as error:
                found[id_] = Undecodable(error.cause, 0, "checkpoint")
                continue
            if channel in table and (part := table[channel].part) is not None:
                found[id_] = part
        stored = [part for part in found.values() if not isinstance(part, Undecodable)]
        known |= yield from self._engine.blocks.fetch(stored, known)
        return found

    def _bookkeeping(
        self, thread_id: str, namespace: str, ids: Sequence[str]
    ) -> Operation[dict[str, Bookkeeping]]:
        parts = {}
        for id_, body in (yield from self._bodies(thread_id, namespace, ids)):
            # Whatever damaged bytes raise: check() names them, and the other checkpoints count.
            with suppress(Exception):
                head, channels, seen, in_order = read_body(self._engine.blocks.codec.open_row(as_bytes(body)))
                table = read_channels((yield from self._engine.blocks.unfold(channels)))
                parts[id_] = head, table, read_seen((yield from self._engine.blocks.unfold(seen))), in_order
        decode = self._opener((yield from self._engine.blocks.fetch([head for head, *_ in parts.values()])))
        found = {
            id_: _bookkeeping(id_, decode(head), table, seen, in_order)
            for id_, (head, table, seen, in_order) in parts.items()
        }
        return {id_: bookkeeping for id_, bookkeeping in found.items() if bookkeeping is not None}

    def _writes(
        self,
        thread_id: str,
        namespace: str,
        ids: Sequence[str],
        channels: Collection[str] | None,
        *,
        every: bool = False,
    ) -> Operation[tuple[dict[str, list[StoredEntry]], dict[int, Block]]]:
        """The writes (to some channels, or all) under checkpoints, as LangGraph sorts them."""
        yield READ
        found: dict[str, list[StoredEntry]] = {}
        if chain := (yield from self._engine.lineages.chain_of(thread_id)):
            inherited = yield from self._engine.lineages.writes(chain, namespace, ids)
            rows = [(row.checkpoint_id, row.task_path, row.task_id, row.key, row.data) for row in inherited]
        else:
            where, params = self._engine.dialect.among("w.checkpoint_id", ids)
            rows = yield Query(_WRITES + where, [thread_id, namespace, *params])
        for id_, path, task_id, key, data in rows:
            with suppress(Exception):
                row = self._engine.blocks.codec.open_row(as_bytes(data))
                entries = read_writes(row, every=every or channels is not None)
                wanted = (write for write in entries if channels is None or write.channel in channels)
                found.setdefault(id_, []).extend((path, task_id, key, write) for write in wanted)
        for writes in found.values():
            writes.sort(key=lambda entry: (entry[0], entry[1], entry[3].idx))
        parts = [write.part for writes in found.values() for *_, write in writes]
        return found, (yield from self._engine.blocks.fetch(parts))

    def _opener(
        self, blocks: Mapping[int, Block], *, exact: bool = False, codec: MerkleCodec | None = None
    ) -> Callable[[Part], Any]:
        """What makes values of parts of a tree whose blocks were fetched."""

        codec = codec or self._sharing or self._engine.blocks.merkle

        def decode(part: Part) -> Any:
            if exact:
                return codec.decode(part, blocks, _refused)
            try:
                return codec.decode(part, blocks, _undecodable)
            except Exception as error:
                return Undecodable(described(error), 0, "container")

        return decode


class _SharedLeaves(MerkleCodec):
    """Decodes what is stored once as one object; lists and dicts are made anew, as who reads may change them.

    Args:
        codec: whose settings it takes.
    """

    def __init__(self, codec: MerkleCodec) -> None:
        super().__init__(codec.serde, cut=codec.cut, key=codec.key)
        self._by_hash: dict[bytes, Any] = {}
        self._inline: dict[bytes, Any] = {}

    def decode(
        self, part: Part, blocks: Mapping[int, Block], damaged: Callable[[Block, Exception], Any]
    ) -> Any:
        block = blocks.get(part.id) if isinstance(part, Block) else None
        known, name = (self._inline, part) if block is None else (self._by_hash, block.hash)
        leaf = part if block is None else block.part
        if type(leaf) is not bytes or type(name) is not bytes:
            return super().decode(part, blocks, damaged)
        if name not in known:
            known[name] = super().decode(part, blocks, damaged)
        return known[name]


def _timely(row: CheckpointRow) -> CheckpointRow:
    """A row whose times are some: a file may say anything."""
    began, ended = time_or_none(row.started_at), time_or_none(row.ended_at)
    if began == row.started_at and ended == row.ended_at:
        return row
    return replace(row, started_at=began, ended_at=ended)


def _stored_writes(entries: Iterable[StoredEntry], value: Callable[[Part], Any]) -> list[StoredWrite]:
    return [
        StoredWrite(task_id, path, w.idx, w.channel, value(w.part), w.after, key)
        for path, task_id, key, w in entries
    ]


def _bookkeeping(
    checkpoint_id: str,
    head: Any,
    channels: Mapping[str, Channel],
    seen: Mapping[str, Mapping[str, Any]],
    in_order: bool,
) -> Bookkeeping | None:
    if not isinstance(head, Mapping):
        return None
    held = [name for name, channel in channels.items() if channel.part is not None]
    versions = {name: c.version for name, c in channels.items() if c.version is not None}
    whole = {**head, "id": checkpoint_id, "channel_versions": versions, "versions_seen": seen}
    return Bookkeeping.of(whole, held, in_order=in_order)


def _undecodable(block: Block, error: Exception) -> Undecodable:
    data = block.part if isinstance(block.part, bytes) else b""
    tag = "missing"
    with suppress(ValueError, IndexError):
        tag = typed(data)[0] if data else tag
    return Undecodable(described(error), len(data), tag)


def _refused(block: Block, error: Exception) -> Any:  # noqa: ARG001
    raise error
