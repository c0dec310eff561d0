"""A state, its messages and a diff as lines of text, whole: what a terminal and a pipe are given."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from lgviz._visible import visible
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.compare import Change
from lgviz.analysis.edits import json_of
from lgviz.analysis.messages import is_message, read_message
from lgviz.analysis.summary import change_path, is_text_change
from lgviz.analysis.text_diff import words
from lgviz.analysis.values import children, clean, kind_of, line, type_name
from lgviz.export.rails import title_of

__all__ = ["change_lines", "checkpoint_lines", "message_line", "messages_lines", "state_lines"]

_DEPTH = 30
_LINE = 4_000
"""Characters of what stands on one line."""
_SAID = 1_000
"""Characters of a text, or of a call, in a message on one line."""


def checkpoint_lines(checkpoint: Checkpoint) -> Iterator[str]:
    """What a checkpoint is: its label and id, what made it, what comes next, what it asks, what failed."""
    yield f"{checkpoint.label}  {checkpoint.id}"
    at = checkpoint.time
    made = "" if math.isnan(at) else f"{datetime.datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M:%S}"
    step = "" if checkpoint.step is None else f"step {checkpoint.step}"
    title = title_of(checkpoint.history.tree, checkpoint.row)
    yield "  " + " · ".join(filter(None, [title, step, made]))
    yield f"  next: {', '.join(checkpoint.next) or '–'}"
    if checkpoint.note:
        yield f"  note: {_flat(checkpoint.note)}"
    for asked in checkpoint.interrupts:
        word = "asks" if asked in checkpoint.waiting else "asked"
        yield f"  {word}: {line(asked.value, _LINE)}"
    for error in (checkpoint.error or "").splitlines():
        yield f"  failed: {_flat(error)}"


def state_lines(checkpoint: Checkpoint) -> Iterator[str]:
    """The state, a channel after the other; texts of several lines keep them."""
    values = checkpoint.values
    if not isinstance(values, dict):
        yield from _value("state", values, 0)
        return
    told = {**checkpoint.rebuilt, **checkpoint.doubts}
    for channel, value in values.items():
        yield from _value(_flat(str(channel)), value, 0, told.get(channel, ""))


def _value(name: str, value: Any, depth: int, note: str = "") -> Iterator[str]:
    """``name: value``, with what is inside below it; an item of a list is ``- value``."""
    indent = "  " * depth
    head = f"{indent}{name}{'' if name == '-' else ':'}"
    end = f"  ({note})" if note else ""
    kind = kind_of(value)
    if kind == "message":
        yield f"{head}{end} {_message_title(value)}"
        yield from _indented(_said(value), depth + 1)
    elif kind == "string" and "\n" in value:
        yield f"{head} |{end}"
        yield from _indented([value], depth + 1)
    elif kind in ("dict", "list", "set", "object") and depth < _DEPTH and (inside := children(value)):
        yield head + (f" {type_name(value)}" if kind in ("object", "set") else "") + end
        for key, child in inside:
            named = "-" if kind in ("list", "set") else _flat(key)
            yield from _value(named, child, depth + 1)
    else:
        yield f"{head} {_whole(value)}{end}"


def _whole(value: Any) -> str:
    """A leaf on one line: a text as JSON writes it, whole."""
    if type(value) is str:
        return json.dumps(clean(value), ensure_ascii=False)
    return line(value, _LINE)


def messages_lines(checkpoint: Checkpoint) -> Iterator[str]:
    """The messages of a state as a chat, by the channels that hold some."""
    values = checkpoint.values
    held = values if isinstance(values, dict) else {"": values}
    chats = {
        channel: [one for one in value if is_message(one)]
        for channel, value in held.items()
        if isinstance(value, (list, tuple)) and any(map(is_message, value))
    }
    for channel, messages in chats.items():
        if len(chats) > 1:
            yield f"{_flat(str(channel))}:"
        for message in messages:
            yield _message_title(message)
            yield from _indented(_said(message), 1)


def message_line(value: Any) -> str:
    """A message on one line: who says it, its text, what it calls."""
    return _flat(f"{read_message(value).role}: {' '.join(each[:_SAID] for each in _said(value))}")


def _message_title(value: Any) -> str:
    message = read_message(value)
    named = f" {_flat(message.name)}" if message.name else ""
    state = f" ({_flat(message.status)})" if message.status == "error" else ""
    return _flat(message.role) + named + state + (f"  #{_flat(message.id)}" if message.id else "")


def _said(value: Any) -> Iterator[str]:
    message = read_message(value)
    if message.text:
        yield message.text
    for call in message.tool_calls:
        yield f"→ {_flat(call.name)} {json.dumps(json_of(call.args)[0], ensure_ascii=False)}"


def change_lines(change: Change) -> Iterator[str]:
    """A change: ``+ path  value``, ``- path  value``, ``~ path  before → after``; of a longer text its words,
    as ``git diff --word-diff`` writes them."""
    where = _flat(change.channel) + change_path(change)
    sign = {"added": "+", "removed": "-", "changed": "~"}[change.kind]
    value = change.before if change.kind == "removed" else change.after
    if change.note:
        yield f"{sign} {where}  {change.note}"
    elif is_text_change(change):
        yield f"{sign} {where}"
        marked = {"=": "{}", "-": "[-{}-]", "+": "{{+{}+}}"}
        yield from _indented(
            ["".join(marked[op].format(text) for op, text in words(change.before, change.after))], 2
        )
    elif change.kind == "changed":
        yield f"{sign} {where}  {line(change.before, _LINE)} → {line(change.after, _LINE)}"
    elif isinstance(value, list) and value and not change.path and all(map(is_message, value)):
        yield f"{sign} {where}"
        for message in value:
            yield f"    {line(message, _LINE)}"
    else:
        yield f"{sign} {where}  {line(value, _LINE)}"


def _indented(texts: Iterable[str], depth: int) -> Iterator[str]:
    for text in texts:
        for one in visible(clean(text).replace("\r\n", "\n")).split("\n"):
            yield f"{'  ' * depth}{one}".rstrip()


def _flat(text: str) -> str:
    return " ".join(visible(clean(text)).split())
