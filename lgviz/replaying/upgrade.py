"""``check_upgrade``: can this graph resume these threads?"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from markupsafe import Markup
from tqdm.auto import tqdm

from lgviz._visible import visible
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import History
from lgviz.analysis.html import page, tag
from lgviz.analysis.shown import ShownByFields
from lgviz.errors import LgvizError
from lgviz.persistence import Placeholder
from lgviz.sources.base import Undecodable

from .said import names, said_of
from .work import Names, ThreadWork

if TYPE_CHECKING:
    import pandas

__all__ = ["UpgradeProblem", "UpgradeReport", "check_upgrade"]


@dataclass(frozen=True, slots=True, repr=False)
class UpgradeProblem(ShownByFields):
    """What keeps a head from being resumed as it was left.

    Attributes:
        thread_id, head: where; ``head`` is the label of a checkpoint.
        kind: ``"value"``: a stored value cannot be decoded; ``"state"``: the graph refuses the state;
            ``"next"``: what comes next is another; ``"task"``: a waiting task is not known again;
            ``"replay"``: what led there raises now.
        text: what it is, in one sentence.
        remedy: what to change.
    """

    thread_id: str
    head: str
    kind: Literal["value", "state", "next", "task", "replay"]
    text: str
    remedy: str


class UpgradeReport:
    """Which heads of which threads a graph can go on from.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
    >>> lgviz.check_upgrade(graph, graph)
    Upgrade of 1 thread, 2 heads: all can be resumed

    Attributes:
        threads, heads: how many were looked at.
        problems: what was found, by thread and head.
    """

    def __init__(self, threads: int, heads: int, problems: list[UpgradeProblem]) -> None:
        self.threads = threads
        self.heads = heads
        self.problems = problems

    def __len__(self) -> int:
        return len(self.problems)

    def __iter__(self) -> Iterator[UpgradeProblem]:
        return iter(self.problems)

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.problems

    def frame(self) -> pandas.DataFrame:
        """A row for each problem, with the columns ``thread_id, head, kind, text, remedy``."""
        import pandas as pd

        columns = ["thread_id", "head", "kind", "text", "remedy"]
        rows = [[getattr(problem, name) for name in columns] for problem in self.problems]
        return pd.DataFrame(rows, columns=columns)

    @property
    def summary(self) -> str:
        """In one line."""
        threads = "1 thread" if self.threads == 1 else f"{self.threads:,} threads"
        heads = "1 head" if self.heads == 1 else f"{self.heads:,} heads"
        found = len({(problem.thread_id, problem.head) for problem in self.problems})
        told = f"{found:,} cannot be resumed as they were left" if found else "all can be resumed"
        return f"Upgrade of {threads}, {heads}: {told}"

    def __repr__(self) -> str:
        return visible("\n".join([self.summary, *(f"  {_line(each)}" for each in self.problems[:_SHOWN])]))

    def _repr_html_(self) -> str:
        lines = (tag("div", _line(each), "lg-ask") for each in self.problems[:_SHOWN])
        return page("Upgrade", Markup().join(lines), {self.summary.partition(": ")[2]: ""})


_SHOWN = 30


def _line(problem: UpgradeProblem) -> str:
    return f"{problem.thread_id} {problem.head}: {problem.text}. {problem.remedy}"


def check_upgrade(graph: Any, source: Any, threads: Names | None = None) -> UpgradeReport:
    """Whether a graph can go on with threads that an earlier version of it left. Runs no node of it.

    For each head: what is stored decodes, the graph takes the state, what comes next are nodes that it has,
    and the tasks that wait, with their questions, are those that LangGraph would make now. Then what led to
    it is done again as :func:`lgviz.replay` does, history answering every task, to see that nothing raises;
    that it comes out other is no problem to who goes on from what is stored.

    Args:
        graph: today's graph.
        source: where the threads are: whatever :func:`lgviz.open_source` takes.
        threads: which ones, by id; None: all.

    Raises:
        SourceError: the source cannot be read.
        ThreadNotFound: it has no such thread.
        ActRefused: the graph is none that can run.
    """
    work = replace(ThreadWork.of(graph, source, threads), runs=False)
    bare = copy.copy(work.source)
    bare.graph = None
    problems: list[UpgradeProblem] = []
    heads = 0
    for thread_id in tqdm(work.threads, unit="thread", disable=None, leave=False):
        stored, told = History(bare, thread_id), History(work.source, thread_id)
        for head in stored.heads:
            heads += 1
            problems += _of_head(head, told.checkpoint_at(head.row), work.graph)
        replayed = work.replayed(thread_id)
        problems += [
            UpgradeProblem(
                thread_id, branch.head, "replay", f"at {branch.parted_at} {branch.reason}", _REPLAYED
            )
            for branch in replayed.branches
            if branch.verdict == "failed"
        ]
    return UpgradeReport(len(work.threads), heads, problems)


_REPLAYED = "See lgviz.replay(graph, source)[thread_id]."


def _of_head(stored: Checkpoint, told: Checkpoint, graph: Any) -> Iterator[UpgradeProblem]:
    thread_id, head = stored.history.thread_id, stored.label
    fork = f"lgviz.fork(graph, {head!r}, …, as_node=…, thread_id={thread_id!r})"
    try:
        for name, value in stored.stored.values.items():
            if (why := _undecodable(value)) is not None:
                remedy = "Import its class before, or keep a class of that name."
                yield UpgradeProblem(thread_id, head, "value", f"the value of {name!r}: {why}", remedy)
        if (why := told.unloadable) is not None:
            remedy = f"Give what is new in the schema a default, or set it by a fork: {fork}."
            yield UpgradeProblem(thread_id, head, "state", f"the state {why}", remedy)
            return
        left, comes = stored.next, told.next
    except LgvizError as error:
        yield UpgradeProblem(thread_id, head, "value", said_of(error), error.remedy)
        return
    if gone := [name for name in left if name not in graph.nodes]:
        text = f"{names(gone)} was to run next, and the graph has no such node"
        yield UpgradeProblem(thread_id, head, "next", text, f"Keep the node, or go round it by {fork}.")
    elif sorted(left) != sorted(comes):
        text = f"{names(comes) or 'nothing'} comes next, where {names(left) or 'nothing'} was to"
        yield UpgradeProblem(thread_id, head, "next", text, f"Keep the edges that lead there, or {fork}.")
    else:
        yield from _of_tasks(stored, told, fork)


def _of_tasks(stored: Checkpoint, told: Checkpoint, fork: str) -> Iterator[UpgradeProblem]:
    """Tasks that have begun are known again by their ids, which are made of their nodes' triggers."""
    begun = {task.id: task for task in stored.tasks if task.interrupts or task.result is not None}
    known = {task.id for task in told.tasks}
    lost = [task for id_, task in begun.items() if id_ not in known]
    if not lost:
        return
    asks = any(task.interrupts for task in lost)
    text = f"{names(task.name for task in lost)} would begin anew, for other edges lead there now"
    first = "Answer it before the upgrade" if asks else "Keep the edges that lead there"
    yield UpgradeProblem(stored.history.thread_id, stored.label, "task", text, f"{first}, or {fork}.")


def _undecodable(value: Any) -> str | None:
    """Why a stored value, or a part of it, is not what it was."""
    if isinstance(value, (Undecodable, Placeholder)):
        return f"{value.type} cannot be built: {value.reason}"
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return next((why for part in parts if (why := _undecodable(part)) is not None), None)
