"""Has what acts on a graph hand over to who does it on a LangGraph server, where the graph is a server's."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from lgviz.sources.remote import assistant_of

__all__ = ["at_server"]

P = ParamSpec("P")
T = TypeVar("T")


def at_server(function: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """Have a function that acts on a graph, which it takes first, hand over to its namesake in ``remote.py``
    where that is one on a server; of one that is awaited, to the one without the ``a``."""
    awaited = inspect.iscoroutinefunction(function)
    name = function.__name__.removeprefix("a") if awaited else function.__name__

    @functools.wraps(function)
    def chosen(graph: Any, *args: P.args, **kwargs: P.kwargs) -> T:
        assistant = assistant_of(graph)
        if assistant is None:
            return function(graph, *args, **kwargs)
        there = getattr(import_module("lgviz.session.remote"), name)  # which is built on what hands over
        if awaited:
            return cast(T, asyncio.to_thread(there, assistant, *args, **kwargs))
        return cast(T, there(assistant, *args, **kwargs))

    return cast(Callable[Concatenate[Any, P], T], chosen)
