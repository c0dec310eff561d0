"""Who goes on at a checkpoint in place: one run at a time, in this process and in others."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from lgviz.errors import ActRefused
from lgviz.sources.claims import HeldNames
from lgviz.sources.places import place_of

from .saver_proxy import below
from .target import Position

__all__ = ["Claims", "thread_claimed"]

logger = logging.getLogger(__name__)
Claim = tuple[int, str, str]
_claims: dict[Claim, Claims] = {}
_lock = threading.Lock()


class Claims(AbstractContextManager["Claims"]):
    """What one run holds of a thread until it ends: where it begins, and the checkpoint that it is at.

    Args:
        saver: of the thread.
        sandbox: what holds the run's checkpoints, for this process alone; None: it runs in the open.
        thread_id: of the thread.

    Attributes:
        lost: set once another run went on in place of this one, which was left: what it still does is lost.
    """

    def __init__(self, saver: BaseCheckpointSaver[Any], sandbox: object | None, thread_id: str) -> None:
        saver = below(saver)
        self._thread_id = thread_id
        self._owner = id(saver) if sandbox is None else id(sandbox)
        self._held = HeldNames(saver) if sandbox is None else None
        self._taken: set[Claim] = set()
        self._at: Claim | None = None
        self._left: Callable[[], Sequence[str]] | None = None
        self.lost = threading.Event()

    def begin(self, position: Position) -> Sequence[str]:
        """Nobody else goes on at this checkpoint in place from now on, or begins this thread. A run that was
        left is cut off; gives the nodes that it still has at work.

        Args:
            position: the checkpoint; inside a subgraph the one that its call started from counts.

        Raises:
            ActRefused: somebody does.
        """
        root = position.saved.metadata.get("parents", {}).get("", position.id)
        id_ = (root if position.namespace else place_of(position.saved.config).checkpoint_id) or ""
        working = self._take(id_)
        if working is None:
            said = f"Another run goes on at checkpoint {id_} already." if id_ else self._begun
            raise ActRefused(said, "Wait until that ends, or stop it.")
        return working

    def thread(self) -> None:
        """Nobody else begins this thread from now on.

        Raises:
            ActRefused: somebody does.
        """
        if self._take("") is None:
            raise ActRefused(self._begun, "Wait until that ends, or stop it.")

    def at(self, checkpoint_id: str) -> bool:
        """The run is at another checkpoint, which it has just made: nobody else goes on there meanwhile.
        False where somebody does already."""
        claim = (self._owner, self._thread_id, checkpoint_id)
        with _lock:
            if self.lost.is_set() or claim in _claims:
                return False
            _claims[claim] = self
            if self._at is not None:
                _claims.pop(self._at, None)
            self._at = claim
        if self._held is None:
            return True
        try:
            return self._held.move(self._name(checkpoint_id))
        except Exception as error:  # the run itself goes on: only others do not know of it any more
            logger.warning("%s is not claimed: %s", checkpoint_id, error)
            return True

    def leave(self, at_work: Callable[[], Sequence[str]]) -> None:
        """Nobody waits for this run any more: who goes on where it is takes its place.

        Args:
            at_work: tells its nodes that are at work.
        """
        with _lock:
            self._left = at_work

    def __exit__(self, *_: object) -> None:
        with _lock:
            self._free()

    def _free(self) -> None:
        for claim in (*self._taken, *((self._at,) if self._at else ())):
            if _claims.get(claim) is self:
                del _claims[claim]
        if self._held is not None:
            self._held.free()

    @property
    def _begun(self) -> str:
        return f"Thread {self._thread_id!r} is being begun already."

    def _take(self, id_: str) -> Sequence[str] | None:
        """Claim; gives the nodes at work of a run that was left and is cut off; None where it is refused."""
        claim, working = (self._owner, self._thread_id, id_), list[str]()
        with _lock:
            other = _claims.get(claim)
            if other is not None:
                if other._left is None:
                    return None
                working += other._left()
                other.lost.set()
                other._free()
            _claims[claim] = self
            self._taken.add(claim)
        free = self._held is None or self._held.take(self._name(id_))
        return working if free else None

    def _name(self, id_: str) -> str:
        return f"{self._thread_id}\n{id_}"


@contextmanager
def thread_claimed(saver: BaseCheckpointSaver[Any], thread_id: str) -> Iterator[None]:
    """Nobody else begins this thread meanwhile.

    Raises:
        ActRefused: somebody does.
    """
    with Claims(saver, None, thread_id) as claims:
        claims.thread()
        yield
