"""Questions about what a run from a checkpoint runs: what comes after it, once more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from langgraph.constants import START

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.tree import Flag
from lgviz.session import dry_run

from .forms import node_counts, nodes_text
from .question import AnswerKey, LearnQuestion
from .subject import Subject

__all__ = ["ask_runs"]

_WITHIN = 2.0
"""Seconds in which history is looked through for what a run would do."""


def ask_runs(subject: Subject) -> LearnQuestion:
    """Which nodes run, and how often, when the run goes on from a checkpoint that it has left long ago."""
    at = subject.at
    path = _recorded(subject)
    counts = _ran(path)
    ahead = dry_run(
        subject.graph, at, reuse={"within": _WITHIN}, config=subject.config, context=subject.context
    )
    if ahead.runs or not ahead.ends:
        subject.refuse(f"History does not tell what a run from {at.label} does.")
    text = (
        f"The thread went on from {at.label} to {path[-1].label} before. Now it is run from {at.label} once "
        f"more, by `graph.invoke(None, config_of_{at.label})`. Which nodes run, and how often, if each gives "
        "what it gave then?"
    )
    earlier = _ran(subject.history.path(at))
    fact = f"{nodes_text(counts)} {'run' if counts.total() > 1 else 'runs'}."
    why = (
        "A replay runs again all that comes after the checkpoint, effects and all; "
        "what came before it is read from what is stored."
    )
    wrong = [(), earlier + counts, Counter(set(at.next)), earlier, Counter(set(counts))]
    return subject.ask(text, AnswerKey([counts], fact, why), node_counts, wrong, nodes_text)


def _ran(path: Iterable[Checkpoint]) -> Counter[str]:
    """How often each node ran to make these checkpoints; LangGraph's own ``__start__`` is none of them."""
    return Counter(node for each in path for node in each.nodes if node != START)


def _recorded(subject: Subject) -> list[Checkpoint]:
    """The checkpoints that the run from here made, up to its end; refused where it asked or failed on the
    way, or where runs parted."""
    path: list[Checkpoint] = []
    step = subject
    while step.at.next:
        if step.at.flags & (Flag.INTERRUPT | Flag.ERROR):
            subject.refuse(f"The run from {subject.at.label} stopped at {step.at.label}.")
        child = step.following
        if child is None:
            subject.refuse(f"No whole run from {subject.at.label} is recorded.")
        path.append(child)
        step = Subject(subject.history, child)
    if not path:
        subject.refuse(f"Nothing comes after {subject.at.label}.")
    return path
