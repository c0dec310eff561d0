"""The source of a function, parsed, and what the names in it are."""

from __future__ import annotations

import ast
import builtins
import linecache
import site
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, TypeGuard

__all__ = ["UNKNOWN", "FunctionCode", "calls_in", "code_of", "is_own", "is_own_file", "parsed"]

UNKNOWN: Any = object()
"""What a name is whose value is not known before the code runs."""
_LIBRARIES = tuple(
    str(Path(folder))
    for folder in {
        *site.getsitepackages(),
        site.getusersitepackages(),
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    }
)


@dataclass(frozen=True, slots=True)
class FunctionCode:
    """A function, its source and where that is."""

    function: FunctionType
    tree: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

    @property
    def file(self) -> str:
        return self.function.__code__.co_filename

    @property
    def body(self) -> list[ast.stmt]:
        """Its statements; the value of a lambda is what it returns."""
        if isinstance(self.tree, ast.Lambda):
            return [ast.copy_location(ast.Return(self.tree.body), self.tree.body)]
        return self.tree.body

    def is_local(self, name: str) -> bool:
        """Whether a name gets its value while the function runs."""
        code = self.function.__code__
        return name in code.co_varnames or name in code.co_cellvars

    def value_of(self, expression: ast.expr) -> Any:
        """What an expression of names and dots is, without running anything; else ``UNKNOWN``."""
        match expression:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name) if not self.is_local(name):
                return self._named(name)
            case ast.Attribute(value=below, attr=name):
                holder = self.value_of(below)
                if isinstance(holder, ModuleType | type):
                    return vars(holder).get(name, UNKNOWN)
        return UNKNOWN

    def _named(self, name: str) -> Any:
        code = self.function.__code__
        if name in code.co_freevars:
            try:
                return (self.function.__closure__ or ())[code.co_freevars.index(name)].cell_contents
            except ValueError:  # not filled yet
                return UNKNOWN
        known = self.function.__globals__
        return known[name] if name in known else vars(builtins).get(name, UNKNOWN)


def code_of(function: FunctionType | None) -> FunctionCode | None:
    """The source of a function; None where there is none to read, or it is not the code that runs."""
    if function is None:
        return None
    code = function.__code__
    module = parsed("".join(linecache.getlines(code.co_filename, function.__globals__)))
    found = [node for node in ast.walk(module) if _is_of(node, code.co_name, code.co_firstlineno)]
    return FunctionCode(function, found[0]) if len(found) == 1 else None  # type: ignore[arg-type]


def _is_of(node: ast.AST, name: str, line: int) -> bool:
    if isinstance(node, ast.Lambda):
        return name == "<lambda>" and node.lineno == line
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return node.name == name and min([node.lineno, *(each.lineno for each in node.decorator_list)]) == line


@lru_cache(maxsize=64)
def parsed(text: str) -> ast.Module:
    """A module's tree; an empty one where the text is no Python, as of a cell with a magic."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def is_own(function: Any) -> TypeGuard[FunctionType]:
    """Whether code belongs to who wrote the graph: it lies neither in Python's library nor among packages."""
    return isinstance(function, FunctionType) and is_own_file(function.__code__.co_filename)


def is_own_file(file: str) -> bool:
    """Whether a file lies neither in Python's library nor among packages."""
    return not file.startswith(_LIBRARIES) and not file.startswith("<frozen")


def calls_in(node: ast.AST) -> Iterator[ast.Call]:
    """The calls in a node in the order in which they are made, those of functions defined in it left out."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
        return
    for each in ast.iter_child_nodes(node):
        yield from calls_in(each)
    if isinstance(node, ast.Call):
        yield node
