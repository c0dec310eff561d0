"""lgviz: see, understand and rewrite what a LangGraph agent remembers."""

from __future__ import annotations

from ._version import __version__

__all__ = ["__version__"]
