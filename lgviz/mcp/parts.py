"""Values as lines for a model: a path and a value on each, bounded; no value passes for a line of ours.

``messages[3] ai "hello" → look {"q": 1}``: a text stands as JSON, on one line; what is left out of a value is
counted behind it, with the path to ask for it by.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lgviz._visible import visible
from lgviz.analysis.edits import json_of
from lgviz.analysis.messages import is_message, read_message
from lgviz.analysis.values import child_count, children, clean, kind_of, line, type_name
from lgviz.errors import NotFound

__all__ = ["ROOM", "ValueLine", "part_at", "parts", "quoted", "step_text"]

ROOM = 9_000
"""Characters of values in one answer."""
_INLINE = 240
"""Characters of a value that stands on one line with all that is in it."""
_LEAST = 160
"""Characters that a part is given at the least, while there is room."""
_MOST = 60
"""Children that are looked at of one value."""
_CALLS = 8
"""Calls of one message that are told with it."""
_DEPTH = 24


@dataclass(frozen=True, slots=True)
class ValueLine:
    """A line of a value.

    Attributes:
        path: where it is; what :func:`part_at` takes.
        text: it, or its beginning, on one line.
        left: in words what is left out of it, and how to ask for it; empty where it is whole.
    """

    path: str
    text: str
    left: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.path, self.text, self.left)))


def quoted(text: str, limit: int = 4_000) -> str:
    """A text as JSON on one line, nothing in it hidden."""
    cut = clean(text[:limit])
    return visible(json.dumps(cut, ensure_ascii=False)) + ("…" if len(text) > limit else "")


def step_text(key: str, *, position: bool = False) -> str:
    """A key as it stands in a path; ``position``: it is that of an item in a list."""
    if position:
        return f"[{key}]"
    return f".{key}" if key.isidentifier() and key.isascii() else f"[{quoted(key, 200)}]"


def parts(
    path: str, value: Any, room: int, offset: int | None = None, *, whole: bool = False
) -> Iterator[ValueLine]:
    """The lines of a value, in about ``room`` characters.

    Args:
        path: where it is.
        value: anything.
        room: characters.
        offset: its first character or child that is told; None: its beginning, of a long list its end.
        whole: of a message every field, not only what one reads of it.
    """
    yield from _Telling(room).told(path, value, offset, whole=whole)


def part_at(state: Any, path: str) -> Any:
    """The part of a state at a path, as lines name it.

    Raises:
        NotFound: there is none; with the keys that there are.
    """
    value, rest, found = state, path.strip(), ""
    if isinstance(state, dict) and rest and not rest.startswith((".", "[")):
        rest = f".{rest}"  # the channel comes first, and bare
    while rest:
        position = kind_of(value) in ("list", "set", "array")
        for key, child in children(value):
            step = step_text(key, position=position)
            if rest == step or (rest.startswith(step) and rest[len(step)] in ".["):
                value, rest, found = child, rest[len(step) :], found + step
                break
        else:
            there = [step_text(key, position=position) for key, _ in children(value, 0, 12)]
            where = quoted(found.removeprefix("."), 200) if found else "the top"
            there = there if found else [step.removeprefix(".") for step in there]
            held = ", ".join(there) or "nothing"
            raise NotFound(f"There is nothing at {quoted(path, 200)}.", f"Below {where} is {held}.")
    return value


class _Telling:
    """Tells values in a room that they share."""

    def __init__(self, room: int) -> None:
        self._room = room

    def told(
        self, path: str, value: Any, offset: int | None = None, depth: int = 0, *, whole: bool = False
    ) -> Iterator[ValueLine]:
        kind = kind_of(value)
        if kind == "string":
            yield self._string(path, value, offset or 0)
        elif kind == "message" and not whole:
            yield self._message(path, value)
        elif kind in ("dict", "list", "set", "object", "message", "frame", "array") and child_count(value):
            asked = offset is not None or kind == "message" or not path
            short = None if asked else _inline(value, min(_INLINE, self._room))
            if short is not None:
                yield self._used(ValueLine(path, short))
            elif depth >= _DEPTH or (self._room < _LEAST and depth):
                yield self._used(ValueLine(path, _summary(value), f"…ask path={quoted(path)}"))
            else:
                yield from self._inside(path, value, offset, depth)
        else:
            yield self._used(ValueLine(path, line(value, max(_LEAST, min(self._room, 2_000)))))

    def _used(self, part: ValueLine) -> ValueLine:
        self._room -= len(str(part)) + 1
        return part

    def _string(self, path: str, value: str, offset: int, most: int | None = None) -> ValueLine:
        room = max(_LEAST, self._room if most is None else most)
        some = str.__str__(value)[offset : offset + room]
        end = offset + len(some)
        left = _longer(len(value) - end, path, end)
        return self._used(ValueLine(path, quoted(some, room), left))

    def _message(self, path: str, value: Any) -> ValueLine:
        message = read_message(value)
        room = max(_LEAST, self._room)
        said = [message.role]
        said += [quoted(message.name, 80)] if message.name else []
        said += ["error"] if message.status == "error" else []
        if message.text or not message.tool_calls:
            said.append(quoted(message.text[:room]))
        left = [_longer(len(message.text) - room, f"{path}.content", room)]
        calls, cut = message.tool_calls, False
        for call in calls[:_CALLS]:
            args = visible(json.dumps(json_of(call.args)[0], ensure_ascii=False))
            share = max(_LEAST, room // len(calls))
            cut = cut or len(args) > share
            said.append(f"→ {quoted(call.name, 80)} {args[:share]}{'…' if len(args) > share else ''}")
        if cut or len(calls) > _CALLS:
            left.append(f"…{len(calls)} calls: path={quoted(f'{path}.tool_calls')}")
        return self._used(ValueLine(path, " ".join(said), " ".join(filter(None, left))))

    def _inside(self, path: str, value: Any, offset: int | None, depth: int) -> Iterator[ValueLine]:
        """The children of a value, each in its share of what room is left; the last ones of a long list."""
        count = child_count(value)
        position = kind_of(value) in ("list", "set", "array")
        most = max(1, min(_MOST, self._room // _LEAST))
        start = max(0, min(offset, count)) if offset is not None else max(0, count - most) if position else 0
        some = children(value, start, most)
        if offset is None and start:
            earlier = f"…{start:,} earlier: path={quoted(path)} offset=0"
            yield self._used(ValueLine(f"{path}[0…{start - 1}]", "", earlier))
        whole = self._room
        spent = 0
        for number, (key, child) in enumerate(some):
            self._room = max(0, whole - spent) // (len(some) - number)
            if not self._room and number:
                yield _more(path, start + number, count)
                return
            before = self._room
            step = step_text(key, position=position)
            yield from self.told(f"{path}{step}" if path else step.removeprefix("."), child, depth=depth + 1)
            spent += before - self._room
        self._room = whole - spent
        if start + len(some) < count:
            yield self._used(_more(path, start + len(some), count))


def _longer(count: int, path: str, offset: int | None = None) -> str:
    """How many characters are left out, and how to ask for them."""
    start = "" if offset is None else f" offset={offset}"
    return f"…{count:,} more characters: path={quoted(path)}{start}" if count > 0 else ""


def _more(path: str, start: int, count: int) -> ValueLine:
    return ValueLine(f"{path}[…]", "", f"…{count - start:,} more: path={quoted(path)} offset={start}")


def _summary(value: Any) -> str:
    return f"({type_name(value)} of {child_count(value):,})"


def _inline(value: Any, room: int, depth: int = 0) -> str | None:
    """A small value with all that is in it, on one line; None where that takes more room."""
    kind = kind_of(value)
    if kind == "string":
        return quoted(value) if len(value) <= room else None
    if kind not in ("dict", "list", "set", "object", "message"):
        return None if kind in ("frame", "array") and depth else line(value, room) if room > 0 else None
    count = child_count(value)
    if depth > 8 or count * 2 > room or is_message(value):
        return None
    named = kind not in ("list", "set")
    pieces: list[str] = []
    for key, child in children(value, 0, count):
        head = f"{quoted(key, 200)}: " if named else ""
        piece = _inline(child, room - len(head), depth + 1)
        if piece is None or (room := room - len(head) - len(piece) - 2) < 0:
            return None
        pieces.append(head + piece)
    opening, closing = "{}" if named else "[]"
    text = f"{opening}{', '.join(pieces)}{closing}"
    return text if kind in ("dict", "list") else f"{type_name(value)}{text}"
