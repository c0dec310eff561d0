"""The engine of the savers: every operation, written once, for any database and without any I/O.

Its operations are generators (see ``statements``); ``drivers`` run them.
"""

from __future__ import annotations

from lgviz.persistence.blocks.setup import SetUp
from lgviz.persistence.database.schema import CHECKPOINTS

from .deltas import DeltaReading
from .index import Indexing
from .reading import Reading
from .upkeep import Upkeep
from .writing import Writing


class Engine(SetUp, Writing, DeltaReading, Reading, Indexing, Upkeep):
    """All operations of a saver over one dialect and serializer."""

    role = CHECKPOINTS
