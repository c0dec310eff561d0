"""Answers the tasks of a run from what history holds, through LangGraph's own node cache.

LangGraph asks its cache before it runs a task, with a key that the node's cache policy makes of the input; a
task that the cache answers is given those writes and does not run. So every node is given a policy that
notes what its task is asked, and the cache looks that up in the recordings.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from langchain_core.runnables import RunnableConfig
from langgraph.cache.base import BaseCache
from langgraph.types import CachePolicy, PregelExecutableTask
from xxhash import xxh3_128_hexdigest

from lgviz.analysis.called import names_called_by
from lgviz.analysis.diff import diff_states
from lgviz.analysis.fingerprint import Fingerprints, Inexact, with_ids
from lgviz.analysis.summary import path_text
from lgviz.analysis.usage import Usage, message_ids, usage_of
from lgviz.errors import EffectRefused
from lgviz.sources.places import SERVED, Address, by_channel, innermost, place_of, within

from .calls import CallerRun, CallingLoop, Different, RecordedCaller, is_call, path_of, position_of
from .edges import Edges, edges_of
from .models import RecordedAnswers
from .recorded import Asked, RecordedTask, Recording, asked_of, config_digest, is_graph, policed

__all__ = ["UNENDED", "Serving", "TaskOutcome", "Unanswered"]

Key: TypeAlias = tuple[tuple[str, ...], str]
TaskWrites: TypeAlias = list[tuple[str, Any]]


_LASTING = (
    "it calls a graph with a history of its own (checkpointer=True), which an answer would not go on; "
    "name the node in live to run it"
)
UNENDED = "it failed then, or did not end"


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """What became of one task.

    Attributes:
        path: its node's, within the graph.
        served: whether history answered it; else it runs.
        reason: why it runs.
    """

    path: str
    served: bool
    reason: str = ""


class Unanswered(RuntimeError):  # LangGraph's default retry policy does not try it again
    """A task that must be answered from history, and is not; the text says why."""


class Serving(BaseCache[TaskWrites]):
    """A cache for one run that answers from recordings, each recorded task once as long as there are others.

    Args:
        recordings: where to look, the likeliest first.
        configurable: of the run: what its nodes are asked besides their input.
        live: whether a node of this path always runs.
        effects: whether a node of this path must not run here.
        first: rows of the first recording to look at first, in this order.
        must: asked with the path of a task that history does not answer and that is not live, and why it does
            not: whether the task must not run either, for nothing has changed so far.
        models: what answers the models that are called in tasks that run; None: nothing does.
        dry: run nothing at all: the run ends (:class:`Unanswered`) at the step in which a task would run.
        compared: whether what comes of it is compared with what was recorded, so that also a task may answer
            of which it is not certain what it was asked.
        check: called while history is looked through; what it raises ends that.
        within: how many seconds in all to look for answers; a task whose answer is not found by then runs.

    Attributes:
        answers: what became of each task, in order.
        worked: how many of them ran.
        changed: how many of them did so for another reason than that a task which they call is live; and how
            often a call was no longer answered, for what was told before it was something else.
        stopped: what ended the run because a task must not run; also where a node's code caught it.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        configurable: Mapping[str, Any],
        live: Callable[[str], bool] = lambda _path: False,
        effects: Callable[[str], bool] = lambda _path: False,
        first: Callable[[], Iterable[int]] = tuple,
        must: Callable[[str, str], bool] = lambda _path, _reason: False,
        models: RecordedAnswers | None = None,
        *,
        dry: bool = False,
        compared: bool = False,
        check: Callable[[], None] = lambda: None,
        within: float = math.inf,
    ) -> None:
        super().__init__()
        self._recordings = recordings
        self._config = config_digest(configurable)
        self._live = live
        self._effects = effects
        self._first = first
        self._must = must
        self.models = models
        if models is not None:
            models.near = first
        self._dry = dry
        self._compared = compared
        self._check = check
        self._within = within
        self._looked = 0.0
        self._fingerprints = Fingerprints()
        self._asked: dict[str, Asked] = {}
        self._decided: dict[str, TaskWrites | None] = {}
        self._numbers = itertools.count()
        self._functions: dict[str, Any] = {}
        self._callers: dict[str, CallerRun] = {}
        self._running: dict[int, PregelExecutableTask] = {}
        self._whole: dict[str, bool] = {}
        self._graphs: set[str] = set()
        self._edges: dict[str, Edges] = {}
        self.worked = self.changed = 0
        self.stopped: Exception | None = None
        self._handed: dict[int, tuple[str, Any]] = {}
        self._given: set[str] = set()
        self._wrote: set[str] = set()
        self._by_step: dict[Address, list[str]] = {}
        self._lock = threading.RLock()
        self.answers: list[TaskOutcome] = []

    @property
    def served(self) -> Counter[str]:
        """By node, how many tasks were answered from history."""
        return Counter(_node(answer.path) for answer in self.answers if answer.served)

    @property
    def ran(self) -> Counter[str]:
        """By node, how many tasks ran."""
        return Counter(_node(answer.path) for answer in self.answers if not answer.served)

    @property
    def spared(self) -> Usage | None:
        """What the models used whose messages were answered from history; None where none tells."""
        return usage_of([{channel: value} for channel, value in self._handed.values()], self._given)

    def over(self, graph: Any) -> Any:
        """A copy of a graph whose tasks are answered."""
        calls = CachePolicy(key_func=lambda *_args, **_kwargs: self._number())
        made = policed(graph, self._policy, calls=calls)
        made.cache = self
        self._look(made, "")
        return made

    # ------------------------------------------------------------ LangGraph's side

    def get(self, keys: Sequence[Key]) -> dict[Key, TaskWrites]:
        found = {}
        with self._lock:
            for key in keys:
                if (asked := self._asked.get(key[1])) is None:
                    continue
                if key[1] not in self._decided:  # a task that runs is asked for again
                    self._decided[key[1]] = self._answer(asked)
                if (writes := self._decided[key[1]]) is not None:
                    found[key] = writes
            found |= self._answered_calls([key for key in keys if key[1] not in self._asked])
            self._handed.update((id(write), write) for writes in found.values() for write in writes)
            if self._dry and self.worked:
                raise Unanswered("nothing runs in a dry run")
        return found

    async def aget(self, keys: Sequence[Key]) -> dict[Key, TaskWrites]:
        return self.get(keys)

    def set(self, pairs: Mapping[Key, tuple[TaskWrites, int | None]]) -> None:
        """Nothing is kept: what ran is stored where the run's checkpoints are."""

    async def aset(self, pairs: Mapping[Key, tuple[TaskWrites, int | None]]) -> None:
        self.set(pairs)

    def clear(self, namespaces: Sequence[tuple[str, ...]] | None = None) -> None:
        pass

    async def aclear(self, namespaces: Sequence[tuple[str, ...]] | None = None) -> None:
        pass

    # ------------------------------------------------------------ what is remembered

    def wrote(self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str) -> None:
        """A task wrote: one that was answered writes the very objects that it was given."""
        if writes and id(writes[0]) in self._handed:
            self._by_step.setdefault(place_of(config), []).append(task_id)

    def of(self, config: RunnableConfig) -> Mapping[str, Any]:
        """The ids of the tasks that were answered in the step that starts at a checkpoint."""
        answered = self._by_step.pop(place_of(config), [])
        return {SERVED: answered} if answered else {}

    # ------------------------------------------------------------ inside

    def _look(self, graph: Any, path: str) -> bool:
        """Note which nodes may be answered whole: no graph with a live node inside. Whether one is live."""
        live, edges = False, edges_of(graph)
        for name, node in graph.nodes.items():
            own = within(path, name)
            if name in edges:
                self._edges[own] = edges[name]
            inside = False
            if is_graph(node):
                self._graphs.add(own)
                inside = self._look(node.bound, own)
            else:
                self._functions[own] = node.bound
            self._whole[own] = not inside
            live = live or inside or self._live(own)
        return live

    def _policy(self, path: str) -> CachePolicy[Any]:
        def key(value: Any) -> str:
            with self._lock:
                if self.worked:
                    self._fingerprints.forget()  # a node may have changed what it was given
                asked = asked_of(path, value, self._config, self._fingerprints)
                own = self._number()
                self._asked[xxh3_128_hexdigest(own.encode())] = asked
                return own

        return CachePolicy(key_func=key)

    def _number(self) -> str:
        """A key of its own for each task: LangGraph answers one of those that share one."""
        return str(next(self._numbers))

    def _answer(self, asked: Asked) -> TaskWrites | None:
        """What history says to a task; None: it runs."""
        path, reason = asked.path, asked.reason
        if self._live(path):
            reason = "it is live"
        elif asked.fingerprint is None:
            reason = f"its input cannot be told exactly: {reason}"
        elif (found := self._found(asked, self._answering)) is None:
            reason = self._lacking(asked)
        else:
            recording, task = found
            try:
                writes = recording.writes(task)
                if (edges := self._edges.get(path)) is not None:
                    writes = edges.applied(writes)
            except Inexact as error:
                reason = str(error)
            else:
                task.used += 1
                before = task.asked.fingerprint
                ids = zip(before.ids, asked.fingerprint.ids, strict=True) if before is not None else ()
                return self._serve(path, task.task.id, writes, dict(ids), asked.fingerprint.ids)
        if path in self._graphs:
            return None  # its own nodes are answered
        followed = self._followed(asked)
        if followed is not None and self._has_live(
            path, followed[0].names_called(followed[1].row, followed[1].task)
        ):
            self._run(path, "it calls a task that is live", unchanged=True)
        else:
            self._run(path, reason, unchanged=False, asked=asked)
        return None

    def _serve(
        self, path: str, task_id: str, writes: TaskWrites, ids: Mapping[str, str], given: Iterable[str]
    ) -> TaskWrites:
        """What a recorded task wrote, for one that is answered with it.

        Args:
            path: the task's.
            task_id: of the recorded one.
            writes: what that wrote.
            ids: what ids in it are now.
            given: the ids in what the task is given.
        """
        if self.models is not None:
            self.models.skip(task_id)
        self.answers.append(TaskOutcome(path, served=True))
        renamed: TaskWrites = with_ids(writes, {old: new for old, new in ids.items() if old != new})
        self._note(given, renamed)
        return renamed

    def _run(self, path: str, reason: str, *, unchanged: bool, asked: Asked | None = None) -> None:
        """A task runs, or must not.

        Raises:
            EffectRefused: it has effects.
            Unanswered: it must be answered.
        """
        if self._effects(path) and not self._dry:
            difference = self._difference(asked) if asked is not None else ""
            what = "Node" if path in self._functions else "Task"
            self._stop(
                EffectRefused(
                    f"{what} {_node(path)!r} has effects and would run: {reason}{difference}.",
                    "Leave it out of effects to let it run.",
                )
            )
        if not unchanged:
            if not self._live(path) and self._must(path, reason):
                self._stop(Unanswered(f"{_node(path)!r} is not answered: {reason}"))
            self.changed += 1
        self.answers.append(TaskOutcome(path, served=False, reason=reason))
        self.worked += 1

    def _stop(self, error: Exception) -> NoReturn:
        self.stopped = error
        raise error

    # ------------------------------------------------------------ tasks that nodes call

    def _answered_calls(self, keys: Sequence[Key]) -> dict[Key, TaskWrites]:
        """The answers to those of some tasks that are called by others."""
        if not keys or (loop := CallingLoop.now()) is None:
            return {}
        waiting, found = loop.waiting(), {}
        for key in keys:
            call = waiting.get(key[1])
            if call is not None and id(call) not in self._running:  # one that runs is asked for again
                if (writes := self._answer_call(call, loop)) is None:
                    self._running[id(call)] = call
                else:
                    found[key] = writes
        return found

    def _answer_call(self, call: PregelExecutableTask, loop: CallingLoop) -> TaskWrites | None:
        """What history says to a task that another one calls; None: it runs."""
        run = self._caller_run(loop.caller_of(call), loop)
        path = within(run.path, call.name)
        self._callers.pop(call.id, None)
        unchanged = self._live(path)
        try:
            then = run.follow(call, loop)
            assert run.recorded is not None
            recording, row = run.recorded.recording, run.recorded.row
            if not then.finished or then.failed:
                reason = UNENDED
            elif recording.is_lasting(row, then):
                reason = "a graph that it calls has a history of its own"
            elif self._has_live(run.path, recording.names_called(row, then)):
                unchanged, reason = True, "it calls a task that is live"
            elif not unchanged:
                writes = recording.written(row, then)
                run.answered(call)
                return self._serve(path, then.id, writes, run.ids, message_ids({"": call.input}))
        except (Different, Inexact) as error:
            reason = str(error)
            self.changed += isinstance(error, Different)
        self._run(path, "it is live" if self._live(path) else reason, unchanged=unchanged)
        return None

    def _caller_run(self, task: PregelExecutableTask, loop: CallingLoop) -> CallerRun:
        """The run of a task that calls others; one that is resumed goes on."""
        run = self._callers.get(task.id)
        if run is None:
            run = self._callers[task.id] = self._begun(task, loop)
        return run

    def _begun(self, task: PregelExecutableTask, loop: CallingLoop) -> CallerRun:
        # LangGraph counts calls on where it tries a task again, and does not store that it did.
        tried = "what calls it has a retry policy" if task.retry_policy else ""
        if is_call(task):
            around = self._caller_run(loop.caller_of(task), loop)
            if self._live(within(around.path, task.name)):
                self.changed += 1  # what it calls is not what it called then
                return CallerRun(around.path, None, "what calls it is live")
            then = around.then.get(position_of(task))
            if tried or then is None or around.recorded is None:
                return CallerRun(around.path, None, tried or "what calls it was not called so before")
            recorded = RecordedCaller(around.recorded.recording, around.recorded.row, then)
            return CallerRun(around.path, recorded, ids=around.ids)
        asked = self._asked.get(task.cache_key.key) if task.cache_key is not None else None
        found = self._followed(asked) if asked is not None else None
        if tried or asked is None or found is None:
            reason = tried or "what calls it is live, or was not asked this before"
            return CallerRun(path_of(task), None, reason)
        recording, recorded_task = found
        recorded_task.used += 1
        before, now = recorded_task.asked.fingerprint, asked.fingerprint
        ids = dict(zip(before.ids, now.ids, strict=True)) if before is not None and now is not None else {}
        return CallerRun(
            asked.path, RecordedCaller(recording, recorded_task.row, recorded_task.task), ids=ids
        )

    def _followed(self, asked: Asked) -> tuple[Recording, RecordedTask] | None:
        """The recorded task along which one that runs is followed in what it calls."""
        if asked.fingerprint is None or self._live(asked.path):
            return None
        return self._found(asked, self._calling)

    def _calling(self, asked: Asked, recording: Recording, row: int) -> RecordedTask | None:
        """Of the tasks of one step the one that was asked the same and called others; at best one not served
        yet, that ran to its end."""
        same = (
            task
            for task in recording.at(row)
            if _is_asked(task, asked) and recording.calls_of(row, task.task)
        )
        return min(same, key=_rank, default=None)

    def _has_live(self, path: str, names: Collection[str | None]) -> bool:
        """Whether one of the tasks that a node called, by their names, is live; where a name is not known,
        whether any is that the node may call."""
        known = {name for name in names if name is not None}
        if known != set(names) and (function := self._functions.get(path)) is not None:
            known.update(names_called_by([function]))
        return any(self._live(within(path, name)) for name in known)

    def _note(self, given: Iterable[str], writes: TaskWrites) -> None:
        """What a task was given from elsewhere was not bought by it, though it writes it again."""
        self._given.update(each for each in given if each not in self._wrote)
        for channel, value in writes:
            self._wrote |= message_ids({channel: value})

    def _found(
        self, asked: Asked, among: Callable[[Asked, Recording, int], RecordedTask | None]
    ) -> tuple[Recording, RecordedTask] | None:
        """Of the recorded tasks that are found in each step the nearest that ran to its end and was not used
        yet, if there is one."""
        best = None
        began = time.monotonic() - self._looked
        with ExitStack() as reading:
            # What many states hold is read and hashed once.
            for recording in self._recordings:
                reading.enter_context(recording.history.source.sharing())
            for recording, row in self._places(asked.path):
                self._check()
                task = among(asked, recording, row)
                if task is not None and (best is None or _rank(task) < _rank(best[1])):
                    best = recording, task
                self._looked = time.monotonic() - began
                if self._looked > self._within or (task is not None and _rank(task) == _BEST):
                    break
        return best

    def _lacking(self, asked: Asked) -> str:
        """Why no answer was found."""
        if self._looked >= self._within:
            return f"no answer was found within {self._within:g} s"
        refused = ""
        for recording, row in self._places(asked.path):
            for task in recording.at(row):
                if _is_asked(task, asked) and (task.lasting or not task.task.finished):
                    return _LASTING if task.lasting else UNENDED
            refused = refused or recording.refused.get(row, "")
        return "it was not asked this before" + (f", as far as is known: {refused}" if refused else "")

    def _answering(self, asked: Asked, recording: Recording, row: int) -> RecordedTask | None:
        """Of the tasks of one step the one that was asked the same, not served yet if there is one."""
        if not self._whole.get(asked.path, True):
            return None  # its own nodes are answered
        same = (
            task
            for task in recording.at(row)
            if _is_asked(task, asked)
            and task.task.finished
            and (task.certain or self._compared)
            # A function is answered with what it calls; a graph by its nodes, as far as they are stored.
            and not (task.inner and asked.path in self._graphs and not recording.is_left(task))
            and not task.lasting  # else its subgraph would not know of it when it is called again
            and not self._has_live(asked.path, recording.names_called(row, task.task))
        )
        return min(same, key=_rank, default=None)

    def _places(self, path: str) -> Iterable[tuple[Recording, int]]:
        seen = set()
        for number, recording in enumerate(self._recordings):
            rows = recording.rows_of(path)
            known = frozenset(rows)
            for row in self._first() if number == 0 else ():
                if row in known:
                    seen.add(row)
                    yield recording, row
            for row in rows:
                if number or row not in seen:
                    yield recording, row

    def _difference(self, asked: Asked) -> str:
        """In what a task's input differs from what its node was asked where history would answer it."""
        for recording, row in self._places(asked.path):
            for task in recording.at(row):
                if task.asked.path == asked.path and task.asked.fingerprint != asked.fingerprint:
                    diff = diff_states(by_channel(task.asked.value), by_channel(asked.value))
                    if (change := next(iter(diff), None)) is not None:
                        return f" ({change.channel}{path_text(change.path)} differs)"
        return ""


def _is_asked(task: RecordedTask, asked: Asked) -> bool:
    """Whether a recorded task was asked the same."""
    return task.asked.path == asked.path and task.asked.fingerprint == asked.fingerprint


_BEST = False, 0


def _rank(task: RecordedTask) -> tuple[bool, int]:
    """Which of several recorded tasks that were asked the same is taken first."""
    return not task.task.finished, task.used


def _node(path: str) -> str:
    return innermost(path)[1]
