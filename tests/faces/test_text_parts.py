"""Changes inside long texts: shown around the change, and enough told to read what was left out."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from lgviz.analysis.diff import diff_states
from lgviz.analysis.values import value_at
from lgviz.backend.diff_views import diff_view, text_parts
from lgviz.backend.value_views import Budget
from lgviz.protocol import ChangeView, TextPart

FILE = "".join(f"line {i} of the file\n" for i in range(3_000))


def shown(before: str, after: str, budget: int = 48_000) -> list[tuple[str, str, int]]:
    return [(one["op"], one["text"], one["left_out"]) for one in text_parts(before, after, Budget(budget))]


def whole(parts: list[TextPart], side: str, text: str) -> str:
    """A text put together of its parts, what was left out read where they say."""
    found = ""
    for part in parts:
        if part["op"] in ("=", "-" if side == "before" else "+"):
            assert part[side] == len(found)  # type: ignore[literal-required]
            end = len(found) + len(part["text"])
            found += part["text"] + text[end : end + part["left_out"]]
    return found


def change(before: Any, after: Any) -> ChangeView:
    states = {"a": before}, {"a": after}
    (found,) = diff_view(diff_states(*states), states=states)["channels"][0]["changes"]
    return found


def test_two_lines_are_shown_around_a_changed_line() -> None:
    after = FILE.replace("line 2 of", "row 2 of").replace("line 1500 of", "line 1500 out of")
    assert shown(FILE, after) == [
        ("=", "line 0 of the file\nline 1 of the file\n", 0),
        ("-", "line", 0),
        ("+", "row", 0),
        ("=", " 2 of the file\nline 3 of the file\nline 4 of the file\n", 31_751),
        ("=", "line 1498 of the file\nline 1499 of the file\nline 1500", 0),
        ("+", " out", 0),
        ("=", " of the file\nline 1501 of the file\nline 1502 of the file\n", 32_934),
    ]


def test_words_are_shown_around_a_change_in_a_line_without_end() -> None:
    line = "word " * 2_000
    assert shown(f"{line}old {line}", f"{line}new {line}") == [
        ("=", "", 9_845),
        ("=", "word " * 31, 0),
        ("-", "old", 0),
        ("+", "new", 0),
        ("=", " " + "word " * 32, 9_840),
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["x\n", "yy zz\n", "w " * 200, "\n", "é" * 90]), max_size=12).map("".join),
    st.lists(st.sampled_from(["x\n", "yy zz\n", "w " * 200, "q\n", "é" * 90]), max_size=12).map("".join),
    st.integers(200, 4_000),
)
def test_what_was_left_out_stands_where_the_parts_say(before: str, after: str, budget: int) -> None:
    parts = text_parts(before, after, Budget(budget))
    assert whole(parts, "before", before) == before
    assert whole(parts, "after", after) == after


def test_a_text_of_fifty_megabytes_is_compared_in_a_moment() -> None:
    text = "x" * 25_000_000
    started = time.perf_counter()
    assert shown(text + text, text + "y" + text)[-2:] == [("+", "y", 0), ("=", "x" * 160, 24_999_840)]
    assert time.perf_counter() - started < 10


def test_much_that_changed_is_left_out_too() -> None:
    assert shown("a\n" * 9_000, "b\n" * 9_000) == [
        ("-", "a\n" * 2_000, 13_999),
        ("+", "b\n" * 2_000, 13_999),
        ("=", "\n", 0),
    ]


@pytest.mark.parametrize(
    ("before", "after", "before_at", "after_at"),
    [
        ({"x": 1, "a.py": FILE}, {"x": 1, "a.py": FILE + "end"}, [1], [1]),
        ([0, FILE], [5, 6, 0, FILE + "end"], None, [3]),
        ([{"text": FILE}], [{"text": "all " + FILE}], [0, 0], [0, 0]),
        (
            [HumanMessage("q", id="1"), AIMessage(FILE, id="2")],
            [AIMessage("so " + FILE, id="2")],
            [1],
            [0],
        ),
    ],
)
def test_both_texts_can_be_asked_for(
    before: Any, after: Any, before_at: list[int] | None, after_at: list[int]
) -> None:
    states = {"a": before}, {"a": after}
    changes = diff_view(diff_states(*states), states=states)["channels"][0]["changes"]
    found = next(one for one in changes if one["words"])
    assert (found["before_at"], found["after_at"]) == (before_at, after_at)
    text = value_at(after, found["after_at"] or [])
    assert whole(found["words"] or [], "after", getattr(text, "content", text)).endswith(("end", FILE[-9:]))


def test_a_text_without_spaces_is_read_by_its_parts() -> None:
    found = change("是" * 300 + "旧" + "的" * 300, "是" * 300 + "新" + "的" * 300)["words"] or []
    assert [(one["op"], one["text"]) for one in found if one["op"] != "="] == [("-", "旧"), ("+", "新")]
    key = change("k" * 500 + "1" + "z" * 400, "k" * 500 + "2" + "z" * 400)["words"] or []
    assert [(one["op"], one["text"]) for one in key if one["op"] != "="] == [("-", "1"), ("+", "2")]


def test_without_states_nothing_is_said_to_be_there() -> None:
    (found,) = diff_view(diff_states({"a": FILE}, {"a": FILE + "end"}))["channels"][0]["changes"]
    assert (found["before_at"], found["after_at"]) == (None, None)
