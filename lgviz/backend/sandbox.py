"""The one sandbox that a debugger may have open: begun, shown over the tree, kept or discarded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.store.base import BaseStore

from lgviz import session
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.memory import StepChange
from lgviz.analysis.tree import Flag
from lgviz.backend.dispatch import RequestCall, handler
from lgviz.backend.item_views import changes_view
from lgviz.backend.open_thread import OpenThread
from lgviz.errors import ActRefused, MemoryConflict, SandboxEnded
from lgviz.persistence.stores.past import kind_of
from lgviz.protocol import MemoryChanges, Nothing, SandboxKeep, SandboxKept, SandboxView
from lgviz.sources.redacted_items import masked_item

__all__ = ["SandboxSlot"]


class SandboxSlot:
    """Holds the sandbox that is open over a thread, if there is one.

    Args:
        thread: the open thread; its tree shows what is held.

    Attributes:
        start: id of the checkpoint that the last one began at.
    """

    def __init__(self, thread: OpenThread) -> None:
        self._thread = thread
        self._open: session.Sandbox | None = None
        self.start = ""
        self._label = ""
        self._busy = 0
        self._telling = threading.RLock()

    @contextmanager
    def around(self, graph: Any, at: Checkpoint, *, wanted: bool) -> Iterator[Any]:
        """An act at a checkpoint: in the sandbox that holds it, in a new one if wanted, else in the open.

        Yields:
            The graph to act with.

        Raises:
            ActRefused: a new one is wanted and one is open.
        """
        held = Flag.SANDBOX in at.flags
        if not held and not wanted:
            yield graph
            return
        if not held:
            graph = self._begin(graph, at)
        self._busy += 1
        try:
            yield graph
        finally:
            self._busy -= 1
            self.told()

    def told(self) -> None:
        """Tell the views what it holds now; one whose first act failed holds nothing and is closed."""
        with self._telling:  # a run tells from its own thread: what was looked at last is told last
            if self._open is not None and not self._busy and self._open.empty:
                self._close()
            self._thread.emit("sandbox", {"sandbox": self.view()})

    def view(self) -> SandboxView | None:
        """What is open."""
        sandbox = self._open
        if sandbox is None:
            return None
        held = [config["configurable"] for config in sandbox.saver.checkpoints()]
        return {
            "thread_id": sandbox.start["configurable"]["thread_id"],
            "start": self.start,
            "label": self._label,
            "checkpoints": sum(not place["checkpoint_ns"] for place in held),
            "memory": sandbox.memory,
            "changes": self._changes(sandbox.changes()),
            "warnings": [self._thread.shown(warning) for warning in sandbox.warnings],
        }

    def memory_at(self, checkpoint: Checkpoint) -> BaseStore | None:
        """Memory as it was at one of its checkpoints; None for one of the base."""
        sandbox = self._open
        held = sandbox is not None and Flag.SANDBOX in checkpoint.flags
        return sandbox.memory_at(_config(checkpoint)) if sandbox is not None and held else None

    def step_changes(self, checkpoint: Checkpoint) -> list[StepChange]:
        """What the step that made one of its checkpoints did to memories."""
        sandbox, parent = self._open, checkpoint.parent
        if sandbox is None or sandbox.store is None:
            return []
        started = _config(parent) if parent is not None else None
        puts = sandbox.step_puts(_config(checkpoint), started)
        before = sandbox.store.before(puts[0].tick) if puts else None
        last = {(put.op.namespace, put.op.key): put for put in puts}
        changes = []
        for place, put in last.items():
            item = before.get(*place) if before is not None else None
            was, now = None if item is None else item.value, put.op.value
            if was != now:
                changes.append(StepChange(*place, kind_of(was, now), was, now, node=put.writer.node, at=None))
        return self._masked(changes)

    def _masked(self, changes: list[StepChange]) -> list[StepChange]:
        redactor = self._thread.redactor
        return changes if redactor is None else [masked_item(change, redactor) for change in changes]

    def _changes(self, changes: Any) -> MemoryChanges:
        made = (
            StepChange(c.namespace, c.key, c.kind, c.before, c.after, node=None, at=None) for c in changes
        )
        return changes_view(self._masked(list(made)))

    @handler("act")
    def sandbox_keep(self, call: RequestCall, params: SandboxKeep) -> SandboxKept:
        sandbox = self._idle()
        try:
            kept = sandbox.keep(overwrite=params["overwrite"])
        except MemoryConflict as conflict:
            return {"kept": 0, "conflicts": self._changes(conflict.changes)}
        self._close()
        self.told()
        return {"kept": len(kept), "conflicts": self._changes([])}

    @handler("act")
    def sandbox_discard(self, call: RequestCall, params: Nothing) -> Nothing:
        self._idle().discard()
        self._close()
        self.told()
        return {}

    def _begin(self, graph: Any, at: Checkpoint) -> Any:
        if self._open is not None:
            raise ActRefused("A sandbox is open.", "Keep or discard it first: there is one at a time.")
        sandbox = self._open = session.open_sandbox(graph, at)
        self.start, self._label = at.id, at.label
        upper = sandbox.saver.open_upper()
        upper.graph = sandbox.graph
        self._thread.layers.upper = upper
        return sandbox.graph

    def _idle(self) -> session.Sandbox:
        if self._open is None:
            raise SandboxEnded("No sandbox is open.", "Run in a new one.")
        if self._busy:
            raise ActRefused("A run is at work in the sandbox.", "Stop it first.")
        return self._open

    def _close(self) -> None:
        self._open = None
        self._thread.layers.upper = None
        self._thread.broadcast()


def _config(checkpoint: Checkpoint) -> RunnableConfig:
    return cast("RunnableConfig", checkpoint.config)
