"""A branch is told in sentences that are true, and read well aloud."""

from __future__ import annotations

import ast
import operator
import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Overwrite, Send, interrupt

import lgviz
from lgviz.analysis.history import History
from lgviz.analysis.phrases import Phrase, clauses, label, named, number, say, shown
from lgviz.demos import DEMOS
from lgviz.persistence import InMemoryStore, MemorySaver
from tests.support.random_graphs import GraphSpec, build, drive, graph_specs

ANALYSIS = Path(lgviz.__file__).parent / "analysis"
QUICK = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


def demo(name: str, *, graph: bool = True) -> History:
    saver = InMemorySaver()
    made = DEMOS[name].build(saver, *([InMemoryStore()] if name == "memory" else []))
    DEMOS[name].seed(made)
    return lgviz.history(made if graph else saver)


def texts(history: History, head: Any = -1) -> dict[str, str]:
    return {one.checkpoint.label: one.text for one in history.narrate(head)}


def ran(made: StateGraph[Any], given: Any, *more: Any) -> History:
    graph = made.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    for each in (given, *more):
        graph.invoke(each, config)
    return lgviz.history(graph)


# ---------------------------------------------------------------- the demos


def test_a_step_tells_who_ran_why_what_it_wrote_and_what_reducers_made_of_it() -> None:
    told = demo("two_nodes").narrate("c3")
    assert str(told).split("\n") == [
        'c0  A run began with the input {foo: "", bar: []}. No node has run yet, so the state is as it was.',
        'c1  `__start__` brought the input into the state: "" to `foo`, which held nothing before; and [] to '
        "`bar`, where its reducer `operator.add` changed nothing.",
        'c2  `node_a` ran first: the graph begins there. It wrote "a" to `foo`, which has no reducer, so "" '
        'was replaced; and ["a"] to `bar`, whose reducer `operator.add` appended it: 1 item now.',
        'c3  `node_b` ran after `node_a`: an edge leads there. It wrote "b" to `foo`, which has no reducer, so '
        '"a" was replaced; and ["b"] to `bar`, whose reducer `operator.add` appended it: 2 items now. Here '
        "the run ended.",
    ]


def test_without_the_graph_no_edge_and_no_reducer_is_named() -> None:
    told = texts(demo("two_nodes", graph=False))
    assert told["c2"].startswith("`node_a` ran after `__start__`. It wrote")
    assert (
        'wrote "b" to `foo`, which held "edited" before; and ["b"] to `bar`, which grew by it: 3 items now'
        in (told["c5"])
    )
    assert not any("reducer" in text or "edge" in text for text in told.values())
    named_after = demo("two_nodes", graph=False).narrate(graph=DEMOS["two_nodes"].build())
    assert str(named_after) == str(demo("two_nodes").narrate())


def test_a_change_from_outside_is_told_with_the_node_that_it_was_made_as() -> None:
    assert texts(demo("two_nodes"))["c4"] == (
        "Back at c2, a new branch begins. Someone changed the state, as if `node_a` had written "
        '["edit"] to `bar`, whose reducer `operator.add` appended it: 2 items now; and "edited" to `foo`, '
        'which has no reducer, so "a" was replaced. Its note says: "an edit".'
    )
    changed = texts(demo("agent"))["c17"]
    assert "as if `tools` had written tool: “[{" in changed
    assert "where `add_messages` replaced what has its id: still 5 messages" in changed


def test_tasks_of_one_step_are_told_together_and_a_failure_with_what_is_kept() -> None:
    told = texts(demo("fan_out"), "c5")
    assert told["c2"].endswith(
        "`traffic` failed: ConnectionError('the traffic service did not answer'). What `weather` and `events` "
        "wrote is kept: a resume runs only `traffic` again."
    )
    assert told["c4"].startswith(
        "`weather`, `traffic` and `events` ran in parallel after `plan`: an edge leads to each of them. "
        'Each of them wrote to `facts`: {weather: "sunny, 24 °C'
    )
    assert told["c4"].endswith("Its reducer `merge` merged one after the other: 4 keys now.")
    assert told["c5"].startswith("`report` ran once `weather`, `traffic` and `events` had all come:")


def test_a_question_is_told_and_that_its_node_begins_again() -> None:
    history = demo("approval")
    told = texts(history, "c4")
    assert told["c2"].endswith(
        '`review` stopped to ask: {question: "Pay this refund?", amount: 40.0, answers: ["approve", "reject", '
        "{…}]}."
    )
    assert told["c3"].startswith(
        '`review` was answered "approve": it began again from its first line, and went on. It wrote'
    )
    assert told["c4"].startswith("`pay` ran because `review` went there by a Command.")
    assert texts(history)["c9"].endswith("When that is answered, `review` begins again from its first line.")
    replayed = texts(history, "c7")
    assert replayed["c5"].startswith("This is a copy of c2: a run started again from there.")


def test_a_graph_inside_is_told_of_outside_and_told_itself() -> None:
    history = demo("subgraph")
    assert "Inside `critic` a graph of its own ran, from c2.1 on." in texts(history, "c3")["c3"]
    inside = texts(history, "c2.9")
    assert inside["c2.1"].startswith('`critic` called this graph with {topic: "teapots"')
    assert inside["c2.4"].startswith(
        "`revise` ran after `judge`: the router `content` chose it, out of `revise` and `END`."
    )
    assert inside["c2.9"].endswith("Here the graph inside `critic` ended.")


# ---------------------------------------------------------------- ways and channels


class Words(TypedDict, total=False):
    words: Annotated[list[str], operator.add]
    total: Annotated[int, operator.add]
    plain: str


def test_sends_joins_calls_of_commands_and_overwrites_are_told() -> None:
    builder = StateGraph(Words)
    builder.add_node("plan", lambda _: {"total": 2})
    builder.add_node("work", lambda word: {"words": [word["plain"]], "total": 1})
    builder.add_node("reset", lambda _: Command(goto="last", update={"words": Overwrite(["anew"])}))
    builder.add_node("last", lambda _: None)
    builder.add_edge(START, "plan")
    builder.add_conditional_edges(
        "plan", lambda _: [Send("work", {"plain": each}) for each in ("x", "y")], ["work"]
    )
    builder.add_edge("work", "reset")
    told = texts(ran(builder, {"total": 1}))
    assert told["c2"].startswith("`plan` ran first: the graph begins there. It wrote 2 to `total`, whose reducer "
                                 "`operator.add` made 3 of it and of 1.")  # fmt: skip
    assert told["c3"].startswith('`work` ran 2 times in parallel, once for each Send of `plan`: {plain: "x"} and '
                                 '{plain: "y"}. 2 tasks wrote to `words`: ["x"] and ["y"].')  # fmt: skip
    assert "Its reducer `operator.add` appended one after the other: 2 items now." in told["c3"]
    assert "Its reducer `operator.add` took one after the other and made 5." in told["c3"]
    assert '["anew"] to `words`, past its reducer, so that is what it holds' in told["c4"]
    assert told["c5"] == ("`last` ran because `reset` went there by a Command. It wrote nothing to the state. "
                          "Here the run ended.")  # fmt: skip


def test_of_tasks_of_one_node_the_others_are_kept_where_one_fails() -> None:
    def work(word: Words) -> Words:
        if word["plain"] == "bad":
            raise ValueError("no")
        return {"words": []}

    builder = StateGraph(Words)
    builder.add_node("plan", lambda _: {"words": ["long " * 30]})
    builder.add_node("work", work)
    builder.add_edge(START, "plan")
    builder.add_conditional_edges(
        "plan", lambda state: [Send("work", {"plain": each}) for each in state["plain"].split()], ["work"]
    )
    graph = builder.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}, "max_concurrency": 1}
    with pytest.raises(ValueError, match="no"):
        graph.invoke({"plain": "a b bad"}, config)
    failed = texts(lgviz.history(graph))["c2"]
    assert failed.endswith(
        "`work` failed: ValueError('no'). The others, 2, ended well: what they wrote is kept."
    )
    graph.update_state(config, {"plain": "a b"}, as_node="plan")
    graph.invoke(None, config)
    told = texts(lgviz.history(graph))["c4"]
    assert told.endswith("Its reducer `operator.add` changed nothing. Here the run ended.")


def test_two_that_ask_are_each_answered() -> None:
    builder = StateGraph(Words)
    for name in ("cabin", "seat"):
        builder.add_node(name, lambda _, name=name: {"words": [interrupt(f"Which {name}?")]})
        builder.add_edge(START, name)
    graph = builder.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    asked = graph.invoke({"total": 1}, config)["__interrupt__"]
    before = texts(lgviz.history(graph))["c1"]
    assert (
        before.count("begins again from its first line.") == 2
        and '`seat` stopped to ask: "Which seat?".' in before
    )
    graph.invoke(Command(resume={one.id: one.value[-5:] for one in asked}), config)
    after = texts(lgviz.history(graph))["c2"]
    assert after.startswith(
        '2 tasks ran at once in this super-step. `cabin` was answered "abin?": it began again'
    )


def test_what_was_written_is_not_made_up_where_only_a_reducer_knows() -> None:
    builder = StateGraph(Words)
    builder.add_node("add", lambda _: {"total": 2})
    builder.add_edge(START, "add")
    graph = builder.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    graph.invoke({"total": 1}, config)
    first = graph.get_state(config).config
    graph.update_state(config, {"total": 4, "plain": "x"}, as_node="add")
    graph.update_state(first, {"total": 5}, as_node="add")
    # The writes of the second update are not stored: 5 was written, and with another reducer it may have been 8.
    said = "Someone changed the state, as which node is not certain, and wrote something to `total`, where 3 became 8"
    assert f"Back at c2, a new branch begins. {said}." in texts(lgviz.history(graph))["c4"]
    unknown = lgviz.history(graph.checkpointer).narrate()[-1].text
    assert "something to `total`, where 3 became 8" in unknown


def test_a_functional_graph_tells_calls_and_its_result() -> None:
    @task
    def double(number: int) -> int:
        return number * 2

    @entrypoint(checkpointer=InMemorySaver())
    def flow(number: int) -> str:
        return f"{double(number).result()} {interrupt('sure?')}"

    config: Any = {"configurable": {"thread_id": "1"}}
    flow.invoke(3, config)
    flow.invoke(Command(resume="yes"), config)
    told = texts(lgviz.history(flow))
    assert (
        told["c0"].startswith("A run began with the input 3.")
        and '`flow` stopped to ask: "sure?".' in told["c0"]
    )
    assert (
        '`flow` was answered "yes"' in told["c1"] and "`double` ran because `flow` called it." in told["c1"]
    )
    assert told["c1"].endswith(
        '`double` returned 6 to its caller. `flow` ended with the result "6 yes". Here the run ended.'
    )


def test_what_was_not_stored_is_not_told() -> None:
    graph = DEMOS["two_nodes"].build(InMemorySaver())
    graph.invoke({"foo": "", "bar": []}, {"configurable": {"thread_id": "1"}}, durability="exit")
    (only,) = lgviz.history(graph).narrate()
    assert only.text.startswith("Several super-steps lie here of which only the last is stored.")
    assert "`node_b`" in only.text and "`bar` and `foo` changed on the way." in only.text


def test_what_is_masked_is_neither_shown_nor_compared() -> None:
    graph = DEMOS["two_nodes"].build(InMemorySaver())
    DEMOS["two_nodes"].seed(graph)
    told = {
        one.checkpoint.label: one.text for one in lgviz.history(graph, redact=["foo", "bar.*"]).narrate("c3")
    }
    assert '"‹redacted›" to `foo`, of which not all is shown here' in told["c3"]
    assert "to `bar`, of which not all is shown here" in told["c3"]
    assert '"a"' not in told["c3"] and '"b"' not in told["c3"]


class Point:
    """What lgviz does not build from a file."""


def test_what_cannot_be_read_is_told_as_that(tmp_path: Path) -> None:
    builder = StateGraph(Words)
    builder.add_node("make", lambda _: {"plain": Point()})
    builder.add_edge(START, "make")
    with SqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
        saver.serde = JsonPlusSerializer(pickle_fallback=True)
        builder.compile(checkpointer=saver).invoke({"total": 1}, {"configurable": {"thread_id": "1"}})
    told = texts(lgviz.history(str(tmp_path / "a.db")))
    assert "to `plain`, of which not all can be read" in told["c2"]


def test_big_values_are_cut() -> None:
    builder = StateGraph(Words)
    for n in range(60):
        builder.add_node(f"node_{n}", lambda _: {"words": ["x" * 100_000] * 100})
        builder.add_edge(START, f"node_{n}")
    told = texts(ran(builder, {"plain": "y" * 1_000_000}))
    assert all(len(text) < 1_500 for text in told.values())
    assert "and 20 more ran in parallel" not in told["c1"] and "20 more" in told["c2"]


# ---------------------------------------------------------------- any graph


@QUICK
@given(graph_specs(), st.booleans(), st.booleans())
def test_every_task_of_any_graph_is_named_and_nothing_raises(spec: GraphSpec, known: bool, own: bool) -> None:
    saver = MemorySaver() if own else InMemorySaver()
    graph = build(spec, saver)
    recording = drive(graph, "1", {"log": ["in"], "count": 0})
    history = lgviz.history(graph if known else saver, "1")
    told: dict[tuple[str, str], str] = {}
    for head in [each for each in history.all if not each.children]:
        for one in history.narrate(head):
            told[one.checkpoint.namespace, one.checkpoint.id] = one.text
            assert one.text.endswith((".", "?", "!")) and "{who}" not in one.text and len(one.text) < 6_000
    assert len(told) == len(history.all)
    for place, made in recording.made.items():
        for node, count in Counter(made.nodes).items():
            assert f"`{node}`" in told[place], (node, count, told[place])
    for checkpoint in history.all:
        for each in checkpoint.tasks:
            if each.interrupts or (each.error and not checkpoint.children):
                assert f"`{each.name}`" in told[checkpoint.namespace, checkpoint.id]


# ---------------------------------------------------------------- sentences


def test_holes_are_filled_in_order_and_counted_where_they_are_many() -> None:
    assert str(say("{a} and {n}", a=named("x", "y", "x", "z"), n=number(3))) == "`x`, `y` and `z` and 3"
    assert str(say("{v}.", v=shown(*range(6)))) == "0, 1, 2, 3 and 2 more."
    assert str(say("{c}", c=clauses([say("one"), say("{a}", a=named("b"))]))) == "one; and `b`"
    assert str(say("{v}", v=shown("{who} wrote", {"a": "{"}))) == '"{who} wrote" and {a: "{"}'
    assert str(say("{v}", v=shown("x" * 100, limit=10))) == '"xxxxxxxx…"'
    history = demo("two_nodes")
    assert str(say("at {at}", at=label(history["c2"]))) == "at c2"


def test_each_sentence_is_written_out_where_it_is_said() -> None:
    """Catalogues are made by reading the code; a text made as it goes would be in none."""
    said = list(sentences())
    assert len(said) > 60 and all(isinstance(one, str) for one in said)


def sentences() -> list[str | None]:
    found = []
    for path in sorted(ANALYSIS.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
                text = node.args[0] if len(node.args) == 1 else None
                found.append(text.value if isinstance(text, ast.Constant) else None)
    return found


def test_a_narration_is_a_sequence_that_shows_itself() -> None:
    told = demo("two_nodes").narrate()
    assert [one.checkpoint.label for one in told[1:3]] == ["c1", "c2"] and told[-1] is told[4]
    assert list(told.frame().index) == ["c0", "c1", "c2", "c4", "c5"]
    html = told._repr_html_()
    assert "<b>node_b</b>" in html and "<code>[&quot;b&quot;]</code>" in html and "<script" not in html
    assert isinstance(told[0].sentences[0], Phrase) and re.match(r"c0  A run", repr(told))
    with pytest.raises(lgviz.errors.CheckpointNotFound):
        demo("two_nodes").narrate("c99")
    with pytest.raises(IndexError):
        told[99]


def test_a_long_branch_shows_its_end() -> None:
    builder = StateGraph(Words)
    builder.add_node("again", lambda state: {"total": 1})
    builder.add_edge(START, "again")
    builder.add_conditional_edges("again", lambda state: END if state["total"] > 70 else "again")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"total": 0}, {"configurable": {"thread_id": "1"}, "recursion_limit": 99})
    told = lgviz.history(graph).narrate()
    assert repr(told).startswith(
        "… 13 checkpoints before\nc13  `again` ran after `again`: its router chose it"
    )
    assert len(str(told).split("\n")) == len(told) == 73
