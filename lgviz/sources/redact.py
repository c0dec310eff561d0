"""Masks what is not to be shown: by path, by pattern, by a function (floor 2).

One :class:`Redactor` is the gate between what a source holds and everything that shows it (see
:class:`~lgviz.sources.redacted.RedactedSource`). Values are copied where something in them is masked, never
changed, and what cannot be masked in part is masked whole.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import ipaddress
import json
import pathlib
import re
import sys
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from types import BuiltinFunctionType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

from langgraph.checkpoint.serde.types import _DeltaSnapshot
from pydantic import BaseModel

from lgviz._apart import apart
from lgviz.errors import InvalidValue
from lgviz.persistence.serde.trust import Placeholder

__all__ = ["MASK", "MASK_TYPED", "Redactor", "Rule", "Rules", "holds_mask", "transparent"]

MASK = "‹redacted›"
"""What stands in the place of what is masked; one text for all, so that equal secrets stay equal."""
MASK_TYPED = f"{MASK} stands for what redact= hides"
"""The beginning of what is said where it was typed as if it were a value."""

Rule = str | re.Pattern[str] | re.Pattern[bytes] | Callable[[tuple[Any, ...], Any], Any]
Rules = Rule | Iterable[Rule]

_States = frozenset[tuple[int, int]]
_REMEMBERED = 100_000
"""Values that are remembered at once, where the same ones come again."""
_DEPTH = 150
"""Below this depth a value is masked whole, where a rule may reach it."""
_ATOMS = (
    datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, fractions.Fraction, complex, uuid.UUID,
    pathlib.PurePath, ipaddress._BaseAddress, ipaddress._BaseNetwork, re.Pattern, enum.Enum, range,
)  # fmt: skip
_CHEAP = frozenset((int, float, bool, type(None), list, dict, tuple))
"""Types of which the same object hardly comes twice, or that are masked as fast as they are found."""
_PLAIN = (OrderedDict, dict, list, tuple, set, frozenset, deque)
_CODE = (ModuleType, FunctionType, BuiltinFunctionType, MethodType, type)
_STEPS = re.compile(r"\[\s*(?:'([^']*)'|\"([^\"]*)\"|([^\]'\"\s][^\]]*?))\s*\]")
_UNREADABLE = re.compile(r"[\[\]]|\0[^.\0]")
"""In a path with a zero for each step in brackets: a bracket that is left over, a key without a dot."""
_KEYS = re.compile(r"""(["'])((?:(?!\1)[^\\\n]){1,200})\1\s*:""")
_KEPT_METADATA = frozenset(
    ("source", "step", "parents", "counters_since_delta_snapshot", "lgviz_as_node", "lgviz_goto",
     "lgviz_kept")
)  # fmt: skip
"""How LangGraph and lgviz name and number checkpoints: the tree is made of it."""

_transparent: set[type] = {_DeltaSnapshot}


def transparent(cls: type) -> type:
    """Declares a class that wraps what is written to a channel: paths do not count it."""
    _transparent.add(cls)
    return cls


def holds_mask(value: Any) -> bool:
    """Whether plain data or a text holds the mask anywhere, in a key too."""
    if isinstance(value, str):
        return MASK in value
    if isinstance(value, Mapping):
        return any(holds_mask(key) or holds_mask(part) for key, part in value.items())
    return isinstance(value, (list, tuple)) and any(map(holds_mask, value))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands. ``states``: how far each path rule has come. ``loose``: one may begin anywhere
    below. ``open_ids``: ids of containers that are being masked around it."""

    path: tuple[Any, ...]
    states: _States
    loose: bool = False


class Redactor:
    """Masks by rules.

    >>> mask = Redactor(["user.ssn", "**.api_key", re.compile(r"sk-\\w+")])
    >>> mask.state({"user": {"ssn": "123", "name": "Ann"}, "log": ["used sk-abc", {"api_key": "x"}]})
    {'user': {'ssn': '‹redacted›', 'name': 'Ann'}, 'log': ['used ‹redacted›', {'api_key': '‹redacted›'}]}

    A path is keys with dots between them, the channel first: keys of dicts, fields of objects, positions in
    lists, columns of frames. ``*`` stands for one key or for a part of one (``*_key``), ``**`` for any number
    of keys, ``messages[0]`` for ``messages.0``; a backslash before a dot makes it a part of a key. What a
    path names is masked whole. It holds in what is written to the channel as in its value. What belongs to no
    channel has no beginning, so there a path may begin at any key: metadata and configurable, what a graph
    takes in, questions and answers, what ``Send`` hands to a node, what a task returns, items of a store.

    A pattern, compiled or as a text between slashes (``"/sk-\\w+/"``), is masked wherever it matches: in
    texts, in keys, in bytes, in numbers and times as they are written, in errors, in names of namespaces and
    items. The ids of threads stay as they are, for they are opened by; in files, which are sent, they are
    masked too. What cannot be followed is masked whole: a text that is no JSON, but quotes a key that a path
    names. A function ``(path, value)`` gives the value to show; it is asked for each value from the outside
    in, and for the keys of a dict with the path of the dict; one that raises masks the value.

    Args:
        rules: one of them, or several.

    Raises:
        InvalidValue: it is none of these.

    Attributes:
        rules: those that were given, patterns compiled.
    """

    def __init__(self, rules: Rules) -> None:
        one = isinstance(rules, (str, re.Pattern)) or callable(rules)
        given: Iterable[Rule] = (rules,) if one else rules  # type: ignore[assignment]
        self.rules: tuple[Rule, ...] = tuple(_pattern(r) if isinstance(r, str) else r for r in given)
        self._paths: list[tuple[str, ...]] = []
        self._patterns: list[re.Pattern[str]] = []
        self._bytes: list[re.Pattern[bytes]] = []
        self._calls: list[Callable[[tuple[Any, ...], Any], Any]] = []
        for rule in self.rules:
            if isinstance(rule, str):
                self._paths.append(_segments(rule))
            elif isinstance(rule, re.Pattern):
                (self._bytes if isinstance(rule.pattern, bytes) else self._patterns).append(rule)  # type: ignore[arg-type]
            elif callable(rule):
                self._calls.append(rule)
            else:
                raise _refused(rule)
        self._start = self._closed((number, 0) for number in range(len(self._paths)))
        self._stepped: dict[tuple[_States, str], _States] = {}
        self._anywhere = bool(self._patterns or self._bytes or self._calls)
        self._known: dict[tuple[Any, ...], tuple[Any, Any]] | None = None

    def __bool__(self) -> bool:
        return bool(self.rules)

    def __repr__(self) -> str:
        return f"<Redactor of {len(self.rules)} rule{'s' if len(self.rules) != 1 else ''}>"

    # ------------------------------------------------------------ what a source gives

    def state(self, values: Mapping[Any, Any]) -> dict[Any, Any]:
        """A state by channel."""
        return {name: self.channel(name, value) for name, value in values.items()}

    def channel(self, name: Any, value: Any, *, written: bool = False) -> Any:
        """The value of a channel, or what is written to it: there a single item may stand for a list."""
        if _is_loose(name):
            return self.loose(value, name)
        states = self._step(self._start, name)
        if written:
            states = states | self._step(states, "0")
        return self._masked(value, _Place((name,), states))

    def part(self, name: Any, keys: Sequence[Any], value: Any) -> Any:
        """A part of a channel's value, at the keys that lead to it."""
        place = _Place((name,), self._step(self._start, name))
        for key in keys:
            place = self._below(place, key)
        return self._masked(value, place)

    def loose(self, value: Any, *path: Any) -> Any:
        """A value in which a path may begin at any key."""
        states: _States = self._start
        for key in path:
            states = self._step(states, key) | self._start
        return self._masked(value, _Place(path, states, loose=True))

    def written(self, value: Any) -> Any:
        """What a task wrote or returned: by channel where it is a dict, several to one as ``$writes``."""
        if not isinstance(value, dict):
            return self.loose(value)
        found = {}
        for name, one in value.items():
            if type(one) is dict and list(one) == ["$writes"] and isinstance(one["$writes"], list):
                found[name] = {"$writes": [self.channel(name, each, written=True) for each in one["$writes"]]}
            else:
                found[name] = self.channel(name, one, written=True)
        return found

    def metadata(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """A checkpoint's metadata; what names and numbers checkpoints stays."""
        kept = {name: value for name, value in metadata.items() if name in _KEPT_METADATA}
        rest = {name: value for name, value in metadata.items() if name not in _KEPT_METADATA}
        masked = self.loose(rest, "metadata")
        rest = masked if isinstance(masked, dict) else {}
        return {name: kept[name] if name in kept else rest[name] for name in (*metadata, *rest)
                if name in kept or name in rest}  # fmt: skip

    def text(self, text: str) -> str:
        """A text that belongs to no value: what an error says, a name."""
        masked = self._masked(text, _Place(("__error__",), frozenset()))
        return masked if isinstance(masked, str) else MASK

    @property
    def holds_streams(self) -> bool:
        """Whether what a model says while it says it may hold what is to be masked."""
        said = self._step(self._step(self._step(self._start, "*any*"), "0"), "content")
        return self._anywhere or self._accepts(said) or self._accepts(self._step(self._start, "content"))

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Meanwhile the same object, at a place that the rules take alike, is masked once."""
        # What a function makes of a value depends on its path.
        self._known = None if self._calls else {}
        try:
            yield
        finally:
            self._known = None

    # ------------------------------------------------------------ paths

    def _step(self, states: _States, key: Any) -> _States:
        if not states:
            return states
        name = key if type(key) is str else str(key)
        found = self._stepped.get((states, name))
        if found is None:
            if len(self._stepped) > 20_000:
                self._stepped.clear()
            found = self._stepped[states, name] = self._closed(self._next(states, name))
        return found

    def _next(self, states: _States, name: str) -> Iterator[tuple[int, int]]:
        for number, place in states:
            rest = self._paths[number][place:]
            if not rest:
                continue
            if rest[0] == "**":
                yield number, place
            elif fnmatchcase(name, rest[0]):
                yield number, place + 1

    def _closed(self, states: Iterable[tuple[int, int]]) -> _States:
        found = set()
        for number, place in states:
            path = self._paths[number]
            found.add((number, place))
            while place < len(path) and path[place] == "**":
                place += 1
                found.add((number, place))
        return frozenset(found)

    def _names_key_of(self, text: str, states: _States) -> bool:
        """Whether a text quotes, as a key, the last key of a path that may go on there."""
        last = {path[-1] for path, place in ((self._paths[n], place) for n, place in states) if path[place:]}
        last -= {"*", "**"}
        return bool(last) and any(
            fnmatchcase(key, pattern) for _, key in _KEYS.findall(text) for pattern in last
        )

    def _accepts(self, states: _States) -> bool:
        return any(place == len(self._paths[number]) for number, place in states)

    def _below(self, place: _Place, *keys: Any) -> _Place:
        """The place of a part; several keys are names of the same one."""
        reached = place.states | self._start if place.loose else place.states
        states = frozenset().union(*(self._step(reached, key) for key in keys)) if reached else reached
        return _Place((*place.path, keys[0]), states | self._start if place.loose else states, place.loose)

    # ------------------------------------------------------------ values

    def _masked(self, value: Any, place: _Place) -> Any:
        if self._calls:  # what they do to it is not to be done to what is kept
            value = apart(value)
        try:
            return _Masking(self).of(value, place)
        except Exception:  # whatever a value's own code does: it is not shown
            return MASK

    def _reaches(self, place: _Place) -> bool:
        """Whether a rule may mask something at a place or below."""
        return self._anywhere or bool(place.states) or (place.loose and bool(self._start))

    def _in_text(self, text: str) -> str:
        for pattern in self._patterns:
            text = pattern.sub(_mask_of, text)
        if self._bytes:
            data = text.encode("utf-8", "surrogatepass")
            masked = self._in_bytes(data)
            text = text if masked is data else masked.decode("utf-8", "replace")
        return text

    def _in_bytes(self, data: bytes) -> bytes:
        new = data
        for pattern in self._bytes:
            new = pattern.sub(lambda found: MASK.encode() if found[0] else b"", new)
        if self._patterns:
            text = new.decode("utf-8", "surrogateescape")
            masked = text
            for each in self._patterns:
                masked = each.sub(_mask_of, masked)
            if masked != text:
                new = masked.encode("utf-8", "surrogateescape")
        return data if new == data else new

    def _told_by(self, *texts: str) -> bool:
        """Whether a pattern matches in one of these."""
        return any(self._in_text(text) != text for text in texts)


class _Masking:
    """Masks one value."""

    def __init__(self, rules: Redactor) -> None:
        self._rules = rules
        self._around: set[int] = set()

    def of(self, value: Any, place: _Place) -> Any:
        """The value as it may be shown; itself where nothing in it is masked."""
        known = self._rules._known
        if known is None or type(value) in _CHEAP:
            return self._of(value, place)
        key = (id(value), place.states, place.loose, _is_item(place.path))
        found = known.get(key)
        if found is None:
            if len(known) >= _REMEMBERED:
                known.clear()
            # Held, so that no other gets its id.
            found = known[key] = value, self._of(value, place)
        return found[1]

    def _of(self, value: Any, place: _Place) -> Any:
        rules = self._rules
        if value is None or not rules._reaches(place):
            return value
        if rules._accepts(place.states):
            return MASK
        for call in rules._calls:
            try:
                value = call(place.path, value)
            except Exception:
                return MASK
            if value is None:
                return None
        cls = type(value)
        if issubclass(cls, bool) or issubclass(cls, _CODE):
            return value
        if issubclass(cls, enum.Enum):
            return self._atom(value)
        if issubclass(cls, str):
            return self._text(value, place)
        if issubclass(cls, (int, float, *_ATOMS)):
            return self._atom(value)
        if issubclass(cls, (bytes, bytearray, memoryview)):
            data = bytes(value)
            masked = rules._in_bytes(data)
            return value if masked is data else masked
        if id(value) in self._around or len(self._around) > _DEPTH:
            return MASK
        self._around.add(id(value))
        try:
            return self._container(value, cls, place)
        finally:
            self._around.discard(id(value))

    # ------------------------------------------------------------ leaves

    def _atom(self, value: Any) -> Any:
        if not (self._rules._patterns or self._rules._bytes):
            return value
        texts = [str(value), repr(value)]
        if isinstance(value, enum.Enum):
            texts += [str(value._name_), str(value._value_)]
        return MASK if self._rules._told_by(*texts) else value

    def _text(self, value: str, place: _Place) -> Any:
        rules, text = self._rules, str.__str__(value)
        # A message may be written as its text alone, in a list or by itself.
        if _is_item(place.path) and rules._accepts(rules._below(place, "content").states):
            return MASK
        masked = self._in_json(text, place) if "{" in text or text.lstrip()[:1] == "[" else text
        masked = rules._in_text(masked)
        return value if masked == text else masked

    def _in_json(self, text: str, place: _Place) -> str:
        """A text that is JSON, as arguments of a call are: paths go on in it, and escapes hide nothing."""
        try:
            data = json.loads(text)
            masked = self.of(data, place) if isinstance(data, (dict, list)) else data
        except (ValueError, RecursionError):  # as arguments that a model broke off
            return MASK if self._rules._names_key_of(text, place.states) else text
        return text if masked is data else json.dumps(masked, ensure_ascii=False)

    # ------------------------------------------------------------ containers

    def _container(self, value: Any, cls: type, place: _Place) -> Any:
        plain = next((base for base in _PLAIN if issubclass(cls, base)), None)
        if plain is not None and cls is not plain and self._beside(value, place):
            # What it holds besides its items stays behind.
            value, cls = plain(value), plain
        if issubclass(cls, dict):
            return self._dict(value, place)
        if issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple):
            return self._named(value, cls, place)
        if issubclass(cls, (list, tuple, set, frozenset, deque)):
            return self._items(value, cls, place)
        if _is(cls, "numpy", "ndarray"):
            return self._array(value, place)
        if _is(cls, "numpy", "generic"):
            return self._atom(value)
        if _is(cls, "pandas", "DataFrame"):
            return self._frame(value, place)
        if _is(cls, "pandas", "Series"):
            return self._series(value, place)
        if _is(cls, "pandas", "Index"):
            return self._index(value, place)
        return self._object(value, cls, place)

    def _beside(self, value: Any, place: _Place) -> bool:
        """Whether something is masked in what a container of a class of its own holds besides its items."""
        stored = _stored(value)
        own = stored.pop("__dict__", {})
        return any(self.of(part, self._rules._below(place, name)) is not part
                   for name, part in (*stored.items(), *own.items()))  # fmt: skip

    def _dict(self, value: Any, place: _Place) -> Any:
        found: dict[Any, Any] = {}
        changed = False
        items = list(value.items() if isinstance(value, OrderedDict) else dict.items(value))
        for key, part in items:
            name, masked = self._key(key, place), self.of(part, self._rules._below(place, key))
            changed = changed or name is not key or masked is not part
            found[_free(name, found)] = masked
        if not changed:
            return value
        if type(value) is dict:
            return found
        made = value.copy()
        base = OrderedDict if isinstance(made, OrderedDict) else dict
        base.clear(made)
        base.update(made, found)
        return made

    def _key(self, key: Any, place: _Place) -> Any:
        masked = self.of(key, replace(place, states=frozenset(), loose=False))
        try:
            hash(masked)
        except TypeError:
            return MASK
        return masked

    def _named(self, value: Any, cls: type, place: _Place) -> Any:
        names: Sequence[str] = cls._fields  # type: ignore[attr-defined]
        parts = list(tuple.__iter__(value))
        masked = (
            [self.of(part, place) for part in parts]
            if _is_transparent(cls)
            else [
                self.of(part, self._rules._below(place, names[i] if i < len(names) else i, i))
                for i, part in enumerate(parts)
            ]
        )
        same = all(new is old for new, old in zip(masked, parts, strict=True))
        return value if same else tuple.__new__(cls, masked)

    def _items(self, value: Any, cls: type, place: _Place) -> Any:
        parts = list(value)
        short = len(parts) == 2 and issubclass(cls, (list, tuple)) and type(parts[0]) is str
        masked = [
            # The short form of a message: its role and its text.
            self.of(part, self._rules._below(place, i, *(["content"] if short and i == 1 else [])))
            for i, part in enumerate(parts)
        ]
        if all(new is old for new, old in zip(masked, parts, strict=True)):
            return value
        if issubclass(cls, (set, frozenset)):
            masked = [self._key(part, replace(place, states=frozenset(), loose=False)) for part in masked]
        if isinstance(value, tuple):
            return tuple(masked)
        if issubclass(cls, deque):
            return deque(masked, value.maxlen)
        for plain in (set, frozenset):
            if issubclass(cls, plain):
                return plain(masked)
        return masked

    # ------------------------------------------------------------ objects

    def _object(self, value: Any, cls: type, place: _Place) -> Any:
        if cls is Placeholder:
            state = self._dict(dict(value.items()), place)
            reason = self._rules._in_text(value.reason)
            if reason == value.reason and all(state[key] is value[key] for key in value if key in state):
                return value
            return Placeholder(value.type, reason, state, value.code, repr(state).encode())
        stored = _stored(value)
        if not stored and not isinstance(value, BaseException):
            return self._atom(value)
        masked = {name: self._field(value, name, part, place) for name, part in stored.items()}
        made, changed = value, any(masked[name] is not stored[name] for name in stored)
        if isinstance(value, BaseException):
            args = self.of(value.args, self._rules._below(place, "args"))
            changed = changed or args is not value.args
            if changed:
                error: Any = BaseException.__new__(cls)
                error.args = args if isinstance(args, tuple) else (args,)
                made = error
        elif changed:
            made = object.__new__(cls)
        if changed:
            _store(made, masked)
        return MASK if not isinstance(value, BaseModel) and self._tells(made) else made

    def _field(self, value: Any, name: str, part: Any, place: _Place) -> Any:
        cls = type(value)
        kind = _langgraph_name(cls)
        if name in ("__pydantic_fields_set__", "__pydantic_fields_set") or (
            (kind == "Interrupt" and name == "id") or (kind == "Send" and name == "node")
        ):
            return part
        if kind in ("Interrupt", "Send") or (kind == "Command" and name in ("update", "resume")):
            return self._rules.loose(part)
        if name in ("__dict__", "__pydantic_extra__", "__pydantic_private__"):
            return self._fields(part, place)
        if _is_transparent(cls):
            below = place.states | self._rules._step(place.states, "0")
            inner = replace(place, states=below)
            if type(part) is tuple:  # what was written, one after the other
                each = tuple(self.of(one, inner) for one in part)
                return part if all(a is b for a, b in zip(each, part, strict=True)) else each
            return self.of(part, inner)
        return self.of(part, self._rules._below(place, name))

    def _fields(self, part: Any, place: _Place) -> Any:
        if not isinstance(part, dict):
            return part
        found = {name: self.of(one, self._rules._below(place, name)) for name, one in part.items()}
        return part if all(found[name] is part[name] for name in part) else found

    def _tells(self, value: Any) -> bool:
        """Whether what an object says of itself still matches."""
        if not (self._rules._patterns or self._rules._bytes):
            return False
        try:
            return self._rules._told_by(repr(value), str(value))
        except Exception:
            return False

    # ------------------------------------------------------------ numpy and pandas, never imported for this

    def _array(self, value: Any, place: _Place) -> Any:
        numpy = sys.modules["numpy"]
        if type(value) is not numpy.ndarray:  # what a masked array hides is still in it
            bare = numpy.array(value, subok=False)
            return value if self._array(bare, place) is bare else MASK
        if value.dtype.names:
            fields = [value[name] for name in value.dtype.names]
            places = [self._rules._below(place, name) for name in value.dtype.names]
            same = all(self.of(one, at) is one for one, at in zip(fields, places, strict=True))
            return value if same and not self._tells(value) else MASK
        by_pattern_alone = not (place.states or place.loose or self._rules._calls)
        if by_pattern_alone and value.dtype.kind not in "OUS":
            texts = map(str, value.ravel().tolist())
            if not any(map(self._rules._told_by, texts)):
                return value
        made = numpy.empty(value.shape, dtype=object)
        changed = False
        for at in numpy.ndindex(value.shape):
            below = place
            for index in at:
                below = self._rules._below(below, index)
                if self._rules._accepts(below.states):
                    break  # a whole row of it
            part = value[at]
            made[at] = masked = self.of(part, below)
            changed = changed or masked is not part
        return made if changed else value

    def _frame(self, frame: Any, place: _Place) -> Any:
        pandas = sys.modules["pandas"]
        columns = []
        changed = False
        for number, name in enumerate(frame.columns):
            column = frame.iloc[:, number]
            cells = self._cells(column, name, place)
            changed = changed or cells is not None
            columns.append(column if cells is None else pandas.Series(cells, index=frame.index, dtype=object))
        names, index = self._index(frame.columns, place), self._index(frame.index, place)
        attrs = self.of(frame.attrs, self._rules._below(place, "attrs"))
        if not changed and names is frame.columns and index is frame.index and attrs is frame.attrs:
            return frame
        made = pandas.concat(columns, axis=1) if columns else frame.copy()
        made.columns, made.index = names, index
        made.attrs = attrs if isinstance(attrs, dict) else {}
        return made

    def _series(self, series: Any, place: _Place) -> Any:
        cells = self._cells(series, None, place)
        index, name = self._index(series.index, place), self._key(series.name, place)
        attrs = self.of(series.attrs, self._rules._below(place, "attrs"))
        if cells is None and index is series.index and name is series.name and attrs is series.attrs:
            return series
        made = sys.modules["pandas"].Series(list(series) if cells is None else cells, dtype=object)
        made.index, made.name = index, name
        made.attrs = attrs if isinstance(attrs, dict) else {}
        return made

    def _cells(self, column: Any, name: Any, place: _Place) -> list[Any] | None:
        """The cells of a column; None where none is masked."""
        rules = self._rules
        own = place if name is None else rules._below(place, name)
        if rules._accepts(own.states):
            return [MASK] * len(column)
        parts, masked = list(column), []
        for row, part in enumerate(parts):
            by_row = rules._below(place, row)
            if name is not None:
                by_row = rules._below(by_row, name)
            masked.append(self.of(part, replace(by_row, states=by_row.states | own.states)))
        same = all(new is old for new, old in zip(masked, parts, strict=True))
        return None if same and not self._in_categories(column, own) else masked

    def _in_categories(self, column: Any, place: _Place) -> bool:
        """Whether something is masked in the categories of a column or an index, which no cell may have."""
        categories = getattr(column.dtype, "categories", None)
        return categories is not None and any(self._key(one, place) is not one for one in list(categories))

    def _index(self, index: Any, place: _Place) -> Any:
        named = [self._key(label, place) for label in index]
        names = [self._key(name, place) for name in index.names]
        same = all(new is old for new, old in zip(names, index.names, strict=True)) and all(
            new is old or new == old for new, old in zip(named, index, strict=True)
        )
        if same and not self._in_categories(index, place):
            return index
        pandas = sys.modules["pandas"]
        tuples = index.nlevels > 1 and all(isinstance(label, tuple) for label in named)
        made = pandas.MultiIndex.from_tuples(named) if tuples else pandas.Index(named, dtype=object)
        made.names = names if len(names) == made.nlevels else [None] * made.nlevels
        return made


def _is_item(path: tuple[Any, ...]) -> bool:
    """Whether what stands there is a channel's whole value, or an item of a list."""
    return len(path) < 2 or type(path[-1]) is int


def _pattern(text: str) -> Rule:
    """The pattern that a text between slashes is; any other is a path."""
    if len(text) < 3 or not (text.startswith("/") and text.endswith("/")):
        return text
    try:
        return re.compile(text[1:-1])
    except re.error as error:
        raise InvalidValue(
            f"{text} is no rule of redact=: between its slashes stands no regular expression: {error}.",
            "Correct it, or escape what is meant as it stands: /sk-\\(a\\)/.",
        ) from error


def _segments(path: str) -> tuple[str, ...]:
    """The keys of a path rule."""
    if _UNREADABLE.search(_STEPS.sub("\0", path.strip())):
        raise _refused(path)
    flat = _STEPS.sub(lambda found: "." + next(g for g in found.groups() if g is not None), path.strip())
    parts = [part.replace("\0", ".") for part in flat.replace("\\.", "\0").split(".")]
    if parts and not parts[0] and path.startswith("["):
        parts = parts[1:]
    if not all(parts):
        raise _refused(path)
    return tuple(parts)


def _refused(rule: Any) -> InvalidValue:
    return InvalidValue(
        f"{rule!r} is no rule of redact=.",
        'Give a path as "messages.*.content", a pattern as "/sk-\\w+/", or a function (path, value).',
    )


def _mask_of(found: re.Match[str]) -> str:
    return MASK if found[0] else ""


def _is_loose(channel: Any) -> bool:
    """Whether what a channel holds is not the state's: an input, a question, what a task was handed."""
    name = str(channel)
    return name == "" or name.startswith(("__", "branch:", "join:")) or name in ("start",)


def _free(name: Any, taken: Mapping[Any, Any]) -> Any:
    """A key that is not taken: two that are masked alike stay two."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} {number}"
    return free


def _is(cls: type, module: str, name: str) -> bool:
    base = getattr(sys.modules.get(module), name, None)
    return isinstance(base, type) and issubclass(cls, base)


def _langgraph_name(cls: type) -> str | None:
    """The name of a class of ``langgraph.types``; which is loaded where there is an object of one, and takes
    a second to import."""
    own = getattr(sys.modules.get("langgraph.types"), cls.__name__, None)
    return cls.__name__ if own is cls else None


def _is_transparent(cls: type) -> bool:
    return cls in _transparent or _langgraph_name(cls) == "Overwrite"


def _stored(value: Any) -> dict[str, Any]:
    """What an object stores: its slots, and its ``__dict__`` as one part. Nothing of it is run."""
    found: dict[str, Any] = {}
    for name, member in _members(type(value)):
        try:
            found[name] = member.__get__(value)
        except AttributeError:
            continue
    try:
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return found
    if isinstance(own, dict) and own:
        found["__dict__"] = own
    return found


def _store(made: Any, parts: Mapping[str, Any]) -> None:
    members = dict(_members(type(made)))
    for name, part in parts.items():
        if name == "__dict__":
            object.__getattribute__(made, "__dict__").update(part)
        else:
            members[name].__set__(made, part)


def _members(cls: type) -> Iterator[tuple[str, Any]]:
    for base in reversed(cls.__mro__):
        for name, member in vars(base).items():
            if isinstance(member, MemberDescriptorType) and name not in ("__weakref__", "__dict__"):
                yield name.removeprefix(f"_{base.__name__.lstrip('_')}"), member
