"""How often a node was begun until it had its answers: ``interrupt()`` runs it again from its first line."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from langgraph.types import interrupt

from .answers import Asker
from .called import function_of

__all__ = ["Begun", "begun", "lines_to_question"]


@dataclass(frozen=True, slots=True)
class Begun:
    """How often a task that asked was begun: once to ask, and again with each answer.

    Attributes:
        times: as far as what is stored tells. A run that brought no answer leaves no trace.
        at_least: whether it may have been begun more often: others asked in its step, or it failed.
        lines: how many lines of its function lie up to its first question and so ran each time; None where
            there is no graph, or its source does not tell.
    """

    times: int
    at_least: bool
    lines: int | None

    def text(self, node: str) -> str:
        """``the first 8 lines of `review` ran 3 times``."""
        often = {1: "once", 2: "twice"}.get(self.times, f"{self.times} times")
        often = f"at least {often}" if self.at_least else often
        if self.lines is None:
            return f"what `{node}` does before it asks ran {often}"
        lines = "the first line" if self.lines == 1 else f"the first {self.lines} lines"
        return f"{lines} of `{node}` ran {often}"


def begun(asker: Asker, *, alone: bool, node: Any) -> Begun:
    """How often the task of an asker was begun.

    Args:
        asker: what it asked and was told.
        alone: whether nothing else made its step run again: it alone asked, and did not fail.
        node: the graph's node, None where it is not known.
    """
    function = function_of(getattr(node, "bound", None))
    lines = None if function is None else lines_to_question(function)
    return Begun(len(asker.answers) + 1, not alone, lines)


def lines_to_question(function: FunctionType) -> int | None:
    """How many lines of a function lie up to its first call of ``interrupt``, counted from its ``def``; None
    where its source is not there or has no such call."""
    try:
        source = textwrap.dedent(inspect.getsource(function))
        (defined,) = ast.parse(source).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    if not isinstance(defined, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    names = {name for name, value in function.__globals__.items() if value is interrupt} | {"interrupt"}
    asked = [call.end_lineno or call.lineno for call in _calls(defined) if _name(call.func) in names]
    return min(asked) - defined.lineno + 1 if asked else None


def _calls(inside: ast.AST) -> Iterator[ast.Call]:
    """The calls that a function makes itself, not those of functions defined in it."""
    for each in ast.iter_child_nodes(inside):
        if isinstance(each, ast.Call):
            yield each
        if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _calls(each)


def _name(called: ast.expr) -> str | None:
    if isinstance(called, ast.Attribute):
        return called.attr
    return called.id if isinstance(called, ast.Name) else None
