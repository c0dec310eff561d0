"""Find, bisect and evaluate: where does something hold, since when, what was it each time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from math import ceil, log2
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver

import lgviz
from lgviz._apart import apart
from lgviz.analysis.predicates import bisect
from lgviz.demos import agent, approval
from lgviz.errors import InvalidValue, PredicateFailed
from lgviz.session import expression_over


@pytest.fixture(scope="module")
def history() -> lgviz.History:
    graph = agent.build(InMemorySaver())
    agent.seed(graph)
    return lgviz.history(graph)


@given(st.integers(1, 200), st.data())
def test_bisect_finds_the_first_in_as_few_looks_as_promised(length: int, data: Any) -> None:
    first = data.draw(st.integers(0, length))
    looked: list[int] = []

    def holds(step: Any) -> bool:
        looked.append(step)
        return bool(step >= first)

    branch: Any = range(length)
    assert bisect(branch, holds) == (first if first < length else None)
    assert len(looked) <= ceil(log2(length)) + 1
    assert len(set(looked)) == len(looked)


def test_bisect_goes_along_the_branch_and_says_how_many_it_looked_at(
    history: lgviz.History, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "lgviz"):
        found = history.bisect(lambda c: len(c.values["messages"]) >= 7, "c16")
    assert found == history["c15"]
    assert "bisect looked at" in caplog.text and "of 10 checkpoints" in caplog.text
    assert history.bisect(lambda c: len(c.values["messages"]) >= 7) == history["c19"]
    assert history.bisect(lambda c: False) is None


def test_find_gives_all_branches_oldest_first(history: lgviz.History) -> None:
    found = history.find(lambda c: "tools" in c.nodes)
    assert [c.label for c in found] == ["c3", "c5", "c7", "c11", "c13", "c15", "c17", "c19"]


def test_evaluate_is_a_column_over_all_checkpoints(history: lgviz.History) -> None:
    column = history.evaluate(lambda c: c.values["reservation"]["day"])
    assert column.index.tolist() == [c.label for c in history]
    assert column["c8"] == "2025-06-12" and column["c20"] == "2025-06-13"
    assert column.isna()["c0"] and column.attrs["raised"]["c0"].startswith("KeyError")


@pytest.mark.parametrize("name", ["find", "bisect", "evaluate"])
def test_a_predicate_that_raises_is_a_sentence(history: lgviz.History, name: str) -> None:
    with pytest.raises(PredicateFailed, match=r"KeyError: 'fare'.* at c\d+\. .*c\.values\.get"):
        getattr(history, name)(lambda c: c.values["fare"])


def _containers(value: Any, seen: set[int]) -> Iterator[Any]:
    """All that can be changed in what a predicate reads."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, (list, dict)):
        yield value
        parts: Any = value if isinstance(value, list) else value.values()
    elif isinstance(value, tuple):
        parts = value
    else:
        parts = [getattr(value, name) for name in getattr(value, "__dict__", None) or ()]
        parts += [getattr(value, "value", None)]  # of a question, a write
    for part in list(parts):
        yield from _containers(part, seen)


def _spoiling(c: lgviz.Checkpoint) -> bool:
    """A predicate that empties all that it is given."""
    read = [c.values, c.tasks, {**c.writes}, c.interrupts, c.waiting, c.metadata, {**c.stored.values}]
    read += [c.stored.metadata, list(c.stored.writes), c.parent.values if c.parent else None]
    for each in list(_containers(read, set())):
        each.clear()
    return False


@pytest.mark.parametrize("demo", [agent, approval])
@pytest.mark.parametrize("name", ["find", "bisect", "evaluate"])
def test_what_a_predicate_does_to_what_it_reads_stays_its_own(demo: Any, name: str) -> None:
    graph = demo.build(InMemorySaver())
    demo.seed(graph)

    def told(history: lgviz.History) -> list[Any]:
        return [
            (c.values, c.tasks, dict(c.writes), c.interrupts, c.metadata, c.stored, history.why(c).tasks)
            for c in history
        ]

    history = lgviz.history(graph)
    before = repr(told(history))
    getattr(history, name)(_spoiling)
    assert repr(told(history)) == before


@pytest.mark.parametrize("name", ["find", "bisect", "evaluate"])
def test_what_is_no_plain_function_is_refused(history: lgviz.History, name: str) -> None:
    async def awaited(_: Any) -> bool:
        return False

    ask = getattr(history, name)
    with pytest.raises(InvalidValue, match=r"is no function: .len\(messages\) > 4.*lambda c"):
        ask("len(messages) > 4")
    with pytest.raises(InvalidValue, match="would have to be awaited"):
        ask(awaited)


def test_what_an_expression_does_to_a_channel_stays_its_own(history: lgviz.History) -> None:
    before = [repr(c.values) for c in history]
    assert history.find(expression_over(history, "messages.clear() or values['messages'].clear()")) == []
    assert [repr(c.values) for c in history] == before


def test_what_cannot_be_copied_is_read_as_it_is() -> None:
    class Fixed:
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("there is only one")

    fixed, kept = Fixed(), ["a"]
    given = apart({"fixed": [fixed], "kept": kept})
    assert given["fixed"][0] is fixed and given["kept"] == kept and given["kept"] is not kept
