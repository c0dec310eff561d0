"""What LangGraph's savers keep, in dicts or tables, read without decoding more than is asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from lgviz.errors import CheckpointNotFound, DamagedData
from lgviz.persistence.blocks.integrity import Problem
from lgviz.persistence.database.dialect import containing
from lgviz.persistence.savers.stats import Stats
from lgviz.persistence.serde import javascript
from lgviz.sources.base import (
    Bookkeeping,
    CheckpointRow,
    Record,
    Source,
    StoredWrite,
    ThreadBatch,
    ThreadFacts,
    ThreadIndex,
    ThreadInfo,
    Told,
    Undecodable,
    WriteRow,
)
from lgviz.sources.connections import ReadConnection, Rows, Statement
from lgviz.sources.decode import Decoder, Encoded, load_metadata, opened_writes
from lgviz.sources.places import TASKS_CHANNEL, id_time
from lgviz.sources.thread_facts import MARKS, leading_on, seconds_between

from . import integrity, sql
from .integrity import StoredValue

__all__ = ["EncodedSource", "LangGraphTables", "Split", "item_forms"]

_KEEPS_SENDS = 4
"""The first format of checkpoints with a channel for what was sent."""

_IDS_AT_ONCE = 500
_AT_ONCE = 16
"""Checkpoints whose writes are looked into at once."""

Split = tuple[dict[str, Any], dict[str, Encoded]] | Undecodable
"""A checkpoint's bookkeeping and its values, still encoded; or why it cannot be read."""


class EncodedSource(Source):
    """A source whose checkpoints come with their values still encoded.

    Args:
        decoder: how to open values.
        description: what is being read, in words.
    """

    _in_order: ClassVar[bool] = False
    """Whether the values of a checkpoint lie in the order in which LangGraph gave them."""

    def __init__(self, decoder: Decoder, description: str) -> None:
        self.description = description
        self._decoder = decoder

    def is_empty(self) -> bool:
        """Whether no checkpoint is there."""
        return not self.threads()

    @abstractmethod
    def _split(
        self, thread_id: str, namespace: str, ids: Sequence[str], names: Collection[str] | None
    ) -> Iterator[tuple[str, Split]]:
        """Those of the checkpoints that exist, by id. Only the values of the named channels (None: of all)
        need be there; the others must be named."""

    def bookkeeping(
        self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str]
    ) -> dict[str, Bookkeeping]:
        found = self._split(thread_id, namespace, checkpoint_ids, ())
        readable = {id_: split for id_, split in found if not isinstance(split, Undecodable)}
        return {id_: Bookkeeping.of(*split, in_order=self._in_order) for id_, split in readable.items()}

    def channels(
        self, thread_id: str, namespace: str, checkpoint_id: str, names: Iterable[str] | None = None
    ) -> dict[str, Any]:
        wanted = None if names is None else list(names)
        split = dict(self._split(thread_id, namespace, [checkpoint_id], wanted)).get(checkpoint_id)
        if split is None:
            raise missing(thread_id, checkpoint_id)
        if isinstance(split, Undecodable):
            return dict.fromkeys(wanted or (), split) or {"": split}
        _, values = split
        held = values if wanted is None else [name for name in wanted if name in values]
        return {name: _opened(self._decoder, name, values[name]) for name in held}

    def channel_reader(
        self, thread_id: str, namespace: str, channel: str
    ) -> Callable[[Sequence[str]], dict[str, Any]]:
        decoder = self._decoder.sharing()

        def read(ids: Sequence[str]) -> dict[str, Any]:
            found: dict[str, Any] = {}
            for id_, split in self._split(thread_id, namespace, ids, [channel]):
                if isinstance(split, Undecodable):
                    found[id_] = split
                elif channel in split[1]:
                    found[id_] = _opened(decoder, channel, split[1][channel])
            return found

        return read

    def encoded(self, thread_id: str, namespace: str, checkpoint_id: str) -> dict[str, Encoded]:
        """A checkpoint's values by channel, as they are stored; none where they cannot be told apart."""
        split = dict(self._split(thread_id, namespace, [checkpoint_id], None)).get(checkpoint_id)
        return {} if split is None or isinstance(split, Undecodable) else split[1]

    def classes(self, thread_id: str, namespace: str, checkpoint_id: str) -> dict[str, dict[str, bool]]:
        stored = self.encoded(thread_id, namespace, checkpoint_id)
        found = {channel: self._decoder.classes(*value) for channel, value in stored.items()}
        return {channel: classes for channel, classes in found.items() if classes}

    def _record(
        self,
        checkpoint_id: str,
        parent_id: str | None,
        metadata: Mapping[str, Any],
        split: Split,
        writes: Sequence[StoredWrite],
        exact: bool,
    ) -> Record:
        if isinstance(split, Undecodable):
            if exact:
                raise DamagedData(f"Checkpoint {checkpoint_id}: {split.reason}.")
            return Record(checkpoint_id, parent_id, metadata, None, {"": split}, writes)
        head, encoded = split
        values = {name: _opened(self._decoder, name, value, exact=exact) for name, value in encoded.items()}
        bookkeeping = Bookkeeping.of(head, values, in_order=self._in_order)
        return Record(checkpoint_id, parent_id, metadata, bookkeeping, values, writes)


def item_forms(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[str, str, bytes]]:
    """What :meth:`Source.stored_items` gives, of the rows of :data:`sql.ITEMS`."""
    for prefix, key, *rest in rows:
        yield str(prefix), str(key), repr(rest).encode("utf-8", "backslashreplace")


def _named(rows: Iterable[Sequence[Any]]) -> list[ThreadInfo]:
    """Threads from rows of id, number of checkpoints and newest one. An id that is no text no saver wrote,
    and nobody can ask for it."""
    named = (row for row in rows if type(row[0]) is str)
    return [ThreadInfo(thread, int(count), id_time(str(last))) for thread, count, last, *_ in named]


def _opened(decoder: Decoder, channel: str, value: Encoded, *, exact: bool = False) -> Any:
    return javascript.of_channel(channel, decoder.value(*value, exact=exact))


class LangGraphTables(EncodedSource):
    """Reads the tables of LangGraph's savers of any version since 2024; the index opens no value.

    Args:
        reader: how to reach the database.
        decoder, description: see :class:`EncodedSource`.
    """

    _threads: ClassVar[str]
    """Selects thread id, number of root checkpoints and greatest checkpoint id, the newest first."""
    _activity: ClassVar[str]
    """What is greater, the newer a thread's activity is."""
    _last: ClassVar[str] = "checkpoint_id"
    """The column that is greatest in the newest checkpoint of a thread."""
    _like: ClassVar[str] = "LIKE"
    """Compares with a pattern, in upper or lower case."""
    _newest: ClassVar[str]
    """Selects thread id and id of each thread's newest root checkpoint."""
    _columns_of: ClassVar[str]
    """Selects the names of a table's columns."""
    _writes: ClassVar[str]
    """The table of writes."""
    _value: ClassVar[str]
    """Its column of values."""
    _metadata: ClassVar[str]
    """A checkpoint's metadata, as JSON."""
    _row_size: ClassVar[str]
    """Bytes of a checkpoint's row."""
    _at_once: ClassVar[int]
    """How many checkpoints are asked for by one statement."""
    _saver_finds_sends: ClassVar[bool]
    """Whether LangGraph's own saver finds what the step before sent, where a checkpoint is too old to say."""
    _beginning: ClassVar[Any]
    """The token before the first checkpoint."""

    def __init__(self, reader: ReadConnection, decoder: Decoder, description: str) -> None:
        super().__init__(decoder, description)
        self._reader = reader
        self._columns: dict[str, set[str]] = {}

    # ------------------------------------------------------------ Source

    def threads(self) -> list[ThreadInfo]:
        if not self.has_tables():
            return []
        (rows,) = self._reader.read((self._threads, ()))
        return _named(rows)

    def find_threads(
        self, text: str = "", limit: int = 50, after: tuple[Any, Any] | None = None
    ) -> ThreadBatch:
        if not self.has_tables():
            return ThreadBatch((), 0, None)
        condition, params = containing("thread_id", text, self._like) if text else ("", [])
        key = () if after is None else (after[0], *after)
        counts, rows = self._reader.read(
            (sql.count_threads(condition), params),
            (
                sql.newest_threads(self._activity, condition, keyed=after is not None),
                (*params, *key, limit),
            ),
        )
        last = (rows[-1][3], rows[-1][0]) if len(rows) == limit else None
        return ThreadBatch(_named(rows), counts[0][0], last)

    def index(self, thread_id: str, since: Any = None) -> ThreadIndex:
        if not self.has_tables():
            return ThreadIndex()
        if since is None:
            return self._read_index(thread_id, self._beginning)
        if since.stamp is not None and since.stamp == self._reader.stamp():
            return ThreadIndex(token=since)
        index = self._read_index(thread_id, since)
        if index.reset:
            index = self._read_index(thread_id, self._beginning)
            index.reset = True
        return index

    def newest(self, thread_ids: Sequence[str]) -> dict[str, ThreadIndex]:
        if not thread_ids or not self.has_tables():
            return {}
        statement = sql.newest_of(self._last, self._metadata, self._writes, self._path(), len(thread_ids))
        found: dict[str, ThreadIndex] = {}
        for thread, id_, parent, metadata, task_id, *rest in self._reader.read((statement, thread_ids))[0]:
            if thread not in found:
                row = CheckpointRow("", id_, parent, load_metadata(metadata), 0)
                found[thread] = ThreadIndex([row])
            if task_id is not None:
                found[thread].writes.append(WriteRow("", id_, task_id, *rest))
        return found

    def record(self, thread_id: str, namespace: str, checkpoint_id: str, *, exact: bool = False) -> Record:
        (found,) = self._whole(thread_id, [(namespace, checkpoint_id)], exact=exact)
        if found is None:
            raise missing(thread_id, checkpoint_id)
        return found

    def records(self, thread_id: str, places: Sequence[tuple[str, str]]) -> list[Record | None]:
        return self._whole(thread_id, places)

    def stored_form(self, thread_id: str, namespace: str, checkpoint_id: str) -> bytes:
        found = self._reader.read(*self._select_whole(thread_id, namespace, checkpoint_id))
        *stored, facts, writes = found
        if not facts:
            raise missing(thread_id, checkpoint_id)
        return repr([*stored, facts, sorted(writes, key=repr)]).encode("utf-8", "backslashreplace")

    def stored_items(self) -> Iterator[tuple[str, str, bytes]]:
        if self._reader.read((self._columns_of, ("store",)))[0]:
            yield from item_forms(self._reader.read((sql.ITEMS, ()))[0])

    def _whole(
        self, thread_id: str, places: Sequence[tuple[str, str]], *, exact: bool = False
    ) -> list[Record | None]:
        statements = [self._select_whole(thread_id, *place) for place in places]
        rows = iter(self._reader.read(*(statement for some in statements for statement in some)))
        return [
            self._of_rows(thread_id, *place, [next(rows) for _ in some], exact=exact)
            for place, some in zip(places, statements, strict=True)
        ]

    def _select_whole(self, thread_id: str, namespace: str, checkpoint_id: str) -> list[Statement]:
        place = (thread_id, namespace, checkpoint_id)
        facts = (sql.facts(self._metadata, self._at()), place)
        return [
            *self._select(thread_id, namespace, [checkpoint_id], None),
            facts,
            self._select_writes(*place),
        ]

    def _of_rows(
        self, thread_id: str, namespace: str, checkpoint_id: str, rows: Sequence[Rows], *, exact: bool
    ) -> Record | None:
        *stored, facts, writes = rows
        if not facts:
            return None
        split = dict(self._assembled(stored, exact=exact)).get(checkpoint_id)
        if split is None:  # the table's index is damaged: it led to another row
            return None
        parent_id, metadata = facts[0]
        if _is_old(split) and (self._saver_finds_sends or not exact):
            sent = self._sent(thread_id, namespace, [checkpoint_id], exact=exact)
            split = _with_sends(split, sent.get(checkpoint_id))
        return self._record(
            checkpoint_id,
            parent_id,
            load_metadata(metadata, exact=exact),
            split,
            opened_writes(writes, self._decoder, exact=exact),
            exact,
        )

    def writes(self, thread_id: str, namespace: str, checkpoint_id: str) -> list[StoredWrite]:
        (rows,) = self._reader.read(self._select_writes(thread_id, namespace, checkpoint_id))
        return opened_writes(rows, self._decoder)

    def writes_to(
        self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str], channels: Collection[str]
    ) -> dict[str, list[StoredWrite]]:
        columns = self._path(), self._type(self._writes), self._value, self._at()
        statements = []
        for start in range(0, len(checkpoint_ids), _IDS_AT_ONCE):
            some = checkpoint_ids[start : start + _IDS_AT_ONCE]
            statement = sql.writes_to(self._writes, *columns, len(some), len(channels))
            statements.append((statement, (thread_id, namespace, *some, *channels)))
        by_id: dict[str, list[Any]] = {}
        for rows in self._reader.read(*statements):
            for id_, *row in rows:
                by_id.setdefault(id_, []).append(row)
        return {id_: opened_writes(rows, self._decoder) for id_, rows in by_id.items()}

    @contextmanager
    def sharing(self) -> Iterator[None]:
        alone = self._decoder
        self._decoder = alone.sharing()
        try:
            yield
        finally:
            self._decoder = alone

    def close(self) -> None:
        self._reader.close()

    # ------------------------------------------------------------ what is there

    whole = (
        "Everything that is there can be read, and no checkpoint is missing. LangGraph's tables have no "
        "hashes to tell more by."
    )

    def stats(self) -> Stats:
        self.has_tables()
        rows, writes = self._reader.read(
            (sql.checkpoint_sizes(self._row_size), ()), (sql.write_sizes(self._writes, self._value), ())
        )
        formats = Counter[str]()
        found = integrity.measured(rows, writes, self._value_sizes(formats))
        found.formats = dict(sorted(formats.items()))
        return found

    def check(self, told: Told = lambda *_: None) -> list[Problem]:
        self.has_tables()
        found = list(self._database_faults())
        threads = [one.thread_id for one in self.threads()]
        for done, thread in enumerate(threads):
            told(done, len(threads))
            found += self._thread_faults(thread)
        return [*found, *integrity.dangling(self._reader, self._writes)]

    def _thread_faults(self, thread_id: str) -> Iterator[Problem]:
        metadata, ids = self._reader.read(
            (sql.metadata_of(self._metadata), (thread_id,)), (sql.IDS, (thread_id,))
        )
        yield from integrity.metadata_faults(thread_id, metadata)
        yield from self._value_faults(thread_id, ids)
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            found = self._reader.read(*(self._select_writes(thread_id, *one) for one in some))
            for one, writes in zip(some, found, strict=True):
                place = integrity.place_text(thread_id, *one)
                values = (
                    StoredValue(f"{place}, task {task_id}, channel {channel!r}", (type_, blob))
                    for _, task_id, _, channel, type_, blob in writes
                )
                yield from integrity.faults(values, self._decoder)

    def _database_faults(self) -> Iterator[Problem]:
        """What the database itself finds damaged."""
        return iter(())

    @abstractmethod
    def _value_faults(self, thread_id: str, ids: Rows) -> Iterator[Problem]:
        """Which values of the checkpoints (namespace, id) of a thread cannot be read."""

    @abstractmethod
    def _value_sizes(self, formats: Counter[str]) -> Iterator[tuple[str | None, str, int]]:
        """What :func:`integrity.measured` is given; counts the formats of checkpoints."""

    def thread_facts(self) -> list[ThreadFacts]:
        if not self.has_tables():
            return []
        path = self._path()
        totals, newest, marks, channels, *sizes = self._reader.read(
            (sql.thread_sizes(self._row_size, self._activity), ()),
            (sql.newest(self._newest, self._metadata, self._writes, path), ()),
            (sql.marks(self._writes, path, len(MARKS)), sorted(MARKS)),
            (sql.led(self._writes), ()),
            *((statement, ()) for statement in self._thread_sizes()),
        )
        more = Counter[str]()
        for thread, size in (row for rows in sizes for row in rows):
            more[thread] += size
        last = {row[0]: row[1:4] for row in newest}
        made = _by_thread((row[0], row[2], *row[4:]) for row in newest if row[4] is not None)
        marked, led = _by_thread(marks), leading_on(name for (name,) in channels)
        found = []
        for thread, steps, first, latest, size in totals:
            if type(thread) is not str:
                continue
            metadata, before, metadata_before = last.get(thread, (None, None, None))
            found.append(
                ThreadFacts(
                    thread,
                    steps,
                    seconds_between([first, latest]),
                    int((size or 0) + more[thread]),
                    load_metadata(metadata),
                    None if before is None else (before, load_metadata(metadata_before).get("step")),
                    marked.get(thread, ()),
                    made.get(thread, ()),
                    led,
                )
            )
        return found

    def _thread_sizes(self) -> list[str]:
        """What selects bytes by thread, beside those of its checkpoints."""
        return [sql.thread_write_sizes(self._writes, self._value)]

    # ------------------------------------------------------------ SQL

    def has_tables(self) -> bool:
        """Whether the tables are there."""
        if not self._columns.get(self._writes):
            tables = ("checkpoints", self._writes)
            found = self._reader.read(*((self._columns_of, (table,)) for table in tables))
            self._columns = {
                table: {name for (name,) in rows} for table, rows in zip(tables, found, strict=True)
            }
        return all(self._columns.values())

    def is_empty(self) -> bool:
        return not self._reader.read((sql.ANY, ()))[0]

    def _split(
        self, thread_id: str, namespace: str, ids: Sequence[str], names: Collection[str] | None
    ) -> Iterator[tuple[str, Split]]:
        sent: dict[str, list[Any]] | None = None
        for start in range(0, len(ids), self._at_once):
            some = ids[start : start + self._at_once]
            rows = self._reader.read(*self._select(thread_id, namespace, some, names))
            for id_, split in self._assembled(rows):
                if _is_old(split):
                    if sent is None:
                        sent = self._sent(thread_id, namespace, ids)
                    yield id_, _with_sends(split, sent.get(id_))
                else:
                    yield id_, split

    def _sent(
        self, thread_id: str, namespace: str, ids: Sequence[str], *, exact: bool = False
    ) -> dict[str, list[Any]]:
        """By checkpoint: what the step before it sent, which old formats have as that step's writes alone."""
        found: dict[str, list[Any]] = {}
        for start in range(0, len(ids), _IDS_AT_ONCE):
            some = ids[start : start + _IDS_AT_ONCE]
            statement = sql.sent(self._writes, self._path(), self._value, len(some))
            (rows,) = self._reader.read((statement, (thread_id, namespace, *some)))
            for id_, *_, type_, value in sorted(rows, key=lambda row: row[:4]):
                found.setdefault(id_, []).append(self._decoder.value(type_, value, exact=exact))
        return found

    def _select_writes(self, thread_id: str, namespace: str, checkpoint_id: str) -> Statement:
        type_ = self._type(self._writes)
        statement = sql.writes(self._writes, self._path(), type_, self._value, self._at())
        return statement, (thread_id, namespace, checkpoint_id)

    @abstractmethod
    def _select(
        self, thread_id: str, namespace: str, ids: Sequence[str], names: Collection[str] | None
    ) -> list[Statement]:
        """What selects checkpoints, with the values of the named channels (None: of all) at least."""

    @abstractmethod
    def _assembled(self, rows: Sequence[Rows], *, exact: bool = False) -> Iterator[tuple[str, Split]]:
        """The checkpoints in the rows of these statements, by id."""

    @abstractmethod
    def _read_index(self, thread_id: str, since: Any) -> ThreadIndex:
        """The rows after the token ``since``; only ``reset`` where rows were deleted or replaced."""

    def _at(self) -> str:
        """What selects the rows of one namespace of a thread; takes both."""
        return sql.AT

    def _path(self) -> str:
        return "task_path" if self._has(self._writes, "task_path") else "''"

    def _type(self, table: str) -> str:
        return "type" if self._has(table, "type") else "'json'"

    def _has(self, table: str, column: str) -> bool:
        if column not in self._columns.get(table, ()):
            self._columns = {}  # a saver adds columns to an old table when it first writes
            self.has_tables()
        return column in self._columns[table]


def _is_old(split: Split) -> bool:
    if isinstance(split, Undecodable):
        return False
    version = split[0].get("v")
    return not isinstance(version, int) or version < _KEEPS_SENDS


def _with_sends(split: Split, sent: list[Any] | None) -> Split:
    """A checkpoint with the channel that format 4 has for what was sent, as LangGraph reads older ones."""
    if isinstance(split, Undecodable):
        return split
    head, values = split
    sent = sent or head.get("pending_sends")  # before July 2024 no writes were stored
    if not isinstance(sent, list) or not sent:
        return split
    try:
        versions = {**head["channel_versions"], TASKS_CHANNEL: max(head["channel_versions"].values())}
    except (KeyError, TypeError, ValueError, AttributeError):
        return split
    return {**head, "channel_versions": versions}, {**values, TASKS_CHANNEL: ("decoded", sent)}


def _by_thread(rows: Iterable[tuple[Any, ...]]) -> dict[str, list[WriteRow]]:
    found: dict[str, list[WriteRow]] = {}
    for thread, *row in rows:
        found.setdefault(thread, []).append(WriteRow("", *row))
    return found


def missing(thread_id: str, checkpoint_id: str) -> CheckpointNotFound:
    """What is raised for a checkpoint that was deleted meanwhile."""
    return CheckpointNotFound(
        f"Checkpoint {checkpoint_id} is no longer in thread {thread_id!r}.", "Refresh the history."
    )
