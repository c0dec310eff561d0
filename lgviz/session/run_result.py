"""What a run tells while it goes on, and what it came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.types import Interrupt
from markupsafe import Markup

from lgviz._visible import visible
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import History, open_history
from lgviz.analysis.html import Room, page, state_html, tag
from lgviz.analysis.shown import ShownByFields
from lgviz.analysis.usage import Usage
from lgviz.analysis.values import line
from lgviz.errors import SandboxEnded, printed, said
from lgviz.persistence import ItemChange
from lgviz.sources.places import by_channel, place_of

from .effects import is_wrong_loop, wrong_loop
from .sandbox import Sandbox

__all__ = ["CheckpointFinder", "Run", "RunError", "RunEvent", "Status"]

Status = Literal["done", "interrupted", "failed", "stopped"]


@dataclass(frozen=True, slots=True, repr=False)
class RunEvent(ShownByFields):
    """Something that happened in a run, told as it happens, from the thread that runs it.

    Attributes:
        kind: a node started or finished, a message was said (in pieces, as its model streams it), a node
            wrote a custom event, a checkpoint was stored, the run's status changed.
        namespace: where: the checkpoint namespace; ``""`` for the root graph.
        node: the node that it is about.
        task_id: its task; None for a custom event while several tasks of a graph are at work: LangGraph does
            not tell whose it is.
        checkpoint_id: the checkpoint that was stored.
        error: what the node raised, in one line.
        message_id: of the message that is said.
        text: what was said now.
        value: the custom event.
    """

    kind: Literal["started", "finished", "message", "custom", "checkpoint", "status"]
    namespace: str = ""
    node: str | None = None
    task_id: str | None = None
    checkpoint_id: str | None = None
    error: str | None = None
    message_id: str | None = None
    text: str | None = None
    value: Any = None


@dataclass(frozen=True, slots=True, repr=False)
class RunError(ShownByFields):
    """What ended a run.

    Attributes:
        type: the exception's class.
        message: its text.
        traceback: the whole of it, as Python prints it.
        node: the node that raised it, where one did.
        exception: the exception itself.
    """

    type: str
    message: str
    traceback: str
    node: str | None
    exception: BaseException = field(repr=False)

    @classmethod
    def of(cls, error: BaseException, node: str | None) -> RunError:
        """The record of an exception."""
        shown = wrong_loop(error) if is_wrong_loop(error) else error
        return cls(type(shown).__name__, said(shown), printed(error), node, error)

    def __str__(self) -> str:
        return visible(f"{self.type}: {self.message}")


@dataclass
class Run:
    """What a run came to.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> graph = two_nodes.build(InMemorySaver())
    >>> two_nodes.seed(graph)
    >>> run = lgviz.run(graph, "c2", thread_id="1", sandbox=True)
    >>> run.status, run.values
    ('done', {'foo': 'b', 'bar': ['a', 'b']})
    >>> run.discard()

    Attributes:
        status: ``"done"``, ``"interrupted"`` (a question or a breakpoint waits), ``"failed"``, ``"stopped"``
            (by ``until`` or :meth:`RunHandle.stop`).
        values: the state at its last checkpoint.
        interrupts: the questions that wait.
        error: what a node raised; None where nothing did.
        warnings: what else happened, as :func:`lgviz.session.run_plan` foretells it.
        config: of the last root checkpoint: where to go on.
        configs: of all checkpoints it made, in order, those of subgraphs too.
        before, after: the nodes that a breakpoint stopped it before or after; empty where none did.
        passed: nodes with a breakpoint before them that it went past, for it stood there when it began.
        served: by node, how many of its tasks were answered from history (with ``reuse``).
        ran: by node, how many ran.
        spared: what the models used whose messages history answered with; None where none tells.
        answered: by node, how many calls of models in tasks that ran were answered from what was recorded.
    """

    status: Status
    values: Any
    interrupts: tuple[Interrupt, ...]
    error: RunError | None
    warnings: list[str]
    config: RunnableConfig
    configs: list[RunnableConfig]
    graph: Any = field(repr=False)
    """The graph that ran; in a sandbox a copy over the overlays that hold its checkpoints and memories."""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    served: Counter[str] = field(default_factory=Counter)
    ran: Counter[str] = field(default_factory=Counter)
    spared: Usage | None = None
    answered: Counter[str] = field(default_factory=Counter)
    sandbox: Sandbox | None = field(default=None, repr=False)
    """What it ran in; None where it ran in the open."""

    @property
    def memories(self) -> list[ItemChange]:
        """What became of memories in its sandbox, each with its value before and after; empty without one."""
        return [] if self.sandbox is None else self.sandbox.changes()

    @property
    def memory_as_of(self) -> datetime | None:
        """The moment whose memory its sandbox reads; None: memory as it is now, or none at all."""
        return None if self.sandbox is None else self.sandbox.memory_as_of

    def resume(self, answer: Any, **options: Any) -> Run:
        """Answer what it asks and run on, in its sandbox if it has one.

        Args:
            answer: to its interrupt, or a dict from interrupt id to answer.
            options: as :func:`lgviz.run` takes them.
        """
        from .run import run

        return run(self.graph, self.config, resume=answer, **options)

    async def aresume(self, answer: Any, **options: Any) -> Run:
        """:meth:`resume`, awaited on the caller's loop."""
        from .run import arun

        return await arun(self.graph, self.config, resume=answer, **options)

    def keep(self, *, overwrite: bool = False) -> list[RunnableConfig]:
        """Store what its sandbox holds, all runs in it: the checkpoints, with their ids, and the memories.

        Args:
            overwrite: also over memories that were changed meanwhile.

        Returns:
            The configs of the checkpoints stored.

        Raises:
            SandboxEnded: it ran in the open, or its sandbox was kept or discarded before.
            MemoryConflict: memories were changed meanwhile; nothing was written.
            CheckpointNotFound: the checkpoint that it started from was deleted; nothing was written.
        """
        return self._sandbox().keep(overwrite=overwrite)

    async def akeep(self, *, overwrite: bool = False) -> list[RunnableConfig]:
        """:meth:`keep`, awaited on the caller's loop."""
        return await self._sandbox().akeep(overwrite=overwrite)

    def discard(self) -> None:
        """Forget what its sandbox holds.

        Raises:
            SandboxEnded: as :meth:`keep`.
        """
        self._sandbox().discard()

    def _sandbox(self) -> Sandbox:
        if self.sandbox is None:
            raise SandboxEnded("This run was no sandbox: what it made is stored.", "Run with sandbox=True.")
        return self.sandbox

    @cached_property
    def checkpoints(self) -> list[Checkpoint]:
        """The checkpoints of the root namespace that it made, oldest first."""
        return self._reader.all([c for c in self.configs if not place_of(c).ns])

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The last one; the checkpoint it ran from, where it made none."""
        return self._reader.at(self.config)

    @cached_property
    def _reader(self) -> CheckpointFinder:
        return CheckpointFinder(self.graph)

    def __repr__(self) -> str:
        made = f"{len(self.configs)} checkpoint{'s' * (len(self.configs) != 1)}"
        place = ""
        if self.sandbox is not None:
            state = self.sandbox.ended or "in a sandbox"
            place = f" {state}{f', {self.sandbox.memory}' if self.sandbox.memory else ''}"
        return visible(f"<Run {self.status}: {made}{place}{f', {self.error}' if self.error else ''}>")

    def _repr_html_(self) -> str:
        asks = [line(asked.value, 400) for asked in self.interrupts] + self.warnings
        asks += [str(self.error)] if self.error else []
        told = Markup().join(tag("div", each, "lg-ask") for each in asks)
        count = f"{len(self.configs)} checkpoint{'s' * (len(self.configs) != 1)}"
        facts: dict[str, str] = {self.status: count}
        return page("Run", told + state_html(by_channel(self.values), Room(60_000)), facts)


class CheckpointFinder:
    """Finds the ``Checkpoint`` of a config; opens the history once and reads on in it."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._history: History | None = None

    def at(self, config: RunnableConfig) -> Checkpoint:
        """The checkpoint that a config names."""
        return self.all([config])[0]

    def all(self, configs: Sequence[RunnableConfig]) -> list[Checkpoint]:
        """The checkpoints that configs of one thread name."""
        if not configs:
            return []
        history = self.history(place_of(configs[0]).thread_id)
        return [history[str(place_of(config).checkpoint_id)] for config in configs]

    def history(self, thread_id: str) -> History:
        """The thread as it is now."""
        if self._history is None:
            self._history = open_history(self._graph, thread_id=thread_id)
        else:
            self._history.refresh()
        return self._history
