"""Exact forms of the standard library's types: a name and parts that say everything about a value.

A form's reader is given decoded parts and calls only constructors: of the standard library, and of pydantic's
time zone, which every aware time has that pydantic reads.
"""

from __future__ import annotations

import array
import datetime as dt
import decimal
import fractions
import ipaddress
import pathlib
import re
import time
import types
import uuid
import zoneinfo
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic_core import TzInfo

from .stored_error import StoredError


class Form(NamedTuple):
    """How values of one exact type are written and read."""

    name: str
    write: Callable[[Any], list[Any]]
    read: Callable[..., Any]


_FACTORIES: dict[str, Any] = {
    cls.__name__: cls
    for cls in (list, dict, set, int, str, float, tuple, bool, bytes, frozenset, deque, Counter)
}


def _write_default_dict(value: defaultdict[Any, Any]) -> list[Any]:
    factory = value.default_factory
    if factory is not None and _FACTORIES.get(getattr(factory, "__name__", "")) is not factory:
        raise TypeError(f"a defaultdict whose factory is {factory!r}, no built-in type")
    return [factory and factory.__name__, dict(value)]


def _write_time(value: dt.time) -> list[Any]:
    return [value.hour, value.minute, value.second, value.microsecond, value.fold, value.tzinfo]


def _write_datetime(value: dt.datetime) -> list[Any]:
    return [value.year, value.month, value.day, *_write_time(value)]  # type: ignore[arg-type]


def _read_time(hour: int, minute: int, second: int, micro: int, fold: int, tz: Any) -> dt.time:
    return dt.time(hour, minute, second, micro, tz, fold=fold)


def _read_datetime(
    y: int, m: int, d: int, hour: int, minute: int, second: int, micro: int, fold: int, tz: Any
) -> Any:
    return dt.datetime(y, m, d, hour, minute, second, micro, tz, fold=fold)


def _write_zone(value: zoneinfo.ZoneInfo) -> list[Any]:
    if value.key is None:
        raise TypeError("a ZoneInfo without a key")
    return [value.key]


def _write_memory(value: memoryview) -> list[Any]:
    if value.format != "B" or value.ndim != 1:
        raise TypeError("a memoryview of anything but plain bytes")
    return [bytes(value), value.readonly]


def _read_codes(typecode: str, data: bytes) -> array.array[Any]:
    made = array.array(typecode, data)
    if typecode == "u":
        made.tounicode()  # refuses what is no character, which would be refused only where it is shown
    return made


def _read_chain(*maps: Any) -> ChainMap[Any, Any]:
    if not all(isinstance(one, Mapping) for one in maps):
        raise TypeError("a ChainMap of what are no mappings")
    return ChainMap(*maps)


def read_pattern(pattern: str | bytes, flags: int = 0) -> re.Pattern[Any]:
    """A pattern, compiled in silence: by a flag, Python prints what it makes of it."""
    return re.compile(pattern, flags & ~re.DEBUG)


def _text(cls: Any) -> Form:
    return Form(cls.__name__, lambda value: [str(value)], cls)


def _path(cls: Any) -> Form:
    return Form(cls.__name__, lambda value: list(value.parts), cls)


EXACT: dict[type, Form] = {
    tuple: Form("tuple", list, lambda *items: items),
    bytearray: Form("bytearray", lambda value: [bytes(value)], bytearray),
    memoryview: Form(
        "memoryview", _write_memory, lambda data, readonly: memoryview(data if readonly else bytearray(data))
    ),
    complex: Form("complex", lambda value: [value.real, value.imag], complex),
    range: Form("range", lambda value: [value.start, value.stop, value.step], range),
    slice: Form("slice", lambda value: [value.start, value.stop, value.step], slice),
    type(Ellipsis): Form("Ellipsis", lambda value: [], lambda: Ellipsis),
    type(NotImplemented): Form("NotImplemented", lambda value: [], lambda: NotImplemented),
    deque: Form("deque", lambda value: [list(value), value.maxlen], deque),
    OrderedDict: Form("OrderedDict", lambda value: [dict(value)], OrderedDict),
    Counter: Form("Counter", lambda value: [dict(value)], lambda items: _counter(items)),
    defaultdict: Form(
        "defaultdict",
        _write_default_dict,
        lambda factory, items: defaultdict(_FACTORIES[factory] if factory else None, items),
    ),
    ChainMap: Form("ChainMap", lambda value: list(value.maps), _read_chain),
    types.SimpleNamespace: Form(
        "SimpleNamespace", lambda value: [dict(vars(value))], lambda items: types.SimpleNamespace(**items)
    ),
    types.MappingProxyType: Form("MappingProxyType", lambda value: [dict(value)], types.MappingProxyType),
    array.array: Form("array", lambda value: [value.typecode, value.tobytes()], _read_codes),
    dt.datetime: Form("datetime", _write_datetime, _read_datetime),
    dt.date: Form("date", lambda value: [value.year, value.month, value.day], dt.date),
    dt.time: Form("time", _write_time, _read_time),
    dt.timedelta: Form(
        "timedelta", lambda value: [value.days, value.seconds, value.microseconds], dt.timedelta
    ),
    dt.timezone: Form("timezone", lambda value: list(value.__getinitargs__()), dt.timezone),
    TzInfo: Form("TzInfo", lambda value: [int(value.utcoffset(None).total_seconds())], TzInfo),
    time.struct_time: Form("struct_time", lambda value: list(value.__reduce__()[1]), time.struct_time),
    zoneinfo.ZoneInfo: Form("ZoneInfo", _write_zone, zoneinfo.ZoneInfo),
    decimal.Decimal: _text(decimal.Decimal),
    fractions.Fraction: Form(
        "Fraction", lambda value: [value.numerator, value.denominator], fractions.Fraction
    ),
    uuid.UUID: Form("UUID", lambda value: [value.bytes], lambda data: uuid.UUID(bytes=data)),
    re.Pattern: Form("Pattern", lambda value: [value.pattern, value.flags], read_pattern),
    **{
        cls: _text(cls)
        for cls in (
            ipaddress.IPv4Address,
            ipaddress.IPv4Interface,
            ipaddress.IPv4Network,
            ipaddress.IPv6Address,
            ipaddress.IPv6Interface,
            ipaddress.IPv6Network,
        )
    },
    pathlib.PurePosixPath: _path(pathlib.PurePosixPath),
    pathlib.PureWindowsPath: _path(pathlib.PureWindowsPath),
    StoredError: Form("error", lambda error: [error.text, error.exception, error.traceback], StoredError),
    type(pathlib.Path()): Form("Path", lambda value: list(value.parts), pathlib.Path),
}
"""By exact type."""

BY_NAME = {form.name: form for form in EXACT.values()}


def _counter(items: dict[Any, int]) -> Counter[Any]:
    counter: Counter[Any] = Counter()
    dict.update(counter, items)
    return counter
