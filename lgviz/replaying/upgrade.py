"""``check_upgrade``: can this graph resume these threads?"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from markupsafe import Markup

from lgviz._progress import Bar
from lgviz._visible import visible
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import History
from lgviz.analysis.html import page, tag
from lgviz.analysis.shown import ShownByFields
from lgviz.errors import LgvizError
from lgviz.persistence import Placeholder
from lgviz.reuse.recorded import is_graph
from lgviz.sources.base import Undecodable
from lgviz.sources.places import BRANCH_TO, JOIN, calls, is_internal, node_path, within

from .said import names, said_of
from .work import Names, ThreadWork

if TYPE_CHECKING:
    import pandas

__all__ = ["UpgradeProblem", "UpgradeReport", "check_upgrade"]


Kind = Literal["value", "state", "next", "task", "replay"]


@dataclass(frozen=True, slots=True, repr=False)
class UpgradeProblem(ShownByFields):
    """What keeps a head from being resumed as it was left.

    Attributes:
        thread_id, head: where; ``head`` is the label of a checkpoint, also where a subgraph waits in it.
        kind: ``"value"``: a stored value cannot be decoded; ``"state"``: the graph refuses the state;
            ``"next"``: what comes next is another; ``"task"``: a waiting task is not known again;
            ``"replay"``: what led there raises now.
        text: what it is, in one sentence.
        remedy: what to change.
    """

    thread_id: str
    head: str
    kind: Kind
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

    For each head, and each subgraph that waits in it: what is stored decodes, the graph takes the state and
    has channels for all of it, what comes next are nodes that it has, and the tasks that wait, with their
    questions, are those that LangGraph would make now. Then what led to it is done again as
    :func:`lgviz.replay` does, history answering every task, to see that nothing raises; that it comes out
    other is no problem to who goes on from what is stored.

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
    graphs = dict(_graphs(work.graph))
    bare = copy.copy(work.source)
    bare.graph = None
    problems: list[UpgradeProblem] = []
    heads = 0
    for thread_id in Bar(work.threads, unit="thread", disable=None, leave=False):
        stored, told = History(bare, thread_id), History(work.source, thread_id)
        for head in stored.heads:
            heads += 1
            for stop, graph_there in _stops(head, graphs):
                problems += _Stop(head, stop, told.checkpoint_at(stop.row), graph_there).problems()
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


def _graphs(graph: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """By path a graph, and those that are its nodes. Which ones a function calls does not follow from it."""
    yield path, graph
    for name, node in graph.nodes.items():
        if is_graph(node):
            yield from _graphs(node.bound, within(path, name))


def _stops(head: Checkpoint, graphs: Mapping[str, Any]) -> Iterator[tuple[Checkpoint, Any]]:
    """A head, and where subgraphs that it called wait, each with the graph that goes on from there."""
    if (graph := graphs.get(node_path(head.namespace))) is None:
        return
    yield head, graph
    newest = {each.namespace: each for each in head.inner}
    for inner in newest.values():
        if inner.next:
            yield from _stops(inner, graphs)


@dataclass(frozen=True)
class _Stop:
    """A checkpoint that a graph is to go on from.

    Attributes:
        head: the head that it is, or that called its subgraph.
        stored: the checkpoint as it is stored, without a graph.
        told: as today's graph tells it.
        graph: that graph.
    """

    head: Checkpoint
    stored: Checkpoint
    told: Checkpoint
    graph: Any

    @property
    def fork(self) -> str:
        thread = self.head.history.thread_id
        return f"lgviz.fork(graph, {self.stored.label!r}, …, as_node=…, thread_id={thread!r})"

    @property
    def dated(self) -> bool:
        """Whether a LangGraph of 2024 or early 2025 wrote it."""
        return bool(self.stored.history.tree.rows[self.stored.row].dated)

    def problem(self, kind: Kind, text: str, remedy: str) -> UpgradeProblem:
        namespace = node_path(self.stored.namespace)
        where = f"in {namespace!r} at {self.stored.label}: " if namespace else ""
        return UpgradeProblem(self.head.history.thread_id, self.head.label, kind, where + text, remedy)

    def problems(self) -> Iterator[UpgradeProblem]:
        lasts = self.graph.checkpointer is True
        if (call := next(iter(calls(self.stored.namespace)[-1:]), None)) and lasts == bool(call.task_id):
            text = f"it would begin anew, for checkpointer=True was {'added to it' if lasts else 'removed'}"
            yield self.problem(
                "task", text, "Let it go on to its end before the upgrade, or keep it as it was."
            )
            return
        try:
            for name, value in self.stored.stored.values.items():
                if (why := _undecodable(value)) is not None:
                    remedy = "Import its class before, or keep a class of that name."
                    yield self.problem("value", f"the value of {name!r}: {why}", remedy)
            if (why := self.told.unloadable) is not None:
                remedy = f"Give what is new in the schema a default, or set it by a fork: {self.fork}."
                yield self.problem("state", f"the state {why}", remedy)
                return
            left, comes = self.stored.next, self.told.next
        except LgvizError as error:
            yield self.problem("value", said_of(error), error.remedy)
            return
        if gone := [name for name in left if name not in self.graph.nodes]:
            text = f"{names(gone)} was to run next, and the graph has no such node"
            yield self.problem("next", text, f"Keep the node, or go round it by {self.fork}.")
        elif self.dated and set(left) <= set(comes):
            pass  # which tasks had finished there does not follow without the graph
        elif sorted(left) != sorted(comes):
            text = f"{names(comes) or 'nothing'} would come next, where {names(left) or 'nothing'} was to"
            yield self.problem("next", text, f"Keep the edges that lead there, or {self.fork}.")
        else:
            yield from self._tasks()
        yield from self._dropped()

    def _tasks(self) -> Iterator[UpgradeProblem]:
        """Tasks that have begun are known again by their ids, which are made of their nodes' triggers."""
        begun = {task.id: task for task in self.stored.tasks if task.interrupts or task.result is not None}
        known = {task.id for task in self.told.tasks}
        lost = [task for id_, task in begun.items() if id_ not in known]
        if not lost:
            return
        asks = any(task.interrupts for task in lost)
        text = f"{names(task.name for task in lost)} would begin anew, for other edges lead there now"
        first = "Answer it before the upgrade" if asks else "Keep the edges that lead there"
        yield self.problem("task", text, f"{first}, or {self.fork}.")

    def _dropped(self) -> Iterator[UpgradeProblem]:
        """What LangGraph passes over in silence: what is stored for a channel that the graph has no more."""
        record = self.stored.stored
        held = {name: value for name, value in record.values.items() if value is not None}
        written = {write.channel: write.value for write in record.writes if self.stored.next}
        if self.dated:  # it named channels in another way
            return
        gone = {n: v for n, v in {**held, **written}.items() if n not in self.graph.channels}
        for name in gone:
            if name.startswith(JOIN) and self.stored.next and (gone[name] or name in written):
                starts, _, end = name.removeprefix(JOIN).partition(":")
                text = (
                    f"{end!r} waits for {names(starts.split('+'))}, and the graph has no such join any more"
                )
                yield self.problem("next", text, f"Keep the join, or go round it by {self.fork}.")
            elif name in written and name.startswith(BRANCH_TO):
                text = (
                    f"{name.removeprefix(BRANCH_TO)!r} was to run after that, and the graph has no such node"
                )
                yield self.problem("next", text, f"Keep the node, or go round it by {self.fork}.")
        if lost := [name for name in gone if not is_internal(name)]:
            text = f"the graph has no channel {names(lost)}: what is stored for it is dropped"
            yield self.problem(
                "state", text, f"Keep the channel, or give its value to another by {self.fork}."
            )


def _undecodable(value: Any) -> str | None:
    """Why a stored value, or a part of it, is not what it was."""
    if isinstance(value, (Undecodable, Placeholder)):
        return f"{value.type} cannot be built: {value.reason}"
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return next((why for part in parts if (why := _undecodable(part)) is not None), None)
