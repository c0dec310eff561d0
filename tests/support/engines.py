"""Databases that savers of LangGraph's and lgviz's write: each fresh, with as many savers over it as asked for."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver

from lgviz import persistence, save_bundle
from lgviz.demos import DEMOS
from tests.support import servers

__all__ = ["AT_HAND", "ENGINES", "EngineDatabase", "TwinSaver", "told"]

_NUMBERS = itertools.count()
FEW_DEMOS = ("two_nodes", "subgraph", "approval", "fan_out")


class EngineDatabase(ABC):
    """A fresh database.

    Attributes:
        url: its URL, where lgviz opens it by one.
        keeps_run_metadata: whether its saver stores the metadata that a run's config has, as LangGraph's do.
        keeps_errors: whether its saver gives back what an error said.
        has_clock: whether it tells when a checkpoint was stored, and not only when it was made.
        demos: those that a thread is made of, few where the server is slow, and in what is run most.
    """

    url: str | None = None
    keeps_run_metadata = True
    keeps_errors = True
    has_clock = False
    demos: tuple[str, ...] = tuple(DEMOS)

    def __init__(self) -> None:
        self.held = ExitStack()

    @abstractmethod
    def saver(self) -> Any:
        """A saver over it, on a connection of its own."""

    def places(self, thread_id: str) -> list[str]:
        """Each path or URL by which lgviz opens a thread."""
        return [self.url] if self.url else []

    def memory(self) -> Any:
        """A saver in memory that keeps as much, read in another way."""
        return InMemorySaver() if self.keeps_run_metadata else PlainMemory()

    def close(self) -> None:
        self.held.close()


class PlainMemory(InMemorySaver):
    """Stores of the metadata only what LangGraph itself says."""

    def put(self, config: Any, *args: Any) -> Any:
        known = {
            name: config["configurable"].get(name) for name in ("thread_id", "checkpoint_ns", "checkpoint_id")
        }
        return super().put({"configurable": known}, *args)


class SqliteDatabase(EngineDatabase):
    """A file, as LangGraph writes it."""

    demos = FEW_DEMOS

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.url = str(folder / f"test_{next(_NUMBERS)}.db")

    def saver(self) -> Any:
        from langgraph.checkpoint.sqlite import SqliteSaver

        assert self.url is not None
        return self.held.enter_context(SqliteSaver.from_conn_string(self.url))


class OwnSqliteDatabase(SqliteDatabase):
    """A file, as lgviz writes it."""

    has_clock = True

    def saver(self) -> Any:
        assert self.url is not None
        return self.held.enter_context(persistence.SqliteSaver.from_conn_string(self.url))


class BundleDatabase(OwnSqliteDatabase):
    """A file whose threads are opened as bundles."""

    def places(self, thread_id: str) -> list[str]:
        assert self.url is not None
        path = f"{self.url}.{next(_NUMBERS)}.lgviz"
        save_bundle(self.url, thread_id, path)
        return [path]


class PostgresDatabase(EngineDatabase):
    """A database on a PostgreSQL server, as LangGraph writes it."""

    demos = FEW_DEMOS

    def __init__(self, server: Any) -> None:
        import psycopg

        super().__init__()
        name = f"engine_{next(_NUMBERS)}"
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        self.url = str(server.get_uri(database=name))

    def saver(self) -> Any:
        from langgraph.checkpoint.postgres import PostgresSaver

        assert self.url is not None
        saver = self.held.enter_context(PostgresSaver.from_conn_string(self.url))
        saver.setup()
        return saver


class OwnPostgresDatabase(PostgresDatabase):
    """A database on a PostgreSQL server, as lgviz writes it."""

    has_clock = True

    def saver(self) -> Any:
        assert self.url is not None
        return self.held.enter_context(persistence.PostgresSaver.from_conn_string(self.url))


class MemoryDatabase(EngineDatabase):
    """What LangGraph's saver holds in memory, against what lgviz's does."""

    demos = FEW_DEMOS

    def __init__(self, _: object) -> None:
        super().__init__()
        self._saver = self._made()

    def _made(self) -> Any:
        return InMemorySaver()

    def saver(self) -> Any:
        return self._saver

    def memory(self) -> Any:
        return persistence.MemorySaver()


class OwnMemoryDatabase(MemoryDatabase):
    """What lgviz's saver holds in memory, against what LangGraph's does."""

    has_clock = True

    def _made(self) -> Any:
        return persistence.MemorySaver()

    def memory(self) -> Any:
        return InMemorySaver()


class MysqlDatabase(EngineDatabase):
    """A database on a MariaDB server."""

    def __init__(self, server: str) -> None:
        import pymysql

        super().__init__()
        name = f"test_{next(_NUMBERS)}"
        host, _, port = server.rpartition("@")[2].partition(":")
        with pymysql.connect(user="root", host=host, port=int(port)) as connection:
            connection.cursor().execute(f"CREATE DATABASE {name}")
        self.url = f"{server}/{name}"

    def saver(self) -> Any:
        from langgraph.checkpoint.mysql.pymysql import PyMySQLSaver

        assert self.url is not None
        saver = self.held.enter_context(PyMySQLSaver.from_conn_string(self.url))
        saver.setup()
        return saver


class RedisDatabase(EngineDatabase):
    """A Redis server: only the first of its databases has an index."""

    keeps_run_metadata = False
    keeps_errors = False

    def __init__(self, files: str) -> None:
        super().__init__()
        self.url = self.held.enter_context(servers.redis(files))

    def saver(self) -> Any:
        from langgraph.checkpoint.redis import RedisSaver

        saver = self.held.enter_context(RedisSaver.from_conn_string(self.url))
        saver.setup()
        return saver


class CosmosDatabase(EngineDatabase):
    """A container, as ``langchain-azure-cosmosdb`` writes it."""

    keeps_run_metadata = False
    demos = FEW_DEMOS

    def __init__(self, endpoint: str) -> None:
        super().__init__()
        self.endpoint, self.name = endpoint, f"test_{next(_NUMBERS)}"

    def saver(self) -> Any:
        from langchain_azure_cosmosdb import CosmosDBSaverSync

        unverified = {"connection_verify": False}  # the server signed its certificate itself
        saver = CosmosDBSaverSync(
            "test", self.name, endpoint=self.endpoint, key="a2V5", cosmos_client_kwargs=unverified
        )
        return self.held.enter_context(saver)


class OtherCosmosDatabase(CosmosDatabase):
    """A container, as ``langgraph-checkpoint-cosmosdb`` writes it."""

    def saver(self) -> Any:
        from azure.cosmos import CosmosClient
        from langgraph_checkpoint_cosmosdb import CosmosDBSaver, cosmosdbSaver

        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("COSMOSDB_ENDPOINT", self.endpoint)
            patch.setenv("COSMOSDB_KEY", "a2V5")
            patch.setattr(cosmosdbSaver, "CosmosClient", partial(CosmosClient, connection_verify=False))
            return CosmosDBSaver("test", self.name)


class MongoDatabase(EngineDatabase):
    """Collections of mongomock: no registry has a server of MongoDB's."""

    def __init__(self, _: str) -> None:
        import mongomock
        from mongomock.collection import BulkOperationBuilder

        super().__init__()
        self.client: Any = mongomock.MongoClient()
        add = BulkOperationBuilder.add_update  # it does not know all arguments of today's pymongo
        if not hasattr(add, "known"):

            def known(self: Any, *args: Any, sort: None, **more: Any) -> None:
                add(self, *args, **more)

            known.known = True  # type: ignore[attr-defined]
            BulkOperationBuilder.add_update = known

    def saver(self) -> Any:
        from langgraph.checkpoint.mongodb import MongoDBSaver

        return MongoDBSaver(self.client)


AT_HAND: dict[str, tuple[Callable[[], AbstractContextManager[Any]], Callable[[Any], EngineDatabase]]] = {
    "langgraph-sqlite": (lambda: servers.folder("sqlite"), SqliteDatabase),
    "lgviz-sqlite": (lambda: servers.folder("sqlite"), OwnSqliteDatabase),
    "bundle": (lambda: servers.folder("sqlite"), BundleDatabase),
    "langgraph-postgres": (servers.postgres, PostgresDatabase),
    "lgviz-postgres": (servers.postgres, OwnPostgresDatabase),
    "langgraph-memory": (nullcontext, MemoryDatabase),
    "lgviz-memory": (nullcontext, OwnMemoryDatabase),
}
"""Those of :data:`ENGINES` that need no server but what the tests have anyway."""

ENGINES: dict[str, tuple[Callable[[], AbstractContextManager[Any]], Callable[[Any], EngineDatabase]]] = {
    **AT_HAND,
    "mysql": (servers.mariadb, MysqlDatabase),
    "redis": (servers.redis_files, RedisDatabase),
    "cosmos": (servers.cosmos, CosmosDatabase),
    "cosmos-other": (servers.cosmos, OtherCosmosDatabase),
    "mongodb": (lambda: nullcontext(""), MongoDatabase),
}
"""What starts a server of each engine, and what makes a fresh database on it."""


class TwinSaver(BaseCheckpointSaver[Any]):
    """Keeps in memory too what a saver is given, so that the one can be held against the other.

    A graph over it reads from memory: some savers give back less than they were given.
    """

    def __init__(self, saver: Any, memory: Any) -> None:
        super().__init__(serde=saver.serde)
        self.saver, self.memory = saver, memory

    def get_tuple(self, config: Any) -> Any:
        return self.memory.get_tuple(config)

    def list(self, config: Any, **selection: Any) -> Any:
        return self.memory.list(config, **selection)

    def put(self, *args: Any) -> Any:
        self.memory.put(*args)
        return self.saver.put(*args)

    def put_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        takes_paths = "task_path" in signature(self.saver.put_writes).parameters
        args = (config, writes, task_id, *((task_path,) if takes_paths else ()))
        self.memory.put_writes(*args)
        self.saver.put_writes(*args)

    def get_next_version(self, current: Any, channel: None) -> Any:
        return self.memory.get_next_version(current, channel)


def told(history: Any, what: str, ordered: bool = True, errors: bool = True) -> list[Any]:
    """What a history tells: of its ``tree``, the ``names`` of nodes, each ``state``, ``diff``, ``writes`` or what
    waits (``interrupts``).

    ``ordered``: with the order of channels and of what comes next, which without a graph not each database keeps.
    ``errors``: with what errors said; else only that there was one.
    """
    order: Any = tuple if ordered else sorted
    rows = [history.checkpoint_at(row) for row in range(len(history.tree))]
    if what == "tree":
        return [
            (one.id, one.namespace, one.label, one.parent and one.parent.label, one.metadata, lane)
            for one, lane in zip(rows, history.tree.lane, strict=True)
        ]
    if what == "names":
        return [(one.label, order(one.nodes), order(one.next), one.changed, one.flags) for one in rows]
    if what == "state":
        return [(one.label, one.values) for one in rows]
    if what == "diff":
        return [order(str(history.diff(n, n + 1)).splitlines()) for n in range(len(history) - 1)]
    if what == "writes":
        return [
            (one.label, dict(one.writes), order(_task(task, errors) for task in one.tasks)) for one in rows
        ]
    assert what == "interrupts"
    said = str if errors else bool
    return [history.status, *((one.label, one.interrupts, one.waiting, said(one.error)) for one in rows)]


def _task(task: Any, errors: bool) -> Any:
    error = str(task.error) if errors else task.error is not None
    return task.name, task.id, repr(task.result), error, task.interrupts
