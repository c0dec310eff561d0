"""The kinds of questions, and the misunderstanding that each finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .question import LearnQuestion
from .runs import ask_runs
from .states import ask_next, ask_value
from .subject import Subject
from .threads import ask_latest

__all__ = ["KINDS", "LearnKind"]


@dataclass(frozen=True, slots=True)
class LearnKind:
    """A kind of question.

    Attributes:
        ask: makes one; raises :class:`~lgviz.errors.NoQuestion` where there is none.
        about: what is understood by who answers right.
        on_updates: whether it can be asked about an update.
        on_thread: whether it asks about the whole thread, whatever checkpoint is named.
    """

    ask: Callable[[Subject], LearnQuestion]
    about: str
    on_updates: bool = True
    on_thread: bool = False


KINDS: dict[str, LearnKind] = {
    "next": LearnKind(ask_next, "What has been written chooses which nodes come next."),
    "value": LearnKind(ask_value, "What is written goes through the channel's reducer."),
    "runs": LearnKind(ask_runs, "A replay runs again all that comes after the checkpoint.", on_updates=False),
    "latest": LearnKind(ask_latest, "After a fork, the latest is on another branch.", on_thread=True),
}
"""By its name, each kind; the simplest first."""
