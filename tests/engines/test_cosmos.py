"""Cosmos DB: both packages' savers, sync and on a loop; its errors in a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_azure_cosmosdb import CosmosDBSaver

from lgviz.analysis.history import open_history
from lgviz.demos import two_nodes
from lgviz.errors import SourceError
from lgviz.sources import open_source
from lgviz.sources.langgraph.cosmos import CosmosSource
from tests.support.engines import CosmosDatabase, EngineDatabase
from tests.support.savers import checkpoint, config

pytestmark = pytest.mark.engines


def test_a_saver_on_a_loop_is_read_from_any_thread(fresh: Callable[[str], EngineDatabase]) -> None:
    database: Any = fresh("cosmos")
    assert isinstance(database, CosmosDatabase)
    two_nodes.seed(two_nodes.build(database.saver()), "1")

    async def read() -> None:
        unverified = {"connection_verify": False}
        async with CosmosDBSaver.from_conn_info(
            endpoint=database.endpoint,
            key="a2V5",
            database_name="test",
            container_name=database.name,
            cosmos_client_kwargs=unverified,
        ) as saver:
            history = await asyncio.to_thread(open_history, two_nodes.build(saver), "1")
            assert isinstance(history.source, CosmosSource)
            assert (await asyncio.to_thread(lambda: history["c3"].values))["foo"] == "b"

    asyncio.run(read())


def test_a_thread_whose_id_begins_as_another_does(fresh: Callable[[str], EngineDatabase]) -> None:
    """What parts the pieces of a document's id may be in a thread's."""
    saver = fresh("cosmos-other").saver()
    for thread in ("a", "a$b"):
        place = config(thread, checkpoint_ns="")
        put = saver.put(place, checkpoint("1", {"x": thread}), {"source": "input", "step": -1}, {})
        saver.put_writes(put, [("x", thread)], "task")
    source = open_source(saver)
    assert {one.thread_id: one.count for one in source.threads()} == {"a": 1, "a$b": 1}
    for thread in ("a", "a$b"):
        index = source.index(thread)
        assert [row.id for row in index.checkpoints] == ["1"] and [row.channel for row in index.writes] == [
            "x"
        ]
        assert source.channels(thread, "", "1") == {"x": thread}
        assert [write.value for write in source.writes(thread, "", "1")] == [thread]
        assert source.index(thread, index.token).checkpoints == []


def test_a_container_that_is_gone(fresh: Callable[[str], EngineDatabase]) -> None:
    saver = fresh("cosmos").saver()
    source = open_source(saver)
    saver.database.delete_container(saver.container)
    with pytest.raises(SourceError, match="404"):
        source.threads()
