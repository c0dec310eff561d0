"""Configs, namespaces, ids and channels of LangGraph's, as all floors above the savers read them."""

from __future__ import annotations

import doctest
from typing import Any

import pytest
from langgraph.checkpoint.base.id import uuid6

from lgviz.sources import places
from lgviz.sources.places import (
    Address,
    SubgraphCall,
    by_channel,
    calls,
    config_of,
    depth,
    enclosing,
    id_time,
    is_internal,
    is_numbered,
    node_path,
    place_of,
    unrooted,
    within,
)


def test_the_examples() -> None:
    assert doctest.testmod(places).failed == 0


def test_a_config_names_a_place_and_a_place_makes_it() -> None:
    config: Any = {"configurable": {"thread_id": "1", "checkpoint_ns": "a:x", "checkpoint_id": "c"}}
    assert place_of(config) == Address("1", "a:x", "c") and config_of("1", "a:x", "c") == config
    assert place_of({"configurable": {"thread_id": 1}}) == Address("1", "", None)
    assert config_of("1") == {"configurable": {"thread_id": "1", "checkpoint_ns": ""}}
    assert place_of({}).thread_id == ""


@pytest.mark.parametrize(
    ("namespace", "found", "around", "deep"),
    [
        ("", [], "", 0),
        ("a:1", [("a", "1")], "", 1),
        ("a:1|b:2", [("a", "1"), ("b", "2")], "a:1", 2),
        ("a|b", [("a", ""), ("b", "")], "a", 2),
        ("a:1|2", [("a", "1")], "a:1", 2),
    ],
)
def test_namespaces(namespace: str, found: list[tuple[str, str]], around: str, deep: int) -> None:
    assert calls(namespace) == [SubgraphCall(*call) for call in found]
    assert node_path(namespace) == "|".join(node for node, _ in found)
    assert enclosing(namespace) == around and depth(namespace) == deep
    assert is_numbered(namespace) == (namespace == "a:1|2")
    if namespace:
        assert within(around, namespace.rpartition("|")[2]) == namespace


def test_the_time_in_an_id() -> None:
    made = uuid6(clock_seq=1)
    said = id_time(str(made))
    assert said is not None and abs(said - (made.time - 0x01B21DD213814000) / 1e7) < 1e-6
    for other in ("", "7", "not a version six uuid of 36 letters!", "1ef4f797-8335-4428-8001-8a1503f9b875"):
        assert id_time(other) is None


def test_a_state_that_is_no_dict() -> None:
    assert by_channel(5) == {"__root__": 5} and unrooted({"__root__": 5}) == 5
    assert by_channel({"a": 1}) == {"a": 1} == unrooted({"a": 1})
    assert is_internal("branch:to:a") and is_internal("__start__") and not is_internal("__root__")
