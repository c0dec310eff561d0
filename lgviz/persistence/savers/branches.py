"""Which of the writes under a checkpoint made which of its children.

A delta channel is rebuilt from the writes under its ancestors. Where a checkpoint has several children that
store no value of their own, as updates of LangGraph before 1.2.13 made them, each child has a part of these
writes. The ids and paths of tasks tell updates from the step that ran; lgviz's savers also keep after which
child a write came.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

OF_UPDATE = "-"
"""In the place of a child: a write that came without the path that its task has, so from an update."""

AGAIN = "+"
"""Added to it: an update that shares its id with one before, as two of a super-step do before 1.2.15."""

__all__ = ["DOUBTS", "DROPPED", "LOST", "MIXED", "RERUN", "Child", "of_several_kinds", "writes_of_child"]

MIXED = (
    "The writes of two branches are mixed here (LangGraph before 1.2.13 stored them under one checkpoint):"
    " which are this branch's is not certain."
)
LOST = (
    "What this branch wrote here was not stored (LangGraph before 1.2.13 gave it the id of a task of another"
    " branch): it is missing from the value."
)
RERUN = (
    "The step ran twice from the checkpoint before, and of both runs' writes the first are kept:"
    " what this branch wrote may be something else."
)

DROPPED = (
    "The update changed this channel, but no write of it is stored (LangGraph before 1.2.15 gave the updates"
    " of one step the same id, and kept the first): it may be missing from the value."
)
DOUBTS = (LOST, MIXED, RERUN, DROPPED)
"""Every reason why what a branch wrote is not certain."""


class Child(NamedTuple):
    """A child of a checkpoint, as far as one delta channel is concerned.

    Attributes:
        id: of the child.
        source: ``input``, ``loop``, ``update`` or ``fork``.
        before: the version that the channel has in the parent.
        version: of the channel.
        stored: whether its value is stored.
    """

    id: str
    source: str
    before: Any = None
    version: Any = None
    stored: bool = False

    @property
    def takes(self) -> bool:
        """Whether writes under the parent made its value; where a fork stores the value, none did."""
        return self.before != self.version and not (self.stored and _kind_of_child(self) != "run")


class _Write(Protocol):
    @property
    def task_id(self) -> str: ...

    @property
    def task_path(self) -> str: ...

    @property
    def after(self) -> str: ...
    @property
    def row(self) -> int: ...


W = TypeVar("W", bound=_Write)


def writes_of_child(
    parent: str, children: Sequence[Child], child: str, writes: Sequence[W]
) -> tuple[list[W], str]:
    """The writes to one delta channel that made a child, in their order, and what is not certain about that.

    Args:
        parent: the id of the checkpoint that the writes lie under.
        children: its children in order of creation.
        child: which of them.
        writes: those to the channel, in LangGraph's order.
    """
    children = _with_unseen(children, writes)
    own, doubt = _told(parent, children, child, writes)
    updates = not any(write.task_path and not write.after for write in own)
    if updates and any(each.id == child and each.source == "update" for each in children):
        # LangGraph before 1.2.15 gave the updates of a super-step ids that do not sort, and no paths.
        own = sorted(own, key=lambda write: write.row)
        mine = next(each for each in children if each.id == child)
        if not own and not doubt and not mine.stored and mine.before != mine.version:
            doubt = DROPPED
    return own, doubt


def _told(parent: str, children: Sequence[Child], child: str, writes: Sequence[W]) -> tuple[list[W], str]:
    places = {each.id: place for place, each in enumerate(children)}
    place = places[child]
    mine, takers = children[place], [each for each in children if each.takes and each.source != "fork"]
    if mine.before is None and mine.version is None:
        return _without_versions(parent, children, mine, writes), ""
    if not mine.takes:
        return [], ""
    if mine.source == "fork":  # made as a copy of another child: what made that one made it
        copied = [each for each in children if each.version == mine.version and each.source != "fork"]
        if copied:
            return _told(parent, children, copied[0].id, writes)
        return list(writes), ""
    late = [_turn(write.after, places) for write in writes]
    writes, late = _without_copies(writes, late)
    own = [write for write, turn in zip(writes, late, strict=True) if turn == place]
    if place and own:  # kept by lgviz: stored after the child before, so for this one
        ran = any(each.takes and each.source == "loop" for each in children[:place])
        if mine.source == "update" or ran or any(map(_is_of_exit, own)):
            return own, ""
        again = {write.task_id for write in own}
        earlier = [w for w, turn in zip(writes, late, strict=True) if turn < place and w.task_id not in again]
        rest = _of_kind(parent, "run", earlier)
        return [write for write in writes if write in rest or any(write is each for each in own)], ""
    first = [write for write, turn in zip(writes, late, strict=True) if not turn]
    return _told_by_ids(parent, takers, mine, first)


def _without_versions(parent: str, children: Sequence[Child], mine: Child, writes: Sequence[W]) -> list[W]:
    """Of a channel that no version tells about: nothing wrote to it, or whoever stored it counts none."""
    if mine.source == "fork":  # a copy, of the checkpoint or of a child of it
        return []
    versioned = any(each.version is not None and not each.stored for each in children)
    if _kind_of_child(mine) == "run":
        return _of_kind(parent, "run", writes) if versioned else list(writes)
    if versioned or any(write.task_path or _is_of_exit(write) for write in _of_kind(parent, "run", writes)):
        return []
    return list(writes)


def _without_copies(writes: Sequence[W], turns: Sequence[int]) -> tuple[list[W], list[int]]:
    """Writes without those that are there twice: a run that stores at its end (before 1.2.15) stores anew
    what it found under the checkpoint: taken where it went on with the step, not where it left a branch."""
    tasks = {write.task_id[8:]: write.task_id for write in writes if not _is_of_exit(write)}
    copies = [_is_of_exit(write) and write.task_id[8:] in tasks for write in writes]
    went_on = {
        tasks[w.task_id[8:]] for w, copy, turn in zip(writes, copies, turns, strict=True) if copy and not turn
    }
    kept = [
        (write, turn)
        for write, copy, turn in zip(writes, copies, turns, strict=True)
        if not (copy if turn else write.task_id in went_on)
    ]
    return [write for write, _ in kept], [turn for _, turn in kept]


def of_several_kinds(writes: Sequence[_Write]) -> bool:
    """Whether of writes under a checkpoint some may be an update's, and others not."""
    return any(
        write.after
        or write.task_path.startswith("~__interrupt__")
        or not (write.task_path or _is_of_exit(write))
        for write in writes
    )


def _told_by_ids(
    parent: str, takers: Sequence[Child], mine: Child, writes: Sequence[W]
) -> tuple[list[W], str]:
    kind = _kind_of_child(mine)
    own = _of_kind(parent, kind, writes)
    if len(takers) == 1:
        return own or list(writes), ""
    rivals = [each for each in takers if _kind_of_child(each) == kind]
    if len(rivals) == 1:
        # Either LangGraph dropped what it wrote, or it was made of what the step's tasks had written.
        return (own, "") if own else (_of_kind(parent, "run", writes), MIXED)
    if kind == "run" and not any(map(_is_of_exit, own)):
        # The step ran again: each run of it stored the same tasks, of which the first is kept.
        return own, "" if mine is rivals[0] else RERUN
    certain = len({write.task_id for write in own}) < 2
    if mine is rivals[0]:
        return own, "" if certain else MIXED
    return ([], LOST) if certain else (own, MIXED)


def _with_unseen(children: Sequence[Child], writes: Sequence[W]) -> Sequence[Child]:
    """The children with those that only a write names: removed since, or of a thread that the path left."""
    named = {write.after.rstrip(AGAIN) for write in writes} - {"", OF_UPDATE, *(each.id for each in children)}
    found = list(children)
    for id_ in sorted(named):  # ids sort by time
        place = next((n for n, each in enumerate(found) if each.id > id_), len(found))
        found.insert(place, Child(id_, ""))
    return found


def _turn(after: str, places: dict[str, int]) -> int:
    """How many children there were when a write was stored."""
    after = after.rstrip(AGAIN)
    return 0 if after in ("", OF_UPDATE) else places[after] + 1


def _kind_of_child(child: Child) -> str:
    return child.source if child.source in ("update", "input") else "run"


def _of_kind(parent: str, kind: str, writes: Iterable[W]) -> list[W]:
    writes, names = list(writes), _ids_of_updates(parent)
    paths = any(write.task_path for write in writes)
    return [write for write in writes if _kind_of_write(write, names, paths) in (kind, "")]


def _ids_of_updates(parent: str) -> dict[str, str]:
    """The ids that LangGraph gives what no task of the step wrote, by what it is."""
    try:
        base = uuid.UUID(parent)
    except ValueError:
        return {}
    ids = {str(uuid.uuid5(base, "__interrupt__")): "update", str(uuid.uuid5(base, "__input__")): "input"}
    return ids | {str(uuid.uuid5(base, f"__interrupt__:{n}")): "update" for n in range(1, 64)}


def _kind_of_write(write: _Write, names: dict[str, str], paths: bool) -> str:
    if write.after.startswith(OF_UPDATE):
        return "update"
    if write.task_id in names:
        return names[write.task_id]
    if write.task_path:
        return "update" if write.task_path.startswith("~__interrupt__") else "run"
    if _is_of_exit(write):
        return "run"
    # Before 1.2.13 an update had no path, with the id of a task that waited: each task of a step has one.
    return "update" if paths else ""


def _is_of_exit(write: Any) -> bool:
    """Whether a run stored it at its end: then the id begins with the number of the step."""
    head = str(write.task_id).lstrip("-").split("-")[0]
    return head == "ffffffff" or (head.isdigit() and head.startswith("00"))
