"""Graphs and functions by name: ``app:graph``, as a command line and ``langgraph.json`` have them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from lgviz.errors import NotASource, described

__all__ = ["load_function", "load_graph", "module_of"]


def module_of(name: str) -> str:
    """The module that a name of a graph names, as classes in it tell.

    >>> module_of("shop.app:graph"), module_of("src/app.py:graph")
    ('shop.app', 'app')
    """
    where = name.rpartition(":")[0]
    return Path(where).stem if where.endswith(".py") else where


def load_graph(name: str) -> Any:
    """A compiled graph by ``module:name`` or ``path/to/file.py:name``, as ``langgraph.json`` has it.

    What it names may be a graph, a builder, or a function without arguments that gives one. The module is
    imported: its code runs.

    Raises:
        NotASource: there is none.
    """
    with _loading(name, "graph") as found:
        found = found() if not hasattr(found, "get_state") and not hasattr(found, "compile") else found
        graph = found.compile() if hasattr(found, "compile") and not hasattr(found, "get_state") else found
    if not hasattr(graph, "get_state") or not hasattr(graph, "checkpointer"):
        raise NotASource(f"{name} is a {type(graph).__name__}, no graph.", "Name a compiled graph.")
    return graph


def load_function(name: str) -> Callable[..., Any]:
    """A function by ``module:name`` or ``path/to/file.py:name``. The module is imported: its code runs.

    Raises:
        NotASource: there is none.
    """
    with _loading(name, "function") as found:
        if not callable(found):
            raise NotASource(f"{name} is a {type(found).__name__}, no function.", "Name a function.")
        function: Callable[..., Any] = found
    return function


@contextmanager
def _loading(name: str, what: str) -> Iterator[Any]:
    """What a name names; what goes wrong while it is loaded is told in a sentence.

    Raises:
        NotASource: there is none.
    """
    where, colon, attribute = name.rpartition(":")
    if not colon or not where or not attribute:
        raise NotASource(f"{name!r} names no {what}.", f"Write module:name or file.py:name, as app:{what}.")
    try:
        found: Any = _module(where)
        for part in attribute.split("."):
            found = getattr(found, part)
        yield found
    except NotASource:
        raise
    except (Exception, SystemExit) as error:  # a script may end itself
        raise NotASource(
            f"{name} cannot be loaded: {described(error)}.", "Run it where it can be imported."
        ) from error


def _module(where: str) -> ModuleType:
    path = Path(where)
    if path.suffix != ".py":
        if "" not in sys.path and str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))  # as `python -m` has it
        return import_module(where)
    if not path.is_file():
        raise NotASource(f"There is no file {where}.", "Write module:name or file.py:name, as app:graph.")
    file = path.resolve()
    known = sys.modules.get(path.stem)
    if known is not None and getattr(known, "__file__", None) == str(file):
        return known  # its code does not run again
    if str(file.parent) not in sys.path:
        sys.path.insert(0, str(file.parent))
    spec = spec_from_file_location(path.stem, file)
    assert spec is not None and spec.loader is not None
    module = sys.modules[path.stem] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[path.stem]
        raise
    return module
