"""Waiting for a condition until a deadline: a test never sleeps for a time that it hopes is enough."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["auntil", "until", "until_clock"]

_NEVER_SET = threading.Event()
_PAUSE = 0.005


def until(condition: Callable[[], Any], seconds: float = 30) -> None:
    """Wait until ``condition()`` is true; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        _NEVER_SET.wait(_PAUSE)


async def auntil(condition: Callable[[], Awaitable[Any]], seconds: float = 30) -> None:
    """Wait until ``await condition()`` is true, while the loop goes on; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        await asyncio.sleep(_PAUSE)


def until_clock(moment: float) -> None:
    """Wait until the clock (``time.time()``) has gone past a moment."""
    while (left := moment - time.time()) >= 0:
        _NEVER_SET.wait(left + 0.0005)
