"""Checkpoints that lie whole in the documents of a database; its index opens no value."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lgviz.sources.base import Record, StoredWrite, ThreadIndex, ThreadInfo, WriteRow
from lgviz.sources.decode import Decoder, opened_writes
from lgviz.sources.places import id_time

from .counted import BEGINNING, CountedIndex, Look
from .tables import EncodedSource, Split, missing

__all__ = ["DocumentSource", "StoredDocument"]


class StoredDocument(NamedTuple):
    """A checkpoint as it is stored."""

    id: str
    parent_id: str | None
    metadata: Mapping[str, Any]
    split: Split


class DocumentSource(EncodedSource):
    """Reads a database of documents.

    Args:
        decoder, description: see :class:`EncodedSource`.
    """

    def __init__(self, decoder: Decoder, description: str) -> None:
        super().__init__(decoder, description)
        self._index = CountedIndex(self._look, self._write_rows, self._write_counts)

    @abstractmethod
    def _heads(self) -> Iterable[tuple[str, int, str]]:
        """Each thread, how many root checkpoints it has, and the greatest id of all of its."""

    @abstractmethod
    def _look(self, thread_id: str, after: str) -> Look:
        """See :class:`CountedIndex`."""

    @abstractmethod
    def _write_rows(self, thread_id: str, ids: Collection[str] | None) -> list[WriteRow]:
        """See :class:`CountedIndex`."""

    @abstractmethod
    def _write_counts(self, thread_id: str) -> Mapping[str, int]:
        """See :class:`CountedIndex`."""

    @abstractmethod
    def _documents(
        self, thread_id: str, namespace: str, ids: Sequence[str], names: Collection[str] | None, exact: bool
    ) -> Iterator[StoredDocument]:
        """Those of the checkpoints that exist. Only the values of the named channels (None: of all) need be
        there; the others must be named."""

    @abstractmethod
    def _stored_writes(
        self, thread_id: str, namespace: str, checkpoint_id: str
    ) -> Iterable[tuple[str, str, int, str, str | None, Any]]:
        """What :func:`opened_writes` takes."""

    # ------------------------------------------------------------ Source

    def threads(self) -> list[ThreadInfo]:
        found = sorted(self._heads(), key=lambda head: head[2], reverse=True)
        return [ThreadInfo(thread, count, id_time(newest)) for thread, count, newest in found]

    def index(self, thread_id: str, since: Any = None) -> ThreadIndex:
        index = self._index.read(thread_id, since or BEGINNING)
        if index.reset:
            index = self._index.read(thread_id)
            index.reset = True
        return index

    def record(self, thread_id: str, namespace: str, checkpoint_id: str, *, exact: bool = False) -> Record:
        for found in self._documents(thread_id, namespace, [checkpoint_id], None, exact):
            writes = self._opened(thread_id, namespace, checkpoint_id, exact=exact)
            return self._record(checkpoint_id, found.parent_id, found.metadata, found.split, writes, exact)
        raise missing(thread_id, checkpoint_id)

    def writes(self, thread_id: str, namespace: str, checkpoint_id: str) -> list[StoredWrite]:
        return self._opened(thread_id, namespace, checkpoint_id)

    def _opened(
        self, thread_id: str, namespace: str, checkpoint_id: str, *, exact: bool = False
    ) -> list[StoredWrite]:
        rows = self._stored_writes(thread_id, namespace, checkpoint_id)
        return opened_writes(rows, self._decoder, exact=exact)

    def _split(
        self, thread_id: str, namespace: str, ids: Sequence[str], names: Collection[str] | None
    ) -> Iterator[tuple[str, Split]]:
        for found in self._documents(thread_id, namespace, ids, names, exact=False):
            yield found.id, found.split
