"""Which step is to blame: a fault that happened once is found by running each step anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypedDict

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

import lgviz
from lgviz.errors import InvalidValue, NodeRefused, NothingToRun, PredicateFailed


class State(TypedDict, total=False):
    question: str
    plan: list[str]
    fare: float
    approved: bool
    answer: str


def _booking(fault: str, **stops: Any) -> Any:
    """Plans, looks, checks, answers; one step is at fault, the first time that it runs."""
    ran: Counter[str] = Counter()

    def faulty(name: str) -> bool:
        ran[name] += 1
        return name == fault and ran[name] == 1

    def plan(state: State) -> dict[str, Any]:  # forgets a step of its plan
        return {"plan": ["search"] if faulty("plan") else ["search", "check"]}

    def route(state: State) -> Command[Any]:  # goes the wrong way
        return Command(goto="answer" if faulty("route") else "search")

    def search(state: State) -> dict[str, Any]:  # a tool's result is wrong
        return {"fare": -1.0 if faulty("search") else 129.0}

    def check(state: State) -> dict[str, Any]:  # decides wrongly
        return {
            "approved": False if faulty("check") else "check" in state["plan"] and state.get("fare", 0) > 0
        }

    def answer(state: State) -> dict[str, Any]:  # says what is not so
        right = state.get("approved") and not faulty("answer")
        return {"answer": "booked" if right else "refused"}

    builder = StateGraph(State)
    builder.add_node("route", route, destinations=("search", "answer"))
    for node in (plan, search, check, answer):
        builder.add_node(node.__name__, node)
    builder.add_edge(START, "plan")
    builder.add_edge("plan", "route")
    builder.add_edge("search", "check")
    builder.add_edge("check", "answer")
    builder.add_edge("answer", END)
    graph = builder.compile(checkpointer=InMemorySaver(), **stops)
    thread: Any = {"configurable": {"thread_id": "1"}}
    graph.invoke({"question": "a flight"}, thread)
    while graph.get_state(thread).next:
        graph.invoke(None, thread)
    return graph


def _is_booked(values: Any) -> bool:
    return bool(values["answer"] == "booked")


@pytest.mark.parametrize("fault", ["plan", "route", "search", "check", "answer"])
def test_a_fault_that_happened_once_is_named_first(fault: str) -> None:
    graph = _booking(fault)
    h = lgviz.history(graph)
    assert h.latest.values["answer"] == "refused"
    found = lgviz.blame_steps(graph, h.latest, _is_booked, runs=3)
    assert found.baseline is False
    assert found.top is not None and found.top.nodes == (fault,) and found.top.rate == 1
    assert all(one.rate == 0 for one in found[1:])
    assert len(lgviz.history(graph)) == len(h)  # nothing is stored
    assert f"{fault}: run anew, the outcome changed 3 of 3 times" in repr(found)
    assert found.frame().iloc[0][["nodes", "flips"]].tolist() == [fault, 3]
    assert fault in found._repr_html_()


def test_where_no_step_is_at_fault_none_is_named() -> None:
    found = lgviz.blame_steps(_booking(""), "c6", _is_booked, runs=2, thread_id="1")
    assert found.top is None and found.baseline is True
    assert repr(found) == "No step's rerun changed the outcome (5 steps, 10 runs)."


def test_a_budget_goes_to_the_steps_that_changed_the_outcome() -> None:
    found = lgviz.blame_steps(_booking("search"), "c6", _is_booked, runs=5, budget=7, thread_id="1")
    assert found.stopped and sum(one.runs for one in found) == 7
    assert found.top is not None and found.top.nodes == ("search",) and found.top.runs == 2


def test_steps_are_run_anew_in_threads() -> None:
    with ThreadPoolExecutor(2) as pool:
        found = lgviz.blame_steps(_booking("check"), "c6", _is_booked, executor=pool, thread_id="1")
    assert found.top is not None and found.top.nodes == ("check",) and found.top.flips == 5


@pytest.mark.parametrize("stops", [{"interrupt_before": ["search", "answer"]}, {"interrupt_after": "*"}])
@pytest.mark.parametrize("fault", ["plan", "check"])
def test_breakpoints_of_the_graph_keep_no_rerun_from_its_end(stops: Any, fault: str) -> None:
    graph = _booking(fault, **stops)
    found = lgviz.blame_steps(graph, lgviz.history(graph).latest, _is_booked, runs=2)
    assert found.top is not None and found.top.nodes == (fault,) and found.top.flips == 2
    assert {(one.runs, one.failed) for one in found} == {(2, 0)}


def test_what_comes_after_a_breakpoint_inside_a_step_is_run_anew_too() -> None:
    judged: list[State] = []

    def judge(state: State) -> dict[str, Any]:  # decides wrongly the first time
        judged.append(state)
        return {"approved": len(judged) > 1}

    inner: Any = StateGraph(State).add_node("look", lambda state: {"fare": 5.0})
    inner.add_node("judge", judge).add_edge(START, "look").add_edge("look", "judge")
    builder: Any = StateGraph(State).add_node("inner", inner.compile(interrupt_before=["judge"]))
    builder.add_node("answer", lambda state: {"answer": "booked" if state.get("approved") else "refused"})
    builder.add_edge(START, "inner").add_edge("inner", "answer")
    graph = builder.compile(checkpointer=InMemorySaver())
    for asked in ({"question": "a flight"}, None):
        graph.invoke(asked, {"configurable": {"thread_id": "1"}})
    found = lgviz.blame_steps(graph, lgviz.history(graph).latest, _is_booked, runs=1)
    told = {one.nodes: (one.runs, one.flips, one.failed) for one in found}
    assert told == {("inner",): (1, 1, 0), ("answer",): (1, 0, 0)}


def test_a_node_with_effects_is_not_run_anew() -> None:
    found = lgviz.blame_steps(_booking("answer"), "c6", _is_booked, runs=1, effects="search", thread_id="1")
    assert found.top is not None and found.top.nodes == ("answer",)
    told = {one.nodes[0]: (one.runs, one.failed) for one in found}
    assert told == dict.fromkeys(("answer", "plan", "route", "check"), (1, 0))
    found = lgviz.blame_steps(_booking("plan"), "c6", _is_booked, runs=1, effects="search", thread_id="1")
    assert {one.nodes[0]: one.failed for one in found}["plan"] == 1  # another plan asks for another search


@pytest.mark.parametrize(
    ("at", "score", "runs", "error", "words"),
    [
        ("c6", lambda values: values["fair"], 1, PredicateFailed, "KeyError: 'fair' for the state at c6"),
        ("c1", lambda values: 1, 1, NothingToRun, "led to c1"),
        ("c6", _is_booked, 0, InvalidValue, "from 1"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(
    at: str, score: Callable[[Any], Any], runs: int, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        lgviz.blame_steps(_booking(""), at, score, runs, thread_id="1")


def test_steps_of_which_only_the_last_is_stored_are_not_run_anew() -> None:
    graph = _booking("")
    for question in ("one", "two"):
        graph.invoke({"question": question}, {"configurable": {"thread_id": "end"}}, durability="exit")
    with pytest.raises(NothingToRun, match="led to c1"):
        lgviz.blame_steps(graph, "c1", _is_booked, thread_id="end")


@given(st.integers(1, 60), st.data())
def test_the_interval_is_wilsons(runs: int, data: Any) -> None:
    flips = data.draw(st.integers(0, runs))
    low, high = lgviz.StepTrial(None, ("a",), runs, flips, 0).interval
    assert 0 <= low <= flips / runs <= high <= 1
    for end in (low, high):  # where the score test is just not significant
        if 0 < end < 1:
            assert abs(flips / runs - end) == pytest.approx(1.96 * (end * (1 - end) / runs) ** 0.5)


def test_the_end_of_a_run_is_asked_for() -> None:
    with pytest.raises(InvalidValue, match="did not end at c3: 'search' would run next"):
        lgviz.blame_steps(_booking(""), "c3", lambda values: values.get("answer"), thread_id="1")


def test_a_step_before_an_update_is_not_run_as_if_there_were_none() -> None:
    graph = _booking("")
    updated = graph.update_state(lgviz.history(graph)["c3"].config, {"fare": 5.0}, as_node="search")
    graph.invoke(None, updated)
    end = lgviz.history(graph, "1").latest
    found = lgviz.blame_steps(graph, end, lambda values: values["fare"], runs=1)
    assert found.top is None and {one.nodes for one in found} == {("check",), ("answer",)}


def test_scores_are_compared_by_their_value() -> None:
    for score in (lambda _: float("nan"), lambda _: numpy.array([1, 2])):
        assert lgviz.blame_steps(_booking(""), "c6", score, runs=1, thread_id="1").top is None


@pytest.mark.parametrize("budget", [-1, 1.5, "many"])
def test_a_budget_is_a_number(budget: Any) -> None:
    with pytest.raises(InvalidValue, match="budget is"):
        lgviz.blame_steps(_booking(""), "c6", _is_booked, budget=budget, thread_id="1")


def test_effects_that_no_node_has_are_refused_before_anything_runs() -> None:
    with pytest.raises(NodeRefused, match="serch"):
        lgviz.blame_steps(_booking(""), "c6", _is_booked, effects="serch", thread_id="1")


def test_a_graph_with_effects_inside_is_not_run_anew() -> None:
    ran: list[str] = []
    inner = StateGraph(State)
    inner.add_node("pay", lambda state: ran.append("pay") or {"approved": True})
    inner.add_edge(START, "pay")
    builder = StateGraph(State)
    builder.add_node("checkout", inner.compile())
    builder.add_node("say", lambda state: {"answer": "booked"})
    builder.add_edge(START, "checkout")
    builder.add_edge("checkout", "say")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"question": "pay"}, {"configurable": {"thread_id": "1"}})
    found = lgviz.blame_steps(graph, None, _is_booked, runs=2, effects="checkout|pay", thread_id="1")
    assert ran == ["pay"] and [one.nodes for one in found] == [("say",)]


def test_where_no_rerun_ends_nothing_is_said_of_the_outcome() -> None:
    builder = StateGraph(State)
    builder.add_node("ask", lambda state: {"answer": interrupt("book it?")})
    builder.add_edge(START, "ask")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"question": "a flight"}, config := {"configurable": {"thread_id": "1"}})
    graph.invoke(Command(resume="booked"), config)
    found = lgviz.blame_steps(graph, None, _is_booked, runs=2, thread_id="1")
    assert repr(found) == "No step's rerun came to an outcome (1 step, 2 runs)."
