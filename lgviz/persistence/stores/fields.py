"""Which JSON paths of a value are embedded: LangGraph's ``index=`` of a put."""

from __future__ import annotations

import json
from typing import Any, Literal, TypeAlias

from lgviz.errors import InvalidIndex

Fields: TypeAlias = "Literal[False] | list[str] | None"
"""None of it, these JSON paths, or (None) those that the store's index names."""


def check_fields(fields: Any, what: str = "index") -> Fields:
    """JSON paths, False or None.

    Raises:
        InvalidIndex: it is something else.
    """
    if fields is None or fields is False:
        return fields
    if isinstance(fields, list | tuple) and all(isinstance(path, str) for path in fields):
        return list(fields)
    raise InvalidIndex(
        f"{what}={fields!r:.100} names no JSON paths.",
        f'Give a list of them, such as {what}=["text", "parts[*].text"], or False to embed nothing.',
    )


def pack_fields(fields: Fields) -> str | None:
    """Fields as a row holds them."""
    return None if fields is None else json.dumps(fields)


def read_fields(text: str | None) -> Fields:
    """What :func:`pack_fields` was given."""
    return None if text is None else json.loads(text)
