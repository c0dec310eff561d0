"""Which recorded call answers a task (``@task``) that a function calls.

Of a call LangGraph stores what came of it and its position, the n-th call in the task that made it, but no
arguments. A function that was given the same makes the same calls as long as they give it the same: that is
what LangGraph relies on when it resumes one, and gives its n-th call what the n-th wrote. So a function that
runs is followed along a recorded run of it. Its n-th call is answered with the recorded n-th if both are of
one name, and if every call before it that ended came out as recorded; one that is still at work cannot have
told the function anything yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from langgraph.config import get_config
from langgraph.types import PregelExecutableTask

from lgviz.analysis.fingerprint import Inexact, fingerprint
from lgviz.analysis.steps import PUSH, Task
from lgviz.sources.places import node_path

from .recorded import Recording

__all__ = ["CallerRun", "CallingLoop", "Different", "RecordedCaller", "is_call", "path_of", "position_of"]

_ERROR, _RETURN = "__error__", "__return__"


@dataclass(frozen=True, slots=True)
class CallingLoop:
    """LangGraph's loop in which a function calls a task."""

    tasks: Mapping[str, PregelExecutableTask]

    @classmethod
    def now(cls) -> CallingLoop | None:
        """That of the function whose code runs here; None where none does."""
        try:
            call = get_config()["configurable"]["__pregel_call"]
            return cls(call.keywords["schedule_task"].__self__.tasks)
        except (RuntimeError, KeyError, AttributeError):
            return None

    def waiting(self) -> dict[str, PregelExecutableTask]:
        """The calls that have no answer, by the key that the cache is asked with."""
        return {
            task.cache_key.key: task
            for task in tuple(self.tasks.values())
            if task.cache_key is not None and not task.writes and is_call(task)
        }

    def caller_of(self, call: PregelExecutableTask) -> PregelExecutableTask:
        """The task that made a call."""
        return next(task for task in tuple(self.tasks.values()) if task.path == call.path[1])

    def calls_of(self, caller: PregelExecutableTask) -> dict[int, PregelExecutableTask]:
        """The calls that a task has made, by position."""
        calls = (task for task in tuple(self.tasks.values()) if is_call(task))
        return {position_of(task): task for task in calls if task.path[1] == caller.path}


def is_call(task: PregelExecutableTask) -> bool:
    """Whether another task called it."""
    return len(task.path) == 4 and task.path[0] == PUSH and isinstance(task.path[1], tuple)


def position_of(call: PregelExecutableTask) -> int:
    """Which of its caller's calls it is, from 0."""
    position = call.path[2]
    assert isinstance(position, int)
    return position


class Different(Exception):
    """What a function was told in its run is not what it was told then; the text says in what."""


@dataclass(frozen=True, slots=True)
class RecordedCaller:
    """A recorded task that called others.

    Attributes:
        recording: of its thread.
        row: the row that its step started from.
        task: itself.
    """

    recording: Recording
    row: int
    task: Task


@dataclass(slots=True)
class CallerRun:
    """A task that runs and calls others, along a recorded run of it.

    Attributes:
        path: its node's.
        recorded: what it is followed along; None: nothing.
        reason: why nothing.
        ids: what ids of recorded messages and tool calls are in this run; calls within calls share it.
        then: the recorded calls that this run's were found to be, by position.
    """

    path: str
    recorded: RecordedCaller | None
    reason: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    then: dict[int, Task] = field(default_factory=dict)
    _now: dict[int, PregelExecutableTask] = field(default_factory=dict)
    _same: set[int] = field(default_factory=set)

    def follow(self, call: PregelExecutableTask, loop: CallingLoop) -> Task:
        """The recorded call that a call is.

        Raises:
            Different: what this run was told has come to differ from the recorded one.
            Inexact: history does not tell.
        """
        index = position_of(call)
        self._now[index] = call  # a function that is resumed makes it again
        self._same.discard(index)
        self.then.pop(index, None)
        if (recorded := self.recorded) is None:
            raise Inexact(self.reason)
        caller = loop.caller_of(call)
        self._compare_answers(caller, recorded)
        if any(earlier not in self._now for earlier in range(index)):
            self._now = loop.calls_of(caller) | self._now  # those that a resumed run need not make again
        for earlier in range(index):
            if earlier not in self._same and self._is_as_recorded(earlier, recorded):
                self._same.add(earlier)
        self.then[index] = _recorded_at(recorded, index, call)
        return self.then[index]

    def answered(self, call: PregelExecutableTask) -> None:
        """A call was given the recorded answer."""
        self._same.add(position_of(call))

    def _compare_answers(self, caller: PregelExecutableTask, recorded: RecordedCaller) -> None:
        """What the function itself was answered decides on what it calls, too."""
        given = caller.config["configurable"]["__pregel_scratchpad"].resume
        if given:
            then = recorded.recording.answers(recorded.row, recorded.task)[: len(given)]
            if fingerprint(list(given)) != fingerprint(then):
                raise Different("what calls it was answered otherwise")

    def _is_as_recorded(self, index: int, recorded: RecordedCaller) -> bool:
        """Whether a call ended as the recorded one did; not yet, where it is still at work."""
        if (now := self._now.get(index)) is None:
            raise Inexact("a call before it is not known")
        then = _recorded_at(recorded, index, now)
        writes = dict(tuple(now.writes))
        if _ERROR in writes:
            raise Different(f"{now.name!r} failed before it")
        if _RETURN not in writes:
            return False
        if then.finished and then.failed:  # what was called after it may be told of the failure
            raise Inexact(f"{now.name!r} was tried again then")
        wrote = dict(recorded.recording.written(recorded.row, then))
        if _RETURN not in wrote:
            raise Different(f"{now.name!r} gave nothing before it then")
        before, after = fingerprint(wrote[_RETURN]), fingerprint(writes[_RETURN])
        if before != after:
            raise Different(f"{now.name!r} gave something else before it")
        self.ids.update(zip(before.ids, after.ids, strict=True))
        return True


def _recorded_at(recorded: RecordedCaller, index: int, now: PregelExecutableTask) -> Task:
    """The recorded call of a position, which is of the same name.

    Raises:
        Inexact: there is none.
    """
    then = recorded.recording.calls_of(recorded.row, recorded.task).get(index)
    if then is None or not recorded.recording.is_named(recorded.row, then, now.name):
        raise Inexact(f"{now.name!r} is called where it was not then")
    return then


def path_of(task: PregelExecutableTask) -> str:
    """The path of a task by its namespace."""
    return node_path(task.config["configurable"]["checkpoint_ns"])
