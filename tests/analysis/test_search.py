"""Search finds every value once, at the checkpoint that set it, and keeps none."""

from __future__ import annotations

import operator
import sqlite3
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph, add_messages
from langgraph.types import interrupt

from lgviz.analysis import search as module
from lgviz.analysis.history import History, open_history
from lgviz.analysis.rebuilt import KeptAsWrites
from lgviz.analysis.search import Hit, place_of, search
from lgviz.demos import agent, chat

TURNS = 60
WORDS = "lorem ipsum dolor sit amet consectetur " * 15


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    turns: Annotated[int, operator.add]
    topic: str


def reply(state: State) -> dict[str, Any]:
    number = sum(m.type == "human" for m in state["messages"])
    return {"messages": [AIMessage(f"{WORDS} answer-{number}.")], "turns": 1, "topic": "Tea"}


def built(saver: Any) -> Any:
    return StateGraph(State).add_node(reply).add_edge(START, "reply").compile(checkpointer=saver)


@pytest.fixture(scope="module")
def long_chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("chat") / "chat.db"
    with sqlite3.connect(path, check_same_thread=False) as conn:
        conn.execute("PRAGMA synchronous=OFF")
        graph = built(SqliteSaver(conn))
        for turn in range(1, TURNS + 1):
            said = {"messages": [("user", f"{WORDS} question-{turn}. Yes")]}
            graph.invoke(said, {"configurable": {"thread_id": "1"}})
    conn.close()
    return path


def where(history: History, hits: list[Hit]) -> list[tuple[str, str, str]]:
    return [(history.tree.labels[hit.row], hit.where, hit.match) for hit in hits]


def test_each_message_once_where_it_was_written(long_chat: Path) -> None:
    history = open_history(str(long_chat))
    assert where(history, list(search(history, "ANSWER-7."))) == [("c20", "messages.ai", "answer-7.")]
    found = list(search(history, "question-"))
    assert [history.tree.labels[hit.row] for hit in found] == [f"c{3 * i + 1}" for i in range(TURNS)]
    assert {hit.where for hit in found} == {"messages.user"}
    (hit,) = search(history, "question-30")
    assert hit.id == history["c88"].id and hit.before.endswith("consectetur ") and hit.after == ". Yes"
    assert len(hit.before) <= 41


def test_what_only_the_reducer_made_is_found_at_the_head(long_chat: Path) -> None:
    history = open_history(str(long_chat))
    hits = [hit for hit in search(history, str(TURNS)) if hit.where == "turns"]
    assert where(history, hits) == [(f"c{3 * TURNS - 1}", "turns", str(TURNS))]


def test_a_value_set_again_is_found_once(long_chat: Path) -> None:
    history = open_history(str(long_chat))
    assert where(history, list(search(history, "tea"))) == [("c2", "topic", "Tea")]


def test_a_large_state_is_opened_at_heads_only(long_chat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = open_history(str(long_chat))
    opened: list[str] = []
    channels = history.source.channels
    monkeypatch.setattr(history.source, "channels", lambda *a: opened.append(a[2]) or channels(*a))
    assert len(list(search(history, "yes"))) == TURNS
    assert set(opened) == {history.latest.id}
    assert len(opened) <= 2


def test_memory_stays_flat(long_chat: Path) -> None:
    history = open_history(str(long_chat))
    list(search(history, "warm up"))
    tracemalloc.start()
    list(search(history, "answer"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * long_chat.stat().st_size / (3 * TURNS) + 2_000_000


def test_it_streams_reports_progress_and_can_be_cancelled(
    long_chat: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BEAT", 0)
    history = open_history(str(long_chat))
    seen: list[tuple[int, int]] = []
    stop = False
    hits = search(history, "question", cancelled=lambda: stop, progress=lambda d, t: seen.append((d, t)))
    first = next(hits)
    assert first.row == 1 and len(seen) <= 2, "the first hit comes before the last row is read"
    stop = True
    assert list(hits) == []
    assert all(total == 3 * TURNS for _, total in seen) and seen[-1][0] < 3 * TURNS
    stop = False
    list(search(history, "question", progress=lambda d, t: seen.append((d, t))))
    assert seen[-1] == (3 * TURNS, 3 * TURNS)


def test_nodes_labels_and_nothing() -> None:
    graph = agent.build(InMemorySaver())
    agent.seed(graph)
    history = open_history(graph)
    nodes = [hit.row for hit in search(history, "tools") if hit.where == "node"]
    assert nodes == [row for row, names in enumerate(history.tree.nodes) if "tools" in names]
    assert [hit.where for hit in search(history, "c3") if hit.row == history.row_of("c3")] == ["label"]
    assert list(search(history, "")) == [] and list(search(history, "no such words")) == []


def test_a_small_state_is_searched_exactly() -> None:
    graph = chat.build(InMemorySaver())
    chat.seed(graph)
    history = open_history(graph)
    texts: dict[str, str] = {}
    for checkpoint in history:
        for message in checkpoint.values.get("messages", []):
            texts.setdefault(message.text, checkpoint.label)
    for text, label in texts.items():
        found = [history.tree.labels[hit.row] for hit in search(history, text)]
        assert found == [label], text


def test_every_message_is_found_whichever_way_it_was_written() -> None:
    def node(state: State) -> dict[str, Any]:
        return {"messages": [{"role": "assistant", "content": "yes"}], "topic": "x" * 60_000}

    graph = StateGraph(State).add_node(node).add_edge(START, "node").compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    for said in (("user", "Yes"), HumanMessage("yes"), {"role": "user", "content": "yes"}):
        graph.invoke({"messages": [said]}, config)
    history = open_history(graph)
    found = [history.tree.labels[hit.row] for hit in search(history, "yes") if hit.match.lower() == "yes"]
    assert found == ["c1", "c2", "c4", "c5", "c7", "c8"]


def test_notes_interrupts_and_errors() -> None:
    def ask(state: State) -> None:
        interrupt("May I sell the teapot?")

    def fail(state: State) -> None:
        raise RuntimeError("the kettle is cold")

    config: Any = {"configurable": {"thread_id": "1"}}
    graph = StateGraph(State).add_node(ask).add_edge(START, "ask").compile(checkpointer=InMemorySaver())
    graph.invoke({"topic": "a"}, config)
    graph.update_state(
        {**config, "metadata": {"lgviz_note": "why this branch exists"}}, {"topic": "b"}, as_node="ask"
    )
    history = open_history(graph)
    assert [hit.where for hit in search(history, "teapot")] == ["interrupt"]
    assert [(hit.row, hit.where) for hit in search(history, "this branch")] == [(2, "note")]

    failing = StateGraph(State).add_node(fail).add_edge(START, "fail").compile(checkpointer=InMemorySaver())
    with pytest.raises(RuntimeError):
        failing.invoke({"topic": "a"}, config)
    assert [hit.where for hit in search(open_history(failing), "kettle")] == ["error"]


def test_what_is_called_so_is_found_first(long_chat: Path) -> None:
    history = open_history(str(long_chat))
    label = next(search(history, "C7"))
    assert (history.tree.labels[label.row], label.where, label.match) == ("c7", "label", "c7")
    id_ = history["c9"].id
    for begun in (id_, id_.upper(), id_[:23]):
        first = next(search(history, begun))
        assert (first.row, first.where) == (9, "id"), begun
    many = [hit for hit in search(history, id_[:8]) if hit.where == "id"]
    assert 1 <= len(many) <= 50 and all(hit.id.startswith(id_[:8]) for hit in many)
    assert not [hit for hit in search(history, id_[2:20]) if hit.where == "id"]
    node = next(search(history, "reply"))
    assert (history.tree.labels[node.row], node.where, node.match) == ("c2", "node", "reply")
    found = [hit.row for hit in search(history, "reply") if hit.where == "node"]
    assert found == [3 * turn + 2 for turn in range(TURNS)]  # each once
    channel = next(search(history, "TOPIC"))
    assert (history.tree.labels[channel.row], channel.where) == ("c2", "channel")
    assert not [hit for hit in search(history, "branch:to") if hit.where == "channel"]


def test_why_a_value_is_not_known_is_not_found_but_what_was_written_is(tmp_path: Path) -> None:
    channel = DeltaChannel(lambda old, new: " ".join([old, *new]), str, snapshot_frequency=1000)
    schema: Any = TypedDict("Tale", {"tale": Annotated[str, channel]})  # type: ignore[misc]
    builder: Any = StateGraph(schema).add_node("tell", lambda _: {"tale": "once upon a time"})
    saver = SqliteSaver(sqlite3.connect(tmp_path / "tale.db", check_same_thread=False))
    graph = builder.add_edge(START, "tell").compile(checkpointer=saver)
    graph.invoke({"tale": "listen"}, {"configurable": {"thread_id": "1"}})
    h = open_history(saver, "1")
    kept = h.latest.values["tale"]
    assert isinstance(kept, KeptAsWrites)
    assert kept.reason
    for word in (kept.reason, kept.reason.split()[0], "writes", "stored"):
        assert where(h, list(search(h, word))) == [], word
    [found] = where(h, list(search(h, "upon")))
    assert found == ("c2", "tale", "upon")


@pytest.mark.parametrize(
    ("value", "query", "path"),
    [
        ("plain text", "text", []),
        ({"a": {"b": ["x", "the needle"]}}, "needle", [0, 0, 1]),
        ({"a": 1, "needle": {"b": 2}}, "needle", [1]),
        ({"a": 12345}, "234", [0]),
        ([HumanMessage("hay"), AIMessage("a needle"), HumanMessage("hay")], "needle", [1]),
        ([AIMessage("the same"), HumanMessage("hay"), AIMessage("the same")], "same", [2]),
        ([AIMessage("", tool_calls=[{"name": "find", "args": {"q": "needle"}, "id": "1"}])], "needle", [0]),
        ({"notes": ["one\n  line\tbroken needle"]}, "broken", [0, 0]),
        ([{"text": WORDS + "needle" + WORDS}], "needle", [0, 0]),
        (["hid\u202eden needle"], "needle", [0]),
    ],
)
def test_a_hit_is_found_again_in_its_value(value: Any, query: str, path: list[int]) -> None:
    class Kept(TypedDict):
        value: Any

    graph = StateGraph(Kept).add_node("node", lambda state: {"value": value})
    saver = InMemorySaver()
    config: Any = {"configurable": {"thread_id": "1"}}
    graph.add_edge(START, "node").compile(checkpointer=saver).invoke({"value": None}, config)
    found = [hit for hit in search(open_history(saver, "1"), query) if hit.channel == "value"]
    assert found
    for hit in found:
        assert place_of(value, hit.before, hit.match, hit.after) == path
        assert place_of("elsewhere", hit.before, hit.match, hit.after) is None
