"""What a process knows to be stored, so that it need not ask for it at every put."""

from __future__ import annotations

import threading
from collections.abc import Iterable

MOST = 1 << 17
"""How many nodes are remembered; beyond it, all are forgotten and asked for again."""


class Known:
    """Nodes that are stored, and who is recorded to need them, as long as nothing was removed since.

    A removal by any process changes a mark in the database, which every transaction that writes reads first:
    what was learned under another mark is forgotten. Nothing is learned before it is committed.
    """

    def __init__(self) -> None:
        self._mark: bytes | None = None
        self._ids: dict[bytes, int] = {}
        self._needs: set[tuple[int, int]] = set()
        self._lock = threading.Lock()

    def id(self, hash: bytes) -> int | None:
        """The id of a stored node, where it is known."""
        return self._ids.get(hash)

    def needs(self, owner: int, id: int) -> bool:
        """Whether it is known that the node is recorded as needed by an owner."""
        return (owner, id) in self._needs

    def as_of(self, mark: bytes | None) -> bool:
        """Whether what was known still holds; if not, it is forgotten."""
        with self._lock:
            if mark == self._mark:
                return True
            self._forget(mark)
            return False

    def learn(self, mark: bytes | None, owner: int, nodes: Iterable[tuple[bytes, int]]) -> None:
        """Nodes that a committed transaction, which read ``mark``, found or stored and recorded as needed."""
        with self._lock:
            if mark != self._mark:
                return
            if len(self._ids) > MOST:
                self._forget(mark)
            for hash, id in nodes:
                self._ids[hash] = id
                self._needs.add((owner, id))

    def _forget(self, mark: bytes | None) -> None:
        # New objects: an operation of another thread that still reads the old ones sees them whole.
        self._mark, self._ids, self._needs = mark, {}, set()
