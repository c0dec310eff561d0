"""JSON in which equal parts are stored once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

__all__ = ["Parts"]

_SMALL = 24
"""Characters of JSON below which a part stands where it is used."""
_CHUNK = 32


class Parts:
    """Collects parts: equal ones are one, and long lists that begin alike share their beginning.

    A part stands where it is used as ``{"$": its number}``; a long list is ``{"+": lists}``, to be joined.

    >>> parts = Parts()
    >>> twice = {"a long enough key": ["with a value", 1]}
    >>> parts.add([twice, twice])
    [{'$': 0}, {'$': 0}]
    >>> parts.table
    ['{"a long enough key":["with a value",1]}']

    Attributes:
        table: the JSON of each part.
    """

    def __init__(self) -> None:
        self.table: list[str] = []
        self._numbers: dict[str, int] = {}

    def add(self, value: Any) -> Any:
        """What stands for a value."""
        if isinstance(value, dict):
            if len(value) == 1 and "$" in value:
                return value  # added before
            return self._part({key: self.add(part) for key, part in value.items()})
        if isinstance(value, (list, tuple)):
            return self._list([self.add(part) for part in value])
        return value

    def listed(self, items: list[Any], before: Sequence[Any] = (), low: int = 0) -> tuple[Any, list[Any]]:
        """What stands for a list, and for each chunk of it.

        Args:
            items: the list.
            before: the chunks of another whose first ``low`` items are the same.
        """
        kept = min(low // _CHUNK, len(before))
        chunks = list(before[:kept])
        starts = range(kept * _CHUNK, len(items), _CHUNK)
        chunks += [self._part([self.add(one) for one in items[at : at + _CHUNK]]) for at in starts]
        return self._joined(chunks, len(items)), chunks

    def _list(self, items: list[Any]) -> Any:
        if len(items) <= _CHUNK:
            return self._part(items)
        chunks = [self._part(items[at : at + _CHUNK]) for at in range(0, len(items), _CHUNK)]
        return self._joined(chunks, len(items))

    def _joined(self, chunks: list[Any], count: int) -> Any:
        if count <= _CHUNK:
            return chunks[0] if chunks else []
        return self._part({"+": self._list(chunks)})

    def _part(self, value: Any) -> Any:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if len(text) < _SMALL:
            return value
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self.table)
            self.table.append(text)
        return {"$": number}
