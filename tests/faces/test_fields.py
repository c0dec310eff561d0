"""JSON schemas as fields of a form: kinds, what stands in them, what an empty one means, and errors at the part."""

from __future__ import annotations

import datetime as dt
import enum
import json
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Discriminator, Field

from lgviz.backend.fields import NOTHING, errors_of, form_of, schema_problem
from lgviz.protocol import FieldView


class Card(BaseModel):
    kind: Literal["card"]
    number: str


class Cash(BaseModel):
    kind: Literal["cash"]
    coins: int = Field(gt=0)


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Order(BaseModel):
    name: str = Field(description="who orders")
    amount: float
    count: int = 3
    color: Color
    on: dt.date
    at: dt.datetime | None = None
    gift: bool
    rating: Literal[1, 2] | None
    pay: Annotated[Card | Cash, Discriminator("kind")]
    backup: Cash | None = None
    tags: list[str] = []
    free: dict[str, int] = {}


SCHEMA = Order.model_json_schema()
ORDER = {
    "name": "Ana",
    "amount": 21.0,
    "color": "red",
    "on": "2026-01-31",
    "gift": True,
    "rating": None,
    "pay": {"kind": "cash", "coins": 2},
    "tags": ["a", "b"],
}


def facts(form: FieldView) -> dict[str, tuple[str, str, Any]]:
    """By name: kind, what empty means, what stands in it."""
    return {part["name"]: (part["kind"], part["empty"], part["value"]) for part in form["fields"]}


def part(form: FieldView, name: str) -> FieldView:
    return next(one for one in form["fields"] if one["name"] == name)


def value_of(form: FieldView) -> Any:
    """What a form holds, as ``js/src/lib/fields.ts`` reads it."""
    if form["value"] is None:
        return {"null": None, "text": ""}.get(form["empty"], NOTHING)
    match form["kind"]:
        case "text" | "date" | "time":
            return form["value"]
        case "object":
            held = {one["name"]: value_of(one) for one in form["fields"]}
            return {key: value for key, value in held.items() if value is not NOTHING}
        case "list":
            return [value_of(one) for one in form["fields"]]
        case "oneof":
            return value_of(form["fields"][int(form["value"])])
        case _:
            return json.loads(form["value"])


def test_a_form_that_starts_empty() -> None:
    form = form_of(SCHEMA)
    assert facts(form) == {
        "name": ("text", "needed", None),
        "amount": ("number", "needed", None),
        "count": ("integer", "absent", "3"),
        "color": ("choice", "needed", None),
        "on": ("date", "needed", None),
        "at": ("time", "absent", None),
        "gift": ("bool", "needed", None),
        "rating": ("choice", "null", None),
        "pay": ("oneof", "needed", None),
        "backup": ("object", "absent", None),
        "tags": ("list", "absent", "[]"),
        "free": ("json", "absent", "{}"),
    }
    assert part(form, "name")["hint"] == "who orders"
    assert part(form, "color")["options"] == [
        {"label": "red", "value": '"red"'},
        {"label": "blue", "value": '"blue"'},
    ]
    assert [one["label"] for one in part(form, "rating")["options"]] == ["1", "2"]
    card, cash = part(form, "pay")["fields"]
    assert (card["name"], cash["name"]) == ("Card", "Cash")
    assert facts(cash) == {"kind": ("choice", "needed", '"cash"'), "coins": ("integer", "needed", None)}


def test_a_form_that_starts_from_a_value_holds_exactly_that() -> None:
    form = form_of(SCHEMA, ORDER)
    assert value_of(form) == ORDER
    assert part(form, "amount")["value"] == "21.0"  # as it was, not as 21
    assert part(form, "pay")["value"] == "1"
    assert [item["value"] for item in part(form, "tags")["fields"]] == ["a", "b"]


@pytest.mark.parametrize(
    "value",
    [
        {"to": "ana", "n": 1, "deep": {"a": [1, 2], "b": {}}, "mixed": [1, "a"], "none": None, "l": []},
        [],
        "text",
        "",
        12345678901234567890,
        {"hidden": "a\u202eb", "lines": "a\nb"},
        None,
        True,
        {"many": list(range(100))},
    ],
)
def test_without_a_schema_the_value_tells_its_fields(value: Any) -> None:
    assert value_of(form_of(True, value)) == value


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_any_value_is_held_exactly_and_can_be_sent(value: Any) -> None:
    form = form_of(True, value)
    assert form["reason"] is not None or value_of(form) == value
    json.dumps(form, ensure_ascii=False).encode()  # no half of a character


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, "three"),
        ({"type": "string"}, 3),
        ({"enum": ["a"]}, "b"),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, [1]),
        ({"type": "array", "items": {"type": "string"}}, "x"),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, [1]),
        ({"type": "string", "format": "date"}, "soon"),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, {"a": "1", "more": {"b": 2}}),
        ({"type": "array", "prefixItems": [{"type": "string"}]}, ["a"]),
    ],
)
def test_a_value_that_does_not_fit_its_schema_is_kept(schema: Any, value: Any) -> None:
    assert value_of(form_of(schema, value)) == value


def test_what_json_cannot_hold_says_so() -> None:
    form = form_of(True, {"a": object()})
    assert form["value"] is None and "no JSON form" in str(form["reason"])


def test_a_schema_that_holds_itself_ends_in_json() -> None:
    tree = {
        "$defs": {"T": {"type": "object", "properties": {"kid": {"$ref": "#/$defs/T"}}}},
        "$ref": "#/$defs/T",
    }
    form, kinds = form_of(tree), []
    while form["fields"]:
        kinds.append(form["kind"])
        form = form["fields"][0]
    assert kinds == ["object"] * 6 and form["kind"] == "json"
    wide = {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(2000)}}
    assert {one["kind"] for one in form_of(wide)["fields"]} == {"text", "json"}


def test_errors_stand_at_the_part_that_is_wrong() -> None:
    assert errors_of(SCHEMA, ORDER) == []
    wrong = {
        **ORDER,
        "amount": "x",
        "color": "green",
        "on": "soon",
        "at": 3,
        "pay": {"kind": "cash", "coins": 0},
        "tags": ["a", 1],
    }
    del wrong["name"]
    found = {tuple(error["path"]): error["message"] for error in errors_of(SCHEMA, wrong)}
    assert found == {
        ("name",): "A value is needed.",
        ("amount",): "This must be a number.",
        ("color",): "This is not one of ['red', 'blue'].",
        ("on",): "This must be a date: 2026-01-31.",
        ("at",): "This must be text.",
        ("pay", "coins"): "This is less than or equal to the minimum of 0.",
        ("tags", 1): "This must be text.",
    }


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (SCHEMA, None),
        (True, None),
        ({"type": "strin"}, "The schema is none"),
        ({"$ref": "https://example.org/schema"}, "refers to 'https://example.org/schema'"),
        ({"properties": {"a": {"$ref": "#/$defs/gone"}}}, "refers to '#/$defs/gone'"),
    ],
)
def test_a_schema_that_nothing_can_be_checked_against(schema: Any, said: str | None) -> None:
    problem = schema_problem(schema)
    assert problem is None if said is None else said in str(problem)


def test_nothing_is_fetched() -> None:
    assert errors_of({"$ref": "https://example.org/schema"}, 1) == []
