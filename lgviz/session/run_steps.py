"""The steps of one run: what is streamed, what is recorded, and what it comes to."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointMetadata
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl
from langgraph.types import Command, StateSnapshot

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.errors import NodeRefused, NothingToRun, listed
from lgviz.sources.places import place_of

from .effects import Act, call
from .interrupts import Answer, answers_of, asked_in, open_interrupts
from .plan import plan_of, replanted, root_of
from .run_result import CheckpointFinder, Run, RunError, RunEvent, Status
from .sandbox import Sandbox, sandbox_of
from .saver_errors import refusal
from .saver_proxy import SaverProxy
from .target import GraphTarget, Position, find

__all__ = ["RunSpec", "RunSteps", "Until"]

logger = logging.getLogger(__name__)
Until = str | Callable[[Checkpoint], bool] | None


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What is to be run; the arguments of :func:`lgviz.run`."""

    at: Any
    input: Any = None
    resume: Any = None
    until: Until = None
    sandbox: bool = False
    thread_id: str | None = None
    config: RunnableConfig | None = None
    context: Any = None


@dataclass
class RunSteps:
    """One run on its way. Its fields may be read from any thread.

    Attributes:
        control: asks LangGraph to stop after the nodes at work.
        working: task id to name of the nodes at work.
        made: configs of the checkpoints stored so far.
        sandbox: the sandbox that it runs in; None: it runs in the open.
    """

    spec: RunSpec
    on_event: Callable[[RunEvent], None] | None = None
    control: RunControl = field(default_factory=RunControl)
    working: dict[str, str] = field(default_factory=dict)
    made: list[RunnableConfig] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    sandbox: Sandbox | None = None
    _error: Exception | None = None
    _failed: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def act(self, given: GraphTarget) -> Act[Run]:
        """Run it.

        Raises:
            NothingToRun: the checkpoint has no next node, or no interrupt waits for the answer.
            NodeRefused: ``until`` names no node.
            CheckpointNotFound: there is no such checkpoint.
        """
        spec = self.spec
        _check_until(spec.until, given.graph)
        self.sandbox = sandbox_of(given.given)
        if self.sandbox is not None:
            self.sandbox.check()
        position = yield from find(given, spec.at, spec.thread_id, spec.config)
        base = given
        if spec.sandbox and self.sandbox is None:
            self.sandbox = yield from Sandbox(given, position).looked()
            self.warnings += self.sandbox.warnings
            base = self.sandbox.over_overlays(given)
        reader = CheckpointFinder(base.graph)
        serial = isinstance(given.saver, SaverProxy) and given.saver.serial
        here = base.with_proxy(lambda config, metadata: self._put(reader, config, metadata), serial=serial)
        position = Position(here, position.saved)
        snapshot = yield from call(here.graph, "get_state", position.config)
        if spec.resume is not None:
            start = yield from self._resume(position, snapshot)
        elif spec.input is not None:
            start = yield from self._input(position)
        else:
            start = yield from self._on(position, snapshot)
        return (yield from self._outcome(position, base, start))

    # ------------------------------------------------------------ three ways to run

    def _on(self, position: Position, snapshot: StateSnapshot) -> Act[RunnableConfig]:
        """What the checkpoint's ``next`` says."""
        if not snapshot.next:
            raise NothingToRun(
                "Nothing comes next at this checkpoint.", "Fork it as another node, or run it with an input."
            )
        plan = yield from plan_of(position, snapshot)
        self.warnings += plan.warnings
        start = yield from replanted(position)
        yield from self._stream(position, start, None)
        return start

    def _input(self, position: Position) -> Act[RunnableConfig]:
        if position.namespace:
            raise NothingToRun("An input goes to the root graph, not into a subgraph.", "Run from the root.")
        yield from self._stream(position, position.config, self.spec.input)
        return position.config

    def _resume(self, position: Position, snapshot: StateSnapshot) -> Act[RunnableConfig]:
        """Answer interrupts; where one was answered before, on a fresh fork, for LangGraph would silently
        return the old answer."""
        root = yield from root_of(position)
        above = (
            snapshot
            if root is position
            else (yield from call(position.target.graph, "get_state", root.config))
        )
        answers = answers_of(root, above, self.spec.resume)
        if all(answer.waiting for answer in answers):
            yield from self._stream(root, root.config, _command((a.interrupt.id, a.value) for a in answers))
            return root.config
        asked = []
        for answer in answers:
            asked.append((yield from asked_in(root, above, answer)))  # noqa: PERF401
        start = asked[0] if len({a.id for a in asked}) == 1 else root
        if start is not root:
            inner = yield from call(position.target.graph, "get_state", start.config)
            answers = answers_of(start, inner, {a.interrupt.id: a.value for a in answers})
        config = yield from replanted(start)
        yield from self._stream(start, config, None)
        yield from self._reply(root, answers, start is not root)
        return config

    def _reply(self, root: Position, answers: list[Answer], nested: bool) -> Act[None]:
        """Give the answers to the questions that a fresh fork asks again, older questions of a task first."""
        left = {a.place: [*a.before, a.value] for a in answers}
        while any(left.values()) and self._error is None and not self.control.drain_requested:
            head = yield from find(root.target, self._head(root.config), None)
            snapshot = yield from call(root.target.graph, "get_state", head.config)
            waiting = {i.id for i in open_interrupts(head, snapshot)}
            replies = {}
            if nested:  # one question of one subgraph: it surfaces as the only one that waits
                replies = {i: queue.pop(0) for i, queue in zip(waiting, left.values(), strict=False) if queue}
            else:
                for place, task in enumerate(snapshot.tasks):
                    asked = [i for i in task.interrupts if i.id in waiting]
                    if asked and left.get(place):
                        replies[asked[0].id] = left[place].pop(0)
            if not replies:
                self.warnings.append(
                    "The question was not asked again on the fork; the answer was not given."
                )
                return
            yield from self._stream(head, head.config, _command(replies.items()))

    def _stream(self, position: Position, start: RunnableConfig, given: Any) -> Act[None]:
        graph, spec = position.target.graph, self.spec
        acting = position.acting(spec.config, None)
        conf = {k: v for k, v in acting["configurable"].items() if not k.startswith("checkpoint_")}
        acting["configurable"] = conf | start["configurable"]
        if self.sandbox is not None:
            acting["configurable"]["__pregel_cache"] = None
        stops = graph.interrupt_before_nodes
        if isinstance(spec.until, str) and stops != "*":
            stops = [*stops, spec.until]
        streamed = call(
            graph,
            "stream",
            given,
            acting,
            context=spec.context,
            stream_mode="tasks",
            subgraphs=True,
            durability="sync",
            interrupt_before=stops or None,
            control=self.control,
            sink=self._sink,
        )
        try:
            yield from streamed
        except GraphDrained:
            pass  # stopped, as it was asked to
        except Exception as error:
            if not self.made and (refused := refusal(error)) is not None:
                raise refused from error
            self._error = error

    # ------------------------------------------------------------ what is heard

    def _sink(self, item: Any) -> None:
        where, task = item
        namespace, task_id, node = "|".join(where), task["id"], task["name"]
        with self._lock:
            if "input" in task:
                self.working[task_id] = node
                event = RunEvent("started", namespace, node, task_id)
            else:
                self.working.pop(task_id, None)
                error = str(task["error"]) if task.get("error") else None
                self._failed = self._failed or (node if error else None)
                event = RunEvent("finished", namespace, node, task_id, error=error)
        self.tell(event)

    def _put(self, reader: CheckpointFinder, config: RunnableConfig, metadata: CheckpointMetadata) -> None:
        place = place_of(config)
        with self._lock:
            self.made.append(config)
        self.tell(RunEvent("checkpoint", place.ns or "", checkpoint_id=place.checkpoint_id))
        until = self.spec.until
        stepped = metadata.get("source") == "loop" and not place.ns
        if stepped and callable(until) and until(reader.at(config)):
            self.control.request_drain("until")

    def tell(self, event: RunEvent) -> None:
        if self.on_event is None:
            return
        try:
            self.on_event(event)
        except Exception:
            logger.exception("A listener of the run raised; the run goes on.")

    # ------------------------------------------------------------ what it came to

    def _head(self, start: RunnableConfig) -> RunnableConfig:
        """The last root checkpoint made, else the one it started from."""
        with self._lock:
            made = [c for c in self.made if not place_of(c).ns]
        return made[-1] if made else start

    def _outcome(self, position: Position, base: GraphTarget, start: RunnableConfig) -> Act[Run]:
        head = yield from find(position.target, self._head(start), None)
        snapshot = yield from call(position.target.graph, "get_state", head.config)
        waiting = tuple(open_interrupts(head, snapshot))
        until = self.spec.until
        status: Status = "done"
        error = self._error
        if error is not None:
            status = "failed"
        elif waiting:
            status = "interrupted"
        elif snapshot.next:
            asked_for = self.control.drain_requested or (isinstance(until, str) and until in snapshot.next)
            status = "stopped" if asked_for else "interrupted"
        self.working.clear()
        return Run(
            status=status,
            values=snapshot.values,
            interrupts=waiting,
            error=RunError.of(error, self._failed) if error is not None else None,
            warnings=list(self.warnings),
            config=head.config,
            configs=list(self.made),
            graph=base.graph if self.sandbox is None else self.sandbox.graph,
            sandbox=self.sandbox,
        )


def _check_until(until: Until, graph: Any) -> None:
    """Refuse a node that no graph or subgraph has: the run would go past it to the end."""
    if until is None or callable(until):
        return
    graphs = [graph, *(subgraph for _, subgraph in graph.get_subgraphs(recurse=True))]
    nodes = dict.fromkeys(name for one in graphs for name in one.nodes)
    if until not in nodes:
        raise NodeRefused(
            f"The graph has no node {until!r} to stop before.",
            f"Choose {listed(nodes, last='or')}.",
        )


def _command(answers: Iterable[tuple[str, Any]]) -> Command[Any]:
    return Command(resume=dict(answers))
