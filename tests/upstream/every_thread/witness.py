"""What LangGraph did while a test ran: the graphs, threads and savers of it, and which node made which checkpoint."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.pregel import Pregel
from langgraph.pregel._loop import PregelLoop


@dataclass
class Seen:
    """A saver that a test used, and the graph of each of its threads."""

    saver: Any
    graphs: dict[str, Any] = field(default_factory=dict)


class Witness:
    """Listens to LangGraph's loop.

    Attributes:
        savers: those used since :meth:`forget`, by what they hold.
        ran: by checkpoint id the graph, or subgraph, whose run made it.
        made: by checkpoint id the names of the tasks whose writes made it, as the debug stream told them.
        earlier: by checkpoint id the names of the tasks that were called in earlier runs of the step that made
            it, and not again in the last: who called them was not run again.
        before: by checkpoint id the one that its step started from, stored or not.
        updated: by checkpoint id the ``as_node`` that an update was made as.
        triggers: by task id the channels that trigger its node.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.savers: dict[int, Seen] = {}
        self.ran: dict[str, Any] = {}
        self._runs: dict[int, Any] = {}
        self.made: dict[str, tuple[str, ...]] = {}
        self.before: dict[str, str] = {}
        self.updated: dict[str, tuple[str | None, ...]] = {}
        self.earlier: dict[str, tuple[str, ...]] = {}
        self.triggers: dict[str, set[str]] = {}
        self._told: dict[str, dict[str, str]] = defaultdict(dict)
        self._called: dict[str, dict[str, str]] = defaultdict(dict)

    def listen(self) -> None:
        """Put ears into LangGraph, for good."""
        self._wrap(Pregel, "_defaults", self._on_run)
        for name in ("bulk_update_state", "abulk_update_state"):
            self._wrap(Pregel, name, self._on_update)
        self._wrap(PregelLoop, "_emit", self._on_event)
        self._wrap_loop()

    @staticmethod
    def _wrap(owner: type, name: str, ear: Callable[..., None]) -> None:
        plain = getattr(owner, name)

        @wraps(plain)
        def heard(self: Any, *args: Any, **kwargs: Any) -> Any:
            ear(self, *args, **kwargs)
            return plain(self, *args, **kwargs)

        setattr(owner, name, heard)

    def _wrap_loop(self) -> None:
        tick, put, push = PregelLoop.after_tick, PregelLoop._put_checkpoint, PregelLoop.accept_push

        @wraps(tick)
        def after_tick(loop: Any) -> None:
            told = self._told[loop.checkpoint["id"]]
            names = tuple(told.get(id_, task.name) for id_, task in loop.tasks.items())
            called = self._called[loop.checkpoint["id"]]
            before = loop.checkpoint["id"]
            try:
                tick(loop)
            finally:  # an `interrupt_after` is raised once the checkpoint is made
                if loop.checkpoint["id"] != before:
                    self.made[loop.checkpoint["id"]] = names
                    self.earlier[loop.checkpoint["id"]] = tuple(
                        name for id_, name in called.items() if id_ not in loop.tasks
                    )

        @wraps(push)
        def accept_push(loop: Any, task: Any, index: int, call: Any = None) -> Any:
            pushed = push(loop, task, index, call)
            if call is not None and pushed is not None:
                self._called[loop.checkpoint["id"]][pushed.id] = pushed.name
            return pushed

        @wraps(put)
        def put_checkpoint(loop: Any, *args: Any) -> None:
            before = loop.checkpoint["id"]
            put(loop, *args)
            self.ran[loop.checkpoint["id"]] = self._runs.get(id(loop.nodes))
            if loop.checkpoint["id"] != before:
                self.before[loop.checkpoint["id"]] = before

        PregelLoop.after_tick = after_tick
        PregelLoop._put_checkpoint = put_checkpoint
        PregelLoop.accept_push = accept_push

    def makers(self, id_: str, parent: str | None) -> list[tuple[str, ...]]:
        """The names of each step between two checkpoints, the last one last; more than one with ``durability="exit"``."""
        steps = []
        while id_ and id_ != parent:
            steps.append(self.made.get(id_, ()))
            id_ = self.before.get(id_, "")
        return steps[::-1]

    def _on_event(self, loop: Any, mode: str, values: Any, *args: Any, **kwargs: Any) -> None:
        """The names that ``stream_mode="debug"`` gives, whatever the test streams."""
        if mode != "tasks":
            return
        for event in values(*args, **kwargs):
            self._told[loop.checkpoint["id"]][event["id"]] = event["name"]
            if "triggers" in event:
                self.triggers[event["id"]] = set(event["triggers"])

    def _on_run(self, graph: Any, config: Any, **kwargs: Any) -> None:
        self._note(graph, config)
        self._runs[id(graph.nodes)] = graph

    def _on_update(self, graph: Any, config: Any, supersteps: Any = (), **kwargs: Any) -> None:
        self._note(graph, config)

    def _note(self, graph: Any, config: Any) -> None:
        configurable = (config or {}).get("configurable") or {}
        saver = configurable.get("__pregel_checkpointer") or graph.checkpointer
        if configurable.get("__pregel_task_id") or configurable.get("checkpoint_ns"):
            return  # a subgraph's
        thread = configurable.get("thread_id") or (getattr(graph, "config", None) or {}).get(
            "configurable", {}
        ).get("thread_id")
        if thread is not None and isinstance(saver, BaseCheckpointSaver):
            seen = self.savers.setdefault(held_by(saver), Seen(saver))
            seen.graphs[str(thread)] = graph


def held_by(saver: Any) -> int:
    """The same for clones of a saver that share what they hold."""
    for name in ("storage", "conn", "engine"):
        try:
            return id(getattr(saver, name))
        except AttributeError:
            continue
    return id(saver)
