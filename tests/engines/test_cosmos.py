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


def test_a_container_that_is_gone(fresh: Callable[[str], EngineDatabase]) -> None:
    saver = fresh("cosmos").saver()
    source = open_source(saver)
    saver.database.delete_container(saver.container)
    with pytest.raises(SourceError, match="404"):
        source.threads()
