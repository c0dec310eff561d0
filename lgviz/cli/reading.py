"""Commands that read: ``threads``, ``show``, ``diff``, ``find`` (floor 6)."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lgviz.export.sizes import size_text

from .app import OpenedDatabase, Thread, command
from .printing import CommandAnswer, Line, local, progress, table

if TYPE_CHECKING:
    from lgviz.analysis.checkpoint import Checkpoint
    from lgviz.analysis.history import History
    from lgviz.analysis.search import Hit

__all__ = ["diff", "find", "show", "threads"]

_PIPED_WIDTH = 120
_MARKS = {"+": "green", "-": "red", "~": "yellow"}


@command("lgviz threads checkpoints.db")
def threads(
    database: OpenedDatabase,
    stats: Annotated[
        bool, typer.Option("--stats", help="Tell of each how long, how big, what failed, who came last.")
    ] = False,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="The same, and the tokens of models: opens what tasks wrote.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="The most threads, without --stats; else all.")
    ] = None,
) -> CommandAnswer:
    """List the threads, the newest activity first."""
    if stats or tokens:
        return _stats(database, tokens)
    source = database.source
    threads = source.threads() if limit is None else islice(source.iter_threads(), limit)
    found = [replace(one, thread_id=source.shown(one.thread_id)) for one in threads]

    def data() -> dict[str, Any]:
        from lgviz.export.plain import thread_data  # loads the read model, of which the list has no need

        return {"threads": [thread_data(one) for one in found]}

    rows = ((one.thread_id, "?" if one.count is None else one.count, local(one.updated_at)) for one in found)
    return CommandAnswer(
        data,
        table(("THREAD", "CHECKPOINTS", "LAST"), rows),
        "No thread yet.",
    )


def _stats(database: OpenedDatabase, tokens: bool) -> CommandAnswer:
    from lgviz.analysis.thread_stats import thread_stats

    frame = thread_stats(database.source, tokens)
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    stopped = frame.attrs.get("stopped")

    def cells(row: dict[Any, Any]) -> list[Any]:
        taken, seconds = row["bytes"], row["seconds"]
        told = {
            "bytes": None if taken is None else size_text(taken),
            "seconds": None if seconds is None else f"{seconds:.3f}",
        }
        return ["" if value is None else value for value in {**row, **told}.values()]

    def lines() -> Iterator[Line]:
        yield from table([name.upper() for name in frame.columns], map(cells, rows))
        if stopped:
            yield stopped

    return CommandAnswer(lambda: {"threads": rows, "stopped": stopped}, lines(), "No thread yet.")


@command("lgviz show checkpoints.db --thread 1 --at c5")
def show(
    database: OpenedDatabase,
    thread: Thread = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="CHECKPOINT", help="A label (c5) or an id; else the newest checkpoint."),
    ] = None,
    tree: Annotated[bool, typer.Option("--tree", help="The tree of checkpoints, newest on top.")] = False,
    state: Annotated[bool, typer.Option("--state", help="The state (what --at shows).")] = False,
    messages: Annotated[
        bool, typer.Option("--messages", help="The messages of the state as a chat.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="The most rows of the tree.")] = 200,
) -> CommandAnswer:
    """Show a thread as a tree, or one of its checkpoints.

    Of a checkpoint (--at) its state, or by --messages the messages in it.
    """
    if tree + state + messages > 1:
        raise typer.BadParameter("Give one of --tree, --state and --messages.")
    history = database.history(thread)
    chosen = history.latest if at is None else history[at]
    if messages or state or (at and not tree):
        return _checkpoint(chosen, messages)
    return _tree(history, chosen if at else None, limit)


def _tree(history: History, chosen: Checkpoint | None, limit: int) -> CommandAnswer:
    from lgviz.export.plain import row_data
    from lgviz.export.text import tree_text

    def data() -> dict[str, Any]:
        rows = range(len(history.tree))
        found = [row_data(history.checkpoint_at(row)) for row in rows]
        return {"thread_id": history.shown_id, "status": history.status, "checkpoints": found}

    def lines() -> Iterator[Line]:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _PIPED_WIDTH
        yield [(history.shown_id, "cyan"), (f"  {history.status}", "bold")]
        yield from tree_text(history.tree, chosen.id if chosen else None, width, limit).split("\n")

    return CommandAnswer(data, lines())


def _checkpoint(chosen: Checkpoint, messages: bool) -> CommandAnswer:
    from lgviz.export.plain import checkpoint_data
    from lgviz.export.state_text import checkpoint_lines, messages_lines, state_lines

    def lines() -> Iterator[Line]:
        first, *rest = checkpoint_lines(chosen)
        yield [(first, "cyan")]
        yield from rest
        yield ""
        body = messages_lines(chosen) if messages else state_lines(chosen)
        yield from ([(line, "" if line.startswith(" ") else "bold")] if messages else line for line in body)

    def data() -> dict[str, Any]:
        return {"thread_id": chosen.history.shown_id, "checkpoint": checkpoint_data(chosen)}

    return CommandAnswer(data, lines())


@command("lgviz diff checkpoints.db c2 c5 --thread 1")
def diff(
    database: OpenedDatabase,
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="A label or an id of a checkpoint.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="Another one.")],
    thread: Thread = None,
) -> CommandAnswer:
    """Compare the states of two checkpoints."""
    from lgviz.export.plain import change_data
    from lgviz.export.state_text import change_lines

    history = database.history(thread)
    ends = history[before], history[after]
    found = history.diff(*ends)

    def data() -> dict[str, Any]:
        named = dict(zip(("before", "after"), ({"label": c.label, "id": c.id} for c in ends), strict=True))
        return {"thread_id": history.shown_id, **named, "changes": [change_data(one) for one in found]}

    def lines() -> Iterator[Line]:
        yield [(f"{ends[0].label} → {ends[1].label}", "cyan"), (f"  {found.summary}", "bold")]
        for change in found:
            for line in change_lines(change):
                yield [(line, _MARKS.get(line[:1], ""))]

    return CommandAnswer(data, lines())


@command('lgviz find checkpoints.db "tram 28"')
def find(
    database: OpenedDatabase,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Any text; upper and lower case are one.")],
    thread: Annotated[
        str | None, typer.Option("--thread", "-t", metavar="THREAD", help="In this thread; else in all.")
    ] = None,
) -> CommandAnswer:
    """Find a text in states, notes, questions and errors.

    Each value once, at the checkpoint that set it.
    """
    from lgviz.analysis.search import search
    from lgviz.export.plain import hit_data

    def hits() -> Iterator[tuple[History, Hit]]:
        threads = (one.thread_id for one in database.source.iter_threads())
        names = threads if thread is None else [thread]
        # On a terminal the hits themselves tell how far it is.
        with progress("searching", shown=not sys.stdout.isatty()) as told:
            for name in names:
                history = database.history(name)
                for hit in search(history, text, progress=told):
                    yield history, hit

    return CommandAnswer(
        lambda: {"hits": [hit_data(*one) for one in hits()]}, _hits(hits()), "Nothing found."
    )


def _hits(found: Iterable[tuple[History, Hit]]) -> Iterator[Line]:
    """A line for each hit as it comes: thread, label, where, and the text around it."""
    piped = not sys.stdout.isatty()
    gap = "\t" if piped else "  "
    for history, hit in found:
        head = " ".join(history.shown_id.split()), history.tree.labels[hit.row], hit.where
        yield [
            (gap.join(head) + gap, "cyan"),
            (hit.before.lstrip(), ""),
            (hit.match, "bold"),
            (hit.after.rstrip(), ""),
        ]
