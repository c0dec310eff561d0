"""A ``Command`` that was given to a graph: what it left in the rows of a checkpoint, and means there."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from lgviz.analysis.fingerprint import Inexact
from lgviz.analysis.steps import TreeRow
from lgviz.sources.base import Bookkeeping, Record, StoredWrite
from lgviz.sources.places import BRANCH_TO, NULL_TASK_ID, TASKS_CHANNEL

__all__ = [
    "before_commands",
    "command_of",
    "doubt_of",
    "given_writes",
    "is_commanded",
    "is_retried",
    "taken_in",
]

_DOUBT = (
    "a Command was given where a node waited or failed, and LangGraph may have kept what another one wrote"
)

_ENDED = (
    "a Command was given where a node waited or failed, and what a task that had ended before was asked does "
    "not follow; lgviz.fork, and then the answer, is certain"
)
_BEGUN = frozenset({"__error__", "__interrupt__", "__resume__"})


def is_commanded(row: TreeRow) -> bool:
    """Whether more than an answer was given to the graph at a row."""
    return any(channel != "__resume__" for channel in row.step_work.null.values())


def doubt_of(row: TreeRow) -> str:
    """Why it is not certain what a Command at a row wrote; empty where it is, or there is none."""
    channels = {channel for task in row.step_work.tasks.values() for channel in task.channels.values()}
    if not (is_commanded(row) and channels & {"__error__", "__interrupt__"}):
        return ""
    return _DOUBT if is_retried(row) else _ENDED


def is_retried(row: TreeRow) -> bool:
    """Whether every task that ended at a row had waited or failed there: it ended after the last Command."""
    ended = [task for task in row.step_work.tasks.values() if task.finished and not task.called]
    return all(_BEGUN.intersection(task.channels.values()) for task in ended)


def given_writes(stored: Iterable[StoredWrite]) -> list[StoredWrite]:
    """Of what is stored under a checkpoint, what a Command wrote, but for answers; in its order."""
    given = [w for w in stored if w.task_id == NULL_TASK_ID and w.channel != "__resume__"]
    return sorted(given, key=lambda write: write.idx)


def command_of(writes: Sequence[tuple[str, Any]]) -> Command[Any]:
    """The Command that makes these writes.

    >>> command_of([("branch:to:plan", "__start__"), ("said", "no")])
    Command(update=[('said', 'no')], goto=['plan'])
    """
    goto: list[Any] = []
    update: list[tuple[str, Any]] = []
    for channel, value in writes:
        if channel == TASKS_CHANNEL:
            goto.append(value)
        elif channel.startswith(BRANCH_TO):
            goto.append(channel.removeprefix(BRANCH_TO))
        else:
            update.append((channel, value))
    return Command(update=update or None, goto=goto)


def before_commands(record: Record) -> Record:
    """A checkpoint as it was made, before a Command was given there."""
    given = given_writes(record.writes)
    return replace(record, writes=[write for write in record.writes if write not in given])


def taken_in(graph: Any, record: Record) -> Record:
    """A checkpoint once LangGraph has taken in what a Command wrote there, as its nodes are asked.

    Raises:
        Inexact: that does not follow from what is stored under it.
    """
    given = given_writes(record.writes)
    if not given or record.bookkeeping is None:
        return record
    if any(isinstance(each, DeltaChannel) for each in graph.channels.values()):
        raise Inexact("a Command wrote to a graph with delta channels")
    values, head = dict(record.values), record.bookkeeping.head
    versions = dict(record.bookkeeping.channel_versions)
    newest: Any = max(versions.values(), default=0)
    bumped = InMemorySaver().get_next_version(newest, None) if isinstance(newest, str) else newest + 1
    for name in dict.fromkeys(write.channel for write in given):
        if (channel := graph.channels.get(name)) is None:
            continue  # of a node that is gone: LangGraph passes over it
        held = channel.from_checkpoint(values[name]) if name in values else channel.copy()
        held.update([copy.deepcopy(write.value) for write in given if write.channel == name])
        values[name], versions[name] = held.checkpoint(), bumped
    bookkeeping = Bookkeeping.of({**head, "channel_versions": versions}, values)
    return replace(before_commands(record), values=values, bookkeeping=bookkeeping)
