"""A LangGraph server as a source: forks, followed runs, a thousand checkpoints, in whose name it is asked."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from langgraph.pregel.remote import RemoteGraph
from langgraph.types import Command
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

import lgviz
from lgviz.errors import LgvizError, ServerError, ThreadNotFound
from lgviz.session import start_run
from lgviz.sources import Source
from tests.support import served_graphs
from tests.support.langgraph_server import SAID, free_port, langgraph_dev, local, run, told
from tests.support.pages import data_of
from tests.support.waiting import until

pytestmark = pytest.mark.engines


def test_tasks_that_were_sent_and_a_join_that_waits(sdk: SyncLangGraphClient, served: Source) -> None:
    """Where a node waits for several, this server tells its question of the thread alone, and not who asks."""
    there = lgviz.history(served, run(sdk, "fan", {"log": ["x"]}))
    assert told(there) == told(local(served_graphs.fan, {"log": ["x"]}))
    assert (there.status, there.latest.next) == ("interrupted", ("ask",))


def test_a_join_that_ran_is_named(sdk: SyncLangGraphClient, langgraph_server: str, served: Source) -> None:
    """Also read anew, where nothing tells who was asked; what it wrote and changed."""
    thread = run(sdk, "fan", {"log": ["x"]})
    followed = lgviz.history(served, thread)
    run(sdk, "fan", None, thread, command={"resume": "yes"})
    followed.refresh()
    here = told(local(served_graphs.fan, {"log": ["x"]}, Command(resume="yes")))
    with closing(lgviz.open_source(langgraph_server)) as anew:
        for history in (followed, lgviz.history(anew, thread)):
            for one, other in zip(told(history), here, strict=True):
                for what in ("nodes", "next", "changed", "writes", "values"):
                    assert one[what] == other[what], (one["label"], what)


def test_an_error_and_the_answer_that_led_to_it(sdk: SyncLangGraphClient, served: Source) -> None:
    thread = run(sdk, "agent", SAID)
    run(sdk, "agent", None, thread, command={"resume": "fail"})
    there = lgviz.history(served, thread)
    assert (there.status, there.latest.error) == ("failed", "ValueError('it was to fail')")


def test_what_is_new_is_asked_for_alone(sdk: SyncLangGraphClient, served: Source) -> None:
    """Also what a fork adds to an earlier checkpoint, and what became of those that were the newest."""
    thread = run(sdk, "agent", SAID)
    followed = lgviz.history(served, thread)
    at = followed["c1"].config["configurable"]
    sdk.threads.update_state(thread, {"mood": "dark"}, as_node="plan", checkpoint=at)
    assert followed.refresh()[0] == 8
    latest = sdk.threads.get_state(thread)["checkpoint"]
    run(sdk, "agent", None, thread, checkpoint=latest)
    run(sdk, "agent", None, thread, command={"resume": "yes"})
    followed.refresh()
    assert told(followed) == told(lgviz.history(served, thread))
    assert followed.refresh() == (len(followed.tree), [])
    assert (followed["c4"].source, followed["c4"].changed, followed.latest.nodes) == (
        "update", ("mood",), ("ask",),
    )  # fmt: skip


def test_a_run_under_way_is_seen_as_it_goes(sdk: SyncLangGraphClient, served: Source) -> None:
    thread = run(sdk, "counter", {"until": 1})
    followed, seen = lgviz.history(served, thread), set[int]()
    going = threading.Thread(
        target=run,
        args=(sdk, "counter", {"n": 0, "until": 200}, thread),
        kwargs={"config": {"recursion_limit": 1000}},
    )
    going.start()
    until(lambda: followed.refresh() and (seen.add(len(followed)) or followed.latest.values["n"] == 200))
    going.join()
    assert len(seen) > 3, "the rows came all at once"
    followed.refresh()
    assert told(followed) == told(lgviz.history(served, thread))


def test_a_thousand_checkpoints_in_pages(
    sdk: SyncLangGraphClient, served: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = run(sdk, "counter", {"until": 998}, config={"recursion_limit": 2000})
    counted = lgviz.history(served, thread)
    assert len(counted) == 1000
    asked: list[str] = []
    send = httpx.Client.send
    monkeypatch.setattr(
        httpx.Client,
        "send",
        lambda self, request, **more: asked.append(request.url.path) or send(self, request, **more),
    )
    read = counted.reader.channel_reader(5, "n")
    assert read(range(2, 1000)) == {row: row - 1 for row in range(2, 1000)}
    assert len(asked) < 20


def test_what_is_gone_begins_the_tree_anew(sdk: SyncLangGraphClient, served: Source) -> None:
    thread = run(sdk, "counter", {"until": 5})
    followed = lgviz.history(served, thread)
    sdk.threads.delete(thread)
    with pytest.raises(ThreadNotFound, match="no thread"):
        followed.refresh()
    sdk.threads.create(thread_id=thread)
    run(sdk, "counter", {"until": 2}, thread)
    assert followed.refresh()[0] == 0
    assert (len(followed), followed.latest.values) == (4, {"n": 2, "until": 2})


def test_a_remote_graph_shows_its_own_threads(sdk: SyncLangGraphClient, langgraph_server: str) -> None:
    """Told of by its name or by an assistant's id; it is left open."""
    mine, other = run(sdk, "counter", {"until": 1}), run(sdk, "fan", {"log": []})
    assistant = sdk.assistants.search(graph_id="counter")[0]["assistant_id"]
    for name in ("counter", assistant):
        graph = RemoteGraph(name, sync_client=sdk)
        source = lgviz.open_source(graph)
        names = [one.thread_id for one in source.threads()]
        assert mine in names and other not in names
        assert lgviz.history(graph, thread_id=mine).latest.values == {"n": 1, "until": 1}
        assert not source.untrusted
        source.close()


def test_it_is_exported_as_a_page(sdk: SyncLangGraphClient, served: Source) -> None:
    page = lgviz.history(served, run(sdk, "agent", SAID)).to_html()
    assert "I have a plan" in repr(data_of(page))


def test_a_server_that_asks_for_a_key(tmp_path: Path) -> None:
    """What it refuses is a sentence, the right key opens it, and neither is repeated anywhere."""
    (tmp_path / "doors.py").write_text(DOORS)
    with langgraph_dev(tmp_path, auth={"path": "./doors.py:auth"}) as url:
        wrong = RemoteGraph("counter", url=url, headers={"authorization": "Bearer wr0ng-t0ken"})
        right = RemoteGraph("counter", url=url, headers={"authorization": "Bearer r1ght-t0ken"})
        barred = RemoteGraph("counter", url=url, headers={"authorization": "Bearer b4rred-t0ken"})
        with pytest.raises(ServerError, match=r"does not accept the key \(401\)") as refused:
            lgviz.history(wrong)
        with pytest.raises(ServerError, match=r"does not allow this \(403\)"):
            lgviz.open_source(barred).threads()
        with pytest.raises(ServerError, match=r"\(401\)"):
            lgviz.start(wrong, {"until": 3})
        made = lgviz.start(right, {"until": 3})
        history = lgviz.history(right)
        told = [
            refused.value,
            made,
            history,
            history.source,
            history.to_html(),
            *map(vars, (history.source,)),
        ]
        assert history.latest.values == {"n": 3, "until": 3}
        for graph in (wrong, right, barred):
            graph.sync_client.close()
    assert not any("t0ken" in f"{each} {each!r}" for each in told)


DOORS = """
from langgraph_sdk import Auth

auth = Auth()


@auth.authenticate
async def who(authorization: str | None) -> str:
    if authorization not in ("Bearer r1ght-t0ken", "Bearer b4rred-t0ken"):
        raise Auth.exceptions.HTTPException(status_code=401, detail=f"no entry with {authorization}")
    return authorization


@auth.on
async def may(ctx, value):
    return "b4rred" not in ctx.user.identity
"""


def test_a_server_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    """In the middle of a run: a sentence, no hang; what it kept is there when it is back."""
    port = free_port()
    with langgraph_dev(tmp_path, port) as url, get_sync_client(url=url) as sdk:
        thread = run(sdk, "counter", {"until": 3})
        source = lgviz.open_source(url)
        followed = lgviz.history(source, thread)
        asked = {"input": {"n": 0, "until": 100_000}, "config": {"recursion_limit": 200_000}}
        runner = start_run(url, followed.latest, **asked)
        until(lambda: len(runner.configs) > 3)
    with pytest.raises(LgvizError, match=r"cannot be reached|does not answer"):
        runner.result(90)
    assert runner.status == "failed"
    with pytest.raises(ServerError, match="cannot be reached"):
        followed.refresh()
    with langgraph_dev(tmp_path, port):
        assert lgviz.history(source, thread)["c4"].values == {"n": 3, "until": 3}
        followed.refresh()
        assert followed.tree.labels[:5] == ["c0", "c1", "c2", "c3", "c4"]
        source.close()


def test_subgraphs_in_subgraphs_and_one_with_a_history_of_its_own(
    sdk: SyncLangGraphClient, served: Source
) -> None:
    thread = run(sdk, "nested", {"log": ["x"]})
    run(sdk, "nested", {"log": ["y"]}, thread)
    assert told(lgviz.history(served, thread)) == told(
        local(served_graphs.nested, {"log": ["x"]}, {"log": ["y"]})
    )


def test_a_fork_far_back_in_a_long_thread(sdk: SyncLangGraphClient) -> None:
    counter = RemoteGraph("counter", sync_client=sdk)
    thread = run(sdk, "counter", {"until": 998}, config={"recursion_limit": 2000})
    forked = lgviz.fork(counter, "c500", {"n": 990}, as_node="count", thread_id=thread)
    went = lgviz.run(counter, forked)
    assert (went.status, went.values["n"], len(went.checkpoints)) == ("done", 998, 8)
    history = lgviz.history(counter, thread)
    assert (len(history), [head.label for head in history.heads]) == (1009, ["c999", "c1008"])


def test_masks(sdk: SyncLangGraphClient, langgraph_server: str) -> None:
    thread = run(sdk, "agent", SAID)
    with closing(lgviz.open_source(langgraph_server, redact=["messages.*.content", "mood"])) as masked:
        history = lgviz.history(masked, thread)
        shown = repr([(c.values, dict(c.writes), c.tasks, c.stored) for c in history.all])
        shown += repr(data_of(history.to_html()))
    assert "hello" not in shown and "bright" not in shown and "I have a plan" not in shown
