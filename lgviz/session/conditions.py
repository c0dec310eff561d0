"""A condition on the state, typed as a Python expression: ``len(messages) > 4``, ``"plan" in values``."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Collection
from typing import Any

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.errors import InvalidValue, listed

__all__ = ["condition_code", "condition_of"]


def condition_of(text: str, channels: Collection[str]) -> Callable[[Checkpoint], bool]:
    """The predicate of an expression.

    >>> more = condition_of("len(log) > 1", ["log"])

    Args:
        text: what is true where the run is to stop. It may name ``c``, the checkpoint, ``values``, its state,
            and the channels.
        channels: their names.

    Raises:
        InvalidValue: it is no expression, or names something else.
    """
    code = compile(ast.Expression(_parsed(text, channels)), "<until>", "eval")
    predicate: Callable[[Checkpoint], bool] = eval(code, {"__builtins__": builtins})  # noqa: S307 - whoever typed it could type it into a cell
    return predicate


def condition_code(text: str, channels: Collection[str]) -> str:
    """That predicate as Python code: ``lambda c: len(c.values['log']) > 1``.

    Raises:
        InvalidValue: as :func:`condition_of`.
    """
    return ast.unparse(_parsed(text, channels))


def _parsed(text: str, channels: Collection[str]) -> ast.Lambda:
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
    written = _OfCheckpoint(set(channels) - own, own).visit(body)
    arguments = ast.arguments(posonlyargs=[], args=[ast.arg("c")], kwonlyargs=[], kw_defaults=[], defaults=[])
    return ast.fix_missing_locations(ast.Lambda(arguments, written))


class _OfCheckpoint(ast.NodeTransformer):
    """Reads ``values`` and channels from the checkpoint ``c``."""

    def __init__(self, channels: set[str], own: set[str]) -> None:
        self._channels = channels
        self._own = own

    def visit_Name(self, node: ast.Name) -> Any:
        values = ast.Attribute(ast.Name("c", ast.Load()), "values", ast.Load())
        if node.id == "values" and "values" not in self._own | self._channels:
            return values
        if node.id in self._channels and node.id != "c":
            return ast.Subscript(values, ast.Constant(node.id), ast.Load())
        return node
