"""The front end's types say what ``lgviz/protocol.py`` says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

REPO = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "protocol_generator", REPO / "js" / "scripts" / "protocol.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_committed_types_are_fresh(generator: ModuleType) -> None:
    fresh = generator.generate(generator.SOURCE.read_text(encoding="utf-8"))
    assert generator.TARGET.read_text(encoding="utf-8") == fresh, "run `make protocol`"


def test_each_construct(generator: ModuleType) -> None:
    source = '''
from typing import Any, Literal, NotRequired, TypedDict

LIMIT = 3
Kind = Literal["a", "b"]

COLUMNS: dict[str, tuple[Kind, str]] = {
    "lane": ("a", "Where it is drawn."),
    "depth": ("b", "How deep it lies."),
}
"""By name."""

class Flag(IntFlag):
    """Bits."""

    ONE = 1
    """The first."""
    TWO = 2

class Item(TypedDict):
    kind: Kind
    parts: list[int | None]
    pairs: list[tuple[Literal["+"], str]]
    table: dict[str, list["Item"]]
    rest: NotRequired[Any]

class Empty(TypedDict):
    pass

class Methods(TypedDict):
    get: tuple[Empty, Item]
'''
    assert generator.generate(source) == (
        generator.HEADER
        + """
export const LIMIT = 3;

export type Kind = "a" | "b";

/** By name. */
export const COLUMNS = {
  /** Where it is drawn. */
  lane: "a",
  /** How deep it lies. */
  depth: "b",
} as const;

/** Bits. */
export const Flag = {
  /** The first. */
  ONE: 1,
  TWO: 2,
} as const;

export interface Item {
  kind: Kind;
  parts: (number | null)[];
  pairs: ["+", string][];
  table: Record<string, Item[]>;
  rest?: unknown;
}

export type Empty = Record<string, never>;

export interface Methods {
  get: { params: Empty; result: Item };
}
"""
    )


@pytest.mark.parametrize("source", ["x = compute()", "class A(TypedDict):\n    x: set[int]", "def f(): ..."])
def test_what_has_no_counterpart_is_refused(generator: ModuleType, source: str) -> None:
    with pytest.raises(generator.Unsupported):
        generator.generate(source)


def test_rows_are_as_tall_as_the_tree_believes() -> None:
    """The tree places rows by a number of its own; the height itself is the style sheet's."""
    source = REPO / "js/src"
    (believed,) = re.findall(r"ROW_HEIGHT = (\d+)", (source / "state/view.ts").read_text(encoding="utf-8"))
    css = "".join(path.read_text(encoding="utf-8") for path in source.rglob("*.css"))
    rule = re.search(r"^\.lgviz-row \{(.+?)^\}", css, re.S | re.M)
    assert rule is not None
    assert re.findall(r"(?<![-\w])(?:line-)?height: (\d+)px", rule[1]) == [believed, believed]
