"""``sweep``: what if? One checkpoint forked many ways, and each run to its end."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from concurrent.futures import Executor
from typing import Any, cast

from langchain_core.runnables import RunnableConfig

from lgviz._progress import Bar
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import History
from lgviz.analysis.predicates import check_function
from lgviz.analysis.usage import usage_of
from lgviz.errors import InvalidValue
from lgviz.session import Edit, dry_run
from lgviz.session.run_steps import Reuse

from .forks import Fork, Manner, Way
from .outcomes import SCORE, Item, Outcome, Score
from .results import Sweep
from .starts import checkpoint_of
from .work import Trials

__all__ = ["asweep", "sweep"]

_CASES = 'Give updates: [{"city": "Rome"}, {"city": "Braga"}].'

Cases = Mapping[Any, Any] | Iterable[Any]


def sweep(
    graph: Any,
    at: Any,
    values_list: Cases,
    as_node: str | None = None,
    runs: int = 1,
    executor: Executor | None = None,
    score: Score | None = None,
    reuse: Reuse = True,
    *,
    goto: str | None = None,
    dry: bool = False,
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
) -> Sweep:
    """Fork a checkpoint many ways and run each on; what is asked the same as before is answered from history.

    Each fork and its run stay in a sandbox until :meth:`Sweep.keep`. What goes wrong is a row of the result.
    Interrupted from the keyboard, it gives what it has.

    Args:
        graph, at, as_node, goto, thread_id, config, context: as :func:`lgviz.fork` takes them.
        values_list: the updates: a list, or a dict from the name of a case. None changes nothing.
        runs: how often each is run.
        executor: to run several at once: a ``ThreadPoolExecutor``, a ``ProcessPoolExecutor`` or Dask's
            ``client.get_executor()``. Other processes get the graph and the thread by cloudpickle, without
            its store.
        score: how good the state at the end of a run is: given it, a number, or whether.
        reuse: as :func:`lgviz.run` takes it.
        dry: run nothing, and tell what would run: each row has the tasks that history answers and those that
            run first, ``Sweep.tokens`` about how many tokens all use.

    Raises:
        InvalidValue: there is no case, ``runs`` is no number from 1, or ``score`` is no function that can be
            called for its answer.
        CheckpointNotFound: there is no such checkpoint.
        ActRefused: the graph cannot run, or cannot be sent to other processes.
    """
    start = checkpoint_of(graph, at, thread_id)
    trials = _trials(graph, start, values_list, as_node, goto, score, Manner(reuse, config, context))
    items = _items(trials, runs)
    if dry:
        planned = {name: _planned(graph, way, trials.manner) for name, way in trials.ways.items()}  # type: ignore[arg-type]
        used = _used_from(start)
        tokens = None if used is None else used * len(items)
        return Sweep(graph, [(item, planned[item[0]]) for item in items], tokens=tokens)
    found: dict[Item, Outcome] = {}
    stopped = False
    try:
        for item, outcome in trials.through(executor, items):
            found[item] = outcome  # noqa: PERF403 - what was found stays where it is interrupted
    except KeyboardInterrupt:
        stopped = True
    return Sweep(graph, [(item, found[item]) for item in items if item in found], stopped=stopped)


async def asweep(
    graph: Any,
    at: Any,
    values_list: Cases,
    as_node: str | None = None,
    runs: int = 1,
    score: Score | None = None,
    reuse: Reuse = True,
    *,
    goto: str | None = None,
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
) -> Sweep:
    """:func:`sweep`, awaited on the caller's loop."""
    start = checkpoint_of(graph, at, thread_id)
    trials = _trials(graph, start, values_list, as_node, goto, score, Manner(reuse, config, context))
    items = Bar(_items(trials, runs), unit="run", disable=None, leave=False)
    return Sweep(graph, [(item, await trials.atried(item)) for item in items])


def _trials(
    graph: Any,
    start: Checkpoint,
    cases: Cases,
    as_node: str | None,
    goto: str | None,
    score: Score | None,
    manner: Manner,
) -> Trials:
    if isinstance(cases, str) or not isinstance(cases, Iterable):
        raise InvalidValue(f"values_list is {cases!r}.", _CASES)
    named = cases if isinstance(cases, Mapping) else dict(enumerate(cases))
    if not named:
        raise InvalidValue("There is no case to run.", _CASES)
    if score is not None:
        check_function(score, "The score", SCORE)
    place = cast("RunnableConfig", start.config)
    ways: dict[Hashable, Way] = {
        name: Fork(place, None if values is None else Edit(values, as_node, goto))
        for name, values in named.items()
    }
    return Trials(graph, start.history.thread_id, ways, manner, score)


def _items(trials: Trials, runs: int) -> list[Item]:
    if type(runs) is not int or runs < 1:
        raise InvalidValue(f"runs is {runs!r}.", "Give how often each case is run, from 1.")
    return [(name, number) for name in trials.ways for number in range(runs)]


def _planned(graph: Any, way: Fork, manner: Manner) -> Outcome:
    """What is told of a way before it runs."""
    reuse = manner.reuse
    if reuse is False:  # all runs, as if the code of all nodes had changed
        reuse = {"live": [name for name in graph.nodes if name != "__start__"]}
    try:
        told = dry_run(graph, way.at, way.edit, reuse, **manner.options)
    except Exception as error:
        return Outcome.refused(error)
    return Outcome("planned", served=told.served, ran=told.runs)


def _used_from(start: Checkpoint) -> int | None:
    """The tokens that were used from a checkpoint on, on the newest branch through it."""
    history: History = start.history
    through = [path for path in history.branches if start in path]
    after = through[-1][through[-1].index(start) :] if through else []
    used = [usage_of(written) for step in after for written in step.writes.values()]
    return sum(each.total for each in used if each) if any(used) else None
