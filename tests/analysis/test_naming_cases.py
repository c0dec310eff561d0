"""Which node made a checkpoint: the cases that a naive reading gets wrong, on real graphs."""

from __future__ import annotations

import operator
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import CachePolicy, Command, Send, StateUpdate, interrupt

from lgviz.analysis.history import History, open_history
from lgviz.analysis.tree import Flag


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]
    x: int


def say(name: str) -> Any:
    return lambda state: {"log": [name]}


def fail(state: State) -> State:
    raise ValueError("no")


def thread(thread_id: str = "1") -> Any:
    return {"configurable": {"thread_id": thread_id}}


def chain(*names: str, **arguments: Any) -> Any:
    builder = StateGraph(State)
    builder.add_sequence([(name, say(name)) for name in names])
    builder.add_edge(START, names[0])
    return builder.compile(checkpointer=InMemorySaver(), **arguments)


def both(graph: Any, thread_id: str = "1") -> list[History]:
    """Read with the graph's help, and from its saver alone."""
    return [open_history(graph, thread_id), open_history(graph.checkpointer, thread_id)]


def test_a_result_from_the_cache_leaves_no_write_but_its_node_is_named() -> None:
    calls = []

    def counted(name: str) -> Any:
        def run(state: State) -> State:
            calls.append(name)
            return {"log": [name]}

        return run

    builder = StateGraph(State)
    builder.add_node("a", counted("a"), cache_policy=CachePolicy(key_func=lambda *_: b"a"))
    builder.add_node("b", counted("b"), cache_policy=CachePolicy(key_func=lambda *_: b"b"))
    builder.add_node("c", counted("c"))
    builder.add_edge(START, "a")
    builder.add_edge("a", "b")
    builder.add_edge("a", "c")
    graph = builder.compile(checkpointer=InMemorySaver(), cache=InMemoryCache())
    graph.invoke({"log": []}, thread("1"))
    graph.invoke({"log": []}, thread("2"))
    assert sorted(calls) == ["a", "b", "c", "c"]
    for history in both(graph, "2"):
        assert [c.nodes for c in history] == [(), ("__start__",), ("a",), ("b", "c")]
        assert [c.changed for c in history][2:] == [("log",), ("log",)]


def test_a_handled_error_names_the_node_and_its_handler() -> None:
    builder = StateGraph(State)
    builder.add_node("bad", fail, error_handler=say("handled"))
    builder.add_node("ok", say("ok"))
    builder.add_edge(START, "bad")
    builder.add_edge(START, "ok")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"log": []}, thread())
    for history in both(graph):
        handler = next(name for name in graph.nodes if name not in ("bad", "ok", "__start__"))
        assert history["c2"].nodes == ("bad", "ok", handler)
        assert history["c2"].writes[handler] == [{"log": ["handled"]}]
        assert history["c1"].error is None and history.status == "done"


def test_tasks_of_the_functional_api_are_named() -> None:
    @task
    def double(x: int) -> int:
        return 2 * x

    @task
    def add(x: int) -> int:
        return x + 1

    @entrypoint(checkpointer=InMemorySaver())
    def flow(x: int) -> int:
        return add(sum(future.result() for future in [double(1), double(2)])).result()

    flow.invoke(3, thread())
    for history in both(flow):
        assert history["c1"].nodes == ("flow", "double", "double", "add")
        assert history["c1"].changed == ("__end__",)
        assert history["c0"].next == ("flow",)
        assert [write["__return__"] for write in history["c1"].writes["double"]] == [2, 4]
    assert open_history(flow, "1").latest.values == 7


@task
def leaf(x: int) -> int:
    return x


@task
def middle(x: int) -> int:
    return leaf(x).result() + leaf(x + 1).result()


@task
def top(x: int) -> int:
    return middle(x).result()


@task
def curious(x: int) -> Any:
    return interrupt(x)


@task
def patient(x: int) -> Any:
    return curious(x).result()


@task
def broken(x: int) -> int:
    raise ValueError(x)


@task
def careful(x: int) -> int:
    try:
        return int(broken(x).result())
    except ValueError:
        return -x


def ran(graph: Any, *inputs: Any) -> tuple[str, ...]:
    """The tasks that LangGraph says it began, each once."""
    names = {}
    for given in inputs:
        for told in graph.stream(given, thread(), stream_mode="debug"):
            if told["type"] == "task":
                names[told["payload"]["id"]] = told["payload"]["name"]
    return tuple(names.values())


@pytest.mark.parametrize(
    ("work", "answers", "right"),
    [
        (lambda x: middle(x).result(), [], ("flow", "middle", "leaf", "leaf")),
        (lambda x: top(x).result(), [], ("flow", "top", "middle", "leaf", "leaf")),
        (
            lambda x: middle(x).result() + middle(x + 5).result(),
            [],
            ("flow", "middle", "leaf", "leaf", "middle", "leaf", "leaf"),
        ),
        (
            lambda x: [patient(1).result(), leaf(1).result(), patient(2).result()],
            ["a", "b"],
            ("flow", "patient", "curious", "leaf", "patient", "curious"),
        ),
        (lambda x: careful(1).result(), [], ("flow", "careful", "broken")),
    ],
)
@pytest.mark.parametrize("of_nodes", [False, True])
def test_tasks_that_tasks_call_are_named_and_counted(
    work: Any, answers: list[str], right: tuple[str, ...], of_nodes: bool
) -> None:
    inputs = [*(Command(resume=answer) for answer in answers)]
    if of_nodes:
        builder = StateGraph(State).add_node("flow", lambda state: {"log": [str(work(1))]})
        graph: Any = builder.add_edge(START, "flow").compile(checkpointer=InMemorySaver())
        inputs.insert(0, {"log": []})
    else:
        graph = entrypoint(checkpointer=InMemorySaver())(named(work))
        inputs.insert(0, 1)
    told = ran(graph, *inputs)
    assert told == right
    for history in both(graph):
        assert history.latest.nodes == right
        returned = {name for name in right if name not in ("flow", "broken")}
        assert {*history.latest.writes} - {"flow", "broken"} == returned
        assert "" not in history.latest.writes


def test_who_ended_a_step_that_was_answered_is_named_whatever_was_stored_of_it() -> None:
    """With `durability="exit"` nothing is stored of the last run of a step; of the one before, who asked only asked."""

    @entrypoint(checkpointer=InMemorySaver())
    def flow(x: int) -> Any:
        return [leaf(x).result(), top(x).result(), interrupt("q")]

    for given in (1, Command(resume="a")):
        flow.invoke(given, thread(), durability="exit")
    with_code, alone = both(flow)
    assert with_code.latest.nodes == ("flow", "leaf", "top", "middle", "leaf", "leaf")
    assert alone.latest.nodes == ("flow", "leaf", "top")
    assert (with_code.status, alone.status) == ("done", "done")


def named(work: Any) -> Any:
    def flow(x: int) -> Any:
        return work(x)

    return flow


def test_a_task_and_a_node_of_one_name_are_counted_both() -> None:
    @task(name="b")
    def hidden(x: int) -> int:
        return leaf(x).result()

    builder = StateGraph(State)
    builder.add_node("leaf", lambda state: {"log": [str(leaf(1).result())]})
    builder.add_node("b", lambda state: {"log": [f"{hidden(2).result()} {interrupt('q')}"]})
    graph = builder.add_edge(START, "leaf").add_edge(START, "b").compile(checkpointer=InMemorySaver())
    told = ran(graph, {"log": []}, Command(resume="a"))
    assert sorted(told) == ["b", "b", "leaf", "leaf", "leaf"]
    for history in both(graph):
        assert sorted(history.latest.nodes) == ["b", "b", "leaf", "leaf", "leaf"]
        assert {name: len(writes) for name, writes in history.latest.writes.items()} == {"leaf": 3, "b": 2}


def test_tasks_that_were_not_called_again_are_named_by_the_code() -> None:
    """Those of a node that had finished when a sibling was answered: no row holds their names."""
    builder = StateGraph(State)
    builder.add_node("a", lambda state: {"log": [str(careful(1).result() + careful(2).result())]})
    builder.add_node("b", lambda state: {"log": [interrupt("q")]})
    graph = builder.add_edge(START, "a").add_edge(START, "b").compile(checkpointer=InMemorySaver())
    told = ran(graph, {"log": []}, Command(resume="b"))
    assert sorted(told) == ["a", "b", "broken", "broken", "careful", "careful"]
    with_code, alone = both(graph)
    assert with_code.latest.nodes == ("a", "b", "careful", "broken", "careful", "broken")
    assert alone.latest.nodes == ("a", "b")
    assert (with_code.status, alone.status) == ("done", "done")


def test_a_deferred_node_comes_last() -> None:
    builder = StateGraph(State)
    for name in ("a", "b", "c"):
        builder.add_node(name, say(name))
    builder.add_node("last", say("last"), defer=True)
    for edge in ((START, "a"), ("a", "b"), ("a", "last"), ("b", "c"), ("c", "last")):
        builder.add_edge(*edge)
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"log": []}, thread())
    for history in both(graph):
        assert [c.nodes for c in history][2:] == [("a",), ("b",), ("c",), ("last",)]
        assert [c.next for c in history][2:] == [("b",), ("c",), ("last",), ()]


@pytest.fixture
def failed() -> Any:
    builder = StateGraph(State)
    builder.add_node("ok", say("ok"))
    builder.add_node("bad", fail)
    builder.add_node("z", say("z"))
    for edge in ((START, "ok"), (START, "bad"), ("bad", "z")):
        builder.add_edge(*edge)
    graph = builder.compile(checkpointer=InMemorySaver())
    with pytest.raises(ValueError, match="no"):
        graph.invoke({"log": []}, thread())
    return graph


def test_a_failed_task_that_was_updated_shows_error_and_result(failed: Any) -> None:
    assert open_history(failed, "1").status == "failed"
    failed.update_state(thread(), {"log": ["fixed"]}, as_node="bad")
    for history in both(failed):
        parent, update = history["c1"], history["c2"]
        assert Flag.ERROR in parent.flags and parent.error == "ValueError('no')"
        assert update.nodes == ("bad",) and update.as_node == "bad"
        assert dict(update.writes) == {"bad": [{"log": ["fixed"]}]} and not update.writes.derived
        assert update.next == ("z",) and history.status == "paused"
    (task_,) = (t for t in open_history(failed, "1")["c1"].tasks if t.name == "bad")
    assert task_.error and task_.result == {"log": ["fixed"]}


def test_an_update_of_an_older_checkpoint_is_named_only_where_certain(failed: Any) -> None:
    failed.update_state(thread(), {"log": ["fixed"]}, as_node="bad")
    failed.invoke(None, thread())
    at = open_history(failed, "1")["c1"].config
    failed.update_state(at, {"log": ["old"]}, as_node="ok")
    failed.update_state(at, {"log": ["root"]}, as_node="__start__")
    marked = {**at, "metadata": {"lgviz_as_node": "__start__", "lgviz_note": "because"}}
    failed.update_state(marked, {"log": ["again"]}, as_node="__start__")
    for history in both(failed):
        first, second, third = history["c4"], history["c5"], history["c6"]
        assert first.nodes == ("ok",)  # it never ran on this branch: LangGraph left an empty mark
        assert second.nodes == () and second.writes.derived
        assert dict(second.writes) == {"": [{"log": ["root"]}]}
        assert third.nodes == ("__start__",) and third.note == "because"
        assert third.flags == Flag.UPDATE | Flag.NOTE | Flag.WAITED
        assert third.metadata["lgviz_as_node"] == "__start__"


def test_updates_on_an_empty_thread_and_several_at_once(failed: Any) -> None:
    failed.update_state(thread("new"), {"log": ["first"]}, as_node="ok")
    steps = [
        [StateUpdate({"log": []}, "__input__")],
        [StateUpdate({"log": ["1"]}, "z"), StateUpdate({"log": ["2"]}, "ok")],
    ]
    failed.bulk_update_state(thread("bulk"), steps)
    for history in both(failed, "new"):
        assert history.root.nodes == ("ok",) and not history.root.collapsed
    for history in both(failed, "bulk"):
        assert [c.nodes for c in history] == [(), ("z", "ok")]
        assert dict(history.latest.writes) == {"z": [{"log": ["1"]}], "ok": [{"log": ["2"]}]}


def test_clearing_pending_sends_names_nobody() -> None:
    builder = StateGraph(State)
    builder.add_node("boss", say("boss"))
    builder.add_node("worker", say("worker"))
    builder.add_edge(START, "boss")
    builder.add_conditional_edges("boss", lambda state: [Send("worker", {}), Send("worker", {})], ["worker"])
    graph = builder.compile(checkpointer=InMemorySaver(), interrupt_before=["worker"])
    graph.invoke({"log": []}, thread())
    for history in both(graph):
        assert history.status == "paused" and history.latest.next == ("worker", "worker")
    graph.update_state(thread(), None, as_node=END)
    for history in both(graph):
        assert history.latest.nodes == () and history.latest.next == ()
        assert dict(history.latest.writes) == {} and history.status == "done"


def test_a_stateful_subgraph_keeps_one_history_over_its_calls() -> None:
    builder = StateGraph(State)
    inner = StateGraph(State)
    inner.add_node("i", say("i"))
    inner.add_edge(START, "i")
    builder.add_node("sub", inner.compile(checkpointer=True))
    builder.add_edge(START, "sub")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"log": []}, thread())
    graph.invoke({"log": []}, thread())
    for history in both(graph):
        assert [c.label for c in history["c1"].inner] == ["c1.1", "c1.2", "c1.3"]
        assert [c.label for c in history["c4"].inner] == ["c4.1", "c4.2", "c4.3"]
        second = history["c4.1"]
        assert second.parent == history["c1.3"] and second.outer == history["c4"]
        assert history["c4.3"].nodes == ("i",)
        assert history["c5"].nodes == ("sub",)


def test_two_calls_of_one_subgraph_in_one_task_are_told_apart() -> None:
    inner = StateGraph(State)
    inner.add_node("i", say("i"))
    inner.add_edge(START, "i")
    sub = inner.compile()

    def two(state: State) -> State:
        sub.invoke({"log": []})
        sub.invoke({"log": []})
        return {"log": ["two"]}

    builder = StateGraph(State)
    builder.add_node("two", two)
    builder.add_edge(START, "two")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"log": []}, thread())
    for history in both(graph):
        inner_rows = history["c1"].inner
        assert [c.label for c in inner_rows] == [f"c1.{n}" for n in range(1, 7)]
        assert [c.nodes for c in inner_rows] == [(), ("__start__",), ("i",)] * 2
        assert len({c.namespace for c in inner_rows}) == 2
        assert history.tree.depth[inner_rows[-1].row] == 1


def test_what_a_command_sends_along_with_an_answer() -> None:
    builder = StateGraph(State)
    builder.add_node("ask", lambda state: {"log": [interrupt("sure?")]})
    builder.add_node("b", say("b"))
    builder.add_edge(START, "ask")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"log": []}, thread())
    waiting = open_history(graph, "1")
    assert waiting.status == "interrupted"
    assert [i.value for i in waiting.latest.waiting] == ["sure?"]
    graph.invoke(Command(resume="yes", update={"x": 3}, goto="b"), thread())
    for history in both(graph):
        asked, made = history["c1"], history["c2"]
        assert asked.flags == Flag.INTERRUPT | Flag.ANSWERED
        assert [i.value for i in asked.interrupts] == ["sure?"] and asked.waiting == ()
        assert asked.next == ("ask",)
        assert made.nodes == ("ask", "b") and made.changed == ("log", "x")
    assert waiting.refresh() == (2, [1])


def test_collapsed_steps_among_kept_ones() -> None:
    graph = chain("b", "a")
    graph.invoke({"log": []}, thread(), durability="exit")
    graph.invoke({"log": []}, thread(), durability="exit")
    graph.invoke({"log": []}, thread())
    for history in both(graph):
        assert [c.collapsed for c in history] == [True, True, False, False, False, False]
        assert history["c0"].nodes == history["c1"].nodes == ("__start__", "b", "a")
        assert [c.nodes for c in history][2:] == [(), ("__start__",), ("b",), ("a",)]
