"""What delta channels are made of: collected from any source as LangGraph's own savers collect it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver

from lgviz import persistence
from lgviz.persistence.savers.saver import Saver
from lgviz.sources import LayeredSource, open_source
from lgviz.sources.deltas import DeltaHistories
from lgviz.sources.places import config_of
from tests.support.delta_threads import agent, drive

CHANNELS = ["messages", "log", "files", "tags", "count"]


class Unknown(BaseCheckpointSaver[str]):
    """A saver that lgviz knows nothing about."""

    def __init__(self) -> None:
        super().__init__()
        self.base = InMemorySaver()

    def get_tuple(self, config: Any) -> Any:
        return self.base.get_tuple(config)

    def list(self, *args: Any, **kwargs: Any) -> Any:
        return self.base.list(*args, **kwargs)

    def put(self, *args: Any) -> Any:
        return self.base.put(*args)

    def put_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        self.base.put_writes(config, writes, task_id, task_path)

    def get_next_version(self, current: Any, channel: None) -> str:
        return self.base.get_next_version(current, channel)


def ancestors(source: Any, namespace: str, id_: str) -> Iterator[str]:
    parents = {row.id: row.parent_id for row in source.index("1").checkpoints if row.namespace == namespace}
    while (parent := parents.get(id_)) is not None:
        yield parent
        id_ = parent


def check(saver: Any, what: Any) -> int:
    """Every checkpoint's histories equal to what the saver tells LangGraph."""
    source = what if isinstance(what, LayeredSource) else open_source(what)
    rows = source.index("1").checkpoints

    def children(namespace: str, id_: str) -> list[tuple[str, str]]:
        return [
            (row.id, row.metadata["source"])
            for row in rows
            if (row.namespace, row.parent_id) == (namespace, id_)
        ]

    # lgviz's savers leave to each child of a checkpoint the writes that made it, LangGraph's give all to all.
    ours = isinstance(saver, Saver)
    deltas = DeltaHistories(source, "1", *([children] if ours else []))
    for row in rows:
        path = ancestors(source, row.namespace, row.id)
        found = deltas.collect(row.namespace, path, CHANNELS, row.id if ours else "")
        config = config_of("1", row.namespace, row.id)
        held = source.bookkeeping("1", row.namespace, [row.id])[row.id].channels if ours else ()
        for name, told in saver.get_delta_channel_history(config=config, channels=CHANNELS).items():
            history = found[name]
            if name in held:  # nobody asks what a stored value was made of
                continue
            assert [(w.task_id, name, w.value) for _, ws in history.steps for w in ws] == told["writes"]
            assert (history.seed_id is not None) == ("seed" in told)
            assert history.seed == told.get("seed")
            assert history.lost is None
    source.close()
    return len(rows)


def savers(folder: Path) -> dict[str, Callable[[], tuple[Any, Any]]]:
    """By name: a saver, and what of it is read."""

    def langgraphs(name: str) -> Any:
        return SqliteSaver(sqlite3.connect(folder / name, check_same_thread=False))

    def file(saver: Any, name: str) -> tuple[Any, Any]:
        return saver, folder / name

    return {
        "memory": lambda: (saver := InMemorySaver(), saver),
        "sqlite": lambda: (saver := langgraphs("live.db"), saver),
        "sqlite file": lambda: file(langgraphs("file.db"), "file.db"),
        "unknown": lambda: (saver := Unknown(), saver),
        "lgviz": lambda: (saver := persistence.MemorySaver(), saver),
        "lgviz file": lambda: file(
            persistence.SqliteSaver.from_conn_string(str(folder / "ours.db")), "ours.db"
        ),
    }


@pytest.mark.parametrize("kind", ["memory", "sqlite", "sqlite file", "unknown", "lgviz", "lgviz file"])
def test_histories_are_those_of_the_saver(kind: str, tmp_path: Path) -> None:
    for seed in range(3):
        folder = tmp_path / str(seed)
        folder.mkdir()
        saver, what = savers(folder)[kind]()
        drive(agent(saver), seed)
        assert check(saver, what) > 10


def test_histories_in_postgres(postgres_uri: Callable[[], str]) -> None:
    uri = postgres_uri()
    with PostgresSaver.from_conn_string(uri) as saver:
        saver.setup()
        drive(agent(saver), 1)
        assert check(saver, saver) > 10
        assert check(saver, uri) > 10


def test_histories_over_a_sandbox() -> None:
    saver = InMemorySaver()
    drive(agent(saver), 2)
    above = LayeredSource(open_source(saver), open_source(InMemorySaver()))
    assert check(saver, above) > 10
