"""Refuses acts that the installed LangGraph would do wrong."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import metadata
from typing import Any

from lgviz.errors import OldLangGraph

from .values import delta_channels

__all__ = ["refuse_wrong_forks"]

version = cache(metadata.version)  # it reads a file, at each act
FIRST_RIGHT = (1, 2, 15)
"""The first LangGraph whose forks of delta channels are right: see tests/upstream/test_delta_forks.py."""


def refuse_wrong_forks(graph: Any) -> None:
    """Refuse to act on a graph with delta channels where LangGraph would write into another branch.

    lgviz asks pip for a newer one; this is for who installed it beside an older one by ``--no-deps``.

    Raises:
        OldLangGraph: it would.
    """
    installed = version("langgraph")
    if tuple(int(part) for part in installed.split(".")[:3] if part.isdigit()) >= FIRST_RIGHT:
        return
    if names := sorted(set(_with_subgraphs(graph))):
        first = ".".join(map(str, FIRST_RIGHT))
        raise OldLangGraph(
            f"LangGraph {installed} mixes the branches of a fork in delta channels ({', '.join(names)}):"
            " nothing was written.",
            f"Install a newer one: pip install -U 'langgraph>={first}'.",
        )


def _with_subgraphs(graph: Any) -> Iterator[str]:
    for each in (graph, *(subgraph for _, subgraph in graph.get_subgraphs(recurse=True))):
        yield from delta_channels(each)
