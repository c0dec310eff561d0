"""Ways to go on from a checkpoint, each tried in a sandbox of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from langchain_core.runnables import RunnableConfig

from lgviz.session import Edit, Run, Sandbox, afork, aopen_sandbox, arun, forked, open_sandbox, run
from lgviz.session.run_steps import Reuse
from lgviz.sources.places import place_of

__all__ = ["Fork", "Manner", "Rerun", "Tried", "Way"]

Tried = tuple[Run, Sandbox]
"""What came of it, and the sandbox that holds it."""


@dataclass(frozen=True)
class Manner:
    """How each way is run: as :func:`lgviz.run` takes these."""

    reuse: Reuse = True
    config: RunnableConfig | None = None
    context: Any = None

    @property
    def options(self) -> dict[str, Any]:
        """Of a run and of a fork."""
        return {"config": self.config, "context": self.context}


class Way(Protocol):
    """A way to go on from a checkpoint."""

    def tried(self, graph: Any, manner: Manner) -> Tried:
        """Go on from there; nothing is stored."""

    async def atried(self, graph: Any, manner: Manner) -> Tried:
        """:meth:`tried`, awaited."""


@dataclass(frozen=True)
class Fork:
    """A fork of a checkpoint, run to its end.

    Attributes:
        at: the checkpoint.
        edit: what is changed; None: nothing is, it only runs on.
    """

    at: RunnableConfig
    edit: Edit | None

    def tried(self, graph: Any, manner: Manner) -> Tried:
        box = open_sandbox(graph, self.at)
        start = self.at if self.edit is None else forked(box.graph, self.at, self.edit, **manner.options)
        return run(box.graph, start, reuse=manner.reuse, **manner.options), box

    async def atried(self, graph: Any, manner: Manner) -> Tried:
        box = await aopen_sandbox(graph, self.at)
        start: Mapping[str, Any] = self.at
        if (edit := self.edit) is not None:
            made = await afork(box.graph, self.at, edit.values, edit.as_node, edit.goto, **manner.options)
            start = made.config
        return await arun(box.graph, start, reuse=manner.reuse, **manner.options), box


@dataclass(frozen=True)
class Rerun:
    """One step run anew, live; what comes after it is answered from history as long as it is asked the same.
    As the run that it is compared with, it goes on through the graph's own breakpoints.

    Attributes:
        before: the checkpoint that the step starts from.
    """

    before: RunnableConfig

    def tried(self, graph: Any, manner: Manner) -> Tried:
        box = open_sandbox(graph, self.before)
        made = run(box.graph, self.before, steps=1, **manner.options)
        while _is_held_up(made) and not _is_made(made, self.before):
            made = run(box.graph, made.config, only="unfinished", steps=1, **manner.options)
        if made.status == "stopped":
            made = run(box.graph, made.config, reuse=manner.reuse, **manner.options)
        while _is_held_up(made):
            made = run(box.graph, made.config, only="unfinished", reuse=manner.reuse, **manner.options)
        return made, box

    async def atried(self, graph: Any, manner: Manner) -> Tried:
        box = await aopen_sandbox(graph, self.before)
        made = await arun(box.graph, self.before, steps=1, **manner.options)
        while _is_held_up(made) and not _is_made(made, self.before):
            made = await arun(box.graph, made.config, only="unfinished", steps=1, **manner.options)
        if made.status == "stopped":
            made = await arun(box.graph, made.config, reuse=manner.reuse, **manner.options)
        while _is_held_up(made):
            made = await arun(box.graph, made.config, only="unfinished", reuse=manner.reuse, **manner.options)
        return made, box


def _is_made(made: Run, before: RunnableConfig) -> bool:
    """Whether a rerun has made its step: it is held up after it, not inside."""
    at = made.checkpoint
    return at.source != "fork" and at.id != place_of(before).checkpoint_id


def _is_held_up(made: Run) -> bool:
    """Whether a breakpoint alone keeps a run from going on."""
    return made.status == "interrupted" and not made.interrupts
