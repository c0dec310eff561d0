"""A ``Command`` that was given to the graph is given again, where it is certain what it was."""

from __future__ import annotations

import operator
from collections import Counter
from typing import Annotated, Any, TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph, add_messages
from langgraph.types import Command, Send, interrupt

import lgviz
from lgviz import persistence

CONFIG: Any = {"configurable": {"thread_id": "1"}}
NAMES = "abcd"


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]
    messages: Annotated[list[Any], add_messages]
    last: str


def build(calls: Counter[str], saver: Any = None, says: str = "", **options: Any) -> Any:
    """A chain whose nodes log how much they were given; ``says`` is what ``c`` adds to that."""

    def node(name: str) -> Any:
        def run(state: State) -> Any:
            calls[name] += 1
            held = f"{len(state.get('log', []))},{len(state.get('messages', []))},{state.get('last')}"
            return {"log": [f"{name} {held} {says if name == 'c' else ''}"], "messages": [AIMessage(name)]}

        return run

    builder = StateGraph(State)
    for before, name in zip([START, *NAMES], NAMES, strict=False):
        builder.add_node(name, node(name)).add_edge(before, name)
    return builder.compile(checkpointer=saver, **options)


def stored(command: Command[Any], stop: str = "b", saver: Any = None) -> Any:
    saver = saver or InMemorySaver()
    graph = build(Counter(), saver, interrupt_before=[stop])
    graph.invoke({"log": []}, CONFIG)
    graph.invoke(command, CONFIG)
    return saver


COMMANDS: dict[str, Command[Any]] = {
    "update": Command(update={"log": ["given"], "last": "now"}),
    "message": Command(update={"messages": [HumanMessage("look")]}),
    "twice the same channel": Command(update=[("log", ["one"]), ("log", ["two"])]),
    "goto": Command(goto="d"),
    "goto and update": Command(update={"log": ["given"]}, goto=["c", "d"]),
    "send": Command(goto=Send("d", {"log": ["sent"], "last": "x"})),
}


@pytest.mark.parametrize("kind", [InMemorySaver, persistence.MemorySaver])
@pytest.mark.parametrize("name", COMMANDS)
def test_the_unchanged_graph_runs_nothing_and_a_changed_node_alone(name: str, kind: Any) -> None:
    saver = stored(COMMANDS[name], saver=kind())
    calls: Counter[str] = Counter()
    found = lgviz.replay(build(calls), saver)["1"]
    assert (found.verdict, found.ran, calls) == ("same", Counter(), Counter()), found.reason
    recorded = build(calls, saver).get_state(CONFIG).values
    assert found.values == recorded, "ids of messages too"
    ran = sum(entry.startswith("c ") for entry in recorded["log"])
    again = lgviz.replay(build(calls), saver, live="c")["1"]
    assert (again.verdict, again.ran, calls) == ("same", +Counter(c=ran), +Counter(c=ran))
    other = lgviz.replay(build(calls, says="!"), saver, live="c")["1"]
    assert other.verdict == ("parted" if ran else "same")


def test_what_was_asked_after_a_command_answers_nothing_that_was_asked_without_it() -> None:
    """The rows of the checkpoint hold what the node answered to the state that the Command had made."""
    saver = stored(Command(update={"last": "now"}))
    other: Any = {"configurable": {"thread_id": "2"}}
    build(Counter(), saver, interrupt_before=["a"]).invoke({"log": []}, other)
    calls: Counter[str] = Counter()
    run = lgviz.run(build(calls, saver), "c1", thread_id="2", reuse={"from_": ["1"]})
    assert (run.served, calls) == (Counter("a"), Counter("bcd"))
    assert run.values["log"][1] == "b 1,1,None "


def test_before_a_command_nothing_runs_past_it_though_all_has_changed() -> None:
    saver = stored(Command(goto="d"), stop="c")
    calls: Counter[str] = Counter()
    graph = build(calls)
    found = lgviz.replay(graph, saver, live="a")["1"]
    assert (found.verdict, calls) == ("same", Counter("a"))
    calls.clear()

    def other(state: State) -> Any:
        return {"log": ["another"]}

    graph.nodes["a"].bound.func = other
    found = lgviz.replay(graph, saver, live="a")["1"]
    assert (found.verdict, found.parted_at) == ("parted", "c2")
    assert calls["c"] == 1, "after the Command alone, for LangGraph also goes where it waited"


def asking(calls: Counter[str], saver: Any = None, *, beside: bool = False) -> Any:
    """``asks`` tells what it was given and answered; ``beside`` runs in the same step, and ends at once."""

    def asks(state: State) -> Any:
        calls["asks"] += 1
        return {"log": [f"{state.get('last')}, {len(state['log'])}: {interrupt('what?')}"]}

    def tells(state: State) -> Any:
        calls["tells"] += 1
        return {"log": [f"{state.get('last')}"]}

    builder = StateGraph(State).add_node("asks", asks).add_node("beside", tells).add_node("end", tells)
    builder.add_edge(START, "asks").add_edge("asks", "end")
    return (builder.add_edge(START, "beside") if beside else builder).compile(checkpointer=saver)


@pytest.mark.parametrize("kind", [InMemorySaver, persistence.MemorySaver])
@pytest.mark.parametrize("before", [[], [Command(update={"log": ["first"]})]])
def test_a_command_that_answers_and_updates_is_given_again(before: list[Any], kind: Any) -> None:
    saver, calls = kind(), Counter[str]()
    graph = asking(calls, saver)
    graph.invoke({"log": []}, CONFIG)
    for command in [*before, Command(resume="this", update={"last": "now", "log": ["given"]})]:
        graph.invoke(command, CONFIG)
    calls.clear()
    found = lgviz.replay(graph, saver)["1"]
    assert (found.verdict, found.served, calls) == ("same", Counter(asks=1, end=1), Counter()), found.reason
    assert found.values == graph.get_state(CONFIG).values
    live = lgviz.replay(graph, saver, live="asks")["1"]
    assert (live.verdict, calls["tells"]) == ("same", 0), live.reason


def test_a_command_of_which_another_was_kept_is_unknown() -> None:
    """Older LangGraphs kept what the first of several Commands wrote, and used what the last did."""
    saver, calls = InMemorySaver(), Counter[str]()
    graph = asking(calls, saver)
    graph.invoke({"log": []}, CONFIG)
    graph.invoke(Command(resume="this", update={"last": "now"}), CONFIG)
    for writes in saver.writes.values():
        for key, (task_id, channel, _, path) in list(writes.items()):
            if channel == "last":
                writes[key] = (task_id, channel, saver.serde.dumps_typed("before"), path)
    calls.clear()
    found = lgviz.replay(graph, saver, live="asks")["1"]
    assert (found.verdict, calls["tells"]) == ("unknown", 0)
    assert "a Command was given where a node waited" in found.reason and "with what is stored" in found.reason


def test_what_ended_before_a_command_is_not_known() -> None:
    saver, calls = InMemorySaver(), Counter[str]()
    graph = asking(calls, saver, beside=True)
    graph.invoke({"log": []}, CONFIG)
    graph.invoke(Command(resume="this", update={"last": "now"}), CONFIG)
    calls.clear()
    found = lgviz.replay(graph, saver)["1"]
    assert (found.verdict, calls) == ("unknown", Counter())
    assert "what a task that had ended before was asked does not follow; lgviz.fork" in found.reason


def test_a_run_is_not_answered_by_what_may_have_been_asked_otherwise() -> None:
    saver, calls = InMemorySaver(), Counter[str]()
    graph = asking(calls, saver)
    graph.invoke({"log": []}, CONFIG)
    graph.invoke(Command(resume="this", update={"last": "now"}), CONFIG)
    calls.clear()
    given: Any = {"configurable": {"thread_id": "2"}}
    graph.invoke({"log": [], "last": "now"}, given, interrupt_before=["asks"])
    run = lgviz.run(graph, "c1", thread_id="2", reuse={"from_": ["1"]})
    assert (run.status, run.served, calls["asks"]) == ("interrupted", Counter(), 1)


@settings(max_examples=25, deadline=None)
@given(
    stop=st.sampled_from("bcd"),
    update=st.lists(st.tuples(st.sampled_from(["log", "last"]), st.sampled_from(["x", "y"])), max_size=3),
    goto=st.lists(st.sampled_from(NAMES), max_size=2),
    live=st.sampled_from(NAMES),
)
def test_any_command(stop: str, update: list[tuple[str, str]], goto: list[str], live: str) -> None:
    last = dict(update).get("last")
    made: list[Any] = [(name, [value]) for name, value in update if name == "log"]
    command: Command[Any] = Command(update=[*made, *([("last", last)] if last else [])] or None, goto=goto)
    if not command.update and not goto:
        return
    saver = stored(command, stop)
    calls: Counter[str] = Counter()
    found = lgviz.replay(build(calls), saver)["1"]
    assert (found.verdict, calls) == ("same", Counter()), found.reason
    again = lgviz.replay(build(calls), saver, live=live)["1"]
    assert (again.verdict, +Counter({live: calls[live]})) == ("same", calls)
