"""Questions about a thread as a whole: which checkpoint is the latest one."""

from __future__ import annotations

from lgviz.session.target import find, perform, target_of
from lgviz.sources.places import config_of, place_of

from .forms import label_of
from .question import AnswerKey, LearnQuestion
from .subject import Subject

__all__ = ["ask_latest"]

_NEW = "the new one"


def ask_latest(subject: Subject) -> LearnQuestion:
    """Which checkpoint a thread goes on from where none is named: the one made last, on any branch."""
    history, at = subject.history, subject.at
    call = f"`graph.get_state` with `thread_id` {history.shown_id!r} and no checkpoint's id"
    heads = [head.label for head in history.heads]
    ends = f"{'branches end' if len(heads) > 1 else 'the only branch ends'} at {' and '.join(heads)}"
    if subject.updates:
        subject.preview  # refuses what cannot be done  # noqa: B018
        key, fact = _NEW, "It gives the checkpoint that the update made."
        text = (
            f"In the thread {ends}. An update of the state at {at.label} makes a new checkpoint. "
            f"Which one does {call} give then?"
        )
        wrong = [history.latest.label, at.label, *heads]
    else:
        if not history.forks:
            subject.refuse("The thread has one branch only.", "Fork it, or ask with `values=`.")
        key = _latest(subject)
        fact = f"It gives {key}."
        text = f"The thread parted at {history.forks[0].label}; {ends}. Which checkpoint does {call} give?"
        wrong = [*heads, history.forks[0].label, history.root.label]
    why = (
        "Without an id, the checkpoint that was made last counts, on whatever branch it is: "
        "name the id to stay on yours."
    )
    return subject.ask(text, AnswerKey([key], fact, why), label_of, wrong, str)


def _latest(subject: Subject) -> str:
    """What the graph's saver gives where no checkpoint is named."""
    thread = config_of(subject.history.thread_id)
    found = perform(target_of(subject.graph), lambda here: find(here, thread, None))
    return subject.history[str(place_of(found.config).checkpoint_id)].label
