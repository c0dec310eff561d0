"""Who last changed one part of the state: the checkpoint, and the node whose task wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.types import Overwrite

from lgviz.sources.places import by_channel

from .checkpoint import Checkpoint
from .messages import message_id
from .same import same
from .values import child_at, child_count, kind_of

__all__ = ["PartOrigin", "origin_of"]

_FARTHEST = 300
"""Checkpoints that changed the channel are looked at, from the newest back; beyond, nothing is said."""
_OVERWRITE = "__overwrite__"


@dataclass(frozen=True, slots=True)
class PartOrigin:
    """Who last changed a part of the state.

    Attributes:
        checkpoint: the one whose step changed it.
        nodes: the nodes whose tasks wrote it then: several where parallel tasks did, none where that is not
            certain.
    """

    checkpoint: Checkpoint
    nodes: tuple[str, ...]

    @property
    def node(self) -> str | None:
        """The node that wrote it; None where there is not exactly one."""
        return self.nodes[0] if len(self.nodes) == 1 else None


def origin_of(at: Checkpoint, channel: str, path: Sequence[int] = ()) -> PartOrigin | None:
    """Who last changed a part of the state as it is at a checkpoint; None where that is not certain.

    A message is known by its id, wherever it stands in its list; any other element of a list by being equal.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> graph = two_nodes.build(InMemorySaver())
    >>> two_nodes.seed(graph)
    >>> origin_of(lgviz.history(graph)["c3"], "bar", [0])
    PartOrigin(checkpoint=<Checkpoint c2 node_a, step 1>, nodes=('node_a',))

    Args:
        at: the checkpoint.
        channel: a channel of its state.
        path: child positions from the channel's value down to the part.
    """
    part = _Part.of(by_channel(at.values).get(channel), path)
    looked_at = 0
    here: Checkpoint | None = at
    while here is not None:
        before = here.parent
        if channel in here.changed or before is None:
            looked_at += 1
            if looked_at > _FARTHEST:
                return None
            old = by_channel(before.values) if before is not None else {}
            if channel not in old or not part.is_in(old[channel]):
                return PartOrigin(here, _writers(here, channel, part))
        here = before
    return None


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a value, and how it is found in an older one: by a message's id, a key, or a position."""

    steps: tuple[tuple[str | None, Any], ...]
    value: Any

    @classmethod
    def of(cls, value: Any, path: Sequence[int]) -> _Part:
        steps = []
        for position in path:
            in_list = kind_of(value) in ("list", "set")
            key, value = child_at(value, position)
            steps.append((message_id(value) if in_list else None, key))
        return cls(tuple(steps), value)

    def is_in(self, older: Any) -> bool:
        """Whether an older value has the same part."""
        for i, (known_by, key) in enumerate(self.steps):
            if known_by is not None:
                found = [one for one in older if message_id(one) == known_by] if _iterable(older) else []
            elif kind_of(older) in ("list", "set"):
                at = list(older)
                last = i == len(self.steps) - 1
                found = at if last else at[key : key + 1] if isinstance(key, int) else []
                if last:
                    return any(same(one, self.value) for one in found)
            else:
                found = [child for name, child in _children(older) if name == key]
            if not found:
                return False
            older = found[0]
        return same(older, self.value)

    def is_written_by(self, written: Any) -> bool:
        """Whether what was written to the channel speaks of this part: of its message, or of its key."""
        if not self.steps:
            return True
        known_by, key = self.steps[0]
        each = written if _iterable(written) else [written]
        if known_by is not None:
            return any(message_id(one) == known_by for one in each)
        if kind_of(written) in ("list", "set"):
            return len(self.steps) > 1 or any(same(one, self.value) for one in each)
        return any(name == key for name, _ in _children(written))


def _iterable(value: Any) -> bool:
    return kind_of(value) in ("list", "set")


def _children(value: Any) -> Iterator[tuple[Any, Any]]:
    return (child_at(value, position) for position in range(child_count(value)))


def _writers(made: Checkpoint, channel: str, part: _Part) -> tuple[str, ...]:
    """The nodes whose tasks wrote to a channel in the step that made a checkpoint; of those, where it can be
    told, the ones that wrote the part."""
    if made.source in ("input", "fork"):
        return ()
    wrote = [
        (node, _bare(one))
        for node, writes in made.writes.items()
        for written in writes
        if channel in written
        for one in _each(written[channel])
    ]
    whole = tuple(dict.fromkeys(node for node, _ in wrote))
    narrow = tuple(dict.fromkeys(node for node, one in wrote if part.is_written_by(one)))
    found = narrow or whole
    if made.source == "update" and not found and made.as_node is not None:
        found = (made.as_node,)
    return () if "" in found else found


def _each(written: Any) -> list[Any]:
    """What was written, also where one task wrote several times."""
    if isinstance(written, dict) and written.keys() == {"$writes"}:
        return list(written["$writes"])
    return [written]


def _bare(written: Any) -> Any:
    if isinstance(written, Overwrite):
        return written.value
    if isinstance(written, dict) and written.keys() == {_OVERWRITE}:
        return written[_OVERWRITE]
    return written
