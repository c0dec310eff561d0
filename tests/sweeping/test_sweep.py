"""One checkpoint gone on from in many ways: what each comes to, what it costs, and what is kept."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import interrupt

import lgviz
from lgviz.errors import InvalidValue, NotFound
from tests.support.dask import dask_executor

RAN: Counter[str] = Counter()
USAGE = {"input_tokens": 90, "output_tokens": 10, "total_tokens": 100}


class State(TypedDict):
    city: str
    fare: int
    messages: Annotated[list[AnyMessage], add_messages]


def _search(state: State) -> dict[str, Any]:
    RAN["search"] += 1
    if state["city"] == "Atlantis":
        raise ValueError("no such city")
    return {"fare": len(state["city"]) * 10}


def _ask(state: State) -> dict[str, Any]:
    RAN["ask"] += 1
    return {"city": interrupt("which?")} if state["city"] == "?" else {}


def _say(state: State) -> dict[str, Any]:
    RAN["say"] += 1
    return {"messages": [AIMessage(f"{state['city']}: {state['fare']}", usage_metadata=USAGE)]}


def build(saver: Any = None) -> Any:
    builder = StateGraph(State)
    builder.add_sequence([("ask", _ask), ("search", _search), ("say", _say)])
    builder.add_edge(START, "ask")
    builder.add_edge("say", END)
    return builder.compile(checkpointer=saver or InMemorySaver())


@pytest.fixture
def graph() -> Any:
    made = build()
    made.invoke({"city": "Rome", "fare": 0, "messages": []}, {"configurable": {"thread_id": "1"}})
    RAN.clear()
    return made


def _fare(values: Any) -> int:
    return int(values["fare"])


CASES = {"same": None, "Rome": {"city": "Rome"}, "Braga": {"city": "Braga"}}


def test_each_case_is_run_and_what_is_asked_the_same_is_answered(graph: Any) -> None:
    found = lgviz.sweep(graph, "c2", CASES, as_node="ask", runs=2, score=_fare, thread_id="1")
    frame = found.frame()
    assert frame[["case", "run", "status", "score"]].to_numpy().tolist() == [
        ["same", 0, "done", 40], ["same", 1, "done", 40], ["Rome", 0, "done", 40], ["Rome", 1, "done", 40],
        ["Braga", 0, "done", 50], ["Braga", 1, "done", 50],
    ]  # fmt: skip
    assert frame["served"].tolist() == [2, 2, 2, 2, 0, 0] and frame["ran"].tolist() == [0, 0, 0, 0, 2, 2]
    assert RAN == {"search": 2, "say": 2}
    assert len(lgviz.history(graph)) == 5  # nothing is stored
    assert "Braga  done  50" in repr(found) and "Braga" in found._repr_html_()


def test_a_run_is_kept_once_as_a_branch(graph: Any) -> None:
    found = lgviz.sweep(graph, "c2", CASES, as_node="ask", thread_id="1")
    kept = found.keep("Braga")
    assert kept.values["fare"] == 50 and kept.label == "c7"
    assert found.keep("Braga") == kept and len(lgviz.history(graph)) == 8
    assert found.frame()["label"].dropna().to_dict() == {2: "c7"}
    with pytest.raises(NotFound, match=r"case 'Paris'.*'same', 'Rome' and 'Braga'"):
        found.keep("Paris")
    with pytest.raises(NotFound, match=r"case \[1\]"):
        found.keep([1])  # type: ignore[arg-type]


def test_what_a_score_does_to_a_state_stays_its_own(graph: Any) -> None:
    found = lgviz.sweep(graph, "c2", [None], score=lambda v: v["messages"].clear() or 1, thread_id="1")
    assert found[0].score == 1 and [message.text for message in found[0].values["messages"]] == ["Rome: 40"]


def test_what_goes_wrong_is_a_row_and_the_rest_is_run(graph: Any) -> None:
    cases = [{"city": "Atlantis"}, {"town": "Rome"}, {"city": "?"}, {"city": "Braga"}]
    found = lgviz.sweep(
        graph, "c1", cases, as_node="__start__", score=lambda v: 1 / (v["fare"] - 50), thread_id="1"
    )
    assert [row.status for row in found] == ["failed", "refused", "interrupted", "done"]
    wrong = found.frame()["error"].tolist()
    assert "no such city" in wrong[0] and "town" in wrong[1]
    assert wrong[3] == "the score raised ZeroDivisionError: division by zero"


def test_a_sweep_of_which_all_fail_says_why(graph: Any) -> None:
    found = lgviz.sweep(graph, "c2", [{"town": "Rome"}, {"town": "Braga"}], as_node="ask", thread_id="1")
    assert "2 refused" in repr(found) and "'town'" in repr(found)
    with pytest.raises(NotFound, match="None ran"):
        found.keep(0)


def test_what_was_raised_is_told_in_its_first_line(graph: Any) -> None:
    def score(values: Any) -> None:
        raise ValueError("one\ntwo")

    found = lgviz.sweep(graph, "c2", {"x": {"city": "Rome"}}, as_node="ask", score=score, thread_id="1")
    assert found[0].error == "the score raised ValueError: one\ntwo"
    assert repr(found).endswith("x  done  the score raised ValueError: one")


@pytest.mark.parametrize(
    ("cases", "runs", "words"),
    [
        ([], 1, "no case"),
        (5, 1, "values_list is 5"),
        ("ab", 1, "is .ab"),
        ([None], 0, "from 1"),
        ([None], "2", "from 1"),
    ],
)
def test_what_cannot_be_swept_is_refused(graph: Any, cases: Any, runs: Any, words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        lgviz.sweep(graph, "c2", cases, runs=runs, thread_id="1")


def test_what_is_no_executor_is_refused(graph: Any) -> None:
    for asked in (
        lambda: lgviz.sweep(graph, "c2", [None], executor=4, thread_id="1"),  # type: ignore[arg-type]
        lambda: lgviz.replay(graph, graph, executor=4),  # type: ignore[arg-type]
    ):
        with pytest.raises(InvalidValue, match="executor is 4"):
            asked()
    with ThreadPoolExecutor(1) as pool:
        pass
    with pytest.raises(InvalidValue, match="takes no work: cannot schedule new futures after shutdown"):
        lgviz.sweep(graph, "c2", [None], executor=pool, thread_id="1")


async def _awaited(values: Any) -> int:
    return 1


@pytest.mark.parametrize(
    ("score", "said"), [("fare", "is no function"), (_awaited, "would have to be awaited")]
)
async def test_a_score_that_nothing_can_call_is_refused_before_anything_runs(
    graph: Any, score: Any, said: str
) -> None:
    with pytest.raises(InvalidValue, match=f"The score {said}"):
        lgviz.sweep(graph, "c2", [None], score=score, thread_id="1")
    with pytest.raises(InvalidValue, match=f"The score {said}"):
        await lgviz.asweep(graph, "c2", [None], score=score, thread_id="1")
    with pytest.raises(InvalidValue, match=f"The score {said}"):
        lgviz.blame_steps(graph, "c4", score, thread_id="1")
    assert not RAN


def test_what_it_will_cost_is_told_before_it_runs(graph: Any) -> None:
    found = lgviz.sweep(graph, "c2", CASES, as_node="ask", runs=3, dry=True, thread_id="1")
    assert not RAN and {row.status for row in found} == {"planned"}
    by_case = {row.case: (row.served.total(), dict(row.ran)) for row in found}
    assert by_case == {"same": (2, {}), "Rome": (2, {}), "Braga": (0, {"search": 1})}
    assert found.tokens == 900 and "about 900 tokens" in repr(found)
    anew = lgviz.sweep(graph, "c2", CASES, as_node="ask", dry=True, reuse=False, thread_id="1")
    assert [(row.served.total(), dict(row.ran)) for row in anew] == [(0, {"search": 1})] * 3 and not RAN


def test_what_is_looked_at_without_reuse_is_refused_as_its_run_would_be(graph: Any) -> None:
    asked: dict[str, Any] = {"as_node": "nowhere", "reuse": False, "thread_id": "1"}
    (planned,), (ran,) = (lgviz.sweep(graph, "c2", [{}], dry=dry, **asked) for dry in (True, False))
    assert planned.status == ran.status == "refused" and planned.error == ran.error
    (one,) = lgviz.sweep(graph, "c2", [None], reuse=False, dry=True, thread_id="1")
    assert (one.status, one.served, dict(one.ran)) == ("planned", Counter(), {"search": 1})


def test_an_empty_reuse_excepts_nothing(graph: Any) -> None:
    (one,) = lgviz.sweep(graph, "c2", [None], reuse={}, thread_id="1")
    assert one.served.total() == 2 and not one.ran
    assert lgviz.run(graph, "c2", reuse={}, sandbox=True, thread_id="1").served.total() == 2


def test_it_stops_with_what_it_has(graph: Any) -> None:
    def score(values: Any) -> int:
        if values["city"] == "Rome":
            raise KeyboardInterrupt
        return _fare(values)

    found = lgviz.sweep(graph, "c2", {"b": {"city": "Braga"}, "r": {"city": "Rome"}, "o": {"city": "Oslo"}},
                        as_node="ask", score=score, thread_id="1")  # fmt: skip
    assert found.stopped and [row.case for row in found] == ["b"] and "stopped early" in repr(found)


@pytest.mark.parametrize("kind", ["threads", "processes", "dask"])
def test_other_threads_and_processes_come_to_the_same(graph: Any, kind: str) -> None:
    pools: dict[str, Any] = {
        "threads": lambda: ThreadPoolExecutor(2),
        "processes": lambda: ProcessPoolExecutor(1, get_context("spawn")),
        "dask": lambda: dask_executor(processes=False),
    }
    with pools[kind]() as pool:
        found = lgviz.sweep(graph, "c2", CASES, as_node="ask", executor=pool, score=_fare, thread_id="1")
    assert [(row.case, row.status, row.score) for row in found] == [
        ("same", "done", 40), ("Rome", "done", 40), ("Braga", "done", 50),
    ]  # fmt: skip
    assert [row.ran.total() for row in found] == [0, 0, 2]
    kept = found.keep("Braga")
    assert kept.values["fare"] == 50 and [step.label for step in lgviz.history(graph).path(kept)][2:] == [
        "c2",
        "c5",
        "c6",
        "c7",
    ]


def test_what_cannot_be_sent_to_a_process_is_said_before_anything_runs(graph: Any) -> None:
    lock = threading.Lock()
    with (
        ProcessPoolExecutor(1, get_context("spawn")) as pool,
        pytest.raises(lgviz.errors.ActRefused, match="cannot be sent"),
    ):
        lgviz.sweep(graph, "c2", [None], executor=pool, score=lambda values: lock.locked(), thread_id="1")


async def test_it_is_awaited_on_an_asynchronous_saver(tmp_path: Path) -> None:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
        graph = build(saver)
        await graph.ainvoke({"city": "Rome", "fare": 0, "messages": []}, {"configurable": {"thread_id": "1"}})
        found = await lgviz.asweep(graph, "c2", CASES, as_node="ask", score=_fare, thread_id="1")
        assert [row.score for row in found] == [40, 40, 50]
        blamed = await lgviz.ablame_steps(
            graph, "c4", lambda values: values["fare"] > 0, runs=1, thread_id="1"
        )
        assert len(blamed) == 3 and blamed.top is None
