"""``InMemorySaver``, read directly: its index opens no value."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from lgviz.sources.base import (
    CheckpointRow,
    Record,
    StoredWrite,
    ThreadFacts,
    ThreadIndex,
    ThreadInfo,
    Undecodable,
    WriteRow,
)
from lgviz.sources.decode import Decoder, opened_writes
from lgviz.sources.places import id_time

from .tables import EncodedSource, Split, missing

__all__ = ["MemorySource"]


class MemoryToken(NamedTuple):
    known: dict[str, tuple[int, str]]
    """By namespace: how many checkpoints, and the id of the last."""
    writes: dict[tuple[str, str], int]


class MemorySource(EncodedSource):
    """Reads the dicts of an ``InMemorySaver``; takes snapshots of them, as a run may go on meanwhile."""

    def __init__(self, saver: Any) -> None:
        super().__init__(Decoder(saver.serde), type(saver).__name__)
        self._saver = saver

    def threads(self) -> list[ThreadInfo]:
        found = []
        for thread, namespaces in list(self._saver.storage.items()):
            ids = [id_ for rows in list(namespaces.values()) for id_ in list(rows)]
            if ids:
                newest = max(ids)
                found.append((newest, ThreadInfo(thread, len(namespaces.get("", ())), id_time(newest))))
        return [thread for _, thread in sorted(found, key=lambda pair: pair[0], reverse=True)]

    def index(self, thread_id: str, since: Any = None) -> ThreadIndex:
        stored = {
            namespace: list(rows.items())
            for namespace, rows in list((self._saver.storage.get(thread_id) or {}).items())
        }
        known = since.known if since else {}
        reset = any(
            len(stored.get(namespace, ())) < count or stored[namespace][count - 1][0] != last
            for namespace, (count, last) in known.items()
        )
        if reset:
            known = {}
        # Within a namespace the order is that of creation; between namespaces only the ids tell it.
        new = heapq.merge(
            *(
                [(id_, namespace, row) for id_, row in rows[known.get(namespace, (0, ""))[0] :]]
                for namespace, rows in stored.items()
            ),
            key=lambda item: item[0],
        )
        checkpoints = [
            CheckpointRow(namespace, id_, row[2], self._metadata(row[1])) for id_, namespace, row in new
        ]
        counts = {} if reset or not since else dict(since.writes)
        writes = []
        for namespace, rows in stored.items():
            for id_, _ in rows:
                held = self._saver.writes.get((thread_id, namespace, id_))
                if held and counts.get((namespace, id_)) != len(held):
                    counts[namespace, id_] = len(held)
                    for (task_id, idx), write in list(held.items()):
                        writes.append(WriteRow(namespace, id_, task_id, write[3], idx, write[1]))
        token = MemoryToken({name: (len(rows), rows[-1][0]) for name, rows in stored.items() if rows}, counts)
        return ThreadIndex(checkpoints, writes, token, reset)

    def thread_facts(self) -> list[ThreadFacts]:
        taken = Counter[str]()
        for thread, namespaces in list(self._saver.storage.items()):
            rows = [row for stored in list(namespaces.values()) for row in list(stored.values())]
            taken[thread] += sum(len(row[0][1]) + len(row[1][1]) for row in rows)
        for (thread, *_), held in list(self._saver.writes.items()):
            taken[thread] += sum(len(write[2][1]) for write in list(held.values()))
        for (thread, *_), blob in list(self._saver.blobs.items()):
            taken[thread] += len(blob[1])
        return [replace(facts, bytes=taken[facts.thread_id]) for facts in super().thread_facts()]

    def record(self, thread_id: str, namespace: str, checkpoint_id: str, *, exact: bool = False) -> Record:
        row = self._row(thread_id, namespace, checkpoint_id)
        if row is None:
            raise missing(thread_id, checkpoint_id)
        return self._record(
            checkpoint_id,
            row[2],
            self._metadata(row[1], exact=exact),
            self._joined(thread_id, namespace, row, exact=exact),
            self._opened(thread_id, namespace, checkpoint_id, exact=exact),
            exact,
        )

    def writes(self, thread_id: str, namespace: str, checkpoint_id: str) -> list[StoredWrite]:
        return self._opened(thread_id, namespace, checkpoint_id)

    def _opened(
        self, thread_id: str, namespace: str, checkpoint_id: str, *, exact: bool = False
    ) -> list[StoredWrite]:
        held = self._saver.writes.get((thread_id, namespace, checkpoint_id)) or {}
        rows = [(write[3], task_id, idx, write[1], *write[2]) for (task_id, idx), write in list(held.items())]
        return opened_writes(rows, self._decoder, exact=exact)

    def _metadata(self, typed: tuple[str, bytes], *, exact: bool = False) -> dict[str, Any]:
        metadata = self._decoder.value(*typed, exact=exact)
        return metadata if isinstance(metadata, dict) else {}

    def _row(self, thread_id: str, namespace: str, checkpoint_id: str) -> Any:
        return ((self._saver.storage.get(thread_id) or {}).get(namespace) or {}).get(checkpoint_id)

    def _split(
        self,
        thread_id: str,
        namespace: str,
        ids: Sequence[str],
        names: Collection[str] | None,  # noqa: ARG002 - values lie here as they are
    ) -> Iterator[tuple[str, Split]]:
        for id_ in ids:
            row = self._row(thread_id, namespace, id_)
            if row is not None:
                yield id_, self._joined(thread_id, namespace, row)

    def _joined(self, thread_id: str, namespace: str, row: Any, *, exact: bool = False) -> Split:
        """A checkpoint with its values, which lie apart from it by channel and version."""
        split = self._decoder.split(*row[0], exact=exact)
        if isinstance(split, Undecodable):
            return split
        head, values = split
        for name, version in (head.get("channel_versions") or {}).items():
            blob = self._saver.blobs.get((thread_id, namespace, name, version))
            if blob is not None and blob[0] != "empty":
                values[name] = blob
        return head, values
