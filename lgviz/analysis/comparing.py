"""``lgviz.compare``: two runs, or many, of one thread or of several."""

from __future__ import annotations

from lgviz.errors import InvalidValue

from .checkpoint import Checkpoint
from .comparison import Comparison, compare_branches
from .history import History
from .side_by_side import SideBySide

__all__ = ["compare"]


def compare(*runs: History | Checkpoint) -> Comparison | SideBySide:
    """Compare runs: where they part, and what they came to.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> graph = two_nodes.build(InMemorySaver())
    >>> two_nodes.seed(graph, thread_id="a")
    >>> two_nodes.seed(graph, thread_id="b")
    >>> lgviz.compare(lgviz.history(graph, "a"), lgviz.history(graph, "b")).divergence is None
    True

    Args:
        runs: each a history, whose latest checkpoint counts, or a checkpoint, in which a branch ends.

    Returns:
        Of two runs a :class:`~lgviz.Comparison`, of more a :class:`~lgviz.SideBySide`.

    Raises:
        InvalidValue: fewer than two runs were given, or something that is none.
    """
    for run in runs:
        if not isinstance(run, (History, Checkpoint)):
            raise InvalidValue(
                f"{type(run).__name__} is neither a History nor a Checkpoint.",
                'Give lgviz.history(...), or a checkpoint of one: h["c7"].',
            )
    if len(runs) < 2:
        raise InvalidValue("One run alone cannot be compared.", "Give two or more histories or checkpoints.")
    ends = [run.latest if isinstance(run, History) else run for run in runs]
    return compare_branches(*ends) if len(ends) == 2 else SideBySide(ends)
