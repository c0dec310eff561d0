"""What a widget sends by itself, and how little of it a notebook can save."""

from __future__ import annotations

import gc
import gzip
import json
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

import lgviz
from lgviz import widget
from lgviz.backend import Backend
from lgviz.backend.dispatch import RequestCall
from lgviz.demos import agent, two_nodes
from lgviz.errors import NotInstalled
from lgviz.persistence import MemorySaver
from tests.support.waiting import until

ROOM = 64_000


def announced(graph: Any, thread: str, selected: str) -> tuple[dict[str, Any], list[bytes]]:
    """The opening that a backend sends: its body, and its buffers."""
    heard: list[tuple[Any, list[bytes]]] = []
    told = threading.Event()

    def send(message: Any, buffers: list[bytes]) -> None:
        if message.get("event") == "opening":
            heard.append((message["body"], buffers))
            told.set()

    backend = Backend(graph, send)
    try:
        history = backend.thread.open(thread)
        backend.announce(history[selected].id)
        assert told.wait(30)
    finally:
        backend.close()
    [(body, buffers)] = heard
    return body, buffers


@pytest.mark.parametrize("saver", [InMemorySaver, MemorySaver])
def test_a_short_thread_is_announced_whole_with_the_selected_checkpoint(saver: Any) -> None:
    graph = agent.build(saver())
    agent.seed(graph, thread_id="1")
    body, buffers = announced(graph, "1", "c5")
    tree = body["thread"]["tree"]
    assert (tree["start"], tree["count"]) == (0, 21)
    assert tree["labels"] == [f"c{row}" for row in range(21)]
    assert body["thread"]["thread"]["status"] == "done"
    assert body["checkpoint"]["label"] == "c5"
    assert len(json.dumps(body)) + sum(map(len, buffers)) <= ROOM


def test_of_a_long_thread_the_newest_rows_are_announced() -> None:
    graph = two_nodes.build(InMemorySaver())
    for number in range(30):
        graph.invoke({"foo": str(number), "bar": []}, {"configurable": {"thread_id": "1"}})
    body, buffers = announced(graph, "1", "c0")
    tree = body["thread"]["tree"]
    assert (tree["start"], tree["count"], tree["labels"][-1]) == (56, 64, "c119")
    assert body["thread"]["thread"]["count"] == 120
    assert len(json.dumps(body)) + sum(map(len, buffers)) <= ROOM


def test_what_does_not_fit_is_not_announced() -> None:
    graph = two_nodes.build(InMemorySaver())
    two_nodes.seed(graph, thread_id="t" * ROOM)
    backend = Backend(graph)
    history = backend.thread.open("t" * ROOM)
    call = RequestCall(0, lambda _message, _buffers: None)
    assert backend._reads.opening(call, history.latest.id, ROOM) is None
    assert backend._reads.opening(call, history.latest.id, 2 * ROOM) is not None
    backend.close()


def test_a_notebook_saves_little_of_a_debugger() -> None:
    graph = agent.build(InMemorySaver())
    agent.seed(graph, thread_id="1")
    debuggers = [lgviz.debug(graph, "1") for _ in range(3)]
    state = json.dumps([one.get_state() for one in debuggers], default=str)
    assert len(state) / 3 < 4_000, "bytes a debugger"
    assert "lgviz-row" not in state and "_css" not in debuggers[0].get_state()
    for one in debuggers:
        one.close()


@pytest.mark.parametrize("saver", [InMemorySaver, MemorySaver])
def test_a_debugger_that_is_closed_lets_go_of_its_graph(saver: Any) -> None:
    graph = two_nodes.build(saver())
    two_nodes.seed(graph, thread_id="1")
    debugger = lgviz.debug(graph, "1")
    asked = debugger._backend
    assert asked is not None
    asked.request("checkpoint_get", checkpoint=debugger.selected)
    held = weakref.ref(graph)
    debugger.close()
    del graph, asked
    until(
        lambda: gc.collect() is not None and held() is None
    )  # on a busy machine a thread may still be at its end
    assert (debugger.history, debugger.graph, debugger.thread_id) == (None, None, "1")
    debugger.refresh()
    debugger.close()
    assert repr(debugger) == "<lgviz.Debugger closed, thread '1'>"


def test_code_and_loader_are_of_one_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stamp, packed = widget._bundle()
    assert gzip.decompress(packed).startswith(f"/* lgviz {stamp} */".encode())
    for name, text in {"widget.js": "/* lgviz 1a */", "loader.js": "/* lgviz 2b */"}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(widget, "_STATIC", tmp_path)
    with pytest.raises(NotInstalled, match="two builds"):
        widget._bundle.__wrapped__()
