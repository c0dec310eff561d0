"""Operations that embed texts between their transactions: written once, run sync and async.

A plan is a generator, as an operation is one of statements (``database/statements.py``): it yields texts to
embed and operations to run, each in a transaction of its own, and is sent what they give.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from lgviz.persistence.database.statements import Operation

if TYPE_CHECKING:  # NumPy is imported with the first store that has an index
    from .embedder import Embedder, Vectors

R = TypeVar("R")


class Documents(NamedTuple):
    """Texts of items; sent back are their vectors, by text."""

    texts: Iterable[str]

    def embed(self, by: Embedder) -> Vectors:
        return by.documents(self.texts)

    async def aembed(self, by: Embedder) -> Vectors:
        return await by.adocuments(self.texts)


class Queries(NamedTuple):
    """Texts that are searched for; sent back are their vectors, by text."""

    texts: Iterable[str]

    def embed(self, by: Embedder) -> Vectors:
        return by.queries(self.texts)

    async def aembed(self, by: Embedder) -> Vectors:
        return await by.aqueries(self.texts)


Make: TypeAlias = Callable[[], Operation[Any]]
EmbeddingPlan: TypeAlias = Generator[Documents | Queries | Make, Any, R]


def run_plan(plan: EmbeddingPlan[R], embedder: Embedder | None, run: Callable[[Make], Any]) -> R:
    """Run a plan; what a step raises is raised in the plan.

    Args:
        embedder: embeds the texts; a plan for a store that has none yields no texts.
        run: runs an operation.
    """
    go: Callable[[Any], Documents | Queries | Make] = plan.send
    given: Any = None
    while True:
        try:
            step = go(given)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        try:
            if isinstance(step, Documents | Queries):
                assert embedder is not None
                given = step.embed(embedder)
            else:
                given = run(step)
            go = plan.send
        except Exception as error:
            go, given = plan.throw, error


async def arun_plan(
    plan: EmbeddingPlan[R], embedder: Embedder | None, run: Callable[[Make], Awaitable[Any]]
) -> R:
    """:func:`run_plan`, awaited."""
    go: Callable[[Any], Documents | Queries | Make] = plan.send
    given: Any = None
    while True:
        try:
            step = go(given)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        try:
            if isinstance(step, Documents | Queries):
                assert embedder is not None
                given = await step.aembed(embedder)
            else:
                given = await run(step)
            go = plan.send
        except Exception as error:
            go, given = plan.throw, error
