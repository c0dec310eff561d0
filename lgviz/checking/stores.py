"""Rules of memory: a store that nodes expect, and parameters that LangGraph fills."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from typing import Any

from langgraph.config import get_store
from langgraph.store.base import BaseStore

from .code import FunctionCode, calls_in
from .findings import Finding
from .subject import CheckSubject, NodeFunction

__all__ = ["missing_store", "unfilled_parameters"]

_ANY = inspect.Parameter.empty


def unfilled_parameters(subject: CheckSubject) -> Iterator[Finding]:
    """A parameter for a store that LangGraph leaves alone: it goes by the name ``store`` and by one of a few
    annotations, each as it is written."""
    for one in subject.functions:
        for parameter in _for_stores(one):
            if parameter.name in one.filled or isinstance(parameter.default, BaseStore):
                continue
            written = _written(parameter.annotation)
            named = parameter.name == "store" and parameter.kind is not parameter.POSITIONAL_ONLY
            why = f"its annotation {written!r}" if named else "its name"
            needed = parameter.default is _ANY
            comes = "calling the node raises TypeError" if needed else f"it stays {parameter.default!r}"
            yield Finding(
                "store-not-filled",
                "error" if needed else "warning",
                f"LangGraph does not fill the parameter {parameter.name!r} of node {one.node!r} because of "
                f"{why}: {comes}.",
                f"def {one.function.__name__}(state, *, store: BaseStore):",
                **one.place,
            )


def missing_store(subject: CheckSubject) -> Iterator[Finding]:
    """A node that works with a store, in a graph that was compiled without one."""
    if subject.graph.store is not None:
        return
    for one in subject.functions:
        needs = any(
            parameter.name == "store" and parameter.default is _ANY and one.filled.get("store") is _ANY
            for parameter in _for_stores(one)
        )
        if needs or (one.code is not None and _asks(one.code)):
            yield Finding(
                "no-store",
                "error",
                f"Node {one.node!r} uses a store, and the graph was compiled without one: it gets None.",
                "graph = builder.compile(checkpointer=checkpointer, store=InMemoryStore())",
                **one.place,
            )


def _for_stores(one: NodeFunction) -> Iterator[inspect.Parameter]:
    """The parameters that ask for a store, by name or annotation; none where LangGraph does not fill any."""
    if one.called is None:
        return
    for parameter in list(inspect.signature(one.called).parameters.values())[1:]:
        variadic = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        if not variadic and (parameter.name == "store" or "BaseStore" in _written(parameter.annotation)):
            yield parameter


def _written(annotation: Any) -> str:
    if annotation is _ANY:
        return ""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _asks(code: FunctionCode) -> bool:
    """Whether it calls ``get_store()``, or a method of ``runtime.store`` that it never looks at before."""
    calls = [call for statement in code.body for call in calls_in(statement)]
    if any(code.value_of(call.func) is get_store for call in calls):
        return True
    asked = False
    for call in calls:
        match call.func:
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="runtime"), attr="store")):
                asked = True
    return asked and not any(map(_is_look, ast.walk(code.tree)))


def _is_look(node: ast.AST) -> bool:
    tested = {
        ast.If: "test",
        ast.IfExp: "test",
        ast.Assert: "test",
        ast.Compare: "left",
    }.get(type(node))
    return tested is not None and ast.unparse(getattr(node, tested)).endswith("runtime.store")
