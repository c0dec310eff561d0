"""What of a run is answered from history, as its ``reuse`` asks, and which calls of models are recorded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypedDict, Unpack

from langchain_core.runnables import RunnableConfig

from lgviz.analysis.history import History, open_history
from lgviz.analysis.steps import TreeRow
from lgviz.errors import InvalidValue, listed
from lgviz.reuse.model_recordings import ModelRecordings
from lgviz.reuse.models import ModelCalls, RecordedAnswers
from lgviz.reuse.recorded import Recording
from lgviz.reuse.serving import Serving
from lgviz.sources.places import configurable_of, place_of
from lgviz.sources.redact import Redactor

from .beginning import begins
from .halts import StopPoints, names_in
from .target import GraphTarget, Position

__all__ = ["LookAhead", "lending", "models_of", "serving_of"]


class LookAhead(TypedDict, total=False):
    """What is told of a run before it runs; as :class:`Serving` takes it."""

    dry: bool
    check: Callable[[], None]


_KNOWN = ("live", "effects", "from_", "within")
_LENT = "recordings"
"""What of history is lent to one run after the other, so that none reads it anew; see :func:`lending`."""


def serving_of(
    reuse: bool | Mapping[str, Any],
    position: Position,
    given: GraphTarget,
    config: RunnableConfig | None,
    **more: Unpack[LookAhead],
) -> Serving | None:
    """What answers a run's tasks; None where nothing shall.

    Raises:
        InvalidValue: ``reuse`` is no bool and no dict, has an unknown key, or its ``within`` is no number.
        NodeRefused: it names a node that the graph does not have.
        ThreadNotFound: it names a thread that is not there.
    """
    if not isinstance(reuse, bool | Mapping):
        raise InvalidValue(f"reuse is {reuse!r}.", "Give True, or a dict, as {'live': ['plan']}.")
    if reuse is False:
        return None
    asked: Mapping[str, Any] = reuse if isinstance(reuse, Mapping) else {}
    if unknown := [name for name in asked if name not in (*_KNOWN, _LENT)]:
        raise InvalidValue(f"reuse has no {listed(unknown)}.", f"It may have {listed(_KNOWN)}.")
    graph = given.graph
    seconds = asked.get("within", math.inf)
    if not isinstance(seconds, int | float) or not seconds >= 0:
        raise InvalidValue(f"reuse's 'within' is {seconds!r}.", "Give seconds, as 2.5.")
    live = StopPoints.of(asked.get("live", ()), graph, "be live", with_tasks=True).reaching(graph)
    effects = StopPoints.of(asked.get("effects", ()), graph, "have effects", with_tasks=True).reaching(graph)
    others = names_in(asked.get("from_", ()))
    threads = ([] if begins(position) is not None else [position.thread_id]) + others
    recordings = asked.get(_LENT) or _recordings(given, threads)
    for recording in recordings:
        recording.unused()
    own = {} if begins(position) is not None else configurable_of(position.saved.metadata)
    configurable = own | configurable_of((config or {}).get("configurable", {}))
    histories = [recording.history for recording in recordings]
    here = threads[:1] == [position.thread_id]
    return Serving(
        recordings,
        configurable,
        live.has_path,
        effects.has_path,
        lambda: _after(histories[0], position) if here else (),
        models=RecordedAnswers.of(histories, _before(histories[0], position) if here else ()),
        within=seconds,
        **more,
    )


def lending(reuse: bool | Mapping[str, Any], given: GraphTarget, thread_id: str) -> Mapping[str, Any] | None:
    """A ``reuse`` for many runs of one thread, one after the other: what they look up is read once. None
    where nothing is reused.

    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> import lgviz
    >>> from lgviz.demos import two_nodes
    >>> from lgviz.session import target_of
    >>> two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
    >>> with_history = lending({"live": "node_b"}, target_of(graph), "1")
    >>> [lgviz.run(graph, "c0", reuse=with_history, thread_id="1").served.total() for _ in range(2)]
    [1, 1]
    """
    if not isinstance(reuse, bool | Mapping):
        raise InvalidValue(f"reuse is {reuse!r}.", "Give True, or a dict, as {'live': ['plan']}.")
    if reuse is False:
        return None
    asked = dict(reuse) if isinstance(reuse, Mapping) else {}
    return {**asked, _LENT: _recordings(given, [thread_id, *names_in(asked.get("from_", ()))])}


def _recordings(given: GraphTarget, threads: Iterable[str]) -> list[Recording]:
    return [Recording(open_history(given.given, thread_id=each), given.graph) for each in threads]


def models_of(
    record: bool | None,
    position: Position,
    given: GraphTarget,
    serving: Serving | None,
    redactor: Redactor | None,
) -> ModelCalls | None:
    """What hears the calls of models in a run; None where they are neither recorded nor answered.

    Args:
        record: whether they are recorded; None: as it is set for all runs.

    Raises:
        InvalidValue: they are to be recorded, and there is no folder for that.
    """
    answers = serving.models if serving is not None else None
    live = ModelCalls.always if record is None else record
    if answers is None and not live:
        return None
    more = (redactor, given.graph.channels)
    return ModelCalls(position.thread_id, ModelRecordings(), answers, *more, live=live)


def _before(history: History, position: Position) -> Iterable[int]:
    """The rows that led to a checkpoint: what ran there is done."""
    start = next(_starts(history, position), None)
    parent = None if start is None else start.parent
    while parent is not None:
        yield parent.index
        parent = parent.parent


def _after(history: History, position: Position) -> Iterator[int]:
    """The rows from a checkpoint on, the nearest first: what ran there before is likeliest asked again. Of a
    fork, those after the checkpoint that it left."""
    waiting = list(_starts(history, position))
    told = set()
    for row in waiting:  # grows
        if row.index not in told:
            told.add(row.index)
            yield row.index
            waiting.extend(row.children)


def _starts(history: History, position: Position) -> Iterator[TreeRow]:
    """The rows of a checkpoint and of the one that it left; a sandbox's own is in no history of the base."""
    tree, saved = history.tree, position.saved
    left = place_of(saved.parent_config).checkpoint_id if saved.parent_config else None
    for id_ in filter(None, (position.id, left)):
        if (row := tree.row_of(id_, position.namespace)) >= 0:
            yield tree.rows[row]
