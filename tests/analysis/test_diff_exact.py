"""``diff(a, b).apply(a)`` is ``b``, whatever the values."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import enum
import math
from collections import OrderedDict, namedtuple
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel

from lgviz.analysis.diff import diff_states, same
from lgviz.sources.base import Undecodable


class Color(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Plan:
    goal: Any
    steps: Any


class Order(BaseModel):
    item: Any
    count: Any = 1


Point = namedtuple("Point", "x y")

texts = st.text(max_size=12) | st.sampled_from(["one two three four five six", "one two four five six seven"])
keys = st.text(max_size=3) | st.integers(0, 2) | st.booleans() | st.none()
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 3), st.floats(), texts, st.binary(max_size=3), st.sampled_from(Color),
    st.complex_numbers(), st.datetimes(timezones=st.none() | st.just(datetime.UTC)), st.decimals(),
    st.frozensets(st.integers(0, 3) | st.booleans(), max_size=3), st.sets(st.integers(0, 3), max_size=3),
    st.lists(st.floats(), max_size=3).map(np.array), st.integers(0, 2).map(np.int64),
    st.lists(st.integers(0, 2), max_size=3).map(lambda x: np.array(x, dtype=object)),
    st.lists(st.floats() | st.integers(0, 2), max_size=3).map(lambda x: pd.DataFrame({"a": x, "b": [str(i) for i in x]})),
    st.lists(st.integers(0, 2), max_size=3).map(lambda x: pd.Series(x, dtype="float64", name="s")),
    st.builds(Undecodable, st.just("why"), st.integers(0, 2), st.just("msgpack")),
)  # fmt: skip
ids = st.sampled_from(["m1", "m2", "m3", "m4"]) | st.none()
calls = st.lists(
    st.fixed_dictionaries({"id": st.just("c"), "name": texts, "args": st.just({"a": 1})}), max_size=1
)
messages = st.one_of(
    st.builds(HumanMessage, content=texts, id=ids),
    st.builds(AIMessage, content=texts, id=ids, tool_calls=calls),
    st.fixed_dictionaries({"role": st.sampled_from(["user", "ai"]), "content": texts}, optional={"id": ids}),
)
values = st.recursive(
    leaves | messages,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.lists(inner, max_size=3).map(tuple), st.dictionaries(keys, inner, max_size=4),
        st.builds(Plan, inner, inner), st.builds(Order, item=inner, count=inner), st.builds(Point, inner, inner),
        st.dictionaries(texts, inner, max_size=3).map(OrderedDict),
    ),
    max_leaves=12,
)  # fmt: skip
channels = st.sampled_from(["messages", "plan", "n", "x", "__start__", "branch:to:a"])
states = st.dictionaries(channels, values, max_size=4)
chats = st.lists(messages, max_size=8)
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check(a: dict[str, Any], b: dict[str, Any]) -> None:
    kept = copy.deepcopy(a)
    diff = diff_states(a, b, internal=True)
    assert same(diff.apply(a), b)
    assert list(diff.apply(a)) == list(b)
    assert same(a, kept), "a diff changes nothing"
    assert same(diff.apply(copy.deepcopy(a)), b), "nor does it depend on the objects themselves"
    assert bool(diff) == (len(diff) > 0)
    assert set(diff.channels) | set(diff.unchanged) == {*a, *b}
    assert bool(diff) == any(c not in a or c not in b or not same(a[c], b[c]) for c in {*a, *b})
    assert repr(diff) and diff._repr_html_() and len(diff.frame()) == len(diff)


@quick
@given(states, states)
def test_any_two_states(a: dict[str, Any], b: dict[str, Any]) -> None:
    check(a, b)


@quick
@given(states, st.data())
def test_a_state_edited(a: dict[str, Any], data: st.DataObject) -> None:
    b = {name: edited(value, data) for name, value in copy.deepcopy(a).items()}
    check(a, b)


@quick
@given(chats, chats)
def test_chats(a: list[Any], b: list[Any]) -> None:
    check({"messages": a}, {"messages": b})


@quick
@given(st.lists(st.integers(0, 4), max_size=12), st.lists(st.integers(0, 4), max_size=12))
def test_lists(a: list[int], b: list[int]) -> None:
    check({"x": a}, {"x": b})
    changes = list(diff_states({"x": a}, {"x": b}))
    assert len(changes) <= len(a) + len(b)


@quick
@given(values)
def test_a_value_is_the_same_as_its_copy(value: Any) -> None:
    assert same(value, copy.deepcopy(value))
    assert not diff_states({"x": value}, {"x": copy.deepcopy(value)})


@quick
@given(values, values)
def test_same_is_symmetric(a: Any, b: Any) -> None:
    assert same(a, b) == same(b, a)


def edited(value: Any, data: st.DataObject) -> Any:
    """The value with something small done to it."""
    match value:
        case list() if value:
            i = data.draw(st.integers(0, len(value) - 1))
            act = data.draw(st.sampled_from(["drop", "double", "swap", "inside", "append", "nothing"]))
            match act:
                case "drop":
                    del value[i]
                case "double":
                    value.insert(i, copy.deepcopy(value[i]))
                case "swap":
                    value[0], value[i] = value[i], value[0]
                case "inside":
                    value[i] = edited(value[i], data)
                case "append":
                    value.append(data.draw(leaves))
            return value
        case dict() if value:
            key = data.draw(st.sampled_from(list(value)))
            act = data.draw(st.sampled_from(["drop", "last", "inside", "retype", "nothing"]))
            old = value.pop(key) if act != "nothing" else None
            match act:
                case "last":
                    value[key] = old
                case "inside":
                    value[key] = edited(old, data)
                case "retype" if key in (0, 1):
                    value[float(key)] = old
            return value
        case str():
            return value + data.draw(st.text(max_size=3))
        case float():
            return -value
        case _:
            return data.draw(st.just(value) | leaves)


def test_cycles_end() -> None:
    a: list[Any] = [1]
    a.append(a)
    b: list[Any] = [1]
    b.append(b)
    assert same(a, b)
    b[0] = 2
    diff = diff_states({"x": a}, {"x": b})
    assert diff.apply({"x": a})["x"][0] == 2


def test_shared_parts_do_not_explode() -> None:
    def laughs(leaf: int) -> list[Any]:
        value: list[Any] = [leaf]
        for _ in range(60):
            value = [value, value]
        return value

    diff = diff_states({"x": laughs(1)}, {"x": laughs(2)})
    assert diff and len(diff) < 100_000


def test_deep_values_do_not_overflow() -> None:
    def deep(leaf: int) -> Any:
        value: Any = leaf
        for _ in range(5_000):
            value = [value]
        return value

    a, b = deep(1), deep(2)
    assert not same(a, b)
    diff = diff_states({"x": a}, {"x": b})
    assert len(diff) == 1
    assert same(diff.apply({"x": a}), {"x": b})


def test_a_reordered_chat_applies_and_says_so() -> None:
    one, two, three = (HumanMessage(c, id=c) for c in "abc")
    diff = diff_states({"messages": [one, two, three]}, {"messages": [three, one, two]})
    assert [(c.kind, c.path, c.note) for c in diff] == [("changed", (), "order")]
    assert diff.apply({"messages": [one, two, three]}) == {"messages": [three, one, two]}


def test_exact_where_python_is_not() -> None:
    assert not same(1, True) and not same(1, 1.0) and not same(0.0, -0.0) and not same([1], (1,))
    assert same(math.nan, float("nan")) and same([float("nan")], [float("nan")])
    assert same({float("nan")}, {float("nan")}) and not same({1}, {True})
    assert not same({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert same(np.array([1, np.nan]), np.array([1, np.nan])) and not same(np.array([1]), np.array([1.0]))
    assert not same(pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [True]}))
    assert same(Undecodable("r", 1, "t"), Undecodable("r", 1, "t"))


def test_what_raises_when_compared_is_not_the_same() -> None:
    class Rude:
        def __eq__(self, other: object) -> bool:
            raise RuntimeError

        __hash__ = None  # type: ignore[assignment]

    a, b = Rude(), Rude()
    assert same(a, a) and not same(a, b)
    assert diff_states({"x": a}, {"x": b}).apply({"x": a})["x"] is b
