"""``run``: what runs, how it ends, how interrupts are answered."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.runtime import Runtime
from langgraph.store.memory import InMemoryStore
from langgraph.types import CachePolicy, Command, interrupt

import lgviz.session as session
from lgviz.analysis.history import open_history
from lgviz.demos import approval, fan_out, two_nodes
from lgviz.errors import NoCheckpointer, NodeRefused, NothingToRun, ReadOnly, SourceError
from tests.support.graphs import CONFIG, Log, asking, before, chain, ids, noting, parallel, routed

# ---------------------------------------------------------------- running on


@pytest.mark.parametrize("label", ["c0", "c1", "c2", "c4"])
def test_a_run_runs_what_next_says(label: str, saver: SqliteSaver) -> None:
    graph = two_nodes.build(saver)
    two_nodes.seed(graph)
    start = open_history(graph, "1")[label]
    run = session.run(graph, start)
    assert (run.status, run.error, run.interrupts) == ("done", None, ())
    made = [c for c in run.checkpoints if c.source == "loop"]
    assert made[0].nodes == start.next
    assert run.checkpoint.values == run.values
    assert run.checkpoint.next == ()
    assert run.checkpoint in open_history(graph, "1").heads
    assert open_history(graph, "1").path(run.checkpoint)[start.step + 1] == start
    assert session.run_plan(graph, start).next == start.next


def test_a_finished_checkpoint_has_nothing_to_run() -> None:
    graph = two_nodes.build(InMemorySaver())
    two_nodes.seed(graph)
    untouched = ids(graph)
    with pytest.raises(NothingToRun, match="Nothing comes next"):
        session.run(graph, "c3", thread_id="1")
    assert ids(graph) == untouched


def test_a_new_input_on_a_branch() -> None:
    graph = two_nodes.build(InMemorySaver())
    two_nodes.seed(graph)
    run = session.run(graph, "c3", {"foo": "more", "bar": ["again"]}, thread_id="1")
    assert [c.source for c in run.checkpoints] == ["input", "loop", "loop", "loop"]
    assert run.checkpoints[0].parent.label == "c3"
    assert run.values == {"foo": "b", "bar": ["a", "b", "again", "a", "b"]}


def test_a_paused_thread_runs_past_its_breakpoint() -> None:
    nodes = [(name, noting(name)) for name in "abc"]
    graph = chain(nodes, InMemorySaver(), interrupt_before=["b", "c"])
    graph.invoke({"log": []}, CONFIG)
    run = session.run(graph, open_history(graph, "1").latest)
    assert (run.status, run.checkpoint.next, run.interrupts) == ("interrupted", ("c",), ())
    assert run.values["log"] == ["a", "b"]


def test_until_a_node_and_until_a_predicate() -> None:
    graph = chain([(name, noting(name)) for name in "abcd"], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    at = before(graph, "a")
    node = session.run(graph, at, until="c")
    assert (node.status, node.checkpoint.next, node.values["log"]) == ("stopped", ("c",), ["a", "b"])
    seen = session.run(graph, at, until=lambda c: "b" in c.values["log"])
    assert (seen.status, seen.checkpoint.next, seen.values["log"]) == ("stopped", ("c",), ["a", "b"])
    never = session.run(graph, at, until=lambda c: False)
    assert (never.status, never.values["log"]) == ("done", ["a", "b", "c", "d"])
    last = session.run(graph, at, until=lambda c: c.next == ())
    assert last.status == "done"
    assert session.run(graph, node.checkpoint).status == "done"


def test_until_keeps_the_graphs_own_breakpoints() -> None:
    graph = chain([(name, noting(name)) for name in "abcd"], InMemorySaver(), interrupt_before=["b"])
    graph.invoke({"log": []}, CONFIG)
    run = session.run(graph, before(graph, "a"), until="c")
    assert (run.status, run.checkpoint.next) == ("interrupted", ("b",))


def test_nodes_one_at_a_time() -> None:
    """With one thread in all, LangGraph's own stream waits for ever."""
    graph = parallel(InMemorySaver(), ("x", noting("x")), ("y", noting("y")))
    graph.invoke({"log": []}, CONFIG)
    for one in (graph, graph.with_config(max_concurrency=1)):
        run = session.run(one, before(graph, "x", "y"), config={"max_concurrency": 1})
        assert run.values["log"] == ["before", "x", "y", "after"]


# ---------------------------------------------------------------- failing


def test_an_error_of_a_node_is_kept_not_raised(saver: SqliteSaver) -> None:
    graph = fan_out.build(saver)
    fan_out.seed(graph)
    failed = next(c for c in open_history(graph, "1") if c.error)
    assert session.run_plan(graph, failed).warnings == [
        "weather, events finished here before and will run again."
    ]
    run = session.run(graph, failed)
    assert run.status == "failed"
    assert run.error is not None
    assert (run.error.type, run.error.node) == ("ConnectionError", "traffic")
    assert run.error.message == "the traffic service did not answer"
    assert "in fetch" in run.error.traceback
    assert run.checkpoint.error is not None
    assert run.warnings == session.run_plan(graph, failed).warnings


def test_the_recursion_limit_is_a_failure_with_its_own_name() -> None:
    graph = routed(InMemorySaver(), lambda state: "loop", ["loop"])
    graph.builder.edges.add(("loop", "first"))
    graph = graph.builder.compile(checkpointer=graph.checkpointer)
    with pytest.raises(Exception, match="Recursion limit"):
        graph.invoke({"log": []}, {**CONFIG, "recursion_limit": 3})
    run = session.run(graph, before(graph, "loop"), config={"recursion_limit": 4})
    assert run.status == "failed"
    assert run.error is not None
    assert (run.error.type, run.error.node) == ("GraphRecursionError", None)
    assert len([c for c in run.checkpoints if c.source == "loop"]) in (4, 5)


# ---------------------------------------------------------------- interrupts


def test_a_waiting_question_is_answered() -> None:
    graph = approval.build(InMemorySaver())
    approval.seed(graph)
    waiting = open_history(graph, "1").latest
    run = session.run(graph, waiting, resume="approve")
    assert (run.status, run.values["outcome"], run.values["amount"]) == ("done", "paid", 10.0)
    assert [c.source for c in run.checkpoints] == ["loop", "loop"]


def test_a_question_answered_before_gets_the_new_answer() -> None:
    graph = approval.build(InMemorySaver())
    approval.seed(graph)
    asked = next(c for c in open_history(graph, "1") if c.next == ("review",))
    # LangGraph alone gives the old answer back, silently: "approve" once more
    silent = graph.invoke(Command(resume={"edit": 1}), asked.config)
    assert silent["amount"] == 40.0
    run = session.run(graph, asked, resume={"edit": 25.5})
    assert (run.status, run.values["amount"], run.values["outcome"]) == ("done", 25.5, "paid")
    fork = run.checkpoints[0]
    assert (fork.source, fork.parent) == ("fork", asked)
    again = session.run(graph, asked, resume={asked.interrupts[0].id: "reject"})
    assert again.values["outcome"] == "declined"


def test_several_questions_need_their_ids() -> None:
    graph = parallel(InMemorySaver(), ("x", asking("x")), ("y", asking("y")), ("z", noting("z")))
    graph.invoke({"log": []}, CONFIG)
    waiting = open_history(graph, "1").latest
    first, second = waiting.interrupts
    with pytest.raises(NothingToRun, match="2 interrupts wait") as refused:
        session.run(graph, waiting, resume="one")
    assert first.id in refused.value.remedy
    part = session.run(graph, waiting, resume={first.id: "X1"})
    assert (part.status, [i.id for i in part.interrupts]) == ("interrupted", [second.id])
    done = session.run(graph, waiting, resume="Y1")
    assert sorted(done.values["log"]) == ["after", "before", "x0=X1", "y0=Y1", "z"]
    # both anew, and then one of them: the other is asked again
    both = session.run(graph, waiting, resume={first.id: "X2", second.id: "Y2"})
    assert sorted(both.values["log"]) == ["after", "before", "x0=X2", "y0=Y2", "z"]
    one = session.run(graph, waiting, resume={second.id: "Y3"})
    assert [i.value for i in one.interrupts] == ["x0?"]
    rest = session.run(graph, one.checkpoint, resume="X3")
    assert sorted(rest.values["log"]) == ["after", "before", "x0=X3", "y0=Y3", "z"]


def test_a_later_question_of_one_node_anew_keeps_the_earlier_answers() -> None:
    graph = chain([("a", noting("a")), ("ask", asking("q", 3)), ("b", noting("b"))], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    for answer in ("one", "two", "three"):
        graph.invoke(Command(resume=answer), CONFIG)
    asked = before(graph, "ask")
    assert [i.value for i in asked.interrupts] == ["q2?"]
    run = session.run(graph, asked, resume="THREE")
    assert run.values["log"] == ["a", "q0=one", "q1=two", "q2=THREE", "b"]


def test_a_question_in_the_middle_waits_for_the_next() -> None:
    graph = chain([("ask", asking("q", 2))], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    run = session.run(graph, open_history(graph, "1").latest, resume="one")
    assert (run.status, [i.value for i in run.interrupts]) == ("interrupted", ["q1?"])
    assert session.run(graph, run.checkpoint, resume="two").values["log"] == ["q0=one", "q1=two"]


def test_a_waiting_question_on_an_older_branch_is_answered_there() -> None:
    graph = approval.build(InMemorySaver())
    graph.invoke(approval.INPUT, CONFIG)
    waiting = open_history(graph, "1").latest
    graph.update_state(before(graph, "draft").config, {"complaint": "late"}, as_node="__start__")
    graph.invoke(None, CONFIG)
    run = session.run(graph, waiting, resume="approve")
    assert (run.values["amount"], run.values["outcome"]) == (40.0, "paid")
    assert run.checkpoints[0].parent == waiting


def test_an_answer_without_a_question() -> None:
    graph = two_nodes.build(InMemorySaver())
    two_nodes.seed(graph)
    untouched = ids(graph)
    with pytest.raises(NothingToRun, match="No interrupt waits"):
        session.run(graph, "c2", resume="yes", thread_id="1")
    asked = approval.build(InMemorySaver())
    asked.invoke(approval.INPUT, CONFIG)
    with pytest.raises(NothingToRun, match=f"no interrupt '{'0' * 32}'"):
        session.run(asked, CONFIG, resume={"0" * 32: "yes"})
    assert ids(graph) == untouched


# ---------------------------------------------------------------- a runner


def test_a_run_stops_after_the_node_at_work() -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow(state: Log) -> dict[str, Any]:
        if state["log"] == ["a"]:
            entered.set()
            assert leave.wait(10)
        return {"log": ["slow"]}

    graph = chain([("a", noting("a")), ("slow", slow), ("b", noting("b"))], InMemorySaver())
    leave.set()
    graph.invoke({"log": []}, CONFIG)
    leave.clear()
    entered.clear()
    told: list[session.RunEvent] = []
    runner = session.start_run(graph, before(graph, "a"), on_event=told.append)
    assert entered.wait(10)
    assert (runner.status, runner.nodes) == ("running", ["slow"])
    with pytest.raises(TimeoutError):
        runner.result(0.01)
    began = time.perf_counter()
    runner.stop()
    assert time.perf_counter() - began < 1
    assert runner.status == "stopping"
    leave.set()
    run = runner.result(10)
    assert (run.status, runner.status, runner.nodes) == ("stopped", "stopped", [])
    assert (run.values["log"], run.checkpoint.next, run.error) == (["a", "slow"], ("b",), None)
    assert [e.node for e in told if e.kind == "started"] == ["a", "slow"]
    assert [e.checkpoint_id for e in told if e.kind == "checkpoint"] == [c.id for c in run.checkpoints]
    assert told[-1].kind == "status"
    assert session.run(graph, run.checkpoint).values["log"] == ["a", "slow", "b"]


def test_a_checkpoint_is_stored_when_it_is_told() -> None:
    graph = two_nodes.build(InMemorySaver())
    two_nodes.seed(graph)
    found: list[bool] = []

    def listen(event: session.RunEvent) -> None:
        if event.kind == "checkpoint":
            found.append(event.checkpoint_id in ids(graph))

    session.run(graph, "c0", thread_id="1", on_event=listen)
    assert found == [True] * 4


def test_a_listener_that_raises_does_not_end_the_run(caplog: pytest.LogCaptureFixture) -> None:
    graph = two_nodes.build(InMemorySaver())
    two_nodes.seed(graph)

    def broken(event: session.RunEvent) -> None:
        raise ZeroDivisionError

    assert session.run(graph, "c0", thread_id="1", on_event=broken).status == "done"
    assert "the run goes on" in caplog.text


def test_a_runner_tells_why_it_could_not_begin() -> None:
    graph = two_nodes.build(InMemorySaver())
    two_nodes.seed(graph)
    runner = session.start_run(graph, "c3", thread_id="1")
    with pytest.raises(NothingToRun):
        runner.result(10)
    assert runner.status == "failed"
    for what, error in ((InMemorySaver(), ReadOnly), (two_nodes.build(), NoCheckpointer)):
        with pytest.raises(error):
            session.start_run(what, CONFIG)


# ---------------------------------------------------------------- sandbox, config, context


def test_a_sandbox_writes_nothing(saver: SqliteSaver, dump: Callable[[], list[str]]) -> None:
    calls: list[str] = []
    cached = chain([("a", noting("a", calls)), ("b", noting("b", calls))], saver, cache=InMemoryCache())
    cached.nodes["b"].cache_policy = CachePolicy()
    cached.invoke({"log": []}, CONFIG)
    untouched = dump()
    calls.clear()
    run = session.run(cached, before(cached, "b"), sandbox=True)
    assert calls == ["b"]  # neither read from the cache
    assert (run.status, run.values["log"]) == ("done", ["a", "b"])
    assert [c.source for c in run.checkpoints] == ["fork", "loop"]
    assert run.checkpoint.values["log"] == ["a", "b"]
    assert dump() == untouched
    asked = approval.build(saver)
    config: Any = {"configurable": {"thread_id": "2"}}
    asked.invoke(approval.INPUT, config)
    untouched = dump()
    assert session.run(asked, config, resume="approve", sandbox=True).values["outcome"] == "paid"
    assert dump() == untouched
    assert asked.get_state(config).next == ("review",)


def test_a_sandbox_says_what_it_cannot_hold() -> None:
    held = InMemoryStore()

    def holding(state: Log) -> None:
        held.put(("a",), "x", {"n": 1})

    graph = chain([("a", noting("a")), ("holding", holding)], InMemorySaver(), store=InMemoryStore())
    graph.invoke({"log": []}, CONFIG)
    run = session.run(graph, before(graph, "a"), sandbox=True)
    assert run.warnings == ["Node 'holding' holds a store of its own: what it writes there is written."]


def test_a_run_gets_its_config_and_context() -> None:
    seen: list[Any] = []

    def node(state: Log, runtime: Runtime[dict[str, Any]], config: Any) -> dict[str, Any]:
        seen.append((config["configurable"]["user_id"], runtime.context))
        return {"log": ["a"]}

    node.__annotations__["config"] = __import__("langchain_core.runnables", fromlist=["x"]).RunnableConfig
    graph = chain(
        [("a", node)],
        InMemorySaver(),
    )
    graph.invoke({"log": []}, {"configurable": {"thread_id": "1", "user_id": "ana"}}, context={"k": 1})
    at = before(graph, "a")
    seen.clear()
    session.run(graph, at, context={"k": 2})
    session.run(graph, at, config={"configurable": {"user_id": "bob"}})
    assert seen == [("ana", {"k": 2}), ("bob", None)]


def test_an_interrupt_with_a_dict_as_its_answer() -> None:
    graph = chain([("ask", lambda state: {"value": interrupt("?")})], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    assert session.run(graph, CONFIG, resume={"free": "form"}).values["value"] == {"free": "form"}


def test_until_must_name_a_node(saver: SqliteSaver, dump: Callable[[], list[str]]) -> None:
    graph = two_nodes.build(saver)
    two_nodes.seed(graph)
    untouched = dump()
    wrong: Any
    for wrong in ("nowhere", 5):
        with pytest.raises(NodeRefused, match="stop before"):
            session.run(graph, "c1", until=wrong, thread_id="1")
    assert dump() == untouched


def test_a_database_that_cannot_be_used_refuses_runs(file: Path) -> None:
    with SqliteSaver.from_conn_string(str(file)) as seeded:
        two_nodes.seed(two_nodes.build(seeded))
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, check_same_thread=False)
    saver = SqliteSaver(connection)
    saver.is_setup = True
    graph = two_nodes.build(saver)
    start = open_history(graph, "1")["c1"]
    assert session.run(graph, start, sandbox=True).status == "done"
    assert session.preview(graph, start, {"foo": "x"}, as_node="node_a").next == ("node_b",)
    with pytest.raises(ReadOnly, match="read-only"):
        session.run(graph, start)
    with pytest.raises(ReadOnly, match="read-only"):
        session.fork(graph, start, {"foo": "x"}, as_node="node_a")
    connection.close()
    with pytest.raises(SourceError, match="closed"):
        session.run(graph, start)
    with pytest.raises(SourceError, match="closed"):
        session.fork(graph, start, {"foo": "x"}, as_node="node_a")


class _Mistaken(Exception):
    def __str__(self) -> str:
        return str(self.kode)  # type: ignore[attr-defined]


class _Silent(_Mistaken):
    def __repr__(self) -> str:
        raise RuntimeError


def _of_itself() -> ValueError:
    error = ValueError("self")
    error.__cause__, error.args = error, (error,)
    return error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (_Mistaken(3), "_Mistaken(3) (its __str__ raised AttributeError)"),
        (_Silent(3), "its __str__ raised AttributeError"),
        (_of_itself(), "its __str__ raised RecursionError"),
    ],
)
def test_an_error_whose_text_is_at_fault_is_still_the_one_told(error: Exception, message: str) -> None:
    def bad(state: Log) -> None:
        raise error

    graph = chain([("bad", bad)], InMemorySaver())
    graph.update_state(CONFIG, {"log": []}, "__start__")
    events: list[session.RunEvent] = []
    run = session.run(graph, open_history(graph, "1").latest, on_event=events.append)
    assert run.error is not None and run.error.exception is error
    assert (run.status, run.error.type, run.error.node) == ("failed", type(error).__name__, "bad")
    assert run.error.message == message
    assert "in bad" in run.error.traceback
    assert [event.error for event in events if event.kind == "finished"] == [message]
    assert message in repr(run) and message in repr(run.error)
    run._repr_html_()
