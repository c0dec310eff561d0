"""What a sweep comes to: a row for each fork and repeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import TYPE_CHECKING, Any, TypeVar, overload

from markupsafe import Markup

from lgviz._visible import visible
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import open_history
from lgviz.analysis.html import page, tag
from lgviz.analysis.shown import ShownByFields
from lgviz.errors import NotFound, listed
from lgviz.sources.places import place_of

from .outcomes import Item, Outcome

if TYPE_CHECKING:
    import pandas
    import plotly.graph_objects as go

__all__ = ["Sweep", "SweepRow"]

T = TypeVar("T")
_ROWS = 200


@dataclass(frozen=True, slots=True, repr=False)
class SweepRow(ShownByFields):
    """One fork, run once.

    >>> row = SweepRow("cheap", 0, "done", score=1.0)
    >>> row.case, row.score
    ('cheap', 1.0)

    Attributes:
        case: which of the values.
        run: which repeat, from 0.
        status: as of :class:`lgviz.Run`; ``"refused"`` where it could not begin, ``"planned"`` where it was
            only looked ahead.
        score: what the score gave for the state at its end.
        served, ran: by node, how many tasks history answered, and how many ran.
        error: what was raised, in a sentence.
        values: the state at its end.
    """

    case: Hashable
    run: int
    status: str
    score: Any = None
    served: Counter[str] = field(default_factory=Counter)
    ran: Counter[str] = field(default_factory=Counter)
    error: str | None = None
    values: Any = field(default=None, repr=False)


class Sweep(Sequence[SweepRow]):
    """One checkpoint gone on from in many ways; nothing of it is stored until :meth:`keep`.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
    >>> c2 = lgviz.history(graph)["c2"]
    >>> found = lgviz.sweep(graph, c2, {"x": {"foo": "x"}, "y": {"foo": "y"}}, as_node="node_a",
    ...                     score=lambda values: len(values["bar"]))
    >>> found
    Sweep of 2 cases, 2 runs: 2 done; 0 tasks served, 2 ran
      x  done  2
      y  done  2
    >>> found.keep("y")
    <Checkpoint c7 node_b, step 3>

    Attributes:
        stopped: whether it was stopped before all had run.
        tokens: about how many tokens all runs use, told before they run: as many as were used from the
            checkpoint on, each time; None where no message tells.
    """

    def __init__(
        self,
        graph: Any,
        outcomes: Sequence[tuple[Item, Outcome]],
        *,
        stopped: bool = False,
        tokens: int | None = None,
    ) -> None:
        self._graph = graph
        self._outcomes = dict(outcomes)
        self._kept: dict[Item, Checkpoint] = {}
        self.stopped = stopped
        self.tokens = tokens

    def __len__(self) -> int:
        return len(self._outcomes)

    @overload
    def __getitem__(self, key: int) -> SweepRow: ...

    @overload
    def __getitem__(self, key: slice) -> list[SweepRow]: ...

    def __getitem__(self, key: int | slice) -> SweepRow | list[SweepRow]:
        return list(self)[key]

    def __iter__(self) -> Iterator[SweepRow]:
        for (case, run), one in self._outcomes.items():
            told = one.status, one.score, one.served, one.ran, one.error, one.values
            yield SweepRow(case, run, *told)

    def keep(self, case: Hashable, run: int = 0) -> Checkpoint:
        """Store the checkpoints of one run as a branch of the thread; again, it is the same.

        Returns:
            Its last checkpoint.

        Raises:
            NotFound: there is no such run, or it made no checkpoint.
            LgvizError: as :meth:`lgviz.Run.keep`.
        """
        key = (case, run)
        try:
            one = self._outcomes.get(key)
        except TypeError:  # what has no hash names no case
            one = None
        if one is None or one.config is None:
            ran = dict.fromkeys(name for (name, _), each in self._outcomes.items() if each.config)
            remedy = f"Some ran: {listed(ran)}." if ran else "None ran."
            raise NotFound(f"No run {run} of case {case!r} made a checkpoint.", remedy)
        if key not in self._kept:
            one.keep(self._graph)
            place = place_of(one.config)
            history = open_history(self._graph, thread_id=place.thread_id)
            self._kept[key] = history[str(place.checkpoint_id)]
        return self._kept[key]

    def frame(self) -> pandas.DataFrame:
        """A row for each run: ``case, run, status, score, label, served, ran, error``; ``label`` is that of
        its last checkpoint, once it is kept."""
        import pandas

        rows = [
            {
                "case": row.case, "run": row.run, "status": row.status, "score": row.score,
                "label": kept.label if (kept := self._kept.get((row.case, row.run))) else None,
                "served": row.served.total(), "ran": row.ran.total(), "error": row.error,
            }
            for row in self
        ]  # fmt: skip
        columns = ["case", "run", "status", "score", "label", "served", "ran", "error"]
        return pandas.DataFrame(rows, columns=columns)

    def plot(self) -> go.Figure:
        """The scores of each case, run by run, and their mean; where none is a number, how the runs ended.

        Raises:
            NotInstalled: without ``pip install 'lgviz[plots]'``.
        """
        from lgviz.analysis.plots import empty_figure

        rows = list(self)
        scored = [(row, float(row.score)) for row in rows if isinstance(row.score, (int, float))]
        axis: dict[str, Any] = {"type": "category", "categoryorder": "array"}
        axis |= {"categoryarray": list(dict.fromkeys(str(row.case) for row in rows))}
        figure = empty_figure(self._said(), xaxis=axis, yaxis_title="score" if scored else "runs")
        if not scored:
            for status, cases in _by(rows, lambda row: row.status).items():
                counts = Counter(str(row.case) for row in cases)
                figure.add_bar(name=status, x=list(counts), y=list(counts.values()))
            return figure.update_layout(barmode="stack")
        figure.add_scatter(
            name="runs",
            mode="markers",
            x=[str(row.case) for row, _ in scored],
            y=[score for _, score in scored],
            hovertext=[f"run {row.run}, {row.status}" for row, _ in scored],
            marker={"size": 9, "opacity": 0.6},
        )
        means = {
            case: mean(score for _, score in own)
            for case, own in _by(scored, lambda one: str(one[0].case)).items()
        }
        figure.add_scatter(
            name="mean",
            mode="markers",
            x=list(means),
            y=list(means.values()),
            marker={"symbol": "line-ew-open", "size": 30, "line": {"width": 3}},
        )
        return figure

    def _said(self) -> str:
        counts = Counter(row.status for row in self)
        told = ", ".join(f"{count} {status}" for status, count in counts.most_common()) or "nothing ran"
        served, ran = (sum(getattr(row, name).total() for row in self) for name in ("served", "ran"))
        cases = len({row.case for row in self})
        size = f"{_count(cases, 'case')}, {_count(len(self), 'run')}"
        if any(row.status == "planned" for row in self):
            then = f"then {ran} or more would run" if ran else "none would run"
            did = f"history would answer {served} tasks, {then}"
        else:
            did = f"{served} tasks served, {ran} ran"
        head = f"Sweep of {size}: {told}; {did}"
        if self.tokens:
            head += f"; about {self.tokens:,} tokens"
        return head + (" (stopped early)" if self.stopped else "")

    def _lines(self) -> Iterator[tuple[str, str, str]]:
        """For each case: its name, what became of it, and its scores' mean or what went wrong."""
        for case, rows in _by(self, lambda row: row.case).items():
            counts = Counter(row.status for row in rows)
            status = ", ".join(s if n == len(rows) else f"{n} {s}" for s, n in counts.items())
            scores = [row.score for row in rows if isinstance(row.score, (int, float))]
            wrong = next((row.error for row in rows if row.error), "").partition("\n")[0]
            yield str(case), status, f"{mean(scores):.3g}" if scores else wrong

    def __repr__(self) -> str:
        rows = [f"  {case}  {status}  {said}".rstrip() for case, status, said in self._lines()]
        return visible("\n".join([self._said(), *rows[:_ROWS]]))

    def _repr_html_(self) -> str:
        rows = [
            tag("div", tag("b", case) + tag("span", status, "lg-badge") + tag("span", said), "lg-cap")
            for case, status, said in self._lines()
        ]
        return page("Sweep", tag("div", Markup().join(rows[:_ROWS]), "lg-card"), {"came to": self._said()})


def _by(each: Iterable[T], key: Callable[[T], Hashable]) -> dict[Hashable, list[T]]:
    found: dict[Hashable, list[T]] = {}
    for one in each:
        found.setdefault(key(one), []).append(one)
    return found


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"
