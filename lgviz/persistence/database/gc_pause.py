"""Pauses the garbage collector around work that makes many objects and no garbage."""

from __future__ import annotations

import gc


class gc_paused:  # noqa: N801
    """A context in which the cyclic garbage collector is paused, for the whole process.

    What makes many objects and no cycles sets it off again and again, and each time it may walk all that the
    process holds: a third of the time of a long thread.
    """

    __slots__ = ("_was",)

    def __enter__(self) -> None:
        self._was = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._was:
            gc.enable()
