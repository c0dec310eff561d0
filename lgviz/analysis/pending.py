"""What comes next at a checkpoint, told from what is stored when there is no graph to ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lgviz.sources.base import Bookkeeping, Source, Undecodable
from lgviz.sources.places import TASKS_CHANNEL

from .naming import Naming
from .steps import Task, TreeRow, written_channels

__all__ = ["pending_tasks"]


def pending_tasks(source: Source, thread_id: str, row: TreeRow, naming: Naming) -> list[Task]:
    """The tasks of the step that starts at a checkpoint, as far as they are certain, in LangGraph's order.

    A task that stored nothing yet has an empty id.
    """
    stored = list(row.step_work.tasks.values())
    for task in stored:
        naming.name_task(row, task)
    child = next((child for child in row.children if child.source not in ("update", "fork", "input")), None)
    told = child is not None and not child.collapsed
    names = child.nodes if child is not None and told else _waiting(source, thread_id, row)
    # Calls, error handlers and what a Command sent along came later than the step was planned.
    added = set(written_channels(tuple(row.step_work.null.values())).targets) - (row.expected or set())
    added.update(task.name for task in stored if task.name and task.order[0] == 2)
    tasks = [task for task in stored if task.name and task.name not in added]
    names = tuple(name for name in names if name not in added)
    for name in names:
        if names.count(name) > sum(task.name == name for task in tasks):
            tasks.append(Task("", "", name=name, order=(1, name)))
    return sorted(tasks, key=lambda task: task.order)


def _waiting(source: Source, thread_id: str, row: TreeRow) -> tuple[str, ...]:
    versions = source.bookkeeping(thread_id, row.namespace, [row.id]).get(row.id)
    if versions is None:
        return tuple(sorted(row.expected or ()))
    held = set(versions.channels)
    internal = [name for name in held if name == TASKS_CHANNEL or name.startswith(("join:", "branch:to:"))]
    values = source.channels(thread_id, row.namespace, row.id, internal) if internal else {}
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
