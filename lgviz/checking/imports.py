"""Rules of the modules that a graph's code is in: missing packages, and savers that are made wrongly."""

from __future__ import annotations

import ast
import sys
import traceback
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from langgraph.checkpoint.memory import InMemorySaver

from lgviz.errors import described

from .code import is_own_file, parsed
from .findings import Finding
from .subject import CheckSubject

__all__ = ["finding_of_import", "memory_savers_in_servers", "missing_packages", "savers_not_entered"]

_SERVERS = frozenset(
    ["aiohttp", "bottle", "chainlit", "django", "fastapi", "flask", "gradio", "litestar", "quart", "sanic",
     "starlette", "streamlit", "tornado", "uvicorn"]
)  # fmt: skip
_MEMORY = frozenset(["InMemorySaver", "MemorySaver"])
_DRIVERS = {"psycopg": "psycopg[binary,pool]", "psycopg_pool": "psycopg[binary,pool]"}
_SAVER_PACKAGES = ("langgraph.checkpoint.", "langgraph.store.")
_ENTERING = frozenset(["enter_context", "enter_async_context"])
_WITH = 'with SqliteSaver.from_conn_string("checkpoints.db") as checkpointer:'


def missing_packages(files: Iterable[str]) -> Iterator[Finding]:
    """A saver's or store's package that is imported and not installed, but for what lies in a ``try``."""
    for file in files:
        for node in _outside_try(_tree(file)):
            match node:
                case ast.Import(names=names):
                    named = [name.name for name in names]
                case ast.ImportFrom(module=str(module), level=0):
                    named = [module]
                case _:
                    continue
            for name in named:
                if name.startswith(_SAVER_PACKAGES) and not _is_there(name):
                    yield _missing(name, file, node.lineno)


def savers_not_entered(files: Iterable[str]) -> Iterator[Finding]:
    """LangGraph's ``from_conn_string()`` without a ``with``: it gives a context manager, and no saver."""
    for file in files:
        tree = _tree(file)
        known = _names_of_langgraph(tree)
        entered = set(map(ast.unparse, _entered(tree)))
        for node in ast.walk(tree):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as made) if name not in entered:
                    pass
                case ast.keyword(arg="checkpointer" | "store", value=ast.Call() as made):
                    pass
                case _:
                    continue
            opens = ast.unparse(made.func)
            if opens.endswith(".from_conn_string") and opens.partition(".")[0] in known:
                yield Finding(
                    "saver-not-entered",
                    "error",
                    f"{opens}() gives a context manager, no saver: it must be entered.",
                    _WITH.replace("SqliteSaver.from_conn_string", opens),
                    file=file,
                    line=made.lineno,
                )


def memory_savers_in_servers(subject: CheckSubject | None, files: Iterable[str]) -> Iterator[Finding]:
    """An ``InMemorySaver`` in a module of a web server: it grows until that ends, and then all is lost."""
    in_memory = subject is None or isinstance(subject.saver, InMemorySaver)
    for file in files:
        tree = _tree(file)
        servers = sorted(_imported(tree) & _SERVERS)
        made = next((node for node in ast.walk(tree) if _makes_memory(node)), None)
        each = made is not None and any(
            _is_of_request(function) and made in ast.walk(function) for function in ast.walk(tree)
        )
        if not servers or made is None or not (each or in_memory):
            continue
        yield Finding(
            "memory-saver-in-server",
            "error" if each else "warning",
            f"A saver in memory is made anew for each request of {servers[0]}: the next one finds no thread."
            if each
            else f"A server ({servers[0]}) keeps its threads in memory: they grow without bound, and a "
            "restart loses them.",
            _WITH,
            file=file,
            line=made.lineno,  # type: ignore[attr-defined]
        )


def finding_of_import(error: BaseException) -> Finding:
    """What an exception says that came while a module with a graph was imported."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_own_file(frame.filename)]
    frames = [frame for frame in frames if not frame.filename.startswith(str(Path(__file__).parents[1]))]
    file, line = (frames[-1].filename, frames[-1].lineno) if frames else (None, None)
    if isinstance(error, ImportError) and error.name:
        return _missing(error.name, file, line)
    if isinstance(error, TypeError) and "ContextManager" in str(error):
        text = "The checkpointer is a context manager, no saver: from_conn_string() must be entered."
        return Finding("saver-not-entered", "error", text, _WITH, file=file, line=line)
    return Finding(
        "does-not-load",
        "error",
        f"The module cannot be imported: {described(error)}.",
        f"python -c 'import {Path(file).stem}'" if file else "python -X dev",
        file=file,
        line=line,
    )


def _missing(name: str, file: str | None, line: int | None) -> Finding:
    package = next((name.split(".")[2] for each in _SAVER_PACKAGES if name.startswith(each)), "")
    top = name.partition(".")[0]
    package = f"langgraph-checkpoint-{package}" if package else _DRIVERS.get(top, top)
    text = f"The module {name!r} is not installed."
    return Finding("package-missing", "error", text, f"pip install '{package}'", file=file, line=line)


def _is_there(name: str) -> bool:
    try:
        return name in sys.modules or find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _tree(file: str) -> ast.Module:
    try:
        return parsed(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return ast.Module([], [])


def _outside_try(node: ast.AST) -> Iterator[ast.AST]:
    for each in ast.iter_child_nodes(node):
        if not isinstance(each, ast.Try):
            yield each
            yield from _outside_try(each)


def _entered(tree: ast.Module) -> Iterator[ast.expr]:
    """What a ``with`` enters, or an ``ExitStack``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.With | ast.AsyncWith):
            yield from (item.context_expr for item in node.items)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in _ENTERING:
            yield from node.args


def _imported(tree: ast.Module) -> set[str]:
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {
        node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level
    }
    return {name.partition(".")[0] for name in names}


def _names_of_langgraph(tree: ast.Module) -> set[str]:
    """The names that a module imports from LangGraph."""
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("langgraph")
        for alias in node.names
    }


def _makes_memory(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in _MEMORY


def _is_of_request(node: ast.AST) -> bool:
    """Whether a function answers requests, by a decorator as ``@app.post("/chat")``."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
        isinstance(each, ast.Call)
        and getattr(each.func, "attr", "") in ("get", "post", "put", "patch", "delete", "route", "websocket")
        for each in node.decorator_list
    )
