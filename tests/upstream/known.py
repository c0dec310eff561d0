"""Where lgviz differs from LangGraph on LangGraph's own tests, each with its reason; docs/COVERAGE.md tells the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple


class Pair(NamedTuple):
    """A kind of deviation (``saver.values``) of the threads of some tests; both may hold ``*``."""

    what: str
    test: str


@dataclass(frozen=True)
class Known:
    """Deviations with one reason. Each kind, and each test, must still deviate."""

    reason: str
    what: tuple[str, ...]
    tests: tuple[str, ...] = ("*",)

    def pairs(self) -> Iterator[Pair]:
        for what in self.what:
            for test in self.tests:
                yield Pair(what, test)

    def matching(self, found: dict[str, str]) -> Iterator[Pair]:
        """Its pairs that a deviation falls under."""
        kind, test = f"{found['view']}.{found['what']}", found["test"].removeprefix("tests/")
        for pair in self.pairs():
            if fnmatchcase(kind, pair.what) and fnmatchcase(test, pair.test):
                yield pair


DIFFERENT = (
    Known(
        "what an empty channel starts with is in the graph, not in the rows: a channel never written is left out",
        ("saver.values.default", "file.values.default"),
    ),
    Known(
        "the id of a task that stored nothing is in no row: it is empty",
        ("saver.tasks.id", "file.tasks.id"),
    ),
)

FAILING: dict[str, tuple[str, ...]] = {}
"""LangGraph's tests that fail on lgviz's savers, by the reason."""
