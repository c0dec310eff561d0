"""The state at a checkpoint: LangGraph itself says where there is a graph, else what is stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langgraph.types import Interrupt, PregelTask, StateSnapshot

from lgviz.sources.as_saver import SourceSaver
from lgviz.sources.base import Source, StoredWrite
from lgviz.sources.places import CONTROL_CHANNELS, is_internal

from .pending import pending_tasks
from .steps import Task, TreeRow
from .tree import Tree
from .writes import fold

__all__ = ["StateReader"]


class StateReader:
    """Reads whole states of one thread.

    Attributes:
        tree: set by its history.
    """

    tree: Tree

    def __init__(self, source: Source, thread_id: str) -> None:
        self._source = source
        self._thread_id = thread_id
        self._saver = SourceSaver(source)

    def triggers(self) -> dict[str, list[tuple[str, ...]]]:
        """Of the source's graph and its subgraphs: node to its triggers, as task ids are made of them."""
        found: dict[str, list[tuple[str, ...]]] = {}
        for graph in _graphs(self._source.graph):
            for name, node in graph.nodes.items():
                found.setdefault(name, []).append(tuple(sorted(node.triggers)))
        return found

    def snapshot(self, row: TreeRow) -> StateSnapshot:
        """What ``graph.get_state`` says of a checkpoint named by its id.

        Raises:
            CheckpointNotFound: it was deleted meanwhile.
        """
        graph = _graph_of(self._source.graph, row.namespace)
        if graph is not None:
            config = {
                "configurable": {
                    "thread_id": self._thread_id,
                    "checkpoint_ns": row.namespace,
                    "checkpoint_id": row.id,
                    "__pregel_checkpointer": self._saver,
                }
            }
            try:
                snapshot: StateSnapshot = graph.get_state(config)
            except Exception:  # noqa: S110 - a value that cannot be decoded must not hide the rest
                pass
            else:
                if snapshot.metadata is not None:
                    return snapshot
        return self._stored_snapshot(row)

    def _stored_snapshot(self, row: TreeRow) -> StateSnapshot:
        held = self._source.channels(self._thread_id, row.namespace, row.id)
        hidden = _node_channels(row) if row.dated else set()
        values = {name: value for name, value in held.items() if not is_internal(name) and name not in hidden}
        stored = self._source.writes(self._thread_id, row.namespace, row.id)
        waiting = pending_tasks(self._source, self._thread_id, row, self.tree.naming)
        tasks = tuple(_task(row, task, stored) for task in waiting)
        place: dict[str, Any] = {"thread_id": self._thread_id, "checkpoint_ns": row.namespace}
        return StateSnapshot(
            values=values["__root__"] if set(values) == {"__root__"} else values,
            next=tuple(task.name for task in tasks),
            config={"configurable": {**place, "checkpoint_id": row.id}},
            metadata=row.metadata,
            created_at=None,
            parent_config={"configurable": {**place, "checkpoint_id": row.parent_id}}
            if row.parent_id
            else None,
            tasks=tasks,
            interrupts=tuple(interrupt for task in tasks for interrupt in task.interrupts),
        )


def _graphs(graph: Any) -> Iterable[Any]:
    if graph is None or not hasattr(graph, "nodes"):
        return
    yield graph
    for _, subgraph in graph.get_subgraphs(recurse=True):
        yield subgraph


def _graph_of(graph: Any, namespace: str) -> Any:
    """The graph that runs in a namespace; None where there is none or LangGraph does not know it."""
    if graph is None or not namespace:
        return graph
    path = "|".join(part.split(":")[0] for part in namespace.split("|") if not part.isdecimal())
    return next((subgraph for _, subgraph in graph.get_subgraphs(namespace=path, recurse=True)), None)


def _node_channels(row: TreeRow) -> set[str]:
    """Names of nodes that ran up to here: before mid 2025 each had a channel of its own name."""
    names: set[str] = set()
    place: TreeRow | None = row
    while place is not None:
        names.update(place.nodes)
        place = place.parent
    return names


def _task(row: TreeRow, task: Task, stored: Iterable[StoredWrite]) -> PregelTask:
    own = [write for write in stored if (write.task_id, write.task_path) == (task.id, task.path) and task.id]
    output = [write for write in own if write.channel not in CONTROL_CHANNELS]
    asked: list[Interrupt] = []
    for write in own:
        if write.channel == "__interrupt__":
            asked.extend(write.value if isinstance(write.value, (list, tuple)) else [write.value])
    hidden = {task.name} if row.dated or any(child.dated for child in row.children) else set()
    return PregelTask(
        id=task.id,
        name=task.name or "",
        path=tuple(task.path.lstrip("~").split(", ")) if task.path else (),
        error=next((write.value for write in own if write.channel == "__error__"), None),
        interrupts=tuple(asked),
        result=fold((w.channel, w.value) for w in output if w.channel not in hidden) if output else None,
    )
