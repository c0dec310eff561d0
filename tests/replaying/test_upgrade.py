"""Which threads a changed graph can resume, and which line to change where it cannot."""

from __future__ import annotations

import operator
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel

import lgviz
from lgviz.demos import DEMOS
from lgviz.errors import ThreadNotFound

REPO = Path(__file__).resolve().parents[2]
CONFIG: Any = {"configurable": {"thread_id": "1"}}
calls: Counter[str] = Counter()


class State(TypedDict, total=False):
    said: str
    held: Any


def build(*names: str, schema: Any = State, saver: Any = None, extra: Any = ()) -> Any:
    builder = StateGraph(schema)
    for name in names:
        builder.add_node(name, _node(name))
    for one, other in [*zip([START, *names], names, strict=False), *extra]:
        builder.add_edge(one, other)
    return builder.compile(checkpointer=saver)


def _node(name: str) -> Any:
    def run(state: Any) -> Any:
        calls[name] += 1
        if name == "ask":
            return {"said": interrupt("go on?")}
        return {"said": name}

    return run


@pytest.fixture
def waiting() -> InMemorySaver:
    """A thread that waits for an answer to ``ask``."""
    saver = InMemorySaver()
    build("plan", "ask", "act", saver=saver).invoke({"said": "go"}, CONFIG)
    calls.clear()
    return saver


@pytest.mark.parametrize("name", DEMOS)
def test_the_same_graph_can_go_on_everywhere(name: str) -> None:
    saver = InMemorySaver()
    graph = DEMOS[name].build(saver)
    DEMOS[name].seed(graph)
    found = lgviz.check_upgrade(DEMOS[name].build(None), graph)
    assert found.ok, found
    assert found.heads == sum(
        len(lgviz.history(graph, thread).heads) for thread in lgviz.history(graph).threads
    )
    assert "all can be resumed" in repr(found)


def one(found: Any) -> tuple[str, str, str, str]:
    (problem,) = found
    assert not calls, "it runs no node"
    assert found.frame().iloc[0]["kind"] == problem.kind
    return problem.head, problem.kind, problem.text, problem.remedy


def test_a_node_that_waits_is_gone(waiting: Any) -> None:
    head, kind, text, remedy = one(lgviz.check_upgrade(build("plan", "act"), waiting))
    assert (head, kind) == ("c2", "next")
    assert text == "'ask' was to run next, and the graph has no such node"
    assert remedy == "Keep the node, or go round it by lgviz.fork(graph, 'c2', …, as_node=…, thread_id='1')."


def test_an_edge_to_another_node_is_nothing_to_who_waits_already(waiting: Any) -> None:
    assert lgviz.check_upgrade(build("plan", "other", "ask", "act"), waiting).ok
    assert not calls


def test_a_question_would_be_asked_anew(waiting: Any) -> None:
    """LangGraph knows a task again by its id, which is made of what triggers its node."""
    changed = build("plan", "ask", "act", extra=[(("plan", "act"), "ask")])
    head, kind, text, remedy = one(lgviz.check_upgrade(changed, waiting))
    assert (head, kind) == ("c2", "task")
    assert text == "'ask' would begin anew, for other edges lead there now"
    assert remedy.startswith("Answer it before the upgrade")


def test_the_schema_refuses_the_state(waiting: Any) -> None:
    class Strict(BaseModel):
        said: str
        needed: int

    head, kind, text, remedy = one(lgviz.check_upgrade(build("plan", "ask", "act", schema=Strict), waiting))
    assert (head, kind) == ("c2", "state")
    assert "needed: Field required" in text
    assert remedy.startswith("Give what is new in the schema a default")


WRITES = """
import sys
from types import ModuleType
from pydantic import BaseModel
from lgviz import persistence
from tests.replaying.test_upgrade import CONFIG, build

class Order(BaseModel):
    total: int

Order.__module__ = "gone_app"
sys.modules["gone_app"] = module = ModuleType("gone_app")
module.Order = Order
with persistence.SqliteSaver.from_conn_string(sys.argv[1]) as saver:
    build("plan", saver=saver).invoke({"said": "go", "held": Order(total=3)}, CONFIG)
"""


def test_a_class_is_gone(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", WRITES, tmp_path / "z.db"], check=True, cwd=REPO)
    head, kind, text, remedy = one(lgviz.check_upgrade(build("plan"), tmp_path / "z.db"))
    assert (head, kind) == ("c2", "value")
    assert text.startswith("the value of 'held': gone_app.Order cannot be built")
    assert remedy == "Import its class before, or keep a class of that name."


def test_what_led_there_raises_now() -> None:
    def graph(reducer: Any, saver: Any = None) -> Any:
        builder = StateGraph(TypedDict("Logged", {"log": Annotated[list[str], reducer]}))  # type: ignore[operator]
        builder.add_node("plan", lambda state: {"log": ["plan"]})
        builder.add_edge(START, "plan")
        return builder.compile(checkpointer=saver)

    def no_repeats(old: list[str], new: list[str]) -> list[str]:
        if "plan" in new:
            raise ValueError("a plan is no entry")
        return old + new

    saver = InMemorySaver()
    graph(operator.add, saver).invoke({"log": ["go"]}, CONFIG)
    assert lgviz.check_upgrade(graph(operator.add), saver).ok
    head, kind, text, _ = one(lgviz.check_upgrade(graph(no_repeats), saver))
    assert (head, kind) == ("c2", "replay")
    assert "a plan is no entry" in text


def joining(starts: Any, failing: str = "", saver: Any = None) -> Any:
    """``a`` and ``b`` are joined by ``starts`` into ``last``; the one that is ``failing`` raises."""
    builder = StateGraph(State)
    for name in {"a", "b", "last", *starts}:

        def node(_state: State, name: str = name) -> State:
            if name == failing:
                raise ValueError("down")
            calls[name] += 1
            return {}

        builder.add_node(name, node)
    for name in {"a", "b", *starts}:
        builder.add_edge(START, name)
    return builder.add_edge(starts, "last").compile(checkpointer=saver)


@pytest.mark.parametrize("starts", [["a", "b"], ["b", "a", "more"]])
def test_what_a_finished_task_gave_to_a_join_that_is_gone(starts: list[str]) -> None:
    saver = InMemorySaver()
    with pytest.raises(ValueError, match="down"):
        joining(["a", "b"], "b", saver).invoke({"said": "go"}, CONFIG)
    calls.clear()
    found = lgviz.check_upgrade(joining(starts), saver)
    if len(starts) == 3:
        head, kind, text, _ = one(found)
        assert (head, kind) == ("c1", "next")
        assert text == "'last' waits for 'a' and 'b', and the graph has no such join any more"
    joining(starts, saver=saver).invoke(None, CONFIG)
    assert found.ok == (calls["last"] == 1), "LangGraph itself passes over it"


def test_a_channel_that_is_gone_and_held_something(waiting: Any) -> None:
    class Renamed(TypedDict, total=False):
        told: str

    head, kind, text, remedy = one(lgviz.check_upgrade(build("plan", "ask", "act", schema=Renamed), waiting))
    assert (head, kind) == ("c2", "state")
    assert text == "the graph has no channel 'said': what is stored for it is dropped"
    assert remedy.startswith("Keep the channel, or give its value to another")

    class Fewer(TypedDict, total=False):
        said: str

    assert lgviz.check_upgrade(build("plan", "ask", "act", schema=Fewer), waiting).ok, "held nothing"


class Needing(BaseModel):
    said: str
    needed: int


INNER: dict[str, tuple[Any, str, str]] = {
    "same": (lambda: build("i", "ask", "j"), "", ""),
    "renamed before": (lambda: build("other", "ask", "j"), "", ""),
    "renamed": (lambda: build("i", "asks", "j"), "next", "'ask' was to run next, and the graph has no such node"),
    "schema": (lambda: build("i", "ask", "j", schema=Needing), "state", "needed: Field required"),
    "history": (lambda: build("i", "ask", "j", saver=True), "task", "checkpointer=True was added to it"),
}  # fmt: skip


@pytest.mark.parametrize("deep", [1, 2])
@pytest.mark.parametrize("case", INNER)
def test_a_subgraph_that_waits(case: str, deep: int) -> None:
    def around(inner: Any, saver: Any = None) -> Any:
        for level in range(deep, 0, -1):
            builder = StateGraph(State).add_node(f"sub{level}", inner).add_edge(START, f"sub{level}")
            inner = builder.compile(checkpointer=saver if level == 1 else None)
        return inner

    saver = InMemorySaver()
    around(build("i", "ask", "j"), saver).invoke({"said": "go"}, CONFIG)
    calls.clear()
    changed, expected, said = INNER[case]
    found = lgviz.check_upgrade(around(changed()), saver)
    if not expected:
        assert found.ok and found.heads == 1 and not calls
        return
    head, kind, text, _ = one(found)
    assert (head, kind) == ("c1", expected)
    assert text.startswith(f"in {'sub1' if deep == 1 else 'sub1|sub2'!r} at c1.") and said in text


@pytest.mark.parametrize("stop", [{"interrupt_before": ["act"]}, {"interrupt_after": ["plan"]}])
def test_where_a_breakpoint_stopped(stop: Any) -> None:
    saver = InMemorySaver()
    graph = build("plan", "act", saver=saver)
    graph.invoke({"said": "go"}, CONFIG, **stop)
    calls.clear()
    assert lgviz.check_upgrade(build("plan", "more", "act"), saver).ok
    assert lgviz.check_upgrade(build("plans", "act"), saver).ok
    head, kind, text, _ = one(lgviz.check_upgrade(build("plan", "acts"), saver))
    assert (head, kind, text.split()[0]) == ("c2", "next", "'act'")


def test_which_threads(waiting: Any) -> None:
    with pytest.raises(ThreadNotFound):
        lgviz.check_upgrade(build("plan"), waiting, threads="9")
