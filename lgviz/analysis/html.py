"""Values and diffs as script-free HTML: for a notebook's output, and for what outlives the kernel.

Everything that comes from a state passes through :func:`esc`.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lgviz.analysis.compare import Change
from lgviz.analysis.messages import ToolCall, is_message, read_message
from lgviz.analysis.style import STYLE
from lgviz.analysis.summary import (
    change_path,
    channel_summary,
    common_path,
    is_text_change,
    path_text,
)
from lgviz.analysis.text_diff import words
from lgviz.analysis.values import children, clean, describe, line

if TYPE_CHECKING:
    from lgviz.analysis.diff import StateDiff

__all__ = ["Room", "diff_html", "diff_page", "esc", "state_html", "value_html"]

_TEXT = 1_500
_DEPTH = 6
_ITEMS = 40
_CHANGES = 40
_KEPT = 120
_SHORT = 80
"""Characters of a value that needs no card of its own."""


class Room:
    """Characters left for an export; when it is used up, values are cut to one line."""

    def __init__(self, left: int) -> None:
        self.left = left

    def esc(self, text: str, limit: int = 200) -> str:
        """The beginning of a text, escaped."""
        shown = esc(text[:limit] + ("…" if len(text) > limit else ""))
        self.left -= len(shown)
        return shown


def esc(text: str) -> str:
    """Text as HTML text, safe in an attribute too."""
    return html.escape(clean(text), quote=True)


def diff_page(diff: StateDiff) -> str:
    """A diff as a notebook's output."""
    body = diff_html(diff, Room(60_000))
    return f'<div class="lgviz-static"><style>{STYLE}</style>{body}</div>'


# ---------------------------------------------------------------- state


def state_html(
    values: Mapping[str, Any], room: Room, reducers: Mapping[str, str | None] | None = None
) -> str:
    """One card for each channel: a chat or a typed tree; values that fit a line share one."""
    cards = []
    plain = []
    for channel, value in values.items():
        shape = describe(value)
        size = f" · {shape.size:,}" if shape.size is not None else ""
        reducer = (reducers or {}).get(channel)
        if not shape.children and (shape.size or 0) <= _SHORT:
            said = value_html(value, room, str(channel))
            kind = f'<span class="lg-type">{esc(reducer or shape.type)}</span>'
            plain.append(f'<div class="lg-pair">{said}{kind}</div>')
            continue
        if shape.kind == "list" and shape.children and all(is_message(v) for _, v in children(value, 0, 50)):
            body = _chat(value, room)
        else:
            body = f'<div class="lg-tree">{value_html(value, room)}</div>'
        cards.append(_card(str(channel), shape.type + size, reducer, body, room))
    short = f'<div class="lg-card"><div class="lg-tree">{"".join(plain)}</div></div>' if plain else ""
    return short + "".join(cards)


def value_html(value: Any, room: Room, key: str | None = None, depth: int = 0) -> str:
    """A value as a tree of details; without a key, its children alone."""
    shape = describe(value, 90)
    name = "" if key is None else f'<span class="lg-k">{room.esc(key)}</span>: '
    room.left -= 60
    if shape.kind == "message":
        return f"{name}{_message(value, room)}" if depth == 0 else f"<div>{name}{room.esc(shape.text)}</div>"
    if not shape.children or depth >= _DEPTH or room.left < 0:
        if shape.kind == "string" and room.left > 0:
            cut = value[:_TEXT] or '""'
            said = f"{room.esc(cut, _TEXT)}</span>{_more(len(value) - _TEXT)}"
        else:
            said = f"{room.esc(shape.text)}</span>"
        return f'<div>{name}<span class="lg-{shape.kind}">{said}</div>'
    if shape.kind == "frame" and hasattr(value, "columns"):
        return f"<div>{name}{_table(value, room)}</div>"
    rows = _rows(value, shape.children, room, depth + 1)
    if key is None and shape.kind != "array":
        return rows
    kind = f'<span class="lg-type">{esc(shape.type)} {shape.children:,}</span>'
    head = f"{name}{kind} {room.esc(shape.text)}"
    return f'<details><summary>{head}</summary><div class="lg-in">{rows}</div></details>'


def _rows(value: Any, count: int, room: Room, depth: int) -> str:
    """The children of a value."""
    rows = []
    for key, child in children(value, 0, _ITEMS):
        rows.append(value_html(child, room, key, depth))
        if room.left < 0:
            break
    more = f'<div class="lg-type">… {count - len(rows):,} more</div>' if count > len(rows) else ""
    return "".join(rows) + more


def _table(frame: Any, room: Room) -> str:
    columns = list(frame.columns[:10])
    head = "".join(f"<th>{room.esc(str(c), 40)}</th>" for c in columns)
    rows = []
    for key, row in children(frame, 0, 10):
        cells = "".join(f"<td>{room.esc(line(row[c], 40).strip(chr(34)), 40)}</td>" for c in columns)
        rows.append(f"<tr><th>{room.esc(key, 40)}</th>{cells}</tr>")
    said = f'<span class="lg-type">{room.esc(describe(frame, 200).text)}</span>'
    return f'{said}<div class="lg-table"><table><tr><th></th>{head}</tr>{"".join(rows)}</table></div>'


def _chat(messages: Sequence[Any], room: Room) -> str:
    """The newest messages of a chat, as many as there is room for."""
    shown: list[str] = []
    start = room.left
    for value in reversed(messages):
        if start - room.left > max(4_000, start // 2) or len(shown) >= 100:
            break
        shown.append(_message(value, room) if is_message(value) else value_html(value, room))
    left = len(messages) - len(shown)
    older = f'<div class="lg-msg lg-faint">{left:,} earlier messages</div>' if left else ""
    return older + "".join(reversed(shown))


def _message(value: Any, room: Room, gone: bool = False) -> str:
    message = read_message(value)
    role = f'<span class="lg-role lg-{esc(message.role[:20])}">{room.esc(message.role, 12)}</span>'
    name = f'<div class="lg-type">{room.esc(message.name, 60)}</div>' if message.name else ""
    text = room.esc(message.text[:_TEXT], _TEXT) + _more(len(message.text) - _TEXT)
    calls = "".join(
        f'<div><span class="lg-call">{_call(c, room)}</span></div>' for c in message.tool_calls[:10]
    )
    said = f'<div class="lg-said">{name}{text}{calls}</div>'
    return f'<div class="lg-msg{" lg-gone" if gone else ""}">{role}{said}</div>'


def _more(count: int) -> str:
    return f' <span class="lg-type">… {count:,} more</span>' if count > 0 else ""


def _call(call: ToolCall, room: Room) -> str:
    if isinstance(call.args, dict):
        args = ", ".join(f"{key}={line(value, 60)}" for key, value in list(call.args.items())[:12])
    else:
        args = line(call.args, 200)
    return room.esc(f"{call.name}({args})", 400)


# ---------------------------------------------------------------- diff


def diff_html(diff: StateDiff, room: Room, reducers: Mapping[str, str | None] | None = None) -> str:
    """One card for each channel that changed."""
    cards: list[str] = []
    for channel in diff.channels:
        if room.left < 0:
            cards.append(f'<p class="lg-faint">and {len(diff.channels) - len(cards):,} more channels</p>')
            break
        cards.append(_diff_card(channel, diff[channel], room, (reducers or {}).get(channel)))
    rest = [f"{len(diff.unchanged)} unchanged"] if diff.unchanged else []
    rest += [f"{diff.hidden} internal hidden"] if diff.hidden else []
    if not diff:
        rest.insert(0, "Nothing changed")
    return "".join(cards) + (f'<div class="lg-faint">{" · ".join(rest)}</div>' if rest else "")


def _diff_card(channel: str, changes: Sequence[Change], room: Room, reducer: str | None) -> str:
    shared = () if len(changes) == 1 and is_message(_value(changes[0])) else common_path(changes)
    rows = []
    for change in changes[:_CHANGES]:
        if room.left < 0:
            break
        rows.append(_change(change, len(shared), room))
    if len(changes) > len(rows):
        rows.append(f'<div class="lg-msg lg-faint">{len(changes) - len(rows):,} more changes</div>')
    return _card(channel + path_text(shared), channel_summary(changes), reducer, "".join(rows), room)


def _card(title: str, said: str, who: str | None, body: str, room: Room) -> str:
    right = f'<span class="lg-who">{room.esc(who, 60)}</span>' if who else ""
    head = f'<div class="lg-cap"><b>{room.esc(title)}</b><span>{room.esc(said)}</span>{right}</div>'
    return f'<div class="lg-card">{head}{body}</div>'


def _value(change: Change) -> Any:
    return change.before if change.kind == "removed" else change.after


def _change(change: Change, shared: int, room: Room) -> str:
    value = _value(change)
    if change.note == "order":
        return '<div class="lg-tree lg-mute">the same items in another order</div>'
    if change.kind != "changed" and is_message(value):
        return _message(value, room, gone=change.kind == "removed")
    many = change.kind == "added" and isinstance(value, list) and value and all(map(is_message, value))
    if many:
        return _chat(value, room)
    where = path_text(change.path[shared:]).lstrip(".")
    named = f'<span class="lg-where">{room.esc(where)}</span> ' if where else ""
    before, after = change.before, change.after
    if change.kind == "changed" and is_message(before) and is_message(after):
        named = f'<span class="lg-where">{room.esc(change_path(change))}</span> '
        old, new = read_message(before), read_message(after)
        if old.text != new.text and old.text and new.text:
            return _worded(old.text, new.text, named, room)
        return _line("del", f"{named}{room.esc(line(before, 400), 400)}") + _message(after, room)
    if is_text_change(change) and len(before) + len(after) < 200_000:
        return _worded(before, after, named, room)
    rows = _line("del", named + _said(before, room)) if change.kind != "added" else ""
    return rows + (_line("add", named + _said(after, room)) if change.kind != "removed" else "")


def _said(value: Any, room: Room) -> str:
    if type(value) is str:
        return f"&quot;{room.esc(value, _TEXT)}&quot;"
    return room.esc(line(value, 400), 400)


def _line(kind: str, body: str) -> str:
    return f'<span class="lg-{kind}"><i>{"+" if kind == "add" else "−"}</i> {body}</span>'


def _worded(before: str, after: str, named: str, room: Room) -> str:
    """Two lines: the old text with what went struck out, the new one with what came underlined."""
    old, new = [], []
    segments = words(before, after)
    for i, (op, text) in enumerate(segments):
        if op == "=":
            head, tail = (_KEPT if i else 0), (_KEPT if i < len(segments) - 1 else 0)
            long = len(text) > head + tail + 20
            shown = room.esc(f"{text[:head]} … {text[len(text) - tail :]}" if long else text, 1_000)
            old.append(shown)
            new.append(shown)
        elif op == "-":
            old.append(f"<del>{room.esc(text, _TEXT)}</del>")
        else:
            new.append(f"<ins>{room.esc(text, _TEXT)}</ins>")
        if room.left < 0:
            break
    return _line("del", named + "".join(old)) + _line("add", named + "".join(new))
