"""Types that a serializer gives back as others, or refuses: each sample is held against a real thread."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict

import pandas as pd
import pytest
from langchain_core.messages import AnyMessage
from langgraph.channels import UntrackedValue
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, StateGraph, add_messages
from pydantic import BaseModel

import lgviz
from lgviz.checking.values import SAMPLES
from lgviz.persistence import MemorySaver

CONFIG: Any = {"configurable": {"thread_id": "1"}}


class Plain:
    def __init__(self) -> None:
        raise AssertionError("a check makes no object by its own code")


class Words(list[str]):
    pass


@dataclasses.dataclass
class Point:
    at: tuple[int, int]


class Model(BaseModel):
    at: tuple[int, int] = (1, 2)


class Colour(Enum):
    RED = 1


class Pair(NamedTuple):
    a: int


class Inner(TypedDict):
    pairs: NotRequired[list[tuple[str, str]]]


def compiled(hint: Any, checkpointer: Any = None, value: Any = None) -> Any:
    builder = StateGraph(TypedDict("State", {"key": hint}, total=False))  # type: ignore[operator]
    builder.add_node("node", lambda state: {"key": value})
    builder.add_edge(START, "node")
    return builder.compile(checkpointer=checkpointer or InMemorySaver())


def found(graph: Any, config: Any = None) -> dict[str, lgviz.Finding]:
    return {one.code: one for one in lgviz.check_graph(graph, config)}


@pytest.mark.parametrize("kind", SAMPLES, ids=lambda kind: kind.__name__)
def test_what_is_said_of_a_type_is_what_a_thread_does(kind: type) -> None:
    graph = compiled(kind, value=SAMPLES[kind]())
    said = found(graph)
    try:
        graph.invoke({"key": None}, CONFIG)
    except TypeError:
        assert said.keys() == {"value-not-stored"}
    else:
        kept = type(graph.get_state(CONFIG).values["key"]) is kind
        assert said.keys() == (set() if kept else {"value-degraded"})


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (tuple[int, ...], "value-degraded"),
        (list[tuple[str, int]] | None, "value-degraded"),
        (Annotated[dict[str, OrderedDict[str, int]], "note"], "value-degraded"),
        (defaultdict[str, list[int]], "value-degraded"),
        (Words, "value-degraded"),
        (ValueError, "value-degraded"),
        (Point, "value-degraded"),
        (Inner, "value-degraded"),
        (Plain, "value-not-stored"),
        (pd.DataFrame, "value-not-stored"),
    ],
)
def test_annotations_are_looked_into(hint: Any, expected: str) -> None:
    (one,) = found(compiled(hint)).values()
    assert (one.code, one.channel) == (expected, "key")


@pytest.mark.parametrize(
    "hint",
    [
        str, int, float, bytes, Any, dict[str, Any], list[int], set[str], Literal["a", "b"], Colour, Pair, Model,
        Annotated[list[AnyMessage], add_messages], Annotated[tuple[int, ...], UntrackedValue],
    ],
)  # fmt: skip
def test_what_is_kept_is_not_told(hint: Any) -> None:
    assert found(compiled(hint)) == {}


def test_the_savers_own_serializer_is_asked() -> None:
    """lgviz's keep a tuple and a frame; one that pickles keeps what it must."""
    assert found(compiled(tuple[int, ...], MemorySaver())) == {}
    assert "lgviz.persistence" in found(compiled(pd.DataFrame))["value-not-stored"].fix
    assert found(compiled(pd.DataFrame, MemorySaver())) == {}
    pickling = InMemorySaver(serde=JsonPlusSerializer(pickle_fallback=True))
    assert found(compiled(pd.DataFrame, pickling)) == {}


def test_without_a_checkpointer_nothing_is_refused_yet() -> None:
    graph = compiled(pd.DataFrame)
    assert found(graph)["value-not-stored"].severity == "error"
    graph.checkpointer = None
    assert found(graph)["value-not-stored"].severity == "warning"


def test_a_stored_value_of_another_type_than_its_annotation() -> None:
    graph = compiled(list[int], value="three")
    graph.invoke({"key": []}, CONFIG)
    one = found(graph, CONFIG)["stored-as-other"]
    assert one.channel == "key" and "str" in one.text and "list" in one.text
    right = compiled(list[int] | str, value="three")
    right.invoke({"key": []}, CONFIG)
    assert found(right, CONFIG) == {}
