"""Exact forms of NumPy's arrays and scalars and of pandas' objects, where those are loaded."""

from __future__ import annotations

import sys
from typing import Any

from .forms import Form


def form_of(value: Any) -> Form | None:
    """The form of an array, a scalar or a frame; None where the value is none of these."""
    root = type(value).__module__.split(".")[0]
    if root == "numpy":
        np = sys.modules["numpy"]
        if type(value) is np.ndarray:
            return FORMS["ndarray"]
        if isinstance(value, np.generic):
            return FORMS["npscalar"]
        if isinstance(value, np.dtype):
            return FORMS["dtype"]
    if root == "pandas":
        pd = sys.modules["pandas"]
        for name, kind in (
            ("NaT", type(pd.NaT)),
            ("NA", type(pd.NA)),
            ("Timestamp", pd.Timestamp),
            ("Timedelta", pd.Timedelta),
            ("DataFrame", pd.DataFrame),
            ("Series", pd.Series),
            ("RangeIndex", pd.RangeIndex),
            ("MultiIndex", pd.MultiIndex),
            ("Index", pd.Index),
        ):
            if type(value) is kind or (name == "Index" and isinstance(value, pd.Index)):
                return FORMS["pd." + name]
    return None


def _write_array(value: Any) -> list[Any]:
    order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    if value.dtype.hasobject:
        if value.dtype.fields:
            raise TypeError("a structured array that holds objects")
        return [None, list(value.shape), order, value.ravel(order=order).tolist()]
    return [_write_dtype(value.dtype)[0], list(value.shape), order, value.tobytes(order=order)]


def _read_array(dtype: Any, shape: list[int], order: Any, data: Any) -> Any:
    import numpy as np

    if dtype is None:
        flat = np.empty(len(data), dtype=object)
        for index, item in enumerate(data):
            flat[index] = item
        return flat.reshape(shape, order=order)
    return np.frombuffer(data, dtype=_read_dtype(dtype)).reshape(shape, order=order).copy(order="K")


def _write_dtype(value: Any) -> list[Any]:
    text = value.str if value.fields is None else repr(value.descr)
    if value.hasobject or _read_dtype(text) != value:
        raise TypeError(f"the dtype {value}")
    return [text]


def _read_dtype(text: str) -> Any:
    import ast

    import numpy as np

    return np.dtype(ast.literal_eval(text) if text.startswith("[") else text)


def _read_scalar(dtype: str, data: bytes) -> Any:
    import numpy as np

    return np.frombuffer(data, dtype=_read_dtype(dtype))[0]


def _write_scalar(value: Any) -> list[Any]:
    if value.dtype.hasobject:
        raise TypeError("a NumPy scalar that holds an object")
    return [_write_dtype(value.dtype)[0], value.tobytes()]


# -- pandas


def _pandas() -> Any:
    import pandas

    return pandas


def _write_timestamp(value: Any) -> list[Any]:
    return [value.asm8.astype("i8").item(), value.unit, value.fold, value.tzinfo]


def _read_timestamp(count: int, unit: Any, fold: int, tz: Any) -> Any:
    import numpy as np

    stamp = _pandas().Timestamp(np.datetime64(count, unit))
    if tz is None:
        return stamp
    return stamp.tz_localize("UTC").tz_convert(tz)


def _read_timedelta(count: int, unit: Any) -> Any:
    import numpy as np

    return _pandas().Timedelta(np.timedelta64(count, unit))


def _write_values(values: Any) -> list[Any]:
    """The values of a column or index: how to make them again."""
    pd = _pandas()
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return ["categorical", values.codes, pd.Index(dtype.categories), dtype.ordered]
    if isinstance(dtype, pd.DatetimeTZDtype):
        return ["datetimetz", values.asi8, dtype.unit, dtype.tz]
    if isinstance(dtype, pd.StringDtype):
        missing = pd.isna(values)
        return [
            "string",
            [None if gone else text for gone, text in zip(missing, values, strict=True)],
            str(dtype.storage),
            dtype.na_value is pd.NA,
        ]
    if hasattr(values, "_data") and hasattr(values, "_mask"):
        return ["masked", values._data, values._mask, str(dtype)]
    if type(values).__name__ in ("NumpyExtensionArray", "DatetimeArray", "TimedeltaArray"):
        return ["plain", values.to_numpy()]
    raise TypeError(f"values of the pandas dtype {dtype}")


def _read_values(kind: str, *parts: Any) -> Any:
    import numpy as np

    pd = _pandas()
    if kind == "plain":
        return parts[0]
    if kind == "categorical":
        return pd.Categorical.from_codes(parts[0], categories=parts[1], ordered=parts[2])
    if kind == "datetimetz":
        stamps = parts[0].astype("i8").view(f"M8[{parts[1]}]")
        return pd.DatetimeIndex(stamps).tz_localize("UTC").tz_convert(parts[2]).array
    if kind == "string":
        na = pd.NA if parts[2] else np.nan
        return pd.array(parts[0], dtype=pd.StringDtype(parts[1], na_value=na))
    cls = {"boolean": pd.arrays.BooleanArray}.get(
        parts[2], pd.arrays.FloatingArray if parts[2].startswith("Float") else pd.arrays.IntegerArray
    )
    return cls(parts[0], parts[1])


def _write_index(value: Any) -> list[Any]:
    freq = getattr(value, "freqstr", None)
    return [value.name, freq, *_write_values(value.array)]


def _read_index(name: Any, freq: str | None, *values: Any) -> Any:
    pd = _pandas()
    array = _read_values(*values)
    index = pd.Index(array, name=name, dtype=array.dtype)
    if freq is not None:
        index.freq = freq
    return index


def _write_multi(value: Any) -> list[Any]:
    return [list(value.levels), [list(map(int, codes)) for codes in value.codes], list(value.names)]


def _read_multi(levels: list[Any], codes: list[Any], names: list[Any]) -> Any:
    return _pandas().MultiIndex(levels=levels, codes=codes, names=names)


def _write_series(value: Any) -> list[Any]:
    return [value.name, value.index, dict(value.attrs), *_write_values(value.array)]


def _read_series(name: Any, index: Any, attrs: dict[str, Any], *values: Any) -> Any:
    array = _read_values(*values)
    series = _pandas().Series(array, index=index, name=name, dtype=array.dtype)
    series.attrs.update(attrs)
    return series


def _write_frame(value: Any) -> list[Any]:
    columns = [_write_values(value.iloc[:, n].array) for n in range(value.shape[1])]
    return [value.index, value.columns, dict(value.attrs), columns]


def _read_frame(index: Any, names: Any, attrs: dict[str, Any], columns: list[Any]) -> Any:
    pd = _pandas()
    made = {
        n: pd.Series(array, index=index, dtype=array.dtype)
        for n, array in enumerate(_read_values(*c) for c in columns)
    }
    frame = pd.DataFrame(made, index=index)
    frame.columns = names
    frame.attrs.update(attrs)
    return frame


FORMS: dict[str, Form] = {
    form.name: form
    for form in (
        Form("ndarray", _write_array, _read_array),
        Form("npscalar", _write_scalar, _read_scalar),
        Form("dtype", _write_dtype, _read_dtype),
        Form("pd.NaT", lambda value: [], lambda: _pandas().NaT),
        Form("pd.NA", lambda value: [], lambda: _pandas().NA),
        Form("pd.Timestamp", _write_timestamp, _read_timestamp),
        Form("pd.Timedelta", lambda value: [value.asm8.astype("i8").item(), value.unit], _read_timedelta),
        Form(
            "pd.RangeIndex",
            lambda value: [value.start, value.stop, value.step, value.name],
            lambda start, stop, step, name: _pandas().RangeIndex(start, stop, step, name=name),
        ),
        Form("pd.MultiIndex", _write_multi, _read_multi),
        Form("pd.Index", _write_index, _read_index),
        Form("pd.Series", _write_series, _read_series),
        Form("pd.DataFrame", _write_frame, _read_frame),
    )
}


def same(one: Any, other: Any) -> bool:
    """Whether pandas calls two of its objects equal in every respect."""
    pd = _pandas()
    compare = {
        pd.DataFrame: pd.testing.assert_frame_equal,
        pd.Series: pd.testing.assert_series_equal,
    }.get(type(one))
    try:
        if compare is not None:
            compare(one, other, check_exact=True, check_freq=True)
        elif isinstance(one, pd.Index):
            pd.testing.assert_index_equal(one, other, exact=True, check_exact=True)
        else:
            return one is other or bool(one == other and repr(one) == repr(other))
    except AssertionError:
        return False
    return type(one) is type(other)
