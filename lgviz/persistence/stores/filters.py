"""What a search's ``filter`` means: what it means to LangGraph's ``InMemoryStore``, for every database."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from lgviz.errors import BadFilter

Test: TypeAlias = Callable[[Any], bool]

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
        except (TypeError, ValueError, OverflowError) as error:
            raise BadFilter(
                f"The operator {name} compares numbers or texts, and {value!r} is neither.",
                "Give a number, or a text as ISO times are.",
            ) from error


def accepts(filter: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    """Whether a value passes a filter that :func:`check_filter` passed."""
    return passes(filter)(value)


def passes(filter: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], bool]:
    """:func:`accepts`, for many values."""
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
