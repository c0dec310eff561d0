"""Forks that LangGraph before 1.2.13 wrote into the branch that they left: lgviz's savers keep the two apart, and of
a file that LangGraph's savers filled so is shown what it tells, and said what it does not."""

from __future__ import annotations

import asyncio
import html
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver as LangGraphMemory
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqlite

import lgviz
from lgviz.analysis.search import search
from lgviz.errors import ActRefused
from lgviz.export.html import static_html
from lgviz.persistence.savers.branches import DROPPED, LOST, MIXED
from lgviz.sources.deltas import DeltaHistories
from lgviz.transfer import migrate
from tests.support import delta_forks as forks
from tests.support.savers import ALL, call, run
from tests.support.view import View

CONFIG = forks.CONFIG
FIRST = ["1", "a1", "b2", "c4", "f5"]
SECOND = [*FIRST, "2", "a7", "b8", "c10", "f11"]
LANGGRAPHS: dict[str, Callable[[], Any]] = {
    "memory": LangGraphMemory,
    "sqlite": lambda: LangGraphSqlite(sqlite3.connect(":memory:", check_same_thread=False)),
}
theirs = pytest.mark.parametrize("kind", LANGGRAPHS)
every = pytest.mark.parametrize("kind", ALL)


def two_runs(saver: Any) -> tuple[Any, Any, Any]:
    """A graph, and the configs after its first and its second run."""
    graph = forks.build(saver, tag=forks._safe())
    run(graph, saver, "invoke", forks.both("1"), CONFIG, durability="sync")
    base = run(graph, saver, "get_state", CONFIG).config
    run(graph, saver, "invoke", forks.both("2"), CONFIG, durability="sync")
    return graph, base, run(graph, saver, "get_state", CONFIG).config


def updated(saver: Any, at: Any, text: str, task_id: str | None = None) -> Any:
    if not hasattr(saver, "__aenter__"):
        return forks.update_as_of_old(saver, at, text, task_id)

    class Sync:
        """The saver's methods, each on its loop."""

        get_next_version = saver.get_next_version

        def __getattr__(self, name: str) -> Any:
            return lambda *args: call(saver, name, *args)

    return forks.update_as_of_old(Sync(), at, text, task_id)


def log(graph: Any, saver: Any, at: Any) -> list[str]:
    values = run(graph, saver, "get_state", at).values
    assert sorted(values["plain"]) == sorted(values["log"])
    return list(values["log"])


# -- lgviz's savers


@every
def test_savers_keep_a_fork_apart_from_the_branch_that_it_leaves(kind: str, make_saver: Any) -> None:
    saver = make_saver(kind)
    graph, base, second = two_runs(saver)
    fork = updated(saver, base, "edit")
    other = updated(saver, base, "other")
    again = updated(saver, fork, "more")
    for at, expected in (
        (base, FIRST),
        (second, SECOND),
        (fork, [*FIRST, "edit"]),
        (other, [*FIRST, "other"]),
        (again, [*FIRST, "edit", "more"]),
    ):
        assert run(graph, saver, "get_state", at).values["plain"] == log(graph, saver, at)
        assert log(graph, saver, at)[: len(FIRST)] == FIRST
        assert sorted(log(graph, saver, at)) == sorted(expected)
    assert call(saver, "check") == []
    call(saver, "copy_thread", "1", "2")
    for at, expected in ((fork, "edit"), (other, "other")):
        there = {"configurable": {**at["configurable"], "thread_id": "2"}}
        assert log(graph, saver, there) == [*FIRST, expected]


@every
def test_savers_keep_an_update_with_the_id_of_a_task_that_ran(kind: str, make_saver: Any) -> None:
    saver = make_saver(kind)
    graph, _, second = two_runs(saver)
    history = run(graph, saver, "get_state_history", CONFIG)
    waited = [state for state in history if state.next == ("a",)][-1]
    fork = updated(saver, waited.config, "edit", waited.tasks[0].id)
    assert log(graph, saver, fork) == ["1", "edit"]
    assert log(graph, saver, second)[:2] == ["1", "a1"]
    found = call(saver, "get_tuple", waited.config)
    assert [value for _, channel, value in found.pending_writes if channel == "log"] == [
        ["a1"]
    ]  # as LangGraph does


def test_a_migrated_thread_keeps_its_branches_apart(make_saver: Any) -> None:
    saver, target = make_saver("sqlite"), make_saver("memory")
    graph, base, second = two_runs(saver)
    waited = [state for state in graph.get_state_history(CONFIG) if state.next == ("a",)][-1]
    edits = [updated(saver, base, "edit"), updated(saver, base, "other")]
    again = updated(saver, waited.config, "again", waited.tasks[0].id)
    for _ in range(2):  # once more changes nothing
        migrate(saver, target, progress=False)
        copied = forks.build(target)
        for at, expected in zip(edits, ("edit", "other"), strict=True):
            assert log(copied, target, at) == [*FIRST, expected]
        assert log(copied, target, again) == ["1", "again"]
        assert log(copied, target, second) == log(graph, saver, second)
        assert target.check() == []


def test_the_histories_of_such_a_saver_agree(make_saver: Any) -> None:
    saver = make_saver("sqlite")
    graph, base, _ = two_runs(saver)
    updated(saver, base, "edit")
    updated(saver, base, "other")
    for checkpoint in lgviz.history(graph, thread_id="1"):
        assert checkpoint.values.get("log", []) == checkpoint.values.get("plain", []), checkpoint
        assert checkpoint.doubts == {}


# -- what LangGraph's savers hold


@theirs
def test_a_mixed_fork_is_told_apart_by_the_ids_of_its_writes(kind: str) -> None:
    saver = LANGGRAPHS[kind]()
    graph, base, second = two_runs(saver)
    fork = updated(saver, base, "edit")
    assert (
        graph.get_state(second).values["log"] != graph.get_state(second).values["plain"]
    )  # LangGraph's answer
    history = lgviz.history(graph, thread_id="1")
    for at, last in ((second, "f11"), (fork, "edit"), (base, "f5")):
        checkpoint = history[at["configurable"]["checkpoint_id"]]
        assert checkpoint.values["log"] == checkpoint.values["plain"]
        assert checkpoint.values["log"][-1] == last
        assert checkpoint.doubts == {}


@theirs
def test_of_two_updates_the_second_was_not_stored(kind: str) -> None:
    saver = LANGGRAPHS[kind]()
    graph, base, _ = two_runs(saver)
    one, two = updated(saver, base, "x"), updated(saver, base, "y")
    history = lgviz.history(graph, thread_id="1")
    first, second = (history[at["configurable"]["checkpoint_id"]] for at in (one, two))
    assert (first.values["log"], first.doubts) == ([*FIRST, "x"], {})
    assert (second.values["log"], second.doubts) == (FIRST, {"log": LOST})


@theirs
def test_an_update_with_the_id_of_a_task_that_ran_is_not_certain(kind: str) -> None:
    saver = LANGGRAPHS[kind]()
    graph, _, _ = two_runs(saver)
    waited = [state for state in graph.get_state_history(CONFIG) if state.next == ("a",)][-1]
    fork = updated(saver, waited.config, "edit", waited.tasks[0].id)
    after = updated(saver, fork, "more")
    history = lgviz.history(graph, thread_id="1")
    for at in (fork, after):
        assert history[at["configurable"]["checkpoint_id"]].doubts == {"log": MIXED}
    assert [c.label for c in history if c.doubts] == ["c10", "c11"]


@theirs
def test_an_update_that_changed_a_channel_without_a_write_to_it_is_not_certain(kind: str) -> None:
    saver = LANGGRAPHS[kind]()
    graph, base, _ = two_runs(saver)
    put_writes = saver.put_writes
    saver.put_writes = lambda *_: None  # of two updates with one id, LangGraph's savers keep the first
    fork = updated(saver, base, "x")
    saver.put_writes = put_writes
    after = updated(saver, fork, "y")
    history = lgviz.history(graph, thread_id="1")
    for at, found in ((fork, FIRST), (after, [*FIRST, "y"])):
        checkpoint = history[at["configurable"]["checkpoint_id"]]
        assert (checkpoint.values["log"], checkpoint.doubts) == (found, {"log": DROPPED})
    made = lgviz.fork(graph, after, forks.both("z"), as_node="f", thread_id="1")  # LangGraph reads it so too
    assert made.values["log"] == graph.get_state(made.config).values["log"] == [*FIRST, "y", "z"]


def test_a_thread_without_such_forks_has_no_doubts() -> None:
    for made in forks.FORKS.values():
        for checkpoint in lgviz.history(made(LangGraphMemory()), thread_id="1"):
            assert checkpoint.doubts == {}
            assert checkpoint.values.get("log", []) == checkpoint.values.get("plain", [])


def test_the_file_alone_is_told_apart_too(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    saver = LangGraphSqlite(sqlite3.connect(path, check_same_thread=False))
    _, base, second = two_runs(saver)
    fork = updated(saver, base, "edit")
    saver.conn.close()
    source = lgviz.open_source(path)
    rows = source.index("1").checkpoints
    parents = {row.id: row.parent_id for row in rows}

    def children(namespace: str, id_: str) -> list[tuple[str, str]]:
        return [(row.id, row.metadata["source"]) for row in rows if row.parent_id == id_]

    def ancestors(id_: str | None) -> Any:
        while (id_ := parents[id_]) is not None:
            yield id_

    for at, last in ((fork, "edit"), (second, "f11")):
        id_ = at["configurable"]["checkpoint_id"]
        found = DeltaHistories(source, "1", children).collect("", ancestors(id_), ["log"], id_)["log"]
        written = [item for _, writes in found.steps for write in writes for item in write.value]
        assert written[-1] == last and ("edit" in written) is (last == "edit")
    source.close()


# -- the file by path: lgviz rebuilds the values without the graph


def damaged(path: Path) -> dict[str, str]:
    """A file of LangGraph's saver in which updates of two checkpoints are mixed into other branches: the ids of the
    checkpoints by what they are."""
    saver = LangGraphSqlite(sqlite3.connect(path, check_same_thread=False))
    graph, base, second = two_runs(saver)
    waited = [state for state in graph.get_state_history(CONFIG) if state.next == ("a",)][-1]
    made = {
        "base": base,
        "second": second,
        "fork": updated(saver, base, "edit"),
        "lost": updated(saver, base, "other"),
        "unsure": updated(saver, waited.config, "taken", waited.tasks[0].id),
    }
    saver.conn.close()
    return {name: config["configurable"]["checkpoint_id"] for name, config in made.items()}


def test_the_values_of_a_file_are_right_or_marked(tmp_path: Path) -> None:
    ids = damaged(path := tmp_path / "a.db")
    history = lgviz.history(path, thread_id="1")
    for name, expected in (("base", FIRST), ("fork", [*FIRST, "edit"])):
        assert history[ids[name]].values["log"] == expected
    for checkpoint in history:
        log, plain = checkpoint.values.get("log", []), checkpoint.values.get("plain", [])
        assert log == plain or checkpoint.doubts, checkpoint
    second = history[ids["second"]]
    assert second.values["log"] == second.values["plain"] and second.doubts == {}
    for name, why in (("lost", LOST), ("unsure", MIXED)):
        checkpoint = history[ids[name]]
        assert checkpoint.doubts == {"log": why}
        assert checkpoint.values["log"].reason == why
        assert checkpoint.rebuilt == {"log": "kept as writes; open it with the graph"}


def test_a_search_finds_what_was_written_in_the_branch_where_it_was(tmp_path: Path) -> None:
    ids = damaged(path := tmp_path / "a.db")
    history = lgviz.history(path, thread_id="1")
    for text in ("edit", "b2", "b8", "f11"):
        hits = {hit.id for hit in search(history, text) if hit.where.startswith("log")}
        plainly = {hit.id for hit in search(history, text) if hit.where.startswith("plain")}
        assert hits == plainly, text
    assert {hit.id for hit in search(history, "edit") if hit.where.startswith("log")} == {ids["fork"]}


# -- where it is shown


@pytest.mark.parametrize("given", ["graph", "file"])
def test_each_view_says_what_is_not_certain(given: str, tmp_path: Path) -> None:
    ids = damaged(path := tmp_path / "a.db")
    target: Any = path
    if given == "graph":
        target = forks.build(LangGraphSqlite(sqlite3.connect(path, check_same_thread=False)))
    history = lgviz.history(target, thread_id="1")
    view = View(target, "1")
    for name, why in (("lost", LOST), ("unsure", MIXED), ("fork", None)):
        at = ids[name]
        channels = view.ask("checkpoint_get", checkpoint=at)["channels"]
        notes = {channel["name"]: channel["reducer"] for channel in channels}
        noted = [notes["log"]]
        for pair in ({"before": ids["base"], "after": at}, {"before": at, "after": ids["second"]}):
            changes = view.ask("diff_get", internal=False, **pair)["channels"]
            noted += [change["reducer"] for change in changes if change["channel"] == "log"]
        assert len(noted) > (name != "lost" or given == "file")
        page = str(static_html(history, selected=at))
        if why is None:
            assert not {LOST, MIXED} & set(noted) and LOST not in page and MIXED not in page
        else:
            assert set(noted) == {why} and why in html.unescape(page)
    view.close()


# -- what starts there


def forked(graph: Any, at: Any, values: Any) -> Any:
    return lgviz.fork(graph, at, values, as_node="f")


def aforked(graph: Any, at: Any, values: Any) -> Any:
    return asyncio.run(lgviz.afork(graph, at, values, as_node="f"))


@pytest.mark.parametrize("fork", [forked, aforked])
def test_nothing_starts_from_what_another_branch_wrote(fork: Any, tmp_path: Path) -> None:
    ids = damaged(path := tmp_path / "a.db")
    graph = forks.build(LangGraphSqlite(sqlite3.connect(path, check_same_thread=False)))
    history = lgviz.history(graph, thread_id="1")
    rows = len(history)
    for name in ("second", "lost", "unsure"):
        at, edit = history[ids[name]], {"plain": ["new"]}
        with pytest.raises(ActRefused, match="counts what another branch wrote to 'log' here") as refused:
            fork(graph, at, edit)
        assert "{'log': lgviz.Set(...)}" in str(refused.value)
        for options in ({"input": forks.both("3")}, {"input": forks.both("3"), "sandbox": True}):
            with pytest.raises(ActRefused, match="another branch"):
                lgviz.run(graph, ids[name], thread_id="1", **options)
        assert "This fork is refused" in lgviz.preview(graph, at, edit, as_node="f").warnings[-1]
    history.refresh()
    assert len(history) == rows  # nothing was written
    plain = history[ids["second"]].values["plain"]
    made = fork(graph, history[ids["second"]], {"log": lgviz.Set(plain)})
    run_on = lgviz.run(graph, made, input=forks.both("3"))
    values = graph.get_state(run_on.checkpoint.config).values  # LangGraph's own reading, from here on
    assert values["log"] == values["plain"] and values["log"][: len(plain)] == plain


def test_where_nothing_is_mixed_acts_go_on(tmp_path: Path) -> None:
    ids = damaged(path := tmp_path / "a.db")
    graph = forks.build(LangGraphSqlite(sqlite3.connect(path, check_same_thread=False)))
    for name in ("base", "fork"):
        before = lgviz.history(graph, thread_id="1")[ids[name]].values["log"]
        for options in ({"values": forks.both("new")}, {"values": None}):
            made = lgviz.fork(graph, ids[name], as_node="f", thread_id="1", **options)
            added = ["new"] if options["values"] else []
            assert made.values["log"] == graph.get_state(made.config).values["log"] == [*before, *added]
