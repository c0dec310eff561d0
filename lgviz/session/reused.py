"""What of a run is answered from history, as its ``reuse`` asks, and which calls of models are recorded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypedDict, Unpack

from langchain_core.runnables import RunnableConfig

from lgviz.analysis.history import History, open_history
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

__all__ = ["LookAhead", "models_of", "serving_of"]


class LookAhead(TypedDict, total=False):
    """What is told of a run before it runs; as :class:`Serving` takes it."""

    dry: bool
    check: Callable[[], None]


_KNOWN = ("live", "effects", "from_", "within")


def serving_of(
    reuse: bool | Mapping[str, Any],
    position: Position,
    given: GraphTarget,
    config: RunnableConfig | None,
    **more: Unpack[LookAhead],
) -> Serving | None:
    """What answers a run's tasks; None where nothing shall.

    Raises:
        InvalidValue: ``reuse`` has an unknown key, or its ``within`` is no number.
        NodeRefused: it names a node that the graph does not have.
        ThreadNotFound: it names a thread that is not there.
    """
    if not reuse:
        return None
    asked: Mapping[str, Any] = reuse if isinstance(reuse, Mapping) else {}
    if unknown := [name for name in asked if name not in _KNOWN]:
        raise InvalidValue(f"reuse has no {listed(unknown)}.", f"It may have {listed(_KNOWN)}.")
    graph = given.graph
    seconds = asked.get("within", math.inf)
    if not isinstance(seconds, int | float) or not seconds >= 0:
        raise InvalidValue(f"reuse's 'within' is {seconds!r}.", "Give seconds, as 2.5.")
    live = StopPoints.of(asked.get("live", ()), graph, "be live", with_tasks=True).reaching(graph)
    effects = StopPoints.of(asked.get("effects", ()), graph, "have effects", with_tasks=True).reaching(graph)
    others = names_in(asked.get("from_", ()))
    threads = ([] if begins(position) is not None else [position.thread_id]) + others
    recordings = [Recording(open_history(given.given, thread_id=each), graph) for each in threads]
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
    row = history.tree.row_of(position.id, position.namespace)
    parent = history.tree.rows[row].parent if row >= 0 else None
    while parent is not None:
        yield parent.index
        parent = parent.parent


def _after(history: History, position: Position) -> Iterator[int]:
    """The rows from a checkpoint on, the nearest first: what ran there before is likeliest asked again. Of a
    fork, those after the checkpoint that it left."""
    tree, saved = history.tree, position.saved
    left = place_of(saved.parent_config).checkpoint_id if saved.parent_config else None
    starts = (tree.row_of(id_, position.namespace) for id_ in (position.id, left) if id_)
    waiting = [tree.rows[start] for start in starts if start >= 0]
    told = set()
    for row in waiting:  # grows
        if row.index not in told:
            told.add(row.index)
            yield row.index
            waiting.extend(row.children)
