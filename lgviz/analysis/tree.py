"""The tree of a thread: append-only columns over the checkpoints of all its namespaces, oldest first."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from enum import IntFlag
from math import nan
from typing import Any

from langgraph.checkpoint.serde.types import ERROR

from lgviz.errors import CheckpointNotFound, LgvizError
from lgviz.persistence.serde.stored_error import StoredError
from lgviz.sources.base import Bookkeeping, CheckpointRow, Source, ThreadIndex
from lgviz.sources.places import NULL_TASK_ID, SERVED, TASKS_CHANNEL, calls, id_time

from .lanes import Lanes
from .naming import NOTE, Naming
from .steps import Step, Task, TreeRow

__all__ = ["LABEL", "Flag", "Tree"]

LABEL = re.compile(r"[cs]\d+(\.s?\d+)*")
"""What the labels that :meth:`Tree.extend` gives look like; no checkpoint id does."""


_MOST_STEPS = 1 << 53
"""A step's number beyond is none: metadata may say any."""


class Flag(IntFlag):
    """What a row shows besides its nodes; the same numbers travel to the views."""

    INPUT = 1
    UPDATE = 2
    FORK = 4
    INTERRUPT = 8
    ERROR = 16
    PENDING = 32
    COLLAPSED = 64
    NOTE = 128
    ANSWERED = 256
    SANDBOX = 512
    WAITED = 1024
    SERVED = 2048


# As plain numbers: adding up flags of an enumeration takes more time than all else that a row is asked.
_COLLAPSED, _NOTE, _SANDBOX, _WAITED, _INTERRUPT, _ANSWERED, _ERROR, _PENDING, _SERVED = map(
    int,
    (
        Flag.COLLAPSED, Flag.NOTE, Flag.SANDBOX, Flag.WAITED, Flag.INTERRUPT, Flag.ANSWERED, Flag.ERROR,
        Flag.PENDING, Flag.SERVED,
    ),
)  # fmt: skip
_SOURCES = {"input": int(Flag.INPUT), "update": int(Flag.UPDATE), "fork": int(Flag.FORK)}
_FIRST = {"input": -1, "update": 0, "fork": 0}
"""The step of what begins a thread."""


class Tree:
    """Columns by row; a row is never moved, and a label, a lane and a parent never change once given.

    Attributes:
        ids, labels, namespaces, steps, sources: of each checkpoint. A label is ``c0``, ``c1``, … in the root
            namespace, ``c4.1`` for a subgraph's under the checkpoint its call started from; by the number
            that the tables keep, else by counting. What a sandbox holds is ``s1``, ``s2``, … (``s1.1``, and
            ``c4.s1`` under a checkpoint of the base).
        parent: row of the parent in the same namespace; for the first checkpoint of a subgraph call the row
            it started from; else -1.
        anchor: row of the checkpoint that a subgraph's call started from; -1 in the root namespace.
        lane, depth, times, flags: for drawing (``times`` in seconds since the epoch, NaN where unknown).
        nodes, changed: which nodes ran to make it, and which state channels it changed.
        rows: the same as objects, with their children and stored writes.
    """

    def __init__(
        self,
        source: Source,
        thread_id: str,
        triggers: Mapping[str, Iterable[tuple[str, ...]]] | None = None,
        calls: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._calls = calls
        self._source = source
        self._thread_id = thread_id
        self._triggers = triggers
        graph = source.graph
        named = (getattr(graph, f"interrupt_{when}_nodes", ()) for when in ("before", "after"))
        self._breakpoints = tuple({nodes} if isinstance(nodes, str) else set(nodes) for nodes in named)
        self._clear()

    def _clear(self) -> None:
        self.ids: list[str] = []
        self.labels: list[str] = []
        self.namespaces: list[str] = []
        self.steps: list[int | None] = []
        self.sources: list[str] = []
        self.nodes: list[tuple[str, ...]] = []
        self.changed: list[tuple[str, ...]] = []
        self.parent = array("i")
        self.anchor = array("i")
        self.lane = array("H")
        self.depth = array("B")
        self.times = array("d")
        self.flags = array("H")
        self.rows: list[TreeRow] = []
        self.roots: list[int] = []
        """Rows of the root namespace."""
        self.inner: dict[int, list[int]] = {}
        """By row: the subgraph checkpoints whose call started there."""
        self._row: dict[tuple[str, str], int] = {}
        self._label: dict[str, int] = {}
        self._counted: dict[str, int] = {}
        """Rows so far, by what their labels begin with."""
        self._early: dict[tuple[str, str], Step] = {}
        self._lanes = Lanes()
        self.naming = Naming(self._load_versions, self._load_sends, self._triggers, self._calls)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<Tree of {len(self.ids)} checkpoints>"

    def row_of(self, id_or_label: str, namespace: str | None = None) -> int:
        """The row of a checkpoint id (in any namespace unless one is given) or a label; -1: there is none."""
        row = self._label.get(id_or_label, -1)
        if row < 0:
            row = self._row.get((namespace or "", id_or_label), -1)
        if row < 0 and namespace is None:
            found = (self._row.get((other, id_or_label), -1) for other in set(self.namespaces))
            row = next((row for row in found if row >= 0), -1)
        return row

    def extend(self, index: ThreadIndex) -> tuple[int, list[int]]:
        """Take in what is new.

        Returns:
            The first new row, and the earlier rows whose flags, nodes or changed channels are others now.
            After a reset of the index all rows are new.
        """
        if index.reset:
            self._clear()
        first = len(self.ids)
        for checkpoint in _in_order(index.checkpoints):
            if (checkpoint.namespace, checkpoint.id) not in self._row:
                self._add(checkpoint)
        touched = {self._add_write(write) for write in index.writes}
        touched.update(self.parent[first:])
        touched.discard(-1)
        renamed = set(range(first, len(self.ids)))
        for row in touched:
            if row < first:
                renamed.update(child.index for child in self.rows[row].children)
        self.naming.name(self.rows[row] for row in sorted(renamed))
        self._excuse(self.rows[row] for row in renamed | touched)
        patched = []
        for row in sorted(renamed | touched):
            facts = self.rows[row]
            now = (self._flags(facts), facts.nodes, facts.changed)
            if row < first and now != (self.flags[row], self.nodes[row], self.changed[row]):
                patched.append(row)
            self.flags[row], self.nodes[row], self.changed[row] = now
        return first, patched

    # ------------------------------------------------------------ rows

    def _add(self, checkpoint: CheckpointRow) -> None:
        number = len(self.ids)
        namespace, metadata = checkpoint.namespace, checkpoint.metadata
        place = (namespace, checkpoint.id)
        above = self._row.get((namespace, checkpoint.parent_id or ""), -1)
        parent = self.rows[above] if above >= 0 else None
        step = metadata.get("step")
        row = TreeRow(
            number,
            namespace,
            checkpoint.id,
            checkpoint.parent_id,
            parent,
            step if isinstance(step, int) and abs(step) < _MOST_STEPS else None,
            str(metadata.get("source") or ""),
            metadata,
            work=self._early.pop(place, None),
            provisional=checkpoint.provisional,
        )
        row.collapsed = _is_collapsed(row)
        if parent is not None:
            parent.children.append(row)
        anchor = self._anchor(checkpoint) if namespace else -1
        self.rows.append(row)
        self.namespaces.append(namespace)
        self.steps.append(row.step)
        self.sources.append(row.source)
        self.times.append(nan if (time := id_time(checkpoint.id)) is None else time)
        self.anchor.append(anchor)
        self.parent.append(above if above >= 0 else anchor)
        self.depth.append(min(255, len(_call_path(namespace))) if namespace else 0)
        self.nodes.append(())
        self.changed.append(())
        self.flags.append(0)
        if namespace:
            self.lane.append(self._lanes.attach(number, self.root_of(anchor)))
            siblings = self.inner.setdefault(anchor, [])
            over_base = row.provisional and not (anchor >= 0 and self.rows[anchor].provisional)
            lost = f"c{checkpoint.under}" if checkpoint.under else "?"
            label = f"{self.labels[anchor] if anchor >= 0 else lost}.{'s' if over_base else ''}"
        else:
            self.lane.append(self._lanes.add(number, above))
            siblings, label = self.roots, "s" if row.provisional else "c"
        # The root namespace counts from 0, all others from 1.
        counted = self._counted[label] = self._counted.get(label, -(label == "c")) + 1
        # Two calls that started from checkpoints that were never stored may share a number.
        kept = f"{label}{checkpoint.ordinal}" if checkpoint.ordinal is not None else ""
        label = kept if kept and kept not in self._label else f"{label}{counted}"
        self.labels.append(label)
        # Last what others find a row by: who reads meanwhile sees it whole.
        self.ids.append(checkpoint.id)
        self._row[place] = self._label[label] = number
        siblings.append(number)

    def _add_write(self, write: Any) -> int:
        place = (write.namespace, write.checkpoint_id)
        row = self._row.get(place, -1)
        if row < 0:
            self._early.setdefault(place, Step()).add(write)
            return -1
        facts = self.rows[row]
        if facts.work is None:
            facts.work = Step()
        facts.work.add(write)
        return row

    def _anchor(self, checkpoint: CheckpointRow) -> int:
        """The row of the checkpoint that a subgraph's call started from: of its innermost caller."""
        path = _call_path(checkpoint.namespace)
        parents = checkpoint.metadata.get("parents") or {}
        # Of a task that calls a graph (``@task``) LangGraph names the checkpoint of who called the task.
        named = {id_: outer for outer, id_ in sorted(parents.items(), key=lambda each: -len(each[0]))}
        found = -1, -1
        for id_, outer in named.items():
            # A stateful subgraph's namespace has no task ids, its callers' may have.
            outer_path = _call_path(outer)
            if outer != checkpoint.namespace and outer_path == path[: len(outer_path)]:
                found = max(found, (len(outer_path), self._row.get((outer, id_), -1)))
        return found[1]

    def root_of(self, row: int) -> int:
        """The row of the root namespace in whose step a row was made; itself there. -1: it is not known."""
        while row >= 0 and self.namespaces[row]:
            row = self.anchor[row]
        return row

    def _flags(self, row: TreeRow) -> int:
        mark = _SOURCES.get(row.source, 0)
        if row.collapsed:
            mark |= _COLLAPSED
        if row.metadata.get(NOTE):
            mark |= _NOTE
        if row.provisional:
            mark |= _SANDBOX
        if row.work is not None:
            mark |= _of_tasks(row, row.work.tasks.values())
        if row.parent is not None and self._waited(row, row.parent):
            mark |= _WAITED
        if row.parent is not None and (served := row.metadata.get(SERVED)):
            done = {task.id for task in row.parent.step_work.done() if not task.called}
            mark |= _SERVED if done and done.issubset(served) else 0
        return mark

    def _excuse(self, rows: Iterable[TreeRow]) -> None:
        """Tasks that were cancelled did not fail: they run again where their step is resumed. Only the stored
        error tells, so those of steps that went no further are read."""
        failed: dict[str, dict[str, list[Task]]] = {}
        for row in rows:
            tasks = [task for task in row.step_work.tasks.values() if task.failed]
            if tasks and not row.continued:
                failed.setdefault(row.namespace, {})[row.id] = tasks
        for namespace, by_id in failed.items():
            try:
                stored = self._source.writes_to(self._thread_id, namespace, list(by_id), [ERROR])
            except LgvizError:  # whoever asks for the error is told
                continue
            for id_, tasks in by_id.items():
                texts = {write.task_id: StoredError.of(write.value) for write in stored.get(id_, ())}
                for task in tasks:
                    task.failed = task.id not in texts or not texts[task.id].stopped

    def _waited(self, row: TreeRow, parent: TreeRow) -> bool:
        """Whether more than a step may lie between a checkpoint and its parent: an answer, a repair, a
        decision to run on, another run of the same step, steps that were not stored."""
        if row.source != "loop" or row.collapsed or parent.source not in ("input", "loop"):
            return True
        for task in parent.step_work.tasks.values():
            if task.interrupted or task.failed:
                return True
        before, after = self._breakpoints
        if before and before.intersection(("*", *row.nodes)):
            return True
        if after and after.intersection(("*", *parent.nodes)):
            return True
        for child in parent.children:
            if child.source == "loop":
                return child is not row
        return True

    # ------------------------------------------------------------ for naming

    def _load_versions(self, namespace: str, ids: Sequence[str]) -> Mapping[str, Bookkeeping]:
        return self._source.bookkeeping(self._thread_id, namespace, ids)

    def _load_sends(self, namespace: str, checkpoint_id: str, resent: bool) -> list[str]:
        place = (self._thread_id, namespace, checkpoint_id)
        try:
            sends = (
                [w.value for w in self._source.writes(*place)
                 if w.task_id == NULL_TASK_ID and w.channel == TASKS_CHANNEL]
                if resent
                else self._source.channels(*place, [TASKS_CHANNEL]).get(TASKS_CHANNEL)
            )  # fmt: skip
        except CheckpointNotFound:
            return []
        return [send.node for send in sends if hasattr(send, "node")] if isinstance(sends, list) else []


def _of_tasks(row: TreeRow, tasks: Collection[Task]) -> int:
    """What the tasks of a step mark its checkpoint with. One that another called marks nothing: its caller
    asks and fails for it, or caught what it raised."""
    asked = [task for task in tasks if task.interrupted and not task.called]
    waits = [task for task in asked if not task.finished]
    mark, continued = _INTERRUPT if asked else 0, row.continued
    if asked and (continued or not waits):
        mark |= _ANSWERED
    if not continued:
        # One task takes an input. If that asks, who failed was called by it; before 2026 no path says so.
        alone = row.source == "input" and bool(waits)
        for task in tasks:
            if task.failed and not (task.called or task.handled or (alone and not task.path)):
                mark |= _ERROR
            elif task.finished:
                mark |= _PENDING
    return mark


def _in_order(checkpoints: Sequence[CheckpointRow]) -> Iterator[CheckpointRow]:
    """Each checkpoint after those it stands on, else as given.

    LangGraph stores while the next step runs: a subgraph's first may come before the one its call
    started from.
    """
    if not any(c.namespace for c in checkpoints):
        yield from checkpoints
        return
    coming = {(c.namespace, c.id) for c in checkpoints}
    waiting: dict[tuple[str, str], list[CheckpointRow]] = {}
    for given in checkpoints:
        ready = [given]
        while ready:
            checkpoint = ready.pop(0)
            stands_on = [(checkpoint.namespace, checkpoint.parent_id or "")]
            if checkpoint.namespace and isinstance(parents := checkpoint.metadata.get("parents"), dict):
                stands_on += [place for place in parents.items() if place[0] != checkpoint.namespace]
            first = next((place for place in stands_on if place in coming), None)
            if first is not None:
                waiting.setdefault(first, []).append(checkpoint)
                continue
            coming.discard((checkpoint.namespace, checkpoint.id))
            yield checkpoint
            ready += waiting.pop((checkpoint.namespace, checkpoint.id), [])
    for left in waiting.values():  # damaged rows that stand on each other
        yield from left


def _call_path(namespace: str) -> list[str]:
    """The nodes whose calls a namespace is nested in."""
    return [call.node for call in calls(namespace)]


def _is_collapsed(row: TreeRow) -> bool:
    """Whether steps are missing before it."""
    if row.parent_id is None and row.source in _FIRST:
        return row.step is not None and row.step > _FIRST[row.source]  # what came before was pruned
    if row.source in ("fork", "input", ""):
        return False
    if row.parent is None:
        return row.parent_id is not None or row.source == "loop"
    if row.step is None or row.parent.step is None:
        return False
    return row.step - row.parent.step > 1
