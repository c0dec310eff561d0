"""Branches step by step beside each other: which steps are visits of the same nodes, and do the same.

Steps are aligned by the nodes that made them, a fan-out as a set. Two steps do the same where what they
change has one fingerprint (:mod:`~lgviz.analysis.fingerprint`): ids that were made up do not count.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage

from lgviz.sources.redact import MASK

from .align import align
from .checkpoint import Checkpoint, state_of
from .diff import Change, diff_states
from .fingerprint import Fingerprints, Inexact, messages_in
from .messages import message_id

__all__ = ["StepDigests", "Visit", "aligned", "made_by"]

Visit = tuple[Checkpoint | None, ...]
"""One step of each branch, None where a branch has no such step."""

_PAIRS = 4_000_000
"""Pairs of steps that are looked at; two branches of 2,000 steps each."""


def aligned(branches: Sequence[Sequence[Checkpoint]]) -> list[Visit]:
    """The steps of branches, aligned by their nodes, each branch in its order. The copy of a checkpoint that
    LangGraph makes where a run starts from it again is no step.

    The branches are taken in one after the other: each is aligned with what the ones before have come to, by
    :func:`lgviz.analysis.align.align`.
    """
    keys: list[Hashable] = []
    visits: list[list[Checkpoint | None]] = []
    for number, whole in enumerate(branches):
        branch = [step for step in whole if step.source != "fork"]
        own = [_key(step) for step in branch]
        made_keys: list[Hashable] = []
        made: list[list[Checkpoint | None]] = []
        i = j = 0
        for x, y, size in [*align(keys, own, small=_PAIRS, total=_PAIRS), (len(keys), len(own), 0)]:
            made_keys += [*keys[i:x], *own[j:y], *keys[x : x + size]]
            made += [[*visit, None] for visit in visits[i:x]]
            made += [[*[None] * number, step] for step in branch[j:y]]
            made += [[*visit, branch[y + n]] for n, visit in enumerate(visits[x : x + size])]
            i, j = x + size, y + size
        keys, visits = made_keys, made
    return [tuple(visit) for visit in visits]


def made_by(step: Checkpoint) -> tuple[str, ...]:
    """The nodes that made a step, each once; of an update the node in whose name it was."""
    nodes = step.nodes or ((step.as_node,) if step.as_node else ())
    return tuple(dict.fromkeys(nodes))


def _key(step: Checkpoint) -> Hashable:
    return step.source, frozenset(made_by(step))


class StepDigests:
    """What steps did, as hashes: of what their tasks wrote if it is stored, else of what they changed."""

    def __init__(self) -> None:
        self._made = Fingerprints()
        self._shown = Fingerprints(hidden=MASK)
        self._hidden: set[Checkpoint] = set()
        """Steps of which ``redact=`` hides something."""
        self._written: dict[Checkpoint, bytes | None] = {}
        self._changed: dict[Checkpoint, bytes | None] = {}

    def of(self, steps: Iterable[Checkpoint]) -> dict[Checkpoint, bytes | None]:
        """By step a hash, equal for those that did the same, ids aside; None where a value cannot be hashed
        exactly."""
        asked = list(steps)
        for step in asked:
            if step not in self._written:
                self._written[step] = self._of_writes(step)
        if None not in (found := {step: self._written[step] for step in asked}).values():
            return found
        for step in asked:
            if step not in self._changed:
                self._changed[step] = self._of_changes(step)
        return {step: self._changed[step] for step in asked}

    def same(self, one: Checkpoint, other: Checkpoint) -> bool | None:
        """Whether two steps did the same; None where that cannot be told."""
        if one == other:
            return True
        digests = set(self.of([one, other]).values())
        if None in digests or len(digests) > 1:
            return None if None in digests else False
        return None if self.hides(one) else True  # what is hidden may differ

    def hides(self, step: Checkpoint) -> bool:
        """Whether ``redact=`` hides something of a step that was hashed."""
        return step in self._hidden

    def _of_writes(self, step: Checkpoint) -> bytes | None:
        writes = step.writes
        if writes.derived or not any(any(one) for one in writes.values()):
            return None
        named = {message.id for message in messages_in(dict(writes)) if message.id}
        places: dict[str, int] = {}
        if named and step.parent is not None:  # a message that was there before is edited or removed
            known = messages_in(state_of(step.parent))
            places = {message.id: n for n, message in enumerate(known) if message.id in named}
        written = sorted(writes.items())
        return self._hash(step, _by_place(written, places))

    def _of_changes(self, step: Checkpoint) -> bytes | None:
        before = {} if step.parent is None else state_of(step.parent)
        state = state_of(step)
        changes = [
            (change.channel, change.kind, _place(change, before, state), change.after)
            for change in diff_states(before, state)
        ]
        return self._hash(step, changes)

    def _hash(self, step: Checkpoint, value: Any) -> bytes | None:
        try:
            digest = self._made.of(value).digest
        except Inexact:
            return None
        try:
            self._shown.of(value)
        except Inexact:
            self._hidden.add(step)
        return digest


def _by_place(value: Any, places: Mapping[str, int]) -> Any:
    """What was written, its messages named by where they stood before; new ones by nothing: LangGraph stores
    what a node wrote now with the ids that they were given, and now without."""
    if isinstance(value, BaseMessage):
        place = places.get(value.id or "")
        return [place, value.model_copy(update={"id": None})]
    if isinstance(value, (list, tuple)):
        return [_by_place(each, places) for each in value]
    if type(value) is dict:
        return {name: _by_place(each, places) for name, each in value.items()}
    return value


def _place(change: Change, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Any]:
    """Where a change is, without ids: a message by its position, what was added to a list by none."""
    value = (before if change.kind == "removed" else after).get(change.channel)
    place: list[Any] = []
    for step in change.path:
        if isinstance(value, (list, tuple)):
            found = (i for i, each in enumerate(value) if step in (i, message_id(each)))
            step = next(found, None)
            value = None if step is None else value[step]
            place.append("new" if change.kind == "added" and len(place) == len(change.path) - 1 else step)
        else:
            value = value.get(step) if isinstance(value, Mapping) else getattr(value, str(step), None)
            place.append(step)
    return place
