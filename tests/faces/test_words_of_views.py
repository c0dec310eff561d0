"""What views say of threads made by hand: times, durations, statuses, marks, pages, warnings, errors."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.base.id import UUID, uuid6
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Interrupt

import lgviz
from lgviz import session
from lgviz.analysis.history import open_history
from lgviz.analysis.tree import Flag
from lgviz.backend.dispatch import Dispatcher, RequestCall
from lgviz.backend.open_thread import tree_batch
from lgviz.errors import LgvizError, NothingToRun, SourceError, ThreadNotFound
from lgviz.export.text import tree_text
from lgviz.persistence import MemorySaver
from tests.support.graphs import CONFIG, Log, asking, before, chain, commanding, noting, parallel
from tests.support.view import View, fork, run

NOON = dt.datetime(2024, 5, 6, 12, 0, 0, tzinfo=dt.UTC).timestamp()
GREGORIAN = 0x01B21DD213814000
"""Hundreds of nanoseconds between the epochs of UUIDs and of Unix."""


def id_at(seconds: float) -> str:
    """A checkpoint id of a moment, in seconds since the epoch."""
    ticks = round(seconds * 10_000_000) + GREGORIAN
    high, middle, low = ticks >> 28, (ticks >> 12) & 0xFFFF, ticks & 0xFFF
    return str(UUID(fields=(high, middle, 0x6000 | low, 0x80, 0, 1)))


class Thread:
    """Puts checkpoints at given moments; every one the child of the one before, unless another is named."""

    def __init__(self, saver: Any, thread_id: str = "1") -> None:
        self.saver = saver
        self.place: Any = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
        self.count = 0

    def put(self, seconds: float, **metadata: Any) -> Any:
        held = {"n": self.count}
        checkpoint = {**empty_checkpoint(), "id": id_at(NOON + seconds), "channel_values": held}
        checkpoint |= {"channel_versions": {"n": self.count + 1}, "versions_seen": {}}
        said = {"source": "loop", "step": self.count - 1, "parents": {}, **metadata}
        self.place = self.saver.put(self.place, checkpoint, said, {"n": self.count + 1})
        self.count += 1
        return self.place


@pytest.fixture
def opened() -> Iterator[Callable[..., View]]:
    """Opens a view on a graph or a saver, at thread 1."""
    views: list[View] = []

    def open_view(what: Any) -> View:
        views.append(View(what, "1", name="graph"))
        return views[-1]

    yield open_view
    for view in views:
        view.close()


def test_ids_of_a_moment_tell_it() -> None:
    now = UUID(str(uuid6()))
    assert id_at(NOON) < id_at(NOON + 1) < str(now)
    saver = MemorySaver()
    Thread(saver).put(0.25)
    assert lgviz.history(saver, thread_id="1")["c0"].time == pytest.approx(NOON + 0.25, abs=0.001)


def test_times_and_durations_are_in_milliseconds(opened: Callable[..., View]) -> None:
    saver = MemorySaver()
    thread = Thread(saver)
    thread.put(0, source="input")
    thread.put(1.5)
    thread.put(1.25)  # a clock that went back
    view = opened(saver)
    body = view.ask("thread_open", thread_id="1")
    first, later, back = (view.ask("checkpoint_get", checkpoint=id_) for id_ in body["tree"]["ids"])
    assert later["duration"] == pytest.approx(1500, abs=1)
    assert first["duration"] is None and back["duration"] is None
    assert body["thread"]["updated_at"] == pytest.approx((NOON + 1.25) * 1000, abs=1)


def test_the_column_of_times_is_in_milliseconds() -> None:
    saver = MemorySaver()
    Thread(saver).put(2)
    call = RequestCall(0, lambda message, buffers: None)
    batch = tree_batch(call, open_history(saver, "1").tree, 0)
    times = array("d", call.buffers[batch["columns"]["time"]])
    assert list(times) == [pytest.approx((NOON + 2) * 1000, abs=1)]


def test_the_list_of_threads_pages_and_its_statuses_refresh(opened: Callable[..., View]) -> None:
    saver = MemorySaver()
    threads = {str(n): Thread(saver, str(n)) for n in range(1, 6)}
    for number, thread in threads.items():
        thread.put(int(number))
    view = opened(saver)
    ask: dict[str, Any] = {"query": "", "after": None, "limit": 2}
    pages: list[Any] = []
    for _ in range(3):
        pages.append(view.ask("threads_list", **{**ask, "after": pages[-1]["after"] if pages else None}))
    assert [page["after"] is None for page in pages] == [False, False, True]
    assert [page["total"] for page in pages] == [5, 5, 5]
    assert [one["thread_id"] for page in pages for one in page["threads"]] == ["5", "4", "3", "2", "1"]
    last = pages[2]["threads"][0]
    assert (last["status"], last["count"]) == ("done", 1)
    assert abs(last["updated_at"] / 1000 - time.time()) < 3600, "in milliseconds, by when it was committed"
    place = threads["1"].put(10)
    saver.put_writes(place, [("__interrupt__", [Interrupt("really?", id="i")])], "task")
    found = {one["thread_id"]: one for one in view.ask("threads_list", **{**ask, "limit": 9})["threads"]}
    assert (found["1"]["status"], found["1"]["count"]) == ("interrupted", 2)
    assert found["2"]["status"] == "done"


def test_an_interrupt_is_shown_as_answered_once_it_is(opened: Callable[..., View]) -> None:
    graph = chain([("a", noting("a")), ("ask", asking("ask"))], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    view = opened(graph)
    asked = view.ask("thread_open", thread_id="1")["tree"]["ids"][-1]
    (waiting,) = view.ask("checkpoint_get", checkpoint=asked)["interrupts"]
    assert not waiting["answered"]
    graph.invoke(Command(resume="yes"), CONFIG)
    view.ask("thread_refresh")
    (answered,) = view.ask("checkpoint_get", checkpoint=asked)["interrupts"]
    assert answered["answered"]
    (task,) = view.ask("tasks_get", checkpoint=asked)
    assert [one["answered"] for one in task["interrupts"]] == [True]
    at = lgviz.history(graph, thread_id="1")[asked]
    assert len(at.interrupts) == 1 and at.waiting == () and Flag.ANSWERED in at.flags


def test_missing_steps_are_marked(opened: Callable[..., View]) -> None:
    saver = MemorySaver()
    thread = Thread(saver)
    thread.put(0, step=-1, source="input")
    thread.put(1, step=0)
    thread.put(2, step=3)
    view = opened(saver)
    ids = view.ask("thread_open", thread_id="1")["tree"]["ids"]
    told = [view.ask("checkpoint_get", checkpoint=id_)["collapsed"] for id_ in ids]
    assert told == [False, False, True]
    assert "[steps missing before]" in tree_text(lgviz.history(saver, thread_id="1").tree)


def test_a_search_gives_all_hits(opened: Callable[..., View]) -> None:
    saver = MemorySaver()
    thread = Thread(saver)
    for n in range(120):
        thread.put(n, lgviz_note="needle" if n % 2 else "straw")
    view = opened(saver)
    rest = view.ask("search", query="needle")["hits"]
    hits = [hit for part in view.progress for hit in part["hits"]] + rest
    assert len(hits) == len({hit["row"] for hit in hits}) == 60
    assert {hit["match"].lower() for hit in hits} == {"needle"}


def test_the_text_of_a_tree_counts_and_times_its_rows() -> None:
    saver = MemorySaver()
    thread = Thread(saver)
    for seconds in (0, 1.25, 60.25, 135.25):
        thread.put(seconds)
    tree = lgviz.history(saver, thread_id="1").tree
    lines = tree_text(tree).splitlines()
    clock = dt.datetime.fromtimestamp(NOON + 135.25).astimezone().strftime("%H:%M")
    assert [line.split("  ")[-1].strip() for line in lines[:1]] == [clock] or lines[0].endswith(clock)
    assert lines[1].endswith("+59.0 s") and lines[2].endswith(("+1.2 s", "+1.3 s"))
    cut = tree_text(tree, limit=3).splitlines()
    assert len(cut) == 4 and cut[-1] == "  … 1 older"


def test_a_goto_is_warned_of_only_where_nothing_runs_next(opened: Callable[..., View]) -> None:
    graph = commanding(InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    view = opened(graph)
    view.ask("thread_open", thread_id="1")
    at = before(graph, "choose").id
    plain = view.ask("fork_preview", **fork(at, {"log": ["x"]}, "choose"))
    assert plain["next"] == [] and "routes by Command" in plain["warnings"][0]
    gone = view.ask("fork_preview", **fork(at, {"log": ["x"]}, "choose", goto="right"))
    assert (gone["next"], gone["warnings"]) == (["right"], [])


def test_a_warning_of_a_goto_is_not_for_nodes_with_edges_besides() -> None:
    builder = StateGraph(Log)
    builder.add_node("choose", lambda state: Command(goto="left"), destinations=("left",))
    for name in ("left", "next"):
        builder.add_node(name, noting(name))
    builder.add_edge(START, "choose")
    builder.add_edge("choose", "next")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    preview = session.preview(graph, before(graph, "choose"), {"log": ["x"]}, as_node="choose")
    assert (preview.next, preview.warnings) == (("next",), [])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SourceError("The file is gone.", "Look for it."), "source"),
        (ThreadNotFound("No thread.", "Pick one."), "not_found"),
        (NothingToRun("It has ended."), "refused"),
        (KeyError("x"), "internal"),
    ],
)
def test_the_code_of_an_error(error: Exception, code: str, caplog: pytest.LogCaptureFixture) -> None:
    told: list[Any] = []
    heard = threading.Event()

    def fail(call: Any, params: Any) -> None:
        raise error

    def take(message: Any, buffers: list[bytes]) -> None:
        told.append(message)
        heard.set()

    dispatcher = Dispatcher({"m": ("read", fail)}, take)
    dispatcher.receive({"id": 1, "method": "m", "params": {}})
    assert heard.wait(20)
    dispatcher.close()
    assert told[0]["error"]["code"] == code
    if isinstance(error, LgvizError):
        assert (told[0]["error"]["cause"], told[0]["error"]["remedy"]) == (error.cause, error.remedy)


def test_what_comes_next_is_in_langgraphs_order_without_a_graph() -> None:
    saver = InMemorySaver()
    names = [("b", noting("b")), ("c", noting("c")), ("d", noting("d"))]
    graph = parallel(saver, *names)
    graph.invoke({"log": []}, CONFIG, interrupt_after=["before"])
    told = lgviz.history(saver, thread_id="1").latest.next
    assert told == tuple(graph.get_state(CONFIG).next) and len(told) == 3


def test_copied_code_names_the_node_that_was_chosen(opened: Callable[..., View]) -> None:
    graph = chain([("a", noting("a")), ("b", noting("b"))], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    view = opened(graph)
    at = view.ask("thread_open", thread_id="1")["tree"]["ids"][1]
    code = view.ask("code_get", act="fork", checkpoint=at, fork=fork(at, {"log": ["x"]}, "a"))["code"]
    assert "    as_node='a',\n" in code
    assert (
        "as_node" not in view.ask("code_get", act="fork", checkpoint=at, fork=fork(at, {"log": []}))["code"]
    )


def test_copied_code_gives_the_configurable_that_was_typed_and_no_other(opened: Callable[..., View]) -> None:
    graph = chain([("a", noting("a")), ("b", noting("b"))], InMemorySaver())
    graph.invoke({"log": []}, {"configurable": {"thread_id": "1", "user_id": "7"}})
    view = opened(graph)
    at = view.ask("thread_open", thread_id="1")["tree"]["ids"][1]
    assert json.loads(view.ask("fork_form", checkpoint=at)["configurable"]) == {"user_id": "7"}
    for typed, told in [
        ("{}", None),
        ("", None),
        (None, None),
        ('{"user_id": "7"}', None),
        ('{"user_id": "8"}', "config={'configurable': {'user_id': '8'}}"),
        ('{"user_id": "7", "n": null}', "config={'configurable': {'n': None}}"),
    ]:
        forked = fork(at, {"log": ["x"]}, "a", configurable=typed)
        code = view.ask("code_get", act="fork", checkpoint=at, fork=forked)["code"]
        ran = view.ask("code_get", act="run", checkpoint=at, run=run(at, configurable=typed))["code"]
        for each in (code, ran):
            assert (told in each) if told else ("configurable" not in each), each


def test_a_copied_diff_reads_from_the_older_to_the_newer(opened: Callable[..., View]) -> None:
    graph = chain([("a", noting("a")), ("b", noting("b"))], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    view = opened(graph)
    ids = view.ask("thread_open", thread_id="1")["tree"]["ids"]
    for at, other in [(1, 3), (3, 1)]:
        code = view.ask("code_get", act="diff", checkpoint=ids[at], other=ids[other])["code"]
        assert ".diff('c1', 'c3')" in code


def test_a_search_says_that_it_ended_at_its_limit(opened: Callable[..., View]) -> None:
    def fill(state: Any) -> dict[str, Any]:
        return {"log": [f"straw {i}" for i in range(2_000)]}

    graph = chain([("fill", fill)], InMemorySaver())
    graph.invoke({"log": ["needle", "straw"]}, CONFIG)
    view = opened(graph)
    view.ask("thread_open", thread_id="1")
    last = view.ask("search", query="straw")
    hits = [hit for part in (*view.progress, last) for hit in part["hits"]]
    assert (len(hits), last["more"], last["done"] < last["total"]) == (2_000, True, True)
    last = view.ask("search", query="needle")
    assert (last["more"], last["done"], last["total"]) == (False, 3, 3)


def durations(view: View) -> dict[str, bool]:
    """By label, whether a duration is told; the tree in characters and the columns say the same."""
    body = view.ask("thread_open", thread_id="1")
    told = {}
    for id_ in body["tree"]["ids"]:
        got = view.ask("checkpoint_get", checkpoint=id_)
        told[got["label"]] = got["duration"] is not None
    history = view.backend.history
    assert history is not None
    lines = tree_text(history.tree).splitlines()
    for row, label in enumerate(history.tree.labels):
        (line,) = [line for line in lines if f" {label} " in line]
        assert (line[-1] == "s") is told[label], line
        assert (row > 0 and not history.tree.flags[row] & Flag.WAITED) is told[label]
    return told


@pytest.mark.parametrize("kind", ["graph", "saver"])
def test_no_duration_counts_what_a_person_thought(opened: Callable[..., View], kind: str) -> None:
    saver = InMemorySaver()
    graph = chain([("a", noting("a")), ("ask", asking("ask")), ("b", noting("b"))], saver)
    graph.invoke({"log": []}, CONFIG)
    graph.invoke(Command(resume="yes"), CONFIG)
    graph.update_state(CONFIG, {"log": ["x"]}, as_node="a")
    graph.invoke(None, CONFIG)
    told = durations(opened(graph if kind == "graph" else saver))
    # c3 came after an answer, c5 by hand.
    assert told == {"c0": False, "c1": True, "c2": True, "c3": False, "c4": True, "c5": False}


def test_no_duration_counts_a_breakpoint_of_the_graph_or_a_repair(opened: Callable[..., View]) -> None:
    tries = iter([True, False])

    def fragile(state: Any) -> dict[str, Any]:
        if next(tries):
            raise ValueError("no")
        return {"log": ["fragile"]}

    nodes = [("a", noting("a")), ("fragile", fragile), ("b", noting("b"))]
    graph = chain(nodes, InMemorySaver(), interrupt_before=["b"])
    with pytest.raises(ValueError, match="no"):
        graph.invoke({"log": []}, CONFIG)
    graph.invoke(None, CONFIG)
    graph.invoke(None, CONFIG)
    assert durations(opened(graph)) == {"c0": False, "c1": True, "c2": True, "c3": False, "c4": False}


def test_a_run_at_a_breakpoint_is_paused_and_waits_for_no_answer(opened: Callable[..., View]) -> None:
    graph = chain([("a", noting("a")), ("b", noting("b"))], InMemorySaver(), interrupt_before=["b"])
    graph.invoke({"log": []}, CONFIG)
    view = opened(graph)
    ids = view.ask("thread_open", thread_id="1")["tree"]["ids"]
    ran = view.ask("run_start", **run(ids[1]))
    assert (ran["status"], ran["before"]) == ("interrupted", ["b"])
    asks = chain([("a", noting("a")), ("b", asking("b"))], InMemorySaver())
    asks.invoke({"log": []}, CONFIG)
    view = opened(asks)
    ids = view.ask("thread_open", thread_id="1")["tree"]["ids"]
    ran = view.ask("run_start", **run(ids[1]))
    assert (ran["status"], ran["before"]) == ("interrupted", [])


def test_names_are_listed_as_a_sentence() -> None:
    saver = InMemorySaver()
    graph = chain([("a", noting("a"))], saver)
    graph.invoke({"log": []}, {"configurable": {"thread_id": "slow"}})
    with pytest.raises(ThreadNotFound, match=r"no thread 'x'\. There is only 'slow'\.$"):
        lgviz.history(graph, "x")
    graph.invoke({"log": []}, {"configurable": {"thread_id": "fast"}})
    with pytest.raises(ThreadNotFound, match=r"There are 'fast' and 'slow'\.$"):
        lgviz.history(graph, "x")
    for n in range(5):
        graph.invoke({"log": []}, {"configurable": {"thread_id": f"t{n}"}})
    with pytest.raises(ThreadNotFound, match=r"There are 't4', 't3', 't2', 't1', 't0' and 2 more\.$"):
        lgviz.history(graph, "x")


def test_the_tree_in_characters_tells_short_durations_too() -> None:
    saver = MemorySaver()
    thread = Thread(saver)
    thread.put(0, source="input")
    for seconds in (0.0004, 0.0434, 1.2434, 1.2634):
        thread.put(seconds)
    shown = [line.split()[-2:] for line in tree_text(lgviz.history(saver, thread_id="1").tree).splitlines()]
    assert shown[:4] == [["+20", "ms"], ["+1.2", "s"], ["+43", "ms"], ["+0.4", "ms"]]
