"""What a history is read from: one interface, whatever lies below (floor 2).

The *index* of a thread is everything the tree needs and holds no value: :class:`CheckpointRow` and
:class:`WriteRow`. A checkpoint whole is a :class:`Record`, its writes are :class:`StoredWrite`; they are
opened one at a time, when asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from lgviz._visible import visible
from lgviz.errors import CheckpointNotFound, ForeignTables
from lgviz.persistence.blocks.integrity import Problem
from lgviz.persistence.savers.index import CheckpointRow, ThreadIndex, WriteRow
from lgviz.persistence.savers.lineage import ThreadLineage, ThreadLink
from lgviz.persistence.savers.stats import PruneEstimate, Stats

from .redact import Redactor, Rules
from .thread_facts import ThreadFacts, facts_of

if TYPE_CHECKING:  # takes a second to import, which who only reads a database is spared
    from langgraph.types import StateSnapshot

__all__ = [
    "Bookkeeping",
    "CheckpointRow",
    "DecodingOptions",
    "ReadOptions",
    "Record",
    "Source",
    "SourceOrigin",
    "StoredWrite",
    "ThreadBatch",
    "ThreadFacts",
    "ThreadIndex",
    "ThreadInfo",
    "ThreadLineage",
    "ThreadLink",
    "Told",
    "Undecodable",
    "WriteRow",
    "decoding",
]


ToldStatus = Literal["done", "running", "interrupted", "failed"]
Told = Callable[[int, int], None]
"""Is told (done, total)."""


class DecodingOptions(TypedDict, total=False):
    """How stored values are decoded.

    Attributes:
        trust: for a path or URL, modules whose classes may be imported to decode values (LangGraph's safe
            types always are); whatever else it names becomes an :class:`Undecodable` or a placeholder.
    """

    trust: Iterable[str]


class ReadOptions(DecodingOptions, total=False):
    """How a history is read; what takes these hands them on whole.

    Attributes:
        trust: see :class:`DecodingOptions`.
        redact: what is masked wherever it would be shown, diffed, searched, exported or printed: paths
            (``"messages.*.content"``, ``"**.api_key"``), patterns (``"/sk-\\w+/"``, or compiled), functions
            ``(path, value)``; see :class:`~lgviz.sources.redact.Redactor`. Runs and forks go on with the
            real values.
        graph: of a LangGraph server, which has no dry run, the same graph in this process, by which forks are
            previewed: compiled, its name (``"app:graph"``, ``"app.py:graph"``: its code runs), or the path
            of a ``langgraph.json``.
    """

    redact: Rules
    graph: Any


def decoding(options: ReadOptions) -> DecodingOptions:
    """What of the options decoders are given; the rest acts on what they give."""
    return {"trust": options["trust"]} if "trust" in options else {}


@dataclass(frozen=True, slots=True)
class Bookkeeping:
    """What LangGraph keeps of a checkpoint beside its values, read without decoding one.

    Attributes:
        head: LangGraph's checkpoint without ``channel_values``, as it is stored; the rest says of it what
            can be relied on.
        channels: the channels that hold a value.
        v: the format's version.
        ts: when it was made, as an ISO text.
        channel_versions: by channel.
        versions_seen: by node the channel versions that it has read.
        updated_channels: those that the last step wrote to; None where the format does not tell.
        in_order: whether those of ``channels`` that lead on to nodes come as the graph holds them: LangGraph
            gives them so, and not each database keeps that.
    """

    head: Mapping[str, Any]
    channels: Sequence[str]
    v: int
    ts: str | None
    channel_versions: Mapping[str, Any]
    versions_seen: Mapping[str, Mapping[str, Any]]
    updated_channels: Sequence[str] | None
    in_order: bool = False

    @classmethod
    def of(cls, head: Mapping[str, Any], channels: Iterable[str], *, in_order: bool = False) -> Bookkeeping:
        """The bookkeeping in a stored checkpoint; where that says nonsense, nothing."""
        version, updated = head.get("v"), head.get("updated_channels")
        seen = _mapping(head.get("versions_seen"))
        return cls(
            head=head,
            channels=tuple(_names(channels)),
            v=version if isinstance(version, int) else 1,
            ts=ts if isinstance(ts := head.get("ts"), str) else None,
            channel_versions=_mapping(head.get("channel_versions")),
            versions_seen={node: _mapping(versions) for node, versions in seen.items()},
            updated_channels=tuple(_names(updated)) if isinstance(updated, (list, tuple)) else None,
            in_order=in_order,
        )

    @property
    def by_javascript(self) -> bool:
        """Whether langgraphjs wrote the checkpoint: it ends times in ``Z``, and Python in ``+00:00``."""
        return isinstance(self.ts, str) and self.ts.endswith("Z")


def _mapping(value: Any) -> Mapping[str, Any]:
    """Of a mapping what it holds by names."""
    if not isinstance(value, Mapping):
        return {}
    names = _names(value)
    return value if len(names) == len(value) else {name: value[name] for name in names}


def _names(values: Iterable[Any]) -> list[str]:
    return [value for value in values if isinstance(value, str)]


@dataclass(frozen=True, slots=True)
class StoredWrite:
    """One write with its value (or an :class:`Undecodable`)."""

    task_id: str
    task_path: str
    idx: int
    channel: str
    value: Any
    after: str = ""
    """Which child of the checkpoint was the last when it was stored, where that is kept and there was one."""
    row: int = field(default=0, compare=False)
    """Where that is kept: rises from one task that was stored to the next."""


@dataclass(frozen=True, slots=True)
class Record:
    """One checkpoint, whole and of one moment.

    Attributes:
        id: ``checkpoint_id``.
        parent_id: the parent's id in the same namespace.
        metadata: as stored.
        bookkeeping: versions and the like; None where the checkpoint cannot be read at all.
        values: the value of each channel that holds one, or an :class:`Undecodable` (under ``""`` one for
            the whole checkpoint, where that cannot be read).
        writes: those stored under it, by task path, task id and number.
        told: what LangGraph tells of it, where it is read from LangGraph's server and not from a database.
    """

    id: str
    parent_id: str | None
    metadata: Mapping[str, Any]
    bookkeeping: Bookkeeping | None
    values: Mapping[str, Any]
    writes: Sequence[StoredWrite]
    told: StateSnapshot | None = None


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Stands for a value that cannot be decoded. It never hides the rest.

    Attributes:
        reason: why, in one sentence.
        size: bytes of the stored value.
        type: the serializer's type tag, or the class that is missing.
    """

    reason: str
    size: int
    type: str

    def __repr__(self) -> str:
        return visible(f"<undecodable {self.type}, {self.size} bytes: {self.reason}>")


@dataclass(frozen=True, slots=True)
class ThreadInfo:
    """One thread of a source.

    Attributes:
        thread_id: its id.
        count: its checkpoints in the root namespace; None where to know means to read them all.
        updated_at: seconds since the epoch, None where unknown.
        status: where the source tells it.
    """

    thread_id: str
    count: int | None
    updated_at: float | None
    status: ToldStatus | None = None


@dataclass(frozen=True, slots=True)
class ThreadBatch:
    """Some threads of a source.

    Attributes:
        threads: the newest activity first.
        total: how many there are that were asked for.
        after: what :meth:`Source.find_threads` is given for the next ones, as JSON can hold it; None where
            there are no more.
    """

    threads: Sequence[ThreadInfo]
    total: int
    after: tuple[Any, Any] | None


@dataclass(frozen=True, slots=True)
class SourceOrigin:
    """What a source was opened by: a path or URL, whose password ``repr`` does not tell.

    >>> SourceOrigin("postgresql://me:s3cret@host/db", {})
    SourceOrigin(options={})

    Attributes:
        place: the path or URL.
        options: how its values are decoded.
    """

    place: str = field(repr=False)
    options: DecodingOptions


class Source(ABC):
    """A place that holds threads of checkpoints. Never writes.

    Attributes:
        graph: the compiled graph, where one was given.
        saver: the saver, where one was given.
        description: what is being read, in words.
        read_only: why nothing can be forked or run here; None where it can.
        redactor: masks what it gives; None where that is shown as it is.
        origin: what was named alone, where a path or a URL was; None for others.
        whole: what a check that finds nothing tells, in one sentence.
        rewrites: each checkpoint is stored with all values, also those that its step did not change.
    """

    whole: str = "Everything is whole."
    rewrites: bool = False
    redactor: Redactor | None = None
    origin: SourceOrigin | None = None
    graph: Any = None
    saver: Any = None
    description: str = ""
    read_only: str | None = None

    @property
    def real(self) -> Source:
        """The source without its masks: for LangGraph and for acts, never for what is shown."""
        return self

    @property
    def untrusted(self) -> bool:
        """Whether its values come from a database that was named alone, without a graph or a saver."""
        return self.graph is None and self.saver is None

    def graph_of(self, thread_id: str) -> Any:  # noqa: ARG002
        """The graph that a thread was made by: a server has several."""
        return self.graph

    @abstractmethod
    def threads(self) -> list[ThreadInfo]:
        """All threads, the newest activity first."""

    def find_threads(
        self, text: str = "", limit: int = 50, after: tuple[Any, Any] | None = None
    ) -> ThreadBatch:
        """The newest threads whose id contains a text, in upper or lower case.

        Args:
            text: what the id contains; any where it is empty.
            limit: how many at most.
            after: where the batch before ended, see :class:`ThreadBatch`.
        """
        found = [(one.updated_at or 0.0, one.thread_id, one) for one in self.threads()]
        found = sorted((one for one in found if text.lower() in one[1].lower()), reverse=True)
        rest = [one for one in found if after is None or one[:2] < tuple(after)]
        last = rest[limit - 1][:2] if len(rest) > limit else None
        return ThreadBatch([one for *_, one in rest[:limit]], len(found), last)

    def iter_threads(self) -> Iterator[ThreadInfo]:
        """All threads, the newest activity first, as they are asked for: who takes a few reads few."""
        after, limit = None, 50
        while True:
            batch = self.find_threads(limit=limit, after=after)
            yield from batch.threads
            if (after := batch.after) is None:
                return
            limit *= 2  # each page costs a look at all threads

    @abstractmethod
    def index(self, thread_id: str, since: Any = None) -> ThreadIndex:
        """The index of a thread, or with ``since`` (an earlier ``ThreadIndex.token``) what is new in it."""

    def newest(self, thread_ids: Sequence[str]) -> dict[str, ThreadIndex]:  # noqa: ARG002
        """Of some threads the newest checkpoint of the root namespace and the writes under it, which tell
        where a thread stands; missing are those of which that cannot be read at once."""
        return {}

    @abstractmethod
    def record(self, thread_id: str, namespace: str, checkpoint_id: str, *, exact: bool = False) -> Record:
        """A checkpoint whole, in one trip.

        Args:
            thread_id, namespace, checkpoint_id: which.
            exact: to copy it: raise what a decoder raises in place of an :class:`Undecodable`, and take the
                serializer's placeholder for an object whose class is not here, which can be stored again. A
                write that cannot be decoded is left out, and logged.

        Raises:
            CheckpointNotFound: it was deleted meanwhile.
        """

    def records(self, thread_id: str, places: Sequence[tuple[str, str]]) -> list[Record | None]:
        """Checkpoints whole, by namespace and id, in one trip where that can be; None: deleted meanwhile."""
        found: list[Record | None] = []
        for namespace, checkpoint_id in places:
            try:
                found.append(self.record(thread_id, namespace, checkpoint_id))
            except CheckpointNotFound:
                found.append(None)
        return found

    @abstractmethod
    def bookkeeping(
        self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str]
    ) -> dict[str, Bookkeeping]:
        """The bookkeeping of several checkpoints of one namespace, by id; the unreadable are missing."""

    @abstractmethod
    def channels(
        self, thread_id: str, namespace: str, checkpoint_id: str, names: Iterable[str] | None = None
    ) -> dict[str, Any]:
        """Stored values of one checkpoint (of the named channels), :class:`Undecodable` where need be.

        Raises:
            CheckpointNotFound: it was deleted meanwhile.
        """

    @abstractmethod
    def writes(self, thread_id: str, namespace: str, checkpoint_id: str) -> list[StoredWrite]:
        """The writes stored under one checkpoint, with their values."""

    def writes_to(
        self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str], channels: Collection[str]
    ) -> dict[str, list[StoredWrite]]:
        """The writes to some channels under several checkpoints of one namespace, by checkpoint."""
        found = {id_: self.writes(thread_id, namespace, id_) for id_ in checkpoint_ids}
        return {id_: [w for w in writes if w.channel in channels] for id_, writes in found.items()}

    def channel_reader(
        self, thread_id: str, namespace: str, channel: str
    ) -> Callable[[Sequence[str]], dict[str, Any]]:
        """Reads one channel at many checkpoints of a namespace.

        Returns:
            A function that takes ids and gives the values by id, without those that hold none. What is stored
            once may be one object in all that it ever gives: none of it may be changed.
        """

        def read(ids: Sequence[str]) -> dict[str, Any]:
            found = {id_: self.channels(thread_id, namespace, id_, [channel]) for id_ in ids}
            return {id_: values[channel] for id_, values in found.items() if channel in values}

        return read

    def thread_facts(self) -> list[ThreadFacts]:
        """What is told of all threads without opening a value, in the order of :meth:`threads`."""
        return [facts_of(one.thread_id, self.index(one.thread_id)) for one in self.threads()]

    def shown(self, text: str) -> str:
        """A text that belongs to no value, as the id of a thread in a file: masked where the source masks."""
        return text if self.redactor is None else self.redactor.text(text)

    def sharing(self) -> AbstractContextManager[None]:
        """Meanwhile what is stored once may be read as one object: for who reads many states, and changes
        none of what is in them."""
        return nullcontext()

    def lineage(self, thread_id: str) -> ThreadLineage:  # noqa: ARG002
        """Which thread a thread was forked from, and which from it, where the saver keeps that."""
        return ThreadLineage()

    def stats(self) -> Stats:
        """Bytes by thread, channel and checkpoint.

        Raises:
            ForeignTables: it is no database that can be counted.
        """
        raise self._foreign("count what threads and channels take")

    def check(self, told: Told = lambda *_: None) -> list[Problem]:  # noqa: ARG002
        """What is damaged or missing; empty where all is whole, as far as :attr:`whole` says.

        Args:
            told: is told how far it is, where it goes thread by thread.

        Raises:
            ForeignTables: it is no database that can be checked.
        """
        raise self._foreign("can be checked")

    def stored_form(self, thread_id: str, namespace: str, checkpoint_id: str) -> bytes:  # noqa: ARG002
        """All that is stored of a checkpoint, with its metadata and writes, as bytes that differ wherever any
        of it does.

        Raises:
            CheckpointNotFound: it was deleted meanwhile.
            ForeignTables: it is no database that can be sealed.
        """
        raise self._foreign("can be sealed")

    def classes(self, thread_id: str, namespace: str, checkpoint_id: str) -> dict[str, dict[str, bool]]:  # noqa: ARG002
        """By channel of a checkpoint: the classes that its stored value names, and whether it is read as
        plain data all the same. Empty where LangGraph's serializer did not write it."""
        return {}

    def stored_items(self) -> Iterator[tuple[str, str, bytes]]:
        """Namespace, key and stored form of each item that LangGraph's own store keeps in the database."""
        return iter(())

    def prune_estimate(self, thread_ids: Sequence[str], strategy: str) -> list[PruneEstimate]:  # noqa: ARG002
        """What a prune of these threads would remove and give back.

        Raises:
            ForeignTables: they are not kept in lgviz's tables.
        """
        raise self._foreign("can prune")

    def _foreign(self, what: str) -> ForeignTables:
        return ForeignTables(
            f"{self.description} was not written by lgviz's savers, which alone {what}.",
            'Copy it: lgviz.persistence.migrate(source, "new.db"), or `lgviz migrate SOURCE new.db`.',
        )

    def close(self) -> None:  # noqa: B027 - most sources hold nothing
        """Release connections that the source itself opened."""
