"""Deleting what is expired, from time to time: in a thread, or in a task of an event loop."""

from __future__ import annotations

import asyncio
import logging
import threading
import weakref
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from langgraph.store.base import TTLConfig

logger = logging.getLogger(__name__)

INTERVAL = 5.0
"""Minutes between two sweeps, where nothing else is said."""


def interval_of(config: TTLConfig | None, minutes: float | None) -> float | None:
    """Seconds between two sweeps; None where the store has no ``TTLConfig``."""
    return None if config is None else float(minutes or config.get("sweep_interval_minutes") or INTERVAL) * 60


class ThreadSweeper:
    """Sweeps a store in a thread until it is stopped, cancelled, or the store is gone.

    Args:
        store: has ``sweep_ttl``.
        seconds: between two sweeps.
    """

    def __init__(self, store: Any, seconds: float) -> None:
        self._store = weakref.ref(store)
        self._seconds = seconds
        self._stop = threading.Event()
        self.future: Future[None] = Future()
        self.future.add_done_callback(lambda _: self._stop.set())
        self.thread = threading.Thread(target=self._loop, daemon=True, name="lgviz-ttl-sweeper")
        self.thread.start()

    def _loop(self) -> None:
        while not self._stop.wait(self._seconds):
            store = self._store()
            if store is None:
                break
            try:
                store.sweep_ttl()
            except Exception:
                logger.exception("Sweeping expired items failed; it is tried again later.")
            del store
        if not self.future.done():
            with suppress(Exception):  # cancelled this very moment
                self.future.set_result(None)

    def stop(self, timeout: float | None) -> bool:
        """Whether it has stopped in time."""
        self._stop.set()
        self.thread.join(timeout)
        return not self.thread.is_alive()


async def sweep_forever(store: Any, seconds: float) -> None:
    """Sweep an asynchronous store until cancelled, or until the store is gone."""
    ref = weakref.ref(store)
    del store
    while True:
        await asyncio.sleep(seconds)
        found = ref()
        if found is None:
            return
        try:
            await found.sweep_ttl()
        except Exception:
            logger.exception("Sweeping expired items failed; it is tried again later.")
        del found
