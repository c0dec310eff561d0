"""Every public name stands on its page of the API, once, and a type checker knows it."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]
MODULES = {"lgviz.errors", "lgviz.learn"}
"""Names of ``lgviz`` that are modules, with pages of their own."""


@pytest.mark.parametrize("module", ["lgviz", "lgviz.persistence", "lgviz.learn"])
def test_each_public_name_is_on_its_page(module: str) -> None:
    page = (REPO / "docs" / "api" / f"{module.rpartition('.')[2]}.md").read_text(encoding="utf-8")
    named = re.findall(r"^::: (\S+)$", page, re.MULTILINE)
    public = {f"{module}.{name}" for name in import_module(module).__all__} - MODULES
    assert sorted(set(named) - {module}) == sorted(public)
    assert len(named) == len(set(named))


@pytest.mark.parametrize("module", ["lgviz", "lgviz.persistence", "lgviz.learn"])
def test_each_public_object_says_what_it_is(module: str) -> None:
    package = import_module(module)
    made = {name: getattr(package, name) for name in package.__all__ if not name.startswith("__")}
    assert [name for name, thing in made.items() if not (getattr(thing, "__doc__", None) or "").strip()] == []


def test_lazy_names_are_known_to_type_checkers() -> None:
    """What is resolved when it is asked for is imported for them, and so for the pages of the API, too."""
    import lgviz

    tree = ast.parse((REPO / "lgviz" / "__init__.py").read_text(encoding="utf-8"))
    (known,) = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {
        alias.asname or alias.name
        for node in known.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} | {"__version__"}
    assert set(lgviz.__all__) - imported - defined == set()
