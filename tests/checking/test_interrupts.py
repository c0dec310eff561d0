"""What a node does before it asks: found where LangGraph, resuming, does it twice."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, TypedDict

import httpx
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import task
from langgraph.graph import START, StateGraph
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, interrupt

import lgviz
from lgviz.demos import expenses

CONFIG: Any = {"configurable": {"thread_id": "1"}}
SENT: list[str] = []
COUNT = {"sent": 0}


class State(TypedDict, total=False):
    text: str


class Mail:
    def send_mail(self, text: str) -> None:
        SENT.append(text)

    def read_mail(self) -> str:
        return "hello"

    def invoke(self, text: str) -> str:
        SENT.append(text)
        return text


MAIL = Mail()


def log(text: str) -> None:
    SENT.append(text)


def deeply(text: str) -> None:
    log(text.upper())


def ask(state: State) -> Any:
    return interrupt(state.get("text"))


@task
def once(text: str) -> None:
    SENT.append(text)


def by_method(state: State) -> State:
    MAIL.send_mail("a")
    return {"text": interrupt("?")}


def by_model(state: State) -> State:
    drafted = MAIL.invoke("a")
    return {"text": interrupt(drafted)}


def by_list(state: State) -> State:
    SENT.append("a")
    return {"text": interrupt("?")}


def by_global(state: State) -> State:
    SENT[:] = [*SENT, "a"]
    return {"text": interrupt("?")}


def by_helpers(state: State) -> State:
    deeply("a")
    return {"text": ask(state)}


def in_a_branch(state: State) -> State:
    if not state.get("absent"):
        log("a")
    with open(os.devnull) as file:  # noqa: PTH123
        file.read()
    return {"text": interrupt("?")}


def between(state: State) -> State:
    first = interrupt("?")
    log(first)
    return {"text": interrupt("??")}


@pytest.fixture(autouse=True)
def _nothing_sent() -> None:
    SENT.clear()


def compiled(node: Any, store: BaseStore | None = None) -> Any:
    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile(checkpointer=InMemorySaver(), store=store)


def found(graph: Any) -> list[lgviz.Finding]:
    return [one for one in lgviz.check_graph(graph) if one.code == "effect-before-interrupt"]


def answered(graph: Any, times: int = 1) -> int:
    """How often it was sent, when each question was answered."""
    graph.invoke({"text": "x"}, CONFIG)
    for _ in range(times):
        graph.invoke(Command(resume="yes"), CONFIG)
    return len(SENT)


@pytest.mark.parametrize("node", [by_method, by_model, by_list, by_global, by_helpers, in_a_branch])
def test_what_is_done_twice_is_found(node: Any) -> None:
    graph = compiled(node)
    assert answered(graph) == 2
    (one,) = found(graph)
    assert (one.severity, one.node, one.file) == ("warning", "node", __file__)


def test_the_line_is_named() -> None:
    (one,) = found(compiled(by_method))
    assert one.line is not None and "MAIL.send_mail('a')" in one.text
    assert 'MAIL.send_mail("a")' in Path(__file__).read_text().splitlines()[one.line - 1]


def test_what_stands_between_two_questions() -> None:
    graph = compiled(between)
    assert answered(graph, times=2) == 2
    assert len(found(graph)) == 1


def by_store(state: State, *, store: BaseStore) -> State:
    store.put(("a",), state.get("text", ""), {})
    return {"text": interrupt("?")}


def by_file(state: State) -> State:
    with open(os.devnull, "w") as file:  # noqa: PTH123
        print("a", file=file)
    return {"text": interrupt("?")}


def by_path(state: State) -> State:
    Path(os.devnull).write_text("a")
    return {"text": interrupt("?")}


def by_package(state: State) -> State:
    httpx.post("https://example.com")
    return {"text": interrupt("?")}


def by_sql(state: State) -> State:
    connection = state["connection"]  # type: ignore[typeddict-item]
    connection.execute("INSERT INTO t VALUES (1)")
    return {"text": interrupt("?")}


def by_count(state: State) -> State:
    COUNT["sent"] += 1
    return {"text": interrupt("?")}


def by_removal(state: State) -> State:
    os.remove(state["text"])  # noqa: PTH107
    return {"text": interrupt("?")}


@pytest.mark.parametrize("node", [by_store, by_file, by_path, by_package, by_sql, by_count, by_removal])
def test_other_ways_to_act(node: Any) -> None:
    assert len(found(compiled(node, InMemoryStore()))) == 1


# ---------------------------------------------------------------- what is none


def after(state: State) -> State:
    answer = interrupt("?")
    log(answer)
    return {"text": answer}


def in_a_task(state: State) -> State:
    once("a").result()
    return {"text": interrupt("?")}


def in_the_branch_that_ends(state: State) -> State:
    if state.get("text") == "known":
        log("a")
        return {"text": "done"}
    return {"text": interrupt("?")}


def reads_and_reckons(state: State) -> State:
    print("asking")
    began = time.time()
    parts = [MAIL.read_mail()]
    parts.append(str(began))
    known = {"a": 1}
    known.update(b=2)
    parts.insert(0, "x")
    httpx.URL("https://example.com")
    question = {"text": " ".join(parts).strip(), "lines": sorted(known), "size": len(parts)}
    return {"text": interrupt(question)}


def only_defines(state: State) -> State:
    def act() -> None:
        log("a")

    answer = interrupt("?")
    act()
    return {"text": answer}


def in_a_loop(state: State) -> State:
    while True:
        answer = interrupt("?")
        if answer:
            log(answer)
            break
    return {"text": answer}


def asks_nothing(state: State) -> State:
    log("a")
    return {"text": "a"}


@pytest.mark.parametrize(
    "node",
    [after, in_a_task, in_the_branch_that_ends, reads_and_reckons, only_defines, in_a_loop, asks_nothing],
)
def test_what_is_done_once_is_not_told(node: Any) -> None:
    graph = compiled(node)
    assert answered(graph) <= 1
    assert found(graph) == []


def test_the_demo_that_mails_twice() -> None:
    (one,) = found(expenses.build(InMemorySaver(), apart=False))
    assert "mail(" in one.text and one.file == expenses.__file__
    assert found(expenses.build(InMemorySaver())) == []


def test_no_node_runs() -> None:
    lgviz.check_graph(compiled(by_method))
    assert SENT == []
