"""Under which name another process finds a graph: ``app:graph``."""

from __future__ import annotations

import ast
import inspect
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from langgraph.graph.state import StateGraph
from langgraph.pregel import Pregel

from lgviz.analysis.called import names_in
from lgviz.errors import NotASource, listed

__all__ = ["name_of_graph"]

_ANEW = {"compile", "create_agent", "create_react_agent", "create_supervisor", "create_deep_agent"}
"""What code calls that makes a graph."""
_MOVE = 'Give its name as graph="app:graph", or where it is made as graph="app:make_graph".'


def name_of_graph(graph: Any) -> str:
    """A name that :func:`~lgviz.session.graph_names.load_graph` takes, for a graph that is in this process.

    Looked for is an attribute of a module that is loaded, which is the graph or its builder; then, in the
    modules of its nodes, the one function that makes a graph without being given anything; then the one graph
    that the nearest ``langgraph.json`` names. Nothing is imported and no code is run.

    Args:
        graph: a compiled graph; None: only ``langgraph.json`` can tell.

    Raises:
        NotASource: there is none; the error says which cells of a notebook make it.
    """
    if graph is not None and not isinstance(graph, Pregel):
        raise NotASource(f"A {type(graph).__name__} is no graph that can be looked for.", _MOVE)
    own = [] if graph is None else _modules_of(graph)
    held = [] if graph is None else list(_attributes(graph))
    if held:
        modules = {module.__name__ for module in own}
        return next((name for name in held if name.partition(":")[0] in modules), held[0])
    made = [f"{module.__name__}:{name}" for module in own for name in _factories(module)]
    declared = dict(_declared())
    if graph is not None:
        files = {str(module.__file__) for module in own}
        declared = {name: file for name, file in declared.items() if file in files}
    for found in (made, list(declared)):
        if len(found) == 1:
            return found[0]
    if several := made or list(declared):
        raise NotASource(f"The graph may be {listed(several, last='or')}.", "Say which by graph=.")
    raise _nowhere(graph)


def _attributes(graph: Any) -> Iterator[str]:
    """Names of attributes of modules that are the graph, a copy of it, or what it was compiled from."""
    for module in list(sys.modules.values()):
        if _is_importable(module):
            for name, value in list(vars(module).items()):
                if _is_same(value, graph):
                    yield f"{module.__name__}:{name}"


def _is_same(value: Any, graph: Any) -> bool:
    builder = getattr(graph, "builder", None)
    if value is graph or (value is builder and builder is not None):
        return True
    # Not isinstance, which asks an object what it is: it may be a proxy that imports.
    if not issubclass(type(value), Pregel):
        return False
    return value.nodes is graph.nodes or (builder is not None and getattr(value, "builder", None) is builder)


def _is_importable(module: Any) -> bool:
    if type(module) is not ModuleType or module.__name__ in ("__main__", "__mp_main__"):
        return False
    return bool(getattr(module, "__file__", None))


def _functions(graph: Any) -> Iterator[Any]:
    """The functions that are a graph's nodes."""
    for node in graph.nodes.values():
        function = getattr(node.bound, "func", None) or getattr(node.bound, "afunc", None)
        if function is not None:
            yield inspect.unwrap(function)


def _modules_of(graph: Any) -> list[ModuleType]:
    """The modules that a graph's nodes come from, but libraries'."""
    names = dict.fromkeys(getattr(function, "__module__", None) for function in _functions(graph))
    modules = [sys.modules.get(str(name)) for name in names]
    return [m for m in modules if m is not None and _is_importable(m) and not _is_library(m)]


def _is_library(module: ModuleType) -> bool:
    return module.__name__.partition(".")[0] in {"langgraph", "langchain", "langchain_core", "functools"}


def _factories(module: ModuleType) -> Iterator[str]:
    """The functions of a module that make a graph and need not be given anything."""
    for name, value in list(vars(module).items()):
        if type(value) is not FunctionType or value.__module__ != module.__name__:
            continue
        needed = [p for p in inspect.signature(value).parameters.values() if _is_needed(p)]
        said = str(value.__annotations__.get("return", ""))
        makes = {StateGraph.__name__, *_ANEW} & names_in(value.__code__) or "StateGraph" in said
        if makes and not needed and not inspect.iscoroutinefunction(value):
            yield name


def _is_needed(parameter: inspect.Parameter) -> bool:
    variadic = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    return parameter.default is parameter.empty and not variadic


def _declared() -> Iterator[tuple[str, str]]:
    """The graphs that the nearest ``langgraph.json`` names, each with its file."""
    here = Path.cwd()
    found = next((p for d in (here, *here.parents) if (p := d / "langgraph.json").is_file()), None)
    if found is None:
        return
    try:
        graphs = json.loads(found.read_text(encoding="utf-8")).get("graphs", {})
        paths = [each if isinstance(each, str) else each["path"] for each in graphs.values()]
    except (ValueError, AttributeError, KeyError, TypeError):
        return  # LangGraph's command line says what is wrong with it
    for path in map(str, paths):
        where, _, name = path.rpartition(":")
        file = found.parent / where
        if file.suffix == ".py":
            yield f"{Path(os.path.relpath(file, here)).as_posix()}:{name}", str(file.resolve())
        elif "/" not in where:  # else it is written in another language
            yield path, str(getattr(sys.modules.get(where), "__file__", ""))


def _nowhere(graph: Any) -> NotASource:
    if graph is None:
        return NotASource("What the checkpoint was read from names no graph.", _MOVE)
    if (cells := _cells(graph)) is not None:
        where = f" ({_in_words(cells)})" if cells else ""
        return NotASource(
            f"The graph is made in this notebook{where}, where no test can import it.",
            "Move what makes it into a module, as app.py, import the graph from there, and pin again.",
        )
    return NotASource("The graph is no attribute of a module that a test can import.", _MOVE)


def _in_words(numbers: list[int]) -> str:
    """Cells in a sentence, as a notebook numbers them.

    >>> _in_words([3]), _in_words([3, 5, 8])
    ('In[3]', 'In[3], In[5] and In[8]')
    """
    each = [f"In[{number}]" for number in numbers]
    return " and ".join(filter(None, [", ".join(each[:-1]), each[-1]]))


def _cells(graph: Any) -> list[int] | None:
    """The cells that define the graph, and those of its nodes that are functions of the notebook; None
    outside of one."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        return None
    space = shell.user_ns
    names = {name for name, value in list(space.items()) if _is_same(value, graph) and name[0] != "_"}
    names |= {f.__name__ for f in _functions(graph) if getattr(f, "__module__", None) == "__main__"}
    last: dict[str, int] = {}
    for number, code in enumerate(space.get("In", ())):
        last.update(dict.fromkeys(names & _defined(code), number))
    return sorted(set(last.values()))


def _defined(code: str) -> set[str]:
    """The names that a cell gives a value."""
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError):
        return set()
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return stored | {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
