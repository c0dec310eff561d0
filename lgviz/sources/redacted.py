"""A source whose values are masked as they leave it (floor 2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lgviz.persistence.blocks.integrity import Problem
from lgviz.persistence.savers.stats import PruneEstimate, Stats

from .base import (
    Bookkeeping,
    Record,
    Source,
    StoredWrite,
    ThreadBatch,
    ThreadFacts,
    ThreadIndex,
    ThreadInfo,
    ThreadLineage,
    Told,
)
from .redact import Redactor

if TYPE_CHECKING:  # takes a second to import, which who only reads a database is spared
    from langgraph.types import StateSnapshot

__all__ = ["RedactedSource", "masked_snapshot", "redacted"]


def redacted(source: Source, rules: Any) -> Source:
    """A source with its values masked by rules, and by those that it has already; itself where there is none.

    Args:
        source: any source.
        rules: see :class:`~lgviz.sources.redact.Redactor`, or one.
    """
    redactor = rules if isinstance(rules, Redactor) else Redactor(rules or ())
    if not redactor:
        return source
    known = source.redactor
    return RedactedSource(source.real, Redactor((*known.rules, *redactor.rules)) if known else redactor)


class RedactedSource(Source):
    """Reads a source and masks what it reads: the one gate that all views, exports and texts are behind.

    LangGraph itself reads :attr:`real`, and what it tells is masked afterwards (:func:`masked_snapshot`): a
    reducer or a node's schema would refuse a mask.

    Args:
        real: the source as it is.
        redactor: the rules.
    """

    def __init__(self, real: Source, redactor: Redactor) -> None:
        self._real = real
        self.redactor = self._masks = redactor
        self.graph, self.saver = real.graph, real.saver
        self.description, self.read_only, self.origin = real.description, real.read_only, real.origin
        self.whole = real.whole

    @property
    def real(self) -> Source:
        return self._real

    @property
    def untrusted(self) -> bool:
        return self._real.untrusted

    def graph_of(self, thread_id: str) -> Any:
        return self._real.graph_of(thread_id)

    def threads(self) -> list[ThreadInfo]:
        return self._real.threads()

    def find_threads(
        self, text: str = "", limit: int = 50, after: tuple[Any, Any] | None = None
    ) -> ThreadBatch:
        return self._real.find_threads(text, limit, after)

    def thread_facts(self) -> list[ThreadFacts]:
        return self._real.thread_facts()

    def index(self, thread_id: str, since: Any = None) -> ThreadIndex:
        return self._masked_index(self._real.index(thread_id, since))

    def newest(self, thread_ids: Sequence[str]) -> dict[str, ThreadIndex]:
        return {id_: self._masked_index(index) for id_, index in self._real.newest(thread_ids).items()}

    def _masked_index(self, index: ThreadIndex) -> ThreadIndex:
        rows = [replace(row, metadata=self._masks.metadata(row.metadata)) for row in index.checkpoints]
        return ThreadIndex(rows, index.writes, index.token, index.reset)

    def record(self, thread_id: str, namespace: str, checkpoint_id: str, *, exact: bool = False) -> Record:
        return masked_record(self._real.record(thread_id, namespace, checkpoint_id, exact=exact), self._masks)

    def bookkeeping(
        self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str]
    ) -> dict[str, Bookkeeping]:
        found = self._real.bookkeeping(thread_id, namespace, checkpoint_ids)
        return {id_: _bookkeeping(one, self._masks) for id_, one in found.items()}

    def channels(
        self, thread_id: str, namespace: str, checkpoint_id: str, names: Iterable[str] | None = None
    ) -> dict[str, Any]:
        return self._masks.state(self._real.channels(thread_id, namespace, checkpoint_id, names))

    def writes(self, thread_id: str, namespace: str, checkpoint_id: str) -> list[StoredWrite]:
        return masked_writes(self._real.writes(thread_id, namespace, checkpoint_id), self._masks)

    def writes_to(
        self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str], channels: Collection[str]
    ) -> dict[str, list[StoredWrite]]:
        found = self._real.writes_to(thread_id, namespace, checkpoint_ids, channels)
        return {id_: masked_writes(writes, self._masks) for id_, writes in found.items()}

    def lineage(self, thread_id: str) -> ThreadLineage:
        return self._real.lineage(thread_id)

    @contextmanager
    def sharing(self) -> Iterator[None]:
        with self._real.sharing(), self._masks.remembering():
            yield

    def stats(self) -> Stats:
        return self._real.stats()

    def check(self, told: Told = lambda *_: None) -> list[Problem]:
        return [one.masked(self._masks.text) for one in self._real.check(told)]

    def prune_estimate(self, thread_ids: Sequence[str], strategy: str) -> list[PruneEstimate]:
        return self._real.prune_estimate(thread_ids, strategy)

    def close(self) -> None:
        self._real.close()


def masked_record(record: Record, redactor: Redactor) -> Record:
    """A checkpoint as it may be shown."""
    known = record.bookkeeping
    return replace(
        record,
        metadata=redactor.metadata(record.metadata),
        bookkeeping=None if known is None else _bookkeeping(known, redactor),
        values=redactor.state(record.values),
        writes=masked_writes(record.writes, redactor),
        told=None if record.told is None else masked_snapshot(record.told, redactor),
    )


def masked_writes(writes: Iterable[StoredWrite], redactor: Redactor) -> list[StoredWrite]:
    """Writes as they may be shown."""
    return [
        replace(write, value=redactor.channel(write.channel, write.value, written=True)) for write in writes
    ]


def masked_snapshot(snapshot: StateSnapshot, redactor: Redactor) -> StateSnapshot:
    """What LangGraph tells of a state, as it may be shown."""
    values, metadata = snapshot.values, snapshot.metadata
    return snapshot._replace(
        values=redactor.state(values) if isinstance(values, dict) else redactor.loose(values),
        metadata=redactor.metadata(metadata) if isinstance(metadata, Mapping) else metadata,  # type: ignore[arg-type]
        tasks=tuple(_task(task, redactor) for task in snapshot.tasks),
        interrupts=tuple(redactor.loose(one, "__interrupt__") for one in snapshot.interrupts),
    )


def _task(task: Any, redactor: Redactor) -> Any:
    from langgraph.types import StateSnapshot

    error = task.error
    state = task.state
    return task._replace(
        error=redactor.loose(error, "__error__") if error is not None else None,
        interrupts=tuple(redactor.loose(one, "__interrupt__") for one in task.interrupts),
        result=redactor.written(task.result),
        state=masked_snapshot(state, redactor) if isinstance(state, StateSnapshot) else state,
    )


def _bookkeeping(known: Bookkeeping, redactor: Redactor) -> Bookkeeping:
    """Formats before 2025 kept what was sent to nodes beside the versions."""
    if "pending_sends" not in known.head:
        return known
    sends = redactor.loose(known.head["pending_sends"])
    return replace(known, head={**known.head, "pending_sends": sends})
