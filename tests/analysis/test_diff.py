"""What a diff says: identity of messages, keys, alignment, cells, words; what it leaves out; how it looks."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from langchain_core.messages import AIMessage, HumanMessage

from lgviz.analysis.diff import Change, StateDiff, diff_states
from lgviz.errors import InvalidValue


def found(diff: StateDiff) -> list[tuple[str, tuple[Any, ...], str]]:
    return [(c.channel, c.path, c.kind) for c in diff]


def test_one_more_turn_is_two_changes() -> None:
    past = [HumanMessage("hi", id="h1"), AIMessage("hello", id="a1")]
    turn = [HumanMessage("and now?", id="h2"), AIMessage("this", id="a2")]
    diff = diff_states({"messages": past}, {"messages": past + turn})
    assert found(diff) == [("messages", ("h2",), "added"), ("messages", ("a2",), "added")]
    assert [c.after for c in diff] == turn and len(diff) == 2
    assert diff.summary == "two messages" and diff.channels == ("messages",)


def test_a_message_edited_in_the_middle_is_one_change() -> None:
    chat = [HumanMessage(f"text {i}", id=f"m{i}") for i in range(20)]
    edited = [*chat[:7], HumanMessage("other", id="m7"), *chat[8:]]
    (change,) = diff_states({"messages": chat}, {"messages": edited})
    assert change == Change("messages", ("m7",), "changed", chat[7], edited[7])


def test_a_message_removed_does_not_shift_the_others() -> None:
    chat = [HumanMessage("same", id=f"m{i}") for i in range(5)]
    assert found(diff_states({"messages": chat}, {"messages": chat[:1] + chat[2:]})) == [
        ("messages", ("m1",), "removed")
    ]


def test_plain_dicts_with_an_id_are_messages_too() -> None:
    one = {"role": "user", "content": "hi", "id": "1"}
    two = {"role": "assistant", "content": "yo", "id": "2"}
    assert found(diff_states({"m": [one, two]}, {"m": [two | {"content": "hey"}]})) == [
        ("m", ("1",), "removed"),
        ("m", ("2",), "changed"),
    ]


def test_messages_without_ids_align() -> None:
    one, two = {"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}
    assert found(diff_states({"m": [one]}, {"m": [one, two]})) == [("m", (1,), "added")]


def test_nested_dicts_by_key() -> None:
    before = {"r": {"cabin": "economy", "pax": [{"name": "Mia"}], "old": 1}}
    after = {"r": {"cabin": "business", "pax": [{"name": "Mia", "age": 3}], "new": 2}}
    assert found(diff_states(before, after)) == [
        ("r", ("old",), "removed"),
        ("r", ("cabin",), "changed"),
        ("r", ("pax", 0, "age"), "added"),
        ("r", ("new",), "added"),
    ]


def test_lists_align() -> None:
    assert found(diff_states({"x": [1, 2, 3, 4]}, {"x": [0, 1, 2, 9, 4]})) == [
        ("x", (0,), "added"),
        ("x", (3,), "changed"),
    ]


def test_a_list_of_dicts_shows_the_part_that_changed() -> None:
    before = [{"id": i, "name": f"n{i}", "n": 0} for i in range(50)]
    after = [dict(row) for row in before if row["id"] != 10]
    after[30]["n"] = 1
    assert found(diff_states({"x": before}, {"x": after})) == [
        ("x", (10,), "removed"),
        ("x", (30, "n"), "changed"),
    ]


def test_sets_dataclasses_arrays_and_frames() -> None:
    @dataclasses.dataclass
    class Plan:
        goal: str
        steps: int

    before = {"s": {1, 2}, "p": Plan("a", 1), "a": np.zeros((2, 2)), "f": pd.DataFrame({"x": [1, 2]})}
    array = np.zeros((2, 2))
    array[1, 0] = 5
    after = {"s": {2, 3}, "p": Plan("b", 1), "a": array, "f": pd.DataFrame({"x": [1, 3, 4]})}
    assert found(diff_states(before, after)) == [
        ("s", (1,), "removed"),
        ("s", (3,), "added"),
        ("p", ("goal",), "changed"),
        ("a", (1, 0), "changed"),
        ("f", (2,), "added"),
        ("f", (1, "x"), "changed"),
    ]


def test_a_frame_with_another_column() -> None:
    before = pd.DataFrame({"x": [1, 2]})
    assert found(diff_states({"f": before}, {"f": before.assign(y=0)})) == [("f", (":", "y"), "added")]


def test_an_array_of_another_shape_changes_as_a_whole() -> None:
    assert found(diff_states({"a": np.zeros(3)}, {"a": np.zeros(4)})) == [("a", (), "changed")]


def test_channels_that_come_and_go() -> None:
    diff = diff_states({"a": 1, "gone": 2, "same": 3}, {"a": 1.0, "same": 3, "new": None})
    assert found(diff) == [("a", (), "changed"), ("new", (), "added"), ("gone", (), "removed")]
    assert diff.unchanged == ("same",)


def test_internal_channels_are_left_out_but_applied() -> None:
    before, after = {"x": 1, "branch:to:a": None}, {"x": 1, "branch:to:b": None, "__start__": {"x": 1}}
    diff = diff_states(before, after)
    assert not diff and len(diff) == 0 and diff.hidden == 3
    assert diff.apply(before) == after
    assert len(diff_states(before, after, internal=True)) == 3


def test_the_order_of_keys_applies_and_says_so() -> None:
    before, after = {"d": {"a": 1, "b": 2}}, {"d": {"b": 2, "a": 1}}
    diff = diff_states(before, after)
    assert [(c.kind, c.path, c.note) for c in diff] == [("changed", (), "order")]
    assert list(diff.apply(before)["d"]) == ["b", "a"]


def test_floods_are_one_change() -> None:
    diff = diff_states({"x": {}}, {"x": {i: i for i in range(50_000)}})
    assert found(diff) == [("x", (), "changed")]


def test_apply_refuses_another_state() -> None:
    diff = diff_states({"x": [1, 2]}, {"x": [1, 3]})
    with pytest.raises(InvalidValue, match="made from"):
        diff.apply({"x": [1]})


def test_what_is_the_same_object_is_not_opened() -> None:
    class Sealed(dict[str, Any]):
        def items(self) -> Any:
            raise AssertionError

    sealed = Sealed(a=1)
    assert found(diff_states({"x": [sealed, 1]}, {"x": [sealed, 2]})) == [("x", (1,), "changed")]


def test_frame() -> None:
    frame = diff_states({"a": 1, "b": {"c": 1}}, {"a": 2, "b": {"c": 1, "d": np.zeros(2)}}).frame()
    assert list(frame.columns) == ["channel", "path", "kind", "before", "after"]
    assert frame["path"].tolist() == [(), ("d",)] and frame["before"][0] == 1
    assert diff_states({}, {}).frame().empty


def test_repr_is_short() -> None:
    text = repr(diff_states({}, {f"c{i}": "x" * 10_000 for i in range(100)}))
    assert len(text) < 2_000 and "88 more" in text
    assert repr(diff_states({}, {})) == "StateDiff: nothing changed"


EVIL = "<img src=x onerror=alert(1)>"


def test_html_is_escaped_and_script_free() -> None:
    after = {
        EVIL: EVIL,
        "d": {EVIL: EVIL},
        "m": [HumanMessage(EVIL, id=EVIL, name=EVIL)],
        "t": AIMessage("", id="2", tool_calls=[{"id": "1", "name": EVIL, "args": {EVIL: EVIL}}]),
        "f": pd.DataFrame({EVIL: [EVIL]}),
        "w": f"one two three four {EVIL} five",
    }
    before = {"d": {}, "w": "one two three four five six seven", "m": [], "gone": EVIL}
    page = diff_states(before, after)._repr_html_()
    assert "&lt;img" in page and "<img" not in page
    assert not re.search(r"<script|javascript:|\son\w+=[\"']", page, re.IGNORECASE)
    assert "prefers-color-scheme:dark" in page


def test_html_is_bounded() -> None:
    after = {f"c{i}": [{"k": "word " * 5_000}] * 200 for i in range(200)}
    assert len(diff_states({}, after)._repr_html_()) < 150_000
