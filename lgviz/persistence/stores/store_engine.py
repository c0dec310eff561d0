"""The engine of the stores: every operation, written once, for any database and without any I/O."""

from __future__ import annotations

from .vectors import Semantic
from .verifying import Verifying


class StoreEngine(Semantic, Verifying):
    """All operations of a store over one dialect and serializer."""
