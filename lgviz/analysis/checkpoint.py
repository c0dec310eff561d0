"""One checkpoint of a history."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from langgraph.types import Interrupt, PregelTask

from lgviz._apart import apart
from lgviz._visible import visible
from lgviz.errors import CheckpointNotFound
from lgviz.persistence.database.gc_pause import gc_paused
from lgviz.persistence.serde.stored_error import StoredError
from lgviz.sources.base import Record
from lgviz.sources.places import Address, config_of

from .naming import AS_NODE, NOTE
from .state import StateReader
from .tree import Flag, Tree
from .writes import Writes

__all__ = ["Checkpoint", "record_of", "state_of"]


class Checkpoint:
    """One checkpoint of a thread. Cheap until a value is asked for; equal where it names the same checkpoint.

    What is read of it is the reader's own: a change in it changes nothing that lgviz keeps or shows.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> graph = two_nodes.build(InMemorySaver())
    >>> two_nodes.seed(graph)
    >>> c = lgviz.history(graph)["c2"]
    >>> c.nodes, c.next, c.values
    (('node_a',), ('node_b',), {'foo': 'a', 'bar': ['a']})
    >>> [child.label for child in c.children]
    ['c3', 'c4']

    Attributes:
        history: the :class:`~lgviz.History` it belongs to.
        id: ``checkpoint_id``.
        namespace: ``checkpoint_ns``; ``""`` in the root namespace.
    """

    __slots__ = (
        "__weakref__", "_open", "_reader", "_row", "_thread_id", "_tree", "history", "id", "namespace",
    )  # fmt: skip

    _thread_id: str
    _tree: Tree
    _reader: StateReader
    _open: Callable[[], Any]

    def __init__(self, history: Any, row: int) -> None:
        self._thread_id = history.thread_id
        self.id: str = history.tree.ids[row]
        self.namespace: str = history.tree.namespaces[row]
        self._found_in(history, row)

    def _found_in(self, history: Any, row: int) -> None:
        self.history = history
        self._tree = history.tree
        self._reader = history.reader
        self._row = row

    @classmethod
    def unread(cls, place: Address, opening: Callable[[], Any]) -> Checkpoint:
        """A checkpoint whose history is opened when more is asked for than where it is: that takes long,
        where the thread is long.

        Args:
            place: where it is.
            opening: opens the history.
        """
        made = cls.__new__(cls)
        made._thread_id, made.namespace, made.id = place.thread_id, place.ns or "", str(place.checkpoint_id)
        made._open = opening
        return made

    if not TYPE_CHECKING:  # it would hide what a Checkpoint does not have

        def __getattr__(self, name: str) -> Any:
            if name not in ("history", "_tree", "_reader", "_row"):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            history = self._open()
            self._found_in(history, history[self].row)
            return getattr(self, name)

    @property
    def row(self) -> int:
        """Its row in ``history.tree``.

        Raises:
            CheckpointNotFound: it was deleted meanwhile.
        """
        ids = self._tree.ids
        if self._row >= len(ids) or ids[self._row] != self.id:
            row = self._tree.row_of(self.id, self.namespace)
            if row < 0:
                raise CheckpointNotFound(
                    f"Checkpoint {self.id} is no longer in thread {self._thread_id!r}.",
                    "Pick another one.",
                )
            self._row = row
        return self._row

    def __repr__(self) -> str:
        made = " + ".join(self.nodes) or self.source or "checkpoint"
        return visible(f"<Checkpoint {self.label} {made}, step {self.step}>")

    def _repr_html_(self) -> str:
        from lgviz.export.html import checkpoint_html

        return str(checkpoint_html(self))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Checkpoint):
            return NotImplemented
        return self._place() == other._place()

    def __hash__(self) -> int:
        return hash(self._place())

    def _place(self) -> tuple[str, str, str]:
        return (self._thread_id, self.namespace, self.id)

    # ------------------------------------------------------------ from the index

    @property
    def label(self) -> str:
        """``c0``, ``c1``, … by order of creation; ``c4.1`` for a subgraph's."""
        return self._tree.labels[self.row]

    @property
    def step(self) -> int | None:
        """The number of its super-step, -1 for the input of a new thread."""
        return self._tree.steps[self.row]

    @property
    def source(self) -> str:
        """``input``, ``loop``, ``update`` or ``fork``."""
        return self._tree.sources[self.row]

    @property
    def time(self) -> float:
        """When it was made, in seconds since the epoch, by its id; NaN where the id does not tell."""
        return self._tree.times[self.row]

    @property
    def nodes(self) -> tuple[str, ...]:
        """One name per task that ran to make it, in LangGraph's order; ``()`` where none did or it is not
        certain."""
        return self._tree.nodes[self.row]

    @property
    def changed(self) -> tuple[str, ...]:
        """The state channels it changed."""
        return self._tree.changed[self.row]

    @property
    def flags(self) -> Flag:
        """Its marks."""
        return Flag(self._tree.flags[self.row])

    @property
    def collapsed(self) -> bool:
        """Whether steps are missing before it: ``durability="exit"`` stored none, or they were pruned."""
        return Flag.COLLAPSED in self.flags

    @property
    def metadata(self) -> Mapping[str, Any]:
        """As stored."""
        return apart(self._metadata)

    @property
    def _metadata(self) -> Mapping[str, Any]:
        return self._tree.rows[self.row].metadata  # type: ignore[no-any-return]

    @property
    def as_node(self) -> str | None:
        """The node that an update was made as, where it is recorded or certain."""
        recorded = self._metadata.get(AS_NODE)
        if isinstance(recorded, str):
            return recorded
        return self.nodes[0] if self.source == "update" and len(self.nodes) == 1 else None

    @property
    def note(self) -> str | None:
        """The note left with a fork made by lgviz."""
        note = self._metadata.get(NOTE)
        return str(note) if note else None

    @property
    def config(self) -> dict[str, Any]:
        """The config that names it: ``graph.get_state(c.config)``."""
        return dict(config_of(self._thread_id, self.namespace, self.id))

    @property
    def parent(self) -> Checkpoint | None:
        """The checkpoint it was made from, in the same namespace."""
        parent = self._tree.rows[self.row].parent
        return None if parent is None else self.history.checkpoint_at(parent.index)

    @property
    def children(self) -> list[Checkpoint]:
        """The checkpoints made from it, oldest first."""
        return [self.history.checkpoint_at(row.index) for row in self._tree.rows[self.row].children]

    @property
    def inner(self) -> list[Checkpoint]:
        """The checkpoints of subgraphs whose call started from it, oldest first."""
        return [self.history.checkpoint_at(row) for row in self._tree.inner.get(self.row, ())]

    @property
    def outer(self) -> Checkpoint | None:
        """For a subgraph's checkpoint, the one that its call started from."""
        anchor = self._tree.anchor[self.row]
        return None if anchor < 0 else self.history.checkpoint_at(anchor)

    # ------------------------------------------------------------ read when asked for

    @property
    def created_at(self) -> str | None:
        """When it was made, as stored (ISO 8601)."""
        return self._reader.created_at(self.row)

    @property
    def values(self) -> Any:
        """The state at this checkpoint: what ``graph.get_state(c.config).values`` gives, without a graph the
        stored channels that belong to the state."""
        with gc_paused():
            return apart(self._reader.snapshot(self.row).values)

    @property
    def doubts(self) -> Mapping[str, str]:
        """By channel, why its value here may not be what the graph had. LangGraph gives what an object was
        made of where its class cannot be built, and its ``SqliteSaver`` stores that for good with the next
        step. Of a delta channel checkpoints before were pruned or deleted, or LangGraph before 1.2.13 stored
        the writes of a fork in the branch that it left."""
        return self._reader.doubts(self.row)

    @property
    def rebuilt(self) -> dict[str, str]:
        """By delta channel how its value was made of what was written to it, where no graph told it:
        ``"rebuilt without the graph: messages by id"``, or ``"kept as writes; open it with the graph"`` where
        ``values`` has a :class:`~lgviz.KeptAsWrites`, as no value follows."""
        return self._reader.rebuilt(self.row)

    @property
    def unloadable(self) -> str | None:
        """Why LangGraph cannot load it into the graph (``get_state`` raises); its values and what comes next
        are then told as far as what is stored tells them. None where it can, or where there is no graph."""
        return self._reader.unloadable(self.row)

    @property
    def next(self) -> tuple[str, ...]:
        """The nodes of the step that starts here, finished siblings of a failed or waiting one included."""
        return tuple(self._reader.snapshot(self.row).next)

    @property
    def tasks(self) -> tuple[PregelTask, ...]:
        """The tasks of the step that starts here, with their results, errors and interrupts."""
        return tuple(
            task._replace(result=apart(task.result), interrupts=apart(task.interrupts))
            for task in self._reader.snapshot(self.row).tasks
        )

    @property
    def writes(self) -> Writes:
        """What the tasks that made it wrote, by node; under ``""`` what those wrote whose name no row tells.
        ``writes.derived`` where it had to be derived."""
        written = self._reader.writes(self.row)
        return Writes(apart({**written}), derived=written.derived)

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
        """What the failed tasks of the step that starts here raised, as LangGraph tells it: text, a line for
        each; else None."""
        return "\n".join(error.text for error in self.errors.values()) or None

    @property
    def errors(self) -> Mapping[str, StoredError]:
        """By id of the task, what the step that starts here raised: the text; where one of lgviz's savers
        kept them, the exception itself and its traceback too."""
        return self._reader.errors(self.row) if Flag.ERROR in self.flags else {}

    @property
    def stored(self) -> Record:
        """All that is stored of it: every channel's value, LangGraph's own too, versions, and the writes made
        on it."""
        return apart(self._reader.record(self.row))

    def _interrupts(self, *, waiting: bool) -> tuple[Interrupt, ...]:
        row = self.row
        if Flag.INTERRUPT not in self.flags or (waiting and self._tree.rows[row].continued):
            return ()
        return tuple(apart(self._reader.interrupts(row, waiting=waiting)))


def state_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """A checkpoint's state by channel, also where it is no dict; as it is kept, for who only reads it:
    :attr:`Checkpoint.values` is a copy."""
    return checkpoint._reader.state(checkpoint.row)


def record_of(checkpoint: Checkpoint) -> Record:
    """All that is stored of a checkpoint, as it is kept: :attr:`Checkpoint.stored` is a copy."""
    return checkpoint._reader.record(checkpoint.row)
