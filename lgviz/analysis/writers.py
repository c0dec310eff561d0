"""Which tasks of a step wrote a part of the state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from lgviz.sources.base import StoredWrite

from .checkpoint import Checkpoint
from .marks import lines_of
from .messages import message_id
from .rebuilt import overwritten
from .same import same
from .values import fields_of, kind_of
from .writes import makers

__all__ = ["PartWriter", "writers_of"]


class PartWriter(NamedTuple):
    """A task, by its node and id; the id is empty where none is stored."""

    node: str
    task_id: str


def writers_of(made: Checkpoint, channel: str, path: Sequence[Any], value: Any) -> tuple[PartWriter, ...]:
    """The tasks of the step that made a checkpoint which wrote a part of its state; none where that is not
    certain. Values are opened only where several tasks wrote to the channel.

    Args:
        made: the checkpoint.
        channel: of its state.
        path: from the channel's value to the part: keys, names of fields, ids of messages, positions.
        value: of the part.
    """
    row = made.history.tree.rows[made.row]
    if row.source in ("input", "fork") or (row.source == "loop" and row.collapsed):
        return ()
    if channel not in row.changed:  # what it began with
        return ()
    tasks = [task for task in makers(row) if channel in task.channels.values()]
    by_no_task = (
        row.parent is not None and row.source != "update" and channel in row.parent.step_work.null.values()
    )
    if not tasks:
        return () if by_no_task else _by_name(made)
    if (len(tasks) > 1 or by_no_task) and row.parent is not None:
        stored = made.history.source.real.writes(made.history.thread_id, row.namespace, row.parent.id)
        wrote = [write for write in stored if write.channel == channel]
        fitting = {write.task_id for write in wrote if _speaks_of(_bare(write), path, value)}
        known = [task for task in tasks if task.id in fitting]
        if by_no_task and len(known) < max(len(fitting), 1):
            return ()
        # Where several wrote one message, by its id, the one whose text it has.
        said = {write.task_id for write in wrote if _is_said_by(_bare(write), path, value)}
        tasks = [task for task in known if task.id in said] or known or tasks
    if any(task.name is None for task in tasks):
        return _by_name(made)
    return tuple(PartWriter(task.name or "", task.id) for task in tasks)


def _by_name(made: Checkpoint) -> tuple[PartWriter, ...]:
    """Where no write is stored: the node that alone was at work."""
    if made.source == "update":
        return () if made.as_node is None else (PartWriter(made.as_node, ""),)
    return tuple(PartWriter(name, "") for name in made.nodes[:1] if len(set(made.nodes)) == 1)


def _bare(write: StoredWrite) -> Any:
    overwrites, value = overwritten(write.value)
    return value if overwrites else write.value


def _speaks_of(written: Any, path: Sequence[Any], value: Any) -> bool:
    """Whether what was written to a channel is about a part of it."""
    if not path:
        return True
    if type(value) is str and type(written) is str and type(path[-1]) is int:
        return value in lines_of(written)
    if kind_of(written) in ("list", "set"):
        return any(_is_item(item, path, value) for item in written)
    if kind_of(written) == "message":
        return _is_item(written, path, value)
    for key, child in _children(written):
        if type(key) is type(path[0]) and key == path[0]:
            return len(path) == 1 or _speaks_of(child, path[1:], value)
    return len(path) == 1 and same(written, value)


def _is_said_by(written: Any, path: Sequence[Any], value: Any) -> bool:
    """Whether what was written has a message as it is now."""
    if kind_of(value) != "message" or len(path) != 1:
        return False
    items = written if isinstance(written, list) else [written]
    return any(_is_item(item, path, value) and _content(item) == _content(value) for item in items)


def _is_item(item: Any, path: Sequence[Any], value: Any) -> bool:
    if type(path[0]) is str:  # a message, by its id; one without was given it later
        name = message_id(item)
        return name == path[0] or (name is None and _content(item) == _content(value) is not None)
    return len(path) > 1 or same(item, value)


def _content(message: Any) -> Any:
    return next((child for key, child in _children(message) if key == "content"), None)


def _children(value: Any) -> Sequence[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(dict.items(value))
    return fields_of(value) if kind_of(value) in ("object", "message") else ()
