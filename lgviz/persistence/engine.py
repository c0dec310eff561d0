"""The engine of the savers: every operation, written once, for any database and without any I/O.

Its operations are generators (see ``statements``); ``drivers`` run them.
"""

from __future__ import annotations

from .deltas import DeltaReading
from .index import Indexing
from .reading import Reading
from .schema import CHECKPOINTS
from .setup import SetUp
from .upkeep import Upkeep
from .writing import Writing


class Engine(SetUp, Writing, DeltaReading, Reading, Indexing, Upkeep):
    """All operations of a saver over one dialect and serializer."""

    role = CHECKPOINTS
