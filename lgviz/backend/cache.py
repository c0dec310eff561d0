"""Answers kept for when the same is asked again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["Kept"]

T = TypeVar("T")
_MOST = 32


class Kept:
    """What was made for a question; of each kind the newest few.

    Args:
        most: by kind, how many are kept; :data:`_MOST` of the others.
    """

    def __init__(self, **most: int) -> None:
        self._most = most
        self._kinds: dict[str, OrderedDict[Any, Any]] = {}
        self._lock = threading.Lock()

    def __call__(self, question: tuple[Any, ...], make: Callable[[], T]) -> T:
        """The answer made before, else one made now. The question begins with its kind."""
        kind = question[0]
        with self._lock:
            kept = self._kinds.setdefault(kind, OrderedDict())
            if question in kept:
                kept.move_to_end(question)
                found: T = kept[question]
                return found
        made = make()
        with self._lock:
            kept[question] = made
            while len(kept) > self._most.get(kind, _MOST):
                kept.popitem(last=False)
        return made
