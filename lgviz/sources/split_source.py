"""What all sources share that are given checkpoints taken apart: bookkeeping, and values still encoded."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from lgviz.errors import CheckpointNotFound

from .base import Source, Undecodable, Versions
from .decode import Decoder, Parts

__all__ = ["PartsSource"]


class PartsSource(Source):
    """Says versions and channels from parts.

    Args:
        decoder: how to open values.
        description: what is being read, in words.
    """

    def __init__(self, decoder: Decoder, description: str) -> None:
        self.description = description
        self._decoder = decoder

    @abstractmethod
    def _parts(
        self, thread_id: str, namespace: str, ids: Sequence[str], names: Collection[str] | None
    ) -> Iterator[tuple[str, Parts | Undecodable]]:
        """Those of the checkpoints that exist, by id. Only the values of the named channels (None: of all)
        need be there; the others must be named."""

    def versions(self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str]) -> dict[str, Versions]:
        parts = self._parts(thread_id, namespace, checkpoint_ids, ())
        return {id_: found.versions() for id_, found in parts if isinstance(found, Parts)}

    def channels(
        self, thread_id: str, namespace: str, checkpoint_id: str, names: Iterable[str] | None = None
    ) -> dict[str, Any]:
        wanted = None if names is None else list(names)
        parts = dict(self._parts(thread_id, namespace, [checkpoint_id], wanted)).get(checkpoint_id)
        if parts is None:
            raise CheckpointNotFound(
                f"Checkpoint {checkpoint_id} is no longer in thread {thread_id!r}.", "Refresh the history."
            )
        if isinstance(parts, Undecodable):
            return dict.fromkeys(wanted or (), parts) or {"": parts}
        held = parts.values if wanted is None else [name for name in wanted if name in parts.values]
        return {name: self._decoder.value(*parts.values[name]) for name in held}
