"""A search's ``filter``: what it means (as in LangGraph's ``InMemoryStore``), and what SQL leaves out before.

:func:`passes` decides. :func:`prefilter` only spares it items, by a condition of SQL on the bytes of values.
A plain value is a msgpack map (see ``values.py``): where a field of it equals a text, the field's packed
bytes and the text's follow each other; where it equals a number, or is above or below one, the field's bytes
are followed by a number whose bytes sort as it does. What bytes cannot tell is kept, to be decided unpacked.
"""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import ormsgpack

from lgviz.errors import BadFilter
from lgviz.persistence.database.dialect import Dialect

from .values import PLAIN

Test: TypeAlias = Callable[[Any], bool]

_EQUAL: dict[str, Callable[[Any, Any], bool]] = {"$eq": operator.eq, "$ne": operator.ne}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
_KNOWN = ", ".join([*_EQUAL, *_ORDER])

_FLOAT = b"\xcb"
_FLOATS = (b"\xcb\x00", b"\xcb\x80")
"""All floats from 0 on, in msgpack."""
_SMALL = 128
"""Whole numbers from 0 to below it are one byte, themselves."""
_EXCLUDED = {"$gt": (True, False), "$gte": (True, False), "$lt": (False, True), "$lte": (False, True)}
"""Whether an operator excludes what is below its number, and what is above it."""


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
                        f"The operator {name!r} of the filter is unknown.", f"The operators are {_KNOWN}."
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
        except (TypeError, ValueError, OverflowError) as error:
            raise BadFilter(
                f"The operator {name} compares numbers or texts, and {value!r} is neither.",
                "Give a number, or a text as ISO times are.",
            ) from error


def passes(filter: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], bool]:
    """What tells whether a value passes a filter, which :func:`check_filter` has seen."""
    tests = [(field, _test(wanted)) for field, wanted in filter.items()]
    if len(tests) == 1:
        ((name, only),) = tests
        return lambda value: only(value.get(name))
    return lambda value: all(test(value.get(field)) for field, test in tests)


def _test(wanted: Any) -> Test:
    if isinstance(wanted, Mapping):
        if any(isinstance(key, str) and key.startswith("$") for key in wanted):
            tests = [_operator(name, other) for name, other in wanted.items()]
            return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)
        inner = passes(wanted)
        return lambda value: isinstance(value, dict) and inner(value)
    if isinstance(wanted, (list, tuple)):
        parts = [_test(part) for part in wanted]
        return lambda value: (
            isinstance(value, (list, tuple))
            and len(value) == len(parts)
            and all(test(part) for test, part in zip(parts, value, strict=True))
        )
    return lambda value: bool(value == wanted)


def _operator(name: str, other: Any) -> Test:
    if name in _EQUAL:
        equal = _EQUAL[name]
        return lambda value: bool(equal(value, other))
    compare = _ORDER[name]
    try:
        number = float(other)
    except ValueError:
        return lambda value: isinstance(value, str) and compare(value, other)

    def test(value: Any) -> bool:
        try:
            return compare(float(value), number)
        except (TypeError, ValueError):
            # LangGraph's InMemoryStore raises here; its SQL stores compare texts and leave out all else.
            return isinstance(value, str) and isinstance(other, str) and compare(value, other)

    return test


def prefilter(filter: Mapping[str, Any], dialect: Dialect) -> tuple[str, list[Any]]:
    """A condition on the item ``i`` that all items meet which pass a filter, and its parameters."""
    conditions, params = [], list[Any]()
    for condition, given in _conditions(filter, dialect):
        conditions.append(condition)
        params += given
    if not conditions:
        return "TRUE", []
    return f"(substr(i.value, 1, 1) <> ? OR {' AND '.join(conditions)})", [PLAIN, *params]


def _conditions(filter: Mapping[str, Any], dialect: Dialect) -> Iterator[tuple[str, list[Any]]]:
    for field, wanted in filter.items():
        for name, value in wanted.items() if isinstance(wanted, Mapping) else [("$eq", wanted)]:
            try:
                packed = ormsgpack.packb(field)
                if name == "$eq" and type(value) in (str, int, float):
                    yield _equal(packed, value, dialect)
                elif name in _EXCLUDED and type(value) in (int, float) and abs(value) < 1e300:
                    yield _apart(packed, _EXCLUDED[name], value, dialect)
            except (TypeError, ValueError):
                continue  # msgpack cannot pack a lone surrogate, or so great a number: no plain value has one


def _equal(name: bytes, value: Any, dialect: Dialect) -> tuple[str, list[Any]]:
    """A field equals a text or a number."""
    forms = {ormsgpack.packb(value)}
    if type(value) is not str:
        forms |= {ormsgpack.packb(form) for form in (float(value), -float(value)) if form == value}
        forms |= {ormsgpack.packb(form(value)) for form in (bool, int) if form(value) == value}
    place = dialect.find.format("i.value")
    return f"({' OR '.join([f'{place} > 0'] * len(forms))})", [name + form for form in sorted(forms)]


def _apart(name: bytes, excluded: tuple[bool, bool], value: float, dialect: Dialect) -> tuple[str, list[Any]]:
    """A field is above or below a number."""
    place = dialect.find.format("i.value")
    after = f"{place} + {len(name)}"
    number = f"substr(i.value, {after}, 10)"
    # Where the field's bytes are there twice, the first may be those of another field.
    again = f"{dialect.find.format(f'substr(i.value, {after})')} > 0"
    outside, params = list[str](), list[Any]([name])
    for start, stop in _excluded(*excluded, value):
        outside.append(f"NOT ({number} >= ? AND {number} < ?)")
        params += [name, start, name, stop]
    return f"{place} > 0 AND ({' AND '.join(outside)} OR {again})", [*params, name, name]


def _excluded(below: bool, above: bool, value: float) -> Iterator[tuple[bytes, bytes]]:
    """Ranges of the bytes of numbers that do not pass."""
    packed = _FLOAT + struct.pack(">d", value) if value > 0 else _FLOATS[0]
    if below:
        yield b"", bytes((min(max(math.ceil(value), 0), _SMALL),))
        yield _FLOATS[0], packed
    if above:
        yield bytes((min(max(math.floor(value) + 1, 0), _SMALL),)), bytes((_SMALL,))
        yield (packed + b"\0" if value >= 0 else packed), _FLOATS[1]
