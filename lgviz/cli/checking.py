"""The command that checks a graph's code, ``check-graph`` (floor 6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .app import command
from .printing import CommandAnswer, Line

if TYPE_CHECKING:
    from lgviz.checking import Findings

__all__ = ["check_graph"]


@command("lgviz check-graph app:graph --thread 1", name="check-graph")
def check_graph(
    graph: Annotated[str, typer.Argument(metavar="GRAPH", help="The graph: app:graph or app.py:graph.")],
    thread: Annotated[
        str | None,
        typer.Option("--thread", "-t", metavar="THREAD", help="Also what is stored of this one."),
    ] = None,
) -> CommandAnswer:
    """Say what is wrong with a graph before it goes wrong; no node runs.

    The module is imported. Ends with 1 where an error was found.
    """
    from lgviz.checking import check_graph as checked

    found = checked(graph, None if thread is None else {"configurable": {"thread_id": thread}})
    code = int(any(one.severity == "error" for one in found))
    return CommandAnswer(lambda: _data(found), _lines(found), "Nothing found.", code)


def _data(found: Findings) -> dict[str, Any]:
    return {"findings": [asdict(one) for one in found]}


def _lines(found: Findings) -> Iterator[Line]:
    for one in found:
        yield [(one.severity, "red" if one.severity == "error" else "yellow"), (f" {one.code}", "bold")]
        yield f"  {one.text}"
        yield f"  {one.where or one.node or '-'}"
        yield [("  write  ", ""), (one.fix, "cyan")]
