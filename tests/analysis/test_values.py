"""Any value is described and enumerated, whatever it does when asked."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.types import Interrupt, Send
from pydantic import BaseModel, ConfigDict, computed_field

from lgviz.analysis import values
from lgviz.analysis.values import children, clean, describe, line, value_at
from lgviz.errors import NotFound
from lgviz.protocol import ValueKind
from lgviz.sources.base import Undecodable


class Color(enum.Enum):
    RED = 1


class Model(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int = 1

    @computed_field  # type: ignore[prop-decorator]
    @property
    def loud(self) -> int:
        raise AssertionError("properties are not run")


@dataclasses.dataclass(slots=True)
class Slotted:
    x: int
    y: str = "q"


class Raises:
    def __repr__(self) -> str:
        raise ValueError("no")


class Huge:
    def __repr__(self) -> str:
        return "x" * 10_000_000


class Liar(list[int]):
    def __len__(self) -> int:
        raise RuntimeError


Pair = collections.namedtuple("Pair", "x y")


def test_kinds_are_those_of_the_protocol() -> None:
    assert get_args(values.Kind) == get_args(ValueKind)


@pytest.mark.parametrize(
    ("value", "kind", "name", "text", "size"),
    [
        (None, "null", "NoneType", "None", None),
        (True, "bool", "bool", "True", None),
        (np.True_, "bool", "bool", "True", None),
        (float("nan"), "number", "float", "nan", None),
        (np.float32(1.5), "number", "float32", "1.5", None),
        (decimal.Decimal("1.20"), "number", "Decimal", "1.20", None),
        (10**6000, "number", "int", "an integer of 19932 bits", None),
        ('say "hi"\n', "string", "str", '"say \\"hi\\"\\n"', 9),
        (b"ab", "bytes", "bytes", "b'ab'", 2),
        ([1, [2]], "list", "list", "[1, [2]]", 2),
        ((1,), "list", "tuple", "(1,)", 1),
        ({"a": {"b": 1}}, "dict", "dict", "{a: {b: 1}}", 1),
        ({1}, "set", "set", "{1}", 1),
        (Pair(1, 2), "object", "Pair", "Pair(x=1, y=2)", None),
        (Color.RED, "other", "Color", "Color.RED", None),
        (Slotted(1), "object", "Slotted", 'Slotted(x=1, y="q")', None),
        (Model(b=2), "object", "Model", "Model(a=1, b=2)", None),
        (datetime.date(2026, 1, 2), "time", "date", "2026-01-02", None),
        (HumanMessage("hi"), "message", "HumanMessage", "human: hi", None),
        ({"role": "assistant", "content": "x"}, "message", "dict", "ai: x", None),
        (np.arange(3), "array", "ndarray", "int64 3: [0, 1, 2]", 3),
        (np.zeros((2, 3)), "array", "ndarray", "float64 2 × 3", 2),
        (pd.DataFrame({"a": [1, 2]}), "frame", "DataFrame", '2 rows × 1 column ("a": int64)', 2),
        (pd.Series([1.5], name="s"), "frame", "Series", '1 row of float64, "s"', 1),
        (Undecodable("no class", 7, "x"), "undecodable", "Undecodable", "cannot be decoded: no class", 7),
        (ValueError("boo"), "object", "ValueError", "ValueError('boo')", None),
        (Raises(), "other", "Raises", "<Raises: its repr raised ValueError>", None),
        (collections.deque([1]), "list", "deque", "[1]", 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_shape(value: Any, kind: str, name: str, text: str, size: int | None) -> None:
    shape = describe(value)
    assert (shape.kind, shape.type, shape.text, shape.size) == (kind, name, text, size)


def test_children() -> None:
    assert children({"a": 1, (1, 2): 3}) == [("a", 1), ("(1, 2)", 3)]
    assert children([5, 6, 7], 1, 1) == [("1", 6)]
    assert children(Pair(1, 2)) == [("x", 1), ("y", 2)]
    assert children(Model(b=2)) == [("a", 1), ("b", 2)]
    assert children(Slotted(1)) == [("x", 1), ("y", "q")]
    assert children(pd.DataFrame({"a": [1], "b": ["x"]}, index=["r"])) == [("r", {"a": 1, "b": "x"})]
    assert children(AIMessage("hi"))[0] == ("content", "hi")
    assert children({"role": "user", "content": "hi"}) == [("content", "hi"), ("role", "user")]
    assert dict(children(Interrupt("q", id="i")))["value"] == "q"
    assert children(Send("n", 1))[:2] == [("node", "n"), ("arg", 1)]
    assert children("text") == [] and children(3) == [] and children(np.array(1)) == []


def test_order_of_an_ordered_dict_is_its_own() -> None:
    value = collections.OrderedDict(a=1, b=2)
    value.move_to_end("a")
    assert children(value) == [("b", 2), ("a", 1)]


def test_value_at() -> None:
    state = {"messages": [AIMessage("hi", id="1")], (1, 2): {"x": [0, {"deep": 7}]}}
    assert value_at(state, [0, 0, 0]) == "hi"
    assert value_at(state, [1, 0, 1, 0]) == 7
    assert value_at(state, []) is state
    for path in ([5], [0, 3], [-1], [1, 0, 0, 0]):
        with pytest.raises(NotFound):
            value_at(state, path)


nested: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner)
    ),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(nested, st.integers(1, 60))
def test_every_child_can_be_reached_and_every_line_fits(value: Any, limit: int) -> None:
    shape = describe(value, limit)
    assert len(shape.text) <= limit and "\n" not in shape.text
    shape.text.encode()
    found = children(value)
    assert len(found) == shape.children
    for i, (_, child) in enumerate(found):
        assert value_at(value, [i]) is child or value_at(value, [i]) == child


def test_hostile_values() -> None:
    assert len(describe(Huge()).text) <= 120
    assert describe(Liar([1])).text == "<Liar: cannot be shown, RuntimeError>"
    assert line("a\ud800b") == '"a\ufffdb"' and clean("\ud800") == "\ufffd"
    loop: list[Any] = []
    loop.append(loop)
    assert len(describe(loop).text) <= 120
    deep: Any = 1
    for _ in range(50_000):
        deep = [deep]
    assert describe(deep).children == 1


def test_what_is_large_is_described_at_once() -> None:
    assert describe(list(range(1_000_000))).size == 1_000_000
    assert len(describe({"k": "x" * 10_000_000}).text) <= 120
    assert children(list(range(1_000_000)), 999_999, 5) == [("999999", 999_999)]


def test_a_field_of_a_model_that_has_no_name_is_none() -> None:
    """As what was decoded of a damaged file may have."""
    message = AIMessage("hi")
    message.__dict__[7] = "x"  # type: ignore[index]
    assert [name for name, _ in values.fields_of(message) if name in ("content", 7)] == ["content"]
