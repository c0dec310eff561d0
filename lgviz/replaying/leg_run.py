"""One leg of a thread made again: the graph runs in memory, and history answers its tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, TypeAlias

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointMetadata
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl
from langgraph.types import Command, StateSnapshot

from lgviz.reuse.models import ModelCalls, RecordedAnswers, hearing
from lgviz.reuse.recorded import Recording
from lgviz.reuse.serving import UNENDED, Serving
from lgviz.session.effects import Act, call
from lgviz.session.saver_proxy import SaverProxy
from lgviz.sources.places import (
    NULL_TASK_ID,
    config_of,
    configurable_of,
    node_path,
    outermost,
    place_of,
    within,
)

from .legs import Leg

__all__ = ["LegRun"]

_MOST_ANSWERS = 1000
"""A graph that asks for ever is stopped."""
_NONE: Any = object()
_Place: TypeAlias = tuple[str, int]
_Answers: TypeAlias = dict[_Place, list[Any]]
"""By the name of a task, and which of that name in its step it is, what it is still to be answered."""


@dataclass
class LegRun:
    """A run that makes one leg again.

    Args:
        leg: what is to be made.
        recording: the thread.
        unchanged: whether all was as it was, where the leg begins.
        is_same: whether a checkpoint that was made holds what a row held.
        live, effects: as :class:`~lgviz.reuse.serving.Serving` takes them.
        runs: whether nodes may run at all.
        answers: what answers the models that are called in nodes that run.
        counts: whether a checkpoint holds what counts of a row: the run ends where one does not, or with the
            recorded steps. None: it ends there only where all is the same.

    Attributes:
        own: configs of the checkpoints that took the input in, or forked.
        made: configs of the steps that followed.
        error: what ended it.
    """

    leg: Leg
    recording: Recording
    unchanged: bool
    is_same: Callable[[RunnableConfig, int], bool]
    live: Callable[[str], bool]
    effects: Callable[[str], bool]
    runs: bool = True
    answers: RecordedAnswers | None = None
    counts: Callable[[RunnableConfig, int], bool] | None = None
    own: list[RunnableConfig] = field(default_factory=list)
    made: list[RunnableConfig] = field(default_factory=list)
    error: Exception | None = None
    _control: RunControl = field(default_factory=RunControl)
    _changed_before: int = 0
    _tries: bool = False
    """Whether the step is tried again that had not ended where the recorded run did, for its live tasks."""
    _telling: Any = None
    """The graph without what answers its tasks."""
    _left: dict[int, _Answers] = field(default_factory=dict)
    """By row, the answers that are still to be given again."""

    def __post_init__(self) -> None:
        first = self.recording.history.tree.rows[self.leg.rows[0]]
        self._configurable = configurable_of(first.metadata)
        self.serving = Serving(
            [self.recording],
            self._configurable,
            self.live,
            self.effects,
            lambda: [self.row] if self.row >= 0 else [],
            self._must_be_answered,
            self.answers,
            compared=True,
        )
        thread_id = self.recording.history.thread_id
        self.models = ModelCalls(thread_id, answers=self.answers) if self.answers is not None else None

    @property
    def row(self) -> int:
        """The recorded row whose step is made now; -1 once the recorded ones are."""
        rows = [self.leg.parent if self.leg.own is None else self.leg.own, *self.leg.steps]
        return rows[len(self.made)] if len(self.made) < len(rows) else -1

    def act(self, graph: Any, saver: BaseCheckpointSaver[Any], given: Any, at: str | None) -> Act[None]:
        """Run it.

        Args:
            graph: today's graph, which is left alone.
            saver: where the thread is made again.
            given: the input; None: it goes on.
            at: the id of the checkpoint to start from; None: the newest.
        """
        here = self.serving.over(graph)
        here.checkpointer = SaverProxy(saver, self._put)
        self._telling = graph
        place = config_of(self.recording.history.thread_id)["configurable"]
        conf: dict[str, Any] = self._configurable | place | {"__pregel_cache": self.serving}
        yield from self._stream(here, given, conf if at is None else {**conf, "checkpoint_id": at})
        for _ in range(_MOST_ANSWERS + len(self.recording.history.tree.rows)):
            if self.error is not None or self._control.drain_requested:
                return
            answer = yield from self._answer(here)
            if answer is None and not (yield from self._is_let_through(here)):
                return
            yield from self._stream(here, answer, conf)

    def _stream(self, graph: Any, given: Any, configurable: Mapping[str, Any]) -> Act[None]:
        try:
            with hearing(self.models):
                yield from call(
                    graph,
                    "stream",
                    given,
                    {"configurable": configurable},
                    stream_mode=["tasks"],
                    durability="sync",
                    control=self._control,
                    sink=lambda _item: None,
                )
        except GraphDrained:
            pass
        except Exception as error:
            self.error = error
        self.error = self.serving.stopped or self.error  # also where a node caught it

    def _put(self, config: RunnableConfig, metadata: CheckpointMetadata) -> None:
        """A checkpoint was made. Where the recorded ones end, so does this run, if all is the same."""
        if place_of(config).ns:
            return
        (self.made if metadata.get("source") == "loop" else self.own).append(config)
        self._changed_before = self.serving.changed
        if self._is_over():
            self._control.request_drain("end")

    def _is_over(self) -> bool:
        done = len(self.made) >= len(self.leg.steps)
        if self.counts is None:
            return done and (self.leg.halts or self._is_to_end())
        return done or not self._holds(self.counts)

    def _still_same(self) -> bool:
        return self.unchanged and self._holds(self.is_same)

    def _is_to_end(self) -> bool:
        """Whether a run that made the recorded steps is to end: what else would run did not run then."""
        if self._still_same():
            self._tries = self._has_live_begun()
            return not self._tries
        return self._tries or self._is_where_it_halted()

    def _has_live_begun(self) -> bool:
        """Whether a task is live of the step that failed or waits where the recorded run ended."""
        tree, rows = self.recording.history.tree, [self.leg.rows[-1]]
        if tree.rows[rows[0]].continued:
            return False
        for each in rows:  # grows
            rows += tree.inner.get(each, ())
            facts = tree.rows[each]
            for task in facts.step_work.tasks.values():
                tree.naming.name_task(facts, task)
                if self.live(node_path(within(facts.namespace, task.namespace))):
                    return True
        return False

    def _is_where_it_halted(self) -> bool:
        """Whether the recorded run halted before the nodes that come next now, and none of them was begun, as
        at a breakpoint of that run alone. What waited for somebody's leave is not run without it."""
        history, end = self.recording.history, self.leg.rows[-1]
        halted = () if history.tree.rows[end].step_work.tasks else history.checkpoint_at(end).next
        return bool(halted) and set(self._telling.get_state(self.made[-1]).next) <= set(halted)

    def _is_let_through(self, graph: Any) -> Act[bool]:
        """Whether the graph halted at a breakpoint (``interrupt_before``) that the recorded run went past."""
        history, done = self.recording.history, len(self.made)
        if done >= len(self.leg.steps):
            return False
        place = config_of(history.thread_id)
        snapshot: StateSnapshot = yield from call(graph, "get_state", place, subgraphs=True)
        coming = set(_coming(snapshot))
        return bool(coming) and coming <= self._ran_from(self.row)

    def _ran_from(self, row: int) -> set[str]:
        """The paths of the nodes that ran in the step that starts at a row, also those of its subgraphs."""
        tree = self.recording.history.tree
        rows = list(tree.inner.get(row, ()))
        for each in rows:  # grows
            rows += tree.inner.get(each, ())
        made = [*rows, self.leg.steps[len(self.made)]]
        return {
            within(node_path(tree.rows[each].namespace), node) for each in made for node in tree.nodes[each]
        }

    def _holds(self, what: Callable[[RunnableConfig, int], bool]) -> bool:
        """Whether the last step came out as recorded; past the recorded steps none did."""
        done = len(self.made)
        return done <= len(self.leg.steps) and (not done or what(self.made[-1], self.leg.steps[done - 1]))

    def _must_be_answered(self, path: str, reason: str) -> bool:
        """Whether nothing has changed so far, so that a task that history lacks must not run unasked."""
        if not self.runs or (self._tries and reason == UNENDED):
            return True
        done = len(self.made)
        ran = self.recording.history.tree.nodes[self.leg.steps[done]] if done < len(self.leg.steps) else ()
        if ran and outermost(path) not in ran:
            return False  # another edge led here: its node did not run then
        return self.serving.changed == self._changed_before and self._still_same()

    def _answer(self, graph: Any) -> Act[Command[Any] | None]:
        """The answers that were given to what the graph asks now; None where there are none."""
        history, row = self.recording.history, self.row
        if row < 0:
            return None
        snapshot: StateSnapshot = yield from call(graph, "get_state", config_of(history.thread_id))
        places = _numbered(task.name for task in snapshot.tasks)
        asking = [
            (place, asked.id)
            for place, task in zip(places, snapshot.tasks, strict=True)
            for asked in task.interrupts
        ]
        if asking and row not in self._left:
            self._left[row] = self._told(row)
        told = self._left.get(row, {})
        answers = {id_: told[place].pop(0) for place, id_ in asking if told.get(place)}
        return Command(resume=answers) if answers else None

    def _told(self, row: int) -> _Answers:
        """What was answered in the step that starts at a row, also to what its tasks called."""
        history, tree = self.recording.history, self.recording.history.tree
        work = tree.rows[row].step_work.tasks
        for task in work.values():
            tree.naming.name_task(tree.rows[row], task)
        own = sorted((task for task in work.values() if task.name and not task.called), key=lambda t: t.order)
        places = dict(zip((t.namespace for t in own), _numbered(str(t.name) for t in own), strict=True))
        found: dict[_Place, list[Sequence[Any]]] = {}
        rows = [row]
        for each in rows:  # grows
            rows += tree.inner.get(each, ())
            facts = tree.rows[each]
            for write in history.source.real.writes(history.thread_id, facts.namespace, facts.id):
                if write.channel != "__resume__" or write.task_id == NULL_TASK_ID:
                    continue
                asker = work.get(write.task_id)
                caller = outermost(facts.namespace or (asker.namespace if asker is not None else ""))
                # A subgraph with a history of its own is called by name alone.
                found.setdefault(places.get(caller, (caller, 0)), []).append(_listed(write.value))
        # Those that one task called ask at once, and each once more when it is answered.
        return {
            place: [
                each for turn in zip_longest(*lists, fillvalue=_NONE) for each in turn if each is not _NONE
            ]
            for place, lists in found.items()
        }


def _coming(snapshot: StateSnapshot) -> Iterator[str]:
    """The paths of the nodes that come next; of a graph that is one and has begun, those in it."""
    path = node_path(place_of(snapshot.config).ns or "")
    for task in snapshot.tasks:
        inside = list(_coming(task.state)) if isinstance(task.state, StateSnapshot) else []
        if inside:
            yield from inside
        elif not task.result:
            yield within(path, task.name)


def _numbered(names: Iterable[str]) -> list[_Place]:
    """Tasks of a step by name, and which of that name each is."""
    seen: Counter[str] = Counter()
    places = []
    for name in names:
        places.append((name, seen[name]))
        seen[name] += 1
    return places


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]
