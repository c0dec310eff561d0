"""What a delta channel's value is made of: the stored value nearest above a checkpoint, and the writes since.

LangGraph stores the value of a ``DeltaChannel`` now and then only (a *snapshot*). At any other checkpoint it
is the nearest ancestor's stored value, with what was written on the way from there through the reducer. The
writes under an ancestor made its child, so those of the nearest one count and those of the checkpoint do not:

>>> from langgraph.checkpoint.memory import InMemorySaver
>>> from lgviz.sources import open_source
>>> DeltaHistories(open_source(InMemorySaver()), "1").collect("", ["1f1ead33"], ["messages"])
{'messages': DeltaHistory(seed_id=None, seed=None, steps=[], lost='1f1ead33', doubt='')}
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from lgviz.persistence.savers.branches import DROPPED, Child, of_several_kinds, writes_of_child

from .base import Bookkeeping, Record, Source, StoredWrite

__all__ = ["GONE", "DeltaHistories", "DeltaHistory"]

Children = Callable[[str, str], Sequence[tuple[str, str]]]

GONE = "Checkpoints that hold a part of what was written to it are no longer stored: that part is missing."
_FIRST, _GROWTH = 64, 4
"""How many ancestors are looked at first, and how many times more where they were too few."""


@dataclass(slots=True)
class DeltaHistory:
    """What one channel's value at a checkpoint is made of.

    Attributes:
        seed_id: the nearest ancestor that stores a value; None where none does: the channel began empty.
        seed: that value.
        steps: the ancestors from there on, oldest first, and what was written to the channel under each, in
            the order in which LangGraph applies it.
        lost: the ancestor at which the path breaks off: it was deleted, or cannot be read; ``""`` where not
            even its id is stored.
        doubt: why it is not certain that these are all its writes, and no others.
    """

    seed_id: str | None = None
    seed: Any = None
    steps: list[tuple[str, list[StoredWrite]]] = field(default_factory=list)
    lost: str | None = None
    doubt: str = ""


class DeltaHistories:
    """Collects what delta channels are made of, for LangGraph with a graph and for lgviz without one.

    Args:
        source: where the thread is read from.
        thread_id: the thread.
        children: id and source of each child of a checkpoint (by namespace and id), in order of creation.

    Attributes:
        doubts: by namespace and id of checkpoints that were collected, and by channel: why it is not certain.
    """

    def __init__(self, source: Source, thread_id: str, children: Children = lambda *_: ()) -> None:
        self._source = source
        self._thread_id = thread_id
        self._children = children
        self.doubts: dict[tuple[str, str], dict[str, str]] = {}
        self._held: dict[tuple[str, str], frozenset[str]] = {}

    def forget(self) -> None:
        """Checkpoints were deleted, or stored anew."""
        self._held.clear()
        self.doubts.clear()

    def know(self, namespace: str, record: Record) -> None:
        """Which channels a checkpoint holds a value of, where it was read already."""
        if record.bookkeeping is not None:
            self._held[namespace, record.id] = frozenset(record.bookkeeping.channels)

    def collect(
        self, namespace: str, ancestors: Iterable[str], channels: Collection[str], of: str = ""
    ) -> dict[str, DeltaHistory]:
        """The history of each channel at a checkpoint.

        Args:
            namespace: the checkpoint's.
            ancestors: the ids of its ancestors, the parent first; only as many as are needed are taken.
            channels: the channels.
            of: the id of the checkpoint itself.
        """
        path, reach, lost = self._walk(namespace, ancestors, set(channels))
        by_reach: dict[int, list[str]] = {}
        for name in channels:
            by_reach.setdefault(reach.get(name, len(path)), []).append(name)
        found: dict[str, DeltaHistory] = {}
        for length, names in by_reach.items():
            found |= self._read(
                namespace, path[: length + 1], names, of, seeded=length < len(path), lost=lost
            )
        return found

    def _walk(
        self, namespace: str, ancestors: Iterable[str], wanted: set[str]
    ) -> tuple[list[str], dict[str, int], str | None]:
        """The ancestors up to where each channel's stored value is, where on them it is, and where the path
        breaks off."""
        path: list[str] = []
        reach: dict[str, int] = {}
        coming, size = iter(ancestors), _FIRST
        while wanted and (some := list(islice(coming, size))):
            size *= _GROWTH
            known = self.held(namespace, some)
            for id_ in some:
                if id_ not in known:
                    return path, reach, id_
                for name in wanted & known[id_]:
                    reach[name] = len(path)
                wanted = wanted - known[id_]
                path.append(id_)
                if not wanted:
                    break
        return path, reach, None

    def held(self, namespace: str, ids: Iterable[str]) -> dict[str, frozenset[str]]:
        """Which channels some checkpoints hold a value of, by id; those that cannot be read are missing."""
        wanted = list(ids)
        unknown = [id_ for id_ in wanted if (namespace, id_) not in self._held]
        if unknown:
            for id_, known in self._source.bookkeeping(self._thread_id, namespace, unknown).items():
                self._held[namespace, id_] = frozenset(known.channels)
        return {id_: found for id_ in wanted if (found := self._held.get((namespace, id_))) is not None}

    def written(
        self, namespace: str, parents: Mapping[str, str], channels: Collection[str]
    ) -> dict[str, dict[str, list[StoredWrite]]]:
        """What was written to channels to make some checkpoints, by id and by channel, in LangGraph's order.

        Args:
            namespace: theirs.
            parents: the ids of their parents, by their own.
            channels: the channels.
        """
        read = self._under(namespace, list(dict.fromkeys(parents.values())), channels)
        return {
            child: self._part(namespace, parent, child, channels, read.get(parent, {}))[0]
            for child, parent in parents.items()
        }

    def _under(
        self, namespace: str, ids: Sequence[str], channels: Collection[str]
    ) -> dict[str, dict[str, list[StoredWrite]]]:
        """What was written to channels under some checkpoints, by id and by channel."""
        found: dict[str, dict[str, list[StoredWrite]]] = {}
        read = self._source.writes_to(self._thread_id, namespace, ids, channels) if ids else {}
        for id_, writes in read.items():
            by_channel = found[id_] = {}
            for write in writes:
                by_channel.setdefault(write.channel, []).append(write)
        return found

    def _read(
        self, namespace: str, path: list[str], names: list[str], of: str, *, seeded: bool, lost: str | None
    ) -> dict[str, DeltaHistory]:
        seeds: dict[str, Any] = {}
        if seeded:
            seeds = self._source.channels(self._thread_id, namespace, path[-1], names)
        written = self._under(namespace, path, names)
        found = {name: DeltaHistory(lost=None if seeded else lost) for name in names}
        for name in seeds.keys() & found.keys():
            found[name].seed_id, found[name].seed = path[-1], seeds[name]
        for id_, child in reversed(list(zip(path, [of, *path], strict=False))):
            by_channel, doubts = self._part(namespace, id_, child, names, written.get(id_, {}))
            for name, writes in by_channel.items():
                if writes:
                    found[name].steps.append((id_, writes))
            for name, doubt in doubts.items():
                if found[name].doubt in ("", DROPPED):
                    found[name].doubt = doubt
        gone = {name: GONE for name, history in found.items() if history.lost is not None}
        if doubts := gone | {name: history.doubt for name, history in found.items() if history.doubt}:
            self.doubts[namespace, of] = {**self.doubts.get((namespace, of), {}), **doubts}
        return found

    def _part(
        self,
        namespace: str,
        parent: str,
        child: str,
        channels: Collection[str],
        written: Mapping[str, list[StoredWrite]],
    ) -> tuple[dict[str, list[StoredWrite]], dict[str, str]]:
        """Of the writes under a checkpoint, by channel, those that made one child of it, where there may be
        others; and why that is not certain."""
        children = self._children(namespace, parent) if child else ()
        ids = [id_ for id_, _ in children]
        # Of one child all writes are; an update that changed a channel may have lost those to it.
        unwritten = (child, "update") in children and not written.keys() >= set(channels)
        several = len(ids) > 1 or unwritten or any(map(of_several_kinds, written.values()))
        if child not in ids or not several:
            return {name: _given(writes) for name, writes in written.items()}, {}
        known = self._source.bookkeeping(self._thread_id, namespace, [parent, *ids])
        before = known.get(parent)
        own: dict[str, list[StoredWrite]] = {}
        doubts: dict[str, str] = {}
        for name in channels:
            those = [
                Child(id_, source, _version(before, name), _version(after, name), _stores(after, name))
                for id_, source in children
                for after in (known.get(id_),)
            ]
            own[name], doubt = writes_of_child(parent, those, child, written.get(name, []))
            if doubt:
                doubts[name] = doubt
        return own, doubts


def _given(writes: Sequence[StoredWrite]) -> list[StoredWrite]:
    """Those that LangGraph is given: the last of each place."""
    return list({(write.task_id, write.idx): write for write in reversed(writes)}.values())[::-1]


def _stores(known: Bookkeeping | None, channel: str) -> bool:
    return known is not None and channel in known.channels


def _version(known: Bookkeeping | None, channel: str) -> Any:
    return None if known is None else known.channel_versions.get(channel)
