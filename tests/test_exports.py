"""``lgviz.__all__`` is complete, and every name in it is documented."""

from __future__ import annotations
import __future__

import inspect
import typing
from types import ModuleType

import pytest

import lgviz


@pytest.mark.parametrize("name", lgviz.__all__)
def test_public_name_exists_and_is_documented(name: str) -> None:
    value = getattr(lgviz, name)
    if callable(value):
        assert (inspect.getdoc(value) or "").strip(), f"lgviz.{name} has no docstring"
        assert value.__doc__ is not None, f"lgviz.{name} only inherits its docstring"


def test_no_public_name_is_missing() -> None:
    public = {
        name
        for name in dir(lgviz)
        if not name.startswith("_") and not isinstance(getattr(lgviz, name), ModuleType)
        if not hasattr(typing, name) and not hasattr(__future__, name)
    }
    assert public <= set(lgviz.__all__)


def test_all_is_sorted_and_without_repeats() -> None:
    assert lgviz.__all__ == sorted(set(lgviz.__all__))


def test_each_public_name_has_one_home() -> None:
    own = {"__version__", "errors", "learn", "load_ipython_extension", "unload_ipython_extension"}
    assert lgviz._HOMES.keys() | own == set(lgviz.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        lgviz.nothing  # noqa: B018
