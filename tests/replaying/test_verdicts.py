"""What cannot be told is *unknown* with its reason, and never *same*; nothing runs unasked."""

from __future__ import annotations

import operator
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.managed import RemainingSteps
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, Send, interrupt
from pydantic import BaseModel

import lgviz
from lgviz import persistence
from lgviz.errors import InvalidValue, MissingFile, NodeRefused, ReadOnly, ThreadNotFound

CONFIG: Any = {"configurable": {"thread_id": "1"}}


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]
    held: Any


class Opaque:
    """A class that no serializer keeps, and that looks into itself."""

    def __reduce__(self) -> Any:
        raise TypeError("not to be kept")


def chain(calls: Counter[str], *names: str, saver: Any = None, said: Any = None, **options: Any) -> Any:
    builder = StateGraph(State)
    for name in names:
        builder.add_node(name, _node(name, calls, said or {}))
    for one, other in zip([START, *names], [*names, END], strict=True):
        builder.add_edge(one, other)
    return builder.compile(checkpointer=saver, **options)


def _node(name: str, calls: Counter[str], said: Any) -> Any:
    def run(state: State) -> Any:
        calls[name] += 1
        found = said.get(name, {"log": [name]})
        return found(state) if callable(found) else found

    return run


def test_steps_that_were_never_stored(tmp_path: Path) -> None:
    calls: Counter[str] = Counter()
    saver = InMemorySaver()
    chain(calls, "a", "b", saver=saver).invoke({"log": []}, CONFIG, durability="exit")
    calls.clear()
    found = lgviz.replay(chain(calls, "a", "b"), saver)["1"]
    assert (found.verdict, calls) == ("unknown", Counter())
    assert "not stored" in found.reason


def test_writes_that_were_deleted(tmp_path: Path) -> None:
    calls: Counter[str] = Counter()
    conn = sqlite3.connect(tmp_path / "pruned.db", check_same_thread=False)
    chain(calls, "a", "b", "c", saver=SqliteSaver(conn)).invoke({"log": []}, CONFIG)
    conn.execute("DELETE FROM writes WHERE channel = 'log' OR channel LIKE 'branch%'")
    conn.commit()
    calls.clear()
    found = lgviz.replay(chain(calls, "a", "b", "c"), tmp_path / "pruned.db")["1"]
    assert (found.verdict, found.parted_at, calls) == ("unknown", "c2", Counter())
    assert found.reason == "'a' is not answered: it was not asked this before"
    conn.close()


def test_a_node_that_the_graph_lacks() -> None:
    calls: Counter[str] = Counter()
    saver = InMemorySaver()
    chain(calls, "a", "b", saver=saver).invoke({"log": []}, CONFIG)
    calls.clear()
    found = lgviz.replay(chain(calls, "a"), saver)["1"]
    assert (found.verdict, found.parted_at, calls) == ("parted", "c3", Counter())
    assert found.reason == "the graph has no node 'b', which ran then"


def test_other_edges_lead_on_by_themselves_and_nothing_runs() -> None:
    """Where an edge leads is stored with what the node before it wrote, and is no answer of that node."""

    def graph(*edges: tuple[str, str], saver: Any = None) -> Any:
        builder = StateGraph(State)
        for name in "abc":
            builder.add_node(name, _node(name, calls, {}))
        for one, other in [(START, "a"), *edges]:
            builder.add_edge(one, other)
        return builder.compile(checkpointer=saver)

    calls: Counter[str] = Counter()
    saver = InMemorySaver()
    graph(("a", "b"), saver=saver).invoke({"log": []}, CONFIG)
    graph(("a", "c"), saver=saver).invoke({"log": []}, {"configurable": {"thread_id": "2"}})
    calls.clear()
    found = lgviz.replay(graph(("a", "c")), saver)
    assert found["2"].verdict == "same"
    assert (found["1"].verdict, found["1"].parted_at) == ("parted", "c3")
    assert found["1"].reason == "'c' ran, where 'b' did"
    assert (found["1"].served, calls) == (Counter("a"), Counter("c")), "c was never asked this in that thread"
    ends = lgviz.replay(graph(), saver, threads="1")["1"]
    assert (ends.verdict, ends.parted_at) == ("parted", "c3")
    assert ends.reason == "it stops before 'b', which ran then"
    both = lgviz.replay(graph(("a", "b"), ("b", "c")), saver, threads="1")["1"]
    assert (both.verdict, both.reason) == ("parted", "'c' comes next, where nothing came")


def test_joins_and_routers_lead_on_as_they_did() -> None:
    def graph(saver: Any = None) -> Any:
        builder = StateGraph(State)
        for name in "abcd":
            builder.add_node(name, _node(name, calls, {}))
        builder.add_conditional_edges(START, lambda state: ["a", "b"], ["a", "b", "d"])
        builder.add_edge(["a", "b"], "c")
        builder.add_conditional_edges("c", lambda state: "d" if len(state["log"]) < 5 else END, ["d", END])
        return builder.compile(checkpointer=saver)

    calls: Counter[str] = Counter()
    saver = InMemorySaver()
    graph(saver).invoke({"log": []}, CONFIG)
    calls.clear()
    found = lgviz.replay(graph(), saver)["1"]
    assert (found.verdict, found.served, calls) == ("same", Counter("abcd"), Counter())


def test_a_node_that_fails_now() -> None:
    def fails(state: State) -> Any:
        raise RuntimeError("no model")

    calls: Counter[str] = Counter()
    saver = InMemorySaver()
    chain(calls, "a", "b", saver=saver).invoke({"log": []}, CONFIG)
    found = lgviz.replay(chain(calls, "a", "b", said={"b": fails}), saver, live="b")["1"]
    assert (found.verdict, found.parted_at) == ("failed", "c3")
    assert "no model" in found.reason


def test_another_reducer_is_noticed_and_what_depends_on_it_runs() -> None:
    class Other(TypedDict, total=False):
        log: Annotated[list[str], lambda old, new: [*new, *old]]

    calls: Counter[str] = Counter()
    saver = InMemorySaver()
    chain(calls, "a", "b", "c", saver=saver).invoke({"log": []}, CONFIG)
    calls.clear()
    builder = StateGraph(Other)
    for name in "abc":
        builder.add_node(name, _node(name, calls, {}))
    builder.add_edge(START, "a").add_edge("a", "b").add_edge("b", "c")
    found = lgviz.replay(builder.compile(), saver)["1"]
    assert (found.verdict, found.parted_at) == ("parted", "c3")
    assert calls == Counter("c")
    assert found.values["log"] == ["c", "b", "a"]


def test_an_input_that_cannot_be_told_exactly() -> None:
    calls: Counter[str] = Counter()
    saver = InMemorySaver(serde=_Keeps())
    chain(calls, "a", "b", saver=saver, said={"a": {"held": Opaque()}}).invoke({"log": []}, CONFIG)
    calls.clear()
    found = lgviz.replay(chain(calls, "a", "b"), saver)["1"]
    assert (found.verdict, calls) == ("unknown", Counter())
    assert "what it wrote to 'held' cannot be copied" in found.reason


class _Keeps:
    """Keeps objects as they are."""

    def __init__(self) -> None:
        self._held: list[Any] = []

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        self._held.append(obj)
        return "held", str(len(self._held) - 1).encode()

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        return self._held[int(data[1])]


def test_a_store_without_versions_is_no_evidence_of_what_a_node_read() -> None:
    def reads(store: BaseStore) -> Any:
        def run(state: State) -> Any:
            return {"log": [str(store.get(("all",), "name"))]}

        return run

    for kind, verdict in ((InMemoryStore, "unknown"), (persistence.InMemoryStore, "same")):
        store: Any = kind()

        def remembers(state: State, *, store: BaseStore) -> Any:
            item = store.get(("all",), "name")
            return {"log": [item.value["is"] if item is not None else "nobody"]}

        builder = StateGraph(State)
        builder.add_node("a", lambda state: {"log": ["a"]})
        builder.add_node("b", remembers)
        builder.add_edge(START, "a").add_edge("a", "b")
        store.put(("all",), "name", {"is": "Ana"})
        saver = InMemorySaver()
        builder.compile(checkpointer=saver, store=store).invoke({"log": []}, CONFIG)
        store.put(("all",), "name", {"is": "Ben"})
        found = lgviz.replay(builder.compile(store=store), saver, live="b")["1"]
        assert (found.verdict, found.ran) == (verdict, Counter("b")), found.reason
        assert store.get(("all",), "name").value == {"is": "Ben"}


def test_several_equal_tasks_keep_their_own_answers() -> None:
    """Each was answered otherwise; the order tells which is which."""
    numbers = iter(range(100))

    def fan(state: State) -> list[Send]:
        return [Send("work", {"held": "same"}) for _ in range(4)]

    def build(work: Any) -> Any:
        builder = StateGraph(State)
        builder.add_node("work", work)
        builder.add_conditional_edges(START, fan, ["work"])
        return builder

    saver = InMemorySaver()
    graph = build(lambda state: {"log": [str(next(numbers))]}).compile(checkpointer=saver)
    first = graph.invoke({"log": []}, CONFIG)
    found = lgviz.replay(build(lambda state: {"log": ["ran"]}).compile(), saver)["1"]
    assert (found.verdict, found.values, found.ran) == ("same", first, Counter())


def test_a_question_is_answered_as_it_was_also_where_its_node_runs_anew() -> None:
    def asks(state: State) -> Any:
        return {"log": [f"{interrupt('first?')} {interrupt('second?')}"]}

    calls: Counter[str] = Counter()
    saver = InMemorySaver()
    graph = chain(calls, "a", "b", saver=saver, said={"a": asks})
    graph.invoke({"log": []}, CONFIG)
    graph.invoke(Command(resume="yes"), CONFIG)
    graph.invoke(Command(resume="no"), CONFIG)
    calls.clear()
    served = lgviz.replay(chain(calls, "a", "b", said={"a": asks}), saver)["1"]
    assert (served.verdict, calls) == ("same", Counter())
    anew = lgviz.replay(chain(calls, "a", "b", said={"a": asks}), saver, live="a")["1"]
    assert (anew.verdict, anew.values["log"], calls["b"]) == ("same", ["yes no", "b"], 0)


async def test_asynchronous_graphs() -> None:
    calls: Counter[str] = Counter()

    def build(saver: Any = None) -> Any:
        async def node(state: State) -> Any:
            calls["a"] += 1
            return {"log": ["a"]}

        builder = StateGraph(State)
        builder.add_node("a", node)
        builder.add_edge(START, "a")
        return builder.compile(checkpointer=saver)

    saver = InMemorySaver()
    await build(saver).ainvoke({"log": []}, CONFIG)
    calls.clear()
    assert lgviz.replay(build(), saver).ok
    assert (await lgviz.areplay(build(), saver)).ok
    assert (await lgviz.areplay(build(), saver, live="a"))["1"].ran == Counter("a")
    assert calls == Counter("a")


def test_many_threads_their_table_and_an_executor() -> None:
    calls: Counter[str] = Counter()
    saver = InMemorySaver()
    graph = chain(calls, "a", "b", saver=saver)
    for number in range(5):
        graph.invoke({"log": [str(number)]}, {"configurable": {"thread_id": str(number)}})
    calls.clear()
    found = lgviz.replay(chain(calls, "a", "b"), saver)
    assert found.ok
    assert (found.counts, found.served, calls) == ({"same": 5}, Counter(a=5, b=5), Counter())
    frame = found.frame()
    assert list(frame.columns) == ["thread_id", "branch", "verdict", "parted_at", "reason", "served", "ran"]
    assert frame["served"].tolist() == [2] * 5
    with ThreadPoolExecutor(2) as executor:
        assert lgviz.replay(graph, saver, executor=executor).counts == {"same": 5}
    some = lgviz.replay(graph, saver, threads=["3", "1"])
    assert list(some) == ["3", "1"]
    assert not calls


def test_an_interrupt_from_the_keyboard_gives_what_there_is() -> None:
    def stops(state: State) -> Any:
        if state["log"] == ["1"]:
            raise KeyboardInterrupt
        return {"log": ["a"]}

    calls: Counter[str] = Counter()
    saver = InMemorySaver()
    graph = chain(calls, "a", saver=saver)
    for number in range(2):
        graph.invoke({"log": [str(number)]}, {"configurable": {"thread_id": str(number)}})
    found = lgviz.replay(chain(calls, "a", said={"a": stops}), saver, threads=["0", "1"], live="a")
    assert (found.stopped, list(found), found.ok) == (True, ["0"], False)
    assert "stopped early" in repr(found)


def test_what_cannot_be_is_said_before_anything_runs(tmp_path: Path) -> None:
    calls: Counter[str] = Counter()
    saver = InMemorySaver()
    graph = chain(calls, "a", saver=saver)
    graph.invoke({"log": []}, CONFIG)
    calls.clear()
    with pytest.raises(NodeRefused, match="no node 'x' to be live"):
        lgviz.replay(graph, saver, live="x")
    with pytest.raises(ThreadNotFound, match="no thread '7'"):
        lgviz.replay(graph, saver, threads=["1", "7"])
    with pytest.raises(ReadOnly, match="Only a compiled graph"):
        lgviz.replay(saver, saver)
    with pytest.raises(NodeRefused, match="no node '3' to be live"):
        lgviz.replay(graph, saver, live=3)
    with pytest.raises(InvalidValue, match="is no name"):
        lgviz.replay(graph, saver, effects=object())
    with pytest.raises(ThreadNotFound, match="no thread '7'"):
        lgviz.run(graph, "c1", thread_id="1", reuse={"from_": 7})
    assert not calls
    same = lgviz.replay(graph, saver, threads=1)
    with pytest.raises(MissingFile, match="There is no folder"):
        same.export_html(tmp_path / "nowhere" / "report.html")


class Counted(TypedDict):
    log: Annotated[list[str], operator.add]
    remaining_steps: RemainingSteps


class CountedModel(BaseModel):
    log: Annotated[list[str], operator.add] = []
    remaining_steps: RemainingSteps = 0


@pytest.mark.parametrize("schema", [Counted, CountedModel])
def test_the_steps_that_remain_are_no_part_of_the_question(schema: Any) -> None:
    calls: Counter[str] = Counter()

    def build(saver: Any = None) -> Any:
        builder = StateGraph(schema)
        builder.add_node("a", _node("a", calls, {}))
        builder.add_edge(START, "a")
        return builder.compile(checkpointer=saver)

    saver = InMemorySaver()
    build(saver).invoke({"log": []}, {**CONFIG, "recursion_limit": 7})
    calls.clear()
    found = lgviz.replay(build(), saver)["1"]
    assert (found.verdict, found.served, calls) == ("same", Counter("a"), Counter()), found.reason
