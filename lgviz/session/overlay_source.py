"""What an overlay saver holds in memory, as a source; over a source of its base it is the whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lgviz.errors import CheckpointNotFound
from lgviz.sources.base import (
    Bookkeeping,
    CheckpointRow,
    Record,
    Source,
    StoredWrite,
    ThreadIndex,
    ThreadInfo,
    WriteRow,
)
from lgviz.sources.decode import Decoder, opened_writes

from .overlay_memory import Entry

if TYPE_CHECKING:
    from .overlay import OverlaySaver

__all__ = ["OverlaySource"]


class OverlaySource(Source):
    """Reads only what was put into the overlay; its base's checkpoints are not here."""

    def __init__(self, saver: OverlaySaver) -> None:
        self.description = type(saver).__name__
        self._shelf = saver._shelf
        self._decoder = Decoder(saver.serde)

    def threads(self) -> list[ThreadInfo]:
        return []

    def index(self, thread_id: str, since: Any = None) -> ThreadIndex:
        with self._shelf.lock:
            keys = [key for key in self._shelf.entries if key[0] == thread_id]
            written = {key: list(w.values()) for key, w in self._shelf.writes.items() if key[0] == thread_id}
            new = [(key, self._shelf.entries[key]) for key in keys[since or 0 :]]
        checkpoints = [
            CheckpointRow(key[1], key[2], entry.parent, self._decoder.value(*entry.metadata))
            for key, entry in new
        ]
        writes = [
            WriteRow(key[1], key[2], write.task_id, write.task_path, write.idx, write.channel)
            for key, held in written.items()
            for write in held
        ]
        return ThreadIndex(checkpoints, writes, len(keys))

    def record(self, thread_id: str, namespace: str, checkpoint_id: str, *, exact: bool = False) -> Record:
        entry = self._entry(thread_id, namespace, checkpoint_id)
        return Record(
            checkpoint_id,
            entry.parent,
            self._decoder.value(*entry.metadata, exact=exact),
            Bookkeeping.of(self._decoder.value(*entry.frame, exact=exact), entry.values),
            {name: self._decoder.value(*value, exact=exact) for name, value in entry.values.items()},
            self._opened(thread_id, namespace, checkpoint_id, exact=exact),
        )

    def bookkeeping(
        self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str]
    ) -> dict[str, Bookkeeping]:
        entries = self._shelf.entries
        held = {id_: entries.get((thread_id, namespace, id_)) for id_ in checkpoint_ids}
        return {
            id_: Bookkeeping.of(self._decoder.value(*entry.frame), entry.values)
            for id_, entry in held.items()
            if entry is not None
        }

    def channels(
        self, thread_id: str, namespace: str, checkpoint_id: str, names: Iterable[str] | None = None
    ) -> dict[str, Any]:
        entry = self._entry(thread_id, namespace, checkpoint_id)
        wanted = entry.values if names is None else [name for name in names if name in entry.values]
        return {name: self._decoder.value(*entry.values[name]) for name in wanted}

    def writes(self, thread_id: str, namespace: str, checkpoint_id: str) -> list[StoredWrite]:
        return self._opened(thread_id, namespace, checkpoint_id)

    def _entry(self, thread_id: str, namespace: str, checkpoint_id: str) -> Entry:
        entry = self._shelf.entries.get((thread_id, namespace, checkpoint_id))
        if entry is None:
            raise CheckpointNotFound(f"The sandbox holds no checkpoint {checkpoint_id}.", "Pick another one.")
        return entry

    def _opened(
        self, thread_id: str, namespace: str, checkpoint_id: str, *, exact: bool = False
    ) -> list[StoredWrite]:
        with self._shelf.lock:
            held = list(self._shelf.writes.get((thread_id, namespace, checkpoint_id), {}).values())
        rows = [(w.task_path, w.task_id, w.idx, w.channel, *w.value) for w in held]
        return opened_writes(rows, self._decoder, exact=exact)
