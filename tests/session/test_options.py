"""Each choice of ``as_node`` leads to what a preview alone and LangGraph's own update lead to; gotos that the
thread shows."""

from __future__ import annotations

import copy
import sqlite3
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.func import entrypoint
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

import lgviz
from lgviz import persistence
from lgviz.analysis.history import open_history
from lgviz.errors import LgvizError
from lgviz.session import as_node_options
from tests.support.graphs import CONFIG, Log, asking, noting, parallel
from tests.support.random_graphs import GraphSpec, build, drive, graph_specs
from tests.support.view import View, fork


def over(graph: Any, saver: Any) -> Any:
    copied = copy.copy(graph)
    copied.checkpointer = saver
    return copied


def copied_saver(saver: Any) -> Any:
    """The same checkpoints in a saver of their own."""
    if isinstance(saver, InMemorySaver):
        return copy.deepcopy(saver)
    conn = sqlite3.connect(":memory:", check_same_thread=False)
    saver.conn.backup(conn)
    return type(saver)(conn)


def really(graph: Any, config: Any, values: Any, node: str) -> Any:
    """``next`` after LangGraph's own update on a copy; None where it refuses."""
    alone = over(graph, copied_saver(graph.checkpointer))
    try:
        made = alone.update_state(config, values, as_node=node)
        return alone.get_state(made).next
    except Exception:
        return None


def check(graph: Any, config: Any, values: Any = None) -> None:
    for option in as_node_options(graph, config, values):
        if values and option.node == END:
            assert option.disabled is not None
            continue
        assert (None if option.disabled else option.next) == really(graph, config, values, option.node), (
            option
        )
        try:
            alone = lgviz.preview(graph, config, values, option.node).next
        except LgvizError:
            alone = None  # type: ignore[assignment]
        assert (None if option.disabled else option.next) == alone


def test_an_input_that_waits() -> None:
    builder = StateGraph(Log).add_node("a", noting("a")).add_edge(START, "a")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.update_state(CONFIG, {"log": ["waiting"]}, as_node="__input__")
    check(graph, open_history(graph, "1").latest.config)
    options = {o.node: o.next for o in as_node_options(graph, open_history(graph, "1").latest)}
    assert options == {"__start__": ("a",), "a": (), "__end__": ()}


def test_an_entrypoint_that_asks() -> None:
    @entrypoint(checkpointer=InMemorySaver())
    def flow(x: int) -> int:
        return x + int(interrupt("?"))

    flow.invoke(1, CONFIG)
    check(flow, open_history(flow, "1").latest.config)


def test_a_step_half_done() -> None:
    graph = parallel(InMemorySaver(), ("x", asking("x")), ("y", noting("y")), ("z", asking("z")))
    graph.invoke({"log": []}, CONFIG)
    for checkpoint in open_history(graph, "1"):
        check(graph, checkpoint.config)
        check(graph, checkpoint.config, {"log": ["edited"]})


@settings(
    deadline=None,
    max_examples=12,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(graph_specs(max_stages=2))
def test_options_of_random_graphs(spec: GraphSpec) -> None:
    for made in (InMemorySaver(), SqliteSaver(sqlite3.connect(":memory:", check_same_thread=False))):
        graph = build(spec, made)
        drive(graph, "1", {"log": []})
        newest = [t.config for t in made.list(CONFIG) if not t.config["configurable"]["checkpoint_ns"]][:4]
        for config in newest:
            check(graph, config)


def test_the_checkpoint_is_read_once_for_all_options() -> None:
    conn = sqlite3.connect(":memory:", check_same_thread=False)
    graph = parallel(persistence.SqliteSaver(conn), ("x", asking("x")), ("y", noting("y")))
    graph.invoke({"log": []}, CONFIG)
    checkpoint = open_history(graph, "1").latest
    statements: list[str] = []
    conn.set_trace_callback(statements.append)
    assert len(as_node_options(graph, checkpoint)) == 6
    conn.close()
    assert sum("c.body" in s for s in statements) == 2  # it, and the latest, once each


# ---------------------------------------------------------------- gotos


def unannotated(saver: Any, goto: Any, edges: tuple[str, ...] = ()) -> Any:
    def choose(state: Log):  # type: ignore[no-untyped-def]  # as most programs have it
        return Command(update={"log": ["choose"]}, goto=goto(state) if callable(goto) else goto)

    builder = StateGraph(Log).add_node("choose", choose)
    for name in ("left", "right"):
        builder.add_node(name, noting(name))
    builder.add_edge(START, "choose")
    for target in edges:
        builder.add_edge("choose", target)
    return builder.compile(checkpointer=saver)


WARNED = (
    "In this thread 'choose' went to left by no edge of this graph, as Command(goto=...) does: without goto= "
    "nothing runs next."
)


@pytest.mark.parametrize("named", ["a checkpoint", "a config", "a label"])
def test_a_goto_that_only_the_thread_shows(named: str) -> None:
    graph = unannotated(InMemorySaver(), "left")
    graph.invoke({"log": []}, CONFIG)
    row = open_history(graph, "1")["c2"]
    at: Any = {"a checkpoint": row, "a config": row.config, "a label": "c2"}[named]
    would = lgviz.preview(graph, at, {"log": ["x"]}, as_node="choose", thread_id="1")
    assert (would.next, would.warnings) == ((), [WARNED])
    options = {o.node: o.goto for o in as_node_options(graph, at, thread_id="1")}
    assert options == {"__start__": (), "choose": ("left",), "left": (), "right": (), "__end__": ()}
    gone = lgviz.preview(graph, at, {"log": ["x"]}, as_node="choose", goto="left", thread_id="1")
    assert (gone.next, gone.warnings) == (("left",), [])


def test_a_goto_of_another_branch_and_of_another_turn() -> None:
    graph = unannotated(InMemorySaver(), lambda state: "right" if "again" in state["log"] else "left")
    graph.invoke({"log": []}, CONFIG)
    graph.invoke({"log": ["again"]}, CONFIG)
    root = open_history(graph, "1")["c1"]
    options = {o.node: o.goto for o in as_node_options(graph, root)}
    assert sorted(options["choose"]) == ["left", "right"]


def test_a_node_of_edges_alone_offers_no_goto() -> None:
    builder = StateGraph(Log)
    for name in ("a", "b", "c"):
        builder.add_node(name, noting(name))
    builder.add_edge(START, "a").add_edge("a", "b")
    builder.add_conditional_edges("b", lambda state: "c")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    for checkpoint in open_history(graph, "1"):
        assert all(o.goto == () for o in as_node_options(graph, checkpoint))
    assert lgviz.preview(graph, open_history(graph, "1").latest, None, as_node="c").warnings == []


def test_a_goto_beside_an_edge() -> None:
    graph = unannotated(InMemorySaver(), "left", edges=("right",))
    graph.invoke({"log": []}, CONFIG)
    options = {o.node: (o.next, o.goto) for o in as_node_options(graph, open_history(graph, "1")["c2"])}
    assert options["choose"] == (("right",), ("left",))


def test_an_annotated_goto_comes_first_and_once() -> None:
    def choose(state: Log) -> Command[Literal["right", "left"]]:
        return Command(goto="left")

    builder = StateGraph(Log).add_node("choose", choose)
    builder.add_node("left", noting("left")).add_node("right", noting("right")).add_edge(START, "choose")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    options = {o.node: o.goto for o in as_node_options(graph, open_history(graph, "1")["c1"])}
    assert sorted(options["choose"]) == ["left", "right"]


def test_what_was_sent_is_said() -> None:
    graph = unannotated(InMemorySaver(), [Send("left", {"log": []}), Send("right", {"log": []})])
    graph.invoke({"log": []}, CONFIG)
    row = open_history(graph, "1")["c2"]
    assert lgviz.preview(graph, row, {"log": ["x"]}, as_node="choose").warnings == [
        "In this thread 'choose' sent to left, right by Send, which goto= cannot do."
    ]


def test_in_a_subgraph() -> None:
    inner = unannotated(None, "left")
    builder = StateGraph(Log).add_node("sub", inner).add_edge(START, "sub")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    row = next(c for c in open_history(graph, "1")["c1"].inner if c.nodes == ("choose",))
    options = {o.node: o.goto for o in as_node_options(graph, row)}
    assert options["choose"] == ("left",)
    assert lgviz.preview(graph, row, {"log": ["x"]}, as_node="choose").warnings == [WARNED]


def test_the_debugger_offers_and_warns() -> None:
    graph = unannotated(InMemorySaver(), "left")
    graph.invoke({"log": []}, CONFIG)
    view = View(graph, "1")
    row = open_history(graph, "1")["c2"]
    options = {o["node"]: o["goto"] for o in view.ask("fork_form", checkpoint=row.id)["as_node"]}
    assert options["choose"] == ["left"]
    assert view.ask("fork_preview", **fork(row.id, {"log": ["x"]}, "choose"))["warnings"] == [WARNED]
    made = view.ask("fork_commit", **fork(row.id, {"log": ["x"]}, "choose", goto="left"))
    assert made["next"] == ["left"]
    view.close()
