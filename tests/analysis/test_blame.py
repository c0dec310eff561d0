"""Blame equals what all states, loaded and compared one by one, say."""

from __future__ import annotations

import operator
import re
import sqlite3
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver as LangGraphPostgres
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.func import entrypoint
from langgraph.graph import END, START, StateGraph, add_messages
from pydantic import BaseModel

import lgviz
from lgviz import persistence
from lgviz.analysis.channel_past import ChannelPast
from lgviz.analysis.same import same
from lgviz.demos import two_nodes
from lgviz.errors import CheckpointNotFound, InvalidValue, LgvizError, PartNotFound
from lgviz.sources.base import Undecodable
from tests.support import delta_forks, delta_threads
from tests.support.airline import build as airline
from tests.support.airline import replay, trials_of
from tests.support.random_graphs import GraphSpec, build, drive, graph_specs
from tests.support.savers import SAVERS, config

Parts = dict[Hashable, Any]
"""Parts of a state by a name that they keep wherever they stand."""


def by_brute_force(path: list[Any], parts: Callable[[Any], Parts]) -> dict[Hashable, tuple[str, str]]:
    """For each part of the last state the labels of the checkpoint that set it and of the one that made it.
    What a channel is before anything was written to it was set by none."""
    written, states = set[str](), []
    for checkpoint in path:
        written.update(checkpoint.changed)
        values = {name: value for name, value in checkpoint.values.items() if name in written}
        states.append((checkpoint.label, parts(values)))
    told = {}
    for name, value in states[-1][1].items():
        first = set_by = None
        for label, state in reversed(states):
            if name not in state:
                break
            if set_by is None and first is not None and not same(state[name], value):
                set_by = first
            first = label
        told[name] = (set_by or first, first)
    return told


def told_by_blame(blame: lgviz.Blame) -> dict[Hashable, Any]:
    """The labels of blame, by path without the channel."""
    return {one.path[1:]: (one.set_by.label, one.first.label) for one in blame if one.set_by and one.first}


def messages_of(values: Any) -> Parts:
    return {(message.id,): message for message in values.get("messages", ())}


# ---------------------------------------------------------------- recorded conversations


@pytest.mark.parametrize("saver", [SqliteSaver, persistence.SqliteSaver], ids=["langgraph", "lgviz"])
@pytest.mark.parametrize("task_id", [0, 12, 27])
def test_every_message_of_every_trial(shared_data: Path, tmp_path: Path, task_id: int, saver: Any) -> None:
    _each_trial_is_told(shared_data, tmp_path, task_id, saver)


@pytest.mark.parametrize("task_id", range(1, 40, 7))
def test_every_message_of_a_sample_of_tasks(shared_data: Path, tmp_path: Path, task_id: int) -> None:
    _each_trial_is_told(shared_data, tmp_path, task_id, SqliteSaver)


@pytest.mark.upstream
@pytest.mark.parametrize("task_id", range(40))
def test_every_message_of_every_trial_of_every_task(shared_data: Path, tmp_path: Path, task_id: int) -> None:
    _each_trial_is_told(shared_data, tmp_path, task_id, SqliteSaver)


def _each_trial_is_told(shared_data: Path, tmp_path: Path, task_id: int, saver: Any) -> None:
    trials = trials_of(shared_data, task_id)
    connection = sqlite3.connect(tmp_path / "airline.db", check_same_thread=False)
    graph = airline(trials, saver(connection))
    replay(graph, trials, "task", (shared_data / "airline" / "policy.md").read_text())
    for source in (graph, tmp_path / "airline.db"):
        history = lgviz.history(source, "task")
        for head, trial in zip(history.heads, trials, strict=True):
            blame = history.blame("messages", head)
            told = told_by_blame(blame)
            assert len(told) == len(trial) + 1, "the recorded messages, and the policy before them"
            assert told == by_brute_force(history.path(head), messages_of)
            assert all(one.set_by and one.node == one.set_by.nodes[0] for one in blame)
            assert all(one.writers[0].task_id for one in blame)
    connection.close()


# ---------------------------------------------------------------- edits of all kinds


class Edited(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    files: Annotated[dict[str, Any], operator.or_]
    items: list[str]
    seen: Annotated[list[str], operator.add]


Step = tuple[str, dict[str, Any]]
"""The node that acts, and what it writes."""


@st.composite
def edits(draw: st.DrawFn) -> list[Step]:
    """What the nodes of a run write: chat, edits by id, removals, moves in a list, keys, lines of texts."""
    ids, items, files, steps = list[str](), list[str](), dict[str, list[str]](), list[Step]()
    for number in range(draw(st.integers(1, 14))):
        write: dict[str, Any] = {}
        kinds = draw(
            st.sets(st.sampled_from(["say", "edit", "remove", "move", "file", "append"]), min_size=1)
        )
        if "say" in kinds:
            ids.append(f"m{number}")
            write["messages"] = [AIMessage(f"said {number}", id=ids[-1]), HumanMessage(f"asked {number}")]
        if "edit" in kinds and ids:
            again = AIMessage(draw(st.sampled_from(["new", "other"])), id=draw(st.sampled_from(ids)))
            write.setdefault("messages", []).append(again)
        if "remove" in kinds and ids:
            gone = ids.pop(draw(st.integers(0, len(ids) - 1)))
            write["messages"] = [*write.get("messages", []), RemoveMessage(gone)]
        if "move" in kinds:
            items = list(draw(st.permutations(items)))[: draw(st.integers(0, len(items)))] if items else []
            items.insert(draw(st.integers(0, len(items))), f"item {number}")
            write["items"] = items
        if "file" in kinds:
            name = draw(st.sampled_from(["a.py", "b.py"]))
            lines = list(files.get(name, ["first", "second", "third"]))
            lines[draw(st.integers(0, len(lines) - 1))] = f"line {number}"
            files[name] = lines
            write["files"] = {name: "\n".join(lines)}
        if "append" in kinds:
            write["seen"] = [draw(st.sampled_from("xy"))] * draw(st.integers(1, 2))
        steps.append((draw(st.sampled_from(["plan", "act"])), write))
    return steps


def acted(steps: list[Step], saver: Any) -> Any:
    """A graph that has written these things, its thread run to the end."""
    coming: Iterator[Step] = iter(steps)

    def next_node(_: Edited) -> str:
        return steps[done[0]][0] if done[0] < len(steps) else END

    def act(_: Edited) -> dict[str, Any]:
        done[0] += 1
        return next(coming)[1]

    done = [0]
    builder = StateGraph(Edited)
    for name in ("plan", "act"):
        builder.add_node(name, act)
        builder.add_conditional_edges(name, next_node, ["plan", "act", END])
    builder.add_conditional_edges(START, next_node, ["plan", "act", END])
    graph = builder.compile(checkpointer=saver)
    graph.invoke({"messages": [HumanMessage("go")]}, config() | {"recursion_limit": 50})
    return graph


def parts_of(values: Any) -> Parts:
    """The parts that keep a name: messages, keys, the items of lists without doubles, lines as texts."""
    found: Parts = {("messages", message.id): message for message in values.get("messages", ())}
    found |= {("items", item): item for item in values.get("items", ())}
    found |= {("seen", place): item for place, item in enumerate(values.get("seen", ()))}
    for name, text in values.get("files", {}).items():
        found |= {("files", name, line): line for line in text.split("\n")}
    return found


@pytest.mark.parametrize("saver", SAVERS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=edits(), data=st.data())
def test_edits_of_all_kinds(steps: list[Step], data: st.DataObject, saver: str, tmp_path: Path) -> None:
    path = tmp_path / "edits.db"
    path.unlink(missing_ok=True)
    graph = acted(steps, SAVERS[saver](path))
    history = lgviz.history(graph, "1")
    at = data.draw(st.sampled_from(list(history)))
    states = by_brute_force(history.path(at), parts_of)
    for one in history.blame(at=at):
        assert one.set_by is not None and one.first is not None
        for name in named(one):
            set_by, first = states[name]
            assert one.set_by.label == set_by, (name, one)
            if name[0] in ("messages", "seen"):  # others may have come in the place of another
                assert one.first.label == first, (name, one)
            assert one.nodes == one.set_by.nodes


def test_an_item_that_moved_is_not_taken_for_the_one_in_its_place() -> None:
    steps: list[Step] = [("plan", {"items": ["a", "b", "c"]}), ("act", {"items": ["new", "b", "c", "a"]})]
    history = lgviz.history(acted(steps, InMemorySaver()), "1")
    told = {one.value: (one.set_by and one.set_by.label, one.first and one.first.label)
            for one in history.blame("items")}  # fmt: skip
    assert told == {"new": ("c3", "c3"), "a": ("c2", "c2"), "b": ("c2", "c2"), "c": ("c2", "c2")}


def named(one: lgviz.Origin) -> list[Any]:
    """The names that :func:`parts_of` gives to a part that blame tells of; a file that was written at once is
    one part with all its lines."""
    if one.path[0] == "items" and len(one.path) == 2:
        return [("items", one.value)]
    if one.path[0] == "files" and len(one.path) > 1:
        return [("files", one.path[1], line) for line in str(one.value).split("\n")]
    return [one.path] if len(one.path) > 1 else []


# ---------------------------------------------------------------- random graphs


def plain_parts(values: Any) -> Parts:
    """All parts of the state of a random graph; its lists only grow."""
    found: Parts = {(name,): values[name] for name in ("count", "note", "single") if name in values}
    found |= {("log", place): item for place, item in enumerate(values.get("log", ()))}
    return found | {("rounds", name): number for name, number in values.get("rounds", {}).items()}


@pytest.mark.parametrize("saver", ["LangGraph memory", "lgviz memory"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spec=graph_specs(), data=st.data())
def test_random_graphs(spec: GraphSpec, data: st.DataObject, saver: str, tmp_path: Path) -> None:
    graph = build(spec, SAVERS[saver](tmp_path))
    drive(graph, "t", {"log": [], "count": 0})
    history = lgviz.history(graph, "t")
    for at in data.draw(st.lists(st.sampled_from(history.all), min_size=1, max_size=4)):
        if not isinstance(at.values, dict):
            continue
        blame = history.blame(at=at)
        told = {one.path: (one.set_by.label, one.first.label) for one in blame if one.set_by and one.first}
        expected = by_brute_force(history.path(at), plain_parts)
        assert {name: told.get(name) for name in expected} == expected
        for one in blame:
            if one.node is not None:
                assert one.set_by and one.node in one.set_by.nodes


# ---------------------------------------------------------------- what is hard


def test_delta_channels_without_the_graph(tmp_path: Path) -> None:
    """What makes a value is all that is stored of them."""
    connection = sqlite3.connect(tmp_path / "delta.db", check_same_thread=False)
    graph = delta_threads.agent(SqliteSaver(connection))
    delta_threads.drive(graph, 3)
    history = lgviz.history(graph, "1")
    file = lgviz.history(tmp_path / "delta.db", "1")
    compared = 0
    for head in history.heads:
        expected = by_brute_force(history.path(head), messages_of)
        for source in (history, file):
            if not any("messages" in c.doubts for c in history.path(head)):
                assert told_by_blame(source.blame("messages", head.label)) == expected
                compared += len(expected)
    assert compared > 20
    connection.close()


class Profile(BaseModel):
    name: str
    tags: list[str] = []


@dataclass
class Trip:
    profile: Profile
    day: str = ""
    legs: Annotated[list[str], operator.add] = field(default_factory=list)


def test_states_that_are_dataclasses_and_models() -> None:
    builder = StateGraph(Trip)
    builder.add_node("day", lambda _: {"day": "today", "legs": ["out"]})
    builder.add_node("tag", lambda state: {"profile": Profile(name=state.profile.name, tags=["new"])})
    builder.add_edge(START, "day")
    builder.add_edge("day", "tag")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke(Trip(Profile(name="Ann")), config())
    blame = lgviz.history(graph, "1").blame()
    told = {one.where: one.told for one in blame}
    assert told == {
        "profile.name": "set by c1 · __start__",
        "profile.tags": "set by c3 · tag, there since c1",
        "day": "set by c2 · day, there since c1",
        "legs[0]": "set by c2 · day",
    }


def test_a_value_that_cannot_be_read_on_the_way(tmp_path: Path) -> None:
    """Where what was written explains what came after it, nothing is in doubt; else it says so."""
    steps: list[Step] = [
        ("plan", {"items": ["a"]}),
        ("act", {"items": ["a", "b"]}),
        ("act", {"items": ["a", "b", "c"]}),
    ]
    graph = acted(steps, persistence.MemorySaver())
    history = lgviz.history(graph, "1")
    real = history.reader.channel_reader

    def reader(row: int, channel: str) -> Any:
        read = real(row, channel)
        damaged = history["c3"].row
        return lambda rows: {
            n: Undecodable("damaged", 9, "list") if n == damaged else v for n, v in read(rows).items()
        }

    history.reader.channel_reader = reader  # type: ignore[method-assign]
    told = {one.value: one.told for one in history.blame("items")}
    assert told == {
        "a": "set by c2 · plan",
        "b": "set by c4 (or before: c3 cannot be read)",
        "c": "set by c4 (or before: c3 cannot be read)",
    }


@pytest.mark.parametrize("saver", [SqliteSaver, persistence.SqliteSaver], ids=["langgraph", "lgviz"])
def test_an_id_that_is_damaged_anywhere_in_the_file(saver: Any, tmp_path: Path) -> None:
    """In a row or in an index alone, which then leads to a row of another id."""
    file = tmp_path / "a.db"
    connection = sqlite3.connect(file, check_same_thread=False)
    two_nodes.seed(two_nodes.build(saver(connection)))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    whole, asked = file.read_bytes(), 0
    for id_ in [checkpoint.id.encode() for checkpoint in lgviz.history(file)]:
        for found in re.finditer(id_, whole):
            file.write_bytes(whole[: found.start()] + b"x" + whole[found.start() + 1 :])
            with suppress(LgvizError):
                for checkpoint in lgviz.history(file).all:
                    for ask in (checkpoint.history.blame, checkpoint.history.why):
                        with suppress(LgvizError):
                            assert repr(ask(at=checkpoint))
                        asked += 1
    assert asked > 200


@pytest.mark.parametrize("saver", ["lgviz memory", "lgviz SQLite"])
def test_what_is_older_than_the_history_keeps(saver: str, tmp_path: Path) -> None:
    steps: list[Step] = [("plan", {"seen": ["x"]}), ("act", {"seen": ["y"], "items": ["new"]})]
    graph = acted(steps, SAVERS[saver](tmp_path / "a.db"))
    graph.checkpointer.prune(["1"], strategy="keep_latest")
    history = lgviz.history(graph, "1")
    assert len(history) == 1
    for one in history.blame():
        assert (one.set_by, one.node, one.first) == (None, None, None)
        assert one.told == "older than what the history keeps"
    graph.update_state(history.latest.config, {"seen": ["z"]}, as_node="act")
    history.refresh()
    told = [one.told for one in history.blame("seen")]
    assert told == ["older than what the history keeps"] * 2 + [f"set by {history.latest.label}"]


@pytest.mark.parametrize("node", ["act", "__input__", "__copy__"])
def test_an_update_an_input_and_a_copy_that_are_left_alone_set_nothing(node: str) -> None:
    graph = acted([("plan", {"seen": ["x"]}), ("act", {"seen": ["y"]})], persistence.MemorySaver())
    graph.update_state(config(), None if node == "__copy__" else {"seen": ["z"]}, as_node=node)
    graph.checkpointer.prune(["1"], strategy="keep_latest")
    history = lgviz.history(graph, "1")
    (left,) = history
    assert left.collapsed and not left.writes
    assert {one.told for one in history.blame()} == {"older than what the history keeps"}
    if node == "__input__":
        assert lgviz.replay(graph, graph)["1"].verdict == "unknown"


def test_what_a_first_update_did_not_write_it_did_not_set() -> None:
    graph = acted([], persistence.MemorySaver())
    graph.update_state(config("new"), {"seen": ["x"]}, as_node="act")
    history = lgviz.history(graph, "new")
    (seen,) = history.blame("seen")
    assert (seen.node, {one.node for one in history.blame() if one.path[0] != "seen"}) == ("act", {None})
    assert (
        history.why(0).note == "c0 is an update of an empty thread as `act`, made from outside: no task ran."
    )


@pytest.mark.parametrize("with_graph", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_pruned_delta_channels(seed: int, with_graph: bool) -> None:
    """A channel whose value is stored now and then lacks at first what was pruned; that is no change."""
    graph, _ = delta_forks.drive(saver := persistence.MemorySaver(), seed, ["invoke", "update"], exits=False)
    what = graph if with_graph else saver
    before = {one.path: one.told for one in lgviz.history(what, "1").blame("log")}
    saver.prune(["1"], strategy="keep_latest")
    for one in lgviz.history(what, "1").blame("log"):
        assert (
            one.set_by is None or one.note or one.told.partition(",")[0] == before[one.path].partition(",")[0]
        )


def test_several_tasks_at_once() -> None:
    """Of parallel tasks the one that wrote a part is named; where that is not certain, none."""

    class Found(TypedDict):
        found: Annotated[list[str], operator.add]
        total: Annotated[int, operator.add]

    builder = StateGraph(Found)
    for name in ("left", "right"):
        builder.add_node(name, lambda _, name=name: {"found": [f"by {name}", "both"], "total": 1})
        builder.add_edge(START, name)
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"found": ["given"]}, config())
    blame = lgviz.history(graph, "1").blame()
    assert [(one.where, one.node, one.nodes) for one in blame] == [
        ("found[0]", "__start__", ("__start__",)),
        ("found[1]", "left", ("left",)),
        ("found[2]", None, ("left", "right")),
        ("found[3]", "right", ("right",)),
        ("found[4]", None, ("left", "right")),
        ("total", None, ("left", "right")),
    ]
    assert len({writer.task_id for writer in blame[5].writers}) == 2
    assert list(blame.frame()["node"])[:2] == ["__start__", "left"]


def test_of_several_that_wrote_one_message_the_one_whose_text_it_has() -> None:
    builder = StateGraph(Edited)
    for name, said in (("left", "no"), ("right", "yes"), ("third", "yes")):
        write = [AIMessage(said, id="answer"), AIMessage(name, id=name)]
        builder.add_node(name, lambda _, write=write: {"messages": write})
    builder.add_conditional_edges(START, lambda state: [each.content for each in state["messages"]])
    graph = builder.compile(checkpointer=InMemorySaver())
    for thread, names in (("two", ["left", "right"]), ("three", ["left", "right", "third"])):
        graph.invoke({"messages": [HumanMessage(name) for name in names]}, config(thread))
    one, both = (lgviz.history(graph, name).blame(("messages", "answer"))[0] for name in ("two", "three"))
    assert (one.node, both.nodes) == ("right", ("right", "third"))


def test_an_update_past_a_reducer_and_a_fork() -> None:
    """Blame goes along the branch of the checkpoint that is asked about."""
    graph = acted([("plan", {"seen": ["x"]}), ("act", {"seen": ["y"]})], InMemorySaver())
    lgviz.fork(graph, lgviz.history(graph, "1")["c2"], {"seen": lgviz.Set(["x", "other"])}, as_node="act")
    history = lgviz.history(graph, "1")
    assert [one.told for one in history.blame("seen")] == ["set by c2 · plan", "set by c4 · act"]
    assert [one.told for one in history.blame("seen", "c3")] == ["set by c2 · plan", "set by c3 · act"]


def test_lines_of_a_text() -> None:
    """Lines are followed as items are; a text of which no line is older than another is one part."""
    text = "one\ntwo\nthree"
    steps: list[Step] = [
        ("plan", {"files": {"a": text, "b": text}}),
        ("act", {"files": {"a": "zero\none\nTWO\nthree"}}),
    ]
    blame = lgviz.history(acted(steps, InMemorySaver()), "1").blame("files")
    assert [(one.where, one.value, one.told) for one in blame] == [
        ("files.a line 1", "zero", "set by c3 · act"),
        ("files.a line 2", "one", "set by c2 · plan"),
        ("files.a line 3", "TWO", "set by c3 · act, there since c2"),
        ("files.a line 4", "three", "set by c2 · plan"),
        ("files.b", text, "set by c2 · plan"),
    ]


def test_states_are_not_loaded_where_writes_explain_them(tmp_path: Path) -> None:
    steps: list[Step] = [("plan", {"messages": [AIMessage(f"{n}", id=f"m{n}")]}) for n in range(40)]
    graph = acted(steps, SqliteSaver(sqlite3.connect(tmp_path / "a.db", check_same_thread=False)))
    history = lgviz.history(graph, "1")
    past = ChannelPast(history.reader, history.tree.rows[history.latest.row], "messages")
    assert past.marks().child(20).at == 21
    assert past.loaded <= 4


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("mesages", "The state at c3 has no \"mesages\". It has 'messages', 'files', 'items' and 'seen'."),
        ("seen[7]", "seen at c3 has no 7. Its items run from 0 to 1."),
        (("items", "x"), 'items at c3 has no "x". Its items run from 0 to 0.'),
        (([1],), "The state at c3 has no [1]. It has 'messages', 'files', 'items' and 'seen'."),
        (5, '5 is no path. Name a channel, or a path such as ("messages", "a1").'),
    ],
)
def test_a_path_that_never_was(path: Any, said: str) -> None:
    graph = acted([("plan", {"seen": ["x"]}), ("act", {"seen": ["y"], "items": ["new"]})], InMemorySaver())
    with pytest.raises((PartNotFound, InvalidValue)) as told:
        lgviz.history(graph, "1").blame(path)
    assert str(told.value) == said


@pytest.mark.parametrize(
    ("path", "there"),
    [("items[", "["), ("items[0", "[0"), ("items[0]x", "x"), ("items[]", "[]"), ("items..x", "..x"),
     ("items.", "."), ("messages#", "#"), ('items["a]', '[\\"a]'), ("[0]", "[0]"), ("", "")],
)  # fmt: skip
def test_a_path_that_breaks_off_is_refused(path: str, there: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        lgviz.history(acted([("plan", {"items": ["x"]})], InMemorySaver()), "1").blame(path)
    assert refused.value.cause.endswith(f'is no path from "{there}" on.')
    assert "messages#a1" in refused.value.remedy


def test_a_path_names_a_part() -> None:
    graph = acted(
        [("plan", {"messages": [AIMessage("old", id="a1")]}), ("act", {"seen": ["y", "z"]})], InMemorySaver()
    )
    history = lgviz.history(graph, "1")
    for path in ("messages#a1", ("messages", "a1"), "messages[1]", ("messages", -1)):
        (one,) = history.blame(path)
        assert (one.path, one.told) == (("messages", "a1"), "set by c2 · plan")
    with pytest.raises(CheckpointNotFound, match="c99"):
        history.blame("messages", at="c99")
    assert str(history.blame("seen")).splitlines() == [
        "Blame of seen at c3: 2 parts",
        'c3  act  seen[0]  "y"',
        'c3  act  seen[1]  "z"',
    ]
    assert "<td>seen[0]</td>" in history.blame("seen")._repr_html_()


def test_runs_that_store_only_their_end() -> None:
    """What a step set that is not stored, the checkpoint after it is named for, and no node."""
    graph = two_nodes.build(InMemorySaver())
    for turn in ("one", "two"):
        graph.invoke({"foo": turn, "bar": [turn]}, config(), durability="exit")
    blame = lgviz.history(graph, "1").blame("bar")
    assert [one.told for one in blame] == [
        *["older than what the history keeps"] * 3,
        *["set by c1 (by a step before it that is not stored)"] * 3,
    ]


@pytest.mark.parametrize("saver", [LangGraphPostgres, persistence.PostgresSaver], ids=["langgraph", "lgviz"])
def test_postgresql(saver: Any, postgres_uri: Callable[[], str]) -> None:
    uri = postgres_uri()
    steps: list[Step] = [
        ("plan", {"messages": [AIMessage("old", id="a1")], "items": ["a", "b"]}),
        ("act", {"messages": [AIMessage("new", id="a1"), HumanMessage("more")], "items": ["b", "c", "a"]}),
        ("act", {"items": ["c", "a", "d"]}),
    ]
    with saver.from_conn_string(uri) as opened:
        opened.setup()
        graph = acted(steps, opened)
        for source in (graph, uri):
            history = lgviz.history(source, "1")
            assert told_by_blame(history.blame("messages")) == by_brute_force(list(history), messages_of)
            told = {one.value: one.told for one in history.blame("items")}
            assert told == {"a": "set by c2 · plan", "c": "set by c3 · act", "d": "set by c4 · act"}


@pytest.mark.parametrize("kind", SAVERS)
def test_what_an_entrypoint_returned_was_set_when_it_did(kind: str, tmp_path: Path) -> None:
    @entrypoint(checkpointer=SAVERS[kind](tmp_path / "threads.db"))
    def work(city: str, *, previous: Any = None) -> dict[str, Any]:
        return {"city": city, "before": (previous or {}).get("city"), "kind": "trip"}

    for city in ("Rome", "Braga"):
        work.invoke(city, config("1"))
    history = lgviz.history(work, "1")
    told = {one.path: (one.set_by and one.set_by.label, one.first and one.first.label, one.node)
            for one in history.blame()}  # fmt: skip
    assert told == {
        ("city",): ("c3", "c1", "work"),
        ("before",): ("c3", "c1", "work"),
        ("kind",): ("c1", "c1", "work"),
    }
    assert [one.set_by for one in history.blame([], "c1")] == [history["c1"]] * 3
