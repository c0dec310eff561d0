"""The commands that do stored threads again, as a gate of a build, ``replay``, and as one test, ``pin``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from xml.etree import ElementTree

import typer

from lgviz._visible import visible

from .app import OpenedDatabase, Thread, command
from .printing import CommandAnswer, Line, complain

if TYPE_CHECKING:
    from lgviz.replaying import Replay, ThreadReplay

__all__ = ["pin", "replay"]

PARTED, NOTHING, UNKNOWN = 1, 2, 3
"""Exit codes: something came out other or failed; nothing was replayed; else something could not be told."""
Live = Annotated[
    list[str] | None,
    typer.Option("--live", metavar="NODE", help="A node with new code, which runs; may be given again."),
]
Effects = Annotated[
    list[str] | None,
    typer.Option("--effects", metavar="NODE", help="A node that must not run; may be given again."),
]
_STYLES = {"same": "green", "unknown": "yellow", "parted": "red", "failed": "red"}


@command("lgviz replay checkpoints.db --graph app:graph --live plan")
def replay(
    database: OpenedDatabase,
    graph: Annotated[
        str, typer.Option("--graph", metavar="MODULE:GRAPH", help="Today's graph: app:graph or app.py:graph.")
    ],
    threads: Annotated[
        list[str] | None,
        typer.Option("--thread", "-t", metavar="THREAD", help="Only this one; may be given again."),
    ] = None,
    live: Live = None,
    effects: Effects = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Also write a report as JUnit does.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Also write a report as an HTML page.")
    ] = None,
) -> CommandAnswer:
    """Do threads again with today's code: neither a model nor a node whose input did not change is called.

    Ends with 0 where every thread is the same, 1 where one parted or failed, else 3 where one is unknown; 2
    where nothing could be replayed, or a report not be written.
    """
    from lgviz.errors import LgvizError
    from lgviz.replaying import replay as replayed
    from lgviz.session.graph_names import load_graph
    from lgviz.sources.bundle_file import write_whole

    for report in filter(None, (junit, html)):
        if not report.parent.is_dir() or report.is_dir():
            why = "it is a folder" if report.is_dir() else f"there is no folder {report.parent}"
            complain(f"{report} cannot be written: {why}. Give the path of a file in a folder that is there.")
            raise typer.Exit(NOTHING)
    try:
        found = replayed(load_graph(graph), database.source, threads, live or (), effects or ())
        if junit is not None:
            write_whole(junit, _junit(found, graph))
        if html is not None:
            found.export_html(html, f"{graph} on {database.source.shown(database.source.description)}")
    except LgvizError as error:
        complain(str(error))
        raise typer.Exit(NOTHING) from error
    return CommandAnswer(lambda: _data(found), _lines(found), "There is no thread.", _code(found))


@command("lgviz pin checkpoints.db tests/test_refund.py --graph app:graph --at c7")
def pin(
    database: OpenedDatabase,
    path: Annotated[str, typer.Argument(metavar="FILE", help="The test to write: tests/test_refund.py.")],
    graph: Annotated[
        str | None,
        typer.Option(
            "--graph", metavar="MODULE:GRAPH", help="Today's graph: app:graph; else that of langgraph.json."
        ),
    ] = None,
    thread: Thread = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="CHECKPOINT", help="Up to this one, by label or id; else the newest."),
    ] = None,
    live: Live = None,
    effects: Effects = None,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--value", metavar="CHANNEL", help="Compare only this channel; may be given again. Else all."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over files that are there.")] = False,
) -> CommandAnswer:
    """Write a thread up to a checkpoint as a test, with the recorded thread beside it.

    It is plain pytest, needs neither key nor network, and is kept only if it passes. What --redact masks is
    masked in the recording.
    """
    from lgviz.export.sizes import size_text
    from lgviz.replaying import pin as pinned

    history = database.history(thread)
    checkpoint = history.latest if at is None else history[at]
    trust = database.options["trust"]
    made = pinned(
        checkpoint, path, graph, live or (), effects or (), values or None, trust=trust, overwrite=overwrite
    )
    said = f"{made.test} passes; {made.recording} beside it has {size_text(made.size)}."
    return CommandAnswer(lambda: asdict(made), [said])


def _code(found: Replay) -> int:
    if found.ok:
        return 0
    bad = found.stopped or any(thread.verdict in ("parted", "failed") for thread in found.values())
    return PARTED if bad else UNKNOWN


def _lines(found: Replay) -> Iterator[Line]:
    for thread in found.values():
        if thread.verdict != "same":
            at = f" at {thread.parted_at}" if thread.parted_at else ""
            yield [
                (found.shown(thread.thread_id), "cyan"),
                ("  ", ""),
                (thread.verdict + at, _STYLES[thread.verdict]),
                (f"  {thread.reason}", ""),
            ]
    if found:
        yield found.summary
    for warning in found.warnings:
        yield [(warning, "yellow")]


def _data(found: Replay) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "stopped": found.stopped,
        "counts": found.counts,
        "served": found.served.total(),
        "ran": found.ran.total(),
        "answered": found.answered.total(),
        "threads": [_thread(found, thread) for thread in found.values()],
    }


def _thread(found: Replay, thread: ThreadReplay) -> dict[str, Any]:
    told = {name: getattr(thread, name) for name in ("verdict", "parted_at", "reason")}
    told = {"thread_id": found.shown(thread.thread_id), **told}
    branches = [
        {name: getattr(branch, name) for name in ("head", "verdict", "parted_at", "reason")}
        for branch in thread.branches
    ]
    counts = {name: dict(getattr(thread, name)) for name in ("served", "ran", "answered")}
    return told | counts | {"warnings": list(thread.warnings), "branches": branches}


def _xml(said: str) -> str:
    """A text in which characters that XML cannot hold, or that hide, are written out, as ``\\x1b``."""
    shown = visible(said.encode("utf-8", "backslashreplace").decode())
    return shown.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def _junit(found: Replay, graph: str) -> bytes:
    """A report with a test for each thread: an unknown one is skipped, one that failed is an error."""
    counts = found.counts
    numbers = {"failures": "parted", "errors": "failed", "skipped": "unknown"}
    suite = ElementTree.Element(
        "testsuite",
        {"name": f"replay of {graph}", "tests": str(len(found))}
        | {name: str(counts.get(verdict, 0)) for name, verdict in numbers.items()},
    )
    elements = {"parted": "failure", "failed": "error", "unknown": "skipped"}
    for thread in found.values():
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": graph, "name": _xml(found.shown(thread.thread_id))}
        )
        if (element := elements.get(thread.verdict)) is not None:
            at = f"{thread.parted_at}: " if thread.parted_at else ""
            told = ElementTree.SubElement(case, element, {"message": _xml(f"{at}{thread.reason}")})
            if thread.diff is not None:
                told.text = _xml(repr(thread.diff))
    written: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return written
