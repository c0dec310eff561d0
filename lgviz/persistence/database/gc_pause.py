"""Pauses the garbage collector around work that makes many objects and no garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause the cyclic garbage collector, for the whole process.

    What makes many objects and no cycles sets it off again and again, and each time it may walk all that the
    process holds: a third of the time of a long thread.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
