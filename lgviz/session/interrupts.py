"""Answers to interrupts: which wait at a checkpoint, and how one that was answered is answered anew."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from langgraph.types import Interrupt, StateSnapshot

from lgviz.analysis.answers import askers_of, told
from lgviz.errors import NothingToRun
from lgviz.sources.places import BRANCH_TO, NULL_TASK_ID, TASKS_CHANNEL, SubgraphCall, calls, place_of

from .effects import Act, call
from .loaded import snapshot_of
from .target import Position
from .update import siblings

__all__ = ["BESIDE", "Answer", "answered_besides", "answers_of", "asked_in", "located", "open_interrupts"]

BESIDE = -1
"""The place of a task that LangGraph does not count among a checkpoint's tasks."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to one interrupt of a checkpoint.

    Attributes:
        interrupt: the interrupt that was shown.
        place: the position of its task among the checkpoint's tasks; :data:`BESIDE` of one that is not there.
        value: the answer.
        before: answers that the same task was given before this question.
        waiting: whether the question waits; else an answer to it is stored, whatever became of its task.
        own: whether the task itself asked, and not a task or subgraph that it called.
        besides: whether it is an older answer, to another question that is asked again too.
    """

    interrupt: Interrupt
    place: int
    value: Any
    before: list[Any]
    waiting: bool
    own: bool
    besides: bool = False


def open_interrupts(position: Position, snapshot: StateSnapshot) -> list[Interrupt]:
    """The interrupts of the tasks that have not finished."""
    done = {s.task_id for s in siblings(position, snapshot)}
    shown = [i for task in snapshot.tasks if task.id not in done for i in task.interrupts]
    return [*shown, *_beside(position, snapshot)]


def _beside(position: Position, snapshot: StateSnapshot) -> list[Interrupt]:
    """What is asked by nodes that a ``Command(goto=...)`` sent along with an answer, which LangGraph counts
    among the tasks of the step only while it runs."""
    writes = position.saved.pending_writes or ()
    led = (channel for task_id, channel, _ in writes if task_id == NULL_TASK_ID)
    if not any(channel == TASKS_CHANNEL or channel.startswith(BRANCH_TO) for channel in led):
        return []
    tasks = {task.id for task in snapshot.tasks}
    asking = [a for a in askers_of(writes).values() if a.task_id not in tasks and not a.ended]
    shown = {i.id for task in snapshot.tasks for i in task.interrupts}
    return list({i.id: i for asker in asking for i in asker.asked if i.id not in shown}.values())


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
    asked |= {i.id: (BESIDE, i) for i in _beside(position, snapshot)}
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
    askers = askers_of(position.saved.pending_writes or ())
    done = {s.task_id for s in siblings(position, snapshot)}
    answers = []
    for key, value in given.items():
        place, interrupt = asked[key]
        if place == BESIDE:
            answers.append(Answer(interrupt, place, value, [], waiting=True, own=True))
            continue
        task = snapshot.tasks[place]
        known = told(askers, interrupt, task, position.namespace, finished=task.id in done)
        answers.append(Answer(interrupt, place, value, known.before, not known.answered, known.own))
    return answers


def answered_besides(position: Position, snapshot: StateSnapshot, answers: list[Answer]) -> list[Answer]:
    """What other tasks were told that a task called which runs again, and so asks again too."""
    tasks, anew = {task.id for task in snapshot.tasks}, {a.interrupt.id for a in answers}
    places = {a.place for a in answers if not a.own}
    if len(places) != 1:  # whose tasks they are is not stored by name
        return []
    return [
        Answer(interrupt, next(iter(places)), asker.answers[-1], [], False, own=False, besides=True)
        for asker in askers_of(position.saved.pending_writes or ()).values()
        if asker.task_id not in tasks and asker.answers
        for interrupt in asker.asked
        if interrupt.id not in anew
    ]


def located(root: Position, snapshot: StateSnapshot, answer: Answer) -> Act[tuple[Position, Answer]]:
    """The checkpoint whose step asked what surfaced at ``root``, and the answer, answered there or not."""
    if answer.own or (answer.waiting and snapshot.tasks[answer.place].error is None):
        return root, answer
    start = yield from asked_in(root, snapshot, answer)
    if start is root:
        return root, answer
    inner = yield from snapshot_of(start)
    found = answers_of(start, inner, {answer.interrupt.id: answer.value})[0]
    return start, replace(answer, waiting=answer.waiting and found.waiting)


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


def _is_id(key: Any) -> bool:
    return isinstance(key, str) and re.fullmatch("[0-9a-f]{32}", key) is not None


def _ids(value: Any) -> list[str]:
    found = value if isinstance(value, (list, tuple)) else [value]
    return [i.id for i in found if isinstance(i, Interrupt)]
