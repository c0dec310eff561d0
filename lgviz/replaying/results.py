"""What a replay of many threads comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from lgviz._visible import visible
from lgviz.analysis.html import page, tag
from lgviz.sources.bundle_file import write_whole

from .report import report_html
from .verdicts import ORDER, ThreadReplay

if TYPE_CHECKING:
    import pandas

__all__ = ["Replay"]


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
        shown: gives the id of a thread as it may be shown: masked where the source masks.
    """

    def __init__(
        self,
        threads: Mapping[str, ThreadReplay],
        *,
        stopped: bool = False,
        shown: Callable[[str], str] = str,
    ) -> None:
        self._threads = dict(threads)
        self.stopped = stopped
        self.shown = shown

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
        return {verdict: found[verdict] for verdict in ORDER if found[verdict]}

    @property
    def served(self) -> Counter[str]:
        """By node, how many tasks history answered in all threads."""
        return sum((thread.served for thread in self.values()), Counter())

    @property
    def ran(self) -> Counter[str]:
        """By node, how many tasks ran in all threads."""
        return sum((thread.ran for thread in self.values()), Counter())

    @property
    def answered(self) -> Counter[str]:
        """By node, how many calls of models in tasks that ran were answered, in all threads."""
        return sum((thread.answered for thread in self.values()), Counter())

    @property
    def warnings(self) -> list[str]:
        """What else happened in any thread, each once."""
        return list(dict.fromkeys(text for thread in self.values() for text in thread.warnings))

    @property
    def tokens(self) -> int:
        """How many tokens were not bought again, in all threads."""
        return sum(thread.tokens for thread in self.values())

    def to_html(self, of: str = "") -> str:
        """A report as one HTML page, without scripts and without a network; see :meth:`export_html`."""
        threads = [replace(thread, thread_id=self.shown(thread.thread_id)) for thread in self.values()]
        return str(report_html(threads, of, stopped=self.stopped))

    def export_html(self, path: Any, of: str = "") -> None:
        """Write a report as one HTML file: every thread's verdict, where it parted, and how.

        What ``redact=`` masks in the source is masked in it.

        Args:
            path: where to; a file that is there is written over.
            of: what was replayed, in words, to stand below the title.

        Raises:
            MissingFile: its folder is not there.
        """
        write_whole(Path(path), self.to_html(of).encode())

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
        lines = [self._line(thread) for thread in list(self.values())[:_SHOWN]]
        return visible("\n".join([self.summary, *lines, *(f"  {text}" for text in self.warnings[:_SHOWN])]))

    def _repr_html_(self) -> str:
        lines = [tag("div", self._line(thread).strip(), "lg-row") for thread in list(self.values())[:_SHOWN]]
        lines += [tag("div", text, "lg-ask") for text in self.warnings[:_SHOWN]]
        return page("Replay", Markup().join(lines), {self.summary.partition(": ")[2]: ""})

    def _line(self, thread: ThreadReplay) -> str:
        where = f" at {thread.parted_at}" if thread.parted_at else ""
        why = f": {thread.reason}" if thread.reason else ""
        return f"  {self.shown(thread.thread_id)}  {thread.verdict}{where}{why}"


_SHOWN = 30
