"""What a database can leave out before a filter is decided: values whose bytes show that they do not pass.

A plain value is a msgpack map. Where a field of it equals a text, the field's packed bytes and the text's
follow each other; where it equals a number, or is above or below one, the field's bytes are followed by a
number whose bytes sort as it does. What cannot be told is kept, to be unpacked and decided.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import ormsgpack

from lgviz.persistence.database.dialect import Dialect

from .values import PLAIN

_FLOAT = b"\xcb"
_FLOATS = (b"\xcb\x00", b"\xcb\x80")
"""All floats from 0 on, in msgpack."""
_SMALL = 128
"""Whole numbers from 0 to below it are one byte, themselves."""


def sieve(filter: Mapping[str, Any], dialect: Dialect) -> tuple[str, list[Any]]:
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
        for operator, value in wanted.items() if isinstance(wanted, Mapping) else [("$eq", wanted)]:
            try:
                name = ormsgpack.packb(field)
                if operator == "$eq" and type(value) in (str, int, float):
                    yield _equal(name, value, dialect)
                elif operator in _EXCLUDED and type(value) in (int, float) and abs(value) < 1e300:
                    yield _apart(name, _EXCLUDED[operator], value, dialect)
            except (
                TypeError,
                ValueError,
            ):  # no plainly packed value has a lone surrogate, or so great a number
                continue


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


_EXCLUDED = {"$gt": (True, False), "$gte": (True, False), "$lt": (False, True), "$lte": (False, True)}
"""Whether an operator excludes what is below its number, and what is above it."""


def _excluded(below: bool, above: bool, value: float) -> Iterator[tuple[bytes, bytes]]:
    """Ranges of the bytes of numbers that do not pass."""
    packed = _FLOAT + struct.pack(">d", value) if value > 0 else _FLOATS[0]
    if below:
        yield b"", bytes((min(max(math.ceil(value), 0), _SMALL),))
        yield _FLOATS[0], packed
    if above:
        yield bytes((min(max(math.floor(value) + 1, 0), _SMALL),)), bytes((_SMALL,))
        yield (packed + b"\0" if value >= 0 else packed), _FLOATS[1]
