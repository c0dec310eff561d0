"""How often the database is asked: a checkpoint is read once, whole, and a fork reads it once for LangGraph too."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

import lgviz
from lgviz.demos import two_nodes
from lgviz.persistence import SqliteSaver

Traced = tuple[Any, lgviz.History, list[str]]


@pytest.fixture
def traced() -> Iterator[Traced]:
    conn = sqlite3.connect(":memory:", check_same_thread=False)
    saver = SqliteSaver(conn)
    graph = two_nodes.build(saver)
    two_nodes.seed(graph)
    history = lgviz.history(graph)
    statements: list[str] = []
    conn.set_trace_callback(statements.append)
    yield graph, history, statements
    conn.close()


def bodies(statements: list[str]) -> list[str]:
    """The statements that read checkpoints whole."""
    return [s for s in statements if "c.metadata, c.body" in s]


def test_a_label_opens_nothing(traced: Traced) -> None:
    _, history, statements = traced
    checkpoint = history["c2"]
    assert (checkpoint.nodes, checkpoint.changed) == (("node_a",), ("bar", "foo"))
    assert not statements


def test_values_are_one_statement_of_one_moment(traced: Traced) -> None:
    _, history, statements = traced
    assert history["c2"].values == {"foo": "a", "bar": ["a"]}
    blocks = [s for s in statements if "lgviz_blocks" in s and "c.body" not in s]
    begun = sum(s.startswith("BEGIN") for s in statements)
    assert len(bodies(statements)) == 1 and begun <= 1
    rows = [s for s in statements if not s.startswith(("BEGIN", "COMMIT"))]
    assert len(rows) - len(blocks) == 1


def test_what_was_read_for_the_values_answers_the_rest(traced: Traced) -> None:
    _, history, statements = traced
    checkpoint = history["c2"]
    assert checkpoint.values["foo"] == "a"
    statements.clear()
    assert checkpoint.next == ("node_b",) and len(checkpoint.tasks) == 1
    assert checkpoint.created_at is not None and checkpoint.stored.values["foo"] == "a"
    assert history["c3"].writes == {"node_b": [{"foo": "b", "bar": ["b"]}]}
    assert not statements


def test_what_comes_to_a_checkpoint_meanwhile_is_read(traced: Traced) -> None:
    graph, history, statements = traced
    head = history.latest
    assert head.next == ()
    made = lgviz.fork(graph, head, {"foo": "more"}, as_node="node_a")
    history.refresh()
    statements.clear()
    assert head.children == [made] and head.values["foo"] == "b"
    assert len(bodies(statements)) == 1


def test_a_fork_reads_its_checkpoint_once(traced: Traced) -> None:
    graph, history, statements = traced
    checkpoint = history["c2"]
    lgviz.fork(graph, checkpoint, {"foo": "x"}, as_node="node_a")
    put = next(n for n, s in enumerate(statements) if s.startswith("INSERT INTO lgviz_checkpoints"))
    before = bodies(statements[:put])
    assert sum(checkpoint.id in s for s in before) == 1
    # LangGraph itself asks what the newest checkpoint is.
    assert len(before) == 2
