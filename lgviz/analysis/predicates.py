"""Questions to every checkpoint: where does something hold, since when, and what was it each time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from lgviz._progress import Bar
from lgviz.errors import InvalidValue, PredicateFailed, described

from .checkpoint import Checkpoint
from .values import line

if TYPE_CHECKING:
    import pandas

__all__ = ["bisect", "check_function", "evaluate", "find"]

logger = logging.getLogger(__name__)

_QUIET = 1.0
"""Seconds until a bar appears."""

Predicate = Callable[[Checkpoint], Any]


def find(checkpoints: Sequence[Checkpoint], predicate: Predicate) -> list[Checkpoint]:
    """The checkpoints for which a predicate is true, in their order.

    Raises:
        PredicateFailed: the predicate raised.
        InvalidValue: it is no function, or has to be awaited.
    """
    check_function(predicate, "The predicate", _EXAMPLE)
    return [checkpoint for checkpoint in _shown(checkpoints) if _holds(predicate, checkpoint)]


def bisect(branch: Sequence[Checkpoint], predicate: Predicate) -> Checkpoint | None:
    """The first checkpoint of a branch where a predicate holds, by binary search; None where it does not hold
    at the branch's end.

    The predicate must go on holding once it holds. At most ``ceil(log2(n)) + 1`` of ``n`` checkpoints are
    looked at; how many is told in the log (``logging.getLogger("lgviz")``, level INFO).

    Args:
        branch: checkpoints from the root to a head.
        predicate: is given a checkpoint.

    Raises:
        PredicateFailed: the predicate raised.
        InvalidValue: it is no function, or has to be awaited.
    """
    check_function(predicate, "The predicate", _EXAMPLE)
    looked, found = 0, None
    low, high = 0, len(branch)
    at = high - 1  # where it does not hold at the end, one look is enough
    while low < high:
        looked += 1
        if _holds(predicate, branch[at]):
            found, high = branch[at], at
        elif found is None:
            break
        else:
            low = at + 1
        at = (low + high) // 2
    logger.info("bisect looked at %d of %d checkpoints.", looked, len(branch))
    return found


def evaluate(checkpoints: Sequence[Checkpoint], function: Predicate) -> pandas.Series[Any]:
    """What a function gives for each checkpoint, as if it had always been logged.

    Returns:
        A series by label. Where the function raised, its value is missing, and ``series.attrs["raised"]``
        says by label what it raised.

    Raises:
        PredicateFailed: it raised at every checkpoint.
        InvalidValue: it is no function, or has to be awaited.
    """
    import pandas

    check_function(function, "What is evaluated", _EXAMPLE)
    values: dict[str, Any] = {}
    raised: dict[str, str] = {}
    for checkpoint in _shown(checkpoints):
        try:
            values[checkpoint.label] = function(checkpoint)
        except Exception as error:
            values[checkpoint.label] = None
            raised[checkpoint.label] = described(error)
    if values and len(raised) == len(values):
        label, text = next(iter(raised.items()))
        raise PredicateFailed(f"At every checkpoint it raised, {text} at {label}.", _REMEDY)
    index = pandas.Index(list(values), name="label")
    series = pandas.Series(list(values.values()), index=index, dtype=object).convert_dtypes()
    series.attrs["raised"] = raised
    return series


def check_function(given: Any, name: str, example: str) -> None:
    """Refuse what is no function that can be called for its answer.

    Raises:
        InvalidValue: it is none, or has to be awaited.
    """
    if not callable(given):
        raise InvalidValue(f"{name} is no function: {line(given, 60)}.", f"Give one, as {example}.")
    if iscoroutinefunction(given):
        raise InvalidValue(f"{name} would have to be awaited.", f"Give a plain function, as {example}.")


_EXAMPLE = "lambda c: len(c.values) > 2"
_REMEDY = "A channel that is not set yet is best read by c.values.get(...)."


def _shown(checkpoints: Sequence[Checkpoint]) -> Iterable[Checkpoint]:
    return Bar(checkpoints, unit="checkpoint", disable=None, leave=False, delay=_QUIET)


def _holds(predicate: Predicate, checkpoint: Checkpoint) -> bool:
    try:
        return bool(predicate(checkpoint))
    except Exception as error:
        said = f"The predicate raised {described(error)} at {checkpoint.label}."
        raise PredicateFailed(said, _REMEDY) from error
