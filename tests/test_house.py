"""Rules of the house that a reader relies on, held by a look at the source."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]
PACKAGE = REPO / "lgviz"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((REPO / "tests").rglob("*.py"))
LONGEST = 64
"""Lines of a function."""

FACES_OF_ENGINES = {
    *(f"lgviz.persistence.savers.{module}" for module in ("saver", "sqlite", "postgres")),
    *(f"lgviz.persistence.stores.{module}" for module in ("store", "versioned", "sqlite", "postgres")),
}
"""LangGraph's interface over an engine: savers and stores."""

SLEEPS = {
    "persistence/test_faults.py": "the moment at which a process is killed is what varies",
    "browser/test_act.py": "a node in another process that takes long, so that there is time to press Stop",
    "support/eras.py": "a node that fails after its siblings have ended: nothing tells it that they have",
    "support/random_graphs.py": "a node that fails after its siblings have ended: nothing tells it that they have",
}
"""The test files that may sleep, and why."""


def name_of(path: Path) -> str:
    """``lgviz.a.b`` of a file; a package's is that of its ``__init__``."""
    return ".".join(path.relative_to(REPO).with_suffix("").parts).removesuffix(".__init__")


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), path)


NAMES = {name_of(path) for path in MODULES}
TREES = {name_of(path): parsed(path) for path in MODULES}
FILES = {name_of(path): path.relative_to(PACKAGE).as_posix() for path in MODULES}


def imports(module: str) -> Iterator[str]:
    """The modules of lgviz that a module imports at its top level, or for type checkers."""
    package = module.split(".") if FILES[module].endswith("__init__.py") else module.split(".")[:-1]
    for node in _outside_functions(TREES[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in NAMES)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *(node.module.split(".") if node.module else [])])
            for alias in node.names:
                found = f"{base}.{alias.name}" if f"{base}.{alias.name}" in NAMES else base
                if found in NAMES and found != module:
                    yield found


def _outside_functions(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
            yield from _outside_functions(node)


def circles() -> set[frozenset[str]]:
    """The sets of modules that reach each other (Tarjan)."""
    graph = {module: set(imports(module)) for module in NAMES}
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    open_: list[str] = []
    found: set[frozenset[str]] = set()

    def visit(module: str) -> None:
        number[module] = low[module] = len(number)
        open_.append(module)
        for other in graph[module]:
            if other not in number:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in open_:
                low[module] = min(low[module], number[other])
        if low[module] == number[module]:
            at = open_.index(module)
            if len(open_) - at > 1:
                found.add(frozenset(open_[at:]))
            del open_[at:]

    for module in sorted(NAMES):
        if module not in number:
            visit(module)
    return found


def classes() -> Iterator[tuple[str, ast.ClassDef]]:
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                yield module, node


def functions(tree: ast.AST, above: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{above}.{node.name}" if above else node.name
            if not isinstance(node, ast.ClassDef):
                yield name, node
            yield from functions(node, name)
        else:
            yield from functions(node, above)


def docstrings(tree: ast.Module) -> Iterator[str]:
    """Docstrings, and the strings that stand below an attribute as its description."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield text


def test_every_module_says_in_a_line_what_it_is_for() -> None:
    without = {FILES[module] for module, tree in TREES.items() if not (ast.get_docstring(tree) or "").strip()}
    assert without == set()
    first = {FILES[m]: (ast.get_docstring(t) or "").partition("\n\n")[0] for m, t in TREES.items()}
    assert {file: text for file, text in first.items() if len(text) > 240} == {}


def test_a_docstring_is_understood_alone() -> None:
    found: dict[str, int] = defaultdict(int)
    for module, tree in TREES.items():
        for text in docstrings(tree):
            found[FILES[module]] += bool(re.match(r"(Likewise|Ditto|The same)\b", text.strip()))
    assert {file: count for file, count in found.items() if count} == {}


def test_class_names_are_unique() -> None:
    where: dict[str, set[str]] = defaultdict(set)
    for module, node in classes():
        if not module.startswith("lgviz.demos"):
            where[node.name].add(FILES[module])
    assert {name: files for name, files in where.items() if len(files) > 1} == {}


def test_functions_are_short() -> None:
    long = {
        f"{FILES[module]}:{name}"
        for module, tree in TREES.items()
        for name, node in functions(tree)
        if (node.end_lineno or 0) - node.lineno + 1 > LONGEST
    }
    assert long == set()


def test_no_module_reaches_itself() -> None:
    """Not even by what is imported for type checkers only."""
    assert circles() == set()


def test_parts_hold_each_other_and_do_not_inherit() -> None:
    """What an engine uses is found where it is named, not in one of many ancestors. Savers and stores, which
    are LangGraph's interface over an engine, are told apart by how they run and by their database."""
    bases = {node.name: [_last(base) for base in node.bases] for _, node in classes()}

    def ancestors(name: str) -> set[str]:
        direct = {base for base in bases[name] if base in bases and base != name}
        return direct.union(*(ancestors(base) for base in direct))

    for module, node in classes():
        most = 6 if module in FACES_OF_ENGINES else 2
        if module.startswith("lgviz.persistence"):
            assert len(ancestors(node.name)) <= most, f"{module}.{node.name}: {ancestors(node.name)}"


def _last(base: ast.expr) -> str:
    while isinstance(base, ast.Subscript):
        base = base.value
    return base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")


def test_one_module_knows_how_namespaces_are_written() -> None:
    """``sources/places.py``; persistence, below it, needs what it needs."""
    found = {FILES[module] for module, tree in TREES.items() if any(map(_of_places, ast.walk(tree)))}
    found = {file for file in found if not file.startswith("persistence/")} - {"sources/places.py"}
    assert found == set()


def _of_places(node: ast.AST) -> bool:
    """Whether it splits text at ``|``, or spells the name of a graph's only channel."""
    match node:
        case ast.Call(
            func=ast.Attribute(attr="split" | "rsplit" | "partition" | "rpartition"),
            args=[ast.Constant(value="|"), *_],
        ):
            return True
        case ast.Constant(value="__root__"):
            return True
    return False


@pytest.mark.parametrize("module", ["lgviz", "lgviz.persistence"])
def test_every_public_class_shows_how_it_is_used(module: str) -> None:
    from importlib import import_module

    package = import_module(module)
    public = {name: getattr(package, name) for name in package.__all__}
    made = {name: thing for name, thing in public.items() if isinstance(thing, type)}
    without = {
        name
        for name, thing in made.items()
        if ">>>" not in (thing.__doc__ or "") and not issubclass(thing, Exception)
    }
    assert without == set()


# ---------------------------------------------------------------- the tests themselves


def test_tests_share_helpers_and_not_each_other() -> None:
    wrong = []
    for path in TESTS:
        for node in ast.walk(parsed(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or "."] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                last = name.split(".")[-1]
                if (
                    last == "conftest"
                    or last.startswith("test_")
                    or not last
                    or (name.startswith("tests.") and not name.startswith("tests.support"))
                ):
                    wrong.append(f"{path.relative_to(REPO)}:{node.lineno}: {name}")
    assert wrong == []


def test_no_test_sleeps_for_a_time_that_it_hopes_is_enough() -> None:
    """Use :mod:`tests.support.waiting`."""
    sleeping = re.compile(r"\bsleep\((?!0\))\s*[\d.]|wait_for_timeout\(")
    found = {
        path.relative_to(REPO / "tests").as_posix()
        for path in TESTS
        if path != Path(__file__)
        and sleeping.search(re.sub("pg_sleep", "", path.read_text(encoding="utf-8")))
    }
    assert found == set(SLEEPS)


def test_no_file_holds_a_merge_that_was_not_resolved() -> None:
    texts = [p for p in REPO.glob("*") if p.suffix in {".md", ".toml"}] + [
        p
        for room in ("docs", "lgviz", "tests", "notebooks", ".ci", "js/src", "js/tests", "js/scripts")
        for p in (REPO / room).rglob("*")
        if p.suffix in {".md", ".py", ".ts", ".tsx", ".css", ".mjs", ".ipynb", ".json", ".toml"}
    ]
    marks = re.compile(r"^(<{7} |>{7} )", re.MULTILINE)
    assert [p.relative_to(REPO) for p in texts if marks.search(p.read_text(encoding="utf-8"))] == []


def test_the_page_for_changes_names_files_that_are_there() -> None:
    named = re.findall(
        r"`((?:lgviz|js|tests)/[\w./]+)`", (REPO / "docs/CHANGING.md").read_text(encoding="utf-8")
    )
    assert len(named) > 40 and [name for name in named if not (REPO / name).exists()] == []


@pytest.mark.parametrize("path", sorted((REPO / "notebooks").glob("*.ipynb")), ids=lambda path: path.name)
def test_notebooks_carry_no_widget_state(path: Path) -> None:
    """The style and code that a saved widget brings along would be taken for those of the widgets of today."""
    text = path.read_text(encoding="utf-8")
    assert "widgets" not in json.loads(text)["metadata"]
    assert "site-packages" not in text, "a warning names a folder of the machine that it was run on"
