"""Values and diffs as script-free HTML: for a notebook's output, and for what outlives the kernel.

Everything that comes from a state passes through :func:`esc`. Colors follow the notebook's theme where it names
one, else the reader's own.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lgviz.analysis.compare import Change
from lgviz.analysis.messages import ToolCall, is_message, read_message
from lgviz.analysis.summary import (
    change_path,
    channel_summary,
    common_path,
    is_text_change,
    path_text,
)
from lgviz.analysis.values import children, clean, describe, line
from lgviz.analysis.words import words

if TYPE_CHECKING:
    from lgviz.analysis.diff import StateDiff

__all__ = ["STYLE", "Room", "diff_html", "diff_page", "esc", "state_html", "value_html"]

_TEXT = 1_500
_DEPTH = 6
_ITEMS = 40
_CHANGES = 40
_KEPT = 120

_LIGHT = (
    "--bg:var(--jp-layout-color0,#fff);--panel:#fbfbfc;--line:#e6e8ec;--text:#1c2024;--mute:#6b7280;--faint:#8a919c;"
    "--accent:#2f6fdb;--soft:#e8f0fe;--add:#0f7b4f;--add-bg:#e7f6ee;--del:#b42318;--del-bg:#fdecea;--warn:#b25e09;"
    "--warn-bg:#fff4e5;--l0:#2f6fdb;--l1:#c2410c;--l2:#0f8a6d;--l3:#8b5cf6;--chip:#f1f3f6"
)
_DARK = (
    "--bg:var(--jp-layout-color0,#14161a);--panel:#191c21;--line:#2a2f37;--text:#e7e9ee;--mute:#9aa3b0;--faint:#78828f;"
    "--accent:#6ea8ff;--soft:#1d2a40;--add:#5fd39b;--add-bg:#12301f;--del:#ff8a80;--del-bg:#3a1a18;--warn:#ffb454;"
    "--warn-bg:#35270f;--l0:#6ea8ff;--l1:#ff9a62;--l2:#4fd1b0;--l3:#b79bff;--chip:#232831"
)

STYLE = (
    f".lgviz-static{{{_LIGHT};--mono:ui-monospace,'JetBrains Mono','DejaVu Sans Mono',Menlo,monospace;"
    "--ui:Inter,system-ui,'Segoe UI','DejaVu Sans',sans-serif}"
    f"@media (prefers-color-scheme:dark){{.lgviz-static{{{_DARK}}}}}"
    f"[data-jp-theme-light=true] .lgviz-static,.vscode-light .lgviz-static{{{_LIGHT}}}"
    f"[data-jp-theme-light=false] .lgviz-static,.vscode-dark .lgviz-static{{{_DARK}}}"
    """
.lgviz-static,.lgviz-static *{box-sizing:border-box}
.lgviz-static{font:13px/1.45 var(--ui);color:var(--text);background:var(--bg);text-align:left}
.lgviz-static details>summary{cursor:pointer;list-style-position:inside}
.lgviz-static .lg-mute{color:var(--mute)}.lgviz-static .lg-faint{color:var(--faint);font-size:12px}
.lgviz-static .lg-card{border:1px solid var(--line);border-radius:8px;margin:0 0 8px;overflow:hidden}
.lgviz-static .lg-cap{display:flex;gap:8px;align-items:baseline;padding:5px 10px;background:var(--panel);
 font-size:12px;color:var(--mute)}
.lgviz-static .lg-cap b{font:600 12px var(--mono);color:var(--text);overflow-wrap:anywhere}
.lgviz-static .lg-who{margin-left:auto;white-space:nowrap}
.lgviz-static .lg-add,.lgviz-static .lg-del{font:12px/1.6 var(--mono);padding:2px 10px;display:block;
 white-space:pre-wrap;overflow-wrap:anywhere}
.lgviz-static .lg-add{background:var(--add-bg)}.lgviz-static .lg-del{background:var(--del-bg)}
.lgviz-static .lg-add i,.lgviz-static .lg-del i{font-style:normal;user-select:none}
.lgviz-static .lg-add i{color:var(--add)}.lgviz-static .lg-del i{color:var(--del)}
.lgviz-static .lg-add ins{color:var(--add);font-weight:700;text-underline-offset:2px}
.lgviz-static .lg-del del{color:var(--del);font-weight:600;text-decoration:none}
.lgviz-static .lg-where{color:var(--mute)}
.lgviz-static .lg-msg{display:flex;gap:8px;padding:6px 10px;border-top:1px solid var(--line)}
.lgviz-static .lg-msg:first-child{border-top:0}
.lgviz-static .lg-msg.lg-gone{background:var(--del-bg)}
.lgviz-static .lg-role{font:600 11px/1.6 var(--mono);flex:0 0 52px;color:var(--l2);overflow:hidden}
.lgviz-static .lg-human{color:var(--l0)}.lgviz-static .lg-tool{color:var(--l1)}.lgviz-static .lg-system{color:var(--l3)}
.lgviz-static .lg-said{white-space:pre-wrap;overflow-wrap:anywhere;min-width:0}
.lgviz-static .lg-call{font:12px/1.5 var(--mono);background:var(--chip);border-radius:6px;padding:2px 8px;
 display:inline-block;margin-top:3px;overflow-wrap:anywhere}
.lgviz-static .lg-tree{font:12px/1.6 var(--mono);padding:3px 10px 5px;overflow-wrap:anywhere}
.lgviz-static .lg-in{margin-left:6px;padding-left:12px;border-left:1px solid var(--line)}
.lgviz-static .lg-k{color:var(--mute)}.lgviz-static .lg-string{color:var(--add);white-space:pre-wrap}
.lgviz-static .lg-number,.lgviz-static .lg-bool,.lgviz-static .lg-time{color:var(--accent)}
.lgviz-static .lg-null,.lgviz-static .lg-other{color:var(--faint)}.lgviz-static .lg-undecodable{color:var(--warn)}
.lgviz-static .lg-type{color:var(--faint);font-size:11px}
.lgviz-static .lg-table{overflow:auto}.lgviz-static .lg-table table{border-collapse:collapse;font:12px var(--mono);
 color:var(--text);margin:4px 0}
.lgviz-static .lg-table td,.lgviz-static .lg-table th{border:1px solid var(--line);padding:1px 7px;text-align:right;
 background:var(--bg);font-weight:400}
.lgviz-static .lg-table th{background:var(--panel);color:var(--mute)}
"""
)


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


def state_html(values: Mapping[str, Any], room: Room, reducers: Mapping[str, str | None] | None = None) -> str:
    """One card for each channel: messages as a chat, anything else as a typed tree."""
    cards = []
    for channel, value in values.items():
        shape = describe(value)
        size = f" · {shape.size:,}" if shape.size is not None else ""
        reducer = (reducers or {}).get(channel)
        many = shape.kind == "list" and shape.children and all(is_message(v) for _, v in children(value, 0, 50))
        body = _chat(value, room) if many else f'<div class="lg-tree">{value_html(value, room)}</div>'
        cards.append(_card(str(channel), shape.type + size, reducer, body, room))
    return "".join(cards)


def value_html(value: Any, room: Room, key: str | None = None, depth: int = 0) -> str:
    """A value as a tree of details, opened only at the top."""
    shape = describe(value, 90)
    name = "" if key is None else f'<span class="lg-k">{room.esc(key)}</span>: '
    room.left -= 60
    if shape.kind == "message":
        return f"{name}{_message(value, room)}" if depth == 0 else f"<div>{name}{room.esc(shape.text)}</div>"
    if not shape.children or depth >= _DEPTH or room.left < 0:
        if shape.kind == "string" and room.left > 0:
            cut = value[:_TEXT]
            more = f' <span class="lg-type">… {len(value) - _TEXT:,} more</span>' if len(value) > _TEXT else ""
            said = f"{room.esc(cut, _TEXT)}</span>{more}"
        else:
            said = f"{room.esc(shape.text)}</span>"
        return f'<div>{name}<span class="lg-{shape.kind}">{said}</div>'
    if shape.kind == "frame" and hasattr(value, "columns"):
        return f"<div>{name}{_table(value, room)}</div>"
    rows = []
    for child_key, child in children(value, 0, _ITEMS):
        rows.append(value_html(child, room, child_key, depth + 1))
        if room.left < 0:
            break
    if shape.children > len(rows):
        rows.append(f'<div class="lg-type">… {shape.children - len(rows):,} more</div>')
    kind = f'<span class="lg-type">{esc(shape.type)} {shape.children:,}</span>'
    opened = " open" if depth == 0 and shape.children <= 12 else ""
    head = f"{name}{kind} {room.esc(shape.text)}" if depth else f"{name}{kind}"
    return f'<details{opened}><summary>{head}</summary><div class="lg-in">{"".join(rows)}</div></details>'


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
    role = f'<span class="lg-role lg-{esc(message.role[:20])}">{room.esc(message.name or message.role, 20)}</span>'
    more = len(message.text) - _TEXT
    text = room.esc(message.text[:_TEXT], _TEXT) + (f' <span class="lg-type">… {more:,} more</span>' if more > 0 else "")
    calls = "".join(f'<div><span class="lg-call">{_call(call, room)}</span></div>' for call in message.tool_calls[:10])
    said = f'<div class="lg-said">{text}{calls}</div>'
    return f'<div class="lg-msg{" lg-gone" if gone else ""}">{role}{said}</div>'


def _call(call: ToolCall, room: Room) -> str:
    if isinstance(call.args, dict):
        args = ", ".join(f"{key}={line(value, 60)}" for key, value in list(call.args.items())[:12])
    else:
        args = line(call.args, 200)
    return room.esc(f"{call.name}({args})", 400)


# ---------------------------------------------------------------- diff


def diff_html(diff: StateDiff, room: Room, reducers: Mapping[str, str | None] | None = None) -> str:
    """One card for each channel that changed."""
    cards = []
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
