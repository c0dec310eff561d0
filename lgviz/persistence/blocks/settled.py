"""Reads that need no transaction as long as nothing is removed meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from lgviz.persistence.database.statements import GLANCE, READ, Operation

R = TypeVar("R")


class Gone(Exception):
    """A node is missing: it is damage, or was removed after what refers to it had been read."""


class Settling:
    """What every engine can do."""

    joined = False
    """Whether an operation joined a transaction of the caller's, which may yet be undone with all its ids."""

    def settled(self, read: Callable[[bool], Operation[R]]) -> Operation[R]:
        """What ``read`` gives without a transaction, which would cost round trips; and where a removal came
        between its statements, what it gives within one.

        Args:
            read: told whether to raise :class:`Gone` where something is missing.
        """
        self.joined = bool((yield GLANCE))
        try:
            return (yield from read(True))
        except Gone:
            yield READ
            return (yield from read(False))
