"""Values and diffs as protocol messages: complete when small, bounded when large, always JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.types import Interrupt

from lgviz.analysis.answers import GivenAnswer
from lgviz.analysis.diff import diff_states
from lgviz.analysis.summary import channel_summary, summary_of
from lgviz.backend.diff_views import diff_view
from lgviz.backend.question_views import interrupt_view
from lgviz.backend.raw import raw_text
from lgviz.backend.value_views import Budget, message_view, value_node
from lgviz.sources.base import Undecodable

LIMIT = 64_000


def size(message: Any) -> int:
    """Bytes on the wire; fails for what JSON or UTF-8 cannot carry."""
    return len(json.dumps(message, ensure_ascii=False, allow_nan=False).encode())


CALL = {"id": "i" * 1000, "name": "n" * 1000, "args": {f"{'a' * 1000}{k}": "b" * 10_000 for k in range(100)}}
LARGE: dict[str, Any] = {
    "text": "x" * 10_000_000,
    "escapes": "\x00" * 10_000_000,
    "surrogates": "\ud800" * 1_000_000,
    "wide": "é☃" * 1_000_000,
    "list": list(range(1_000_000)),
    "dict": dict.fromkeys(range(100000), "v" * 100),
    "keys": {"k" * 10_000 + str(i): 1 for i in range(1_000)},
    "chat": [HumanMessage("hello " * 1_000, id=str(i)) for i in range(2_000)],
    "calls": [AIMessage("x", tool_calls=[CALL] * 50)] * 100,
    "deep": {"a": [{"b": [["x" * 500] * 500] * 50}] * 50},
    "array": np.zeros((1_000, 1_000)),
    "frame": pd.DataFrame(np.zeros((10_000, 20))),
    "bytes": b"\x00" * 10_000_000,
}


@pytest.mark.parametrize("name", LARGE)
def test_no_message_is_large(name: str) -> None:
    value = LARGE[name]
    assert size(value_node(value)) < LIMIT
    assert size(value_node(value, offset=10, limit=100_000)) < LIMIT
    assert size(diff_view(diff_states({}, {"a": value}), "c0", "c1")) < LIMIT
    assert size(diff_view(diff_states({"a": value}, {"a": [value]}))) < LIMIT
    if isinstance(value, (str, list)):
        assert size(diff_view(diff_states({"a": value}, {"a": value[:1] + value}))) < LIMIT


def test_many_channels_stay_small() -> None:
    after = {f"channel {i}": {"x": "y" * 5_000} for i in range(1_000)}
    assert size(diff_view(diff_states({}, after))) < LIMIT


def test_a_small_value_is_sent_whole() -> None:
    node = value_node({"a": [1, {"b": None}], "c": "text\nmore"})
    assert node["kind"] == "dict" and node["size"] == 2 and node["more"] == 0
    first, second = node["items"]
    assert first["key"] == "a" and [item["key"] for item in first["value"]["items"]] == ["0", "1"]
    assert first["value"]["items"][1]["value"]["items"][0]["value"]["kind"] == "null"
    assert second["value"]["text"] == "text\nmore" and second["value"]["more"] == 0


def test_pages_of_a_list_and_a_text() -> None:
    node = value_node(list(range(1_000)), offset=990, limit=20)
    assert [item["key"] for item in node["items"]] == [str(i) for i in range(990, 1_000)]
    assert node["more"] == 0 and node["size"] == 1_000
    node = value_node(list(range(1_000)))
    assert len(node["items"]) + node["more"] == 1_000
    text = "".join(map(str, range(10_000)))
    shown = value_node(text)["text"]
    rest = value_node(text, offset=len(shown), limit=4_000)
    assert (shown + rest["text"]) == text[: len(shown) + 4_000] and rest["more"] == len(text) - len(
        shown
    ) - 4_000


def test_a_message() -> None:
    call = {"id": "c1", "name": "book", "args": {"id": "Z7", "seats": [1, 2]}}
    view = message_view(AIMessage("hi", id="m1", tool_calls=[call]))
    assert (view["role"], view["id"], view["text"], view["more"]) == ("ai", "m1", "hi", 0)
    (shown,) = view["tool_calls"]
    assert shown["name"] == "book" and shown["id"] == "c1"
    assert [(arg["key"], arg["value"]["text"]) for arg in shown["args"]] == [
        ("id", "Z7"),
        ("seats", "[1, 2]"),
    ]
    tool = message_view(ToolMessage("done", tool_call_id="c1", name="book", status="error"))
    assert (tool["role"], tool["tool_call_id"], tool["name"], tool["status"]) == (
        "tool",
        "c1",
        "book",
        "error",
    )
    blocks = HumanMessage([{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {}}])
    assert message_view(blocks)["text"] == "look\n[image_url]"
    plain = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": '{"x": 1}'}}],
    }
    view = message_view(plain)
    assert view["role"] == "ai" and view["text"] == "" and view["tool_calls"][0]["args"][0]["key"] == "x"


def test_a_long_message_says_how_much_is_left_out() -> None:
    node = value_node([HumanMessage("word " * 10_000, id="1")])
    message = node["items"][0]["value"]["message"]
    assert len(message["text"]) + message["more"] == 50_000
    fields = value_node(HumanMessage("hi", id="1"), limit=50)
    assert fields["items"][0]["key"] == "content"


def test_an_interrupt() -> None:
    view = interrupt_view(
        Interrupt({"ask": "ok?"}, id="i1"), "review", GivenAnswer(False, [], True), Budget()
    )
    assert (view["id"], view["node"], view["answered"]) == ("i1", "review", False)
    assert view["value"]["items"][0]["key"] == "ask"


def test_a_value_that_cannot_be_decoded_says_why() -> None:
    node = value_node(Undecodable("its class is gone", 12, "msgpack"))
    assert node["kind"] == "undecodable" and "its class is gone" in node["text"] and node["size"] == 12


json_like: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()) | st.integers(), inner),
    max_leaves=15,
)


@settings(max_examples=80, deadline=None)
@given(json_like, json_like)
def test_any_value_and_diff_is_json(a: Any, b: Any) -> None:
    size(value_node(a))
    size(diff_view(diff_states({"x": a, "\ud800": b}, {"x": b, "y": a})))


def worded(change: Any) -> list[tuple[str, str]]:
    return [(part["op"], part["text"]) for part in change["words"]]


def test_every_change_that_is_sent_has_its_values() -> None:
    """As many changes as there are, in three channels that share what a message takes."""
    old = {name: pd.DataFrame({"fare": np.arange(60) * 1.5}) for name in ("fares", "seats", "days")}
    new = {name: pd.DataFrame({"fare": np.arange(60) + 0.25}) for name in old}
    channels = diff_view(diff_states(old, new))["channels"]
    assert [channel["channel"] for channel in channels] == ["fares", "seats", "days"]
    for channel in channels:
        shown = channel["changes"]
        assert len(shown) + channel["more"] == 60
        assert len(shown) >= 20
        told = [(change["before"] or {}).get("text") for change in shown]
        assert told == [str(row * 1.5) for row in range(len(shown))]
        assert [(change["after"] or {}).get("text") for change in shown] == [
            str(row + 0.25) for row in range(len(shown))
        ]


def test_a_diff() -> None:
    chat = [HumanMessage("hi", id="1")]
    before = {
        "messages": chat,
        "r": {"cabin": "economy"},
        "plan": "check fare, then ask the user to confirm",
        "n": 1,
    }
    after = {
        "messages": [*chat, AIMessage("yo", id="2")],
        "r": {"cabin": "business"},
        "plan": "check fare, then upgrade and charge the card",
        "n": 1,
        "__start__": 1,
    }
    diff = diff_states(before, after)
    assert summary_of(diff) == "one message, two values"
    view = diff_view(diff, "c8", "c9", reducers={"messages": "add_messages"}, who={"r": "agent · c9"})
    assert (view["before"], view["after"], view["unchanged"], view["internal"]) == ("c8", "c9", ["n"], 1)
    messages, r, plan = view["channels"]
    assert (messages["summary"], messages["reducer"], r["who"]) == ("one added", "add_messages", "agent · c9")
    added = messages["changes"][0]
    assert added["path"] == "#2" and added["kind"] == "added" and added["before"] is None
    assert added["after"] is not None and added["after"]["message"]["text"] == "yo"
    assert r["summary"] == "set" and r["changes"][0]["path"] == ".cabin"
    assert plan["summary"] == "words changed"
    assert worded(plan["changes"][0]) == [
        ("=", "check fare, then "),
        ("-", "ask the user to confirm"),
        ("+", "upgrade and charge the card"),
    ]


def test_an_edited_message_shows_its_words() -> None:
    before = {"m": [HumanMessage("book the cheap seat today", id="1")]}
    after = {"m": [HumanMessage("book the best seat today", id="1")]}
    change = diff_view(diff_states(before, after))["channels"][0]["changes"][0]
    assert worded(change) == [("=", "book the "), ("-", "cheap"), ("+", "best"), ("=", " seat today")]
    assert change["after"] is not None and change["after"]["message"]["role"] == "human"


def test_a_word_changed_in_a_long_text_is_shown_with_its_surroundings() -> None:
    text = " ".join(f"w{i}" for i in range(20_000))
    change = diff_view(diff_states({"t": text}, {"t": text.replace("w9999 ", "here ")}))["channels"][0][
        "changes"
    ][0]
    assert ("+", "here") in worded(change) and len(json.dumps(change)) < 5_000


def test_changes_left_out_are_counted() -> None:
    diff = diff_states({"x": {}}, {"x": {str(i): "word " * 500 for i in range(1_000)}})
    (channel,) = diff_view(diff)["channels"]
    assert len(channel["changes"]) + channel["more"] == 1_000 and channel["summary"] == "1,000 added"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({}, {"x": 1}, "new"),
        ({"x": 1}, {}, "removed"),
        ({"x": 1}, {"x": 2}, "set"),
        ({"x": {"a": 1}}, {"x": {"b": 1, "c": 2}}, "two added, one removed"),
        ({"x": {"a": 1, "b": 1, "c": 1}}, {"x": {"a": 2, "b": 2, "c": 2}}, "three changed"),
        ({"x": {"a": 1, "b": 1}}, {"x": {"b": 1, "a": 1}}, "reordered"),
        ({"x": ["one two three four five"]}, {"x": ["one two three four six"]}, "words changed"),
    ],
)
def test_summaries(before: dict[str, Any], after: dict[str, Any], said: str) -> None:
    assert channel_summary(diff_states(before, after)["x"]) == said


def test_summary_counts_messages_of_a_new_channel() -> None:
    diff = diff_states({}, {"m": [HumanMessage("a", id="1"), AIMessage("b", id="2")], "x": 1})
    assert summary_of(diff) == "two messages, one value"
    assert summary_of(diff_states({}, {})) == "nothing"
    gone = diff_states({"m": [HumanMessage("a", id="1")]}, {"m": []})
    assert summary_of(gone) == "one message removed"


def test_raw_text_of_plain_json_is_json() -> None:
    value = {"a": [1, 2.5, None, True, "x\n"], "b": {}, "c": {"d": []}}
    assert json.loads(raw_text(value)) == value
    assert raw_text({"a": [1]}) == '{\n  "a": [\n    1\n  ]\n}'
    assert "HumanMessage {" in raw_text({"m": HumanMessage("hi", id="1")})


@pytest.mark.parametrize("name", LARGE)
def test_raw_text_is_cut(name: str) -> None:
    text = raw_text({"x": LARGE[name], "y": LARGE[name]}, 20_000)
    assert len(text) <= 20_010 and size(text)


def test_raw_text_of_a_cycle_ends() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    assert len(raw_text(loop)) < 21_000
