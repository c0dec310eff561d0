"""Databases of other engines that savers of LangGraph's write: each fresh, with as many savers over it as asked for."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver

from tests.support import servers

__all__ = ["ENGINES", "EngineDatabase", "MysqlDatabase", "TwinSaver", "told"]

_NUMBERS = itertools.count()


class EngineDatabase(ABC):
    """A fresh database.

    Attributes:
        url: its URL, where lgviz opens it by one.
    """

    url: str | None = None

    def __init__(self) -> None:
        self.held = ExitStack()

    @abstractmethod
    def saver(self) -> Any:
        """A saver over it, on a connection of its own."""

    def close(self) -> None:
        self.held.close()


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


ENGINES: dict[str, tuple[Callable[[], AbstractContextManager[str]], Callable[[str], EngineDatabase]]] = {
    "mysql": (servers.mariadb, MysqlDatabase),
}
"""What starts a server of each engine, and what makes a fresh database on it."""


class TwinSaver(BaseCheckpointSaver[Any]):
    """Keeps in memory too what a saver is given, so that the one can be held against the other."""

    def __init__(self, saver: Any) -> None:
        super().__init__(serde=saver.serde)
        self.saver = saver
        self.memory = InMemorySaver()

    def get_tuple(self, config: Any) -> Any:
        return self.saver.get_tuple(config)

    def list(self, config: Any, **selection: Any) -> Any:
        return self.saver.list(config, **selection)

    def put(self, *args: Any) -> Any:
        self.memory.put(*args)
        return self.saver.put(*args)

    def put_writes(self, *args: Any) -> None:
        self.memory.put_writes(*args)
        self.saver.put_writes(*args)

    def get_next_version(self, current: Any, channel: None) -> Any:
        return self.saver.get_next_version(current, channel)


def told(history: Any, what: str, ordered: bool = True) -> list[Any]:
    """What a history tells: of its ``tree``, the ``names`` of nodes, each ``state``, ``diff``, ``writes`` or what
    waits (``interrupts``).

    ``ordered``: with the order of channels and of what comes next, which without a graph not each database keeps.
    """
    order: Any = tuple if ordered else sorted
    rows = [history.checkpoint_at(row) for row in range(len(history.tree))]
    if what == "tree":
        return [
            (one.id, one.namespace, one.label, one.parent and one.parent.label, one.metadata, lane)
            for one, lane in zip(rows, history.tree.lane, strict=True)
        ]
    if what == "names":
        return [(one.label, one.nodes, order(one.next), one.changed, one.flags) for one in rows]
    if what == "state":
        return [(one.label, one.values) for one in rows]
    if what == "diff":
        return [order(str(history.diff(n, n + 1)).splitlines()) for n in range(len(history) - 1)]
    if what == "writes":
        return [(one.label, dict(one.writes), order(_task(task) for task in one.tasks)) for one in rows]
    assert what == "interrupts"
    return [history.status, *((one.label, one.interrupts, one.waiting, one.error) for one in rows)]


def _task(task: Any) -> Any:
    return task.name, task.id, repr(task.result), str(task.error), task.interrupts
