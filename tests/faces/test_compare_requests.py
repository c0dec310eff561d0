"""Branches compared as the debugger is told of them: two step by step, all side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

import lgviz
from lgviz.analysis.comparison import Comparison
from lgviz.analysis.values import value_at
from lgviz.backend import Backend
from lgviz.demos import agent, two_nodes
from tests.support.view import View


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    graph = agent.build(InMemorySaver())
    agent.seed(graph, thread_id="1")
    backend = Backend(graph)
    backend.request("thread_open", thread_id="1")
    yield backend
    backend.close()


def _compare(backend: Backend, left: str, right: str) -> Any:
    h = backend.history
    assert h is not None
    found = backend.request("compare_get", left=h[left].id, right=h[right].id)
    labels = {checkpoint.id: checkpoint.label for checkpoint in h.all}
    found["pairs"] = [
        (labels.get(one["left"]), labels.get(one["right"]), one["same"]) for one in found["steps"]
    ]
    return found


@pytest.mark.parametrize(("left", "right"), [("c8", "c20"), ("c8", "c16"), ("c16", "c20"), ("c5", "c8")])
def test_two_branches_are_told_as_they_are_compared(backend: Backend, left: str, right: str) -> None:
    h = backend.history
    assert h is not None
    found, compared = _compare(backend, left, right), h.compare(left, right)
    frame = compared.frame()
    assert found["pairs"] == list(zip(frame["left"], frame["right"], frame["same"], strict=True))
    assert h[found["ancestor"]] == compared.ancestor
    parted, divergence = found["parted"], compared.divergence
    assert divergence is not None and parted["channel"] == divergence.channel
    for side in ("left", "right"):
        step = getattr(divergence, side)
        assert parted[side] == (None if step is None else step.id)
    # Where the part is said to be, it is.
    at = h[parted["at"]]
    message = value_at(at.values[parted["channel"]], parted["path"])
    assert message.content.startswith(parted["change"]["after"]["message"]["text"])
    assert f"[{parted['path'][0]}]" in parted["place"]


def test_a_branch_compared_with_itself_does_not_part(backend: Backend) -> None:
    found = _compare(backend, "c8", "c8")
    assert (found["parted"], found["steps"], found["more"]) == (None, [], 0)
    assert found["left"] == found["right"]
    assert found["left"]["status"] == "done" and "I am sorry" in found["left"]["last"]


def test_it_is_told_how_far_a_comparison_is_and_a_newer_one_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = agent.build(InMemorySaver())
    agent.seed(graph, thread_id="1")
    view = View(graph, "1")
    ends = {side: view.backend.history[label].id for side, label in (("left", "c8"), ("right", "c16"))}
    compared: list[Any] = []
    same = Comparison.same

    def watched(self: Comparison, left: Any, right: Any) -> bool | None:
        compared.append((left, right))
        if len(compared) == 3:
            view.backend.receive({"cancel": 1})
        return same(self, left, right)

    monkeypatch.setattr(Comparison, "same", watched)
    try:
        assert view.reply(view.send("compare_get", **ends))["error"]["code"] == "cancelled"
        assert len(compared) == 3  # of 8
        assert view.progress == [{"done": 0, "total": 8}]
        assert len(view.ask("compare_get", **ends)["steps"]) == 8
    finally:
        view.close()


def test_what_cannot_be_told_is_counted() -> None:
    graph = two_nodes.build(InMemorySaver())
    two_nodes.seed(graph, thread_id="1")
    graph.invoke(None, lgviz.history(graph)["c2"].config)  # node_b once more
    for redact, told in (((), (True, 0)), (["foo"], (None, 1))):
        backend = Backend(graph, redact=redact)
        backend.request("thread_open", thread_id="1")
        found = _compare(backend, "c3", "c7")
        backend.close()
        assert found["pairs"] == [("c3", "c7", told[0])]
        assert (found["unsure"], found["parted"]) == (told[1], None)


def test_all_branches_are_told_from_where_they_part(backend: Backend) -> None:
    h = backend.history
    assert h is not None
    found = backend.request("branches_get")
    assert [h[run["id"]].label for run in found["runs"]] == ["c8", "c16", "c20"]
    assert [part and h[part].label for part in found["parts_at"]] == [None, "c9", "c17"]
    assert found["common"] == 1  # c0
    assert [h[id_].label for id_ in found["visits"][0]["ids"]] == ["c1"] * 3
    assert found["visits"][-1]["groups"] == [0, 1, 2]
    assert (found["more"], found["more_runs"]) == (0, 0)
