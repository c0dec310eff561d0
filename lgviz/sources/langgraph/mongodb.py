"""What ``langgraph-checkpoint-mongodb`` keeps: the index of a thread leaves the values on the server."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pymongo.errors import ConnectionFailure, PyMongoError

from lgviz.errors import SourceError, Unavailable
from lgviz.sources.base import CheckpointRow, WriteRow
from lgviz.sources.decode import Decoder

from .counted import Look
from .documents import DocumentSource, StoredDocument

__all__ = ["MongoSource"]

_ROOT = {"$cond": [{"$eq": ["$checkpoint_ns", ""]}, 1, 0]}
_OVER = {"idx": {"$lt": 0}}
"""Writes that may be written over: questions, answers and errors."""


class MongoSource(DocumentSource):
    """Reads the collections of a ``MongoDBSaver`` through its client, by commands that only read.

    Args:
        saver: the saver.
    """

    def __init__(self, saver: Any) -> None:
        super().__init__(Decoder(saver.serde), type(saver).__name__)
        self._checkpoints, self._writes = saver.checkpoint_collection, saver.writes_collection

    def _heads(self) -> Iterator[tuple[str, int, str]]:
        group = {"_id": "$thread_id", "roots": {"$sum": _ROOT}, "newest": {"$max": "$checkpoint_id"}}
        with _explained():
            for row in self._checkpoints.aggregate([{"$group": group}]):
                yield row["_id"], row["roots"], row["newest"]

    def _look(self, thread_id: str, after: str) -> Look:
        of = {"thread_id": thread_id}
        with _explained():
            total, written = (held.count_documents(of) for held in (self._checkpoints, self._writes))
            over = [(str(row["_id"]), bytes(row["value"])) for row in self._writes.find({**of, **_OVER})]
            found = list(self._checkpoints.find({**of, "checkpoint_id": {"$gt": after}}, {"checkpoint": 0}))
        rows = [
            CheckpointRow(
                row["checkpoint_ns"],
                row["checkpoint_id"],
                row.get("parent_checkpoint_id") or None,
                self._metadata(row.get("metadata")),
            )
            for row in sorted(found, key=lambda row: str(row["checkpoint_id"]))
        ]
        return Look(rows, total if after else len(rows), (written, sorted(over)))

    def _write_rows(self, thread_id: str, ids: Collection[str] | None) -> list[WriteRow]:
        of: dict[str, Any] = {"thread_id": thread_id}
        if ids is not None:
            of["$or"] = [_OVER, {"checkpoint_id": {"$in": list(ids)}}]
        names = ("checkpoint_ns", "checkpoint_id", "task_id", "task_path", "idx", "channel")
        with _explained():
            rows = list(self._writes.find(of, dict.fromkeys(names, 1)))
        return [WriteRow(*(row.get(name, "") for name in names)) for row in rows]

    def _write_counts(self, thread_id: str) -> Mapping[str, int]:
        group = {"_id": "$checkpoint_id", "count": {"$sum": 1}}
        with _explained():
            found = self._writes.aggregate([{"$match": {"thread_id": thread_id}}, {"$group": group}])
            return {row["_id"]: row["count"] for row in found}

    def _documents(
        self,
        thread_id: str,
        namespace: str,
        ids: Sequence[str],
        names: Collection[str] | None,  # noqa: ARG002 - the whole state is one value
        exact: bool,
    ) -> Iterator[StoredDocument]:
        at = {"thread_id": thread_id, "checkpoint_ns": namespace, "checkpoint_id": {"$in": list(ids)}}
        with _explained():
            for found in self._checkpoints.find(at):
                split = self._decoder.split(found.get("type"), found.get("checkpoint"), exact=exact)
                parent = found.get("parent_checkpoint_id") or None
                metadata = self._metadata(found.get("metadata"), exact=exact)
                yield StoredDocument(found["checkpoint_id"], parent, metadata, split)

    def _stored_writes(
        self, thread_id: str, namespace: str, checkpoint_id: str
    ) -> Iterator[tuple[str, str, int, str, str | None, Any]]:
        at = {"thread_id": thread_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}
        with _explained():
            for row in self._writes.find(at):
                path = row.get("task_path", "")
                yield path, row["task_id"], row["idx"], row["channel"], row["type"], row["value"]

    def _metadata(self, stored: Any, *, exact: bool = False) -> Any:
        """Metadata, whose every value was serialized for itself."""
        if isinstance(stored, Mapping):
            return {name: self._metadata(value, exact=exact) for name, value in stored.items()}
        return {} if stored is None else self._decoder.value(*stored, exact=exact)


@contextmanager
def _explained() -> Iterator[None]:
    """Says of an error of the client's what it means."""
    try:
        yield
    except ConnectionFailure as error:
        raise Unavailable(f"MongoDB refused or lost the connection: {error}.", "Check the server.") from error
    except PyMongoError as error:
        raise SourceError(f"MongoDB cannot read this: {error}.", "Check the rights of its user.") from error
