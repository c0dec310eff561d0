"""Questions about what runs once more: what comes after a checkpoint, and a node that asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from langgraph.constants import START
from langgraph.pregel import Pregel

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.tree import Flag
from lgviz.session import dry_run

from .forms import count_of, node_counts, nodes_text
from .question import AnswerKey, LearnQuestion
from .subject import Subject

__all__ = ["ask_again", "ask_runs", "ran_in", "recorded_run"]

_FARTHEST = 30
"""Super-steps of a run whose nodes a person can count."""
_WITHIN = 2.0
"""Seconds in which history is looked through for what a run would do."""


def ask_runs(subject: Subject) -> LearnQuestion:
    """Which nodes run, and how often, when the run goes on from a checkpoint that it has left long ago."""
    at = subject.at
    path = recorded_run(subject)
    counts = ran_in(path)
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
    earlier = ran_in(subject.history.path(at))
    fact = f"{nodes_text(counts)} {'run' if counts.total() > 1 else 'runs'}."
    why = (
        "A replay runs again all that comes after the checkpoint, effects and all; "
        "what came before it is read from what is stored."
    )
    wrong = [(), earlier + counts, Counter(set(at.next) - {START}), earlier, Counter(set(counts))]
    return subject.ask(text, AnswerKey([counts], fact, why), node_counts, wrong, nodes_text)


def ask_again(subject: Subject) -> LearnQuestion:
    """How often a node that asked was begun until it had its answers."""
    at, child = subject.at, subject.following
    if child is None or Flag.INTERRUPT not in at.flags:
        subject.refuse(f"No run went on from {at.label} with an answer.")
    asked = [
        (cause.node, cause.begun.times)
        for cause in subject.history.why(child).tasks
        if cause.begun is not None and not cause.begun.at_least and not cause.failed_before
        if cause.node in subject.nodes and not isinstance(subject.graph.nodes[cause.node].bound, Pregel)
        if subject.node in (None, cause.node)
    ]
    if not asked:
        subject.refuse(f"No node asked at {at.label} and was answered, as far as history tells.")
    node, times = asked[0]
    answers = "it was answered" if times == 2 else f"it was answered {times - 1} times, question by question,"
    text = (
        f"At {at.label}, `{node}` asked by `interrupt()`; {answers} and {child.label} was made. "
        f"How often did the first line of `{node}` run?"
    )
    why = (
        f"With each answer `{node}` begins at its first line, and `interrupt()` gives at once what was "
        "answered: what stands before it is done again."
    )
    key = AnswerKey([times], f"It ran {_often(times)}.", why)
    return subject.ask(text, key, count_of, [1, times - 1, times + 1, 0], _often, {"node": node})


def _often(times: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(times, f"{times} times")


def ran_in(path: Iterable[Checkpoint]) -> Counter[str]:
    """How often each node ran to make these checkpoints; LangGraph's own ``__start__`` is none of them."""
    return Counter(node for each in path for node in each.nodes if node != START)


def recorded_run(subject: Subject) -> list[Checkpoint]:
    """The checkpoints that the run from here made, up to its end; refused where it stopped on the way,
    or where runs parted."""
    if subject.graph.interrupt_before_nodes or subject.graph.interrupt_after_nodes:
        subject.refuse("The graph has breakpoints, at which a run stops.")
    path: list[Checkpoint] = []
    step = subject
    while (child := step.following) is not None:
        if step.at.flags & (Flag.INTERRUPT | Flag.ERROR):
            subject.refuse(f"The run from {subject.at.label} stopped at {step.at.label}.")
        path.append(child)
        if len(path) > _FARTHEST:
            subject.refuse(f"The run from {subject.at.label} is too long to be predicted.")
        step = Subject(subject.history, child)
    if step.at.next:
        subject.refuse(f"No whole run from {subject.at.label} is recorded.")
    if not path:
        subject.refuse(f"Nothing comes after {subject.at.label}.")
    return path
