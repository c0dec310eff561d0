"""The kinds of questions, and the misunderstanding that each finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .causes import ask_as_node, ask_trigger
from .question import LearnQuestion
from .runs import ask_again, ask_runs
from .states import ask_next, ask_value
from .subject import Subject
from .threads import ask_forgets, ask_grows, ask_latest, ask_where

__all__ = ["KINDS", "LearnKind", "Way"]

Way = Literal["checkpoint", "update", "channel", "to", "thread"]
"""What a question can be asked about: a checkpoint, an update there, a channel that the step from there
wrote, a node that may come next there, or the thread as a whole."""


@dataclass(frozen=True, slots=True)
class LearnKind:
    """A kind of question.

    Attributes:
        ask: makes one; raises :class:`~lgviz.errors.NoQuestion` where there is none.
        about: what is understood by who answers right.
        ways: what it can be asked about.
    """

    ask: Callable[[Subject], LearnQuestion]
    about: str
    ways: tuple[Way, ...]


_EACH: tuple[Way, ...] = ("checkpoint",)
_BOTH: tuple[Way, ...] = ("checkpoint", "update")
_STEP: tuple[Way, ...] = ("channel", "update")
KINDS: dict[str, LearnKind] = {
    "next": LearnKind(ask_next, "What has been written chooses which nodes come next.", _BOTH),
    "trigger": LearnKind(ask_trigger, "A node runs when a channel that it listens to is new.", _EACH),
    "value": LearnKind(ask_value, "What is written goes through the channel's reducer.", _STEP),
    "as_node": LearnKind(ask_as_node, "`as_node` decides what follows an update.", ("to",)),
    "runs": LearnKind(ask_runs, "A replay runs again all that comes after the checkpoint.", _EACH),
    "again": LearnKind(ask_again, "An interrupt runs its node again from the first line.", _EACH),
    "latest": LearnKind(ask_latest, "After a fork, the latest is on another branch.", ("thread", "update")),
    "grows": LearnKind(ask_grows, "History grows: nothing is written over.", _BOTH),
    "where": LearnKind(ask_where, "A subgraph's state is in a namespace of its own.", _EACH),
    "forgets": LearnKind(ask_forgets, "A saver in memory, made anew per request, forgets.", ("thread",)),
}
"""By its name, each kind; the simplest first."""
