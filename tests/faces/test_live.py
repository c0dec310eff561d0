"""What the tasks at work say, told to the views while they say it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, RemoveMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph

import lgviz
from lgviz import session
from lgviz.backend.live import LiveBoard
from tests.support.graphs import CONFIG, Log, chain, noting, parallel
from tests.support.streaming import Gate, Talk, fanned, saying
from tests.support.view import View, run

ASKED: Any = {"messages": [HumanMessage("hello", id="h")]}


@pytest.fixture
def views() -> Iterator[Callable[[Any], View]]:
    opened: list[View] = []

    def view_of(graph: Any) -> View:
        opened.append(View(graph, "1"))
        return opened[-1]

    yield view_of
    for view in opened:
        view.close()


def at(graph: Any, *nodes: str) -> str:
    """The id of the checkpoint before these nodes."""
    return next(c.id for c in lgviz.history(graph, "1") if c.next == nodes)


def told(view: View) -> list[Any]:
    return [body for name, body in view.events if name == "live"]


def wait_for(view: View, seen: Callable[[Any], bool]) -> Any:
    """The first that is told which is as wanted."""
    with view._heard:
        assert view._heard.wait_for(lambda: any(seen(body) for body in told(view)), 60)
        return next(body for body in told(view) if seen(body))


def texts(body: Any) -> list[str]:
    return sorted(task["text"] for task in body["tasks"])


def test_each_of_several_tasks_of_one_node_says_its_own_words(views: Any) -> None:
    gates = [Gate(), Gate()]
    graph = fanned(
        InMemorySaver(), {"a": saying("one two three", gates[0]), "b": saying("un deux trois", gates[1])}
    )
    for gate in gates:
        gate.open()
    graph.invoke(ASKED, CONFIG)
    shut = [Gate(), Gate()]
    graph = fanned(
        graph.checkpointer, {"a": saying("one two three", shut[0]), "b": saying("un deux trois", shut[1])}
    )
    view = views(graph)
    asked = view.send("run_start", **run(at(graph, "worker", "worker")))
    body = wait_for(view, lambda body: texts(body) == ["one two ", "un deux "])
    assert [(t["node"], t["namespace"], t["status"]) for t in body["tasks"]] == [
        ("worker", "", "working")
    ] * 2
    assert (body["thread_id"], body["more"], body["custom"]) == ("1", 0, [])
    assert all(0 <= t["elapsed"] < 60_000 for t in body["tasks"])
    shut[0].open()
    half = wait_for(view, lambda body: [t["status"] for t in body["tasks"]] == ["working", "done"])
    assert [t["text"] for t in half["tasks"]] == ["un deux ", "one two three"]
    shut[1].open()
    assert view.reply(asked)["result"]["status"] == "done"
    assert told(view)[-1]["run"] == 1
    # the run's own end comes after all that it said
    names = [name for name, _ in view.events]
    assert (
        names.index("live")
        < len(names) - 1 - names[::-1].index("live")
        < len(names) - 1 - names[::-1].index("run")
    )


def test_the_last_custom_events_of_a_task_are_told(views: Any) -> None:
    graph = fanned(InMemorySaver(), {"a": saying("one")})
    graph.invoke(ASKED, CONFIG)
    view = views(graph)
    view.ask("run_start", **run(at(graph, "count")))
    last = told(view)[-1]["tasks"][-1]
    assert last["node"] == "count"
    assert [event["items"][0]["value"]["text"] for event in last["custom"]] == ["4", "5", "6", "7", "8"]


def test_a_custom_event_of_one_of_several_tasks_is_given_to_none() -> None:
    gate = Gate()

    def writing(state: Log) -> dict[str, Any]:
        get_stream_writer()("from one of them")
        gate.open()
        return {}

    def waiting(state: Log) -> dict[str, Any]:
        gate.wait()
        return {}

    graph = parallel(InMemorySaver(), ("x", writing), ("y", waiting))
    graph.invoke({"log": []}, CONFIG)
    heard: list[session.RunEvent] = []
    session.run(graph, at(graph, "x", "y"), thread_id="1", on_event=heard.append)
    custom = [event for event in heard if event.kind == "custom"]
    assert [(event.value, event.node, event.task_id) for event in custom] == [
        ("from one of them", None, None)
    ]


def test_inside_a_subgraph_and_of_async_graphs(views: Any) -> None:
    model = saying("one two three")

    async def speak(state: Talk) -> dict[str, Any]:
        get_stream_writer()("speaking")
        return {"messages": [await model.ainvoke("go on")]}

    inner = StateGraph(Talk)
    inner.add_node("speak", speak)
    inner.add_edge(START, "speak")
    outer = StateGraph(Talk)
    outer.add_node("sub", inner.compile())
    outer.add_edge(START, "sub")
    graph = outer.compile(checkpointer=InMemorySaver())
    asyncio.run(graph.ainvoke(ASKED, CONFIG))
    heard: list[session.RunEvent] = []
    session.run(graph, at(graph, "sub"), thread_id="1", on_event=heard.append)
    said = [event for event in heard if event.kind == "message"]
    assert "".join(event.text or "" for event in said) == "one two three"
    assert {event.node for event in said} == {"speak"}
    started = {event.node: event for event in heard if event.kind == "started"}
    assert {event.namespace for event in said} == {f"sub:{started['sub'].task_id}"}
    assert [(e.node, e.value) for e in heard if e.kind == "custom"] == [("speak", "speaking")]


def test_of_a_functional_graph_what_a_task_says_is_that_tasks() -> None:
    model = saying("one two three")

    @task
    def speak(text: str) -> str:
        return str(model.invoke(text).content)

    @entrypoint(checkpointer=InMemorySaver())
    def graph(text: str) -> str:
        return speak(text).result()

    graph.invoke("go on", CONFIG)
    heard: list[session.RunEvent] = []
    session.run(graph, "c0", thread_id="1", on_event=heard.append)
    said = [event for event in heard if event.kind == "message"]
    assert ("".join(event.text or "" for event in said), {event.node for event in said}) == (
        "one two three",
        {"speak"},
    )


def test_what_cannot_be_shown_breaks_no_run(views: Any) -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError("no words for it")

        __iter__ = __len__ = __eq__ = __bool__ = __str__ = __repr__  # type: ignore[assignment]
        __hash__ = None  # type: ignore[assignment]

    def odd(state: Log) -> dict[str, Any]:
        writer = get_stream_writer()
        for value in (Odd(), {"a": Odd()}, [b"\xff", float("nan"), "\ud800"], "x" * 1_000_000):
            writer(value)
        return {"log": ["odd"]}

    graph = chain([("odd", odd)], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    view = views(graph)
    assert view.ask("run_start", **run(at(graph, "odd")))["status"] == "done"
    assert told(view)[-1]["tasks"][0]["custom"][-1]["more"] > 900_000


def test_a_run_that_nobody_listens_to_streams_no_tokens() -> None:
    """Models are called as they are without lgviz: a stream may leave out what a whole answer tells."""
    seen: list[bool] = []

    class Noting(type(saying(""))):  # type: ignore[misc]
        def _stream(self, *args: Any, **kwargs: Any) -> Any:
            seen.append(True)
            return super()._stream(*args, **kwargs)

    model = Noting(messages=iter([saying("hi").messages.__next__()] * 9))
    graph = chain([("speak", lambda state: {"log": [str(model.invoke("go on").content)]})], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    assert session.run(graph, at(graph, "speak"), thread_id="1").values["log"] == ["hi"]
    assert seen == []
    session.run(graph, at(graph, "speak"), thread_id="1", on_event=lambda event: None)
    assert seen == [True]


# ---------------------------------------------------------------- the pace


def started(node: str = "model", namespace: str = "", task_id: str = "t") -> session.RunEvent:
    return session.RunEvent("started", namespace, node, task_id)


def said(text: str, message: str = "m", task_id: str = "t") -> session.RunEvent:
    return session.RunEvent("message", "", "model", task_id, message_id=message, text=text)


def test_ten_times_a_second_at_most_and_the_last_always() -> None:
    bodies: list[Any] = []
    board = LiveBoard(1, "1", bodies.append)
    began = time.monotonic()
    board.hear(started())
    for number in range(20_000):
        board.hear(said(f"{number} "))
    board.close()
    assert 1 <= len(bodies) <= (time.monotonic() - began) * 10 + 2
    text = "".join(f"{number} " for number in range(20_000))
    last = bodies[-1]["tasks"][0]
    assert (last["text"], last["more"]) == (text[-2_000:], len(text) - 2_000)
    board.hear(said("too late"))
    board.close()
    assert bodies[-1]["tasks"][0]["text"] == text[-2_000:]


def test_several_messages_of_one_task_are_kept_apart() -> None:
    board = LiveBoard(1, "1", lambda _: None)
    board.hear(started())
    for word in ("one ", "two ", "three"):
        board.hear(said(word, "m1"))
        board.hear(said(word.upper(), "m2"))
    assert board.view()["tasks"][0]["text"] == "one two three\n\nONE TWO THREE"
    board.close()


def test_a_slow_or_failing_view_holds_nothing_up() -> None:
    gate = Gate()
    bodies: list[Any] = []

    def slow(body: Any) -> None:
        bodies.append(body)
        if len(bodies) == 1:
            gate.wait()
            raise RuntimeError("the page is gone")

    board = LiveBoard(1, "1", slow)
    board.hear(started())
    assert gate.reached.wait(60)
    for word in "abc":
        board.hear(said(word))
    gate.open()
    board.close()
    assert [body["tasks"][0]["text"] for body in bodies[-1:]] == ["abc"]


def test_a_step_forgets_the_one_before_it() -> None:
    board = LiveBoard(1, "1", lambda _: None)
    board.hear(started("a", task_id="1"))
    board.hear(session.RunEvent("finished", "", "a", "1"))
    assert [(t["node"], t["status"]) for t in board.view()["tasks"]] == [("a", "done")]
    board.hear(started("b", task_id="2"))
    board.hear(started("c", "b:2", "3"))
    board.hear(session.RunEvent("finished", "b:2", "c", "3", error="no"))
    assert [(t["node"], t["status"]) for t in board.view()["tasks"]] == [("b", "working"), ("c", "failed")]
    board.hear(session.RunEvent("finished", "", "b", "2"))
    assert [(t["node"], t["status"]) for t in board.view()["tasks"]] == [("b", "done")]
    board.close()


def test_many_tasks_are_counted() -> None:
    board = LiveBoard(1, "1", lambda _: None)
    for number in range(1_000):
        board.hear(started("worker", task_id=str(number)))
    view = board.view()
    assert (len(view["tasks"]), view["more"]) == (20, 980)
    board.close()


def test_a_chunk_says_text_and_tool_calls() -> None:
    from lgviz.analysis.messages import piece_of

    blocks: Any = [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "so "}]
    call = {"name": "find", "args": "", "id": "1", "index": 0, "type": "tool_call_chunk"}
    more = {"name": None, "args": '{"q": 1}', "id": None, "index": 0, "type": "tool_call_chunk"}
    chunks = [
        AIMessageChunk(blocks),
        AIMessageChunk("", tool_call_chunks=[call]),
        AIMessageChunk("", tool_call_chunks=[more]),
    ]
    assert "".join(map(piece_of, chunks)) == 'so \nfind {"q": 1}'


# ---------------------------------------------------------------- what it cost


def buying(name: str, message_id: str, removing: str | None = None) -> Any:
    def node(state: Talk) -> dict[str, Any]:
        usage: Any = {"input_tokens": 1500, "output_tokens": 340, "total_tokens": 1840}
        said = AIMessage("…", id=message_id, usage_metadata=usage, response_metadata={"model_name": "m-1"})
        return {"messages": [said, *([RemoveMessage(removing)] if removing else [])]}

    node.__name__ = name
    return node


@pytest.mark.parametrize("saver", [InMemorySaver, lgviz.persistence.MemorySaver])
def test_a_steps_tokens_are_told_also_of_a_message_that_is_gone(views: Any, saver: Any) -> None:
    builder = StateGraph(Talk)
    builder.add_sequence([buying("first", "1"), buying("second", "2", removing="2"), noting("third")])
    builder.add_edge(START, "first")
    graph = builder.compile(checkpointer=saver(), interrupt_before=["second"])
    graph.invoke(ASKED, CONFIG)
    graph.invoke(None, CONFIG)
    graph.update_state(CONFIG, {"messages": [buying("x", "3")({})["messages"][0]]}, as_node="third")
    view = View(graph, "1", prices={"m-1": (2.0, 8.0)})
    used = {"input": 1500, "output": 340, "total": 1840, "models": ["m-1"], "cost": pytest.approx(0.00572)}
    told = [(c, view.ask("checkpoint_get", checkpoint=c.id)["usage"]) for c in lgviz.history(graph, "1")]
    assert {c.nodes or c.source: usage for c, usage in told} == {
        "input": None, "update": None, ("__start__",): None, ("first",): used, ("second",): used, ("third",): None,
    }  # fmt: skip
    first = next(c for c, _ in told if c.nodes == ("first",))
    writes = view.ask("writes_get", checkpoint=first.id)
    assert [(w["node"], w["pending"], w["usage"]) for w in writes] == [
        ("first", False, used),
        ("second", True, used),
    ]
    view.close()
    view = View(graph, "1")
    assert view.ask("checkpoint_get", checkpoint=first.id)["usage"] == {**used, "cost": None}
    view.close()
