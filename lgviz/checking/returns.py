"""What a function returns, as far as its source tells: the keys that a node writes, where a router leads."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from langgraph.types import Command, Send

from .code import UNKNOWN, FunctionCode

__all__ = ["Choices", "CommandTargets", "KeysWritten", "choices_of", "command_targets", "keys_written"]


@dataclass(frozen=True, slots=True)
class KeysWritten:
    """The keys that a node writes.

    Attributes:
        always: those in all that it returns.
        sometimes: those in some of it alone.
    """

    always: frozenset[str]
    sometimes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Choices:
    """What a router returns.

    Attributes:
        named: the constants, each with its line.
        sent: the nodes that it sends to by ``Send``; True where it may be to several of one.
        several: whether it returns a list, and so may choose more than one.
        complete: whether that is all that it can return.
    """

    named: dict[str, int]
    sent: dict[str, bool]
    several: bool
    complete: bool


@dataclass(frozen=True, slots=True)
class CommandTargets:
    """Where a node goes by ``Command``.

    Attributes:
        named: the nodes of its own graph, each with its line.
        complete: whether these are all.
        outside: whether it goes to nodes of another graph.
    """

    named: dict[str, int]
    complete: bool
    outside: bool


def keys_written(code: FunctionCode) -> KeysWritten:
    """The keys of the dicts and of the updates of ``Command`` that a function returns.

    What it returns by another function is not known, and so not told.
    """
    found = [_keys(code, value) for value in _returned(code)]
    if not _ends(code.body):
        found.append(frozenset())
    every = frozenset[str]().union(*found)
    always = every.intersection(*found)
    unsure = {key for one in _names_returned(code) for key in _keys_of_variable(code, one)}
    return KeysWritten(always, (every | unsure) - always)


def choices_of(code: FunctionCode) -> Choices:
    """What a router names and sends."""
    named: dict[str, int] = {}
    sent: dict[str, bool] = {}
    several = bool(re.match(r"(typing\.)?([Ll]ist|Sequence)\b", _return_annotation(code)))
    complete = _ends(code.body)
    waiting = [(value, False, number) for number, value in enumerate(_returned(code))]
    together: set[tuple[str, int]] = set()
    for value, many, number in waiting:  # grows
        match value:
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                several = True
                waiting += [(part, many, number) for part in parts]
            case ast.ListComp(elt=part) | ast.GeneratorExp(elt=part):
                several = True
                waiting.append((part, True, number))
            case ast.Call(func=made, args=[target, *_]) if code.value_of(made) is Send:
                name = code.value_of(target)
                complete = complete and isinstance(name, str)
                if isinstance(name, str):
                    sent[name] = sent.get(name, False) or many or (name, number) in together
                    together.add((name, number))
            case _ if isinstance(name := code.value_of(value), str):
                named.setdefault(name, value.lineno)
            case _:
                complete = False
    return Choices(named, sent, several, complete)


def _return_annotation(code: FunctionCode) -> str:
    annotation = getattr(code.tree, "returns", None)
    return "" if annotation is None else ast.unparse(annotation)


def command_targets(code: FunctionCode) -> CommandTargets:
    """Where a function goes by ``Command(goto=…)``."""
    named: dict[str, int] = {}
    complete, outside = True, False
    for node in ast.walk(code.tree):
        if not isinstance(node, ast.Call) or code.value_of(node.func) is not Command:
            continue
        given = {each.arg: each.value for each in node.keywords}
        outside = outside or "graph" in given
        if "graph" in given or "goto" not in given:
            continue
        goto = given["goto"]
        for part in goto.elts if isinstance(goto, ast.List | ast.Tuple) else [goto]:
            for value in _either(part):
                name = code.value_of(value)
                if isinstance(name, str):
                    named.setdefault(name, value.lineno)
                else:
                    complete = False
    return CommandTargets(named, complete, outside)


def _returned(code: FunctionCode) -> Iterator[ast.expr]:
    """What stands behind each ``return``; both sides where it is one or the other."""
    for value in _values(code.body):
        yield from _either(value)


def _values(statements: list[ast.stmt]) -> Iterator[ast.expr]:
    for statement in statements:
        match statement:
            case ast.Return(value=value):
                yield ast.Constant(None) if value is None else value
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                continue
            case _:
                for name in ("body", "orelse", "finalbody"):
                    yield from _values(getattr(statement, name, []))
                for inner in (*getattr(statement, "handlers", []), *getattr(statement, "cases", [])):
                    yield from _values(inner.body)


def _either(value: ast.expr) -> Iterator[ast.expr]:
    if isinstance(value, ast.IfExp):
        yield from _either(value.body)
        yield from _either(value.orelse)
    else:
        yield value


def _ends(statements: list[ast.stmt]) -> bool:
    """Whether nothing comes after statements, for certain."""
    match statements[-1:]:
        case [ast.Return() | ast.Raise()]:
            return True
        case [ast.If(body=one, orelse=other)]:
            return _ends(one) and _ends(other)
        case [ast.With(body=body) | ast.AsyncWith(body=body)]:
            return _ends(body)
    return False


def _keys(code: FunctionCode, value: ast.expr) -> frozenset[str]:
    match value:
        case ast.Dict(keys=keys):
            known = (code.value_of(key) for key in keys if key is not None)
            return frozenset(key for key in known if isinstance(key, str))
        case ast.List(elts=parts):
            return frozenset[str]().union(*(_keys(code, part) for part in parts))
        case ast.Call(func=made, keywords=given) if (kind := code.value_of(made)) is not UNKNOWN:
            if kind is Command:
                named = {each.arg: each.value for each in given}
                own = "graph" not in named and "update" in named
                return _keys(code, named["update"]) if own else frozenset()
            if isinstance(kind, type):  # dict(a=1), State(a=1)
                return frozenset(each.arg for each in given if each.arg is not None)
    return frozenset()


def _names_returned(code: FunctionCode) -> set[str]:
    return {value.id for value in _returned(code) if isinstance(value, ast.Name)}


def _keys_of_variable(code: FunctionCode, name: str) -> Iterator[str]:
    """The keys that a variable is given: ``update = {"a": 1}``, ``update["b"] = 2``."""
    for node in ast.walk(code.tree):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for target in targets if isinstance(node, ast.Assign | ast.AnnAssign) else []:
            match target:
                case ast.Name(id=found) if found == name and node.value is not None:  # type: ignore[attr-defined]
                    yield from _keys(code, node.value)  # type: ignore[attr-defined]
                case ast.Subscript(value=ast.Name(id=found), slice=ast.Constant(value=str(key))):
                    if found == name:
                        yield key
