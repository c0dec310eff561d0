"""What a cell asks of a thread: ``%lgviz diff c3 c7`` (floor 6).

A verb is a function below: its name is the word, its positional parameters what follows it, its keyword-only
ones options of ``%lgviz``, and what it returns is what the cell shows.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.comparing import compare as compare_runs
from lgviz.analysis.comparison import Comparison
from lgviz.analysis.history import History
from lgviz.analysis.narration import Narration
from lgviz.analysis.search import search
from lgviz.analysis.side_by_side import SideBySide
from lgviz.analysis.thread_stats import thread_stats
from lgviz.analysis.why import Why
from lgviz.errors import InvalidValue
from lgviz.replaying import Replay
from lgviz.replaying import replay as replay_threads
from lgviz.session import expression_over
from lgviz.session import fork as fork_checkpoint

if TYPE_CHECKING:
    import pandas
    import plotly.graph_objects as go

    from lgviz.analysis.blame import Blame
    from lgviz.analysis.diff import StateDiff

__all__ = ["VERBS", "ask", "usage_of"]

logger = logging.getLogger(__name__)

_MOST = 1_000
"""Rows of ``threads --stats``."""


def diff(history: History, before: str, after: str) -> StateDiff:
    """What changed from one checkpoint to another."""
    return history.diff(before, after)


def threads(history: History, *, stats: bool = False) -> pandas.DataFrame:
    """The threads beside this one, the newest activity first; by ``--stats`` as
    :func:`lgviz.thread_stats` tells them."""
    import pandas

    if stats:
        told = thread_stats(history.source)
        if len(told) > _MOST:
            logger.warning("The newest %s of %s threads; lgviz.thread_stats tells all.", _MOST, len(told))
        return told.head(_MOST).set_index("thread_id")
    batch = history.source.find_threads(limit=_MOST)
    if batch.total > _MOST:
        logger.warning("The newest %s of %s threads; h.threads has all.", _MOST, batch.total)
    found = batch.threads
    columns = {
        "thread_id": [history.source.shown(one.thread_id) for one in found],
        "checkpoints": [one.count for one in found],
        "updated_at": [one.updated_at for one in found],
    }
    return pandas.DataFrame(columns).set_index("thread_id")


def compare(history: History, *checkpoints: str) -> Comparison | SideBySide:
    """The branches that end in these checkpoints side by side; without any, all branches."""
    return compare_runs(*([history[each] for each in checkpoints] or history.heads))


def blame(history: History, path: str | None = None, at: str | None = None) -> Blame:
    """Who set each part of a state, of the newest one or that at a checkpoint."""
    return history.blame(path, at)


def plot(history: History, kind: str = "timeline") -> go.Figure:
    """A plot of the thread: timeline, bytes, tokens, routing, durations."""
    return history.plot(kind)


def find(history: History, text: str) -> pandas.DataFrame:
    """Where a text is found in states, notes, questions and errors."""
    import pandas

    hits = [
        (history.tree.labels[hit.row], hit.where, hit.before + hit.match + hit.after)
        for hit in search(history, text)
    ]
    return pandas.DataFrame(hits, columns=["label", "where", "text"]).set_index("label")


def why(history: History, checkpoint: str | None = None) -> Why:
    """Why the nodes ran that made a checkpoint (the newest), and what waits there."""
    return history.why(history.latest if checkpoint is None else checkpoint)


def narrate(history: History, head: str | None = None) -> Narration:
    """The branch that ends at a checkpoint (the newest), told in plain sentences."""
    return history.narrate(history.latest if head is None else head)


def evaluate(history: History, expression: str) -> pandas.Series[Any]:
    """What an expression over the state gives at each checkpoint."""
    return history.evaluate(expression_over(history, expression)).rename(expression)


def bisect(history: History, expression: str) -> Checkpoint | str:
    """The first checkpoint of the latest branch where an expression holds, if it goes on holding."""
    found = history.bisect(expression_over(history, expression))
    return found or f"It does not hold at {history.latest.label}, where the latest branch ends."


def fork(
    history: History,
    checkpoint: str,
    values: str = "None",
    *,
    as_node: str | None = None,
    note: str | None = None,
    evaluated: Callable[[str], Any],
) -> Checkpoint:
    """A new branch from a checkpoint, by an update: a Python expression, as update_state takes it."""
    return fork_checkpoint(_graph_of(history), history[checkpoint], evaluated(values), as_node, note=note)


def replay(
    history: History, source: str | None = None, *, live: Sequence[str] = (), thread_id: str | None = None
) -> Replay:
    """Today's graph on stored threads: its own, or those of a database."""
    graph = _graph_of(history)
    return replay_threads(graph, source or graph, threads=thread_id, live=live)


def _graph_of(history: History) -> Any:
    graph = history.source.graph
    if graph is None:
        raise InvalidValue("No graph is known for this thread.", "Name the graph instead of its database.")
    return graph


_ALL = (diff, blame, compare, why, narrate, find, evaluate, bisect, plot, threads, fork, replay)
VERBS: Mapping[str, Callable[..., Any]] = {each.__name__: each for each in _ALL}
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
        f"[{p.name.upper()} …]" if p.kind is p.VAR_POSITIONAL
        else p.name.upper() if p.default is p.empty else f"[{p.name.upper()}]"
        for p in parameters
        if p.kind is not p.KEYWORD_ONLY
    ]  # fmt: skip
    return f"It is written {' '.join(['%lgviz', word, *named])}."
