"""Which channels are LangGraph's own bookkeeping."""

from __future__ import annotations

__all__ = ["is_internal"]

_PREFIXES = ("__", "branch:", "join:", "start:")


def is_internal(name: str) -> bool:
    """Whether a channel belongs to LangGraph itself and not to the state (``__start__``, ``branch:to:agent``)."""
    return name.startswith(_PREFIXES)
