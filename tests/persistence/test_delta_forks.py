"""Forks of threads with delta channels: each branch has its own writes, as a plain channel beside tells."""

from __future__ import annotations

import pytest

from tests.support import delta_forks as forks

SAVERS = ["langgraph memory", "langgraph sqlite", "lgviz memory", "lgviz sqlite"]


@pytest.mark.parametrize("kind", SAVERS)
@pytest.mark.parametrize("name", forks.FORKS)
def test_a_fork_and_the_branch_that_it_leaves_are_right(name: str, kind: str) -> None:
    graph = forks.FORKS[name](forks.new_saver(kind))
    assert len(list(graph.get_state_history(forks.CONFIG))) > 2
    assert forks.wrong(graph) == []


@pytest.mark.parametrize("seed", range(12))
def test_forks_drawn_at_random(seed: int) -> None:
    graph, done = forks.drive(forks.new_saver("lgviz memory"), seed)
    assert forks.wrong(graph) == [], done
