"""What a replay comes to for one thread: a verdict, and one for each of its branches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lgviz.analysis.diff import StateDiff
from lgviz.analysis.shown import ShownByFields

__all__ = ["ORDER", "BranchReplay", "ThreadReplay", "Verdict", "worst"]

Verdict = Literal["same", "unknown", "parted", "failed"]
ORDER = ("same", "unknown", "parted", "failed")
"""Verdicts, the worst last."""


@dataclass(frozen=True, slots=True, repr=False)
class BranchReplay(ShownByFields):
    """What became of one branch.

    Attributes:
        head: the label of its last checkpoint.
        verdict: ``"same"``: every state came out equal, but for ids that were made up; ``"parted"``;
            ``"failed"``: what was to run raised; ``"unknown"``: what is stored does not tell.
        parted_at: the label of the first checkpoint that differs.
        reason: one sentence; empty where it is the same.
        diff: from the recorded state to the new one, at that checkpoint.
        values: the state at its end.
    """

    head: str
    verdict: Verdict
    parted_at: str | None = None
    reason: str = ""
    diff: StateDiff | None = None
    values: Any = None


@dataclass(frozen=True, slots=True, repr=False)
class ThreadReplay(ShownByFields):
    """What became of one thread: of the worst of its branches.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
    >>> thread = lgviz.replay(graph, graph)["1"]
    >>> thread.verdict, [branch.head for branch in thread.branches]
    ('same', ['c3', 'c5'])

    Attributes:
        thread_id: the thread.
        verdict, parted_at, reason, diff, values: see :class:`BranchReplay`.
        served: by node, how many tasks history answered.
        ran: by node, how many ran.
        branches: all of them.
        answered: by node, how many calls of models in tasks that ran were answered from what was recorded.
        tokens: how many the models used whose messages history answered with, where messages tell.
        warnings: what else happened, as a recorded answer that a model did not ask for.
    """

    thread_id: str
    verdict: Verdict
    served: Counter[str]
    ran: Counter[str]
    parted_at: str | None = None
    reason: str = ""
    diff: StateDiff | None = None
    values: Any = None
    branches: tuple[BranchReplay, ...] = ()
    answered: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    warnings: tuple[str, ...] = ()


def worst(branches: Sequence[BranchReplay]) -> BranchReplay:
    """The branch with the worst verdict; of several the first."""
    return max(branches, key=lambda branch: ORDER.index(branch.verdict))
