"""All four trials of a task as branches of one thread: four heads, every node named right, each pair diffs."""

from __future__ import annotations

import itertools
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

from lgviz import persistence
from lgviz.analysis.history import open_history
from lgviz.analysis.tree import Flag
from tests.support.airline import NODE, build, message, replay, trials_of


@pytest.mark.parametrize("saver", [SqliteSaver, persistence.SqliteSaver], ids=["langgraph", "lgviz"])
@pytest.mark.parametrize("task_id", [0, 12, 27])
def test_four_trials_as_branches(shared_data: Path, tmp_path: Path, task_id: int, saver: Any) -> None:
    trials = trials_of(shared_data, task_id)
    assert len(trials) == 4
    policy = (shared_data / "airline" / "policy.md").read_text()
    connection = sqlite3.connect(tmp_path / "airline.db", check_same_thread=False)
    graph = build(trials, saver(connection))
    replay(graph, trials, "task", policy)
    for source in (graph, graph.checkpointer, tmp_path / "airline.db"):
        history = open_history(source, "task")
        heads = history.heads
        assert len(heads) == 4
        assert history.latest == heads[-1]
        assert history.status == "done"
        for head, trial in zip(heads, trials, strict=True):
            path = history.path(head)
            assert path[0] == history.root and path[-1] == head
            made = [c for c in path if c.source == "loop"]
            roles = [message(m, i).type for i, m in enumerate(trial)]
            assert [c.nodes for c in made] == [("__start__",), *((NODE[role],) for role in roles)]
            assert all(c.changed == ("messages",) for c in made)
            assert [c.nodes for c in path if c.source == "fork"] == [()] * sum(
                Flag.FORK in c.flags for c in path
            )
            for checkpoint in made[1:]:
                ((node, (write,)),) = checkpoint.writes.items()
                assert node == checkpoint.nodes[0]
                assert write["messages"] == checkpoint.values["messages"][-1:]
        assert len(history.branches) == 4
        assert sum(len(fork.children) - 1 for fork in history.forks) == 3
        for one, other in itertools.combinations(heads, 2):
            assert list(history.diff(one, other))
            assert not list(history.diff(one, one))
    connection.close()
