"""One lock for each connection: operations on it take turns, also where a saver and a store share it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any
from weakref import WeakValueDictionary

_locks: WeakValueDictionary[int, Any] = WeakValueDictionary()
_guard = threading.Lock()


def lock_of(conn: object) -> Any:
    """The lock that all drivers of a connection share. A driver keeps both, so that no id is used again."""
    return _shared(conn, threading.RLock)


def async_lock_of(conn: object) -> asyncio.Lock:
    """:func:`lock_of`, for connections that belong to an event loop."""
    lock: asyncio.Lock = _shared(conn, asyncio.Lock)
    return lock


def _shared(conn: object, make: Any) -> Any:
    with _guard:
        lock = _locks.get(id(conn))
        if lock is None:
            lock = _locks[id(conn)] = make()
        return lock
