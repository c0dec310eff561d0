"""Commands that keep, copy and check: from ``export`` and ``cases`` to ``prune`` and ``stats``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any

import typer

from lgviz.export.sizes import counted, size_text

from .app import OpenedDatabase, Thread, command
from .printing import CommandAnswer, Line, progress, table

__all__ = ["bundle", "cases", "check", "export", "migrate", "prune", "seal", "stats"]


KeyFile = Annotated[
    str | None, typer.Option("--key-file", metavar="FILE", help="The seal's key: a file of 16 bytes or more.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Write over a file that is there.")]


@command("lgviz export checkpoints.db --thread 1 thread.html")
def export(
    database: OpenedDatabase,
    path: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="The file to write; its ending says as what: .html a page to read in, .lgviz a bundle, .md, "
            ".svg, .png, .mmd, .dot.",
        ),
    ],
    thread: Thread = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="CHECKPOINT",
            help="The checkpoint that a page opens at, that Markdown tells; else the newest.",
        ),
    ] = None,
    compared: Annotated[
        str | None,
        typer.Option("--diff", metavar="CHECKPOINT", help="In Markdown: also what changed since this one."),
    ] = None,
    overwrite: Overwrite = False,
) -> CommandAnswer:
    """Write one thread as a file to look at: a page, a picture, a text.

    What it contains is told before it is written. What --redact masks is masked in it.
    """
    from lgviz.backend import Backend
    from lgviz.files import format_of, prepare, refuse_existing

    file = Path(path).expanduser()
    kind = format_of(file)
    refuse_existing(file, overwrite=overwrite)
    with closing(Backend(database.where, **database.options)) as backend, progress("exporting") as told:
        backend.thread.open(thread)
        made = prepare(backend, kind.name, selected=at, compared=compared, progress=told)
    held = made.contents

    def data() -> dict[str, Any]:
        named = ("thread_id", "checkpoints", "messages", "items", "size", "rules")
        made.write(file, overwrite=overwrite)
        return {"path": path, "kind": kind.name} | {name: getattr(held, name) for name in named}

    def lines() -> Iterator[Line]:
        yield f"{path}: {held}"
        made.write(file, overwrite=overwrite)

    return CommandAnswer(data, lines())


@command("lgviz cases checkpoints.db refunds.jsonl --format inspect --inputs messages")
def cases(
    database: OpenedDatabase,
    path: Annotated[
        str | None,
        typer.Argument(metavar="FILE", help="The file to write; else what would be in it is told."),
    ] = None,
    format: Annotated[  # noqa: A002 - as `to_cases` calls it
        str,
        typer.Option(
            "--format", metavar="TOOL", help="What is to read it: langsmith, pydantic-evals, inspect."
        ),
    ] = "langsmith",
    threads: Annotated[
        list[str] | None,
        typer.Option("--thread", "-t", metavar="THREAD", help="Only this one; may be given again."),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--inputs", metavar="CHANNEL", help="Take only this one in; may be given again. Else all."
        ),
    ] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option(
            "--outputs", metavar="CHANNEL", help="Expect only this one; may be given again. Else all."
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> CommandAnswer:
    """Write the turns of threads as a dataset for an evaluation.

    A case for each turn that came to its end, on every branch. For Inspect a line of JSON each, else one
    JSON document. What --redact masks is masked in it.
    """
    from lgviz.export.cases import to_cases
    from lgviz.files import refuse_existing
    from lgviz.sources.bundle_file import write_whole

    file = None if path is None else Path(path).expanduser()
    if file is not None:
        refuse_existing(file, overwrite=overwrite)
    made = to_cases(database.source, format, threads, inputs=inputs, outputs=outputs)
    each = made["cases"] if isinstance(made, dict) else made
    if file is not None:
        dumped = map(json.dumps, each) if format == "inspect" else [json.dumps(made, indent=2)]
        write_whole(file, "".join(f"{text}\n" for text in dumped).encode())

    def lines() -> Iterator[Line]:
        if file is not None:
            yield f"{path}: {counted(len(each), 'case')} for {format}."
            return
        ends = (case["metadata"] for case in each)
        rows = ((end["thread_id"], end["checkpoint"], len(end["tool_calls"])) for end in ends)
        yield from table(("THREAD", "END", "TOOL CALLS"), rows)

    said = {"path": path, "format": format, "count": len(each), "cases": made}
    return CommandAnswer(lambda: said, lines(), "No turn came to its end.")


@command("lgviz bundle checkpoints.db --thread 1 bug.lgviz")
def bundle(
    database: OpenedDatabase,
    path: Annotated[str, typer.Argument(metavar="FILE", help="The file to write, such as bug.lgviz.")],
    thread: Thread = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="CHECKPOINT", help="Take only the path to this one along: a label or an id."
        ),
    ] = None,
    memory: Annotated[
        bool, typer.Option("--memory/--no-memory", help="Take the items of the store along.")
    ] = True,
    overwrite: Overwrite = False,
) -> CommandAnswer:
    """Write one thread into a file that a colleague opens.

    With its memory as it was. Open it by lgviz show, or lgviz.debug("bug.lgviz"). What --redact masks is
    masked in the file, for good.
    """
    from lgviz.files import refuse_existing
    from lgviz.transfer.bundles import save_bundle

    refuse_existing(Path(path).expanduser(), overwrite=overwrite)
    with progress("bundling") as told:
        made = save_bundle(
            database.where, thread, path, at=at, memory=memory, progress=told, **database.options
        )
    held = made.manifest
    said = (
        f"{path}: thread {held.thread_id}, {counted(held.checkpoints, 'checkpoint')}, "
        f"{counted(held.items, 'item')} of memory, {size_text(made.size)}."
    )
    return CommandAnswer(lambda: {"path": path, "size": made.size, **asdict(held)}, [said])


@command("lgviz migrate langgraph.db checkpoints.db")
def migrate(
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="Database that LangGraph's savers wrote: path or URL.")
    ],
    target: Annotated[
        str, typer.Argument(metavar="DST", help="File to make or to go on with, or a postgresql:// URL.")
    ],
) -> CommandAnswer:
    """Copy threads and memory from LangGraph's tables to lgviz's.

    All of them, exactly, and SRC stays as it is. What was stopped goes on where it was when it is run again.
    """
    from lgviz.errors import NoCheckpoints
    from lgviz.transfer import migrate as copied
    from lgviz.transfer.store_migration import holds_items, migrate_items

    count, items, remembers = 0, 0, holds_items(source)
    try:
        with progress("migrating threads") as told:
            count = copied(source, target, told)
    except NoCheckpoints:
        if not remembers:
            raise
    if remembers:
        with progress("migrating memory") as told:
            items = migrate_items(source, target, told)
    said = [f"{counted(count, 'checkpoint')} copied."]
    said += [f"{counted(items, 'item')} of memory copied."] if remembers else []
    return CommandAnswer(lambda: {"copied": count, "items": items}, said)


@command("lgviz salvage damaged.db salvaged.db")
def salvage(
    source: Annotated[str, typer.Argument(metavar="SRC", help="The damaged SQLite database: its path.")],
    target: Annotated[str, typer.Argument(metavar="DST", help="The file to make.")],
) -> CommandAnswer:
    """Copy what can still be read of a damaged database.

    Row by row, of a file that was cut too. SRC stays as it is; DST is read like any database, and lgviz check
    names what is damaged in it.
    """
    from lgviz.transfer.salvage import salvage as copied

    found = copied(source, target)
    rows, lost = counted(found.rows, "row"), counted(found.lost, "more row")
    said = f"{target}: {rows} saved, {found.in_part} of them in part; {lost} known to be lost."
    return CommandAnswer(lambda: {"path": target, **found._asdict()}, [said])


@command("lgviz prune checkpoints.db --thread 1 --dry-run")
def prune(
    database: OpenedDatabase,
    thread: Annotated[
        list[str] | None,
        typer.Option("--thread", "-t", metavar="THREAD", help="A thread to prune; may be given again."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All threads.")] = False,
    delete: Annotated[
        bool, typer.Option("--delete", help="Remove the threads whole; else their newest checkpoint stays.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what goes and what comes back.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> CommandAnswer:
    """Remove older checkpoints and give space back.

    The newest of each namespace stays, and what its delta channels need. What goes is told, and asked for.
    """
    if bool(thread) == every:
        raise typer.BadParameter("Name the threads by --thread, or give --all.")
    from lgviz.errors import ThreadNotFound, listed
    from lgviz.transfer.migration import saver_of

    strategy = "delete" if delete else "keep_latest"
    names = database.threads if every else thread or []
    plan = database.source.prune_estimate(names, strategy)
    if missing := set(names) - {one.thread_id for one in plan}:
        raise ThreadNotFound(f"There is no thread {listed(sorted(missing))}.", "lgviz threads lists them.")
    answer = _planned(plan, pruned=not dry_run)
    if dry_run:
        return answer
    if not yes:
        for line in _summary(plan, "would go"):
            typer.echo(line, err=True)
        typer.confirm("Prune?", abort=True, err=True)
    database.close()
    saver = saver_of(database.where)
    try:
        saver.prune(names, strategy=strategy)
    finally:
        saver.close()
    return answer


def _planned(plan: list[Any], *, pruned: bool) -> CommandAnswer:
    rows = ([p.thread_id, p.removed, p.kept, "–" if p.bytes is None else size_text(p.bytes)] for p in plan)
    end = _summary(plan, "removed" if pruned else "would go")
    return CommandAnswer(
        lambda: {"pruned": pruned, "threads": [asdict(one) for one in plan]},
        chain(table(("THREAD", "GO", "STAY", "BACK"), rows), end),
    )


def _summary(plan: list[Any], word: str) -> Iterator[str]:
    known = sum(one.bytes or 0 for one in plan)
    least = "at least " if any(one.bytes is None for one in plan) else ""
    gone = counted(sum(one.removed for one in plan), "checkpoint")
    yield f"{gone} {word}; {least}{size_text(known)} given back."


@command("lgviz seal checkpoints.db /mnt/audit/agent.seal --key-file agent.key")
def seal(
    database: OpenedDatabase,
    path: Annotated[
        str, typer.Argument(metavar="FILE", help="The seal: made, or continued where it is there.")
    ],
    key_file: KeyFile = None,
) -> CommandAnswer:
    """Write down, under a key, what each checkpoint and item is.

    lgviz check --seal tells later what was changed, put in, moved or taken away behind the saver's back. Keep
    the file where who writes the database cannot write, and seal anew after what is meant to be there.
    LangGraph's store writes over its items: check before you seal them anew.
    """
    from lgviz.sources.seals import seal_source

    with progress("sealing") as told:
        found = seal_source(database.source, path, _key(key_file), told)
    said = f"{path}: {counted(found.checkpoints, 'checkpoint')} and {counted(found.items, 'item')} sealed."
    return CommandAnswer(lambda: {"path": path, **found._asdict()}, [said])


def _key(path: str | None) -> bytes:
    from lgviz.errors import MissingFile
    from lgviz.sources.bundle_file import read_whole

    if path is None:
        raise typer.BadParameter("A seal needs its key: --key-file FILE.")
    file = Path(path).expanduser()
    held = read_whole(file)
    if held is None:
        raise MissingFile(f"There is no key {file}.", "Make one: head -c 32 /dev/urandom > agent.key")
    return held


@command("lgviz check checkpoints.db")
def check(
    database: OpenedDatabase,
    sealed: Annotated[
        str | None, typer.Option("--seal", metavar="FILE", help="Compare with a seal that lgviz seal wrote.")
    ] = None,
    key_file: KeyFile = None,
) -> CommandAnswer:
    """Verify every hash and reference.

    Damage is named; then the command ends with 1. LangGraph's own tables have no hashes: there it is whether
    every value can be read, and all that is referred to is there. Against a seal what was edited is told too.
    """
    if key_file is not None and sealed is None:
        raise typer.BadParameter("A key alone tells nothing: --seal FILE.")
    with progress("checking") as told:
        found = database.source.check(told)
        if sealed is not None:
            from lgviz.sources.seals import check_seal

            tampered = check_seal(database.source, sealed, _key(key_file), told)
            found += [one.masked(database.source.shown) for one in tampered]
        if (items := database.items) is not None:
            found = list(dict.fromkeys([*found, *items.check()]))  # values that both need are looked at twice
    problems = [{**one._asdict(), "certain": one.certain} for one in found]
    certain = sum(one.certain for one in found)

    def lines() -> Iterator[Line]:
        for one in found:
            yield [(one.where, "cyan"), (f": {one.what}", "red" if one.certain else "yellow")]
        if unsure := len(found) - certain:
            yield f"{counted(unsure, 'value')} could not be looked into."
        yield f"{counted(certain, 'problem')}." if certain else database.source.whole

    return CommandAnswer(lambda: {"problems": problems}, lines(), code=int(bool(certain)))


@command("lgviz stats checkpoints.db")
def stats(database: OpenedDatabase) -> CommandAnswer:
    """Tell what threads and channels take.

    And what a prune of all would give back. What is stored in a checkpoint's own row counts for its thread.
    """
    found = database.source.stats()
    theirs = bool(found.formats)

    def data() -> dict[str, Any]:
        named = ("bytes", "checkpoints", "writes", "blocks", "by_thread", "by_channel", "formats")
        frees = None if theirs else found.prune_frees
        return {name: getattr(found, name) for name in named} | {
            "prune_frees": frees,
            "damaged": len(found.damaged),
        }

    def lines() -> Iterator[Line]:
        size, checkpoints = size_text(found.bytes), counted(found.checkpoints, "checkpoint")
        writes = counted(found.writes, "write")
        if theirs:
            formats = ", ".join(f"{v} ({count:,})" for v, count in found.formats.items())
            yield f"{size} in {checkpoints} and {writes}, in LangGraph's tables; format {formats}."
        else:
            frees = size_text(found.prune_frees)
            blocks = counted(found.blocks, "block")
            yield f"{size} in {checkpoints}, {writes} and {blocks}; a prune of all would give {frees} back."
        for head, taken_by in (("THREAD", found.by_thread), ("CHANNEL", found.by_channel)):
            largest = sorted(filter(itemgetter(1), taken_by.items()), key=itemgetter(1), reverse=True)
            if largest:
                yield ""
            yield from table((head, "SIZE"), ((name, size_text(taken)) for name, taken in largest))

    return CommandAnswer(data, lines())
