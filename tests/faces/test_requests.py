"""Every request of a view, answered from the demos' real histories: valid JSON of bounded size, never an error."""

from __future__ import annotations

import gc
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

import lgviz
from lgviz.demos import DEMOS
from tests.support.view import View, fork, run

Ask = Callable[..., Any]


@pytest.fixture
def saver(tmp_path: Path) -> Iterator[SqliteSaver]:
    connection = sqlite3.connect(tmp_path / "demo.db", check_same_thread=False)
    yield SqliteSaver(connection)
    connection.close()


@pytest.fixture
def view(saver: SqliteSaver, request: pytest.FixtureRequest) -> Iterator[View]:
    demo = DEMOS[getattr(request, "param", "two_nodes")]
    graph = demo.build(saver)
    demo.seed(graph, thread_id="1")
    view = View(graph, "1", name="graph")
    yield view
    view.close()


@pytest.mark.parametrize("view", list(DEMOS), indirect=True)
def test_every_checkpoint_of_every_demo_can_be_read(view: View) -> None:
    opened = view.ask("thread_open", thread_id="1")
    ids = opened["tree"]["ids"]
    assert opened["tree"]["count"] == len(ids) > 4
    assert opened["topology"]["nodes"]
    for checkpoint in ids:
        seen = view.ask("checkpoint_get", checkpoint=checkpoint)
        assert seen["id"] == checkpoint
        for name in ("writes_get", "tasks_get", "why_get", "narration_get", "raw_get", "fork_form"):
            view.ask(name, checkpoint=checkpoint)
        view.ask("diff_get", before=None, after=checkpoint, internal=True)
        view.ask("code_get", act="select", checkpoint=checkpoint)
    assert len(view.ask("rows_marks", checkpoints=ids)) == len(ids)


def test_a_debugger_answers_its_front_end_by_the_same_requests(saver: SqliteSaver) -> None:
    graph = DEMOS["two_nodes"].build(saver)
    DEMOS["two_nodes"].seed(graph, thread_id="1")
    debugger = lgviz.debug(graph, "1")
    view = View(debugger)
    opened = view.ask("thread_open", thread_id="1")
    assert debugger.selected in opened["tree"]["ids"]
    assert view.ask("checkpoint_get", checkpoint=debugger.selected)["id"] == debugger.selected
    debugger.close()


def test_a_fork_is_what_its_preview_said(view: View) -> None:
    ids = view.ask("thread_open", thread_id="1")["tree"]["ids"]
    request = fork(ids[2], {"foo": "x", "bar": ["y"]}, "node_a", note="why")
    preview = view.ask("fork_preview", **request)
    view.ask("thread_refresh")
    assert not view.events, "a preview writes nothing"
    made = view.ask("fork_commit", **request)
    assert made["next"] == preview["next"] == ["node_b"]
    assert {c["channel"] for c in preview["diff"]["channels"]} == {"foo", "bar"}
    assert view.events[-1][0] == "tree"
    assert view.ask("checkpoint_get", checkpoint=made["id"])["note"] == "why"
    assert view.ask("run_start", **run(made["id"]))["status"] == "done"
    assert [body["status"] for name, body in view.events if name == "run"][-1] == "done"


def test_search_streams_and_can_be_cancelled(view: View) -> None:
    view.ask("thread_open", thread_id="1")
    found = view.ask("search", query="edit")
    hits = [hit for part in [*view.progress, found] for hit in part["hits"]]
    assert {"edit"} <= {hit["match"] for hit in hits}
    number = view.send("search", query="a")
    view.backend.receive({"cancel": number})
    reply = view.reply(number)
    assert "result" in reply or reply["error"]["code"] == "cancelled"


@pytest.mark.parametrize(
    ("method", "params", "words"),
    [
        ("thread_open", {"thread_id": "nowhere"}, "no thread 'nowhere'"),
        ("checkpoint_get", {"checkpoint": "1ef0"}, "no checkpoint '1ef0'"),
        ("no_such_method", {}, "does not know"),
    ],
)
def test_what_does_not_exist_is_said(view: View, method: str, params: dict[str, Any], words: str) -> None:
    assert words in view.refused(method, **params)["cause"]


def test_refused_forks_write_nothing(view: View) -> None:
    ids = view.ask("thread_open", thread_id="1")["tree"]["ids"]
    broken = fork(ids[2], {}, "node_a")
    broken["values"] = {"foo": {"mode": "append", "text": '"open'}}
    assert "no valid JSON" in view.refused("fork_commit", **broken)["cause"]
    assert "'nope'" in view.refused("fork_commit", **fork(ids[2], {"nope": 1}, "node_a"))["cause"]
    assert view.refused("fork_commit", **fork(ids[2], {"foo": 1}, "nobody"))["remedy"]
    assert view.refused("run_start", **run(ids[3]))["cause"].startswith("Nothing comes next")
    assert view.ask("thread_refresh")["count"] == len(ids)


def test_a_file_reads_but_does_not_fork(saver: SqliteSaver, tmp_path: Path) -> None:
    DEMOS["two_nodes"].seed(DEMOS["two_nodes"].build(saver), thread_id="1")
    view = View(tmp_path / "demo.db")
    opened = view.ask("thread_open", thread_id=None)
    assert opened["read_only"]
    failure = view.refused("fork_commit", **fork(opened["tree"]["ids"][2], {"foo": 1}))
    assert failure["code"] == "refused"
    assert "graph" in failure["remedy"]
    view.close()


def test_a_thread_deleted_meanwhile_is_said(view: View, saver: SqliteSaver) -> None:
    view.ask("thread_open", thread_id="1")
    saver.delete_thread("1")
    assert "deleted meanwhile" in view.refused("thread_refresh")["cause"]


def test_copied_code_does_what_the_click_did(view: View, saver: SqliteSaver) -> None:
    ids = view.ask("thread_open", thread_id="1")["tree"]["ids"]
    graph = DEMOS["two_nodes"].build(saver)
    request = fork(ids[2], {"foo": "x", "bar": ["it's", None, True]}, "node_a", note='"why"')
    code = view.ask("code_get", act="fork", checkpoint=ids[2], fork=request)["code"]
    scope: dict[str, Any] = {"graph": graph}
    exec(code.replace("lgviz.fork", "made = lgviz.fork"), scope)
    assert scope["made"].values == {"foo": "x", "bar": ["a", "it's", None, True]}
    assert scope["made"].note == '"why"'
    for act in ({"act": "diff", "other": ids[1]}, {"act": "run", "run": run(ids[2])}, {"act": "select"}):
        exec(
            view.ask("code_get", checkpoint=ids[3] if act["act"] == "diff" else ids[2], **act)["code"], scope
        )


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted in /proc")
def test_closed_debuggers_leave_nothing(saver: SqliteSaver, tmp_path: Path) -> None:
    graph = DEMOS["two_nodes"].build(saver)
    DEMOS["two_nodes"].seed(graph, thread_id="1")

    def use() -> None:
        for what in (graph, tmp_path / "demo.db"):
            debugger = lgviz.debug(what, "1")
            view = View(what, "1")
            ids = view.ask("thread_open", thread_id="1")["tree"]["ids"]
            view.ask("checkpoint_get", checkpoint=ids[2])
            view.ask("search", query="a")
            if what is graph:
                view.ask("fork_preview", **fork(ids[2], {"foo": "x"}, "node_a"))
                view.ask("run_start", **run(ids[2]))
            debugger._repr_mimebundle_()
            view.close()
            debugger.close()

    known = set(threading.enumerate())

    def held() -> tuple[int, int]:
        """Threads begun since, once those told to end had the time to; open files."""
        begun = [thread for thread in threading.enumerate() if thread not in known]
        for thread in begun:
            thread.join(10)
        gc.collect()  # what tests before left open must not end between two counts
        return sum(thread.is_alive() for thread in begun), len(list(Path("/proc/self/fd").iterdir()))

    use()
    before = held()
    for _ in range(10):
        use()
    assert held() == before
    assert before[0] == 0


def test_a_thread_is_opened_by_assignment(saver: SqliteSaver) -> None:
    graph = DEMOS["two_nodes"].build(saver)
    for thread in ("1", "2"):
        DEMOS["two_nodes"].seed(graph, thread_id=thread)
    debugger = lgviz.debug(graph, "1")
    debugger.selected = debugger.compared = "c1"
    debugger.thread_id = "2"
    assert debugger.history is not None and debugger.history.thread_id == "2"
    assert debugger.selected == debugger.history.latest.id and debugger.compared is None
    with pytest.raises(lgviz.errors.ThreadNotFound, match="nowhere"):
        debugger.thread_id = "nowhere"
    assert debugger.thread_id == debugger.history.thread_id == "2"
    debugger.close()
    for thread in (1, 99):
        opened = lgviz.debug(graph, thread)  # type: ignore[arg-type]
        assert opened.thread_id == str(thread)
        opened.close()
