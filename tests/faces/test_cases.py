"""``to_cases``: turns of threads as datasets, read by the client of LangSmith; the others are in tests/upstream."""

from __future__ import annotations

import json
import logging
import operator
import warnings
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from langgraph.graph import StateGraph
from langgraph.types import Command, interrupt
from langsmith.schemas import ExampleCreate

import lgviz
from lgviz.demos import agent, approval, chat, two_nodes
from lgviz.errors import InvalidValue, ThreadNotFound, UnknownChannel

PLACE: Any = {"configurable": {"thread_id": "1"}}


@pytest.fixture(scope="module")
def rebooking() -> Any:
    agent.seed(graph := agent.build(InMemorySaver()))
    return graph


def labels(cases: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(case["metadata"]["thread_id"], case["metadata"]["checkpoint"]) for case in cases]


def test_every_branch_that_ended_is_a_case_with_what_it_was_asked(rebooking: Any) -> None:
    cases = lgviz.to_cases(rebooking)
    history = lgviz.history(rebooking, "1")
    assert [label for _, label in labels(cases)] == [head.label for head in history.heads]
    asked = [[message["content"] for message in case["inputs"]["messages"]] for case in cases]
    assert asked == [[agent.CHEAPEST], [agent.EARLIEST], [agent.CHEAPEST]]
    assert [case["outputs"]["messages"][-1]["content"] for case in cases] == [
        head.values["messages"][-1].text for head in history.heads
    ]
    assert cases[0]["metadata"]["checkpoint_id"] == history.heads[0].id
    calls = cases[0]["metadata"]["tool_calls"]
    assert [call["name"] for call in calls] == ["get_reservation", "search_flights", "rebook"]
    assert calls[0]["args"] == {"number": "K7Q2ZD"}


def test_the_inputs_ask_the_same_of_a_new_thread(rebooking: Any) -> None:
    graph = agent.build(InMemorySaver())
    for number, case in enumerate(lgviz.to_cases(rebooking)[:2]):
        place: Any = {"configurable": {"thread_id": f"again {number}"}}
        graph.invoke(case["inputs"], place)
        (again,) = lgviz.to_cases(graph, threads=f"again {number}", outputs=["messages", "plan"])
        expected = {name: case["outputs"][name] for name in ("messages", "plan")}
        assert (again["inputs"], again["outputs"]) == (case["inputs"], expected)


def test_each_turn_of_a_chat_is_a_case_with_what_was_said_before() -> None:
    chat.seed(graph := chat.build(InMemorySaver()))
    sizes = [
        (len(case["inputs"]["messages"]), len(case["outputs"]["messages"])) for case in lgviz.to_cases(graph)
    ]
    assert sizes == [(1, 2), (3, 4), (5, 6), (3, 4)]


def test_a_turn_that_waits_or_failed_is_none() -> None:
    class State(TypedDict, total=False):
        log: Annotated[list[str], operator.add]

    def ask(state: State) -> State:
        if (said := interrupt("go on?")) == "fail":
            raise RuntimeError(said)
        return {"log": [said]}

    builder = StateGraph(State)
    builder.add_node(ask)
    builder.set_entry_point("ask")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"log": ["asked"]}, PLACE)
    assert lgviz.to_cases(graph) == []
    with pytest.raises(RuntimeError):
        graph.invoke(Command(resume="fail"), PLACE)
    assert lgviz.to_cases(graph) == []
    approval.seed(answered := approval.build(InMemorySaver()))
    assert [case["outputs"]["outcome"] for case in lgviz.to_cases(answered)] == ["paid", "declined"]


def test_what_an_update_corrected_ends_with_that() -> None:
    graph = two_nodes.build(InMemorySaver())
    graph.invoke({"foo": "", "bar": []}, PLACE)
    graph.update_state(PLACE, {"foo": "right"}, as_node="node_b")
    (case,) = lgviz.to_cases(graph)
    assert (case["inputs"]["foo"], case["outputs"]["foo"]) == ("", "right")


def test_a_function_has_its_argument_and_its_answer() -> None:
    @entrypoint(checkpointer=InMemorySaver())
    def double(number: int) -> int:
        return 2 * number

    for number in (1, 2):
        double.invoke(number, PLACE)
    both = [(case["inputs"], case["outputs"]) for case in lgviz.to_cases(double)]
    assert both == [({"input": 1}, {"output": 2}), ({"input": 2}, {"output": 4})]
    assert [case["target"] for case in lgviz.to_cases(double, "inspect")] == [
        '{"output": 2}',
        '{"output": 4}',
    ]


def test_a_thread_without_its_input_is_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    graph = two_nodes.build(InMemorySaver())
    graph.update_state(PLACE, {"foo": "x"}, as_node="node_b")
    with caplog.at_level(logging.WARNING, "lgviz.cases"):
        assert lgviz.to_cases(graph) == []
    assert caplog.messages == ["1 turn of thread '1' left out: no input to begin with is stored."]


def test_langsmith_takes_them(rebooking: Any) -> None:
    cases = json.loads(json.dumps(lgviz.to_cases(rebooking)))
    for case in cases:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # newer clients call "outputs" otherwise
            sent = json.loads(ExampleCreate(**case).model_dump_json(by_alias=True, exclude_none=True))
        assert {name: sent[name] for name in case} == case


def test_pictures_and_other_parts_are_in_inspects_form() -> None:
    graph = chat.build(InMemorySaver())
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aaaa"}}
    said = HumanMessage([{"type": "text", "text": "what is it?"}, picture, {"type": "odd", "of": 1}])
    graph.invoke({"messages": [said]}, PLACE)
    (sample,) = lgviz.to_cases(graph, "inspect")
    assert sample["input"][0]["content"] == [
        {"type": "text", "text": "what is it?"},
        {"type": "image", "image": "data:image/png;base64,aaaa"},
        {"type": "text", "text": '{"type": "odd", "of": 1}'},
    ]


@pytest.mark.parametrize("to", ["langsmith", "pydantic-evals", "inspect"])
def test_what_is_masked_is_in_no_case(rebooking: Any, to: str) -> None:
    redact = ["*.K7Q2ZD", "reservation", "messages.*.tool_calls"]
    assert "LX2085" in json.dumps(lgviz.to_cases(rebooking, to, outputs="reservation"))
    masked = lgviz.to_cases(rebooking, to, outputs="reservation", redact=redact)
    told = json.dumps(masked)
    assert "LX2085" not in told
    assert "get_reservation" not in told
    history = lgviz.history(rebooking, "1", redact=redact)
    assert lgviz.to_cases(history, to, outputs="reservation") == masked


def test_channels_and_threads_are_chosen(rebooking: Any) -> None:
    (first, *_) = lgviz.to_cases(rebooking, inputs="messages", outputs=["plan"], threads=["1"])
    assert (list(first["inputs"]), list(first["outputs"])) == (["messages"], ["plan"])
    assert lgviz.to_cases(lgviz.history(rebooking, "1")) == lgviz.to_cases(rebooking)


def test_what_is_not_there_is_said(rebooking: Any) -> None:
    with pytest.raises(
        InvalidValue, match=r"no format 'csv'\. There are 'langsmith', 'pydantic-evals' and 'ins"
    ):
        lgviz.to_cases(rebooking, "csv")
    with pytest.raises(ThreadNotFound, match="no thread '2'"):
        lgviz.to_cases(rebooking, threads="2")
    with pytest.raises(UnknownChannel, match=r"No turn has 'answer' in its outputs\. There are 'messages', "):
        lgviz.to_cases(rebooking, outputs=["answer", "plan"])
