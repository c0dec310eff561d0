"""Branches and threads compared: where they part, in words, and both sides step by step."""

from __future__ import annotations

import gzip
import json
from operator import add
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, RemoveMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Send

import lgviz
from lgviz.analysis.align import align
from lgviz.analysis.visits import aligned
from lgviz.demos import agent, two_nodes
from lgviz.errors import InvalidValue
from lgviz.export.plain import comparison_data
from tests.support import airline


@pytest.fixture(scope="module")
def history() -> lgviz.History:
    graph = agent.build(InMemorySaver())
    agent.seed(graph)
    return lgviz.history(graph)


def test_a_fork_by_hand_is_named_with_what_it_changed(history: lgviz.History) -> None:
    found = history.compare("c8", "c20")
    assert found.ancestor == history["c5"]
    assert [c.label for c in found.left] == ["c6", "c7", "c8"]
    assert [c.label for c in found.right] == ["c17", "c18", "c19", "c20"]
    parted = found.divergence
    assert parted is not None and (parted.left, parted.right) == (history["c6"], history["c17"])
    assert parted.channel == "messages" and parted.node is None
    assert parted.text == (
        "After c5: an update as `tools` was made (c17), which changed messages[4].content, where `agent` ran (c6)."
    )
    assert found.frame()[["left", "right"]].to_numpy().tolist() == [
        [None, "c17"], ["c6", "c18"], ["c7", "c19"], ["c8", "c20"],
    ]  # fmt: skip
    assert "four messages changed" in found._repr_html_() and parted.text in repr(found)


def test_steps_that_do_the_same_after_a_fork_are_told_from_those_that_do_not(history: lgviz.History) -> None:
    same = history.compare("c8", "c16").frame().set_index("right")["same"]
    assert same.to_dict() == {
        "c9": False, "c10": True, "c11": True, "c12": True, "c13": True, "c14": False, "c15": False, "c16": False,
    }  # fmt: skip


def test_a_branch_that_goes_on_parts_where_the_other_ends(history: lgviz.History) -> None:
    parted = history.compare("c6", "c8").divergence
    assert parted is not None and parted.left is None and parted.right == history["c7"]
    assert parted.text == "After c6: `tools` ran (c7), where nothing more came."
    assert history.compare("c8", "c8").divergence is None


class _State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    seen: Annotated[list[str], add]


def _chat(answer: str, width: int = 2) -> Any:
    """Asks, fans out and answers; the messages have no ids of their own."""
    builder = StateGraph(_State)
    builder.add_node("ask", lambda _: {"messages": [AIMessage("which?")]})
    builder.add_node("look", lambda sent: {"seen": [sent["name"]]})
    builder.add_node("answer", lambda _: {"messages": [AIMessage(answer)]})
    builder.add_edge(START, "ask")
    builder.add_conditional_edges(
        "ask", lambda _: [Send("look", {"name": str(n)}) for n in range(width)], ["look"]
    )
    builder.add_edge("look", "answer")
    builder.add_edge("answer", END)
    return builder.compile(checkpointer=InMemorySaver())


def _run(graph: Any, thread_id: str = "1") -> lgviz.History:
    graph.invoke({"messages": ["hello"], "seen": []}, {"configurable": {"thread_id": thread_id}})
    return lgviz.history(graph, thread_id)


def test_ids_that_are_made_up_are_no_difference() -> None:
    graph = _chat("yes")
    found = lgviz.compare(_run(graph, "a"), _run(graph, "b"))
    assert isinstance(found, lgviz.Comparison)
    assert found.ancestor is None and found.divergence is None and not found.diff
    assert found.frame()["same"].all()


def test_a_node_that_says_another_thing_is_named_with_both() -> None:
    found = lgviz.compare(_run(_chat("yes"), "a"), _run(_chat("no"), "b"))
    assert isinstance(found, lgviz.Comparison) and found.divergence is not None
    assert (found.divergence.node, found.divergence.channel) == ("answer", "messages")
    assert found.divergence.text == (
        "`answer` gave another messages[2].content in c4 of 'b' than in c4 of 'a': \"yes\" → \"no\"."
    )


def test_messages_that_are_edited_or_removed_are_told_by_their_place() -> None:
    def branch(change: Any) -> lgviz.History:
        builder = StateGraph(_State)
        builder.add_node("ask", lambda _: {"messages": [AIMessage("hi", id="a"), AIMessage("hi", id="b")]})
        builder.add_node("change", lambda state: {"messages": change(state["messages"])})
        builder.add_edge(START, "ask")
        builder.add_edge("ask", "change")
        return _run(builder.compile(checkpointer=InMemorySaver()))

    removed = [branch(lambda m, n=n: [RemoveMessage(id=m[n].id)]) for n in (1, 2, 1)]
    assert lgviz.compare(removed[0], removed[2]).frame()["same"].all()
    assert lgviz.compare(removed[0], removed[1]).frame()["same"].tolist() == [True, True, True, False]
    edited = [branch(lambda m, n=n: [AIMessage("ho", id=m[n].id if n else None)]) for n in (1, 2, 0)]
    told = lgviz.compare(*edited)
    assert isinstance(told, lgviz.SideBySide) and told.groups[-1] == (0, 1, 2)


def test_a_wider_fan_out_is_the_same_visit() -> None:
    found = lgviz.compare(_run(_chat("yes")), _run(_chat("yes", width=3)))
    assert isinstance(found, lgviz.Comparison) and found.divergence is not None
    assert found.divergence.node == "look" and len(found.steps) == 5
    assert found.divergence.channel == "seen"


def test_many_runs_are_lined_up_and_those_that_did_the_same_are_one_group() -> None:
    answers = ["yes", "no", "yes", "maybe"]
    found = lgviz.compare(*(_run(_chat(text), name) for text, name in zip(answers, "abcd", strict=True)))
    assert isinstance(found, lgviz.SideBySide)
    assert found.groups == [(0, 0, 0, 0)] * 4 + [(0, 1, 0, 2)]
    assert [c and c.label for c in found.parts_at] == [None, "c4", None, "c4"]
    outcomes = found.outcomes()
    assert outcomes["last"].tolist() == [f'"{text}"' for text in answers]
    assert set(outcomes["status"]) == {"done"}
    assert found.frame().loc["answer"].tolist() == ["c4"] * 4
    assert "lg-g2" in found._repr_html_()


def test_threads_with_nothing_in_common_are_one_sentence(history: lgviz.History) -> None:
    graph = two_nodes.build(InMemorySaver())
    two_nodes.seed(graph, thread_id="other")
    found = lgviz.compare(history, lgviz.history(graph, "other"))
    assert isinstance(found, lgviz.Comparison)
    assert found.ancestor is None and found.divergence is not None
    assert found.divergence.text.endswith(".")
    assert "without a common checkpoint" in repr(found)


@pytest.mark.parametrize("runs", [(), (1,), ("a", "b")])
def test_what_is_no_run_is_refused_with_what_to_give(runs: Any) -> None:
    with pytest.raises(InvalidValue, match=r"lgviz\.history|Give two"):
        lgviz.compare(*runs)
    with pytest.raises(InvalidValue, match="Give two"):
        lgviz.compare(_run(_chat("yes")))


class _Step:
    """What the alignment asks of a checkpoint."""

    source, as_node = "loop", None

    def __init__(self, node: str) -> None:
        self.nodes = (node,)


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=12), min_size=1, max_size=4))
def test_each_step_is_in_one_visit_in_order_and_a_visit_is_of_the_same_nodes(runs: list[list[str]]) -> None:
    branches: Any = [[_Step(node) for node in run] for run in runs]
    found: Any = aligned(branches)
    assert [[visit[n] for visit in found if visit[n]] for n in range(len(runs))] == branches
    assert all(len({step.nodes for step in visit if step}) == 1 for visit in found)
    if len(runs) > 1:
        first = [visit for visit in found if visit[0] and visit[1]]
        assert len(first) >= sum(size for _, _, size in align(runs[0], runs[1]))


def _parts(trials: list[list[dict[str, Any]]], one: int, other: int) -> int:
    """At which recorded message two trials part."""
    pairs = enumerate(zip(trials[one], trials[other], strict=False))
    said = (n for n, (a, b) in pairs if not airline.same(a, airline.message(b, n), n))
    return next(said, min(len(trials[one]), len(trials[other])))


def test_a_failed_and_a_successful_trial_part_where_their_recordings_do(shared_data: Path) -> None:
    with gzip.open(shared_data / "airline" / "trajectories.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    rewards: dict[int, list[float]] = {}
    for row in rows:
        rewards.setdefault(row["task_id"], []).append(row["reward"])
    mixed = [task for task, each in rewards.items() if len(set(each)) > 1]
    assert len(mixed) > 10
    for task in mixed:
        trials = airline.trials_of(shared_data, task)
        graph = airline.build(trials, InMemorySaver())
        airline.replay(graph, trials, "1", "policy")
        h = lgviz.history(graph)
        failed, done = rewards[task].index(min(rewards[task])), rewards[task].index(max(rewards[task]))
        found = h.compare(h.heads[failed], h.heads[done])
        assert found.divergence is not None and found.divergence.channel == "messages"
        assert f"messages[{_parts(trials, failed, done) + 1}]" in found.divergence.text


def test_bisect_finds_the_first_change_of_a_booking(shared_data: Path) -> None:
    changes = {"update_reservation_flights", "cancel_reservation", "book_reservation"}
    trial = next(
        trial
        for task in range(10)
        for trial in airline.trials_of(shared_data, task)
        if any(c["function"]["name"] in changes for m in trial for c in m.get("tool_calls") or [])
    )
    graph = airline.build([trial], InMemorySaver())
    airline.replay(graph, [trial], "1", "policy")
    h = lgviz.history(graph)
    loaded: list[str] = []

    def changed(c: lgviz.Checkpoint) -> bool:
        loaded.append(c.label)
        calls = (call for m in c.values.get("messages", ()) for call in getattr(m, "tool_calls", ()))
        return any(call["name"] in changes for call in calls)

    found = h.bisect(changed)
    assert found == h.find(changed)[0]
    assert len(loaded) - len(h) <= len(h).bit_length() + 1


def test_what_is_redacted_is_not_said_to_be_the_same() -> None:
    builder = StateGraph(_State)
    builder.add_node("a", lambda state: {"seen": [state["seen"][0]]})
    builder.add_edge(START, "a")
    graph = builder.compile(checkpointer=InMemorySaver())
    for thread, secret in (("1", "x"), ("2", "y")):
        graph.invoke({"seen": [secret]}, {"configurable": {"thread_id": thread}})
    found = lgviz.compare(*(lgviz.history(graph, each, redact=["seen"]) for each in "12"))
    assert None in found.frame()["same"].tolist() and found.divergence is None
    assert (
        "No step is seen to differ, but" in repr(found)
        and "cannot be compared exactly" in found._repr_html_()
    )
    shown = lgviz.compare(*(lgviz.history(graph, each) for each in "12"))
    assert shown.divergence is not None and shown.said == shown.divergence.text
    assert (shown.unsure, comparison_data(found)["divergence"]) == (0, None)
    assert found.unsure == 3 and comparison_data(found)["said"] == found.said

    # Of many, what is hidden is in no group with anything else, and no run is said to part there.
    graph.invoke({"seen": ["x"]}, {"configurable": {"thread_id": "3"}})
    masked = lgviz.compare(*(lgviz.history(graph, each, redact=["seen"]) for each in "123"))
    assert masked.groups[-1] == (0, 1, 2) and masked.parts_at == [None] * 3
    whole = lgviz.compare(*(lgviz.history(graph, each) for each in "123"))
    assert whole.groups[-1] == (0, 1, 0)
    assert [parts and parts.label for parts in whole.parts_at] == [None, "c1", None]
