"""Values of an update: ``Set``, JSON and channels."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.channels import Topic
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph, add_messages
from langgraph.types import Overwrite

import lgviz.session as session
from lgviz.errors import InvalidValue, UnknownChannel
from lgviz.session import Set, channels_of, parse_json
from lgviz.session.values import to_update
from tests.support.graphs import CONFIG, Log, noting


class Chat(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    topic: Annotated[list[str], Topic(str, accumulate=True)]
    log: Annotated[list[str], lambda a, b: a + b]
    plain: Any


class Asked(TypedDict):
    plain: Any


def chat() -> Any:
    builder = StateGraph(Chat, input_schema=Asked)
    builder.add_node("say", lambda state: {"messages": [AIMessage("hi", id="1")], "plain": 1, "log": ["a"]})
    builder.add_edge(START, "say")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"plain": 0}, CONFIG)
    return graph


def test_every_channel_says_what_an_update_meets() -> None:
    found = {c.name: (c.reducer, c.messages, c.settable) for c in channels_of(chat()).values()}
    assert found["messages"] == ("add_messages", True, True)
    assert found["plain"] == (None, False, True)
    assert found["topic"] == ("Topic", False, False)
    assert found["log"][1:] == (False, True)
    builder = StateGraph(Log)
    builder.add_node("a", noting("a"))
    builder.add_edge(START, "a")
    assert channels_of(builder.compile())["log"].reducer == "operator.add"


def test_set_is_the_bare_value_where_there_is_no_reducer() -> None:
    graph = chat()
    assert to_update(graph, {"plain": Set([1])}, "say") == {"plain": [1]}
    assert to_update(graph, {"log": Set([1])}, "say") == {"log": Overwrite([1])}
    made = session.fork(graph, CONFIG, {"plain": Set({"x": 1}), "log": Set(["z"])})
    assert made.values["plain"] == {"x": 1}
    assert made.values["log"] == ["z"]


@pytest.mark.parametrize("value", [[{"role": "user", "content": "hello"}], [("user", "hello")], "hello"])
def test_set_of_messages_stores_messages(value: Any) -> None:
    made = session.fork(chat(), CONFIG, {"messages": Set(value)})
    (message,) = made.values["messages"]
    assert isinstance(message, HumanMessage)
    assert message.text == "hello"
    assert message.id


def test_set_refuses_what_is_no_message_and_what_cannot_be_set() -> None:
    with pytest.raises(InvalidValue, match="'messages' is no list of messages"):
        to_update(chat(), {"messages": Set([{"who": "?"}])}, "say")
    with pytest.raises(InvalidValue, match="'topic' cannot be set past its Topic"):
        to_update(chat(), {"topic": Set(["x"])}, "say")


def test_an_unknown_channel_names_the_known_ones() -> None:
    with pytest.raises(UnknownChannel, match=r"no channel 'mesages'.*'messages'"):
        session.preview(chat(), CONFIG, {"mesages": []})
    with pytest.raises(UnknownChannel, match=r"input has no channel 'log'\. It has 'plain'"):
        session.preview(chat(), CONFIG, {"log": ["x"]}, as_node="__start__")


def test_json_errors_name_the_place() -> None:
    assert parse_json('{"a": [1, null]}', "x") == {"a": [1, None]}
    with pytest.raises(InvalidValue, match="value of 'x' is no valid JSON at line 2, column 3"):
        parse_json("{\n  a: 1}", "x")
    with pytest.raises(InvalidValue, match="'x'"):
        parse_json("1" * 5000, "x")
    with pytest.raises(InvalidValue, match="'x'"):
        parse_json("[" * 100_000, "x")


def test_a_graph_with_one_unnamed_channel() -> None:
    builder: Any = StateGraph(Annotated[list[str], lambda a, b: a + b])
    builder.add_node("a", lambda state: ["a"])
    builder.add_edge(START, "a")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke(["x"], CONFIG)
    assert session.preview(graph, CONFIG, ["y"]).values == ["x", "a", "y"]
    assert session.preview(graph, CONFIG, {"__root__": Set(["y"])}).values == ["y"]
    assert session.fork(graph, CONFIG, Set(["z"])).values == ["z"]
