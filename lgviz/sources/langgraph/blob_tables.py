"""What LangGraph's tables in PostgreSQL and MySQL share: values lie apart from their checkpoints."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, ClassVar

from lgviz.errors import NoCheckpoints, NotASource
from lgviz.persistence.blocks.integrity import Problem
from lgviz.sources.base import Undecodable
from lgviz.sources.connections import Rows
from lgviz.sources.decode import Encoded

from . import sql
from .integrity import StoredValue, faults
from .tables import LangGraphTables, Split

__all__ = ["BlobTables"]

_BLOBS_AT_ONCE = 64


class BlobTables(LangGraphTables):
    """Reads the tables ``checkpoints``, ``checkpoint_blobs`` and ``checkpoint_writes``."""

    _writes = "checkpoint_writes"
    _at_once = 256
    _saver_finds_sends = True
    _formats: ClassVar[str]
    """Selects the formats of checkpoints, and how many have each."""
    _shallow: ClassVar[str]
    """The saver of LangGraph's that keeps only the newest checkpoint of a thread here."""
    _name_a_schema: ClassVar[str] = ""
    """How the URL says where the tables are."""

    def _refuse_other(self) -> None:
        """
        Raises:
            NoCheckpoints: the database has no tables of LangGraph's.
            NotASource: they keep no history.
        """
        if not self.has_tables():
            raise NoCheckpoints(
                "The database holds no table of checkpoints.",
                f"Give the database that a saver of LangGraph's writes{self._name_a_schema}.",
            )
        if self._is_shallow():
            raise NotASource(
                f"LangGraph's {self._shallow} wrote this database: it keeps only the newest checkpoint "
                "of a thread, so there is no history.",
                f"Run the graph with a {self._shallow.removeprefix('Shallow')}.",
            )

    def _is_shallow(self) -> bool:
        """Whether the tables keep only the newest checkpoint of a thread."""
        return not self._has("checkpoints", "checkpoint_id")

    def _assembled(self, rows: Sequence[Rows], *, exact: bool = False) -> Iterator[tuple[str, Split]]:  # noqa: ARG002
        heads, blobs = rows
        values: dict[str, dict[str, Encoded]] = {}
        for id_, _, *inlined in heads:
            values[id_] = {name: ("decoded", value) for name, value in self._inlined(*inlined).items()}
        for id_, channel, type_, blob in blobs:
            values[id_][channel] = (type_, blob)  # a delta's snapshot lies behind an inlined `true`
        for id_, head, *_ in heads:
            broken = Undecodable("it is no JSON object", 0, "checkpoint")
            yield id_, broken if head is None else (json.loads(head), values[id_])

    @abstractmethod
    def _inlined(self, *columns: Any) -> Mapping[str, Any]:
        """The values that lie in a checkpoint's own row, by channel; of those that are not wanted only that
        they are there."""

    def _thread_sizes(self) -> list[str]:
        return [*super()._thread_sizes(), sql.thread_blobs(self._value)]

    def _value_faults(self, thread_id: str, ids: Rows) -> Iterator[Problem]:  # noqa: ARG002
        # That a value is missing cannot be told: LangGraph stores nothing for an empty channel either.
        (keys,) = self._reader.read((sql.BLOB_KEYS, (thread_id,)))
        for start in range(0, len(keys), _BLOBS_AT_ONCE):
            some = keys[start : start + _BLOBS_AT_ONCE]
            (rows,) = self._reader.read(
                (sql.some_blobs(self._value, len(some)), (thread_id, *chain.from_iterable(some)))
            )
            values = (StoredValue(_value_text(thread_id, *key), (type_, blob)) for *key, type_, blob in rows)
            yield from faults(values, self._decoder)

    def _value_sizes(self, formats: Counter[str]) -> Iterator[tuple[str | None, str, int]]:
        counts, sizes = self._reader.read((self._formats, ()), (sql.blob_sizes(self._value), ()))
        formats.update({version or "?": count for version, count in counts})
        yield from sizes


def _value_text(thread_id: str, namespace: str, channel: str, version: str) -> str:
    """Where a value is, in words: it belongs to every checkpoint that has its version."""
    of = f" of {namespace}" if namespace else ""
    return f"thread {thread_id!r}, channel {channel!r}{of}, version {version}"
