"""Commands that run nodes in sandboxes: ``sweep``, what if, and ``blame-steps``, which step is to blame."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lgviz.export.sizes import counted

from .app import OpenedDatabase, Thread, command
from .printing import CommandAnswer, Line, complain, table

if TYPE_CHECKING:
    from lgviz.sweeping import Sweep

__all__ = ["blame_steps", "sweep"]

INTERRUPTED = 130
"""Exit code where Ctrl-C left runs out; what ran by then is told all the same."""
_NAMED = re.compile(r"[\w./\\-]+:[\w.]+")
"""``module:name`` or ``file.py:name``, which is no expression of Python."""

_Graph = Annotated[
    str,
    typer.Option("--graph", metavar="MODULE:GRAPH", help="The graph that runs: app:graph or app.py:graph."),
]
_Effects = Annotated[
    list[str] | None,
    typer.Option(
        "--effects", metavar="NODE", help="A node that acts on the world: it never runs; may be given again."
    ),
]
_Dry = Annotated[bool, typer.Option("--dry-run", help="Only say what would run.")]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
_SCORE = "an expression over the channels ('fare < 200'), or a function of the state as MODULE:NAME."


@command("""lgviz sweep checkpoints.db --graph app:graph --at c5 --case 'cheap={"limit": 100}' --runs 3""")
def sweep(
    database: OpenedDatabase,
    graph: _Graph,
    at: Annotated[
        str, typer.Option("--at", metavar="CHECKPOINT", help="Where to go on from: a label (c5) or an id.")
    ],
    cases: Annotated[
        list[str],
        typer.Option(
            "--case",
            metavar="NAME=JSON",
            help="An update by channel, or null for none; the name may be left out; may be given again.",
        ),
    ],
    thread: Thread = None,
    as_node: Annotated[
        str | None, typer.Option("--as-node", metavar="NODE", help="In whose name; else inferred.")
    ] = None,
    goto: Annotated[
        str | None,
        typer.Option("--goto", metavar="NODE", help="Where that node goes, if it routes by Command."),
    ] = None,
    runs: Annotated[int, typer.Option("--runs", min=1, help="How often each is run.")] = 1,
    score: Annotated[
        str | None, typer.Option("--score", metavar="SCORE", help=f"How good an end is: {_SCORE}")
    ] = None,
    effects: _Effects = None,
    anew: Annotated[bool, typer.Option("--anew", help="Answer nothing from history: all runs.")] = False,
    dry_run: _Dry = False,
    yes: _Yes = False,
) -> CommandAnswer:
    """Fork a checkpoint many ways, and run each on, live, in a sandbox: nothing is stored.

    What is asked the same as before is answered from history. What would run is told first, and asked for.
    Ctrl-C tells what ran by then.
    """
    from lgviz import sweeping
    from lgviz.errors import InvalidValue

    if anew and effects:
        raise InvalidValue("With --anew all runs, also a node of --effects.", "Give one of the two.")
    named = _cases(cases)
    with _graph_over(database, graph) as over:
        rated = None if score is None else _score(database, thread, score)
        reuse: Any = not anew if not effects else {"effects": effects}
        options: dict[str, Any] = {"thread_id": thread, "goto": goto}
        plan = sweeping.sweep(over, at, named, as_node, runs, reuse=reuse, dry=True, **options)
        if dry_run:
            return _swept(database, plan, len(plan))
        _ask(repr(plan).split("\n")[0], yes=yes)
        found = sweeping.sweep(over, at, named, as_node, runs, None, rated, reuse, **options)
    return _swept(database, found, len(plan))


@command("lgviz blame-steps checkpoints.db --graph app:graph --at c16 --score 'paid'", name="blame-steps")
def blame_steps(
    database: OpenedDatabase,
    graph: _Graph,
    score: Annotated[str, typer.Option("--score", metavar="SCORE", help=f"The outcome: {_SCORE}")],
    thread: Thread = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="CHECKPOINT", help="Where the run ended; else the newest.")
    ] = None,
    runs: Annotated[int, typer.Option("--runs", min=1, help="How often each step is run anew.")] = 5,
    budget: Annotated[
        int | None, typer.Option("--budget", min=1, help="How many reruns at most, over all steps.")
    ] = None,
    effects: _Effects = None,
    dry_run: _Dry = False,
    yes: _Yes = False,
) -> CommandAnswer:
    """Run each step before a checkpoint anew, live, in a sandbox, and tell whose rerun changes the outcome.

    How many reruns that takes is told first, and asked for. Ctrl-C tells what ran by then.
    """
    from lgviz import sweeping
    from lgviz.export.plain import plain

    with _graph_over(database, graph) as over:
        end = database.history(thread)
        at = end.latest.id if at is None else at
        options: dict[str, Any] = {"effects": effects or (), "thread_id": end.thread_id}
        rated = _score(database, thread, score)
        found = sweeping.blame_steps(over, at, rated, runs, 0, **options)  # runs nothing
        planned = min(len(found) * runs, len(found) * runs if budget is None else budget)
        said = f"{counted(len(found), 'step')}, {counted(planned, 'rerun')} at the most"
        if not dry_run:
            _ask(said, yes=yes)
            found = sweeping.blame_steps(over, at, rated, runs, budget, **options)
            said = repr(found).split("\n")[0]
    rows: list[Any] = found.frame().astype(object).to_dict("records")
    ran = sum(one.runs + one.failed for one in found)
    heads = ("STEP", "NODES", "RUNS", "FLIPS", "RATE", "LOW", "HIGH", "FAILED")

    def data() -> dict[str, Any]:
        stopped = found.stopped and not dry_run
        return {"baseline": plain(found.baseline), "planned": planned, "stopped": stopped, "steps": rows}

    def lines() -> Iterator[Line]:
        yield [(said, "bold")]
        shown = [
            [f"{cell:.0%}" if isinstance(cell, float) else cell for cell in row.values()] for row in rows
        ]
        yield from table(heads, shown)

    return CommandAnswer(data, lines(), code=0 if dry_run or ran == planned else INTERRUPTED)


@contextmanager
def _graph_over(database: OpenedDatabase, name: str) -> Iterator[Any]:
    """The graph of that name over the database, by a connection that cannot write."""
    from lgviz.mcp.graphs import graph_over
    from lgviz.session.graph_names import load_graph, module_of

    with ExitStack() as held:
        trust = [*(database.options.get("trust") or ()), module_of(name)]  # whose code runs anyway
        yield graph_over(held, load_graph(name), database.where, write=False, trust=trust)


def _cases(given: list[str]) -> dict[str, Any]:
    """The updates by their names; one without a name is named by its place, from 1."""
    from lgviz.errors import InvalidValue

    found: dict[str, Any] = {}
    for number, text in enumerate(given, 1):
        bare = text.startswith("{") or text == "null"
        name, _, update = ("", "", text) if bare else text.partition("=")
        try:
            values = json.loads(update)
        except ValueError:
            values = update
        if not isinstance(values, dict | None):
            remedy = (
                """Give JSON: --case '{"limit": 9}', --case 'cheap={"limit": 9}', --case 'as it was=null'."""
            )
            raise InvalidValue(f"--case {text} is no update.", remedy)
        if (name := name or str(number)) in found:
            raise InvalidValue(f"Two cases are named {name!r}.", "Give each a name of its own.")
        found[name] = values
    return found


def _score(database: OpenedDatabase, thread: str | None, text: str) -> Callable[[Any], Any]:
    """What is called with a state; it is given the state as it may be shown."""
    from lgviz.session.conditions import score_over
    from lgviz.session.graph_names import load_function

    rated = load_function(text) if _NAMED.fullmatch(text) else score_over(database.history(thread), text)
    redactor = database.source.redactor
    return rated if redactor is None else lambda values: rated(redactor.state(values))


def _ask(what: str, *, yes: bool) -> None:
    if not yes:
        complain(what, mark="")
        typer.confirm("Run them? Nodes run live, and act on the world as ever.", abort=True, err=True)


def _swept(database: OpenedDatabase, found: Sweep, planned: int) -> CommandAnswer:
    from lgviz.export.plain import plain

    shown = database.source.shown

    def data() -> dict[str, Any]:
        rows = [
            {
                "case": row.case, "run": row.run, "status": row.status, "score": plain(row.score),
                "served": row.served.total(), "ran": row.ran.total(),
                "error": row.error and shown(row.error),
            }
            for row in found
        ]  # fmt: skip
        return {"tokens": found.tokens, "stopped": found.stopped, "rows": rows}

    lines = iter(shown(repr(found)).split("\n"))
    return CommandAnswer(data, lines, code=0 if len(found) == planned else INTERRUPTED)
