"""Starting as a view asks for it: the form of what a graph takes in, checked, and the run that it begins."""

from __future__ import annotations

import asyncio
import datetime
import json
import operator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, Required, TypedDict

import pytest
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.func import entrypoint
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt
from pydantic import BaseModel, Field, field_validator

import lgviz
from lgviz import persistence
from lgviz.demos import two_nodes
from tests.support.view import View


@pytest.fixture
def chat() -> Any:
    def answer(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(f"heard {state['messages'][-1].content}")]}

    builder: Any = StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer")
    return builder.compile(checkpointer=InMemorySaver())


def begin(thread_id: str = "1", **more: Any) -> dict[str, Any]:
    blank = {"checkpoint": None, "message": None, "input": None, "context": None, "configurable": None}
    return {**blank, "thread_id": thread_id, **more}


def marks(failure: Any) -> list[tuple[str, list[Any], str]]:
    return [(one["channel"], one["error"]["path"], one["error"]["message"]) for one in failure["refused"]]


def names(field: Any) -> dict[str, Any]:
    return {part["name"]: (part["kind"], part["required"]) for part in field["fields"]}


def test_a_graph_without_threads_begins_a_chat_that_goes_on(chat: Any) -> None:
    view = View(chat, opens=False)
    assert view.refused("thread_open", thread_id=None)["code"] == "empty"
    form = view.ask("start_form", thread_id=None, turn=False)
    assert form == {
        "thread_id": "thread-1", "chat": "messages", "input": None, "context": None, "configurable": ""
    }  # fmt: skip
    done = view.ask("thread_start", **begin("thread-1", message="hi\nthere"))
    assert (done["status"], done["error"]) == ("done", None)
    first = view.progress[0]
    assert (first["run"], first["status"]) == (done["run"], "running") and first["checkpoint"] is not None
    opened = view.ask("thread_open", thread_id="thread-1")
    assert opened["tree"]["labels"] == ["c0", "c1", "c2"] and opened["thread"]["status"] == "done"
    turn = view.ask("start_form", thread_id="thread-1", turn=True)
    assert (turn["thread_id"], turn["chat"]) == ("thread-1", "messages")
    again = view.ask("thread_start", **begin("thread-1", message="more", checkpoint=done["checkpoint"]))
    said = [m.content for m in lgviz.history(chat, "thread-1")[again["checkpoint"]].values["messages"]]
    assert said == ["hi\nthere", "heard hi\nthere", "more", "heard more"]
    aside = view.ask("thread_start", **begin("thread-1", message="else", checkpoint=done["checkpoint"]))
    history = lgviz.history(chat, "thread-1")
    assert [c.label for c in history.forks] == ["c2"]
    assert [m.content for m in history[aside["checkpoint"]].values["messages"]][-2:] == ["else", "heard else"]
    assert view.ask("start_form", thread_id=None, turn=False)["thread_id"] == "thread-2"


def test_what_is_wrong_is_marked_and_nothing_is_written(chat: Any) -> None:
    view = View(chat, opens=False)
    assert marks(view.refused("thread_start", **begin(" ", message="x"))) == [
        ("thread", [], "Name the new thread.")
    ]
    assert marks(view.refused("thread_start", **begin(message=" "))) == [("message", [], "Write a message.")]
    assert marks(view.refused("thread_start", **begin(message="x", configurable="[1]"))) == [
        ("configurable", [], "The configurable must be a JSON object.")
    ]
    (wrong,) = marks(view.refused("thread_start", **begin(input='{"messages": [7]}')))
    assert wrong[:2] == ("input", ["messages"]) and wrong[2].startswith("This is no list of messages")
    assert not lgviz.open_source(chat).threads()
    lgviz.start(chat, {"messages": [("user", "a")]}, "1")
    taken = view.refused("thread_start", **begin(message="x"))
    assert taken["cause"] == "thread: Thread '1' has checkpoints already."
    assert marks(taken) == [("thread", [], "Thread '1' has checkpoints already.")]
    assert len(lgviz.history(chat, "1")) == 3


class Address(BaseModel):
    street: str


class Typed(TypedDict):
    name: str
    kind: Literal["a", "b"]
    tags: Annotated[list[str], operator.add]
    day: datetime.date
    address: Address


class Leg(TypedDict):
    kind: Literal["a", "b"]


class Plan(TypedDict, total=False):
    legs: Required[list[Leg]]
    note: str


class Who(TypedDict):
    user: str
    plan: NotRequired[Plan]


class Planned(TypedDict):
    plan: Plan


@dataclass
class Person:
    user: str
    since: datetime.date | None = None


def few(old: list[int], new: list[int]) -> list[int]:
    if len(old or []) + len(new) > 2:
        raise ValueError("at most two")
    return [*(old or []), *new]


def seeing(state: Any) -> Any:
    return {}


def test_fields_by_the_schema_become_what_it_says(tmp_path: Path) -> None:
    met: list[Any] = []

    def node(state: Typed, runtime: Runtime[Person]) -> Any:
        met.append((dict(state), runtime.context))
        return {}

    builder: Any = StateGraph(Typed, context_schema=Person).add_node("node", node).add_edge(START, "node")
    graph = builder.compile(checkpointer=persistence.SqliteSaver.from_conn_string(str(tmp_path / "a.db")))
    view = View(graph, opens=False, name="graph")
    form = view.ask("start_form", thread_id="mine", turn=False)
    assert (form["thread_id"], form["chat"]) == ("mine", None)
    assert names(form["input"]) == {
        "name": ("text", False), "kind": ("choice", False), "tags": ("list", False),
        "day": ("date", False), "address": ("object", False),
    }  # fmt: skip
    assert names(form["context"]) == {"user": ("text", True), "since": ("date", False)}
    given = {"name": "n", "tags": ["x"], "day": "2026-03-05", "address": {"street": "s"}}
    text, context = json.dumps(given), '{"user": "Ann", "since": "2026-01-01"}'
    assert marks(view.refused("thread_start", **begin(input=text, context="{}"))) == [
        ("context", ["user"], "A value is needed.")
    ]
    (unknown,) = marks(view.refused("thread_start", **begin(input='{"more": 1}', context=context)))
    assert unknown[:2] == ("input", ["more"]) and unknown[2].startswith("The graph takes in no such field")
    bad = {**given, "kind": "c", "day": "soon", "tags": "x"}
    found = marks(view.refused("thread_start", **begin(input=json.dumps(bad), context=context)))
    assert {(part, *path) for part, path, _ in found} == {
        ("input", "kind"), ("input", "day"), ("input", "tags")
    }  # fmt: skip
    assert marks(view.refused("thread_start", **begin(input="{}", context=context)))[0][:2] == ("input", [])
    assert not lgviz.open_source(graph).threads()
    assert view.ask("thread_start", **begin(input=text, context=context))["status"] == "done"
    state, who = met[0]
    assert state["day"] == datetime.date(2026, 3, 5) and state["address"] == Address(street="s")
    assert who == Person("Ann", datetime.date(2026, 1, 1))
    code = view.ask("code_get", act="start", checkpoint="", start=begin("2", input=text, context=context))
    exec(code["code"], {"graph": graph})
    assert met[1] == met[0] and lgviz.history(graph).threads == ["2", "1"]


def test_typed_dicts_within_each_other_are_forms() -> None:
    met: list[Any] = []

    def node(state: Planned, runtime: Runtime[Who]) -> Any:
        met.append((dict(state), runtime.context))
        return {}

    builder: Any = StateGraph(Planned, context_schema=Who).add_node("node", node).add_edge(START, "node")
    view = View(builder.compile(checkpointer=InMemorySaver()), opens=False)
    form = view.ask("start_form", thread_id=None, turn=False)
    plan = form["input"]["fields"][0]
    assert names(plan) == {"legs": ("list", True), "note": ("text", False)}
    assert names(plan["fields"][0]["item"]) == {"kind": ("choice", True)}
    assert names(form["context"]) == {"user": ("text", True), "plan": ("object", False)}
    given = {"plan": {"legs": [{"kind": "a", "seat": "1A"}]}}
    assert [
        one[:2] for one in marks(view.refused("thread_start", **begin(input=json.dumps(given), context="{}")))
    ] == [("context", ["user"])]
    who = {"user": "Ann", "plan": {"legs": [{"kind": "b"}]}}
    done = view.ask("thread_start", **begin(input=json.dumps(given), context=json.dumps(who)))
    assert (done["status"], met) == ("done", [(given, who)])


def test_reducers_and_models_are_asked_before_anything_is_written() -> None:
    class Held(TypedDict):
        numbers: Annotated[list[int], few]

    class Checked(BaseModel):
        topic: str
        words: int = Field(default=3, ge=1)

        @field_validator("topic")
        @classmethod
        def calm(cls, topic: str) -> str:
            if topic.isupper():
                raise ValueError("do not shout")
            return topic

    def built(state: Any) -> Any:
        return StateGraph(state).add_node("node", seeing).add_edge(START, "node").compile(
            checkpointer=InMemorySaver()
        )  # fmt: skip

    view = View(built(Held), opens=False)
    assert marks(view.refused("thread_start", **begin(input='{"numbers": [1, 2, 3]}'))) == [
        ("input", ["numbers"], "ValueError: at most two.")
    ]
    done = view.ask("thread_start", **begin(input='{"numbers": [1, 2]}'))
    view.ask("thread_open", thread_id="1")
    turn = begin(input='{"numbers": [3]}', checkpoint=done["checkpoint"])
    assert marks(view.refused("thread_start", **turn))[0][2] == "ValueError: at most two."
    assert view.ask("thread_refresh")["count"] == 3

    view = View(built(Checked), opens=False)
    form = view.ask("start_form", thread_id=None, turn=False)["input"]
    assert names(form) == {"topic": ("text", True), "words": ("integer", False)}
    assert form["fields"][1]["value"] == "3"
    for given, place, said in (
        ({}, "topic", "A value is needed."),
        ({"topic": "x", "words": 0}, "words", "This is less than the minimum of 1."),
        ({"topic": "LOUD"}, "topic", "Value error, do not shout."),
    ):
        assert marks(view.refused("thread_start", **begin(input=json.dumps(given)))) == [
            ("input", [place], said)
        ]
    done = view.ask("thread_start", **begin(input='{"topic": "x"}'))
    view.ask("thread_open", thread_id="1")
    assert not any(
        part["required"] for part in view.ask("start_form", thread_id="1", turn=True)["input"]["fields"]
    )
    again = view.ask("thread_start", **begin(input='{"words": 5}', checkpoint=done["checkpoint"]))
    assert again["status"] == "done"


def test_functions_take_one_value() -> None:
    heard: list[Any] = []

    @entrypoint(checkpointer=InMemorySaver())
    def doubled(number: int, *, previous: int | None = None) -> int:
        return number * 2 + (previous or 0)

    @entrypoint(checkpointer=InMemorySaver())
    def agent(messages: list[BaseMessage]) -> str:
        heard.extend(messages)
        return messages[-1].text

    @entrypoint(checkpointer=InMemorySaver())
    def lives(where: Address) -> str:
        return where.street

    @entrypoint(checkpointer=InMemorySaver())
    def anything(topic) -> Any:  # type: ignore[no-untyped-def]
        return topic

    view = View(doubled, opens=False)
    assert view.ask("start_form", thread_id=None, turn=False)["input"]["kind"] == "integer"
    assert marks(view.refused("thread_start", **begin(input='"x"'))) == [
        ("input", [], "This must be a whole number.")
    ]
    done = view.ask("thread_start", **begin(input="4"))
    view.ask("thread_open", thread_id="1")
    view.ask("thread_start", **begin(input="5", checkpoint=done["checkpoint"]))
    assert lgviz.history(doubled, "1").latest.values == 18
    code = view.ask("code_get", act="start", checkpoint="", start=begin("2", input="7"))["code"]
    assert code == "import lgviz\n\nrun = lgviz.start(\n    graph,\n    7,\n    thread_id='2',\n)\n"

    view = View(agent, opens=False, name="agent")
    assert view.ask("start_form", thread_id=None, turn=False)["chat"] == ""
    view.ask("thread_start", **begin(message="hi"))
    assert [(one.type, one.content) for one in heard] == [("human", "hi")]
    code = view.ask("code_get", act="start", checkpoint="", start=begin("2", message="ho"))["code"]
    exec(code, {"agent": agent})
    assert heard[1].content == "ho"

    view = View(lives, opens=False)
    assert view.ask("thread_start", **begin(input='{"street": "s"}'))["status"] == "done"
    view = View(anything, opens=False)
    assert view.ask("start_form", thread_id=None, turn=False)["input"]["kind"] == "json"
    assert view.ask("thread_start", **begin(input='{"any": [1]}'))["status"] == "done"


def test_a_thread_that_waits_or_cannot_be_started_says_why(tmp_path: Path) -> None:
    def asks(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(interrupt("sure?"))]}

    builder: Any = StateGraph(MessagesState).add_node("asks", asks).add_edge(START, "asks")
    graph = builder.compile(checkpointer=InMemorySaver())
    view = View(graph, opens=False)
    asked = view.ask("thread_start", **begin(message="x"))
    assert asked["status"] == "interrupted"
    view.ask("thread_open", thread_id="1")
    refused = view.refused("thread_start", **begin(message="y", checkpoint=asked["checkpoint"]))
    assert refused["cause"] == "Thread '1' waits for an answer."
    path = tmp_path / "file.db"
    two_nodes.seed(two_nodes.build(persistence.SqliteSaver.from_conn_string(str(path))), thread_id="1")
    failure = View(str(path)).refused("start_form", thread_id=None, turn=False)
    assert "Open the compiled graph itself" in failure["remedy"]
    saver = View(InMemorySaver(), opens=False).refused("start_form", thread_id=None, turn=False)
    assert saver["cause"] == "A InMemorySaver has no graph: give the graph to fork or run."


def test_an_asynchronous_graph_and_saver_start_in_the_notebooks_loop(tmp_path: Path) -> None:
    async def answer(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage("yes")]}

    async def work() -> Any:
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
            builder: Any = StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer")
            view = View(builder.compile(checkpointer=saver), opens=False)
            done = await asyncio.to_thread(view.ask, "thread_start", **begin(message="hi"))
            await asyncio.to_thread(view.ask, "thread_open", thread_id="1")
            turn = begin(message="and?", checkpoint=done["checkpoint"])
            return done, await asyncio.to_thread(view.ask, "thread_start", **turn)

    first, second = asyncio.run(work())
    assert (first["status"], second["status"], first["cannot_cancel"]) == ("done", "done", None)


def test_breakpoints_of_the_thread_and_the_debuggers_config_hold() -> None:
    met: list[Any] = []

    def node(state: Any, config: RunnableConfig) -> Any:
        met.append((config["configurable"]["user"], config["recursion_limit"]))
        return {}

    class State(TypedDict):
        foo: str

    graph = StateGraph(State).add_node("node", node).add_edge(START, "node").compile(
        checkpointer=InMemorySaver()
    )  # fmt: skip
    view = View(graph, opens=False, config={"recursion_limit": 7, "configurable": {"user": "Ann"}})
    done = view.ask("thread_start", **begin(input='{"foo": "x"}'))
    view.ask("thread_open", thread_id="1")
    view.ask("breakpoints_set", thread_id="1", breakpoints={"before": ["node"], "after": []})
    turn = begin(input='{"foo": "y"}', checkpoint=done["checkpoint"], configurable='{"user": "Bob"}')
    stopped = view.ask("thread_start", **turn)
    assert (stopped["status"], stopped["before"], met) == ("interrupted", ["node"], [("Ann", 7)])
    code = view.ask("code_get", act="start", checkpoint="", start=begin("2", input='{"foo": "x"}'))["code"]
    assert "config={'configurable': {'user': 'Ann'}}" in code
