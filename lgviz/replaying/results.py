"""What a replay comes to: a verdict for each thread, and for each of its branches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from markupsafe import Markup

from lgviz._visible import visible
from lgviz.analysis.diff import StateDiff
from lgviz.analysis.html import page, tag
from lgviz.analysis.shown import ShownByFields

if TYPE_CHECKING:
    import pandas

__all__ = ["BranchReplay", "Replay", "ThreadReplay", "Verdict", "worst"]

Verdict = Literal["same", "unknown", "parted", "failed"]
_ORDER = ("same", "unknown", "parted", "failed")


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


def worst(branches: Sequence[BranchReplay]) -> BranchReplay:
    """The branch with the worst verdict; of several the first."""
    return max(branches, key=lambda branch: _ORDER.index(branch.verdict))


class Replay(Mapping[str, ThreadReplay]):
    """What became of threads that were replayed, by thread id.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> graph = two_nodes.build(InMemorySaver())
    >>> two_nodes.seed(graph)
    >>> replay = lgviz.replay(graph, graph)
    >>> replay
    Replay of 1 thread: 1 same; 3 tasks served, 0 ran
      1  same
    >>> replay["1"].served
    Counter({'node_b': 2, 'node_a': 1})

    Attributes:
        stopped: whether it was stopped before every thread was replayed.
    """

    def __init__(self, threads: Mapping[str, ThreadReplay], *, stopped: bool = False) -> None:
        self._threads = dict(threads)
        self.stopped = stopped

    def __getitem__(self, thread_id: str) -> ThreadReplay:
        return self._threads[thread_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._threads)

    def __len__(self) -> int:
        return len(self._threads)

    @property
    def ok(self) -> bool:
        """Whether every thread came out the same."""
        return not self.stopped and all(thread.verdict == "same" for thread in self.values())

    @property
    def counts(self) -> dict[str, int]:
        """How many threads have each verdict, the worst last."""
        found: Counter[str] = Counter(thread.verdict for thread in self.values())
        return {verdict: found[verdict] for verdict in _ORDER if found[verdict]}

    @property
    def served(self) -> Counter[str]:
        """By node, how many tasks history answered in all threads."""
        return sum((thread.served for thread in self.values()), Counter())

    @property
    def ran(self) -> Counter[str]:
        """By node, how many tasks ran in all threads."""
        return sum((thread.ran for thread in self.values()), Counter())

    def frame(self) -> pandas.DataFrame:
        """A row for each branch of each thread, with the columns ``thread_id, branch`` (the label of its
        head) ``, verdict, parted_at, reason``; ``served, ran`` are the thread's, told at its first branch."""
        import pandas as pd

        rows = [
            {
                "thread_id": thread.thread_id,
                "branch": branch.head,
                "verdict": branch.verdict,
                "parted_at": branch.parted_at,
                "reason": branch.reason,
                "served": thread.served.total() if number == 0 else 0,
                "ran": thread.ran.total() if number == 0 else 0,
            }
            for thread in self.values()
            for number, branch in enumerate(thread.branches)
        ]
        columns = ["thread_id", "branch", "verdict", "parted_at", "reason", "served", "ran"]
        return pd.DataFrame(rows, columns=columns)

    @property
    def summary(self) -> str:
        """In one line."""
        told = ", ".join(f"{count} {verdict}" for verdict, count in self.counts.items()) or "nothing"
        threads = "1 thread" if len(self) == 1 else f"{len(self):,} threads"
        served, ran = self.served.total(), self.ran.total()
        tasks = "1 task" if served == 1 else f"{served:,} tasks"
        early = ", stopped early" if self.stopped else ""
        return f"Replay of {threads}{early}: {told}; {tasks} served, {ran:,} ran"

    def __repr__(self) -> str:
        return visible("\n".join([self.summary, *map(_line, list(self.values())[:_SHOWN])]))

    def _repr_html_(self) -> str:
        lines = (tag("div", _line(thread).strip(), "lg-row") for thread in list(self.values())[:_SHOWN])
        return page("Replay", Markup().join(lines), {self.summary.partition(": ")[2]: ""})


_SHOWN = 30


def _line(thread: ThreadReplay) -> str:
    where = f" at {thread.parted_at}" if thread.parted_at else ""
    return f"  {thread.thread_id}  {thread.verdict}{where}{f': {thread.reason}' if thread.reason else ''}"
