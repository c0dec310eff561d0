"""How any value is shown and enumerated, in one place.

A value has a :class:`Shape` (its kind, type, one line of text, size) and *children*, addressed by position,
which works for any key type. Nothing here runs a value's properties or validators; the one thing that is
called is the ``repr`` of a leaf of unknown type, under guard.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import decimal
import enum
import fractions
import re
import sys
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from types import BuiltinFunctionType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any, Literal

from pydantic import BaseModel

from lgviz._visible import visible
from lgviz.analysis.messages import is_message, message_id, read_message
from lgviz.errors import NotFound
from lgviz.persistence import Placeholder
from lgviz.sources.base import Undecodable

__all__ = [
    "Kind",
    "KnownPlaces",
    "Shape",
    "child_at",
    "child_count",
    "children",
    "clean",
    "describe",
    "fields_of",
    "kind_of",
    "line",
    "pairs_of",
    "positions_of",
    "type_name",
    "value_at",
]

Kind = Literal[
    "null", "bool", "number", "string", "bytes", "time", "list", "dict", "set", "object", "message", "array",
    "frame", "undecodable", "other",
]  # fmt: skip

LINE = 120
"""Characters of a value's one line."""

_ATOMS = (ModuleType, FunctionType, BuiltinFunctionType, MethodType, type)
_BREAKS = re.compile(r"\s+")
_SURROGATES = re.compile("[\ud800-\udfff]")
_LISTS = (list, tuple, deque)
_SETS = (set, frozenset)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value looks like from outside.

    Attributes:
        kind: what a view should draw it as.
        type: the Python type's name.
        text: one line, cut.
        size: items of a container, characters of a string, bytes of bytes, else None.
        children: how many children :func:`children` can give.
    """

    kind: Kind
    type: str
    text: str
    size: int | None
    children: int


def clean(text: str) -> str:
    """The text with lone surrogates replaced, which neither UTF-8 nor JSON can carry; else as it is."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def type_name(value: Any) -> str:
    """The plain name of a value's type; of what stands for an object that was not built, that object's."""
    if type(value) is Placeholder:
        return clean(f"unbuilt {value.type}")[:80]
    return clean(type(value).__qualname__)[:80]


def describe(value: Any, limit: int = LINE) -> Shape:
    """Describe any value; never raises, never returns more than ``limit`` characters of text."""
    try:
        return _describe(value, limit)
    except Exception as error:
        # A subclass of a builtin may overwrite what the builtin promises.
        name = type_name(value)
        return Shape("other", name, f"<{name}: cannot be shown, {type(error).__name__}>"[:limit], None, 0)


def _describe(value: Any, limit: int) -> Shape:
    kind = kind_of(value)
    count = child_count(value, kind)
    size: int | None = count
    if kind in ("string", "bytes"):
        size = len(value)
    elif kind == "undecodable":
        size = value.size
    elif kind in ("null", "bool", "number", "time", "other", "object", "message"):
        size = None
    return Shape(kind, type_name(value), line(value, limit), size, count)


def kind_of(value: Any) -> Kind:
    """The kind of a value, by its real type (what ``__class__`` pretends is not asked)."""
    cls = type(value)
    if value is None:
        return "null"
    if cls is str:
        return "string"
    if issubclass(cls, enum.Enum):
        return "other"
    for kind, classes in _BY_CLASS:
        if issubclass(cls, classes):
            if (kind == "dict" and is_message(value)) or (kind == "list" and _named_fields(cls)):
                break
            return kind
    if is_message(value):
        return "message"
    if _is_array(cls):
        return "array"
    if _is_frame(cls) or _is_series(cls):
        return "frame"
    if known_class(cls, "numpy", "generic"):
        return "bool" if known_class(cls, "numpy", "bool_") else "number"
    return "object" if fields_of(value) else "other"


_BY_CLASS: tuple[tuple[Kind, tuple[type, ...]], ...] = (
    ("bool", (bool,)),
    ("number", (int, float, complex, decimal.Decimal, fractions.Fraction)),
    ("string", (str,)),
    ("bytes", (bytes, bytearray, memoryview)),
    ("dict", (dict,)),
    ("list", _LISTS),
    ("set", _SETS),
    ("time", (datetime.date, datetime.time, datetime.timedelta)),
    ("undecodable", (Undecodable,)),
)


def fields_of(value: Any) -> list[tuple[str, Any]]:
    """The fields of an object (dataclass, pydantic model, named tuple, exception, plain object), as stored.

    Properties, validators and ``__getattr__`` are not run; a field that was never set is left out.
    """
    cls = type(value)
    if issubclass(cls, _ATOMS) or issubclass(cls, enum.Enum):
        return []
    if cls is Placeholder:
        return list(value.items())
    if issubclass(cls, tuple):
        return list(zip(_named_fields(cls), tuple.__iter__(value), strict=False))
    stored = _slots(value)
    with contextlib.suppress(AttributeError, TypeError, ValueError):
        stored.update(object.__getattribute__(value, "__dict__"))
    if issubclass(cls, BaseModel):
        stored.update(stored.pop("__pydantic_extra__", None) or {})
        items = ((name, v) for name, v in stored.items() if isinstance(name, str))
        return [(name, v) for name, v in items if not name.startswith("__pydantic")]
    if dataclasses.is_dataclass(cls):
        named = [f.name for f in dataclasses.fields(cls)]
        rest = [name for name in stored if name not in set(named)]
        return [(name, stored[name]) for name in [*named, *rest] if name in stored]
    if issubclass(cls, BaseException):
        return [("args", value.args), *stored.items()]
    return [(name, v) for name, v in stored.items() if isinstance(name, str)]


def _slots(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base in reversed(type(value).__mro__):
        names = base.__dict__.get("__slots__", ())
        for name in (names,) if isinstance(names, str) else tuple(names):
            member = base.__dict__.get(f"_{base.__name__.lstrip('_')}{name}" if _mangled(name) else name)
            if isinstance(member, MemberDescriptorType):
                with contextlib.suppress(AttributeError):
                    found[name] = member.__get__(value)
    return found


def _mangled(name: str) -> bool:
    return name.startswith("__") and not name.endswith("__")


def child_count(value: Any, kind: Kind | None = None) -> int:
    """How many children a value has."""
    match kind or kind_of(value):
        case "dict" | "list" | "set":
            return len(value)
        case "array":
            return int(value.shape[0]) if value.ndim else 0
        case "frame":
            return len(value.index)
        case "message" if isinstance(value, dict):
            return len(value)
        case "object" | "message":
            return len(fields_of(value))
        case _:
            return 0


def children(value: Any, offset: int = 0, limit: int | None = None) -> list[tuple[str, Any]]:
    """Children number ``offset`` to ``offset + limit`` as (key as text, value).

    A message's first child is always its content; a frame's children are its rows, each as a dict.
    """
    stop = None if limit is None else offset + limit
    return [(_key_text(key), child) for key, child in islice(_pairs(value, offset, stop), 0, limit)]


def value_at(value: Any, path: Sequence[int]) -> Any:
    """The part of a value at a path of child positions.

    Raises:
        NotFound: there is no such part.
    """
    for position in path:
        _, value = child_at(value, position)
    return value


def pairs_of(value: Any) -> Iterator[tuple[Any, Any]]:
    """All children, each with its key as :func:`child_at` gives it."""
    return _pairs(value, 0, None)


def child_at(value: Any, position: int) -> tuple[Any, Any]:
    """The child at a position: its key as it is (an index, a key of a dict, the name of a field), and itself.

    Raises:
        NotFound: there is no such child.
    """
    for pair in _pairs(value, max(position, 0), max(position, 0) + 1) if position >= 0 else ():
        return pair
    raise NotFound("The value has no such part any more.", "Open the checkpoint again.")


def positions_of(value: Any, path: Sequence[Any], known: KnownPlaces | None = None) -> list[int] | None:
    """The child positions of a part by its path in a diff (keys, names of fields, ids of messages, places in
    lists); None where there is no such part, or none that a position names.

    Args:
        value: the whole.
        path: of the part.
        known: filled and used by calls for many parts of one value that does not change meanwhile: then each
            container is gone through once, not for each of its parts.
    """
    found: list[int] = []
    for step in path:
        place = _place(value, step, known)
        if place is None:
            return None
        found.append(place[0])
        value = place[1]
    return found


KnownPlaces = dict[int, dict[tuple[type, Any], tuple[int, Any]]]
"""By container (its ``id``) its children's positions and they themselves, by what they are named by."""


def _place(value: Any, step: Any, known: KnownPlaces | None) -> tuple[int, Any] | None:
    if kind_of(value) == "list" and type(step) is int:
        return (step, value[step]) if 0 <= step < len(value) else None
    name = (type(step), step)
    if known is None:
        return next(((i, child) for key, i, child in _named(value) if (type(key), key) == name), None)
    if id(value) not in known:
        places = known[id(value)] = {}
        for key, i, child in _named(value):
            places.setdefault((type(key), key), (i, child))
    return known[id(value)].get(name)


def _named(value: Any) -> Iterator[tuple[Any, int, Any]]:
    """What names a child, its position and the child."""
    kind = kind_of(value)
    if kind == "list":
        yield from ((message_id(item), i, item) for i, item in enumerate(value))
    elif kind in ("dict", "object", "message"):
        yield from ((key, i, child) for i, (key, child) in enumerate(_pairs(value, 0, None)))


def _pairs(value: Any, offset: int, stop: int | None) -> Iterator[tuple[Any, Any]]:
    """(key, child) from ``offset`` on. The key of an index is an int, of a field its name."""
    kind = kind_of(value)
    pairs: Iterable[tuple[Any, Any]]
    if kind == "list":
        end = len(value) if stop is None else min(stop, len(value))
        yield from ((i, value[i]) for i in range(offset, end))
        return
    if kind == "array":
        end = child_count(value, kind)
        yield from ((i, value[i]) for i in range(offset, end if stop is None else min(stop, end)))
        return
    if kind == "frame":
        end = len(value.index) if stop is None else min(stop, len(value.index))
        yield from ((value.index[i], _frame_row(value, i)) for i in range(offset, end))
        return
    if kind == "set":
        pairs = enumerate(value)
    elif kind == "dict" or (kind == "message" and isinstance(value, dict)):
        items = value.items() if isinstance(value, OrderedDict) else dict.items(value)
        pairs = _content_first(items, value) if kind == "message" else items
    elif kind in ("object", "message"):
        pairs = fields_of(value)
    else:
        return
    yield from islice(pairs, offset, None)


def _content_first(items: Iterable[tuple[Any, Any]], value: Any) -> Iterator[tuple[Any, Any]]:
    yield "content", value["content"]
    yield from (pair for pair in items if pair[0] != "content")


def _key_text(key: Any) -> str:
    return clean(key[:200]) if type(key) is str else line(key, 80)


def _frame_row(frame: Any, row: int) -> Any:
    if _is_series(type(frame)):
        return frame.iloc[row]
    return {column: frame.iat[row, j] for j, column in enumerate(frame.columns)}


# ---------------------------------------------------------------- one line


def line(value: Any, limit: int = LINE) -> str:
    """One line for any value, at most ``limit`` characters: a preview of what is inside, not a ``repr``."""
    text = _BREAKS.sub(" ", visible("".join(_preview(value, limit * 2, 2))))
    return clean(text if len(text) <= limit else text[: limit - 1] + "…")


def _preview(value: Any, room: int, depth: int) -> Iterator[str]:
    """Pieces of a preview; stops soon after ``room`` characters."""
    kind = kind_of(value)
    if kind in ("dict", "list", "set", "object") and depth:
        yield from _preview_container(value, kind, room, depth)
        return
    match kind:
        case "string":
            yield _quoted(value, room)
        case "bytes":
            yield guarded_repr(bytes(value[:room]), room) + ("…" if len(value) > room else "")
        case "message":
            yield _message_line(value, room)
        case "array":
            yield _array_line(value, room)
        case "frame":
            yield _frame_line(value, room)
        case "undecodable":
            yield f"cannot be decoded: {value.reason}"[:room]
        case "dict" | "list" | "set" | "object":
            yield {"dict": "{…}", "set": "{…}", "list": "[…]"}.get(kind, f"{type_name(value)}(…)")
        case "number" if type(value) is int and value.bit_length() > 2_000:
            yield f"an integer of {value.bit_length()} bits"
        case "bool" | "number" | "time":
            yield _guarded(repr if type(value) in (bool, int, float, complex) else str, value, room)
        case "other" if issubclass(type(value), enum.Enum):
            yield f"{type_name(value)}.{object.__getattribute__(value, '_name_')}"
        case _:
            yield guarded_repr(value, room)


def _preview_container(value: Any, kind: Kind, room: int, depth: int) -> Iterator[str]:
    count = child_count(value, kind)
    if kind == "object" and issubclass(type(value), BaseException):
        yield guarded_repr(value, room)
        return
    brackets = "()" if type(value) is tuple else {"dict": "{}", "set": "{}", "list": "[]"}.get(kind, "()")
    opening, closing = brackets[0], brackets[1]
    used = len(opening)
    yield (type_name(value) if kind == "object" else "") + opening
    for i, (key, child) in enumerate(_pairs(value, 0, 40)):
        if used >= room or i >= 40:
            yield ", …"
            break
        head = "" if kind in ("list", "set") else f"{_key_text(key)}{'=' if kind == 'object' else ': '}"
        piece = (", " if i else "") + head + "".join(_preview(child, max(8, (room - used) // 2), depth - 1))
        used += len(piece)
        yield piece
    if type(value) is tuple and count == 1:
        yield ","
    yield closing


def _quoted(text: str, room: int) -> str:
    cut = str.__str__(text)[:room]
    escaped = cut.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}{"…" if len(text) > room else ""}"'


def _message_line(value: Any, room: int) -> str:
    message = read_message(value)
    calls = ", ".join(f"{call.name}(…)" for call in message.tool_calls)
    return f"{message.role}: {message.text[:room]}{' ' if message.text and calls else ''}{calls}"


def _array_line(value: Any, room: int) -> str:
    shape = " × ".join(map(str, value.shape)) or "scalar"
    head = f"{value.dtype} {shape}"
    if value.ndim != 1 or not value.shape[0] or value.dtype == object:
        return head
    shown = ", ".join(guarded_str(item, 24) for item in value[:8])
    return f"{head}: [{shown}{', …' if value.shape[0] > 8 else ''}]"[:room]


def _frame_line(value: Any, room: int) -> str:
    if _is_series(type(value)):
        return f"{_rows(value)} of {value.dtype}, {line(value.name, 40)}"[:room]
    first = value.iloc[:0, :20]
    columns = ", ".join(f"{line(name, 40)}: {dtype}" for name, dtype in first.dtypes.items())
    width = len(value.columns)
    return f"{_rows(value)} × {width} column{'s' if width != 1 else ''} ({columns})"[:room]


def _rows(value: Any) -> str:
    return f"{len(value):,} row{'s' if len(value) != 1 else ''}"


def guarded_repr(value: Any, limit: int) -> str:
    """``repr`` that neither raises nor is longer than about ``limit``."""
    return _guarded(repr, value, limit)


def guarded_str(value: Any, limit: int) -> str:
    """``str`` that neither raises nor is longer than about ``limit``."""
    return _guarded(str, value, limit)


def _guarded(function: Any, value: Any, limit: int) -> str:
    try:
        text = str.__str__(function(value))
    except Exception as error:
        return f"<{type_name(value)}: its {function.__name__} raised {type(error).__name__}>"
    return text if len(text) <= limit else text[:limit] + "…"


# ---------------------------------------------------------------- numpy and pandas, never imported for this


def known_class(cls: type, module: str, name: str) -> bool:
    loaded = sys.modules.get(module)
    base = getattr(loaded, name, None)
    return isinstance(base, type) and issubclass(cls, base)


def _is_array(cls: type) -> bool:
    return known_class(cls, "numpy", "ndarray")


def _is_frame(cls: type) -> bool:
    return known_class(cls, "pandas", "DataFrame")


def _is_series(cls: type) -> bool:
    return known_class(cls, "pandas", "Series")


def _named_fields(cls: type) -> tuple[str, ...]:
    fields = getattr(cls, "_fields", None)
    return fields if issubclass(cls, tuple) and isinstance(fields, tuple) else ()
