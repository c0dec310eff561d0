"""The state at a checkpoint and what comes next, told from what is stored when there is no graph to ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langgraph.checkpoint.serde.types import ERROR
from langgraph.types import Interrupt, PregelTask, StateSnapshot

from lgviz.persistence.serde.stored_error import error_as_text
from lgviz.sources.base import Bookkeeping, Record, StoredWrite, Undecodable
from lgviz.sources.places import CONTROL_CHANNELS, TASKS_CHANNEL, config_of, is_internal, unrooted

from .naming import Naming
from .rebuilt import unwrapped
from .steps import Task, TreeRow, written_channels
from .writes import fold

__all__ = ["stored_snapshot"]


def stored_snapshot(
    thread_id: str, row: TreeRow, record: Record, naming: Naming, rebuilt: Mapping[str, Any]
) -> StateSnapshot:
    """A snapshot in LangGraph's shape: the stored channels that belong to the state, those that were rebuilt,
    and the tasks of the next step as far as they are certain."""
    hidden = _node_channels(row) if row.dated else set()
    held = {name: unwrapped(value) for name, value in record.values.items()} | dict(rebuilt)
    values = {name: value for name, value in held.items() if not is_internal(name) and name not in hidden}
    tasks = tuple(_task(row, task, record.writes) for task in _pending(row, record, naming))
    return StateSnapshot(
        values=unrooted(values),
        next=tuple(task.name for task in tasks),
        config=config_of(thread_id, row.namespace, row.id),
        metadata=row.metadata,
        created_at=None,
        parent_config=config_of(thread_id, row.namespace, row.parent_id) if row.parent_id else None,
        tasks=tasks,
        interrupts=tuple(interrupt for task in tasks for interrupt in task.interrupts),
    )


def _pending(row: TreeRow, record: Record, naming: Naming) -> list[Task]:
    """The tasks of the step that starts at a checkpoint, as far as they are certain, in LangGraph's order.

    A task that stored nothing yet has an empty id.
    """
    stored = list(row.step_work.tasks.values())
    for task in stored:
        naming.name_task(row, task)
    child = next((child for child in row.children if child.source not in ("update", "fork", "input")), None)
    told = child is not None and not child.collapsed
    names = child.nodes if child is not None and told else _waiting(row, record)
    # Calls, error handlers and what a Command sent along came later than the step was planned.
    added = set(written_channels(tuple(row.step_work.null.values())).targets) - (row.expected or set())
    added.update(task.name for task in stored if task.name and task.order[0] == 2)
    tasks = [task for task in stored if task.name and task.name not in added]
    names = tuple(name for name in names if name not in added)
    for name in names:
        if names.count(name) > sum(task.name == name for task in tasks):
            tasks.append(Task("", "", name=name, order=(1, name)))
    return sorted(tasks, key=lambda task: task.order)


def _waiting(row: TreeRow, record: Record) -> tuple[str, ...]:
    """The nodes that wait at a checkpoint from which none went on."""
    versions, values = record.bookkeeping, record.values
    if versions is None:
        return tuple(sorted(row.expected or ()))
    held = set(versions.channels)
    names = {
        name
        for name, trigger in _triggers(versions)
        if trigger in held and _is_newer(versions, trigger, name) and _is_open(trigger, values.get(trigger))
    }
    sends = values.get(TASKS_CHANNEL)
    sent = [send.node for send in sends if hasattr(send, "node")] if isinstance(sends, Sequence) else []
    return (*sent, *sorted(names))


def _triggers(versions: Bookkeeping) -> set[tuple[str, str]]:
    """(node, channel that triggers it), by the channels' names and by what nodes have read before."""
    found = {
        (name, channel)
        for name, seen in versions.versions_seen.items()
        if name not in ("__input__", "__interrupt__", "__snapshot_bumps__")
        for channel in seen
    }
    for channel in versions.channels:
        if channel.startswith(("branch:", "join:", "start:")):
            found.add((channel.rpartition(":")[2], channel))
        elif channel == "__start__" and not any(trigger == "__start__" for _, trigger in found):
            found.add(("__start__", channel))
    return found


def _is_newer(versions: Bookkeeping, channel: str, name: str) -> bool:
    version = versions.channel_versions.get(channel)
    seen: Mapping[str, Any] = versions.versions_seen.get(name) or {}
    if version is None or channel not in seen:
        return version is not None
    try:
        return bool(version > seen[channel])
    except TypeError:
        return bool(version != seen[channel])


def _is_open(channel: str, value: Any) -> bool:
    """Whether a channel that holds something triggers: a join waits for all, a deferred node for the end."""
    if isinstance(value, Undecodable):
        return False
    if channel.startswith("join:"):
        finished = True
        if isinstance(value, (list, tuple)) and len(value) == 2 and isinstance(value[1], bool):
            value, finished = value
        awaited = channel[len("join:") :].rpartition(":")[0].split("+")
        return finished and isinstance(value, (set, frozenset, list, tuple)) and set(awaited) <= set(value)
    if channel.startswith("branch:to:") and isinstance(value, (list, tuple)) and len(value) == 2:
        return value[1] is True
    return True


def _node_channels(row: TreeRow) -> set[str]:
    """Names of nodes that ran up to here: before mid 2025 each had a channel of its own name."""
    names: set[str] = set()
    place: TreeRow | None = row
    while place is not None:
        names.update(place.nodes)
        place = place.parent
    return names


def _task(row: TreeRow, task: Task, stored: Iterable[StoredWrite]) -> PregelTask:
    own = [write for write in stored if (write.task_id, write.task_path) == (task.id, task.path) and task.id]
    output = [write for write in own if write.channel not in CONTROL_CHANNELS]
    asked: list[Interrupt] = []
    for write in own:
        if write.channel == "__interrupt__":
            asked.extend(write.value if isinstance(write.value, (list, tuple)) else [write.value])
    hidden = {task.name} if row.dated or any(child.dated for child in row.children) else set()
    return PregelTask(
        id=task.id,
        name=task.name or "",
        path=tuple(task.path.lstrip("~").split(", ")) if task.path else (),
        error=next((error_as_text(w.channel, w.value) for w in own if w.channel == ERROR), None),
        interrupts=tuple(asked),
        result=fold((w.channel, w.value) for w in output if w.channel not in hidden) if output else None,
    )
