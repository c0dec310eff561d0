"""What the code of a function does beside returning a value, as far as names tell (see docs/CHECKS.md)."""

from __future__ import annotations

import ast
import re
from collections import deque
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from langgraph.types import interrupt

from .code import UNKNOWN, FunctionCode, calls_in, code_of, is_own

__all__ = ["CodeEffect", "InterruptWalk"]

_DEEPEST = 4
"""Calls of own functions that are followed."""
_ACTS = frozenset(
    ["book", "cancel", "charge", "commit", "delete", "email", "enqueue", "notify", "patch", "pay", "post",
     "publish", "put", "refund", "save", "send", "submit", "upload", "write"]
)  # fmt: skip
"""Words that begin the name of a method which acts on something outside, as ``send`` in ``send_mail``."""
_MODELS = frozenset(["invoke", "ainvoke", "stream", "astream", "batch", "abatch"])
_CHANGES = frozenset(
    ["add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "remove",
     "setdefault", "update"]
)  # fmt: skip
_CONTAINERS = (list, dict, set, deque)
_PACKAGES = frozenset(["requests", "httpx", "smtplib", "subprocess", "shutil", "boto3"])
_READS = frozenset(["get", "head", "options", "which", "disk_usage", "getoutput"])
_FILES = frozenset(
    ["chmod", "kill", "link", "makedirs", "mkdir", "remove", "removedirs", "rename", "replace", "rmdir",
     "symlink", "system", "truncate", "unlink"]
)  # fmt: skip
_SQL = re.compile(r"\s*(alter|create|delete|drop|insert|merge|replace|truncate|update)\b", re.IGNORECASE)
_WRITING = re.compile(r"[wax+]")


@dataclass(frozen=True, slots=True)
class CodeEffect:
    """Something that code does.

    Attributes:
        text: the call, as it is written.
        file, line: where.
        through: what the called function does, where that is what counts.
    """

    text: str
    file: str
    line: int
    through: str | None = None


class InterruptWalk:
    """What a function does before it comes to an ``interrupt()``, statement by statement.

    Args:
        code: the function.
        inside: the functions that are being walked, the outermost first.

    Attributes:
        interrupts: whether it comes to an ``interrupt()``.
        before: what it does before one, in the order of the code.
        open: what it does that no ``interrupt()`` comes after.
    """

    def __init__(self, code: FunctionCode, inside: tuple[FunctionType, ...] = ()) -> None:
        self._code = code
        self._inside = (*inside, code.function)
        self.interrupts = False
        self.before: list[CodeEffect] = []
        self.open: list[CodeEffect] = []
        self._block(code.body)

    def _block(self, statements: list[ast.stmt]) -> bool:
        """Walk statements; whether they end the function."""
        return any(self._ends(statement) for statement in statements)

    def _ends(self, statement: ast.stmt) -> bool:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return False
            case ast.If(test=test, body=body, orelse=orelse):
                self._evaluate(test)
                return self._one_of(body, orelse)
            case ast.Match(subject=subject, cases=cases):
                self._evaluate(subject)
                return self._one_of(*(case.body for case in cases), [])
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
                ended = self._block([*body, *orelse])
                self._one_of(*(handler.body for handler in handlers), [])
                return self._block(finalbody) or ended
            case ast.For() | ast.AsyncFor() | ast.While() | ast.With() | ast.AsyncWith():
                self._head(statement)
                ended = self._block(statement.body) and isinstance(statement, ast.With | ast.AsyncWith)
                return self._block(getattr(statement, "orelse", [])) or ended
        self._evaluate(statement)
        if self._changes_what_stays(statement):
            self._does(statement)
        return isinstance(statement, ast.Return | ast.Raise)

    def _head(self, statement: Any) -> None:
        for part in getattr(
            statement, "items", [getattr(statement, "iter", getattr(statement, "test", None))]
        ):
            self._evaluate(part)

    def _one_of(self, *blocks: list[ast.stmt]) -> bool:
        """Walk blocks of which one runs; whether each ends the function. What comes after follows those that
        do not."""
        start, after, ended = self.open, dict.fromkeys(self.open), True
        for block in blocks:
            self.open = [*start]
            if not self._block(block):
                after |= dict.fromkeys(self.open)
                ended = False
        self.open = list(after)
        return ended

    def _evaluate(self, node: ast.AST | None) -> None:
        for call in calls_in(node) if node is not None else ():
            called = self._code.value_of(call.func)
            if called is interrupt:
                self._comes_to_interrupt()
            elif is_own(called) and called not in self._inside and (code := code_of(called)) is not None:
                self._follow(code, call)
            elif self._acts(call, called):
                self._does(call)

    def _comes_to_interrupt(self) -> None:
        self.interrupts = True
        self.before += [effect for effect in self.open if effect not in self.before]

    def _follow(self, code: FunctionCode, call: ast.Call) -> None:
        """Walk a function that is called."""
        if len(self._inside) > _DEEPEST:
            return
        inner = InterruptWalk(code, self._inside)
        if inner.interrupts:
            self._comes_to_interrupt()
            self.before += inner.before
        for effect in inner.open[:1]:
            self._does(call, through=effect.text)

    def _does(self, what: ast.stmt | ast.Call, through: str | None = None) -> None:
        text = ast.unparse(what).partition("\n")[0]
        text = text if len(text) <= 60 else text[:59] + "…"
        self.open.append(CodeEffect(text, self._code.file, what.lineno, through))

    def _changes_what_stays(self, statement: ast.stmt) -> bool:
        """Whether it assigns to what outlives the function: a global, or a part of one."""
        targets = getattr(statement, "targets", [getattr(statement, "target", None)])
        for target in targets if isinstance(statement, ast.Assign | ast.AugAssign | ast.Delete) else ():
            root = target
            while isinstance(root, ast.Subscript | ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and not self._code.is_local(root.id):
                return True
        return False

    def _acts(self, call: ast.Call, called: Any) -> bool:
        """Whether a call acts on what is outside of the node; own functions are followed instead."""
        if called is open:
            mode = next((one.value for one in call.keywords if one.arg == "mode"), None)
            mode = call.args[1] if len(call.args) > 1 else mode
            return isinstance(mode, ast.Constant) and bool(_WRITING.search(str(mode.value)))
        package, _, _ = str(getattr(called, "__module__", "")).partition(".")
        name = str(getattr(called, "__name__", ""))
        if package in _PACKAGES and name not in _READS and not isinstance(called, type):
            return True
        if package in ("os", "posix", "nt"):
            return name in _FILES
        return isinstance(call.func, ast.Attribute) and self._method_acts(call, call.func)

    def _method_acts(self, call: ast.Call, method: ast.Attribute) -> bool:
        name, holder = method.attr, self._code.value_of(method.value)
        if name in _CHANGES:
            return isinstance(holder, _CONTAINERS)
        if isinstance(holder, type) or (holder is not UNKNOWN and _is_stream(holder)):
            return False
        if name in ("execute", "executemany", "executescript") and call.args:
            return isinstance(said := self._code.value_of(call.args[0]), str) and bool(_SQL.match(said))
        return name in _MODELS or name.partition("_")[0] in _ACTS


def _is_stream(thing: Any) -> bool:
    """Whether it is standard output or the like: to print twice does no harm."""
    return hasattr(thing, "write") and hasattr(thing, "isatty")
