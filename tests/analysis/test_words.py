from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lgviz.analysis.align import align
from lgviz.analysis.text_diff import words

text = st.text(max_size=40) | st.lists(
    st.sampled_from(["a", "the", "fox", "ran\n", ",", "x1"]), max_size=30
).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(text, text)
def test_segments_make_up_both_texts(before: str, after: str) -> None:
    found = words(before, after)
    assert "".join(t for op, t in found if op != "+") == before
    assert "".join(t for op, t in found if op != "-") == after
    assert all(t for _, t in found)
    assert all(one[0] != two[0] for one, two in pairwise(found))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 6), max_size=40), st.lists(st.integers(0, 6), max_size=40))
def test_blocks_are_common_and_in_order(a: list[int], b: list[int]) -> None:
    end = other_end = 0
    for i, j, n in align(a, b):
        assert n and a[i : i + n] == b[j : j + n]
        assert i >= end and j >= other_end
        end, other_end = i + n, j + n


def test_a_phrase_is_replaced_as_one() -> None:
    before, after = "check fare, then ask the user to confirm", "check fare, then upgrade and charge the card"
    assert words(before, after) == [
        ("=", "check fare, then "),
        ("-", "ask the user to confirm"),
        ("+", "upgrade and charge the card"),
    ]


def test_one_word() -> None:
    assert words("the brown fox jumps", "the red fox jumps") == [
        ("=", "the "),
        ("-", "brown"),
        ("+", "red"),
        ("=", " fox jumps"),
    ]


def vocabulary(seed: int, size: int) -> list[str]:
    rnd = random.Random(seed)
    return [f"w{rnd.randrange(3000)}" for _ in range(size)]


@pytest.mark.parametrize("case", ["edited", "unrelated", "repetitive"])
def test_long_texts_take_little_time(case: str) -> None:
    a = vocabulary(1, 20_000)
    b = list(a) if case == "edited" else vocabulary(2, 20_000)
    for i in range(0, 20_000, 100):
        b[i] = "edit"
    if case == "repetitive":
        a, b = ["a", "b"] * 30_000, ["b", "a", "c"] * 20_000
    before, after = " ".join(a), " ".join(b)
    assert len(before) >= 100_000
    start = time.process_time()
    found = words(before, after)
    assert time.process_time() - start < 2
    assert "".join(t for op, t in found if op != "+") == before
    if case == "edited":
        kept = sum(len(t) for op, t in found if op == "=")
        assert kept > 0.9 * len(before), "two hundred edits do not hide what stayed"


def test_punctuation_is_no_part_of_a_word() -> None:
    found = words("pay 30, then go home today", "pay 45, then go home today")
    assert found == [("=", "pay "), ("-", "30"), ("+", "45"), ("=", ", then go home today")]
