"""Why nodes ran and what others wait for, in each way that LangGraph has, with the graph and without."""

from __future__ import annotations

import operator
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

import lgviz
from lgviz.analysis.begun import lines_to_question
from lgviz.analysis.history import History, open_history
from lgviz.analysis.why import Cause, Waiting, Why
from lgviz.errors import CheckpointNotFound, NotASource

THREAD: Any = {"configurable": {"thread_id": "1"}}


class Log(TypedDict, total=False):
    log: Annotated[list[Any], operator.add]


def saying(name: str) -> Callable[[Log], Log]:
    return lambda _: {"log": [name]}


def building(names: str, *edges: tuple[Any, Any], **more: Any) -> Any:
    builder: Any = StateGraph(Log)
    for name in names:
        builder.add_node(name, saying(name))
    for name, node in more.items():
        builder.add_node(name, node)
    for start, end in edges:
        builder.add_edge(start, end)
    return builder


def ran(builder: Any, *inputs: Any, **compiling: Any) -> tuple[History, History]:
    """The thread that inputs make, with the graph and from its saver alone."""
    graph = builder.compile(checkpointer=InMemorySaver(), **compiling)
    for given in inputs or ({"log": []},):
        graph.invoke(given, THREAD)
    return open_history(graph, "1"), open_history(graph.checkpointer, "1")


def led(cause: Cause | Waiting) -> list[tuple[str, str | None, str | None]]:
    return [(t.channel, t.checkpoint.label if t.checkpoint else None, t.node) for t in cause.triggers]


def told(why: Why) -> list[tuple[str, str, list[Any]]]:
    return [(cause.node, cause.via, led(cause)) for cause in why.tasks]


# ---------------------------------------------------------------- each way to a node


def test_an_input_and_edges() -> None:
    known, alone = ran(building("ab", (START, "a"), ("a", "b")))
    assert told(known.why(0)) == [] and "c0 holds an input" in str(known.why(0))
    for history in (known, alone):
        assert told(history.why("c1")) == [("__start__", "input", [("__start__", "c0", None)])]
    assert told(known.why("c2")) == [("a", "edge", [("branch:to:a", "c1", "__start__")])]
    assert told(known.why("c3")) == [("b", "edge", [("branch:to:b", "c2", "a")])]
    assert told(alone.why("c3")) == [("b", "unknown", [("branch:to:b", "c2", "a")])]
    assert told(alone.why("c3", known.source.graph)) == told(known.why("c3"))
    assert "`b` ran after `a` (c2), by the edge that leads from it." in str(known.why("c3"))
    assert "only the graph tells" in str(alone.why("c3")) and "edge" not in str(alone.why("c3"))
    (cause,) = known.why("c3").tasks
    assert (versions := known["c2"].stored.bookkeeping) is not None
    assert cause.triggers[0].version == versions.channel_versions["branch:to:b"]
    assert cause.task_id == known["c2"].tasks[0].id


def test_a_router_is_named_and_what_it_could_choose() -> None:
    def pick(_: Log) -> str:
        return "b"

    builder = building("abc", (START, "a"))
    builder.add_conditional_edges("a", pick, ["b", "c", END])
    known, _ = ran(builder)
    (cause,) = known.why("c3").tasks
    (trigger,) = cause.triggers
    assert (cause.via, trigger.router, set(trigger.choices)) == ("branch", "pick", {"b", "c", "__end__"})
    assert "chosen by its router `pick` (of `b`, `c` or END)" in cause.text


def test_a_node_that_went_by_a_command() -> None:
    known, alone = ran(building("b", (START, "a"), a=lambda _: Command(goto="b")))
    assert told(known.why("c3")) == [("b", "goto", [("branch:to:b", "c2", "a")])]
    assert told(alone.why("c3")) == [("b", "unknown", [("branch:to:b", "c2", "a")])]


def test_where_a_router_or_a_command_may_have_led_neither_is_told_as_a_fact() -> None:
    def either(_: Log) -> Any:
        return Command(goto="b")

    def nowhere(_: Log) -> str:
        return END

    builder = building("b", (START, "a"), a=either)
    builder.add_conditional_edges("a", nowhere, ["b", END])
    (cause,) = ran(builder)[0].why("c3").tasks
    assert cause.via == "unknown" and "its code allows both" in cause.text


def test_a_join_tells_when_each_half_came_and_which_is_missing() -> None:
    builder = building("abcd", (START, "a"), (START, "b"), ("b", "c"), (["a", "c"], "d"))
    for history in ran(builder):
        (waiting,) = history.why("c2").waiting
        assert (waiting.node, waiting.missing, waiting.kind) == ("d", ("c",), "join")
        assert waiting.text == "`d` waits for `c`; `a` (c2) came."
        assert led(waiting) == [("join:a+c:d", "c2", "a")]
        assert told(history.why("c4")) == [
            ("d", "join", [("join:a+c:d", "c2", "a"), ("join:a+c:d", "c3", "c")])
        ]
        assert "all that it waited for had come: `a` (c2) and `c` (c3)" in str(history.why("c4"))
        assert history.why("c4").waiting == []


def test_a_half_that_will_never_come() -> None:
    for history in ran(building("abc", (START, "a"), (["a", "b"], "c"))):
        (waiting,) = history.why(-1).waiting
        assert waiting.missing == ("b",) and "Nothing is left to run here." in waiting.text


def test_a_half_is_kept_while_its_node_runs_for_another_reason_and_gone_once_both_were_taken() -> None:
    builder = building("abc", (START, "a"), ("a", "c"), (["a", "b"], "c"))
    builder.add_conditional_edges("c", lambda state: "b" if len(state["log"]) == 2 else END, ["b", END])
    for history in ran(builder, {"log": []}, {"log": []}):
        by_edge, by_join = history.why("c3"), history.why("c5")
        assert [led(cause) for cause in by_edge.tasks] == [[("branch:to:c", "c2", "a")]]
        assert [each.missing for each in by_edge.waiting] == [("b",)]
        assert [led(cause) for cause in by_join.tasks] == [
            [("join:a+b:c", "c2", "a"), ("join:a+b:c", "c4", "b")]
        ]
        assert by_join.waiting == []
        (waiting,) = history.why("c9").waiting
        assert (history["c9"].nodes, waiting.missing) == (("c",), ("b",))
        assert led(waiting) == [("join:a+b:c", "c8", "a")]


def test_a_deferred_node_waits_for_the_end_of_all_others() -> None:
    builder = building("abc", (START, "a"), (START, "b"), ("b", "c"))
    builder.add_node("d", saying("d"), defer=True)
    builder.add_edge("a", "d")
    builder.add_edge("c", "d")
    known, alone = ran(builder)
    for history in (known, alone):
        (waiting,) = history.why("c2").waiting
        assert (waiting.node, waiting.kind, waiting.missing) == ("d", "defer", ("c",))
        assert [led(cause) for cause in history.why("c4").tasks] == [
            [("branch:to:d", "c2", "a"), ("branch:to:d", "c3", "c")]
        ]
    assert "It is deferred" in str(known.why("c4"))


def test_a_deferred_join_waits_on_when_all_halves_are_there() -> None:
    builder = building("abc", (START, "a"), (START, "b"), ("b", "c"))
    builder.add_node("d", saying("d"), defer=True)
    builder.add_edge(["a", "b"], "d")
    for history in ran(builder):
        (waiting,) = history.why("c2").waiting
        assert (waiting.kind, waiting.missing) == ("defer", ("c",))
        assert told(history.why("c4")) == [
            ("d", "join", [("join:a+b:d", "c2", "a"), ("join:a+b:d", "c2", "b")])
        ]


def test_what_was_sent_by_whom_with_what() -> None:
    def dispatch(_: Log) -> list[Send]:
        return [Send("work", {"log": [2]}), Send("work", {"log": [3]})]

    builder = building("b", (START, "a"), (START, "b"),
                       a=lambda _: Command(goto=[Send("work", {"log": [1]})]), work=saying("work"))  # fmt: skip
    builder.add_conditional_edges("b", dispatch, ["work"])
    known, alone = ran(builder)
    for history in (known, alone):
        sent = [(cause.node, cause.via, led(cause)[0], cause.sent) for cause in history.why("c3").tasks]
        assert sent == [
            ("work", "send", ("__pregel_tasks", "c2", by), f"{{log: [{n}]}}")
            for n, by in ((1, "a"), (2, "b"), (3, "b"))
        ]
    assert [cause.triggers[0].router for cause in known.why("c3").tasks] == [None, "dispatch", "dispatch"]


def test_a_command_that_the_run_was_given() -> None:
    builder = building("abc", (START, "a"), ("a", "b"))
    given: Any = {"log": []}, Command(goto="c"), Command(goto=[Send("c", {"log": ["x"]})])
    for history in ran(builder, *given, interrupt_before=["b"]):
        b, c = history.why("c3").tasks
        assert (c.via, led(c)) == ("goto", [("branch:to:c", "c2", None)]) and b.via != "goto"
        (sent,) = history.why("c4").tasks
        assert (sent.via, led(sent), sent.sent) == ("send", [("__pregel_tasks", "c3", None)], '{log: ["x"]}')


@task
def double(n: int) -> int:
    return 2 * n


@task
def ask(n: int) -> int:
    answer = interrupt("how many?")
    return n + int(answer)


def test_tasks_that_an_entrypoint_called() -> None:
    @entrypoint(checkpointer=InMemorySaver())
    def flow(n: int) -> int:
        return ask(double(n).result()).result()

    flow.invoke(1, THREAD)
    flow.invoke(Command(resume=3), THREAD)
    for what in (flow, flow.checkpointer):
        first, *called = open_history(what, "1").why("c1").tasks
        assert (first.node, first.via, led(first)) == ("flow", "resume", [("__start__", "c0", None)])
        assert first.begun is None  # not it asked, but what it called
        assert [(c.node, c.via, led(c)) for c in called] == [
            ("double", "call", [("__pregel_push", "c0", "flow")]),
            ("ask", "resume", [("__pregel_push", "c0", "flow")]),
        ]
        assert called[1].begun is not None and called[1].begun.times == 2


# ---------------------------------------------------------------- questions


def review(_: Log) -> Log:
    asked = []
    asked.append(interrupt("first?"))
    asked.append(
        interrupt("second?"),
    )
    return {"log": asked}


def test_how_often_the_first_lines_of_a_node_ran() -> None:
    graph = building("", (START, "review"), review=review).compile(checkpointer=InMemorySaver())
    graph.invoke({"log": []}, THREAD)
    for number, often in ((1, "once"), (2, "twice")):
        (waiting,) = open_history(graph, "1").why(-1).waiting
        assert waiting.kind == "answer" and waiting.cause is not None
        assert waiting.cause.begun is not None and waiting.cause.begun.times == number
        assert f"So far the first 3 lines of `review` ran {often}." in waiting.text
        graph.invoke(Command(resume=number), THREAD)
    (cause,) = open_history(graph, "1").why(-1).tasks
    assert cause.via == "resume" and led(cause) == [("branch:to:review", "c1", "__start__")]
    assert "the first 3 lines of `review` ran 3 times" in cause.text
    (cause,) = open_history(graph.checkpointer, "1").why(-1).tasks
    assert "what `review` does before it asks ran 3 times" in cause.text


def test_a_node_that_failed_with_its_answer_failed() -> None:
    def picky(_: Log) -> Log:
        raise ValueError(interrupt("which?"))

    graph = building("", (START, "picky"), picky=picky).compile(checkpointer=InMemorySaver())
    graph.invoke({"log": []}, THREAD)
    with pytest.raises(ValueError, match="neither"):
        graph.invoke(Command(resume="neither"), THREAD)
    for what in (graph, graph.checkpointer):
        (failed,) = open_history(what, "1").why(-1).waiting
        assert (failed.node, failed.kind, failed.error) == ("picky", "error", "ValueError('neither')")


def test_of_two_that_ask_side_by_side_a_count_is_the_least() -> None:
    def other(_: Log) -> Log:
        return {"log": [interrupt("other?")]}

    graph = building("", (START, "review"), (START, "other"), review=review, other=other).compile(
        checkpointer=InMemorySaver()
    )
    graph.invoke({"log": []}, THREAD)
    ids = {i.value: i.id for i in graph.get_state(THREAD).interrupts}
    graph.invoke(Command(resume={ids["other?"]: 1}), THREAD)
    told = {each.node: each.text for each in open_history(graph, "1").why(-1).waiting}
    assert "ran at least once" in told["review"] and "other" not in told


def nested(_: Log) -> Log:
    def later() -> None:
        interrupt("of another function")

    later()
    return {}


@pytest.mark.parametrize(("function", "lines"), [(review, 3), (nested, None), (eval("lambda _: 1"), None)])
def test_where_the_question_lies_in_a_function(function: Any, lines: int | None) -> None:
    assert lines_to_question(function) == lines


# ---------------------------------------------------------------- what made no task run, and what is not there


def test_failed_and_waiting_nodes_say_so() -> None:
    def broken(_: Log) -> Log:
        raise ValueError("no\nfurther")

    graph = building("ab", (START, "a"), ("a", "b"), ("a", "broken"), broken=broken).compile(
        checkpointer=InMemorySaver()
    )
    with pytest.raises(ValueError, match="no"):
        graph.invoke({"log": []}, THREAD)
    (failed,) = open_history(graph, "1").why(-1).waiting
    assert (failed.node, failed.kind) == ("broken", "error") and "ValueError" in failed.text
    paused, _ = ran(building("ab", (START, "a"), ("a", "b")), interrupt_before=["b"])
    (waiting,) = paused.why(-1).waiting
    assert (waiting.node, waiting.kind, waiting.via) == ("b", "next", "edge")
    assert waiting.text == "`b` comes next, after `a` (c2), by the edge that leads from it."
    assert paused.why("c1").waiting == []


def test_updates_forks_and_collapsed_steps() -> None:
    graph = building("ab", (START, "a"), ("a", "b")).compile(checkpointer=InMemorySaver())
    graph.invoke({"log": []}, THREAD)
    at: Any = open_history(graph, "1")["c2"].config
    graph.invoke(None, graph.update_state(at, {"log": ["edit"]}, as_node="a"))
    graph.invoke(None, at)
    history = open_history(graph, "1")
    assert history["c4"].source == "update" and history.why("c4").tasks == []
    assert "update of c2" in str(history.why("c4"))
    (cause,) = history.why("c5").tasks
    assert (cause.node, led(cause)[0][:2]) == ("b", ("branch:to:b", "c4"))
    assert history["c6"].source == "fork" and "copy of c2" in str(history.why("c6"))
    assert told(history.why("c7")) == [("b", "edge", [("branch:to:b", "c2", "a")])]

    graph.invoke({"log": []}, {"configurable": {"thread_id": "2"}}, durability="exit")
    why = open_history(graph, "2").why("c0")
    assert [cause.via for cause in why.tasks] == ["unknown"] * 3 and "several steps" in why.note


def test_a_subgraph_tells_by_its_own_labels() -> None:
    inner = building("x", (START, "x")).compile()
    known, alone = ran(building("", (START, "sub"), sub=inner))
    for history in (known, alone):
        assert "which `sub` gave its graph" in str(history.why("c1.1"))
        assert led(history.why("c1.3").tasks[0]) == [("branch:to:x", "c1.2", "__start__")]
    assert known.why("c1.3").tasks[0].via == "edge"


def test_a_pruned_parent_and_a_damaged_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "threads.db"
    connection = sqlite3.connect(path, check_same_thread=False)
    graph = building("abc", (START, "a"), ("a", "b"), ("b", "c")).compile(
        checkpointer=SqliteSaver(connection)
    )
    graph.invoke({"log": []}, THREAD)
    ids = [checkpoint.id for checkpoint in open_history(path, "1")]
    connection.execute("UPDATE checkpoints SET checkpoint = x'c1' WHERE checkpoint_id = ?", (ids[2],))
    connection.execute("DELETE FROM checkpoints WHERE checkpoint_id = ?", (ids[0],))
    connection.commit()
    history = open_history(path, "1")
    for checkpoint in history.all:
        assert str(history.why(checkpoint))
    assert "is not stored" in history.why(0).note
    (cause,) = next(why for one in history.all if (why := history.why(one)).tasks and one.id == ids[3]).tasks
    assert cause.node == "b" and led(cause) == [("branch:to:b", history[ids[2]].label, "a")]
    connection.close()


@pytest.mark.parametrize("era", ["2024_08", "2025_08", "2026_11"])
def test_every_era(era: str, shared_data: Path) -> None:
    path = shared_data / "databases" / f"langgraph_v{era}.db"
    chat = open_history(path, "chat-1")
    by = [led(chat.why(label).tasks[0])[0][1:] for label in ("c1", "c2", "c3", "c4")]
    assert by == [("c0", None), ("c1", "__start__"), ("c2", "model"), ("c3", "tool")]
    via = [chat.why(label).tasks[0].via for label in ("c1", "c2", "c3", "c4")]
    old = era == "2024_08"  # the channels of 2024 name edges and routers
    assert via == (["input", "edge", "branch", "edge"] if old else ["input", *["unknown"] * 3])
    failed = open_history(path, "fail-1").why("c2")
    assert [waiting.kind for waiting in failed.waiting] == ["error"]
    assert "right is down" in failed.waiting[0].text
    for thread in ("seed-1", "sub-1"):
        history = open_history(path, thread)
        for checkpoint in history.all:
            assert checkpoint.label in str(history.why(checkpoint))
            assert len(history.why(checkpoint).tasks) == (
                len(checkpoint.nodes) if checkpoint.source == "loop" else 0
            )


# ---------------------------------------------------------------- as data


def test_why_is_a_text_a_page_and_a_frame() -> None:
    history, _ = ran(building("abcd", (START, "a"), (START, "b"), ("b", "c"), (["a", "c"], "d")))
    why = history.why(history["c2"])
    assert str(why).splitlines()[0] == "c2 was made by the step from c1." and repr(why) == str(why)
    frame = why.frame()
    assert list(frame["node"]) == ["a", "b", "d"] and list(frame["ran"]) == [True, True, False]
    assert list(frame["checkpoint"]) == ["c1", "c1", "c2"] and frame["missing"].iloc[-1] == ("c",)
    html = why._repr_html_()
    assert "Why c2" in html and "waits for" in html and "<script" not in html
    with pytest.raises(CheckpointNotFound, match="no checkpoint 'c99'"):
        history.why("c99")


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        ("app:graph", "str is no compiled graph. Give what a graph's compile() returned, or no graph."),
        (building("a", (START, "a")), "A StateGraph is not compiled yet. Give what its compile() returns."),
    ],
)
def test_what_is_no_compiled_graph_is_refused(graph: Any, said: str) -> None:
    _, alone = ran(building("a", (START, "a")))
    with pytest.raises(NotASource) as refused:
        alone.why("c2", graph=graph)
    assert str(refused.value) == said


def test_what_is_masked_is_masked_in_what_was_sent() -> None:
    builder = building("", (START, "a"), a=lambda _: Command(goto=[Send("work", {"key": "s3cret"})]),
                       work=saying("work"))  # fmt: skip
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"log": []}, THREAD)
    assert "s3cret" in str(lgviz.history(graph, "1").why(-1))
    masked = lgviz.history(graph, "1", redact=["**.key"])
    assert masked.why(-1).tasks[0].via == "send" and "s3cret" not in str(masked.why(-1))
