"""Whole values as nodes that views cut to what a screen holds; what two checkpoints share is one part."""

from __future__ import annotations

import base64
from collections import OrderedDict
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from lgviz.analysis.compare import shared
from lgviz.analysis.media import media_bytes, media_of
from lgviz.analysis.same import same
from lgviz.analysis.values import children, kind_of
from lgviz.backend.value_views import Budget, bare_node, whole_table

from .parts import Parts

__all__ = ["Held", "WholeValues"]

_DEPTH = 40
_TEXT = 4_000_000
_ROWS = 1_000
_SHARED = 4
"""Items from which on a list is compared with the one before, item by item."""


@dataclass(frozen=True, slots=True)
class Held:
    """A value and what stands for it."""

    value: Any
    part: Any
    items: _Items | None = None


@dataclass(frozen=True, slots=True)
class _Items:
    """Of a list its items, the nodes of these and their chunks, to go on from with the next."""

    held: list[Held]
    nodes: list[dict[str, Any]]
    chunks: list[Any]


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
        if before is None or before.items is None:
            before = Held([], None, _Items([], [], []))
        was: Any = before.items
        # What is the same object as before is not looked at again.
        low = shared(value, before.value)
        some = value[low:]
        new = [self.held(one, was.held[i] if i < len(was.held) else None) for i, one in enumerate(some, low)]
        low += shared(new, was.held[low:])
        held = [*was.held[:low], *new[len(new) - len(value) + low :]]
        if before.part is not None and low == len(held) == len(was.held):
            return before
        nodes = was.nodes[:low]
        nodes += [{"key": str(i), "value": one.part} for i, one in enumerate(held[low:], low)]
        items, chunks = self._parts.listed(nodes, was.chunks, low)
        # The values of the items are those of the list before: what is equal is kept once.
        values = [*before.value[:low], *(one.value for one in held[low:])]
        return Held(values, self._parts.add({**_bare(value), "items": items}), _Items(held, nodes, chunks))

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
            kinds = _kinds_of_keys(value) if kind == "dict" else repeat(str)
            node["items"] = [
                {"key": key, "value": self._node(child, depth + 1)}
                | ({} if cls is str else {"of": cls.__name__})  # 1 and "1" are two keys
                for (key, child), cls in zip(children(value) if depth < _DEPTH else (), kinds, strict=False)
            ]
        if kind != "message":
            return node
        part = self._parts.add(node)
        if self.counting:
            self.messages.add(part["$"])
        return part


def _bare(value: Any) -> dict[str, Any]:
    return dict(bare_node(value, Budget(1 << 40), _TEXT))


def _kinds_of_keys(value: dict[Any, Any]) -> map[type]:
    return map(type, value if isinstance(value, OrderedDict) else dict.keys(value))


def _media(value: Any) -> str | None:
    if kind_of(value) not in ("string", "bytes") or media_of(value) is None:
        return None
    return base64.b64encode(media_bytes(value)).decode()
