"""What a search's ``filter`` means: what it means to LangGraph's ``InMemoryStore``, for every database."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import ormsgpack

from lgviz.errors import BadFilter

_EQUAL: dict[str, Callable[[Any, Any], bool]] = {"$eq": operator.eq, "$ne": operator.ne}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
_KNOWN = ", ".join([*_EQUAL, *_ORDER])


def check_filter(filter: Any) -> None:
    """Look at a filter before it meets an item.

    Raises:
        BadFilter: it is no dict of fields, has an unknown operator, or compares with neither number nor text.
    """
    if not isinstance(filter, Mapping):
        raise BadFilter(
            f"The filter {filter!r} is a {type(filter).__name__}.",
            'A filter names fields: {"kind": "note", "score": {"$gt": 3}}.',
        )
    for wanted in filter.values():
        _check(wanted)


def _check(wanted: Any) -> None:
    if isinstance(wanted, Mapping):
        if any(isinstance(key, str) and key.startswith("$") for key in wanted):
            for name, value in wanted.items():
                if name in _ORDER:
                    _comparable(name, value)
                elif name not in _EQUAL:
                    raise BadFilter(
                        f"The operator {name!r} of the filter is unknown.", f"There are {_KNOWN}."
                    )
        else:
            for part in wanted.values():
                _check(part)
    elif isinstance(wanted, (list, tuple)):
        for part in wanted:
            _check(part)


def _comparable(name: str, value: Any) -> None:
    if not isinstance(value, str):
        try:
            float(value)
        except (TypeError, ValueError) as error:
            raise BadFilter(
                f"The operator {name} compares numbers or texts, and {value!r} is neither.",
                "Give a number, or a text as ISO times are.",
            ) from error


def accepts(filter: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    """Whether a value passes a filter that :func:`check_filter` passed."""
    return all(_agree(value.get(field), wanted) for field, wanted in filter.items())


def _agree(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        if any(isinstance(key, str) and key.startswith("$") for key in wanted):
            return all(_apply(name, value, other) for name, other in wanted.items())
        return isinstance(value, dict) and all(_agree(value.get(key), part) for key, part in wanted.items())
    if isinstance(wanted, (list, tuple)):
        return (
            isinstance(value, (list, tuple)) and len(value) == len(wanted) and all(map(_agree, value, wanted))
        )
    return bool(value == wanted)


def _apply(name: str, value: Any, other: Any) -> bool:
    if name in _EQUAL:
        return bool(_EQUAL[name](value, other))
    try:
        return _ORDER[name](float(value), float(other))
    except (TypeError, ValueError):
        # LangGraph's InMemoryStore raises here; its SQL stores compare texts and leave out all else.
        return isinstance(value, str) and isinstance(other, str) and _ORDER[name](value, other)


def needles(filter: Mapping[str, Any]) -> list[bytes]:
    """Bytes that a plainly packed value which passes the filter must contain.

    Looking for them in the database is fast and leaves few values to unpack.
    """
    found = []
    for field, wanted in filter.items():
        if isinstance(wanted, Mapping) and set(wanted) == {"$eq"}:
            wanted = wanted["$eq"]
        if type(field) is str and type(wanted) is str:
            try:
                found.append(ormsgpack.packb(field) + ormsgpack.packb(wanted))
            except (TypeError, ValueError):  # a lone surrogate: no plainly packed value has one
                continue
    return found
