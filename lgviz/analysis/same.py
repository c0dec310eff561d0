"""Exact equality: what ``==`` should mean for stored state.

``1``, ``1.0`` and ``True`` differ, ``NaN`` equals ``NaN``, ``0.0`` and ``-0.0`` differ, the order of a dict's
keys counts, arrays and frames compare cell by cell, and cycles end. Where it cannot be told whether two
values are the same, they are not.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import math
from collections import OrderedDict, deque
from typing import Any

from pydantic import BaseModel

from lgviz.analysis.values import fields_of, known_class
from lgviz.sources.base import Undecodable

__all__ = ["same"]

_PLAIN = (type(None), bool, int, str, bytes)
_SEQUENCES = (list, tuple, deque)
_Pairs = list[tuple[Any, Any]]


def same(a: Any, b: Any) -> bool:
    """Whether two values are exactly equal, types included. Never raises, never recurses."""
    stack: _Pairs = [(a, b)]
    seen: set[tuple[int, int]] = set()
    held: list[Any] = []  # what `seen` names by id must stay alive
    try:
        while stack:
            left, right = stack.pop()
            if left is right:
                continue
            cls = type(left)
            if cls is not type(right):
                return False
            if cls in _PLAIN:
                if left != right:
                    return False
                continue
            pair = (id(left), id(right))
            if pair in seen:
                continue
            seen.add(pair)
            held.append((left, right))
            if not _same_here(left, right, cls, stack):
                return False
    except Exception:
        # Foreign code (an ``__eq__``, an array type) failed: not known to be the same.
        return False
    return True


def _same_here(a: Any, b: Any, cls: type, stack: _Pairs) -> bool:
    """Compare all but the children of two values of one type; those are pushed."""
    if cls is float:
        return _same_float(a, b)
    if cls is complex:
        return _same_float(a.real, b.real) and _same_float(a.imag, b.imag)
    if issubclass(cls, enum.Enum):
        return False  # members are singletons
    if issubclass(cls, _SEQUENCES):
        if len(a) != len(b) or getattr(a, "maxlen", None) != getattr(b, "maxlen", None):
            return False
        stack.extend(reversed(list(zip(a, b, strict=True))))
        return _push_attributes(a, b, stack)
    if issubclass(cls, dict):
        return _same_dict(a, b, stack) and _push_attributes(a, b, stack)
    if issubclass(cls, (set, frozenset)):
        return _same_set(a, b) and _push_attributes(a, b, stack)
    if issubclass(cls, decimal.Decimal):
        return bool(a.as_tuple() == b.as_tuple())
    if issubclass(cls, (datetime.datetime, datetime.time)):
        naive = a.replace(tzinfo=None) == b.replace(tzinfo=None) and a.fold == b.fold
        return bool(naive and (a.tzinfo is b.tzinfo or repr(a.tzinfo) == repr(b.tzinfo)))
    if known_class(cls, "numpy", "ndarray"):
        return _same_array(a, b) and _push_attributes(a, b, stack)
    if known_class(cls, "numpy", "generic"):
        return bool(a.dtype == b.dtype and (a.tobytes() == b.tobytes() or (a != a and b != b)))
    if any(known_class(cls, "pandas", name) for name in ("DataFrame", "Series", "Index")):
        return _same_pandas(a, b, cls, stack)
    return _same_object(a, b, cls, stack)


def _same_float(a: float, b: float) -> bool:
    if a == b:
        return math.copysign(1, a) == math.copysign(1, b)
    return a != a and b != b


def _same_dict(a: Any, b: Any, stack: _Pairs) -> bool:
    if len(a) != len(b):
        return False
    ordered = isinstance(a, OrderedDict)
    left, right = (a.items(), b.items()) if ordered else (dict.items(a), dict.items(b))
    for (k, v), (other_k, w) in zip(left, right, strict=True):
        if k is not other_k and not (type(k) is type(other_k) and same(k, other_k)):
            return False
        stack.append((v, w))
    return True


def _same_set(a: Any, b: Any) -> bool:
    if len(a) != len(b):
        return False
    theirs = {item: item for item in b}
    odd = [item for item in a if item not in theirs or not same(item, theirs.pop(item))]
    rest = list(theirs.values())
    if len(odd) != len(rest) or len(odd) > 100:
        return False
    # NaN never finds itself by hash.
    for item in odd:
        twin = next((i for i, other in enumerate(rest) if same(item, other)), None)
        if twin is None:
            return False
        del rest[twin]
    return True


def _same_array(a: Any, b: Any) -> bool:
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.hasobject:
        return same(a.tolist(), b.tolist())
    if a.tobytes() == b.tobytes():
        return True
    if a.dtype.kind not in "fc":
        return False
    hole = a != a
    if not (hole == (b != b)).all():
        return False
    return bool(a[~hole].tobytes() == b[~hole].tobytes())


def _same_pandas(a: Any, b: Any, cls: type, stack: _Pairs) -> bool:
    if a.shape != b.shape:
        return False
    if known_class(cls, "pandas", "DataFrame"):
        stack += [(a.columns, b.columns), (a.index, b.index), (a.attrs, b.attrs)]
        return all(_same_values(a.iloc[:, i].array, b.iloc[:, i].array) for i in range(a.shape[1]))
    if known_class(cls, "pandas", "Series"):
        stack += [(a.index, b.index), (a.name, b.name), (a.attrs, b.attrs)]
        return _same_values(a.array, b.array)
    if known_class(cls, "pandas", "MultiIndex"):
        stack += [(list(a.names), list(b.names)), (list(a), list(b))]
        return bool(a.dtypes.tolist() == b.dtypes.tolist())
    stack.append((list(a.names), list(b.names)))
    return _same_values(a.array, b.array)


def _same_values(a: Any, b: Any) -> bool:
    """Columns of a frame: pandas' extension arrays, or numpy's in a thin shell."""
    if a.dtype != b.dtype:
        return False
    if type(a).__name__ == "NumpyExtensionArray":
        return _same_array(a.to_numpy(), b.to_numpy())
    return bool(a.equals(b))


def _same_object(a: Any, b: Any, cls: type, stack: _Pairs) -> bool:
    if issubclass(cls, Undecodable):
        return bool(a == b)
    left, right = fields_of(a), fields_of(b)
    if [name for name, _ in left] != [name for name, _ in right]:
        return False
    if issubclass(cls, BaseModel):
        stack.append((getattr(a, "__pydantic_private__", None), getattr(b, "__pydantic_private__", None)))
    stack.extend((v, w) for (_, v), (_, w) in zip(left, right, strict=True))
    by_fields = (
        cls.__eq__ is object.__eq__ or issubclass(cls, (BaseModel, BaseException)) or _python_made(cls)
    )
    return bool(left and by_fields) or bool(a == b)


def _python_made(cls: type) -> bool:
    """Whether all that an instance holds lies in its fields: no base written in C but ``object``."""
    return all(base is object or base.__flags__ & (1 << 9) for base in cls.__mro__)


def _push_attributes(a: Any, b: Any, stack: _Pairs) -> bool:
    """For a subclass of a builtin: what else it carries."""
    left, right = getattr(a, "__dict__", None), getattr(b, "__dict__", None)
    if left or right:
        stack.append((left, right))
    return getattr(a, "default_factory", None) is getattr(b, "default_factory", None)
