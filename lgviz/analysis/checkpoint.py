"""One checkpoint of a history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langgraph.types import Interrupt, PregelTask

from lgviz.errors import CheckpointNotFound
from lgviz.sources.base import StoredWrite

from .naming import AS_NODE, NOTE
from .tree import Flag
from .writes import Writes, derived_write, makers, stored_writes

if TYPE_CHECKING:
    from .history import History

__all__ = ["Checkpoint"]


class Checkpoint:
    """One checkpoint of a thread. Cheap until a value is asked for; equal where it names the same checkpoint.

    Attributes:
        history: the history it belongs to.
        id: ``checkpoint_id``.
        namespace: ``checkpoint_ns``; ``""`` in the root namespace.
    """

    __slots__ = ("__weakref__", "_row", "history", "id", "namespace")

    def __init__(self, history: History, row: int) -> None:
        self.history = history
        self.id = history.tree.ids[row]
        self.namespace = history.tree.namespaces[row]
        self._row = row

    @property
    def row(self) -> int:
        """Its row in ``history.tree``.

        Raises:
            CheckpointNotFound: it was deleted meanwhile.
        """
        ids = self.history.tree.ids
        if self._row >= len(ids) or ids[self._row] != self.id:
            row = self.history.tree.row_of(self.id, self.namespace)
            if row < 0:
                raise CheckpointNotFound(
                    f"Checkpoint {self.id} is no longer in thread {self.history.thread_id!r}.",
                    "Pick another one.",
                )
            self._row = row
        return self._row

    def __repr__(self) -> str:
        made = " + ".join(self.nodes) or self.source or "checkpoint"
        return f"<Checkpoint {self.label} {made}, step {self.step}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Checkpoint):
            return NotImplemented
        return self._place() == other._place()

    def __hash__(self) -> int:
        return hash(self._place())

    def _place(self) -> tuple[str, str, str]:
        return (self.history.thread_id, self.namespace, self.id)

    # ------------------------------------------------------------ from the index

    @property
    def label(self) -> str:
        """``c0``, ``c1``, … by order of creation; ``c4.1`` for a subgraph's."""
        return self.history.tree.labels[self.row]

    @property
    def step(self) -> int | None:
        """The number of its super-step, -1 for the input of a new thread."""
        return self.history.tree.steps[self.row]

    @property
    def source(self) -> str:
        """``input``, ``loop``, ``update`` or ``fork``."""
        return self.history.tree.sources[self.row]

    @property
    def time(self) -> float:
        """When it was made, in seconds since the epoch, by its id; NaN where the id does not tell."""
        return self.history.tree.times[self.row]

    @property
    def nodes(self) -> tuple[str, ...]:
        """One name per task that ran to make it, in LangGraph's order; ``()`` where none did or it is not
        certain."""
        return self.history.tree.nodes[self.row]

    @property
    def changed(self) -> tuple[str, ...]:
        """The state channels it changed."""
        return self.history.tree.changed[self.row]

    @property
    def flags(self) -> Flag:
        """Its marks."""
        return Flag(self.history.tree.flags[self.row])

    @property
    def collapsed(self) -> bool:
        """Whether steps are missing before it, as with ``durability="exit"``."""
        return Flag.COLLAPSED in self.flags

    @property
    def metadata(self) -> Mapping[str, Any]:
        """As stored."""
        return self.history.tree.rows[self.row].metadata  # type: ignore[no-any-return]

    @property
    def as_node(self) -> str | None:
        """The node that an update was made as, where it is recorded or certain."""
        recorded = self.metadata.get(AS_NODE)
        if isinstance(recorded, str):
            return recorded
        return self.nodes[0] if self.source == "update" and len(self.nodes) == 1 else None

    @property
    def note(self) -> str | None:
        """The note left with a fork made by lgviz."""
        note = self.metadata.get(NOTE)
        return str(note) if note else None

    @property
    def config(self) -> dict[str, Any]:
        """The config that names it: ``graph.get_state(c.config)``."""
        return {
            "configurable": {
                "thread_id": self.history.thread_id,
                "checkpoint_ns": self.namespace,
                "checkpoint_id": self.id,
            }
        }

    @property
    def parent(self) -> Checkpoint | None:
        """The checkpoint it was made from, in the same namespace."""
        parent = self.history.tree.rows[self.row].parent
        return None if parent is None else self.history.checkpoint_at(parent.index)

    @property
    def children(self) -> list[Checkpoint]:
        """The checkpoints made from it, oldest first."""
        return [self.history.checkpoint_at(row.index) for row in self.history.tree.rows[self.row].children]

    @property
    def inner(self) -> list[Checkpoint]:
        """The checkpoints of subgraphs whose call started from it, oldest first."""
        return [self.history.checkpoint_at(row) for row in self.history.tree.inner.get(self.row, ())]

    @property
    def outer(self) -> Checkpoint | None:
        """For a subgraph's checkpoint, the one that its call started from."""
        anchor = self.history.tree.anchor[self.row]
        return None if anchor < 0 else self.history.checkpoint_at(anchor)

    # ------------------------------------------------------------ read when asked for

    @property
    def created_at(self) -> str | None:
        """When it was made, as stored (ISO 8601)."""
        return self.history._created_at(self.row)

    @property
    def values(self) -> Any:
        """The state at this checkpoint: what ``graph.get_state(c.config).values`` gives, without a graph the
        stored channels that belong to the state."""
        values = self.history._snapshot(self.row).values
        return dict(values) if isinstance(values, dict) else values

    @property
    def next(self) -> tuple[str, ...]:
        """The nodes of the step that starts here, finished siblings of a failed or waiting one included."""
        return tuple(self.history._snapshot(self.row).next)

    @property
    def tasks(self) -> tuple[PregelTask, ...]:
        """The tasks of the step that starts here, with their results, errors and interrupts."""
        return tuple(self.history._snapshot(self.row).tasks)

    @property
    def writes(self) -> Writes:
        """What the tasks that made it wrote, by node. ``writes.derived`` where it had to be derived."""
        row = self.history.tree.rows[self.row]
        tasks = makers(row)
        if tasks and row.parent is not None:
            return Writes(stored_writes(row, tasks, self.history._stored(row.parent.index)))
        alone = len(row.nodes) == 1 and not row.collapsed
        if row.source != "update" and not (alone and row.parent is not None):
            return Writes({})
        before = self.history._state(row.parent.index) if row.parent is not None else {}
        write = derived_write(before, self.history._state(self.row), row.changed)
        if not write:
            return Writes({}, derived=True)
        return Writes({name: [write] for name in row.nodes[:1] or ("",)}, derived=True)

    @property
    def interrupts(self) -> tuple[Interrupt, ...]:
        """What the step that starts here asked, answered or not."""
        return self._interrupts(waiting=False)

    @property
    def waiting(self) -> tuple[Interrupt, ...]:
        """The interrupts that still wait for an answer."""
        return self._interrupts(waiting=True)

    @property
    def error(self) -> str | None:
        """What the failed task of the step that starts here raised, as LangGraph stored it; else None."""
        if Flag.ERROR not in self.flags:
            return None
        errors = [write.value for write in self._own_writes() if write.channel == "__error__"]
        return "\n".join(error if isinstance(error, str) else repr(error) for error in errors) or None

    def _own_writes(self) -> list[StoredWrite]:
        tasks = self.history.tree.rows[self.row].step_work.tasks
        return [
            write
            for write in self.history._stored(self.row)
            if write.task_id in tasks and tasks[write.task_id].path == write.task_path
        ]

    def _interrupts(self, *, waiting: bool) -> tuple[Interrupt, ...]:
        row = self.history.tree.rows[self.row]
        if Flag.INTERRUPT not in self.flags or (waiting and row.continued):
            return ()
        found: list[Interrupt] = []
        tasks, naming = row.step_work.tasks, self.history.tree.naming
        for task in tasks.values():
            naming.name_task(row, task)
        for write in sorted(self._own_writes(), key=lambda write: tasks[write.task_id].order):
            if write.channel == "__interrupt__" and not (waiting and tasks[write.task_id].finished):
                found.extend(write.value if isinstance(write.value, (list, tuple)) else [write.value])
        return tuple(found)
