"""The step that starts at a checkpoint: its tasks, as the stored writes tell them without their values.

In a graph whose ``plan`` sends one ``Send("work", …)`` and goes on to ``ok``, LangGraph stores these writes
under ``c1``, where ``plan`` runs, and under ``c2``, where the two that it started run:

====  ====================================================  =============================================
at    task path                                             channels written, by position
====  ====================================================  =============================================
c1    ``~__pregel_pull, plan``                              ``log``, ``__pregel_tasks``, ``branch:to:ok``
c2    ``~__pregel_push, 0000000000, 0000000000``            ``log``
c2    ``~__pregel_pull, ok``                                ``log``
====  ====================================================  =============================================

*Pulled* is a task that a channel triggered: its path ends in the name of its node. *Pushed* is one made by a
``Send``: its path holds the number of the ``Send`` and no name, which its id tells (see :class:`TaskIds`).
A task that another one called (``@task``) has its caller's path inside its own.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha1
from typing import Any, NamedTuple

from xxhash import xxh3_128_hexdigest

from lgviz.sources.base import WriteRow
from lgviz.sources.places import CONTROL_CHANNELS, NULL_TASK_ID, TASKS_CHANNEL, is_internal

__all__ = [
    "PULL",
    "PUSH",
    "JavaScriptTaskIds",
    "Step",
    "Task",
    "TaskIds",
    "TreeRow",
    "WrittenChannels",
    "call_place",
    "caller_of",
    "ids_of",
    "is_given",
    "written_channels",
]

cache_of_names = lru_cache(maxsize=4096)
"""Names repeat from step to step; the bound is for the thread in which they do not."""

PULL = "__pregel_pull"
PUSH = "__pregel_push"
_PULLED = f"~{PULL}, "
_PUSHED = f"~{PUSH}, "
_CALLED = f"{_PUSHED}~"
_UPDATE = "~__interrupt__"
_HANDLER = ", node_error_handler, 0000000000"


@dataclass(slots=True)
class Task:
    """One task of a step.

    Attributes:
        channels: what it wrote to, by position.
        name: its node; None while not certain.
        order: sorts tasks as LangGraph lists them: sends by their index, then nodes by name, then what those
            started, each call before what it called itself. Known with the name where the path alone does not
            tell it.
        within: of a call or an error handler, the namespace of the task that started it, known with the name.
        finished: it ran to its end; only then it writes anything but control channels.
        failed, handled, interrupted: it raised, an error handler took over, it asks something.
    """

    id: str
    path: str
    channels: dict[int, str] = field(default_factory=dict)
    name: str | None = None
    order: tuple[int, Any] = (2, "")
    within: str = ""
    finished: bool = False
    failed: bool = False
    handled: bool = False
    interrupted: bool = False

    def write(self, idx: int, channel: str) -> None:
        """Take in one of its writes."""
        self.channels[idx] = channel
        if channel not in CONTROL_CHANNELS:
            self.finished = True
        elif channel == "__error__":
            self.failed = True
        elif channel == "__interrupt__":
            self.interrupted = True
        elif channel == "__error_source_node__":
            self.handled = True

    @property
    def called(self) -> bool:
        """Whether another task called it (``@task``): that one answers for its questions and errors."""
        if self.path:
            return self.order[0] == 2 and not self.path.endswith(_HANDLER)
        return "__return__" in self.channels.values()

    @property
    def namespace(self) -> str:
        """What LangGraph adds to the checkpoint namespace for what it calls; only right with its name."""
        own = f"{self.name}:{self.id}"
        return f"{self.within}|{own}" if self.within else own

    @property
    def send_index(self) -> int | None:
        """Which of the step's sends it is, by its path."""
        return self.order[1] if self.path and self.order[0] == 0 else None


@cache_of_names
def _by_path(path: str) -> tuple[str | None, tuple[int, Any]]:
    """A task's name and order, as far as its path tells them."""
    if path.endswith(_HANDLER):
        return None, (2, path)
    if path.startswith(_PULLED):
        name = path[len(_PULLED) :]
        return name, (1, name)
    if path.startswith(_PUSHED):
        index = path[len(_PUSHED) :].partition(",")[0]
        if index.isdecimal():
            return None, (0, int(index))
    # Without the marks of the calls it lies in, a path begins as its caller's does.
    while path.startswith(_CALLED):
        path = path[len(_PUSHED) :]
    return None, (2, path)


@dataclass(slots=True)
class Step:
    """What is stored under one checkpoint.

    ``tasks``: those of the step itself, by id. ``updates``: made on it, stored under a task's id or one of
    their own. ``null``: writes of no task. ``dropped``: ids of tasks whose ``Send`` a later one replaced, as
    ``Command(goto=Send(...))`` does with an answer.
    """

    tasks: dict[str, Task] = field(default_factory=dict)
    updates: dict[str, Task] = field(default_factory=dict)
    null: dict[int, str] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()

    def add(self, write: WriteRow) -> None:
        """Take in one stored write; one known already is replaced."""
        if write.task_id == NULL_TASK_ID:
            self.null[write.idx] = write.channel
            return
        if write.channel == PUSH:
            return
        if write.task_path.startswith(_UPDATE):
            group = self.updates
        elif write.task_path or write.task_id in self.tasks:
            group = self.tasks
        elif write.task_id == update_id(write.checkpoint_id, "__interrupt__"):
            group = self.updates
        elif write.task_id == update_id(write.checkpoint_id, "__input__"):
            return
        else:
            group = self.tasks
        task = group.get(write.task_id)
        if task is None:
            task = group[write.task_id] = Task(write.task_id, write.task_path)
            if write.task_path:
                task.name, task.order = _by_path(write.task_path)
        elif (
            write.task_path and not task.path
        ):  # begun by a LangGraph that stored no path, ended by one that does
            task.path = write.task_path
            task.name, task.order = _by_path(write.task_path)
        if write.task_name:
            task.name = write.task_name
        task.write(write.idx, write.channel)

    @property
    def resent(self) -> int:
        """How many ``Send``s replaced those that waited."""
        return sum(channel == TASKS_CHANNEL for channel in self.null.values())

    def done(self) -> list[Task]:
        """The step's own tasks that the next checkpoint did not wait for: those that finished, or whose error
        was handled, or caught by the task that called them."""
        return [
            task
            for task in self.tasks.values()
            if (task.finished or task.handled or (task.failed and task.called))
            and task.id not in self.dropped
        ]


_NO_STEP = Step()


@dataclass(slots=True)
class TreeRow:
    """One checkpoint of the tree: what the index tells of it, and who made it, once that is found out."""

    index: int
    namespace: str
    id: str
    parent_id: str | None
    parent: TreeRow | None
    step: int | None
    source: str
    metadata: Any
    children: list[TreeRow] = field(default_factory=list)
    work: Step | None = None
    collapsed: bool = False
    expected: frozenset[str] | None = None
    """Nodes that an edge leads to from here; None where the writes do not tell."""
    sends: int = 0
    joined: dict[str, frozenset[str]] = field(default_factory=dict)
    """Joins that wait for more nodes: those that wrote to them."""
    nodes: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    provisional: bool = False

    @property
    def step_work(self) -> Step:
        """What is stored under it."""
        return self.work or _NO_STEP

    @property
    def dated(self) -> bool:
        """Written by LangGraph of 2024 or early 2025, whose metadata holds each step's writes."""
        return "writes" in self.metadata

    @property
    def continued(self) -> bool:
        """Whether its step came to an end, so that a checkpoint follows from it."""
        for child in self.children:  # noqa: SIM110 - no generator: each row is asked several times
            if child.source not in ("update", "fork", "input"):
                return True
        return False

    def stored_updates(self) -> list[Task]:
        """The writes of the update that made it, where they are stored, in order."""
        parent = self.parent
        if self.source != "update" or parent is None or not parent.step_work.updates:
            return []
        updates = parent.step_work.updates
        with_path = any(task.path for task in updates.values())
        # Stored only for the first: by now only while the parent is the newest, before for each, but the rows
        # of the first stay.
        siblings = (
            parent.children if with_path else [row for row in parent.children if row.source == "update"]
        )
        if not siblings or siblings[0] is not self:
            return []
        return sorted(updates.values(), key=lambda task: task.path)


class TaskIds:
    """The ids that LangGraph gives to the tasks of a step, to find the name behind a stored id.

    An id is a hash over the checkpoint's id, the namespace, the number of the step, the node and what
    triggered it, written as a UUID. The same hash over another name gives another id, so that of all nodes
    that may have run only the right one fits:

    >>> c1 = TreeRow(1, "", "1f1ead33-49bd-60da-8000-30ec968a5e7e", None, None, 0, "loop", {})
    >>> TaskIds(c1).pulled("plan", ["branch:to:plan"])
    '407c277a-b117-9358-ac9e-5f871f26a741'
    >>> c2 = TreeRow(2, "", "1f1ead33-49cc-6a2f-8001-11e8f4e8a774", None, None, 1, "loop", {})
    >>> TaskIds(c2).sent("work", 0)
    '0fb8e599-3815-57f3-819a-003c1d2d8f5b'

    Args:
        row: the checkpoint that the step starts at.
        dated: with the hash of late 2024 to spring 2025, which was another one.
    """

    def __init__(self, row: TreeRow, *, dated: bool = False) -> None:
        self._digest = _sha1 if dated else xxh3_128_hexdigest
        try:
            self._checkpoint = bytes.fromhex(row.id.replace("-", ""))
        except ValueError:
            self._checkpoint = b""
        self._namespace = row.namespace
        self._step = str((row.step if row.step is not None else -1) + 1)

    def pulled(self, name: str, triggers: Iterable[str]) -> str:
        """The id of a node's task that channels triggered."""
        return self._hash(name, "", PULL, *triggers)

    def are_pulled(self, id_: str, name: str, ways: Iterable[Sequence[str]]) -> bool:
        """Whether an id is that of a node's task, triggered by one of several sets of channels."""
        return any(id_ == self.pulled(name, way) for way in ways)

    def sent(self, name: str, index: int) -> str:
        """The id of the task of the step's ``Send`` with a number."""
        return self._hash(name, "", PUSH, str(index))

    def handler(self, name: str, failed: Task) -> str:
        """The id of the task of a node that handles the error of another task."""
        return self._hash(name, failed.namespace, PUSH, "node_error_handler", failed.id)

    def called(self, name: str, caller: Task, path: str, index: int) -> str:
        """The id of a call (``@task``) with a number that another task made."""
        return self._hash(name, caller.namespace, PUSH, path, str(index))

    def _hash(self, name: str, within: str, *parts: str) -> str:
        namespace = self._namespace_of(name, within)
        text = "".join((namespace, self._step, name, *parts))
        digest = self._digest(self._checkpoint + text.encode())
        return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]))

    def _namespace_of(self, name: str, within: str) -> str:
        return "|".join(part for part in (self._namespace, within, name) if part)


class JavaScriptTaskIds(TaskIds):
    """The ids that langgraphjs gives to the tasks of a step.

    >>> c1 = TreeRow(1, "", "1f1ebfa5-8218-6860-8000-d1a59982356a", None, None, 0, "loop", {})
    >>> JavaScriptTaskIds(c1).pulled("ask", ["branch:to:ask"])
    'c0f850ef-b519-529e-abdf-68e20d4a5319'
    """

    def are_pulled(self, id_: str, name: str, ways: Iterable[Sequence[str]]) -> bool:
        ways = list(ways)
        alone = ((channel,) for way in ways for channel in way)  # since autumn 2025 only the first counts
        return super().are_pulled(id_, name, {*alone, *map(tuple, ways)})

    def pulled(self, name: str, triggers: Iterable[str]) -> str:
        """The id of a node's task that channels triggered."""
        return self._named(name, "", PULL, list(triggers))

    def _hash(self, name: str, within: str, *parts: str) -> str:
        return self._named(name, within, *parts)

    def _named(self, name: str, within: str, *parts: Any) -> str:
        if not self._checkpoint:
            return ""
        named = [self._namespace_of(name, within), self._step, name, *parts]
        text = json.dumps(named, ensure_ascii=False, separators=(",", ":"))
        return str(uuid.uuid5(uuid.UUID(bytes=self._checkpoint), text))


def ids_of(row: TreeRow, *, pathless: bool = True) -> list[TaskIds]:
    """Each way in which LangGraph may have made the ids of a step's tasks, the likeliest first.

    Args:
        row: the checkpoint that the step starts at.
        pathless: whether a task is looked for that is stored without a path, as it was before spring 2025 and
            as langgraphjs stores it.
    """
    ids = [TaskIds(row)]
    if pathless or row.dated:
        ids.append(TaskIds(row, dated=True))
    if pathless:
        ids.append(JavaScriptTaskIds(row))
    return ids


def _sha1(text: bytes) -> str:
    return sha1(text, usedforsecurity=False).hexdigest()[:32]


def update_id(checkpoint_id: str, kind: str) -> str:
    """The id of writes that an update or an input stores under a checkpoint."""
    try:
        return str(uuid.uuid5(uuid.UUID(checkpoint_id), kind))
    except ValueError:
        return ""


def caller_of(task: Task, tasks: Iterable[Task]) -> tuple[Task, str, int] | None:
    """Of a task that another one called, or that handles its error: that one, its path, the call's index."""
    if task.path.endswith(_HANDLER):
        beginning = task.path[: -len(_HANDLER)]
        found = next((other for other in tasks if other is not task and other.path == beginning), None)
        return None if found is None else (found, beginning, -1)
    if (place := call_place(task.path)) is None:
        return None
    path, index = place
    found = next((other for other in tasks if other.path == path), None)
    return None if found is None else (found, path, index)


def is_given(path: str) -> bool:
    """Whether a task, by its path, stores what an input or an update brings."""
    return path == f"{_PULLED}__start__" or path.startswith(_UPDATE)


def call_place(path: str) -> tuple[str, int] | None:
    """Of a call's path, that of the task that made it, and the call's number there."""
    if not path.startswith(_CALLED):
        return None
    caller, _, index = path[len(_PUSHED) :].rpartition(", ")[0].rpartition(", ")
    return (caller, int(index)) if index.isdecimal() else None


class WrittenChannels(NamedTuple):
    """What writes to some channels mean.

    Attributes:
        state: the state's own channels, sorted.
        targets: the nodes that the writes lead to by themselves.
        joins: the joins they take part in.
        sends: how many ``Send``s they hold.
    """

    state: tuple[str, ...]
    targets: frozenset[str]
    joins: tuple[str, ...]
    sends: int


@cache_of_names
def written_channels(channels: tuple[str, ...]) -> WrittenChannels:
    """Read the names of the channels that were written to; steps of one kind write to the same."""
    return WrittenChannels(
        state=tuple(sorted({name for name in channels if not is_internal(name)})),
        targets=frozenset(
            name.rpartition(":")[2] for name in channels if name.startswith(("branch:", "start:"))
        ),
        joins=tuple(name for name in channels if name.startswith("join:")),
        sends=channels.count(TASKS_CHANNEL),
    )
