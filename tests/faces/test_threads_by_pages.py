"""Whatever names a thread, or tells some of many, reads no list of all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqlite

import lgviz
from lgviz.backend import Backend
from lgviz.completion import _threads
from lgviz.demos import two_nodes
from lgviz.errors import ThreadNotFound
from lgviz.mcp import AgentTools, ToolDesk
from lgviz.persistence import SqliteSaver
from lgviz.sources.base import Source
from lgviz.sources.langgraph.tables import LangGraphTables
from lgviz.sources.lgviz.tables import TablesSource
from tests.support.savers import config


@pytest.fixture(params=[SqliteSaver, LangGraphSqlite])
def saver(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    def threads(_self: Source) -> Any:
        raise AssertionError("all threads were read")

    for kind in (TablesSource, LangGraphTables):
        monkeypatch.setattr(kind, "threads", threads)
    with request.param.from_conn_string(str(tmp_path / "threads.db")) as made:
        for number in range(1, 8):
            put(made, f"chat-{number}")
        yield made


def put(saver: Any, thread: str) -> None:
    place = config(thread, checkpoint_ns="")
    saver.put(place, empty_checkpoint(), {"source": "input", "step": -1, "parents": {}}, {})


def test_the_message_for_an_unknown_thread(saver: Any) -> None:
    named = r"There are 'chat-7', 'chat-6', 'chat-5', 'chat-4', 'chat-3' and 2 more\.$"
    with pytest.raises(ThreadNotFound, match=named):
        lgviz.history(saver, "x")


def test_completion_finds_what_goes_on_with_the_word(saver: Any) -> None:
    put(saver, "chat it's")
    shell: Any = type("Shell", (), {"user_ns": {"saver": saver}})
    assert _threads(shell, "saver", "'chat-7") == ["'chat-7'"]
    assert _threads(shell, "saver", '"chat it') == ['"chat it\'s"']
    assert len(_threads(shell, "saver", "")) == 8


def test_the_id_of_a_new_thread_is_free(saver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def proposed() -> str:
        with closing(Backend(two_nodes.build(saver), lambda *_: None)) as backend:
            return str(backend.request("start_form", thread_id=None, turn=False)["thread_id"])

    assert proposed() == "chat-8"
    monkeypatch.setattr("lgviz.backend.start._THREADS_AT_ONCE", 2)
    put(saver, "chat-4")  # is the newest now, and that chat-5 and 6 are there is no longer seen
    assert proposed() == "chat-8"
    monkeypatch.setattr("lgviz.backend.start._LOOKS", 1)
    assert UUID(proposed())


def test_an_agent_is_told_a_page(saver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgviz.mcp.reading._THREADS_AT_ONCE", 2)
    with closing(AgentTools(ToolDesk(lambda _: Backend(two_nodes.build(saver))), graph=True)) as tools:
        page = tools.call("threads", {"offset": 3, "limit": 3})
        assert [one["thread"] for one in page.structured["threads"]] == ["chat-4", "chat-3", "chat-2"]
        assert (page.structured["total"], page.more) == (7, "1 more: offset=6")
        found = tools.call("threads", {"query": "T-2"}).structured
        assert ([one["thread"] for one in found["threads"]], found["total"]) == (["chat-2"], 1)
        beyond = tools.call("threads", {"offset": 10**30})
        assert (beyond.lines, beyond.structured["total"], beyond.more) == ([], 7, "")
        assert tools.call("tree", {}).structured["thread"] == "chat-7"
