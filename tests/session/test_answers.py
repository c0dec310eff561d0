"""An answer that is stored at a checkpoint counts as answered: the next one is given on a fresh fork."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from operator import add
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Send, interrupt

import lgviz
from lgviz import persistence
from lgviz.analysis.history import open_history
from lgviz.errors import ActRefused, NothingToRun
from tests.support.graphs import CONFIG, Log, asking, chain, noting, parallel
from tests.support.view import View, run

Named = Callable[[Log], dict[str, Any]]


def needing(name: str, *wanted: str) -> Named:
    """A node that asks for each of ``wanted`` in turn and fails where an answer is another word."""

    def node(state: Log) -> dict[str, Any]:
        told = []
        for word in wanted:
            answer = interrupt(f"{name}: {word}?")
            if answer != word:
                raise ValueError(f"{answer!r} is not {word!r}")
            told.append(f"{name}={word}")
        return {"log": told}

    return node


def latest(graph: Any) -> Any:
    return open_history(graph, "1").latest


@pytest.fixture
def saver(each_saver: Any) -> Any:
    return each_saver


def test_the_right_answer_after_a_wrong_one_counts(saver: Any) -> None:
    graph = chain([("a", needing("a", "yes"))], saver)
    graph.invoke({"log": []}, CONFIG)
    asked = latest(graph)
    assert lgviz.run(graph, asked, resume="no").status == "failed"
    again = lgviz.run(graph, asked, resume="nope")
    assert (again.status, str(again.error)) == ("failed", "ValueError: 'nope' is not 'yes'")
    done = lgviz.run(graph, asked, resume="yes")
    assert (done.status, done.values) == ("done", {"log": ["a=yes"]})
    assert open_history(graph, "1")[asked.id].error is not None  # what came of the wrong one stays


def test_the_wrong_answer_was_given_by_the_program_itself(saver: Any) -> None:
    graph = chain([("a", needing("a", "yes"))], saver)
    graph.invoke({"log": []}, CONFIG)
    with pytest.raises(ValueError, match="'no'"):
        graph.invoke(Command(resume="no"), CONFIG)
    done = lgviz.run(graph, latest(graph), resume="yes")
    assert (done.status, done.values) == ("done", {"log": ["a=yes"]})


def test_the_second_of_two_questions_was_answered_wrongly() -> None:
    graph = chain([("a", needing("a", "one", "two"))], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    graph.invoke(Command(resume="one"), CONFIG)
    assert lgviz.run(graph, latest(graph), resume="wrong").status == "failed"
    done = lgviz.run(graph, latest(graph), resume="two")
    assert (done.status, done.values["log"]) == ("done", ["a=one", "a=two"])
    assert done.warnings == ["a is asked anew on a fork; its 1 earlier answer is given again."]


def test_the_first_of_two_questions_was_answered_wrongly() -> None:
    graph = chain([("a", needing("a", "one", "two"))], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    assert lgviz.run(graph, latest(graph), resume="wrong").status == "failed"
    part = lgviz.run(graph, latest(graph), resume="one")
    assert (part.status, [i.value for i in part.interrupts]) == ("interrupted", ["a: two?"])
    assert part.resume("two").values["log"] == ["a=one", "a=two"]


def test_a_failure_before_a_question_is_no_answer_to_it() -> None:
    """The node failed, ran again and asked: the question waits, and its answer is given where it waits."""
    ready: list[str] = []

    def node(state: Log) -> dict[str, Any]:
        if not ready:
            raise RuntimeError("not ready")
        return {"log": [interrupt("one?"), interrupt("two?")]}

    graph = chain([("a", node)], InMemorySaver())
    with pytest.raises(RuntimeError):
        graph.invoke({"log": []}, CONFIG)
    ready.append("now")
    graph.invoke(None, CONFIG)
    asked = latest(graph)
    part = lgviz.run(graph, asked, resume="1")
    assert ([i.value for i in part.interrupts], part.configs) == (["two?"], [])
    done = lgviz.run(graph, latest(graph), resume="2")
    assert done.values["log"] == ["1", "2"] and done.checkpoint.parent == asked


def test_an_answer_given_by_no_name_answers_no_later_question() -> None:
    """LangGraph keeps ``Command(resume="1")`` and gives it to the third question, where the second was
    answered by its id."""
    graph = chain([("a", asking("a", 3))], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    graph.invoke(Command(resume="1"), CONFIG)
    second = lgviz.run(graph, latest(graph), resume="2")
    assert (second.status, [i.value for i in second.interrupts]) == ("interrupted", ["a2?"])
    assert lgviz.run(graph, latest(graph), resume="3").values["log"] == ["a0=1", "a1=2", "a2=3"]


def test_finished_siblings_are_kept_and_the_others_ask_again(saver: Any) -> None:
    calls: list[str] = []
    graph = parallel(
        saver,
        ("good", needing("good", "g")),
        ("bad", needing("bad", "b1", "b2")),
        ("plain", noting("plain", calls)),
        ("slow", needing("slow", "s1", "s2")),
    )
    graph.invoke({"log": []}, CONFIG)
    by_node = {t.name: i.id for t in latest(graph).tasks for i in t.interrupts}
    first = {by_node["good"]: "g", by_node["bad"]: "b1", by_node["slow"]: "s1"}
    part = lgviz.run(graph, latest(graph), resume=first)
    assert sorted(i.value for i in part.interrupts) == ["bad: b2?", "slow: s2?"]
    by_node = {t.name: i.id for t in latest(graph).tasks for i in t.interrupts}
    assert lgviz.run(graph, latest(graph), resume={by_node["bad"]: "wrong"}).status == "failed"
    right = lgviz.run(graph, latest(graph), resume={by_node["bad"]: "b2"})
    # "good" and "plain" keep what they wrote, "slow" what it was told
    assert (right.status, [i.value for i in right.interrupts]) == ("interrupted", ["slow: s2?"])
    assert right.warnings == [
        "bad is asked anew on a fork; its 1 earlier answer is given again.",
        "slow is asked again on the fork.",
    ]
    assert calls == ["plain"]
    done = right.resume("s2")
    assert done.status == "done"
    assert sorted(done.values["log"]) == [
        "after", "bad=b1", "bad=b2", "before", "good=g", "plain", "slow=s1", "slow=s2",
    ]  # fmt: skip
    assert done.checkpoint.parent is not None
    assert sorted(done.checkpoint.parent.nodes) == ["bad", "good", "plain", "slow"]


def test_questions_of_sends() -> None:
    class Words(TypedDict):
        log: Annotated[list[str], add]

    def one(word: str) -> dict[str, Any]:
        if (answer := interrupt(word)) != word:
            raise ValueError(answer)
        return {"log": [word]}

    builder = StateGraph(Words)
    builder.add_node("plan", lambda state: {}).add_node("one", one)
    builder.add_edge(START, "plan")
    builder.add_conditional_edges("plan", lambda state: [Send("one", w) for w in "xyz"], ["one"])
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    ids = {i.value: i.id for i in latest(graph).interrupts}
    assert lgviz.run(graph, latest(graph), resume={ids["x"]: "x", ids["y"]: "no"}).status == "failed"
    part = lgviz.run(graph, latest(graph), resume={ids["y"]: "y", ids["z"]: "z"})
    assert (part.status, part.values["log"]) == ("done", ["x", "y", "z"])
    assert part.checkpoint.nodes == ("one", "one", "one")


def test_what_a_command_updated_is_kept() -> None:
    graph = chain([("a", needing("a", "yes"))], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    with pytest.raises(ValueError, match="'no'"):
        graph.invoke(Command(resume="no", update={"value": 7}), CONFIG)
    done = lgviz.run(graph, latest(graph), resume="yes")
    assert done.values == {"log": ["a=yes"], "value": 7}


def test_a_question_inside_a_subgraph() -> None:
    inner = chain([("before_it", noting("before_it")), ("a", needing("a", "yes"))])
    graph = chain([("sub", inner), ("last", noting("last"))], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    assert lgviz.run(graph, latest(graph), resume="no").status == "failed"
    assert lgviz.run(graph, latest(graph), resume="nope").status == "failed"
    done = lgviz.run(graph, latest(graph), resume="yes")
    assert (done.status, done.values["log"][-2:]) == ("done", ["a=yes", "last"])


def test_a_question_of_a_functional_graph() -> None:
    @entrypoint(checkpointer=InMemorySaver())
    def flow(x: int) -> int:
        return x + int(interrupt("how many?"))

    flow.invoke(1, CONFIG)
    assert lgviz.run(flow, latest(flow), resume="many").status == "failed"
    done = lgviz.run(flow, latest(flow), resume="4")
    assert (done.status, done.values) == ("done", 5)


@pytest.mark.parametrize("where", ["in the task", "in its caller"])
def test_a_question_asked_in_a_task(where: str) -> None:
    @task
    def ask() -> Any:
        answer = interrupt("how many?")
        return int(answer) if where == "in the task" else answer

    @entrypoint(checkpointer=InMemorySaver())
    def flow(x: int) -> int:
        return x + int(ask().result())

    flow.invoke(1, CONFIG)
    assert lgviz.run(flow, latest(flow), resume="many").status == "failed"
    done = lgviz.run(flow, latest(flow), resume="4")
    assert (done.status, done.values) == ("done", 5)


@pytest.mark.parametrize("order", [("m", "n"), ("n", "m")])
def test_tasks_side_by_side_are_told_their_own_answers_again(order: tuple[str, str]) -> None:
    @task
    def ask(word: str) -> Any:
        if (answer := interrupt(word)) != word:
            raise ValueError(answer)
        return word

    @entrypoint(checkpointer=InMemorySaver())
    def flow(x: int) -> list[str]:
        asked = [ask(word) for word in order]
        return [one.result() for one in asked]

    flow.invoke(1, CONFIG)
    assert lgviz.run(flow, latest(flow), resume=order[0]).status == "interrupted"
    assert lgviz.run(flow, latest(flow), resume="wrong").status == "failed"
    done = lgviz.run(flow, latest(flow), resume=order[1])
    assert (done.status, done.values) == ("done", list(order))
    assert done.warnings == ["All that flow calls runs again on the fork."]


@pytest.mark.parametrize("own_history", [False, True])
def test_the_second_question_of_a_subgraph(own_history: bool) -> None:
    builder = StateGraph(Log).add_node("a", needing("a", "one", "two")).add_edge(START, "a")
    inner = builder.compile(checkpointer=own_history or None)
    graph = chain([("sub", inner), ("last", noting("last"))], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    part = lgviz.run(graph, latest(graph), resume="one")
    assert [i.value for i in part.interrupts] == ["a: two?"]
    assert lgviz.run(graph, latest(graph), resume="wrong").status == "failed"
    done = lgviz.run(graph, latest(graph), resume="two")
    assert (done.status, done.values["log"]) == ("done", ["a=one", "a=two", "last"])


@pytest.mark.parametrize("own_history", [False, True])
def test_a_subgraph_and_a_node_beside_it_that_are_both_answered_anew(own_history: bool) -> None:
    builder = StateGraph(Log).add_node("a", needing("a", "one")).add_edge(START, "a")
    inner = builder.compile(checkpointer=own_history or None)
    outer = StateGraph(Log).add_node("sub", inner).add_node("b", needing("b", "two"))
    graph = outer.add_edge(START, "sub").add_edge(START, "b").compile(checkpointer=InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    ids = {i.value: i.id for i in latest(graph).waiting}
    assert lgviz.run(graph, latest(graph), resume={ids["a: one?"]: "wrong"}).status == "failed"
    ids = {i.value: i.id for i in latest(graph).waiting}
    both = {ids["a: one?"]: "one", ids["b: two?"]: "two"}
    done = lgviz.run(graph, latest(graph), resume=both)
    assert (done.status, sorted(done.values["log"])) == ("done", ["a=one", "b=two"])


def test_wrong_twice_on_the_fork_too() -> None:
    graph = chain([("a", needing("a", "one", "two"))], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    failed = lgviz.run(graph, latest(graph), resume="one").resume("bad").resume("worse")
    assert (failed.status, str(failed.error)) == ("failed", "ValueError: 'worse' is not 'two'")
    assert failed.resume("two").values["log"] == ["a=one", "a=two"]


def test_siblings_of_a_graph_with_a_delta_channel_run_again() -> None:
    class State(TypedDict):
        log: Annotated[list[str], DeltaChannel(lambda old, new: [*old, *(x for one in new for x in one)])]

    State.__annotations__["log"] = Annotated[
        list[str], DeltaChannel(lambda old, new: [*old, *(x for one in new for x in one)])
    ]
    asks = needing("a", "one", "two")
    builder = StateGraph(State).add_node("a", lambda state: asks(state))
    builder.add_node("plain", lambda state: {"log": ["plain"]})
    builder.add_edge(START, "a").add_edge(START, "plain")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    failed = lgviz.run(graph, latest(graph), resume="one").resume("wrong")
    done = failed.resume("two")
    assert (done.status, done.values) == ("done", {"log": ["a=one", "a=two", "plain"]})
    assert done.warnings == [
        "a is asked anew on a fork; its 1 earlier answer is given again.",
        "plain runs again on the fork.",
    ]


def test_a_failed_step_without_a_new_answer_replays_the_old_one() -> None:
    works: list[str] = []

    def node(state: Log) -> dict[str, Any]:
        answer = interrupt("go?")
        if not works:
            raise RuntimeError("the network is down")
        return {"log": [answer]}

    graph = chain([("a", node)], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    assert lgviz.run(graph, latest(graph), resume="yes").status == "failed"
    works.append("now")
    assert graph.invoke(None, CONFIG)["log"] == ["yes"]


def test_in_a_sandbox_nothing_is_written() -> None:
    graph = chain([("a", needing("a", "yes"))], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    lgviz.run(graph, latest(graph), resume="no")
    before = len(open_history(graph, "1"))
    tried = lgviz.run(graph, latest(graph), resume="yes", sandbox=True)
    assert (tried.status, tried.values["log"]) == ("done", ["a=yes"])
    assert len(open_history(graph, "1")) == before
    tried.keep()
    assert latest(graph).values["log"] == ["a=yes"]


def test_awaited(tmp_path: Path) -> None:
    async def main() -> None:
        async with persistence.AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
            graph = parallel(saver, ("a", needing("a", "yes")), ("b", noting("b")))
            await graph.ainvoke({"log": []}, CONFIG)
            asked = open_history(graph, "1").latest
            assert (await lgviz.arun(graph, asked, resume="no")).status == "failed"
            done = await lgviz.arun(graph, asked, resume="yes")
            assert sorted(done.values["log"]) == ["a=yes", "after", "b", "before"]

    asyncio.run(main())


def test_the_debugger_answers_anew_after_the_failure() -> None:
    graph = chain([("a", needing("a", "yes"))], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    view = View(graph, "1")
    asked = latest(graph)
    question = view.ask("checkpoint_get", checkpoint=asked.id)["interrupts"][0]
    assert question["answered"] is False
    failed = view.ask("run_start", **run(asked.id, resume={question["id"]: "no"}))
    assert failed["status"] == "failed"
    question = view.ask("checkpoint_get", checkpoint=asked.id)["interrupts"][0]
    assert question["answered"] is True
    done = view.ask("run_start", **run(asked.id, resume={question["id"]: "yes"}))
    assert done["status"] == "done"
    assert latest(graph).values["log"] == ["a=yes"]
    view.close()


@task
def told_or_asked(name: str) -> str:
    return f"{name}={interrupt(f'{name}?')}"


def sent_along_by(where: str, saver: Any) -> Any:
    """A graph that was sent to ``late`` along with its answer at ``first``; both ask."""

    def asks(name: str) -> Any:
        if where == "a node":
            return lambda state: {"log": [f"{name}={interrupt(f'{name}?')}"]}
        if where == "a task":
            return lambda state: {"log": [told_or_asked(name).result()]}
        return chain([("inner", lambda state: {"log": [f"{name}={interrupt(f'{name}?')}"]})])

    builder = StateGraph(Log).add_node("first", asks("first")).add_node("late", asks("late"))
    graph = builder.add_edge(START, "first").compile(checkpointer=saver)
    (asked,) = graph.invoke({"log": []}, CONFIG)["__interrupt__"]
    graph.invoke(Command(resume={asked.id: "yes"}, goto="late"), CONFIG)
    return graph


@pytest.fixture(params=["a node", "a task", "a subgraph"])
def sent_along(request: pytest.FixtureRequest) -> Any:
    return sent_along_by(request.param, InMemorySaver())


def test_a_question_sent_along_on_each_saver(saver: Any) -> None:
    graph = sent_along_by("a node", saver)
    assert lgviz.run(graph, latest(graph), resume="no").values == {"log": ["first=yes", "late=no"]}


@pytest.mark.parametrize("by_id", [True, False])
def test_a_question_of_a_node_that_was_sent_along_with_an_answer(sent_along: Any, by_id: bool) -> None:
    at = latest(sent_along)
    (asked,) = at.waiting
    assert (at.label, asked.value) == ("c1", "late?")
    done = lgviz.run(sent_along, at, resume={asked.id: "no"} if by_id else "no")
    assert (done.status, done.values, done.warnings) == ("done", {"log": ["first=yes", "late=no"]}, [])
    assert latest(sent_along).nodes[:2] == ("first", "late")


def test_a_question_sent_along_is_not_asked_where_the_thread_went_on(sent_along: Any) -> None:
    at = latest(sent_along)
    (asked,) = at.waiting
    sent_along.update_state(at.config, {"log": ["else"]}, as_node="first")
    with pytest.raises(NothingToRun, match="the thread went on"):
        lgviz.run(sent_along, at, resume={asked.id: "no"})


def test_a_question_sent_along_is_not_passed_by_a_new_input(sent_along: Any) -> None:
    with pytest.raises(ActRefused, match="waits for an answer"):
        lgviz.start(sent_along, {"log": ["more"]}, thread_id="1")


def test_the_debugger_shows_a_question_sent_along_and_answers_it(sent_along: Any) -> None:
    view, at = View(sent_along, "1"), latest(sent_along)
    (first, late) = view.ask("checkpoint_get", checkpoint=at.id)["interrupts"]
    assert [(one["node"], one["answered"]) for one in (first, late)] == [("first", True), ("late", False)]
    draft = {"text": '"no"', "decisions": None, "json": None}
    made = view.ask("answer_make", checkpoint=at.id, drafts={late["id"]: draft})
    assert made["errors"] == []
    done = view.ask("run_start", **run(at.id, resume=made["answers"]))
    assert done["status"] == "done"
    assert latest(sent_along).values == {"log": ["first=yes", "late=no"]}
    view.close()
