"""Nodes and errors in the sentences of a replay."""

from __future__ import annotations

from collections.abc import Iterable

from lgviz.analysis.loading import said_by
from lgviz.errors import LgvizError, listed
from lgviz.reuse.serving import Unanswered

__all__ = ["names", "said_of"]


def names(nodes: Iterable[str]) -> str:
    """Nodes in a sentence, each once; empty where there are none."""
    return listed(dict.fromkeys(nodes))


def said_of(error: Exception) -> str:
    """What ended a run, without a remedy."""
    if isinstance(error, LgvizError):
        return error.cause.rstrip(".")
    return str(error) if isinstance(error, Unanswered) else f"it raised {said_by(error)}"
