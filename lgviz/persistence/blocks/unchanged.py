"""Objects that were written before and are as they were then: a chat's messages, at every put."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel

MOST = 16 << 20
"""Bytes that are kept; beyond it, all are forgotten."""
_EMPTY = (list, dict)
_KEPT = frozenset((str, int, float, bool, bytes, type(None), *_EMPTY))


class _Written(NamedTuple):
    value: BaseModel
    kind: type
    keys: list[str]
    parts: tuple[Any, ...]
    ids: tuple[int, ...]
    """Of the parts, which are held, so that nothing else ever has them."""
    fields: set[str]
    extra: dict[str, Any] | None
    empty: list[Any]
    name: bytes
    payload: bytes


class Unchanged:
    """Pydantic models with what they were written as, as long as that can be told to hold still.

    A model is kept where its fields hold nothing but immutable values and empty lists and dicts. It is as it
    was while its fields are the same objects, and those lists and dicts still empty.
    """

    def __init__(self) -> None:
        self._written: dict[int, _Written] = {}
        self._bytes = 0

    def find(self, value: Any) -> tuple[bytes, bytes] | None:
        """The name and bytes of a model that is as it was when it was kept."""
        old = self._written.get(id(value))
        if old is None:
            return None
        state = value.__dict__
        same = (
            tuple(map(id, state.values())) == old.ids
            and [*state] == old.keys
            and value.__pydantic_fields_set__ == old.fields
            and value.__pydantic_extra__ is old.extra
            and _private(value) is None
            and not any(old.empty)
            and type(value) is old.kind
        )
        return (old.name, old.payload) if same else None

    def keep(self, value: Any, name: bytes, payload: bytes) -> None:
        """Remember what an object was written as, where a change of it would be seen."""
        if not isinstance(value, BaseModel) or _private(value) is not None:
            return
        keys, parts, extra = [*value.__dict__], (*value.__dict__.values(),), value.__pydantic_extra__
        empty = [extra, *(part for part in parts if type(part) in _EMPTY)]
        if any(empty) or not _KEPT.issuperset(map(type, parts)):
            return
        self._bytes += len(payload) + 1000
        if self._bytes > MOST:
            self._written, self._bytes = {}, len(payload) + 1000
        ids, fields = tuple(map(id, parts)), set(value.__pydantic_fields_set__)
        self._written[id(value)] = _Written(
            value, type(value), keys, parts, ids, fields, extra, empty, name, payload
        )


def _private(value: BaseModel) -> Any:
    return getattr(value, "__pydantic_private__", None)
