"""Plots say what the history says, and each point knows its checkpoint."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command

import lgviz
from lgviz.analysis import plots
from lgviz.analysis.plots import KINDS
from lgviz.analysis.spans import Span, running_time, spans
from lgviz.demos import agent, approval, two_nodes
from lgviz.errors import InvalidValue
from lgviz.persistence import MemorySaver
from tests.support.graphs import asking, chain, noting, parallel
from tests.support.savers import config

NO_KIND = "There is no plot 'pie'. There are 'timeline', 'bytes', 'tokens', 'routing' and 'durations'."


def history_of(demo: Any, saver: Any = None) -> lgviz.History:
    graph = demo.build(saver or MemorySaver())
    demo.seed(graph, "1")
    return lgviz.history(graph, "1")


def chat(prices: bool = True) -> lgviz.History:
    """Two turns of a model that reads 100 tokens, then 200, and writes 10 each time."""
    calls = iter(range(100, 900, 100))

    def model(_: Any) -> dict[str, Any]:
        read = next(calls)
        usage: Any = {"input_tokens": read, "output_tokens": 10, "total_tokens": read + 10}
        told = {"model_name": "m"} if prices else {}
        return {"messages": [AIMessage("hi", usage_metadata=usage, response_metadata=told)]}

    builder = StateGraph(MessagesState)
    builder.add_node("model", model)
    builder.add_edge(START, "model")
    graph = builder.compile(MemorySaver())
    for _ in range(2):
        graph.invoke({"messages": [HumanMessage("hello")]}, config())
    return lgviz.history(graph, "1")


@pytest.mark.parametrize("kind", KINDS)
def test_every_point_of_every_kind_is_a_checkpoint_of_the_thread(kind: str) -> None:
    h = chat() if kind == "tokens" else history_of(agent)
    figure = h.plot(kind)
    points = [id_ for trace in figure.data for id_ in trace.customdata]
    assert points and all(id_ in h for id_ in points)
    for trace in figure.data:
        assert len(trace.customdata) == len(trace.y) == len(trace.x if trace.x is not None else trace.y)
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"


def test_tokens_and_what_they_cost() -> None:
    h = chat()
    read, wrote = h.plot("tokens").data
    assert (list(read.x), list(read.y), list(wrote.y)) == (["c2", "c5"], [100, 200], [10, 10])
    *_, cost = h.plot("tokens", prices={"m": (1_000_000.0, 2_000_000.0)}).data
    assert list(cost.y) == [120.0, 220.0]
    assert list(chat(prices=False).plot("tokens", prices={"m": (1.0, 2.0)}).data[2].y) == [None, None]


def test_bytes_are_those_of_the_serializer() -> None:
    h = history_of(two_nodes)
    size = JsonPlusSerializer().dumps_typed
    for trace in h.plot("bytes").data:
        for label, told in zip(trace.x, trace.y, strict=True):
            values = h[label].values
            assert told == (len(size(values[trace.name])[1]) if trace.name in values else None)


def test_routing_shares_of_one_thread_and_of_many(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    graph = agent.build(MemorySaver())
    for name in ("a", "b"):
        agent.seed(graph, name)
    h = lgviz.history(graph, "a")
    led = Counter(
        (" + ".join(c.parent.nodes), " + ".join(c.nodes))
        for c in h
        if c.parent is not None and c.parent.nodes and c.source == "loop"
    )
    led.update({("agent", "END"): sum(h.status_of(head) == "done" for head in h.heads)})
    whole = Counter({node: sum(n for (f, _), n in led.items() if f == node) for node, _ in led})
    one, many = h.plot("routing"), lgviz.plot_threads(graph)
    for figure in (one, many):
        told = {
            (node, bar.name): share for bar in figure.data for node, share in zip(bar.y, bar.x, strict=True)
        }
        assert told == {key: pytest.approx(n / whole[key[0]]) for key, n in led.items()}
    assert [bar.text[0] for bar in many.data] != [bar.text[0] for bar in one.data]
    assert "over 2 threads" in many.layout.title.text
    assert lgviz.plot_threads(graph, threads=["a"]).layout.title.text == one.layout.title.text
    monkeypatch.setattr(plots, "_MOST", 1)
    newest = lgviz.plot_threads(graph).layout.title.text
    assert newest == lgviz.plot_threads(graph, threads="b").layout.title.text
    assert "The newest 1 of 2 threads" in caplog.text


@pytest.mark.parametrize(("saver", "kinds"), [(MemorySaver, ["pause", "step"]), (InMemorySaver, ["both"])])
def test_the_time_of_a_person_is_apart(saver: Any, kinds: list[str]) -> None:
    """lgviz's savers keep when an answer came; of others pause and step are one."""

    def ask(state: Any) -> Any:
        said = asking("ask")(state)
        threading.Event().wait(0.06)  # lets others go on meanwhile
        return said

    graph = chain([("ask", ask)], saver())
    graph.invoke({"log": []}, config())
    threading.Event().wait(0.06)
    answered = time.time()
    graph.invoke(Command(resume="yes"), config())
    h = lgviz.history(graph, "1")
    own = [span for span in spans(h) if span.checkpoint == h.latest]
    assert [span.kind for span in own] == kinds and own[-1].nodes == ("ask",)
    assert own[0].end - own[0].start >= 0.05
    if saver is MemorySaver:
        assert own[0].end == own[1].start == pytest.approx(answered, abs=0.5)
        assert own[0].end >= answered and own[1].end > own[1].start
    rows = {name for trace in h.plot().data for name in trace.y}
    assert rows >= {"super-steps", "between"} and ("ask" in rows) == (saver is MemorySaver)


@pytest.mark.parametrize("saver", [MemorySaver, InMemorySaver])
def test_parallel_tasks_end_by_themselves(saver: Any) -> None:
    used = saver()
    source = lgviz.open_source(used)

    def long(state: Any) -> Any:
        """Ends clearly after the other one was stored."""
        while not any(write.task_path.endswith("short") for write in source.index("1").writes):
            threading.Event().wait(0.005)
        threading.Event().wait(0.05)
        return noting("long")(state)

    graph = parallel(used, ("short", noting("short")), ("long", long))
    graph.invoke({"log": []}, config())
    (span,) = [span for span in spans(lgviz.history(graph, "1")) if set(span.nodes) == {"short", "long"}]
    ends = dict(span.tasks)
    assert ends.keys() == {"short", "long"} and span.start <= ends["short"] <= ends["long"] <= span.end
    kept = saver is MemorySaver
    assert (ends["long"] - ends["short"] > 0.04) == kept and (ends["short"] == span.end) != kept


def test_long_pauses_are_shortened_and_steps_are_not() -> None:
    made: Any = None
    found = [Span(made, "step", 100, 110), Span(made, "pause", 110, 9_000), Span(made, "step", 9_000, 9_005)]
    times, shown = running_time(found)
    assert times == [100, 110, 9_000, 9_005] and shown == pytest.approx([0, 10, 10.9, 15.9])
    assert running_time([]) == ([], [])
    overlapping = [Span(made, "pause", 0, 5), Span(made, "both", 3, 8), Span(made, "step", 2, 9)]
    times, shown = running_time(overlapping)
    assert times == sorted(set(times)) and shown == sorted(shown)


def test_the_times_of_a_thread_add_up() -> None:
    for demo in (agent, approval, two_nodes):
        h = history_of(demo)
        found = spans(h)
        assert {span.checkpoint for span in found} == set(h) - {h.root}
        assert all(span.end >= span.start for span in found)
        stepped = [span for span in found if span.kind == "step"]
        assert all(span.nodes == span.checkpoint.nodes for span in stepped)


def test_durations_leave_pauses_out() -> None:
    h = history_of(approval)
    counted = {box.name: len(box.y) for box in h.plot("durations").data}
    steps = [span for span in spans(h) if span.kind == "step"]
    assert counted == Counter(node for span in steps for node, _ in span.tasks)
    assert counted.keys() == {node for span in steps for node in span.nodes}


def test_unknown_kinds_are_refused_by_name() -> None:
    h = history_of(two_nodes)
    with pytest.raises(InvalidValue) as raised:
        h.plot("pie")
    assert str(raised.value) == NO_KIND
    with pytest.raises(InvalidValue, match="There is no plot"):
        h.plot(["routing"])  # type: ignore[arg-type]
    (thread,) = h.threads
    assert lgviz.plot_threads(h.source, "routing", thread) == lgviz.plot_threads(
        h.source, "routing", [thread]
    )
    with pytest.raises(InvalidValue, match="There are 'routing' and 'durations'"):
        lgviz.plot_threads(h.source, "timeline")


def test_names_from_a_database_are_no_html() -> None:
    graph = chain([("<a href='x'>y</a>", noting("a"))], InMemorySaver())
    graph.invoke({"log": []}, config("<b>1</b>"))
    told = lgviz.history(graph).plot("timeline").to_json()
    assert "<a href" not in told and "<b>" not in told and "&lt;a href" in told


def test_the_scores_of_a_sweep() -> None:
    graph = two_nodes.build(MemorySaver())
    two_nodes.seed(graph, "1")
    c2 = lgviz.history(graph, "1")["c2"]
    cases = {"x": {"bar": ["1"]}, "y": {"bar": ["1", "2"]}}
    found = lgviz.sweep(graph, c2, cases, as_node="node_a", runs=2, score=lambda values: len(values["bar"]))
    runs, means = found.plot().data
    assert sorted(zip(runs.x, runs.y, strict=True)) == [("x", 3), ("x", 3), ("y", 4), ("y", 4)]
    assert dict(zip(means.x, means.y, strict=True)) == {"x": 3, "y": 4}
    (done,) = lgviz.sweep(graph, c2, cases, as_node="node_a").plot().data
    assert (done.name, list(done.x), list(done.y)) == ("done", ["x", "y"], [1, 1])
