"""What was typed, taken back into a value: only what differs changes, and what JSON cannot show stays."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import json
from collections import OrderedDict, deque
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict

import numpy as np
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from pydantic import BaseModel, Field

from lgviz.analysis.edits import PartRefusal, edited, json_of, with_part
from lgviz.analysis.same import same


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Point(NamedTuple):
    x: int
    y: float


@dataclasses.dataclass(frozen=True)
class Leg:
    day: dt.date
    seat: str | None = None


class Trip(BaseModel):
    price: Annotated[int, Field(gt=0)]
    legs: list[Leg] = []


class Plan(TypedDict):
    kind: Literal["fast", "cheap"]
    legs: NotRequired[list[Leg]]


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"


ARRAY = np.arange(3)
CALL = {"name": "book", "args": {"n": 1}, "id": "call-1", "type": "tool_call"}
AI = AIMessage(
    [
        {"type": "text", "text": "Let me."},
        {"type": "tool_use", "id": "call-1", "name": "book", "input": {"n": 1}},
    ],
    id="ai-1",
    tool_calls=[CALL],
    additional_kwargs={
        "tool_calls": [{"id": "call-1", "function": {"name": "book", "arguments": '{"n": 1}'}}],
        "p": 1,
    },
    response_metadata={"model": "m", "when": dt.date(2026, 3, 2)},
    usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
)

VALUES: list[Any] = [
    None, True, 3, 2**60, 1.5, float("nan"), -0.0, "a\r\nb", b"raw", [1, (2, 3)], (1,), {1, 2}, frozenset("ab"),
    deque([1, 2], 5), OrderedDict(b=1, a=2), {1: "a", "b": [None]}, {1: "a", "1": "b"}, {"__kept__": 0}, Color.RED,
    dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC), dt.timedelta(hours=1), decimal.Decimal("1.10"), Point(1, 2.0),
    Leg(dt.date(2026, 3, 2)), Trip(price=3, legs=[Leg(dt.date(2026, 3, 2))]), ARRAY, {"deep": [{"a": ARRAY}, 2]}, AI,
    HumanMessage("hi"), [AI, HumanMessage("hi", id="h")], {"role": "user", "content": "hi"}, object(),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_what_was_not_touched_is_the_very_same_object(value: Any) -> None:
    shown, _ = json_of(value)
    made, refused = edited(value, json.loads(json.dumps(shown)))
    assert made is value
    assert refused == []


@pytest.mark.parametrize(
    ("value", "change", "hint", "expected"),
    [
        ("a\r\nb", lambda _: "a\nc\nd", Any, "a\r\nc\r\nd"),
        (1.5, lambda _: 2, Any, 2.0),
        (1.5, lambda _: 2, float, 2.0),
        (3, lambda _: "three", Any, "three"),
        (Color.RED, lambda _: "blue", Any, Color.BLUE),
        (None, lambda _: "blue", Color | None, Color.BLUE),
        (dt.date(2026, 3, 2), lambda _: "2026-03-05", Any, dt.date(2026, 3, 5)),
        ((1, [2]), lambda v: [*v, 3], Any, (1, [2], 3)),
        (deque([1], 5), lambda v: [*v, 2], deque[int], deque([1, 2], 5)),
        ({1: "a", 2: "b"}, lambda v: {"1": "c"}, Any, {1: "c"}),
        ({"a": ARRAY, "b": 1}, lambda v: {**v, "b": 2}, Any, {"a": ARRAY, "b": 2}),
        ({"a": ARRAY}, lambda v: {"moved": [v["a"]]}, Any, {"moved": [ARRAY]}),
        (Point(1, 2.0), lambda v: {**v, "y": 3}, Any, Point(1, 3.0)),
        (Leg(dt.date(2026, 3, 2)), lambda v: {**v, "day": "2026-03-04"}, Any, Leg(dt.date(2026, 3, 4))),
        (
            Trip(price=3, legs=[Leg(dt.date(2026, 3, 2)), Leg(dt.date(2026, 3, 3), "1A")]),
            lambda v: {**v, "legs": [v["legs"][1], {"day": "2026-03-09"}]},
            Any,
            Trip(price=3, legs=[Leg(dt.date(2026, 3, 3), "1A"), Leg(dt.date(2026, 3, 9))]),
        ),
        ({"kind": "fast"}, lambda v: {"kind": "cheap", "legs": [{"day": "2026-03-09"}]}, Plan,
         {"kind": "cheap", "legs": [Leg(dt.date(2026, 3, 9))]}),
        # another member of the union that the schema allows, told by what it needs or by a literal
        (Trip(price=3), lambda _: {"day": "2026-03-09"}, Trip | Leg | None, Leg(dt.date(2026, 3, 9))),
        (Cat(), lambda _: {"kind": "dog"}, Annotated[Cat | Dog, Field(discriminator="kind")] | None, Dog()),
        ([Cat()], lambda v: [*v, {"kind": "dog"}], list[Cat | Dog], [Cat(), Dog()]),
        ({1: "a"}, lambda v: {**v, "2": "b"}, dict[int, str], {1: "a", 2: "b"}),
        ({Color.RED: 1}, lambda v: {"blue": 2}, dict[Color, int] | None, {Color.BLUE: 2}),
    ],
)  # fmt: skip
def test_what_was_typed_becomes_the_type_that_was_there_or_that_the_schema_says(
    value: Any, change: Any, hint: Any, expected: Any
) -> None:
    made, refused = edited(value, change(json_of(value)[0]), hint)
    assert refused == []
    assert same(made, expected), made


def test_a_message_keeps_what_the_form_does_not_show() -> None:
    shown = json_of(AI)[0]
    typed = {**shown, "content": [{"type": "text", "text": "Wait."}, shown["content"][1]]}
    made, refused = edited(AI, typed)
    assert refused == []
    assert made.content[0] == {"type": "text", "text": "Wait."}
    assert made.content[1] is AI.content[1]
    assert made.response_metadata is AI.response_metadata
    assert (made.id, made.tool_calls, made.usage_metadata) == ("ai-1", [CALL], AI.usage_metadata)
    assert AI.content[0] == {"type": "text", "text": "Let me."}


def test_a_tool_call_that_is_removed_or_changed_is_so_wherever_the_message_repeats_it() -> None:
    shown = json_of(AI)[0]
    gone, refused = edited(AI, {name: one for name, one in shown.items() if name != "tool_calls"})
    assert refused == []
    assert (gone.tool_calls, gone.content) == ([], [{"type": "text", "text": "Let me."}])
    assert gone.additional_kwargs == {"p": 1}
    other, _ = edited(AI, {**shown, "tool_calls": [{**CALL, "args": {"n": 2}}]})
    assert other.tool_calls[0]["args"] == {"n": 2}
    assert other.content[1]["input"] == {"n": 2}
    assert other.additional_kwargs["tool_calls"][0]["function"]["arguments"] == '{"n": 2}'


def test_a_message_becomes_another_kind_and_keeps_its_id() -> None:
    message = HumanMessage("hi", id="m-1", additional_kwargs={"p": 1})
    made, refused = edited(message, {**json_of(message)[0], "type": "ai"})
    assert refused == []
    assert same(made, AIMessage("hi", id="m-1", additional_kwargs={"p": 1}))
    made, refused = edited(message, {**json_of(message)[0], "type": "tool"})
    assert made is message
    assert [one.keys for one in refused] == [("tool_call_id",)]
    _, refused = edited(AI, {**json_of(AI)[0], "type": "human"})
    assert [one.keys for one in refused] == [("tool_calls",)]
    answer, _ = edited(message, {**json_of(message)[0], "type": "tool", "tool_call_id": "call-1"})
    assert same(answer, ToolMessage("hi", id="m-1", tool_call_id="call-1", additional_kwargs={"p": 1}))


def test_a_new_message_in_a_list_of_messages_is_one() -> None:
    messages = [HumanMessage("hi", id="m-1")]
    made, refused = edited(messages, [*json_of(messages)[0], {"role": "assistant", "content": "yes"}])
    assert refused == []
    assert made[0] is messages[0]
    assert same(made[1], AIMessage("yes"))


@pytest.mark.parametrize(
    ("value", "typed", "hint", "keys", "words"),
    [
        (3, "three", int, (), "valid integer"),
        ("fast", "slow", Literal["fast", "cheap"], (), "'fast' or 'cheap'"),
        ({"kind": "fast"}, {"kind": "slow"}, Plan, ("kind",), "'fast' or 'cheap'"),
        ([1, 2], [1, "two"], list[int], (1,), "valid integer"),
        (dt.date(2026, 3, 2), "tomorrow", Any, (), "date"),
        (Color.RED, "green", Any, (), "'red' or 'blue'"),
        (Trip(price=3), {"price": 0, "legs": []}, Any, ("price",), "greater than 0"),
        (Trip(price=3), {"price": 3, "legs": [], "tip": 1}, Any, ("tip",), "no field 'tip'"),
        (Trip(price=3), {"legs": []}, Any, ("price",), "needs 'price'"),
        (Trip(price=3), {"price": 3, "legs": [], "tip": 1}, Trip | Leg, ("tip",), "no field 'tip'"),
        ({1: "a"}, {"1": "a", "two": "b"}, dict[int, str], ("two",), "valid integer"),
        (Leg(dt.date(2026, 3, 2)), {"day": "2026-13-01", "seat": None}, Any, ("day",), "month"),
        (AI, {"type": "ai", "content": 5, "tool_calls": [CALL]}, Any, ("content",), "valid string"),
        (AI, {"type": "ai", "content": "", "tool_calls": [{"name": "x"}]}, Any, ("tool_calls", 0, "args"), "required"),
    ],
)  # fmt: skip
def test_what_is_refused_is_said_at_its_place(
    value: Any, typed: Any, hint: Any, keys: tuple[Any, ...], words: str
) -> None:
    _, refused = edited(value, typed, hint)
    assert refused[0].keys == keys, refused
    assert words in refused[0].text


def test_a_typed_dict_is_held_to_its_keys_and_keeps_others() -> None:
    new = {"kind": "cheap", "legs": [{"day": "2026-03-09"}], "more": [1]}
    legs = [Leg(dt.date(2026, 3, 9))]
    assert edited([], [new], list[Plan]) == ([{"kind": "cheap", "legs": legs, "more": [1]}], [])
    assert edited(None, new, Plan | None) == ({"kind": "cheap", "legs": legs, "more": [1]}, [])
    assert edited([], [{**new, "kind": "slow"}], list[Plan])[1][0].keys == (0, "kind")


def test_a_value_that_its_schema_refuses_already_is_not_held_to_it() -> None:
    assert edited("three", "four", int) == ("four", [])
    assert edited({"kind": "?"}, {"kind": "!"}, Plan) == ({"kind": "!"}, [])
    assert edited(3, "three", int)[1] == [PartRefusal((), "Input should be a valid integer.")]


def test_a_part_is_changed_on_a_copy_and_the_rest_is_the_same() -> None:
    legs = [Leg(dt.date(2026, 3, 2)), Leg(dt.date(2026, 3, 3))]
    value = {"trip": Trip(price=3, legs=legs), "at": Point(1, 2.0), "tags": {"a"}, "pair": (1, [2])}
    made = with_part(value, [0, 1, 1, 1], "1A")
    assert made["trip"].legs[1] == Leg(dt.date(2026, 3, 3), "1A")
    assert made["trip"].legs[0] is legs[0]
    assert value["trip"].legs[1] is legs[1]  # type: ignore[attr-defined]
    assert with_part(value, [1, 1], 9.0)["at"] == Point(1, 9.0)
    assert with_part(value, [3, 1, 0], 5)["pair"] == (1, [5])
    assert with_part(value, [2, 0], "b")["tags"] == {"b"}
