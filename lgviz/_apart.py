"""Copies of what lgviz keeps, for code of others: whatever it does to them, what is kept and shown stays."""

from __future__ import annotations

import copy
from typing import Any, TypeVar, cast

__all__ = ["apart"]

T = TypeVar("T")
_ATOMS = frozenset((str, int, float, bool, bytes, complex, type(None)))
"""What cannot be changed."""


def apart(value: T) -> T:
    """A copy that shares nothing with a value. What refuses to be copied is in it as it is.

    >>> kept = {"log": ["a"]}
    >>> given = apart(kept)
    >>> given["log"].append("b")
    >>> kept
    {'log': ['a']}
    """
    try:
        return cast("T", _copied(value, {}))
    except RecursionError:  # nested too deeply to be copied
        return value
    except Exception:  # whatever the code of a value's class raises
        return cast("T", _with_parts_apart(value))


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    """A deep copy, as :mod:`copy` makes it; of plain data in a tenth of the time."""
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is not list and kind is not dict:
        return copy.deepcopy(value, memo)
    made: Any = memo.get(id(value))
    if made is not None:
        return made
    memo[id(value)] = made = kind()
    if kind is list:
        made += value if _ATOMS.issuperset(map(type, value)) else [_copied(part, memo) for part in value]
    elif _ATOMS.issuperset(map(type, value)) and _ATOMS.issuperset(map(type, value.values())):
        made.update(value)
    else:
        made.update((_copied(key, memo), _copied(part, memo)) for key, part in value.items())
    return made


def _with_parts_apart(value: Any) -> Any:
    """A list or dict of which some part refuses."""
    if type(value) is dict:
        return {key: apart(part) for key, part in value.items()}
    return [apart(part) for part in value] if type(value) is list else value
