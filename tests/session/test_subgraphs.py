"""Acts inside subgraphs: exactly what the checkpoint says (langgraph#8458)."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command

import lgviz.session as session
from lgviz.demos import subgraph
from lgviz.errors import NodeRefused, NothingToRun
from tests.support.graphs import CONFIG, Log, asking, chain, noting


class Nested:
    """``pre``, a subgraph of ``a, b, c`` (``depth`` levels down), ``post``; ``calls`` is what ran."""

    def __init__(self, saver: Any, depth: int = 1, stateful: bool = False, ask: bool = False) -> None:
        self.calls: list[str] = []
        inner = [(n, asking("b") if ask and n == "b" else noting(n, self.calls)) for n in "abc"]
        lent = True if stateful else None
        sub = chain(inner, lent)
        for level in range(1, depth):
            sub = chain([(f"p{level}", noting(f"p{level}", self.calls)), ("sub", sub)], lent)
        nodes = [("pre", noting("pre", self.calls)), ("sub", sub), ("post", noting("post", self.calls))]
        self.graph = chain(nodes, saver)
        self.saver = saver

    def before(self, node: str) -> Any:
        """The config of the oldest checkpoint, in whatever namespace, that ``node`` follows."""
        for t in reversed(list(self.saver.list(CONFIG))):
            if self.graph.get_state(t.config).next == (node,):
                return t.config
        raise LookupError(node)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("stateful", [False, True])
@pytest.mark.parametrize("node", ["a", "b", "c"])
def test_a_run_inside_a_subgraph_runs_exactly_its_next(
    depth: int, stateful: bool, node: str, saver: SqliteSaver
) -> None:
    nested = Nested(saver, depth, stateful)
    nested.graph.invoke({"log": []}, CONFIG)
    at = nested.before(node)
    plan = session.run_plan(nested.graph, at)
    assert plan.next == (node,)
    assert plan.then == ("sub",) * depth
    assert plan.warnings == []
    for _ in range(2):  # and once more from the same place
        nested.calls.clear()
        run = session.run(nested.graph, at)
        assert (run.status, run.error) == ("done", None)
        assert nested.calls == [*"abc"["abc".index(node) :], "post"]
        assert run.checkpoint.metadata["parents"] == {}
        assert run.checkpoint.next == ()
    nested.calls.clear()
    nested.graph.invoke({"log": ["next turn"]}, CONFIG)
    assert nested.calls[0] == "pre"
    assert nested.calls[-4:] == ["a", "b", "c", "post"]


def test_langgraph_alone_runs_the_whole_subgraph_again() -> None:
    """The fact that is put right. Should this fail, LangGraph has mended it."""
    nested = Nested(InMemorySaver())
    nested.graph.invoke({"log": []}, CONFIG)
    nested.calls.clear()
    state = nested.graph.get_state(nested.before("c"))
    nested.graph.invoke(None, state.config)
    assert nested.calls == ["a", "b", "c", "post"]


def test_the_copies_hang_below_the_originals() -> None:
    nested = Nested(InMemorySaver())
    nested.graph.invoke({"log": []}, CONFIG)
    run = session.run(nested.graph, nested.before("b"))
    fork = run.checkpoints[0]
    assert (fork.source, fork.next, fork.parent.next) == ("fork", ("sub",), ("sub",))
    assert next(c.next for c in fork.inner) == ("b",)
    assert [c.nodes for c in fork.inner][1:] == [("b",), ("c",)]


def test_a_fork_inside_a_subgraph_and_a_run_from_it() -> None:
    graph = subgraph.build(InMemorySaver())
    subgraph.seed(graph)
    inner = [t for t in graph.checkpointer.list(CONFIG) if t.config["configurable"]["checkpoint_ns"]][::-1]
    revising = next(t.config for t in inner if graph.get_state(t.config).next == ("revise",))
    options = {o.node: o for o in session.as_node_options(graph, revising, {"score": 9})}
    assert (options["judge"].next, options["revise"].next) == ((), ("judge",))
    assert set(options) == {"__start__", "judge", "revise", "__end__"}
    seen = session.preview(graph, revising, {"draft": "really fine"}, "revise")
    assert (seen.next, seen.values["draft"]) == (("judge",), "really fine")
    made = session.fork(graph, revising, {"draft": "really fine"}, "revise", note="in the middle")
    assert made.namespace == revising["configurable"]["checkpoint_ns"]
    assert (made.next, made.metadata["lgviz_note"]) == (("judge",), "in the middle")
    run = session.run(graph, made)
    assert run.values["draft"] == "fine"  # judged, and revised once
    assert run.values["published"] is True


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("stateful", [False, True])
def test_a_question_inside_a_subgraph_is_answered_and_answered_anew(depth: int, stateful: bool) -> None:
    nested = Nested(InMemorySaver(), depth, stateful, ask=True)
    nested.graph.invoke({"log": []}, CONFIG)
    root = nested.graph.get_state(CONFIG)
    waiting = nested.before("b")
    run = session.run(nested.graph, waiting, resume="first")
    assert run.status == "done"
    assert "b0=first" in run.values["log"]
    assert nested.calls[-2:] == ["c", "post"]
    for at in (root.config, waiting):  # from the root, and from where it was asked
        nested.calls.clear()
        again = session.run(nested.graph, at, resume="second")
        assert (again.status, again.warnings) == ("done", [])
        assert "b0=second" in again.values["log"]
        assert nested.calls == ["c", "post"]  # neither pre nor a ran again


def test_an_input_into_a_subgraph_is_refused() -> None:
    nested = Nested(InMemorySaver())
    nested.graph.invoke({"log": []}, CONFIG)
    with pytest.raises(NothingToRun, match="root graph"):
        session.run(nested.graph, nested.before("b"), {"log": []})


def test_a_subgraph_that_a_node_calls_by_itself() -> None:
    calls: list[str] = []
    hidden = chain([(n, noting(n, calls)) for n in "ab"], None)
    builder = StateGraph(Log)
    graphs = {"it": hidden}  # out of LangGraph's sight

    def calling(state: Log) -> dict[str, Any]:
        return {"log": graphs["it"].invoke({"log": []})["log"]}

    builder.add_node("calling", calling)
    builder.add_edge(START, "calling")
    saver = InMemorySaver()
    graph = builder.compile(checkpointer=saver)
    graph.invoke({"log": []}, CONFIG)
    inside = [t.config for t in saver.list(CONFIG) if t.config["configurable"]["checkpoint_ns"]]
    assert inside
    with pytest.raises(NodeRefused, match="cannot address the subgraph 'calling'"):
        session.fork(graph, inside[-1], {"log": ["x"]}, "a")


def test_a_run_stopped_inside_a_subgraph_goes_on_there() -> None:
    nested = Nested(InMemorySaver())

    def stop_at_a(event: session.RunEvent) -> None:
        if event.kind == "started" and event.node == "b":
            runner.stop()

    nested.graph.invoke({"log": []}, CONFIG)
    nested.calls.clear()
    runner = session.start_run(nested.graph, nested.before("pre"), on_event=stop_at_a)
    run = runner.result(10)
    assert run.status == "stopped"
    assert run.error is None
    assert "post" not in nested.calls
    assert run.checkpoint.error is None
    nested.calls.clear()
    nested.graph.invoke(None, CONFIG)
    assert nested.calls[-1] == "post"
    assert "pre" not in nested.calls


def test_resuming_by_langgraph_after_a_run_of_ours() -> None:
    nested = Nested(InMemorySaver(), ask=True)
    nested.graph.invoke({"log": []}, CONFIG)
    run = session.run(nested.graph, nested.before("a"))
    assert run.status == "interrupted"
    values = nested.graph.invoke(Command(resume="by hand"), CONFIG)
    assert "b0=by hand" in values["log"]
