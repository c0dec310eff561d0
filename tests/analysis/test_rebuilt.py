"""Delta channels without the graph: each value equal to LangGraph's, or kept as writes; never another."""

from __future__ import annotations

import copy
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import REMOVE_ALL_MESSAGES, _messages_delta_reducer
from langgraph.types import Command, Overwrite, interrupt
from typing_extensions import TypedDict

import lgviz
from lgviz import persistence
from lgviz.analysis.history import History
from lgviz.analysis.rebuilt import Fold, KeptAsWrites
from lgviz.analysis.search import search
from lgviz.analysis.values import children
from lgviz.export.html import static_html
from lgviz.sources import Undecodable
from tests.support.delta_threads import agent, appended, drive, merged_files
from tests.support.view import View

CHANNELS = ("messages", "log", "files", "tags", "count")


def compare(graph: Any, history: History) -> Counter[str]:
    """Each value of each checkpoint, in every namespace, with what ``get_state`` says; counted by channel, and
    by channel and ``kept`` what is left as writes."""
    seen: Counter[str] = Counter()
    for row in range(len(history.tree)):
        c = history.checkpoint_at(row)
        told = graph.get_state(c.config).values
        values, rebuilt = c.values, c.rebuilt
        for name in CHANNELS:
            if name not in told:
                assert name not in values
            elif isinstance(values.get(name), KeptAsWrites):
                assert "kept as writes; open it with the graph" in rebuilt[name]
                seen[f"{name} kept"] += 1
            elif name in values:
                assert values[name] == told[name], (c.label, name)
                assert type(values[name]) is type(told[name])
                stored = name in c.stored.values
                assert stored or "rebuilt without the graph" in rebuilt[name]
                seen[name] += not stored
            else:
                assert not told[name], (c.label, name)
        assert values.keys() - told.keys() == set()
    return seen


def langgraphs(path: Path) -> SqliteSaver:
    return SqliteSaver(sqlite3.connect(path, check_same_thread=False))


SAVERS: dict[str, Callable[[Path], tuple[Any, Any]]] = {
    "langgraph memory": lambda path: (saver := InMemorySaver(), saver),
    "langgraph file": lambda path: (langgraphs(path), path),
    "langgraph sqlite": lambda path: (saver := langgraphs(path), saver),
    "lgviz memory": lambda path: (saver := persistence.MemorySaver(), saver),
    "lgviz file": lambda path: (persistence.SqliteSaver.from_conn_string(str(path)), path),
}


@pytest.mark.parametrize("kind", SAVERS)
def test_values_are_those_of_the_graph(kind: str, tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    for seed in range(2):
        saver, what = SAVERS[kind](tmp_path / f"{seed}.db")
        graph = agent(saver)
        drive(graph, seed)
        seen += compare(graph, lgviz.history(what, "1"))
    assert all(seen[name] for name in ("messages", "log", "files", "tags", "count kept"))
    assert not any(seen[f"{name} kept"] for name in ("messages", "log", "files", "tags"))


def test_values_in_postgres(postgres_uri: Callable[[], str]) -> None:
    uri = postgres_uri()
    with PostgresSaver.from_conn_string(uri) as saver:
        saver.setup()
        graph = agent(saver)
        drive(graph, 5)
        assert compare(graph, lgviz.history(uri, "1"))["messages"]
    ours = postgres_uri()
    with persistence.PostgresSaver.from_conn_string(ours) as saver:
        graph = agent(saver)
        drive(graph, 6)
        assert compare(graph, lgviz.history(ours, "1"))["messages"]


A, B, C = (AIMessage(name, id=name) for name in "abc")
FILE, OTHER = {"content": "one", "encoding": "utf-8"}, {"content": "two"}
KEPT = KeptAsWrites
GONE = Undecodable("no class", 3, "x")
A_DOCUMENT = Document("y", id="1")
UNKNOWN = persistence.Placeholder("shop.Order", "not loaded", {"id": "1"}, 5, b"")

# What is stored of a channel, what was written since, and the value, or why there is none.
CASES: list[tuple[str, Any, list[Any], Any]] = [
    ("messages by id", [A], [[B], [AIMessage("new", id="a")]], [AIMessage("new", id="a"), B]),
    ("one message, not in a list", [], [A, [B]], [A, B]),
    ("removed", [A, B], [[RemoveMessage(id="a")]], [B]),
    ("removed and added again", [A, B], [[RemoveMessage(id="a"), A]], [B, A]),
    ("removed that never was", [A], [[RemoveMessage(id="z")]], [A]),
    ("all removed", [A], [[B, RemoveMessage(id=REMOVE_ALL_MESSAGES), C]], [C]),
    ("dicts among messages", [A], [[{"role": "user", "content": "x", "id": "u"}]], [A, HumanMessage("x", id="u")]),
    ("messages set anew", [A], [[B], Overwrite([C])], [C]),
    ("set anew and gone on", [A], [Overwrite([C]), [B]], [C, B]),
    ("set anew, as JSON says it", [A], [{"__overwrite__": [C]}], [C]),
    ("set to what is empty", [A], [Overwrite(None), [B]], [B]),
    ("no list before", None, [[A], [B]], [A, B]),
    ("items", ["a"], [["b", "b"], [], ["a"]], ["a", "b", "b", "a"]),
    ("items of a list that began empty", None, [["a"], ["b"]], ["a", "b"]),
    ("each write an item", [1], [2, 3], [1, 2, 3]),
    ("lists of lists", [[1]], [[[2]]], [[1], [2]]),
    ("dicts with ids", [{"id": 1}], [[{"id": 2}]], [{"id": 1}, {"id": 2}]),
    ("keys", {"a": "x"}, [{"b": "y"}, {"a": "z"}], {"a": "z", "b": "y"}),
    ("files", {"/a": FILE}, [{"/a": OTHER, "/b": FILE}, {"/b": None}], {"/a": OTHER}),
    ("a set", {"a"}, [{"b"}, {"a"}], {"a", "b"}),
    ("a number that nothing was added to", 3, [], 3),
    ("a number set anew", 3, [4, Overwrite(5)], 5),
    ("a number", 3, [4], KEPT(3, (4,), "a reducer may add or replace")),
    ("a text", "x", ["y"], KEPT("x", ("y",), "a reducer may add or replace")),
    ("a number, of nothing", None, [4], KEPT(None, (4,), "nothing tells what it began with")),
    ("an id twice", [{"id": 1}], [[{"id": 1}]], KEPT([{"id": 1}], ([{"id": 1}],), "an id is there twice: a reducer may add or replace")),
    ("objects with ids", [A_DOCUMENT], [[Document("z", id="2")]], [A_DOCUMENT, Document("z", id="2")]),
    ("objects without ids", [Document("y")], [[Document("y")]], [Document("y"), Document("y")]),
    ("an object's id twice", [A_DOCUMENT], [[Document("z", id="1")]], KEPT([A_DOCUMENT], ([Document("z", id="1")],), "an id is there twice: a reducer may add or replace")),
    ("the id of a dict and of an object", [{"id": "1"}], [[A_DOCUMENT]], KEPT([{"id": "1"}], ([A_DOCUMENT],), "an id is there twice: a reducer may add or replace")),
    ("an id twice, of classes not loaded", None, [[UNKNOWN], [UNKNOWN]], KEPT(None, ([UNKNOWN], [UNKNOWN]), "an id is there twice: a reducer may add or replace")),
    ("None at a key, then a file", {}, [{"/a": None}, {"/b": FILE}], {"/b": FILE}),
    ("None at a key, then a file, then none", {}, [{"/a": None}, {"/b": FILE}, {"/c": 1}], KEPT({}, ({"/a": None}, {"/b": FILE}, {"/c": 1}), "None may remove a key or be its value")),
    ("items that cannot be decoded", None, [[GONE], [GONE]], KEPT(None, ([GONE], [GONE]), "items that cannot be decoded may have the same id: a reducer may add or replace")),
    ("an item that cannot be decoded", ["a"], [[GONE], ["b"]], ["a", GONE, "b"]),
    ("an item or a list", ["a"], [["b"], "c"], KEPT(["a"], (["b"], "c"), "not all that was written is a list")),
    ("a list as an item", [[1]], [[2]], KEPT([[1]], ([2],), "a list may be one item or several")),
    ("a count by key", {"a": 1}, [{"a": 2}], KEPT({"a": 1}, ({"a": 2},), "'a' was set twice: a reducer may add or replace")),
    ("a dict in a dict", {"a": {"x": 1}}, [{"a": {"y": 2}}], KEPT({"a": {"x": 1}}, ({"a": {"y": 2}},), "'a' was set twice: a reducer may add or replace")),
    ("None at a key", {"a": "x"}, [{"a": None}], KEPT({"a": "x"}, ({"a": None},), "None may remove a key or be its value")),
    ("what cannot be decoded", [A], [GONE], KEPT([A], (GONE,), "a write cannot be decoded")),
    ("a message that cannot be decoded", [A], [[GONE]], KEPT([A], ([GONE],), "not all that it holds are messages that can be decoded")),
    ("nothing at all", None, [], KEPT(None, (), "nothing that was written to it is stored")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("stored", "writes", "value"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_value_follows_or_is_kept_as_writes(stored: Any, writes: list[Any], value: Any) -> None:
    begun = Fold.of(stored)
    before = repr((stored, writes))
    at_once, one_by_one = begun.step(writes), begun
    for write in writes:
        one_by_one = one_by_one.step([write])
    assert at_once.shown() == value
    assert one_by_one.shown() == value
    assert repr((stored, writes)) == before  # nothing is changed in place
    assert ("kept as writes" in at_once.told) is isinstance(value, KeptAsWrites)


def test_messages_go_by_the_rule_of_langgraphs_own_reducer() -> None:
    words = [*(AIMessage(n, id=n) for n in "abcd"), *(RemoveMessage(id=n) for n in "abz")]
    words += [HumanMessage("no id"), RemoveMessage(id=REMOVE_ALL_MESSAGES), AIMessage("other", id="a")]
    for seed in range(200):
        rng = random.Random(seed)
        writes = [rng.choices(words, k=rng.randrange(4)) for _ in range(rng.randrange(6))]
        stored = [A, B][: rng.randrange(3)]
        if any(writes):
            assert Fold.of(stored).step(writes).shown() == _messages_delta_reducer(stored, writes)


def test_what_is_seen_late_is_applied_anew() -> None:
    late: Any = [[{"role": "user", "content": "x", "id": "u"}], [A]]
    assert Fold().step(late[:1]).step(late[1:]).shown() == [HumanMessage("x", id="u"), A]
    twice: Any = [
        [{"role": "user", "content": "x", "id": "u"}],
        [{"role": "user", "content": "y", "id": "u"}],
    ]
    doubted = Fold().step(twice)
    assert isinstance(doubted.shown(), KeptAsWrites)
    assert doubted.step([A]).shown() == [HumanMessage("y", id="u"), A]
    assert Fold().step([{"/a": FILE}, {"/a": None}]).step([{"b": 3}]).doubt


class Chat(TypedDict, total=False):
    messages: Annotated[list[Any], DeltaChannel(_messages_delta_reducer, snapshot_frequency=1000)]
    files: Annotated[dict[str, Any], DeltaChannel(merged_files, snapshot_frequency=1000)]
    total: Annotated[int, DeltaChannel(lambda old, new: old + sum(new), snapshot_frequency=1000)]


def chat(checkpointer: Any) -> Any:
    def bot(state: Chat) -> Any:
        number = len(state["messages"])
        return {
            "messages": [AIMessage(f"reply {number}", id=f"a{number}")],
            "files": {f"/{number}": FILE},
            "total": 1,
        }

    builder: Any = StateGraph(Chat).add_node("bot", bot).add_node("log", lambda state: {})
    return builder.add_edge(START, "bot").add_edge("bot", "log").compile(checkpointer=checkpointer)


def turns(graph: Any, count: int, durability: Any = "sync") -> None:
    for number in range(count):
        said = {"messages": [HumanMessage(f"question {number}", id=f"h{number}")]}
        graph.invoke(said, {"configurable": {"thread_id": "1"}}, durability=durability)


@pytest.mark.parametrize("kind", ["langgraph file", "lgviz file"])
def test_all_views_of_a_file_show_what_was_said(kind: str, tmp_path: Path) -> None:
    saver, path = SAVERS[kind](tmp_path / "chat.db")
    graph = chat(saver)
    turns(graph, 3)
    h = lgviz.history(path, "1")
    assert [message.content for message in h.latest.values["messages"]] == [
        "question 0", "reply 1", "question 1", "reply 3", "question 2", "reply 5",
    ]  # fmt: skip
    assert h.latest.values["files"] == {"/1": FILE, "/3": FILE, "/5": FILE}
    assert h.latest.values["total"] == KeptAsWrites(None, (1, 1, 1), "nothing tells what it began with")
    assert h.latest.rebuilt == {
        "messages": "rebuilt without the graph: messages by id",
        "files": "rebuilt without the graph: files set by path, None removes",
        "total": "kept as writes; open it with the graph",
    }
    assert h.latest.next == ()
    said = [c.label for c in h.find(lambda c: "reply 3" in str(c.values.get("messages")))]
    assert said == [
        c.label for c in lgviz.history(graph, "1").find(lambda c: "reply 3" in str(c.values["messages"]))
    ]
    assert [(change.path, change.kind) for change in h.diff("c5", "c6")][:1] == [(("a3",), "added")]
    hits = list(search(h, "reply 3"))
    assert [(hit.id, hit.where) for hit in hits] == [(h[said[0]].id, "messages.ai")]
    page = str(static_html(h))
    assert "reply 5" in page and "rebuilt without the graph: messages by id" in page
    assert "kept as writes; open it with the graph" in page
    view = View(path, "1")
    shown = {c["name"]: c for c in view.ask("checkpoint_get", checkpoint=h.latest.id)["channels"]}
    assert shown["messages"]["reducer"] == "rebuilt without the graph: messages by id"
    assert shown["total"]["reducer"] == "kept as writes; open it with the graph"
    assert "reply 5" in str(shown["messages"]["value"])
    changes = view.ask("diff_get", before=None, after=h["c6"].id, internal=False)["channels"]
    assert "messages" in [change["channel"] for change in changes]
    view.close()


def test_a_run_that_stores_only_its_end(tmp_path: Path) -> None:
    for kind in ("langgraph file", "lgviz file"):
        saver, path = SAVERS[kind](tmp_path / f"{kind}.db")
        graph = chat(saver)
        turns(graph, 2, "exit")
        h = lgviz.history(path, "1")
        assert h.latest.values["messages"] == graph.get_state(h.latest.config).values["messages"]
        assert len(h.latest.values["messages"]) == 4
        assert [hit.where for hit in search(h, "reply 1")] == ["messages.ai"]


def test_where_the_path_breaks_off_nothing_is_made_up(tmp_path: Path) -> None:
    saver, path = SAVERS["langgraph file"](tmp_path / "cut.db")
    turns(chat(saver), 2)
    with sqlite3.connect(path) as connection:
        gone = connection.execute(
            "SELECT checkpoint_id FROM checkpoints ORDER BY 1 LIMIT 1 OFFSET 1"
        ).fetchone()[0]
        connection.execute("DELETE FROM checkpoints WHERE checkpoint_id = ?", (gone,))
    connection.close()
    value = lgviz.history(path, "1").latest.values["files"]
    assert isinstance(value, KeptAsWrites)
    assert value.reason == f"checkpoint {gone} before it is no longer stored"


@pytest.mark.parametrize("kind", ["langgraph file", "lgviz file"])
def test_a_walk_over_a_long_thread_reads_each_write_once(kind: str, tmp_path: Path) -> None:
    saver, path = SAVERS[kind](tmp_path / "long.db")
    turns(chat(saver), 40)
    h = lgviz.history(path, "1")
    assert len(h) == 160
    read: list[str] = []
    writes_to = h.source.writes_to

    def counted(thread: str, namespace: str, ids: Any, channels: Any) -> Any:
        read.extend(ids)
        return writes_to(thread, namespace, ids, channels)

    h.source.writes_to = counted  # type: ignore[method-assign]
    h.find(lambda c: c.values)
    assert len(read) < 2 * len(h)
    read.clear()
    assert [hit.where for hit in search(h, "reply 77")] == ["messages.ai"]
    assert len(read) < 2 * len(h)


def last_three(old: list[Any], writes: Any) -> list[Any]:
    return [*old, *(item for write in writes for item in write)][-3:]


def in_order(old: list[Any], writes: Any) -> list[Any]:
    return sorted([*old, *(item for write in writes for item in write)])


def last_messages(old: list[Any], writes: Any) -> list[Any]:
    return list(_messages_delta_reducer(old, writes))[-3:]


@pytest.mark.parametrize("reducer", [last_three, in_order, last_messages])
def test_a_reducer_that_does_more_is_found_out_by_what_is_stored(reducer: Any, tmp_path: Path) -> None:
    channel = DeltaChannel(reducer, snapshot_frequency=5)

    def node(state: Any) -> Any:
        number = 100 - len(str(state["items"]))
        return {"items": [AIMessage("x", id=f"{number}")] if reducer is last_messages else [str(number)]}

    schema: Any = TypedDict("Trimmed", {"items": Annotated[list[Any], channel]})  # type: ignore[misc]
    builder: Any = StateGraph(schema).add_node("node", node).add_edge(START, "node")
    saver, path = SAVERS["langgraph file"](tmp_path / "trimmed.db")
    graph = builder.compile(checkpointer=saver)
    for number in range(9):
        said = [HumanMessage("q", id=f"h{number}")] if reducer is last_messages else [f"{number}"]
        graph.invoke({"items": said}, {"configurable": {"thread_id": "1"}})
    latest = lgviz.history(path, "1").latest
    assert "items" not in latest.stored.values
    assert latest.values["items"].reason == "a value that LangGraph stored is another than its rule gives"


def prepended(old: list[Any], writes: Any) -> list[Any]:
    return [*reversed(appended([], writes)), *old]


def last_two(old: list[Any], writes: Any) -> list[Any]:
    return appended(old, writes)[-2:]


def without_doubles(old: list[Any], writes: Any) -> list[Any]:
    return list(dict.fromkeys(number % 2 for number in appended(old, writes)))


def toggled(old: Any, writes: Any) -> set[Any]:
    for write in writes:
        old = set(old) ^ {number % 2 for number in write}
    return set(old)


UNRULY = "a value that LangGraph stored is another than its rule gives"


def counting(saver: Any, reducer: Any, last: int) -> Any:
    """Steps that write the numbers to a channel, whose value is stored at each third."""
    kind: Any = set if reducer is toggled else list
    held = Annotated[kind, DeltaChannel(reducer, snapshot_frequency=3)]
    schema: Any = TypedDict("Counting", {"n": int, "items": held})  # type: ignore[misc]
    builder: Any = StateGraph(schema).add_node("a", lambda s: {"n": s["n"] + 1, "items": kind([s["n"]])})
    builder.add_edge(START, "a").add_conditional_edges("a", lambda s: "a" if s["n"] < last else END)
    graph = builder.compile(checkpointer=saver)
    graph.invoke({"n": 0}, {"configurable": {"thread_id": "1"}, "recursion_limit": 200})
    return graph


@pytest.mark.parametrize("reducer", [prepended, last_two, without_doubles, toggled])
@pytest.mark.parametrize("kind", ["langgraph memory", "lgviz file"])
def test_a_value_does_not_depend_on_what_was_opened_before(reducer: Any, kind: str, tmp_path: Path) -> None:
    saver, what = SAVERS[kind](tmp_path / "order.db")
    graph = counting(saver, reducer, 8)
    forward, back = lgviz.history(what, "1"), lgviz.history(what, "1")
    labels = [c.label for c in forward]
    alone = {label: lgviz.history(what, "1")[label].values.get("items") for label in labels}
    assert {label: forward[label].values.get("items") for label in labels} == alone
    assert {label: back[label].values.get("items") for label in reversed(labels)} == alone
    for label in labels[labels.index("c4") :]:  # where the first value is stored
        told = graph.get_state(forward[label].config).values["items"]
        if reducer is not toggled:  # whose third stored value is what a union gives too
            assert isinstance(alone[label], KeptAsWrites) or alone[label] == told, label
    if reducer is prepended:
        assert alone["c4"] == [2, 1, 0] and alone["c5"] == KeptAsWrites([2, 1, 0], ([3],), UNRULY)


def test_one_checkpoint_of_a_long_thread_is_checked_near_by_and_a_walk_checks_each_once() -> None:
    saver = InMemorySaver()
    counting(saver, appended, 90)

    def read(look: Callable[[History], Any]) -> int:
        h, ids = lgviz.history(saver, "1"), list[str]()
        writes_to = h.source.writes_to

        def counted(thread: str, namespace: str, some: Any, channels: Any) -> Any:
            ids.extend(some)
            return writes_to(thread, namespace, some, channels)

        h.source.writes_to = counted  # type: ignore[method-assign]
        look(h)
        return len(ids)

    assert read(lambda h: h["c90"].values) <= 2 * 4
    assert read(lambda h: [h[f"c{number}"].values for number in range(92)]) < 3 * 92


def test_what_is_set_past_an_unruly_reducer_is_certain_until_it_is_written_to() -> None:
    begun = replace(Fold.of([2, 1]), unruly=UNRULY)
    assert begun.shown() == [2, 1]
    assert begun.step([[3]]).shown() == KeptAsWrites([2, 1], ([3],), UNRULY)
    assert begun.step([[3], Overwrite([5])]).shown() == [5]
    assert begun.step([Overwrite([5]), [6]]).shown() == KeptAsWrites([5], ([6],), UNRULY)
    assert begun.step([Overwrite(None), [6]]).shown() == KeptAsWrites([], ([6],), UNRULY)


@pytest.mark.parametrize("kind", SAVERS)
def test_what_is_written_by_no_task_or_for_one_that_failed(kind: str, tmp_path: Path) -> None:
    schema: Any = TypedDict("Asked", {"log": Annotated[list[str], DeltaChannel(appended)]})  # type: ignore[misc]

    def fail(state: Any) -> Any:
        if len(state["log"]) < 4:
            raise RuntimeError("not yet")
        return {"log": ["went well"]}

    builder: Any = StateGraph(schema).add_node("ask", lambda state: {"log": [interrupt("?")]})
    builder.add_node("side", lambda state: {"log": ["side"]}).add_node("fail", fail)
    builder.add_edge(START, "ask").add_edge("ask", "side").add_edge("ask", "fail")
    saver, what = SAVERS[kind](tmp_path / "asked.db")
    graph, place = builder.compile(checkpointer=saver), {"configurable": {"thread_id": "1"}}
    graph.invoke({"log": ["begun"]}, place)
    with pytest.raises(RuntimeError, match="not yet"):
        graph.invoke(Command(resume="yes", update={"log": ["by command"]}), place)
    states = {c.label: c.values.get("log") for c in lgviz.history(what, "1")}
    assert states == {c.label: c.values.get("log") or None for c in lgviz.history(graph, "1")}
    assert states["c2"] == ["begun", "by command", "yes"]


def test_what_was_never_stored_is_not_shown_as_none() -> None:
    none, some = KeptAsWrites(None, (4,), "why"), KeptAsWrites(3, (4,), "why")
    assert (none.stored, some.stored) == (None, 3)
    assert [name for name, _ in children(none)] == ["writes", "reason"]
    assert [name for name, _ in children(some)] == ["stored", "writes", "reason"]
    assert ">stored<" in some._repr_html_() and ">stored<" not in none._repr_html_()
    assert none == copy.deepcopy(none) == KeptAsWrites(None, (4,), "why") != some
