"""A saver whose ``list`` has no pending writes, as some that others wrote: what waits is asked for by its id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.checkpoint.memory import InMemorySaver

import lgviz
from lgviz.analysis.history import open_history
from tests.support.graphs import CONFIG, Log, asking, chain, noting, parallel


class Listless(BaseCheckpointSaver[Any]):
    """Keeps its checkpoints in an ``InMemorySaver``; lists them without writes."""

    def __init__(self, nothing: Any) -> None:
        self.inner = InMemorySaver()
        super().__init__(serde=self.inner.serde)
        self.nothing = nothing
        self.asked = 0

    def get_tuple(self, config: Any) -> CheckpointTuple | None:
        self.asked += 1
        return self.inner.get_tuple(config)

    def list(self, config: Any, **selection: Any) -> Iterator[CheckpointTuple]:
        for item in self.inner.list(config, **selection):
            yield item._replace(pending_writes=self.nothing)

    def put(self, *args: Any) -> Any:
        return self.inner.put(*args)

    def put_writes(self, *args: Any) -> None:
        self.inner.put_writes(*args)

    def get_next_version(self, current: Any, channel: None) -> Any:
        return self.inner.get_next_version(current, channel)


@pytest.fixture(params=[None, []], ids=["None", "empty"])
def saver(request: pytest.FixtureRequest) -> Listless:
    return Listless(request.param)


def test_a_question_waits(saver: Listless) -> None:
    graph = parallel(saver, ("x", asking("x")), ("y", noting("y")))
    graph.invoke({"log": []}, CONFIG)
    for what in (graph, saver):
        history = open_history(what, "1")
        assert history.status == "interrupted"
        assert [i.value for i in history.latest.waiting] == ["x0?"]
        assert {t.name: t.result for t in history.latest.tasks} == {"x": None, "y": {"log": ["y"]}}
    done = lgviz.run(graph, open_history(graph, "1").latest, resume="X")
    assert sorted(done.values["log"]) == ["after", "before", "x0=X", "y"]
    assert open_history(saver, "1").status == "done"


def test_a_failure_and_what_comes_to_it_later(saver: Listless) -> None:
    ready: list[str] = []

    def node(state: Log) -> dict[str, Any]:
        if not ready:
            raise RuntimeError("not ready")
        return {"log": ["a"]}

    graph = chain([("ask", asking("ask")), ("a", node)], saver)
    graph.invoke({"log": []}, CONFIG)
    history = open_history(graph, "1")
    assert history.status == "interrupted"
    failed = lgviz.run(graph, history.latest, resume="X")
    assert failed.status == "failed"
    history.refresh()
    assert history.status == "failed" and "not ready" in str(history.latest.error)
    assert open_history(saver, "1").status == "failed"


def test_a_write_that_comes_to_the_head_is_seen(saver: Listless) -> None:
    graph = chain([("a", asking("a", 2))], saver)
    graph.invoke({"log": []}, CONFIG)
    history = open_history(saver, "1")
    head = history.latest
    assert [i.value for i in head.waiting] == ["a0?"]
    lgviz.run(graph, head.config, resume="X")
    history.refresh()
    assert [i.value for i in history.latest.waiting] == ["a1?"]
