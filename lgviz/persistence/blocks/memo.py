"""What a process knows to be stored, so that it need not ask for it at every put."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Set

MOST = 1 << 17
"""How many nodes are remembered; beyond it, all are forgotten and asked for again."""
_NONE: frozenset[int] = frozenset()


class Known:
    """Nodes that are stored, and who is recorded to need them, as long as nothing was removed since.

    A removal by any process, or a crash of the server, changes a mark, which every transaction that writes
    reads first: what was learned under another mark is forgotten. Nothing is learned before it is committed.

    A backup that is restored undoes the newest transactions. What is known was learned in such that stored a
    node, and the last such node is looked for, so that the loss of any is seen.
    """

    def __init__(self) -> None:
        self.mark: bytes | None = None
        self.ids: dict[bytes, int] = {}
        """The ids of stored nodes, by name."""
        self._needs: dict[int, set[int]] = {}
        self.newest: tuple[int, bytes | None] = (0, None)
        """The id and name of the node to look for."""
        self._lock = threading.Lock()

    def needs(self, owner: int) -> Set[int]:
        """The nodes that are known to be recorded as needed by an owner."""
        return self._needs.get(owner, _NONE)

    def forget(self, mark: bytes | None) -> None:
        """Forget all of it: the mark is now another, or what was stored is gone."""
        with self._lock:
            self._forget(mark)

    def learn(
        self, mark: bytes | None, owner: int, nodes: Mapping[bytes, int], newest: tuple[int, bytes]
    ) -> None:
        """Nodes that a committed transaction, which read ``mark``, found or stored and recorded as needed;
        ``newest`` is one that it stored."""
        with self._lock:
            if mark == self.mark:
                if len(self.ids) > MOST:
                    self._forget(mark)
                self.ids.update(nodes)
                self._needs.setdefault(owner, set()).update(nodes.values())
                self.newest = newest

    def _forget(self, mark: bytes | None) -> None:
        # New objects: an operation of another thread that still reads the old ones sees them whole.
        self.mark, self.ids, self._needs, self.newest = mark, {}, {}, (0, None)
