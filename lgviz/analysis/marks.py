"""Who set which part of a value: a tree of marks beside it, carried along from one state to the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .align import align
from .compare import Walk, shared
from .messages import message_id
from .patches import DictPatch, Keep, New, Part, Patch, SequencePatch
from .same import same
from .values import fields_of, kind_of

__all__ = ["MISSING", "OLDER", "PartMark", "carried", "lines_of", "resolved"]

_DEPTH = 40
_MOVED = 1_000
"""Pairs of items that are compared to find those that moved."""


class _Missing:
    """Stands for the value of a channel that has none."""

    def __repr__(self) -> str:
        return "missing"


MISSING = _Missing()


@dataclass(frozen=True, slots=True)
class PartMark:
    """When a part of a value was set, in steps that are numbered from the oldest.

    Attributes:
        at: the step that set it last; None: it was set before the steps that were looked at.
        first: the step that made it; None: it was there before them.
        past: where it was in the value before them: keys, names of fields, positions in lists and lines of
            texts; None where it was not there.
        kids: the marks of its parts, by position or by key; None: as its own says, for all of them.
    """

    at: int | None
    first: int | None
    past: tuple[Any, ...] | None = None
    kids: Sequence[PartMark] | Mapping[Any, PartMark] | None = None

    def child(self, key: Any) -> PartMark:
        """The mark of a part; its own for one that it does not know, as a masked value may have."""
        if self.kids is not None:
            try:
                return self.kids[key]
            except (LookupError, TypeError):
                return PartMark(self.at, self.first, self.past)
        if self.at is None and self.past is not None:
            return PartMark(None, None, (*self.past, key))
        return PartMark(self.at, self.at)

    def below(self, path: Sequence[Any]) -> PartMark:
        """The mark of a part of a part."""
        mark = self
        for key in path:
            mark = mark.child(key)
        return mark

    @property
    def marks(self) -> Iterator[PartMark]:
        """Those of its parts that are told apart."""
        yield from self.kids.values() if isinstance(self.kids, Mapping) else self.kids or ()


OLDER = PartMark(None, None, ())
"""Of a value of which nothing is known yet."""


def carried(mark: PartMark, before: Any, after: Any, step: int) -> PartMark:
    """The marks of a value that a step made of another one.

    >>> mark = carried(OLDER, ["a"], ["a", "b"], 7)
    >>> mark.child(0), mark.child(1)
    (PartMark(at=None, first=None, past=(0,), kids=None), PartMark(at=7, first=7, past=None, kids=None))

    Args:
        mark: of the value before.
        before, after: the value; :data:`MISSING` where there was none.
        step: the number of the step.
    """
    if before is MISSING:
        return PartMark(step, step)
    if type(before) is list and type(after) is list and shared(before, after) == len(before):
        new = PartMark(step, step)
        added = len(after) - len(before)
        kids = [*_items(mark, len(before)), *[new] * added]
        return PartMark(step, mark.first, mark.past, kids) if added else mark
    if same(before, after):
        return mark
    return _Carrying(step).part(mark, before, after, Walk("").run(before, after), 0)


@dataclass(frozen=True, slots=True)
class _Carrying:
    """Carries marks along a patch of one step."""

    step: int

    def part(self, mark: PartMark, before: Any, after: Any, patch: Patch, depth: int) -> PartMark:
        kids: Sequence[PartMark] | Mapping[Any, PartMark] | None = None
        if isinstance(patch, SequencePatch):
            kids = self._sequence(mark, before, after, patch, depth)
        elif isinstance(patch, DictPatch):
            kids = {
                key: self.part(mark.child(key), before[key], new, patch.parts[key], depth + 1)
                if key in patch.parts and key in before
                else mark.child(key)
                if key in before
                else PartMark(self.step, self.step)
                for key, new in after.items()
            }
        elif type(before) is type(after) and depth < _DEPTH:
            kids = self._opened(mark, before, after, depth)
        return PartMark(self.step, mark.first, mark.past, kids)

    def _sequence(
        self, mark: PartMark, before: Any, after: Any, patch: SequencePatch, depth: int
    ) -> list[PartMark]:
        old, found = _items(mark, len(before)), list[PartMark]()
        gone = _Gone(before, patch)
        # Before any item is taken for an edited one: it may stand further on as it was.
        moved = iter([gone.place_of(item) for item in _not_kept(after, patch)])
        for piece in patch.pieces:
            match piece:
                case Keep(start, stop):
                    found += old[start:stop]
                case Part(at, inner):
                    item = after[len(found)]
                    if (was := next(moved)) is not None:
                        found.append(old[was])
                    elif gone.take(at):
                        found.append(self.part(old[at], before[at], item, inner, depth + 1))
                    else:
                        found.append(PartMark(self.step, self.step))
                case New(items):
                    new = PartMark(self.step, self.step)
                    found += [new if was is None else old[was] for was in islice(moved, len(items))]
        return found

    def _opened(self, mark: PartMark, before: Any, after: Any, depth: int) -> Any:
        """The marks of the parts of two values for which a patch says no more than that they differ."""
        kind = kind_of(after)
        if type(after) is str:
            return self._lines(mark, lines_of(before), lines_of(after))
        if kind == "set":
            place = {item: at for at, item in enumerate(before)}
            return [
                mark.child(place[item]) if item in place else PartMark(self.step, self.step) for item in after
            ]
        if kind not in ("dict", "object", "message"):
            return None
        old, new = _named(before), _named(after)
        found = {}
        for key, value in new.items():
            if key not in old:
                found[key] = PartMark(self.step, self.step)
            elif same(old[key], value):
                found[key] = mark.child(key)
            else:
                patch = Walk("").run(old[key], value)
                found[key] = self.part(mark.child(key), old[key], value, patch, depth + 1)
        return found

    def _lines(self, mark: PartMark, before: list[str], after: list[str]) -> list[PartMark] | None:
        if len(before) < 2 and len(after) < 2:
            return None
        found = [PartMark(self.step, self.step)] * len(after)
        x = y = 0
        for i, j, n in [*align(before, after), (len(before), len(after), 0)]:
            if i - x == j - y:  # as many lines in the place of some: each was edited
                for at in range(x, i):
                    old = mark.child(at)
                    found[y + at - x] = PartMark(self.step, old.first, old.past)
            for offset in range(n):
                found[j + offset] = mark.child(i + offset)
            x, y = i + n, j + n
        return found


def _not_kept(after: Sequence[Any], patch: SequencePatch) -> Iterator[Any]:
    """The items of a sequence that a patch does not keep as they were, in order."""
    place = 0
    for piece in patch.pieces:
        match piece:
            case Keep(start, stop):
                place += stop - start
            case Part():
                yield after[place]
                place += 1
            case New(items):
                yield from items
                place += len(items)


class _Gone:
    """The items of a sequence that a patch does not keep as they are: one of them may stand elsewhere now."""

    def __init__(self, before: Sequence[Any], patch: SequencePatch) -> None:
        kept = set[int]()
        for piece in patch.pieces:
            if isinstance(piece, Keep):
                kept.update(range(piece.start, piece.stop))
        self._before = before
        self._left = [at for at in range(len(before)) if at not in kept]
        self._looks = _MOVED

    def place_of(self, item: Any) -> int | None:
        """Where an item was; None where it is new, or where too much would have to be compared."""
        name = message_id(item)
        for at in self._left:
            self._looks -= 1
            if self._looks < 0:
                return None
            old = self._before[at]
            if message_id(old) == name and same(old, item):
                self._left.remove(at)
                return at
        return None

    def take(self, at: int) -> bool:
        """Whether an item was left, which it now is no more."""
        if at not in self._left:
            return False
        self._left.remove(at)
        return True


def resolved(mark: PartMark, older: PartMark) -> PartMark:
    """A mark of which what was set before its steps is told by the marks of the value before them."""
    if mark.at is None:
        return mark if mark.past is None else older.below(mark.past)
    if mark.past is None and mark.kids is None:
        return mark
    first, past = mark.first, mark.past
    if first is None and past is not None:
        was = older.below(past)
        first, past = was.first, was.past
    kids: Any = mark.kids
    if isinstance(kids, Mapping):
        kids = {key: resolved(kid, older) for key, kid in kids.items()}
    elif kids is not None:
        kids = [resolved(kid, older) for kid in kids]
    return PartMark(mark.at, first, past, kids)


def lines_of(text: str) -> list[str]:
    """The lines of a text."""
    return text.split("\n")


def _items(mark: PartMark, size: int) -> list[PartMark]:
    return [mark.child(at) for at in range(size)] if mark.kids is None else list(mark.marks)


def _named(value: Any) -> dict[Any, Any]:
    return dict(dict.items(value)) if isinstance(value, dict) else dict(fields_of(value))
