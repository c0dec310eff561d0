"""The names of the tasks (``@task``) that the code of a graph's nodes may call.

No row holds the name of a task that was called in an earlier run of a step, and not again when the step was
resumed: only its id tells whether a name is right. Which names to try, the code says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from langchain_core.runnables import Runnable

__all__ = ["function_of", "names_called", "names_called_by", "names_in"]

_MOST = 500
"""Values looked into; code that reaches more has names that are not tried."""
_FEW = 50
"""A list, tuple or dict of more values is no set of tools."""
_TASK = "_TaskFunction"
_INNER = ("func", "afunc", "bound", "first", "last")
_STEPS = ("steps", "middle")
"""What holds a function holds it so: a task or a runnable, a sequence of them."""


def names_called(graphs: Iterable[Any]) -> list[str]:
    """Names of tasks that the nodes of graphs name in their code, and those tasks in theirs."""
    return names_called_by(node.bound for graph in graphs for node in graph.nodes.values())


def names_called_by(functions: Iterable[Any]) -> list[str]:
    """Names of tasks that functions, or runnables of them, name in their code, and those tasks in theirs."""
    waiting = list(functions)
    seen: set[int] = set()
    names: dict[str, None] = {}
    for each in waiting:  # grows, the nearest first
        if id(each) in seen:
            continue
        if len(seen) == _MOST:
            break
        seen.add(id(each))
        waiting.extend(_within(each))
        if type(each).__name__ == _TASK:
            name = vars(each).get("__name__")
            if isinstance(name, str):
                names[name] = None
    return list(names)


def function_of(runnable: Any) -> FunctionType | None:
    """The function that a node runs, below what wraps it; None where it has none of its own."""
    waiting = [runnable]
    for each in waiting:  # grows, the nearest first
        if not isinstance(each, FunctionType):
            waiting.extend(_within(each) if len(waiting) < _MOST else ())
        elif not each.__module__.startswith("langgraph."):
            while isinstance(below := vars(each).get("__wrapped__"), FunctionType):
                each = below
            return each
    return None


def _within(each: Any) -> Iterator[Any]:
    kind = type(each)  # not what an object says of itself: it may be anything that a node's code names
    if issubclass(kind, MethodType):
        yield each.__func__
    elif issubclass(kind, FunctionType):
        yield from _named_in(each)
    elif issubclass(kind, partial):
        yield each.func
    elif issubclass(kind, Runnable) or kind.__name__ == _TASK:
        held = vars(each)
        yield from (held[name] for name in _INNER if name in held)
        for name in _STEPS:
            if isinstance(steps := held.get(name), list):
                yield from steps
    elif kind in (list, tuple, dict):
        if len(each) <= _FEW:
            yield from each.values() if kind is dict else each
    elif isinstance(call := vars(kind).get("__call__"), FunctionType):
        yield call


def _named_in(function: FunctionType) -> Iterator[Any]:
    """What the code of a function names, which may be a task."""
    if "__wrapped__" in vars(function):
        yield vars(function)["__wrapped__"]
    held = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    attributes = names_in(function.__code__)
    held += [function.__globals__[name] for name in attributes if name in function.__globals__]
    for value in held:
        yield value
        if isinstance(value, ModuleType):  # tasks.plan(…)
            yield from (vars(value)[name] for name in attributes if name in vars(value))


def names_in(code: CodeType) -> set[str]:
    """The globals and attributes that code names, with the comprehensions and functions inside it."""
    names: set[str] = set()
    codes = [code]
    for each in codes:  # grows
        names.update(each.co_names)
        codes.extend(const for const in each.co_consts if isinstance(const, CodeType))
    return names


def _is_filled(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # of a name that is not bound yet
        return False
