"""What a store remembers, for a reader: namespaces as a tree, who wrote a version, what a step changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.compare import ChangeKind
from lgviz.analysis.history import History
from lgviz.analysis.values import clean, line
from lgviz.persistence.stores.past import kind_of
from lgviz.persistence.stores.timestamps import KEPT

__all__ = [
    "Branch",
    "NamespaceTree",
    "StepChange",
    "StoredVersion",
    "VersionWriter",
    "item_changes",
    "item_line",
    "moment_of",
    "step_events",
    "writer_of",
]

Namespace = tuple[str, ...]
Changes = Callable[[str, "str | None", "float | None"], "Iterable[StoredVersion]"]
"""The versions that a thread wrote: in the step that started from a checkpoint, or after a time."""


class StoredVersion(Protocol):
    """One version of an item, as ``store.history`` gives it."""

    @property
    def namespace(self) -> Namespace: ...
    @property
    def key(self) -> str: ...
    @property
    def value(self) -> Mapping[str, Any] | None: ...
    @property
    def at(self) -> Any: ...
    @property
    def deleted(self) -> bool: ...
    @property
    def thread_id(self) -> str | None: ...
    @property
    def checkpoint_ns(self) -> str | None: ...
    @property
    def checkpoint_id(self) -> str | None: ...
    @property
    def node(self) -> str | None: ...


class Branch(NamedTuple):
    """A namespace below another: its last label, the items in and below it, those right in it, and how many
    namespaces lie right below it."""

    label: str
    items: int
    own: int
    below: int


class NamespaceTree:
    """Namespaces as a tree, of how many items lie in each.

    Attributes:
        items: how many there are in all.
    """

    def __init__(self, counts: Mapping[Namespace, int]) -> None:
        self.items = sum(counts.values())
        self._own = dict(counts)
        self._all: dict[Namespace, int] = {}
        self._below: dict[Namespace, dict[str, None]] = {}
        for namespace, count in counts.items():
            for depth in range(len(namespace), -1, -1):
                part = namespace[:depth]
                self._all[part] = self._all.get(part, 0) + count
                if depth:
                    self._below.setdefault(namespace[: depth - 1], {})[namespace[depth - 1]] = None
        self._sorted: dict[Namespace, list[str]] = {}

    def own(self, namespace: Namespace) -> int:
        """Items right in a namespace."""
        return self._own.get(namespace, 0)

    def below(self, namespace: Namespace) -> Sequence[str]:
        """The labels right below a namespace, in order."""
        if namespace not in self._sorted:
            self._sorted[namespace] = sorted(self._below.get(namespace, ()))
        return self._sorted[namespace]

    def branches(self, namespace: Namespace, offset: int, limit: int) -> Iterator[Branch]:
        """Some of the namespaces right below one."""
        for label in self.below(namespace)[offset : offset + limit]:
            path = (*namespace, label)
            yield Branch(label, self._all[path], self.own(path), len(self._below.get(path, ())))


class VersionWriter(NamedTuple):
    """The checkpoint that a version belongs to; ``made`` False: its step has made none (yet), and the
    checkpoint is the one that the step started from."""

    checkpoint: Checkpoint
    made: bool


def writer_of(history: History, version: StoredVersion) -> VersionWriter | None:
    """Which checkpoint of a thread wrote a version; None where that is not known.

    A version names the checkpoint that its step started from; of that one's children, the step made the
    first that is not older than the version.
    """
    at = version.at.timestamp()
    tree = history.tree
    row = tree.row_of(version.checkpoint_id or "", version.checkpoint_ns or "")
    if row >= 0:
        start = history.checkpoint_at(row)
        made = next((child for child in start.children if moment_of(child) >= at), None)
        return VersionWriter(made or start, made is not None)
    # ``durability="exit"`` stores only the last checkpoint of many.
    later = next((row for row in tree.roots if tree.times[row] >= at), -1)
    if later >= 0 and history.checkpoint_at(later).collapsed:
        return VersionWriter(history.checkpoint_at(later), True)
    return None


def moment_of(checkpoint: Checkpoint) -> float:
    """The moment of the memories at a checkpoint, in seconds since the epoch: when it was made, or, of one
    that a sandbox made, when it was kept."""
    kept = checkpoint.metadata.get(KEPT)
    return datetime.fromisoformat(kept).timestamp() if isinstance(kept, str) else checkpoint.time


def step_events(checkpoint: Checkpoint, changes: Changes) -> list[StoredVersion]:
    """What the step that made a checkpoint wrote, subgraphs that it called included; oldest to newest.

    Of all that started from its parent this is what was written after the sibling before it was made, and
    before itself was.
    """
    parent, tree, thread_id = checkpoint.parent, checkpoint.history.tree, checkpoint.history.thread_id
    lineage = checkpoint.history.lineage
    threads = {thread_id: None, **dict.fromkeys(lineage.threads)}  # a step that was copied names its own
    if lineage.origin is not None:
        threads[lineage.origin.thread_id] = None
    until = moment_of(checkpoint)
    siblings = map(moment_of, parent.children) if parent is not None else ()
    since = max((at for at in siblings if at < until), default=0.0)
    if checkpoint.collapsed:
        # The checkpoints that its steps started from were never stored.
        since = max(since, moment_of(parent) if parent is not None else 0.0)
        events = [
            event
            for event in changes(thread_id, None, since)
            if tree.row_of(event.checkpoint_id or "", event.checkpoint_ns or "") < 0
        ]
    else:
        starts = [start.id for start in _starts(parent)]
        events = [event for thread in threads for start in starts for event in changes(thread, start, None)]
    mine = (event for event in events if since < event.at.timestamp() <= until)
    return sorted(mine, key=lambda event: event.at)


def _starts(parent: Checkpoint | None) -> Iterator[Checkpoint]:
    """The checkpoints that what a step wrote names as its start: the parent, and those of subgraphs that its
    tasks called."""
    waiting = [parent] if parent is not None else []
    while waiting:
        yield (one := waiting.pop())
        waiting += one.inner


class StepChange(NamedTuple):
    """What became of one item. ``node``: who did it, ``at``: the last time."""

    namespace: Namespace
    key: str
    kind: ChangeKind
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    node: str | None
    at: Any


def item_changes(
    events: Iterable[StoredVersion], before: Mapping[tuple[Namespace, str], Mapping[str, Any] | None]
) -> list[StepChange]:
    """What events made of each item, in the order they first touched it.

    Args:
        events: oldest to newest.
        before: by namespace and key, the value that stood before the first of them; None where none did.
    """
    touched: dict[tuple[Namespace, str], list[StoredVersion]] = {}
    for event in events:
        touched.setdefault((event.namespace, event.key), []).append(event)
    changes = []
    for place, many in touched.items():
        was, last = before.get(place), many[-1]
        now = None if last.deleted else last.value
        if was is None and now is None:
            continue
        changes.append(StepChange(*place, kind_of(was, now), was, now, last.node, last.at))
    return changes


def item_line(value: Any, limit: int = 120) -> str:
    """One line for an item's value: its fields without the braces around them."""
    if not isinstance(value, Mapping) or not value:
        return line(value, limit)
    parts: list[str] = []
    room = limit
    for name, field in value.items():
        text = " ".join(field[:limit].split()) if isinstance(field, str) else line(field, limit)
        parts.append(f"{name}: {text}")
        room -= len(parts[-1])
        if room <= 0:
            break
    said = clean(" · ".join(parts))
    return said if len(said) <= limit else said[: limit - 1] + "…"
