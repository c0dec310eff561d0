"""Parts of a state, edited through the requests of a view: what is sent, what an update is given, what is refused."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import operator
import sqlite3
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph, add_messages
from pydantic import BaseModel, Field

import lgviz
from lgviz.analysis.blame import origin_of
from lgviz.demos import DEMOS
from lgviz.persistence import MemorySaver
from tests.support.view import View, fork


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


class Leg(BaseModel):
    seats: Annotated[int, Field(gt=0)]
    day: dt.date


@dataclasses.dataclass
class Guest:
    name: str
    vip: bool = False


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    log: Annotated[list[str], operator.add]
    mode: Literal["fast", "cheap"]
    size: Size
    day: dt.date
    leg: Leg
    guest: Guest
    ride: Leg | Guest | None
    notes: str
    found: dict[str, Any]
    raw: bytes
    left: int
    right: int


AI = AIMessage("Two\nlines", id="ai-1", response_metadata={"model": "m"}, additional_kwargs={"k": 1})
WRITTEN: State = {
    "messages": [AI], "log": ["a", "b"], "mode": "fast", "size": Size.SMALL, "day": dt.date(2026, 3, 2),
    "leg": Leg(seats=2, day=dt.date(2026, 3, 2)), "guest": Guest("Ana"), "ride": Guest("Bo"), "notes": "one\ntwo",
    "found": {"n": 1, "raw": b"x"}, "raw": b"x",
}  # fmt: skip


def built(saver: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("write", lambda _: WRITTEN)
    builder.add_node("left", lambda _: {"left": 1, "messages": [AIMessage("l", id="l")]})
    builder.add_node("right", lambda _: {"right": 1, "messages": [AIMessage("r", id="r")]})
    builder.add_node("both", lambda _: {"notes": "both"})
    builder.add_edge(START, "write")
    for side in ("left", "right"):
        builder.add_edge("write", side)
        builder.add_edge(side, "both")
    graph = builder.compile(checkpointer=saver)
    graph.invoke({"messages": [HumanMessage("hi", id="h-1")]}, {"configurable": {"thread_id": "1"}})
    return graph


class Opened:
    """A thread of that graph in a view, at its checkpoints by label."""

    def __init__(self, saver: Any) -> None:
        self.graph = built(saver)
        self.view = View(self.graph, "1", name="graph")
        tree = self.view.ask("thread_open", thread_id="1")["tree"]
        self.ids = dict(zip(tree["labels"], tree["ids"], strict=True))

    def form(self, label: str, channel: str, *path: int, **more: Any) -> Any:
        return self.view.ask("part_form", checkpoint=self.ids[label], channel=channel, path=path, **more)

    def edit(self, label: str, channel: str, path: list[int], typed: Any, as_node: str = "write") -> Any:
        edits = [{"channel": channel, "path": path, "text": json.dumps(typed)}]
        return fork(self.ids[label], {}, as_node, edits=edits)

    def made(self, request: Any) -> Any:
        label = self.view.ask("fork_commit", **request)["label"]
        return lgviz.history(self.graph, "1")[label].values


@pytest.fixture(params=["langgraph", "sqlite", "lgviz"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    connection = sqlite3.connect(tmp_path / "a.db", check_same_thread=False)
    savers = {"langgraph": InMemorySaver, "sqlite": lambda: SqliteSaver(connection), "lgviz": MemorySaver}
    opened = Opened(savers[request.param]())
    yield opened
    opened.view.close()
    connection.close()


def kinds(field: Any) -> dict[str, str]:
    return {part["name"]: part["kind"] for part in field["fields"]}


def test_each_part_is_asked_for_as_what_it_is(opened: Opened) -> None:
    form = opened.form("c2", "messages", 1)
    assert (form["keys"], form["kind"], form["by_id"]) == (["1"], "message", True)
    assert kinds(form["field"]) == {
        "type": "choice", "content": "text", "tool_calls": "list", "id": "text", "additional_kwargs": "object",
        "response_metadata": "object",
    }  # fmt: skip
    assert form["field"]["fields"][1]["value"] == "Two\nlines"
    assert opened.form("c2", "notes")["field"]["kind"] == "text"
    assert opened.form("c2", "day")["field"]["kind"] == "date"
    choice = opened.form("c2", "mode")["field"]
    assert [option["label"] for option in choice["options"]] == ["fast", "cheap"]
    assert [option["label"] for option in opened.form("c2", "size")["field"]["options"]] == ["small", "large"]
    assert kinds(opened.form("c2", "leg")["field"]) == {"seats": "integer", "day": "date"}
    assert kinds(opened.form("c2", "guest")["field"]) == {"name": "text", "vip": "bool"}
    ride = opened.form("c2", "ride")["field"]
    assert (ride["kind"], [one["name"] for one in ride["fields"]], ride["value"]) == (
        "oneof",
        ["Leg", "Guest"],
        "1",
    )
    found = opened.form("c2", "found")
    assert kinds(found["field"]) == {"n": "number", "raw": "json"}
    assert "stays as it is" in found["field"]["fields"][1]["reason"]
    typed = opened.form("c2", "leg", typed='{"seats": 9, "day": "2026-03-05"}')
    assert [part["value"] for part in typed["field"]["fields"]] == ["9", "2026-03-05"]


def test_a_message_is_edited_by_its_id_and_the_rest_is_untouched(opened: Opened) -> None:
    shown = json.loads(opened.form("c2", "messages", 1)["text"])
    request = opened.edit("c2", "messages", [1], {**shown, "content": "Three\nlines"})
    preview = opened.view.ask("fork_preview", **request)
    assert preview["next"] == ["left", "right"]
    assert [(one["channel"], len(one["changes"])) for one in preview["diff"]["channels"]] == [("messages", 1)]
    human, ai = opened.made(request)["messages"]
    assert (human.content, human.id) == ("hi", "h-1")
    assert (ai.content, ai.id) == ("Three\nlines", "ai-1")
    assert (ai.response_metadata, ai.additional_kwargs) == ({"model": "m"}, {"k": 1})


@pytest.mark.parametrize(
    ("channel", "path", "typed", "expected"),
    [
        ("notes", [], "one\nthree", "one\nthree"),
        ("mode", [], "cheap", "cheap"),
        ("size", [], "large", Size.LARGE),
        ("day", [], "2026-03-05", dt.date(2026, 3, 5)),
        ("leg", [], {"seats": 3, "day": "2026-03-05"}, Leg(seats=3, day=dt.date(2026, 3, 5))),
        ("leg", [0], 3, Leg(seats=3, day=dt.date(2026, 3, 2))),
        ("guest", [1], True, Guest("Ana", True)),
        ("ride", [], {"seats": 1, "day": "2026-03-05"}, Leg(seats=1, day=dt.date(2026, 3, 5))),
        ("found", [0], 2, {"n": 2, "raw": b"x"}),
        ("log", [1], "c", ["a", "c"]),  # without a reducer by id, the list is set with this element changed
        ("log", [], ["a"], ["a"]),
    ],
)
def test_a_value_becomes_what_was_typed_and_nothing_else_changes(
    opened: Opened, channel: str, path: list[int], typed: Any, expected: Any
) -> None:
    made = opened.made(opened.edit("c2", channel, path, typed))
    assert made[channel] == expected
    rest = {name: one for name, one in made.items() if name not in (channel, "messages")}
    assert rest == {name: one for name, one in WRITTEN.items() if name not in (channel, "messages")}
    assert [message.id for message in made["messages"]] == ["h-1", "ai-1"]


@pytest.mark.parametrize(
    ("channel", "path", "typed", "at", "words"),
    [
        ("mode", [], "slow", [], "'fast' or 'cheap'"),
        ("leg", [], {"seats": 0, "day": "2026-03-02"}, ["seats"], "greater than 0"),
        ("leg", [0], "many", [], "valid integer"),
        ("guest", [], {"name": 3, "vip": False}, ["name"], "valid string"),
        ("messages", [1], {"type": "ai", "id": "ai-1", "content": 7}, ["content"], "valid"),
    ],
)
def test_what_the_schema_refuses_is_marked_at_its_field_before_anything_is_written(
    opened: Opened, channel: str, path: list[int], typed: Any, at: list[str], words: str
) -> None:
    request = opened.edit("c2", channel, path, typed)
    for method in ("fork_preview", "fork_commit"):
        failure = opened.view.refused(method, **request)
        first = failure["refused"][0]
        assert (first["channel"], first["path"], first["error"]["path"]) == (channel, path, at)
        assert words in first["error"]["message"]
    assert opened.view.ask("thread_refresh")["count"] == len(opened.ids)


def test_what_a_reducer_refuses_is_marked_at_its_channel() -> None:
    opened = Opened(InMemorySaver())
    request = fork(opened.ids["c2"], {"log": 3}, "write")
    failure = opened.view.refused("fork_preview", **request)
    assert [(one["channel"], one["path"]) for one in failure["refused"]] == [("log", [])]
    assert "TypeError" in failure["refused"][0]["error"]["message"]
    opened.view.close()


def test_who_wrote_a_part_is_the_node_of_its_last_change(opened: Opened) -> None:
    def nodes(label: str, channel: str, *path: int) -> tuple[str, list[str]]:
        origin = opened.form(label, channel, *path)["origin"]
        return origin["label"], origin["nodes"]

    assert nodes("c4", "messages", 0) == ("c1", ["__start__"])
    assert nodes("c4", "messages", 1) == ("c2", ["write"])
    # In parallel, each wrote its own message; the list is of both.
    assert nodes("c4", "messages", 2) == ("c3", ["left"])
    assert nodes("c4", "messages", 3) == ("c3", ["right"])
    assert nodes("c4", "messages") == ("c3", ["left", "right"])
    assert nodes("c4", "notes") == ("c4", ["both"])
    assert nodes("c3", "notes") == ("c2", ["write"])
    assert nodes("c4", "found", 0) == ("c2", ["write"])
    label = opened.view.ask("fork_commit", **opened.edit("c4", "found", [0], 2, "right"))["label"]
    opened.view.ask("thread_refresh")
    opened.ids[label] = lgviz.history(opened.graph, "1")[label].id
    assert nodes(label, "found", 0) == (label, ["right"])
    assert nodes(label, "found", 1) == ("c2", ["write"])
    assert nodes(label, "log", 0) == ("c2", ["write"])


def test_a_file_by_its_path_tells_the_same(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "a.db", check_same_thread=False)
    built(SqliteSaver(connection))
    history = lgviz.history(tmp_path / "a.db", "1")
    for channel, path, label, nodes in (
        ("messages", [1], "c2", ("write",)),
        ("messages", [3], "c3", ("right",)),
        ("notes", [], "c4", ("both",)),
    ):
        origin = origin_of(history["c4"], channel, path)
        assert origin.set_by is not None
        assert (origin.set_by.label, origin.nodes) == (label, nodes)
    connection.close()


def test_copied_code_makes_the_part_of_the_state_before(opened: Opened) -> None:
    shown = json.loads(opened.form("c2", "messages", 1)["text"])
    request = opened.edit("c2", "messages", [1], {**shown, "content": "new"})
    request["edits"] += [
        {"channel": "found", "path": [0], "text": "2"},
        {"channel": "guest", "path": [1], "text": "true"},
        {"channel": "day", "path": [], "text": '"2026-03-05"'},
        {"channel": "log", "path": [0], "text": '"z"'},
        {"channel": "notes", "path": [], "text": '"new"'},
    ]
    code = opened.view.ask("code_get", act="fork", checkpoint=opened.ids["c2"], fork=request)["code"]
    assert "'notes': 'new'," in code
    scope: dict[str, Any] = {"graph": opened.graph}
    exec(code.replace("lgviz.fork", "made = lgviz.fork"), scope)
    made = scope["made"].values
    assert made == opened.made(request)
    assert made["messages"][1].response_metadata == {"model": "m"}
    assert (made["found"], made["guest"], made["log"]) == (
        {"n": 2, "raw": b"x"},
        Guest("Ana", True),
        ["z", "b"],
    )


@pytest.mark.parametrize("name", list(DEMOS))
def test_every_value_of_every_demo_can_be_edited_and_left_as_it_is(name: str) -> None:
    graph = DEMOS[name].build(InMemorySaver())
    DEMOS[name].seed(graph, thread_id="1")
    view = View(graph, "1")
    for checkpoint in view.ask("thread_open", thread_id="1")["tree"]["ids"][-3:]:
        seen = view.ask("checkpoint_get", checkpoint=checkpoint)
        for channel in (one["name"] for one in seen["channels"] if not one["internal"]):
            view.ask("part_form", checkpoint=checkpoint, channel=channel, path=[])
    view.close()


def test_who_set_each_part_is_told_for_a_gutter(opened: Opened) -> None:
    told = opened.view.ask("blame_get", checkpoint=opened.ids["c4"])
    marks = {
        (part["channel"], *part["path"]): (told["steps"][part["step"]]["label"], part["first"], part["made"])
        for part in told["parts"]
        if part["line"] is None
    }
    assert marks["messages",] == ("c3", "c1", False)
    assert marks["messages", 1] == ("c2", "c2", True)
    assert marks["messages", 3] == ("c3", "c3", True)
    assert marks["notes",] == ("c4", "c2", False)
    assert all(part["sure"] for part in told["parts"])
    by = {step["label"]: step["nodes"] for step in told["steps"]}
    assert by["c4"] == ["both"]


def test_a_part_is_found_in_another_state(opened: Opened) -> None:
    label = opened.view.ask("fork_commit", **opened.edit("c4", "found", [0], 2, "right"))["label"]
    opened.view.ask("thread_refresh")
    opened.ids[label] = lgviz.history(opened.graph, "1")[label].id

    def place(at: str, target: str, channel: str, *path: int, line: int | None = None) -> Any:
        asked = {"channel": channel, "path": list(path), "line": line}
        return opened.view.ask("origin_find", checkpoint=opened.ids[at], target=opened.ids[target], **asked)

    state = lgviz.history(opened.graph, "1")["c4"].values
    last = len(state["messages"]) - 1
    assert place("c4", "c2", "messages", 1) == {"path": [1], "text": ""}
    assert place("c4", "c2", "messages", last)["path"] is None, "a message that came later"
    assert place("c4", "c0", "notes")["path"] is None
    assert place(label, "c4", "found", 1)["path"] == [1], "an item that is equal"
    assert place(label, "c4", "found", 0)["path"] == [0], "else the one that stands there"
    assert place("c4", "c3", "notes", line=0) == {"path": [], "text": "one"}, "the line of its number"
