"""A look at each engine that `make test` has the time for; `make engines` has the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import lgviz
from lgviz.demos import two_nodes
from tests.support.engines import ENGINES, EngineDatabase


@pytest.mark.parametrize("engine", [engine for engine in ENGINES if engine != "cosmos-other"])
def test_a_thread_is_read_forked_and_run(engine: str, fresh: Callable[[str], EngineDatabase]) -> None:
    database = fresh(engine)
    told = _told(database.saver(), database.url)
    assert told == _told(database.memory(), None)


def _told(saver: Any, url: str | None) -> list[Any]:
    graph = two_nodes.build(saver)
    two_nodes.seed(graph, "1")
    history = lgviz.history(graph, "1")
    lgviz.run(graph, lgviz.fork(graph, history["c2"], {"foo": "other"}, as_node="node_a"))
    history.refresh()
    found = [(one.label, one.nodes, one.next, one.values, one.parent and one.parent.label) for one in history]
    assert len(found) == 8
    if url is not None:
        by_url = lgviz.history(url, "1")
        assert [(one.id, one.nodes) for one in by_url] == [(one.id, one.nodes) for one in history]
        assert by_url.latest.values == history.latest.values
        by_url.source.close()
    history.source.close()
    return found
