"""Answers to interrupts: which wait at a checkpoint, and how one that was answered is answered anew."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langgraph.types import Interrupt, StateSnapshot

from lgviz.errors import NothingToRun
from lgviz.sources.places import SubgraphCall, calls, place_of

from .effects import Act, call
from .target import Position
from .update import siblings

__all__ = ["Answer", "answers_of", "asked_in", "open_interrupts"]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to one interrupt of a checkpoint.

    Attributes:
        interrupt: the interrupt that was shown.
        place: the position of its task among the checkpoint's tasks.
        value: the answer.
        before: answers that the same task was given before this question.
        waiting: whether the question waits; else it was answered before.
    """

    interrupt: Interrupt
    place: int
    value: Any
    before: list[Any]
    waiting: bool


def open_interrupts(position: Position, snapshot: StateSnapshot) -> list[Interrupt]:
    """The interrupts that wait for an answer."""
    done = {s.task_id for s in siblings(position, snapshot)}
    return [i for task in snapshot.tasks if task.id not in done for i in task.interrupts]


def answers_of(position: Position, snapshot: StateSnapshot, resume: Any) -> list[Answer]:
    """Which interrupt each value of ``resume`` answers.

    Args:
        position: the checkpoint whose step asked.
        snapshot: its state.
        resume: the answer, or a mapping of interrupt ids to answers.

    Raises:
        NothingToRun: no interrupt waits or waited there, an id is unknown, or one answer must serve several.
    """
    asked = {i.id: (place, i) for place, task in enumerate(snapshot.tasks) for i in task.interrupts}
    if not asked:
        raise NothingToRun(
            "No interrupt waits at this checkpoint.", "Run on without resume=, or choose the one that asked."
        )
    given = _by_id(resume, asked, open_interrupts(position, snapshot))
    if unknown := [key for key in given if key not in asked]:
        raise NothingToRun(
            f"This checkpoint has no interrupt {', '.join(map(repr, unknown))}.",
            f"It has {', '.join(asked)}.",
        )
    done = {s.task_id for s in siblings(position, snapshot)}
    answers = []
    for key, value in given.items():
        place, interrupt = asked[key]
        task_id = snapshot.tasks[place].id
        recorded = _recorded(position, task_id)
        waiting = task_id not in done
        # the question shown is the last one asked: a finished task has its answer among the recorded
        before = recorded if waiting else recorded[:-1]
        answers.append(Answer(interrupt, place, value, before, waiting))
    return answers


def asked_in(root: Position, snapshot: StateSnapshot, answer: Answer) -> Act[Position]:
    """The checkpoint inside a subgraph whose step asked what surfaced at ``root``; else ``root``."""
    task = snapshot.tasks[answer.place]
    above = (
        [SubgraphCall(task.name, task.id)],
        [SubgraphCall(task.name, "")],
    )  # without the id where its history is its own
    saved = yield from call(root.target.saver, "list", {"configurable": {"thread_id": root.thread_id}})
    found = root
    for candidate in saved:
        namespace = place_of(candidate.config).ns or ""
        called_here = candidate.metadata.get("parents", {}).get("") == root.id
        if not called_here or calls(namespace)[:1] not in above or len(namespace) <= len(found.namespace):
            continue
        writes = candidate.pending_writes or ()
        if any(c == "__interrupt__" and answer.interrupt.id in _ids(value) for _, c, value in writes):
            found = Position(root.target, candidate)
    return found


def _by_id(resume: Any, asked: Mapping[str, Any], waiting: list[Interrupt]) -> dict[str, Any]:
    if isinstance(resume, Mapping) and resume and all(_is_id(key) for key in resume):
        return dict(resume)  # as LangGraph tells an answer that is a dict from answers by id
    one = [i.id for i in waiting] or list(asked)
    if len(one) > 1:
        raise NothingToRun(
            f"{len(one)} interrupts wait here and resume= gives one answer.",
            f"Give a dict from interrupt id to answer: {', '.join(one)}.",
        )
    return {one[0]: resume}


def _recorded(position: Position, task_id: str) -> list[Any]:
    for task, channel, value in position.saved.pending_writes or ():
        if task == task_id and channel == "__resume__":
            return list(value) if isinstance(value, list) else [value]
    return []


def _is_id(key: Any) -> bool:
    return isinstance(key, str) and re.fullmatch("[0-9a-f]{32}", key) is not None


def _ids(value: Any) -> list[str]:
    found = value if isinstance(value, (list, tuple)) else [value]
    return [i.id for i in found if isinstance(i, Interrupt)]
