"""A thread's newest checkpoint alone tells its status as its whole history does, whoever stored it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.postgres import PostgresSaver as LangGraphPostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqliteSaver

import lgviz
from lgviz.analysis.thread_status import status_of_thread
from lgviz.backend import Backend
from lgviz.demos import approval, seed_all, two_nodes
from lgviz.persistence import PostgresSaver, SqliteSaver
from lgviz.sources import open_source
from lgviz.sources.base import Source, ThreadIndex
from tests.support.random_graphs import GraphSpec, build, drive, graph_specs
from tests.support.savers import config

QUICK = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
KINDS = {"LangGraph": LangGraphSqliteSaver, "lgviz": SqliteSaver}


def told(source: Source) -> dict[str, str]:
    """The status of each thread, by its newest checkpoint; it is that of its history."""
    threads = [one.thread_id for one in source.threads()]
    newest = source.newest(threads)
    found = {one: status_of_thread(source, one, newest.get(one)) for one in threads}
    assert found == {one: lgviz.history(source, one).status for one in threads}
    return found


def various(saver: Any) -> None:
    """Threads of each status: the demos, an input alone, an update, a break, a question, an error."""
    seed_all(saver)
    graph = two_nodes.build(saver)
    graph.invoke({"foo": ""}, config("half"), interrupt_before=["node_b"])
    graph.update_state(config("given"), {"foo": "x"}, as_node="__input__")
    two_nodes.seed(graph, "updated")
    graph.update_state(config("updated"), {"foo": "x"}, as_node="node_a")
    approval.build(saver).invoke({"order": "7", "complaint": "late"}, config("asked"))
    with pytest.raises(KeyError):
        approval.build(saver).invoke({"complaint": "of no order"}, config("raised"))


@pytest.mark.parametrize("kind", KINDS)
def test_in_sqlite(kind: str, tmp_path: Path) -> None:
    with KINDS[kind].from_conn_string(str(tmp_path / "threads.db")) as saver:
        various(saver)
        source = open_source(saver)
        found = told(source)
        assert len(source.newest([*found])) == len(found)
    assert set(found.values()) == {"done", "interrupted", "paused", "failed"}, found
    assert (found["half"], found["updated"], found["given"]) == ("paused", "paused", "paused")
    assert (found["asked"], found["raised"], found["chat"]) == ("interrupted", "failed", "done")
    assert told(open_source(tmp_path / "threads.db")) == found


@pytest.mark.parametrize("kind", [LangGraphPostgresSaver, PostgresSaver])
def test_in_postgres(kind: Any, postgres_uri: Callable[[], str]) -> None:
    uri = postgres_uri()
    with kind.from_conn_string(uri) as saver:
        saver.setup()
        various(saver)
    found = told(open_source(uri))
    assert set(found.values()) == {"done", "interrupted", "paused", "failed"}, found


@QUICK
@given(graph_specs(), st.sampled_from([*KINDS]), st.booleans(), st.data())
def test_of_random_graphs(spec: GraphSpec, kind: str, by_graph: bool, data: st.DataObject) -> None:
    with KINDS[kind].from_conn_string(":memory:") as saver:
        graph = build(spec, saver)
        drive(graph, "1", {"log": ["in"], "count": 0})
        source = open_source(graph if by_graph else saver)
        at = data.draw(st.sampled_from([c for c in lgviz.history(source, "1") if c.next]))
        graph.update_state(at.config, None, as_node="__copy__")
        told(source)
        drive(graph, "1", None)
        told(source)


@pytest.mark.parametrize("era", ["langgraph_v2024_08.db", "langgraph_v2025_08.db", "langgraph_v2026_11.db"])
def test_databases_of_three_years(era: str, shared_data: Path) -> None:
    assert told(open_source(shared_data / "databases" / era))


def test_a_thread_that_continues_another_is_told_by_its_history() -> None:
    with SqliteSaver.from_conn_string(":memory:") as saver:
        two_nodes.seed(two_nodes.build(saver), "1")
        at = lgviz.history(saver, "1")["c2"].id
        saver.fork_thread(config("1", checkpoint_ns="", checkpoint_id=at), "heir")
        source = open_source(saver)
        assert told(source)["heir"] == "paused" and [*source.newest(["1", "heir"])] == ["1"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_list_of_threads_reads_no_index(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with KINDS[kind].from_conn_string(str(tmp_path / "threads.db")) as saver:
        for thread in "123":
            two_nodes.seed(two_nodes.build(saver), thread)
        source = open_source(saver)

        def index(_self: Any, thread_id: str, since: Any = None) -> ThreadIndex:
            raise AssertionError(f"the index of {thread_id} was read since {since}")

        monkeypatch.setattr(type(source), "index", index)
        backend = Backend(source, lambda *_: None)
        page = backend.request("threads_list", query="", after=None, limit=50)
        assert [one["status"] for one in page["threads"]] == ["done"] * 3
        backend.close()
