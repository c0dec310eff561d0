"""Keys are right: what is asked is really done, by LangGraph on a copy of the saver, and given as the answer."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from lgviz import learn
from lgviz.demos import DEMOS
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


def test_questions_write_nothing() -> None:
    graph = seeded("approval")
    before = [len(graph.checkpointer.storage["1"][""]), dict(graph.checkpointer.writes)]
    learn.questions(graph, "1", count=200)
    assert [len(graph.checkpointer.storage["1"][""]), dict(graph.checkpointer.writes)] == before
