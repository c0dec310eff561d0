"""The state at a checkpoint and what comes next, told from what is stored when there is no graph to ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from langgraph.checkpoint.serde.types import ERROR
from langgraph.types import Interrupt, PregelTask, StateSnapshot

from lgviz.persistence.serde.stored_error import error_as_text
from lgviz.sources.base import Record, StoredWrite
from lgviz.sources.places import CONTROL_CHANNELS, config_of, is_internal, unrooted

from .naming import NO_NODE_CHANNELS, Naming
from .rebuilt import unwrapped
from .steps import PULL, PUSH, Task, TreeRow
from .waiting import entry_of, pending_tasks
from .writes import fold

__all__ = ["stored_snapshot"]


def stored_snapshot(
    thread_id: str, row: TreeRow, record: Record, naming: Naming, rebuilt: Mapping[str, Any]
) -> StateSnapshot:
    """A snapshot in LangGraph's shape: the stored channels that belong to the state, those that were rebuilt,
    and the tasks of the next step as far as they are certain."""
    dated = row.dated or (record.bookkeeping is not None and record.bookkeeping.v < NO_NODE_CHANNELS)
    hidden = _node_channels(row) if dated else set()
    held = {name: unwrapped(value) for name, value in record.values.items()} | dict(rebuilt)
    values = {name: value for name, value in held.items() if not is_internal(name) and name not in hidden}
    dated = dated or any(child.dated for child in row.children)
    tasks = tuple(_task(task, record.writes, dated) for task in pending_tasks(row, record, naming))
    return StateSnapshot(
        values=unrooted(values) if values or not _is_functional(row, record) else None,
        next=tuple(task.name for task in tasks),
        config=config_of(thread_id, row.namespace, row.id),
        metadata=row.metadata,
        created_at=None,
        parent_config=config_of(thread_id, row.namespace, row.parent_id) if row.parent_id else None,
        tasks=tasks,
        interrupts=tuple(interrupt for task in tasks for interrupt in task.interrupts),
    )


def _is_functional(row: TreeRow, record: Record) -> bool:
    """Whether an ``@entrypoint`` takes the input: until it returns, its state is None and not empty."""
    return entry_of(row, record.bookkeeping) not in (None, "__start__")


def _node_channels(row: TreeRow) -> set[str]:
    """Names of nodes that ran up to here: before mid 2025 each had a channel of its own name."""
    names: set[str] = set()
    place: TreeRow | None = row
    while place is not None:
        names.update(place.nodes)
        place = place.parent
    return names


def _task(task: Task, stored: Iterable[StoredWrite], dated: bool) -> PregelTask:
    own = [write for write in stored if write.task_id == task.id]
    output = [write for write in own if write.channel not in CONTROL_CHANNELS]
    asked: list[Interrupt] = []
    for write in own:
        if write.channel == "__interrupt__":
            asked.extend(write.value if isinstance(write.value, (list, tuple)) else [write.value])
    hidden = {task.name} if dated else set()
    return PregelTask(
        id=task.id,
        name=task.name or "",
        path=(PUSH, task.order[1], False) if task.order[0] == 0 else (PULL, task.name or ""),
        error=next((error_as_text(w.channel, w.value) for w in own if w.channel == ERROR), None),
        interrupts=tuple(asked),
        result=unrooted(fold((w.channel, w.value) for w in output if w.channel not in hidden))
        if output
        else None,
    )
