"""Arrays and frames compared by shape and cells."""

from __future__ import annotations

from typing import Any, Literal

from lgviz.analysis.same import same
from lgviz.analysis.values import known_class

__all__ = ["cells"]

Cell = tuple[tuple[Any, ...], Literal["added", "removed", "changed"], Any, Any]

_MOST = 200
"""More differing cells than this, and the whole is what changed."""
_LARGE = 1_000_000
"""Cells of a frame that are compared one by one."""


def cells(before: Any, after: Any) -> list[Cell] | None:
    """How two arrays, frames or series of one type differ, as (path, kind, old, new).

    A path is an array's indices, ``(row, column)`` of a frame, ``(row,)`` for a whole row, ``(":", column)``
    for a whole column. None where the two are not such, or differ so much that only the whole is sensible.
    """
    cls = type(before)
    try:
        if known_class(cls, "numpy", "ndarray"):
            found = _array(before, after)
        elif known_class(cls, "pandas", "DataFrame"):
            found = _frame(before, after)
        elif known_class(cls, "pandas", "Series"):
            found = _series(before, after)
        else:
            return None
    except Exception:
        # Third-party types of cells; the whole is always right.
        return None
    return found if found and len(found) <= _MOST else None


def _array(a: Any, b: Any) -> list[Cell] | None:
    if a.shape != b.shape or a.dtype != b.dtype or a.dtype.hasobject:
        return None
    differs = (a != b) & ((a == a) | (b == b))
    if differs.sum() > _MOST:
        return None
    places = [tuple(int(i) for i in place) for place in zip(*differs.nonzero(), strict=True)]
    return [(place, "changed", a[place], b[place]) for place in places]


def _series(a: Any, b: Any) -> list[Cell] | None:
    rows = _common(a.index, b.index)
    if rows is None or a.dtype != b.dtype or not same(a.name, b.name) or max(a.size, b.size) > _LARGE:
        return None
    found: list[Cell] = [((row,), "removed", a[row], None) for row in _only(a.index, b.index)]
    found += [((row,), "added", None, b[row]) for row in _only(b.index, a.index)]
    pairs = zip(rows, a.loc[rows].to_list(), b.loc[rows].to_list(), strict=True)
    return found + [((row,), "changed", x, y) for row, x, y in pairs if not same(x, y)]


def _frame(a: Any, b: Any) -> list[Cell] | None:
    rows, columns = _common(a.index, b.index), _common(a.columns, b.columns)
    if rows is None or columns is None or max(a.size, b.size) > _LARGE:
        return None
    if not same(a.dtypes[columns].to_list(), b.dtypes[columns].to_list()):
        return None
    # Rows and columns came or went at once: no reading by cells is clearer than the whole.
    if len(rows) < max(len(a), len(b)) and len(columns) < max(a.shape[1], b.shape[1]):
        return None
    found: list[Cell] = [((row,), "removed", _row(a, row), None) for row in _only(a.index, b.index)]
    found += [((row,), "added", None, _row(b, row)) for row in _only(b.index, a.index)]
    found += [((":", column), "removed", a[column], None) for column in _only(a.columns, b.columns)]
    found += [((":", column), "added", None, b[column]) for column in _only(b.columns, a.columns)]
    for column in columns:
        if len(found) > _MOST:
            break
        pairs = zip(rows, a.loc[rows, column].to_list(), b.loc[rows, column].to_list(), strict=True)
        found += [((row, column), "changed", x, y) for row, x, y in pairs if not same(x, y)]
    return found


def _common(a: Any, b: Any) -> list[Any] | None:
    """The labels that two indexes share; None where they are ambiguous or in another order."""
    if not (a.is_unique and b.is_unique and type(a) is type(b) and a.dtype == b.dtype):
        return None
    shared = [label for label in b if label in a]
    return shared if shared == [label for label in a if label in b] else None


def _only(a: Any, b: Any) -> list[Any]:
    return [label for label in a if label not in b][: _MOST + 1]


def _row(frame: Any, row: Any) -> dict[Any, Any]:
    at = frame.index.get_loc(row)
    return {column: frame.iat[at, j] for j, column in enumerate(frame.columns)}
