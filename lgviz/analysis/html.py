"""Values and diffs as script-free HTML: for a notebook's output, and for what outlives the kernel.

HTML is :class:`markupsafe.Markup`, anything else is text: put into HTML by :func:`tag` or a join, text is
escaped, and mypy tells where one stands in the other's place.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from markupsafe import Markup

from lgviz._visible import HIDDEN, visible
from lgviz.analysis.compare import Change, Changes
from lgviz.analysis.media import media_of
from lgviz.analysis.messages import ContentPart, ToolCall, answered_of, blocks_of, is_message, read_message
from lgviz.analysis.style import PAGE, ROOT, STYLE
from lgviz.analysis.summary import (
    change_path,
    channel_summary,
    common_path,
    is_text_change,
    path_text,
)
from lgviz.analysis.tables import table_of
from lgviz.analysis.text_diff import words
from lgviz.analysis.values import children, clean, describe, line

__all__ = [
    "Room", "diff_html", "diff_page", "esc", "named", "page", "state_html", "table_html", "tag", "value_html",
]  # fmt: skip

_TEXT = 1_500
_DEPTH = 6
_ITEMS = 40
_CHANGES = 40
_CHANNELS = 200
_KEPT = 120
_SHORT = 80
"""Characters of a value that needs no card of its own."""
_NONE = Markup()


class Room:
    """Characters left for an export; when it is used up, values are cut to one line."""

    def __init__(self, left: int) -> None:
        self.left = left

    def esc(self, text: str, limit: int = 200) -> Markup:
        """The beginning of a text, escaped."""
        shown = esc(text[:limit] + ("…" if len(text) > limit else ""))
        self.left -= len(shown)
        return shown


def esc(text: str) -> Markup:
    """Text as HTML text; what hides in it is shown, in a quiet mark."""
    escaped = html.escape(clean(text))
    return Markup(HIDDEN.sub(lambda found: f'<i class="lg-hidden">{visible(found[0])}</i>', escaped))  # noqa: S704


def tag(kind: str, body: str | int = _NONE, look: str = "") -> Markup:
    """An element around a body: HTML as it is, text escaped. ``look`` names its classes."""
    inner = body if isinstance(body, Markup) else esc(str(body))
    named = f' class="{html.escape(visible(look))}"' if look else ""
    return Markup(f"<{kind}{named}>{inner}</{kind}>")  # noqa: S704


def diff_page(diff: Changes) -> Markup:
    """A diff as a notebook's output."""
    return tag("div", tag("style", Markup(STYLE)) + diff_html(diff, Room(60_000)), ROOT)  # noqa: S704


def named(text: str) -> Markup:
    """A sentence whose names in backticks are set off."""
    return Markup().join(tag("b" if i % 2 else "span", part) for i, part in enumerate(text.split("`")))


def page(title: str, body: Markup, facts: Mapping[str, str] | None = None) -> str:
    """A result as a notebook's output: a title, facts in a line, and what it holds."""
    said = Markup(" · ").join(
        tag("b", name) + " " + tag("span", text) for name, text in (facts or {}).items()
    )
    sub = tag("div", said, "lg-sub") if said else Markup()
    style = tag("style", Markup(STYLE + PAGE))  # noqa: S704
    return str(tag("div", style + tag("div", title, "lg-title") + sub + body, ROOT))


# ---------------------------------------------------------------- state


def state_html(
    values: Mapping[str, Any], room: Room, reducers: Mapping[str, str | None] | None = None
) -> Markup:
    """One card for each channel: a chat or a typed tree; values that fit a line share one."""
    cards = []
    plain = []
    for channel, value in islice(values.items(), _CHANNELS):
        shape = describe(value)
        size = f" · {shape.size:,}" if shape.size is not None else ""
        reducer = (reducers or {}).get(channel)
        if not shape.children and (shape.size or 0) <= _SHORT:
            said = value_html(value, room, str(channel))
            plain.append(tag("div", said + tag("span", reducer or shape.type, "lg-type"), "lg-pair"))
            continue
        if shape.kind == "list" and shape.children and all(is_message(v) for _, v in children(value, 0, 50)):
            body = _chat(value, room)
        else:
            body = tag("div", value_html(value, room), "lg-tree")
        cards.append(_card(str(channel), shape.type + size, reducer, body, room))
    short = tag("div", tag("div", _NONE.join(plain), "lg-tree"), "lg-card") if plain else _NONE
    left = len(values) - _CHANNELS
    more = tag("div", f"… {left:,} more channels", "lg-faint") if left > 0 else _NONE
    return short + _NONE.join(cards) + more


def value_html(value: Any, room: Room, key: str | None = None, depth: int = 0) -> Markup:
    """A value as a tree of details; without a key, its children alone."""
    shape = describe(value, 90)
    name = _NONE if key is None else tag("span", room.esc(key), "lg-k") + ": "
    room.left -= 60
    if shape.kind == "message":
        return name + _message(value, room) if depth == 0 else tag("div", name + room.esc(shape.text))
    if not shape.children or depth >= _DEPTH or room.left < 0:
        media = media_of(value)
        if media is not None:
            said, more = room.esc(str(media)), _NONE
        elif shape.kind == "string" and room.left > 0:
            said, more = room.esc(value[:_TEXT] or '""', _TEXT), _more(len(value) - _TEXT)
        else:
            said, more = room.esc(shape.text), _NONE
        return tag("div", name + tag("span", said, f"lg-{shape.kind}") + more)
    if shape.kind == "frame" or (shape.kind == "array" and value.ndim == 2 and value.dtype.names is None):
        return tag("div", name + _table(value, room))
    rows = _rows(value, shape.children, room, depth + 1)
    if key is None and shape.kind != "array":
        return rows
    kind = tag("span", f"{shape.type} {shape.children:,}", "lg-type")
    head = tag("summary", name + kind + " " + room.esc(shape.text))
    return tag("details", head + tag("div", rows, "lg-in"))


def _rows(value: Any, count: int, room: Room, depth: int) -> Markup:
    """The children of a value."""
    rows = []
    for key, child in children(value, 0, _ITEMS):
        rows.append(value_html(child, room, key, depth))
        if room.left < 0:
            break
    more = tag("div", f"… {count - len(rows):,} more", "lg-type") if count > len(rows) else _NONE
    return _NONE.join(rows) + more


def _table(frame: Any, room: Room) -> Markup:
    shown = table_of(frame, 0, 10, 10)
    if shown is None:
        return tag("span", room.esc(describe(frame, 200).text), "lg-type")
    head = _NONE.join(tag("th", room.esc(name, 40)) for name in shown.columns)
    rows = []
    for name, row in zip(shown.index, shown.rows, strict=True):
        cells = _NONE.join(tag("td", room.esc(cell, 40)) for cell in row)
        rows.append(tag("tr", tag("th", room.esc(name, 40)) + cells))
    said = tag("span", room.esc(describe(frame, 200).text), "lg-type")
    table = tag("table", tag("tr", tag("th") + head) + _NONE.join(rows))
    return said + tag("div", table, "lg-table")


def table_html(columns: Sequence[str], rows: Iterable[Sequence[str]], room: Room) -> Markup:
    """A table of texts, as many of its rows as there is room for."""
    shown = [tag("tr", _NONE.join(tag("th", name) for name in columns))]
    for row in rows:
        if room.left < 0:
            shown.append(tag("tr", tag("td", "…")))
            break
        shown.append(tag("tr", _NONE.join(tag("td", room.esc(cell)) for cell in row)))
    return tag("div", tag("table", _NONE.join(shown)), "lg-table")


def _chat(messages: Sequence[Any], room: Room) -> Markup:
    """The newest messages of a chat, as many as there is room for."""
    shown: list[Markup] = []
    start = room.left
    for value in reversed(messages):
        if start - room.left > max(4_000, start // 2) or len(shown) >= 100:
            break
        shown.append(_message(value, room) if is_message(value) else value_html(value, room))
    left = len(messages) - len(shown)
    older = tag("div", f"{left:,} earlier messages", "lg-msg lg-faint") if left else _NONE
    return older + _NONE.join(reversed(shown))


def _message(value: Any, room: Room, gone: bool = False) -> Markup:
    message = read_message(value)
    role = tag("span", room.esc(message.role, 12), f"lg-role lg-{message.role[:20]}")
    name = tag("div", room.esc(message.name, 60), "lg-type") if message.name else _NONE
    parts = _NONE.join(_part(block, room) for block in blocks_of(value)[:20])
    text = parts or room.esc(message.text[:_TEXT], _TEXT) + _more(len(message.text) - _TEXT)
    if message.status == "error":
        name += tag("span", "error", "lg-bad") + " "
    calls = [tag("div", tag("span", _call(call, room), "lg-call")) for call in message.tool_calls[:10]]
    for called, args, error in answered_of(value).invalid[:10]:
        wrong = room.esc(f"{called}({args[:200]}) {error[:200]}", 500)
        calls.append(tag("div", tag("span", "not valid", "lg-bad") + " " + wrong))
    said = tag("div", name + text + _NONE.join(calls), "lg-said")
    return tag("div", role + said, "lg-msg lg-gone" if gone else "lg-msg")


def _part(block: ContentPart, room: Room) -> Markup:
    """A part of a message's content; of a picture, a sound or a file what it is."""
    if block.kind == "text":
        return tag("div", room.esc(block.text[:_TEXT], _TEXT) + _more(len(block.text) - _TEXT))
    if block.kind == "reasoning":
        return tag("div", "reasoning: " + room.esc(block.text or "not told", 300), "lg-type")
    media = media_of(block.value)
    return tag("div", room.esc(f"[{media}]" if media else line(block.value), 300), "lg-type")


def _more(count: int) -> Markup:
    return Markup(" ") + tag("span", f"… {count:,} more", "lg-type") if count > 0 else _NONE


def _call(call: ToolCall, room: Room) -> Markup:
    if isinstance(call.args, dict):
        args = ", ".join(f"{key}={line(value, 60)}" for key, value in list(call.args.items())[:12])
    else:
        args = line(call.args, 200)
    return room.esc(f"{call.name}({args})", 400)


# ---------------------------------------------------------------- diff


def diff_html(diff: Changes, room: Room, reducers: Mapping[str, str | None] | None = None) -> Markup:
    """One card for each channel that changed."""
    cards: list[Markup] = []
    for channel in diff.channels:
        if room.left < 0:
            cards.append(tag("p", f"and {len(diff.channels) - len(cards):,} more channels", "lg-faint"))
            break
        cards.append(_diff_card(channel, diff[channel], room, (reducers or {}).get(channel)))
    rest = [f"{len(diff.unchanged)} unchanged"] if diff.unchanged else []
    rest += [f"{diff.hidden} internal hidden"] if diff.hidden else []
    if not diff:
        rest.insert(0, "Nothing changed")
    return _NONE.join(cards) + (tag("div", " · ".join(rest), "lg-faint") if rest else _NONE)


def _diff_card(channel: str, changes: Sequence[Change], room: Room, reducer: str | None) -> Markup:
    shared = () if len(changes) == 1 and is_message(_value(changes[0])) else common_path(changes)
    rows = []
    for change in changes[:_CHANGES]:
        if room.left < 0:
            break
        rows.append(_change(change, len(shared), room))
    if len(changes) > len(rows):
        rows.append(tag("div", f"{len(changes) - len(rows):,} more changes", "lg-msg lg-faint"))
    return _card(channel + path_text(shared), channel_summary(changes), reducer, _NONE.join(rows), room)


def _card(title: str, said: str, who: str | None, body: Markup, room: Room) -> Markup:
    right = tag("span", room.esc(who, 240), "lg-who") if who else _NONE
    head = tag("div", tag("b", room.esc(title)) + tag("span", room.esc(said)) + right, "lg-cap")
    return tag("div", head + body, "lg-card")


def _value(change: Change) -> Any:
    return change.before if change.kind == "removed" else change.after


def _change(change: Change, shared: int, room: Room) -> Markup:
    value = _value(change)
    if change.note == "order":
        return tag("div", "the same items in another order", "lg-tree lg-mute")
    if change.kind != "changed" and is_message(value):
        return _message(value, room, gone=change.kind == "removed")
    many = change.kind == "added" and isinstance(value, list) and value and all(map(is_message, value))
    if many:
        return _chat(value, room)
    named = _where(path_text(change.path[shared:]).lstrip("."), room)
    before, after = change.before, change.after
    if change.kind == "changed" and is_message(before) and is_message(after):
        named = _where(change_path(change), room)
        old, new = read_message(before), read_message(after)
        if old.text != new.text and old.text and new.text:
            return _worded(old.text, new.text, named, room)
        return _line("del", named + room.esc(line(before, 400), 400)) + _message(after, room)
    if is_text_change(change):
        return _worded(before, after, named, room)
    rows = _line("del", named + _said(before, room)) if change.kind != "added" else _NONE
    return rows + (_line("add", named + _said(after, room)) if change.kind != "removed" else _NONE)


def _where(path: str, room: Room) -> Markup:
    return tag("span", room.esc(path), "lg-where") + " " if path else _NONE


def _said(value: Any, room: Room) -> Markup:
    if type(value) is str:
        return Markup("&quot;") + room.esc(value, _TEXT) + Markup("&quot;")
    return room.esc(line(value, 400), 400)


def _line(kind: str, body: Markup) -> Markup:
    return tag("span", tag("i", "+" if kind == "add" else "−") + " " + body, f"lg-{kind}")


def _worded(before: str, after: str, named: Markup, room: Room) -> Markup:
    """Two lines: the old text with what went struck out, the new one with what came underlined."""
    old, new = named, named
    segments = words(before, after)
    for i, (op, text) in enumerate(segments):
        if op == "=":
            head, tail = (_KEPT if i else 0), (_KEPT if i < len(segments) - 1 else 0)
            long = len(text) > head + tail + 20
            shown = room.esc(f"{text[:head]} … {text[len(text) - tail :]}" if long else text, 1_000)
            old, new = old + shown, new + shown
        elif op == "-":
            old += tag("del", room.esc(text, _TEXT))
        else:
            new += tag("ins", room.esc(text, _TEXT))
        if room.left < 0:
            break
    return _line("del", old) + _line("add", new)
