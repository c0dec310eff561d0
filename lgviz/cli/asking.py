"""Commands that ask a thread, such as ``blame``, ``compare``, ``why`` and ``narrate`` (floor 6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .app import OpenedDatabase, Thread, command
from .printing import CommandAnswer, Line, table

if TYPE_CHECKING:
    from lgviz.analysis.checkpoint import Checkpoint
    from lgviz.analysis.comparison import Comparison

__all__ = ["bisect", "blame", "compare", "evaluate", "narrate", "why"]

_Expression = Annotated[
    str, typer.Argument(metavar="EXPRESSION", help="Python over the channels: 'len(messages) > 4'.")
]

_Graph = Annotated[
    str | None,
    typer.Option("--graph", metavar="MODULE:GRAPH", help="The graph, to tell edges from routers: app:graph."),
]


def _loaded(graph: str | None) -> Any:
    """The graph that is named; None where none is."""
    if graph is None:
        return None
    from lgviz.session.graph_names import load_graph

    return load_graph(graph)


@command("lgviz blame checkpoints.db messages --at c15")
def blame(
    database: OpenedDatabase,
    path: Annotated[
        str | None,
        typer.Argument(metavar="PATH", help="A channel or a part: messages[3], files[a.py]; else all."),
    ] = None,
    thread: Thread = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="CHECKPOINT", help="A label (c5) or an id; else the newest checkpoint."),
    ] = None,
) -> CommandAnswer:
    """Say who set each part of a state: checkpoint and node, and since when it is there."""
    from lgviz.export.plain import origin_data

    history = database.history(thread)
    found = history.blame(path, at)

    def data() -> dict[str, Any]:
        parts = [origin_data(one) for one in found]
        return {"thread_id": history.shown_id, "label": found.at.label, "parts": parts}

    return CommandAnswer(
        data, table(("SET BY", "NODE", "PART", "VALUE", "NOTE"), found.rows()), "It is empty."
    )


@command("lgviz compare checkpoints.db c8 c20 --thread 1")
def compare(
    database: OpenedDatabase,
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN", help="The ends of branches, labels or ids; else every branch."),
    ] = None,
    thread: Thread = None,
    threads: Annotated[
        bool, typer.Option("--threads", help="What is named are threads; each by its newest checkpoint.")
    ] = False,
) -> CommandAnswer:
    """Compare runs: where they part, and both sides step by step; of more than two what they came to."""
    from lgviz.analysis.comparing import compare as compare_runs
    from lgviz.analysis.comparison import Comparison
    from lgviz.export.plain import comparison_data, runs_data

    if threads:
        found = compare_runs(*(database.history(name) for name in runs or database.threads))
    else:
        history = database.history(thread)
        found = compare_runs(*([history[each] for each in runs] if runs else history.heads))
    if isinstance(found, Comparison):
        return CommandAnswer(lambda: comparison_data(found), _comparison(found))
    return CommandAnswer(lambda: runs_data(found), iter(repr(found).split("\n")))


def _comparison(found: Comparison) -> Iterator[Line]:
    first, said, *steps = repr(found).split("\n")
    yield [(first, "cyan")]
    yield [(said, "bold")]
    yield from steps


@command("lgviz why checkpoints.db c5 --thread 1")
def why(
    database: OpenedDatabase,
    checkpoint: Annotated[
        str | None, typer.Argument(metavar="CHECKPOINT", help="A label or an id; else the newest.")
    ] = None,
    thread: Thread = None,
    graph: _Graph = None,
) -> CommandAnswer:
    """Tell why the nodes ran that made a checkpoint, and what waits there for what."""
    from lgviz.export.plain import why_data

    history = database.history(thread)
    found = history.why(history.latest if checkpoint is None else checkpoint, _loaded(graph))

    def lines() -> Iterator[Line]:
        first, *rest = str(found).split("\n")
        yield [(first, "cyan")]
        yield from rest

    return CommandAnswer(lambda: {"thread_id": history.shown_id, **why_data(found)}, lines())


@command("lgviz narrate checkpoints.db --thread 1 --graph app:graph")
def narrate(
    database: OpenedDatabase,
    thread: Thread = None,
    head: Annotated[
        str | None,
        typer.Option("--head", metavar="CHECKPOINT", help="The branch that ends here; else the latest."),
    ] = None,
    graph: _Graph = None,
) -> CommandAnswer:
    """Tell a branch step by step in plain sentences: who ran and why, what was written, what came of it.

    With --graph the reducers are named too.
    """
    history = database.history(thread)
    told = history.narrate(history.latest if head is None else head, _loaded(graph))

    def data() -> dict[str, Any]:
        steps = [
            {"label": one.checkpoint.label, "nodes": list(one.checkpoint.nodes), "text": one.text}
            for one in told
        ]
        return {"thread_id": history.shown_id, "steps": steps}

    lines: Iterator[Line] = ([(one.checkpoint.label, "cyan"), (f"  {one.text}", "")] for one in told)
    return CommandAnswer(data, lines)


@command("lgviz evaluate checkpoints.db 'len(messages)' --thread 1")
def evaluate(database: OpenedDatabase, expression: _Expression, thread: Thread = None) -> CommandAnswer:
    """Evaluate an expression at every checkpoint, as if it had always been logged."""
    from lgviz.analysis.values import line
    from lgviz.export.plain import plain
    from lgviz.session import expression_over

    history = database.history(thread)
    column = history.evaluate(expression_over(history, expression))
    values = list(column.astype(object).where(column.notna(), None).items())

    def data() -> dict[str, Any]:
        rows = [{"label": label, "value": plain(value)} for label, value in values]
        return {"thread_id": history.shown_id, "column": rows, "raised": column.attrs["raised"]}

    return CommandAnswer(data, table(("LABEL", "VALUE"), ((label, line(value)) for label, value in values)))


@command("lgviz bisect checkpoints.db 'len(messages) > 4' --thread 1")
def bisect(
    database: OpenedDatabase,
    expression: _Expression,
    thread: Thread = None,
    head: Annotated[
        str | None,
        typer.Option("--head", metavar="CHECKPOINT", help="The branch that ends here; else the latest."),
    ] = None,
) -> CommandAnswer:
    """Find the first checkpoint of a branch where an expression holds, if it goes on holding.

    At most log2(n) + 1 of n states are read.
    """
    from lgviz.export.plain import row_data
    from lgviz.session import expression_over

    history = database.history(thread)
    end = history.latest if head is None else history[head]
    found: Checkpoint | None = history.bisect(expression_over(history, expression), end)

    def data() -> dict[str, Any]:
        return {"thread_id": history.shown_id, "checkpoint": None if found is None else row_data(found)}

    said = f"It does not hold at {end.label}, where the branch ends." if found is None else repr(found)
    return CommandAnswer(data, iter([said]))
