"""A stored value as indented text that reads like JSON, cut to what a screen holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lgviz.analysis.values import children, clean, describe

__all__ = ["raw_text"]

_DEPTH = 12
_ITEMS = 200
_TEXT = 2_000


def raw_text(value: Any, limit: int = 20_000) -> str:
    """Any value as indented text of at most about ``limit`` characters; never raises.

    Objects stand with their type's name, what cannot be JSON as its one line, what was cut as ``…``.
    """
    pieces: list[str] = []
    size = 0
    for piece in _pieces(dict(value) if isinstance(value, Mapping) else value, "", 0):
        if size + len(piece) > limit:
            return "".join([*pieces, piece[: limit - size], " …"])
        pieces.append(piece)
        size += len(piece)
    return "".join(pieces)


def _pieces(value: Any, indent: str, depth: int) -> Iterator[str]:
    if isinstance(value, Mapping) and not isinstance(value, dict):
        value = dict(value)
    shape = describe(value, 1)  # a container's line is long to make, and not shown
    if shape.kind == "string":
        more = f" … {len(value) - _TEXT:,} more characters" if len(value) > _TEXT else ""
        yield json.dumps(clean(value[:_TEXT]), ensure_ascii=False) + more
    elif shape.kind in ("null", "bool"):
        yield {"None": "null", "True": "true", "False": "false"}[describe(value).text]
    elif not shape.children or depth >= _DEPTH:
        empty = {} if shape.children else {"dict": "{}", "list": "[]", "set": "[]"}
        yield empty.get(shape.kind) or describe(value, _TEXT).text
    else:
        opening, closing = ("[", "]") if shape.kind in ("list", "set", "array") else ("{", "}")
        named = shape.type not in ("dict", "list")
        yield f"{shape.type} {opening}" if named else opening
        inner = indent + "  "
        shown = children(value, 0, _ITEMS)
        for i, (key, child) in enumerate(shown):
            yield f"{',' if i else ''}\n{inner}"
            if opening == "{":
                yield f"{json.dumps(key, ensure_ascii=False)}: "
            yield from _pieces(child, inner, depth + 1)
        if shape.children > len(shown):
            yield f",\n{inner}… {shape.children - len(shown):,} more"
        yield f"\n{indent}{closing}"
