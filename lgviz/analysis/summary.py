"""What a diff says in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from lgviz._visible import visible
from lgviz.analysis.compare import Change, Changes, Path
from lgviz.analysis.messages import is_message, message_id
from lgviz.analysis.values import clean, line
from lgviz.errors import InvalidValue

__all__ = [
    "channel_summary",
    "common_path",
    "diff_text",
    "is_text_change",
    "path_of",
    "path_text",
    "summary_of",
]

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_ROWS = 12
_LONG = 20
_CHANNEL = re.compile(r"[^.\[#]+")
_STEP = re.compile(r"""\.([^.\[#]+)|\[["'](.*?)(?<!\\)["']\]|\[([^"'\]][^\]]*)\]|#(.+)$""")
_NUMBER = re.compile(r"-?\d+")
_PAGE = 200
"""Characters of a text that is read by its parts even where nothing stands between its words."""


def summary_of(diff: Changes) -> str:
    """In words, what changed: ``"one message, two values"``; ``"nothing"`` for an empty diff."""
    messages = {"added": 0, "removed": 0, "changed": 0}
    values = 0
    for channel in diff.channels:
        others = 0
        for change in diff[channel]:
            many = change.after if change.kind == "added" else change.before
            if isinstance(many, list) and not change.path and many and all(map(is_message, many)):
                messages[change.kind] += len(many)
            elif _of_message(change):
                messages[change.kind] += 1
            else:
                others += 1
        values += others > 0
    ends = {"added": ""}
    parts = [_count(n, "message") + ends.get(kind, f" {kind}") for kind, n in messages.items() if n]
    if values:
        parts.append(_count(values, "value"))
    return ", ".join(parts) or "nothing"


def channel_summary(changes: Sequence[Change]) -> str:
    """In words, how one channel changed: ``"one added, two changed"``, ``"words changed"``."""
    if len(changes) == 1:
        change = changes[0]
        if change.note == "order":
            return "reordered"
        if change.kind == "changed" and not _of_message(change):
            return "words changed" if is_text_change(change) else "set"
        if not change.path:
            return "new" if change.kind == "added" else change.kind
    order = [kind for kind in ("added", "removed", "changed") if any(c.kind == kind for c in changes)]
    counts = [(sum(c.kind == kind and not c.note for c in changes), kind) for kind in order]
    parts = [f"{_number(n)} {kind}" for n, kind in counts if n]
    return ", ".join([*parts, *(["reordered"] if any(c.note for c in changes) else [])])


def is_text_change(change: Change) -> bool:
    """Whether a change is best read as words of a text, kept, removed and added."""
    texts = change.before, change.after
    return change.kind == "changed" and all(type(text) is str and _is_prose(text) for text in texts)


def _is_prose(text: str) -> bool:
    return len(text) > _PAGE or (len(text) > _LONG and (" " in text or "\n" in text))


def path_text(path: Path) -> str:
    """A path as a person writes it: ``.cabin``, ``[3]``, ``["x y"]``, ``#message-id``."""
    parts = []
    for step in path:
        if type(step) is int:
            parts.append(f"[{step}]")
        elif type(step) is str:
            parts.append(f".{step}" if step.isidentifier() else f"[{line(step, 60)}]")
        else:
            parts.append(f"[{line(step, 60)}]")
    return clean("".join(parts))


def path_of(text: str) -> Path:
    """The path that a person wrote, the channel first; what :func:`path_text` writes is read back.

    >>> path_of("files[a.py].size"), path_of("messages#a1"), path_of("notes[-1]")
    (('files', 'a.py', 'size'), ('messages', 'a1'), ('notes', -1))

    Raises:
        InvalidValue: it breaks off, or is written in another way.
    """
    channel = _CHANNEL.match(text)
    if channel is None:
        raise _no_path(text, 0)
    steps: list[Any] = [channel[0]]
    at = channel.end()
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            raise _no_path(text, at)
        at = found.end()
        name, quoted, bare, message = found.groups()
        if quoted is not None:
            with suppress(ValueError):
                quoted = json.loads(f'"{quoted}"')
        if bare is not None and _NUMBER.fullmatch(bare):
            steps.append(int(bare))
        else:
            steps.append(next(one for one in (name, quoted, bare, message) if one is not None))
    return tuple(steps)


def _no_path(text: str, at: int) -> InvalidValue:
    return InvalidValue(
        f"{line(text, 60)} is no path from {line(text[at:], 60)} on.",
        'It is written files["a.py"], items[0].name or messages#a1; or as its keys: ("items", 0).',
    )


def change_path(change: Change) -> str:
    """The path of a change; a message is named by its id."""
    if change.path and _of_message(change):
        return clean(f"{path_text(change.path[:-1])}#{str(change.path[-1])[:60]}")
    return path_text(change.path)


def common_path(changes: Iterable[Change]) -> Path:
    """The path that all changes share: ``("cabin",)`` where nothing but ``cabin`` changed."""
    paths = [change.path for change in changes]
    shared: list[Any] = []
    for steps in zip(*paths, strict=False):
        if any(step != steps[0] for step in steps):
            break
        shared.append(steps[0])
    return tuple(shared)


def diff_text(diff: Changes) -> str:
    """A diff as a few lines of text."""
    if not diff:
        return "StateDiff: nothing changed"
    rows = [f"StateDiff: {summary_of(diff)}"]
    signs = {"added": "+", "removed": "−", "changed": "~"}
    for change in list(diff)[:_ROWS]:
        where = change.channel + change_path(change)
        if change.kind == "changed":
            said = f"{line(change.before, 40)} → {line(change.after, 40)}"
        else:
            said = line(change.after if change.kind == "added" else change.before, 80)
        rows.append(f"  {signs[change.kind]} {where}  {change.note or said}")
    if len(diff) > _ROWS:
        rows.append(f"  … {len(diff) - _ROWS} more")
    return visible("\n".join(rows))


def _of_message(change: Change) -> bool:
    value = change.after if change.kind == "added" else change.before
    return is_message(value) and (not change.path or message_id(value) in (None, change.path[-1]))


def _count(n: int, noun: str) -> str:
    return f"{_number(n)} {noun}{'s' if n > 1 else ''}"


def _number(n: int) -> str:
    return _NUMBERS[n] if n < len(_NUMBERS) else f"{n:,}"
