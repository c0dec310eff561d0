"""What a cell asks of a thread: ``%lgviz diff c3 c7`` (floor 6).

A verb is a function below: its name is the word, its positional parameters what follows it, its keyword-only
ones options of ``%lgviz``, and what it returns is what the cell shows.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lgviz.analysis.history import History
from lgviz.errors import InvalidValue

if TYPE_CHECKING:
    import pandas

    from lgviz.analysis.diff import StateDiff

__all__ = ["VERBS", "ask", "usage_of"]


def diff(history: History, before: str, after: str) -> StateDiff:
    """What changed from one checkpoint to another."""
    return history.diff(before, after)


def threads(history: History) -> pandas.DataFrame:
    """The threads beside this one, the newest activity first."""
    import pandas

    found = history.source.threads()
    columns = {
        "thread_id": [one.thread_id for one in found],
        "checkpoints": [one.count for one in found],
        "updated_at": [one.updated_at for one in found],
    }
    return pandas.DataFrame(columns).set_index("thread_id")


VERBS: Mapping[str, Callable[..., Any]] = {each.__name__: each for each in (diff, threads)}
"""By its word, what answers."""


def ask(word: str, history: History, words: Sequence[str], options: Mapping[str, Any]) -> Any:
    """The answer to a verb.

    Args:
        word: one of :data:`VERBS`.
        history: of which thread it is asked.
        words: what stood after the verb.
        options: the options of the line; a verb gets those that it has parameters for.

    Raises:
        InvalidValue: there are too few words after the verb, or too many.
        LgvizError: what is asked has no answer.
    """
    verb = VERBS[word]
    signature = inspect.signature(verb)
    own = [p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
    given = {name: options[name] for name in own if options.get(name) is not None}
    try:
        bound = signature.bind(history, *words, **given)
    except TypeError:
        raise InvalidValue(f"%lgviz {word} does not take {len(words)} words.", usage_of(word)) from None
    return verb(*bound.args, **bound.kwargs)


def usage_of(word: str) -> str:
    """How a verb is written.

    >>> usage_of("diff")
    'It is written %lgviz diff BEFORE AFTER.'
    """
    _, *parameters = inspect.signature(VERBS[word]).parameters.values()
    named = [
        p.name.upper() if p.default is p.empty else f"[{p.name.upper()}]"
        for p in parameters
        if p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    return f"It is written {' '.join(['%lgviz', word, *named])}."
