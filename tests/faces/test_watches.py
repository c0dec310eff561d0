"""Watched expressions: evaluated at every checkpoint, by the kernel of who typed them and by nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from lgviz.backend import Backend
from lgviz.backend.watches import WatchRequests
from lgviz.demos import agent
from lgviz.errors import InvalidValue, NotFound


@pytest.fixture
def backend() -> Any:
    graph = agent.build(InMemorySaver())
    agent.seed(graph, thread_id="1")
    backend = Backend(graph)
    backend.request("thread_open", thread_id="1")
    yield backend
    backend.close()


def test_an_expression_has_a_value_wherever_its_channels_are_set(backend: Backend) -> None:
    backend.answer_by(WatchRequests(backend.thread))
    assert backend.history is not None
    found = backend.request("evaluate", text="len(reservation)", start=0)
    counts = {row["row"]: row["number"] for row in found["values"]}
    expected = {c.row: len(c.values["reservation"]) for c in backend.history if "reservation" in c.values}
    assert counts == expected and 0 not in counts and len(counts) > 15
    assert [row["row"] for row in found["values"]] == sorted(counts, reverse=True)
    assert (found["end"], found["left_out"], found["raised"]) == (21, 0, None)
    later = backend.request("evaluate", text="plan[:3]", start=19)
    assert {row["row"]: (row["text"], row["number"]) for row in later["values"]} == {
        19: ('"[x]"', None),
        20: ('"[x]"', None),
    }


def test_what_it_raises_is_told_and_the_others_have_their_values(backend: Backend) -> None:
    backend.answer_by(WatchRequests(backend.thread))
    assert backend.history is not None
    found = backend.request("evaluate", text="1 / (len(messages) - 2)", start=0)
    raised = backend.history[found["raised"]["id"]]
    assert len(raised.values["messages"]) == 2 and "ZeroDivisionError" in found["raised"]["said"]
    assert len(found["values"]) > 10
    for text, said in (("len(", "This is no Python expression"), ("nope > 1", "'nope' is neither")):
        with pytest.raises(InvalidValue, match=said):
            backend.request("evaluate", text=text, start=0)


def test_a_face_that_is_no_kernel_of_ones_own_has_no_such_request(backend: Backend) -> None:
    with pytest.raises(NotFound, match="evaluate"):
        backend.request("evaluate", text="1", start=0)
