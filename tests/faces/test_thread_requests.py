"""Threads that left others, as the debugger asks for them."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

import lgviz
from lgviz.backend import Backend
from lgviz.demos import memory, two_nodes
from lgviz.errors import ThreadExists
from lgviz.persistence import InMemoryStore, MemorySaver
from tests.support.waiting import until


def test_a_fork_is_made_in_a_thread_of_its_own() -> None:
    graph = two_nodes.build(MemorySaver())
    two_nodes.seed(graph, thread_id="a")
    backend = Backend(graph, lambda *_: None)
    assert backend.request("thread_open", thread_id="a")["lineage"] == {"origin": None, "forks": []}
    at = backend.history["c2"].id
    asked: dict[str, Any] = {
        "checkpoint": at, "values": {"foo": {"mode": "append", "text": '"new"'}}, "as_node": "node_a", "goto": None,
        "keep_siblings": False, "note": None, "configurable": None, "sandbox": False, "new_thread": " b ",
    }  # fmt: skip
    made = backend.request("fork_commit", **asked)
    assert (made["thread_id"], made["label"], made["next"]) == ("b", "c3", ["node_b"])
    with pytest.raises(ThreadExists):
        backend.request("fork_commit", **asked)
    code = backend.request("code_get", act="fork", checkpoint=at, fork=asked)["code"]
    assert 'new_thread="b"' in code.replace("'", '"')
    assert backend.request("thread_open", thread_id="b")["lineage"] == {
        "origin": {"thread_id": "a", "checkpoint": at}, "forks": [],
    }  # fmt: skip
    assert backend.request("thread_open", thread_id="a")["lineage"] == {
        "origin": None, "forks": [{"thread_id": "b", "checkpoint": at}],
    }  # fmt: skip


@pytest.mark.parametrize("saver", [MemorySaver, InMemorySaver])
def test_what_steps_on_the_path_remembered_comes_along(saver: Any) -> None:
    graph = memory.build(saver(), InMemoryStore())
    memory.seed(graph, thread_id="a")
    backend = Backend(graph, lambda *_: None)
    backend.request("thread_open", thread_id="a")
    path = backend.history.path("c14")
    before = [backend.request("memory_changes", checkpoint=each.id) for each in path]
    asked = {
        "checkpoint": path[-1].id, "values": {}, "as_node": path[-1].nodes[0], "goto": None, "note": None,
        "keep_siblings": False, "configurable": None, "sandbox": False, "new_thread": "b",
    }  # fmt: skip
    backend.request("fork_commit", **asked)
    backend.request("thread_open", thread_id="b")
    assert [backend.request("memory_changes", checkpoint=each.id) for each in path] == before
    assert any(found["changes"] for found in before)


def test_a_copy_says_how_far_it_is_and_can_be_cancelled() -> None:
    """With a saver that cannot share a path; what was copied is deleted."""
    graph = two_nodes.build(InMemorySaver())
    two_nodes.seed(graph, thread_id="a")
    heard: list[Any] = []

    def send(message: Any, _buffers: list[bytes]) -> None:
        heard.append(message)
        if "progress" in message:
            backend.receive({"cancel": 7})

    backend = Backend(graph, send)
    backend.request("thread_open", thread_id="a")
    latest = backend.history.latest
    params = {
        "checkpoint": latest.id, "values": {}, "as_node": latest.nodes[0], "goto": None, "note": None,
        "keep_siblings": False, "configurable": None, "sandbox": False, "new_thread": "b",
    }  # fmt: skip
    backend.receive({"id": 7, "method": "fork_commit", "params": params})
    until(lambda: any(message.get("id") == 7 and "error" in message for message in heard))
    [progress] = [message["progress"] for message in heard if "progress" in message]
    assert progress == {"done": 1, "total": 5}  # c0, c1, c2, c4, c5
    assert [message["error"]["code"] for message in heard if "error" in message] == ["cancelled"]
    assert lgviz.history(graph, "a").threads == ["a"]
    backend.close()
