"""Answers the tasks of a run from what history holds, through LangGraph's own node cache.

LangGraph asks its cache before it runs a task, with a key that the node's cache policy makes of the input; a
task that the cache answers is given those writes and does not run. So every node is given a policy that
notes what its task is asked, and the cache looks that up in the recordings.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from langchain_core.runnables import RunnableConfig
from langgraph.cache.base import BaseCache
from langgraph.types import CachePolicy
from xxhash import xxh3_128_hexdigest

from lgviz.analysis.diff import diff_states
from lgviz.analysis.fingerprint import Fingerprints, Inexact, with_ids
from lgviz.analysis.summary import path_text
from lgviz.analysis.usage import Usage, message_ids, usage_of
from lgviz.errors import EffectRefused
from lgviz.sources.places import SERVED, Address, by_channel, innermost, place_of, within

from .edges import Edges, edges_of
from .models import RecordedAnswers
from .recorded import Asked, RecordedTask, Recording, asked_of, config_digest, is_graph, policed

__all__ = ["Serving", "TaskOutcome", "Unanswered"]

Key: TypeAlias = tuple[tuple[str, ...], str]
TaskWrites: TypeAlias = list[tuple[str, Any]]


_LASTING = (
    "it calls a graph with a history of its own (checkpointer=True), which an answer would not go on; "
    "name the node in live to run it"
)


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
        must: asked with the path of a task that history does not answer and that is not live: whether it must
            not run either, for nothing has changed so far.
        models: what answers the models that are called in tasks that run; None: nothing does.
        dry: run nothing at all: the run ends (:class:`Unanswered`) at the step in which a task would run.
        check: called while history is looked through; what it raises ends that.
        within: how many seconds in all to look for answers; a task whose answer is not found by then runs.

    Attributes:
        answers: what became of each task, in order.
        worked: how many of them ran.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        configurable: Mapping[str, Any],
        live: Callable[[str], bool] = lambda _path: False,
        effects: Callable[[str], bool] = lambda _path: False,
        first: Callable[[], Iterable[int]] = tuple,
        must: Callable[[str], bool] = lambda _path: False,
        models: RecordedAnswers | None = None,
        *,
        dry: bool = False,
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
        self._check = check
        self._within = within
        self._looked = 0.0
        self._fingerprints = Fingerprints()
        self._asked: dict[str, Asked] = {}
        self._decided: dict[str, TaskWrites | None] = {}
        self._whole: dict[str, bool] = {}
        self._graphs: set[str] = set()
        self._edges: dict[str, Edges] = {}
        self.worked = 0
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
        made = policed(graph, self._policy)
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
                    self._handed.update((id(write), write) for write in writes)
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
            self._whole[own] = not inside
            live = live or inside or self._live(own)
        return live

    def _policy(self, path: str) -> CachePolicy[Any]:
        def key(value: Any) -> str:
            with self._lock:
                if self.worked:
                    self._fingerprints.forget()  # a node may have changed what it was given
                asked = asked_of(path, value, self._config, self._fingerprints)
                # Each task has a key of its own: LangGraph answers one of those that share one.
                own = str(len(self._asked))
                self._asked[xxh3_128_hexdigest(own.encode())] = asked
                return own

        return CachePolicy(key_func=key)

    def _answer(self, asked: Asked) -> TaskWrites | None:
        """What history says to a task; None: it runs."""
        path, reason = asked.path, asked.reason
        if self._live(path):
            reason = "it is live"
        elif asked.fingerprint is None:
            reason = f"its input cannot be told exactly: {reason}"
        elif (found := self._found(asked)) is None:
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
                if self.models is not None:
                    self.models.skip(task.task_id)
                self.answers.append(TaskOutcome(path, served=True))
                before = task.asked.fingerprint
                ids = zip(before.ids, asked.fingerprint.ids, strict=True) if before is not None else ()
                renamed: TaskWrites = with_ids(writes, {old: new for old, new in ids if old != new})
                self._note(asked.fingerprint.ids, renamed)
                return renamed
        if path in self._graphs:
            return None  # its own nodes are answered
        if self._effects(path) and not self._dry:
            self._refuse(asked, reason)
        if not self._live(path) and self._must(path):
            raise Unanswered(f"{_node(path)!r} is not answered: {reason}")
        self.answers.append(TaskOutcome(path, served=False, reason=reason))
        self.worked += 1
        return None

    def _note(self, given: Iterable[str], writes: TaskWrites) -> None:
        """What a task was given from elsewhere was not bought by it, though it writes it again."""
        self._given.update(each for each in given if each not in self._wrote)
        for channel, value in writes:
            self._wrote |= message_ids({channel: value})

    def _found(self, asked: Asked) -> tuple[Recording, RecordedTask] | None:
        """The recorded task to answer with: one not served yet, if there is one."""
        last = None
        began = time.monotonic() - self._looked
        with ExitStack() as reading:
            # What many states hold is read and hashed once.
            for recording in self._recordings:
                reading.enter_context(recording.history.source.sharing())
            for recording, row in self._places(asked.path):
                self._check()
                task = self._answering(asked, recording.at(row))
                if task is not None:
                    last = recording, task
                self._looked = time.monotonic() - began
                if self._looked > self._within or (task is not None and not task.used):
                    break
        return last

    def _lacking(self, asked: Asked) -> str:
        """Why no answer was found."""
        if self._looked >= self._within:
            return f"no answer was found within {self._within:g} s"
        refused = ""
        for recording, row in self._places(asked.path):
            for task in recording.at(row):
                same = task.asked.path == asked.path and task.asked.fingerprint == asked.fingerprint
                if same and task.lasting:
                    return _LASTING
            refused = refused or recording.refused.get(row, "")
        return "it was not asked this before" + (f", as far as is known: {refused}" if refused else "")

    def _answering(self, asked: Asked, tasks: Iterable[RecordedTask]) -> RecordedTask | None:
        """Of the tasks of one step the one that was asked the same, not served yet if there is one."""
        if not self._whole.get(asked.path, True):
            return None  # its own nodes are answered
        same = (
            task
            for task in tasks
            if task.asked.path == asked.path
            and task.asked.fingerprint == asked.fingerprint
            and not (task.inner and asked.path in self._graphs)  # a function is answered with what it calls
            and not task.lasting  # else its subgraph would not know of it when it is called again
        )
        return min(same, key=lambda task: task.used, default=None)

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

    def _refuse(self, asked: Asked, reason: str) -> NoReturn:
        raise EffectRefused(
            f"Node {_node(asked.path)!r} has effects and would run: {reason}{self._difference(asked)}.",
            "Leave it out of effects to let it run.",
        )

    def _difference(self, asked: Asked) -> str:
        """In what a task's input differs from what its node was asked where history would answer it."""
        for recording, row in self._places(asked.path):
            for task in recording.at(row):
                if task.asked.path == asked.path and task.asked.fingerprint != asked.fingerprint:
                    diff = diff_states(by_channel(task.asked.value), by_channel(asked.value))
                    if (change := next(iter(diff), None)) is not None:
                        return f" ({change.channel}{path_text(change.path)} differs)"
        return ""


def _node(path: str) -> str:
    return innermost(path)[1]
