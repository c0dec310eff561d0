"""Redis: by URL and by each saver, no value of it runs, nothing is written, what is missing said in a sentence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
import redis
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.redis import RedisSaver
from langgraph.checkpoint.redis.aio import AsyncRedisSaver
from langgraph.types import Interrupt, Send
from typer.testing import CliRunner

import lgviz
import lgviz.cli.reading
from lgviz.analysis.history import open_history
from lgviz.cli.app import app
from lgviz.demos import approval, chat, two_nodes
from lgviz.errors import NoCheckpoints, NotASource, SourceError, Unavailable
from lgviz.sources import Undecodable, open_source
from lgviz.sources.langgraph.redis import RedisSource
from lgviz.sources.langgraph.redis_values import INLINE, RedisFileDecoder
from tests.support import servers
from tests.support.engines import EngineDatabase

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def database(fresh: Callable[[str], EngineDatabase]) -> EngineDatabase:
    """With a thread of two nodes."""
    made = fresh("redis")
    two_nodes.seed(two_nodes.build(made.saver()), "1")
    return made


@pytest.fixture
def url(database: EngineDatabase) -> str:
    assert database.url
    return database.url


@pytest.fixture
def empty(fresh: Callable[[str], EngineDatabase]) -> str:
    """A server to which nobody wrote."""
    made = fresh("redis")
    assert made.url
    return made.url


def test_by_url_in_every_face(url: str) -> None:
    history = lgviz.history(url, thread_id="1")
    assert [one.label for one in history.heads] == ["c3", "c5"] and history["c3"].values["foo"] == "b"
    debugger = lgviz.debug(url, thread_id="1")
    assert debugger.history is not None and len(debugger.history) == 6
    debugger.close()
    shown = CliRunner().invoke(app, ["show", url, "--thread", "1"])
    assert shown.exit_code == 0, shown.stderr
    assert "node_b" in shown.stdout
    history.source.close()


def test_messages_are_messages(fresh: Callable[[str], EngineDatabase]) -> None:
    """Also by the URL, where the database does not choose what is imported."""
    database = fresh("redis")
    chat.seed(chat.build(database.saver()), "talk")
    for what in (database.saver(), database.url):
        history = open_history(what, "talk")
        assert isinstance(history.source, RedisSource)
        kinds = {type(message) for message in history.latest.values["messages"]}
        assert kinds == {HumanMessage, AIMessage}
        history.source.close()


@pytest.mark.filterwarnings("ignore:get_async_redis_connection")
def test_a_saver_on_a_loop_is_read_from_any_thread(url: str) -> None:
    async def read() -> None:
        async with AsyncRedisSaver.from_conn_string(url) as saver:
            history = open_history(two_nodes.build(saver), "1")
            assert isinstance(history.source, RedisSource)
            assert history["c3"].values["foo"] == "b"
            assert await asyncio.to_thread(lambda: history["c1"].values["foo"]) == ""
            history.source.close()

    asyncio.run(read())


def test_nothing_is_written(url: str) -> None:
    with redis.Redis.from_url(url) as client:

        def written() -> Any:
            return {key: client.dump(key) for key in client.scan_iter("*")}, client.info("stats")[
                "expired_keys"
            ]

        before = written()
        history = open_history(url, "1")
        assert [(one.values, one.writes, one.tasks) for one in history]
        history.refresh()
        history.source.close()
        assert written() == before


def test_other_prefixes_and_an_id_that_searches_read_as_more(empty: str) -> None:
    threads = ["a", "A", "a-b", "a|b", "*", "", "a b{c}"]
    with RedisSaver.from_conn_string(
        empty, checkpoint_prefix="mine", checkpoint_write_prefix="mine_w"
    ) as saver:
        saver.setup()
        graph = two_nodes.build(saver)
        for thread in threads:
            graph.invoke({"foo": thread, "bar": []}, {"configurable": {"thread_id": thread}})
        with closing(open_source(saver)) as source:
            assert {one.thread_id: one.count for one in source.threads()} == dict.fromkeys(threads, 4)
            for thread in threads:
                index = source.index(thread)
                assert len(index.checkpoints) == 4
                assert source.channels(thread, "", index.checkpoints[1].id)["foo"] == thread
    with pytest.raises(SourceError, match="no RedisSaver was set up"):
        open_source(empty)


def test_more_than_a_page(empty: str) -> None:
    with RedisSaver.from_conn_string(empty) as saver:
        saver.setup()
        graph = two_nodes.build(saver)
        for _ in range(300):
            graph.invoke(two_nodes.INPUT, {"configurable": {"thread_id": "long"}})
        with closing(open_source(saver)) as source:
            index = source.index("long")
            assert len(index.checkpoints) == 1200 and len(index.writes) > 1000
            assert len(source.bookkeeping("long", "", [row.id for row in index.checkpoints])) == 1200


def test_a_saver_that_was_not_set_up(empty: str) -> None:
    with RedisSaver.from_conn_string(empty) as saver:
        for what in (saver, two_nodes.build(saver), empty):
            with pytest.raises(SourceError, match="no RedisSaver was set up"):
                lgviz.history(what, "1")
        saver.setup()
        with pytest.raises(NoCheckpoints):
            open_source(empty)


@pytest.fixture(scope="module")
def locked() -> Iterator[str]:
    with servers.redis_files() as files, servers.redis(files, "--requirepass", "s3cret") as url:
        yield url


def test_a_password_is_told_by_nothing(locked: str) -> None:
    right = locked.replace("//", "//:s3cret@")
    with RedisSaver.from_conn_string(right) as saver:
        saver.setup()
        two_nodes.seed(two_nodes.build(saver), "1")
        for what in (right, saver):
            with closing(open_source(what)) as source:
                assert len(source.index("1").checkpoints) == 6
                assert "s3cret" not in repr((source, source.__dict__, source.origin))
    for wrong in (locked, right.replace("s3cret", "wrong-s3cret"), "redis://:s3cret@127.0.0.1:1"):
        with pytest.raises(Unavailable) as raised:
            open_source(wrong)
        assert raised.value.remedy and "s3cret" not in f"{raised.value}{raised.value.__cause__}"
    with pytest.raises(NotASource, match="cannot be read") as refused:
        open_source("redis://:s3cret@host:port/x")
    assert "s3cret" not in str(refused.value)


def test_what_is_no_class_of_langgraphs_is_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    def value(stored: Any) -> Any:
        return RedisFileDecoder().value(INLINE, stored)

    called = {"lc": 2, "type": "constructor", "id": ["subprocess", "Popen"], "kwargs": {"args": ["false"]}}
    found = value({"deep": [called]})["deep"][0]
    assert isinstance(found, Undecodable) and "Popen" in found.type
    assert isinstance(RedisFileDecoder().value("json", json.dumps(called).encode()), Undecodable)
    assert value({"__send__": True, "node": "n", "arg": {"x": 1}}) == Send("n", {"x": 1})
    assert value([{"__interrupt__": True, "value": "?", "id": "7"}]) == [Interrupt("?", id="7")]
    assert value({"__bytes__": "AAE="}) == b"\0\1"
    assert value({"lc": 2, "type": "constructor", "id": ["builtins", "set"], "args": [[1, 2]]}) == {1, 2}
    assert value({"lc": 1, "type": "constructor", "id": None}) == {"lc": 1, "type": "constructor", "id": None}


def test_a_question_that_was_answered_thrice_is_seen_each_time(empty: str) -> None:
    """What is written over changes no number of writes."""
    with RedisSaver.from_conn_string(empty) as saver:
        saver.setup()
        graph, config = approval.build(saver), {"configurable": {"thread_id": "1"}}
        graph.invoke(approval.INPUT, config)
        source = open_source(saver)
        token = source.index("1").token
        (place,) = {
            (w.namespace, w.checkpoint_id, w.task_id) for w in source.index("1").writes if w.idx == -3
        }
        at = {"thread_id": "1", "checkpoint_ns": place[0], "checkpoint_id": place[1]}
        saver.put_writes({"configurable": at}, [("__interrupt__", (Interrupt("again", id="7"),))], place[2])
        new = source.index("1", token)
        assert [write.channel for write in new.writes] == ["__interrupt__"] and not new.checkpoints
        source.close()
