"""Finds text in all checkpoints of a thread: each value once, at the checkpoint that set it.

What the tasks of a step wrote is all that is new in it, and small; so where a state is large, the writes are
searched instead of the values, and whole values only at the heads. No value is kept.
"""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from lgviz._visible import visible
from lgviz.analysis.messages import read_message
from lgviz.analysis.naming import NOTE
from lgviz.analysis.rebuilt import KeptAsWrites
from lgviz.analysis.steps import TreeRow
from lgviz.analysis.summary import path_text
from lgviz.analysis.tree import Flag
from lgviz.analysis.values import children, clean, kind_of, line
from lgviz.analysis.writes import makers
from lgviz.errors import CheckpointNotFound
from lgviz.persistence.serde.stored_error import error_as_text
from lgviz.sources.base import StoredWrite
from lgviz.sources.places import is_internal

if TYPE_CHECKING:
    from lgviz.analysis.history import History

__all__ = ["Hit", "place_of", "search"]

Progress = Callable[[int, int], None]

_CONTEXT = 40
_SMALL = 50_000
"""Characters of a state below which its values are searched at every checkpoint."""
_AT_ONCE = 256
"""Checkpoints whose delta channels are read in one trip."""
_DEPTH = 30
_LEAVES = 200_000
_BEAT = 0.1
_HEX = re.compile(r"[0-9a-f-]+")
_ID = 4
"""The least characters of an id that are searched for."""
_IDS = 50
"""Ids begin with the time: a short beginning is that of too many to list."""
_ROLES = ("user", "human", "assistant", "ai", "system", "tool")


@dataclass(frozen=True, slots=True)
class Hit:
    """One place where the text was found.

    Attributes:
        row: the row of the tree.
        id: the checkpoint.
        channel: the channel whose value it was found in; None: it was found elsewhere.
        where: channel and path in words, or ``"label"``, ``"id"``, ``"node"``, ``"channel"``, ``"note"``,
            ``"interrupt"``, ``"error"``.
        before, match, after: the text found and what stands around it.
    """

    row: int
    id: str
    where: str
    before: str
    match: str
    after: str
    channel: str | None = None


def search(
    history: History,
    query: str,
    cancelled: Callable[[], bool] = lambda: False,
    progress: Progress | None = None,
) -> Iterator[Hit]:
    """Search what checkpoints, nodes and channels are called, then states, notes, interrupts and errors, from
    the oldest checkpoint on. A label and an id are found where the query is all of it, or its beginning.

    Args:
        history: the thread.
        query: any text; upper and lower case are one.
        cancelled: asked often; once true, the search ends.
        progress: called now and then with the rows done and their number.
    """
    if not query:
        return
    run = _Search(history, query, cancelled)
    yield from run.names()
    total = len(history.tree)
    small = run.is_small()
    beat = time.monotonic()
    deltas: dict[int, dict[str, list[Any]]] = {}
    for number in range(total):
        if cancelled():
            return
        if number % _AT_ONCE == 0:
            deltas = history.reader.new_in_deltas(history.tree.rows[number : min(number + _AT_ONCE, total)])
        yield from run.row(history.tree.rows[number], small, deltas.get(number, {}))
        if progress is not None and time.monotonic() - beat > _BEAT:
            beat = time.monotonic()
            progress(number + 1, total)
    if progress is not None and not cancelled():
        progress(total, total)


class _Search:
    def __init__(self, history: History, query: str, cancelled: Callable[[], bool]) -> None:
        self._history = history
        self._source = history.source
        self._thread = history.thread_id
        self._cancelled = cancelled
        self._lower = query.lower()
        self._pattern = re.compile(re.escape(query), re.IGNORECASE)
        self._seen = _Seen()
        self._told: set[tuple[str, int, str]] = set()
        """Names that were found before all else."""

    def names(self) -> Iterator[Hit]:
        """What is called so: the checkpoint of this label, those whose id begins so, and of each node and
        channel the first checkpoint that it made or changed."""
        tree = self._history.tree
        rows, asked = tree.rows, self._lower.strip()
        labelled = tree.row_of(asked, "")
        found = [("label", labelled, tree.labels[labelled])] if labelled >= 0 else []
        found = [one for one in found if one[2] == asked]
        if len(asked) >= _ID and _HEX.fullmatch(asked):
            starting = (row for row, id_ in enumerate(tree.ids) if id_.startswith(asked))
            found += [("id", row, tree.ids[row]) for row in islice(starting, _IDS)]
        for where, columns in (("node", tree.nodes), ("channel", tree.changed)):
            first: dict[str, int] = {}
            for row, names in enumerate(columns):
                for name in names:
                    first.setdefault(name, row)
            named = [(where, row, name) for name, row in first.items() if self._lower in name.lower()]
            found += sorted(named, key=lambda one: one[2].lower() != asked)
        for where, row, name in found:
            if where != "channel" or not is_internal(name):
                self._told.add((where, row, name))
                yield from self._match(rows[row], where, name)

    def is_small(self) -> bool:
        """Whether the state of the newest checkpoint is small enough to look at all states."""
        size, tree = 0, self._history.tree
        newest = tree.rows[tree.roots[-1] if tree.roots else -1]
        for value in (self._values(newest, None) | self._deltas(newest)).values():
            for _, _, text in _leaves(value):
                size += len(text)
                if size > _SMALL:
                    return False
        return True

    def row(self, row: TreeRow, small: bool, deltas: dict[str, list[Any]]) -> Iterator[Hit]:
        """The hits of one checkpoint; ``deltas``: what is new in its delta channels."""
        tree = self._history.tree
        places = [("node", name) for name in dict.fromkeys(row.nodes)]
        places.append(("note", str(row.metadata.get(NOTE) or "")))
        for where, text in places:
            if (where, row.index, text) not in self._told:
                yield from self._match(row, where, text)
        names = [name for name in row.changed if not is_internal(name)]
        plain = [name for name in names if name not in deltas]
        written = {} if small or not plain else self._written(row)
        missing = [name for name in plain if name not in written]
        values = self._values(row, missing) if missing else {}
        for name in names:
            for value in [*deltas.get(name, ()), *written.get(name, ())]:
                yield from self._value(row, name, value, written=True)
            if name in values:
                yield from self._value(row, name, values[name])
        if not row.children and (not small or self._deltas(row)):
            # What a reducer made of the writes stands in no write.
            for name, value in (self._values(row, None) | self._deltas(row)).items():
                if not is_internal(name):
                    yield from self._value(row, name, value)
        if tree.flags[row.index] & (Flag.INTERRUPT | Flag.ERROR):
            for write in self._stored(row):
                if write.channel in ("__interrupt__", "__error__"):
                    told = error_as_text(write.channel, write.value)
                    asked = told if isinstance(told, (list, tuple)) else [told]
                    for one in asked:
                        for _, _, text in _leaves(getattr(one, "value", one)):
                            yield from self._match(row, write.channel.strip("_"), text)

    def _stored(self, row: TreeRow) -> list[StoredWrite]:
        return self._source.writes(self._thread, row.namespace, row.id)

    def _written(self, row: TreeRow) -> dict[str, list[Any]]:
        """What was written to each channel to make a checkpoint, as far as it is stored."""
        tasks = makers(row)
        if not tasks or row.parent is None:
            return {}
        # Another child of the same checkpoint may have taken the place of a task's writes.
        if sum(child.source == row.source for child in row.parent.children) > 1:
            return {}
        made = {(task.id, task.path) for task in tasks}
        found: dict[str, list[Any]] = {}
        for write in self._stored(row.parent):
            if (write.task_id, write.task_path) in made:
                found.setdefault(write.channel, []).append(write.value)
        return found

    def _values(self, row: TreeRow, names: list[str] | None) -> dict[str, Any]:
        try:
            return self._source.channels(self._thread, row.namespace, row.id, names)
        except CheckpointNotFound:
            return {}

    def _deltas(self, row: TreeRow) -> dict[str, Any]:
        try:
            return self._history.reader.deltas(row.index)
        except CheckpointNotFound:
            return {}

    def _value(self, row: TreeRow, channel: str, value: Any, written: bool = False) -> Iterator[Hit]:
        here: Counter[Hashable] = Counter()
        for path, owner, text in _leaves(value):
            if self._lower not in text.lower() or self._cancelled():
                continue
            if self._seen.is_new(channel, owner, text, here, written):
                steps = tuple(step for step in path if type(step) is not int)
                yield from self._match(row, clean(str(channel)) + path_text(steps), text, channel)

    def _match(self, row: TreeRow, where: str, text: str, channel: str | None = None) -> Iterator[Hit]:
        found = self._pattern.search(text)
        if found is None:
            return
        start, end = found.span()
        yield Hit(
            row.index,
            row.id,
            where,
            _flat(("…" if start > _CONTEXT else "") + text[max(0, start - _CONTEXT) : start]),
            visible(clean(text[start:end])),
            _flat(text[end : end + _CONTEXT] + ("…" if len(text) > end + _CONTEXT else "")),
            channel,
        )


def place_of(value: Any, before: str, match: str, after: str) -> list[int] | None:
    """Where in a value the text of a hit stands: positions of children, down to what has it.

    The last such place, for what is new stands last; None: nowhere.
    """
    wanted = _flat(before.removeprefix("…") + match + after.removesuffix("…"))
    found: list[int] | None = None
    waiting: deque[tuple[tuple[int, ...], Any]] = deque([((), value)])
    left = _LEAVES
    while waiting and left > 0:
        path, part = waiting.popleft()
        left -= 1
        kind = kind_of(part)
        if kind in ("dict", "list", "set", "object", "frame"):
            if len(path) >= _DEPTH:
                continue
            for position, (key, child) in enumerate(children(part, 0, left)):
                if kind == "dict" and wanted in _flat(key):
                    found = [*path, position]
                waiting.append(((*path, position), child))
        elif any(wanted in _flat(text) for _, _, text in _leaves(part)):
            found = list(path)
    return found


class _Seen:
    """Which matching texts were reported, by hash."""

    def __init__(self) -> None:
        self._known: set[Hashable] = set()
        self._times: Counter[Hashable] = Counter()
        self._unnamed: Counter[Hashable] = Counter()

    def is_new(
        self, channel: str, owner: _Owner | None, text: str, here: Counter[Hashable], written: bool
    ) -> bool:
        """Whether a text is reported for the first time; ``here`` counts texts within the one value."""
        key = hash((channel, text))
        if owner is not None and owner.id:
            name = hash((owner.id, key))
            if name in self._known:
                return False
            self._known.add(name)
            # A message may have been written without the id that the reducer gave it.
            if not written and self._unnamed[key]:
                self._unnamed[key] -= 1
                return False
            return True
        if owner is not None and written:
            self._times[key] += 1
        else:
            here[key] += 1
            if here[key] <= self._times[key]:
                return False
            self._times[key] = here[key]
        self._unnamed[key] += written
        return True


@dataclass(frozen=True, slots=True)
class _Owner:
    """The message that a text belongs to."""

    id: str | None


_Leaf = tuple[tuple[Any, ...], _Owner | None, str]


def _leaves(value: Any) -> Iterator[_Leaf]:
    """The texts in a value and where they stand: strings, keys, numbers; of a message what one reads."""
    waiting: deque[tuple[tuple[Any, ...], _Owner | None, Any]] = deque([((), None, value)])
    left = _LEAVES
    while waiting and left > 0:
        path, owner, part = waiting.popleft()
        left -= 1
        kind = kind_of(part)
        if kind == "string":
            yield path, owner, part
        elif isinstance(part, KeptAsWrites):  # why there is no value is said by lgviz, not by the thread
            waiting.extend((path, owner, held) for held in (part.stored, *part.writes))
        elif kind == "message":
            message = read_message(part)
            owner = _Owner(message.id)
            role = (*path, message.role)
            texts = [message.text, message.name or "", message.id or ""]
            yield from ((role, owner, text) for text in texts if text)
            for call in message.tool_calls:
                yield (*role, "tool_calls"), owner, call.name
                waiting.append(((*role, call.name), owner, call.args))
        elif kind in ("number", "time", "other"):
            yield path, owner, line(part, 400)
        elif type(part) in (tuple, list) and len(part) == 2 and _is_short(*part):
            # The short form of a message, as a node or an input may write it.
            yield (*path, part[0]), _Owner(None), part[1]
        elif kind in ("dict", "list", "set", "object", "frame") and len(path) < _DEPTH:
            named = kind in ("dict", "object", "frame")
            for i, (key, child) in enumerate(children(part, 0, left)):
                step = key if named else i
                if named and kind == "dict":
                    yield (*path, key), owner, key
                waiting.append(((*path, step), owner, child))


def _is_short(role: Any, text: Any) -> bool:
    return type(role) is str and role in _ROLES and type(text) is str


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", visible(clean(text)))
