"""What history would answer of a run, told before anything runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.runnables import RunnableConfig

from lgviz.analysis.shown import ShownByFields

from .effects import Act
from .run_steps import Reuse, RunSpec, RunSteps
from .target import GraphTarget, find, perform, target_of
from .update import Edit, update

__all__ = ["DryRun", "dry_run"]

FURTHEST = 50
"""How many super-steps are looked ahead."""


@dataclass(frozen=True, slots=True, repr=False)
class DryRun(ShownByFields):
    """What history would answer of a run, up to the step in which something runs.

    Attributes:
        served: by node, how many tasks history answers.
        runs: by node, how many tasks run in the first step that history does not answer; empty where it
            answers all that was looked at.
        reason: why the first of them runs; else why the run fails, if it does.
        ends: whether that is all of the run.
    """

    served: Counter[str]
    runs: Counter[str]
    reason: str
    ends: bool


def dry_run(
    graph: Any,
    at: Any,
    edit: Edit | None = None,
    reuse: Reuse = True,
    steps: int = FURTHEST,
    *,
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
    check: Callable[[], None] = lambda: None,
) -> DryRun:
    """Look ahead at a run from a checkpoint, or from a fork of it, as far as history answers it.

    No node runs and nothing is stored; reducers do run.

    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz import session
    >>> from lgviz.demos import two_nodes
    >>> two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
    >>> session.dry_run(graph, "c0", reuse={"live": "node_b"}, thread_id="1")
    DryRun(served={node_a: 1}, runs={node_b: 1}, reason="it is live", ends=False)

    Args:
        graph, at, thread_id, config, context: as :func:`lgviz.run` takes them.
        edit: the fork that it would run from.
        reuse: as :func:`lgviz.run` takes it; what has effects counts as run.
        steps: how many super-steps to look ahead at most.
        check: called while history is looked through; what it raises is raised here.

    Raises:
        LgvizError: as :func:`lgviz.run` and :func:`lgviz.fork` do.
    """

    def act(here: GraphTarget) -> Act[DryRun]:
        position = (yield from find(here, at, thread_id, config)).overlaid()
        start = position.config
        if edit is not None:
            start = (yield from update(position, edit, config, context)).config
        spec = RunSpec(start, steps=steps, config=config, context=context, reuse=reuse)
        ahead = RunSteps(replace(spec, ahead={"dry": True, "check": check}))
        run = yield from ahead.act(position.target)
        check()
        answers = ahead.serving.answers if ahead.serving is not None else []
        failed = str(run.error) if run.error is not None else ""
        reason = next((answer.reason for answer in answers if not answer.served), failed)
        return DryRun(run.served, run.ran, reason, ends=not run.ran and run.status != "stopped")

    return perform(target_of(graph), act)
