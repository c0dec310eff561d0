"""Which checkpoint the call of a subgraph started from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def anchor_of(namespace: str, metadata: Mapping[str, Any]) -> tuple[str, str] | None:
    """The checkpoint, in the enclosing namespace, that a subgraph's call started from."""
    parents = metadata.get("parents")
    if not namespace or not isinstance(parents, dict):
        return None
    outer = [name for name in parents if name != namespace]
    if not outer:
        return None
    name = max(outer, key=len)
    return name, parents[name]
