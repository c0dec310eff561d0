"""Which question of a step was answered: told by what its tasks stored at the checkpoint.

Of each kind LangGraph keeps the newest for a task: the question it asked last (``__interrupt__``), all answers
that it was given (``__resume__``) and what it raised (``__error__``). A question whose answer is stored there is
answered, whatever came of it: LangGraph gives that answer again to whoever runs the task on from there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from langgraph.types import Interrupt
from xxhash import xxh3_128_hexdigest

from lgviz.sources.places import CONTROL_CHANNELS, NULL_TASK_ID

__all__ = ["Asker", "askers_of"]


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
