"""A what-if that leaves no trace: a graph over overlays of its saver and its store."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointMetadata
from langgraph.store.base import BaseStore, GetOp
from markupsafe import Markup

from lgviz._visible import visible
from lgviz.analysis.html import page, tag
from lgviz.errors import BadMoment, MemoryConflict, SandboxEnded, WrongLoop
from lgviz.persistence import ItemChange
from lgviz.persistence.stores.timestamps import KEPT
from lgviz.sources.places import place_of

from .effects import Act, call, running_loop
from .overlay import OverlaySaver
from .overlay_store import HeldPut, OverlayStore
from .store_leaks import leaky_nodes
from .target import GraphTarget, Position, aperform, find, perform, target_of

__all__ = ["Sandbox", "aopen_sandbox", "open_sandbox", "sandbox_of"]

_CONTROL = ("__interrupt__", "__error__")


class Sandbox:
    """Checkpoints and memories over a base that is only read, until they are kept.

    Made by the first run in it; further runs and forks on its graph stay in it.

    Args:
        given: the graph that would run.
        position: the checkpoint that it starts from.

    Attributes:
        graph: a copy of the graph, over the overlays.
        start: config of the checkpoint that it started from.
        memory_as_of: the moment whose memory it reads; None where the graph has no store, or one that keeps
            no versions, or dropped those of that moment: then it reads memory as it is now.
        memory: the same in words; empty where the graph has no store.
        warnings: what cannot be held in it.
        ended: ``"kept"`` or ``"discarded"``; None while it is open.
    """

    def __init__(self, given: GraphTarget, position: Position) -> None:
        self.base = target_of(given.given)
        self.start = position.config
        self.saver = OverlaySaver(self.base.saver)
        self.saver.sandbox = self
        self.graph = copy.copy(self.base.graph)
        self.graph.checkpointer = self.saver
        self.store: OverlayStore | None = None
        self.memory_as_of: datetime | None = None
        self.memory = ""
        self.warnings: list[str] = []
        self.ended: str | None = None
        self._changes: list[ItemChange] = []
        self._stored: set[str] = set()
        if isinstance(store := self.base.graph.store, BaseStore):
            self._over(store, position)
        self.warnings += [
            f"Node {name!r} holds a store of its own: what it writes there is written."
            for name in dict.fromkeys(leaky_nodes(self.base.graph))
        ]

    def __repr__(self) -> str:
        place = place_of(self.start)
        memory = f", {self.memory}" if self.memory else ""
        return visible(f"<Sandbox {self.ended or 'open'}, thread {place.thread_id!r}{memory}>")

    def _repr_html_(self) -> str:
        facts = {self.ended or "open": self.memory, "thread": place_of(self.start).thread_id}
        told = (tag("div", warning, "lg-ask") for warning in self.warnings)
        return page("Sandbox", Markup().join(told), facts)

    def _over(self, store: BaseStore, position: Position) -> None:
        moment = position.saved.metadata.get(KEPT) or position.saved.checkpoint["ts"]
        at = datetime.fromisoformat(str(moment))
        self.graph.store = self.store = OverlayStore(store, at)
        if self.store.as_of_now:
            self.memory = f"memory as of now, for {type(store).__name__} keeps no versions"
        else:
            self.memory_as_of, self.memory = at, f"memory as of {at.astimezone():%Y-%m-%d %H:%M:%S}"

    def looked(self) -> Act[Sandbox]:
        """Itself; over memory as of now where memory of its moment is no longer known."""
        if self.store is not None and self.memory_as_of is not None:
            try:
                yield from call(self.store, "batch", [GetOp(("lgviz",), "any")])
            except BadMoment as error:
                self.graph.store = self.store = OverlayStore(self.store.base)
                self.memory_as_of, self.memory = None, f"memory as of now: {error.cause}"
        return self

    def over_overlays(self, given: GraphTarget) -> GraphTarget:
        """The graph over the overlays, to act as ``given`` does."""
        return GraphTarget(self.graph, self.saver, given.asynchronous, self.graph)

    @property
    def empty(self) -> bool:
        """Whether nothing was put into it."""
        return self.saver.empty and not self.changes()

    def changes(self) -> list[ItemChange]:
        """What became of memories in it, also once it is kept."""
        return self._changes or (self.store.changes() if self.store is not None else [])

    def memory_at(self, config: RunnableConfig) -> OverlayStore | None:
        """Memory as it was when one of its checkpoints was made; None where the graph has no store."""
        return self.store.before(self.saver.tick(config)) if self.store is not None else None

    def step_puts(self, config: RunnableConfig, parent: RunnableConfig | None) -> list[HeldPut]:
        """What was put between one of its checkpoints and that one's parent, or its beginning."""
        since = self.saver.tick(parent) if parent is not None else -1
        puts = self.store.puts() if self.store is not None else []
        return [put for put in puts if since < put.tick < self.saver.tick(config)]

    def conflicts(self) -> list[ItemChange]:
        """Memories that :meth:`keep` would overwrite though they were never read here."""
        return perform(self.base, lambda _here: self._conflicts())

    def keep(self, *, overwrite: bool = False) -> list[RunnableConfig]:
        """Store its checkpoints, with their ids, and its memories, each as written by the task that wrote it.

        Where the base moved on meanwhile, the checkpoints are a branch beside what is new. Where it is broken
        off, by a lost connection for instance, another call goes on.

        Returns:
            The configs of the checkpoints.

        Raises:
            MemoryConflict: memories were changed meanwhile; nothing was written.
            CheckpointNotFound: the checkpoint that it started from was deleted; nothing was written.
            SandboxEnded: it was kept or discarded before.
            WrongLoop: the store lives on the loop that this call would block.
        """
        home = getattr(self.store.base, "loop", None) if self.store is not None else None
        if home is not None and home is running_loop():
            raise WrongLoop(
                "The store lives on the event loop that this call would block.", "Await `akeep()`."
            )
        return perform(self.base, lambda here: self._keep(here, overwrite))

    async def akeep(self, *, overwrite: bool = False) -> list[RunnableConfig]:
        """:meth:`keep`, awaited on the caller's loop."""
        return await aperform(self.base, lambda here: self._keep(here, overwrite))

    def discard(self) -> None:
        """Forget everything in it.

        Raises:
            SandboxEnded: it was kept or discarded before.
        """
        self.check()
        self.ended = "discarded"
        self.saver.forget()
        if self.store is not None:
            self.store.discard()

    def check(self) -> None:
        """Refuse what needs it open."""
        if self.ended is not None:
            raise SandboxEnded(
                f"The sandbox was {self.ended} already.",
                "Its checkpoints are in the graph's own thread."
                if self.ended == "kept"
                else "Run in a new one.",
            )

    # ------------------------------------------------------------ keeping

    def _conflicts(self) -> Act[list[ItemChange]]:
        return (yield from self.store.conflicting()) if self.store is not None else []

    def _keep(self, here: GraphTarget, overwrite: bool) -> Act[list[RunnableConfig]]:
        """Memories and checkpoints in the order in which they were made, so that each checkpoint's moment
        knows the memories of its steps."""
        self.check()
        yield from find(here, self.start, None)
        if not overwrite and (found := (yield from self._conflicts())):
            raise MemoryConflict.of(found)
        self._changes = self.changes()
        dated = self.memory_as_of is not None and bool(self._changes)
        own = {place_of(config).checkpoint_id for config in self.saver.checkpoints()}
        for tick, (method, args) in self.saver.kept():
            if method == "put_writes":
                if place_of(args[0]).checkpoint_id in own or (yield from _is_free(here, *args[:3])):
                    yield from call(here.saver, method, *args)
                continue
            config, checkpoint, metadata, versions = args
            if checkpoint["id"] in self._stored:
                continue
            yield from self._memories(tick)
            if dated:
                metadata = cast("CheckpointMetadata", {**metadata, KEPT: _now()})
            yield from call(here.saver, method, config, checkpoint, metadata, versions)
            self._stored.add(checkpoint["id"])
        yield from self._memories(None)
        self.ended = "kept"
        return self.saver.forget()

    def _memories(self, before: int | None) -> Act[None]:
        while self.store is not None and (puts := self.store.first()):
            if before is not None and puts[0].tick > before:
                return
            yield from self.store.kept(puts)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def open_sandbox(
    graph: Any, at: Any, *, thread_id: str | None = None, config: RunnableConfig | None = None
) -> Sandbox:
    """A sandbox at a checkpoint; what its graph does stays in it. Arguments as :func:`lgviz.run` takes them.

    Raises:
        ReadOnly, NoCheckpointer, CheckpointNotFound, ThreadNotFound: as they say.
    """

    return perform(target_of(graph), lambda here: _opened(here, at, thread_id, config))


async def aopen_sandbox(
    graph: Any, at: Any, *, thread_id: str | None = None, config: RunnableConfig | None = None
) -> Sandbox:
    """:func:`open_sandbox`, awaited on the caller's loop."""
    return await aperform(target_of(graph), lambda here: _opened(here, at, thread_id, config))


def _opened(here: GraphTarget, at: Any, thread_id: str | None, config: RunnableConfig | None) -> Act[Sandbox]:
    return (yield from Sandbox(here, (yield from find(here, at, thread_id, config))).looked())


def sandbox_of(graph: Any) -> Sandbox | None:
    """The sandbox whose graph this is."""
    saver = getattr(graph, "checkpointer", None)
    found = saver.sandbox if isinstance(saver, OverlaySaver) else None
    return found if isinstance(found, Sandbox) else None


def _is_free(
    here: GraphTarget, config: RunnableConfig, writes: list[tuple[str, Any]], task_id: str
) -> Act[bool]:
    """Whether a task of the base may be given these writes: meanwhile it may have ended, or have been told
    other answers, and that stays as it is."""
    saved = yield from call(here.saver, "get_tuple", config)
    answers = dict(writes).get("__resume__")
    for task, channel, value in (saved.pending_writes if saved is not None else None) or ():
        if task != task_id or channel in _CONTROL:
            continue
        told = isinstance(value, list) and isinstance(answers, list) and answers[: len(value)] == value
        if channel != "__resume__" or not told:
            return False
    return True
