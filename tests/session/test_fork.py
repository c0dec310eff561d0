"""``preview``, ``fork`` and the choices for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import add
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.constants import END
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, Send

import lgviz.session as session
from lgviz import persistence
from lgviz.analysis.history import open_history
from lgviz.demos import approval, fan_out, two_nodes
from lgviz.errors import (
    ActRefused,
    AmbiguousUpdate,
    CheckpointNotFound,
    DamagedData,
    InvalidValue,
    NoCheckpointer,
    NodeRefused,
    ReadOnly,
    ThreadNotFound,
)
from tests.support.graphs import CONFIG, Log, before, chain, commanding, ids, noting, parallel, routed


class FooBar(TypedDict):
    foo: int
    bar: Annotated[list[str], add]


def documented(saver: Any) -> Any:
    builder = StateGraph(FooBar)
    builder.add_node("node", lambda state: {"foo": 1, "bar": ["a"]})
    builder.add_edge(START, "node")
    graph = builder.compile(checkpointer=saver)
    graph.invoke({"foo": 0, "bar": []}, CONFIG)
    return graph


def test_the_documentations_example(saver: SqliteSaver, dump: Callable[[], list[str]]) -> None:
    graph = documented(saver)
    untouched = dump()
    latest = open_history(graph, "1").latest
    assert latest.values == {"foo": 1, "bar": ["a"]}
    seen = session.preview(graph, latest, {"foo": 2, "bar": ["b"]})
    assert seen.values == {"foo": 2, "bar": ["a", "b"]}
    assert seen.next == ()
    assert seen.as_node == "node"
    assert [(c.channel, c.kind, c.before, c.after) for c in seen.diff] == [
        ("foo", "changed", 1, 2),
        ("bar", "added", None, "b"),
    ]
    assert dump() == untouched
    made = session.fork(graph, latest, {"foo": 2, "bar": ["b"]})
    assert made.values == {"foo": 2, "bar": ["a", "b"]}
    assert made.parent == latest
    assert dump() != untouched


def test_the_same_checkpoint_by_checkpoint_config_id_and_label() -> None:
    graph = documented(InMemorySaver())
    first = open_history(graph, "1")["c1"]
    for at, more in (
        (first, {}),
        (first.config, {}),
        (first.id, {"thread_id": "1"}),
        ("c1", {"thread_id": "1"}),
    ):
        assert session.fork(graph, at, {"foo": 5}, as_node="__start__", **more).parent.id == first.id
    config: RunnableConfig = {"configurable": {"thread_id": 1}}
    assert session.fork(graph, "c1", {"foo": 5}, as_node="__start__", config=config).parent == first
    with pytest.raises(ThreadNotFound, match="thread_id"):
        session.fork(graph, "c1", {})
    with pytest.raises(ThreadNotFound, match="thread_id"):
        session.fork(graph, {"configurable": {}}, {})
    with pytest.raises(CheckpointNotFound, match="no checkpoint '1ef"):
        session.fork(graph, "1ef00000-0000-6000-8000-000000000000", {}, thread_id="1")
    with pytest.raises(CheckpointNotFound):
        session.fork(graph, "c77", {}, thread_id="1")


def test_a_fork_names_its_checkpoint_though_a_newer_branch_exists() -> None:
    graph = two_nodes.build(InMemorySaver())
    two_nodes.seed(graph)
    history = open_history(graph, "1")
    made = session.fork(graph, history["c2"], {"foo": "mine"})
    assert made.parent.label == "c2"
    assert made.values == {"foo": "mine", "bar": ["a"]}


# ---------------------------------------------------------------- what is recorded


@pytest.mark.parametrize("memory", [True, False])
def test_node_note_and_goto_are_recorded_and_do_not_leak(memory: bool, saver: SqliteSaver) -> None:
    graph = commanding(InMemorySaver() if memory else saver)
    graph.invoke({"log": []}, {"configurable": {"thread_id": "1", "user_id": "ana", "level": 3}})
    at = before(graph, "left")
    made = session.fork(graph, at, {"log": ["mine"]}, "choose", "right", "try the other side")
    assert made.next == ("right",)
    marks = {k: v for k, v in made.metadata.items() if k.startswith("lgviz_")}
    assert marks == {"lgviz_as_node": "choose", "lgviz_goto": "right", "lgviz_note": "try the other side"}
    assert session.configurable_of(made.metadata) == {"user_id": "ana", "level": 3}
    run = session.run(graph, made)
    again = session.run(graph, made)
    for checkpoint in (*run.checkpoints, *again.checkpoints, session.fork(graph, made, {"log": ["x"]})):
        assert "lgviz_note" not in checkpoint.metadata
        assert "lgviz_goto" not in checkpoint.metadata
        assert checkpoint.metadata["user_id"] == "ana"
        assert ("lgviz_as_node" in checkpoint.metadata) == (checkpoint.source == "update")
    # nor from a config that was copied from metadata
    leaky: Any = {"configurable": {}, "metadata": dict(made.metadata)}
    assert "lgviz_note" not in session.fork(graph, made, {"log": ["y"]}, config=leaky).metadata


def test_the_inferred_node_is_recorded_too() -> None:
    graph = documented(InMemorySaver())
    assert session.inferred_as_node(graph, CONFIG) == "node"
    assert session.fork(graph, CONFIG, {"foo": 3}).metadata["lgviz_as_node"] == "node"


# ---------------------------------------------------------------- which node


def test_every_node_is_offered_with_where_it_leads() -> None:
    graph = two_nodes.build(InMemorySaver())
    two_nodes.seed(graph)
    untouched = ids(graph)
    options = session.as_node_options(graph, "c2", {"foo": "x"}, thread_id="1")
    assert [(o.node, o.next, o.disabled is None) for o in options] == [
        ("__start__", ("node_a",), True),
        ("node_a", ("node_b",), True),
        ("node_b", (), True),
        ("__end__", (), False),
    ]
    assert "takes no values" in str(options[-1].disabled)
    assert session.as_node_options(graph, "c2", thread_id="1")[-1].disabled is None
    assert ids(graph) == untouched


def test_an_update_as_start_and_as_end() -> None:
    graph = two_nodes.build(InMemorySaver())
    two_nodes.seed(graph)
    begun = session.fork(graph, "c2", {"foo": "again", "bar": ["new"]}, "__start__", thread_id="1")
    assert begun.next == ("node_a",)
    assert begun.values == {"foo": "again", "bar": ["a", "new"]}
    ended = session.fork(graph, "c2", None, END, thread_id="1")
    # LangGraph applies what finished tasks of the next step wrote, then ends the run
    assert (ended.next, ended.values) == ((), {"foo": "b", "bar": ["a", "b"]})
    seen = session.preview(graph, "c2", None, END, thread_id="1")
    assert (seen.next, seen.values) == ((), ended.values)
    assert seen.warnings == ["What node_b wrote in the next step is applied first."]


def test_a_node_whose_router_raises_is_offered_disabled() -> None:
    def router(state: Log) -> str:
        if state.get("value") == "boom":
            raise KeyError("no route for boom")
        return "second"

    graph = routed(InMemorySaver(), router, ["second"])
    graph.invoke({"log": []}, CONFIG)
    options = {o.node: o for o in session.as_node_options(graph, CONFIG, {"value": "boom"})}
    assert "no route for boom" in str(options["first"].disabled)
    assert options["second"].disabled is None
    with pytest.raises(NodeRefused, match="router of node 'first' raised KeyError"):
        session.fork(graph, CONFIG, {"value": "boom"}, as_node="first")
    assert session.preview(graph, CONFIG, {"value": "fine"}, as_node="first").next == ("second",)


def test_an_ambiguous_update_needs_a_node() -> None:
    graph = parallel(InMemorySaver(), ("a", noting("a")), ("b", noting("b")))
    graph.invoke({"log": []}, CONFIG)
    at = before(graph, "after")
    untouched = ids(graph)
    assert session.inferred_as_node(graph, at) is None
    for act in (session.preview, session.fork):
        with pytest.raises(AmbiguousUpdate, match=r"as_node=: '__start__', 'before'.*'a', 'b' or '__end__'"):
            act(graph, at, {"log": ["x"]})
    assert ids(graph) == untouched


def test_a_node_that_is_none_is_refused() -> None:
    graph = documented(InMemorySaver())
    untouched = ids(graph)
    with pytest.raises(
        NodeRefused, match=r"no node 'nod' to update as\. Choose '__start__', 'node' or '__end__'\."
    ):
        session.fork(graph, CONFIG, {"foo": 1}, as_node="nod")
    with pytest.raises(NodeRefused, match="no node 'x'"):
        session.fork(graph, CONFIG, {"foo": 1}, as_node="node", goto="x")
    with pytest.raises(InvalidValue, match="Channel 'bar' refuses the value: TypeError"):
        session.fork(graph, CONFIG, {"bar": 5})
    with pytest.raises(InvalidValue, match="cannot be stored"):
        session.preview(graph, CONFIG, {"foo": lambda: 1})
    assert ids(graph) == untouched


# ---------------------------------------------------------------- Command and siblings


def test_goto_for_a_node_that_routes_by_command(saver: SqliteSaver) -> None:
    graph = commanding(saver)
    graph.invoke({"log": []}, CONFIG)
    at = before(graph, "choose")
    choose = next(o for o in session.as_node_options(graph, at, {"log": ["x"]}) if o.node == "choose")
    assert choose.goto == ("left", "right")
    assert choose.next == ()
    plain = session.preview(graph, at, {"log": ["x"]}, "choose")
    assert plain.next == ()
    assert plain.warnings == ["'choose' routes by Command: without goto= (left, right) nothing runs next."]
    seen = session.preview(graph, at, {"log": ["x"]}, "choose", "right")
    assert (seen.next, seen.values, seen.warnings) == (("right",), {"log": ["x"]}, [])
    made = session.fork(graph, at, {"log": ["x"]}, "choose", "right")
    assert made.next == ("right",)
    assert session.run(graph, made).values["log"] == ["x", "right"]
    assert session.fork(graph, at, None, "choose", "left").next == ("left",)
    assert session.fork(graph, at, {"log": ["x"]}, "choose", END).next == ()


def test_finished_siblings_are_kept(saver: SqliteSaver) -> None:
    graph = fan_out.build(saver)
    fan_out.seed(graph)
    failed = next(c for c in open_history(graph, "1") if c.error)
    value = {"facts": {"traffic": "all clear"}}
    assert [s.node for s in session.finished_siblings(graph, failed, "traffic")] == ["weather", "events"]
    dropped = session.preview(graph, failed, value, "traffic")
    assert dropped.next == ()
    assert dropped.warnings == ["This drops the other pending tasks: weather, events."]
    seen = session.preview(graph, failed, value, "traffic", keep_siblings=True)
    made = session.fork(graph, failed, value, "traffic", keep_siblings=True)
    for state in (seen, made):
        assert state.next == ("report",)
        assert set(state.values["facts"]) == {"city", "events", "traffic", "weather"}
    assert "all clear" in session.run(graph, made).values["report"]
    with pytest.raises(NodeRefused, match="not one of the pending nodes"):
        session.fork(graph, failed, value, "plan", keep_siblings=True)


def test_siblings_that_route_by_command_and_send_go_where_they_went() -> None:
    builder = StateGraph(Log)
    builder.add_node("fork", noting("fork"))
    builder.add_node(
        "goes", lambda state: Command(goto=["target", Send("work", {"value": 7})], update={"log": ["goes"]})
    )
    builder.add_node(
        "twice", lambda state: [Command(update={"log": ["t1"]}), Command(update={"log": ["t2"]})]
    )

    def fails(state: Log) -> None:
        raise ValueError("no")

    builder.add_node("fails", fails)
    builder.add_node("target", noting("target"))
    builder.add_node("work", lambda state: {"log": [f"work {state.get('value')}"]})
    builder.add_edge(START, "fork")
    for name in ("goes", "twice", "fails"):
        builder.add_edge("fork", name)
    graph = builder.compile(checkpointer=InMemorySaver())
    with pytest.raises(ValueError, match="no"):
        graph.invoke({"log": []}, CONFIG)
    made = session.fork(graph, CONFIG, {"log": ["mended"]}, "fails", keep_siblings=True)
    assert sorted(made.values["log"]) == ["fork", "goes", "mended", "t1", "t2"]
    assert sorted(made.next) == ["target", "work"]
    assert sorted(session.run(graph, made).values["log"][-2:]) == ["target", "work 7"]


# ---------------------------------------------------------------- routers see what a run sees


@dataclass
class Context:
    side: str


def test_routers_get_config_context_and_store() -> None:
    seen: list[Any] = []

    def router(state: Log, config: RunnableConfig, runtime: Runtime[Context]) -> str:
        seen.append((config["configurable"]["user_id"], runtime.context.side, runtime.store is store))
        return runtime.context.side

    store = InMemoryStore()
    graph = routed(InMemorySaver(), router, ["left", "right"], context_schema=Context)
    graph.store = store
    config: Any = {"configurable": {"thread_id": "1", "user_id": "ana"}}
    graph.invoke({"log": []}, config, context=Context("left"))
    seen.clear()
    assert session.preview(graph, CONFIG, {"log": ["x"]}, "first", context=Context("right")).next == (
        "right",
    )
    assert session.fork(graph, CONFIG, {"log": ["x"]}, "first", context={"side": "left"}).next == ("left",)
    other: Any = {"configurable": {"user_id": "bob"}}
    session.preview(graph, CONFIG, {"log": ["x"]}, "first", config=other, context=Context("right"))
    assert seen == [("ana", "right", True), ("ana", "left", True), ("bob", "right", True)]


# ---------------------------------------------------------------- what cannot act


def test_what_cannot_act_says_what_to_pass(tmp_path: Path) -> None:
    for what in (InMemorySaver(), str(tmp_path / "x.db"), tmp_path):
        for act in (session.preview, session.fork):
            with pytest.raises(ReadOnly, match="Pass the graph"):
                act(what, CONFIG, {})
    with pytest.raises(NoCheckpointer, match="compile"):
        session.fork(chain([("a", noting("a"))]), CONFIG, {})


def test_a_checkpoint_that_was_deleted_meanwhile() -> None:
    graph = documented(InMemorySaver())
    latest = open_history(graph, "1").latest
    graph.checkpointer.delete_thread("1")
    for act in (session.preview, session.fork):
        with pytest.raises(CheckpointNotFound, match="deleted meanwhile"):
            act(graph, latest, {"foo": 1})
    with pytest.raises(CheckpointNotFound):
        session.run(graph, latest)
    assert ids(graph) == []


def test_errors_of_the_database_are_not_dressed_up(saver: SqliteSaver) -> None:
    graph = documented(saver)
    latest = open_history(graph, "1").latest
    table = "lgviz_writes" if isinstance(saver, persistence.SqliteSaver) else "writes"
    saver.conn.execute(f"drop table {table}")
    saver.conn.execute(f"create view {table} as select 1 as task_id")
    with pytest.raises(Exception, match="no such column"):
        session.fork(graph, latest.config, {"foo": 1})


def test_an_approval_forked_past_its_question() -> None:
    graph = approval.build(InMemorySaver())
    approval.seed(graph)
    at = before(graph, "review")
    made = session.fork(graph, at, {"log": ["skipped"]}, "review", "decline", "no need to ask")
    assert session.run(graph, made).values["outcome"] == "declined"


@pytest.mark.parametrize(
    ("at", "error"),
    [
        (None, CheckpointNotFound),
        (1.5, CheckpointNotFound),
        (99, CheckpointNotFound),
        ({}, ThreadNotFound),
        ({"configurable": None}, ThreadNotFound),
        ({"configurable": {"thread_id": None}}, ThreadNotFound),
    ],
)
def test_what_names_no_checkpoint(at: Any, error: type[Exception], saver: SqliteSaver) -> None:
    graph = documented(saver)
    for act in (session.preview, session.fork):
        with pytest.raises(error):
            act(graph, at, {"foo": 2}, thread_id="1")


def test_set_stands_for_a_channel_not_for_the_state(saver: SqliteSaver) -> None:
    with pytest.raises(InvalidValue, match="one channel"):
        session.preview(documented(saver), "c1", session.Set({"foo": 2}), thread_id="1")


def test_a_state_that_cannot_be_decoded_refuses_acts(
    saver: SqliteSaver, dump: Callable[[], list[str]]
) -> None:
    graph = documented(saver)
    history = open_history(graph, "1")
    refused: type[Exception] = ActRefused
    cut = "UPDATE checkpoints SET checkpoint = substr(checkpoint, 1, 60) WHERE checkpoint_id = ?"
    if isinstance(saver, persistence.SqliteSaver):
        refused, cut = DamagedData, "UPDATE lgviz_checkpoints SET body = substr(body, 1, 60) WHERE id = ?"
    saver.conn.execute(cut, (history["c1"].id,))
    saver.conn.commit()
    untouched = dump()
    for act in (
        lambda: session.preview(graph, history["c1"], {"foo": 2}),
        lambda: session.fork(graph, history["c1"], {"foo": 2}, as_node="node"),
        lambda: session.run(graph, history["c1"]),
        lambda: session.as_node_options(graph, history["c1"]),
    ):
        with pytest.raises(refused, match=r"cannot be decoded|is damaged"):
            act()
    assert dump() == untouched
    assert session.fork(graph, history["c2"], {"foo": 2}, as_node="node").values["foo"] == 2
