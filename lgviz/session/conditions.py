"""What is typed as a Python expression on the state: ``len(messages) > 4``, ``"plan" in values``."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Collection, Mapping
from types import SimpleNamespace
from typing import Any

from lgviz._apart import apart
from lgviz.analysis.checkpoint import Checkpoint, state_of
from lgviz.analysis.history import History
from lgviz.errors import InvalidValue, listed
from lgviz.sources.places import by_channel

__all__ = ["condition_code", "condition_of", "expression_over", "score_over"]

_VALUES = ast.Attribute(ast.Name("c", ast.Load()), "values", ast.Load())
_READ = "channels read"
"""The name of the values that an expression reads: one that nobody can type."""


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
    function = _function(text, channels)
    return lambda checkpoint: function(checkpoint, state_of(checkpoint))


def expression_over(history: History, text: str) -> Callable[[Checkpoint], Any]:
    """:func:`condition_of` over the channels that the branches of a thread end with."""
    return condition_of(text, {name for head in history.heads for name in state_of(head)})


def score_over(history: History, text: str) -> Callable[[Any], Any]:
    """As :func:`expression_over`, but given the values of a state, which ``c.values`` are."""
    function = _function(text, {name for head in history.heads for name in state_of(head)})
    return lambda values: function(SimpleNamespace(values=values), by_channel(values))


def _function(text: str, channels: Collection[str]) -> Callable[[Any, Mapping[str, Any]], Any]:
    """An expression as a function of ``c`` and a state by channel; None where it reads what is not set."""
    parsed, read = _parsed(text, channels, of=ast.Name(_READ, ast.Load()))
    parsed.args.args.append(ast.arg(_READ))
    code = compile(ast.Expression(ast.fix_missing_locations(parsed)), "<expression>", "eval")
    function: Callable[[Any, dict[str, Any]], Any] = eval(code, {"__builtins__": builtins})  # noqa: S307 - whoever typed it could type it into a cell

    def value(c: Any, state: Mapping[str, Any]) -> Any:
        if not read <= state.keys():
            return None
        return function(c, apart({name: state[name] for name in read}))

    return value


def condition_code(text: str, channels: Collection[str]) -> str:
    """That predicate as Python code: ``lambda c: len(c.values['log']) > 1``.

    Raises:
        InvalidValue: as :func:`condition_of`.
    """
    return ast.unparse(_parsed(text, channels)[0])


def _parsed(text: str, channels: Collection[str], of: ast.expr = _VALUES) -> tuple[ast.Lambda, set[str]]:
    """The expression as a function of a checkpoint ``c``, and the channels that it reads ``of`` something."""
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
    reading = _OfCheckpoint(set(channels) - own, own, of)
    written = reading.visit(body)
    arguments = ast.arguments(posonlyargs=[], args=[ast.arg("c")], kwonlyargs=[], kw_defaults=[], defaults=[])
    return ast.fix_missing_locations(ast.Lambda(arguments, written)), reading.read


class _OfCheckpoint(ast.NodeTransformer):
    """Reads ``values`` from the checkpoint ``c``, and channels from ``of``."""

    def __init__(self, channels: set[str], own: set[str], of: ast.expr) -> None:
        self._of = of
        self._channels = channels
        self._own = own
        self.read: set[str] = set()

    def visit_Name(self, node: ast.Name) -> Any:
        if node.id == "values" and "values" not in self._own | self._channels:
            return _VALUES
        if node.id in self._channels and node.id != "c":
            self.read.add(node.id)
            return ast.Subscript(self._of, ast.Constant(node.id), ast.Load())
        return node
