"""Graded cells."""

from __future__ import annotations

from typing import Any

import pytest

from lgviz import learn


def needs_two(value: Any) -> bool | str:
    return len(value["items"]) == 2 or "It needs two items."


@pytest.fixture
def exercise() -> learn.Exercise:
    learn.reset()
    return learn.exercise("Two items", "Make two.", needs_two)


def test_right_wrong_and_open(exercise: learn.Exercise) -> None:
    assert exercise.check(...).right is None
    assert exercise.check({"items": [1]}).text == "Not yet: It needs two items."
    assert exercise.check({"items": [1, 2]}).right
    (row,) = learn.report()
    assert (row.kind, row.asked, row.right) == ("exercise", 1, 0)


@pytest.mark.parametrize(
    ("value", "said"),
    [({}, "no key 'items'"), (3, "of type `int`"), ({"items": 3}, "Look at what the task asks for.")],
)
def test_a_broken_value_is_told_in_a_sentence(exercise: learn.Exercise, value: Any, said: str) -> None:
    told = exercise.check(value)
    assert told.right is False
    assert said in told.text


def test_a_broken_cell_says_what_to_restore(
    exercise: learn.Exercise, capsys: pytest.CaptureFixture[str]
) -> None:
    with exercise:
        exercise.check(never_made)  # type: ignore[name-defined]  # noqa: F821
    assert "`never_made` is not defined: run the cells above again" in capsys.readouterr().out
