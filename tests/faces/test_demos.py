"""The demos: every history is the same each time, and holds what its docstring promises."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

import lgviz
from lgviz.demos import DEMOS, agent, approval, chat, fan_out, memory, subgraph, two_nodes


def seeded(demo: ModuleType) -> tuple[Any, list[Any]]:
    """The graph and its states, oldest first."""
    graph = demo.build(InMemorySaver())
    demo.seed(graph)
    return graph, list(graph.get_state_history({"configurable": {"thread_id": "1"}}))[::-1]


def heads(states: list[Any]) -> list[Any]:
    parents = {s.parent_config["configurable"]["checkpoint_id"] for s in states if s.parent_config}
    return [s for s in states if s.config["configurable"]["checkpoint_id"] not in parents]


@pytest.mark.parametrize("name", DEMOS)
def test_a_seed_makes_branches_and_is_the_same_each_time(name: str) -> None:
    one, two = seeded(DEMOS[name])[1], seeded(DEMOS[name])[1]
    assert len(heads(one)) >= 2
    assert any(s.metadata["source"] == "update" for s in one)
    told = [[(s.values, s.next, s.metadata["source"], s.metadata["step"]) for s in run] for run in (one, two)]
    assert told[0] == told[1]
    doc = DEMOS[name].__doc__
    assert doc is not None
    assert "Teaches" in doc


def test_a_replay_of_the_agent_calls_no_model_and_a_changed_node_runs_alone() -> None:
    graph = agent.build(InMemorySaver())
    agent.seed(graph)
    agent.calls.clear()
    same = lgviz.replay(graph, graph)
    assert (same["1"].verdict, same.served.total(), agent.calls) == ("same", 17, Counter())
    assert lgviz.replay(graph, graph, live="tools").ran == Counter(tools=7)
    assert agent.calls == Counter(get_reservation=2, search_flights=2, rebook=3)


def test_the_documented_run_gives_four_checkpoints() -> None:
    graph = two_nodes.build(InMemorySaver())
    graph.invoke(two_nodes.INPUT, {"configurable": {"thread_id": "1"}})
    states = list(graph.get_state_history({"configurable": {"thread_id": "1"}}))[::-1]
    assert [s.metadata["step"] for s in states] == [-1, 0, 1, 2]
    assert [s.next for s in states] == [("__start__",), ("node_a",), ("node_b",), ()]
    assert states[-1].values == {"foo": "b", "bar": ["a", "b"]}


def test_the_agent_fails_once_and_is_repaired_twice() -> None:
    _, states = seeded(agent)
    last = [head.values["messages"][-1].text for head in heads(states)]
    assert [text.startswith("Done") for text in last] == [False, True, True]
    assert "sold out" in last[0]
    assert [head.values["reservation"]["flight"] for head in heads(states)] == ["LX2085", "LX2085", "LX2087"]
    ids = [m.id for head in heads(states) for m in head.values["messages"]]
    assert all(i.startswith(("human-", "ai-", "tool-call-ai-")) for i in ids)


@pytest.mark.parametrize(
    ("answer", "outcome", "amount"),
    [("approve", "paid", 10.0), ({"edit": 3}, "paid", 3.0), ("reject", "declined", 10.0)],
)
def test_the_waiting_question_takes_every_answer(answer: Any, outcome: str, amount: float) -> None:
    graph, states = seeded(approval)
    assert len(states[-1].interrupts) == 1
    assert sorted(h.values.get("outcome", "waits") for h in heads(states)) == ["declined", "paid", "waits"]
    values = graph.invoke(Command(resume=answer), {"configurable": {"thread_id": "1"}})
    assert (values["outcome"], values["amount"]) == (outcome, amount)


def test_one_of_three_parallel_nodes_failed() -> None:
    _, states = seeded(fan_out)
    failed = [s for s in states if any(t.error for t in s.tasks)]
    assert [{t.name: bool(t.error) for t in s.tasks} for s in failed] == [
        {"weather": False, "traffic": True, "events": False}
    ]
    assert [bool(h.values.get("report")) for h in heads(states)] == [True, True]


def test_the_critic_loops_in_its_own_namespace() -> None:
    graph, states = seeded(subgraph)
    namespaces = {ns.split(":")[0] for ns in graph.checkpointer.storage["1"]}
    assert namespaces == {"", "critic"}
    assert [len(h.values["remarks"]) for h in heads(states)] == [3, 1]


def test_a_branch_of_the_chat_asks_in_other_words() -> None:
    _, states = seeded(chat)
    questions = [[m.text for m in h.values["messages"] if m.type == "human"] for h in heads(states)]
    assert [len(q) for q in questions] == [3, 2]
    assert questions[0][0] == questions[1][0]
    assert questions[0][1] != questions[1][1]


def test_a_thread_knows_what_another_was_told() -> None:
    graph, states = seeded(memory)
    answers = [[m.text for m in h.values["messages"] if m.type == "ai"] for h in heads(states)]
    assert [[name for name in memory.DINNERS if memory.DINNERS[name] in told] for told in answers] == [
        ["vegetarian", "fish"],
        ["vegan"],
    ]
    facts = {i.key: i.value["text"] for i in graph.store.search(memory.facts_of("mia"))}
    assert facts == {"diet": "fish"}
    assert [i.key for i in graph.store.search(memory.facts_of("ben"))] == ["diet", "home"]


def test_the_command_line_seeds_one_file_and_leaves_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "demos.db"
    command = [sys.executable, "-m", "lgviz.demos", str(file)]
    first = subprocess.run(command, capture_output=True, text=True, check=True)
    for name in DEMOS:
        assert name in first.stdout
    with sqlite3.connect(file) as conn:
        count = conn.execute("select count(*) from checkpoints").fetchone()[0]
    conn.close()
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert "nothing was written" in second.stdout
    with SqliteSaver.from_conn_string(str(file)) as saver:
        assert sum(1 for _ in saver.list(None)) == count
