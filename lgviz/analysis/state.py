"""What one thread holds at each row of its tree: states as LangGraph itself tells them, and writes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

from langgraph.checkpoint.serde.types import ERROR
from langgraph.types import Interrupt, StateSnapshot

from lgviz.persistence.serde.stored_error import StoredError
from lgviz.sources.as_saver import SourceSaver
from lgviz.sources.base import Record, Source, StoredWrite
from lgviz.sources.deltas import DeltaHistories
from lgviz.sources.places import by_channel, config_of, node_path

from .steps import TreeRow
from .stored_state import stored_snapshot
from .tree import Tree
from .writes import Writes, derived_write, makers, stored_writes

__all__ = ["StateReader", "triggers_of"]

_KEPT = 32
"""The checkpoints looked at last are kept whole."""


class _Opened:
    """A checkpoint read whole, and what LangGraph made of it once that was asked for."""

    __slots__ = ("record", "snapshot", "stamp")

    def __init__(self, stamp: tuple[int, ...], record: Record) -> None:
        self.stamp = stamp
        self.record = record
        self.snapshot: StateSnapshot | None = None


class StateReader:
    """Reads what the checkpoints of one thread hold, each in one trip, and keeps the last few.

    Args:
        source: where the thread is read from.
        thread_id: the thread.
        tree: its tree; rows are numbered by it.
    """

    def __init__(self, source: Source, thread_id: str, tree: Tree) -> None:
        self._source = source
        self._thread_id = thread_id
        self._tree = tree
        self._deltas = DeltaHistories(source, thread_id)
        self._kept: OrderedDict[int, _Opened] = OrderedDict()
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Rows have other numbers now."""
        with self._lock:
            self._kept.clear()
            self._deltas.forget()

    # ------------------------------------------------------------ the checkpoint

    def record(self, row: int) -> Record:
        """All that is stored of a checkpoint.

        Raises:
            CheckpointNotFound: it was deleted meanwhile.
        """
        return self._opened(row).record

    def snapshot(self, row: int) -> StateSnapshot:
        """What ``graph.get_state`` says of a checkpoint named by its id; without a graph, as far as what is
        stored tells it.

        Raises:
            CheckpointNotFound: it was deleted meanwhile.
        """
        opened = self._opened(row)
        if opened.snapshot is None:
            facts = self._tree.rows[row]
            told = self._told(facts, opened.record)
            opened.snapshot = told or stored_snapshot(
                self._thread_id, facts, opened.record, self._tree.naming
            )
        return opened.snapshot

    def state(self, row: int) -> dict[str, Any]:
        """The values by channel, also where the state is no dict."""
        return by_channel(self.snapshot(row).values)

    def created_at(self, row: int) -> str | None:
        """When a checkpoint was made, as stored; None where that cannot be read."""
        kept = self._kept.get(row)
        if kept is not None:
            known = kept.record.bookkeeping
        else:
            id_ = self._tree.ids[row]
            known = self._source.bookkeeping(self._thread_id, self._tree.namespaces[row], [id_]).get(id_)
        return None if known is None else known.ts

    # ------------------------------------------------------------ writes

    def writes(self, row: int) -> Writes:
        """What the tasks that made a checkpoint wrote, else what they must have written."""
        facts = self._tree.rows[row]
        tasks = makers(facts)
        if tasks and facts.parent is not None:
            return Writes(stored_writes(facts, tasks, self._stored(facts.parent)))
        alone = len(facts.nodes) == 1 and not facts.collapsed
        if facts.source != "update" and not (alone and facts.parent is not None):
            return Writes({})
        before = self.state(facts.parent.index) if facts.parent is not None else {}
        write = derived_write(before, self.state(row), facts.changed)
        if not write:
            return Writes({}, derived=True)
        return Writes({name: [write] for name in facts.nodes[:1] or ("",)}, derived=True)

    def errors(self, row: int) -> dict[str, StoredError]:
        """By task, what the step that starts at a checkpoint raised, but for what its caller caught or a
        handler took over."""
        facts = self._tree.rows[row]
        failed = {task.id for task in facts.step_work.tasks.values() if not (task.called or task.handled)}
        return {
            write.task_id: StoredError.of(write.value)
            for write in self._own_writes(facts)
            if write.channel == ERROR and write.task_id in failed
        }

    def interrupts(self, row: int, *, waiting: bool) -> list[Interrupt]:
        """What the step that starts at a checkpoint asked; ``waiting``: only what waits for an answer."""
        facts = self._tree.rows[row]
        tasks = facts.step_work.tasks
        for task in tasks.values():
            self._tree.naming.name_task(facts, task)
        own = [write for write in self._own_writes(facts) if write.channel == "__interrupt__"]
        place = {task.id: number for number, task in enumerate(self.snapshot(row).tasks)} if own[1:] else {}
        own.sort(key=lambda write: (place.get(write.task_id, len(place)), tasks[write.task_id].order))
        found: list[Interrupt] = []
        for write in own:
            task = tasks[write.task_id]
            if task.called or (waiting and task.finished):
                continue
            found.extend(write.value if isinstance(write.value, (list, tuple)) else [write.value])
        # Before 2026 nothing tells a called task that waits from its caller, but the question is the same.
        return list({getattr(asked, "id", None) or id(asked): asked for asked in found}.values())

    # ------------------------------------------------------------ inside

    def _opened(self, row: int) -> _Opened:
        facts = self._tree.rows[row]
        stamp = _stamp(facts)
        with self._lock:
            kept = self._kept.get(row)
            if kept is not None and kept.stamp == stamp:
                self._kept.move_to_end(row)
                return kept
        opened = _Opened(stamp, self._source.record(self._thread_id, facts.namespace, facts.id))
        with self._lock:
            self._kept[row] = opened
            self._kept.move_to_end(row)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return opened

    def _told(self, facts: TreeRow, record: Record) -> StateSnapshot | None:
        """What LangGraph makes of a record; None where there is no graph, or it makes nothing of it."""
        graph = _graph_of(self._source.graph, facts.namespace)
        if graph is None:
            return None
        config = config_of(self._thread_id, facts.namespace, facts.id)
        saver = SourceSaver(self._source, self._deltas, self._ancestors, record)
        config["configurable"]["__pregel_checkpointer"] = saver
        try:
            snapshot: StateSnapshot = graph.get_state(config)
        except Exception:  # a value that cannot be decoded must not hide the rest
            return None
        return snapshot if snapshot.metadata is not None else None

    def _ancestors(self, namespace: str, checkpoint_id: str) -> Iterator[str]:
        """The ids of a checkpoint's ancestors, the parent first; also of one that is no longer stored."""
        number = self._tree.row_of(checkpoint_id, namespace)
        row = self._tree.rows[number] if number >= 0 else None
        while row is not None and row.parent_id:
            yield row.parent_id
            row = row.parent

    def _stored(self, facts: TreeRow) -> Sequence[StoredWrite]:
        kept = self._kept.get(facts.index)
        if kept is not None and kept.stamp == _stamp(facts):
            return kept.record.writes
        return self._source.writes(self._thread_id, facts.namespace, facts.id)

    def _own_writes(self, facts: TreeRow) -> list[StoredWrite]:
        """The writes of the tasks of the step itself, without those of updates made on the checkpoint."""
        tasks = facts.step_work.tasks
        return [
            write
            for write in self._stored(facts)
            if write.task_id in tasks and write.task_path in ("", tasks[write.task_id].path)
        ]


def triggers_of(graph: Any) -> dict[str, list[tuple[str, ...]]]:
    """Of a graph and its subgraphs: node to its triggers, as task ids are made of them."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for each in _graphs(graph):
        for name, node in each.nodes.items():
            found.setdefault(name, []).append(tuple(sorted(node.triggers)))
    return found


def _stamp(facts: TreeRow) -> tuple[int, ...]:
    """Changes with what is stored under a checkpoint."""
    work = facts.step_work
    tasks = [*work.tasks.values(), *work.updates.values()]
    return len(facts.children), len(work.null), sum(len(task.channels) for task in tasks)


def _graphs(graph: Any) -> Iterator[Any]:
    if graph is None or not hasattr(graph, "nodes"):
        return
    yield graph
    for _, subgraph in graph.get_subgraphs(recurse=True):
        yield subgraph


def _graph_of(graph: Any, namespace: str) -> Any:
    """The graph that runs in a namespace; None where there is none or LangGraph does not know it."""
    if graph is None or not namespace:
        return graph
    found = graph.get_subgraphs(namespace=node_path(namespace), recurse=True)
    return next((subgraph for _, subgraph in found), None)
