"""What a history is read from: one interface, whatever lies below (floor 2).

The *index* of a thread is everything the tree needs and holds no value: :class:`CheckpointRow` and
:class:`WriteRow`. Values, versions and tasks' values are opened one at a time, when asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypedDict


class ReadOptions(TypedDict, total=False):
    """How a history is read; what takes these hands them on whole.

    Attributes:
        trust: for a path or URL, modules whose classes may be imported to decode values (LangGraph's safe
            types always are); whatever else it names becomes an :class:`Undecodable` or a placeholder.
    """

    trust: Iterable[str]


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """One checkpoint of the index.

    Attributes:
        namespace: ``checkpoint_ns``; ``""`` for the root graph.
        id: ``checkpoint_id``.
        parent_id: the parent's id in the same namespace.
        metadata: as stored (source, step, parents, run_id, ...).
        size: bytes of the stored checkpoint, where known.
        ordinal: its number in the root namespace, or among those of subgraphs called from one checkpoint
            (from 1), where the tables keep it; it outlives a prune.
        provisional: it is held by a sandbox, not by the base.
        under: the numbers in the label of the checkpoint that its call started from (``"4"``, ``"4.1"``),
            where that is gone and the tables keep them.
    """

    namespace: str
    id: str
    parent_id: str | None
    metadata: Mapping[str, Any]
    size: int | None = None
    ordinal: int | None = None
    provisional: bool = False
    under: str | None = None


class WriteRow(NamedTuple):
    """One stored write, without its value. ``task_path`` is empty in tables older than that column."""

    namespace: str
    checkpoint_id: str
    task_id: str
    task_path: str
    idx: int
    channel: str


@dataclass(slots=True)
class Index:
    """The index of one thread, or of what is new in it.

    Attributes:
        checkpoints: by order of creation, a parent always before its children.
        writes: in no particular order.
        token: hand it to :meth:`Source.index` to be given only what came since.
        reset: True where rows were deleted or replaced, so that this is the whole index again.
    """

    checkpoints: list[CheckpointRow] = field(default_factory=list)
    writes: list[WriteRow] = field(default_factory=list)
    token: Any = None
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Versions:
    """The bookkeeping of one checkpoint, read without decoding a channel's value.

    ``channels`` names the channels that hold a value.
    """

    v: int
    ts: str | None
    channel_versions: Mapping[str, Any]
    versions_seen: Mapping[str, Mapping[str, Any]]
    updated_channels: Sequence[str] | None
    channels: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class StoredWrite:
    """One write with its value (or an :class:`Undecodable`)."""

    task_id: str
    task_path: str
    idx: int
    channel: str
    value: Any


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
        return f"<undecodable {self.type}, {self.size} bytes: {self.reason}>"


@dataclass(frozen=True, slots=True)
class ThreadInfo:
    """One thread of a source. ``updated_at``: seconds since the epoch, None where unknown."""

    thread_id: str
    count: int
    updated_at: float | None


class Source(ABC):
    """A place that holds threads of checkpoints. Never writes.

    Attributes:
        graph: the compiled graph, where one was given.
        saver: the saver, where one was given.
        description: what is being read, in words.
        read_only: why nothing can be forked or run here; None where it can.
    """

    graph: Any = None
    saver: Any = None
    description: str = ""
    read_only: str | None = None

    @abstractmethod
    def threads(self) -> list[ThreadInfo]:
        """All threads, the newest activity first."""

    @abstractmethod
    def index(self, thread_id: str, since: Any = None) -> Index:
        """The index of a thread, or with ``since`` (an earlier ``Index.token``) what is new in it."""

    @abstractmethod
    def versions(self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str]) -> dict[str, Versions]:
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

    def close(self) -> None:  # noqa: B027 - most sources hold nothing
        """Release connections that the source itself opened."""
