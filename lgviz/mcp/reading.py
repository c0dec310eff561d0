"""The tools that read: ``threads``, ``tree``, ``state``, ``diff``, ``find``."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any

from pydantic import Field

from lgviz.analysis.checkpoint import Checkpoint, state_of
from lgviz.analysis.compare import Change
from lgviz.analysis.diff import StateDiff, diff_states
from lgviz.analysis.history import History
from lgviz.analysis.search import search
from lgviz.analysis.summary import is_text_change, path_text
from lgviz.analysis.text_diff import words
from lgviz.analysis.thread_stats import stats_of, tokens_of
from lgviz.analysis.values import child_at, kind_of, positions_of
from lgviz.backend.glances import Glance
from lgviz.export.plain import moment, row_data
from lgviz.export.sizes import counted
from lgviz.export.text import tree_text
from lgviz.sources.base import Source, ThreadInfo
from lgviz.sources.places import unrooted

from .desk import ToolDesk
from .parts import ROOM, ValueLine, part_at, parts, quoted, step_text
from .shapes import DiffAnswer, FindAnswer, StateAnswer, ThreadsAnswer, TreeAnswer
from .tools import ToolAnswer, tool

__all__ = [
    "At",
    "Offset",
    "Thread",
    "change_lines",
    "change_rows",
    "diff_lines",
    "looked_at",
    "next_line",
    "part_data",
    "some_names",
    "state_path",
]

_WIDTH = 110
_GAP = re.compile(r" {3,}(?=\S+(?: m?s)?$)")
"""What stands before the time of a row, which is aligned for eyes."""
_NAMES = 12
"""Names in one row of data."""
_NAME = 60
_ID = 300
_SECONDS = 20.0
_THREADS_AT_ONCE = 500
_CONTEXT = 50
"""Characters of a text that stand around what changed in it."""

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
ChangeLine = tuple[str, str, str]
"""The path, the kind and the text of a change."""

Thread = Annotated[str | None, Field(description="Thread id; else the newest.")]
At = Annotated[str | None, Field(description="Label (c4, c4.1) or id; else the newest.")]
Offset = Annotated[int, Field(ge=0)]


@tool(gives=ThreadsAnswer)
def threads(
    desk: ToolDesk,
    query: Annotated[str, Field(description="Only ids that contain this.")] = "",
    offset: Offset = 0,
    limit: Annotated[int, Field(ge=1, le=100)] = 30,
    stats: Annotated[
        bool, Field(description="Also steps, seconds, errors, interrupts, tokens, bytes, last node of each.")
    ] = False,
) -> ToolAnswer:
    """List threads (conversations or runs), newest activity first."""
    found, total = _some_threads(desk.source, query, offset + limit)
    page = list(_stated(desk, found[offset:], stats))
    left = total - offset - len(page)
    rows = [
        {
            "thread": one.thread_id[:_ID],
            "checkpoints": one.count,
            "updated_at": moment(one.updated_at),
            **told,
        }
        for one, told in page
    ]
    lines = [
        f"{quoted(one.thread_id, _ID)} {_counted(one)}{_last(one.updated_at)}" + _said(told)
        for one, told in page
    ]
    more = f"{left:,} more: offset={offset + len(page)}" if left > 0 else ""
    return ToolAnswer(f"{counted(total, 'thread')}.", lines, {"threads": rows, "total": total}, more)


def _some_threads(source: Source, query: str, most: int) -> tuple[list[ThreadInfo], int]:
    """The newest threads whose id contains a text, and how many there are in all."""
    batch = source.find_threads(query, min(most, _THREADS_AT_ONCE))
    found, total = [*batch.threads], batch.total
    while batch.after is not None and len(found) < most:
        batch = source.find_threads(query, min(most - len(found), _THREADS_AT_ONCE), batch.after)
        found += batch.threads
    return found, total


def _stated(
    desk: ToolDesk, page: Sequence[ThreadInfo], stats: bool
) -> Iterator[tuple[ThreadInfo, dict[str, Any]]]:
    """Threads, and what the table of all tells of each; its tokens are read as long as there is time."""
    if not stats:
        yield from ((one, {}) for one in page)
        return
    until = time.monotonic() + _SECONDS
    rows = stats_of(desk.source)
    for one in page:
        told = rows.get(one.thread_id)  # None: it came after the others were read
        if told is not None:
            name = told.pop("last_node")
            del told["thread_id"]
            told["tokens"] = tokens_of(desk.source, one.thread_id)
            told["last_node"] = name and some_names([name])[0]
        yield one, {} if told is None else {"stats": told}
        if desk.stopped.is_set() or time.monotonic() > until:
            return


def _said(told: Mapping[str, Any]) -> str:
    """What a row tells of a thread that is known of it."""
    known = {name: value for name, value in told.get("stats", {}).items() if value is not None}
    if "seconds" in known:
        known["seconds"] = f"{known['seconds']:.3f}"
    if "last_node" in known:
        known["last_node"] = quoted(known["last_node"])
    return "".join(f", {name} {value}" for name, value in known.items())


def _counted(thread: ThreadInfo) -> str:
    return "" if thread.count is None else f"{counted(thread.count, 'checkpoint')}, "


def _last(updated_at: float | None) -> str:
    return f"last {moment(updated_at) or '?'}"


@tool(gives=TreeAnswer)
def tree(
    desk: ToolDesk,
    thread: Thread = None,
    before: Annotated[str | None, Field(description="Only rows older than this label.")] = None,
    limit: Annotated[int, Field(ge=1, le=100)] = 40,
) -> ToolAnswer:
    """Show a thread's checkpoints as a tree, newest first: label, node(s) that ran, channels changed, marks.

    Labels (c4; c4.1 in a subgraph) never change: cite them, and give them to the other tools.
    """
    history = desk.history(thread)
    end = len(history.tree) if before is None else desk.checkpoint(history.thread_id, before).row
    rows = range(max(0, end - limit), end)
    heads = [one.label for one in history.heads]
    data = {
        "thread": history.thread_id,
        "status": history.status,
        "heads": heads[-50:],
        "total": len(history.tree),
        "checkpoints": [_row(history.checkpoint_at(row)) for row in reversed(rows)],
    }
    drawn = tree_text(history.tree, width=_WIDTH, limit=limit, until=end).split("\n")
    older = f"{rows.start:,} older: before={history.tree.labels[rows.start]}" if rows.start else ""
    count = f"{counted(len(history.tree), 'checkpoint')}, heads {', '.join(heads[-8:])}"
    head = f"Thread {quoted(history.thread_id, 200)}, {history.status}, {count}."
    drawn = [_GAP.sub("  ", line) for line in drawn if not line.startswith("  … ")]
    return ToolAnswer(head, drawn, data, older, looked_at(history.latest))


def _row(checkpoint: Checkpoint) -> dict[str, Any]:
    row = row_data(checkpoint)
    names = {name: some_names(row[name]) for name in ("nodes", "changed")}
    kept = {name: row[name] for name in ("label", "parent", "marks", "created_at")}
    return {**kept, **names, "note": row["note"] and row["note"][:_ID]}


def next_line(nodes: Sequence[str]) -> str:
    """What runs next."""
    return f"next: {', '.join(some_names(nodes)) or '–'}"


def some_names(names: Sequence[str]) -> list[str]:
    """Names, of many the last one standing for those left out."""
    short = [name if len(name) <= _NAME else f"{name[:_NAME]}…" for name in names[:_NAMES]]
    return short if len(names) <= _NAMES else [*short[:-1], f"+{len(names) - _NAMES + 1}"]


@tool(gives=StateAnswer)
def state(
    desk: ToolDesk,
    at: At = None,
    thread: Thread = None,
    path: Annotated[
        str, Field(description='Only this part, as answers name it: messages[3].content, files["a b.py"].')
    ] = "",
    offset: Annotated[
        int | None, Field(ge=0, description="First item of the list, or character of the text, at path.")
    ] = None,
) -> ToolAnswer:
    """Read the state at a checkpoint: values by path, what runs next, what it asks, what failed.

    Long values are cut, with the path and offset that continue them.
    """
    checkpoint = desk.checkpoint(thread, at)
    values = unrooted(state_of(checkpoint))
    part = part_at(values, path)
    asked = [] if path else [_asked(one) for one in checkpoint.waiting[:8]]
    found = list(parts(path, part, ROOM, offset, whole=bool(path)))
    told = {**checkpoint.rebuilt, **checkpoint.doubts}
    lines = [] if path else [next_line(checkpoint.next)]
    lines += [f"note: {quoted(checkpoint.note, 500)}"] if checkpoint.note and not path else []
    lines += [f"failed: {quoted(checkpoint.error, 2_000)}"] if checkpoint.error and not path else []
    lines += [f"asks: {one.text} {one.left}".rstrip() for one in asked]
    lines += [str(one) for one in found]
    lines += [f"uncertain: {quoted(name, 100)}: {why}" for name, why in told.items() if not path][:_NAMES]
    row = _row(checkpoint)
    data = {
        "thread": checkpoint.history.thread_id,
        **{name: row[name] for name in ("label", "parent", "nodes", "note")},
        "id": checkpoint.id,
        "next": some_names(checkpoint.next),
        "error": checkpoint.error and checkpoint.error[:2_000],
        "interrupts": [part_data(one) for one in asked],
        "values": [part_data(one) for one in found],
    }
    made = ", ".join(row["nodes"]) or checkpoint.source or "?"
    thread_id = quoted(checkpoint.history.thread_id, 200)
    head = f"Thread {thread_id}, {checkpoint.label}, made by {quoted(made, 200)}."
    return ToolAnswer(head, lines, data, "", looked_at(checkpoint))


def _asked(question: Any) -> ValueLine:
    told = list(parts("", question.value, 1_500))
    return ValueLine("", " ".join(str(one) for one in told))


def part_data(part: ValueLine) -> dict[str, Any]:
    """A line of a value as data."""
    return {"path": part.path, "value": part.text, **({"left": part.left} if part.left else {})}


@tool(gives=DiffAnswer)
def diff(
    desk: ToolDesk,
    after: Annotated[str, Field(description="Label or id.")],
    before: Annotated[str | None, Field(description="Label or id; else the parent of after.")] = None,
    thread: Thread = None,
    offset: Offset = 0,
) -> ToolAnswer:
    """Compare two checkpoints: + added, - removed, ~ changed; in texts [-removed-] and {+added+}."""
    end = desk.checkpoint(thread, after)
    history = end.history
    start = desk.checkpoint(history.thread_id, before) if before is not None else end.parent
    found = history.diff(start, end) if start is not None else diff_states({}, state_of(end))
    name = "nothing" if start is None else start.label
    states = {} if start is None else state_of(start), state_of(end)
    rows, more = diff_lines(found, states, offset)
    data = {
        "thread": history.thread_id, "before": name, "after": end.label, "summary": found.summary,
        "changes": change_rows(rows),
    }  # fmt: skip
    head = f"Thread {quoted(history.thread_id, 200)}, {name} → {end.label}: {found.summary}."
    return ToolAnswer(head, change_lines(rows), data, more, looked_at(end))


def change_lines(rows: Sequence[ChangeLine]) -> list[str]:
    """Changes as text."""
    return [f"{_SIGNS[kind]} {path} {text}" for path, kind, text in rows]


def change_rows(rows: Sequence[ChangeLine]) -> list[dict[str, str]]:
    """Changes as data."""
    return [{"path": path, "kind": kind, "text": text} for path, kind, text in rows]


def diff_lines(found: StateDiff, states: tuple[Any, Any], offset: int = 0) -> tuple[list[ChangeLine], str]:
    """The path, kind and text of changes from the ``offset``-th on, in bounded room; and what is left out."""
    changes = list(found)
    rows: list[ChangeLine] = []
    room = ROOM
    for number, change in enumerate(changes[offset:], offset):
        if room <= 0:
            return rows, f"{len(changes) - number:,} more changes: offset={number}"
        path = _change_path(change, states)
        share = max(300, room // min(12, len(changes) - number))
        for row in _change_rows(path, change, share):
            rows.append(row)
            room -= len(row[0]) + len(row[2]) + 4
    return rows, ""


def _change_rows(path: str, change: Change, room: int) -> Iterator[ChangeLine]:
    if change.note:
        yield path, change.kind, f"({change.note})"
    elif is_text_change(change):
        yield path, change.kind, _edited(change.before, change.after, room)
    elif change.kind == "changed":
        sides = [
            "; ".join(f"{one.text} {one.left}".strip() for one in islice(parts(path, side, room // 2), 6))
            for side in (change.before, change.after)
        ]
        yield path, change.kind, " → ".join(sides)
    else:
        value = change.after if change.kind == "added" else change.before
        for one in parts(path, value, room):
            yield one.path, change.kind, f"{one.text} {one.left}".strip()


def _edited(before: str, after: str, room: int) -> str:
    """What changed in a text, each place with the words around it."""
    told: list[str] = []
    segments = words(before, after)
    for number, (op, text) in enumerate(segments):
        if op == "=":
            first, last = number == 0, number == len(segments) - 1
            if len(text) > 2 * _CONTEXT:
                text = f"{'' if first else text[:_CONTEXT]}…{'' if last else text[-_CONTEXT:]}"
            told.append(text)
        else:
            told.append(f"[-{text}-]" if op == "-" else f"{{+{text}+}}")
    return quoted("".join(told), room)


def _change_path(change: Change, states: tuple[Any, Any]) -> str:
    return state_path(states[change.kind != "removed"], change.channel, change.path)


def state_path(state: Any, channel: str, steps: Sequence[Any]) -> str:
    """Where a part of a state is, as the tool ``state`` takes it; in words where no position names it."""
    held = state.get(channel) if isinstance(state, dict) else state
    path = step_text(channel).removeprefix(".")
    positions = positions_of(held, steps)
    if positions is None:
        return path + path_text(tuple(steps))
    for number in positions:
        key, child = child_at(held, number)
        path += step_text(str(key), position=kind_of(held) in ("list", "set", "array"))
        held = child
    return path


@tool(gives=FindAnswer)
def find(
    desk: ToolDesk,
    text: Annotated[str, Field(min_length=1, max_length=500, description="Any text; case is ignored.")],
    thread: Annotated[str | None, Field(description="In this thread; else in all.")] = None,
    offset: Offset = 0,
    limit: Annotated[int, Field(ge=1, le=50)] = 20,
) -> ToolAnswer:
    """Search states, node names, notes, questions and errors; each value once, where it was set."""
    names = (one.thread_id for one in desk.source.iter_threads()) if thread is None else [thread]
    until = time.monotonic() + _SECONDS
    hits: list[dict[str, Any]] = []
    more = ""
    for number, (history, hit) in enumerate(_hits(desk, names, text, until)):
        if number < offset:
            continue
        if len(hits) == limit:
            more = f"there are more: offset={offset + limit}"
            break
        label = history.tree.labels[hit.row]
        said = f"{hit.before}«{hit.match[:200]}»{hit.after}"
        hits.append(
            {"thread": history.thread_id[:_ID], "label": label, "where": hit.where[:200], "text": said}
        )
    if not more and time.monotonic() > until:
        more = f"stopped after {_SECONDS:g} s: name a thread"
    lines = [
        f"{quoted(one['thread'], 100)} {one['label']} {quoted(one['where'], 200)}: {quoted(one['text'])}"
        for one in hits
    ]
    head = f"{counted(len(hits), 'hit') if hits else 'No hits'}{' so far' if more else ''}."
    return ToolAnswer(head, lines, {"hits": hits}, more)


def _hits(desk: ToolDesk, names: Iterable[str], text: str, until: float) -> Iterator[tuple[History, Any]]:
    def ended() -> bool:
        return desk.stopped.is_set() or time.monotonic() > until

    for name in names:
        history = desk.history(name)
        for hit in search(history, text, ended):
            yield history, hit
        if ended():
            return


def looked_at(checkpoint: Checkpoint) -> Glance:
    """That an answer shows this checkpoint."""
    return Glance(checkpoint.history.thread_id, checkpoint.id)
