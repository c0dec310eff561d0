"""``blame_steps``: which step is to blame for an outcome, told by running each anew."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from langchain_core.runnables import RunnableConfig
from markupsafe import Markup

from lgviz._visible import visible
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.html import page, tag
from lgviz.analysis.predicates import check_function
from lgviz.analysis.same import same
from lgviz.analysis.shown import RowSequence, ShownByFields
from lgviz.errors import InvalidValue, NothingToRun, PredicateFailed, described, listed
from lgviz.session.halts import StopPoints, names_in
from lgviz.session.run_steps import Names
from lgviz.sources.places import outermost

from .forks import Manner, Rerun, Way
from .outcomes import SCORE, Item, Outcome, Score
from .starts import checkpoint_of
from .work import Trials

if TYPE_CHECKING:
    import pandas

__all__ = ["StepBlame", "StepTrial", "ablame_steps", "blame_steps"]

_Z = 1.96
"""Standard deviations on either side of a 95 % interval."""


@dataclass(frozen=True, slots=True, repr=False)
class StepTrial(ShownByFields):
    """One step, run anew some times.

    >>> trial = StepTrial(None, ("agent",), runs=5, flips=4, failed=0)
    >>> trial.rate, [round(end, 2) for end in trial.interval]
    (0.8, [0.38, 0.96])

    Attributes:
        checkpoint: what the step made.
        nodes: the nodes that ran in it.
        runs: how often it was run anew and came to an end.
        flips: how often the outcome then was another.
        failed: how often it came to none: it failed, or waited for an answer.
    """

    checkpoint: Any
    nodes: tuple[str, ...]
    runs: int
    flips: int
    failed: int

    @property
    def rate(self) -> float:
        """The share of runs that had another outcome; 0 where there is none."""
        return self.flips / self.runs if self.runs else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the rate (E. B. Wilson, 1927, *Probable Inference, the Law of
        Succession, and Statistical Inference*); (0, 1) where nothing ran."""
        if not self.runs:
            return 0.0, 1.0
        n, square = self.runs, _Z * _Z
        middle = (self.rate + square / (2 * n)) / (1 + square / n)
        half = _Z / (1 + square / n) * math.sqrt(self.rate * (1 - self.rate) / n + square / (4 * n * n))
        return max(0.0, min(self.rate, middle - half)), min(1.0, max(self.rate, middle + half))


class StepBlame(RowSequence[StepTrial]):
    """The steps of a run, the one whose rerun changed the outcome most often first.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
    >>> end = lgviz.history(graph)["c3"]
    >>> found = lgviz.blame_steps(graph, end, lambda values: values["foo"] == "c", runs=2)
    >>> found
    No step's rerun changed the outcome (2 steps, 4 runs).
    >>> found.top is None
    True

    Attributes:
        baseline: the score of the run that was recorded.
        stopped: whether it was stopped, or its budget was used up, before every step had all its runs.
    """

    def __init__(self, trials: Sequence[StepTrial], baseline: Any, *, stopped: bool = False) -> None:
        super().__init__(sorted(trials, key=lambda one: (-one.rate, -one.interval[0], -_row(one))))
        self.baseline = baseline
        self.stopped = stopped

    @property
    def top(self) -> StepTrial | None:
        """The step to blame; None where no rerun changed the outcome."""
        return next((one for one in self if one.flips), None)

    def frame(self) -> pandas.DataFrame:
        """A row for each step: ``label, nodes, runs, flips, rate, low, high, failed``."""
        import pandas

        rows = [
            (one.checkpoint.label, _nodes(one), one.runs, one.flips, one.rate, *one.interval, one.failed)
            for one in self
        ]
        columns = ["label", "nodes", "runs", "flips", "rate", "low", "high", "failed"]
        return pandas.DataFrame(rows, columns=columns)

    def _said(self) -> str:
        runs = sum(one.runs + one.failed for one in self)
        many = f"({len(self)} step{'s' * (len(self) != 1)}, {runs} runs{', stopped early' * self.stopped})"
        if self.top is None:
            came = "changed the outcome" if any(one.runs for one in self) else "came to an outcome"
            return f"No step's rerun {came} {many}."
        step = f"{self.top.checkpoint.label} {_nodes(self.top)}"
        return f"{step}: run anew, the outcome changed {self.top.flips} of {self.top.runs} times {many}."

    def _lines(self) -> Iterator[tuple[str, str]]:
        for one in self:
            low, high = one.interval
            said = f"{one.flips} of {one.runs}, {low:.0%} to {high:.0%}" if one.runs else "no outcome"
            if one.failed:
                said += f", {one.failed} without an outcome"
            yield f"{one.checkpoint.label} {_nodes(one)}", said

    def __repr__(self) -> str:
        if self.top is None:
            return visible(self._said())
        return visible("\n".join([self._said(), *(f"  {step}  {said}" for step, said in self._lines())]))

    def _repr_html_(self) -> str:
        rows = [tag("div", tag("b", step) + tag("span", said), "lg-cap") for step, said in self._lines()]
        body = tag("div", self._said(), "lg-ask") + tag("div", Markup().join(rows), "lg-card")
        return page("Which step is to blame", body)


def blame_steps(
    graph: Any,
    at: Any,
    score: Score,
    runs: int = 5,
    budget: int | None = None,
    executor: Executor | None = None,
    *,
    effects: Names = (),
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
) -> StepBlame:
    """Run each step before a checkpoint anew, and tell whose rerun changes the outcome how often.

    A step is run live from where it began; what follows is answered from history as long as it is asked the
    same, so a rerun that answers the same costs no more. Everything stays in a sandbox. The steps are those
    since the last input or update: a rerun from before an update would go on without it. A rerun that comes
    to a question counts as one without an outcome.

    Args:
        graph, thread_id, config, context: as :func:`lgviz.run` takes them.
        at: the checkpoint where the run ended.
        score: the outcome: given the state at the end, whether it is good, or a number. It is compared with
            that of the recorded state.
        runs: how often each step is run anew.
        budget: how many reruns at most; those go first to steps that changed the outcome.
        executor: as :func:`lgviz.sweep` takes it.
        effects: nodes that must not run again; their steps are left out.

    Raises:
        NothingToRun: no step came since the last input or update.
        InvalidValue: the run goes on from there, ``runs`` or ``budget`` is no such number, or ``score`` no
            function that can be called for its answer.
        PredicateFailed: the score raised for the recorded state.
        CheckpointNotFound, ActRefused: as of :func:`lgviz.sweep`.
    """
    search = _StepSearch(graph, checkpoint_of(graph, at, thread_id), score, runs, budget, names_in(effects))
    trials = search.trials(graph, Manner({"effects": search.effects}, config, context))
    try:
        while batch := search.batch():
            for (step, _), outcome in trials.through(executor, batch):
                search.take(step, outcome)
    except KeyboardInterrupt:
        search.stopped = True
    return search.found()


async def ablame_steps(
    graph: Any,
    at: Any,
    score: Score,
    runs: int = 5,
    budget: int | None = None,
    *,
    effects: Names = (),
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
) -> StepBlame:
    """:func:`blame_steps`, awaited on the caller's loop."""
    search = _StepSearch(graph, checkpoint_of(graph, at, thread_id), score, runs, budget, names_in(effects))
    trials = search.trials(graph, Manner({"effects": search.effects}, config, context))
    while batch := search.batch():
        for step, _ in batch:
            search.take(step, await trials.atried((step, 0)))
    return search.found()


class _StepSearch:
    """Which steps are run anew next, and what came of it."""

    def __init__(
        self,
        graph: Any,
        end: Checkpoint,
        score: Score,
        runs: int,
        budget: int | None,
        effects: Sequence[str],
    ) -> None:
        check_function(score, "The score", SCORE)
        self.effects = list(effects)
        unasked = _reaching(graph, effects)
        self.stopped = False
        self._score = score
        self._runs = runs
        self._left = math.inf if budget is None else budget
        if type(runs) is not int or runs < 1:
            raise InvalidValue(f"runs is {runs!r}.", "Give how often each step is run anew, from 1.")
        if budget is not None and (type(budget) is not int or budget < 0):
            raise InvalidValue(f"budget is {budget!r}.", "Give how many runs at most, or None.")
        steps = (step for step in _steps_to(end) if unasked.isdisjoint(step.nodes))
        self._steps: dict[Hashable, Checkpoint] = {step.label: step for step in steps}
        if not self._steps:
            raise NothingToRun(f"No step that may run again led to {end.label}.", "Give the end of a run.")
        if end.next and not end.error:
            said = f"The run did not end at {end.label}: {listed(end.next)} would run next."
            raise InvalidValue(said, "Give the checkpoint where it ended, so that outcomes can be compared.")
        try:
            self._baseline = score(end.values)
        except Exception as error:
            said = f"The score raised {described(error)} for the state at {end.label}."
            raise PredicateFailed(said, "It is given the values of a state.") from error
        self._done: dict[Hashable, int] = dict.fromkeys(self._steps, 0)
        self._ended = dict(self._done)
        self._flips = dict(self._done)

    def trials(self, graph: Any, manner: Manner) -> Trials:
        """What runs them."""
        ways: dict[Hashable, Way] = {
            name: Rerun(cast("RunnableConfig", step.parent.config))
            for name, step in self._steps.items()
            if step.parent
        }
        thread_id = next(iter(self._steps.values())).history.thread_id
        return Trials(graph, thread_id, ways, manner, self._score)

    def batch(self) -> list[Item]:
        """One more run of each step that has some left, those with most flips first, the later first."""
        todo = [name for name, done in self._done.items() if done < self._runs]
        todo.sort(key=lambda name: (-self._flips[name], -self._steps[name].row))
        chosen = todo[: int(min(self._left, len(todo)))]
        self.stopped |= len(chosen) < len(todo)
        self._left -= len(chosen)
        return [(name, self._done[name]) for name in chosen]

    def take(self, name: Hashable, outcome: Outcome) -> None:
        """What came of a run."""
        self._done[name] += 1
        if outcome.status == "done" and outcome.error is None:
            self._ended[name] += 1
            self._flips[name] += not _is_same(outcome.score, self._baseline)

    def found(self) -> StepBlame:
        """All of it."""
        trials = [
            StepTrial(
                step, step.nodes, self._ended[name], self._flips[name], self._done[name] - self._ended[name]
            )
            for name, step in self._steps.items()
        ]
        return StepBlame(trials, self._baseline, stopped=self.stopped)


def _reaching(graph: Any, effects: Sequence[str]) -> set[str]:
    """The nodes of the root graph that have effects, or run what has.

    Raises:
        NodeRefused: there is no such node: it would run.
    """
    meant = StopPoints.of(effects, graph, "have effects", with_tasks=True).reaching(graph)
    return {*meant.root, *(outermost(path) for path, _ in meant.inner | meant.tasks)}


def _steps_to(end: Checkpoint) -> list[Checkpoint]:
    """The steps of nodes that led to a checkpoint since the last input or update, or since steps that are not
    stored."""
    steps: list[Checkpoint] = []
    for step in reversed(end.history.path(end)):
        if step.source in ("input", "update") or step.collapsed:
            break
        if step.source == "loop" and step.nodes and step.nodes != ("__start__",) and step.parent:
            steps.append(step)
    return steps[::-1]


def _is_same(one: Any, other: Any) -> bool:
    """Whether two scores are one: numbers and flags by their value, whatever their type."""
    try:
        return bool(one == other) or same(one, other)
    except ValueError:  # an array, which has no one answer
        return same(one, other)


def _nodes(trial: StepTrial) -> str:
    return " + ".join(trial.nodes)


def _row(trial: StepTrial) -> int:
    return 0 if trial.checkpoint is None else int(trial.checkpoint.row)
