"""Walks two values side by side: which parts changed, and the patch that makes one of the other.

Bounded on hostile input: below a depth, after a number of parts, and inside cycles, a part that differs is
reported as changed as a whole.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, takewhile
from operator import is_
from typing import Any, Literal

from lgviz.analysis.align import align
from lgviz.analysis.messages import is_message, message_id
from lgviz.analysis.patches import DictPatch, Keep, New, Part, Patch, Replace, SequencePatch
from lgviz.analysis.same import same
from lgviz.analysis.shown import ShownByFields
from lgviz.analysis.tables import cells
from lgviz.analysis.values import fields_of

__all__ = ["Change", "ChangeKind", "Changes", "Path", "Walk", "shared"]

ChangeKind = Literal["added", "removed", "changed"]
Path = tuple[Any, ...]

_DEPTH = 40
_PARTS = 20_000
_KEYS = (str, int, bytes, bool, type(None))


@dataclass(frozen=True, slots=True, repr=False)
class Change(ShownByFields):
    """One difference between two states.

    >>> from lgviz.analysis.diff import diff_states
    >>> list(diff_states({"home": {"city": "Rome"}}, {"home": {"city": "Braga"}}))
    [Change(channel="home", path=("city",), kind="changed", before="Rome", after="Braga", note="")]

    Attributes:
        channel: the state channel.
        path: where in the channel's value: dict keys, field names, message ids, list positions (the new
            position, for ``"removed"`` the old one), row and column of a frame. Empty: the whole channel.
        kind: ``"added"``, ``"removed"`` or ``"changed"``.
        before: the old value, None where added.
        after: the new value, None where removed.
        note: ``"order"`` where only the order of items or keys changed, else empty.
    """

    channel: str
    path: Path
    kind: ChangeKind
    before: Any = None
    after: Any = None
    note: str = ""


class Changes:
    """What changed between two states, by channel; iteration goes through all changes.

    Attributes:
        channels: the channels that changed, in the order of the new state.
        unchanged: the channels that did not.
        hidden: how many internal channels differ but are left out.
    """

    def __init__(
        self, changes: Mapping[str, Iterable[Change]], unchanged: Iterable[str], hidden: int
    ) -> None:
        self._changes = {channel: tuple(found) for channel, found in changes.items()}
        self.channels: tuple[str, ...] = tuple(changes)
        self.unchanged: tuple[str, ...] = tuple(unchanged)
        self.hidden = hidden

    def __iter__(self) -> Iterator[Change]:
        for found in self._changes.values():
            yield from found

    def __len__(self) -> int:
        return sum(map(len, self._changes.values()))

    def __bool__(self) -> bool:
        return bool(self._changes)

    def __getitem__(self, channel: str) -> tuple[Change, ...]:
        """The changes of one channel; empty for one that did not change."""
        return self._changes.get(channel, ())


class _TooMany(Exception):
    """So many parts differ that only the whole is worth showing."""


@dataclass(slots=True)
class Walk:
    """Compares the values of one channel; ``changes`` fills up."""

    channel: str
    changes: list[Change] = field(default_factory=list)
    _open: set[tuple[int, int]] = field(default_factory=set)
    _different: dict[tuple[int, int], Any] = field(default_factory=dict)
    _visited: int = 0

    def run(self, before: Any, after: Any) -> Patch:
        """Compare the channel's values, which are known to differ."""
        try:
            return self.compare((), before, after)
        except _TooMany:
            self.changes.clear()
            return self._whole((), before, after)

    def compare(self, path: Path, before: Any, after: Any) -> Patch:
        """Compare two parts that are known to differ."""
        cls = type(before)
        pair = (id(before), id(after))
        self._visited += 1
        too_much = len(path) >= _DEPTH or self._visited > _PARTS or pair in self._open
        if too_much or cls is not type(after) or is_message(before):
            return self._whole(path, before, after)
        found = len(self.changes)
        self._open.add(pair)
        try:
            patch = self._inside(path, before, after, cls)
        finally:
            self._open.discard(pair)
        if patch is None:
            return self._whole(path, before, after)
        if len(self.changes) == found:
            self._whole(path, before, after, "order" if _reordered(before, after) else "")
        return patch

    def _same(self, a: Any, b: Any) -> bool:
        """:func:`same`, asked once for each pair that differs."""
        pair = (id(a), id(b))
        if pair in self._different:
            return False
        if same(a, b):
            return True
        self._different[pair] = (a, b)
        return False

    def added(self, path: Path, value: Any) -> None:
        self._record(Change(self.channel, path, "added", None, value))

    def removed(self, path: Path, value: Any) -> None:
        self._record(Change(self.channel, path, "removed", value, None))

    def _record(self, change: Change) -> None:
        self.changes.append(change)
        if len(self.changes) > _PARTS:
            raise _TooMany

    def _whole(self, path: Path, before: Any, after: Any, note: str = "") -> Patch:
        self._record(Change(self.channel, path, "changed", before, after, note))
        return Replace(after)

    def _inside(self, path: Path, before: Any, after: Any, cls: type) -> Patch | None:
        """Compare part by part; None where this type has no parts, or only the whole is sensible."""
        if issubclass(cls, dict):
            return self._dict(path, before, after) if _comparable_keys(before, after) else None
        if issubclass(cls, (list, tuple, deque)) and not hasattr(cls, "_fields"):
            return self._sequence(path, before, after, cls)
        if issubclass(cls, (set, frozenset)):
            for item in before - after:
                self.removed((*path, item), item)
            for item in after - before:
                self.added((*path, item), item)
            return Replace(after)
        table = cells(before, after)
        if table is not None:
            for where, kind, old, new in table:
                self._record(Change(self.channel, (*path, *where), kind, old, new))
            return Replace(after)
        if issubclass(cls, (str, bytes, int, float, BaseException, enum.Enum)):
            return None
        old_fields, new_fields = dict(fields_of(before)), dict(fields_of(after))
        if not old_fields and not new_fields:
            return None
        self._named(path, old_fields, new_fields)
        # An object is not built from fields here: that would run its code.
        return Replace(after)

    def _dict(self, path: Path, before: dict[Any, Any], after: dict[Any, Any]) -> Patch:
        parts = self._named(path, before, after)
        if type(before) is not dict or not all(type(key) in _KEYS for key in (*before, *after)):
            return Replace(after)
        added = tuple(key for key in after if key not in before)
        follows = [key for key in before if key in after] + list(added)
        keys = None if follows == list(after) else tuple(after)
        return DictPatch(frozenset(key for key in before if key not in after), parts, added, keys)

    def _named(self, path: Path, before: dict[Any, Any], after: dict[Any, Any]) -> dict[Any, Patch]:
        parts: dict[Any, Patch] = {}
        for key, old in before.items():
            if key not in after:
                self.removed((*path, key), old)
        for key, new in after.items():
            if key not in before:
                self.added((*path, key), new)
                parts[key] = Replace(new)
            elif not self._same(before[key], new):
                parts[key] = self.compare((*path, key), before[key], new)
        return parts

    # ------------------------------------------------------------ sequences

    def _sequence(self, path: Path, before: Any, after: Any, cls: type) -> Patch:
        a, b = list(before), list(after)
        ids = _ids(a)
        # What a step leaves as it is is mostly the very same objects: these are not looked at twice.
        low = shared(a, b)
        rest = None if ids is None else _ids(b[low:], low)
        pieces = _Pieces()
        if ids is not None and rest is not None and all(ids.get(name, low) >= low for name in rest):
            old = dict(islice(ids.items(), low, None))
            pieces.keep(0, low)
            self._by_id(path, a, b, old, rest, pieces)
        else:
            self._by_position(path, a, b, pieces)
        return SequencePatch(cls, len(a), pieces.done) if cls in (list, tuple) else Replace(after)

    def _by_id(
        self,
        path: Path,
        a: list[Any],
        b: list[Any],
        old: dict[str, int],
        new: dict[str, int],
        pieces: _Pieces,
    ) -> None:
        for name, i in old.items():
            if name not in new:
                self.removed((*path, name), a[i])
        for name, j in new.items():
            i = old.get(name, -1)
            if i < 0:
                self.added((*path, name), b[j])
                pieces.new([b[j]])
            elif self._same(a[i], b[j]):
                pieces.keep(i, i + 1)
            else:
                pieces.part(i, self.compare((*path, name), a[i], b[j]))
        kept = [name for name in old if name in new]
        if kept != [name for name in new if name in old]:
            self._whole(path, a, b, "order")

    def _by_position(self, path: Path, a: list[Any], b: list[Any], pieces: _Pieces) -> None:
        low, high = 0, 0
        least = min(len(a), len(b))
        while low < least and self._same(a[low], b[low]):
            low += 1
        while high < least - low and self._same(a[-1 - high], b[-1 - high]):
            high += 1
        pieces.keep(0, low)
        end, other_end = len(a) - high, len(b) - high
        blocks = align([_token(v) for v in a[low:end]], [_token(v) for v in b[low:other_end]])
        i, j = low, low
        for x, y, n in [*blocks, (end - low, other_end - low, 0)]:
            self._gap(path, a, b, (i, x + low, j, y + low), pieces)
            for k in range(n):
                i, j = x + low + k, y + low + k
                # A token names a message or sums up a value; only `same` knows.
                if self._same(a[i], b[j]):
                    pieces.keep(i, i + 1)
                else:
                    pieces.part(i, self.compare((*path, _name(b[j], j)), a[i], b[j]))
            i, j = x + low + n, y + low + n
        pieces.keep(end, len(a))

    def _gap(
        self, path: Path, a: list[Any], b: list[Any], gap: tuple[int, int, int, int], pieces: _Pieces
    ) -> None:
        i, i2, j, j2 = gap
        even = i2 - i == j2 - j
        while i < i2 and j < j2 and _alike(a[i], b[j], even):
            if self._same(a[i], b[j]):
                pieces.keep(i, i + 1)
            else:
                pieces.part(i, self.compare((*path, j), a[i], b[j]))
            i, j = i + 1, j + 1
        for k in range(i, i2):
            self.removed((*path, _name(a[k], k)), a[k])
        for k in range(j, j2):
            self.added((*path, _name(b[k], k)), b[k])
        pieces.new(b[j:j2])


class _Pieces:
    """Collects the pieces of a new sequence, joining neighbours."""

    def __init__(self) -> None:
        self.done: list[Keep | Part | New] = []

    def keep(self, start: int, stop: int) -> None:
        if start == stop:
            return
        last = self.done[-1] if self.done else None
        if isinstance(last, Keep) and last.stop == start:
            self.done[-1] = Keep(last.start, stop)
        else:
            self.done.append(Keep(start, stop))

    def part(self, index: int, patch: Patch) -> None:
        self.done.append(Part(index, patch))

    def new(self, items: list[Any]) -> None:
        if items:
            self.done.append(New(items))


def shared(a: Sequence[Any], b: Sequence[Any]) -> int:
    """How many of their first items are the same objects."""
    low = sum(takewhile(bool, map(is_, a, b)))
    return int(low)


def _ids(items: list[Any], first: int = 0) -> dict[str, int] | None:
    """Message id to position (the first item's is ``first``), where all items are messages that can be told
    apart by id."""
    found: dict[str, int] = {}
    for i, item in enumerate(items, first):
        name = message_id(item)
        if name is None or name in found:
            return None
        found[name] = i
    return found


def _name(item: Any, position: int) -> Any:
    return message_id(item) or position


def _alike(a: Any, b: Any, even: bool) -> bool:
    """Whether an unaligned item reads better as changed than as removed and added."""
    if is_message(a) or is_message(b):
        return is_message(a) and is_message(b) and not (message_id(a) or message_id(b)) and even
    if type(a) is dict and type(b) is dict:
        return 2 * len(a.keys() & b.keys()) >= max(len(a), len(b))
    return even


def _comparable_keys(before: Iterable[Any], after: Iterable[Any]) -> bool:
    """Whether keys that are equal are also of one type (to a dict ``1``, ``True`` and ``1.0`` are one)."""
    types = {key: type(key) for key in before if key == key}
    return all(type(key) is types.get(key, type(key)) and key == key for key in after)


def _reordered(before: Any, after: Any) -> bool:
    return isinstance(before, dict) and before.keys() == after.keys() and list(before) != list(after)


def _token(value: Any, depth: int = 4) -> Hashable:
    """A short stand-in for a value: equal for same values, mostly different for different ones."""
    cls = type(value)
    if cls in (str, int, bytes, bool, type(None)):
        return (cls, hash(value))
    if cls is float:
        return (cls, value if value == value else "nan")
    name = message_id(value)
    if name is not None:
        return ("id", name)
    if not depth:
        return (cls, 0)
    parts: Sequence[Any] = ()
    if issubclass(cls, dict):
        parts = [x for pair in list(dict.items(value))[:64] for x in pair]
    elif issubclass(cls, (list, tuple, deque)):
        parts = [*list(value)[:64], len(value)]
    elif not issubclass(cls, (set, frozenset)):
        parts = [v for _, v in fields_of(value)[:64]]
    return (cls, hash(tuple(_token(part, depth - 1) for part in parts)))
