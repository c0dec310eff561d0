"""A graph whose run leaves a hundred secrets: in states, writes, questions, answers, errors, metadata, memory."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
from collections import OrderedDict, deque
from typing import Annotated, Any, TypedDict

import numpy as np
import pandas as pd
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.store.base import BaseStore
from langgraph.types import Command, Send, interrupt
from pydantic import BaseModel

SECRET = re.compile(r"SECRET\d{3}\w*")
THREAD = "1"


class Planted:
    """Names each secret by where it is planted.

    Attributes:
        places: what was planted.
    """

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    def __call__(self, place: str) -> str:
        return self.places.setdefault(place, f"SECRET{len(self.places):03}{place.replace(' ', '_')}")


class Person(BaseModel):
    model_config = {"extra": "allow"}
    name: str
    ssn: str


@dataclasses.dataclass(frozen=True, slots=True)
class Card:
    number: str
    uses: list[str]


class Denied(Exception):
    """Says more than its arguments."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"denied for {self.key}"


class Held(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    user: dict[str, Any]
    person: Person
    card: Card
    frame: Any
    series: Any
    array: Any
    objects: Any
    raw: bytes
    text: str
    by_key: dict[Any, Any]
    names: Any
    ordered: Any
    queue: Any
    pair: tuple[str, str]
    nested: Any
    log: Annotated[list[str], lambda old, new: [*old, *new]]


def _nested(planted: Planted) -> Any:
    """Forty secrets at forty places."""
    held: Any = []
    for number in range(40):
        secret = planted(f"nested {number}")
        match number % 4:
            case 0:
                held.append({"list": [1, [secret]]})
            case 1:
                held.append((secret, {secret: {secret}}))
            case 2:
                held = {"deeper": held, "text": f"{{'python': {secret!r}}}"}
                held = [held]
            case _:
                held.append(json.dumps({"k": {"in json": [f"\u00e4 {secret}"]}}))
    return held


def build(saver: Any, store: BaseStore, planted: Planted, *, exact: bool = True) -> Any:
    """The graph: ``say`` writes values of all kinds, ``each`` is sent one, ``ask`` asks, ``fail`` fails.

    Args:
        saver, store: where it is kept.
        planted: names the secrets.
        exact: with values that only lgviz's savers keep.
    """
    s = planted

    def say(_state: Held, *, store: BaseStore) -> Any:
        get_stream_writer()({"custom": s("custom event")})
        store.put(("users", s("namespace")), s("item key"), {"note": s("item value"), s("item field"): 1})
        store.put(("users", "ann"), "plain", {"password": s("item password"), "list": [s("item list")]})
        calls = [
            {
                "name": "search",
                "args": {"query": s("tool args"), s("tool arg name"): [s("tool list")]},
                "id": "t1",
            }
        ]
        kwargs = {"tool_calls": [{"function": {"arguments": json.dumps({"query": s("kwargs json") + '"ä'})}}]}
        exactly = {
            "frame": pd.DataFrame({"a": [s("cell"), "b"], s("column"): [1, 2]}, index=[s("row label"), "z"]),
            "series": pd.Series([s("series cell")], name=s("series name")),
            "array": np.array([s("array cell"), "b"]),
            "objects": np.array([{"x": s("object cell")}], dtype=object),
            "by_key": {s("dict key"): s("dict value"), (s("tuple key"), 1): 3},
            "ordered": OrderedDict({s("ordered key"): s("ordered value")}),
        }
        return (exactly if exact else {}) | {
            "nested": _nested(s),
            "messages": [
                AIMessage(s("ai text"), id="m2", tool_calls=calls, additional_kwargs=kwargs,
                          response_metadata={"model_name": "m", "x": s("response metadata")}),
                ToolMessage(json.dumps([{"found": s("tool json")}]), tool_call_id="t1", id="m3", artifact={"a": s("artifact")}),
                AIMessage([{"type": "text", "text": s("block text")}, {"type": "reasoning", "reasoning": s("reasoning")}], id="m4"),
            ],
            "user": {"ssn": s("ssn"), "deep": [{"x": {"y": s("deep")}}], s("user key"): True, 1: {s("inner key"): 2}},
            "person": Person(name="Ann", ssn=s("model field"), more=s("model extra")),
            "card": Card(s("dataclass"), [s("dataclass list")]),
            "raw": s("bytes").encode(),
            "text": f"a line\nwith {s('text')} inside, and {s('text twice')}",
            "names": {s("set item"), "b"},
            "queue": deque([s("deque item")]),
            "pair": (s("tuple item"), "x"),
            "log": [s("log")],
        }  # fmt: skip

    def spread(_state: Held) -> list[Send]:
        return [Send("each", {"log": [s("send one")]}), Send("each", {"log": [s("send two")]})]

    def each(state: Held) -> Held:
        return {"log": [state["log"][0] + s("each log")]}

    def ask(_state: Held, *, store: BaseStore) -> Any:
        answer = interrupt(
            {"question": s("question"), "options": [s("option")], "user": {"ssn": s("question ssn")}}
        )
        store.put(("users", "ann"), "plain", {"password": s("item password two")})
        return Command(update={"log": [f"{answer}"], "text": s("after answer")})

    def fail(state: Held) -> Held:
        if not any("fixed" in line for line in state["log"]):
            raise Denied(s("error key"))
        return {"log": [s("after fix")]}

    builder = StateGraph(Held)
    builder.add_node("say", say)
    builder.add_node("each", each)
    builder.add_node("ask", ask, defer=True)
    builder.add_node("fail", fail)
    builder.add_edge(START, "say")
    builder.add_conditional_edges("say", spread, ["each"])
    builder.add_edge("each", "ask")
    builder.add_edge("ask", "fail")
    builder.add_edge("fail", END)
    return builder.compile(checkpointer=saver, store=store)


def seed(graph: Any, planted: Planted) -> None:
    """Run it: to the question, past it by an answer, into the error, and an update with a note."""
    s = planted
    config = {
        "configurable": {"thread_id": THREAD, "user_id": s("configurable"), "tenant": "acme"},
        "metadata": {"trace": s("metadata")},
    }
    first = {
        "messages": [HumanMessage(s("human text"), id="m1", name=s("message name"))],
        "log": [s("input log")],
    }
    graph.invoke(first, config)
    with contextlib.suppress(Denied):
        graph.invoke(Command(resume={"say": s("resume answer"), s("resume key"): [s("resume list")]}), config)
    graph.update_state(config, {"log": [s("update")]}, as_node="each")
