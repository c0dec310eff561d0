"""Nodes that hold a store by themselves, beside the one that their graph gives them."""

from __future__ import annotations

import functools
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.pregel import Pregel
from langgraph.store.base import BaseStore

__all__ = ["leaky_nodes"]

_MOST = 5_000
"""How many objects are looked at, of all that a node refers to."""
_LIBRARIES = sys.stdlib_module_names | {"langgraph", "langchain_core"}
_CLOSED = (str, bytes, int, float, type, ModuleType, Pregel, BaseCheckpointSaver)
"""What leads to no store of a node: a graph that runs in a node is given its caller's."""


def leaky_nodes(graph: Any) -> Iterator[str]:
    """Names of the nodes of a graph and its subgraphs that lead to a store: by a closure, a global, a
    default, a ``partial``, an attribute, or a function that they call."""
    graphs = [graph, *(subgraph for _, subgraph in graph.get_subgraphs(recurse=True))]
    for one in graphs:
        for name, node in one.nodes.items():
            if not isinstance(node.bound, Pregel) and _leads_to_store(node.bound):
                yield name


def _leads_to_store(thing: Any) -> bool:
    seen, todo = {id(thing)}, deque([thing])
    while todo and len(seen) < _MOST:
        for part in _parts(todo.popleft()):
            if isinstance(part, BaseStore):
                return True
            if id(part) not in seen and not isinstance(part, _CLOSED):
                seen.add(id(part))
                todo.append(part)
    return False


def _parts(thing: Any) -> Iterator[Any]:
    """What an object refers to directly."""
    if isinstance(thing, functools.partial):
        yield from (thing.func, *thing.args, *thing.keywords.values())
    elif isinstance(thing, MethodType):
        yield from (thing.__self__, thing.__func__)
    elif isinstance(thing, FunctionType):
        if (thing.__module__ or "").partition(".")[0] not in _LIBRARIES:
            yield from _named(thing)
    elif isinstance(thing, Mapping):
        yield from list(thing.values())
    elif isinstance(thing, (list, tuple, set, frozenset)):
        yield from list(thing)
    else:
        yield from list(getattr(thing, "__dict__", {}).values())
        if callable(thing):
            yield type(thing).__call__


def _named(function: FunctionType) -> Iterator[Any]:
    """What a function's code can name."""
    yield from vars(function).values()  # what it wraps, too
    yield from (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            continue
    names = set(_names(function.__code__))
    for name in names & function.__globals__.keys():
        value = function.__globals__[name]
        if isinstance(value, ModuleType):
            yield from (vars(value)[each] for each in names & vars(value).keys())
        else:
            yield value


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _names(part)
