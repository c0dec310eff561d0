"""Any saver's checkpoints, read through its own methods to be migrated."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from langgraph.checkpoint.base import WRITES_IDX_MAP, BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver

from lgviz.errors import NotASource
from lgviz.persistence.savers.address import Address
from lgviz.persistence.savers.saver import Saver
from lgviz.persistence.serde.exact import ExactSerializer

from .whole import Origin, Record, Write

__all__ = ["listed"]


def listed(saver: BaseCheckpointSaver[Any]) -> Origin:
    """The checkpoints of a saver.

    Raises:
        NotASource: it has no synchronous methods.
    """
    write_places = _write_places(saver)

    def read(place: Address) -> Record | None:
        found = saver.get_tuple(place.config())
        if found is None:
            return None
        if isinstance(saver, Saver):
            ExactSerializer().dumps_typed([found.checkpoint, found.pending_writes])  # refuses what is Damaged
        parent = found.parent_config["configurable"]["checkpoint_id"] if found.parent_config else None
        pending = found.pending_writes or []
        known = write_places(place)
        if len(known) != len(pending):
            known = _counted(pending)
        writes = [
            Write(task_id, path, idx, channel, value)
            for (path, _, idx), (task_id, channel, value) in zip(known, pending, strict=True)
        ]
        return Record(place, parent, dict(found.checkpoint), found.metadata, writes)

    return _places(saver), read


def _places(saver: BaseCheckpointSaver[Any]) -> list[Address]:
    """Where all checkpoints of a saver are, the oldest of each thread first; no value is kept."""
    if isinstance(saver, Saver):
        return [
            Address(thread_id, row.namespace, row.id)
            for thread_id, *_ in saver.threads()
            for row in saver.index(thread_id).checkpoints
        ]
    if isinstance(saver, InMemorySaver):  # its `list` decodes all values: a damaged one would end it
        places = [
            Address(thread_id, ns, id)
            for thread_id, namespaces in saver.storage.items()
            for ns, found in namespaces.items()
            for id in found
        ]
    else:
        try:
            configs = [found.config["configurable"] for found in saver.list(None)]
        except NotImplementedError:
            raise NotASource(
                f"{type(saver).__name__} answers only on its event loop.", "Give its database by path or URL."
            ) from None
        places = [Address(c["thread_id"], c["checkpoint_ns"], c["checkpoint_id"]) for c in configs]
    return sorted(places, key=lambda place: (place.thread_id, place.checkpoint_id or ""))


_Places = list[tuple[str, str, int]]
"""Task path, task id and number of each pending write, in LangGraph's order."""


def _counted(pending: Iterable[tuple[str, str, Any]]) -> _Places:
    """As LangGraph numbers them, where each task's were stored at once."""
    places, counts = [], dict[str, int]()
    for task_id, channel, _ in pending:
        idx = WRITES_IDX_MAP.get(channel)
        if idx is None:
            idx = counts[task_id] = counts.get(task_id, -1) + 1
        places.append(("", task_id, idx))
    return places


def _write_places(saver: Any) -> Callable[[Address], _Places]:
    """Gives the places of the writes under a checkpoint; none where the saver is not known to keep them."""
    if isinstance(saver, Saver):
        indexed = lru_cache(maxsize=1)(saver.index)  # records come by thread
        return lambda here: sorted(
            (row.task_path, row.task_id, row.idx)
            for row in indexed(here.thread_id).writes
            if (row.namespace, row.checkpoint_id) == here[1:]
        )
    if isinstance(saver, InMemorySaver):
        return lambda here: sorted(
            (row[3], task_id, idx)
            for (task_id, idx), row in saver.writes.get(tuple(here), {}).items()  # type: ignore[arg-type]
        )
    return lambda _: []
