"""The requests of a view that asks before it acts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from lgviz import learn
from lgviz.backend import Backend
from lgviz.demos import DEMOS
from lgviz.errors import NotFound
from tests.support import view


def opened(demo: str, **options: Any) -> Iterator[Backend]:
    learn.reset()
    graph = DEMOS[demo].build(InMemorySaver())
    DEMOS[demo].seed(graph)
    backend = Backend(graph, **options)
    backend.request("thread_open", thread_id="1")
    yield backend
    backend.close()


@pytest.fixture
def backend() -> Iterator[Backend]:
    yield from opened("two_nodes")


def made(backend: Backend, label: str, fork: Any = None, run: Any = None) -> Any:
    at = backend.thread.current()[label].id
    return backend.request(
        "predict_make",
        checkpoint=at,
        fork=None if fork is None else view.fork(at, {}, "node_a") | {"values": fork},
        run=None if run is None else view.run(at, **run),
    )


def test_each_act_has_its_question(backend: Backend) -> None:
    assert made(backend, "c2", run={"steps": 1})["id"].startswith("next")
    assert made(backend, "c1", run={})["id"].startswith("runs")
    assert made(backend, "c2", run={"only": "unfinished"})["id"].startswith("next")
    assert made(backend, "c2", fork={"bar": {"mode": "append", "text": '["x"]'}})["id"].startswith("value")
    assert made(backend, "c2", fork={})["id"].startswith("next")


def test_what_is_set_goes_past_the_reducer(backend: Backend) -> None:
    asked = made(backend, "c2", fork={"bar": {"mode": "set", "text": '["x"]'}})
    assert "and `bar` set past its reducer" in asked["text"]
    told = backend.request("predict_answer", id=asked["id"], answer="['x']")
    assert told["right"] and "past the reducer" in told["text"]


def test_keys_stay_in_python_and_answers_count(backend: Backend) -> None:
    asked = made(backend, "c2", run={"steps": 1})
    assert asked.keys() == {"id", "text", "choices"}
    assert not backend.request("predict_answer", id=asked["id"], answer="node_a")["right"]
    assert backend.request("predict_answer", id=asked["id"], answer="node_b")["right"]
    assert [(row.kind, row.asked, row.right) for row in learn.report()] == [("next", 1, 0)]
    with pytest.raises(NotFound):
        backend.request("predict_answer", id="next_0", answer="a")


def test_nothing_is_asked_where_nothing_fits(backend: Backend) -> None:
    assert made(backend, "c0", run={"steps": 1})["id"] is None
    assert made(backend, "c2", fork={"bar": {"mode": "append", "text": "["}})["id"] is None


def test_nothing_is_asked_inside_a_subgraph() -> None:
    for backend in opened("subgraph"):
        assert made(backend, "c2.1", run={"steps": 1})["id"] is None


def test_what_is_masked_is_not_asked_about() -> None:
    for backend in opened("two_nodes", redact=["bar"]):
        assert made(backend, "c2", fork={"bar": {"mode": "append", "text": '["x"]'}})["id"] is None
        assert made(backend, "c2", run={"steps": 1})["id"].startswith("next")
