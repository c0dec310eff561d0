"""What a server tells of a state, as rows of an index, writes and snapshots."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, cast

from langgraph.checkpoint.base import WRITES_IDX_MAP, CheckpointMetadata
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT
from langgraph.types import Interrupt, PregelTask, StateSnapshot

from lgviz.sources.base import Bookkeeping, CheckpointRow, StoredWrite
from lgviz.sources.places import BRANCH_TO, by_channel, config_of

__all__ = ["RemoteState", "asked_of"]

_UNNAMED = "?"
"""A node that asks, where a server does not tell which."""
_NOTHING = "__no_writes__"
"""What LangGraph stores of a task that wrote nothing."""


class RemoteState:
    """One state of a thread, as a server tells it; whatever it sends is data.

    It tells no channel versions, and of the writes what each task gave as a whole.

    Args:
        told: a ``ThreadState`` of LangGraph's API.
        namespace: that it was asked for.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is none.
    """

    def __init__(self, told: Mapping[str, Any], namespace: str) -> None:
        place = told["checkpoint"]
        self.id = _text(place["checkpoint_id"])
        self.namespace = _text(place.get("checkpoint_ns") or namespace)
        above = told.get("parent_checkpoint")
        self.parent_id = _text(above["checkpoint_id"]) if above else None
        self.metadata: dict[str, Any] = dict(told.get("metadata") or {})
        self.created_at = _text(told["created_at"]) if told.get("created_at") else None
        self.values: Any = told.get("values")
        self.next = tuple(_text(name) for name in told.get("next") or ())
        self.tasks: list[dict[str, Any]] = [dict(task) for task in told.get("tasks") or ()]

    @property
    def state(self) -> dict[str, Any]:
        """The values by channel."""
        return {} if self.values is None else by_channel(self.values)

    def forget_values(self) -> None:
        """Keep what the index needs alone."""
        self.values = None
        for task in self.tasks:
            if isinstance(task.get("result"), dict):
                task["result"] = dict.fromkeys(task["result"])

    def wait_for(self, asked: Mapping[str, Any], nodes: Callable[[], Iterable[str]]) -> None:
        """Take in what the thread asks here, by the id of the task.

        Where a node waits for several, a server that decodes no sets does not tell of its task.

        Args:
            asked: by the id of a task its questions.
            nodes: gives the names of the graph's nodes.
        """
        known = {task["id"] for task in self.tasks}
        for id_, questions in asked.items():
            if id_ not in known and questions:
                task = {"id": _text(id_), "interrupts": questions}
                asking = {question.id for question in asked_of(task)}
                name = next((one for one in nodes() if _question_id(one, id_) in asking), _UNNAMED)
                self.add_task({**task, "name": name})

    def add_task(self, task: dict[str, Any]) -> None:
        """Take in a task that was not told with it."""
        self.tasks.append(task)
        self.next += (task["name"],)

    def row(self) -> CheckpointRow:
        """It in an index."""
        return CheckpointRow(self.namespace, self.id, self.parent_id, self.metadata)

    def inner(self) -> Iterator[str]:
        """The namespaces of the subgraphs that its tasks called."""
        for task in self.tasks:
            if called := task.get("checkpoint"):
                yield _text(called["checkpoint_ns"])

    def names(self) -> list[str]:
        """The nodes of its tasks."""
        return [_text(task["name"]) for task in self.tasks]

    def task_ids(self) -> list[str]:
        """The ids of its tasks."""
        return [_text(task["id"]) for task in self.tasks]

    def writes(self, *, finished: bool = False) -> Iterator[tuple[str, StoredWrite]]:
        """With the name of its task, each write that its tasks tell.

        Args:
            finished: a checkpoint follows from it, so each task came to its end.
        """
        for task in self.tasks:
            id_, name, path = _text(task["id"]), _text(task["name"]), _path(task)
            wrote = list(_wrote(task))
            if finished and not wrote and not task.get("untold"):
                wrote = [(_NOTHING, None)]
            for number, (channel, value) in enumerate(wrote):
                idx = WRITES_IDX_MAP.get(channel, number)
                yield name, StoredWrite(id_, path, idx, channel, value)

    def bookkeeping(self) -> Bookkeeping:
        """As far as it is told."""
        return Bookkeeping({}, tuple(self.state), 4, self.created_at, {}, {}, None)

    def compared(self, ran: Sequence[str]) -> Bookkeeping:
        """For who compares it with its parent: each value's digest stands for the version that is not told.

        Args:
            ran: the nodes that made it.
        """
        versions = {name: _digest(value) for name, value in self.state.items()}
        seen: dict[str, dict[str, Any]] = {name: {} for name in ran}
        led = [f"{BRANCH_TO}{name}" for name in self.names()]  # in the order of the graph
        return Bookkeeping({}, (*versions, *led), 4, self.created_at, versions, seen, None, in_order=True)

    def snapshot(self, thread_id: str) -> StateSnapshot:
        """It in LangGraph's own shape."""
        tasks = tuple(
            PregelTask(
                id=_text(task["id"]),
                name=_text(task["name"]),
                path=tuple(task.get("path") or ()),
                error=task.get("error"),
                interrupts=tuple(asked_of(task)),
                result=task.get("result"),
            )
            for task in self.tasks
        )
        return StateSnapshot(
            values=self.values if self.values is not None else {},
            next=self.next,
            config=config_of(thread_id, self.namespace, self.id),
            metadata=cast("CheckpointMetadata", self.metadata),
            created_at=self.created_at,
            parent_config=config_of(thread_id, self.namespace, self.parent_id) if self.parent_id else None,
            tasks=tasks,
            interrupts=tuple(asked for task in tasks for asked in task.interrupts),
        )


def asked_of(task: Mapping[str, Any]) -> list[Interrupt]:
    """What a task asks."""
    return [Interrupt(one.get("value"), id=str(one.get("id") or "")) for one in task.get("interrupts") or ()]


def _question_id(node: str, task_id: str) -> str:
    """The id that LangGraph gives what a node asks itself: a hash of its name and its task."""
    return Interrupt.from_ns(None, f"{node}:{task_id}").id


def _wrote(task: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if task.get("error"):
        yield ERROR, task["error"]
    if asked := asked_of(task):
        yield INTERRUPT, tuple(asked)
    result = task.get("result")
    if result is not None and not (asked and result == {}):
        yield from by_channel(result).items() if result != {} else [(_NOTHING, None)]


def _path(task: Mapping[str, Any]) -> str:
    """A task's path as savers store it; where none is told, that of a node that a channel triggered."""
    path, name = task.get("path"), _text(task["name"])
    return _joined(path or ("__pregel_pull", name)) if path or name else ""


def _joined(part: Any) -> str:
    if isinstance(part, (list, tuple)):
        return f"~{', '.join(map(_joined, part))}"
    return f"{part:010d}" if isinstance(part, int) else str(part)


def _digest(value: Any) -> str:
    return blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text was expected, not {type(value).__name__}")
    return value
