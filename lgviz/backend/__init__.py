"""Answers the requests of :mod:`lgviz.protocol`, whatever carries them (floor 5)."""

from lgviz.backend.backend import Backend

__all__ = ["Backend"]
