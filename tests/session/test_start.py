"""``lgviz.start``: new threads and next turns; what has not finished is resumed instead."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.channels import EphemeralValue
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.func import entrypoint
from langgraph.graph import START, StateGraph
from langgraph.pregel import NodeBuilder, Pregel
from langgraph.runtime import Runtime
from langgraph.types import interrupt

import lgviz
from lgviz import persistence
from lgviz.demos import subgraph, two_nodes
from lgviz.errors import ActRefused, InvalidValue, NoCheckpointer
from tests.support.graphs import Log


def test_a_new_thread_and_its_next_turn() -> None:
    graph = two_nodes.build(persistence.MemorySaver())
    told: list[str] = []
    first = lgviz.start(graph, {"foo": "", "bar": []}, on_event=lambda event: told.append(event.kind))
    thread = first.checkpoint.history.thread_id
    assert (first.status, first.values) == ("done", {"foo": "b", "bar": ["a", "b"]})
    assert [c.label for c in first.checkpoints] == ["c0", "c1", "c2", "c3"] and len(thread) == 36
    assert told.count("checkpoint") == 4 and "started" in told
    again = lgviz.start(graph, {"foo": "x"}, thread)
    assert (again.status, again.values["bar"]) == ("done", ["a", "b", "a", "b"])
    assert [c.source for c in lgviz.history(graph, thread)] == ["input", "loop", "loop", "loop"] * 2
    assert lgviz.start(graph, {"bar": []}, config={"configurable": {"thread_id": "named"}}).status == "done"
    assert lgviz.history(graph).threads == ["named", thread]
    stopped = lgviz.start(graph, {"bar": []}, "half", until="node_b")
    assert (stopped.status, stopped.checkpoint.next) == ("stopped", ("node_b",))
    with pytest.raises(ActRefused, match=r"'half' has not finished: 'node_b' comes next\. Resume it"):
        lgviz.start(graph, {"bar": []}, "half")


def test_what_waits_fails_or_is_refused() -> None:
    class Person(TypedDict):
        name: str

    def node(state: Any, runtime: Runtime[Person]) -> Any:
        if state["log"] == ["fail"]:
            raise ValueError("no")
        answer = interrupt("who?") if state["log"] == ["ask"] else runtime.context["name"]
        return {"log": [answer]}

    builder: Any = StateGraph(Log, context_schema=Person).add_node("node", node).add_edge(START, "node")
    graph = builder.compile(checkpointer=InMemorySaver())
    assert lgviz.start(graph, {"log": ["a"]}, "1", context={"name": "Ann"}).values == {"log": ["a", "Ann"]}
    asked = lgviz.start(graph, {"log": ["ask"]}, "2")
    assert asked.status == "interrupted" and [one.value for one in asked.interrupts] == ["who?"]
    with pytest.raises(ActRefused, match=r"'2' waits for an answer\. Resume it"):
        lgviz.start(graph, {"log": ["a"]}, "2")
    failed = lgviz.start(graph, {"log": ["fail"]}, "3")
    assert failed.status == "failed" and failed.error is not None and failed.error.message == "no"
    with pytest.raises(ActRefused, match="'3' has not finished: 'node' comes next"):
        lgviz.start(graph, {"log": ["a"]}, "3")
    with pytest.raises(InvalidValue, match="The graph does not take this input"):
        lgviz.start(graph, None, "4")
    assert "4" not in lgviz.history(graph).threads
    with pytest.raises(NoCheckpointer, match=r"builder\.compile"):
        lgviz.start(builder.compile(), {"log": []})


def test_subgraphs_functions_and_async_graphs(tmp_path: Path) -> None:
    graph = subgraph.build(InMemorySaver())
    subgraph.seed(graph, thread_id="seeded")
    given = lgviz.history(graph, "seeded")["c1"].values
    run = lgviz.start(graph, given, "new")
    assert run.status == "done" and any(c.inner for c in lgviz.history(graph, "new"))

    @entrypoint(checkpointer=InMemorySaver())
    def doubled(number: int, *, previous: int | None = None) -> int:
        return number * 2 + (previous or 0)

    assert [lgviz.start(doubled, number, "f").values for number in (1, 10)] == [2, 22]

    async def work() -> list[Any]:
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
            chain = two_nodes.build(saver)
            first = await lgviz.astart(chain, {"foo": "", "bar": []}, "1")
            second = await lgviz.astart(chain, {"foo": ""}, "1")
            return [first.values["bar"], second.values["bar"], second.status]

    assert asyncio.run(work()) == [["a", "b"], ["a", "b", "a", "b"], "done"]


def test_how_a_function_and_a_raw_graph_get_a_checkpointer() -> None:
    @entrypoint()
    def work(given: Any) -> Any:
        return given

    node = NodeBuilder().subscribe_only("given").do(lambda given: str(given)).write_to("made")
    channels = {"given": EphemeralValue(int), "made": EphemeralValue(str)}
    raw = Pregel(nodes={"n": node}, channels=channels, input_channels="given", output_channels="made")
    for act in (lambda graph: lgviz.start(graph, 1), lgviz.history):
        with pytest.raises(NoCheckpointer, match=r"@entrypoint\(checkpointer=InMemorySaver\(\)\)"):
            act(work)
        with pytest.raises(NoCheckpointer, match=r"Pregel\(\.\.\., checkpointer="):
            act(raw)
