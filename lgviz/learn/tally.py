"""What was answered in this session, at the first try and last."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

__all__ = ["TALLY", "Tally", "Tries"]


@dataclass(slots=True)
class Tries:
    """The tries at one question.

    Attributes:
        kind: what it is about.
        first: whether the first was right.
        last: whether the last was.
    """

    kind: str
    first: bool
    last: bool


@dataclass(slots=True)
class Tally:
    """The tries of one learner, by question, in the order in which each was first answered."""

    tries: dict[str, Tries] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def answered(self, kind: str, question: str, *, right: bool) -> None:
        """Count an answer."""
        with self._lock:
            self.tries.setdefault(question, Tries(kind, right, right)).last = right

    def of(self, kind: str) -> list[Tries]:
        """The tries at questions of one kind."""
        with self._lock:
            return [one for one in self.tries.values() if one.kind == kind]

    def outcome(self, question: str) -> str:
        """``"right"``, ``"wrong"`` or ``"not answered"``, by the last try."""
        with self._lock:
            tried = self.tries.get(question)
        return "not answered" if tried is None else "right" if tried.last else "wrong"

    def reset(self) -> None:
        """Forget all."""
        with self._lock:
            self.tries.clear()


TALLY = Tally()
"""The learner at this kernel."""
