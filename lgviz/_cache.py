"""A cache with a bound: what was not used for longest goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

__all__ = ["BoundedCache"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """Values by key; beyond the bound, those go that were not used for longest. Any thread may use it.

    Args:
        limit: the greatest sum of sizes.
        size: of a value; without it each counts as one, and the limit is a number of values.

    >>> cache = BoundedCache(2)
    >>> cache.put("a", 1), cache.put("b", 2), cache.get("a"), cache.put("c", 3)
    (None, None, 1, None)
    >>> cache.get("a"), cache.get("b")
    (1, None)
    """

    def __init__(self, limit: int, size: Callable[[V], int] | None = None) -> None:
        self._limit = limit
        self._size = size
        self._used = 0
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()
        self.peek = self._values.get
        """:meth:`get` that does not count as a use, and is as fast as a dict's."""

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K) -> V | None:
        """The value of a key; None where there is none (any more)."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            return None

    def put(self, key: K, value: V) -> None:
        """Keep a value; nothing is kept that alone is beyond the bound."""
        size = self._size
        with self._lock:
            if key in self._values:
                self._drop(key)
            self._values[key] = value
            self._used += size(value) if size else 1
            while self._used > self._limit:
                self._drop(next(iter(self._values)))

    def made(self, key: K, make: Callable[[], V]) -> V:
        """The value of a key; where there is none, it is made and kept (by several threads, each its own)."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        self.put(key, value)
        return value

    def pop(self, key: K) -> V | None:
        """Drop a key; its value, if there was one."""
        with self._lock:
            return self._drop(key) if key in self._values else None

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._values.clear()
            self._used = 0

    def _drop(self, key: K) -> Any:
        value = self._values.pop(key)
        self._used -= self._size(value) if self._size else 1
        return value
