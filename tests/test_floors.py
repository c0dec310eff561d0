"""Imports go down the floors, never up (docs/ARCHITECTURE.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "lgviz"
FLOORS = {
    "_apart": 0,
    "_cache": 0,
    "_progress": 0,
    "_version": 0,
    "_visible": 0,
    "errors": 0,
    "persistence": 1,
    "sources": 2,
    "analysis": 3,
    "export": 3,
    "transfer": 3,
    "checking": 4,
    "learn": 4,
    "replaying": 4,
    "reuse": 4,
    "session": 4,
    "sweeping": 4,
    "protocol": 5,
    "backend": 5,
    "automatic": 6,
    "beside": 6,
    "cli": 6,
    "completion": 6,
    "demos": 6,
    "files": 6,
    "magics": 6,
    "mcp": 6,
    "page": 6,
    "server": 6,
    "verbs": 6,
    "widget": 6,
    "__init__": 7,
}
BELOW = ["database", "blocks", "serde", "savers", "stores"]
"""The packages of ``persistence``, from the lowest up."""
MODULES = sorted(PACKAGE.rglob("*.py"))


def unit(path: Path) -> str:
    """The name right below ``lgviz`` that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_units(path: Path) -> Iterator[tuple[int, str]]:
    """Line and unit of every import of lgviz, wherever in the file it stands."""
    package = ["lgviz", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), path)):
        match node:
            case ast.Import():
                names = [alias.name.split(".") for alias in node.names]
            case ast.ImportFrom(module=module, level=level):
                base = package[: len(package) - level + 1] if level else []
                base = base + (module.split(".") if module else [])
                names = [[*base, alias.name] for alias in node.names]
            case _:
                continue
        for name in names:
            if name[0] == "lgviz":
                below = name[1] if len(name) > 1 else "__init__"
                known = (PACKAGE / below).is_dir() or (PACKAGE / f"{below}.py").is_file()
                yield node.lineno, below if known else "__init__"


def test_every_unit_has_a_floor() -> None:
    assert {unit(path) for path in MODULES} <= FLOORS.keys()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_down(path: Path) -> None:
    own = unit(path)
    for line, other in imported_units(path):
        said = f"{path.name}:{line}: {own} imports {other}"
        if (own, other) == ("persistence", "transfer"):
            continue  # `lgviz.persistence.migrate`, for type checkers: loaded when it is asked for
        assert FLOORS[other] <= FLOORS[own], f"{said}, which lies above it"
        if other == "protocol":
            assert FLOORS[own] >= 5, f"{said}: only the backend and the faces speak the protocol"
        if own == "protocol":
            pytest.fail(f"{said}: the protocol stands alone")


@pytest.mark.parametrize("package", BELOW)
def test_imports_go_down_in_persistence(package: str) -> None:
    """Savers and stores stand side by side: neither knows the other."""
    floor = {name: min(BELOW.index(name), BELOW.index("savers")) for name in BELOW}
    for path in (PACKAGE / "persistence" / package).rglob("*.py"):
        own = ["lgviz", *path.relative_to(PACKAGE).parts[:-1]]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), path)):
            if not isinstance(node, ast.ImportFrom):
                continue
            above = own[: len(own) - node.level + 1] if node.level else []
            module = [*above, *(node.module or "").split(".")]
            if module[:2] == ["lgviz", "persistence"] and (below := [*module, ""][2]) != package:
                said = f"{path.name}:{node.lineno}: {'.'.join(module)}"
                assert floor.get(below, len(BELOW)) < floor[package], said
