"""Runs as a view asks for them: resumed, by steps, up to breakpoints and conditions, stopped at once."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from langgraph.checkpoint.memory import InMemorySaver

from lgviz import session
from lgviz.analysis.history import open_history
from lgviz.analysis.tree import Flag
from lgviz.demos import fan_out
from tests.support.graphs import CONFIG, HeldNode, Log, asking, chain, noting, routed
from tests.support.view import View, fork, run


@pytest.fixture
def line() -> Any:
    graph = chain([(name, noting(name)) for name in "abcd"], InMemorySaver())
    graph.invoke({"log": []}, CONFIG)
    return graph


def ids(view: View) -> list[str]:
    found: list[str] = view.ask("thread_open", thread_id="1")["tree"]["ids"]
    return found


def test_what_is_unfinished_is_said_and_resumed() -> None:
    graph = fan_out.build(InMemorySaver())
    with pytest.raises(ConnectionError):
        graph.invoke(fan_out.INPUT, {**CONFIG, "max_concurrency": 1})
    view = View(graph)
    head = ids(view)[-1]
    seen = view.ask("checkpoint_get", checkpoint=head)
    assert (seen["next"], seen["unfinished"]) == (["weather", "traffic", "events"], ["traffic"])
    request = {**run(head), "only": "unfinished"}
    code = view.ask("code_get", act="run", checkpoint=head, run=request)["code"]
    assert "only='unfinished'" in code
    again = view.ask("run_start", **request)
    assert (again["status"], again["checkpoint"]) == ("failed", head)


def test_a_step_and_how_far_it_came(line: Any) -> None:
    view = View(line)
    done = view.ask("run_start", **run(ids(view)[1]), steps=1)
    assert (done["status"], done["before"], done["cannot_cancel"]) == (
        "stopped", [], "The nodes of this graph are synchronous: a thread cannot be killed."
    )  # fmt: skip
    assert view.ask("checkpoint_get", checkpoint=done["checkpoint"])["next"] == ["b"]


def test_breakpoints_are_kept_with_the_thread_and_hold_for_every_run(line: Any) -> None:
    view = View(line)
    start = ids(view)[1]
    points = {"before": ["c"], "after": ["c"]}
    assert view.ask("breakpoints_set", thread_id="1", breakpoints=points)["breakpoints"] == points
    assert view.ask("thread_open", thread_id="1")["breakpoints"] == points
    first = view.ask("run_start", **run(start))
    assert (first["status"], first["before"], first["after"], first["passed"]) == (
        "interrupted", ["c"], [], []
    )  # fmt: skip
    second = view.ask("run_start", **run(first["checkpoint"]), only="unfinished")
    assert (second["before"], second["after"], second["passed"]) == ([], ["c"], ["c"])
    assert second["warnings"] == ["It stood before 'c': the breakpoint there was passed."]
    code = view.ask("code_get", act="run", checkpoint=start, run=run(start))["code"]
    assert "before=['c']" in code and "after=['c']" in code
    refused = view.refused("breakpoints_set", thread_id="1", breakpoints={"before": ["x"], "after": []})
    assert refused["cause"] == "The graph has no node 'x' to stop before."
    assert view.ask("thread_open", thread_id="1")["breakpoints"] == points


def test_what_history_answers_is_counted_and_marked(line: Any) -> None:
    view = View(line)
    start = ids(view)[1]
    done = view.ask("run_start", **run(start), reuse="all")
    assert done["reused"] == {"served": 4, "ran": 0, "calls": 0, "tokens": 0}
    plain = view.ask("run_start", **run(start))
    assert plain["reused"] is None
    made = open_history(line, "1")
    assert [Flag.SERVED in made[id_].flags for id_ in (done["checkpoint"], plain["checkpoint"])] == [
        True,
        False,
    ]
    before = {c.id: c.parent for c in made}
    for checkpoint, served in ((done["checkpoint"], True), (plain["checkpoint"], False)):
        (task,) = view.ask("tasks_get", checkpoint=before[checkpoint].id)
        assert task["served"] is served
    code = view.ask("code_get", act="run", checkpoint=start, run={**run(start), "reuse": "all"})["code"]
    assert "reuse=True" in code


def test_calls_of_models_that_were_answered_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LGVIZ_CACHE", str(tmp_path))
    model = FakeListChatModel(responses=["hello"])
    graph = chain([("ask", lambda _: {"log": [str(model.invoke("hi").content)]})], InMemorySaver())
    session.start(graph, {"log": []}, thread_id="1", record_models=True)
    view = View(graph)
    done = view.ask("run_start", **{**run(ids(view)[1]), "reuse": "rest"})
    assert done["reused"] == {"served": 0, "ran": 1, "calls": 1, "tokens": 0}


def test_the_rest_after_what_was_asked_to_run_is_answered(line: Any) -> None:
    view = View(line)
    start = ids(view)[1]
    asked = {**run(start), "reuse": "rest"}
    assert view.ask("run_start", **asked)["reused"] == {"served": 3, "ran": 1, "calls": 0, "tokens": 0}
    code = view.ask("code_get", act="run", checkpoint=start, run=asked)["code"]
    assert "reuse={'live': ['a']}" in code
    # From before the input all that follows is asked anew.
    assert view.ask("run_start", **{**run(ids(view)[0]), "reuse": "rest"})["reused"] is None


def test_what_history_would_answer_is_told_before(line: Any) -> None:
    view = View(line)
    start, before = ids(view)[1], ids(view)
    told = view.ask("dry_run", checkpoint=start, fork=None, configurable="{}")
    assert told == {"served": dict.fromkeys("abcd", 1), "runs": {}, "reason": "", "ends": True}
    changed = fork(start, {"log": ["new"]}, "a")
    told = view.ask("dry_run", checkpoint=start, fork=changed, configurable="{}")
    assert told == {"served": {}, "runs": {"b": 1}, "reason": "it was not asked this before", "ends": False}
    assert ids(view) == before


def test_until_a_condition_or_a_node(line: Any) -> None:
    view = View(line)
    start = ids(view)[1]
    for until, nodes in (
        ("len(log) > 1", ["c"]),
        ("any(x == 'c' for x in values['log'])", ["d"]),
        ("d", ["d"]),
    ):
        done = view.ask("run_start", **{**run(start), "until": until})
        assert done["status"] == "stopped"
        assert view.ask("checkpoint_get", checkpoint=done["checkpoint"])["next"] == nodes
    code = view.ask("code_get", act="run", checkpoint=start, run={**run(start), "until": "len(log) > 1"})[
        "code"
    ]
    assert "until=lambda c: len(c.values['log']) > 1" in code


@pytest.mark.parametrize(
    ("until", "cause"),
    [
        ("len(log", "This is no Python expression: '(' was never closed."),
        ("x = 1", "This is no Python expression: invalid syntax."),
        ("lgo > 1", "'lgo' is neither c, values, a channel nor a built-in function of Python."),
    ],
)
def test_a_condition_that_cannot_be_read_is_refused_before_anything_runs(
    line: Any, until: str, cause: str
) -> None:
    view = View(line)
    before = ids(view)
    for method, params in (
        ("run_start", {**run(before[1]), "until": until}),
        ("code_get", {"act": "run", "checkpoint": before[1], "run": {**run(before[1]), "until": until}}),
    ):
        assert view.refused(method, **params)["cause"].startswith(cause)
    assert ids(view) == before


def test_an_asynchronous_run_is_stopped_at_once() -> None:
    entered = threading.Event()
    waits = [True]

    async def slow(state: Log) -> dict[str, Any]:
        if waits:
            entered.set()
            await asyncio.Event().wait()
        return {"log": ["slow"]}

    graph = chain([("slow", slow)], InMemorySaver())
    graph.update_state(CONFIG, {"log": []}, "__start__")
    view = View(graph)
    head = ids(view)[-1]
    ended: list[Any] = []
    running = threading.Thread(
        target=lambda: ended.append(view.ask("run_start", **run(head), only="unfinished"))
    )
    running.start()
    assert entered.wait(20)
    assert view.ask("run_stop", run=1, now=True)["cannot_cancel"] is None
    running.join(20)
    assert (ended[0]["status"], ended[0]["error"]) == ("stopped", None)
    seen = view.ask("checkpoint_get", checkpoint=head)
    assert (seen["error"], seen["unfinished"]) == (None, ["slow"])
    assert [(t["status"], t["error"]) for t in view.ask("tasks_get", checkpoint=head)] == [("pending", None)]
    waits.clear()
    assert view.ask("run_start", **run(head), only="unfinished")["status"] == "done"


def test_two_debuggers_at_one_thread_neither_lose_nor_double_an_act() -> None:
    slow = HeldNode()
    graph = chain([("slow", slow), ("ask", asking("q"))], InMemorySaver())
    graph.update_state(CONFIG, {"log": []}, "__start__")
    one, other = View(graph), View(graph)
    head = ids(one)[-1]
    resume = {**run(head), "only": "unfinished"}
    first = one.send("run_start", **resume)
    assert slow.entered.wait(20)
    cause = f"Another run goes on at checkpoint {head} already."
    assert other.refused("run_start", **resume)["cause"] == cause
    made = other.ask("fork_commit", **fork(head, {"log": ["mine"]}, "slow"))  # a branch of its own
    slow.leave.set()
    asked = one.reply(first)["result"]
    assert (asked["status"], slow.calls) == ("interrupted", ["slow"])
    assert ids(other) == ids(one) and made["id"] in ids(one)
    (question,) = open_history(graph, "1")[asked["checkpoint"]].interrupts
    answers = [
        view.send("run_start", **{**run(asked["checkpoint"]), "resume": {question.id: text}})
        for view, text in ((one, '"A"'), (other, '"B"'))
    ]
    replies = [view.reply(number) for view, number in zip((one, other), answers, strict=True)]
    logs = [c.values["log"] for c in open_history(graph, "1").heads if not c.next]
    given = [text for text, reply in zip("AB", replies, strict=True) if "result" in reply]
    assert given and sorted(log for log in logs if len(log) == 2) == [
        ["slow", f"q0={text}"] for text in given
    ]
    one.close()
    other.close()


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt("k")])
def test_a_node_that_ends_the_process_ends_its_run(error: BaseException, asynchronous: bool) -> None:
    def leave(state: Log) -> None:
        raise error

    async def aleave(state: Log) -> None:
        raise error

    graph = chain([("leave", aleave if asynchronous else leave)], InMemorySaver())
    graph.update_state(CONFIG, {"log": []}, "__start__")
    view = View(graph)
    head = ids(view)[-1]
    for _ in range(2):  # nothing of the first stands in the way of another
        ended = view.ask("run_start", **run(head), only="unfinished")
        assert (ended["status"], ended["error"]) == ("failed", f"{type(error).__name__}: {error}")
        assert [body["status"] for name, body in view.events if name == "run"][-1] == "failed"
    assert view.ask("checkpoint_get", checkpoint=head)["next"] == ["leave"]
    view.close()


def test_a_router_that_ends_the_process_is_told() -> None:
    def router(state: Log) -> str:
        raise SystemExit(3)

    graph = routed(InMemorySaver(), router, ["left"])
    view = View(graph, opens=False)
    graph.update_state(CONFIG, {"log": []}, "__start__")
    head = ids(view)[-1]
    refused = view.refused("fork_preview", **fork(head, {"log": ["x"]}, "first"))
    assert "SystemExit: 3" in refused["cause"]
    view.close()
