"""What is typed as a Python expression on the state: ``len(messages) > 4``, ``"plan" in values``."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Collection
from typing import Any

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import History
from lgviz.errors import InvalidValue, listed
from lgviz.sources.places import by_channel

__all__ = ["condition_code", "condition_of", "expression_over"]


def condition_of(text: str, channels: Collection[str]) -> Callable[[Checkpoint], Any]:
    """The function of an expression: given a checkpoint it gives the expression's value, and None where a
    channel that it names is not set yet.

    >>> more = condition_of("len(log) > 1", ["log"])

    Args:
        text: the expression. It may name ``c``, the checkpoint, ``values``, its state, and the channels.
        channels: their names.

    Raises:
        InvalidValue: it is no expression, or names something else.
    """
    parsed, read = _parsed(text, channels)
    code = compile(ast.Expression(parsed), "<expression>", "eval")
    function: Callable[[Checkpoint], Any] = eval(code, {"__builtins__": builtins})  # noqa: S307 - whoever typed it could type it into a cell

    def value(checkpoint: Checkpoint) -> Any:
        return function(checkpoint) if read <= by_channel(checkpoint.values).keys() else None

    return value


def expression_over(history: History, text: str) -> Callable[[Checkpoint], Any]:
    """:func:`condition_of` over the channels that the branches of a thread end with."""
    return condition_of(text, {name for head in history.heads for name in by_channel(head.values)})


def condition_code(text: str, channels: Collection[str]) -> str:
    """That predicate as Python code: ``lambda c: len(c.values['log']) > 1``.

    Raises:
        InvalidValue: as :func:`condition_of`.
    """
    return ast.unparse(_parsed(text, channels)[0])


def _parsed(text: str, channels: Collection[str]) -> tuple[ast.Lambda, set[str]]:
    """The expression as a function of a checkpoint, and the channels that it reads."""
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        raise InvalidValue(
            f"This is no Python expression: {said}.", "For example: len(messages) > 4."
        ) from error
    names = [node for node in ast.walk(body) if isinstance(node, ast.Name)]
    own = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    own |= {node.arg for node in ast.walk(body) if isinstance(node, ast.arg)}
    known = {"c", "values", *channels, *own, *vars(builtins)}
    if unknown := sorted({node.id for node in names} - known):
        raise InvalidValue(
            f"{listed(unknown)} is neither c, values, a channel nor a built-in function of Python.",
            f"The channels are {listed(channels)}." if channels else "",
        )
    reading = _OfCheckpoint(set(channels) - own, own)
    written = reading.visit(body)
    arguments = ast.arguments(posonlyargs=[], args=[ast.arg("c")], kwonlyargs=[], kw_defaults=[], defaults=[])
    return ast.fix_missing_locations(ast.Lambda(arguments, written)), reading.read


class _OfCheckpoint(ast.NodeTransformer):
    """Reads ``values`` and channels from the checkpoint ``c``."""

    def __init__(self, channels: set[str], own: set[str]) -> None:
        self._channels = channels
        self._own = own
        self.read: set[str] = set()

    def visit_Name(self, node: ast.Name) -> Any:
        values = ast.Attribute(ast.Name("c", ast.Load()), "values", ast.Load())
        if node.id == "values" and "values" not in self._own | self._channels:
            return values
        if node.id in self._channels and node.id != "c":
            self.read.add(node.id)
            return ast.Subscript(values, ast.Constant(node.id), ast.Load())
        return node
