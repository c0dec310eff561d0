"""What a learner is shown and told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

import lgviz
from lgviz import learn
from lgviz.demos import mail, two_nodes
from lgviz.errors import InvalidValue, NoQuestion


@pytest.fixture
def graph() -> Any:
    graph = two_nodes.build(InMemorySaver())
    two_nodes.seed(graph)
    return graph


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    learn.reset()
    yield
    learn.reset()


def ask(graph: Any, kind: str, at: str = "c2", **more: Any) -> learn.LearnQuestion:
    return learn.predict(graph, kind, at, thread_id="1", **more)


@pytest.mark.parametrize("given", ["node_b", ["node_b"], ("node_b",), {"node_b"}, "`node_b`", {"node_b": 1}])
def test_nodes_in_any_form(graph: Any, given: Any) -> None:
    assert ask(graph, "next").answer(given).right


@pytest.mark.parametrize("given", ["END", "__end__", (), [], None, "nothing"])
def test_nothing_in_any_form(graph: Any, given: Any) -> None:
    assert ask(graph, "next", "c3").answer(given).right
    assert not ask(graph, "next", "c2").answer(given).right


@pytest.mark.parametrize("given", [99, object(), ["zz"]])
def test_what_names_no_node_is_wrong(graph: Any, given: Any) -> None:
    assert ask(graph, "next", "c3").answer(given).right is False


def test_a_step_that_has_finished_in_part_is_no_question() -> None:
    mail.seed(graph := mail.build(InMemorySaver()))
    failed = lgviz.history(graph, "1").latest
    assert {bool(task.result) for task in failed.tasks} == {True, False}
    with pytest.raises(NoQuestion, match="has finished already"):
        ask(graph, "next", failed.label)


@pytest.mark.parametrize("given", [["a", "x"], ("a", "x"), "['a', 'x']"])
def test_values_in_any_form(graph: Any, given: Any) -> None:
    question = ask(graph, "value", values={"bar": ["x"]}, as_node="node_a")
    assert question.answer(given).right


@pytest.mark.parametrize("given", [["x"], ["x", "a"], "x", 7, object()])
def test_wrong_values(graph: Any, given: Any) -> None:
    question = ask(graph, "value", values={"bar": ["x"]}, as_node="node_a")
    told = question.answer(given)
    assert told.right is False
    assert "operator.add" in told.text


def test_a_letter_that_is_a_value_is_the_value(graph: Any) -> None:
    """``foo`` becomes "b": no choice is marked (b)."""
    question = ask(graph, "value", channel="foo")
    assert question.answer("b").right
    assert {one.mark for one in question.choices} & {"a", "b"} == set()


@pytest.mark.parametrize("open_", [..., [...], {"bar": ...}])
def test_what_is_left_open_gives_nothing_away(graph: Any, open_: Any) -> None:
    told = ask(graph, "next").answer(open_)
    assert (told.right, told.text) == (None, "Your turn: put your prediction in place of `...`.")
    assert len(learn.report()) == 0


def test_the_key_is_not_shown(graph: Any) -> None:
    question = ask(graph, "latest", "c2", values={"foo": "x"}, as_node="node_a")
    for shown in (repr(question), question._repr_html_()):
        assert "update made" not in shown
        assert "q.answer(...)" in shown


def test_state_is_no_html(graph: Any) -> None:
    question = ask(graph, "value", values={"bar": ["<script>x</script>"]}, as_node="node_a")
    assert "<script" not in question._repr_html_()
    assert "<script" not in question.answer("a")._repr_html_()


def test_an_update_decides_what_comes_next(graph: Any) -> None:
    told = ask(graph, "next", values={"foo": "x"}, as_node="node_b").answer("END")
    assert told.right, told
    assert "`node_b`" in told.text


def test_what_cannot_be_asked_is_refused(graph: Any) -> None:
    with pytest.raises(NoQuestion):
        ask(graph, "runs", "c3")
    with pytest.raises(NoQuestion):
        ask(graph, "next", "c0")
    with pytest.raises(InvalidValue, match="There is no kind of question 'nxt'"):
        ask(graph, "nxt")


def test_a_run_that_nobody_can_count_is_not_asked_about() -> None:
    class Counting(TypedDict):
        n: int

    builder = StateGraph(Counting)
    builder.add_node("tick", lambda state: {"n": state["n"] + 1})
    builder.add_edge(START, "tick")
    builder.add_conditional_edges("tick", lambda state: "tick" if state["n"] < 100 else END, ["tick", END])
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"n": 0}, {"configurable": {"thread_id": "1"}, "recursion_limit": 200})
    with pytest.raises(NoQuestion, match="too long"):
        ask(graph, "runs", "c1")
    assert ask(graph, "runs", "c98").answer({"tick": 3}).right


def test_questions_are_the_same_for_a_seed(graph: Any) -> None:
    first, again = (learn.questions(graph, "1", count=8, seed=3) for _ in range(2))
    assert list(map(repr, first)) == list(map(repr, again))
    assert list(map(repr, first)) != list(map(repr, learn.questions(graph, "1", count=8, seed=4)))


def test_the_report_counts_first_tries(graph: Any) -> None:
    question = ask(graph, "next")
    question.answer("node_a")
    ask(graph, "next").answer("node_b")  # the same question, by a cell that is run again
    (row,) = learn.report()
    assert (row.kind, row.asked, row.right, row.remains) == ("next", 1, 0, True)
    ask(graph, "next", "c3").answer("END")
    (row,) = learn.report()
    assert (row.asked, row.right, row.remains) == (2, 1, False)
    assert "1 of 2" in repr(learn.report())
    assert "1 of 2" in learn.report()._repr_html_()
    assert learn.report().frame()["right"].to_list() == [1]
