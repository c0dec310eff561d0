"""What a graph's own schemas say of its channels."""

from __future__ import annotations

from typing import Any

from lgviz.analysis.types import Hint, hints_of

__all__ = ["channel_hints"]


def channel_hints(graph: Any) -> dict[str, Hint]:
    """The annotation of each channel, from the schemas that the graph was built with."""
    builder = getattr(graph, "builder", None)
    found: dict[str, Hint] = {}
    for schema in getattr(builder, "schemas", None) or ():
        for name, hint in hints_of(schema).items():
            found.setdefault(name, hint)
    return found
