"""Keys are right: what is asked is really done, by LangGraph on a copy of the saver, and given as the answer."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

import lgviz
from lgviz import learn, persistence
from lgviz.demos import DEMOS, agent, two_nodes
from tests.support.learned import Reality

COUNT = 40


def seeded(name: str) -> Any:
    graph = DEMOS[name].build(InMemorySaver())
    DEMOS[name].seed(graph)
    return graph


@pytest.mark.parametrize("name", DEMOS)
def test_keys_are_what_langgraph_does(name: str) -> None:
    graph = seeded(name)
    asked = learn.questions(graph, "1", count=COUNT)
    assert len(asked) == COUNT
    assert len({question.id for question in asked}) == COUNT
    for question in asked:
        real = Reality(graph, question).answer()
        assert question.answer(real).right, f"{question}\nreally: {real!r}\n{question.answer(real)}"
        if question.choices:
            assert sum(bool(question.answer(one.mark)) for one in question.choices) == 1, question


@pytest.mark.parametrize("kind", [SqliteSaver, persistence.SqliteSaver])
def test_a_new_saver_on_the_file_finds_what_is_answered(kind: Any, tmp_path: Path) -> None:
    def opened() -> Any:
        return two_nodes.build(kind(sqlite3.connect(tmp_path / "t.db", check_same_thread=False)))

    graph = opened()
    two_nodes.seed(graph)
    question = learn.predict(graph, "forgets", thread_id="1")
    found = opened().get_state({"configurable": {"thread_id": "1"}}).config["configurable"]["checkpoint_id"]
    assert question.answer(lgviz.history(graph, "1")[found].label).right
    assert not question.answer("none").right


def test_every_saver_is_asked_about_alike() -> None:
    asked = []
    for saver in (InMemorySaver(), persistence.MemorySaver()):
        graph = two_nodes.build(saver)
        two_nodes.seed(graph)
        asked.append([repr(one) for one in learn.questions(graph, "1", count=60) if one.kind != "forgets"])
    assert asked[0] == asked[1]


def test_no_node_runs() -> None:
    graph = seeded("agent")
    before = Counter(agent.calls)
    assert len(learn.questions(graph, "1", count=200)) == 200
    assert agent.calls == before


def test_questions_write_nothing() -> None:
    graph = seeded("approval")
    before = [len(graph.checkpointer.storage["1"][""]), dict(graph.checkpointer.writes)]
    learn.questions(graph, "1", count=200)
    assert [len(graph.checkpointer.storage["1"][""]), dict(graph.checkpointer.writes)] == before
