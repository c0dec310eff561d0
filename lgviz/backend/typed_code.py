"""The code of values of many types: what makes them, and what that needs to be imported."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from typing import Any

from pydantic import BaseModel

from lgviz.analysis.values import fields_of, guarded_repr
from lgviz.backend.code import literal

__all__ = ["python_of"]

_LINE = 2_000


def python_of(value: Any, indent: int = 4) -> tuple[str, set[str]]:
    """Code that makes a value, and the imports that it needs.

    >>> python_of([datetime.date(2026, 3, 5)])
    ('[datetime.date(2026, 3, 5)]', {'import datetime'})
    """
    imports: set[str] = set()
    if _is_plain(value):
        return literal(value, indent), imports
    return _code(value, imports), imports


def _code(value: Any, imports: set[str]) -> str:
    cls = type(value)
    if cls is dict:
        return "{" + ", ".join(f"{key!r}: {_code(one, imports)}" for key, one in value.items()) + "}"
    if cls in (list, tuple, set) and value:
        items = ", ".join(_code(one, imports) for one in value)
        return f"[{items}]" if cls is list else f"({items},)" if cls is tuple else f"{{{items}}}"
    if value is None or cls in (bool, int, float, str, bytes, list, tuple, set):
        return literal(value)
    if isinstance(value, (datetime.date, datetime.time, datetime.timedelta)):
        imports.add("import datetime")
        return repr(value)
    if cls.__module__ not in ("__main__", "builtins"):
        imports.add(f"from {cls.__module__} import {cls.__qualname__.partition('.')[0]}")
    if isinstance(value, enum.Enum):
        return f"{cls.__qualname__}({value.value!r})"
    if isinstance(value, BaseModel) or dataclasses.is_dataclass(value):
        said = _said(value)
        given = [f"{name}={_code(one, imports)}" for name, one in fields_of(value) if name in said]
        return f"{cls.__qualname__}({', '.join(given)})"
    return guarded_repr(value, _LINE)


def _said(value: Any) -> set[str]:
    """The fields that are given to make an object."""
    if isinstance(value, BaseModel):
        return set(value.model_fields_set)
    return {field.name for field in dataclasses.fields(value) if field.init}


def _is_plain(value: Any) -> bool:
    if type(value) is dict:
        return all(type(key) is str for key in value) and all(map(_is_plain, value.values()))
    if type(value) is list:
        return all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, float, str)
