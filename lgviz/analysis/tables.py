"""Arrays and frames compared by shape and cells."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Literal

from lgviz.analysis.same import same
from lgviz.analysis.values import describe, known_class, line

__all__ = ["Figures", "Table", "cells", "figures_of", "table_of"]

Cell = tuple[tuple[Any, ...], Literal["added", "removed", "changed"], Any, Any]

_MOST = 200
"""More differing cells than this, and the whole is what changed."""
_LARGE = 1_000_000
"""Cells of a frame that are compared one by one."""


_CELL = 60
"""Characters of one cell that is shown."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a frame, a series or an array of two dimensions, as text: the columns that were asked for.

    Attributes:
        columns: their names.
        dtypes: what they hold; empty for an array, whose cells are of one type.
        index: the names of the rows.
        rows: the cells.
        width: how many columns there are in all.
    """

    columns: list[str]
    dtypes: list[str]
    index: list[str]
    rows: list[list[str]]
    width: int


@dataclass(frozen=True, slots=True)
class Figures:
    """An array as a whole.

    Attributes:
        dtype, shape: its own.
        low, high, mean: of its numbers; None where there are none, or too many to look at.
        holes: how many of its numbers are none (NaN); None where that was not looked at.
    """

    dtype: str
    shape: tuple[int, ...]
    low: str | None = None
    high: str | None = None
    mean: str | None = None
    holes: int | None = None


def table_of(value: Any, start: int, rows: int, columns: int) -> Table | None:
    """Some rows of a value as a table, with its first columns; None for what is none. Costs what it shows."""
    cls = type(value)
    if known_class(cls, "pandas", "DataFrame"):
        part = value.iloc[start : start + rows, :columns]
        body = [[part.iat[i, j] for j in range(part.shape[1])] for i in range(part.shape[0])]
        names, dtypes = list(part.columns), [str(dtype) for dtype in part.dtypes]
    elif known_class(cls, "pandas", "Series"):
        part = value.iloc[start : start + rows]
        body = [[part.iat[i]] for i in range(len(part))]
        names, dtypes = ["" if value.name is None else value.name], [str(value.dtype)]
    elif known_class(cls, "numpy", "ndarray") and value.ndim == 2 and not value.dtype.fields:
        part = value[start : start + rows, :columns]
        index = [str(i) for i in range(start, start + len(part))]
        heads = [str(j) for j in range(part.shape[1])]
        return Table(heads, [], index, [[_cell(one) for one in row] for row in part], int(value.shape[1]))
    else:
        return None
    width = value.shape[1] if value.ndim == 2 else 1
    index = [_cell(name) for name in part.index]
    return Table(
        [_cell(name) for name in names], dtypes, index, [[_cell(one) for one in row] for row in body], width
    )


def _cell(value: Any) -> str:
    if type(value) is str:
        return line(value, _CELL + 2)[1:-1] if len(value) < _CELL else line(value, _CELL).strip('"')
    return describe(value, _CELL).text


def figures_of(array: Any, most: int) -> Figures:
    """An array of NumPy's as a whole; its numbers are looked at where they are ``most`` at most."""
    plain = Figures(str(array.dtype), tuple(int(n) for n in array.shape))
    if array.dtype.kind not in "biuf" or not 0 < array.size <= most:
        return plain
    numbers = array[array == array] if array.dtype.kind == "f" else array
    holes = int(array.size - numbers.size)
    if not numbers.size:
        return Figures(plain.dtype, plain.shape, holes=holes)
    with sys.modules["numpy"].errstate(all="ignore"):
        mean = numbers.mean(dtype="f8")
    return Figures(
        plain.dtype, plain.shape, _number(numbers.min()), _number(numbers.max()), _number(mean), holes
    )


def _number(value: Any) -> str:
    return f"{value:.6g}" if value.dtype.kind == "f" else str(value)


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
