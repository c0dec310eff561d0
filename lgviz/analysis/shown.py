"""How results show themselves in a notebook and in a terminal: escaped, bounded, what hides made visible."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from typing import Any, TypeVar, overload

from lgviz._visible import visible
from lgviz.analysis.values import fields_of, line

__all__ = ["RowSequence", "ShownByFields", "completes_by_tab", "fields_of_result"]

T = TypeVar("T")


class RowSequence(Sequence[T]):
    """A result that is read as the sequence of its rows.

    >>> RowSequence(["a", "b"])[-1], len(RowSequence("ab"))
    ('b', 2)

    Args:
        rows: what it holds.
    """

    def __init__(self, rows: Sequence[T]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, key: int) -> T: ...

    @overload
    def __getitem__(self, key: slice) -> Sequence[T]: ...

    def __getitem__(self, key: int | slice) -> T | Sequence[T]:
        return self._rows[key]


class ShownByFields:
    """A dataclass (``repr=False``) that shows its fields, each value in one line of bounded length.

    >>> from dataclasses import dataclass
    >>> @dataclass(repr=False)
    ... class Answer(ShownByFields):
    ...     text: str
    >>> Answer("yes")
    Answer(text="yes")
    """

    __slots__ = ()

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={line(value)}" for name, value in fields_of_result(self).items())
        return visible(f"{type(self).__name__}({said})")

    def _repr_html_(self) -> str:
        from lgviz.analysis.html import Room, page, state_html

        return page(type(self).__name__, state_html(fields_of_result(self), Room(60_000)))


def fields_of_result(result: Any) -> dict[str, Any]:
    """The fields of a dataclass that are for a reader, but those that it does not have."""
    stored = dict(fields_of(result))
    shown = [each.name for each in dataclasses.fields(result) if each.repr and not each.name.startswith("_")]
    return {name: stored[name] for name in shown if name in stored}


def completes_by_tab(*, items: tuple[type, ...] = (), attributes: tuple[type, ...] = ()) -> None:
    """Have IPython look into objects as one types: Tab after ``h["c2"].values["``.

    IPython evaluates what stands before the cursor only where that is known to change nothing; it keeps a
    list of such classes. Nothing happens outside of IPython.
    """
    if "IPython" not in sys.modules:
        return
    try:
        from IPython.core.guarded_eval import EVALUATION_POLICIES
    except ImportError:  # an older or newer IPython, which offers less by Tab
        return
    limited: Any = EVALUATION_POLICIES.get("limited")
    if hasattr(limited, "allowed_getitem") and hasattr(limited, "allowed_getattr"):
        limited.allowed_getitem.update(items)
        limited.allowed_getattr.update(attributes)
