"""Whole values as nodes that views cut to what a screen holds; what two checkpoints share is one part."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from lgviz.analysis.media import media_bytes, media_of
from lgviz.analysis.same import same
from lgviz.analysis.values import children, kind_of
from lgviz.backend.value_views import Budget, bare_node, whole_table

from .parts import Parts

__all__ = ["Held", "WholeValues"]

_DEPTH = 60
_TEXT = 4_000_000
_ROWS = 1_000
_SHARED = 4
"""Items from which on a list is compared with the one before, item by item."""


@dataclass(frozen=True, slots=True)
class Held:
    """A value and what stands for it. ``items``: those of a list, to be compared with the next."""

    value: Any
    part: Any
    items: list[Held] | None = None


class WholeValues:
    """Makes nodes of values.

    Args:
        parts: what they are added to.

    Attributes:
        messages: the parts that are messages.
        counting: whether they are counted.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.messages: set[int] = set()
        self.counting = True

    def held(self, value: Any, before: Held | None = None) -> Held:
        """A value whose parts are those of the one before, where they are the same."""
        if before is not None and value is before.value:
            return before
        if type(value) is list and len(value) >= _SHARED:
            return self._list(value, before)
        if before is not None and same(value, before.value):
            return before
        return Held(value, self._parts.add(self._node(value, 0)))

    def _list(self, value: list[Any], before: Held | None) -> Held:
        was = (before.items if before is not None else None) or []
        items = [self.held(one, was[i] if i < len(was) else None) for i, one in enumerate(value)]
        if before is not None and len(items) == len(was) and all(map(_is, items, was)):
            return before
        node = {**_bare(value), "items": [{"key": str(i), "value": one.part} for i, one in enumerate(items)]}
        # The values of the items are those of the list before: what is equal is kept once.
        return Held([one.value for one in items], self._parts.add(node), items)

    def _node(self, value: Any, depth: int) -> Any:
        node = _bare(value)
        kind = node["kind"]
        if "media" in node and (data := _media(value)) is not None:
            node["data"] = data
        if kind in ("frame", "array"):
            table = whole_table(value, _ROWS)
            if table is not None:
                return {**node, "table": table, "left": max(0, node["more"] - len(table["rows"]))}
        if node["more"] and kind not in ("string", "bytes"):
            node["items"] = [
                {"key": key, "value": self._node(child, depth + 1)}
                for key, child in (children(value) if depth < _DEPTH else ())
            ]
        if kind != "message":
            return node
        part = self._parts.add(node)
        if self.counting:
            self.messages.add(part["$"])
        return part


def _is(one: Held, other: Held) -> bool:
    return one is other


def _bare(value: Any) -> dict[str, Any]:
    return dict(bare_node(value, Budget(1 << 40), _TEXT))


def _media(value: Any) -> str | None:
    if kind_of(value) not in ("string", "bytes") or media_of(value) is None:
        return None
    return base64.b64encode(media_bytes(value)).decode()
