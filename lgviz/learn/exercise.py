"""Graded cells: a task, and a check of what the learner's cell came to."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from lgviz._visible import visible
from lgviz.analysis.html import named, page, tag
from lgviz.errors import described

from .forms import is_left_open
from .question import Graded, your_turn
from .report import EXERCISE
from .tally import TALLY

__all__ = ["Exercise", "exercise"]

Check = Callable[[Any], "bool | str"]


@dataclass(frozen=True, slots=True, repr=False)
class Exercise:
    """A task whose result is checked; made by :func:`lgviz.learn.exercise`.

    Attributes:
        name: names it in the report and in tests for otter-grader.
        text: the task.
    """

    name: str
    text: str
    _check: Check

    @property
    def id(self) -> str:
        """Names it among questions and exercises."""
        return f"{EXERCISE}_{re.sub(r'[^a-z0-9]+', '_', self.name.lower()).strip('_')}"

    def check(self, value: Any = ...) -> Graded:
        """Check a result; ``...`` is none yet. Never raises for what the result is."""
        if is_left_open(value):
            return your_turn("answer", self.name, self.text)
        try:
            found = self._check(value)
        except Exception as error:
            return self._graded(_unread(value, error))
        return self._graded(found)

    def _graded(self, found: bool | str) -> Graded:
        right = bool(found) and not isinstance(found, str)  # NumPy's True is true
        TALLY.answered(EXERCISE, self.id, right=right)
        text = "Right." if right else f"Not yet: {found}" if isinstance(found, str) else "Not yet."
        return Graded(right, text, self.name, self.text)

    def __enter__(self) -> Exercise:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Say in a sentence what a cell below ``with exercise:`` raised."""
        if not isinstance(error, Exception):
            return False
        print(self._graded(_restore(error)))
        return True

    def __repr__(self) -> str:
        return visible(f"{self.name}: {self.text}")

    def _repr_html_(self) -> str:
        return page(self.name, tag("div", named(self.text), "lg-noted"))


def _unread(value: Any, error: Exception) -> str:
    """Why a result could not be checked: the notebook lost a name, or something else was asked for."""
    if isinstance(error, (NameError, KeyError)):
        return _restore(error)
    return (
        f"this is of type `{type(value).__name__}`, and the check could make nothing of it. "
        f"Look at what the task asks for. ({_said(error)})"
    )


def _restore(error: Exception) -> str:
    """What was raised, and what to put back."""
    if isinstance(error, NameError) and error.name:
        return f"`{error.name}` is not defined: run the cells above again, or put back what makes it."
    if isinstance(error, KeyError) and error.args:
        return f"it has no key {error.args[0]!r}: put back what writes it."
    if isinstance(error, AttributeError) and error.name:
        kind = type(error.obj).__name__
        return f"an object of type `{kind}` has no {error.name!r}: put back the value that the task asks for."
    return f"{_said(error)}. Put back the line as the task gave it, and change one thing at a time."


def _said(error: Exception) -> str:
    """What was raised, in its first line and without its last full stop."""
    return described(error).partition("\n")[0].rstrip(".")


def exercise(name: str, text: str, check: Check) -> Exercise:
    """A graded cell.

    >>> from lgviz import learn
    >>> ex = learn.exercise("a list", "Make a list of two.", lambda x: len(x) == 2 or "It needs two items.")
    >>> ex.check([1])
    Make a list of two.
    Not yet: It needs two items.
    >>> bool(ex.check([1, 2]))
    True

    Args:
        name: names it; another one for each exercise.
        text: the task.
        check: is given the learner's value; gives True, False, or a sentence that says what is missing.
    """
    return Exercise(name, text, check)
