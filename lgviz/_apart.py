"""Copies of what lgviz keeps, for code of others: whatever it does to them, what is kept and shown stays."""

from __future__ import annotations

import copy
from typing import Any, TypeVar, cast

__all__ = ["apart"]

T = TypeVar("T")


def apart(value: T) -> T:
    """A copy that shares nothing with a value. What refuses to be copied is in it as it is.

    >>> kept = {"log": ["a"]}
    >>> given = apart(kept)
    >>> given["log"].append("b")
    >>> kept
    {'log': ['a']}
    """
    try:
        return copy.deepcopy(value)
    except RecursionError:  # nested too deeply to be copied
        return value
    except Exception:  # whatever the code of a value's class raises
        return cast("T", _with_parts_apart(value))


def _with_parts_apart(value: Any) -> Any:
    """A list or dict of which some part refuses."""
    if type(value) is dict:
        return {key: apart(part) for key, part in value.items()}
    return [apart(part) for part in value] if type(value) is list else value
