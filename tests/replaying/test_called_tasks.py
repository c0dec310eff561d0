"""Tasks that a function calls are answered one by one where the function itself must run."""

from __future__ import annotations

import asyncio
import operator
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import CachePolicy, Command, RetryPolicy, Send, interrupt

import lgviz
from lgviz import persistence

CONFIG: Any = {"configurable": {"thread_id": "1"}}
Calls = Counter[str]

# ---------------------------------------------------------------- exactly what depends on it runs

Step = tuple[str, ...]
"""Tasks that are begun together, each named; the next step begins once all of them have ended."""


class Program:
    """An entrypoint that calls tasks step by step; ``deep`` calls others. What a task is given follows from
    all that the steps before it gave.

    Args:
        steps: what is called.
        new: the task that has new code, which gives something else for odd numbers.
    """

    def __init__(self, steps: list[Step], new: str = "") -> None:
        self.heard: list[tuple[str, int]] = []
        self.steps, self.new = steps, new
        self.begun = threading.Event()  # all of a step: none of it ends before

    def said(self, name: str, number: int) -> int:
        self.heard.append((name, number))
        value = (number * 7 + sum(map(ord, name))) % 101
        return value + (1 if name == self.new and number % 2 else 0)

    def graph(self, saver: Any) -> Any:
        leaves = {name: task(name=name)(self._leaf(name)) for name in ("one", "two", "three")}

        @task
        def deep(number: int) -> int:
            found = self.said("deep", number)
            return leaves["one"](found).result() + leaves["two"](number).result()

        @entrypoint(checkpointer=saver)
        def program(number: int) -> list[int]:
            given = [number]
            for step in self.steps:
                self.begun.clear()
                begun = [{**leaves, "deep": deep}[name](sum(given) + at) for at, name in enumerate(step)]
                self.begun.set()
                given += [each.result() for each in begun]
            return given

        return program

    def _leaf(self, name: str) -> Callable[[int], int]:
        def leaf(number: int) -> int:
            assert self.begun.wait(20)
            return self.said(name, number)

        return leaf

    def async_graph(self, saver: Any) -> Any:
        leaves = {name: task(name=name)(self._async_leaf(name)) for name in ("one", "two", "three")}

        @task
        async def deep(number: int) -> int:
            found = self.said("deep", number)
            return await leaves["one"](found) + await leaves["two"](number)

        @entrypoint(checkpointer=saver)
        async def program(number: int) -> list[int]:
            given = [number]
            for step in self.steps:
                begun = [{**leaves, "deep": deep}[name](sum(given) + at) for at, name in enumerate(step)]
                given += await asyncio.gather(*begun)
            return given

        return program

    def _async_leaf(self, name: str) -> Any:
        async def leaf(number: int) -> int:
            return self.said(name, number)

        return leaf


def expected(steps: list[Step], new: str) -> tuple[Calls, list[int]]:
    """By brute force, without LangGraph: which tasks must run, and what comes out.

    A call runs if it is the changed task, if it calls that, or if a call that had ended before it in its
    function gave something else than the old code's.
    """
    ran: Calls = Counter()
    old, now = Program(steps), Program(steps, new)

    def called(name: str, was: int, number: int, around: bool) -> tuple[int, int]:
        """What a call gave and gives; ``around``: whether its function must run all."""
        if name != "deep":
            if around or name == new:
                ran[name] += 1
            return old.said(name, was), now.said(name, number)
        if around or new in ("one", "two", "deep"):
            ran["deep"] += 1
        before, after = old.said("deep", was), now.said("deep", number)
        inner = around or new == "deep"
        one = called("one", before, after, inner)
        two = called("two", was, number, inner or one[0] != one[1])
        return one[0] + two[0], one[1] + two[1]

    was, given, differs = [3], [3], False
    for step in steps:
        ended = [called(name, sum(was) + at, sum(given) + at, differs) for at, name in enumerate(step)]
        was += [each[0] for each in ended]
        given += [each[1] for each in ended]
        differs = differs or was != given
    return ran, given


NAMES = st.sampled_from(["one", "two", "three", "deep"])
STEPS = st.lists(st.lists(NAMES, min_size=1, max_size=3).map(tuple), min_size=1, max_size=4)
SAVERS: list[Callable[[], Any]] = [
    InMemorySaver,
    lambda: SqliteSaver(sqlite3.connect(":memory:", check_same_thread=False)),
    persistence.MemorySaver,
    lambda: persistence.SqliteSaver.from_conn_string(":memory:"),
]


@settings(max_examples=30, deadline=None, phases=[Phase.generate])
@given(steps=STEPS, new=NAMES, which=st.integers(0, 3))
def test_exactly_the_live_task_runs_and_what_it_gave_something_else(
    steps: list[Step], new: str, which: int
) -> None:
    saver = SAVERS[which]()
    Program(steps).graph(saver).invoke(3, CONFIG)
    really = Program(steps, new)
    found = lgviz.replay(really.graph(None), saver, live=[new])["1"]
    ran, given = expected(steps, new)
    assert Counter(name for name, _ in really.heard) == ran, steps
    assert found.ran == ran + Counter(program=1 if any(ran.values()) else 0)
    assert found.values == given
    whole = Program(steps)
    assert found.verdict == ("same" if given == whole.graph(InMemorySaver()).invoke(3, CONFIG) else "parted")


@settings(max_examples=15, deadline=None, phases=[Phase.generate])
@given(steps=STEPS, new=NAMES)
def test_so_it_is_where_all_is_awaited(steps: list[Step], new: str) -> None:
    async def replayed() -> Any:
        async with AsyncSqliteSaver.from_conn_string(":memory:") as saver:
            await Program(steps).async_graph(saver).ainvoke(3, CONFIG)
            return await lgviz.areplay(really.async_graph(None), saver, live=[new])

    really = Program(steps, new)
    found = asyncio.run(replayed())["1"]
    ran, given = expected(steps, new)
    assert Counter(name for name, _ in really.heard) == ran, steps
    assert (found.values, found.verdict in ("same", "parted")) == (given, True), found.reason


# ---------------------------------------------------------------- runs that did not end, or were asked


def asking(calls: Calls, saver: Any, fails: bool = False) -> Any:
    """An entrypoint that looks, asks, and acts on what it was told."""

    @task
    def look(number: int) -> int:
        calls["look"] += 1
        return number * 2

    @task
    def act(said: str) -> str:
        calls["act"] += 1
        if fails:
            raise ValueError("out of order")
        return f"did {said}"

    @task
    def close(text: str) -> str:
        calls["close"] += 1
        return text.upper()

    @entrypoint(checkpointer=saver)
    def flow(number: int) -> str:
        calls["flow"] += 1
        looked = look(number).result()
        done = act(interrupt(f"found {looked}")).result()
        return close(done).result()

    return flow


@pytest.fixture(params=["LangGraph", "lgviz"])
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "lgviz":
        return persistence.SqliteSaver.from_conn_string(str(tmp_path / "threads.db"))
    return SqliteSaver(sqlite3.connect(":memory:", check_same_thread=False))


def test_what_a_failed_entrypoint_had_done_is_not_done_again(saver: Any) -> None:
    calls: Calls = Counter()
    broken = asking(calls, saver, fails=True)
    broken.invoke(3, CONFIG)
    with pytest.raises(ValueError, match="out of order"):
        broken.invoke(Command(resume="yes"), CONFIG)
    calls.clear()
    mended = asking(calls, saver)
    run = lgviz.run(mended, "c0", thread_id="1", reuse=True)
    assert (run.status, run.served, calls) == ("interrupted", Counter(look=1), Counter(flow=1))
    end = lgviz.run(mended, run, resume="yes", reuse=True)
    assert (end.status, end.values, calls["look"]) == ("done", "DID YES", 0)
    assert (calls["act"], calls["close"]) == (1, 1)


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_after_another_answer_nothing_more_is_answered(saver: Any, answer: str) -> None:
    calls: Calls = Counter()
    graph = asking(calls, saver)
    graph.invoke(3, CONFIG)
    assert graph.invoke(Command(resume="yes"), CONFIG) == "DID YES"
    calls.clear()
    how: Any = {"live": ["look"]}  # so that it is not answered whole
    asked = lgviz.run(graph, "c0", thread_id="1", reuse=how)
    run = lgviz.run(graph, asked, resume=answer, reuse=how)
    assert (run.status, run.values) == ("done", f"DID {answer.upper()}")
    again = Counter() if answer == "yes" else Counter(act=1, close=1)
    assert calls == Counter(look=1, flow=2) + again, run.served


def test_in_a_replay_the_recorded_answer_is_given_and_the_rest_served(saver: Any) -> None:
    calls: Calls = Counter()
    graph = asking(calls, saver)
    graph.invoke(3, CONFIG)
    graph.invoke(Command(resume="yes"), CONFIG)
    calls.clear()
    found = lgviz.replay(graph, saver, live="look")["1"]
    assert (found.verdict, found.values) == ("same", "DID YES"), found.reason
    assert calls == Counter(look=1, flow=2)
    assert found.served == Counter(act=1, close=1)


def test_an_interrupted_task_keeps_what_it_had_called(saver: Any) -> None:
    calls: Calls = Counter()

    @task
    def look(number: int) -> int:
        calls["look"] += 1
        return number

    @task
    def ask(number: int) -> str:
        calls["ask"] += 1
        return f"{interrupt(look(number).result())} {look(number + 1).result()}"

    @entrypoint(checkpointer=saver)
    def flow(number: int) -> str:
        return ask(number).result()

    flow.invoke(1, CONFIG)
    calls.clear()
    run = lgviz.run(flow, "c0", thread_id="1", reuse=True)
    assert (run.status, run.served, calls) == ("interrupted", Counter(look=1), Counter(ask=1))
    run = lgviz.run(flow, run, resume="so", reuse=True)
    assert (run.values, calls) == ("so 2", Counter(ask=2, look=1))


# ---------------------------------------------------------------- never a wrong answer


def caught(calls: Calls, saver: Any, fails: bool) -> Any:
    """An entrypoint that goes on where its task fails."""

    @task
    def try_it(number: int) -> int:
        calls["try_it"] += 1
        if fails:
            raise ValueError("not today")
        return number

    @task
    def note(number: int) -> int:
        calls["note"] += 1
        return number * 100

    @task
    def look(number: int) -> int:
        calls["look"] += 1
        return number

    @entrypoint(checkpointer=saver)
    def flow(number: int) -> int:
        look(number).result()
        try:
            got = try_it(number).result()
        except ValueError:
            got = -1
        return note(got).result()

    return flow


@pytest.mark.parametrize("then", [True, False])
@pytest.mark.parametrize("now", [True, False])
def test_after_a_failed_call_nothing_is_answered_by_position(saver: Any, then: bool, now: bool) -> None:
    assert caught(Counter(), saver, then).invoke(5, CONFIG) == (-100 if then else 500)
    calls: Calls = Counter()
    found = lgviz.replay(caught(calls, saver, now), saver, live=["try_it"])["1"]
    if then and now:  # it is not known what the call after a failure was asked
        assert (found.verdict, calls) == ("same", Counter(try_it=1, note=1)), found.reason
    else:
        assert (found.verdict, found.values) == ("same" if then == now else "parted", -100 if now else 500)
        assert calls == Counter(try_it=1, note=int(then or now))


def test_what_was_called_after_a_failure_that_was_mended_is_not_taken_for_what_is_called_now(
    saver: Any,
) -> None:
    """LangGraph itself resumes by position: it gives the note of the failure to the call that succeeds."""
    broken, look = True, task(name="look")(lambda number: number)

    @task
    def try_it(number: int) -> int:
        if broken:
            raise ValueError("not today")
        return number

    @task
    def note(number: int) -> int:
        return number * 100

    @entrypoint(checkpointer=saver)
    def flow(number: int) -> int:
        look(number).result()
        try:
            noted = note(try_it(number).result()).result()
        except ValueError:
            noted = note(-1).result()
        if broken:
            raise KeyError("stopped")
        return noted

    with pytest.raises(KeyError):
        flow.invoke(5, CONFIG)
    broken = False
    assert flow.invoke(None, CONFIG) == -100
    assert lgviz.replay(flow, saver, live="look")["1"].verdict == "unknown"
    run = lgviz.run(flow, "c0", thread_id="1", reuse={"live": "look"})
    assert (run.values, run.served) == (500, Counter())


def test_what_a_function_that_may_be_tried_again_calls_is_not_answered(saver: Any) -> None:
    """LangGraph counts its calls on when it tries again: the second is then the first once more."""
    fails, live = [True, False, False], task(name="live")(lambda: 0)
    look = task(name="look")(lambda number: number * 2)

    @entrypoint(checkpointer=saver, retry_policy=RetryPolicy(initial_interval=0, retry_on=KeyError))
    def flow(_: int) -> Any:
        begun = [look(1)]
        if fails.pop(0):
            raise KeyError("once more")
        return [each.result() for each in [*begun, look(5), live()]]

    assert flow.invoke(0, CONFIG) == [2, 10, 0]
    found = lgviz.replay(flow, saver, live="live")["1"]
    assert (found.verdict, found.served) == ("unknown", Counter())
    fails.append(False)
    run = lgviz.run(flow, "c0", thread_id="1", reuse={"live": "live"})
    assert (run.values, run.served) == ([2, 10, 0], Counter())


def test_a_task_that_calls_a_graph_with_its_own_history_is_not_answered(saver: Any) -> None:
    count = StateGraph(State).add_node("count", lambda state: {"number": state.get("number", 0) + 1})
    inner = count.add_edge(START, "count").compile(checkpointer=True)
    deep, live = task(name="deep")(lambda: inner.invoke({})["number"]), task(name="live")(lambda: 0)

    @entrypoint(checkpointer=saver)
    def flow(_: int) -> Any:
        return [live().result(), deep().result(), deep().result()]

    assert flow.invoke(0, CONFIG) == [0, 1, 2]
    for which in ((), "live"):
        found = lgviz.replay(flow, saver, live=which)["1"]
        assert (found.verdict, found.served) == ("unknown", Counter()), found.reason


def test_without_the_paths_of_tasks_none_is_answered_by_position(tmp_path: Path) -> None:
    """Savers kept none before 2026."""
    one, two = task(name="one")(lambda: 1), task(name="two")(lambda: 2)
    connection = sqlite3.connect(tmp_path / "threads.db", check_same_thread=False)
    saver = SqliteSaver(connection)

    @entrypoint(checkpointer=saver)
    def flow(_: int) -> Any:
        return [one().result(), two().result()]

    flow.invoke(0, CONFIG)
    connection.execute("UPDATE writes SET task_path = ''")
    connection.commit()
    assert lgviz.replay(flow, saver)["1"].verdict == "same"
    found = lgviz.replay(flow, saver, live="one")["1"]
    assert (found.verdict, found.served, found.ran) == ("unknown", Counter(), Counter()), found.reason


def test_equal_calls_have_each_their_own_answer(saver: Any) -> None:
    rolled = iter(range(100))
    roll = task(name="roll", cache_policy=CachePolicy())(lambda: next(rolled))
    live = task(name="live")(lambda: 0)

    @entrypoint(checkpointer=saver)
    def flow(number: int) -> Any:
        begun = [live(), *(roll() for _ in range(number))]
        return [each.result() for each in begun]

    first = flow.invoke(4, CONFIG)
    found = lgviz.replay(flow, saver, live="live")["1"]
    assert (found.verdict, found.values, found.served) == ("same", first, Counter(roll=4)), found.reason


def test_other_code_around_the_calls_is_noticed(saver: Any) -> None:
    one, two = task(name="one")(lambda: 1), task(name="two")(lambda: 2)
    names = [one, two]

    @entrypoint(checkpointer=saver)
    def flow(_: int) -> Any:
        return [each().result() for each in names]

    flow.invoke(0, CONFIG)
    names.reverse()  # new code, which nobody told of
    found = lgviz.replay(flow, saver, live="one")["1"]
    assert (found.verdict, found.served) == ("unknown", Counter())
    assert "'two' is called where it was not then" in found.reason


# ---------------------------------------------------------------- effects


@pytest.mark.parametrize("swallows", [False, True])
def test_a_task_with_effects_is_never_run_unasked(saver: Any, swallows: bool) -> None:
    calls: Calls = Counter()

    def built(price: int) -> Any:
        @task
        def look() -> int:
            return price

        @task(cache_policy=CachePolicy())
        def pay(amount: int) -> int:
            calls["pay"] += 1
            return amount

        @task
        def apologize() -> int:
            calls["apologize"] += 1
            return 5

        @entrypoint(checkpointer=saver)
        def flow(_: int) -> Any:
            try:
                return pay(look().result()).result()
            except Exception:
                if not swallows:
                    raise
            try:
                return apologize().result()
            except Exception:
                return 5

        return flow

    assert built(5).invoke(0, CONFIG) == 5
    how: Any = {"live": ["look"], "effects": ["pay"]}
    assert lgviz.replay(built(5), saver, **how)["1"].verdict == "same"
    found = lgviz.replay(built(6), saver, **how)["1"]
    assert found.verdict == "failed"
    assert "Task 'pay' has effects and would run: 'look' gave something else" in found.reason
    assert lgviz.run(built(6), "c0", thread_id="1", reuse=how).status == "failed"
    assert calls == Counter(pay=1)


# ---------------------------------------------------------------- in graphs


class State(TypedDict, total=False):
    number: int
    found: list[Any]


@pytest.mark.parametrize("inside", [False, True])
def test_calls_of_a_node_are_answered_also_in_a_subgraph(saver: Any, inside: bool) -> None:
    calls: Calls = Counter()

    def built(saver: Any = None) -> Any:
        @task
        def look(number: int) -> Any:
            calls["look"] += 1
            return AIMessage(f"found {number}")

        @task
        def tell(message: Any) -> Any:
            calls["tell"] += 1
            return [message, message.id]

        def node(state: State) -> Any:
            return {"found": [tell(look(at).result()).result() for at in range(state["number"])]}

        graph = StateGraph(State).add_node(node).add_edge(START, "node")
        if inside:
            graph = StateGraph(State).add_node("sub", graph.compile()).add_edge(START, "sub")
        return graph.compile(checkpointer=saver)

    built(saver).invoke({"number": 2}, CONFIG)
    calls.clear()
    found = lgviz.replay(built(), saver, live="tell")["1"]
    assert (found.verdict, calls, found.served["look"]) == ("same", Counter(tell=2), 2), found.reason
    by_path = lgviz.replay(built(), saver, live="sub|node|look" if inside else "node|look")["1"]
    assert (by_path.verdict, by_path.served["tell"]) == ("same", 2), by_path.reason


class Gathered(TypedDict, total=False):
    found: Annotated[list[Any], operator.add]


def test_each_of_two_equal_sends_has_its_own_calls(saver: Any) -> None:
    rolled = iter(range(100))
    roll = task(name="roll")(lambda: next(rolled))
    live = task(name="live")(lambda: 0)

    def node(_state: Any) -> Any:
        live().result()
        return {"found": [(roll().result(), roll().result())]}

    graph = StateGraph(Gathered).add_node(node)
    graph.add_conditional_edges(START, lambda _: [Send("node", {}), Send("node", {})], ["node"])
    compiled = graph.compile(checkpointer=saver)
    compiled.invoke({}, CONFIG)
    found = lgviz.replay(compiled, saver, live="live")["1"]
    assert (found.verdict, found.served) == ("same", Counter(roll=4)), (found.reason, found.diff)
