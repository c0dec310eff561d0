"""What the tasks that made a checkpoint wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lgviz._visible import visible
from lgviz.analysis.html import Room, page, state_html
from lgviz.sources.base import StoredWrite
from lgviz.sources.places import is_internal

from .steps import Task, TreeRow

__all__ = ["Writes", "derived_write", "fold", "makers", "stored_writes", "unfolded"]


class Writes(Mapping[str, list[dict[str, Any]]]):
    """Node to the list of what its tasks wrote, each a dict of channel to value.

    Attributes:
        derived: True where LangGraph stored no writes and they were derived from the difference to the parent
            (under ``""`` where the node is not known either).
    """

    def __init__(self, by_node: Mapping[str, list[dict[str, Any]]], *, derived: bool = False) -> None:
        self._by_node = dict(by_node)
        self.derived = derived

    def __getitem__(self, node: str) -> list[dict[str, Any]]:
        return self._by_node[node]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_node)

    def __len__(self) -> int:
        return len(self._by_node)

    def __repr__(self) -> str:
        return visible(f"{self._by_node!r}{' (derived)' if self.derived else ''}")

    def _repr_html_(self) -> str:
        return page("Writes (derived)" if self.derived else "Writes", state_html(self._by_node, Room(60_000)))

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)


def makers(row: TreeRow) -> list[Task]:
    """The tasks whose writes made a checkpoint, where they are stored, in LangGraph's order."""
    if row.source == "update":
        return row.stored_updates()
    if row.parent is None or row.collapsed or row.source in ("fork", "input"):
        return []
    tasks = row.parent.step_work.done()
    if row.parent.step_work.updates and not any(task.path for task in tasks):
        tasks = [task for task in tasks if task.name in row.nodes]
    place = {name: number for number, name in enumerate(dict.fromkeys(row.nodes))}
    return sorted(tasks, key=lambda task: (place.get(task.name or "", len(place)), task.order))


def stored_writes(
    row: TreeRow, tasks: Sequence[Task], stored: Iterable[StoredWrite]
) -> dict[str, list[dict[str, Any]]]:
    """What each task wrote, by node; ``""`` where the node is not certain."""
    by_task: dict[tuple[str, str], list[tuple[str, Any]]] = {}
    for write in stored:
        by_task.setdefault((write.task_id, write.task_path), []).append((write.channel, write.value))
    hidden = set(row.nodes) if row.dated else set()
    result: dict[str, list[dict[str, Any]]] = {}
    unknown = [name for name in row.nodes if name not in {task.name for task in tasks}]
    for task in tasks:
        name = task.name or (unknown[0] if row.source == "update" and len(unknown) == 1 else "")
        pairs = by_task.get((task.id, task.path), [])
        result.setdefault(name, []).append(fold(pair for pair in pairs if pair[0] not in hidden))
    return result


def unfolded(value: Any) -> list[Any]:
    """What a task wrote to one channel, one by one, of what :func:`fold` made of it."""
    several = type(value) is dict and list(value) == ["$writes"]
    return list(value["$writes"]) if several else [value]


def fold(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The state's channels among writes; several to one channel as LangGraph folds them: ``$writes``."""
    result: dict[str, Any] = {}
    several: set[str] = set()
    for channel, value in pairs:
        if is_internal(channel) and channel != "__return__":
            continue
        if channel not in result or result[channel] is None:
            result[channel] = value
        elif channel in several:
            result[channel]["$writes"].append(value)
        else:
            several.add(channel)
            result[channel] = {"$writes": [result[channel], value]}
    return result


def derived_write(
    before: Mapping[str, Any], after: Mapping[str, Any], changed: Iterable[str]
) -> dict[str, Any]:
    """What must have been written: of a list that grew at its end the new items, else the new value."""
    result = {}
    for channel in changed:
        if channel not in after:
            continue
        new, old = after[channel], before.get(channel)
        result[channel] = new
        if isinstance(new, list) and isinstance(old, list) and _equal(new[: len(old)], old):
            result[channel] = new[len(old) :]
    return result


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # arrays and frames have no single truth
        return False
