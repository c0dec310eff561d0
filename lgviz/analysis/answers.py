"""Which question of a step was answered: told by what its tasks stored at the checkpoint.

Of each kind LangGraph keeps the newest for a task: the question it asked last (``__interrupt__``), all the
answers that it was given (``__resume__``) and what it raised (``__error__``). A question whose answer is
stored there is answered, whatever came of it: LangGraph gives that answer again whenever the task runs there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from langgraph.types import Interrupt, PregelTask
from xxhash import xxh3_128_hexdigest

from lgviz.sources.places import CONTROL_CHANNELS, NULL_TASK_ID

__all__ = ["NOT_TOLD", "Asker", "GivenAnswer", "askers_of", "told"]

NOT_TOLD: Any = object()
"""No answer; None is one."""


@dataclass(slots=True)
class Asker:
    """A task that asked.

    Attributes:
        task_id: its id.
        asked: the question that it asked last (several where subgraphs or tasks of it ask).
        answers: what it was told, oldest first.
        ended: it finished or failed, with all that it was told.
    """

    task_id: str
    asked: list[Interrupt] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    ended: bool = False

    def place_of(self, interrupt: Interrupt, name: str, namespace: str = "") -> int | None:
        """Which of its questions one is, from 0, by its id; None where the id does not tell."""
        own = "|".join(part for part in (namespace, f"{name}:{self.task_id}") if part)
        for number in range(len(self.answers) + 1):
            text = f"{own}|{number}" if number else own
            if xxh3_128_hexdigest(text.encode()) == interrupt.id:
                return number
        return None


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """What a question that is shown at a checkpoint was told there.

    Attributes:
        answered: whether an answer to it is stored.
        answer: that answer; :data:`NOT_TOLD` where it waits, or where it is not stored here.
        before: the answers to older questions of its task.
        own: whether the task that shows it asked, and not a task or subgraph that it called.
    """

    answered: bool
    before: list[Any]
    own: bool
    answer: Any = NOT_TOLD


def told(
    askers: Mapping[str, Asker], interrupt: Interrupt, task: PregelTask, namespace: str, *, finished: bool
) -> GivenAnswer:
    """What a question of a checkpoint's task was told.

    Args:
        askers: of :func:`askers_of`.
        interrupt: the question.
        task: the task that shows it.
        namespace: of the checkpoint.
        finished: whether that task finished.
    """
    # A task that another one called asks under both their ids, and is told under its own.
    asking = [a for a in askers.values() if interrupt.id in {i.id for i in a.asked}]
    asker = next((a for a in asking if a.answers), askers.get(task.id))
    if asker is None:
        return GivenAnswer(finished, [], True)
    number = asker.place_of(interrupt, task.name, namespace)
    own = asker.task_id == task.id and number is not None
    count = len(asker.answers)
    if asker.ended and count and (finished or number is None or (number == 0 and count > 1)):
        number = count - 1  # the question shown is the last one asked (before 2026 all of a task had one id)
    elif not asker.ended or number is None:
        number = count
    answered = finished or (asker.ended and number < count)
    answer = asker.answers[number] if answered and number < count else NOT_TOLD
    return GivenAnswer(answered, asker.answers[:number], own, answer)


def askers_of(writes: Iterable[tuple[str, str, Any]]) -> dict[str, Asker]:
    """The tasks that asked something, by id, told by ``(task id, channel, value)`` as they are stored."""
    found: dict[str, Asker] = {}
    for task_id, channel, value in writes:
        if task_id == NULL_TASK_ID:
            continue
        asker = found.setdefault(task_id, Asker(task_id))
        if channel == "__interrupt__":
            several = value if isinstance(value, (list, tuple)) else [value]
            asker.asked += [one for one in several if isinstance(one, Interrupt)]
        elif channel == "__resume__":
            asker.answers += value if isinstance(value, list) else [value]
        elif channel == "__error__" or channel not in CONTROL_CHANNELS:
            asker.ended = True
    return {task_id: asker for task_id, asker in found.items() if asker.asked}
