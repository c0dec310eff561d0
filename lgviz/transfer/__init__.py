"""Records from a source into a saver or store: migrating (floor 3)."""

from __future__ import annotations

from .migration import migrate

__all__ = ["migrate"]
