"""The backend by itself: it answers all that the protocol names, from any caller."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from lgviz.backend import Backend
from lgviz.backend.acts import Acts
from lgviz.backend.answers import AnswerRequests
from lgviz.backend.dispatch import handlers_of
from lgviz.backend.memory import MemoryRequests
from lgviz.backend.predicting import PredictRequests
from lgviz.backend.reads import Reads
from lgviz.backend.sandbox import SandboxSlot
from lgviz.backend.start import StartForms
from lgviz.backend.watches import WatchRequests
from lgviz.demos import two_nodes
from lgviz.errors import NotFound
from lgviz.files.requests import ExportRequests
from lgviz.protocol import Methods
from tests.support.view import fork


def test_each_method_of_the_protocol_has_one_handler_and_no_handler_has_none() -> None:
    parts = [
        object.__new__(part)
        for part in (
            Reads,
            MemoryRequests,
            SandboxSlot,
            AnswerRequests,
            StartForms,
            Acts,
            PredictRequests,
            ExportRequests,
            WatchRequests,
        )
    ]
    declared = [name for part in parts for name in handlers_of(part)]
    assert sorted(declared) == sorted(get_type_hints(Methods))


def test_requests_are_answered_without_a_view() -> None:
    graph = two_nodes.build(InMemorySaver())
    two_nodes.seed(graph, thread_id="1")
    told: list[Any] = []
    backend = Backend(graph, lambda message, _buffers: told.append(message))
    ids = backend.request("thread_open", thread_id="1")["tree"]["ids"]
    assert backend.request("checkpoint_get", checkpoint=ids[2])["nodes"] == ["node_a"]
    made = backend.request("fork_commit", **fork(ids[2], {"foo": "x"}, "node_a"))
    assert made["next"] == ["node_b"]
    assert [message["event"] for message in told if "event" in message][-1] == "tree"
    with pytest.raises(NotFound, match="no request 'nothing'"):
        backend.request("nothing")
    with pytest.raises(NotFound, match="no checkpoint"):
        backend.request("checkpoint_get", checkpoint="1ef0")
    backend.close()
