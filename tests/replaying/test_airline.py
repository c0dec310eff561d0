"""Recorded conversations, stored by LangGraph's own saver, done again without a node running."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

from lgviz.analysis.history import open_history
from lgviz.replaying.run import replay
from tests.support import airline


def _tasks(folder: Path) -> list[int]:
    with gzip.open(folder / "airline" / "trajectories.jsonl.gz", "rt") as lines:
        return sorted({json.loads(line)["task_id"] for line in lines})


def _counted(graph: Any, calls: Counter[str]) -> Any:
    for name, node in graph.nodes.items():
        if name != "__start__":
            node.bound.func = _count(node.bound.func, name, calls)
    return graph


def _count(said: Any, name: str, calls: Counter[str]) -> Any:
    def run(state: Any, config: Any) -> Any:
        calls[name] += 1
        return said(state, config)

    return run


def test_every_trial_of_some_tasks_is_the_same_and_no_node_runs(shared_data: Path, tmp_path: Path) -> None:
    _all_the_same(shared_data, tmp_path, _tasks(shared_data)[::10])


@pytest.mark.upstream
@pytest.mark.timeout(900)
def test_every_trial_of_every_task_is_the_same_and_no_node_runs(shared_data: Path, tmp_path: Path) -> None:
    _all_the_same(shared_data, tmp_path, _tasks(shared_data))


def _all_the_same(shared_data: Path, tmp_path: Path, tasks: list[int]) -> None:
    policy = (shared_data / "airline" / "policy.md").read_text()
    connection = sqlite3.connect(tmp_path / "airline.db", check_same_thread=False)
    saver = SqliteSaver(connection)
    calls: Counter[str] = Counter()
    for task in tasks:
        trials = airline.trials_of(shared_data, task)
        airline.replay(airline.build(trials, saver), trials, str(task), policy)
    for task in tasks:
        graph = _counted(airline.build(airline.trials_of(shared_data, task), None), calls)
        found = replay(graph, tmp_path / "airline.db", threads=str(task))[str(task)]
        assert found.verdict == "same", found.reason
        assert not found.ran
        recorded = open_history(saver, str(task))
        heads = {head.label: head.values for head in recorded.heads}
        assert {branch.head: branch.values for branch in found.branches} == heads
        assert found.served.total() >= len(recorded.heads)
    assert calls.total() == 0
    connection.close()
